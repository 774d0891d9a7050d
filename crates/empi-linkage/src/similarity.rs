//! How alike two texts are. Kernels over ASCII bytes without allocation; `strsim` is the reference
//! they are tested against, and the path for texts longer than 64 bytes.

/// Longest text that the bit-mask kernels take, in bytes: one bit per byte of a `u64`.
const KERNEL_BYTES_MAX: usize = 64;

/// Jaro-Winkler similarity, 0 to 1 (Winkler 1990): the boost for a common prefix of up to four
/// characters applies above a Jaro similarity of 0.7. Equal to `strsim::jaro_winkler`.
#[must_use]
pub fn jaro_winkler(left: &str, right: &str) -> f64 {
    let (a, b) = (left.as_bytes(), right.as_bytes());
    let short = a.len() <= KERNEL_BYTES_MAX && b.len() <= KERNEL_BYTES_MAX;
    if !(short && left.is_ascii() && right.is_ascii()) {
        return strsim::jaro_winkler(left, right);
    }
    let jaro = jaro_ascii(a, b);
    if jaro <= 0.7 {
        return jaro;
    }
    let prefix = a.iter().zip(b).take(4).take_while(|(x, y)| x == y).count();
    jaro + 0.1 * prefix as f64 * (1.0 - jaro)
}

/// Jaro similarity of two byte strings of at most 64 bytes, with one bit per matched position.
fn jaro_ascii(a: &[u8], b: &[u8]) -> f64 {
    if a.is_empty() || b.is_empty() {
        return if a.len() == b.len() { 1.0 } else { 0.0 };
    }
    let window = (a.len().max(b.len()) / 2).saturating_sub(1);
    let (mut matched_a, mut matched_b) = (0_u64, 0_u64);
    for (i, byte) in a.iter().enumerate() {
        let from = i.saturating_sub(window);
        for (j, other) in b.iter().enumerate().take(i + window + 1).skip(from) {
            if byte == other && matched_b & (1 << j) == 0 {
                matched_a |= 1 << i;
                matched_b |= 1 << j;
                break;
            }
        }
    }
    let matches = matched_a.count_ones();
    if matches == 0 {
        return 0.0;
    }
    let out_of_order = marked(a, matched_a).zip(marked(b, matched_b)).filter(|(x, y)| x != y);
    let transpositions = (out_of_order.count() / 2) as f64;
    let matches = f64::from(matches);
    (matches / a.len() as f64 + matches / b.len() as f64 + (matches - transpositions) / matches)
        / 3.0
}

/// The bytes whose bit is set, in order.
fn marked(bytes: &[u8], mask: u64) -> impl Iterator<Item = u8> + '_ {
    let marked = move |at: usize| at < KERNEL_BYTES_MAX && mask & (1 << at) != 0;
    bytes.iter().enumerate().filter(move |(at, _)| marked(*at)).map(|(_, byte)| *byte)
}

/// Which letters and digits stand in a text in match form, one bit each. Enough to tell of most pairs of
/// texts, without looking at them, that they are not alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Letters {
    letters: u32,
    /// The ten digits, in one bit everything else, and [`SEVERAL`].
    others: u16,
    /// In bytes, of longer texts [`LENGTH_MAX`].
    length: u8,
    first: u8,
}

/// That the text was written as several words.
const SEVERAL: u16 = 1 << 15;

/// Of a text so long or longer nothing is known but its letters.
const LENGTH_MAX: u8 = u8::MAX;

impl Letters {
    /// The first letter; 0 of the empty text.
    pub(crate) const fn first(self) -> u8 {
        self.first
    }

    /// The letters of a text.
    pub(crate) fn of(text: &str) -> Self {
        let (mut letters, mut others) = (0, 0);
        for byte in text.bytes() {
            match byte {
                b'A'..=b'Z' => letters |= 1 << (byte - b'A'),
                b'0'..=b'9' => others |= 1 << (byte - b'0'),
                _ => others |= 1 << 10,
            }
        }
        let length = u8::try_from(text.len()).unwrap_or(LENGTH_MAX);
        Self { letters, others, length, first: text.bytes().next().unwrap_or(0) }
    }

    /// The same letters, of a text that was written as several words or as one.
    pub(crate) const fn of_words(self, several: bool) -> Self {
        let several = if several { SEVERAL } else { 0 };
        Self { others: self.others & !SEVERAL | several, ..self }
    }

    /// Whether the text was written as several words.
    pub(crate) const fn is_several(self) -> bool {
        self.others & SEVERAL != 0
    }

    /// How many letters and digits of one text the other lacks.
    const fn missing_in(self, other: Self) -> u32 {
        let others = self.others & !SEVERAL & !other.others;
        (self.letters & !other.letters).count_ones() + others.count_ones()
    }

    /// The length of the text, as far as it is known.
    const fn known_length(self) -> Option<u8> {
        if self.length == LENGTH_MAX { None } else { Some(self.length) }
    }

    /// Whether the text is a single letter or digit.
    pub(crate) const fn is_one(self) -> bool {
        self.length == 1
    }

    /// Whether neither text can be the beginning of the other.
    pub(crate) const fn rule_out_beginning(self, other: Self) -> bool {
        self.first != other.first || self.missing_in(other) != 0 && other.missing_in(self) != 0
    }

    /// Whether two texts can neither be one edit apart nor reach a Jaro-Winkler similarity. Never true of
    /// two that do: a letter that the other text lacks matches nothing, which bounds the matches, and
    /// with them the similarity; transpositions only lower it.
    pub(crate) fn rule_out(self, other: Self, similarity: f64) -> bool {
        let (Some(length), Some(other_length)) = (self.known_length(), other.known_length()) else {
            return false;
        };
        let (alone, other_alone) = (self.missing_in(other), other.missing_in(self));
        if alone <= 1 && other_alone <= 1 && length.abs_diff(other_length) <= 1 {
            return false;
        }
        let (length, other_length) = (u32::from(length), u32::from(other_length));
        let matches = length.saturating_sub(alone).min(other_length.saturating_sub(other_alone));
        // Winkler adds up to 0.4 of what is missing where texts begin alike, so a similarity s takes a Jaro
        // similarity j of (s - 0.4) / 0.6; and j = (m/l + m/l' + 1) / 3 at best, here without divisions.
        let jaro = if self.first == other.first { (similarity - 0.4) / 0.6 } else { similarity };
        let both = f64::from(matches * (length + other_length));
        both < (3.0 * jaro - 1.0) * f64::from(length * other_length) - 1e-6
    }
}

/// Whether two texts differ by at most one edit: a substitution, an insertion, a deletion, or a swap
/// of neighbours (optimal string alignment distance at most 1). Equal texts count.
#[must_use]
pub fn within_one_edit(left: &[u8], right: &[u8]) -> bool {
    let (short, long) = if left.len() <= right.len() { (left, right) } else { (right, left) };
    if long.len() - short.len() > 1 {
        return false;
    }
    let prefix = short.iter().zip(long).take_while(|(x, y)| x == y).count();
    let (short, long) = (&short[prefix..], &long[prefix..]);
    match (short, long) {
        ([], _) => true,
        (_, [_, tail @ ..]) if tail == short => true,
        ([_, short_tail @ ..], [_, long_tail @ ..]) if short_tail == long_tail => true,
        ([x, y, short_tail @ ..], [v, w, long_tail @ ..]) => {
            x == w && y == v && short_tail == long_tail
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_values() {
        for (left, right, expected) in [
            ("MARTHA", "MARHTA", 0.961),
            ("DIXON", "DICKSONX", 0.813),
            ("DWAYNE", "DUANE", 0.840),
            ("", "", 1.0),
            ("A", "", 0.0),
            ("ABC", "XYZ", 0.0),
        ] {
            assert!((jaro_winkler(left, right) - expected).abs() < 1e-3, "{left} {right}");
        }
    }

    #[test]
    fn one_edit() {
        for (left, right, expected) in [
            ("", "", true),
            ("", "A", true),
            ("SMITH", "SMITH", true),
            ("SMITH", "SMYTH", true),
            ("SMITH", "SMIHT", true),
            ("SMITH", "SMTH", true),
            ("SMITH", "SMIITH", true),
            ("SMITH", "MSITHE", false),
            ("SMITH", "SMYTHE", false),
            ("AB", "BA", true),
            ("ABC", "CBA", false),
        ] {
            assert_eq!(within_one_edit(left.as_bytes(), right.as_bytes()), expected);
        }
    }

    proptest! {
        #[test]
        fn kernels_equal_their_reference(left in "[A-E]{0,9}|[A-Z ]{0,70}", right in "[A-E]{0,9}|[A-Z ]{0,70}") {
            let reference = strsim::jaro_winkler(&left, &right);
            prop_assert!((jaro_winkler(&left, &right) - reference).abs() < 1e-12);
            let one = strsim::osa_distance(&left, &right) <= 1;
            prop_assert_eq!(within_one_edit(left.as_bytes(), right.as_bytes()), one);
        }

        #[test]
        fn letters_rule_out_only_what_is_not_alike(left in "[A-F1 ]{1,9}", right in "[A-F1 ]{1,9}") {
            if Letters::of(&left).rule_out(Letters::of(&right), 0.9) {
                prop_assert!(jaro_winkler(&left, &right) < 0.9);
                prop_assert!(!within_one_edit(left.as_bytes(), right.as_bytes()));
            }
        }

        #[test]
        fn never_panics(left in ".*", right in ".*") {
            let similarity = jaro_winkler(&left, &right);
            prop_assert!((0.0..=1.0).contains(&similarity));
        }
    }
}
