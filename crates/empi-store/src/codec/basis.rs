//! What a decision rested on, inside the row of an event or a task, and the models that decided.

use empi_model::{Basis, Evidence, MatchWeight, RecordIndex};
use prost::Message;

use super::Row;
use crate::rows::StoredModel;

/// Some 40 bytes. The weights of the levels are those of the model.
#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct BasisRow {
    #[prost(uint32, tag = "1")]
    candidate: u32,
    #[prost(uint64, tag = "2")]
    levels: u64,
    #[prost(uint32, tag = "3")]
    records: u32,
    #[prost(double, tag = "4")]
    given_frequency: f64,
    #[prost(double, tag = "5")]
    family_frequency: f64,
    #[prost(uint32, tag = "6")]
    model: u32,
    #[prost(fixed64, optional, tag = "7")]
    incoming_hash: Option<u64>,
    #[prost(fixed64, optional, tag = "8")]
    candidate_hash: Option<u64>,
}

impl Row for BasisRow {
    type Word = Basis;

    fn of(basis: &Basis) -> Self {
        let Basis { evidence, model, candidate, incoming_hash, candidate_hash } = *basis;
        Self {
            candidate: candidate.0,
            levels: evidence.levels,
            records: evidence.records,
            given_frequency: evidence.given_frequency.bits(),
            family_frequency: evidence.family_frequency.bits(),
            model,
            incoming_hash,
            candidate_hash,
        }
    }

    fn word(self) -> Option<Basis> {
        Some(Basis {
            evidence: Evidence {
                levels: self.levels,
                records: self.records,
                given_frequency: MatchWeight::from_bits(self.given_frequency),
                family_frequency: MatchWeight::from_bits(self.family_frequency),
            },
            model: self.model,
            candidate: RecordIndex(self.candidate),
            incoming_hash: self.incoming_hash,
            candidate_hash: self.candidate_hash,
        })
    }
}

/// A model that decided something in the store.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ModelRow {
    #[prost(uint32, tag = "1")]
    number: u32,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(fixed64, tag = "3")]
    checksum: u64,
    #[prost(string, tag = "4")]
    text: String,
}

impl Row for ModelRow {
    type Word = StoredModel;

    fn of(model: &StoredModel) -> Self {
        let StoredModel { number, name, checksum, text } = model.clone();
        Self { number, name, checksum, text }
    }

    fn word(self) -> Option<StoredModel> {
        let Self { number, name, checksum, text } = self;
        let model = StoredModel { number, name, checksum, text };
        model.is_sound().then_some(model)
    }
}
