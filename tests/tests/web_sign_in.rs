//! Signing in and out with a real browser: the first administrator, those whom they add, and the end of a
//! session.

use empi_tests::{Browser, Folder, PASSWORD, Server, add_user, empi, empi_fed, http};

#[test]
fn the_first_administrator_comes_from_the_command_line_and_adds_the_others() {
    let folder = Folder::new();
    let data = folder.path("data");
    add_user(&data, "root", "administrator");
    let server = Server::start_with_pages(&data, &[]);
    let browser = Browser::start(1280, 800);
    browser.sign_in_first(&server, "root");

    browser.visit(&server, "/users");
    browser.type_into("#new-name", "ines");
    browser.click("form[action='/users'] button");
    browser.shows(".notice", "The password of ines for one time is");
    let password = browser.text(".secret");
    browser.click("form[action='/sign-out'] button");
    browser.element("#password");

    browser.sign_in_with(&server, "ines", &password);
    browser.choose_password(&password);
    browser.shows("nav", "Overview");
    assert!(!browser.text("nav").contains("Users"), "a steward has no business there");
    browser.visit(&server, "/users");
    browser.shows("main", "Your role may not do this");

    browser.click("form[action='/sign-out'] button");
    browser.sign_in_with(&server, "ines", "not her password");
    browser.shows("[role=alert]", "not a name and its password");
    browser.sign_in_with(&server, "ines", PASSWORD);
    browser.shows("nav", "Overview");
    drop(browser);

    assert_eq!(server.stop().code, Some(0));
    let run = empi(&["user", "list", "--data", &data]).succeeded();
    assert_eq!(run.stdout, "ines\tsteward\tactive\nroot\tadministrator\tactive\n");
    let _ = empi(&["verify", "--data", &data]).succeeded();
}

#[test]
fn a_session_that_is_over_leaves_the_screen_by_itself() {
    let folder = Folder::new();
    let data = folder.path("data");
    add_user(&data, "root", "administrator");
    let config = folder.write("server.toml", "[web]\nsession_idle_seconds_max = 4\n");
    let server = Server::start_with_pages(&data, &["--config", &config]);
    let browser = Browser::start(1280, 800);
    browser.sign_in_first(&server, "root");
    // Nobody touches anything: the page goes away, and the way back asks for the password.
    browser.element("#password");
    browser.visit(&server, "/users");
    browser.element("#password");
    assert!(browser.url().ends_with("/sign-in"));
}

#[test]
fn pages_stop_with_the_server() {
    let folder = Folder::new();
    let data = folder.path("data");
    let server = Server::start_with_pages(&data, &[]);
    let pages = server.pages().trim_start_matches("http://").to_owned();
    let answer = http(&pages, "GET", "/readyz", &[], "").unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "ready\n"));
    let figures = http(&pages, "GET", "/metrics", &[], "").unwrap();
    assert_eq!(figures.status, 200);
    for line in ["empi_ready 1", "empi_records 0", "# EOF"] {
        assert!(figures.body.lines().any(|it| it == line), "{line} in {}", figures.body);
    }
    let run = server.stop();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("empi user add"), "it says that nobody may sign in yet");
    assert!(http(&pages, "GET", "/livez", &[], "").is_err());
}

#[test]
fn a_password_is_never_an_argument_and_a_bad_one_is_refused() {
    let folder = Folder::new();
    let data = folder.path("data");
    let add = ["user", "add", "root", "--role", "administrator", "--data", &data];
    empi_fed(&[&add[..], &["--password", "secret"]].concat(), "").failed(2, &["--password"]);
    empi_fed(&add, "short\n").failed(1, &["12 characters"]);
    let wrong_role = ["user", "add", "root", "--role", "king", "--data", &data];
    empi_fed(&wrong_role, "").failed(2, &["lead-steward"]);
    let run = empi(&[&add[..], &["--random-password"]].concat()).succeeded();
    assert_eq!(run.stdout.lines().nth(1).unwrap().len(), 20);
    empi_fed(&add, "correct horse battery\n").failed(1, &["root is taken"]);
}
