//! Whether the server lives and takes work: for whoever watches it, not for people.

use axum::extract::State;
use axum::http::StatusCode;

use crate::web::Web;

/// The process answers.
pub(in crate::web) async fn lives() -> &'static str {
    "alive\n"
}

/// The index takes changes, and the server is not about to stop.
pub(in crate::web) async fn is_ready(State(web): State<Web>) -> (StatusCode, &'static str) {
    let (healthy, closing) = (*web.0.door.healthy().borrow(), *web.0.closing.borrow());
    match (healthy, closing) {
        (true, false) => (StatusCode::OK, "ready\n"),
        (_, true) => (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n"),
        (false, false) => (StatusCode::SERVICE_UNAVAILABLE, "a write to disk failed\n"),
    }
}
