//! Training: the m of every level by expectation maximisation, without knowing the truth.
//!
//! Pairs are counted by comparison vector first, so an iteration costs as much as there are distinct
//! vectors, not pairs. The u come from random pairs and stay fixed: on blocked pairs, which agree more
//! often than random ones, free u would drift (`matching.md` B4). Every estimate starts from the
//! model at hand, which counts like a few observed pairs, so that a level the data never show keeps a
//! sensible value.

use empi_model::MatchWeight;
use hashbrown::HashMap;

use crate::compare::{COMPARISON_COUNT, Comparison, ComparisonVector};
use crate::model::{LinkageModel, LinkageModelFile};

/// Iterations after which training ends even if the estimates still move.
pub const ITERATIONS_MAX: u32 = 200;

/// Training ends when no m moves by more.
const CONVERGED: f64 = 1e-6;

/// How many pairs the model at hand counts for in the estimate of a comparison's m.
const PRIOR_PAIRS_M: f64 = 100.0;

/// How many random pairs the model at hand counts for in the estimate of a comparison's u. Large,
/// because levels that agree by chance once in a million pairs are not seen in a sample of them.
const PRIOR_PAIRS_U: f64 = 200_000.0;

/// Comparison vectors with how often each was seen.
pub type VectorCounts = HashMap<ComparisonVector, u64>;

/// What training found.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    /// The model file with the new m, u and prior, one version further.
    pub file: LinkageModelFile,
    /// How many iterations were needed.
    pub iterations: u32,
    /// Whether the estimates had come to rest.
    pub converged: bool,
    /// The expected number of matching pairs among the candidates.
    pub expected_matches: f64,
    /// How many candidate pairs it learnt from.
    pub candidate_pairs: u64,
}

/// Estimates m by EM from the vectors of candidate pairs, and u from those of random pairs.
///
/// `record_pairs` is the number of all pairs of the records, for the prior.
#[must_use]
pub fn train(
    model: &LinkageModel,
    base: &LinkageModelFile,
    candidates: &VectorCounts,
    random: &VectorCounts,
    record_pairs: f64,
) -> Trained {
    let (prior_m, prior_u) = (levels_of(model, |it| it.m), levels_of(model, |it| it.u));
    // In a small file some random pairs are one person; they say nothing about u.
    let record_prior = MatchWeight::from_prior(model.prior()).bits();
    let strangers = |it: &ComparisonVector| 1.0 - posterior(record_prior, &prior_m, &prior_u, it);
    let u = blended(&shares_of(model, random, strangers), &prior_u, PRIOR_PAIRS_U);
    let mut m = prior_m.clone();
    let candidate_pairs = candidates.values().sum::<u64>() as f64;
    let mut matches = (model.prior().value() * record_pairs).clamp(1.0, candidate_pairs.max(1.0));
    let (mut iterations, mut converged) = (0, false);
    while iterations < ITERATIONS_MAX && !converged && candidate_pairs > 0.0 {
        iterations += 1;
        let share = (matches / candidate_pairs).clamp(1e-9, 1.0 - 1e-9);
        let prior_bits = (share / (1.0 - share)).log2();
        let posterior = |vector: &ComparisonVector| posterior(prior_bits, &m, &u, vector);
        let observed = shares_of(model, candidates, posterior);
        matches = candidates.iter().map(|(it, count)| *count as f64 * posterior(it)).sum();
        let next = blended(&observed, &prior_m, PRIOR_PAIRS_M);
        converged = largest_move(&m, &next) < CONVERGED;
        m = next;
    }
    let file = updated(base, &m, &u, matches / record_pairs.max(1.0));
    Trained {
        file,
        iterations,
        converged,
        expected_matches: matches,
        candidate_pairs: candidates.values().sum(),
    }
}

/// One number per level of each comparison.
type PerLevel = [Vec<f64>; COMPARISON_COUNT];

fn levels_of(
    model: &LinkageModel,
    value: impl Fn(&crate::model::LevelParameters) -> empi_model::Probability,
) -> PerLevel {
    Comparison::ALL.map(|it| model.levels(it).iter().map(|level| value(level).value()).collect())
}

/// How many (weighted) pairs reached each level.
fn shares_of(
    model: &LinkageModel,
    counts: &VectorCounts,
    weight: impl Fn(&ComparisonVector) -> f64,
) -> PerLevel {
    let mut sums = Comparison::ALL.map(|it| vec![0.0; model.levels(it).len()]);
    // A fixed order of summing, so that the same data give the same model to the last bit.
    let mut sorted: Vec<_> = counts.iter().collect();
    sorted.sort_unstable_by_key(|(vector, _)| **vector);
    for (vector, count) in sorted {
        let weighted = *count as f64 * weight(vector);
        for (comparison, sums) in Comparison::ALL.into_iter().zip(&mut sums) {
            let level = vector.level(comparison).map(usize::from);
            if let Some(sum) = level.and_then(|level| sums.get_mut(level)) {
                *sum += weighted;
            }
        }
    }
    sums
}

/// Shares from counts, with a Dirichlet prior worth `prior_pairs` pairs.
fn blended(counts: &PerLevel, prior: &PerLevel, prior_pairs: f64) -> PerLevel {
    std::array::from_fn(|at| {
        let (counts, prior) = (&counts[at], &prior[at]);
        let total: f64 = counts.iter().sum::<f64>() + prior_pairs;
        counts
            .iter()
            .zip(prior)
            .map(|(count, prior)| (count + prior_pairs * prior) / total)
            .collect()
    })
}

/// P(match | vector) for a candidate pair.
fn posterior(prior_bits: f64, m: &PerLevel, u: &PerLevel, vector: &ComparisonVector) -> f64 {
    let mut bits = prior_bits;
    for ((comparison, m), u) in Comparison::ALL.into_iter().zip(m).zip(u) {
        let Some(level) = vector.level(comparison).map(usize::from) else { continue };
        if let (Some(m), Some(u)) = (m.get(level), u.get(level)) {
            bits += (m / u).log2();
        }
    }
    1.0 / (1.0 + (-bits).exp2())
}

fn largest_move(one: &PerLevel, other: &PerLevel) -> f64 {
    let pairs = one.iter().flatten().zip(other.iter().flatten());
    pairs.map(|(one, other)| (one - other).abs()).fold(0.0, f64::max)
}

fn updated(base: &LinkageModelFile, m: &PerLevel, u: &PerLevel, prior: f64) -> LinkageModelFile {
    let mut file = base.clone();
    file.name = format!("{}-trained", base.name.trim_end_matches("-trained"));
    file.version = base.version + 1;
    file.prior_match_probability = empi_model::Probability::clamped(prior).value();
    file.prior_records = None;
    for part in &mut file.comparison {
        let Some(at) = Comparison::ALL.into_iter().position(|it| it.as_str() == part.name) else {
            continue;
        };
        for ((level, m), u) in part.levels.iter_mut().zip(&m[at]).zip(&u[at]) {
            (level.m, level.u) = (*m, *u);
        }
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors of `pairs` pairs in which every comparison is independent given the class, as the
    /// model of Fellegi and Sunter has it: name, birth date and sex over their levels.
    fn vectors(pairs: f64, shares: [&[f64]; 3], counts: &mut VectorCounts) {
        let compared = [Comparison::Name, Comparison::BirthDate, Comparison::Sex];
        for (name, first) in shares[0].iter().enumerate() {
            for (date, second) in shares[1].iter().enumerate() {
                for (sex, third) in shares[2].iter().enumerate() {
                    let levels = [name, date, sex];
                    let vector = ComparisonVector::from_fn(|comparison| {
                        let at = compared.iter().position(|it| *it == comparison)?;
                        u8::try_from(levels[at]).ok()
                    });
                    let count = (pairs * first * second * third).round() as u64;
                    if count > 0 {
                        *counts.entry(vector).or_default() += count;
                    }
                }
            }
        }
    }

    /// Shares by level: `best` at level 0, `rest` at the last level of `count`.
    fn shares(count: usize, best: f64) -> Vec<f64> {
        let mut shares = vec![0.0; count];
        (shares[0], shares[count - 1]) = (best, 1.0 - best);
        shares
    }

    fn level(file: &LinkageModelFile, comparison: &str, level: usize) -> (f64, f64) {
        let part = file.comparison.iter().find(|part| part.name == comparison).unwrap();
        (part.levels[level].m, part.levels[level].u)
    }

    #[test]
    fn training_finds_the_m_and_u_that_made_the_data() {
        let base = LinkageModelFile::us_default().unwrap();
        let model = base.validate().unwrap();
        let names = Comparison::Name.levels().len();
        let dates = Comparison::BirthDate.levels().len();
        let strangers = [&shares(names, 1e-3)[..], &shares(dates, 1e-3), &shares(2, 0.5)];
        let same = [&shares(names, 0.7)[..], &shares(dates, 0.8), &shares(2, 0.97)];
        let (mut candidates, mut random) = (VectorCounts::new(), VectorCounts::new());
        vectors(40_000.0, same, &mut candidates);
        vectors(400_000.0, strangers, &mut candidates);
        vectors(20_000_000.0, strangers, &mut random);

        let trained = train(&model, &base, &candidates, &random, 1e9);
        assert!(trained.converged);
        for (comparison, m, u) in
            [("name", 0.7, 1e-3), ("birth_date", 0.8, 1e-3), ("sex", 0.97, 0.5)]
        {
            let (found_m, found_u) = level(&trained.file, comparison, 0);
            assert!((found_m - m).abs() < 0.01, "m of {comparison}: {found_m}");
            assert!((found_u / u - 1.0).abs() < 0.05, "u of {comparison}: {found_u}");
        }
        assert!((trained.expected_matches / 40_000.0 - 1.0).abs() < 0.02);
        let found = trained.file.validate().unwrap();
        assert_eq!(found.name(), "us-default-trained/2");
        // A comparison that was always missing keeps what the model had.
        let untouched = level(&base, "ssn", 0);
        let kept = level(&trained.file, "ssn", 0);
        assert!((kept.0 - untouched.0).abs() < 1e-9 && (kept.1 - untouched.1).abs() < 1e-12);
    }

    #[test]
    fn training_on_nothing_keeps_the_model() {
        let base = LinkageModelFile::us_default().unwrap();
        let model = base.validate().unwrap();
        let trained = train(&model, &base, &VectorCounts::new(), &VectorCounts::new(), 0.0);
        for (part, kept) in base.comparison.iter().zip(&trained.file.comparison) {
            for (level, kept) in part.levels.iter().zip(&kept.levels) {
                assert!((level.m - kept.m).abs() < 1e-9, "{}", part.name);
            }
        }
        assert!(trained.file.validate().is_ok());
    }
}
