//! The public keys of an issuer, out of a file: a JSON Web Key Set (RFC 7517).

use std::io;
use std::path::PathBuf;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use sha2::{Digest as _, Sha256};

/// Longest file of keys, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Why the keys of an issuer do not do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerError {
    /// The system does not give the file.
    #[error("cannot read {}: {error}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It is no set of keys.
    #[error("{} is no JSON Web Key Set (RFC 7517): {error}", file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// Where and why.
        error: serde_json::Error,
    },
    /// No key in it can be used.
    #[error(
        "{} has no public key to check signatures with: RSA of at least 2048 bits, P-256, P-384 or Ed25519", .0.display()
    )]
    NoKey(PathBuf),
}

/// Where the keys of an issuer lie.
pub(super) struct KeysFile(PathBuf);

impl KeysFile {
    pub(super) const fn new(file: PathBuf) -> Self {
        Self(file)
    }

    /// Reads the keys. Keys that are for something else, or of a kind that is not known, are passed over.
    pub(super) fn read(&self) -> Result<Keys, IssuerError> {
        let file = || self.0.clone();
        let unreadable = |error| IssuerError::Unreadable { file: file(), error };
        if std::fs::metadata(&self.0).map_err(unreadable)?.len() > FILE_BYTES_MAX {
            return Err(unreadable(io::Error::other("it is longer than 1 MiB (file_bytes_max)")));
        }
        let bytes = std::fs::read(&self.0).map_err(unreadable)?;
        let set: JwkSet = serde_json::from_slice(&bytes)
            .map_err(|error| IssuerError::Malformed { file: file(), error })?;
        let keys: Vec<Key> = set.keys.iter().filter_map(Key::of).collect();
        if keys.is_empty() {
            return Err(IssuerError::NoKey(file()));
        }
        Ok(Keys { digest: Sha256::digest(&bytes).into(), keys })
    }
}

/// The keys of an issuer.
pub(super) struct Keys {
    digest: [u8; 32],
    keys: Vec<Key>,
}

struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

impl Keys {
    /// Differs where the file differs.
    pub(super) const fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// The keys that may have signed a token of such a header.
    pub(super) fn meant(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &DecodingKey> {
        let is_meant = move |key: &&Key| {
            (id.is_none() || key.id.as_deref() == id) && key.algorithms.contains(&algorithm)
        };
        self.keys.iter().filter(is_meant).map(|key| &key.key)
    }
}

impl Key {
    /// A key that can check signatures. Shared secrets are none: whoever can check them can also make them.
    fn of(jwk: &Jwk) -> Option<Self> {
        use Algorithm as Alg;
        if !matches!(&jwk.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
            return None;
        }
        let of_kind: &[Algorithm] = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => {
                &[Alg::RS256, Alg::RS384, Alg::RS512, Alg::PS256, Alg::PS384, Alg::PS512]
            }
            AlgorithmParameters::EllipticCurve(it) => match it.curve {
                EllipticCurve::P256 => &[Alg::ES256],
                EllipticCurve::P384 => &[Alg::ES384],
                _ => &[],
            },
            AlgorithmParameters::OctetKeyPair(it) if it.curve == EllipticCurve::Ed25519 => {
                &[Alg::EdDSA]
            }
            _ => &[],
        };
        let said = jwk.common.key_algorithm.map(|it| Algorithm::try_from(it).ok());
        let algorithms =
            of_kind.iter().copied().filter(|it| said.is_none_or(|said| said == Some(*it)));
        let algorithms: Vec<Algorithm> = algorithms.collect();
        let key = DecodingKey::from_jwk(jwk).ok()?;
        (!algorithms.is_empty()).then(|| Self { id: jwk.common.key_id.clone(), algorithms, key })
    }
}
