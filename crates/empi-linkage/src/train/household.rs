//! A third class of pairs: two people of one household.
//!
//! They share address, telephone, often family name, mother or insurance number, and blocking rules by
//! address or telephone bring them together by the thousand. With two classes only, they pass for
//! matches with a wrong birth date and spoil the m of everything. So EM has a class for them, as in
//! Larsen and Rubin 2001 and Winkler 1994. It serves training alone: the model that comes out has m
//! and u, and the cap on what a household may add.

use super::PerLevel;
use super::em::Parameters;
use crate::compare::Comparison;

/// Pairs of one household per pair of one person, at the start.
const PAIRS_PER_MATCH: f64 = 0.5;

/// Chance that relatives agree on a value that families share in part: an insurance number, a mother.
const SHARED_IN_PART: f64 = 0.4;

/// Names of two people of one household: mostly another given name, sometimes another family name too,
/// rarely both the same or close (father and son, brothers).
const NAMES: [f64; 13] =
    [0.01, 0.003, 0.001, 0.01, 0.003, 0.002, 0.005, 0.01, 0.03, 0.003, 0.013, 0.65, 0.26];

/// What a pair of one household looks like before any was seen.
pub(super) fn start(base: &Parameters) -> (f64, PerLevel) {
    let levels = std::array::from_fn(|at| {
        let (Some(m), Some(u)) = (base.m.get(at), base.u.get(at)) else { return Vec::new() };
        let mixed = |share: f64| -> Vec<f64> {
            m.iter().zip(u).map(|(m, u)| share * m + (1.0 - share) * u).collect()
        };
        match Comparison::ALL.get(at) {
            Some(Comparison::Name) => NAMES.to_vec(),
            Some(Comparison::Address | Comparison::Phone | Comparison::Email) => m.clone(),
            Some(Comparison::Identifier | Comparison::MotherMaidenName) => mixed(SHARED_IN_PART),
            // Twins share a birth date and have numbers issued one after the other.
            Some(Comparison::BirthDate | Comparison::Ssn) => mixed(0.01),
            _ => u.clone(),
        }
    });
    (base.prior * PAIRS_PER_MATCH, levels)
}

/// Whether what relatives share is learnt. Birth dates, numbers and sexes of relatives are those of
/// strangers, and if these were free the class could take the matches over.
pub(super) const fn is_learnt(comparison: Comparison) -> bool {
    matches!(
        comparison,
        Comparison::Address
            | Comparison::Phone
            | Comparison::Email
            | Comparison::Identifier
            | Comparison::MotherMaidenName
    )
}
