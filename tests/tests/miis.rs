//! The pairs of children's records that an immunisation registry tests its matching with: what the
//! people who keep it call a match, a possible match and not a match, against what the built-in model
//! links, asks about and leaves apart.
//!
//! The labels are policy. Pairs that are "not a match" by label are made from two children's records by
//! copying values from one to the other; where nearly all was copied no program can tell, and each such
//! pair is listed with what agrees.

use std::collections::{BTreeMap, HashMap};

use empi_linkage::{Intern, Lexicon, LinkageModel, normalize, score};
use empi_model::{
    Identifier, LinkDecision, PatientText, PersonName, PostalAddress, RecordKey, SourceRecord,
};
use empi_tests::{skipped, third_party};

/// Pairs labelled "not a match" that are linked all the same, and why.
const LINKED_ALL_THE_SAME: &[(&str, &str)] = &[
    ("D-362", "first and middle name changed places; birth date, mother and a family name agree"),
    ("D-444", "rare first name, birth date, mother and one of two family names agree; they moved"),
    ("D-509", "rare first name, birth date, mother and one of two family names agree; they moved"),
    ("D-575", "rare first name, birth date, address and one of two family names; nothing differs"),
    ("D-659", "first name, birth date and Medicaid number agree; the family name is another"),
    ("D-680", "rare first name, birth date, Medicaid number and one of two family names agree"),
    ("D-825", "rare first name, birth date and address agree; the family name is another"),
    ("D-895", "rare first name, birth date and address agree; the family name is another"),
    ("D-1021", "rare first name, birth date and address agree; the family name is another"),
    ("D-1087", "birth date, one facility's record number, like first and one of two family names"),
    ("D-1100", "first name, birth date, one facility's record number, one of two family names"),
    ("D-1124", "first name, birth date, one facility's record number, one of two family names"),
    ("D-1318", "birth date, Social Security number, like first name, one of two family names"),
    ("D-1378", "rare first name, birth date, address and one of two family names agree"),
];

/// The least share of pairs labelled "match" that are linked.
const MATCHES_LINKED_MIN: f64 = 0.95;

/// A record written as `key=value,key=value,`.
fn record(side: &str, line: &str) -> SourceRecord {
    let fields: HashMap<&str, &str> =
        line.split(',').filter_map(|field| field.split_once('=')).collect();
    let text =
        |field: &str| PatientText::non_blank(fields.get(field).copied().unwrap_or_default().trim());
    let joined = |parts: [&str; 2], by: &str| {
        let parts = parts.map(|field| fields.get(field).copied().unwrap_or_default().trim());
        let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        PatientText::non_blank(&parts.join(by))
    };
    let family = joined(["nameLast", "nameLastHyph"], "-");
    let current = PersonName {
        given: text("nameFirst"),
        middle: text("nameMiddle"),
        family: family.clone(),
        suffix: text("nameSuffix"),
    };
    let alias = text("nameAlias").map(|alias| PersonName {
        given: Some(alias),
        family,
        ..PersonName::default()
    });
    // `5-U51` is number U51 of facility 5.
    let number = fields.get("mrns").and_then(|number| number.split_once('-'));
    let number = number.map(|(facility, number)| (format!("facility {facility}"), number));
    let medicaid = fields.get("medicaid").map(|number| ("medicaid".to_owned(), *number));
    let identifiers = number.into_iter().chain(medicaid).filter(|(_, value)| !value.is_empty());
    SourceRecord {
        key: RecordKey::new("registry", side),
        names: std::iter::once(current).chain(alias).collect(),
        birth_date: text("birthDate"),
        sex: text("gender"),
        ssn: text("ssn"),
        addresses: vec![PostalAddress {
            street: text("addressStreet1"),
            unit: text("addressStreet2"),
            city: text("addressCity"),
            state: text("addressState"),
            postal_code: text("addressZip"),
            country: None,
        }],
        phones: text("phone").into_iter().collect(),
        identifiers: identifiers
            .map(|(authority, value)| Identifier { authority, value: PatientText::new(value) })
            .collect(),
        mother_maiden_name: text("motherMaidenName"),
        guardian_name: joined(["guardianNameFirst", "guardianNameLast"], " "),
        birth_order: text("birthOrder"),
        ..SourceRecord::default()
    }
}

fn decision(model: &LinkageModel, left: &str, right: &str) -> LinkDecision {
    let mut lexicon = Lexicon::new();
    let [left, right] = [("a", left), ("b", right)]
        .map(|(side, line)| lexicon.row(&normalize(&record(side, line))));
    score(model, &lexicon, &left, &right).decision
}

#[test]
fn no_pair_that_is_not_a_match_is_linked_without_a_reason() {
    let Some(text) = third_party("miis-b/MIIS-B.txt") else {
        return skipped("the pairs of the immunisation registry are not here");
    };
    let model = LinkageModel::us_default().unwrap();
    let mut table: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    let mut linked = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(test) = line.strip_prefix("TEST: ") else { continue };
        let mut next = |label: &str| {
            lines.next().and_then(|line| line.strip_prefix(label)).expect("four lines a pair")
        };
        let (label, left, right) = (next("EXPECT: "), next("PATIENT A: "), next("PATIENT B: "));
        let decision = decision(&model, left, right);
        *table.entry((label, decision.as_str())).or_default() += 1;
        if (label, decision) == ("Not a Match", LinkDecision::Link) {
            linked.push(test.split(':').next().unwrap_or_default());
        }
    }
    let count = |label, decision| table.get(&(label, decision)).copied().unwrap_or_default();
    eprintln!("{:<16}{:>8}{:>8}{:>8}", "label", "link", "review", "none");
    for label in ["Match", "Possible Match", "Not a Match"] {
        let [link, review, none] = ["link", "review", "non_link"].map(|it| count(label, it));
        eprintln!("{label:<16}{link:>8}{review:>8}{none:>8}");
    }
    assert_eq!(table.values().sum::<u32>(), 2842);
    let explained: Vec<&str> = LINKED_ALL_THE_SAME.iter().map(|(test, _)| *test).collect();
    assert_eq!(linked, explained, "linked though not a match, and explained");
    let matches: u32 = ["link", "review", "non_link"].map(|it| count("Match", it)).iter().sum();
    let found = f64::from(count("Match", "link")) / f64::from(matches);
    assert!(found >= MATCHES_LINKED_MIN, "{found} of the matches were linked");
    assert_eq!(count("Match", "non_link"), 0, "every match is at least asked about");
}
