//! Signing in elsewhere: the way to the provider, and the way back from it.

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use axum::response::IntoResponse as _;
use empi_model::{AuditOutcome, EnterpriseId};
use maud::html;

use super::person::id_of;
use super::sign_in::{begin_vouched, set_cookie, signing};
use crate::web::answer::{Answer, Refusal, see_other};
use crate::web::gate::cookie;
use crate::web::session::Token;
use crate::web::{Visit, Web};

/// The cookie that binds a way to its browser. It comes back from another site, so it cannot be strict.
const WAY_COOKIE: &str = "__Host-empi-way";
const WAY_RULES: &str = "Path=/; Secure; HttpOnly; SameSite=Lax";

/// Sends the browser to the provider.
pub(in crate::web) async fn leave(State(web): State<Web>) -> Result<Response<Body>, Refusal> {
    way(&web, None)
}

/// The same for somebody who wants to see a person in an emergency: they sign in once more, and come back to the person.
pub(in crate::web) async fn leave_in_emergency(
    State(web): State<Web>,
    _: Visit,
    Path(id): Path<String>,
) -> Result<Response<Body>, Refusal> {
    way(&web, Some(id_of(&id)?))
}

fn way(web: &Web, emergency: Option<EnterpriseId>) -> Result<Response<Body>, Refusal> {
    let elsewhere = web.0.elsewhere.as_ref().ok_or_else(Refusal::not_found)?;
    let (state, address) = elsewhere.begin(emergency).ok_or_else(Refusal::broken)?;
    let mut response = see_other(&address);
    set_cookie(&mut response, &format!("{WAY_COOKIE}={}; Max-Age=600; {WAY_RULES}", state.text()));
    Ok(response)
}

/// Takes the browser back, with a code.
pub(in crate::web) async fn back(
    State(web): State<Web>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response<Body>, Refusal> {
    let elsewhere = web.0.elsewhere.as_ref().ok_or_else(Refusal::not_found)?;
    let query = query.unwrap_or_default();
    let said = |name: &str| {
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        pairs.find(|(it, _)| it == name).map(|(_, value)| value.into_owned())
    };
    let kept = cookie(&headers, WAY_COOKIE).and_then(Token::parse);
    let state = said("state").as_deref().and_then(Token::parse);
    let (Some(state), Some(code)) = (state.filter(|state| kept == Some(*state)), said("code"))
    else {
        web.0.door.note(signing(None), AuditOutcome::Denied);
        return Err(refusal(
            "The sign-in was broken off, or begun in another window: begin again.",
        ));
    };
    let named = elsewhere.end(state, &code).await;
    let user = match &named {
        Ok(it) => web.0.door.user(&it.user).filter(|user| !user.is_disabled),
        Err(error) => {
            tracing::warn!(%error, "a sign-in elsewhere was refused");
            None
        }
    };
    let outcome = if user.is_some() { AuditOutcome::Done } else { AuditOutcome::Denied };
    web.0.door.note(signing(user.as_ref()), outcome);
    let (user, returned) = match (user, named) {
        (Some(user), Ok(returned)) => (user, returned),
        (None, Ok(_)) => {
            return Err(refusal(
                "You are known there, but not here: ask an administrator to add you as a user.",
            ));
        }
        (_, Err(_)) => {
            return Err(refusal(
                "You could not be signed in: begin again. The server's log says why.",
            ));
        }
    };
    let session = begin_vouched(&web, &user, returned.proved)?;
    let next = returned.emergency.map_or_else(|| "/".to_owned(), |id| format!("/persons/{id}"));
    // The session's cookie is for ways that begin on our own pages. This one began elsewhere, so the browser goes on from
    // a page of ours.
    let page = html! {
        section.card.narrow { h1 { "Signed in" } p { a href=(next) { "Go on" } } }
    };
    let mut response = Answer::Page("Signed in", page).into_response();
    set_cookie(&mut response, &session);
    let refresh = HeaderValue::from_str(&format!("0; url={next}"));
    response.headers_mut().insert("refresh", refresh.map_err(|_| Refusal::broken())?);
    Ok(response)
}

fn refusal(sentence: &str) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, sentence)
}
