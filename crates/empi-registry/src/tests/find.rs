//! Finding persons field by field: all of them, and nobody else.

use empi_model::{Identifier, Sex};

use super::*;
use crate::{Criterion, DateRange, Found, IdentifierWanted, TextField, TextMatch};

fn index() -> Index {
    let index = Index::new();
    for (key, line) in [("a/1", ROBERT), ("b/1", BOB), ("a/2", SAMUEL), ("a/3", ALICE)] {
        let mut record = record(key, line);
        let value = format!("MRN-77{}", &key[2..]).into();
        record.identifiers.push(Identifier { authority: "plan".to_owned(), value });
        index.try_register(record, None).unwrap();
    }
    index
}

fn text(field: TextField, how: TextMatch, value: &str) -> Criterion {
    Criterion::Text { field, how, values: vec![value.to_owned()] }
}

fn born(from: u32, to: u32) -> Criterion {
    Criterion::BirthDate(DateRange { from, to, may_overlap: false })
}

fn numbered(authority: Option<&str>, value: &str) -> Criterion {
    let authority = authority.map(str::to_owned);
    Criterion::Identifier(vec![IdentifierWanted { authority, value: value.to_owned() }])
}

/// The keys of the first records of the persons found.
fn keys(found: &Found) -> Vec<String> {
    let first = |view: &crate::PersonView| {
        let key = &view.records[0].record.key;
        format!("{}/{}", key.source, key.record_id)
    };
    found.views.iter().map(first).collect()
}

#[test]
fn everybody_who_meets_all_criteria_is_found_and_nobody_else() {
    use TextField::{City, Email, Family, Given, Name, Phone, PostalCode, Street};
    use TextMatch::{Begins, Exact, Same};
    let index = index();
    let sex = |sex| Criterion::Sex(vec![sex]);
    for (criteria, expected) in [
        (vec![text(Family, Same, "okafor")], vec!["a/1", "a/2"]),
        (vec![text(Family, Begins, "oka")], vec!["a/1", "a/2"]),
        (vec![text(Family, Exact, "OKAFOR")], vec![]),
        (vec![text(Name, Begins, "ali")], vec!["a/3"]),
        (vec![text(Given, Same, "bob")], vec!["a/1"]),
        // Each criterion may be met by another record of the person.
        (vec![text(Given, Same, "bob"), text(Street, Same, "12 elm street")], vec!["a/1"]),
        (vec![text(Family, Same, "okafor"), text(PostalCode, Same, "60601")], vec!["a/1"]),
        (vec![text(Family, Same, "okafor"), text(City, Same, "nowhere")], vec![]),
        (vec![text(Family, Same, "okafor"), sex(Sex::Female)], vec![]),
        (vec![born(19_800_312, 19_800_312)], vec!["a/1", "a/2"]),
        (vec![born(19_800_101, 19_801_231), sex(Sex::Male)], vec!["a/1", "a/2"]),
        (vec![born(19_710_501, 19_710_531)], vec!["a/3"]),
        (vec![text(Phone, Same, "+1 617 555 8123")], vec!["a/1", "a/2"]),
        (vec![text(Email, Same, "nobody@example.org")], vec![]),
        (vec![numbered(Some("plan"), "MRN-773")], vec!["a/3"]),
        (vec![numbered(Some("a"), "2")], vec!["a/2"]),
        (vec![numbered(None, "1")], vec!["a/1"]),
        (vec![numbered(Some("b"), "2")], vec![]),
    ] {
        let found = index.registry().find(&criteria, 0, 10).unwrap();
        assert_eq!(keys(&found), expected, "{criteria:?}");
        assert_eq!(found.total, expected.len());
    }
}

#[test]
fn pages_follow_one_another() {
    let index = index();
    let criteria = [text(TextField::Family, TextMatch::Same, "okafor")];
    for (offset, limit, expected) in
        [(0, 1, vec!["a/1"]), (1, 1, vec!["a/2"]), (2, 1, vec![]), (0, 9, vec!["a/1", "a/2"])]
    {
        let found = index.registry().find(&criteria, offset, limit).unwrap();
        assert_eq!(
            (keys(&found), found.total),
            (expected.iter().map(|it| (*it).to_owned()).collect(), 2)
        );
    }
}

#[test]
fn what_leads_to_nobody_by_itself_is_refused() {
    let index = index();
    for criteria in [
        vec![],
        vec![Criterion::Sex(vec![Sex::Male])],
        vec![text(TextField::Family, TextMatch::Begins, "o")],
        vec![text(TextField::City, TextMatch::Same, "boston")],
        vec![born(19_000_101, 20_261_231)],
    ] {
        let refused = index.registry().find(&criteria, 0, 10);
        assert!(matches!(refused, Err(RegistryError::Invalid(_))), "{criteria:?}");
    }
}

#[test]
fn whoever_was_merged_or_withdrawn_is_not_found() {
    let index = index();
    let criteria = [text(TextField::Family, TextMatch::Same, "smith")];
    index
        .registry()
        .retire(RetireRequest {
            record: key("a/3"),
            replaced_by: None,
            actor: system(),
            request_id: None,
        })
        .unwrap();
    assert_eq!(index.registry().find(&criteria, 0, 10).unwrap().total, 0);
}
