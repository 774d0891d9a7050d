//! Connections of browsers: how many, how long, and their orderly end.

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::sync::watch;
use tokio_stream::StreamExt as _;
use tower::util::MapRequest;

use super::{Web, routes};
use crate::listen::Listener;

/// Least bytes that hyper takes for the head of a request.
const HEAD_BYTES_MIN: usize = 8 << 10;

/// Serves pages, and what stands beside them, until `closing` turns true; then lets running requests finish.
pub(crate) async fn serve(
    listener: Listener,
    web: Web,
    beside: Router,
    mut closing: watch::Receiver<bool>,
) {
    let config = web.0.config;
    let mut connections = listener.connections(config.connections_max);
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
        let peer = connection.peer();
        let named = MapRequest::new(app.clone(), move |mut request: Request<Incoming>| {
            if let Some(peer) = peer {
                request.extensions_mut().insert(peer);
            }
            request
        });
        let service = TowerToHyperService::new(named);
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
