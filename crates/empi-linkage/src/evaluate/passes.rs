//! What each blocking pass is good for: the true pairs it brings together, and those that it alone
//! brings together.

use empi_model::BlockingRule;
use rayon::prelude::*;

/// One blocking pass, measured by true pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassCompleteness {
    /// The rule of the pass.
    pub rule: BlockingRule,
    /// Examined true pairs that share a block of it.
    pub true_pairs: u64,
    /// Of these, pairs that share no block of any other rule: what would be lost without the rule.
    pub alone: u64,
}

/// Pair completeness: how many of the examined true pairs blocking brings together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairCompleteness {
    /// How many pairs were examined.
    pub examined: u64,
    /// Those that at least one pass brings together.
    pub found: u64,
    /// Those that exactly one pass brings together.
    pub found_once: u64,
    /// Those that exactly two passes bring together.
    pub found_twice: u64,
    /// Each pass, in the order of the rules.
    pub passes: Vec<PassCompleteness>,
}

impl PairCompleteness {
    /// How many more pairs of the same kind no pass brings together, at least, per pair that was
    /// found: Chao's lower bound (1987, bias-corrected), as for species that were caught once and
    /// twice. Needs no truth if the examined pairs are links. Passes that fail on the same records
    /// make the true figure larger. `None` when nothing was found.
    #[must_use]
    pub fn unseen_share(&self) -> Option<f64> {
        let (once, twice) = (self.found_once as f64, self.found_twice as f64);
        let unseen = once * (once - 1.0).max(0.0) / (2.0 * (twice + 1.0));
        (self.found > 0).then(|| unseen / self.found as f64)
    }
}

/// Counts for each rule how many of the pairs it brings together. `rules_of` gives the rules that bring
/// a pair together, each once.
#[must_use]
pub fn pair_completeness(
    pairs: &[(u32, u32)],
    rules_of: impl Fn(u32, u32) -> Vec<BlockingRule> + Sync,
) -> PairCompleteness {
    let sums = pairs
        .par_chunks(8_192)
        .map(|pairs| {
            let mut sums = Sums::default();
            for (left, right) in pairs {
                sums.add(&rules_of(*left, *right));
            }
            sums
        })
        .reduce(Sums::default, Sums::plus);
    let passes = BlockingRule::ALL.into_iter().zip(&sums.rules);
    let passes = passes.map(|(rule, [all, alone])| PassCompleteness {
        rule,
        true_pairs: *all,
        alone: *alone,
    });
    PairCompleteness {
        examined: pairs.len() as u64,
        found: sums.found[0],
        found_once: sums.found[1],
        found_twice: sums.found[2],
        passes: passes.collect(),
    }
}

/// Counts: by any rule, by exactly one, by exactly two; and for each rule all and alone.
#[derive(Clone, Copy, Default)]
struct Sums {
    found: [u64; 3],
    rules: [[u64; 2]; BlockingRule::ALL.len()],
}

impl Sums {
    fn add(&mut self, rules: &[BlockingRule]) {
        let found = [!rules.is_empty(), rules.len() == 1, rules.len() == 2];
        for (sum, holds) in self.found.iter_mut().zip(found) {
            *sum += u64::from(holds);
        }
        for (rule, [all, alone]) in BlockingRule::ALL.iter().zip(&mut self.rules) {
            if rules.contains(rule) {
                *all += 1;
                *alone += u64::from(rules.len() == 1);
            }
        }
    }

    fn plus(mut self, other: Self) -> Self {
        let sums = self.found.iter_mut().chain(self.rules.as_flattened_mut());
        for (sum, more) in sums.zip(other.found.iter().chain(other.rules.as_flattened())) {
            *sum += more;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_is_counted_for_all_its_pairs_and_for_those_it_alone_finds() {
        use BlockingRule::{Email, Phone, Ssn};
        let pairs: Vec<(u32, u32)> = (0..6).map(|left| (left, left + 1)).collect();
        let rules =
            [vec![Ssn], vec![Ssn, Phone], vec![], vec![Phone], vec![Ssn, Phone, Email], vec![Ssn]];
        let found = pair_completeness(&pairs, |left, _| rules[left as usize].clone());
        assert_eq!((found.examined, found.found), (6, 5));
        assert_eq!((found.found_once, found.found_twice), (3, 1));
        let of = |rule| *found.passes.iter().find(|pass| pass.rule == rule).unwrap();
        assert_eq!(of(Ssn), PassCompleteness { rule: Ssn, true_pairs: 4, alone: 2 });
        assert_eq!(of(Phone), PassCompleteness { rule: Phone, true_pairs: 3, alone: 1 });
        assert_eq!(of(Email), PassCompleteness { rule: Email, true_pairs: 1, alone: 0 });
        // 3 * 2 / (2 * 2) = 1.5 unseen beside 5 seen.
        assert_eq!(found.unseen_share(), Some(0.3));
        assert_eq!(pair_completeness(&[], |_, _| Vec::new()).unseen_share(), None);
    }

    #[test]
    fn two_samplings_of_the_same_pairs_miss_what_chance_says() {
        // Two independent passes, each of which finds half: a quarter of all pairs is found by none.
        let pairs: Vec<(u32, u32)> = (0..40_000).map(|left| (left, left + 1)).collect();
        let found = pair_completeness(&pairs, |left, _| {
            let mut rules = Vec::new();
            rules.extend((left % 2 == 0).then_some(BlockingRule::Ssn));
            rules.extend((left / 2 % 2 == 0).then_some(BlockingRule::Phone));
            rules
        });
        let unseen = found.unseen_share().unwrap() * found.found as f64;
        // Chao's bound is f1²/(2 f2) = 20,000² / 20,000: too high here by design of the example, since
        // only two passes exist; the exact two-sample estimate is f1²/(4 f2) = 10,000.
        assert!((unseen - 20_000.0).abs() < 10.0, "{unseen}");
    }
}
