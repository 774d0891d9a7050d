//! The use cases of the patient index, each one atomic change: registering and retiring a record,
//! answering a review task, linking, merging, splitting and moving by hand, undoing any of it, asking who
//! is who.
//!
//! # The way of one record
//!
//! [`Registry::register`] reads aloud: normalise, find candidates by blocking keys, score, decide,
//! plan, commit, answer. Everything up to the plan runs in the caller's thread against the mirror,
//! the index in memory; one commit thread checks that the plan still holds, writes it together with
//! others in one synced batch, and answers.
//!
//! # One person, one enterprise ID, however many callers
//!
//! Two simultaneous registrations of the same new human end with one enterprise ID:
//!
//! 1. Scoring sees only records that share a blocking key. So if the two records would match, some
//!    key belongs to both. (Identical records share all their keys; a block over
//!    `block_records_max` is split by birth year, which they share too. Only where every common
//!    block is over the limit are two records never compared; a review task then tells so.)
//! 2. All keys of a record are in what its plan read, *also those that nobody had*. So are the
//!    persons that were considered.
//! 3. Every change marks the keys of the records it writes, and the persons it changes, with its
//!    sequence number. The commit thread takes changes one after the other. When it takes the
//!    second record, the common key is marked with the first record's number, which is higher than
//!    the one the second's plan was made at. The plan is thrown away and made again, against an
//!    index that holds the first record: the second is linked to it.
//!
//! A plan that is not thrown away would come out the same if it were made again, because everything
//! it depends on is unchanged. (Term-frequency counts are the exception: they are statistics, and
//! are allowed to be a few records old.) So all changes are as if made one after the other, in the
//! order of their sequence numbers: strictly serialisable.
//!
//! # Durable when answered
//!
//! The mirror runs ahead of the disk by the one write in progress. Changes are answered after their
//! write is synced. Reads take documents from the store, where only synced writes are visible, or
//! wait until the last change they saw in the mirror is on disk. After a failed write nothing is
//! answered any more, so nothing that may be lost was ever shown.
//!
//! # Every change is remembered with what stood before
//!
//! A use case only says what it does to records, pairs kept apart and the task it answers. What follows is
//! drawn in one place for all of them (`compose`): members of persons, redirects of enterprise IDs that are
//! left empty, questions that are settled. The event of a change keeps how each record, person, task and
//! pair stood before it, every part with its *stamp*, the event that had made it. Undoing puts the parts
//! back, stamps included, and is refused where the stamp that stands is not the one that the event left:
//! then a later event came on top, and the refusal names it. So any event can be undone and explained, not
//! only the last, and undoing is itself an event that can be undone.
//!
//! # Identity rules kept here
//!
//! 1. Every source record belongs to exactly one person.
//! 2. An enterprise ID is minted once, never reused, and always resolves.
//! 3. On a merge the older enterprise ID survives unless a steward says otherwise. On a split the side
//!    with most records keeps it.
//! 4. People outrank the machine: what a steward linked or kept apart, scoring never changes; *keep
//!    apart* holds for whole persons.
//! 5. Every change is an event, in one gap-free order. Any event can be undone, with a preview.
//! 6. Same request again (for a set time), or same content again: same answer, nothing changes. The
//!    same request ID with another request is refused.
//! 7. Limits never act in silence: they raise a review task or are named in the event's reason.
//! 8. An update that turns a record into somebody else is held for review, not applied.
//! 9. A review task asks about living persons, closes itself when it is moot, and waits again when its
//!    answer is undone or new data change the comparison decisively.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod accounts;
mod audit;
mod erase;
mod error;
mod glass;
mod words;

mod content;
mod incoming;

mod mirror;

mod assess;
mod hubs;
mod plan;

mod compose;

mod commit;
mod dossier;
mod durability;
mod wanted;

mod events;
mod explain;
mod figures;
mod golden;
mod history;
mod in_force;
mod keys;
mod lab;
mod links;
mod past;
mod proposals;
mod quality;
mod query;
mod queue;
mod rarity;
mod register;
mod registry;
mod retire;
mod review;
mod review_stats;
mod search;
mod sight;
mod steward;
mod users;

mod backup;
mod export;
mod loader;
mod offline;
mod relink;

#[cfg(test)]
mod tests;

pub use accounts::{AccountStep, accounts_offline, change_account_offline};
pub use audit::{
    AuditLimits, AuditQuery, Trail, audit_entries_offline, audit_head_offline, audit_offline,
    retire_audit_offline, verify_audit_offline,
};
pub use backup::{backup, restore};
pub use commit::CommitReport;
pub use dossier::{DOSSIER_ENTRIES_MAX, Dossier, EarlierContent};
pub use empi_linkage::{Interval, LinkageModel, StratifiedEstimate};
pub use empi_model::GoldenField;
pub use empi_store::{
    AUDIT_PROBLEMS_MAX, AuditArchive, AuditFault, AuditProblem, AuditReport, BackupReport,
    CopyProgress, DataDir, EncryptReport, Fingerprint, MasterKey, RebuildReport, RestoreReport,
    StoreError, StoreStats, StoredRecord, VerifyReport, check_archive,
};
pub use error::RegistryError;
pub use events::{EventView, PersonFate, RecordMove};
pub use export::each_person;
pub use glass::GLASS_MINUTES_MAX;
pub use golden::{
    GoldenRecord, Offer, OfferedValue, Provenance, Survivorship, SurvivorshipRule, present,
};
pub use lab::{
    BroughtIntoLine, LabProgress, LabView, LabWork, LabelFigures, LabelledBin, PAIRS_EACH_MAX,
    PairToLabel, PromoteRequest, PromotionView, Replay, SampleProgress, WeightCounts,
    promoted_model,
};
pub use links::{LINKED_RECORDS_MAX, PersonLink, PersonLinks};
pub use loader::{LoadReport, LoadedLink, LoadedReview, Loader};
pub use offline::{encrypt, keep, rebuild, rotate_key, stats, verify};
pub use past::{PastDecision, PastEvent, PastRecord};
pub use proposals::{
    ApprovalRules, Foreseen, PROPOSALS_CLOSED_MAX, PROPOSALS_WAITING_MAX, ProposalDecided,
    ProposalView,
};
pub use quality::{
    Answers, CountedBoard, Created, DayWork, Duplicates, FieldCounts, HubFigure, LargePerson,
    Overlays, QualityBoard, Reviewed, Share, SourceFields,
};
pub use queue::{Claim, TaskFilter, TaskLine, TaskPage, TaskQuery};
pub use rarity::Rarity;
pub use registry::Registry;
pub use relink::{RelinkOptions, RelinkReport, Relinked, Relinking};
pub use retire::{RetireRequest, Retirement};
pub use review::{ManyAnswers, ReviewRequest, ReviewStep, TASKS_AT_ONCE_MAX, TaskAnswers};
pub use review_stats::{Agreement, KindStats, Percentiles, QueueStats};
pub use search::{
    Criterion, DateRange, Found, IdentifierWanted, SearchAnswer, SearchHit, TextField, TextMatch,
};
pub use steward::{StewardAnswer, StewardOperation, StewardRequest};
pub use users::{UserChange, change_user_offline, users_offline};
pub use words::{
    Clock, MatchCandidate, NextKey, PairView, PersonView, RecordView, RegisterRequest,
    Registration, RegistrationDecision, RegistryOptions, RegistryStats, TaskView,
};
