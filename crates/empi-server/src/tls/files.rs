//! The files of TLS: read whole, judged together, and refused with the name of the file that is wrong.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use empi_model::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer, UnixTime,
};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    SignatureScheme, crypto,
};
use x509_parser::prelude::{ASN1Time, CertificateRevocationList, FromDer as _, X509Certificate};

use super::certificate::PeerCertificate;
use super::config::{ShownBy, TlsConfig};

/// Longest file that is read, in bytes; lists of what was revoked may be long.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// Why the files of TLS do not do. Names files, and never what is in a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The system does not give the file.
    #[error("cannot read {}: {error}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Everybody on the machine can read the key.
    #[error("everybody on this machine can read the private key {}: chmod 600 or 640", .0.display())]
    OpenKey(PathBuf),
    /// It has nothing of the kind.
    #[error("{} has no {what} in PEM that can be read", file.display())]
    Nothing {
        /// The file.
        file: PathBuf,
        /// What it should have.
        what: &'static str,
    },
    /// It has what it should, and that is not good.
    #[error("{}: {why}", file.display())]
    NotGood {
        /// The file.
        file: PathBuf,
        /// Why not, and what to do.
        why: String,
    },
}

/// What stands in the files.
pub(super) struct Files {
    certificates: Vec<u8>,
    key: Vec<u8>,
    authorities: Option<Vec<u8>>,
    revocations: Option<Vec<u8>>,
}

impl Files {
    /// Reads them; nothing where no certificate is configured.
    pub(super) fn read(config: &TlsConfig) -> Result<Option<Self>, TlsError> {
        let (Some(certificates), Some(key)) = (&config.certificates, &config.key) else {
            return Ok(None);
        };
        if is_open(key) {
            return Err(TlsError::OpenKey(key.clone()));
        }
        Ok(Some(Self {
            certificates: bytes(certificates)?,
            key: bytes(key)?,
            authorities: config.client_authorities.as_deref().map(bytes).transpose()?,
            revocations: config.client_revocations.as_deref().map(bytes).transpose()?,
        }))
    }

    /// Differs where a file differs.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        let files = [Some(&self.certificates), Some(&self.key)];
        let others = [self.authorities.as_ref(), self.revocations.as_ref()];
        for file in files.into_iter().chain(others) {
            let length = file.map_or(u64::MAX, |file| file.len() as u64);
            digest.update(length.to_be_bytes());
            digest.update(file.map_or(&[][..], Vec::as_slice));
        }
        digest.finalize().into()
    }
}

pub(super) fn bytes(file: &Path) -> Result<Vec<u8>, TlsError> {
    let unreadable = |error| TlsError::Unreadable { file: file.to_owned(), error };
    let length = std::fs::metadata(file).map_err(unreadable)?.len();
    if length > FILE_BYTES_MAX {
        return Err(unreadable(io::Error::other("it is longer than 64 MiB (file_bytes_max)")));
    }
    std::fs::read(file).map_err(unreadable)
}

/// Whether everybody on the machine can read a file, where the system knows that.
#[cfg(unix)]
fn is_open(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(file).is_ok_and(|about| about.permissions().mode() & 0o007 != 0)
}

#[cfg(not(unix))]
fn is_open(_: &Path) -> bool {
    false
}

/// What the files mean, found good at a moment.
pub(super) struct Material {
    file: PathBuf,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    authorities: Option<Arc<RootCertStore>>,
    revocations: Vec<CertificateRevocationListDer<'static>>,
    /// When the server's certificate ends, in seconds since 1970.
    pub(super) expires: i64,
    /// When the first of the revocation lists is out of date.
    pub(super) revocations_expire: Option<i64>,
}

impl Material {
    pub(super) fn of(files: &Files, config: &TlsConfig, now: Timestamp) -> Result<Self, TlsError> {
        let name = |file: &Option<PathBuf>| file.clone().unwrap_or_default();
        let (file, key_file) = (name(&config.certificates), name(&config.key));
        let chain = certificates(&files.certificates, &file)?;
        let expires = check_own(&chain, &file, now)?;
        // The reason is not told: it might be a piece of the key.
        let key = PrivateKeyDer::from_pem_slice(&files.key).map_err(|_| TlsError::Nothing {
            file: key_file,
            what: "private key without a password",
        })?;
        let authorities = match &files.authorities {
            None => None,
            Some(bytes) => Some(Arc::new(roots(bytes, &name(&config.client_authorities))?)),
        };
        let (revocations, revocations_expire) = match &files.revocations {
            None => (Vec::new(), None),
            Some(bytes) => lists(bytes, &name(&config.client_revocations))?,
        };
        Ok(Self { file, chain, key, authorities, revocations, expires, revocations_expire })
    }

    /// The server's own certificate, those that vouch for it, and its key.
    pub(super) fn own(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        (self.chain.clone(), self.key.clone_key())
    }

    /// The error of certificates that TLS does not take.
    pub(super) fn refused(&self, error: &Error) -> TlsError {
        let why = match error {
            Error::InconsistentKeys(_) => {
                "the first certificate and tls.key do not belong together".to_owned()
            }
            error => format!("TLS does not take it: {error}"),
        };
        TlsError::NotGood { file: self.file.clone(), why }
    }

    /// What judges the certificates of callers.
    pub(super) fn verifier(
        &self,
        shown_by: ShownBy,
        known: &Arc<Vec<String>>,
    ) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
        let wanted = matches!(shown_by, ShownBy::Optional | ShownBy::Everybody);
        let Some(authorities) = self.authorities.as_ref().filter(|_| wanted) else {
            return Ok(WebPkiClientVerifier::no_client_auth());
        };
        let provider = Arc::new(crypto::ring::default_provider());
        let mut builder =
            WebPkiClientVerifier::builder_with_provider(Arc::clone(authorities), provider)
                .with_crls(self.revocations.clone())
                .enforce_revocation_expiration();
        if shown_by == ShownBy::Optional {
            builder = builder.allow_unauthenticated();
        }
        let inner = builder.build().map_err(|error| TlsError::NotGood {
            file: self.file.clone(),
            why: format!("tls.client_authorities and tls.client_revocations: {error}"),
        })?;
        Ok(Arc::new(KnownCallers { inner, known: Arc::clone(known) }))
    }
}

pub(super) fn certificates(
    bytes: &[u8],
    file: &Path,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    all(bytes, file, "certificate")
}

/// The authorities of a file.
pub(super) fn roots(bytes: &[u8], file: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(bytes, file)? {
        roots.add(certificate).map_err(|error| TlsError::NotGood {
            file: file.to_owned(),
            why: format!("a certificate in it is no authority's: {error}"),
        })?;
    }
    Ok(roots)
}

/// All of a kind in a file, at least one.
fn all<T: PemObject>(bytes: &[u8], file: &Path, what: &'static str) -> Result<Vec<T>, TlsError> {
    let read: Result<Vec<T>, pem::Error> = T::pem_slice_iter(bytes).collect();
    read.ok()
        .filter(|read| !read.is_empty())
        .ok_or_else(|| TlsError::Nothing { file: file.to_owned(), what })
}

/// Checks the server's own certificate; when it expires.
fn check_own(
    chain: &[CertificateDer<'static>],
    file: &Path,
    now: Timestamp,
) -> Result<i64, TlsError> {
    let not_good = |why: String| TlsError::NotGood { file: file.to_owned(), why };
    let own = chain.first().map_or(&[][..], |own| own.as_ref());
    let (_, own) = X509Certificate::from_der(own)
        .map_err(|_| not_good("its first certificate cannot be read".to_owned()))?;
    let validity = own.validity();
    let at = ASN1Time::from_timestamp(now.0 / 1000)
        .map_err(|_| not_good("the clock of this machine is wrong".to_owned()))?;
    if at < validity.not_before {
        let from = validity.not_before;
        return Err(not_good(format!("its first certificate is valid from {from} on only")));
    }
    if at > validity.not_after {
        let until = validity.not_after;
        return Err(not_good(format!("its first certificate has expired: {until}")));
    }
    if let Ok(Some(usage)) = own.extended_key_usage()
        && !(usage.value.server_auth || usage.value.any)
    {
        let why = "its first certificate is not one for servers (extended key usage)";
        return Err(not_good(why.to_owned()));
    }
    Ok(validity.not_after.timestamp())
}

/// The revocation lists of a file, and when the first is out of date. One that is so already is taken, and lets nobody in.
fn lists(
    bytes: &[u8],
    file: &Path,
) -> Result<(Vec<CertificateRevocationListDer<'static>>, Option<i64>), TlsError> {
    let lists: Vec<CertificateRevocationListDer<'static>> = all(bytes, file, "revocation list")?;
    let mut expire = None;
    for list in &lists {
        let (_, list) = CertificateRevocationList::from_der(list.as_ref()).map_err(|_| {
            TlsError::NotGood { file: file.to_owned(), why: "a list cannot be read".to_owned() }
        })?;
        let next = list.next_update().map(|next| next.timestamp());
        expire = expire.into_iter().chain(next).min();
    }
    Ok((lists, expire))
}

/// Takes certificates that an authority vouches for and that a client of the configuration has.
#[derive(Debug)]
struct KnownCallers {
    inner: Arc<dyn ClientCertVerifier>,
    known: Arc<Vec<String>>,
}

impl ClientCertVerifier for KnownCallers {
    fn offer_client_auth(&self) -> bool {
        self.inner.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.inner.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.inner.verify_client_cert(end_entity, intermediates, now)?;
        let certificate = PeerCertificate::read(end_entity).ok_or(CertificateError::BadEncoding)?;
        if self.known.iter().any(|name| certificate.is_named(name)) {
            return Ok(verified);
        }
        tracing::warn!(
            name = certificate.first_name(),
            "no client has the certificate of this name"
        );
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
