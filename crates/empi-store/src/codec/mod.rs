//! Values on disk: protocol buffers, so that later versions can add fields and still read old rows.
//!
//! A field number once used keeps its meaning for ever. Each kind of row has a message here and the way
//! to and from the word it stands for; reading back gives `None` for a row that makes no sense.

mod audit;
mod basis;
mod change;
mod glass;
mod identity;
mod lab;
mod personal;
mod proposal;
mod record;
mod review;
mod service;
mod user;

pub(crate) use audit::AuditRow;
pub(crate) use basis::{BasisRow, ModelRow};
pub(crate) use change::ChangeDigests;
pub(crate) use glass::GlassRow;
pub(crate) use identity::{CountersRow, EventRow, PersonRow, RequestRow};
pub(crate) use lab::{PromotionRow, SampleRow, SampledRow};
pub(crate) use personal::{PartRow, PersonalRow};
pub(crate) use proposal::ProposalRow;
pub(crate) use record::{RecordRow, SourceRow};
pub(crate) use review::TaskRow;
pub(crate) use service::ServiceRow;
pub(crate) use user::{AccountRow, UserRow};

use empi_model::{Actor, ActorKind};
use prost::Message;

/// A row that stands for a word.
pub(crate) trait Row: Message + Default + Sized {
    /// What it stands for.
    type Word;

    fn of(word: &Self::Word) -> Self;
    fn word(self) -> Option<Self::Word>;

    fn encoded(word: &Self::Word) -> Vec<u8> {
        Self::of(word).encode_to_vec()
    }

    fn decoded(bytes: &[u8]) -> Option<Self::Word> {
        Self::decode(bytes).ok()?.word()
    }
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ActorRow {
    #[prost(uint32, tag = "1")]
    pub(crate) kind: u32,
    #[prost(string, tag = "2")]
    pub(crate) name: String,
}

impl Row for ActorRow {
    type Word = Actor;

    fn of(actor: &Actor) -> Self {
        let kind = match actor.kind {
            ActorKind::System => 1,
            ActorKind::Steward => 2,
        };
        Self { kind, name: actor.name.clone() }
    }

    fn word(self) -> Option<Actor> {
        let kind = match self.kind {
            1 => ActorKind::System,
            2 => ActorKind::Steward,
            _ => return None,
        };
        Some(Actor { kind, name: self.name })
    }
}

#[cfg(test)]
mod tests;
