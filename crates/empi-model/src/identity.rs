//! Who is who: enterprise IDs, persons and the links of records to them.

use std::fmt;
use std::str::FromStr;

use crate::{EventSequence, MatchWeight, SourceRecord, Timestamp};

/// The dense number of a source record inside one store. Given in order of arrival, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordIndex(pub u32);

/// Names a person in this index. Minted once, never reused, resolves for ever (identity rule 2).
///
/// An opaque 50-bit number, written as ten characters of Crockford's base 32 and a check character,
/// `7K3M-9QXT-2VC`. The alphabet has no I, L, O or U, and reading accepts `i`, `l` as 1 and `o` as 0,
/// with or without hyphens, in either case. The check character is a weighted sum over the field
/// GF(32), so every single wrong character and every swap of two neighbours is detected.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnterpriseId(u64);

/// Why a text is no enterprise ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnterpriseIdError {
    /// Not eleven characters of the alphabet.
    Malformed,
    /// The check character does not fit: mistyped or misheard.
    CheckCharacter,
}

impl fmt::Display for EnterpriseIdError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Malformed => {
                "an enterprise ID has eleven letters and digits, as in 7K3M-9QXT-2VC"
            }
            Self::CheckCharacter => {
                "the enterprise ID's check character does not fit: please read it again"
            }
        })
    }
}

impl std::error::Error for EnterpriseIdError {}

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const DATA_CHARACTERS: usize = 10;
const HALF_BITS: u32 = 25;
const HALF_MASK: u64 = (1 << HALF_BITS) - 1;

/// Keys of the permutation's rounds. They never change: they make the IDs of every store.
const ROUND_KEYS: [u64; 4] =
    [0x9E37_79B9_7F4A_7C15, 0xBF58_476D_1CE4_E5B9, 0x94D0_49BB_1331_11EB, 0xD6E8_FEB8_6659_FD93];

/// What one round of the permutation adds to the other half.
const fn mixed(half: u64, key: u64) -> u64 {
    ((half ^ key).wrapping_mul(0xFF51_AFD7_ED55_8CCD) >> 33) & HALF_MASK
}

impl EnterpriseId {
    /// The ID of the n-th person of a store, n below 2^50 (higher bits are dropped).
    ///
    /// A fixed four-round Feistel permutation spreads neighbouring counts over the whole space, so
    /// that an ID tells nothing about when it was minted and two IDs are never the same.
    #[must_use]
    pub fn mint(count: u64) -> Self {
        let (mut left, mut right) = ((count >> HALF_BITS) & HALF_MASK, count & HALF_MASK);
        for key in ROUND_KEYS {
            (left, right) = (right, left ^ mixed(right, key));
        }
        Self((left << HALF_BITS) | right)
    }

    /// The count that it was minted with: the inverse of [`mint`](Self::mint).
    #[must_use]
    pub fn minted_as(self) -> u64 {
        let (mut left, mut right) = (self.0 >> HALF_BITS, self.0 & HALF_MASK);
        for key in ROUND_KEYS.into_iter().rev() {
            (left, right) = (right ^ mixed(left, key), left);
        }
        (left << HALF_BITS) | right
    }

    /// The ID as a number below 2^50.
    #[must_use]
    pub const fn as_number(self) -> u64 {
        self.0
    }

    /// The inverse of [`as_number`](Self::as_number). Bits above the 50th are dropped.
    #[must_use]
    pub const fn from_number(number: u64) -> Self {
        Self(number & ((1 << (2 * HALF_BITS)) - 1))
    }

    /// The ten data digits, most significant first, each below 32.
    fn digits(self) -> [u8; DATA_CHARACTERS] {
        let mut digits = [0; DATA_CHARACTERS];
        let mut rest = self.0;
        for digit in digits.iter_mut().rev() {
            *digit = (rest & 31) as u8;
            rest >>= 5;
        }
        digits
    }
}

/// Doubles an element of GF(32), reduced by x^5 + x^2 + 1.
const fn double(element: u8) -> u8 {
    let shifted = element << 1;
    if shifted & 32 == 0 { shifted } else { (shifted ^ 0b10_0101) & 31 }
}

/// Horner's rule in GF(32): digit i is weighted with the generator to the power of its distance from
/// the end, so all weights differ and neighbours never cancel out.
fn check_digit(digits: &[u8; DATA_CHARACTERS]) -> u8 {
    digits.iter().fold(0, |sum, digit| double(sum ^ digit))
}

impl fmt::Display for EnterpriseId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.digits();
        let all = digits.iter().copied().chain([check_digit(&digits)]);
        let mut text = String::with_capacity(13);
        for (position, digit) in all.enumerate() {
            if position == 4 || position == 8 {
                text.push('-');
            }
            text.push(ALPHABET.get(usize::from(digit)).map_or('?', |byte| char::from(*byte)));
        }
        formatter.pad(&text)
    }
}

impl fmt::Debug for EnterpriseId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "EnterpriseId({self})")
    }
}

impl FromStr for EnterpriseId {
    type Err = EnterpriseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut digits = [0; DATA_CHARACTERS];
        let mut check = None;
        let characters = text.trim().chars().filter(|character| *character != '-');
        for (count, character) in characters.enumerate() {
            let digit = digit_of(character).ok_or(EnterpriseIdError::Malformed)?;
            match digits.get_mut(count) {
                Some(slot) => *slot = digit,
                None if count == DATA_CHARACTERS => check = Some(digit),
                None => return Err(EnterpriseIdError::Malformed),
            }
        }
        let check = check.ok_or(EnterpriseIdError::Malformed)?;
        if check != check_digit(&digits) {
            return Err(EnterpriseIdError::CheckCharacter);
        }
        Ok(Self(digits.iter().fold(0, |number, digit| (number << 5) | u64::from(*digit))))
    }
}

fn digit_of(character: char) -> Option<u8> {
    let upper = match character.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    ALPHABET.iter().position(|byte| char::from(*byte) == upper).and_then(|at| u8::try_from(at).ok())
}

/// The source records held to be one human being.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The person's enterprise ID.
    pub enterprise_id: EnterpriseId,
    /// Live with records, or gone into another person.
    pub state: PersonState,
    /// When the enterprise ID was minted.
    pub created: Timestamp,
    /// The event that changed the person last: the version token against lost updates.
    pub version: EventSequence,
}

/// Whether an enterprise ID answers itself or through its survivor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PersonState {
    /// The person's records, sorted; never empty.
    Live(Vec<RecordIndex>),
    /// Subsumed by a merge: the survivor answers.
    Redirect {
        /// The person it went into. It may have gone further since.
        survivor: EnterpriseId,
        /// The event that sent it there.
        event: EventSequence,
    },
    /// Erased for good: nobody answers, and nothing is held about its records but that they were.
    Erased {
        /// What is left of its records, sorted; never empty.
        records: Vec<RecordIndex>,
        /// The event that erased it.
        event: EventSequence,
    },
}

/// Whether a record has a say. The numbers are on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum RecordState {
    /// It is compared with others and counts for its person.
    #[default]
    Active,
    /// Its source withdrew it, or its registration was undone: it keeps its key and its person, and is
    /// compared with nothing.
    Retired,
    /// Its source says that it is another of its records now; retired as well.
    ReplacedBy(RecordIndex),
    /// Its person was erased: nothing of it is there but that it was, and a keyed hash of its key.
    Erased,
}

impl RecordState {
    /// Whether the record is compared with others.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Active)
    }
}

/// What a record says, and whether it still does: the part of a record that its source changes.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordContent {
    /// What the source said.
    pub record: SourceRecord,
    /// Hash of the content, to recognise a repeated registration.
    pub hash: u64,
    /// Whether it has a say.
    pub state: RecordState,
    /// When it was said.
    pub updated: Timestamp,
    /// The event that brought it.
    pub event: EventSequence,
}

/// Who made a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkSource {
    /// Scoring.
    Automatic,
    /// A data steward; scoring never changes it (identity rule 4).
    Manual,
}

/// The tie of one record to one person.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// The person.
    pub enterprise_id: EnterpriseId,
    /// Who made it.
    pub source: LinkSource,
    /// The best weight to a record of that person when the link was made; `None` for the first record
    /// of a person.
    pub weight: Option<MatchWeight>,
    /// The model that decided.
    pub model: String,
    /// The event that made it.
    pub event: EventSequence,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn enterprise_ids_are_distinct_and_read_back() {
        let mut seen = HashSet::new();
        for count in (0..50_000).chain([(1 << 50) - 1]) {
            let id = EnterpriseId::mint(count);
            assert!(seen.insert(id));
            assert_eq!(id.minted_as(), count);
            assert_eq!(id.to_string().parse(), Ok(id));
            assert_eq!(id.to_string().to_lowercase().replace('-', "").parse(), Ok(id));
        }
    }

    #[test]
    fn every_single_error_and_neighbour_swap_is_detected() {
        for count in [0, 1, 77, 123_456_789] {
            let text = EnterpriseId::mint(count).to_string().replace('-', "");
            for position in 0..text.len() {
                for replacement in ALPHABET {
                    let mut bytes = text.clone().into_bytes();
                    if bytes[position] == *replacement {
                        continue;
                    }
                    bytes[position] = *replacement;
                    let mistyped = String::from_utf8(bytes).unwrap();
                    assert_eq!(
                        mistyped.parse::<EnterpriseId>(),
                        Err(EnterpriseIdError::CheckCharacter)
                    );
                }
                let mut bytes = text.clone().into_bytes();
                if position + 1 < bytes.len() && bytes[position] != bytes[position + 1] {
                    bytes.swap(position, position + 1);
                    let swapped = String::from_utf8(bytes).unwrap();
                    assert!(swapped.parse::<EnterpriseId>().is_err());
                }
            }
        }
    }

    #[test]
    fn nonsense_is_malformed() {
        for text in ["", "7K3M", "7K3M-9QXT-2V!", "7K3M-9QXT-2VCC-0", "ÄÖÜ"] {
            assert_eq!(text.parse::<EnterpriseId>(), Err(EnterpriseIdError::Malformed));
        }
    }
}
