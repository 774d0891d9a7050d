//! The listening socket: where it may be, and how many connections it takes.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::{Connected, TcpConnectInfo};

use crate::serve::ServeError;

/// A bound socket that takes no connections yet.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Binds an address. Port 0 takes a free one; [`address`](Self::address) tells which.
    ///
    /// # Errors
    /// An address that other machines can reach, unless that is allowed in so many words; a port in
    /// use; whatever else the system refuses.
    pub async fn bind(wanted: SocketAddr, allow_remote: bool) -> Result<Self, ServeError> {
        if !wanted.ip().is_loopback() && !allow_remote {
            return Err(ServeError::NotLoopback(wanted));
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

    /// Connections as they come, at most so many at a time. Dropping the stream closes the socket.
    pub(crate) fn connections(
        self,
        connections_max: usize,
    ) -> ReceiverStream<io::Result<Connection>> {
        let places = Arc::new(Semaphore::new(connections_max));
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            loop {
                let accepted = tokio::select! {
                    () = sender.closed() => return,
                    accepted = accept(&self.listener, &places) => accepted,
                };
                if let Err(error) = &accepted {
                    // Out of file descriptors, most likely: give running calls time to end.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
                if sender.send(accepted).await.is_err() {
                    return;
                }
            }
        });
        ReceiverStream::new(receiver)
    }
}

const ACCEPT_PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> io::Result<Connection> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    // Answers are small and somebody waits at a desk: send them at once.
    stream.set_nodelay(true)?;
    Ok(Connection { stream, _place: place })
}

/// A connection that gives its place back when it closes.
pub(crate) struct Connection {
    stream: TcpStream,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    /// The other side's address.
    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        self.stream.peer_addr().ok()
    }
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.stream.connect_info()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_loopback_unless_told_in_so_many_words() {
        let everywhere = "0.0.0.0:0".parse().unwrap();
        let error = Listener::bind(everywhere, false).await.unwrap_err();
        assert!(error.to_string().contains("--insecure-allow-remote"), "{error}");
        assert!(Listener::bind(everywhere, true).await.is_ok());
        assert!(Listener::bind("[::1]:0".parse().unwrap(), false).await.is_ok());
    }

    #[tokio::test]
    async fn a_port_in_use_is_said_in_one_sentence() {
        let first = Listener::bind("127.0.0.1:0".parse().unwrap(), false).await.unwrap();
        let error = Listener::bind(first.address(), false).await.unwrap_err();
        assert!(matches!(error, ServeError::PortInUse(_)));
        assert!(error.to_string().contains(&first.address().port().to_string()));
    }
}
