//! Whether the server lives and takes work: for whoever watches it, not for people.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

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

/// The figures of the server, for Prometheus.
pub(in crate::web) async fn figures(State(web): State<Web>) -> Response {
    const OPEN_METRICS: HeaderValue =
        HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    match web.0.door.figures().await {
        Ok(text) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
