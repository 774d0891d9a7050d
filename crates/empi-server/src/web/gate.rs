//! The one gate in front of every page: who is it, may they, and did the form come from one of our pages?

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Response, StatusCode, header};
use axum::middleware::Next;
use empi_model::{Domains, Interface, Purpose};

use super::PERMIT;
use super::access::Operation;
use super::answer::{Answer, Refusal, html, see_other};
use super::form::Fields;
use super::layout;
use super::pages::approvals;
use super::session::{OpenSession, Token};
use super::{Visit, Web};
use crate::access::{Caller, Denial, Origin, Subject};
use crate::call_log::milliseconds;
use crate::listen::Peer;

/// The cookie of a session. Its prefix makes browsers take it only with `Secure`, for the whole host and from
/// no other; they treat 127.0.0.1 and localhost as secure also without TLS.
pub(super) const COOKIE: &str = "__Host-empi";

/// The field in which every form proves where it comes from.
pub(super) const CSRF_FIELD: &str = "csrf";

/// What the gate must know of a route.
#[derive(Clone)]
pub(super) struct Guarded {
    pub(super) web: Web,
    pub(super) operation: Operation,
    pub(super) method: Method,
    /// The route's own text, without what stands in it: for the log.
    pub(super) path: &'static str,
}

/// Lets a request through to its page, or answers for it.
pub(super) async fn gate(
    State(guarded): State<Guarded>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let started = Instant::now();
    let Guarded { web, operation, method, path } = guarded;
    let limit = web.0.config.request_time_max();
    let answering = tokio::time::timeout(limit, admit(&web, operation, request, next));
    let response = answering.await.unwrap_or_else(|_| {
        let late =
            "The server was not done in time: what was asked for may or may not have happened.";
        refused(&Refusal::new(StatusCode::GATEWAY_TIMEOUT, late), None)
    });
    let status = response.status().as_u16();
    web.0.door.metrics().shown(path, status, started.elapsed());
    tracing::info!(
        %method,
        path,
        status,
        elapsed_ms = milliseconds(started.elapsed()),
        "page"
    );
    response
}

async fn admit(web: &Web, operation: Operation, request: Request, next: Next) -> Response<Body> {
    let (mut parts, body) = request.into_parts();
    let visit = visit_of(web, &parts.headers);
    let caller = Arc::new(caller_of(visit.as_ref(), &parts));
    let permit = match web.0.door.admit(&caller, operation, Subject::Index) {
        Ok(permit) => permit,
        Err(Denial::Unknown) => return see_other("/sign-in"),
        Err(_) => return refused(&Refusal::forbidden(), visit.as_ref()),
    };
    // Whoever signed in elsewhere has no use for a password of here.
    let must_change = |visit: &Visit| visit.user.must_change_password && !visit.session.is_vouched;
    let must_change = visit.as_ref().is_some_and(must_change);
    if must_change && !operation.is_open() && operation != Operation::OwnAccount {
        return see_other("/password");
    }
    if parts.method == Method::POST {
        let limit = web.0.config.form_bytes_max;
        match fields_of(&parts, body, limit, visit.as_ref()).await {
            Ok(fields) => parts.extensions.insert(Sent(Arc::new(fields))),
            Err(refusal) => return refused(&refusal, visit.as_ref()),
        };
    }
    if let Some(visit) = &visit {
        parts.extensions.insert(visit.clone());
    }
    let path = parts.uri.path().to_owned();
    let running = next.run(Request::from_parts(parts, Body::empty()));
    let mut response = PERMIT.scope(permit, running).await;
    if let Some(refusal) = response.extensions().get::<Refusal>() {
        return refused(refusal, visit.as_ref());
    }
    match response.extensions_mut().remove::<Answer>() {
        None => response,
        Some(Answer::See(path)) => see_other(&path),
        Some(Answer::Page(title, main)) => {
            let visit = visit.as_ref();
            let notice = visit.and_then(|visit| web.0.sessions.take_notice(visit.session.id));
            let frame = layout::Frame {
                visit,
                path: &path,
                proposals: visit.map_or(0, |visit| approvals::waiting_for(web, visit)),
                is_practice: web.0.practice.is_some(),
                idle: web.0.config.session_idle_time_max(),
            };
            let page = layout::page(&frame, title, notice.as_ref(), &main);
            let mut laid_out = html(response.status(), page);
            laid_out.headers_mut().extend(std::mem::take(response.headers_mut()));
            laid_out
        }
    }
}

/// A refusal as a page, in the layout of whoever is signed in.
pub(super) fn refused(refusal: &Refusal, visit: Option<&Visit>) -> Response<Body> {
    html(refusal.status, layout::refusal(refusal, visit))
}

/// Whoever is signed in, or somebody nobody knows, as the table of operations sees them.
fn caller_of(visit: Option<&Visit>, parts: &Parts) -> Caller {
    let peer = parts.extensions.get::<Peer>().and_then(|peer| peer.address);
    let origin = Origin { interface: Interface::Web, address: peer.map(|peer| peer.ip()) };
    let Some(Visit { user, .. }) = visit else { return Caller::nobody(origin) };
    Caller::known(user.name.as_str(), vec![user.role], Domains::All, origin)
        .for_purpose(Purpose::Operations)
}

/// Who asks, if they are signed in and still may be.
fn visit_of(web: &Web, headers: &HeaderMap) -> Option<Visit> {
    let session: OpenSession = web.0.sessions.visit(session_id(headers)?)?;
    match web.0.door.user(&session.user).filter(|user| !user.is_disabled) {
        Some(user) => Some(Visit { user, session }),
        None => {
            web.0.sessions.end(session.id);
            None
        }
    }
}

fn session_id(headers: &HeaderMap) -> Option<Token> {
    cookie(headers, COOKIE).and_then(Token::parse)
}

/// The value of a cookie.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).into_iter();
    let mut pairs = cookies.filter_map(|value| value.to_str().ok()).flat_map(|it| it.split(';'));
    pairs.find_map(|pair| {
        let (its_name, value) = pair.trim().split_once('=')?;
        (its_name == name).then_some(value)
    })
}

/// Reads a form, if it comes from one of our pages.
async fn fields_of(
    parts: &Parts,
    body: Body,
    bytes_max: usize,
    visit: Option<&Visit>,
) -> Result<Fields, Refusal> {
    if !comes_from_here(&parts.headers) {
        return Err(foreign());
    }
    let body = to_bytes(body, bytes_max).await.map_err(|_| too_large())?;
    let fields = Fields::parse(&body).ok_or_else(too_large)?;
    if let Some(visit) = visit {
        let proof = Token::parse(fields.get(CSRF_FIELD));
        if proof != Some(visit.session.csrf) {
            return Err(foreign());
        }
    }
    Ok(fields)
}

/// Whether the browser says that the form was on a page of this very server. One that says nothing at all is
/// too old to be trusted with patient data.
fn comes_from_here(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let site = text(header::HeaderName::from_static("sec-fetch-site"));
    let origin = text(header::ORIGIN).map(|origin| origin.split_once("://").map_or("", |it| it.1));
    let host = text(header::HOST).unwrap_or_default();
    site.is_none_or(|site| site == "same-origin")
        && origin.is_none_or(|origin| origin == host)
        && (site.is_some() || origin.is_some())
}

fn foreign() -> Refusal {
    Refusal::new(
        StatusCode::FORBIDDEN,
        "This form does not come from a page of this session: open the page again and repeat it.",
    )
}

fn too_large() -> Refusal {
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "This is more than a form may hold.")
}

/// A form that was sent, on its way to its page.
#[derive(Clone)]
struct Sent(Arc<Fields>);

/// Pages that need to know who asks take a `Visit`; the gate has put it there.
impl<S: Sync> FromRequestParts<S> for Visit {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        parts.extensions.get::<Self>().cloned().ok_or_else(Refusal::forbidden)
    }
}

/// Whoever asks for a page that everybody may see.
pub(super) struct Anybody(pub(super) Option<Visit>);

impl<S: Sync> FromRequestParts<S> for Anybody {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get::<Visit>().cloned()))
    }
}

/// Pages that take a form take its `Form`.
pub(super) struct Form(pub(super) Arc<Fields>);

impl<S: Sync> FromRequestParts<S> for Form {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get::<Sent>().map(|sent| Arc::clone(&sent.0)).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &'static str)| {
            (header::HeaderName::from_static(name), header::HeaderValue::from_static(value))
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn a_form_comes_from_here_or_is_refused() {
        let host = ("host", "127.0.0.1:7312");
        let same = ("sec-fetch-site", "same-origin");
        let here = ("origin", "http://127.0.0.1:7312");
        for (lines, expected) in [
            (vec![host, same, here], true),
            (vec![host, here], true),
            (vec![host, same], true),
            (vec![host], false),
            (vec![host, ("origin", "http://127.0.0.1:9999")], false),
            (vec![host, ("origin", "http://evil.example")], false),
            (vec![host, ("origin", "null"), same], false),
            (vec![host, here, ("sec-fetch-site", "cross-site")], false),
            (vec![host, here, ("sec-fetch-site", "same-site")], false),
            (vec![host, here, ("sec-fetch-site", "none")], false),
            (vec![here], false),
        ] {
            assert_eq!(comes_from_here(&headers(&lines)), expected, "{lines:?}");
        }
    }

    #[test]
    fn only_our_own_cookie_names_a_session() {
        let id = "0123456789abcdef0123456789abcdef";
        for (cookie, found) in [
            ("__Host-empi=0123456789abcdef0123456789abcdef", true),
            ("a=b; __Host-empi=0123456789abcdef0123456789abcdef; c=d", true),
            ("empi=0123456789abcdef0123456789abcdef", false),
            ("__Host-empi=short", false),
            ("", false),
        ] {
            let token = session_id(&headers(&[("cookie", cookie)]));
            assert_eq!(token.map(Token::text).as_deref() == Some(id), found, "{cookie}");
        }
    }
}
