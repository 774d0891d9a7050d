//! How a text goes wrong when people type it, hear it, or let a scanner read it.
//!
//! Texts are upper-case ASCII. Every function returns a text that differs from what it was given,
//! unless that has nothing to get wrong.

use super::dice::Dice;

/// The keys around each letter and digit of a US keyboard.
const KEYBOARD: [&str; 4] = ["1234567890", "QWERTYUIOP", "ASDFGHJKL", "ZXCVBNM"];

/// Spellings that sound alike in American English.
const SOUNDS: [(&str, &str); 34] = [
    ("PH", "F"),
    ("F", "PH"),
    ("CK", "K"),
    ("C", "K"),
    ("K", "C"),
    ("KN", "N"),
    ("WR", "R"),
    ("S", "Z"),
    ("Z", "S"),
    ("IE", "Y"),
    ("Y", "IE"),
    ("EY", "Y"),
    ("Y", "I"),
    ("I", "Y"),
    ("EE", "EA"),
    ("EA", "EE"),
    ("EI", "IE"),
    ("AI", "AY"),
    ("J", "G"),
    ("GH", "G"),
    ("TH", "T"),
    ("SCH", "SH"),
    ("SON", "SEN"),
    ("SEN", "SON"),
    ("MANN", "MAN"),
    ("QU", "KW"),
    ("LL", "L"),
    ("NN", "N"),
    ("TT", "T"),
    ("SS", "S"),
    ("L", "LL"),
    ("N", "NN"),
    ("T", "TT"),
    ("OU", "OW"),
];

/// Shapes that optical character recognition confuses.
const SHAPES: [(&str, &str); 22] = [
    ("O", "0"),
    ("0", "O"),
    ("I", "1"),
    ("1", "I"),
    ("L", "1"),
    ("I", "L"),
    ("S", "5"),
    ("5", "S"),
    ("B", "8"),
    ("8", "B"),
    ("G", "6"),
    ("Z", "2"),
    ("M", "RN"),
    ("RN", "M"),
    ("CL", "D"),
    ("D", "CL"),
    ("W", "VV"),
    ("H", "N"),
    ("U", "V"),
    ("V", "U"),
    ("E", "F"),
    ("Q", "O"),
];

/// One slip on the keyboard: a neighbouring key, a letter too many or too few, or two transposed.
pub(super) fn typed(text: &str, dice: &mut Dice) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    if letters.is_empty() {
        return String::new();
    }
    let at = dice.position(letters.len());
    match dice.weighted(&[40, 20, 25, 15]) {
        1 => letters.insert(at, neighbour(letters[at], dice)),
        2 if letters.len() > 2 => {
            letters.remove(at);
        }
        3 if at > 0 && letters[at - 1] != letters[at] => letters.swap(at - 1, at),
        _ => letters[at] = neighbour(letters[at], dice),
    }
    letters.into_iter().collect()
}

/// Spelt as it sounds; one slip on the keyboard where no spelling of the text sounds alike.
pub(super) fn misheard(text: &str, dice: &mut Dice) -> String {
    replaced(text, &SOUNDS, dice).unwrap_or_else(|| typed(text, dice))
}

/// Misread by a scanner; one slip on the keyboard where no shape in the text is like another.
pub(super) fn misread(text: &str, dice: &mut Dice) -> String {
    replaced(text, &SHAPES, dice).unwrap_or_else(|| typed(text, dice))
}

/// One digit changed to another.
pub(super) fn one_digit_wrong(text: &str, dice: &mut Dice) -> String {
    let positions: Vec<usize> = digit_positions(text);
    if positions.is_empty() {
        return text.to_owned();
    }
    let at = positions[dice.position(positions.len())];
    let step = 1 + dice.below(9) as u32;
    let changed = text.bytes().enumerate().map(|(position, byte)| {
        let digit = u32::from(byte.wrapping_sub(b'0'));
        if position == at {
            char::from_digit((digit + step) % 10, 10).unwrap_or('0')
        } else {
            byte.into()
        }
    });
    changed.collect()
}

/// Two different neighbouring digits transposed; one digit wrong where all are the same.
pub(super) fn digits_transposed(text: &str, dice: &mut Dice) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let pairs: Vec<(usize, usize)> = digit_positions(text)
        .windows(2)
        .filter_map(|pair| match pair {
            [left, right] if bytes.get(*left) != bytes.get(*right) => Some((*left, *right)),
            _ => None,
        })
        .collect();
    if pairs.is_empty() {
        return one_digit_wrong(text, dice);
    }
    let (left, right) = pairs[dice.position(pairs.len())];
    bytes.swap(left, right);
    bytes.into_iter().map(char::from).collect()
}

fn digit_positions(text: &str) -> Vec<usize> {
    text.bytes()
        .enumerate()
        .filter(|(_, byte)| byte.is_ascii_digit())
        .map(|(position, _)| position)
        .collect()
}

/// A key beside the one meant, in its row or the row below or above; never the one meant.
fn neighbour(letter: char, dice: &mut Dice) -> char {
    for (row, keys) in KEYBOARD.iter().enumerate() {
        let Some(column) = keys.find(letter) else { continue };
        let digit = letter.is_ascii_digit();
        let mut near: Vec<char> = Vec::with_capacity(6);
        let in_row =
            |row: usize, column: usize| KEYBOARD.get(row).and_then(|keys| keys.chars().nth(column));
        near.extend(column.checked_sub(1).and_then(|left| in_row(row, left)));
        near.extend(in_row(row, column + 1));
        // A slip leads from letter to letter and from digit to digit.
        if !digit {
            near.extend(in_row(row + 1, column));
            near.extend((row > 1).then(|| in_row(row - 1, column)).flatten());
        }
        if !near.is_empty() {
            return near[dice.position(near.len())];
        }
    }
    if letter == 'E' { 'R' } else { 'E' }
}

/// The text with one of the pairs replaced at one of the places where its left side stands.
fn replaced(text: &str, pairs: &[(&str, &str)], dice: &mut Dice) -> Option<String> {
    let mut places: Vec<(usize, &str, &str)> = Vec::new();
    for &(from, to) in pairs {
        places.extend(text.match_indices(from).map(|(at, _)| (at, from, to)));
    }
    if places.is_empty() {
        return None;
    }
    let (at, from, to) = places[dice.position(places.len())];
    let (before, after) = (text.get(..at)?, text.get(at + from.len()..)?);
    Some(format!("{before}{to}{after}"))
}

#[cfg(test)]
mod tests {
    use super::super::dice::Purpose;
    use super::*;

    #[test]
    fn every_mistake_changes_the_text_and_little_of_it() {
        let mut dice = Dice::new(3, Purpose::Record, 1);
        let mistakes: [fn(&str, &mut Dice) -> String; 3] = [typed, misheard, misread];
        for text in ["SMITH", "AL", "O", "WASHINGTON", "AA", "12 OAK", "ANNE-MARIE"] {
            for mistake in mistakes {
                for _ in 0..200 {
                    let wrong = mistake(text, &mut dice);
                    assert_ne!(wrong, text);
                    assert!(!wrong.is_empty() && wrong.len().abs_diff(text.len()) <= 2, "{wrong}");
                }
            }
        }
    }

    #[test]
    fn digits_stay_digits() {
        let mut dice = Dice::new(3, Purpose::Record, 2);
        for text in ["123456789", "111-11-1111", "7"] {
            for mistake in [one_digit_wrong, digits_transposed] {
                for _ in 0..100 {
                    let wrong = mistake(text, &mut dice);
                    assert_ne!(wrong, text);
                    let changed = wrong.bytes().zip(text.bytes()).filter(|(a, b)| a != b).count();
                    assert!((1..=2).contains(&changed) && wrong.len() == text.len(), "{wrong}");
                    assert_eq!(digit_positions(&wrong), digit_positions(text));
                }
            }
        }
        assert_eq!(one_digit_wrong("NONE", &mut dice), "NONE");
    }

    #[test]
    fn a_slip_lands_on_a_neighbouring_key() {
        let mut dice = Dice::new(3, Purpose::Record, 3);
        for _ in 0..100 {
            assert!("ADWX".contains(neighbour('S', &mut dice)));
            assert!("46".contains(neighbour('5', &mut dice)));
            assert!("WA".contains(neighbour('Q', &mut dice)));
        }
    }
}
