//! The decision in one or two sentences: why, or why not.

use empi_model::{ExplanationRow, Guard, LinkDecision};

use super::answer::{Explained, Linked};

/// How many comparisons are named as what speaks against a link.
const NAMED_MAX: usize = 3;

/// What takes away less than so many bits is not worth naming.
const NAMED_BITS_MIN: f64 = 0.5;

/// Says what was decided about the two records, and why.
pub(super) fn of(explained: &Explained) -> String {
    match (explained.is_one_person(), by_steward(explained)) {
        (true, true) => format!("One person: a steward decided so. {}", by_score(explained)),
        (true, false) if explained.through.is_empty() && explained.was_compared() => {
            one_person_directly(explained)
        }
        (true, false) => one_person_through_others(explained),
        (false, _) => two_persons(explained),
    }
}

fn by_steward(explained: &Explained) -> bool {
    matches!(explained.linked, Linked::InIndex { by_steward: true, .. })
}

fn one_person_directly(explained: &Explained) -> String {
    if explained.decision() == LinkDecision::Link {
        return format!("One person: {}", link_reason(explained));
    }
    format!("One person, but not by this pair alone. {}", by_score(explained))
}

fn one_person_through_others(explained: &Explained) -> String {
    let mut sentence = "One person, through other records of that person".to_owned();
    let steps: Vec<String> = explained
        .through
        .iter()
        .map(|step| {
            let (source, record) = (&step.key.source, &step.key.record_id);
            format!("{source}:{record} ({} bits)", step.weight)
        })
        .collect();
    if !steps.is_empty() {
        let from = &explained.left.key;
        let way = steps.join(" to ");
        sentence
            .push_str(&format!(": links lead from {}:{} to {way}", from.source, from.record_id));
    }
    format!("{sentence}. {}", by_score(explained))
}

fn two_persons(explained: &Explained) -> String {
    if !explained.was_compared() {
        return format!("Two persons: {} {}", never_compared(explained), would_be(explained));
    }
    let mut sentence = format!("Two persons: {}", uncapitalised(&by_score(explained)));
    if let Linked::InIndex { tasks, .. } = &explained.linked
        && let [first, ..] = tasks.as_slice()
    {
        sentence.push_str(&format!(" Review task {first} asks a steward."));
    } else if explained.decision() == LinkDecision::Link {
        let other = "Something else keeps the persons apart: other records of the two, or the \
                     order in which they came.";
        sentence.push_str(&format!(" {other}"));
    }
    sentence
}

fn never_compared(explained: &Explained) -> String {
    if explained.capped_rules.is_empty() {
        return "never compared: no blocking key in common.".to_owned();
    }
    let rules: Vec<_> = explained.capped_rules.iter().map(|rule| rule.as_str()).collect();
    format!(
        "never compared: the only key in common ({}) is one that too many records have.",
        rules.join(", ")
    )
}

/// What the pair would have come to.
fn would_be(explained: &Explained) -> String {
    let reason = by_score(explained);
    format!("Had they been: {}", uncapitalised(&reason))
}

/// The pair by its own weight and guards.
fn by_score(explained: &Explained) -> String {
    let (total, thresholds) = (explained.score.total, explained.thresholds);
    match explained.decision() {
        LinkDecision::Link => capitalised(&link_reason(explained)),
        LinkDecision::Review if total >= thresholds.link => format!(
            "The weight of {total} bits reaches the link threshold of {}, but a person must \
             decide: {}.",
            thresholds.link,
            guard_reasons(explained)
        ),
        LinkDecision::Review => {
            let guards = guard_reasons(explained);
            let also = if guards.is_empty() { guards } else { format!("; also, {guards}") };
            format!(
                "The weight of {total} bits lies between the review threshold of {} and the link \
                 threshold of {}, so a person must decide{}{also}.",
                thresholds.review,
                thresholds.link,
                against(&explained.score.rows)
            )
        }
        LinkDecision::NonLink => format!(
            "The weight of {total} bits stays below the review threshold of {}{}.",
            thresholds.review,
            against(&explained.score.rows)
        ),
    }
}

/// What the guards say, one after the other.
fn guard_reasons(explained: &Explained) -> String {
    let guards = explained.guards();
    guards.iter().copied().map(Guard::reason).collect::<Vec<_>>().join("; ")
}

fn link_reason(explained: &Explained) -> String {
    format!(
        "the weight of {} bits reaches the link threshold of {}, and no guard speaks against it.",
        explained.score.total, explained.thresholds.link
    )
}

/// The comparisons that speak most against a link; empty when none does.
fn against(rows: &[ExplanationRow]) -> String {
    let mut found: Vec<&ExplanationRow> =
        rows.iter().skip(1).filter(|row| row.weight.bits() <= -NAMED_BITS_MIN).collect();
    found.sort_by(|one, other| one.weight.bits().total_cmp(&other.weight.bits()));
    let named: Vec<String> = found
        .iter()
        .take(NAMED_MAX)
        .map(|row| {
            let level =
                if row.level.is_empty() { String::new() } else { format!(" {}", row.level) };
            format!("{}{level} ({})", row.label, row.weight)
        })
        .collect();
    if named.is_empty() { String::new() } else { format!("; against it: {}", named.join(", ")) }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|it| it.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}

fn uncapitalised(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|it| it.to_ascii_lowercase());
    first.into_iter().chain(characters).collect()
}
