//! Where two values differ, letter by letter.

use maud::{Markup, html};

/// Longest value that is compared by letters, in letters; the time grows with the square.
const LETTERS_MAX: usize = 120;

/// A value with the letters marked that the other one does not have at their place. Capitals do not matter.
pub(in crate::web) fn marked(value: &str, other: &str) -> Markup {
    html! {
        @for (part, differs) in parts(value, other) {
            @if differs { mark { (part) } } @else { (part) }
        }
    }
}

/// A value cut where marks begin and end, each part with whether it is marked.
fn parts(value: &str, other: &str) -> Vec<(String, bool)> {
    let (one, two): (Vec<char>, Vec<char>) = (value.chars().collect(), other.chars().collect());
    if one.len() > LETTERS_MAX || two.len() > LETTERS_MAX {
        return vec![(value.to_owned(), !same(value, other))];
    }
    let mut parts: Vec<(String, bool)> = Vec::new();
    for (letter, kept) in one.iter().zip(kept(&one, &two)) {
        match parts.last_mut() {
            Some((part, differs)) if *differs != kept => part.push(*letter),
            _ => parts.push((letter.to_string(), !kept)),
        }
    }
    parts
}

fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// Which letters of `one` are in a longest common subsequence with `other`.
fn kept(one: &[char], other: &[char]) -> Vec<bool> {
    let equal = |left: char, right: char| left.to_lowercase().eq(right.to_lowercase());
    // lengths[i][j]: the longest common subsequence of what lies behind i and j.
    let width = other.len() + 1;
    let mut lengths = vec![0_u16; (one.len() + 1) * width];
    for (i, left) in one.iter().enumerate().rev() {
        for (j, right) in other.iter().enumerate().rev() {
            let at = |i: usize, j: usize| lengths.get(i * width + j).copied().unwrap_or(0);
            let longest = if equal(*left, *right) {
                at(i + 1, j + 1) + 1
            } else {
                at(i + 1, j).max(at(i, j + 1))
            };
            if let Some(place) = lengths.get_mut(i * width + j) {
                *place = longest;
            }
        }
    }
    let at = |i: usize, j: usize| lengths.get(i * width + j).copied().unwrap_or(0);
    let (mut i, mut j) = (0, 0);
    let mut kept = vec![false; one.len()];
    while let (Some(left), Some(right)) = (one.get(i), other.get(j)) {
        if equal(*left, *right) {
            if let Some(place) = kept.get_mut(i) {
                *place = true;
            }
            (i, j) = (i + 1, j + 1);
        } else if at(i + 1, j) >= at(i, j + 1) {
            i += 1;
        } else {
            j += 1;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn letters_that_differ_are_marked() {
        for (value, other, expected) in [
            ("Smith", "Smyth", "Sm[i]th"),
            ("SMITH", "smith", "SMITH"),
            ("1980-03-12", "1980-12-03", "1980-[03-]12"),
            ("Ann", "", "[Ann]"),
            ("", "Ann", ""),
            ("Müller", "Mueller", "M[ü]ller"),
            ("617-555-8123", "617-555-8132", "617-555-81[2]3"),
        ] {
            let shown: String = parts(value, other)
                .into_iter()
                .map(|(part, differs)| if differs { format!("[{part}]") } else { part })
                .collect();
            assert_eq!(shown, expected, "{value} {other}");
        }
        assert_eq!(marked("<b>", "x").0, "<mark>&lt;b&gt;</mark>");
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_what_is_not_marked_is_in_both(one in "\\PC{0,140}", other in "\\PC{0,140}") {
            let parts = parts(&one, &other);
            let whole: String = parts.iter().map(|(part, _)| part.as_str()).collect();
            prop_assert_eq!(&whole, &one);
            let unmarked = parts.iter().filter(|(_, differs)| !differs);
            let mut rest = other.chars().flat_map(char::to_lowercase);
            for letter in unmarked.flat_map(|(part, _)| part.chars()).flat_map(char::to_lowercase) {
                prop_assert!(rest.any(|other| other == letter));
            }
        }
    }
}
