//! The right to be forgotten: afterwards nobody answers, nothing can be read, and everybody else is as before.

use empi_model::EventKind;

use super::*;
use crate::PersonView;

fn erase(index: &Index, record: &str) -> StewardOperation {
    StewardOperation::ErasePerson { person: index.enterprise_id(record) }
}

/// Robert under two records, merged from two persons, updated, with questions answered and open, and an update that
/// waits; Alice, Samuel and a stranger beside him.
fn lived_in() -> Index {
    let index = Index::encrypted();
    index.try_register(record("a/1", ROBERT), Some("visit of a/1")).unwrap();
    index.register("b/1", BOB);
    index.register("b/1", &BOB.replace("7 Oak Ave", "8 Oak Ave"));
    index.register("a/2", SAMUEL);
    index.register("a/3", ALICE);
    index.register("b/1", ALICE);
    let [surviving, subsumed] = ["a/1", "a/3"].map(|record| index.enterprise_id(record));
    let merged = index.steward(StewardOperation::MergePersons { surviving, subsumed });
    index.undo(&merged);
    index.check();
    index
}

/// What everybody says who is not erased.
fn others(index: &Index) -> Vec<PersonView> {
    ["a/2", "a/3"]
        .map(|record| index.registry().person(index.enterprise_id(record)).unwrap())
        .to_vec()
}

fn is_gone<T: std::fmt::Debug>(answer: Result<T, RegistryError>) {
    let refused = answer.unwrap_err();
    assert!(matches!(refused, RegistryError::NotFound(_)), "{refused}");
    assert!(refused.to_string().contains("erased"), "{refused}");
}

#[test]
fn who_is_erased_answers_nowhere_and_everybody_else_as_before() {
    let mut index = lived_in();
    let robert = index.enterprise_id("a/1");
    let (before, persons) = (others(&index), index.registry().stats().persons);
    let preview = index.registry().steward(Index::asked(erase(&index, "a/1"))).unwrap();
    assert_eq!(preview.event.persons(), [(robert, crate::PersonFate::Erased)]);
    assert!(index.registry().person(robert).is_ok(), "a preview erases nobody");
    let asked = StewardRequest {
        note: "asked for by letter".to_owned(),
        validate_only: false,
        version_token: Some(preview.version_token),
        ..Index::asked(erase(&index, "a/1"))
    };
    let erased = index.registry().steward(asked).unwrap().event.event;
    assert_eq!((erased.kind, erased.note.as_str()), (EventKind::Erased, "asked for by letter"));
    for _ in 0..2 {
        let registry = index.registry();
        is_gone(registry.person(robert));
        is_gone(registry.record(&key("a/1")));
        is_gone(registry.record(&key("b/1")));
        assert_eq!(registry.record_at_hand(&key("a/1")), None);
        let found = registry.search("Robert Okafor", 10).unwrap().hits;
        assert!(found.iter().all(|hit| hit.view.person.enterprise_id != robert));
        assert_eq!(others(&index), before);
        let stats = registry.stats();
        assert_eq!((stats.persons, stats.open_tasks), (persons - 1, 0));
        let kept = registry.event(erased.sequence).unwrap().event;
        assert_eq!(kept.note, "asked for by letter");
        let told = registry.events(empi_model::EventSequence(1), 100).unwrap();
        for view in told.iter().filter(|view| view.event.sequence < erased.sequence) {
            let text = format!("{view:?}");
            assert!(!text.contains("visit of a/1"), "{text}");
            let about = view.event.records.iter().any(|it| erased.records.contains(it));
            assert!(!about || view.event.note.is_empty(), "{text}");
        }
        index.check();
        assert_eq!(index.registry().core.store.verify_audit(&[]).unwrap().problem_count, 0);
        index.reopen();
    }
}

#[test]
fn a_feed_that_sends_an_erased_record_again_is_refused_also_after_a_rebuild() {
    let mut index = lived_in();
    let erased = index.enterprise_id("a/1");
    index.noted(erase(&index, "a/1"), "");
    for round in 0..3 {
        for record_key in ["a/1", "b/1"] {
            let refused = index.try_register(record(record_key, ROBERT), None).unwrap_err();
            assert!(matches!(refused, RegistryError::Conflict(_)), "{refused}");
            assert!(refused.to_string().contains("another record ID"), "{refused}");
        }
        drop(index.registry.take());
        if round == 1 {
            crate::rebuild(index.place()).unwrap();
        }
        index.reopen();
        index.check();
    }
    // Under another ID a new person begins, whom nothing ties to the one who was; Samuel may be a twin as before.
    let anew = index.expect("c/9", ROBERT, RegistrationDecision::Review);
    assert_ne!(anew.enterprise_id, erased);
    index.check();
}

#[test]
fn nothing_of_an_erasure_is_undone_nor_anything_before_it() {
    let index = lived_in();
    let robert = index.enterprise_id("a/1");
    index.noted(erase(&index, "a/1"), "");
    let last = index.registry().stats().events;
    for event in 1..=last {
        let operation = StewardOperation::UndoEvent { event: empi_model::EventSequence(event) };
        if let Ok(undone) = index.registry().steward(Index::asked(operation)) {
            assert!(!undone.event.persons().iter().any(|(id, _)| *id == robert), "event {event}");
        }
    }
    let alice = index.enterprise_id("a/3");
    let merge = StewardOperation::MergePersons { surviving: alice, subsumed: robert };
    is_gone(index.registry().steward(Index::asked(merge)));
    is_gone(
        index.registry().steward(Index::asked(StewardOperation::ErasePerson { person: robert })),
    );
}

#[test]
fn only_an_encrypted_index_can_forget() {
    let index = Index::keyed(options(), Box::new(StoreJournal), false);
    index.register("a/1", ROBERT);
    let refused = index.registry().steward(Index::asked(erase(&index, "a/1"))).unwrap_err();
    assert!(refused.to_string().contains("empi key encrypt"), "{refused}");
}

#[test]
fn the_data_keys_of_an_erased_person_are_in_no_file_any_more() {
    let mut index = lived_in();
    drop(index.registry.take());
    let keys_of = |dir: &std::path::Path| {
        let mut keys = Vec::new();
        empi_store::each_raw_row(dir, |family, key, value| {
            // A piece of the wrapped data key that stands before the row.
            if family == "records" && value[0] == 2 {
                keys.push((key.to_vec(), value[26..56].to_vec()));
            }
        })
        .unwrap();
        keys
    };
    let before = keys_of(index.dir.path());
    index.reopen();
    let erased = index.noted(erase(&index, "a/1"), "").event.event.records;
    let gone = |key: &[u8]| erased.iter().any(|it| it.0.to_be_bytes() == key);
    let (lost, kept): (Vec<_>, Vec<_>) = before.into_iter().partition(|(key, _)| gone(key));
    assert_eq!((lost.len(), kept.len()), (2, 2));
    for entry in std::fs::read_dir(index.dir.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap_or_default();
        for (_, key) in &lost {
            let is_there = bytes.windows(key.len()).any(|part| part == key);
            assert!(!is_there, "a data key is left in {}", path.display());
        }
    }
    drop(index.registry.take());
    assert_eq!(keys_of(index.dir.path()), kept, "other data keys stand");
}

#[test]
fn a_person_is_shown_everything_that_is_held_about_them() {
    let index = lived_in();
    let robert = index.enterprise_id("a/1");
    let everything = index.registry().dossier(robert).unwrap();
    assert_eq!(everything.view, index.registry().person(robert).unwrap());
    assert!(everything.enterprise_ids.contains(&robert));
    let said: Vec<_> = everything.earlier.iter().map(|it| (&it.key, &it.content)).collect();
    assert_eq!(said, [(&key("b/1"), &record("b/1", BOB))]);
    let [(asks, waiting)] = &everything.held[..] else { panic!("one update waits") };
    assert_eq!(*waiting, record("b/1", ALICE));
    let events: Vec<u64> = everything.events.iter().map(|it| it.event.sequence.0).collect();
    assert!(events.is_sorted() && events.len() >= 6, "{events:?}");
    assert!(everything.tasks.iter().any(|line| line.task.id == *asks));
    let told: Vec<_> = everything.audit.iter().filter_map(|(_, entry)| entry.event).collect();
    assert!(events.iter().all(|event| told.iter().any(|it| it.0 == *event)), "{told:?}");
    assert!(!everything.is_cut);
}
