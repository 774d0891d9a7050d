//! Changes that two people must want: few rows, in the family of what the store says of itself. They are written with
//! the change that they become, and with the entry that tells who decided.

use empi_model::Proposal;
use rocksdb::WriteBatch;

use crate::codec::{ProposalRow, Row as _};
use crate::layout::{self, Family};
use crate::snapshot::Snapshot;
use crate::{Commit, Store, StoreError};

impl Store {
    pub(crate) fn stage_proposals(
        &self,
        batch: &mut WriteBatch,
        change: &Commit,
    ) -> Result<(), StoreError> {
        for number in &change.proposals_forgotten {
            batch.delete_cf(&self.family(Family::Meta)?, layout::proposal_key(*number));
        }
        for proposal in &change.proposals {
            let key = layout::proposal_key(proposal.number);
            self.put(batch, Family::Meta, &key, ProposalRow::encoded(proposal))?;
        }
        Ok(())
    }
}

impl Snapshot<'_> {
    /// Every proposal, by number.
    pub fn proposals(&self) -> impl Iterator<Item = Result<Proposal, StoreError>> {
        self.rows_below::<ProposalRow>(layout::PROPOSALS, layout::PROPOSALS, "a proposal")
    }
}
