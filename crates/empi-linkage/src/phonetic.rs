//! How a name sounds: Double Metaphone through `rphonetic`, behind one door that admits only ASCII
//! letters, because its encoders index bytes and panic on anything else.

use rphonetic::DoubleMetaphone;
use xxhash_rust::xxh3::xxh3_64;

/// The sound of a name as two hashes of its Double Metaphone codes (Philips 2000, at most four
/// characters each). 0 where there is no code. The alternate code is 0 when it equals the primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Sound {
    /// Hash of the primary code.
    pub primary: u64,
    /// Hash of the alternate code, where it is another one.
    pub alternate: u64,
}

impl Sound {
    /// The sound of a name in match form. Digits and spaces are skipped.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let letters: String = name.chars().filter(char::is_ascii_alphabetic).collect();
        if letters.is_empty() {
            return Self::default();
        }
        let codes = DoubleMetaphone::default().double_metaphone(&letters);
        let hash = |code: String| if code.is_empty() { 0 } else { xxh3_64(code.as_bytes()) };
        let (primary, alternate) = (hash(codes.primary()), hash(codes.alternate()));
        Self { primary, alternate: if alternate == primary { 0 } else { alternate } }
    }

    /// Whether two names share a code.
    #[must_use]
    pub fn is_like(self, other: Self) -> bool {
        let same = |left: u64, right: u64| left != 0 && left == right;
        same(self.primary, other.primary)
            || same(self.primary, other.alternate)
            || same(self.alternate, other.primary)
            || same(self.alternate, other.alternate)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_sound_alike() {
        for (left, right, expected) in [
            ("SMITH", "SMYTH", true),
            ("SMITH", "SCHMIDT", true),
            ("CATHERINE", "KATHRYN", true),
            ("SMITH", "JONES", false),
            ("", "", false),
            ("3", "3", false),
        ] {
            assert_eq!(Sound::of(left).is_like(Sound::of(right)), expected, "{left} {right}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(name in "\\PC*|[A-Z ]{0,40}") {
            let sound = Sound::of(&name);
            prop_assert!(sound.alternate == 0 || sound.alternate != sound.primary);
        }
    }
}
