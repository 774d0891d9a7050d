//! Temporary names of newborns, which say nothing about who they are.
//!
//! Forms: Joint Commission NPSG.01.01.01 (`JUDY GIRL A`), AHIMA (`GirlMarie`, `Girl1Marie`), and what
//! registration desks write (`BABY BOY`, `BG`, `TWIN B`).

use crate::names_table::name_shares;

/// Words that begin a temporary name.
fn is_first_word(word: &str) -> bool {
    matches!(word, "BABY" | "BOY" | "GIRL" | "BABYBOY" | "BABYGIRL" | "BABYBOYS" | "BABYGIRLS")
        || matches!(word, "BBOY" | "BGIRL" | "BB" | "BG" | "NB" | "NEWBORN" | "INFANT")
        || matches!(word, "TWIN" | "TRIPLET" | "QUADRUPLET" | "STILLBORN" | "FETUS" | "FETAL")
}

/// Words that make a temporary name of the mother's name before them.
fn is_last_word(word: &str) -> bool {
    matches!(word, "BABY" | "BOY" | "GIRL" | "BABYBOY" | "BABYGIRL" | "NEWBORN" | "INFANT")
}

/// Whether the tokens of a given name are a newborn's temporary name.
pub(super) fn is_newborn_name(given: &[&str]) -> bool {
    match given {
        [] => false,
        ["MALE" | "FEMALE"] => true,
        ["MALE" | "FEMALE", second, ..] => is_first_word(second) || second.len() == 1,
        // `JUDY GIRL A`, `MARYS BABY`
        [first, second, rest @ ..] => {
            let is_number = |token: &&str| token.len() == 1;
            is_temporary_word(first) || is_last_word(second) && rest.iter().all(is_number)
        }
        [first] => is_temporary_word(first),
    }
}

fn is_temporary_word(word: &str) -> bool {
    if is_first_word(word) {
        return true;
    }
    let joined = ["BABYBOY", "BABYGIRL", "NEWBORN", "NBBOY", "NBGIRL", "INFANTBOY", "INFANTGIRL"];
    if joined.iter().any(|beginning| word.starts_with(beginning)) {
        return true;
    }
    let behind = |beginning: &str| word.strip_prefix(beginning);
    if let Some(rest) = behind("GIRL") {
        return is_numbered(rest, b'F') || is_mothers_name(rest, word, 3);
    }
    if let Some(rest) = behind("BABY") {
        // `BABYLON` is a name.
        return is_numbered(rest, b'F') || is_mothers_name(rest, word, 4);
    }
    if let Some(rest) = behind("BOY") {
        // `BOYD` is a name.
        return is_numbered(rest, b'C') || is_mothers_name(rest, word, 4);
    }
    behind("TWIN").is_some_and(|rest| is_numbered(rest, b'F'))
}

/// A number or letter of a multiple birth, and what may follow the number: `1`, `1MARIE`, `A`.
fn is_numbered(rest: &str, last_letter: u8) -> bool {
    match rest.as_bytes() {
        [letter] if (b'A'..=last_letter).contains(letter) => true,
        [first, ..] => first.is_ascii_digit(),
        [] => false,
    }
}

/// Whether what stands behind `GIRL` is the mother's given name, in a word that is no name itself.
fn is_mothers_name(rest: &str, word: &str, letters_min: usize) -> bool {
    rest.len() >= letters_min && name_shares(rest).given > 0.0 && name_shares(word).given <= 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_names_and_real_ones() {
        for (given, expected) in [
            ("BABY BOY", true),
            ("BABYGIRL", true),
            ("BABYGIRL1", true),
            ("BB", true),
            ("BG A", true),
            ("BOY A", true),
            ("TWIN B", true),
            ("TWINA", true),
            ("GIRL1MARIE", true),
            ("GIRLMARIE", true),
            ("BOYMARIA", true),
            ("BABYMARIE", true),
            ("GIRLB", true),
            ("JUDY GIRL A", true),
            ("MARYS BABY", true),
            ("MALE INFANT", true),
            ("NB FEMALE", true),
            ("INFANT OF MARY", true),
            ("", false),
            ("BOYD", false),
            ("BOYCE", false),
            ("BOYKIN", false),
            ("GIRLIE", false),
            ("BABETTE", false),
            ("BABE", false),
            ("BABYLON", false),
            ("MARY", false),
            ("MARY ANN", false),
            ("INFANTE", false),
            ("MALENA", false),
            ("BGIA", false),
        ] {
            let tokens: Vec<&str> = given.split(' ').filter(|token| !token.is_empty()).collect();
            assert_eq!(is_newborn_name(&tokens), expected, "{given}");
        }
    }
}
