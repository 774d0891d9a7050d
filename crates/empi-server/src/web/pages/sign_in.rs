//! Signing in and out.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{HeaderName, HeaderValue, SET_COOKIE};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse as _;
use empi_model::{Asked, Asker, AuditOutcome, Operation, User, UserName};
use maud::{Markup, html};

use crate::access::Permit;
use crate::web::answer::{Answer, Refusal, see_other};
use crate::web::gate::{Anybody, COOKIE, Form};
use crate::web::password::is_right;
use crate::web::session::Token;
use crate::web::{PERMIT, Visit, Web};

/// The form, or the way on for whoever is signed in.
pub(in crate::web) async fn show(State(web): State<Web>, Anybody(visit): Anybody) -> Answer {
    match visit {
        Some(_) => Answer::see("/"),
        None => Answer::Page("Sign in", form(&web, "", None)),
    }
}

fn form(web: &Web, name: &str, wrong: Option<&str>) -> Markup {
    html! {
        section.card.narrow.sign-in {
            h1 { "Sign in" }
            @if let Some(elsewhere) = &web.0.elsewhere {
                p { a.button.primary href="/sign-in/elsewhere" { "Sign in with " (elsewhere.title()) } }
                p.soft { "or with a password of this index:" }
            }
            form method="post" action="/sign-in" {
                label for="name" { "Name" }
                input #name name="name" type="text" value=(name) autocomplete="username"
                    autocapitalize="none" spellcheck="false" maxlength="64" required autofocus;
                label for="password" { "Password" }
                input #password name="password" type="password" autocomplete="current-password"
                    maxlength="1024" required;
                @if let Some(wrong) = wrong { p.wrong role="alert" { (wrong) } }
                button.primary type="submit" { "Sign in" }
            }
            noscript { p { "These pages work without scripts, but keys do not." } }
        }
    }
}

/// Takes name and password. Whatever is wrong, the answer is the same and takes as long.
pub(in crate::web) async fn take(
    State(web): State<Web>,
    Anybody(visit): Anybody,
    Form(fields): Form,
) -> Result<Response<Body>, Refusal> {
    let typed = fields.get("name").to_ascii_lowercase();
    let counted: String = typed.chars().take(64).collect();
    if let Err(wait) = web.0.throttle.attempt(&counted) {
        let seconds = wait.as_secs() + 1;
        let sentence = format!("Too many wrong passwords: wait {seconds} s and try again.");
        return Ok(again(&web, StatusCode::TOO_MANY_REQUESTS, &typed, &sentence));
    }
    let user = typed.parse::<UserName>().ok().and_then(|name| web.0.door.user(&name));
    // A name that nobody has may be anything, also a password: it is kept nowhere.
    let entry = signing(user.as_ref());
    let kept = user.as_ref().map(|user| user.password.clone());
    let password = fields.exact("password").to_owned();
    let is_right = web.hashing(move || is_right(kept.as_ref(), &password)).await?;
    let Some(user) = user.filter(|user| is_right && !user.is_disabled) else {
        tracing::warn!("a sign-in was refused");
        web.0.door.note(entry, AuditOutcome::Denied);
        return Ok(again(
            &web,
            StatusCode::UNAUTHORIZED,
            &typed,
            "This is not a name and its password. Try again.",
        ));
    };
    web.0.throttle.succeeded(&counted);
    web.0.door.note(entry, AuditOutcome::Done);
    // A session that was open in this browser ends: nobody rides on it.
    if let Some(visit) = visit {
        web.0.sessions.end(visit.session.id);
    }
    begin(&web, &user)
}

/// Who signs in, for the audit trail.
pub(super) fn signing(user: Option<&User>) -> Asked {
    let asked = PERMIT.try_with(Permit::asked).ok();
    let asker = asked.map_or_else(|| Asker::internal(""), |asked| Asker::clone(&asked.asker));
    let name = user.map(|user| user.name.as_str().to_owned()).unwrap_or_default();
    Asked { asker: Arc::new(Asker { name, ..asker }), operation: Operation::SignIn }
}

/// The form again, with what is wrong.
fn again(web: &Web, status: StatusCode, name: &str, wrong: &str) -> Response<Body> {
    let mut response = Answer::Page("Sign in", form(web, name, Some(wrong))).into_response();
    *response.status_mut() = status;
    response
}

/// Opens a session under a new ID and sends its cookie.
fn begin(web: &Web, user: &User) -> Result<Response<Body>, Refusal> {
    let cookie = cookie_of(web.0.sessions.begin(user.name.clone()), user)?;
    let mut response = see_other(if user.must_change_password { "/password" } else { "/" });
    set_cookie(&mut response, &cookie);
    Ok(response)
}

/// The same for somebody whom a provider vouches for: the cookie of the session.
pub(super) fn begin_vouched(
    web: &Web,
    user: &User,
    proved: Option<Duration>,
) -> Result<String, Refusal> {
    cookie_of(web.0.sessions.begin_vouched(user.name.clone(), proved), user)
}

fn cookie_of(session: Option<Token>, user: &User) -> Result<String, Refusal> {
    let Some(id) = session else {
        return Err(Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "Too many people are signed in: try again in a few minutes.",
        ));
    };
    tracing::info!(user = %user.name, role = user.role.as_str(), "signed in");
    Ok(format!("{COOKIE}={}; {COOKIE_RULES}", id.text()))
}

/// Over TLS or on loopback only, out of reach of scripts, and sent by no other site.
const COOKIE_RULES: &str = "Path=/; Secure; HttpOnly; SameSite=Strict";

pub(super) fn set_cookie(response: &mut Response<Body>, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(SET_COOKIE, value);
    }
}

/// Ends the session here and in the browser.
pub(in crate::web) async fn leave(State(web): State<Web>, visit: Visit) -> Response<Body> {
    web.0.sessions.end(visit.session.id);
    tracing::info!(user = %visit.user.name, "signed out");
    let mut response = see_other("/sign-in");
    set_cookie(&mut response, &format!("{COOKIE}=; Max-Age=0; {COOKIE_RULES}"));
    let all = HeaderValue::from_static("\"cache\", \"storage\"");
    response.headers_mut().insert(HeaderName::from_static("clear-site-data"), all);
    response
}
