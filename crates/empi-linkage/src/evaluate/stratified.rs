//! Estimates from a stratified random sample: how many pairs are one person, of a population of which some from each
//! stratum were looked at.
//!
//! A stratum of N pairs, n of them labelled and x of these *same*, has N x/n pairs of one person (Cochran,
//! *Sampling Techniques*, 1977, 5.3). The 95 % limits l and u of x/n are Wilson's, for the effective number
//! n (N - 1)/(N - n) of pairs, as the population is finite. Limits of the sum T over strata are found by the
//! method of variance estimates recovery (Zou and Donner, *Statistics in Medicine* 27, 2008):
//!
//! ```text
//! T - sqrt(sum N^2 (x/n - l)^2)   and   T + sqrt(sum N^2 (u - x/n)^2)
//! ```
//!
//! which keeps sense where all labels of a stratum are alike; the usual variance would then be zero, and a handful of
//! pairs would promise certainty. Of a ratio A/(A + B) of two independent sums the limits follow in the same way from
//! those of B/A (Donner and Zou, *Statistics in Medicine* 31, 2012).

use super::interval::{Interval, wilson};

/// A stratum of the population.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct SampledStratum {
    /// Pairs in it.
    pub pairs: u64,
    /// Pairs of it that were labelled, drawn at random.
    pub labelled: u64,
    /// Of these, those that are one person.
    pub same: u64,
}

/// An estimate with its 95 % limits.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct StratifiedEstimate {
    /// What is most likely.
    pub value: f64,
    /// Its limits.
    pub interval: Interval,
}

impl SampledStratum {
    /// The share of one person, with its limits; everything is possible where nothing was labelled.
    fn share(&self) -> Option<StratifiedEstimate> {
        if self.labelled == 0 {
            return None;
        }
        let (pairs, labelled, same) = (self.pairs as f64, self.labelled as f64, self.same as f64);
        let value = same / labelled;
        if self.labelled >= self.pairs {
            return Some(StratifiedEstimate {
                value,
                interval: Interval { low: value, high: value },
            });
        }
        let effective = labelled * (pairs - 1.0) / (pairs - labelled);
        let interval = wilson(value * effective, effective)?;
        Some(StratifiedEstimate { value, interval })
    }
}

/// How many pairs of all strata are one person. `None` where a stratum that has pairs has no labelled one: nothing
/// is known of it.
#[must_use]
pub fn stratified_total(strata: &[SampledStratum]) -> Option<StratifiedEstimate> {
    let (mut value, mut below, mut above) = (0.0, 0.0, 0.0);
    for stratum in strata.iter().filter(|stratum| stratum.pairs > 0) {
        let share = stratum.share()?;
        let pairs = stratum.pairs as f64;
        value += pairs * share.value;
        below += (pairs * (share.value - share.interval.low)).powi(2);
        above += (pairs * (share.interval.high - share.value)).powi(2);
    }
    let all = strata.iter().map(|stratum| stratum.pairs).sum::<u64>() as f64;
    let interval = Interval {
        low: (value - below.sqrt()).clamp(0.0, all),
        high: (value + above.sqrt()).clamp(0.0, all),
    };
    Some(StratifiedEstimate { value, interval })
}

/// Which share of all pairs of the strata is one person; `None` also where there are no pairs.
#[must_use]
pub fn stratified_share(strata: &[SampledStratum]) -> Option<StratifiedEstimate> {
    let all = strata.iter().map(|stratum| stratum.pairs).sum::<u64>() as f64;
    let total = stratified_total(strata).filter(|_| all > 0.0)?;
    let Interval { low, high } = total.interval;
    let interval = Interval { low: low / all, high: high / all };
    Some(StratifiedEstimate { value: total.value / all, interval })
}

/// A/(A + B) of two independent sums; `None` where both are zero.
#[must_use]
pub fn ratio_of_first(
    first: StratifiedEstimate,
    second: StratifiedEstimate,
) -> Option<StratifiedEstimate> {
    let (a, b) = (first.value, second.value);
    if a + b <= 0.0 {
        return None;
    }
    let (Interval { low: a_low, high: a_high }, Interval { low: b_low, high: b_high }) =
        (first.interval, second.interval);
    // Limits of B/A: A is in the denominator.
    let bound = |b_bound: f64, a_bound: f64, sign: f64| {
        let divisor = a_bound * (2.0 * a - a_bound);
        let product = a * b;
        let under = (product * product
            - b_bound * a_bound * (2.0 * b - b_bound) * (2.0 * a - a_bound))
            .max(0.0);
        (divisor > 0.0).then(|| (product + sign * under.sqrt()) / divisor)
    };
    let odds_low = if b_low <= 0.0 { Some(0.0) } else { bound(b_low, a_high, -1.0) };
    // A may be nothing at all, and then its share is, too.
    let odds_high = if a_low <= 0.0 { None } else { bound(b_high, a_low, 1.0) };
    let value = a / (a + b);
    let high = odds_low.map_or(1.0, |odds| 1.0 / (1.0 + odds.max(0.0)));
    let low = odds_high.map_or(0.0, |odds| 1.0 / (1.0 + odds.max(0.0)));
    let interval = Interval { low: low.clamp(0.0, value), high: high.clamp(value, 1.0) };
    Some(StratifiedEstimate { value, interval })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stratum(pairs: u64, labelled: u64, same: u64) -> SampledStratum {
        SampledStratum { pairs, labelled, same }
    }

    fn close(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-3 * other.abs().max(1.0)
    }

    #[test]
    fn a_stratum_that_was_labelled_whole_leaves_nothing_open() {
        let share = stratified_share(&[stratum(4, 4, 3), stratum(0, 0, 0)]).unwrap();
        assert_eq!((share.value, share.interval.low, share.interval.high), (0.75, 0.75, 0.75));
        assert_eq!(stratified_share(&[stratum(4, 0, 0)]), None, "nothing is known");
        assert_eq!(stratified_share(&[]), None);
    }

    #[test]
    fn one_stratum_has_wilsons_limits() {
        let share = stratified_share(&[stratum(1_000_000_000, 263, 81)]).unwrap();
        assert!(close(share.value, 0.3080) && close(share.interval.low, 0.2553));
        assert!(close(share.interval.high, 0.3662), "{share:?}");
        let alike = stratified_share(&[stratum(1_000_000, 25, 25)]).unwrap();
        assert!(alike.interval.low < 0.9 && alike.interval.high >= 1.0, "25 pairs promise little");
    }

    #[test]
    fn strata_count_by_their_pairs() {
        let share = stratified_share(&[stratum(900, 30, 30), stratum(100, 30, 15)]).unwrap();
        assert!(close(share.value, 0.95), "{share:?}");
        assert!(share.interval.low < 0.95 && share.interval.high > 0.95);
    }

    #[test]
    fn a_ratio_has_limits_on_both_sides() {
        let links = stratified_total(&[stratum(1000, 50, 49)]).unwrap();
        let others = stratified_total(&[stratum(5000, 50, 2)]).unwrap();
        let recall = ratio_of_first(links, others).unwrap();
        assert!(close(recall.value, 980.0 / 1180.0), "{recall:?}");
        assert!(recall.interval.low < recall.value && recall.interval.high > recall.value);
        let nothing = StratifiedEstimate::default();
        assert_eq!(ratio_of_first(nothing, nothing), None);
        let whole = ratio_of_first(links, nothing).unwrap();
        assert_eq!((whole.value, whole.interval.high), (1.0, 1.0));
        assert_eq!(ratio_of_first(nothing, links).unwrap().value, 0.0);
    }

    /// The limits hold as often as they say: labels are drawn many times from strata of which all is known.
    #[test]
    fn limits_hold_as_often_as_they_say() {
        let population = [(2_000_u64, 0.99), (500, 0.7), (3_000, 0.08)];
        let truth_first = 2_000.0 * 0.99 + 500.0 * 0.7;
        let truth = truth_first / (truth_first + 3_000.0 * 0.08);
        let (mut state, mut held, rounds) = (1_u64, [0, 0], 1_000);
        let mut below = |chance: f64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ((state >> 33) as f64) < chance * f64::from(1_u32 << 31)
        };
        for _ in 0..rounds {
            let drawn = population.map(|(pairs, share)| {
                stratum(pairs, 40, (0..40).filter(|_| below(share)).count() as u64)
            });
            let first = stratified_total(&drawn[..2]).unwrap();
            let found = ratio_of_first(first, stratified_total(&drawn[2..]).unwrap()).unwrap();
            let precision = stratified_share(&drawn[..2]).unwrap();
            let holds = |interval: Interval, truth| interval.low <= truth && truth <= interval.high;
            held[0] += u32::from(holds(found.interval, truth));
            held[1] += u32::from(holds(precision.interval, truth_first / 2_500.0));
        }
        for held in held {
            assert!((910..=1_000).contains(&held), "{held} of {rounds}");
        }
    }
}
