//! TLS to others: whom the program takes them for, and what it shows them of itself.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use empi_registry::Clock;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::io::AsyncBufReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::time_provider::TimeProvider;
use tokio_rustls::rustls::{
    AlertDescription, CertificateError, ClientConfig, Error as RustlsError, crypto,
};
use tonic::transport::{Channel, Endpoint, Uri};
use tower::service_fn;

use super::Time;
use super::config::Interface;
use super::files::{TlsError, bytes, certificates, roots};

/// How long a server may wait for the other side to begin.
const GREETING_TIME_MAX: Duration = Duration::from_secs(1);

/// TLS of a connection to somebody else; files in PEM.
///
/// ```toml
/// authorities = "ehr-ca.pem"       # who vouches for them
/// name = "ehr.north.example"       # whom their certificate must be for; the host of the address, without it
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutgoingConfig {
    /// Who vouches for the other side.
    pub authorities: PathBuf,
    /// The name that its certificate must have; without it, the host of its address.
    #[serde(default)]
    pub name: Option<String>,
}

/// What the program shows of itself: a certificate, those that vouch for it, and its key.
pub(super) type Own = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutgoingError {
    /// The files do not do.
    #[error(transparent)]
    Files(#[from] TlsError),
    /// The name can be nobody's.
    #[error("{0:?} is no name that a certificate can be for: write a host name or an IP address")]
    Name(String),
    /// The certificate and key that should be shown do not do.
    #[error("TLS does not take the certificate and key that should be shown: {0}")]
    Own(String),
    /// There is no connection, or it broke.
    #[error("{}", sentence(.0))]
    Connection(#[from] io::Error),
}

/// Connects to somebody by TLS 1.2 or 1.3.
#[derive(Clone)]
pub struct Outgoing {
    client: Arc<ClientConfig>,
    name: Option<String>,
}

impl Outgoing {
    /// Reads the files; `own` are the certificate and key to show, where the other side wants to see one.
    ///
    /// # Errors
    /// See [`OutgoingError`].
    pub fn load(
        config: &OutgoingConfig,
        own: Option<(PathBuf, PathBuf)>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OutgoingError> {
        let own = match own {
            None => None,
            Some((file, key_file)) => {
                let chain = certificates(&bytes(&file)?, &file)?;
                let key = PrivateKeyDer::from_pem_slice(&bytes(&key_file)?).map_err(|_| {
                    TlsError::Nothing { file: key_file, what: "private key without a password" }
                })?;
                Some((chain, key))
            }
        };
        Self::with(config, own, Arc::new(Time(clock)))
    }

    pub(super) fn with(
        config: &OutgoingConfig,
        own: Option<Own>,
        time: Arc<dyn TimeProvider>,
    ) -> Result<Self, OutgoingError> {
        let roots = roots(&bytes(&config.authorities)?, &config.authorities)?;
        let refused = |error: RustlsError| OutgoingError::Own(error.to_string());
        let provider = Arc::new(crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_details(provider, time)
            .with_safe_default_protocol_versions()
            .map_err(refused)?
            .with_root_certificates(roots);
        let client = match own {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(refused)?,
        };
        Ok(Self { client: Arc::new(client), name: config.name.clone() })
    }

    /// Connects to `host:port`.
    ///
    /// # Errors
    /// [`OutgoingError::Connection`] says whether the certificate, the name or the network is to blame.
    pub async fn connect(&self, address: &str) -> Result<TlsStream<TcpStream>, OutgoingError> {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = self.name.as_deref().unwrap_or(host);
        let name = ServerName::try_from(name.to_owned())
            .map_err(|_| OutgoingError::Name(name.to_owned()))?;
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(TlsConnector::from(Arc::clone(&self.client)).connect(name, stream).await?)
    }

    /// Connects, and waits for the server's first word: in TLS 1.3 it judges the certificate that was shown when this side
    /// has done with the handshake, and whoever speaks at once hears of a broken connection and not of the reason.
    async fn greeted(&self, address: &str) -> Result<TlsStream<TcpStream>, OutgoingError> {
        let mut stream = self.connect(address).await?;
        match timeout(GREETING_TIME_MAX, stream.fill_buf()).await {
            Ok(Err(error)) => Err(error.into()),
            Ok(Ok([])) => Err(io::Error::other("it closed the connection without a word").into()),
            // Something was said, or the server waits for this side to begin.
            Ok(Ok(_)) | Err(_) => Ok(stream),
        }
    }

    /// A gRPC channel to `host:port`.
    ///
    /// # Errors
    /// As [`connect`](Self::connect), inside what the transport says.
    pub async fn channel(
        self,
        endpoint: Endpoint,
        address: String,
    ) -> Result<Channel, tonic::transport::Error> {
        let mut client = ClientConfig::clone(&self.client);
        client.alpn_protocols = Interface::Grpc.protocols().iter().map(|it| it.to_vec()).collect();
        let outgoing = Self { client: Arc::new(client), ..self };
        let connect = service_fn(move |_: Uri| {
            let (outgoing, address) = (outgoing.clone(), address.clone());
            async move { outgoing.greeted(&address).await.map(TokioIo::new) }
        });
        endpoint.connect_with_connector(connect).await
    }
}

/// What an error of a connection means, in one sentence.
fn sentence(error: &io::Error) -> String {
    use CertificateError as C;
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<RustlsError>());
    let sentence = match inner {
        None => return error.to_string(),
        Some(RustlsError::InvalidCertificate(error)) => match error {
            C::Expired | C::ExpiredContext { .. } => "its certificate has expired",
            C::NotValidYet | C::NotValidYetContext { .. } => {
                "its certificate is not valid yet: compare the clocks"
            }
            C::UnknownIssuer | C::BadSignature => {
                "its certificate is of an authority that is not among those named"
            }
            C::NotValidForName | C::NotValidForNameContext { .. } => {
                "its certificate is for another name"
            }
            C::InvalidPurpose | C::InvalidPurposeContext { .. } => {
                "its certificate is not one for servers"
            }
            _ => "its certificate is not good",
        },
        Some(RustlsError::InvalidMessage(_)) => "it speaks no TLS",
        Some(RustlsError::AlertReceived(AlertDescription::CertificateRequired)) => {
            "it wants to see a certificate, and none was shown"
        }
        Some(RustlsError::AlertReceived(AlertDescription::ProtocolVersion)) => {
            "it knows no TLS newer than 1.1"
        }
        Some(RustlsError::AlertReceived(alert)) => {
            return format!("it turns this side away ({alert:?}): its log says why");
        }
        Some(error) => return format!("TLS failed: {error}"),
    };
    sentence.to_owned()
}
