//! Every page is checked by axe-core, in light and dark, and has no serious finding.

use empi_tests::{Browser, Folder, PASSWORD, Server, add_user};
use serde_json::json;

use crate::registration::robert;

/// axe-core 4.14.1 by Deque Systems (MPL-2.0), as its package has it.
const AXE: &str = include_str!("../axe/axe.min.js");

const RUN: &str = "const done = arguments[arguments.length - 1]; \
    axe.run(document, {resultTypes: ['violations']}).then(found => done(found.violations \
    .filter(one => ['serious', 'critical'].includes(one.impact)) \
    .map(one => one.id + ': ' + one.nodes.slice(0, 3).map(node => node.html).join(' | '))), \
    failure => done(['axe failed: ' + failure]));";

#[track_caller]
pub(crate) fn assert_accessible(browser: &Browser, page: &str) {
    browser.run(AXE, &json!([]));
    assert_eq!(browser.run_async(RUN, &json!([])), json!([]), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_has_a_serious_finding() {
    let folder = Folder::new();
    let data = folder.path("data");
    for (name, role) in [
        ("root", "administrator"),
        ("ines", "steward"),
        ("lena", "lead-steward"),
        ("greta", "auditor"),
    ] {
        add_user(&data, name, role);
    }
    let server = Server::start_with_pages(&data, &[]);
    let mut desk = server.desk().await;
    let person = desk.register(robert().record("north", "1")).await.enterprise_id;
    let moved = robert().with("street", "7 Oak Avenue");
    let _ = desk.register(moved.record("south", "2")).await;
    let twin = robert().with("given_name", "Samuel").without("ssn");
    let task = desk.register(twin.record("south", "3")).await.tasks[0];
    let browser = Browser::start(1280, 900);
    browser.visit(&server, "/sign-in");
    assert_accessible(&browser, "/sign-in");
    browser.sign_in_first(&server, "root");
    browser.visit(&server, "/users");
    assert_accessible(&browser, "/users");
    browser.click("form[action='/sign-out'] button");
    browser.element("#password");
    browser.sign_in_first(&server, "ines");
    for _ in ["automatic", "light", "dark"] {
        for page in [
            "/",
            "/password",
            "/worklist",
            &format!("/tasks/{task}"),
            "/search",
            "/quality",
            &format!("/persons/{person}"),
        ] {
            browser.visit(&server, page);
            assert_accessible(&browser, page);
        }
        browser.visit(&server, "/search");
        browser.type_into("#text", "okafor\u{e007}");
        browser.element("table.hits");
        assert_accessible(&browser, "search results");
        browser.visit(&server, &format!("/persons/{person}"));
        browser.click(".offer summary");
        browser.click(".offer input[type=radio]:enabled");
        assert_accessible(&browser, "values to choose from");
        browser.click(".offer button");
        browser.shows(".outlook", "Best view");
        assert_accessible(&browser, "what will happen");
        browser.click("form[action='/theme'] button");
        browser.shows("main h1", "Overview");
    }
    look_at_the_laboratory(&browser, &server);
    browser.click("form[action='/sign-out'] button");
    browser.element("#password");
    browser.sign_in_first(&server, "greta");
    browser.visit(&server, "/audit");
    browser.shows("table.rows", "register records");
    assert_accessible(&browser, "/audit");
    look_at_an_emergency(&browser, &server, &person);
}

/// A person who is not to be shared, seen by a steward in an emergency that an auditor looks at.
fn look_at_an_emergency(browser: &Browser, server: &Server, person: &str) {
    let as_somebody = |name: &str| {
        browser.click("form[action='/sign-out'] button");
        browser.element("#password");
        browser.sign_in_with(server, name, PASSWORD);
        browser.shows("main h1", "Overview");
        browser.visit(server, &format!("/persons/{person}"));
    };
    as_somebody("ines");
    browser.click("input[name='not-shared']");
    browser.click("form[action$='/consent'] button");
    browser.shows("main", "are not to be shared with you");
    assert_accessible(browser, "somebody who is not shown");
    browser.type_into("#emergency-reason", "unconscious in the emergency room");
    browser.type_into("#emergency-password", &format!("{PASSWORD}\u{e007}"));
    browser.shows(".wish", "in an emergency, until");
    assert_accessible(browser, "somebody who is shown in an emergency");
    as_somebody("greta");
    browser.shows(".wish", "not to be shared");
    browser.visit(server, "/emergencies");
    browser.shows("main", "unconscious in the emergency room");
    assert_accessible(browser, "/emergencies");
    browser.type_into("#note-1", "seen in the chart");
    browser.click("button[name='justified'][value='yes']");
    browser.shows("table.rows", "seen in the chart");
    assert_accessible(browser, "/emergencies looked at");
}

/// The pages of a lead steward: labels and tuning, before and after something was tried.
fn look_at_the_laboratory(browser: &Browser, server: &Server) {
    browser.click("form[action='/sign-out'] button");
    browser.element("#password");
    browser.sign_in_first(server, "lena");
    browser.visit(server, "/labels");
    assert_accessible(browser, "/labels without pairs");
    browser.click("form[action='/labels'] button");
    browser.shows("main", "Sample 1");
    browser.visit(server, "/tuning?link=60");
    browser.click("form[action='/tuning/replay'] button");
    browser.shows("#trial", "would change");
    browser.click("form[action='/tuning/promote'] button");
    browser.shows("main", "Persons were brought into line");
    browser.visit(server, "/tuning?link=7");
    browser.click("form[action='/tuning/replay'] button");
    browser.shows("#trial", "would change");
    for _ in ["automatic", "light", "dark"] {
        for page in ["/labels", "/labels/next", "/tuning?link=7", "/quality"] {
            browser.visit(server, page);
            assert_accessible(browser, page);
        }
        browser.click("form[action='/theme'] button");
        browser.shows("main h1", "Overview");
    }
}
