//! The quality board with a real browser: it shows what was done, in figures and in words.

use empi_tests::{Browser, Folder, Server, add_user};

use crate::registration::robert;

/// Opens the board again and again, until it shows what was done meanwhile. Each time is a round trip, and the
/// server counts anew as often as that is cheap.
#[track_caller]
fn shows(browser: &Browser, server: &Server, line: &str, number: &str) {
    browser.wait(&format!("{number} in the line {line}"), |browser| {
        browser.visit(server, "/quality");
        let text = browser.text("main");
        let found = text.lines().find(|shown| shown.starts_with(line) && shown.contains(number));
        found.map(|_| ())
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quality_board_shows_what_was_done() {
    let folder = Folder::new();
    let data = folder.path("data");
    add_user(&data, "ines", "steward");
    let server = Server::start_with_pages(&data, &[]);
    let mut desk = server.desk().await;
    let _ = desk.register(robert().record("north", "1")).await;
    let twin = robert().with("given_name", "Samuel").without("ssn");
    let asked = desk.register(twin.record("north", "2")).await.tasks[0];
    let browser = Browser::start(1280, 900);
    browser.sign_in_first(&server, "ines");
    browser.shows("nav", "Quality");
    shows(&browser, &server, "Possible duplicates waits", "2 2 100.00");
    assert_eq!(browser.title(), "Quality · empi");
    browser.visit(&server, &format!("/tasks/{asked}"));
    browser.click("button[value=same]");
    browser.shows(".notice", "same person");
    shows(&browser, &server, "Possible duplicates waits", "0 2 0.00");
    shows(&browser, &server, "Duplicate rate", "2 2 100.00");
    shows(&browser, &server, "Same-source duplicate", "0 1 1 1 1");
    browser.keys("l");
    browser.visit(&server, "/quality");
    browser.click("details summary");
    browser.shows("details table", "Settled without an answer");
}
