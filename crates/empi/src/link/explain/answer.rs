//! What is known about two records, and the same as JSON.

use empi_model::{
    BlockingRule, Guard, LinkDecision, MatchWeight, PatientText, RecordKey, ScoreExplanation,
    Thresholds,
};
use serde::Serialize;

use super::sentence;

/// Two records explained.
#[derive(Clone, Debug)]
pub(super) struct Explained {
    pub(super) left: Side,
    pub(super) right: Side,
    pub(super) score: ScoreExplanation,
    pub(super) thresholds: Thresholds,
    /// The rules that brought the two together; none if they were never compared.
    pub(super) rules: Vec<BlockingRule>,
    /// Rules that give both the same key, one that too many records have.
    pub(super) capped_rules: Vec<BlockingRule>,
    /// What joining whole persons held against it, after the pair itself was judged.
    pub(super) joining_guards: Vec<Guard>,
    /// The records over which links lead from one to the other, when that is not the pair itself.
    pub(super) through: Vec<Step>,
    /// How the records came to their persons.
    pub(super) linked: Linked,
    pub(super) values_shown: bool,
}

/// One record and its person.
#[derive(Clone, Debug)]
pub(super) struct Side {
    pub(super) key: RecordKey,
    pub(super) enterprise_id: String,
}

/// A link on the way from one record to the other.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// The record that it leads to.
    pub(super) key: RecordKey,
    /// The weight of the link.
    pub(super) weight: MatchWeight,
}

/// Who or what decided, and what stands open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Linked {
    /// Files linked now, by scoring alone.
    InFiles,
    /// An index, in which stewards have a say.
    InIndex {
        /// A steward made a link of one of the two.
        by_steward: bool,
        /// The open review tasks that ask whether the two persons are one.
        tasks: Vec<u64>,
    },
}

impl Explained {
    pub(super) fn is_one_person(&self) -> bool {
        self.left.enterprise_id == self.right.enterprise_id
    }

    /// Whether linking ever looked at the pair.
    pub(super) fn was_compared(&self) -> bool {
        !self.rules.is_empty()
    }

    /// Every guard, those of the pair first, each once.
    pub(super) fn guards(&self) -> Vec<Guard> {
        let mut guards = self.score.guards.clone();
        guards.extend(self.joining_guards.iter().filter(|it| !self.score.guards.contains(it)));
        guards
    }

    /// What the pair comes to, whole persons considered.
    pub(super) fn decision(&self) -> LinkDecision {
        if self.joining_guards.is_empty() {
            return self.score.decision;
        }
        self.score.decision.min(LinkDecision::Review)
    }

    /// The same without values of the records.
    pub(super) fn without_values(mut self) -> Self {
        for row in &mut self.score.rows {
            (row.left, row.right) = (None, None);
        }
        self.values_shown = false;
        self
    }

    /// The answer for programs.
    pub(super) fn to_json(&self) -> Answer<'_> {
        let mut total = MatchWeight::ZERO;
        let rows = self.score.rows.iter().map(|row| {
            total += row.weight;
            Row {
                label: &row.label,
                level: &row.level,
                left: row.left.as_ref().map(PatientText::expose),
                right: row.right.as_ref().map(PatientText::expose),
                m: row.m.map(|it| it.value()),
                u: row.u.map(|it| it.value()),
                match_weight: row.weight.bits(),
                total: total.bits(),
            }
        });
        let rows = rows.collect();
        let named = |guard: Guard| NamedGuard { name: guard.as_str(), reason: guard.reason() };
        Answer {
            left: Record::of(&self.left),
            right: Record::of(&self.right),
            one_person: self.is_one_person(),
            decision: self.decision().as_str(),
            sentence: sentence::of(self),
            match_weight: self.score.total.bits(),
            match_probability: self.score.total.probability().value(),
            thresholds: Cuts {
                link: self.thresholds.link.bits(),
                review: self.thresholds.review.bits(),
            },
            model: &self.score.model,
            compared: self.was_compared(),
            blocking_rules: names(&self.rules),
            capped_blocking_rules: names(&self.capped_rules),
            guards: self.guards().into_iter().map(named).collect(),
            linked_through: self.through.iter().map(Through::of).collect(),
            review_tasks: match &self.linked {
                Linked::InFiles => Vec::new(),
                Linked::InIndex { tasks, .. } => tasks.clone(),
            },
            rows,
        }
    }
}

fn names(rules: &[BlockingRule]) -> Vec<&'static str> {
    rules.iter().map(|rule| rule.as_str()).collect()
}

/// One line of JSON. Field names are a promise.
#[derive(Serialize)]
pub(super) struct Answer<'a> {
    left: Record<'a>,
    right: Record<'a>,
    one_person: bool,
    /// `link`, `review` or `non_link`.
    decision: &'static str,
    sentence: String,
    match_weight: f64,
    match_probability: f64,
    thresholds: Cuts,
    model: &'a str,
    /// Whether blocking brought the two together.
    compared: bool,
    blocking_rules: Vec<&'static str>,
    capped_blocking_rules: Vec<&'static str>,
    guards: Vec<NamedGuard>,
    linked_through: Vec<Through<'a>>,
    review_tasks: Vec<u64>,
    rows: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Record<'a> {
    source: &'a str,
    record_id: &'a str,
    enterprise_id: &'a str,
}

impl<'a> Record<'a> {
    fn of(side: &'a Side) -> Self {
        let RecordKey { source, record_id } = &side.key;
        Self { source, record_id, enterprise_id: &side.enterprise_id }
    }
}

#[derive(Serialize)]
struct Cuts {
    link: f64,
    review: f64,
}

#[derive(Serialize)]
struct NamedGuard {
    name: &'static str,
    reason: &'static str,
}

#[derive(Serialize)]
struct Through<'a> {
    source: &'a str,
    record_id: &'a str,
    match_weight: f64,
}

impl<'a> Through<'a> {
    fn of(step: &'a Step) -> Self {
        let RecordKey { source, record_id } = &step.key;
        Self { source, record_id, match_weight: step.weight.bits() }
    }
}

/// One row of the waterfall, with the sum up to and with it.
#[derive(Serialize)]
struct Row<'a> {
    label: &'a str,
    level: &'a str,
    left: Option<&'a str>,
    right: Option<&'a str>,
    m: Option<f64>,
    u: Option<f64>,
    match_weight: f64,
    total: f64,
}
