//! What is decided, for each kind of assessment.

use empi_linkage::{BlockingKeys, Hubs, Scored};
use empi_model::{LinkDecision, Timestamp};
use smallvec::SmallVec;

use super::*;

fn rules() -> Rules {
    let bits = MatchWeight::from_bits;
    let thresholds = Thresholds { link: bits(10.0), review: bits(0.0) };
    Rules { thresholds, tasks_max: 3 }
}

fn person(number: u64) -> EnterpriseId {
    EnterpriseId::mint(number)
}

/// A contender whose record and age are its number: links from 10 bits on unless a guard is given.
fn contender(number: u64, bits: f64, guard: Option<Guard>) -> Contender {
    let record = RecordIndex(u32::try_from(number).unwrap());
    let answers = bits >= 10.0 && guard.is_none();
    Contender {
        person: person(number),
        age: (Timestamp(0), record),
        candidate: record,
        weight: MatchWeight::from_bits(bits),
        decision: if answers { LinkDecision::Link } else { LinkDecision::Review },
        guards: guard.into_iter().collect(),
    }
}

fn assessment(contenders: Vec<Contender>, apart: &[(u64, u64)]) -> Assessment {
    let apart = apart.iter().map(|(one, other)| (person(*one), person(*other))).collect();
    Assessment {
        sequence: 0,
        models: 0,
        keys: BlockingKeys::new(),
        contenders,
        apart,
        capped: SmallVec::new(),
        candidates_cut: 0,
        hubs: Hubs::default(),
        own: None,
        evidence: Vec::new(),
    }
}

/// A placement in words: `link 1; duplicate 2 [several_persons]`.
fn told(placement: &Placement) -> String {
    let number = |id: EnterpriseId| (0..20).find(|number| person(*number) == id).unwrap();
    let target =
        placement.target.map_or("new".to_owned(), |to| format!("link {}", number(to.person)));
    let questions = placement.questions.iter().map(|question| {
        let guards: Vec<_> = question.guards.iter().map(Guard::as_str).collect();
        let kind = match question.kind {
            ReviewKind::PossibleMatch => "possible",
            ReviewKind::PotentialDuplicate => "duplicate",
            _ => "unexpected",
        };
        format!("; {kind} {} [{}]", number(question.person), guards.join(" "))
    });
    let cut = match placement.questions_cut {
        0 => String::new(),
        cut => format!("; {cut} more"),
    };
    format!("{target}{}{cut}", questions.collect::<String>())
}

#[test]
fn placing_a_new_record() {
    let twins = Some(Guard::PossibleTwins);
    for (contenders, apart, expected) in [
        (vec![], &[][..], "new"),
        (vec![contender(1, 30.0, None)], &[], "link 1"),
        (vec![contender(1, 5.0, None)], &[], "new; possible 1 []"),
        (vec![contender(1, 25.0, twins)], &[], "new; possible 1 [possible_twins]"),
        // Beside a link, only those are asked about whom a guard alone holds back, or who answer
        // too.
        (vec![contender(1, 30.0, None), contender(2, 5.0, None)], &[], "link 1"),
        (
            vec![contender(1, 30.0, None), contender(2, 25.0, twins)],
            &[],
            "link 1; duplicate 2 [possible_twins several_persons]",
        ),
        (
            vec![contender(1, 30.0, None), contender(2, 25.0, None)],
            &[],
            "link 1; duplicate 2 [several_persons]",
        ),
        // A stronger pair that a guard holds does not win over a link.
        (
            vec![contender(1, 30.0, twins), contender(2, 25.0, None)],
            &[],
            "link 2; duplicate 1 [possible_twins several_persons]",
        ),
        // What is kept apart is not asked again, and tears a record that answers to both.
        (vec![contender(1, 30.0, None), contender(2, 25.0, twins)], &[(2, 1)], "link 1"),
        (
            vec![contender(1, 30.0, None), contender(2, 25.0, None), contender(3, 5.0, None)],
            &[(1, 2)],
            "new; possible 1 [kept_apart]; possible 2 [kept_apart]; possible 3 []",
        ),
        // The weightiest questions are asked, and the rest is counted.
        (
            (1..=5)
                .map(|at| contender(at, 10.0 - f64::from(u32::try_from(at).unwrap()), None))
                .collect(),
            &[],
            "new; possible 1 []; possible 2 []; possible 3 []; 2 more",
        ),
    ] {
        let placement = place(&assessment(contenders.clone(), apart), &rules());
        assert_eq!(told(&placement), expected, "{contenders:?}");
    }
}

fn scored(bits: f64, guard: Option<Guard>) -> Scored {
    Scored {
        weight: MatchWeight::from_bits(bits),
        decision: LinkDecision::Review,
        guards: guard.into_iter().collect(),
    }
}

/// An update of record 9, alone in person 9 or with record 8.
fn own(link: LinkSource, with_itself: Scored, with_others: Option<f64>) -> Own {
    Own {
        record: RecordIndex(9),
        content_hash: 0,
        is_active: true,
        person: person(9),
        link,
        with_itself,
        evidence: with_itself.weight - MatchWeight::from_bits(-20.0),
        with_others: with_others.map(|bits| (RecordIndex(8), scored(bits, None))),
    }
}

#[test]
fn planning_an_update() {
    use LinkSource::{Automatic, Manual};
    let twins = Some(Guard::PossibleTwins);
    // The prior is -20 bits: a content that neither agrees nor contradicts weighs as much.
    let (alike, silent, contrary) = (scored(20.0, None), scored(-20.0, None), scored(-21.0, None));
    let other = || vec![contender(1, 30.0, None)];
    for (own, contenders, expected) in [
        // Alone: it must not contradict what it said before.
        (own(Automatic, alike, None), vec![], "kept new"),
        (own(Automatic, silent, None), vec![], "kept new"),
        (own(Automatic, contrary, None), vec![], "held against 9"),
        (own(Automatic, scored(20.0, twins), None), vec![], "held against 9"),
        (own(Automatic, contrary, None), other(), "held against 9"),
        (own(Automatic, alike, None), other(), "moved link 1"),
        (own(Automatic, alike, None), vec![contender(1, 5.0, None)], "kept new; possible 1 []"),
        // With others: it must resemble the best of them.
        (own(Automatic, alike, Some(0.0)), vec![], "kept new"),
        (own(Automatic, contrary, Some(0.0)), vec![], "kept new"),
        (own(Automatic, alike, Some(-0.1)), vec![], "held against 8"),
        (own(Automatic, alike, Some(15.0)), other(), "kept new; duplicate 1 [several_persons]"),
        // By a steward's word: never moved, and held when it contradicts itself.
        (own(Manual, alike, None), other(), "kept new; duplicate 1 [several_persons]"),
        (own(Manual, alike, Some(-30.0)), vec![], "kept new"),
        (own(Manual, contrary, Some(15.0)), vec![], "held against 9"),
    ] {
        let assessment = Assessment { own: Some(own.clone()), ..assessment(contenders, &[]) };
        let plan = match plan_update(&own, &assessment, &rules()) {
            UpdatePlan::Kept { placement, .. } => format!("kept {}", told(&placement)),
            UpdatePlan::Moved(target, placement) => {
                assert_eq!(placement.target, Some(target));
                format!("moved {}", told(&placement))
            }
            UpdatePlan::Held { candidate, .. } => format!("held against {}", candidate.0),
        };
        assert_eq!(plan, expected, "{own:?}");
    }
}

#[test]
fn a_record_kept_apart_from_its_contender_asks_nothing() {
    let own = own(LinkSource::Automatic, scored(20.0, None), None);
    let kept_apart = contender(1, 30.0, Some(Guard::KeptApart));
    let assessment =
        Assessment { own: Some(own.clone()), ..assessment(vec![kept_apart], &[(1, 9)]) };
    let UpdatePlan::Kept { placement, .. } = plan_update(&own, &assessment, &rules()) else {
        panic!("the record stays where it is");
    };
    assert_eq!(told(&placement), "new");
}
