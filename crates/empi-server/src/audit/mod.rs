//! The audit trail carried out of the machine. The trail itself is the registry's.
//!
//! Its ends are signed (`heads`, `sign`): whoever has one can prove that nothing before it was altered, cut off or written
//! anew. Its entries are sent to a repository (`syslog`), in the words of `dicom`.
//!
//! A head is one line of JSON. The signature is Ed25519 over a mark, the number, the hash and the time, so that it is checked
//! with the public key alone, elsewhere, by anybody.

mod config;
mod dicom;
mod heads;
mod sign;
mod syslog;
#[cfg(test)]
mod tests;

pub use config::{AuditConfig, HeadFailure};
pub use dicom::{AuditKind, audit_kind, audit_outcome};
pub(crate) use heads::{CarryingEnd, Heads, keep_heads};
pub use sign::{AuditKey, AuditKeyError, SignedHead, read_heads};
pub(crate) use syslog::Syslog;
pub use syslog::SyslogConfig;

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
