//! What two people must want, with a real browser: proposed by one, approved by another, in light and dark.

use empi_tests::{Browser, Folder, Server, add_user_with};

use crate::encryption::new_key;
use crate::registration::robert;
use crate::web_axe::assert_accessible;

fn change_user(browser: &Browser, server: &Server, name: &str) {
    browser.click("form[action='/sign-out'] button");
    browser.element("#password");
    browser.sign_in_first(server, name);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_steward_proposes_and_another_approves() {
    let folder = Folder::new();
    let (key, _) = new_key(&folder, "a.key");
    let data = folder.path("data");
    for name in ["lena", "nora"] {
        add_user_with(&data, name, "lead-steward", &["--key-file", &key]);
    }
    let server = Server::start_with_pages(&data, &["--key-file", &key]);
    let mut desk = server.desk().await;
    let person = desk.register(robert().record("north", "1")).await.enterprise_id;
    let browser = Browser::start(1280, 900);
    browser.sign_in_first(&server, "lena");
    browser.visit(&server, &format!("/persons/{person}"));
    browser.click("a[href$='/erase']");
    browser.shows("main", "It cannot be undone");
    assert_accessible(&browser, "/persons/…/erase");
    browser.type_into("#note", "letter of 3 May");
    browser.click(".outlook button.primary");
    browser.shows(".notice", "waits for somebody else");
    browser.shows("main", "It is yours");
    change_user(&browser, &server, "nora");
    browser.shows("nav a[href='/approvals']", "1");
    for _ in ["automatic", "light", "dark"] {
        for page in ["/approvals", "/approvals/1"] {
            browser.visit(&server, page);
            browser.shows("main", &person);
            assert_accessible(&browser, page);
        }
        browser.click("form[action='/theme'] button");
        browser.shows("main h1", "Overview");
    }
    browser.visit(&server, "/approvals/1");
    browser.click("button[value='approve']");
    browser.shows(".notice", "Proposal 1 is approved");
    browser.shows("main", "approved by nora");
    browser.element("a[href$='certificate.json']");
    assert_accessible(&browser, "/approvals/1 approved");
    assert!(browser.find("nav .tag").is_none(), "nothing waits any more");
    server.empi(&["person", &person]).failed(1, &["was erased with event"]);
    let _ = server.stop();
}
