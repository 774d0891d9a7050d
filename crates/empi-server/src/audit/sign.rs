//! Keys, signatures, and heads as lines of a file.

use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use empi_model::{AuditHead, Timestamp};
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use super::{digits, read_digits, read_hash};

/// Why there is no key, or no head.
#[derive(Debug, thiserror::Error)]
pub enum AuditKeyError {
    /// A file cannot be read or written.
    #[error("{file}: {error}")]
    File {
        /// The file.
        file: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// Others than its owner can read the key.
    #[error("{0} can be read by others than its owner: chmod 600 {0}")]
    Readable(PathBuf),
    /// The file holds no key.
    #[error("{0} holds no key: make one with `empi audit key`")]
    NoKey(PathBuf),
    /// A line is no head.
    #[error("{file}, line {line}: this is no signed head")]
    NoHead {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// A head was not signed with the key.
    #[error(
        "{file}, line {line}: the head of entry {sequence} was not signed with this key, or was altered"
    )]
    Forged {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The entry that it names.
        sequence: u64,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers: no key can be made")]
    NoChance,
}

/// A key that signs heads. Prints nothing of itself.
pub struct AuditKey(Ed25519KeyPair);

impl std::fmt::Debug for AuditKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[secret]")
    }
}

impl AuditKey {
    /// Makes a key in a new file that only its owner can read (PKCS #8).
    ///
    /// # Errors
    /// See [`AuditKeyError`].
    pub fn make(file: &Path) -> Result<Self, AuditKeyError> {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
            .map_err(|_| AuditKeyError::NoChance)?;
        let failed = |error| AuditKeyError::File { file: file.to_owned(), error };
        let mut options = std::fs::OpenOptions::new();
        let mut opened =
            options.write(true).create_new(true).mode(0o600).open(file).map_err(failed)?;
        opened.write_all(pkcs8.as_ref()).and_then(|()| opened.sync_all()).map_err(failed)?;
        Self::read(file)
    }

    /// Reads a key, if nobody but its owner can.
    ///
    /// # Errors
    /// See [`AuditKeyError`].
    pub fn read(file: &Path) -> Result<Self, AuditKeyError> {
        let failed = |error| AuditKeyError::File { file: file.to_owned(), error };
        let mode = std::fs::metadata(file).map_err(failed)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(AuditKeyError::Readable(file.to_owned()));
        }
        let bytes = std::fs::read(file).map_err(failed)?;
        let pair = Ed25519KeyPair::from_pkcs8(&bytes);
        pair.map(Self).map_err(|_| AuditKeyError::NoKey(file.to_owned()))
    }

    /// What others check signatures with, in hexadecimal digits.
    #[must_use]
    pub fn public(&self) -> String {
        digits(self.0.public_key().as_ref())
    }

    /// Signs a head.
    #[must_use]
    pub fn sign(&self, head: AuditHead, time: Timestamp) -> SignedHead {
        let signature = self.0.sign(&signed_bytes(head, time.0));
        SignedHead {
            sequence: head.sequence,
            hash: digits(&head.hash),
            time_ms: time.0,
            key: self.public(),
            signature: digits(signature.as_ref()),
        }
    }
}

/// What a signature stands for.
fn signed_bytes(head: AuditHead, time_ms: i64) -> Vec<u8> {
    let mut bytes = b"empi audit head 1\n".to_vec();
    bytes.extend_from_slice(&head.sequence.to_be_bytes());
    bytes.extend_from_slice(&head.hash);
    bytes.extend_from_slice(&time_ms.to_be_bytes());
    bytes
}

/// A head as it leaves the machine: one line of JSON. Field names are a promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedHead {
    /// The number of the entry.
    pub sequence: u64,
    /// Its hash, in hexadecimal digits.
    pub hash: String,
    /// When it was signed, in milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
    /// The public key, in hexadecimal digits.
    pub key: String,
    /// The signature, in hexadecimal digits.
    pub signature: String,
}

impl SignedHead {
    /// The head, if it was signed with a key.
    #[must_use]
    pub fn verified(&self, public: &str) -> Option<AuditHead> {
        let head = AuditHead { sequence: self.sequence, hash: read_hash(&self.hash)? };
        let public = read_digits::<32>(public.trim())?;
        let signature = read_digits::<64>(&self.signature)?;
        let key = UnparsedPublicKey::new(&ED25519, public);
        key.verify(&signed_bytes(head, self.time_ms), &signature).ok().map(|()| head)
    }
}

/// The heads of a file, each one signed with the public key.
///
/// # Errors
/// See [`AuditKeyError`]: a line that is no head, or was not signed with the key.
pub fn read_heads(file: &Path, public: &str) -> Result<Vec<AuditHead>, AuditKeyError> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| AuditKeyError::File { file: file.to_owned(), error })?;
    let lines = text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty());
    let head = |(at, text): (usize, &str)| {
        let line = at + 1;
        let head: SignedHead = serde_json::from_str(text)
            .map_err(|_| AuditKeyError::NoHead { file: file.to_owned(), line })?;
        let sequence = head.sequence;
        head.verified(public).ok_or_else(|| AuditKeyError::Forged {
            file: file.to_owned(),
            line,
            sequence,
        })
    };
    lines.map(head).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_what_was_signed_or_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let key = AuditKey::make(&dir.path().join("key")).unwrap();
        let other = AuditKey::make(&dir.path().join("other")).unwrap();
        assert_eq!(AuditKey::read(&dir.path().join("key")).unwrap().public(), key.public());
        assert_eq!(format!("{key:?}"), "[secret]");
        let head = AuditHead { sequence: 7, hash: [9; 32] };
        let signed = key.sign(head, Timestamp(1000));
        assert_eq!(signed.verified(&key.public()), Some(head));
        assert_eq!(signed.verified(&other.public()), None);
        for altered in [
            SignedHead { sequence: 8, ..signed.clone() },
            SignedHead { hash: digits(&[8; 32]), ..signed.clone() },
            SignedHead { time_ms: 1001, ..signed.clone() },
            SignedHead { signature: digits(&[0; 64]), ..signed.clone() },
            SignedHead { signature: "ab".to_owned(), ..signed },
        ] {
            assert_eq!(altered.verified(&key.public()), None);
        }
    }

    #[test]
    fn a_file_of_heads_is_read_whole_or_refused_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let key = AuditKey::make(&dir.path().join("key")).unwrap();
        let line = |sequence| {
            let head = AuditHead { sequence, hash: [1; 32] };
            serde_json::to_string(&key.sign(head, Timestamp(5))).unwrap()
        };
        let file = dir.path().join("heads");
        let read = |text: String| {
            std::fs::write(&file, text).unwrap();
            let read = read_heads(&file, &key.public());
            read.map(|heads| heads.iter().map(|head| head.sequence).collect::<Vec<_>>())
        };
        assert_eq!(read(format!("{}\n\n{}\n", line(1), line(4))).unwrap(), [1, 4]);
        let forged = line(2).replace("\"sequence\":2", "\"sequence\":3");
        let error = read(format!("{}\n{forged}\n", line(1))).unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
        assert!(read("x\n".to_owned()).unwrap_err().to_string().contains("line 1"));
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        AuditKey::make(&file).unwrap();
        assert!(AuditKey::make(&file).is_err(), "a key is never written over");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(AuditKey::read(&file).unwrap_err().to_string().contains("chmod 600"));
    }

    #[test]
    fn digits_are_read_as_they_are_written() {
        assert_eq!(read_digits::<3>(&digits(&[0, 171, 255])), Some([0, 171, 255]));
        for bad in ["", "00ab", "00abfg", "00abffff", "é0abf"] {
            assert_eq!(read_digits::<3>(bad), None, "{bad}");
        }
    }
}
