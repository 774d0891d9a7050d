//! Refusing at the headers: when as many calls are admitted as the server can answer soon, the next is refused
//! before its message is read, decoded or logged, so that refusing costs next to nothing.
//!
//! The count itself is kept by the door; a call that slips through here is refused there. Streams are
//! bounded by flow control and pass.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::sync::Semaphore;
use tonic::body::Body;
use tonic::codegen::http;
use tower::{Layer, Service};

use crate::status;

/// Calls of the service; health and reflection are always answered.
const PACKAGE: &str = "/empi.v1.";

/// Calls that last: they wait instead of being refused.
const STREAMS: [&str; 4] = [
    "/empi.v1.RegistryService/BulkRegister",
    "/empi.v1.EventService/WatchEvents",
    "/empi.v1.AdminService/Backup",
    "/empi.v1.AdminService/Verify",
];

/// Milliseconds between two lines that tell how many calls were refused.
const LOG_INTERVAL_MS: u64 = 1000;

/// Puts the refusal in front of the services.
#[derive(Clone)]
pub(crate) struct AdmissionLayer {
    admitted: Arc<Semaphore>,
    refused: Arc<Refused>,
}

impl AdmissionLayer {
    /// Refuses while no place is free.
    pub(crate) fn new(admitted: Arc<Semaphore>) -> Self {
        let (count, logged_ms) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { admitted, refused: Arc::new(Refused { started: Instant::now(), count, logged_ms }) }
    }
}

/// How many calls were refused since that was logged last.
struct Refused {
    started: Instant,
    count: AtomicU64,
    logged_ms: AtomicU64,
}

impl Refused {
    /// Counts a refusal, and tells how many there were if that is due.
    fn count(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let logged = self.logged_ms.load(Ordering::Relaxed);
        let is_due = now >= logged.saturating_add(LOG_INTERVAL_MS);
        let exchanged = |logged| {
            self.logged_ms.compare_exchange(logged, now, Ordering::Relaxed, Ordering::Relaxed)
        };
        if is_due && exchanged(logged).is_ok() {
            let calls = self.count.swap(0, Ordering::Relaxed);
            tracing::warn!(calls, "calls were refused: the server has as many as it can take");
        }
    }
}

impl<S> Layer<S> for AdmissionLayer {
    type Service = Admission<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Admission {
            inner,
            admitted: Arc::clone(&self.admitted),
            refused: Arc::clone(&self.refused),
        }
    }
}

/// A service with the refusal in front of it.
#[derive(Clone)]
pub(crate) struct Admission<S> {
    inner: S,
    admitted: Arc<Semaphore>,
    refused: Arc<Refused>,
}

impl<S> Service<http::Request<Body>> for Admission<S>
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

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let path = request.uri().path();
        let is_counted = path.starts_with(PACKAGE) && !STREAMS.contains(&path);
        if is_counted && self.admitted.available_permits() == 0 {
            self.refused.count();
            return Box::pin(std::future::ready(Ok(status::full().into_http())));
        }
        Box::pin(self.inner.call(request))
    }
}

#[cfg(test)]
mod tests {
    use tonic::{Code, Status};

    use super::*;

    async fn code(admitted: &Arc<Semaphore>, path: &str) -> Code {
        let answering = tower::service_fn(|_: http::Request<Body>| async {
            Ok::<_, Infallible>(Status::not_found("answered").into_http())
        });
        let mut service = AdmissionLayer::new(Arc::clone(admitted)).layer(answering);
        let request = http::Request::builder().uri(path).body(Body::empty()).unwrap();
        let response: http::Response<Body> = service.call(request).await.unwrap();
        Status::from_header_map(response.headers()).unwrap().code()
    }

    #[tokio::test]
    async fn a_full_server_refuses_at_the_headers_and_stays_healthy() {
        let call = "/empi.v1.RegistryService/RegisterRecord";
        let admitted = Arc::new(Semaphore::new(1));
        assert_eq!(code(&admitted, call).await, Code::NotFound, "there is room");
        let place = admitted.try_acquire().unwrap();
        assert_eq!(code(&admitted, call).await, Code::ResourceExhausted);
        for passes in STREAMS.into_iter().chain(["/grpc.health.v1.Health/Check"]) {
            assert_eq!(code(&admitted, passes).await, Code::NotFound, "{passes}");
        }
        drop(place);
        assert_eq!(code(&admitted, call).await, Code::NotFound, "there is room again");
    }
}
