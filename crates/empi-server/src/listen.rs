//! The listening socket: where it may be, and how many connections it takes.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;

use crate::serve::ServeError;
use crate::tls::{Acceptor, PeerCertificate};

/// A bound socket that takes no connections yet.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Binds an address. Port 0 takes a free one; [`address`](Self::address) tells which. `insecure` is why other
    /// machines must not reach it, if they must not.
    ///
    /// # Errors
    /// An address that other machines can reach and must not; a port in use; whatever else the system refuses.
    pub async fn bind(
        wanted: SocketAddr,
        insecure: Option<&'static str>,
    ) -> Result<Self, ServeError> {
        if let Some(why) = insecure.filter(|_| !wanted.ip().is_loopback()) {
            return Err(ServeError::NotLoopback { address: wanted, why });
        }
        let listener = TcpListener::bind(wanted).await.map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => ServeError::PortInUse(wanted),
            _ => ServeError::Bind { address: wanted, error },
        })?;
        let address =
            listener.local_addr().map_err(|error| ServeError::Bind { address: wanted, error })?;
        Ok(Self { listener, address })
    }

    /// The address, with the real port.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections as they come, at most so many at a time, after their handshake where there is TLS. Dropping the
    /// stream closes the socket.
    pub(crate) fn connections(
        self,
        connections_max: usize,
        tls: Option<Acceptor>,
    ) -> ReceiverStream<io::Result<Connection>> {
        let places = Arc::new(Semaphore::new(connections_max));
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            loop {
                let accepted = tokio::select! {
                    () = sender.closed() => return,
                    accepted = accept(&self.listener, &places) => accepted,
                };
                let (stream, place) = match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        // Out of file descriptors, most likely: give running calls time to end.
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                };
                if let Some(tls) = &tls {
                    // Beside the others: whoever is slow to agree keeps a place, and nobody waiting.
                    tokio::spawn(shake_hands(tls.clone(), stream, place, sender.clone()));
                } else if sender.send(Ok(Connection::plain(stream, place))).await.is_err() {
                    return;
                }
            }
        });
        ReceiverStream::new(receiver)
    }
}

const ACCEPT_PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    // Answers are small and somebody waits at a desk: send them at once.
    stream.set_nodelay(true)?;
    Ok((stream, place))
}

/// Hands a connection on when both sides have agreed on TLS.
async fn shake_hands(
    tls: Acceptor,
    stream: TcpStream,
    place: OwnedSemaphorePermit,
    sender: mpsc::Sender<io::Result<Connection>>,
) {
    let address = stream.peer_addr().ok();
    let shaken = tokio::select! {
        () = sender.closed() => return,
        shaken = tls.accept(stream) => shaken,
    };
    if let Some((stream, certificate)) = shaken {
        let peer = Peer { address, is_encrypted: true, certificate };
        let stream = Stream::Encrypted(Box::new(stream));
        // Nobody takes connections any more: it closes.
        let _ = sender.send(Ok(Connection { stream, peer, _place: place })).await;
    }
}

/// The other side of a connection: what is known of it before it said a word.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peer {
    pub(crate) address: Option<SocketAddr>,
    pub(crate) is_encrypted: bool,
    /// What it showed, if it showed one: found good, and the certificate of a client of the configuration.
    pub(crate) certificate: Option<Arc<PeerCertificate>>,
}

/// A connection that gives its place back when it closes.
pub(crate) struct Connection {
    stream: Stream,
    peer: Peer,
    _place: OwnedSemaphorePermit,
}

enum Stream {
    Plain(TcpStream),
    Encrypted(Box<TlsStream<TcpStream>>),
}

impl Connection {
    fn plain(stream: TcpStream, place: OwnedSemaphorePermit) -> Self {
        let address = stream.peer_addr().ok();
        let peer = Peer { address, is_encrypted: false, certificate: None };
        Self { stream: Stream::Plain(stream), peer, _place: place }
    }

    /// Who is at the other end.
    pub(crate) const fn peer(&self) -> &Peer {
        &self.peer
    }
}

/// gRPC finds it among the extensions of each request.
impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Encrypted(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Encrypted(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Stream::Encrypted(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Encrypted(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(context),
            Stream::Encrypted(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Encrypted(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_loopback_unless_told_in_so_many_words() {
        let everywhere = "0.0.0.0:0".parse().unwrap();
        let error = Listener::bind(everywhere, Some("nothing is encrypted there")).await;
        let error = error.unwrap_err().to_string();
        assert!(error.contains("nothing is encrypted there"), "{error}");
        assert!(error.contains("--insecure-allow-remote"), "{error}");
        assert!(Listener::bind(everywhere, None).await.is_ok());
        assert!(Listener::bind("[::1]:0".parse().unwrap(), Some("insecure")).await.is_ok());
    }

    #[tokio::test]
    async fn a_port_in_use_is_said_in_one_sentence() {
        let first = Listener::bind("127.0.0.1:0".parse().unwrap(), None).await.unwrap();
        let error = Listener::bind(first.address(), None).await.unwrap_err();
        assert!(matches!(error, ServeError::PortInUse(_)));
        assert!(error.to_string().contains(&first.address().port().to_string()));
    }
}
