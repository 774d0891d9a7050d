//! Small figures that pages show, answered from memory: what waits of each kind, who sends records, how large a
//! person is.

use empi_model::{ComparisonPattern, EnterpriseId, ReviewKind};

use crate::mirror::worklist::Facet;
use crate::registry::Registry;

impl Registry {
    /// How many questions of each kind wait, in the order of the kinds' numbers.
    #[must_use]
    pub fn open_task_counts(&self) -> Vec<(ReviewKind, u64)> {
        let mirror = self.core.mirror.read();
        let count = |kind| (kind, mirror.worklist.count(&Facet::Kind(kind)) as u64);
        ReviewKind::ALL.map(count).to_vec()
    }

    /// How many questions wait whose records compare like this.
    #[must_use]
    pub fn open_tasks_alike(&self, pattern: &ComparisonPattern) -> u64 {
        self.core.mirror.read().worklist.count(&Facet::Pattern(pattern.clone())) as u64
    }

    /// Every source that has sent a record.
    #[must_use]
    pub fn sources(&self) -> Vec<String> {
        self.core.mirror.read().sources().to_vec()
    }

    /// How many records a living person has; none for anybody else.
    #[must_use]
    pub fn person_size(&self, id: EnterpriseId) -> usize {
        self.core.mirror.read().person(id).map_or(0, |person| person.records.len())
    }
}
