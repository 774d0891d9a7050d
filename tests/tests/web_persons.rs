//! Persons with a real browser: searched for, looked at, split, and put back.

use empi_tests::{Browser, Folder, Server, add_user};

use crate::registration::robert;

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_searched_for_looked_at_and_split() {
    let folder = Folder::new();
    let data = folder.path("data");
    add_user(&data, "ines", "steward");
    let server = Server::start_with_pages(&data, &[]);
    let mut desk = server.desk().await;
    let first = desk.register(robert().record("north", "1")).await;
    let second = desk.register(robert().record("south", "2")).await;
    assert_eq!(first.enterprise_id, second.enterprise_id);
    let browser = Browser::start(1280, 900);
    browser.sign_in_first(&server, "ines");
    browser.keys("/");
    browser.element("#text");
    browser.type_into("#text", "okafor rob 1980\u{e007}");
    browser.shows("table.hits", &first.enterprise_id);
    assert!(browser.url().ends_with("/search"), "what was typed stands in no address");
    browser.click("table.hits tbody th a");
    browser.shows("main h1", &first.enterprise_id);
    browser.element("svg.graph .bridge");
    browser.shows(".timeline", "Registered");
    browser.keys("x");
    browser.shows(".outlook", "1 record moves");
    browser.keys("\u{e007}");
    browser.shows(".notice", "Split");
    browser.shows(".timeline", "by ines");
    assert_eq!(server.stats().await.persons, 2);
    browser.keys("u");
    browser.shows(".notice", "is undone");
    assert_eq!(server.stats().await.persons, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_persons_are_compared_and_kept_apart() {
    let folder = Folder::new();
    let data = folder.path("data");
    add_user(&data, "ines", "steward");
    let server = Server::start_with_pages(&data, &[]);
    let mut desk = server.desk().await;
    let one = desk.register(robert().record("north", "1")).await.enterprise_id;
    let twin = robert().with("given_name", "Samuel").without("ssn");
    let two = desk.register(twin.record("south", "2")).await.enterprise_id;
    let browser = Browser::start(1280, 900);
    browser.sign_in_first(&server, "ines");
    browser.visit(&server, &format!("/persons/{one}"));
    browser.type_into("#other", &format!("{two}\u{e007}"));
    browser.shows(".reasons", "asks a steward");
    browser.shows("table.compare", "Birth date");
    browser.keys("w");
    browser.shows("details[open]", "Together");
    browser.click("form.undo:nth-of-type(2) button");
    browser.shows(".outlook", "Scoring never joins the two again");
    browser.click(".outlook button");
    browser.shows(".notice", "Kept apart");
    let server_says = server.empi(&["person", &two, "--json"]).json();
    assert_eq!(server_says["enterprise_id"], two.as_str());
    assert_eq!(browser.title(), "Person \u{b7} empi");
}
