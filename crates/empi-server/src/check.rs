//! A question in front of the gRPC services that a call's headers alone answer: whoever does not pass gets a status at
//! once, and nothing of the message is read.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http;
use tower::{Layer, Service};

/// What is asked.
pub(crate) trait Check: Clone {
    /// Lets a call pass, with whatever is put beside it, or says what it is answered instead.
    fn check(&self, request: &mut http::Request<Body>) -> Result<(), Status>;
}

/// Puts the question in front of the services.
#[derive(Clone)]
pub(crate) struct CheckLayer<C>(pub(crate) C);

impl<S, C: Check> Layer<S> for CheckLayer<C> {
    type Service = Checked<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        Checked { inner, check: self.0.clone() }
    }
}

/// A service behind the question.
#[derive(Clone)]
pub(crate) struct Checked<S, C> {
    inner: S,
    check: C,
}

impl<S, C> Service<http::Request<Body>> for Checked<S, C>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
    C: Check,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        match self.check.check(&mut request) {
            Ok(()) => Box::pin(self.inner.call(request)),
            Err(status) => Box::pin(std::future::ready(Ok(status.into_http()))),
        }
    }
}
