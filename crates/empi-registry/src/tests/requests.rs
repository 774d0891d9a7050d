//! How long answers to requests are kept, and who is told of events.

use std::sync::mpsc;

use RegistrationDecision::{Link, New, Unchanged};

use super::*;

#[test]
fn rule_6_answers_are_kept_for_a_set_time() {
    let clock = Arc::new(SteppingClock::default());
    let options = RegistryOptions {
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        requests_kept_ms: 1000,
        ..options()
    };
    let mut index = Index::with(options);
    let first = index.try_register(record("a/1", ROBERT), Some("r")).unwrap();
    assert_eq!(first.decision, New);
    index.reopen();
    clock.0.fetch_add(500, Ordering::Relaxed);
    index.register("a/2", ALICE);
    assert_eq!(index.try_register(record("a/1", ROBERT), Some("r")).unwrap(), first);
    let other = index.try_register(record("a/3", BOB), Some("r"));
    assert!(matches!(other, Err(RegistryError::Conflict(_))), "{other:?}");
    // Time goes by: the next change forgets the answer, and the ID is free.
    clock.0.fetch_add(600, Ordering::Relaxed);
    index.register("a/2", MARRIED_ALICE);
    assert_eq!(index.try_register(record("a/1", ROBERT), Some("r")).unwrap().decision, Unchanged);
    let other = index.try_register(record("b/1", BOB), Some("r")).unwrap();
    assert_eq!(other.decision, Link);
    for _ in 0..2 {
        assert_eq!(index.try_register(record("b/1", BOB), Some("r")).unwrap(), other);
        index.reopen();
    }
    index.check();
}

#[test]
fn rule_6_a_retirement_is_done_once() {
    let index = Index::new();
    index.expect("a/1", ROBERT, New);
    index.expect("a/2", ALICE, New);
    let request = |record: &str| RetireRequest {
        record: key(record),
        replaced_by: None,
        actor: system(),
        request_id: Some("gone".to_owned()),
    };
    let first = index.registry().retire(request("a/1")).unwrap();
    assert_eq!(index.registry().retire(request("a/1")).unwrap(), first);
    let other = index.registry().retire(request("a/2"));
    assert!(matches!(other, Err(RegistryError::Conflict(_))), "{other:?}");
    index.check();
}

#[test]
fn rule_5_listeners_hear_of_every_event_once_it_is_durable() {
    let index = Index::new();
    let (heard, events) = mpsc::channel();
    index.registry().on_commit(move |commit| {
        commit.last_event.into_iter().for_each(|event| heard.send(event.0).unwrap());
    });
    index.register("a/1", ROBERT);
    index.register("a/1", ROBERT);
    index.register("b/1", BOB);
    assert_eq!(events.try_iter().collect::<Vec<_>>(), [1, 2]);
    let told = index.registry().events(empi_model::EventSequence(1), 10).unwrap();
    assert_eq!(told.len(), 2);
    assert_eq!(told[1].moves()[0].key, key("b/1"));
}
