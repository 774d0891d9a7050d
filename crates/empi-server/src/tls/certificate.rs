//! Who is calling, by the certificate that was shown.

use sha2::{Digest as _, Sha256};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Longest name that is kept, and how many of one certificate.
const NAME_BYTES_MAX: usize = 255;
const NAMES_MAX: usize = 64;

/// A certificate that was shown in a handshake and found good: the small type that every interface carries on to
/// whoever decides what its holder may do. It stands among the extensions of a gRPC request (in
/// [`Peer`](crate::listen::Peer)) and of a web request, and goes with each message over MLLP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PeerCertificate {
    names: Vec<String>,
}

impl PeerCertificate {
    /// Reads the names of a certificate in DER; nothing if it is none.
    pub(crate) fn read(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let mut names = Vec::new();
        if let Ok(Some(alternative)) = certificate.subject_alternative_name() {
            names.extend(alternative.value.general_names.iter().filter_map(|name| match name {
                GeneralName::DNSName(name)
                | GeneralName::URI(name)
                | GeneralName::RFC822Name(name) => Some((*name).to_owned()),
                _ => None,
            }));
        }
        let common = certificate.subject().iter_common_name();
        names.extend(common.filter_map(|name| Some(name.as_str().ok()?.to_owned())));
        names.retain(|name| !name.is_empty() && name.len() <= NAME_BYTES_MAX);
        names.truncate(NAMES_MAX);
        let digest = Sha256::digest(der);
        let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        names.push(format!("sha256:{digits}"));
        Some(Self { names })
    }

    /// Whether it goes by a name: one of its alternative names, its common name, or `sha256:` and its fingerprint.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.names.iter().any(|own| own.eq_ignore_ascii_case(name))
    }

    /// Its first name, for the log. It names a system, never a patient.
    pub(crate) fn first_name(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }
}
