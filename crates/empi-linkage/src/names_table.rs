//! What is known about names before any record is seen: how frequent each is in the United States,
//! and which given names are nicknames of which.
//!
//! Both tables are compiled in from `datasets/names` and `datasets/nicknames`, whose READMEs name
//! origin and licence.

use std::sync::LazyLock;

use hashbrown::HashMap;
use xxhash_rust::xxh3::xxh3_64;

const GIVEN_NAMES: &str = include_str!("../../../datasets/names/given_names.csv");
const FAMILY_NAMES: &str = include_str!("../../../datasets/names/family_names.csv");
const NICKNAMES: &str = include_str!("../../../datasets/nicknames/nicknames.csv");

/// How a name stands in the tables. Shares are of all bearers of a name in that role, 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NameShares {
    /// Share of people with this given name; 0 when it is not in the table.
    pub given: f64,
    /// Share of people with this family name; 0 when it is not in the table.
    pub family: f64,
}

/// The shares of one name in match form.
#[must_use]
pub(crate) fn name_shares(name: &str) -> NameShares {
    static SHARES: LazyLock<HashMap<&str, NameShares>> = LazyLock::new(|| {
        let mut shares: HashMap<&str, NameShares> = HashMap::new();
        for line in GIVEN_NAMES.lines().skip(1) {
            let mut fields = line.split(',');
            let name = fields.next().unwrap_or_default();
            let per_million: f64 = fields.filter_map(|field| field.parse::<f64>().ok()).sum();
            shares.entry(name).or_default().given = per_million / 2.0 / 1e6;
        }
        for line in FAMILY_NAMES.lines().skip(1) {
            if let Some((name, per_million)) = line.split_once(',') {
                let per_million: f64 = per_million.parse().unwrap_or_default();
                shares.entry(name).or_default().family = per_million / 1e6;
            }
        }
        shares
    });
    SHARES.get(name).copied().unwrap_or_default()
}

/// The chance that two random people share a given name, and a family name: the sum of squared
/// shares over the tables. The point of reference of the term-frequency adjustment.
#[must_use]
pub(crate) fn average_shares() -> NameShares {
    static AVERAGE: LazyLock<NameShares> = LazyLock::new(|| {
        let sum_of_squares = |table: &'static str, share: fn(NameShares) -> f64| {
            table
                .lines()
                .skip(1)
                .filter_map(|line| line.split(',').next())
                .map(|name| share(name_shares(name)).powi(2))
                .sum()
        };
        NameShares {
            given: sum_of_squares(GIVEN_NAMES, |shares| shares.given),
            family: sum_of_squares(FAMILY_NAMES, |shares| shares.family),
        }
    });
    *AVERAGE
}

/// Hashes of the formal names that a given name may stand for, sorted; the name itself when it is no
/// nickname. Two given names that share one are the same name in another dress.
///
/// There are very many names and few nicknames, so the hash of a name itself lies here and a list in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormalNames {
    own: u64,
    listed: Option<&'static Vec<u64>>,
}

impl std::ops::Deref for FormalNames {
    type Target = [u64];

    fn deref(&self) -> &[u64] {
        self.listed.map_or(std::slice::from_ref(&self.own), Vec::as_slice)
    }
}

/// The formal names behind a given name in match form: `BOB` gives `ROBERT`, `ROBERT` gives itself.
#[must_use]
pub(crate) fn formal_names(given: &str) -> FormalNames {
    static FORMAL: LazyLock<HashMap<&str, Vec<u64>>> = LazyLock::new(|| {
        let mut formal: HashMap<&str, Vec<u64>> = HashMap::new();
        for (name, nickname) in NICKNAMES.lines().skip(1).filter_map(|line| line.split_once(',')) {
            formal.entry(nickname).or_default().push(hash_of(name));
            let own = formal.entry(name).or_default();
            if !own.contains(&hash_of(name)) {
                own.push(hash_of(name));
            }
        }
        for hashes in formal.values_mut() {
            hashes.sort_unstable();
            hashes.dedup();
        }
        formal
    });
    FormalNames { own: hash_of(given), listed: FORMAL.get(given) }
}

/// The hash by which texts are known in blocking keys: the same on every machine and in every version.
#[must_use]
pub(crate) fn hash_of(text: &str) -> u64 {
    xxh3_64(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nicknames_share_a_formal_name() {
        for (left, right, expected) in [
            ("BOB", "ROBERT", true),
            ("BOB", "ROB", true),
            ("PEGGY", "MARGARET", true),
            ("ROBERT", "RICHARD", false),
            ("XQZ", "XQZ", true),
            ("XQZ", "XQ", false),
        ] {
            let right_names = formal_names(right);
            let shared = formal_names(left).iter().any(|name| right_names.contains(name));
            assert_eq!(shared, expected, "{left} {right}");
        }
    }

    #[test]
    fn shares_are_those_of_the_census() {
        assert!((0.005..0.02).contains(&name_shares("SMITH").family));
        assert!(name_shares("JAMES").given > 0.01);
        assert_eq!(name_shares("XQZ"), NameShares::default());
        let average = average_shares();
        assert!((1e-4..2e-3).contains(&average.family), "{average:?}");
        assert!((1e-3..2e-2).contains(&average.given), "{average:?}");
    }
}
