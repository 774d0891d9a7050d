//! The pages from outside, without a browser: who gets in, who may do what, and what every answer carries.

mod approvals;
mod audit;
mod emergency;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, Response, StatusCode, header};
use empi_model::{Actor, ActorKind, Role, UserName};
use empi_registry::{RegisterRequest, Registry, UserChange};
use tokio::sync::watch;
use tower::ServiceExt as _;

use super::password::hash_password;
use super::{Web, WebConfig, routes};
use crate::config::GrpcConfig;
use crate::door::Door;
use crate::tests::registry_in;

const PASSWORD: &str = "correct horse battery";
const HOST: &str = "127.0.0.1:7312";

/// The pages of an index in a directory of its own.
struct Pages {
    router: Router,
    web: Web,
    registry: Arc<Registry>,
    _dir: tempfile::TempDir,
    closing: watch::Sender<bool>,
}

/// What came back.
struct Shown {
    status: StatusCode,
    head: Response<()>,
    text: String,
}

impl Shown {
    fn header(&self, name: header::HeaderName) -> &str {
        self.head.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// A browser that keeps the cookie it was given and the proof on the last page.
#[derive(Clone, Default)]
struct Browser {
    cookie: String,
    csrf: String,
}

fn name(text: &str) -> UserName {
    text.parse().unwrap()
}

impl Pages {
    fn new() -> Self {
        Self::with(WebConfig::default())
    }

    fn with(config: WebConfig) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let registry = registry_in(dir.path());
        Self::over(dir, registry, config)
    }

    /// The pages of an index that was prepared.
    fn over(dir: tempfile::TempDir, registry: Arc<Registry>, config: WebConfig) -> Self {
        let (closing, closed) = watch::channel(false);
        let door = Door::new(Arc::clone(&registry), &GrpcConfig::default());
        let web = Web::new(door, config, closed, None, None);
        let router = routes::router(web.clone());
        let pages = Self { router, web, registry, _dir: dir, closing };
        pages.add("root", Role::Administrator);
        pages
    }

    /// Adds somebody who has chosen their password already.
    fn add(&self, user: &str, role: Role) {
        let actor = Actor { kind: ActorKind::System, name: "test".to_owned() };
        let hash = hash_password(PASSWORD).unwrap();
        let add = UserChange::Add { role, password: hash.clone() };
        self.registry.change_user(&name(user), add, actor.clone()).unwrap();
        let own = UserChange::ChangePassword(hash);
        self.registry.change_user(&name(user), own, actor).unwrap();
    }

    async fn send(&self, request: Request<Body>) -> Shown {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap();
        let status = parts.status;
        Shown { status, head: Response::from_parts(parts, ()), text }
    }

    async fn get(&self, browser: &mut Browser, path: &str) -> Shown {
        let shown = self.send(browser.request(&Method::GET, path, String::new())).await;
        browser.learn(&shown);
        shown
    }

    async fn post(&self, browser: &mut Browser, path: &str, fields: &[(&str, &str)]) -> Shown {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields).append_pair("csrf", &browser.csrf);
        let shown = self.send(browser.request(&Method::POST, path, form.finish())).await;
        browser.learn(&shown);
        shown
    }

    async fn signed_in(&self, user: &str) -> Browser {
        let mut browser = Browser::default();
        let fields = [("name", user), ("password", PASSWORD)];
        let shown = self.post(&mut browser, "/sign-in", &fields).await;
        assert_eq!(shown.status, StatusCode::SEE_OTHER, "{}", shown.text);
        self.get(&mut browser, "/").await;
        browser
    }

    /// Somebody whose session began without hashing a password, which takes its time.
    async fn visiting(&self, user: &str) -> Browser {
        let id = self.web.0.sessions.begin(name(user)).unwrap();
        let cookie = format!("__Host-empi={}", id.text());
        let mut browser = Browser { cookie, csrf: String::new() };
        self.get(&mut browser, "/").await;
        browser
    }
}

impl Browser {
    fn request(&self, method: &Method, path: &str, body: String) -> Request<Body> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, HOST)
            .header("sec-fetch-site", "same-origin");
        if *method == Method::POST {
            request = request
                .header(header::ORIGIN, format!("http://{HOST}"))
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        if !self.cookie.is_empty() {
            request = request.header(header::COOKIE, &self.cookie);
        }
        request.body(Body::from(body)).unwrap()
    }

    fn learn(&mut self, shown: &Shown) {
        let set = shown.header(header::SET_COOKIE);
        if let Some((cookie, _)) = set.split_once(';') {
            cookie.clone_into(&mut self.cookie);
        }
        let proof = shown.text.split_once("name=\"csrf\" value=\"").map(|(_, rest)| &rest[..32]);
        self.csrf = proof.map_or_else(|| self.csrf.clone(), str::to_owned);
    }
}

/// A path of the table with something in its place-holders.
fn filled(path: &str) -> String {
    path.replace("{name}", "nobody")
        .replace("{id}", "1")
        .replace("{number}", "1")
        .replace("{place}", "1.0.1")
        .replace("{pattern}", "0-1")
}

#[tokio::test]
async fn every_route_asks_the_role_table_and_nothing_else() {
    let pages = Pages::new();
    for role in Role::PEOPLE {
        let user = role.as_str();
        pages.add(user, role);
        for route in routes::table() {
            let mut browser = pages.visiting(user).await;
            let path = filled(route.path);
            let shown = if route.method == Method::POST {
                pages.post(&mut browser, &path, &[]).await
            } else {
                pages.get(&mut browser, &path).await
            };
            let is_refused = shown.text.contains("Your role may not do this");
            let allowed = route.operation.allows(role);
            assert_eq!(is_refused, !allowed, "{user} {} {path}", route.method);
            assert_eq!(shown.status == StatusCode::FORBIDDEN, !allowed, "{user} {path}");
        }
    }
}

#[tokio::test]
async fn without_a_session_there_is_nothing_but_the_form() {
    let pages = Pages::new();
    for route in routes::table() {
        let made_up = format!("__Host-empi={}", "0".repeat(32));
        for cookie in [String::new(), made_up] {
            let mut browser = Browser { cookie, csrf: String::new() };
            let shown = match route.method {
                Method::POST => pages.post(&mut browser, &filled(route.path), &[]).await,
                _ => pages.get(&mut browser, &filled(route.path)).await,
            };
            let is_sent_away = shown.header(header::LOCATION) == "/sign-in";
            assert_eq!(is_sent_away, !route.operation.is_open(), "{}", route.path);
        }
    }
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_protect_it() {
    let pages = Pages::new();
    let mut browser = pages.signed_in("root").await;
    let script = {
        let shown = pages.get(&mut browser, "/").await;
        shown.text.split("src=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    for (method, path, status) in [
        (Method::GET, "/", StatusCode::OK),
        (Method::GET, "/users", StatusCode::OK),
        (Method::GET, "/nowhere", StatusCode::NOT_FOUND),
        (Method::GET, "/sign-out", StatusCode::METHOD_NOT_ALLOWED),
        (Method::GET, "/livez", StatusCode::OK),
        (Method::GET, &script, StatusCode::OK),
        (Method::GET, "/assets/empi-0000000000000000.js", StatusCode::NOT_FOUND),
        (Method::POST, "/users", StatusCode::FORBIDDEN),
    ] {
        let request = Browser { csrf: String::new(), ..browser.clone() };
        let shown = pages.send(request.request(&method, path, String::new())).await;
        assert_eq!(shown.status, status, "{path}");
        let csp = shown.header(header::CONTENT_SECURITY_POLICY);
        for rule in ["default-src 'none'", "frame-ancestors 'none'", "script-src 'self'"] {
            assert!(csp.contains(rule), "{path}: {csp}");
        }
        assert!(!csp.contains("unsafe"), "{csp}");
        assert_eq!(shown.header(header::X_CONTENT_TYPE_OPTIONS), "nosniff");
        assert_eq!(shown.header(header::REFERRER_POLICY), "same-origin");
        let kept = shown.header(header::CACHE_CONTROL);
        let is_asset = path == script;
        assert_eq!(kept.contains("immutable"), is_asset, "{path}: {kept}");
        assert_eq!(kept == "no-store", !is_asset, "{path}: {kept}");
        for inline in ["<style", " style=", "onclick", "javascript:"] {
            assert!(!shown.text.contains(inline), "{path}: {inline}");
        }
    }
}

#[tokio::test]
async fn only_who_comes_over_tls_is_told_to_stay_there() {
    for (configured, forwarded, expected) in [
        (false, None, ""),
        (false, Some("https"), "max-age=31536000"),
        (true, None, "max-age=31536000"),
    ] {
        let pages = Pages::with(WebConfig { over_tls: configured, ..WebConfig::default() });
        for path in ["/sign-in", "/nowhere", "/livez"] {
            let mut request = Browser::default().request(&Method::GET, path, String::new());
            if let Some(scheme) = forwarded {
                request.headers_mut().insert("x-forwarded-proto", scheme.parse().unwrap());
            }
            let shown = pages.send(request).await;
            let told = shown.header(header::STRICT_TRANSPORT_SECURITY);
            assert_eq!(told, expected, "{path}, configured: {configured}, {forwarded:?}");
        }
    }
}

#[tokio::test]
async fn a_wrong_name_and_a_wrong_password_are_answered_alike() {
    let pages = Pages::new();
    pages.add("gone", Role::Steward);
    let actor = Actor { kind: ActorKind::System, name: "test".to_owned() };
    pages.registry.change_user(&name("gone"), UserChange::Disable, actor).unwrap();
    let mut answers = Vec::new();
    for (user, password) in
        [("root", "wrong password"), ("nobody", PASSWORD), ("gone", PASSWORD), ("<b>", PASSWORD)]
    {
        let fields = [("name", user), ("password", password)];
        let shown = pages.post(&mut Browser::default(), "/sign-in", &fields).await;
        assert_eq!(shown.status, StatusCode::UNAUTHORIZED);
        assert_eq!(shown.header(header::SET_COOKIE), "");
        assert!(!shown.text.contains("<b>"));
        answers.push(
            shown.text.replace(&format!("value=\"{user}\""), "").replace("value=\"&lt;b&gt;\"", ""),
        );
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    // Guessing on has to wait, also for a name that nobody has.
    for user in ["root", "nobody"] {
        let mut last = StatusCode::OK;
        for _ in 0..6 {
            let fields = [("name", user), ("password", "wrong again")];
            last = pages.post(&mut Browser::default(), "/sign-in", &fields).await.status;
        }
        assert_eq!(last, StatusCode::TOO_MANY_REQUESTS, "{user}");
    }
}

#[tokio::test]
async fn signing_in_gives_a_new_session_and_ends_the_old_one() {
    let pages = Pages::new();
    let mut browser = pages.signed_in("root").await;
    let before = browser.clone();
    let fields = [("name", "root"), ("password", PASSWORD)];
    let shown = pages.post(&mut browser, "/sign-in", &fields).await;
    let cookie = shown.header(header::SET_COOKIE);
    for rule in ["__Host-empi=", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Strict"] {
        assert!(cookie.contains(rule), "{cookie}");
    }
    assert_ne!(browser.cookie, before.cookie);
    let old = pages.get(&mut before.clone(), "/").await;
    assert_eq!(old.header(header::LOCATION), "/sign-in");
    // An ID that somebody else has chosen is never taken over.
    let chosen = format!("__Host-empi={}", "a".repeat(32));
    let mut fixed = Browser { cookie: chosen.clone(), csrf: String::new() };
    pages.post(&mut fixed, "/sign-in", &fields).await;
    assert_ne!(fixed.cookie, chosen);
}

#[tokio::test]
async fn sessions_end_at_once_when_told() {
    let pages = Pages::new();
    let mut root = pages.signed_in("root").await;
    for change in
        [&[("do", "disable")][..], &[("do", "role"), ("role", "auditor")], &[("do", "reset")]]
    {
        let user = change.iter().map(|(_, value)| *value).collect::<String>();
        pages.add(&user, Role::Steward);
        let mut theirs = pages.signed_in(&user).await;
        pages.get(&mut root, "/users").await;
        let changed = pages.post(&mut root, &format!("/users/{user}"), change).await;
        assert_eq!(changed.header(header::LOCATION), "/users", "{}", changed.text);
        let shown = pages.get(&mut theirs, "/").await;
        assert_eq!(shown.header(header::LOCATION), "/sign-in", "{change:?}");
    }
    let before = root.clone();
    let left = pages.post(&mut root, "/sign-out", &[]).await;
    assert!(left.header(header::SET_COOKIE).contains("Max-Age=0"));
    let shown = pages.get(&mut before.clone(), "/").await;
    assert_eq!(shown.header(header::LOCATION), "/sign-in");
}

#[tokio::test]
async fn a_form_from_elsewhere_changes_nothing() {
    let pages = Pages::new();
    let browser = pages.signed_in("root").await;
    let form = |csrf: &str| format!("name=eve&role=administrator&csrf={csrf}");
    let wrong = "f".repeat(32);
    for (csrf, foreign) in [
        (browser.csrf.as_str(), Some(("sec-fetch-site", "cross-site"))),
        (browser.csrf.as_str(), Some(("origin", "http://evil.example"))),
        (wrong.as_str(), None),
        ("", None),
    ] {
        let mut request = browser.request(&Method::POST, "/users", form(csrf));
        if let Some((name, value)) = foreign {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let shown = pages.send(request).await;
        assert_eq!(shown.status, StatusCode::FORBIDDEN);
        assert!(pages.registry.user(&name("eve")).is_none());
    }
    let request = browser.request(&Method::POST, "/users", form(&browser.csrf));
    assert_eq!(pages.send(request).await.status, StatusCode::SEE_OTHER);
    assert!(pages.registry.user(&name("eve")).is_some());
    // A form in the name of another session.
    let other = pages.signed_in("root").await;
    let request =
        Browser { csrf: other.csrf, ..browser }.request(&Method::POST, "/theme", String::new());
    assert_eq!(pages.send(request).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_password_for_one_time_opens_nothing_but_the_choice_of_another() {
    let pages = Pages::new();
    let mut root = pages.signed_in("root").await;
    pages.post(&mut root, "/users", &[("name", "Ines"), ("role", "steward")]).await;
    let shown = pages.get(&mut root, "/users").await;
    let password = shown.text.split_once("class=\"secret\">").unwrap().1;
    let password = password.split_once('<').unwrap().0.to_owned();
    assert!(!pages.get(&mut root, "/users").await.text.contains(&password), "shown once");
    let mut ines = Browser::default();
    let fields = [("name", "ines"), ("password", password.as_str())];
    let shown = pages.post(&mut ines, "/sign-in", &fields).await;
    assert_eq!(shown.header(header::LOCATION), "/password");
    for path in ["/password", "/"] {
        pages.get(&mut ines, path).await;
    }
    for (old, new, again, taken) in [
        ("wrong", PASSWORD, PASSWORD, false),
        (password.as_str(), PASSWORD, "something else", false),
        (password.as_str(), "short", "short", false),
        (password.as_str(), password.as_str(), password.as_str(), false),
        (password.as_str(), PASSWORD, PASSWORD, true),
    ] {
        let fields = [("old", old), ("new", new), ("again", again)];
        let shown = pages.post(&mut ines, "/password", &fields).await;
        assert_eq!(shown.header(header::LOCATION) == "/", taken, "{}", shown.text);
    }
    let log = pages.registry.account_log(1).unwrap();
    assert_eq!(log[0].actor, Actor { kind: ActorKind::Steward, name: "ines".to_owned() });
    pages.signed_in("ines").await;
}

#[tokio::test]
async fn colours_are_kept_for_each_user() {
    let pages = Pages::new();
    let mut root = pages.signed_in("root").await;
    for theme in ["light", "dark", "auto"] {
        pages.post(&mut root, "/theme", &[]).await;
        let shown = pages.get(&mut root, "/").await;
        assert!(shown.text.contains(&format!("data-theme=\"{theme}\"")), "{theme}");
    }
}

#[tokio::test]
async fn whoever_watches_the_server_sees_when_it_takes_no_more_work() {
    let pages = Pages::new();
    let mut nobody = Browser::default();
    assert_eq!(pages.get(&mut nobody, "/readyz").await.status, StatusCode::OK);
    pages.closing.send_replace(true);
    let closing = pages.get(&mut nobody, "/readyz").await;
    assert_eq!(closing.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(pages.get(&mut nobody, "/livez").await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_quality_board_shows_what_is_in_the_index_and_exports_it() {
    let pages = Pages::new();
    for (user, role) in [("greta", Role::Auditor), ("ines", Role::Steward)] {
        pages.add(user, role);
    }
    let actor = Actor { kind: ActorKind::System, name: "test".to_owned() };
    for id in ["1", "2"] {
        let record = empi_model::SourceRecord {
            key: empi_model::RecordKey::new("=cmd|'north", id),
            names: vec![empi_model::PersonName {
                given: Some("Roberta".into()),
                family: Some("Okafor-Bell".into()),
                ..empi_model::PersonName::default()
            }],
            birth_date: Some("1980-02-29".into()),
            ssn: Some("457-12-9983".into()),
            ..empi_model::SourceRecord::default()
        };
        let (request_id, actor) = (None, actor.clone());
        pages.registry.register(RegisterRequest { record, actor, request_id }).unwrap();
    }
    // Counted for the first time: whoever looks now waits for it.
    pages.registry.quality(std::time::Duration::from_secs(60)).unwrap();
    let person = {
        let mut root = pages.visiting("root").await;
        let shown = pages.get(&mut root, "/quality").await.text;
        assert!(!shown.contains("href=\"/persons/"), "administrators look at no persons");
        shown.split_once("<th class=\"id\" scope=\"row\">").unwrap().1[..13].to_owned()
    };
    for user in ["greta", "ines"] {
        let mut browser = pages.visiting(user).await;
        let shown = pages.get(&mut browser, "/quality").await;
        assert_eq!(shown.status, StatusCode::OK);
        for part in [
            "Duplicate rate",
            "records that share their person with another record of the same source",
            "100.00\u{202f}%",
            "are no random sample of links",
            "nothing reviewed",
            "Nobody has given a second answer yet.",
            "=cmd|&apos;north",
            &format!("href=\"/persons/{person}\""),
            "role=\"img\"",
        ] {
            let part = part.replace("&apos;", "'");
            assert!(shown.text.contains(&part), "{part}: {}", shown.text);
        }
        assert!(
            !shown.text.contains("Okafor") && !shown.text.contains("1980"),
            "no value of a patient"
        );
        let file = pages.get(&mut browser, "/quality.csv").await;
        assert!(file.header(header::CONTENT_TYPE).starts_with("text/csv"));
        assert!(file.header(header::CONTENT_DISPOSITION).starts_with("attachment"));
        assert_eq!(file.header(header::CACHE_CONTROL), "no-store");
        assert!(file.text.contains("duplicates,duplicate rate,confirmed,2,2,1.000000,,\r\n"));
        assert!(!file.text.lines().any(|line| line.contains(",=")), "{}", file.text);
    }
}
