//! Composing what a source's withdrawal of a record changes.

use empi_linkage::Guards;
use empi_model::{EventKind, Guard, LinkSource, MatchWeight, RecordIndex, RecordState, ReviewKind};

use super::{Context, Draft, EventWords};
use crate::RegistryError;
use crate::mirror::Change;
use crate::plan::Question;

/// Composes that a record has no say any more. `None` when that is so already.
pub(crate) fn compose_retirement(
    context: Context<'_>,
    record: RecordIndex,
    replaced_by: Option<RecordIndex>,
) -> Result<Option<Change>, RegistryError> {
    let mut draft = Draft::new(context);
    let stored = draft.stored(record)?;
    let state = replaced_by.map_or(RecordState::Retired, RecordState::ReplacedBy);
    if stored.state == state {
        return Ok(None);
    }
    let person = draft.person_of(record)?;
    let is_retired = |other| context.mirror.known(other).is_some_and(|other| !other.is_active);
    if replaced_by.is_some_and(is_retired) {
        return Err(RegistryError::invalid(
            "the record that should go on was retired itself: name the one that is in use",
        ));
    }
    draft.retire(stored, state)?;
    let words = match replaced_by {
        None => EventWords::new(EventKind::RecordRetired, person, "the source withdrew the record"),
        Some(successor) => draft.follow_successor(record, successor)?,
    };
    let words = EventWords { records: vec![record], old: Some(person), ..words };
    draft.finish(words).map(Some)
}

impl Draft<'_> {
    /// A replaced record goes to the person of its successor. If it leaves others behind, two persons may
    /// be one: a question for a steward.
    fn follow_successor(
        &mut self,
        record: RecordIndex,
        successor: RecordIndex,
    ) -> Result<EventWords, RegistryError> {
        let (from, to) = (self.person_of(record)?, self.person_of(successor)?);
        let mut task = None;
        if from != to {
            self.relink(record, self.link(to, LinkSource::Automatic, None))?;
            let mut others = self.context.mirror.speakers(from);
            if let Some(candidate) = others.find(|other| *other != record) {
                let question = Question {
                    kind: ReviewKind::PotentialDuplicate,
                    person: from,
                    candidate,
                    weight: MatchWeight::ZERO,
                    guards: [Guard::SeveralPersons].into_iter().collect::<Guards>(),
                };
                task = self.ask(successor, &[to], &[question]).first().copied();
                task = task.or_else(|| self.dispute(successor, candidate));
            }
        }
        let reason = "the source says that the record is another of its records now";
        Ok(EventWords { task, ..EventWords::new(EventKind::RecordReplaced, to, reason) })
    }
}
