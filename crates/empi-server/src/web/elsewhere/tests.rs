//! The whole way to a provider and back, with a provider of our own on the other side of TLS.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use empi_model::{Actor, ActorKind, EnterpriseId, ReasonCode, RecordKey, Role, SourceRecord};
use empi_registry::{RegisterRequest, Registry, StewardOperation, StewardRequest, UserChange};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower::ServiceExt as _;

use super::*;
use crate::GrpcConfig;
use crate::access::issuers::tests::{Signer, config as issuer, header as token_header, write_keys};
use crate::door::Door;
use crate::tests::registry_in;
use crate::tls::OutgoingConfig;
use crate::tls::tests::Scene;
use crate::web::{Web, WebConfig, hash_password, routes};

/// Pages with a provider, where `ines` is a steward who has never chosen a password.
struct Pages {
    router: Router,
    scene: Scene,
    signer: Signer,
    listener: TcpListener,
    /// Somebody who is not to be shared.
    person: EnterpriseId,
    _dir: tempfile::TempDir,
    _closing: watch::Sender<bool>,
}

/// What the provider got.
struct Asked {
    authorization: String,
    form: HashMap<String, String>,
}

impl Pages {
    async fn new() -> Self {
        let (scene, dir) = (Scene::new(), tempfile::tempdir().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let signer = Signer::new();
        write_keys(&scene.file("jwks.json"), &[signer.jwk("one")]);
        scene.write("secret", "s3cret:&\n");
        let registry = registry_in(dir.path());
        let person = not_shared(&registry);
        for (name, role) in [("ines", Role::Steward), ("gone", Role::Steward)] {
            let (name, actor): (UserName, _) = (name.parse().unwrap(), actor());
            let password = hash_password("correct horse battery").unwrap();
            registry.change_user(&name, UserChange::Add { role, password }, actor).unwrap();
        }
        let gone = "gone".parse().unwrap();
        registry.change_user(&gone, UserChange::Disable, actor()).unwrap();
        let door = Door::new(registry, &GrpcConfig::default());
        let issuers = Issuers::load(&[issuer(&scene.file("jwks.json"))]).unwrap();
        let config = SignInConfig {
            token: format!("https://{}/token?x=1", listener.local_addr().unwrap()),
            client_secret_file: Some(scene.file("secret")),
            tls: OutgoingConfig {
                authorities: scene.file("servers.pem"),
                name: Some("localhost".to_owned()),
            },
            ..sign_in()
        };
        let clock = Arc::new(door.clone());
        let elsewhere = Elsewhere::new(config, issuers, None, clock).unwrap();
        let (_closing, closed) = watch::channel(false);
        let web = Web::new(door, WebConfig::default(), closed, None, Some(elsewhere));
        let router = routes::router(web);
        Self { router, scene, signer, listener, person, _dir: dir, _closing }
    }

    async fn get(&self, path: &str, cookie: &str) -> Response<Body> {
        let request = Request::get(path).header(header::COOKIE, cookie);
        self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    /// Begins a way: the cookie, and what the provider is asked for.
    async fn begun(&self) -> (String, HashMap<String, String>) {
        self.begun_at("/sign-in/elsewhere", "").await
    }

    async fn begun_at(&self, path: &str, session: &str) -> (String, HashMap<String, String>) {
        let response = self.get(path, session).await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        let address = response.headers()[header::LOCATION].to_str().unwrap();
        let query = address.strip_prefix("https://id.hie.example/authorize?").unwrap();
        let cookie = first_cookie(&response);
        (cookie, form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// Answers one exchange as the provider, with whatever stands in the body.
    async fn exchange(&self, status: &str, body: &Value) -> Asked {
        let (stream, _) = self.listener.accept().await.unwrap();
        let mut stream = self.scene.servers.acceptor().accept(stream).await.unwrap();
        let mut text = String::new();
        while !is_whole(&text) {
            let mut bytes = [0; 4096];
            let count = stream.read(&mut bytes).await.unwrap();
            text.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
        }
        let body = body.to_string();
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        let (head, form) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /token?x=1 HTTP/1.1\r\n"), "{head}");
        let line = head.lines().find_map(|line| line.strip_prefix("authorization: "));
        let form = form_urlencoded::parse(form.as_bytes()).into_owned().collect();
        Asked { authorization: line.unwrap_or_default().to_owned(), form }
    }

    /// States an emergency, by the form on a page.
    async fn state(&self, session: &str, page: &str) -> Response<Body> {
        let (_, rest) = page.split_once("name=\"csrf\" value=\"").unwrap();
        let form = format!("reason=unconscious&csrf={}", rest.split_once('"').unwrap().0);
        let request = Request::post(format!("/persons/{}/emergency", self.person))
            .header(header::COOKIE, session)
            .header("sec-fetch-site", "same-origin");
        self.router.clone().oneshot(request.body(Body::from(form)).unwrap()).await.unwrap()
    }

    /// Comes back with a code, while the provider gives an identity.
    async fn back(&self, cookie: &str, state: &str, identity: &Value) -> Response<Body> {
        let token = self.signer.token(&token_header(), identity);
        let path = format!("/sign-in/return?code=c0de&state={state}");
        let answer = json!({ "id_token": token, "token_type": "Bearer" });
        let (response, asked) =
            tokio::join!(self.get(&path, cookie), self.exchange("200 OK", &answer));
        assert_eq!(asked.form["code"], "c0de");
        response
    }
}

async fn text(response: Response<Body>) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Registers somebody who is not to be shared.
fn not_shared(registry: &Registry) -> EnterpriseId {
    let key = RecordKey::new("north", "1");
    let birth_date = Some("1971-08-23".into());
    let record = SourceRecord { key, birth_date, ..SourceRecord::default() };
    let request = RegisterRequest { record, actor: actor(), request_id: None };
    let person = registry.register(request).unwrap().enterprise_id;
    let operation = StewardOperation::SetConsent { person, not_shared: true, not_linked: false };
    let asked = StewardRequest {
        operation,
        actor: Actor { kind: ActorKind::Steward, name: "lena".to_owned() },
        reason: ReasonCode::Other,
        note: "asked for".to_owned(),
        request_id: None,
        version_token: None,
        validate_only: true,
    };
    let version_token = Some(registry.steward(asked.clone()).unwrap().version_token);
    registry.steward(StewardRequest { version_token, validate_only: false, ..asked }).unwrap();
    person
}

fn is_whole(text: &str) -> bool {
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    body.len() >= length.parse().unwrap()
}

fn first_cookie(response: &Response<Body>) -> String {
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.contains("; Secure; HttpOnly; SameSite="), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

fn actor() -> Actor {
    Actor { kind: ActorKind::System, name: "test".to_owned() }
}

fn sign_in() -> SignInConfig {
    toml::from_str(
        "issuer = \"hie\"\ntitle = \"HIE account\"\nclient_id = \"empi & co\"\n\
         authorize = \"https://id.hie.example/authorize\"\ntoken = \"https://id.hie.example/token\"\n\
         redirect = \"https://mpi.example/sign-in/return\"\ntls = { authorities = \"ca.pem\" }\n",
    )
    .unwrap()
}

fn identity(nonce: &str, name: &str) -> Value {
    json!({
        "iss": "https://id.hie.example", "aud": "empi & co", "sub": "248289761001", "iat": 1000,
        "exp": 4000, "nonce": nonce, "preferred_username": name,
    })
}

#[tokio::test]
async fn whoever_signs_in_elsewhere_and_is_a_user_here_comes_in_without_a_password() {
    let pages = Pages::new().await;
    let shown = pages.get("/sign-in", "").await;
    let text = axum::body::to_bytes(shown.into_body(), 1 << 20).await.unwrap();
    let text = String::from_utf8(text.to_vec()).unwrap();
    assert!(text.contains("href=\"/sign-in/elsewhere\"") && text.contains("HIE account"), "{text}");

    let (cookie, asked) = pages.begun().await;
    assert_eq!(asked["client_id"], "empi & co");
    assert_eq!(asked["redirect_uri"], "https://mpi.example/sign-in/return");
    assert_eq!(
        (asked["response_type"].as_str(), asked["scope"].as_str()),
        ("code", "openid profile")
    );
    let token = pages.signer.token(&token_header(), &identity(&asked["nonce"], "Ines"));
    let path = format!("/sign-in/return?code=c0de&state={}", asked["state"]);
    let answer = json!({ "id_token": token });
    let (response, exchanged) =
        tokio::join!(pages.get(&path, &cookie), pages.exchange("200 OK", &answer));
    // The proof that the code was asked for from here.
    let challenge =
        URL_SAFE_NO_PAD.encode(Sha256::digest(exchanged.form["code_verifier"].as_bytes()));
    assert_eq!(
        (asked["code_challenge"].as_str(), asked["code_challenge_method"].as_str()),
        (challenge.as_str(), "S256")
    );
    assert_eq!(exchanged.form["grant_type"], "authorization_code");
    let basic = base64::engine::general_purpose::STANDARD.encode("empi+%26+co:s3cret%3A%26");
    assert_eq!(exchanged.authorization, format!("Basic {basic}"));

    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["refresh"], "0; url=/");
    let session = first_cookie(&response);
    assert!(session.starts_with("__Host-empi="));
    // They have never chosen a password, and need none.
    let overview = pages.get("/worklist", &session).await;
    assert_eq!(overview.status(), StatusCode::OK);
    // The way was for once.
    let again = pages.get(&path, &cookie).await;
    assert_eq!(again.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn whatever_is_wrong_with_a_way_or_an_identity_lets_nobody_in() {
    let pages = Pages::new().await;
    for wrong in [
        json!({"nonce": "another"}),
        json!({"aud": "empi"}),
        json!({"iss": "https://evil.example"}),
        json!({"exp": 900, "iat": 800}),
        json!({"preferred_username": "nobody-here"}),
        json!({"preferred_username": "gone"}),
        json!({"preferred_username": "no name at all"}),
        json!({"preferred_username": 7}),
    ] {
        let (cookie, asked) = pages.begun().await;
        let mut identity = identity(&asked["nonce"], "ines");
        identity.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        let response = pages.back(&cookie, &asked["state"], &identity).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{wrong}");
        assert!(!response.headers().contains_key(header::SET_COOKIE), "{wrong}");
    }
    // Another browser, another state, no code, and a provider that says no: the first three never reach it.
    let (cookie, asked) = pages.begun().await;
    let state = &asked["state"];
    let other = "0123456789abcdef0123456789abcdef";
    for (path, cookie) in [
        (format!("/sign-in/return?code=c&state={state}"), ""),
        (format!("/sign-in/return?code=c&state={other}"), cookie.as_str()),
        (format!("/sign-in/return?state={state}"), cookie.as_str()),
        ("/sign-in/return?error=access_denied".to_owned(), cookie.as_str()),
        ("/sign-in/return".to_owned(), "__Host-empi-way=x"),
    ] {
        assert_eq!(pages.get(&path, cookie).await.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    let path = format!("/sign-in/return?code=c0de&state={state}");
    let refused = json!({"error": "invalid_grant"});
    let (response, _) =
        tokio::join!(pages.get(&path, &cookie), pages.exchange("400 Bad Request", &refused));
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_emergency_is_stated_by_whoever_signed_in_there_within_minutes() {
    let pages = Pages::new().await;
    let person = format!("/persons/{}", pages.person);
    let way = format!("{person}/emergency");
    // The provider does not say when they signed in: perhaps this morning.
    let (cookie, asked) = pages.begun().await;
    assert!(!asked.contains_key("prompt"));
    let back = pages.back(&cookie, &asked["state"], &identity(&asked["nonce"], "ines")).await;
    let session = first_cookie(&back);
    let shown = text(pages.get(&person, &session).await).await;
    assert!(shown.contains("Sign in for an emergency") && shown.contains(&way), "{shown}");
    assert!(!shown.contains("name=\"reason\""), "{shown}");
    let stated = pages.state(&session, &shown).await;
    assert_eq!(stated.status(), StatusCode::UNAUTHORIZED);

    // They are asked for it there, and the provider must say that they did it.
    for (said, is_in) in [(None, false), (Some(600), false), (Some(1000), true)] {
        let (cookie, asked) = pages.begun_at(&way, &session).await;
        assert_eq!((asked["prompt"].as_str(), asked["max_age"].as_str()), ("login", "0"));
        let mut identity = identity(&asked["nonce"], "ines");
        if let Some(at) = said {
            identity["auth_time"] = json!(at);
        }
        let back = pages.back(&cookie, &asked["state"], &identity).await;
        assert_eq!(back.status() == StatusCode::OK, is_in, "{said:?}");
        if !is_in {
            continue;
        }
        assert_eq!(back.headers()["refresh"], format!("0; url={person}").as_str());
        let session = first_cookie(&back);
        let shown = text(pages.get(&person, &session).await).await;
        assert!(
            shown.contains("name=\"reason\"") && !shown.contains("name=\"password\""),
            "{shown}"
        );
        let stated = pages.state(&session, &shown).await;
        assert_eq!(stated.status(), StatusCode::SEE_OTHER, "{}", text(stated).await);
        assert_eq!(pages.get(&person, &session).await.status(), StatusCode::OK);
    }
    // Nobody comes to the way without a session.
    assert_eq!(pages.get(&way, "").await.headers()[header::LOCATION], "/sign-in");
}

#[tokio::test]
async fn without_a_provider_there_is_no_way_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let door = Door::new(registry_in(dir.path()), &GrpcConfig::default());
    let (_closing, closed) = watch::channel(false);
    let router = routes::router(Web::new(door, WebConfig::default(), closed, None, None));
    for path in ["/sign-in/elsewhere", "/sign-in/return?code=c&state=s"] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let fault = |change: fn(&mut SignInConfig)| {
        let mut config = sign_in();
        change(&mut config);
        config.fault(["hie".to_owned()].into_iter())
    };
    assert_eq!(fault(|_| {}), None);
    assert_eq!(fault(|it| it.redirect = "http://127.0.0.1:7312/sign-in/return".to_owned()), None);
    for (change, named) in [
        ((|it| it.issuer = "other".to_owned()) as fn(&mut SignInConfig), "sign_in.issuer"),
        (|it| it.client_id.clear(), "client_id"),
        (|it| it.token = "http://id.hie.example/token".to_owned(), "sign_in.token"),
        (|it| it.token = "https://id.hie.example".to_owned(), "sign_in.token"),
        (|it| it.authorize = "javascript:alert(1)".to_owned(), "sign_in.authorize"),
        (|it| it.redirect = "https://mpi.example/elsewhere".to_owned(), "sign_in.redirect"),
    ] {
        assert!(fault(change).unwrap().contains(named), "{named}");
    }
    assert_eq!(sign_in().token_place().unwrap(), ("id.hie.example:443".to_owned(), "/token"));
}
