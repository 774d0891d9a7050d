//! Tokens of programs: 256 random bits, shown once, kept as their SHA-256.

use empi_model::{Secret, TokenHash};
use sha2::{Digest as _, Sha256};

/// What every token begins with, so that searches for leaked secrets find them.
const PREFIX: &str = "empi_";

/// Random bytes of a token.
const TOKEN_BYTES: usize = 32;

/// The system gives no random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random numbers: no token can be made")]
pub struct TokenError;

/// A new token, which prints itself only where it is asked for.
///
/// # Errors
/// [`TokenError`].
pub fn random_token() -> Result<Secret, TokenError> {
    let mut bytes = [0; TOKEN_BYTES];
    getrandom::fill(&mut bytes).map_err(|_| TokenError)?;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Secret::new(format!("{PREFIX}{digits}")))
}

/// What is kept of a token.
#[must_use]
pub fn hash_token(token: &str) -> TokenHash {
    TokenHash(Sha256::digest(token.trim().as_bytes()).into())
}

/// The token in the value of an `Authorization` header.
pub(crate) fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_random_and_hashed_as_they_are_sent() {
        let (one, other) = (random_token().unwrap(), random_token().unwrap());
        assert_ne!(one.expose(), other.expose());
        assert_eq!(one.expose().len(), PREFIX.len() + 2 * TOKEN_BYTES);
        assert_eq!(hash_token(one.expose()), hash_token(&format!(" {}\n", one.expose())));
        assert_ne!(hash_token(one.expose()), hash_token(other.expose()));
    }

    #[test]
    fn a_bearer_token_is_read_in_any_spelling_of_the_scheme() {
        for (header, token) in [
            ("Bearer a", Some("a")),
            ("bearer  a ", Some("a")),
            ("Basic a", None),
            ("Bearer", None),
            ("", None),
        ] {
            assert_eq!(bearer(header), token, "{header}");
        }
    }
}
