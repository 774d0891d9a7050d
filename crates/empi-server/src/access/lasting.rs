//! How long the caller of a stream is who they were when it began. A call is over before anything can change; a stream
//! stands for hours, and ends at once when the account of its caller is revoked, the token that was shown is replaced or
//! expires, its issuer's key is taken out, or an index that took them at their word is closed.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use empi_model::{AuditOutcome, Secret};
use http_body::{Frame, SizeHint};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, Request, Response};
use tower::{Layer, Service};

use super::{Caller, Denial, Entry};
use crate::door::Door;
use crate::exchange::Exchange;

/// How often it is asked again where nothing tells of a change: tokens expire, and keys of issuers are taken out.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// By what the caller of a stream is known.
#[derive(Clone)]
pub(crate) struct Proof {
    pub(super) exchange: Arc<Exchange>,
    pub(super) by: Means,
}

#[derive(Clone, Debug)]
pub(super) enum Means {
    /// A bearer token.
    Token(Secret),
    /// A certificate, judged when the connection began.
    Certificate,
    /// The index is open.
    Word,
}

impl fmt::Debug for Proof {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Proof").field("by", &self.by).finish_non_exhaustive()
    }
}

impl Proof {
    /// Whether it still says of the caller what it said.
    pub(super) fn holds(&self, door: &Door, caller: &Caller) -> bool {
        match &self.by {
            Means::Certificate => true,
            Means::Word => self.exchange.is_open(door),
            Means::Token(token) => {
                let now = self.exchange.of_token(door, token.expose(), caller.origin.clone());
                now.is_some_and(|now| now.name == caller.name && now.standing == caller.standing)
            }
        }
    }
}

/// Ends when the caller of a stream is known no longer; never for a call that has no proof, for it is no stream.
async fn ended(entry: Entry, door: Door) {
    let Some(proof) = &entry.proof else { return std::future::pending().await };
    let mut changes = door.account_changes();
    while proof.holds(&door, &entry.caller) {
        tokio::select! {
            changed = changes.changed() => if changed.is_err() {
                // The registry is gone, and the stream ends with it.
                return std::future::pending().await;
            },
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
    tracing::warn!(
        operation = entry.operation.as_str(),
        "a stream ends: its caller is known no longer"
    );
    door.note(entry.caller.asked(entry.operation), AuditOutcome::Denied);
}

/// Behind the question who calls: watches over the answers of streams.
#[derive(Clone)]
pub(crate) struct LastingLayer(pub(crate) Door);

impl<S> Layer<S> for LastingLayer {
    type Service = Lasting<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Lasting { inner, door: self.0.clone() }
    }
}

/// The services behind it.
#[derive(Clone)]
pub(crate) struct Lasting<S> {
    inner: S,
    door: Door,
}

impl<S> Service<Request<Body>> for Lasting<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let entry = request.extensions().get::<Entry>().filter(|entry| entry.proof.is_some());
        let ended = entry.cloned().map(|entry| ended(entry, self.door.clone()));
        let answering = self.inner.call(request);
        let Some(ended) = ended else { return Box::pin(answering) };
        Box::pin(async move {
            let answer = answering.await?;
            Ok(answer.map(|body| Body::new(Stream { body: Some(body), ended: Box::pin(ended) })))
        })
    }
}

/// The answers of a stream, or, once its caller is known no longer, a status in their place.
struct Stream {
    /// Dropped at the end, which tells whoever makes the answers.
    body: Option<Body>,
    ended: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl http_body::Body for Stream {
    type Data = <Body as http_body::Body>::Data;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Status>>> {
        let Some(body) = self.body.as_mut().map(Pin::new) else { return Poll::Ready(None) };
        if body.is_end_stream() {
            return Poll::Ready(None);
        }
        if self.ended.as_mut().poll(context).is_ready() {
            self.body = None;
            let mut trailers = HeaderMap::new();
            let status = Status::from(Denial::NoLonger);
            return Poll::Ready(Some(
                status.add_header(&mut trailers).map(|()| Frame::trailers(trailers)),
            ));
        }
        match self.body.as_mut().map(Pin::new) {
            Some(body) => body.poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
