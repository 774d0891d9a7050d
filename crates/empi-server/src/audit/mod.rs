//! The ends of the audit trail, signed and carried out of the machine: whoever has one can prove that nothing before it was
//! altered, cut off or written anew. The trail itself is the registry's.
//!
//! A head is one line of JSON. The signature is Ed25519 over a mark, the number, the hash and the time, so that it is checked
//! with the public key alone, elsewhere, by anybody.

mod config;
mod heads;
mod sign;

pub use config::{AuditConfig, HeadFailure};
pub(crate) use heads::{Heads, HeadsEnd, keep_heads};
pub use sign::{AuditKey, AuditKeyError, SignedHead, read_heads};

/// Bytes as hexadecimal digits.
pub(crate) fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes of hexadecimal digits; `None` for any other text, and for another number of bytes.
pub(crate) fn read_digits<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// A hash as hexadecimal digits.
pub(crate) fn read_hash(text: &str) -> Option<[u8; 32]> {
    read_digits(text)
}
