//! A steward's day with a real browser: the worklist, ten decisions by keyboard alone, the way back, splitting,
//! a held update, searching, and two stewards who want the same question.

use empi_tests::{Browser, Folder, Patient, Server, add_user, empi, http};

use crate::registration::robert;

/// Pairs of records that scoring leaves to a steward: perhaps twins.
const PAIRS: usize = 12;

const FAMILIES: [&str; PAIRS] = [
    "Okafor",
    "Lindqvist",
    "Marchetti",
    "Yamamoto",
    "Dombrowski",
    "Papadakis",
    "Oyelaran",
    "Castellano",
    "Vandermeer",
    "Thorvaldsen",
    "Benedetti",
    "Kowalczyk",
];

/// Two who may be twins: one birth date, one home, two given names.
fn twins(at: usize) -> [Patient; 2] {
    let day = format!("19{}-0{}-1{}", 60 + at, 1 + at % 9, at % 10);
    let street = format!("{} Harbour Street", 100 + at);
    let phone = format!("617-555-{:04}", 8100 + at);
    ["Samuel", "Robert"].map(|given| {
        Patient::new(&[
            ("given_name", given),
            ("family_name", FAMILIES[at]),
            ("birth_date", day.as_str()),
            ("sex", "M"),
            ("street", street.as_str()),
            ("postal_code", "02139"),
            ("phone", phone.as_str()),
        ])
    })
}

/// An index with questions, and a server with the people of the office.
fn office(folder: &Folder) -> Server {
    let data = folder.path("data");
    for (name, role) in [("root", "administrator"), ("ines", "steward"), ("omar", "steward")] {
        add_user(&data, name, role);
    }
    Server::start_with_pages(&data, &[])
}

pub(crate) async fn ask_about_twins(server: &Server, count: usize) {
    let mut desk = server.desk().await;
    for at in 0..count {
        let [one, other] = twins(at);
        let _ = desk.register(one.record("north", &format!("n{at}"))).await;
        let asked = desk.register(other.record("south", &format!("s{at}"))).await;
        assert_eq!(asked.tasks.len(), 1, "a question is raised");
    }
}

/// The number of the question that the page shows.
fn task(browser: &Browser) -> String {
    browser.wait("a question", |browser| {
        let url = browser.url();
        let (_, task) = url.split_once("/tasks/")?;
        Some(task.to_owned())
    })
}

/// Waits until the page shows another question than one.
fn next_after(browser: &Browser, before: &str) -> String {
    browser.wait("the next question", |browser| {
        let url = browser.url();
        let (_, task) = url.split_once("/tasks/")?;
        (task != before).then(|| task.to_owned())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_questions_are_answered_by_keyboard_alone_and_one_is_undone() {
    let folder = Folder::new();
    let server = office(&folder);
    ask_about_twins(&server, PAIRS).await;
    let browser = Browser::start(1280, 900);
    browser.sign_in_first(&server, "ines");
    browser.visit(&server, "/worklist");
    browser.shows("table.worklist", "perhaps twins");
    browser.keys("n");
    let mut at = task(&browser);
    let mut answered = Vec::new();
    for round in 0..10 {
        browser.shows("table.compare", "Birth date");
        browser.keys(if round % 2 == 0 { "d" } else { "s" });
        answered.push(at.clone());
        at = next_after(&browser, &at);
    }
    let open = server.stats().await.open_tasks;
    assert_eq!(open, 2);
    // The last one was wrong: one key, and the question waits again.
    browser.keys("u");
    browser.wait("the question that was answered", |browser| {
        browser.url().ends_with(&format!("/tasks/{}", answered[9])).then_some(())
    });
    browser.shows(".notice", "is undone");
    assert_eq!(server.stats().await.open_tasks, 3);
    // Help is a key away, and the page itself says no patient's name in its title or address.
    browser.keys("?");
    browser.shows("dialog[open]", "Same person");
    browser.keys("\u{e00c}");
    assert_eq!(browser.title(), "Task · empi");
    drop(browser);
    assert_eq!(server.stop().code, Some(0));
    let _ = empi(&["verify", "--data", &folder.path("data")]).succeeded();
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_that_compare_alike_are_answered_together_and_put_back() {
    let folder = Folder::new();
    add_user(&folder.path("data"), "lena", "lead-steward");
    let server = office(&folder);
    ask_about_twins(&server, 5).await;
    let browser = Browser::start(1280, 900);
    browser.sign_in_first(&server, "lena");
    browser.visit(&server, "/worklist");
    browser.keys("n");
    browser.shows("a.alike", "5 questions compare like this one");
    browser.click("a.alike");
    browser.shows("main h1", "5 questions compare alike");
    browser.shows("table.compare", "Birth date");
    // One of them compares otherwise before the answer comes: nobody has looked at it as it is now.
    let [_, other] = twins(0);
    let moved = other.with("phone", "617-555-0199").record("south", "s0");
    let _ = server.desk().await.register(moved).await;
    browser.click("button[value=different]");
    browser.shows("main h1", "4 questions answered: different");
    browser.shows("main", "Its records compare otherwise now");
    assert_eq!(server.stats().await.open_tasks, 1);
    browser.click("form.undo button");
    browser.shows(".notice", "4 of 4 events are undone");
    assert_eq!(server.stats().await.open_tasks, 5);
}

#[test]
fn who_practises_is_told_the_truth_after_each_answer() {
    let folder = Folder::new();
    let (file, data) = (folder.path("practice.csv"), folder.path("data"));
    let made =
        ["generate", "--records", "600", "--seed", "7", "--difficulty", "hard", "--out", &file];
    let _ = empi(&made).succeeded();
    let _ = empi(&["load", &file, "--data", &data]).succeeded();
    add_user(&data, "nora", "steward");
    let server = Server::start_with_pages(&data, &["--practice", &file]);
    let browser = Browser::start(1280, 900);
    browser.sign_in_first(&server, "nora");
    browser.visit(&server, "/worklist");
    browser.shows(".practice", "made up");
    browser.keys("n");
    let at = task(&browser);
    browser.keys("d");
    let _ = next_after(&browser, &at);
    browser.shows(".notice", "they are");
    browser.shows(".notice", "of 1 right so far");
    drop(server);
    // Nobody practises on anybody else.
    let other = folder.path("other.csv");
    let made = ["generate", "--records", "600", "--seed", "8", "--out", &other];
    let _ = empi(&made).succeeded();
    let elsewhere = ["--practice", &other, "--grpc", "127.0.0.1:0", "--no-http"];
    let refused = empi(&[&["serve", "--data", &data][..], &elsewhere].concat());
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert!(refused.stderr.contains("a directory of its own"), "{}", refused.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_stewards_never_hold_the_same_question() {
    let folder = Folder::new();
    let server = office(&folder);
    ask_about_twins(&server, 1).await;
    let [ines, omar] = ["ines", "omar"].map(|name| {
        let browser = Browser::start(1280, 900);
        browser.sign_in_first(&server, name);
        browser
    });
    ines.visit(&server, "/worklist");
    ines.keys("n");
    let at = task(&ines);
    omar.visit(&server, "/worklist");
    omar.shows("table.worklist", "ines");
    omar.keys("n");
    omar.shows(".notice", "Nothing more waits");
    omar.visit(&server, &format!("/tasks/{at}"));
    omar.shows(".question", "taken by ines");
    omar.click("button[value=same]");
    omar.shows("[role=alert]", "has taken review task");
    ines.click("button[value=different]");
    ines.shows(".notice", "different people");
    omar.visit(&server, &format!("/tasks/{at}"));
    omar.shows("aside", "Answered: different");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_makes_somebody_else_waits_and_is_accepted() {
    let folder = Folder::new();
    let server = office(&folder);
    let mut desk = server.desk().await;
    let _ = desk.register(robert().record("north", "1")).await;
    let overlay = crate::registration::alice();
    let held = desk.register(overlay.record("north", "1")).await;
    assert_eq!(held.tasks.len(), 1);
    let browser = Browser::start(1280, 900);
    browser.sign_in_first(&server, "ines");
    browser.visit(&server, "/worklist");
    browser.keys("n");
    browser.shows("table.compare", "New version");
    browser.shows("table.compare", "As it stands");
    browser.keys("s");
    browser.shows(".notice", "same person");
    let record = desk.record("north", "1").await;
    assert_eq!(record.version, 2);
}

#[test]
fn a_registrar_and_an_auditor_change_nothing() {
    let folder = Folder::new();
    let data = folder.path("data");
    add_user(&data, "root", "administrator");
    add_user(&data, "greta", "auditor");
    let server = Server::start_with_pages(&data, &[]);
    let browser = Browser::start(1280, 900);
    browser.sign_in_first(&server, "greta");
    let nav = browser.text("nav");
    for (section, seen) in [("Worklist", true), ("Search", true), ("Users", true)] {
        assert_eq!(nav.contains(section), seen, "{section}");
    }
    browser.visit(&server, "/worklist");
    browser.shows("main", "Nothing waits here");
    browser.click("button[formaction='/worklist/next']");
    browser.shows("[role=alert]", "Your role may not do this");
    let address = server.pages().trim_start_matches("http://").to_owned();
    let foreign =
        [("Origin", "http://evil.example"), ("Content-Type", "application/x-www-form-urlencoded")];
    let answer = http(&address, "POST", "/sign-in", &foreign, "name=root&password=x").unwrap();
    assert_eq!(answer.status, 403);
}
