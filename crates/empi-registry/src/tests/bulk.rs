//! Stores that were loaded in bulk.

use std::path::Path;

use empi_model::{Evidence, Guard, MatchWeight};
use expect_test::expect;

use super::*;
use crate::{LoadedLink, LoadedReview, Loader};

fn loader(dir: &Path) -> Result<Loader, RegistryError> {
    let model = LinkageModel::us_default().unwrap();
    Loader::create(dir, &model, Arc::new(SteppingClock::default()), system())
}

fn review(left: u32, right: u32) -> LoadedReview {
    LoadedReview {
        left: RecordIndex(left),
        right: RecordIndex(right),
        weight: MatchWeight::from_bits(12.5),
        guards: vec![Guard::PossibleTwins],
        evidence: Some(Evidence::default()),
    }
}

/// Four records of three persons, as linking would give them.
fn load(dir: &Path) -> crate::LoadReport {
    let mut loader = loader(dir).unwrap();
    let weight = MatchWeight::from_bits(30.0);
    let persons = [2, 0, 2, 1].map(EnterpriseId::mint);
    let lines = [ROBERT, ALICE, BOB, SAMUEL];
    for (at, (line, person)) in lines.into_iter().zip(persons).enumerate() {
        // The first and the third record are one person.
        let candidate = RecordIndex(2_u32.saturating_sub(at as u32));
        let link =
            (at % 2 == 0).then(|| LoadedLink { weight, candidate, evidence: Evidence::default() });
        let index = loader.add(record(&format!("a/{at}"), line), person, link).unwrap();
        assert_eq!(index.0 as usize, at);
    }
    // The second is inside one person, the third asks about the same two persons again, and the last
    // tells of a block that was too large (identity rule 7).
    let capped = LoadedReview { guards: vec![Guard::CappedBlock], ..review(1, 1) };
    loader.finish(&[review(0, 3), review(0, 2), review(2, 3), capped], 3).unwrap()
}

#[test]
fn a_loaded_store_opens_with_its_tasks() {
    let dir = TempDir::new().unwrap();
    let report = load(dir.path());
    assert_eq!((report.records, report.persons, report.tasks), (4, 3, 2));
    assert_eq!(crate::verify(dir.path()).unwrap().problems, Vec::<String>::new());
    let registry = Registry::open(dir.path(), options()).unwrap();
    let index = Index { dir, keys: Vec::new(), options: options(), registry: Some(registry) };
    expect![[r#"
        a/0 P3 automatic v1
        a/1 P1 automatic v1
        a/2 P3 automatic v1
        a/3 P2 automatic v1
        task 1 possible_match a/0 a/3 [possible_twins] open
        task 2 capped_block a/1 a/1 [capped_block] open
    "#]]
    .assert_eq(&index.state());
    index.check();
    // It goes on as if registered one by one.
    index.expect("a/0", ROBERT, RegistrationDecision::Unchanged);
    let again = index.expect("b/0", ROBERT, RegistrationDecision::Link);
    assert_eq!(again.enterprise_id, EnterpriseId::mint(2));
    let new = index.register("b/1", "Wu|Zhang||1999-09-09|M||||");
    assert_eq!(new.enterprise_id, EnterpriseId::mint(3));
    assert_eq!(new.event.unwrap().0, 6);
    // All persons were created at one moment: the one whose record came first is the older.
    index.resolve(TaskId(1), ReviewOutcome::Same);
    assert_eq!(index.enterprise_id("a/3"), EnterpriseId::mint(2));
    index.check();
}

#[test]
fn a_load_goes_into_an_empty_store_only() {
    let dir = TempDir::new().unwrap();
    load(dir.path());
    assert!(matches!(loader(dir.path()), Err(RegistryError::Store(_))));
    assert_eq!(crate::stats(dir.path()).unwrap().records, 4);
}

#[test]
fn a_load_that_breaks_off_says_so() {
    let dir = TempDir::new().unwrap();
    let mut broken = loader(dir.path()).unwrap();
    broken.add(record("a/1", ROBERT), EnterpriseId::mint(0), None).unwrap();
    broken.abandon();
    let opened = Registry::open(dir.path(), options());
    assert!(
        matches!(opened, Err(RegistryError::Store(crate::StoreError::Incomplete(_)))),
        "{opened:?}"
    );
}

#[test]
fn what_cannot_be_loaded_is_refused() {
    let dir = TempDir::new().unwrap();
    let mut loader = loader(dir.path()).unwrap();
    loader.add(record("a/1", ROBERT), EnterpriseId::mint(0), None).unwrap();
    for (key, line) in [("a/1", ALICE), ("a/", ALICE), ("/1", ALICE)] {
        let refused = loader.add(record(key, line), EnterpriseId::mint(1), None);
        assert!(matches!(refused, Err(RegistryError::Invalid(_))), "{refused:?}");
    }
    let refused = loader.finish(&[review(0, 7)], 1);
    assert!(matches!(refused, Err(RegistryError::Invalid(_))), "{refused:?}");
    // Nothing holds the store any more: whoever comes next learns that the load broke off.
    let next = Registry::open(dir.path(), options()).map(|_| ());
    assert!(
        matches!(next, Err(RegistryError::Store(crate::StoreError::Incomplete(_)))),
        "{next:?}"
    );
}

#[test]
fn bulk_loads_span_chunks() {
    let dir = TempDir::new().unwrap();
    let mut loader = loader(dir.path()).unwrap();
    let count = 10_000_u64;
    for at in 0..count {
        let line = format!("Given{at}|Family||19{:02}-01-02|M||||", at % 90 + 10);
        loader.add(record(&format!("a/{at}"), &line), EnterpriseId::mint(at), None).unwrap();
    }
    assert_eq!(loader.finish(&[], count).unwrap().records, count);
    let registry = Registry::open(dir.path(), options()).unwrap();
    assert_eq!(registry.stats().persons, count);
    assert_eq!(registry.verify().unwrap().problems, Vec::<String>::new());
}

#[test]
fn a_missing_store_is_not_made_by_looking() {
    let dir = TempDir::new().unwrap();
    let missing = dir.path().join("nowhere");
    assert!(crate::verify(&missing).is_err());
    assert!(crate::stats(&missing).is_err());
    let options = RegistryOptions { create: false, ..options() };
    assert!(matches!(Registry::open(&missing, options), Err(RegistryError::Store(_))));
    assert!(!missing.exists());
}
