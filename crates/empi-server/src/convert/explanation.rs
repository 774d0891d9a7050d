//! Scores and why they are what they are.

use empi_model::{ExplanationRow, Guard, LinkDecision, MatchGrade, ScoreExplanation};
use empi_proto::v1;
use empi_registry::MatchCandidate;

use super::source::{exposed, record_key};

pub(crate) fn candidate(candidate: MatchCandidate) -> v1::MatchCandidate {
    let MatchCandidate { enterprise_id, record, grade, explanation: score } = candidate;
    v1::MatchCandidate {
        enterprise_id: enterprise_id.to_string(),
        record: Some(record_key(record)),
        grade: match grade {
            MatchGrade::Certain => v1::MatchGrade::Certain,
            MatchGrade::Probable => v1::MatchGrade::Probable,
            MatchGrade::Possible => v1::MatchGrade::Possible,
            MatchGrade::CertainlyNot => v1::MatchGrade::CertainlyNot,
        }
        .into(),
        explanation: Some(explanation(score)),
    }
}

pub(super) fn explanation(explanation: ScoreExplanation) -> v1::ScoreExplanation {
    let ScoreExplanation { rows, total, decision, guards, model } = explanation;
    v1::ScoreExplanation {
        rows: rows.into_iter().map(row).collect(),
        total: total.bits(),
        match_probability: total.probability().value(),
        decision: match decision {
            LinkDecision::Link => v1::LinkDecision::Link,
            LinkDecision::Review => v1::LinkDecision::Review,
            LinkDecision::NonLink => v1::LinkDecision::NonLink,
        }
        .into(),
        guards: guards.into_iter().map(|named| guard(named).into()).collect(),
        model,
    }
}

fn row(row: ExplanationRow) -> v1::ExplanationRow {
    let ExplanationRow { label, level, left, right, m, u, weight } = row;
    v1::ExplanationRow {
        label,
        level,
        incoming: exposed(left),
        candidate: exposed(right),
        m: m.map(|probability| probability.value()),
        u: u.map(|probability| probability.value()),
        match_weight: weight.bits(),
    }
}

pub(super) fn guard(guard: Guard) -> v1::Guard {
    match guard {
        Guard::PossibleTwins => v1::Guard::PossibleTwins,
        Guard::SuffixConflict => v1::Guard::SuffixConflict,
        Guard::GenerationGap => v1::Guard::GenerationGap,
        Guard::IdentifierConflict => v1::Guard::IdentifierConflict,
        Guard::EvidenceFloor => v1::Guard::EvidenceFloor,
        Guard::NewbornName => v1::Guard::NewbornName,
        Guard::KeptApart => v1::Guard::KeptApart,
        Guard::OversizedPerson => v1::Guard::OversizedPerson,
        Guard::WeakCluster => v1::Guard::WeakCluster,
        Guard::SeveralPersons => v1::Guard::SeveralPersons,
        Guard::CappedBlock => v1::Guard::CappedBlock,
        Guard::SameSourceDistinct => v1::Guard::SameSourceDistinct,
        Guard::SharedNumber => v1::Guard::SharedNumber,
        Guard::BridgedPerson => v1::Guard::BridgedPerson,
        Guard::HubValue => v1::Guard::HubValue,
    }
}

#[cfg(test)]
mod tests {
    use empi_model::{MatchWeight, Probability};

    use super::*;

    #[test]
    fn guards_keep_their_names_on_the_wire() {
        for named in Guard::ALL {
            let wire = guard(named).as_str_name().to_lowercase();
            assert_eq!(wire.strip_prefix("guard_"), Some(named.as_str()));
        }
    }

    #[test]
    fn an_explanation_keeps_its_rows_and_total() {
        let score = ScoreExplanation {
            rows: vec![ExplanationRow {
                label: "birth_date".to_owned(),
                level: "exact".to_owned(),
                left: Some("1980-02-29".into()),
                right: None,
                m: Probability::new(0.9).ok(),
                u: None,
                weight: MatchWeight::from_bits(-2.0),
            }],
            total: MatchWeight::from_bits(1.0),
            decision: LinkDecision::Review,
            guards: vec![Guard::PossibleTwins],
            model: "us-default".to_owned(),
        };
        let wire = explanation(score);
        assert!((wire.match_probability - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(wire.decision(), v1::LinkDecision::Review);
        assert_eq!(wire.guards().collect::<Vec<_>>(), [v1::Guard::PossibleTwins]);
        let row = &wire.rows[0];
        assert_eq!((row.incoming.as_str(), row.candidate.as_str()), ("1980-02-29", ""));
        assert_eq!((row.m, row.u, row.match_weight), (Some(0.9), None, -2.0));
    }
}
