//! The master key of a store, and the root that it wraps: the one secret from which all others of a store follow.
//!
//! The master key comes from outside and is never written. The root is made with the store and lies in it, wrapped by the
//! master key; another master key wraps the same root anew, and no other row is touched.

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use prost::Message;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::aead::{self, KEY_BYTES, Key};
use super::chance;
use crate::StoreError;

/// Bytes of the fingerprint by which a master key is told from others.
const FINGERPRINT_BYTES: usize = 8;

/// What the wrapped root is bound to.
const ROOT_MARK: &[u8] = b"empi root 1";

/// The key that opens a store encrypted at rest: 256 random bits, as 64 hexadecimal digits. It has no `Debug`, and is wiped
/// from memory with its last copy.
#[derive(Clone)]
pub struct MasterKey(Arc<Key>);

impl MasterKey {
    /// A new one, of the system's chance.
    ///
    /// # Errors
    /// [`StoreError::NoChance`] when the system gives none.
    pub fn random() -> Result<Self, StoreError> {
        Ok(Self(Arc::new(chance::key()?)))
    }

    /// The key of 64 hexadecimal digits; blanks around them count for nothing. `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.trim().as_bytes();
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        if digits.len() != 2 * KEY_BYTES {
            return None;
        }
        for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
            let [high, low] = pair else { return None };
            *byte = (digit(*high)? << 4) | digit(*low)?;
        }
        Some(Self(Arc::new(key)))
    }

    /// The key as 64 hexadecimal digits, to be written into a file that nobody else reads.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(2 * KEY_BYTES));
        for byte in self.0.iter() {
            for half in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(half), 16).unwrap_or_default());
            }
        }
        text
    }

    /// What tells it from other keys, and nothing of the key itself.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let mut bytes = [0; FINGERPRINT_BYTES];
        bytes.copy_from_slice(&derived(&self.0, b"fingerprint")[..FINGERPRINT_BYTES]);
        Fingerprint(bytes)
    }
}

fn digit(letter: u8) -> Option<u8> {
    char::from(letter).to_digit(16).and_then(|it| u8::try_from(it).ok())
}

/// Tells master keys from one another without telling them. Shown as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; FINGERPRINT_BYTES]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// A secret for one purpose, from another (HMAC-SHA-256 as the one-step derivation of NIST SP 800-56C).
pub(super) fn derived(key: &Key, purpose: &[u8]) -> Key {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_slice()).unwrap_or_else(|_| unreachable!());
    mac.update(b"empi ");
    mac.update(purpose);
    Zeroizing::new(mac.finalize().into_bytes().into())
}

/// The row that holds the root.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(crate) struct RootRow {
    /// The fingerprint of the master key that wraps it.
    #[prost(bytes = "vec", tag = "1")]
    fingerprint: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    wrapped: Vec<u8>,
}

impl RootRow {
    /// A root as a master key wraps it.
    pub(super) fn wrap(root: &Key, master: &MasterKey) -> Result<Self, StoreError> {
        let mut wrapped = Vec::new();
        aead::seal(&aead::cipher(&master.0), ROOT_MARK, root.as_slice(), &mut wrapped)?;
        Ok(Self { fingerprint: master.fingerprint().0.to_vec(), wrapped })
    }

    /// The root, by the one of several keys that it is wrapped with.
    pub(super) fn unwrap(&self, keys: &[MasterKey]) -> Result<Key, Unopened> {
        let due = self.fingerprint.as_slice().try_into().map(Fingerprint);
        let due = due.map_err(|_| Unopened::Damaged)?;
        let given = keys.first().ok_or(Unopened::NoKey)?.fingerprint();
        let key = keys.iter().find(|key| key.fingerprint() == due);
        let key = key.ok_or(Unopened::Other { given, due })?;
        let root = aead::open(&aead::cipher(&key.0), ROOT_MARK, &self.wrapped).map(Zeroizing::new);
        let root = root.ok_or(Unopened::Damaged)?;
        root.as_slice().try_into().map(Zeroizing::new).map_err(|_| Unopened::Damaged)
    }
}

/// Why a root does not open.
pub(super) enum Unopened {
    NoKey,
    Other { given: Fingerprint, due: Fingerprint },
    Damaged,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_as_it_was_written_and_nothing_else_is_one() {
        let key = MasterKey::random().unwrap();
        let text = key.expose();
        let again = MasterKey::parse(&format!(" {}\n", text.to_uppercase())).unwrap();
        assert_eq!(*again.0, *key.0);
        assert_eq!(again.fingerprint(), key.fingerprint());
        assert_ne!(MasterKey::random().unwrap().fingerprint(), key.fingerprint());
        for wrong in ["", "00", &text[1..], &format!("{}0", *text), &text.replace(&text[..1], "g")]
        {
            assert!(MasterKey::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_fingerprint_tells_nothing_of_the_key() {
        let key = MasterKey::parse(&"0f".repeat(32)).unwrap();
        assert!(!key.expose().contains(&key.fingerprint().to_string()));
    }
}
