//! A random sample of compared pairs, and what stewards say of them without knowing how they were judged. Labels
//! measure; they never change who is who.

use crate::{Actor, MatchWeight, RecordIndex, Timestamp};

/// Stewards who label a pair before it counts.
pub const LABELS_NEEDED: usize = 2;

/// What somebody says of two records. The numbers are on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Verdict {
    /// One person.
    Same = 1,
    /// Two people.
    Different = 2,
    /// The records do not tell.
    Unsure = 3,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 3] = [Self::Same, Self::Different, Self::Unsure];

    /// The name in forms.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Different => "different",
            Self::Unsure => "unsure",
        }
    }
}

/// What one steward said of a pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairLabel {
    /// Who.
    pub steward: String,
    /// What.
    pub verdict: Verdict,
    /// When.
    pub time: Timestamp,
}

/// A random sample of all pairs that were compared at some moment.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelSample {
    /// Its number: 1 for the first.
    pub number: u32,
    /// When it was drawn.
    pub drawn: Timestamp,
    /// Who wanted it.
    pub actor: Actor,
    /// The model that weighed the pairs, by its number in the store.
    pub model: u32,
    /// Records that were compared.
    pub records: u64,
    /// Every compared pair, counted by weight.
    pub bins: Vec<WeightBin>,
    /// The ranges of weights from which pairs were drawn; every pair is in one of them.
    pub strata: Vec<SampleStratum>,
}

/// Pairs of one bin of half a bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WeightBin {
    /// Where the bin begins, in halves of a bit.
    pub half_bits: i32,
    /// Pairs that nothing but their weight keeps from being linked.
    pub free: u64,
    /// Pairs that a guard holds back.
    pub held: u64,
}

impl WeightBin {
    /// Where the bin begins.
    #[must_use]
    pub fn least(&self) -> MatchWeight {
        MatchWeight::from_bits(f64::from(self.half_bits) / 2.0)
    }
}

/// A range of weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleStratum {
    /// From this weight on, in halves of a bit; `None` for the lowest.
    pub least: Option<i32>,
    /// Below this weight; `None` for the highest.
    pub below: Option<i32>,
    /// Whether it is of pairs that a guard holds back, or of the others; `None` for both.
    pub is_held: Option<bool>,
    /// Pairs in it. Each had the same chance to be drawn.
    pub pairs: u64,
    /// Pairs that were drawn.
    pub drawn: u32,
}

/// A pair of the sample.
#[derive(Clone, Debug, PartialEq)]
pub struct SampledPair {
    /// The sample.
    pub sample: u32,
    /// Its place in it, 0 for the first. The order is random, so that those labelled so far are a random sample, too.
    pub place: u32,
    /// The records, in random order.
    pub records: [RecordIndex; 2],
    /// What they weighed when they were drawn.
    pub weight: MatchWeight,
    /// Whether a guard held them back.
    pub is_held: bool,
    /// The range of weights from which it was drawn, by its place in the sample's list.
    pub stratum: u32,
    /// What was said, in this order: by two stewards, and by a lead steward where these do not settle it.
    pub labels: Vec<PairLabel>,
}

/// How far a pair is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labelled {
    /// So many stewards have yet to label it.
    Waits(usize),
    /// Two do not agree, or do not know: a lead steward has to say.
    Torn,
    /// It is settled.
    Settled(bool),
    /// The lead steward could not say either.
    Unknown,
}

impl SampledPair {
    /// How far the pair is; `Settled(true)` for one person.
    #[must_use]
    pub fn labelled(&self) -> Labelled {
        let settled = |verdict: Verdict| match verdict {
            Verdict::Same => Labelled::Settled(true),
            Verdict::Different => Labelled::Settled(false),
            Verdict::Unsure => Labelled::Unknown,
        };
        match self.labels.as_slice() {
            [one, other] if one.verdict != other.verdict || one.verdict == Verdict::Unsure => {
                Labelled::Torn
            }
            [one, _] => settled(one.verdict),
            [_, _, last, ..] => settled(last.verdict),
            fewer => Labelled::Waits(LABELS_NEEDED - fewer.len()),
        }
    }

    /// Whether somebody has labelled it.
    #[must_use]
    pub fn is_labelled_by(&self, steward: &str) -> bool {
        self.labels.iter().any(|label| label.steward == steward)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_settled_by_two_who_agree_or_by_a_third() {
        use Labelled::{Settled, Torn, Unknown, Waits};
        use Verdict::{Different, Same, Unsure};
        for (said, expected) in [
            (&[][..], Waits(2)),
            (&[Same], Waits(1)),
            (&[Same, Same], Settled(true)),
            (&[Different, Different], Settled(false)),
            (&[Same, Different], Torn),
            (&[Unsure, Unsure], Torn),
            (&[Same, Different, Same], Settled(true)),
            (&[Same, Unsure, Different], Settled(false)),
            (&[Unsure, Unsure, Unsure], Unknown),
        ] {
            let label = |verdict: &Verdict| PairLabel {
                steward: "ines".to_owned(),
                verdict: *verdict,
                time: Timestamp(0),
            };
            let pair = SampledPair {
                sample: 1,
                place: 0,
                records: [RecordIndex(0), RecordIndex(1)],
                weight: MatchWeight::ZERO,
                is_held: false,
                stratum: 0,
                labels: said.iter().map(label).collect(),
            };
            assert_eq!(pair.labelled(), expected, "{said:?}");
            assert_eq!(pair.is_labelled_by("ines"), !said.is_empty());
        }
    }
}
