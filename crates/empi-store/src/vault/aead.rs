//! XChaCha20-Poly1305 over rows: a nonce of 24 random bytes, what is sealed, and 16 bytes that vouch for it, for the
//! place where it lies, and for its kind.
//!
//! The nonce is long enough to be drawn by chance for every row of every store, for ever. As the draft has it
//! (draft-irtf-cfrg-xchacha-03, 2.3), HChaCha20 makes of the key and the first 16 bytes of the nonce a key of this one row,
//! and ChaCha20-Poly1305 (RFC 8439) seals under it with the other 8. That part is ring's: rows are short, and what is
//! portable takes several times as long for them.

use chacha20::{R20, hchacha};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use zeroize::{Zeroize as _, Zeroizing};

use super::chance;
use crate::StoreError;

/// Bytes of a key.
pub(super) const KEY_BYTES: usize = 32;

const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;

/// Bytes of the nonce that go into the key of a row.
const KEYED_BYTES: usize = 16;

/// Bytes that sealing adds.
pub(super) const SEAL_BYTES: usize = NONCE_BYTES + TAG_BYTES;

/// A key, wiped when it is dropped.
pub(crate) type Key = Zeroizing<[u8; KEY_BYTES]>;

/// What seals and opens under a key. Wiped when it is dropped.
pub(super) struct Cipher(Key);

pub(super) fn cipher(key: &Key) -> Cipher {
    Cipher(key.clone())
}

impl Cipher {
    /// What seals one row, and the rest of its nonce.
    fn of_row(&self, nonce: &[u8; NONCE_BYTES]) -> Option<(LessSafeKey, Nonce)> {
        let (keyed, rest) = nonce.split_first_chunk::<KEYED_BYTES>()?;
        let mut key = hchacha::<R20>((&*self.0).into(), keyed.into());
        let made = UnboundKey::new(&CHACHA20_POLY1305, &key);
        key.as_mut_slice().zeroize();
        let mut short = [0; ring::aead::NONCE_LEN];
        short.get_mut(4..)?.copy_from_slice(rest);
        Some((LessSafeKey::new(made.ok()?), Nonce::assume_unique_for_key(short)))
    }
}

/// Appends what is sealed to `out`. Whatever `place` says must be said again to open it.
pub(super) fn seal(
    cipher: &Cipher,
    place: &[u8],
    plain: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), StoreError> {
    let too_long = || StoreError::TooLong("a row", usize::MAX);
    let nonce = chance::bytes::<NONCE_BYTES>()?;
    let (key, short) = cipher.of_row(&nonce).ok_or_else(too_long)?;
    out.reserve(plain.len() + SEAL_BYTES);
    out.extend_from_slice(&nonce);
    let start = out.len();
    out.extend_from_slice(plain);
    let sealed = out.get_mut(start..).unwrap_or_default();
    let tag = key.seal_in_place_separate_tag(short, Aad::from(place), sealed);
    out.extend_from_slice(tag.map_err(|_| too_long())?.as_ref());
    Ok(())
}

/// What was sealed at this place. `None` where anything of it, or of the place, is another.
pub(super) fn open(cipher: &Cipher, place: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, rest) = sealed.split_first_chunk::<NONCE_BYTES>()?;
    let (key, short) = cipher.of_row(nonce)?;
    let mut plain = rest.to_vec();
    let length = key.open_in_place(short, Aad::from(place), &mut plain).ok()?.len();
    plain.truncate(length);
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
        let (key, short) = cipher(&Zeroizing::new(key)).of_row(&nonce).unwrap();
        let tag = key.seal_in_place_separate_tag(short, Aad::from(&place), &mut text).unwrap();
        assert_eq!(text[..8], [0xbd, 0x6d, 0x17, 0x9d, 0x3e, 0x83, 0xd4, 0x3b]);
        let due = [
            0xc0, 0x87, 0x59, 0x24, 0xc1, 0xc7, 0x98, 0x79, 0x47, 0xde, 0xaf, 0xd8, 0x78, 0x0a,
            0xcf, 0x49,
        ];
        assert_eq!(tag.as_ref(), due);
    }

    #[test]
    fn rows_of_any_length_are_sealed_as_another_library_seals_them() {
        use chacha20poly1305::aead::AeadInOut as _;
        use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
        let key = chance::key().unwrap();
        let other = XChaCha20Poly1305::new((&*key).into());
        let row: Vec<u8> = (0..=255).cycle().take(700).collect();
        for length in 0..row.len() {
            let (mut ours, plain) = (Vec::new(), &row[..length]);
            let place = &row[..length % 40];
            seal(&cipher(&key), place, plain, &mut ours).unwrap();
            let nonce = XNonce::try_from(&ours[..NONCE_BYTES]).unwrap();
            let mut theirs = plain.to_vec();
            let tag =
                other.encrypt_inout_detached(&nonce, place, theirs.as_mut_slice().into()).unwrap();
            theirs.extend_from_slice(&tag);
            assert_eq!(ours[NONCE_BYTES..], theirs, "{length} bytes");
        }
    }
}
