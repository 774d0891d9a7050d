//! The drawing and the sentence, from given scores.

use empi_model::{BlockingRule, Guard, LinkDecision, RecordKey, ScoreExplanation, Thresholds};
use expect_test::expect;

use super::super::answer::Step;
use super::*;

fn row(label: &str, level: &str, m_u: Option<(f64, f64)>, bits: f64) -> ExplanationRow {
    let probability = |value| Probability::new(value).ok();
    ExplanationRow {
        label: label.to_owned(),
        level: level.to_owned(),
        left: m_u.map(|_| PatientText::new(format!("{label} of left"))),
        right: m_u.map(|_| PatientText::new(format!("{label} of right"))),
        m: m_u.and_then(|(m, _)| probability(m)),
        u: m_u.and_then(|(_, u)| probability(u)),
        weight: MatchWeight::from_bits(bits),
    }
}

/// Ann of the hospital and Anne of the clinic, with the weight of their address chosen.
fn explained(address: f64) -> Explained {
    let bits = MatchWeight::from_bits;
    let side = |source: &str, enterprise_id: &str| Side {
        key: RecordKey::new(source, "7"),
        enterprise_id: enterprise_id.to_owned(),
    };
    let rows = vec![
        row("prior", "", None, -20.0),
        row("name", "one_close", Some((0.11, 2.2e-5)), 12.25),
        row("birth_date", "exact", Some((0.905, 4e-5)), 14.5),
        row("ssn", "missing", None, 0.0),
        row("address", "postal_code", Some((0.1, 0.005)), address),
        row("given_name term frequency", "", None, -1.0),
    ];
    let total: MatchWeight = rows.iter().map(|row| row.weight).sum();
    let thresholds = Thresholds { link: bits(10.0), review: bits(0.0) };
    let decision = match total {
        _ if total >= thresholds.link => LinkDecision::Link,
        _ if total >= thresholds.review => LinkDecision::Review,
        _ => LinkDecision::NonLink,
    };
    let score =
        ScoreExplanation { rows, total, decision, guards: Vec::new(), model: "m/1".to_owned() };
    Explained {
        left: side("hospital", "7K3M-9QXT-2VC"),
        right: side("clinic", "7K3M-9QXT-2VC"),
        score,
        thresholds,
        rules: vec![BlockingRule::GivenBirthDate],
        capped_rules: Vec::new(),
        joining_guards: Vec::new(),
        through: Vec::new(),
        linked: Linked::InFiles,
        values_shown: true,
    }
}

/// As two persons.
fn apart(mut explained: Explained) -> Explained {
    explained.right.enterprise_id = "0000-0000-000".to_owned();
    explained
}

#[test]
fn a_waterfall_shows_values_steps_and_thresholds() {
    let expected = expect![[r#"
        left   hospital:7, person 7K3M-9QXT-2VC
        right  clinic:7, person 7K3M-9QXT-2VC

        ┌────────────┬────────────────────┬─────────────────────┐
        │ compared   ┆ left               ┆ right               │
        ╞════════════╪════════════════════╪═════════════════════╡
        │ name       ┆ name of left       ┆ name of right       │
        │ birth_date ┆ birth_date of left ┆ birth_date of right │
        │ address    ┆ address of left    ┆ address of right    │
        └────────────┴────────────────────┴─────────────────────┘

                                   level               m         u     bits    total                           R           L
        prior                                                        -20.00   -20.00   ●                       ┊           ┊
        name                       one_close      0.1100    2.2e-5   +12.25    -7.75   ███████████████         ┊           ┊
        birth_date                 exact          0.9050    4.0e-5   +14.50    +6.75                 ███████████████████   ┊
        ssn                        missing                                -    +6.75                           ┊       ●   ┊
        address                    postal_code    0.1000    0.0050    +4.50   +11.25                           ┊       ██████
        given_name term frequency                                     -1.00   +10.25                           ┊           ▒▒
        total                      link                                       +10.25                           ┊           ●

        █ for, ▒ against, ● total; R review threshold +0.00, L link threshold +10.00; match probability 0.999179; model m/1
        brought together by given+birth_date

        One person: the weight of +10.25 bits reaches the link threshold of +10.00, and no guard speaks against it."#]];
    expected.assert_eq(&shown(&explained(4.5)));
}

#[test]
fn without_values_no_value_is_left() {
    let hidden = explained(4.5).without_values();
    let (text, json) = (shown(&hidden), serde_json::to_string(&hidden.to_json()).unwrap());
    for value in [" of left", " of right"] {
        assert!(shown(&explained(4.5)).contains(value));
        assert!(!text.contains(value) && !json.contains(value), "{text}\n{json}");
    }
}

#[test]
fn running_totals_end_at_the_total() {
    let json = serde_json::to_value(explained(4.5).to_json()).unwrap();
    let totals: Vec<f64> =
        json["rows"].as_array().unwrap().iter().filter_map(|row| row["total"].as_f64()).collect();
    assert_eq!(totals, [-20.0, -7.75, 6.75, 6.75, 11.25, 10.25]);
    assert_eq!(json["match_weight"], 10.25);
}

#[test]
fn a_sentence_says_why_or_why_not() {
    let guarded = |mut it: Explained| {
        it.score.decision = LinkDecision::Review;
        it.score.guards = vec![Guard::PossibleTwins];
        it
    };
    let joined = |mut it: Explained| {
        it.joining_guards = vec![Guard::WeakCluster];
        it
    };
    let uncompared = |mut it: Explained| {
        it.rules = Vec::new();
        it
    };
    let capped = |mut it: Explained| {
        it.capped_rules = vec![BlockingRule::Phone];
        uncompared(it)
    };
    let through = |mut it: Explained| {
        let key = |record: &str| RecordKey::new("clinic", record);
        let step =
            |record, weight| Step { key: key(record), weight: MatchWeight::from_bits(weight) };
        it.through = vec![step("9", 20.0), step("7", 31.5)];
        it
    };
    let kept = |mut it: Explained, tasks: &[u64], by_steward: bool| {
        it.linked = Linked::InIndex { by_steward, tasks: tasks.to_vec() };
        it
    };
    let cases = [
        explained(4.5),
        apart(explained(-2.0)),
        apart(explained(-12.0)),
        apart(guarded(explained(4.5))),
        apart(joined(explained(4.5))),
        apart(uncompared(explained(-12.0))),
        apart(capped(explained(4.5))),
        through(explained(-2.0)),
        apart(kept(explained(-2.0), &[4], false)),
        kept(explained(-2.0), &[], true),
    ];
    let sentences: Vec<String> = cases.iter().map(sentence::of).collect();
    let expected = expect![[r#"
        One person: the weight of +10.25 bits reaches the link threshold of +10.00, and no guard speaks against it.
        Two persons: the weight of +3.75 bits lies between the review threshold of +0.00 and the link threshold of +10.00, so a person must decide; against it: address postal_code (-2.00), given_name term frequency (-1.00).
        Two persons: the weight of -6.25 bits stays below the review threshold of +0.00; against it: address postal_code (-12.00), given_name term frequency (-1.00).
        Two persons: the weight of +10.25 bits reaches the link threshold of +10.00, but a person must decide: same birth date and family, but another given name or birth order: perhaps twins.
        Two persons: the weight of +10.25 bits reaches the link threshold of +10.00, but a person must decide: one record agrees, but the person's other records agree too little.
        Two persons: never compared: no blocking key in common. Had they been: the weight of -6.25 bits stays below the review threshold of +0.00; against it: address postal_code (-12.00), given_name term frequency (-1.00).
        Two persons: never compared: the only key in common (phone) is one that too many records have. Had they been: the weight of +10.25 bits reaches the link threshold of +10.00, and no guard speaks against it.
        One person, through other records of that person: links lead from hospital:7 to clinic:9 (+20.00 bits) to clinic:7 (+31.50 bits). The weight of +3.75 bits lies between the review threshold of +0.00 and the link threshold of +10.00, so a person must decide; against it: address postal_code (-2.00), given_name term frequency (-1.00).
        Two persons: the weight of +3.75 bits lies between the review threshold of +0.00 and the link threshold of +10.00, so a person must decide; against it: address postal_code (-2.00), given_name term frequency (-1.00). Review task 4 asks a steward.
        One person: a steward decided so. The weight of +3.75 bits lies between the review threshold of +0.00 and the link threshold of +10.00, so a person must decide; against it: address postal_code (-2.00), given_name term frequency (-1.00)."#]];
    expected.assert_eq(&sentences.join("\n"));
}
