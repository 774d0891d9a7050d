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
async fn a_steward_chooses_whose_value_survives_and_takes_it_back() {
    let folder = Folder::new();
    let data = folder.path("data");
    for (name, role) in [("ines", "steward"), ("auden", "auditor")] {
        add_user(&data, name, role);
    }
    let server = Server::start_with_pages(&data, &[]);
    let mut desk = server.desk().await;
    let _ = desk.register(robert().record("north", "1")).await;
    let moved = robert().with("street", "7 Oak Avenue");
    let person = desk.register(moved.record("south", "2")).await.enterprise_id;
    let page = format!("/persons/{person}");
    let street = || {
        let told = server.empi(&["person", &person, "--json"]).json();
        told["golden"]["fields"]["street"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(street(), "7 Oak Avenue", "the most recent");
    let browser = Browser::start(1280, 900);
    browser.sign_in_first(&server, "ines");
    browser.visit(&server, &page);
    browser.click(".offer summary");
    browser.shows(".offer", "12 Elm Street");
    browser.click(".offer input[value='0']");
    browser.click(".offer button");
    // What would happen is shown first, and nothing has happened.
    browser.shows(".outlook", "Value chosen");
    browser.shows(".outlook table", "12 Elm Street");
    assert_eq!(street(), "7 Oak Avenue");
    browser.keys("\u{e007}");
    browser.shows(".notice", "Value chosen");
    browser.shows("main", "chosen by ines");
    assert_eq!(street(), "12 Elm Street");
    // Left to the rule again, and that is undone by a key.
    browser.click(".offer summary");
    browser.click(".offer input[value='']");
    browser.click(".offer button");
    browser.shows(".outlook table", "7 Oak Avenue");
    browser.keys("\u{e007}");
    browser.shows(".notice", "Value chosen");
    assert_eq!(street(), "7 Oak Avenue");
    browser.keys("u");
    browser.shows(".notice", "is undone");
    assert_eq!(street(), "12 Elm Street");
    // Who only looks is offered nothing.
    browser.click("form[action='/sign-out'] button");
    browser.element("#password");
    browser.sign_in_first(&server, "auden");
    browser.visit(&server, &page);
    browser.shows("main", "chosen by ines");
    assert!(browser.find(".offer").is_none());
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
