//! XChaCha20-Poly1305 over rows: a nonce of 24 random bytes, what is sealed, and 16 bytes that vouch for it, for the
//! place where it lies, and for its kind.
//!
//! The nonce is long enough to be drawn by chance for every row of every store, for ever.

use chacha20poly1305::aead::AeadInOut as _;
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::chance;
use crate::StoreError;

/// Bytes of a key.
pub(super) const KEY_BYTES: usize = 32;

const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;

/// Bytes that sealing adds.
pub(super) const SEAL_BYTES: usize = NONCE_BYTES + TAG_BYTES;

/// A key, wiped when it is dropped.
pub(crate) type Key = Zeroizing<[u8; KEY_BYTES]>;

/// What seals and opens under a key. Wiped when it is dropped.
pub(super) type Cipher = XChaCha20Poly1305;

pub(super) fn cipher(key: &Key) -> Cipher {
    Cipher::new((&**key).into())
}

/// Appends what is sealed to `out`. Whatever `place` says must be said again to open it.
pub(super) fn seal(
    cipher: &Cipher,
    place: &[u8],
    plain: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), StoreError> {
    let nonce = chance::bytes::<NONCE_BYTES>()?;
    out.reserve(plain.len() + SEAL_BYTES);
    out.extend_from_slice(&nonce);
    let start = out.len();
    out.extend_from_slice(plain);
    let sealed = out.get_mut(start..).unwrap_or_default();
    let tag = cipher
        .encrypt_inout_detached(&XNonce::from(nonce), place, sealed.into())
        .map_err(|_| StoreError::TooLong("a row", usize::MAX))?;
    out.extend_from_slice(&tag);
    Ok(())
}

/// What was sealed at this place. `None` where anything of it, or of the place, is another.
pub(super) fn open(cipher: &Cipher, place: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, rest) = sealed.split_first_chunk::<NONCE_BYTES>()?;
    let (text, tag) = rest.split_last_chunk::<TAG_BYTES>()?;
    let mut plain = text.to_vec();
    cipher
        .decrypt_inout_detached(
            &XNonce::from(*nonce),
            place,
            plain.as_mut_slice().into(),
            &(*tag).into(),
        )
        .ok()?;
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_in_its_place_and_only_there() {
        let ours = cipher(&chance::key().unwrap());
        let other = cipher(&chance::key().unwrap());
        for plain in [&b""[..], b"Okafor", &[7; 5000]] {
            let mut sealed = Vec::new();
            seal(&ours, b"here", plain, &mut sealed).unwrap();
            assert_eq!(sealed.len(), plain.len() + SEAL_BYTES);
            assert_eq!(open(&ours, b"here", &sealed).as_deref(), Some(plain));
            assert_eq!(open(&ours, b"there", &sealed), None);
            assert_eq!(open(&other, b"here", &sealed), None);
            for at in 0..sealed.len().min(80) {
                let mut altered = sealed.clone();
                altered[at] ^= 1;
                assert_eq!(open(&ours, b"here", &altered), None, "byte {at}");
                assert_eq!(open(&ours, b"here", &sealed[..at]), None, "cut at {at}");
            }
        }
    }

    #[test]
    fn the_vectors_of_the_draft_are_kept() {
        // draft-irtf-cfrg-xchacha-03, A.3.1.
        let key: Vec<u8> = (0x80..=0x9f).collect();
        let key: [u8; KEY_BYTES] = key.try_into().unwrap();
        let nonce: Vec<u8> = (0x40..=0x57).collect();
        let place = [0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7];
        let plain = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip \
            for the future, sunscreen would be it.";
        let mut text = plain.to_vec();
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().unwrap();
        let tag = cipher(&Zeroizing::new(key))
            .encrypt_inout_detached(&XNonce::from(nonce), &place, text.as_mut_slice().into())
            .unwrap();
        assert_eq!(text[..8], [0xbd, 0x6d, 0x17, 0x9d, 0x3e, 0x83, 0xd4, 0x3b]);
        let due = [
            0xc0, 0x87, 0x59, 0x24, 0xc1, 0xc7, 0x98, 0x79, 0x47, 0xde, 0xaf, 0xd8, 0x78, 0x0a,
            0xcf, 0x49,
        ];
        assert_eq!(tag.as_slice(), due);
    }
}
