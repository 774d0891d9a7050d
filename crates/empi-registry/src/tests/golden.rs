//! The golden record: which value survives, and that it follows every change, also backwards.

use empi_model::EventSequence;

use super::*;
use crate::{GoldenField, Offer, Survivorship, SurvivorshipRule};

/// The golden record in words: `field: value (record, agreeing)`.
fn told(index: &Index, record: &str) -> String {
    let view = index.registry().person(index.enterprise_id(record)).unwrap();
    let golden = view.golden;
    let text =
        |value: &Option<PatientText>| value.as_ref().map_or("-", PatientText::expose).to_owned();
    let mut told = String::new();
    for from in &golden.provenance {
        let value = match from.field {
            GoldenField::Name => {
                let name = &golden.record.names[0];
                format!("{} {}", text(&name.given), text(&name.family))
            }
            GoldenField::BirthDate => text(&golden.record.birth_date),
            GoldenField::Sex => text(&golden.record.sex),
            GoldenField::Ssn => text(&golden.record.ssn),
            GoldenField::Address => text(&golden.record.addresses[0].street),
            GoldenField::Phone => golden.record.phones[0].expose().to_owned(),
            other => format!("{other:?}"),
        };
        let RecordKey { source, record_id } = &from.record;
        writeln!(told, "{value} ({source}/{record_id}, {})", from.agreeing).unwrap();
    }
    told
}

#[test]
fn each_field_survives_by_its_rule_and_says_where_it_comes_from() {
    let index = Index::new();
    index.register("a/1", ROBERT);
    index.register("b/1", &BOB.replace("1980-03-12", "1980-03-21"));
    index.register("c/1", "Robert|Okafor||1980-03-12|M|457-12-9983|||");
    expect_test::expect![[r#"
        Robert Okafor (c/1, 2)
        1980-03-12 (c/1, 2)
        M (c/1, 3)
        457-12-9983 (c/1, 3)
        7 Oak Ave (b/1, 1)
        617-555-8123 (a/1, 1)
    "#]]
    .assert_eq(&told(&index, "a/1"));
    // A record without say does not count.
    index.retire("c/1", None);
    assert!(told(&index, "a/1").starts_with("Bob Okafor (b/1, 1)\n1980-03-21 (b/1, 1)"));
    index.check();
}

#[test]
fn the_most_trusted_and_the_longest_survive_where_that_is_the_rule() {
    let survivorship = Survivorship {
        name: SurvivorshipRule::Longest,
        lasting: SurvivorshipRule::MostTrusted,
        contact: SurvivorshipRule::MostTrusted,
        trusted_sources: vec!["z".to_owned(), "a".to_owned()],
    };
    let index = Index::with(RegistryOptions { survivorship, ..options() });
    index.register("a/1", ROBERT);
    index.register("b/1", &BOB.replace("1980-03-12", "1980-03-21"));
    expect_test::expect![[r#"
        Robert Okafor (a/1, 1)
        1980-03-12 (a/1, 1)
        M (a/1, 2)
        457-12-9983 (a/1, 2)
        12 Elm Street (a/1, 1)
        617-555-8123 (a/1, 1)
    "#]]
    .assert_eq(&told(&index, "a/1"));
}

#[test]
fn the_golden_record_follows_every_change_also_backwards() {
    let index = Index::new();
    index.register("a/1", ROBERT);
    index.register("a/2", ALICE);
    let before = [told(&index, "a/1"), told(&index, "a/2")];
    let merged =
        index.steward(StewardOperation::LinkRecords { left: key("a/1"), right: key("a/2") });
    // The preview had foretold it.
    let [(person, golden)] = &merged.golden[..] else { panic!("one person lives: {merged:?}") };
    assert_eq!(*person, index.enterprise_id("a/1"));
    assert_eq!(*golden, index.registry().person(*person).unwrap().golden);
    assert_ne!(told(&index, "a/1"), before[0]);
    index.undo(&merged);
    assert_eq!([told(&index, "a/1"), told(&index, "a/2")], before);
    let update = index.register("a/2", MARRIED_ALICE).event.unwrap();
    assert!(told(&index, "a/2").starts_with("Alice Jones"));
    index.steward(StewardOperation::UndoEvent { event: EventSequence(update.0) });
    assert_eq!(told(&index, "a/2"), before[1]);
}

#[test]
fn what_a_steward_has_chosen_survives_and_goes_where_its_record_goes() {
    let index = Index::new();
    index.register("a/1", ROBERT);
    index.register("b/1", BOB);
    let person = index.enterprise_id("a/1");
    let before = (told(&index, "a/1"), index.standing());
    assert!(before.0.contains("7 Oak Ave (b/1, 1)"), "the most recent: {}", before.0);
    let choose = |field, record: Option<&str>| StewardOperation::ChooseValue {
        person: index.enterprise_id("a/1"),
        field,
        record: record.map(key),
    };
    let chosen = index.steward(choose(GoldenField::Address, Some("a/1")));
    let golden =
        |record: &str| index.registry().person(index.enterprise_id(record)).unwrap().golden;
    let from = |record: &str, field| {
        let golden = golden(record);
        golden.provenance.into_iter().find(|from| from.field == field).unwrap()
    };
    let told_by = from("a/1", GoldenField::Address);
    assert_eq!((told_by.record, told_by.chosen_by.as_deref()), (key("a/1"), Some("dana")));
    assert_eq!(told_by.rule, SurvivorshipRule::StewardsChoice);
    assert_eq!(chosen.golden[0].1, golden("a/1"), "as the preview says");
    index.check();
    // It survives an update, and a merge.
    index.register("b/1", &BOB.replace("7 Oak Ave", "8 Oak Ave"));
    index.register("c/1", ALICE);
    let alice = index.enterprise_id("c/1");
    let merged =
        index.steward(StewardOperation::MergePersons { surviving: alice, subsumed: person });
    assert_eq!(from("c/1", GoldenField::Address).record, key("a/1"));
    index.undo(&merged);
    // The record leaves, and its choice with it.
    let split =
        index.steward(StewardOperation::UnlinkRecord { record: key("a/1"), keep_apart: false });
    assert_eq!(from("b/1", GoldenField::Address).record, key("b/1"));
    assert_eq!(from("a/1", GoldenField::Address).chosen_by.as_deref(), Some("dana"));
    index.undo(&split);
    assert_eq!(from("b/1", GoldenField::Address).record, key("a/1"));
    // One value is chosen at a time.
    let other = index.steward(choose(GoldenField::Address, Some("b/1")));
    assert_eq!(from("a/1", GoldenField::Address).record, key("b/1"));
    let refused = index.refused(StewardOperation::UndoEvent { event: chosen.event.event.sequence });
    assert!(refused.contains("event"), "{refused}");
    index.undo(&other);
    assert_eq!(from("a/1", GoldenField::Address).record, key("a/1"));
    index.steward(choose(GoldenField::Address, None));
    assert_eq!(from("a/1", GoldenField::Address).record, key("b/1"));
    for senseless in [
        choose(GoldenField::Address, None),
        choose(GoldenField::Address, Some("c/1")),
        choose(GoldenField::Phone, Some("b/1")),
        choose(GoldenField::Identifier, Some("a/1")),
    ] {
        index.refused(senseless);
    }
    index.check();
}

#[test]
fn the_longest_valid_is_the_one_that_has_stood_longest() {
    let survivorship =
        Survivorship { contact: SurvivorshipRule::LongestValid, ..Survivorship::default() };
    let index = Index::with(RegistryOptions { survivorship, ..options() });
    index.register("a/1", ROBERT);
    index.register("b/1", BOB);
    assert!(told(&index, "a/1").contains("12 Elm Street (a/1, 1)"));
    index.register("a/1", &ROBERT.replace("8123", "8124"));
    assert!(told(&index, "a/1").contains("7 Oak Ave (b/1, 1)"));
}

#[test]
fn a_steward_is_offered_every_value_that_means_something_else() {
    let index = Index::new();
    index.register("a/1", ROBERT);
    index.register("b/1", &BOB.replace("1980-03-12", "1980-03-21"));
    index.register("c/1", &ROBERT.replace("12 Elm Street", "12 ELM ST"));
    let offered = || {
        let view = index.registry().person(index.enterprise_id("a/1")).unwrap();
        let mut told = String::new();
        for Offer { field, values, is_chosen } in index.registry().offers(&view) {
            let said = values.iter().map(|value| (&value.said_by, value.survives));
            writeln!(told, "{field:?} {:?} {is_chosen}", said.collect::<Vec<_>>()).unwrap();
        }
        told
    };
    expect_test::expect![[r#"
        Name [([2, 0], true), ([1], false)] false
        BirthDate [([2, 0], true), ([1], false)] false
        Address [([2, 0], true), ([1], false)] false
    "#]]
    .assert_eq(&offered());
    index.steward(StewardOperation::ChooseValue {
        person: index.enterprise_id("a/1"),
        field: GoldenField::Sex,
        record: Some(key("b/1")),
    });
    assert!(offered().contains("Sex [([2, 1, 0], true)] true"), "to be left to the rule again");
}
