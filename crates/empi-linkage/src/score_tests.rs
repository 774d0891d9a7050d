//! Scoring and guards on pairs of records that tell a story.

use empi_model::{Guard, PatientText, PersonName, PostalAddress, SourceRecord};

use super::*;
use crate::explain::explain;
use crate::lexicon::{Intern, Lexicon};
use crate::normalize::normalize;

/// `given|family|suffix|birth date|sex|ssn|street|zip|phone|birth order`
fn record(line: &str) -> SourceRecord {
    let fields: Vec<_> =
        line.split('|').map(|field| PatientText::non_blank(field.trim())).collect();
    let [given, family, suffix, birth_date, sex, ssn, street, postal_code, phone, birth_order] =
        fields.try_into().unwrap();
    SourceRecord {
        names: vec![PersonName { given, middle: None, family, suffix }],
        birth_date,
        sex,
        ssn,
        addresses: vec![PostalAddress { street, postal_code, ..PostalAddress::default() }],
        phones: phone.into_iter().collect(),
        birth_order,
        ..SourceRecord::default()
    }
}

fn scored(left: &str, right: &str) -> Scored {
    // As in an index of half a million records, whatever the lexicon counts.
    let model = LinkageModel::us_default().unwrap().with_record_count(500_000);
    let mut lexicon = Lexicon::new();
    let rows = [left, right].map(|line| lexicon.row(&normalize(&record(line))));
    score(&model, &lexicon, &rows[0], &rows[1])
}

const ROBERT: &str = "Robert|Okafor||1980-03-12|M|457-12-9983|12 Elm Street|02139|617-555-8123|";

#[test]
fn decisions() {
    use LinkDecision::{Link, NonLink, Review};
    for (other, decision, guards) in [
        // The same, and the same with a nickname and a moved household.
        (ROBERT, Link, &[][..]),
        ("Bob|Okafor||1980-03-12|M|457-12-9983|7 Oak Ave|60601||", Link, &[]),
        // Names in each other's field and day and month swapped.
        ("Okafor|Robert||1980-12-03|M|457-12-9983|12 Elm St|02139||", Link, &[]),
        // A slip of the date beside another number, under one roof.
        ("Robert|Okafor||1980-03-21|M|611-20-1177|12 Elm St|02139||", Link, &[]),
        // A brother at the same address.
        ("Samuel|Okafor||1983-07-01|M||12 Elm St|02139|617-555-8123|", NonLink, &[]),
        // A twin at the same address, and one whose number shows it.
        (
            "Samuel|Okafor||1980-03-12|M||12 Elm St|02139|617-555-8123|",
            Review,
            &[Guard::PossibleTwins],
        ),
        // Only name and birth date: too little in any large index.
        ("Robert|Okafor||1980-03-12|M|||||", Review, &[Guard::EvidenceFloor]),
        // Somebody of the same name elsewhere.
        ("Robert|Okafor||1951-09-30|M||9 Hill Rd|73301||", NonLink, &[]),
        // Another name and another number at the same birth date and address.
        ("Alice|Smith||1980-03-12|F|611-20-1177|1 Main St|99501||", NonLink, &[]),
    ] {
        let forward = scored(ROBERT, other);
        assert_eq!(forward.decision, decision, "{other}: {forward:?}");
        assert_eq!(forward.guards.iter().collect::<Vec<_>>(), guards, "{other}");
        let backward = scored(other, ROBERT);
        assert!((forward.weight - backward.weight).bits().abs() < 1e-9, "{other}");
    }
}

#[test]
fn guards_hold_links_back() {
    for (left, right, guard) in [
        (
            "James|Smith|Sr|1950-01-02|M||12 Elm St|02139|617-555-8123|",
            "James|Smith|Jr|1950-01-02|M||12 Elm St|02139|617-555-8123|",
            Guard::SuffixConflict,
        ),
        (
            "Jose|Xiquez||1950-01-02|M||12 Elm St|02139|617-555-8123|",
            "Jose|Xiquez||1978-01-02|M||12 Elm St|02139|617-555-8123|",
            Guard::GenerationGap,
        ),
        (
            "Anna|Xiquez||2019-05-06|F|457-12-9983|12 Elm St|02139|617-555-8123|1",
            "Anna|Xiquez||2019-05-06|F|457-12-9983|12 Elm St|02139|617-555-8123|2",
            Guard::PossibleTwins,
        ),
        (
            "Anna|Xiquez||2019-05-06|F|457-12-9983|12 Elm St|02139|617-555-8123|",
            "Anne|Xiquez||2019-05-16|F|611-20-1177|12 Elm St|02139|617-555-8123|",
            Guard::IdentifierConflict,
        ),
        (
            "Baby Girl|Xiquez||2019-05-06|F||12 Elm St|02139|617-555-8123|",
            "Anna|Xiquez||2019-05-06|F||12 Elm St|02139|617-555-8123|",
            Guard::NewbornName,
        ),
        // Twins under one Social Security number, and brother and sister.
        (
            "Samuel|Xiquez||2019-05-06|M|457-12-9983|12 Elm St|02139|617-555-8123|",
            "Marcus|Xiquez||2019-05-06|M|457-12-9983|12 Elm St|02139|617-555-8123|",
            Guard::PossibleTwins,
        ),
        (
            "Daniel|Xiquez||2019-05-06|M||12 Elm St|02139|617-555-8123|",
            "Danielle|Xiquez||2019-05-06|F||12 Elm St|02139|617-555-8123|",
            Guard::PossibleTwins,
        ),
        // A child under the number of a parent.
        (
            "Samuel|Xiquez||2019-05-06|M|457-12-9983|12 Elm St|02139|617-555-8123|",
            "Maria|Xiquez||1988-11-30|F|457-12-9983|12 Elm St|02139|617-555-8123|",
            Guard::SharedNumber,
        ),
        // Sisters of like names.
        (
            "Annie|Xiquez||2009-05-04|F||12 Elm St|02139|617-555-8123|",
            "Angie|Xiquez||2021-09-21|F||12 Elm St|02139|617-555-8123|",
            Guard::EvidenceFloor,
        ),
        // Births unknown, and the numbers of father and son.
        (
            "Samuel|Xiquez||1960-05-06|M|457-12-9983|12 Elm St|02139|617-555-8123|",
            "Samuel|Xiquez|||M|611-20-1177|12 Elm St|02139|617-555-8123|",
            Guard::EvidenceFloor,
        ),
        // Only half a name and a birth date agree; everything else was compared and differs.
        (
            "Samuel|Xiquez Okafor||1960-05-06|M||12 Elm St|02139|617-555-8123|",
            "Samuel|Xiquez||1960-05-06|M||7 Hill Rd|73301|405-222-0147|",
            Guard::EvidenceFloor,
        ),
    ] {
        let scored = scored(left, right);
        assert_eq!(scored.decision, LinkDecision::Review, "{left}: {scored:?}");
        assert!(scored.guards.contains(guard), "{left}: {scored:?}");
    }
}

/// `given|middle|family`, born on one day at one address.
fn names(left: &str, right: &str) -> Scored {
    let model = LinkageModel::us_default().unwrap().with_record_count(500_000);
    let mut lexicon = Lexicon::new();
    let rows = [left, right].map(|line| {
        let mut record = record("|||1980-03-12|||12 Elm St|02139||");
        let parts: Vec<_> = line.split('|').map(PatientText::non_blank).collect();
        let [given, middle, family] = parts.try_into().unwrap();
        record.names = vec![PersonName { given, middle, family, suffix: None }];
        lexicon.row(&normalize(&record))
    });
    score(&model, &lexicon, &rows[0], &rows[1])
}

#[test]
fn one_name_in_another_dress() {
    use LinkDecision::{Link, Review};
    for (left, right, decision) in [
        // Goes by the middle name, which the other record has as given name or beside an initial.
        ("Gary||Xiquez", "Frank|Gary|Xiquez", Link),
        ("J|Rachel|Xiquez", "Rachel|J|Xiquez", Link),
        // One twin has the other's name as middle name, and a name of her own.
        ("Sarah|Peyton|Xiquez", "Flossie|Sarah|Xiquez", Review),
        // Transliterations and the form for a woman.
        ("Yurii||Kliuchnikov", "Jurij||Klyuchnikov", Link),
        ("Viktoriia||Voloshyna", "Wiktoria||Woloszyna", Link),
        // Sisters share one of two given names.
        ("Maria Elena||Xiquez", "Maria Teresa||Xiquez", Review),
        // A particle in common is nothing in common.
        ("Anna||van Vliet", "Anna||van Leeuwen", Review),
    ] {
        let scored = names(left, right);
        assert_eq!(scored.decision, decision, "{left} {right}: {scored:?}");
    }
}

#[test]
fn a_mistyped_rare_name_weighs_more_than_a_mistyped_common_one() {
    let common = names("James||Smith", "James||Smithe");
    let rare = names("James||Quixleybottom", "James||Quixleybotom");
    assert!((rare.weight - common.weight).bits() > 2.0, "{rare:?} {common:?}");
}

#[test]
fn rare_names_weigh_more_than_common_ones() {
    let common = scored(
        "James|Smith||1980-03-12|M||||617-555-8123|",
        "James|Smith||1980-03-12|M||||617-555-8123|",
    );
    let rare = scored(
        "Xavion|Quixley||1980-03-12|M||||617-555-8123|",
        "Xavion|Quixley||1980-03-12|M||||617-555-8123|",
    );
    assert!((rare.weight - common.weight).bits() > 6.0, "{rare:?} {common:?}");
}

#[test]
fn an_explanation_adds_up_to_the_score() {
    let model = LinkageModel::us_default().unwrap().with_record_count(500_000);
    let mut lexicon = Lexicon::new();
    let sides = [ROBERT, "Bob|Okafor||1980-03-12|M||12 Elm St|02139|617-555-8123|"]
        .map(|line| normalize(&record(line)))
        .map(|record| (lexicon.row(&record), record));
    let [(left_row, left), (right_row, right)] = &sides;
    let explanation = explain(&model, &lexicon, (left_row, left), (right_row, right));
    let scored = score(&model, &lexicon, left_row, right_row);
    let sum: MatchWeight = explanation.rows.iter().map(|row| row.weight).sum();
    assert!((sum - scored.weight).bits().abs() < 1e-9);
    assert_eq!(explanation.total, scored.weight);
    assert_eq!(explanation.decision, scored.decision);
    let labels: Vec<_> = explanation.rows.iter().map(|row| row.label.as_str()).collect();
    assert_eq!(
        labels,
        [
            "prior",
            "name",
            "birth_date",
            "sex",
            "ssn",
            "address",
            "phone",
            "family_name term frequency",
            "household cap"
        ]
    );
    let ssn = explanation.rows.iter().find(|row| row.label == "ssn").unwrap();
    assert_eq!((ssn.level.as_str(), ssn.weight), ("missing", MatchWeight::ZERO));
}

proptest::proptest! {
    #[test]
    fn giving_up_early_changes_no_decision(
        left in 0..PEOPLE.len(), right in 0..PEOPLE.len(), review in -30.0..12.0_f64
    ) {
        let mut file = crate::model::LinkageModelFile::us_default().unwrap();
        file.thresholds.review = review;
        file.thresholds.link = 12.0;
        let model = file.validate().unwrap();
        let mut lexicon = Lexicon::new();
        let rows = [PEOPLE[left], PEOPLE[right]].map(|line| lexicon.row(&normalize(&record(line))));
        let whole = score(&model, &lexicon, &rows[0], &rows[1]);
        let kept = (whole.decision != LinkDecision::NonLink).then_some(whole);
        proptest::prop_assert_eq!(score_candidate(&model, &lexicon, &rows[0], &rows[1]), kept);
    }
}

const PEOPLE: [&str; 12] = [
    ROBERT,
    "Bob|Okafor||1980-03-12|M|457-12-9983|7 Oak Ave|60601||",
    "Okafor|Robert||1980-12-03|M|457-12-9983|12 Elm St|02139||",
    "Samuel|Okafor||1983-07-01|M||12 Elm St|02139|617-555-8123|",
    "Robert|Okafor||1980-03-12|M|||||",
    "Robert|Okafor||1951-09-30|M||9 Hill Rd|73301||",
    "Robert|Okafor|Jr|1980-03-12|M||12 Elm St Apt 3|02138|617-555-8124|",
    "Rupert|Okafar|Sr|1980-03-21|M|457-12-9938|12 Elm St|02139|617-555-8123|1",
    "R|Okafor-Bell||1980|F|9983|12 Elm St|02139||2",
    "Baby Girl|Okafor||2020-03-12|F||12 Elm St|02139|617-555-8123|",
    "|Okafor||1980-03-12||||||",
    "Alice|Smith||1980-03-12|F|611-20-1177|1 Main St|99501||",
];
