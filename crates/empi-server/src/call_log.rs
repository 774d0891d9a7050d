//! One log line per call, its place in the figures, and an end to calls that take too long.
//!
//! A line has the method, the status code, the milliseconds and a hash of the request ID. It has no
//! values, no record IDs and no enterprise IDs.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tonic::body::Body;
use tonic::codegen::http;
use tonic::{Code, Extensions, Status};
use tower::{Layer, Service};

use crate::metrics::Metrics;

/// What a handler tells the log about its call.
#[derive(Clone, Default)]
pub(crate) struct CallNotes(Arc<Notes>);

#[derive(Default)]
struct Notes {
    request_id_hash: OnceLock<u64>,
    /// Set by a stream, which logs its own end.
    is_stream: OnceLock<()>,
}

impl CallNotes {
    /// The notes of the call that a request belongs to.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        extensions.get::<Self>().cloned().unwrap_or_default()
    }

    pub(crate) fn request_id(&self, request_id: &str) {
        if !request_id.is_empty() {
            let hash = xxhash_rust::xxh3::xxh3_64(request_id.as_bytes());
            // A call has one request ID; a second one would be the same.
            let _ = self.0.request_id_hash.set(hash);
        }
    }

    pub(crate) fn is_stream(&self) {
        let _ = self.0.is_stream.set(());
    }
}

/// Puts the log around the services.
#[derive(Clone)]
pub(crate) struct CallLogLayer {
    pub(crate) call_time_max: Duration,
    pub(crate) metrics: Metrics,
}

impl<S> Layer<S> for CallLogLayer {
    type Service = CallLog<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CallLog { inner, call_time_max: self.call_time_max, metrics: self.metrics.clone() }
    }
}

/// A service with the log around it.
#[derive(Clone)]
pub(crate) struct CallLog<S> {
    inner: S,
    call_time_max: Duration,
    metrics: Metrics,
}

impl<S> Service<http::Request<Body>> for CallLog<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        let started = Instant::now();
        let notes = CallNotes::default();
        request.extensions_mut().insert(notes.clone());
        // Both share what was read: no text is copied.
        let method = request.uri().clone();
        let (limit, metrics) = (self.call_time_max, self.metrics.clone());
        let answering = tokio::time::timeout(limit, self.inner.call(request));
        Box::pin(async move {
            let response = match answering.await {
                Ok(answered) => answered?,
                Err(_) => out_of_time(limit).into_http(),
            };
            log(method.path(), &response, started.elapsed(), &notes, &metrics);
            Ok(response)
        })
    }
}

fn out_of_time(limit: Duration) -> Status {
    Status::deadline_exceeded(format!(
        "no answer within {} ms: a change may or may not be durable, so send the same call again",
        limit.as_millis()
    ))
}

fn log<B>(
    method: &str,
    response: &http::Response<B>,
    elapsed: Duration,
    notes: &CallNotes,
    metrics: &Metrics,
) {
    let code = response
        .headers()
        .get(Status::GRPC_STATUS)
        .map_or(Code::Ok, |value| Code::from_bytes(value.as_bytes()));
    // A method that does not exist is the caller's own text, so it is not repeated.
    let method = if code == Code::Unimplemented { "unknown" } else { method };
    metrics.called(method, code, elapsed);
    if code == Code::Ok && notes.0.is_stream.get().is_some() {
        return;
    }
    let request_id_hash = notes.0.request_id_hash.get().map(|hash| format!("{hash:016x}"));
    tracing::info!(
        method,
        code = ?code,
        elapsed_ms = milliseconds(elapsed),
        request_id_hash,
        "call"
    );
}

/// Milliseconds to three places: what a log line needs of a duration.
pub(crate) fn milliseconds(elapsed: Duration) -> f64 {
    (elapsed.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_call_that_takes_too_long_is_given_up() {
        let slow = tower::service_fn(|_: http::Request<Body>| async {
            tokio::time::sleep(Duration::from_secs(60)).await;
            Ok::<_, Infallible>(http::Response::new(Body::empty()))
        });
        let dir = tempfile::tempdir().unwrap();
        let metrics = Metrics::new(&crate::tests::registry_in(dir.path()));
        let call_time_max = Duration::from_millis(250);
        let mut service = CallLogLayer { call_time_max, metrics }.layer(slow);
        let response = service.call(http::Request::new(Body::empty())).await.unwrap();
        let status = Status::from_header_map(response.headers()).unwrap();
        assert_eq!(status.code(), Code::DeadlineExceeded);
        assert!(status.message().contains("250 ms"), "{}", status.message());
    }

    #[test]
    fn the_log_has_a_hash_of_the_request_id_and_not_the_id() {
        let notes = CallNotes::default();
        notes.request_id("");
        assert_eq!(notes.0.request_id_hash.get(), None);
        notes.request_id("request-1");
        assert!(notes.0.request_id_hash.get().is_some());
    }
}
