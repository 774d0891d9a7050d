//! Deciding: from what the index says about a record to what is to change. Pure functions over
//! values.
//!
//! A person *answers* when its best record links and no guard, for the pair or for the person as a
//! whole, holds the link back.
//!
//! | who answers | what is decided |
//! |---|---|
//! | exactly one person | the record is linked to it |
//! | several | linked to the strongest, and a question (potential duplicate) for each other |
//! | several, of which a steward keeps two apart | a new person, and a question for each |
//! | nobody, some possible | a new person, and a question (possible match) for each |
//! | nobody at all | a new person |
//!
//! Enterprise IDs that exist are never merged by scoring.
//!
//! To keep the queue short, a linked record asks about further persons only where their weight
//! alone would link and a guard holds it back; mere possible matches beside a clear link are not
//! asked.

use empi_linkage::Guards;
use empi_model::{
    EnterpriseId, Guard, LinkSource, MatchWeight, RecordIndex, ReviewKind, Thresholds,
};

use crate::assess::{Assessment, Contender, Own};

/// What the plans need to know of model and options.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) thresholds: Thresholds,
    pub(crate) tasks_max: usize,
}

/// The person a record goes to, and the record of it that resembles most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Target {
    pub(crate) person: EnterpriseId,
    pub(crate) weight: MatchWeight,
}

/// A question for a steward: is the record's person one with the candidate's?
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Question {
    pub(crate) kind: ReviewKind,
    pub(crate) person: EnterpriseId,
    pub(crate) candidate: RecordIndex,
    pub(crate) weight: MatchWeight,
    pub(crate) guards: Guards,
}

/// What is decided about where a record belongs.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Placement {
    /// The person to link to; `None` when nobody answers.
    pub(crate) target: Option<Target>,
    /// Questions, the weightiest first.
    pub(crate) questions: Vec<Question>,
    /// Questions that were left out because there were more than `tasks_max`.
    pub(crate) questions_cut: usize,
}

impl Placement {
    fn new(target: Option<Target>, mut questions: Vec<Question>, rules: &Rules) -> Self {
        let questions_cut = questions.len().saturating_sub(rules.tasks_max);
        questions.truncate(rules.tasks_max);
        Self { target, questions, questions_cut }
    }
}

/// What is decided about new content of a record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum UpdatePlan {
    /// Applied; the record stays with its person.
    Kept { weight: Option<MatchWeight>, placement: Placement },
    /// Applied; the record was its person's only one and goes to another.
    Moved(Target, Placement),
    /// Not applied: it would make the record somebody else (identity rule 8).
    Held { candidate: RecordIndex, weight: MatchWeight, guards: Guards },
}

/// Places a record that has no person yet, or whose person has no other record.
pub(crate) fn place(assessment: &Assessment, rules: &Rules) -> Placement {
    let answering: Vec<&Contender> =
        assessment.contenders.iter().filter(|contender| contender.answers()).collect();
    let Some(strongest) = answering.first() else {
        return ask_all(assessment, Guards::NONE, rules);
    };
    let is_torn = answering.iter().enumerate().any(|(at, one)| {
        answering.iter().skip(at + 1).any(|other| is_apart(assessment, one.person, other.person))
    });
    if is_torn {
        return ask_all(assessment, [Guard::KeptApart].into_iter().collect(), rules);
    }
    let target = Target { person: strongest.person, weight: strongest.weight };
    Placement::new(Some(target), questions_beside(assessment, target.person, rules), rules)
}

/// A new person, and a question for everybody who answers or nearly does.
fn ask_all(assessment: &Assessment, guards_of_answering: Guards, rules: &Rules) -> Placement {
    let own = assessment.own.as_ref().map(|own| own.person);
    let askable = assessment
        .contenders
        .iter()
        .filter(|contender| own.is_none_or(|own| !is_apart(assessment, own, contender.person)));
    let questions = askable.map(|contender| {
        let more = if contender.answers() { guards_of_answering } else { Guards::NONE };
        question(ReviewKind::PossibleMatch, contender, more)
    });
    Placement::new(None, questions.collect(), rules)
}

/// The questions that remain beside a link: whether others who answer, or whom only a guard holds
/// back, are one with the person linked to.
fn questions_beside(assessment: &Assessment, person: EnterpriseId, rules: &Rules) -> Vec<Question> {
    let others = assessment.contenders.iter().filter(|contender| {
        contender.person != person
            && (contender.answers() || contender.weight >= rules.thresholds.link)
            && !is_apart(assessment, person, contender.person)
            // The record itself is kept apart from them, and brings that along to its person.
            && !contender.guards.contains(Guard::KeptApart)
    });
    let several = [Guard::SeveralPersons].into_iter().collect();
    others.map(|contender| question(ReviewKind::PotentialDuplicate, contender, several)).collect()
}

fn question(kind: ReviewKind, contender: &Contender, more: Guards) -> Question {
    let Contender { person, candidate, weight, guards, .. } = *contender;
    Question { kind, person, candidate, weight, guards: guards.union(more) }
}

fn is_apart(assessment: &Assessment, one: EnterpriseId, other: EnterpriseId) -> bool {
    assessment.apart.iter().any(|pair| *pair == (one, other) || *pair == (other, one))
}

/// Decides about new content of a record.
///
/// A record with others in its person must still resemble the best of them, at or above the review
/// threshold. A record that is alone, or that a steward linked, must not contradict what it said
/// before: the evidence between old and new content, without the prior, must not be negative, and
/// no guard may speak of two people (a twin, a parent, another number).
pub(crate) fn plan_update(own: &Own, assessment: &Assessment, rules: &Rules) -> UpdatePlan {
    let contradicts_itself =
        own.evidence < MatchWeight::ZERO || !own.with_itself.guards.conflicts().is_empty();
    let held = match (own.link, own.with_others) {
        (LinkSource::Automatic, Some((candidate, scored))) => {
            (scored.weight < rules.thresholds.review).then_some((candidate, scored))
        }
        (LinkSource::Automatic, None) | (LinkSource::Manual, _) => {
            contradicts_itself.then_some((own.record, own.with_itself))
        }
    };
    if let Some((candidate, scored)) = held {
        let (weight, guards) = (scored.weight, scored.guards);
        return UpdatePlan::Held { candidate, weight, guards };
    }
    plan_accepted_update(own, assessment, rules)
}

/// Decides where a record goes whose new content is accepted as its own.
pub(crate) fn plan_accepted_update(
    own: &Own,
    assessment: &Assessment,
    rules: &Rules,
) -> UpdatePlan {
    let weight = own.with_others.map(|(_, scored)| scored.weight);
    if own.link == LinkSource::Manual || own.with_others.is_some() {
        let questions = questions_beside(assessment, own.person, rules);
        return UpdatePlan::Kept { weight, placement: Placement::new(None, questions, rules) };
    }
    let placement = place(assessment, rules);
    match placement.target {
        Some(target) => UpdatePlan::Moved(target, placement),
        None => UpdatePlan::Kept { weight, placement },
    }
}

#[cfg(test)]
mod tests;
