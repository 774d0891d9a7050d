//! Answers as JSON, one line each: what scripts read. Field names are a promise.

use std::collections::BTreeMap;

use empi_proto::v1;
use serde::Serialize;

use super::columns::columns;
use super::connection::incomplete;
use super::golden::Golden;
use super::words;

/// One line of JSON.
pub(super) fn line(answer: &impl Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string(answer)?)
}

/// What came of one registration.
#[derive(Serialize)]
pub(super) struct Registered {
    pub(super) source: String,
    pub(super) record_id: String,
    pub(super) enterprise_id: String,
    /// `link`, `review`, `new` or `unchanged`.
    pub(super) decision: String,
    pub(super) match_weight: Option<f64>,
    pub(super) review_tasks: Vec<u64>,
    pub(super) notes: Vec<Note>,
    pub(super) event: Option<u64>,
}

/// What cleaning set aside or doubted.
#[derive(Serialize)]
pub(super) struct Note {
    kind: String,
    field: String,
}

impl TryFrom<v1::RegisterRecordResponse> for Registered {
    type Error = anyhow::Error;

    fn try_from(answer: v1::RegisterRecordResponse) -> anyhow::Result<Self> {
        let decision = words::decision(answer.decision());
        let key = answer.key.ok_or_else(incomplete)?;
        Ok(Self {
            source: key.source,
            record_id: key.record_id,
            enterprise_id: answer.enterprise_id,
            decision,
            match_weight: answer.match_weight,
            review_tasks: answer.tasks,
            notes: answer
                .notes
                .iter()
                .map(|note| Note {
                    kind: words::note_kind(note.kind()),
                    field: words::field(note.field()),
                })
                .collect(),
            event: answer.event,
        })
    }
}

/// A row of a file that the server refused.
#[derive(Serialize)]
pub(super) struct Refused {
    pub(super) source: String,
    pub(super) record_id: String,
    pub(super) error: Refusal,
}

/// Why.
#[derive(Serialize)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) message: String,
}

/// Which persons a record resembles, and what registering it would decide.
#[derive(Serialize)]
pub(super) struct Matched {
    pub(super) source: String,
    pub(super) record_id: String,
    /// The best candidate's person, unless none is in or above the review region.
    pub(super) enterprise_id: Option<String>,
    /// `link`, `review` or `new`.
    pub(super) decision: &'static str,
    /// The best candidate's weight.
    pub(super) match_weight: Option<f64>,
    pub(super) candidates: Vec<Candidate>,
}

/// One person that a record resembles.
#[derive(Serialize)]
pub(super) struct Candidate {
    pub(super) enterprise_id: String,
    pub(super) source: String,
    pub(super) record_id: String,
    pub(super) grade: String,
    #[serde(flatten)]
    pub(super) explanation: Explanation,
}

/// A score, row by row.
#[derive(Serialize)]
pub(super) struct Explanation {
    pub(super) match_weight: f64,
    pub(super) match_probability: f64,
    pub(super) decision: String,
    pub(super) guards: Vec<String>,
    pub(super) model: String,
    pub(super) rows: Vec<Row>,
}

/// One row of the waterfall.
#[derive(Serialize)]
pub(super) struct Row {
    pub(super) label: String,
    pub(super) level: String,
    pub(super) incoming: String,
    pub(super) candidate: String,
    pub(super) m: Option<f64>,
    pub(super) u: Option<f64>,
    pub(super) match_weight: f64,
}

impl From<v1::ScoreExplanation> for Explanation {
    fn from(explanation: v1::ScoreExplanation) -> Self {
        Self {
            match_weight: explanation.total,
            match_probability: explanation.match_probability,
            decision: words::link_decision(explanation.decision()),
            guards: explanation.guards().map(words::guard).collect(),
            model: explanation.model,
            rows: explanation.rows.into_iter().map(Row::from).collect(),
        }
    }
}

impl From<v1::ExplanationRow> for Row {
    fn from(row: v1::ExplanationRow) -> Self {
        let v1::ExplanationRow { label, level, incoming, candidate, m, u, match_weight } = row;
        Self { label, level, incoming, candidate, m, u, match_weight }
    }
}

impl TryFrom<v1::MatchCandidate> for Candidate {
    type Error = anyhow::Error;

    fn try_from(candidate: v1::MatchCandidate) -> anyhow::Result<Self> {
        let grade = words::grade(candidate.grade());
        let key = candidate.record.ok_or_else(incomplete)?;
        Ok(Self {
            enterprise_id: candidate.enterprise_id,
            source: key.source,
            record_id: key.record_id,
            grade,
            explanation: candidate.explanation.ok_or_else(incomplete)?.into(),
        })
    }
}

impl Matched {
    pub(super) fn of(key: v1::RecordKey, answer: v1::MatchRecordResponse) -> anyhow::Result<Self> {
        let candidates = answer
            .candidates
            .into_iter()
            .map(Candidate::try_from)
            .collect::<anyhow::Result<Vec<_>>>()?;
        let best = candidates.first();
        let decision = match best.map(|best| best.explanation.decision.as_str()) {
            Some("link") => "link",
            Some("review") => "review",
            _ => "new",
        };
        Ok(Self {
            source: key.source,
            record_id: key.record_id,
            enterprise_id: best
                .filter(|_| decision != "new")
                .map(|best| best.enterprise_id.clone()),
            decision,
            match_weight: best.map(|best| best.explanation.match_weight),
            candidates,
        })
    }
}

/// A person and the records that belong to it.
#[derive(Serialize)]
pub(super) struct Person {
    /// The enterprise ID that was asked for, or that a record or identifier led to.
    pub(super) asked: String,
    /// The one that answers.
    pub(super) enterprise_id: String,
    pub(super) created: String,
    pub(super) version: u64,
    pub(super) records: Vec<Record>,
    /// The best view of the person; absent where several persons are answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) golden: Option<Golden>,
    /// What the person asks for; absent as long as that is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) consent: Option<Consent>,
    /// Until when the person is shown because of an emergency that was stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) emergency_until: Option<String>,
}

/// What a person asks for about their data.
#[derive(Serialize)]
pub(super) struct Consent {
    pub(super) not_shared: bool,
    pub(super) not_linked: bool,
    pub(super) event: u64,
}

/// A record as the index holds it.
#[derive(Serialize)]
pub(super) struct Record {
    pub(super) source: String,
    pub(super) record_id: String,
    pub(super) enterprise_id: String,
    pub(super) link_source: String,
    pub(super) match_weight: Option<f64>,
    pub(super) model: String,
    pub(super) version: u32,
    pub(super) registered: String,
    pub(super) updated: String,
    /// `active`, `retired` or `replaced`.
    pub(super) state: String,
    pub(super) fields: Fields,
    /// Fields of which the caller is not shown everything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) withheld: Vec<String>,
}

/// What the source said, by canonical column. Several values of one are joined with `|`.
#[derive(Serialize)]
pub(super) struct Fields(BTreeMap<&'static str, String>);

impl Person {
    pub(super) fn of(asked: String, person: v1::Person) -> anyhow::Result<Self> {
        Ok(Self {
            asked,
            enterprise_id: person.enterprise_id,
            created: time(person.created),
            version: person.version,
            records: person
                .records
                .into_iter()
                .map(Record::try_from)
                .collect::<anyhow::Result<_>>()?,
            golden: None,
            consent: person.consent.map(|it| Consent {
                not_shared: it.not_shared,
                not_linked: it.not_linked,
                event: it.event,
            }),
            emergency_until: person.emergency_until.map(|until| time(Some(until))),
        })
    }
}

impl TryFrom<v1::RegisteredRecord> for Record {
    type Error = anyhow::Error;

    fn try_from(registered: v1::RegisteredRecord) -> anyhow::Result<Self> {
        let state = words::record_state(registered.state());
        let withheld = registered.withheld().map(words::golden_field).collect();
        let link = registered.link.ok_or_else(incomplete)?;
        let record = registered.record.ok_or_else(incomplete)?;
        let key = record.key.clone().ok_or_else(incomplete)?;
        Ok(Self {
            source: key.source,
            record_id: key.record_id,
            enterprise_id: registered.enterprise_id,
            link_source: words::link_source(link.source()),
            match_weight: link.match_weight,
            model: link.model,
            version: registered.version,
            registered: time(registered.registered),
            updated: time(registered.updated),
            state,
            fields: Fields::of(&record),
            withheld,
        })
    }
}

impl Fields {
    pub(super) fn of(record: &v1::SourceRecord) -> Self {
        Self(columns(record).filter(|(_, value)| !value.is_empty()).collect())
    }

    /// The value of a column; the empty text where there is none.
    pub(super) fn get(&self, column: &str) -> &str {
        self.0.get(column).map_or("", String::as_str)
    }

    /// The value of several columns in one line.
    pub(super) fn line(&self, columns: &[&str]) -> String {
        let given: Vec<&str> =
            columns.iter().map(|column| self.get(column)).filter(|v| !v.is_empty()).collect();
        given.join(" ")
    }
}

pub(super) fn time(timestamp: Option<empi_proto::Timestamp>) -> String {
    timestamp.map(|timestamp| words::time(timestamp.seconds)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn key() -> Option<v1::RecordKey> {
        Some(v1::RecordKey { source: "hospital-a".to_owned(), record_id: "17".to_owned() })
    }

    fn explanation(total: f64, decision: v1::LinkDecision) -> Option<v1::ScoreExplanation> {
        Some(v1::ScoreExplanation {
            rows: vec![v1::ExplanationRow {
                label: "prior".to_owned(),
                match_weight: total,
                ..v1::ExplanationRow::default()
            }],
            total,
            match_probability: 0.5,
            decision: decision.into(),
            guards: vec![v1::Guard::PossibleTwins.into()],
            model: "us-default".to_owned(),
        })
    }

    fn check(answer: &impl Serialize, expected: &Expect) {
        expected.assert_eq(&line(answer).unwrap());
    }

    #[test]
    fn a_registration_is_one_line() {
        let answer = v1::RegisterRecordResponse {
            key: key(),
            enterprise_id: "7K3M-9QXT-2VC".to_owned(),
            decision: v1::RegistrationDecision::Link.into(),
            match_weight: Some(14.25),
            tasks: vec![3],
            notes: vec![v1::QualityNote {
                kind: v1::QualityNoteKind::Placeholder.into(),
                field: v1::RecordField::Ssn.into(),
            }],
            event: Some(9),
        };
        check(
            &Registered::try_from(answer).unwrap(),
            &expect![[
                r#"{"source":"hospital-a","record_id":"17","enterprise_id":"7K3M-9QXT-2VC","decision":"link","match_weight":14.25,"review_tasks":[3],"notes":[{"kind":"placeholder","field":"ssn"}],"event":9}"#
            ]],
        );
    }

    #[test]
    fn a_match_says_what_registering_would_decide() {
        let candidate = |total, decision| v1::MatchCandidate {
            enterprise_id: "7K3M-9QXT-2VC".to_owned(),
            record: key(),
            grade: v1::MatchGrade::Probable.into(),
            explanation: explanation(total, decision),
        };
        for (candidates, decision, enterprise_id) in [
            (vec![], "new", None),
            (vec![candidate(-3.0, v1::LinkDecision::NonLink)], "new", None),
            (vec![candidate(5.0, v1::LinkDecision::Review)], "review", Some("7K3M-9QXT-2VC")),
            (vec![candidate(9.0, v1::LinkDecision::Link)], "link", Some("7K3M-9QXT-2VC")),
        ] {
            let answer = v1::MatchRecordResponse { candidates };
            let matched = Matched::of(v1::RecordKey::default(), answer).unwrap();
            assert_eq!(matched.decision, decision);
            assert_eq!(matched.enterprise_id.as_deref(), enterprise_id);
        }
        let answer =
            v1::MatchRecordResponse { candidates: vec![candidate(5.0, v1::LinkDecision::Review)] };
        check(
            &Matched::of(key().unwrap(), answer).unwrap(),
            &expect![[
                r#"{"source":"hospital-a","record_id":"17","enterprise_id":"7K3M-9QXT-2VC","decision":"review","match_weight":5.0,"candidates":[{"enterprise_id":"7K3M-9QXT-2VC","source":"hospital-a","record_id":"17","grade":"probable","match_weight":5.0,"match_probability":0.5,"decision":"review","guards":["possible_twins"],"model":"us-default","rows":[{"label":"prior","level":"","incoming":"","candidate":"","m":null,"u":null,"match_weight":5.0}]}]}"#
            ]],
        );
    }

    #[test]
    fn a_person_has_its_records_by_canonical_column() {
        let record = v1::SourceRecord {
            key: key(),
            birth_date: "1980-02-29".to_owned(),
            phones: vec!["1".to_owned(), "2".to_owned()],
            ..v1::SourceRecord::default()
        };
        let person = v1::Person {
            enterprise_id: "7K3M-9QXT-2VC".to_owned(),
            created: Some(empi_proto::Timestamp { seconds: 0, nanos: 0 }),
            version: 4,
            records: vec![v1::RegisteredRecord {
                record: Some(record),
                enterprise_id: "7K3M-9QXT-2VC".to_owned(),
                link: Some(v1::Link {
                    source: v1::LinkSource::Manual.into(),
                    match_weight: None,
                    model: "us-default".to_owned(),
                    event: 4,
                }),
                version: 2,
                registered: None,
                updated: None,
                state: v1::RecordState::Active.into(),
                withheld: Vec::new(),
                consent: None,
            }],
            consent: None,
            emergency_until: None,
        };
        check(
            &Person::of("1T4M-PVE9-69X".to_owned(), person).unwrap(),
            &expect![[
                r#"{"asked":"1T4M-PVE9-69X","enterprise_id":"7K3M-9QXT-2VC","created":"1970-01-01T00:00:00Z","version":4,"records":[{"source":"hospital-a","record_id":"17","enterprise_id":"7K3M-9QXT-2VC","link_source":"manual","match_weight":null,"model":"us-default","version":2,"registered":"","updated":"","state":"active","fields":{"birth_date":"1980-02-29","phone":"1|2"}}]}"#
            ]],
        );
    }
}
