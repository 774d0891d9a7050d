//! Questions that answer themselves when persons join (identity rule 9).

use empi_model::{EnterpriseId, ReviewOutcome, TaskId};
use hashbrown::HashSet;

use super::Draft;
use crate::RegistryError;
use crate::mirror::Mirror;

/// The open questions that are settled, or asked twice, once the records of `from` belong to `to`:
/// those between the two, and those of `from` about somebody whom `to` is asked about already.
fn moot_after_join(mirror: &Mirror, from: EnterpriseId, to: EnterpriseId) -> Vec<TaskId> {
    let mut moot: Vec<TaskId> =
        mirror.questions_between(from, to).into_iter().map(|task| task.id).collect();
    let asked: HashSet<EnterpriseId> = mirror.questions_about(to).map(|(_, other)| other).collect();
    let repeated = mirror
        .questions_about(from)
        .filter(|(_, other)| *other != from && *other != to && asked.contains(other));
    moot.extend(repeated.map(|(task, _)| task.id));
    // Two persons that a steward keeps apart from one of them are kept apart from the other, too.
    let settled =
        mirror.questions_about(from).filter(|(_, other)| mirror.are_kept_apart(to, *other));
    moot.extend(settled.map(|(task, _)| task.id));
    let settled =
        mirror.questions_about(to).filter(|(_, other)| mirror.are_kept_apart(from, *other));
    moot.extend(settled.map(|(task, _)| task.id));
    moot.sort_unstable();
    moot.dedup();
    moot
}

impl Draft<'_> {
    /// Closes the questions that a join settles, except the one being answered.
    pub(super) fn close_moot(
        &mut self,
        from: EnterpriseId,
        to: EnterpriseId,
        answered: Option<TaskId>,
    ) -> Result<(), RegistryError> {
        for id in moot_after_join(self.context.mirror, from, to) {
            if Some(id) != answered {
                let note = "settled by another change";
                self.close(id, ReviewOutcome::Moot, note, Some(self.event))?;
            }
        }
        Ok(())
    }
}
