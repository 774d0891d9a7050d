//! The way to a server: in the clear, or by mutual TLS with a token beside every call.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use hyper_util::rt::TokioIo;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use tokio::net::TcpStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint, Uri};
use tower::service_fn;

/// Whom the server's certificate is for.
pub(crate) const SERVER_NAME: &str = "localhost";

/// Whom the callers' certificate is for.
pub(crate) const CALLER_NAME: &str = "load.example";

/// A connection that shows a token with every call, where there is one.
pub(crate) type Line = InterceptedService<Channel, Credentials>;

/// What is shown with every call.
#[derive(Clone)]
pub(crate) struct Credentials(Option<MetadataValue<Ascii>>);

impl Interceptor for Credentials {
    fn call(
        &mut self,
        mut request: tonic::Request<()>,
    ) -> Result<tonic::Request<()>, tonic::Status> {
        if let Some(bearer) = &self.0 {
            request.metadata_mut().insert("authorization", bearer.clone());
        }
        Ok(request)
    }
}

/// How a server is reached.
#[derive(Clone)]
pub(crate) struct Way {
    address: String,
    tls: Option<TlsConnector>,
    credentials: Credentials,
}

impl Way {
    /// In the clear, as nobody in particular.
    pub(crate) fn open(address: &str) -> Self {
        Self { address: address.to_owned(), tls: None, credentials: Credentials(None) }
    }

    /// By mutual TLS, with the token of a file.
    pub(crate) fn secured(
        address: &str,
        identities: &Identities,
        token: &Path,
    ) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(token)?;
        let mut bearer = MetadataValue::try_from(format!("Bearer {}", text.trim()))?;
        bearer.set_sensitive(true);
        let tls = Some(identities.connector()?);
        Ok(Self { address: address.to_owned(), tls, credentials: Credentials(Some(bearer)) })
    }

    /// A connection.
    pub(crate) async fn connect(&self) -> anyhow::Result<Line> {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address))?.tcp_nodelay(true);
        let channel = match &self.tls {
            None => endpoint.connect().await?,
            Some(tls) => {
                let (tls, address) = (tls.clone(), self.address.clone());
                let connect = service_fn(move |_: Uri| {
                    let (tls, address) = (tls.clone(), address.clone());
                    async move {
                        let name = ServerName::try_from(SERVER_NAME).map_err(io::Error::other)?;
                        let stream = TcpStream::connect(address).await?;
                        stream.set_nodelay(true)?;
                        io::Result::Ok(TokioIo::new(tls.connect(name, stream).await?))
                    }
                });
                endpoint.connect_with_connector(connect).await?
            }
        };
        Ok(InterceptedService::new(channel, self.credentials.clone()))
    }
}

/// The certificates of a run: an authority, and those that it vouches for, as files in PEM.
pub(crate) struct Identities {
    pub(crate) authority: PathBuf,
    pub(crate) server: (PathBuf, PathBuf),
    caller: (PathBuf, PathBuf),
}

impl Identities {
    /// Makes them in a folder.
    pub(crate) fn make(folder: &Path) -> anyhow::Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Load driver");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let issue = |name: &str| -> anyhow::Result<(PathBuf, PathBuf)> {
            let mut params = CertificateParams::new(vec![name.to_owned()])?;
            params.extended_key_usages =
                vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
            let key = KeyPair::generate()?;
            let certificate = params.signed_by(&key, &authority)?;
            let place = |ending: &str| folder.join(format!("{name}.{ending}"));
            std::fs::write(place("pem"), certificate.pem())?;
            write_secret(&place("key"), &key.serialize_pem())?;
            Ok((place("pem"), place("key")))
        };
        let (server, caller) = (issue(SERVER_NAME)?, issue(CALLER_NAME)?);
        let file = folder.join("authority.pem");
        std::fs::write(&file, authority.pem())?;
        Ok(Self { authority: file, server, caller })
    }

    /// Connects as the callers do.
    fn connector(&self) -> anyhow::Result<TlsConnector> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&self.authority)?)?;
        let (chain, key) = identity(&self.caller)?;
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(TlsConnector::from(Arc::new(config)))
    }

    /// Takes connections as a repository of audit records does.
    pub(crate) fn acceptor(&self) -> anyhow::Result<TlsAcceptor> {
        let (chain, key) = identity(&self.server)?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn identity((certificate, key): &(PathBuf, PathBuf)) -> anyhow::Result<Identity> {
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<_, _>>()?;
    Ok((chain, PrivateKeyDer::from_pem_file(key)?))
}

/// Writes a file that only its owner can read.
fn write_secret(file: &Path, text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    let mut out = options.write(true).create_new(true).mode(0o600).open(file)?;
    out.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", file.display()))
}
