//! Answers as tables and lines: what people read.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use empi_model::Guard;

use super::answers::{
    Candidate, Consent, Explanation, Fields, Matched, Person, Record, Registered,
};
use super::columns::COLUMNS;
use super::search::Hit;
use super::task_answers::{Resolution, Task};
use super::{golden, words};

pub(super) const NAME: [&str; 4] = ["given_name", "middle_name", "family_name", "suffix"];
pub(super) const ADDRESS: [&str; 5] = ["street", "unit", "city", "state", "postal_code"];

fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    table
}

/// Numbers stand under each other by their last digit.
fn right_aligned(mut table: Table, columns: &[usize]) -> Table {
    for column in columns {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// One registration on one line, so that a file's answers can be read as they come.
pub(super) fn registered(answer: &Registered) -> String {
    let mut line = format!(
        "{}  {:<9}  {:>8}  {}/{}",
        answer.enterprise_id,
        answer.decision,
        words::weight(answer.match_weight),
        answer.source,
        answer.record_id,
    );
    if !answer.review_tasks.is_empty() {
        let tasks: Vec<String> = answer.review_tasks.iter().map(u64::to_string).collect();
        line.push_str(&format!("  review task {}", tasks.join(", ")));
    }
    line
}

/// The persons that a search found.
pub(super) fn hits(hits: &[Hit]) -> String {
    let mut found = table([
        "enterprise ID",
        "fits",
        "name",
        "birth date",
        "sex",
        "address",
        "phone",
        "records",
    ]);
    for hit in hits {
        let fields = &hit.fields;
        found.add_row([
            hit.enterprise_id.clone(),
            format!("{:.0} %", hit.score * 100.0),
            fields.line(&NAME),
            fields.get("birth_date").to_owned(),
            fields.get("sex").to_owned(),
            fields.line(&ADDRESS),
            fields.get("phone").to_owned(),
            hit.record_count.to_string(),
        ]);
    }
    right_aligned(found, &[1, 7]).to_string()
}

/// The candidates of one record, and why the best is the best.
pub(super) fn matched(answer: &Matched) -> String {
    let Some(best) = answer.candidates.first() else {
        return "nobody in the index resembles this record".to_owned();
    };
    let mut candidates =
        table(["enterprise ID", "most alike", "grade", "weight", "probability", "held back by"]);
    for candidate in &answer.candidates {
        let explanation = &candidate.explanation;
        candidates.add_row([
            candidate.enterprise_id.clone(),
            key(candidate),
            candidate.grade.clone(),
            words::weight(Some(explanation.match_weight)),
            format!("{:.4}", explanation.match_probability),
            explanation.guards.join(", "),
        ]);
    }
    format!(
        "{}\n\n{} with {}:\n{}",
        right_aligned(candidates, &[3, 4]),
        "why the best candidate scores as it does, compared",
        key(best),
        explanation(&best.explanation)
    )
}

fn key(candidate: &Candidate) -> String {
    format!("{}/{}", candidate.source, candidate.record_id)
}

/// The waterfall: both values, the level, the weight; at the end the sum.
pub(super) fn explanation(explanation: &Explanation) -> String {
    let mut rows = table(["compared", "incoming", "candidate", "level", "weight"]);
    for row in &explanation.rows {
        rows.add_row([
            row.label.clone(),
            row.incoming.clone(),
            row.candidate.clone(),
            row.level.clone(),
            words::weight(Some(row.match_weight)),
        ]);
    }
    rows.add_row([
        "total".to_owned(),
        String::new(),
        String::new(),
        conclusion(explanation),
        words::weight(Some(explanation.match_weight)),
    ]);
    right_aligned(rows, &[4]).to_string()
}

fn conclusion(explanation: &Explanation) -> String {
    let decided = format!("{} by {}", explanation.decision, explanation.model);
    if explanation.guards.is_empty() {
        return decided;
    }
    format!("{decided}, held back by {}", explanation.guards.join(", "))
}

/// A person's records, one per row.
pub(super) fn person(person: &Person) -> String {
    let mut records = table([
        "source",
        "record",
        "name",
        "birth date",
        "sex",
        "ssn",
        "address",
        "phone",
        "linked",
        "weight",
    ]);
    for record in &person.records {
        let fields = &record.fields;
        records.add_row([
            record.source.clone(),
            record.record_id.clone(),
            fields.line(&NAME),
            fields.get("birth_date").to_owned(),
            fields.get("sex").to_owned(),
            fields.get("ssn").to_owned(),
            fields.line(&ADDRESS),
            fields.get("phone").to_owned(),
            match record.state.as_str() {
                "active" => record.link_source.clone(),
                state => state.to_owned(),
            },
            words::weight(record.match_weight),
        ]);
    }
    let redirected = if person.asked == person.enterprise_id {
        String::new()
    } else {
        format!(" (answers for {})", person.asked)
    };
    let mut told = format!(
        "person {}{redirected}, known since {}\n{}",
        person.enterprise_id,
        person.created,
        right_aligned(records, &[9])
    );
    if let Some(Consent { not_shared, not_linked, event }) = &person.consent {
        let asked = match (not_shared, not_linked) {
            (true, true) => "not to be shared and not to be linked",
            (true, false) => "not to be shared",
            _ => "not to be linked",
        };
        told.push_str(&format!("\nasked for: {asked} (event {event})"));
    }
    if let Some(until) = &person.emergency_until {
        told.push_str(&format!("\nshown in an emergency until {until}"));
    }
    if let Some(withheld) = person.records.iter().map(|it| &it.withheld).find(|it| !it.is_empty()) {
        told.push_str(&format!("\nnot shown to your role in full: {}", withheld.join(", ")));
    }
    if let Some(golden) = &person.golden {
        told.push('\n');
        told.push_str(&golden::lines(golden));
    }
    told
}

/// The queue, one task per row.
pub(super) fn tasks(tasks: &[Task]) -> String {
    if tasks.is_empty() {
        return "no review task is waiting".to_owned();
    }
    let mut rows = table(["task", "question", "weight", "why", "raised", "state", "steward"]);
    for task in tasks {
        let state = task
            .resolution
            .as_ref()
            .map(|resolution| resolution.outcome.clone())
            .or_else(|| task.stage.clone())
            .unwrap_or_default();
        rows.add_row([
            task.task_id.to_string(),
            task.kind.clone(),
            words::weight(Some(task.match_weight)),
            task.why.clone(),
            task.created.clone(),
            state,
            task.claimed_by.clone().or_else(|| task.assignee.clone()).unwrap_or_default(),
        ]);
    }
    right_aligned(rows, &[0, 2]).to_string()
}

/// Why a guard holds a link back. One that the pair itself does not show was seen between other records
/// of the two persons, as when a third record is somebody's twin.
fn held_back(name: &str, explained: Option<&Explanation>) -> String {
    let Some(guard) = Guard::from_name(name) else { return format!("held back by {name}") };
    let speaks_of_a_pair = matches!(
        guard,
        Guard::PossibleTwins
            | Guard::SuffixConflict
            | Guard::GenerationGap
            | Guard::IdentifierConflict
    );
    let shown = explained.is_none_or(|explained| explained.guards.iter().any(|it| it == name));
    let elsewhere =
        if speaks_of_a_pair && !shown { " (between other records of the two persons)" } else { "" };
    format!("held back by {name}: {}{elsewhere}", guard.reason())
}

/// One task: the records side by side, the explanation, and how to answer.
pub(super) fn task(task: &Task) -> String {
    let mut lines = vec![format!("review task {}: {}", task.task_id, question(&task.kind))];
    let explained = task.detail.as_ref().map(|detail| &detail.explanation);
    lines.extend(standing(task));
    lines.extend(task.guards.iter().map(|guard| held_back(guard, explained)));
    if let Some(detail) = &task.detail {
        lines.push(side_by_side(&detail.incoming, &detail.candidate, detail.proposed.as_ref()));
        lines.push(explanation(&detail.explanation));
    }
    lines.push(task.resolution.as_ref().map_or_else(
        || {
            format!(
                "answer with: empi review resolve {} --as same|different --note TEXT --actor NAME",
                task.task_id
            )
        },
        |resolution| {
            format!(
                "resolved as {} by {} at {}",
                resolution.outcome, resolution.actor, resolution.time
            )
        },
    ));
    lines.join("\n")
}

/// Why it is asked and why now, and what people have said so far.
fn standing(task: &Task) -> Vec<String> {
    let mut lines = vec![task.why.clone(), task.place_reason.clone()];
    lines.retain(|line| !line.is_empty());
    if let Some(earlier) = &task.earlier {
        let Resolution { outcome, actor, time, .. } = earlier;
        lines.push(format!("{actor} said {outcome} at {time}; that stands until somebody answers"));
    }
    lines.extend(task.opinions.iter().map(|said| format!("{} said {}", said.actor, said.outcome)));
    match (task.stage.as_deref(), &task.snoozed_until) {
        (Some("second_opinion"), _) => lines.push("a second opinion is asked for".to_owned()),
        (Some(stage @ ("snoozed" | "source_asked")), Some(until)) => {
            lines.push(format!("{stage} until {until}, or until new data come"));
        }
        (Some(stage @ ("snoozed" | "source_asked")), None) => {
            lines.push(format!("{stage} until new data come"));
        }
        _ => {}
    }
    let escalated = task.escalation.iter();
    lines.extend(escalated.map(|why| format!("waits for a lead steward: {why}")));
    lines.extend(task.assignee.iter().map(|assignee| format!("given to {assignee}")));
    lines
}

fn question(kind: &str) -> &str {
    match kind {
        "possible_match" => "are these records the same person?",
        "potential_duplicate" => "are these two persons one?",
        "held_update" => "does this change still describe the same person?",
        "same_source_duplicate" => "has this source registered one person twice?",
        "conflict" => "is this one person or two?",
        "oversized_identity" => "do these records belong to one person?",
        "shared_identifier" => "a value of this record is shared by very many people",
        "capped_block" => "not all candidates of this record were compared",
        other => other,
    }
}

fn side_by_side(incoming: &Record, candidate: &Record, proposed: Option<&Fields>) -> String {
    let mut sides = table(["", "incoming", "candidate"]);
    if proposed.is_some() {
        sides.set_header(["", "incoming", "candidate", "proposed change"]);
    }
    let key = |record: &Record| format!("{}/{}", record.source, record.record_id);
    sides.add_row(["record".to_owned(), key(incoming), key(candidate)]);
    sides.add_row([
        "person".to_owned(),
        incoming.enterprise_id.clone(),
        candidate.enterprise_id.clone(),
    ]);
    for column in COLUMNS {
        let mut values = vec![incoming.fields.get(column), candidate.fields.get(column)];
        values.extend(proposed.map(|fields| fields.get(column)));
        if values.iter().any(|value| !value.is_empty()) {
            sides.add_row([vec![column], values].concat());
        }
    }
    sides.to_string()
}

#[cfg(test)]
mod tests {
    use empi_proto::v1;
    use expect_test::expect;

    use super::*;

    fn registered_record(record_id: &str, given: &str) -> Option<v1::RegisteredRecord> {
        let key = v1::RecordKey { source: "a".to_owned(), record_id: record_id.to_owned() };
        let name = v1::PersonName { given: given.to_owned(), ..v1::PersonName::default() };
        Some(v1::RegisteredRecord {
            record: Some(v1::SourceRecord {
                key: Some(key),
                names: vec![name],
                birth_date: "1980-02-29".to_owned(),
                ..v1::SourceRecord::default()
            }),
            enterprise_id: format!("7K3M-9QXT-{record_id}"),
            link: Some(v1::Link::default()),
            ..v1::RegisteredRecord::default()
        })
    }

    fn row(label: &str, level: &str, weight: f64) -> v1::ExplanationRow {
        v1::ExplanationRow {
            label: label.to_owned(),
            level: level.to_owned(),
            match_weight: weight,
            ..v1::ExplanationRow::default()
        }
    }

    fn view() -> v1::TaskView {
        v1::TaskView {
            task: Some(v1::ReviewTask {
                task_id: 4,
                kind: v1::ReviewKind::PossibleMatch.into(),
                match_weight: 3.5,
                guards: vec![v1::Guard::PossibleTwins.into()],
                ..v1::ReviewTask::default()
            }),
            incoming: registered_record("1", "Ann"),
            candidate: registered_record("2", "Amy"),
            proposed: None,
            explanation: Some(v1::ScoreExplanation {
                rows: vec![row("prior", "", -10.0), row("birth_date", "exact", 13.5)],
                total: 3.5,
                decision: v1::LinkDecision::Review.into(),
                guards: vec![v1::Guard::PossibleTwins.into()],
                model: "m1".to_owned(),
                ..v1::ScoreExplanation::default()
            }),
        }
    }

    #[test]
    fn a_task_shows_both_sides_and_how_to_answer() {
        let shown = task(&Task::try_from(view()).unwrap());
        let expected = expect![[r#"
            review task 4: are these records the same person?
            held back by possible_twins: same birth date and family, but another given name or birth order: perhaps twins
            ┌────────────┬─────────────┬─────────────┐
            │            ┆ incoming    ┆ candidate   │
            ╞════════════╪═════════════╪═════════════╡
            │ record     ┆ a/1         ┆ a/2         │
            │ person     ┆ 7K3M-9QXT-1 ┆ 7K3M-9QXT-2 │
            │ given_name ┆ Ann         ┆ Amy         │
            │ birth_date ┆ 1980-02-29  ┆ 1980-02-29  │
            └────────────┴─────────────┴─────────────┘
            ┌────────────┬──────────┬───────────┬───────────────────────────────────────────┬────────┐
            │ compared   ┆ incoming ┆ candidate ┆ level                                     ┆ weight │
            ╞════════════╪══════════╪═══════════╪═══════════════════════════════════════════╪════════╡
            │ prior      ┆          ┆           ┆                                           ┆ -10.00 │
            │ birth_date ┆          ┆           ┆ exact                                     ┆ +13.50 │
            │ total      ┆          ┆           ┆ review by m1, held back by possible_twins ┆  +3.50 │
            └────────────┴──────────┴───────────┴───────────────────────────────────────────┴────────┘
            answer with: empi review resolve 4 --as same|different --note TEXT --actor NAME"#]];
        expected.assert_eq(&shown);
    }

    #[test]
    fn a_held_update_shows_the_proposed_change() {
        let proposed = v1::SourceRecord { sex: "M".to_owned(), ..v1::SourceRecord::default() };
        let shown =
            task(&Task::try_from(v1::TaskView { proposed: Some(proposed), ..view() }).unwrap());
        assert!(shown.contains("proposed change"), "{shown}");
    }

    #[test]
    fn a_registration_is_one_line() {
        let answer = v1::RegisterRecordResponse {
            key: Some(v1::RecordKey { source: "a".to_owned(), record_id: "1".to_owned() }),
            enterprise_id: "7K3M-9QXT-2VC".to_owned(),
            decision: v1::RegistrationDecision::Review.into(),
            match_weight: Some(-1.5),
            tasks: vec![4, 5],
            ..v1::RegisterRecordResponse::default()
        };
        let shown = registered(&Registered::try_from(answer).unwrap());
        assert_eq!(shown, "7K3M-9QXT-2VC  review        -1.50  a/1  review task 4, 5");
    }
}
