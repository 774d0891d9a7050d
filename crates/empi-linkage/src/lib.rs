//! The mathematics of record linkage. Pure: no I/O, no clock, no randomness.
//!
//! Read it in the order a record takes:
//!
//! 1. [`normalize()`]: from what a source said to what it means;
//! 2. [`Lexicon`] and [`CompareRow`]: values interned, so that a comparison never looks at a string twice;
//! 3. [`blocking_keys`]: which pairs are looked at, at all;
//! 4. [`compare`]: which level of agreement each kind of information reaches;
//! 5. [`score()`] with a [`LinkageModel`]: bits of evidence, guards, a decision; [`explain()`] tells why;
//! 6. [`Linker`]: whole files, from records to persons;
//! 7. [`train()`] and [`calibrate()`]: a model and a threshold fitted to one's own records;
//! 8. [`evaluate`]: how good the result is where the truth is known.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod block;
mod bulk;
mod cluster;
mod compare;
mod evaluate;
mod explain;
mod guard;
mod lexicon;
mod model;
mod names_table;
mod normalize;
mod packed;
mod phonetic;
mod row;
mod score;
mod similarity;
mod spelling;
mod table;
mod train;

pub use block::{BlockingKeys, KEYS_MAX, blocking_keys};
pub use bulk::{
    Blocked, CappedBlock, Decision, DrawnPair, HubKind, HubValue, Hubs, Linkage, Linker,
    PairStratum, PairSurvey, Prepared, Progress, RecordKeys, ReviewPair, ScoredPair, ScoredPairs,
    SurveyPlan, WeightHistogram,
};
pub use cluster::{CROSS_PAIRS_MAX, judge_join};
pub use compare::{AgreedNames, COMPARISON_COUNT, Compared, Comparison, ComparisonVector, compare};
pub use evaluate::{
    CURVE_STEP_BITS, ClusterShape, ClusterShapes, EvenSample, Interval, JudgedPair, MissedPairs,
    MissedReason, Overlap, PairCompleteness, PairIntervals, PassCompleteness, Quality, Reliability,
    ReliabilityBin, SampledStratum, Scores, StratifiedEstimate, Subgroup, ThresholdPoint,
    best_point, cluster_shapes, curve_thresholds, evaluate, pair_completeness, ratio_of_first,
    reliability, split_missed_pairs, stratified_share, stratified_total, threshold_curve, wilson,
};
pub use explain::{ExplainedSide, evidence, explain, explain_again, explain_levels};
pub use guard::Guards;
pub use lexicon::{
    CarriedValues, Intern, Lexicon, LexiconOverlay, NameRole, NameValue, TextValue, Values,
};
pub use model::{
    CalibrationPart, ComparisonPart, EvidenceFloor, LevelParameters, LevelPart, Limits,
    LinkageModel, LinkageModelFile, ModelError, TermFrequency, TrainingPart,
};
pub use names_table::{FormalNames, NameShares};
pub use normalize::{Normalizer, fold_text, normalize};
pub use packed::RowPacker;
pub use phonetic::Sound;
pub use row::{AddressIds, CompareRow, IdentifierHash, NameId, NameIds, PackedSsn, TextId};
pub use score::{Scored, score};
pub use similarity::{jaro_winkler, within_one_edit};
pub use train::{
    Basis, CONFIDENCE, Calibration, CalibrationEvidence, Coincidence, Comparisons, FalseLinks,
    HeldOutPair, ITERATIONS_MAX, LabelledPair, MATCHES_MIN, PairCounts, PairEvidence,
    REFERENCE_BITS, Trained, TrainingEvidence, calibrate, held_out, model_implied, train,
};
