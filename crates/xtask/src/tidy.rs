//! `cargo xtask tidy`: the house rules that no compiler knows.
//!
//! Each rule is a pure function from what was read of the checkout to [`Failure`]s, so that it can be
//! tested on a few made-up lines. All failures are reported together.

mod checkout;
mod layers;
mod papers;
mod places;
mod sources;
mod tree;

use std::fmt;
use std::path::Path;

use anyhow::{Result, bail};

use checkout::Checkout;

/// One breach of one rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Failure {
    /// The file or crate, from the root of the checkout.
    place: String,
    /// The line, from 1, where there is one.
    line: Option<usize>,
    /// What is wrong and what to do about it.
    advice: String,
}

impl Failure {
    fn at(place: &str, line: usize, advice: impl Into<String>) -> Self {
        Self { place: place.to_owned(), line: Some(line), advice: advice.into() }
    }

    fn of(place: &str, advice: impl Into<String>) -> Self {
        Self { place: place.to_owned(), line: None, advice: advice.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(formatter, "{}:{line}: {}", self.place, self.advice),
            None => write!(formatter, "{}: {}", self.place, self.advice),
        }
    }
}

/// Checks every rule.
///
/// # Errors
/// Lists every failure, or says why the checkout could not be read.
pub(crate) fn run(root: &Path) -> Result<()> {
    let failures = failures(root)?;
    if failures.is_empty() {
        return Ok(());
    }
    for failure in &failures {
        eprintln!("{failure}");
    }
    match failures.len() {
        1 => bail!("one house rule is broken, see above"),
        count => bail!("house rules are broken in {count} places, see above"),
    }
}

fn failures(root: &Path) -> Result<Vec<Failure>> {
    let checkout = Checkout::read(root)?;
    let mut failures = layers::failures(&layers::packages(root)?);
    failures.extend(tree::failures(&checkout));
    failures.extend(checkout.texts("rs").flat_map(sources::failures));
    failures.extend(checkout.all_texts().flat_map(places::failures));
    failures.extend(papers::failures(&checkout));
    failures.sort();
    Ok(failures)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rules hold in every test run, not only when somebody remembers to ask.
    #[test]
    fn this_checkout_is_tidy() {
        let listed: Vec<String> = failures(crate::workspace_root().unwrap())
            .unwrap()
            .iter()
            .map(Failure::to_string)
            .collect();
        assert!(listed.is_empty(), "\n{}", listed.join("\n"));
    }
}
