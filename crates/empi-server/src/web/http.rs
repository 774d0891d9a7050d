//! Connections of browsers: how many, how long, and their orderly end.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::sync::watch;
use tokio_stream::StreamExt as _;
use tower::{Service, ServiceExt as _};

use super::{Web, routes};
use crate::listen::{Listener, Peer};
use crate::tls::Acceptor;

/// Least bytes that hyper takes for the head of a request.
const HEAD_BYTES_MIN: usize = 8 << 10;

/// Serves pages, and what stands beside them, until `closing` turns true; then lets running requests finish.
pub(crate) async fn serve(
    listener: Listener,
    web: Web,
    beside: Router,
    tls: Option<Acceptor>,
    mut closing: watch::Receiver<bool>,
) {
    let config = web.0.config;
    let mut connections = listener.connections(config.connections_max, tls);
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(config.idle_time_max())
        .max_buf_size(config.header_bytes_max.max(HEAD_BYTES_MIN));
    let app: Router = routes::router(web).merge(beside);
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            _ = closing.wait_for(|closing| *closing) => break,
            accepted = connections.next() => accepted,
        };
        let Some(Ok(connection)) = accepted else { continue };
        let service = TowerToHyperService::new(of_peer(app.clone(), connection.peer().clone()));
        let served = builder.serve_connection(TokioIo::new(connection), service);
        let watched = graceful.watch(served);
        tokio::spawn(async move {
            // A browser that goes away in the middle is no event.
            let _ = watched.await;
        });
    }
    drop(connections);
    graceful.shutdown().await;
}

/// The same pages, told who is at the other end.
fn of_peer(
    app: Router,
    peer: Peer,
) -> impl Service<
    Request<Incoming>,
    Response = Response<Body>,
    Error = std::convert::Infallible,
    Future: Send,
> + Clone
+ Send {
    app.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        request
    })
}
