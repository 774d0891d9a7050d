//! The words of the patient index: every type that crosses a room.
//!
//! No I/O, no clock, no randomness. Three families, in the order a record meets them:
//!
//! * what sources say: [`SourceRecord`], and what it means: [`NormalizedRecord`];
//! * what the mathematics concludes: [`BlockingKey`], [`MatchWeight`], [`LinkDecision`],
//!   [`ScoreExplanation`];
//! * what the index promises: [`EnterpriseId`], [`Person`], [`Link`], [`RegistryEvent`],
//!   [`ReviewTask`].
//!
//! **Invariant:** a type that holds patient data redacts itself in `Debug`; none implements `Display`
//! over patient data. Reading a value is an explicit call to [`PatientText::expose`].

mod access;
mod audit;
mod blocking;
mod change;
mod consent;
mod decision;
mod event;
mod evidence;
mod explanation;
mod glass;
mod golden;
mod identity;
mod label;
mod normalized;
mod promotion;
mod proposal;
mod redact;
mod review;
mod service;
mod sight;
mod source;
mod user;
mod weight;

pub use access::{Grant, Operation};
pub use audit::{
    AUDIT_PERSONS_MAX, Asked, Asker, AuditEntry, AuditHead, AuditOutcome, Interface, Purpose,
};
pub use blocking::{BlockingKey, BlockingRule};
pub use change::{
    EventChange, KeptApartChange, PersonChange, PersonMark, RecordChange, TaskChange,
};
pub use consent::{Consent, ConsentChange};
pub use decision::{EvidenceGroup, Guard, LinkDecision, MatchGrade};
pub use event::{Actor, ActorKind, EventKind, EventSequence, ReasonCode, RegistryEvent, Timestamp};
pub use evidence::{Basis, Evidence};
pub use explanation::{ExplanationRow, ScoreExplanation};
pub use glass::{BrokenGlass, GlassReview};
pub use golden::{Chosen, ChosenChange, GoldenField};
pub use identity::{
    EnterpriseId, EnterpriseIdError, Link, LinkSource, Person, PersonState, RecordContent,
    RecordIndex, RecordState,
};
pub use label::{
    LABELS_NEEDED, LabelSample, Labelled, PairLabel, SampleStratum, SampledPair, Verdict, WeightBin,
};
pub use normalized::{
    BirthDate, NormalizedAddress, NormalizedIdentifier, NormalizedName, NormalizedRecord, Phone,
    QualityNote, RecordField, Sex, Ssn, Suffix,
};
pub use promotion::Promotion;
pub use proposal::{
    Party, Proposal, ProposalAnswer, ProposalDecision, ProposalRefusal, ProposalState,
    ProposalStep, Proposed, ProposedTask,
};
pub use redact::{PatientText, Secret, trimmed};
pub use review::{
    Again, Asks, ComparisonPattern, Decision, Opinion, Remark, ReviewKind, ReviewOutcome,
    ReviewState, ReviewTask, Seen, SharedField, SharedValue, Snooze, TaskId, TaskPlace, TaskStage,
    Waiting,
};
pub use service::{Domains, ServiceAccount, ServiceToken, TOKENS_MAX, TokenHash};
pub use sight::{Shown, Sight};
pub use source::{Identifier, PersonName, PostalAddress, RecordKey, SourceRecord};
pub use user::{AccountChange, AccountEntry, PasswordHash, Role, User, UserName, UserNameError};
pub use weight::{MatchProbability, MatchWeight, Probability, ProbabilityError, Thresholds};
