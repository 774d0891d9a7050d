//! Where a review task stands, and what people have said about it.

use crate::{Actor, ComparisonPattern, EventSequence, Guard, MatchWeight, ReasonCode, Timestamp};

/// Where a task stands.
#[derive(Clone, Debug, PartialEq)]
pub enum ReviewState {
    /// Waiting for a steward.
    Open(Waiting),
    /// Answered.
    Resolved(Decision),
}

impl ReviewState {
    /// A task that was just raised.
    pub const OPEN: Self = Self::Open(Waiting::NEW);

    /// Whether it waits.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Open(_))
    }

    /// How it waits; `None` for one that is answered.
    #[must_use]
    pub const fn waiting(&self) -> Option<&Waiting> {
        match self {
            Self::Open(waiting) => Some(waiting),
            Self::Resolved(_) => None,
        }
    }

    /// How it was answered; `None` for one that waits.
    #[must_use]
    pub const fn decision(&self) -> Option<&Decision> {
        match self {
            Self::Open(_) => None,
            Self::Resolved(decision) => Some(decision),
        }
    }
}

/// How a task waits: for whom, and since which words.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Waiting {
    /// Put off.
    pub snooze: Option<Snooze>,
    /// Who is to answer it.
    pub assignee: Option<String>,
    /// What stewards have said so far, in order. After the first, another is asked.
    pub opinions: Vec<Opinion>,
    /// Why it waits for a lead steward.
    pub escalated: Option<Remark>,
    /// Why it waits once more.
    pub again: Option<Box<Again>>,
}

impl Waiting {
    const NEW: Self =
        Self { snooze: None, assignee: None, opinions: Vec::new(), escalated: None, again: None };

    /// For whom it waits at a time.
    #[must_use]
    pub fn stage(&self, now: Timestamp) -> TaskStage {
        match &self.snooze {
            Some(snooze) if snooze.lasts(now) && snooze.source_asked => TaskStage::SourceAsked,
            Some(snooze) if snooze.lasts(now) => TaskStage::Snoozed,
            _ => self.stage_awake(),
        }
    }

    /// For whom it waits, put off or not.
    #[must_use]
    pub fn stage_awake(&self) -> TaskStage {
        if self.escalated.is_some() {
            TaskStage::Escalated
        } else if self.opinions.is_empty() {
            TaskStage::Open
        } else {
            TaskStage::SecondOpinion
        }
    }
}

/// For whom an open task waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum TaskStage {
    /// For any steward.
    Open = 1,
    /// For a second steward, who answers without knowing what the first has said.
    SecondOpinion = 2,
    /// For a lead steward.
    Escalated = 3,
    /// For a date, or for new data.
    Snoozed = 4,
    /// For the source, which was asked.
    SourceAsked = 5,
}

impl TaskStage {
    /// Every stage, in the order of their numbers.
    pub const ALL: [Self; 5] =
        [Self::Open, Self::SecondOpinion, Self::Escalated, Self::Snoozed, Self::SourceAsked];

    /// The stage's name in files, flags and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::SecondOpinion => "second_opinion",
            Self::Escalated => "escalated",
            Self::Snoozed => "snoozed",
            Self::SourceAsked => "source_asked",
        }
    }
}

/// A task that is put off: until a date, if there is one, and in any case only until new data come to one
/// of its records.
#[derive(Clone, Debug, PartialEq)]
pub struct Snooze {
    /// The date; without one only new data wake it.
    pub until: Option<Timestamp>,
    /// Whether the source was asked, whose answer is awaited.
    pub source_asked: bool,
    /// Who put it off, and why.
    pub remark: Remark,
}

impl Snooze {
    /// Whether it lasts at a time.
    #[must_use]
    pub fn lasts(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| until > now)
    }
}

/// What somebody says about a task.
#[derive(Clone, Debug, PartialEq)]
pub struct Remark {
    /// Who.
    pub actor: Actor,
    /// When.
    pub time: Timestamp,
    /// Why, as one of the reasons.
    pub reason: Option<ReasonCode>,
    /// Why, in the steward's words. Never patient data.
    pub note: String,
}

/// An answer that did not close its task, because a second one was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Opinion {
    /// The answer.
    pub outcome: ReviewOutcome,
    /// Who gave it, and why.
    pub remark: Remark,
}

/// Why an answered task waits again: new data changed the comparison decisively. The earlier decision
/// stays in force until somebody answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Again {
    /// How it was decided before.
    pub earlier: Decision,
    /// The weight of the pair with the new data.
    pub weight: MatchWeight,
    /// What holds a link back now.
    pub guards: Vec<Guard>,
}

/// How a task was answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The answer.
    pub outcome: ReviewOutcome,
    /// Who gave it.
    pub actor: Actor,
    /// When.
    pub time: Timestamp,
    /// Why, as one of the reasons.
    pub reason: Option<ReasonCode>,
    /// Why, in the steward's words.
    pub note: String,
    /// The event that the answer made; `None` when nothing had to change.
    pub event: Option<EventSequence>,
    /// What stewards had said before, without knowing of one another.
    pub opinions: Vec<Opinion>,
    /// How the pair compared when it was decided; `None` for a question about one record, and for
    /// decisions of earlier versions of the program.
    pub seen: Option<Seen>,
    /// How long the steward had the task, in milliseconds, where it was taken before it was answered.
    pub took_ms: Option<u64>,
    /// The hash of the content that was rejected, for [`ReviewOutcome::Rejected`]: a source that sends it again
    /// changes nothing.
    pub refused: Option<u64>,
}

/// How a pair compared at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// The levels.
    pub pattern: ComparisonPattern,
    /// The weight.
    pub weight: MatchWeight,
}

/// A steward's answer. The numbers are on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ReviewOutcome {
    /// One person: their persons are merged.
    Same = 1,
    /// Two people: they are kept apart, and scoring never joins them again.
    Different = 2,
    /// The question had already been settled otherwise when it was looked at.
    Moot = 3,
    /// A held update is wrong: the record stays as it was, and the same content is not asked about again.
    Rejected = 4,
}

impl ReviewOutcome {
    /// Every outcome, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Same, Self::Different, Self::Moot, Self::Rejected];

    /// The outcome's name in files and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Different => "different",
            Self::Moot => "moot",
            Self::Rejected => "rejected",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ActorKind;

    fn remark() -> Remark {
        let actor = Actor { kind: ActorKind::Steward, name: "ines".to_owned() };
        Remark { actor, time: Timestamp(5), reason: None, note: String::new() }
    }

    #[test]
    fn a_task_waits_for_one_thing_at_a_time() {
        let snooze = |until: Option<i64>, source_asked| {
            let until = until.map(Timestamp);
            Some(Snooze { until, source_asked, remark: remark() })
        };
        let opinion = Opinion { outcome: ReviewOutcome::Same, remark: remark() };
        let asked = Waiting { opinions: vec![opinion], ..Waiting::default() };
        let escalated = Waiting { escalated: Some(remark()), ..asked.clone() };
        let put_off = |waiting: &Waiting, snooze| Waiting { snooze, ..waiting.clone() };
        for (waiting, at, due) in [
            (Waiting::default(), 10, TaskStage::Open),
            (asked.clone(), 10, TaskStage::SecondOpinion),
            (escalated.clone(), 10, TaskStage::Escalated),
            (put_off(&escalated, snooze(Some(20), false)), 10, TaskStage::Snoozed),
            (put_off(&escalated, snooze(Some(20), false)), 20, TaskStage::Escalated),
            (put_off(&asked, snooze(None, false)), i64::MAX, TaskStage::Snoozed),
            (put_off(&asked, snooze(None, true)), 10, TaskStage::SourceAsked),
        ] {
            assert_eq!(waiting.stage(Timestamp(at)), due, "{waiting:?} at {at}");
        }
    }
}
