//! Hostile values in every field, on every page: nothing executes, nothing breaks out of its place.

use empi_tests::{Browser, Folder, PASSWORD, Patient, Server, add_user};
use serde_json::json;

/// What people put into fields to make a page run it, a spreadsheet compute it, or a terminal obey it.
const PAYLOADS: [&str; 27] = [
    "<script>window.pwned=1</script>",
    "</script><script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    "\"><img src=x onerror=window.pwned=1>",
    "'><svg onload=window.pwned=1>",
    "<svg><script>window.pwned=1</script></svg>",
    "</title><script>window.pwned=1</script>",
    "</textarea><script>window.pwned=1</script>",
    "<iframe srcdoc='<script>parent.pwned=1</script>'>",
    "<a href=javascript:window.pwned=1>x</a>",
    "javascript:window.pwned=1",
    "\" onfocus=window.pwned=1 autofocus x=\"",
    "' onmouseover=window.pwned=1 '",
    "` onclick=window.pwned=1 `",
    "<style>*{background:url(//evil.example)}</style>",
    "<link rel=stylesheet href=//evil.example>",
    "<base href=//evil.example>",
    "<meta http-equiv=refresh content=0;url=//evil.example>",
    "<form action=//evil.example><input name=csrf>",
    "<!--",
    "]]>",
    "{{7*7}}${7*7}",
    "=HYPERLINK(\"//evil.example\")",
    "+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\u{202e}gnp.exe\u{1b}[2J\u{7}\u{7f}",
    "\r\nSet-Cookie: a=b\t\u{0b}",
];

/// The fields that take any text, each of which gets every payload.
const FIELDS: [&str; 19] = [
    "given_name",
    "middle_name",
    "family_name",
    "suffix",
    "ssn",
    "street",
    "unit",
    "city",
    "state",
    "postal_code",
    "country",
    "phone",
    "email",
    "identifier",
    "mother_maiden_name",
    "guardian_name",
    "birth_place",
    "birth_order",
    "sex",
];

fn hostile(payload: &str, number: usize) -> Patient {
    let day = format!("19{}-0{}-1{}", 40 + number, 1 + number % 9, number % 10);
    let mut patient = Patient::new(&[("birth_date", day.as_str())]);
    for field in FIELDS {
        let value = match field {
            "identifier" => format!("{payload}:{payload}{number}"),
            _ => payload.to_owned(),
        };
        patient = patient.with(field, value);
    }
    patient
}

/// What a page must not have, whatever stands on it.
const CHECK: &str = "return [window.pwned === undefined, document.scripts.length, \
    document.querySelectorAll('img,iframe,object,embed,base,style,main link,main meta,[onerror],[onload],[onclick],[onfocus],[onmouseover],[style]').length, \
    [...document.querySelectorAll('a,form')].filter(e => ![location.origin].includes(new URL(e.href || e.action, location).origin)).length]";

#[track_caller]
fn assert_harmless(browser: &Browser, path: &str) {
    assert_eq!(browser.run(CHECK, &json!([])), json!([true, 1, 0, 0]), "{path}");
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_hostile_values_execute_nowhere() {
    assert!(PAYLOADS.len() * FIELDS.len() >= 500);
    let folder = Folder::new();
    let data = folder.path("data");
    add_user(&data, "ines", "steward");
    add_user(&data, "lena", "lead-steward");
    let server = Server::start_with_pages(&data, &[]);
    let (mut desk, mut pages) =
        (server.desk().await, vec!["/worklist".to_owned(), "/quality".to_owned()]);
    for (number, payload) in PAYLOADS.iter().enumerate() {
        // The same patient with another given name: perhaps twins, a question for a steward.
        let patient = hostile(payload, number);
        let source = format!("{payload}<b>{number}");
        let other = format!("{payload}{number}");
        let one = desk.register(patient.record(&source, &other)).await;
        let twin =
            patient.with("given_name", format!("{payload} Samuel")).with("phone", "617-555-8123");
        let two = desk.register(twin.record("south", &other)).await;
        let persons = [&one.enterprise_id, &two.enterprise_id];
        pages.extend(persons.map(|id| format!("/persons/{id}")));
        pages.extend(two.tasks.iter().map(|task| format!("/tasks/{task}")));
    }
    assert!(pages.iter().any(|page| page.starts_with("/tasks/")), "some raise questions");
    let browser = Browser::start(1280, 900);
    browser.sign_in_first(&server, "ines");
    for page in &pages {
        browser.visit(&server, page);
        assert_harmless(&browser, page);
        assert!(!browser.title().contains('<'), "{page}");
    }
    look_at_the_laboratory(&browser, &server);
    for payload in PAYLOADS.iter().filter(|payload| !payload.contains(char::is_control)) {
        browser.visit(&server, "/search");
        browser.type_into("#text", payload);
        browser.click("form.search button");
        browser.element("main");
        assert_harmless(&browser, payload);
    }
}

/// A lead steward has hostile records drawn and labels one pair, and tries a model with a hostile name, which takes
/// apart whom it can.
fn look_at_the_laboratory(browser: &Browser, server: &Server) {
    browser.click("form[action='/sign-out'] button");
    browser.element("#password");
    browser.sign_in_first(server, "lena");
    browser.visit(server, "/labels");
    browser.click("form[action='/labels'] button");
    browser.shows("main", "Sample 1");
    browser.visit(server, "/labels/next");
    assert_harmless(browser, "/labels/next");
    browser.click("button[value=unsure]");
    browser.shows(".notice", "Labelled");
    assert_harmless(browser, "the next pair");
    let model = include_str!("../../crates/empi-linkage/src/model/us-default.toml");
    let at = model.find("\nlink = ").unwrap() + 1;
    let line = model[at..].lines().next().unwrap();
    let strict = model.replacen(line, "link = 60.0", 1);
    let name = "name = \"us-default\"";
    assert!(strict.contains(name));
    let replay = |model: String| {
        browser.visit(server, "/tuning");
        browser.run("document.getElementById('model').value = arguments[0]", &json!([model]));
        browser.click("form[action='/tuning/replay']:has(textarea) button");
    };
    for payload in ["<script>window.pwned=1</script>", "'><img src=x onerror=window.pwned=1>"] {
        replay(strict.replacen(name, &format!("name = \"{payload}\""), 1));
        browser.shows("main", "its name must be");
        assert_harmless(browser, payload);
        replay(format!("{payload} = 1\n{strict}"));
        browser.shows("main", "The model file cannot be read");
        assert_harmless(browser, payload);
    }
    replay(strict.replacen(name, "name = \"strict\"", 1));
    browser.shows("#trial", "What strict/1 would change");
    assert_harmless(browser, "a trial");
    let note: String = PAYLOADS.iter().flat_map(|it| it.chars()).take(500).collect();
    browser.run("document.getElementById('promote-note').value = arguments[0]", &json!([note]));
    browser.click("form[action='/tuning/promote'] button");
    browser.shows("main", "Persons were brought into line");
    assert_harmless(browser, "a promotion");
    browser.click("form[action='/sign-out'] button");
    browser.element("#password");
    browser.sign_in_with(server, "ines", PASSWORD);
    browser.visit(server, "/quality");
    assert_harmless(browser, "/quality");
}
