//! How review tasks come into the mirror, and what the queue knows of each.

use empi_linkage::{blocking_keys, compare};
use empi_model::{
    Asks, ComparisonPattern, RecordIndex, ReviewKind, ReviewState, ReviewTask, TaskPlace,
    TaskStage, Waiting,
};

use super::Mirror;
use super::open_tasks::OpenTask;
use super::worklist::Listed;

impl Mirror {
    pub(super) fn put_task(&mut self, task: &ReviewTask) {
        let ReviewTask { id, kind, incoming, candidate, shared, .. } = *task;
        // Whoever asks about one of the two is told of the question: also when their persons stay as they are.
        self.mark_person_of(incoming);
        self.mark_person_of(candidate);
        self.named_values.extend(shared.map(|shared| (shared.field as u8, shared.hash)));
        match &task.state {
            ReviewState::Open(waiting) => {
                self.closed.remove(id);
                self.tasks.insert(OpenTask::of(task));
                self.worklist.put(id, self.listed(task, waiting));
            }
            ReviewState::Resolved(decision) => {
                self.tasks.remove(id);
                self.worklist.remove(id);
                self.closed.put(task, decision);
            }
        }
        if kind == ReviewKind::CappedBlock
            && let Some(row) = self.row(incoming)
        {
            let keys = blocking_keys(&self.lexicon, &row);
            let block_max = self.limits.block_records_max as usize;
            // Those that were over the limit when this record came, which a rebuild finds again.
            let was_capped = |key: &&empi_model::BlockingKey| {
                let records = self.postings.records(**key);
                records.partition_point(|other| *other < incoming.0) > block_max
            };
            let capped = keys.iter().filter(was_capped).map(|key| key.as_number());
            let capped: Vec<u64> = capped.collect();
            self.asked_blocks.extend(capped);
        }
    }

    /// What the queue knows of an open task.
    fn listed(&self, task: &ReviewTask, waiting: &Waiting) -> Listed {
        let weight = task.asked_weight();
        let awake = waiting.stage_awake();
        let stage = match &waiting.snooze {
            None => awake,
            Some(snooze) if snooze.source_asked => TaskStage::SourceAsked,
            Some(_) => TaskStage::Snoozed,
        };
        let source = |record| self.source_of(record).unwrap_or(u32::MAX);
        let said = |at: usize| waiting.opinions.get(at).map(|opinion| opinion.outcome);
        Listed {
            opinions: said(0).zip(said(1)),
            place: TaskPlace::new(task.id, task.kind, weight, self.thresholds),
            kind: task.kind,
            weight,
            created: task.created,
            stage,
            snoozed: waiting.snooze.as_ref().map(|snooze| (snooze.until, awake)),
            assignee: waiting.assignee.clone(),
            said_by: waiting.opinions.iter().map(|it| it.remark.actor.name.clone()).collect(),
            pattern: self.asked_pattern(&OpenTask::of(task)),
            sources: [source(task.incoming), source(task.candidate)],
        }
    }

    /// How the two records of a question compare; `None` for a question about one record.
    fn asked_pattern(&self, task: &OpenTask) -> Option<ComparisonPattern> {
        let is_about_a_pair = matches!(task.asks, Asks::WhetherOne | Asks::WhetherTwo);
        if !is_about_a_pair || task.incoming == task.candidate {
            return None;
        }
        self.pattern(task.incoming, task.candidate)
    }

    /// How two records compare.
    pub(crate) fn pattern(
        &self,
        one: RecordIndex,
        other: RecordIndex,
    ) -> Option<ComparisonPattern> {
        let (one, other) = (self.row(one)?, self.row(other)?);
        Some(compare(&self.lexicon, &one, &other).vector.pattern())
    }

    /// Compares the records of all questions about a record anew: its content has changed.
    pub(super) fn compare_asked(&mut self, record: RecordIndex) {
        let asked: Vec<OpenTask> = self.tasks.of_record(record).collect();
        for task in asked {
            if let Some(listed) = self.worklist.get(task.id) {
                let pattern = self.asked_pattern(&task);
                self.worklist.put(task.id, Listed { pattern, ..listed.clone() });
            }
        }
    }
}
