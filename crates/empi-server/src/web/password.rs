//! Passwords: argon2id, a salt for each, and the same work for a name that nobody has.

use std::sync::LazyLock;

use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use empi_model::PasswordHash;

/// Fewest characters of a password. No rule about kinds of characters: they make passwords worse
/// (NIST SP 800-63B §3.1.1.2).
const PASSWORD_CHARS_MIN: usize = 12;

/// Most bytes of a password.
const PASSWORD_BYTES_MAX: usize = 1024;

/// Letters and digits that are not mistaken for one another when read from paper or a screen.
const CLEAR: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789-";

/// Why a password cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// It is too short, or longer than anybody types.
    #[error(
        "a password has at least {PASSWORD_CHARS_MIN} characters and at most {PASSWORD_BYTES_MAX} \
         bytes: choose another one"
    )]
    Length,
    /// The system gives no random numbers or no memory.
    #[error("the password could not be hashed: see whether the machine has memory left")]
    Unhashed,
}

/// Hashes a password with argon2id (19 MiB, 2 passes, the least that OWASP asks for) and a salt of its own.
///
/// # Errors
/// See [`PasswordError`].
pub fn hash_password(password: &str) -> Result<PasswordHash, PasswordError> {
    if password.chars().count() < PASSWORD_CHARS_MIN || password.len() > PASSWORD_BYTES_MAX {
        return Err(PasswordError::Length);
    }
    let hashed: Phc = Argon2::default()
        .hash_password(password.as_bytes())
        .map_err(|_| PasswordError::Unhashed)?;
    Ok(PasswordHash::new(hashed.to_string()))
}

/// A password of 100 random bits that can be read to somebody.
///
/// # Errors
/// [`PasswordError::Unhashed`] when the system gives no random numbers.
pub fn random_password() -> Result<String, PasswordError> {
    let mut bytes = [0; 20];
    getrandom::fill(&mut bytes).map_err(|_| PasswordError::Unhashed)?;
    let letter = |byte: u8| char::from(CLEAR[usize::from(byte) % CLEAR.len()]);
    Ok(bytes.into_iter().map(letter).collect())
}

/// Whether a password is the right one. For nobody (`None`) it takes as long, and is wrong.
pub(super) fn is_right(kept: Option<&PasswordHash>, password: &str) -> bool {
    static NOBODY: LazyLock<Option<PasswordHash>> =
        LazyLock::new(|| random_password().and_then(|password| hash_password(&password)).ok());
    let Some(compared) = kept.or(NOBODY.as_ref()) else { return false };
    let Ok(hash) = Phc::new(compared.expose()) else { return false };
    let typed = password.get(..PASSWORD_BYTES_MAX).unwrap_or(password).as_bytes();
    let agrees = Argon2::default().verify_password(typed, &hash).is_ok();
    agrees && kept.is_some() && password.len() <= PASSWORD_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_itself_is_right() {
        let kept = hash_password("correct horse battery").unwrap();
        assert!(kept.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", kept.expose());
        assert!(is_right(Some(&kept), "correct horse battery"));
        for wrong in ["correct horse batterz", "", "Correct horse battery", &"x".repeat(5000)] {
            assert!(!is_right(Some(&kept), wrong));
        }
        assert!(!is_right(None, "correct horse battery"));
        let again = hash_password("correct horse battery").unwrap();
        assert_ne!(kept.expose(), again.expose(), "each has its own salt");
    }

    #[test]
    fn short_and_endless_passwords_are_refused() {
        for bad in ["", "elevenchars", &"x".repeat(1025)] {
            assert_eq!(hash_password(bad), Err(PasswordError::Length));
        }
        let random = random_password().unwrap();
        assert!(hash_password(&random).is_ok());
        assert_ne!(random, random_password().unwrap());
    }
}
