//! Why a steward decides, as a flag.

use empi_proto::v1;

/// The reasons that a steward can give.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(super) enum Reason {
    /// Somebody compared the charts
    ChartReview,
    /// A document was seen
    DocumentSeen,
    /// The patient or a relative said so
    PatientConfirmed,
    /// The source was asked and said so
    SourceConfirmed,
    /// A typing or registration error came to light
    DataEntryError,
    /// An earlier decision was wrong
    WrongDecision,
    /// The note says why
    Other,
    /// What is known does not suffice to decide
    NotEnoughEvidence,
    /// What is known contradicts itself
    ContradictoryEvidence,
}

impl From<Reason> for v1::ReasonCode {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::ChartReview => Self::ChartReview,
            Reason::DocumentSeen => Self::DocumentSeen,
            Reason::PatientConfirmed => Self::PatientConfirmed,
            Reason::SourceConfirmed => Self::SourceConfirmed,
            Reason::DataEntryError => Self::DataEntryError,
            Reason::WrongDecision => Self::WrongDecision,
            Reason::Other => Self::Other,
            Reason::NotEnoughEvidence => Self::NotEnoughEvidence,
            Reason::ContradictoryEvidence => Self::ContradictoryEvidence,
        }
    }
}
