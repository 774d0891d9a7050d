//! Labelling and tuning with a real browser: pairs are labelled blind by keyboard, and another model is tried, put in
//! force and taken back.

use empi_tests::{Browser, Folder, Server, add_user};

use crate::registration::{alice, robert};

/// An index of a few people, and a server with the people of the office.
async fn office(folder: &Folder) -> Server {
    let data = folder.path("data");
    for (name, role) in [("lena", "lead-steward"), ("ines", "steward"), ("omar", "steward")] {
        add_user(&data, name, role);
    }
    let server = Server::start_with_pages(&data, &[]);
    let mut desk = server.desk().await;
    for (source, record) in [("north", "1"), ("south", "2"), ("west", "3")] {
        let _ = desk.register(robert().record(source, record)).await;
        let _ = desk.register(alice().record(source, &format!("a{record}"))).await;
    }
    let twin = robert().with("given_name", "Samuel").without("ssn");
    let _ = desk.register(twin.record("south", "4")).await;
    server
}

fn sign_out(browser: &Browser) {
    browser.click("form[action='/sign-out'] button");
    browser.element("#password");
}

/// Which pair is shown, once the page is there with its script; nothing where none waits.
fn place(browser: &Browser) -> String {
    browser.wait("a whole page", |browser| {
        let shown = browser.run(
            "return document.readyState === 'complete' ? \
             (document.querySelector('.answers input[name=place]')?.value ?? 'none') : null",
            &serde_json::json!([]),
        );
        shown.as_str().map(str::to_owned)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn pairs_are_labelled_blind_by_two_and_links_are_measured() {
    let folder = Folder::new();
    let server = office(&folder).await;
    let before = server.stats().await;
    let browser = Browser::start(1280, 900);
    browser.sign_in_first(&server, "lena");
    browser.visit(&server, "/labels");
    browser.shows("main", "No pairs are drawn yet");
    browser.click("form[action='/labels'] button");
    browser.shows("main", "Sample 1");
    sign_out(&browser);
    for steward in ["ines", "omar"] {
        browser.sign_in_first(&server, steward);
        browser.visit(&server, "/labels");
        browser.keys("n");
        browser.shows("main h1", "Is this one person?");
        let page = browser.text("main");
        for told in ["bits", "Evidence", "Person", "Linked", "enterprise"] {
            assert!(!page.contains(told), "the page tells {told}");
        }
        // The first was wrong: one key, and it waits again.
        let _ = place(&browser);
        browser.keys("n");
        browser.shows(".notice", "Labelled: cannot be told");
        let _ = place(&browser);
        browser.keys("u");
        browser.shows(".notice", "Taken back");
        loop {
            let _ = place(&browser);
            let text = browser.text("main");
            if text.contains("Nothing waits for you") {
                break;
            }
            let before = place(&browser);
            browser.keys(if text.contains("Samuel") { "d" } else { "s" });
            browser.wait("the next pair", |browser| (place(browser) != before).then_some(()));
        }
        sign_out(&browser);
    }
    browser.sign_in_with(&server, "ines", empi_tests::PASSWORD);
    browser.visit(&server, "/quality");
    browser.wait("the estimates", |browser| {
        browser.visit(&server, "/quality");
        let text = browser.text("main");
        let found = |line: &str| {
            text.lines().any(|shown| shown.starts_with(line) && shown.contains("100.00"))
        };
        (found("Precision of links") && text.contains("Agreement on blind labels")).then_some(())
    });
    let after = server.stats().await;
    assert_eq!(
        (after.events, after.persons),
        (before.events, before.persons),
        "labels change nobody"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_model_is_tried_put_in_force_and_taken_back() {
    let folder = Folder::new();
    let server = office(&folder).await;
    let browser = Browser::start(1280, 900);
    browser.sign_in_first(&server, "lena");
    browser.visit(&server, "/tuning");
    browser.shows("main", "Nothing is counted yet");
    browser.click("form[action='/tuning/count'] button");
    browser.element("svg.weights");
    browser.shows("#thresholds table", "by the model itself, without limits");
    // The same model on the same data.
    browser.click("form[action='/tuning/replay'] button");
    browser.shows("#trial", "Nothing: every person is as this model sees it.");
    // The threshold is moved by a key, and keeps the focus.
    browser.visit(&server, "/tuning?link=59.5");
    browser.run("document.getElementById('link').focus()", &serde_json::json!([]));
    browser.keys("\u{e014}");
    browser.wait("the threshold moved", |browser| browser.url().contains("link=60").then_some(()));
    browser.shows("#thresholds", "+60.0");
    browser.click("form[action='/tuning/replay'] button");
    browser.shows("#trial", "What us-default/2 would change");
    let persons = server.stats().await.persons;
    assert_eq!(persons, 3, "a trial changes nothing");
    browser.type_into("#promote-note", "to see what is left");
    browser.click("form[action='/tuning/promote'] button");
    browser.shows("main", "Persons were brought into line with us-default/2");
    browser.shows("main", "to see what is left");
    assert_eq!(server.stats().await.persons, 7);
    browser.click("form.back button");
    browser.shows("main", "Persons were brought into line with us-default/1");
    assert_eq!(server.stats().await.persons, persons);
    // A model from a file: it is read into the form, and what is wrong with it is said.
    let model = include_str!("../../crates/empi-linkage/src/model/us-default.toml");
    let file = folder.write("mine.toml", model.replace("us-default", "mine"));
    browser.type_into("#file", &file);
    browser.wait("the file in the form", |browser| {
        let length = browser
            .run("return document.getElementById('model').value.length", &serde_json::json!([]));
        (length.as_u64() > Some(1000)).then_some(())
    });
    browser.click("form[action='/tuning/replay']:has(textarea) button");
    browser.shows("#trial", "What mine/1 would change");
    browser.type_into("#model", "link = 7");
    browser.click("form[action='/tuning/replay']:has(textarea) button");
    browser.shows("main", "The model file cannot be read");
    assert_eq!(server.stop().code, Some(0));
    let _ = empi_tests::empi(&["verify", "--data", &folder.path("data")]).succeeded();
}
