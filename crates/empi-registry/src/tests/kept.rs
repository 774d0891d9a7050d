//! The index in memory, kept for the next start: it is the one that reading everything gives, or it is not used.

use super::*;
use crate::mirror::Mirror;

/// Where it is kept.
fn file(index: &Index) -> std::path::PathBuf {
    index.dir.path().join("derived")
}

/// Somebody of a number.
fn somebody(number: u32) -> String {
    let day = number % 28 + 1;
    let ssn = 123_450_000 + number * 7;
    format!("Ada{number}|Quill{number}||1971-03-{day:02}|F|{ssn}|{number} Elm Street|62704|")
}

/// An index with people who were merged, kept apart, moved, retired and asked about.
fn lived_in(mut index: Index) -> Index {
    index.register("a/1", ROBERT);
    index.register("b/1", BOB);
    index.register("a/2", SAMUEL);
    index.register("a/3", ALICE);
    (10..40).for_each(|number| drop(index.register(&format!("c/{number}"), &somebody(number))));
    let [surviving, subsumed] = ["c/10", "c/11"].map(|record| index.enterprise_id(record));
    index.steward(StewardOperation::MergePersons { surviving, subsumed });
    index.steward(StewardOperation::KeepApart { left: key("a/2"), right: key("a/3") });
    index.retire("c/12", None);
    index.register("c/13", &somebody(13).replace("Quill13", "Marsh"));
    index.reopen_kept();
    index
}

/// Whether a start would take in what is kept; what it gives is right in either case.
fn is_of_use(index: &Index) -> bool {
    let core = &index.registry().core;
    let (mirror, was_kept) = Mirror::read(&core.in_force().model, &core.store).unwrap();
    assert_eq!(mirror.digest(), core.mirror.read().digest());
    was_kept
}

#[test]
fn what_is_kept_is_what_reading_everything_gives() {
    for index in [Index::new(), Index::encrypted()] {
        let mut index = lived_in(index);
        assert!(is_of_use(&index));
        index.check();
        let before = index.state();
        // What happens afterwards is taken in from its events, until everything is kept again.
        for round in 0..3 {
            let first = 100 + round * 10;
            let newcomers = first..first + 5;
            newcomers
                .for_each(|number| drop(index.register(&format!("d/{number}"), &somebody(number))));
            index.register("c/14", &somebody(14 + first));
            let [surviving, subsumed] =
                [15, 16 + round].map(|number| index.enterprise_id(&format!("c/{number}")));
            index.steward(StewardOperation::MergePersons { surviving, subsumed });
            index.retire(&format!("c/{}", 20 + round), None);
            index.retire(&format!("c/{}", 30 + round), Some("c/39"));
            index.undo_event_of_last();
            assert!(is_of_use(&index));
            index.reopen();
            index.check();
        }
        index.reopen_kept();
        index.check();
        assert_ne!(index.state(), before);
    }
}

#[test]
fn a_kept_index_that_is_damaged_is_not_used() {
    for index in [Index::new(), Index::encrypted()] {
        let index = lived_in(index);
        let whole = std::fs::read(file(&index)).unwrap();
        let length = whole.len();
        for at in (0..length).step_by(length / 97 + 1).chain([length - 1]) {
            let mut flipped = whole.clone();
            flipped[at] ^= 0x10;
            for damaged in [flipped.as_slice(), &whole[..at]] {
                std::fs::write(file(&index), damaged).unwrap();
                assert!(!is_of_use(&index), "byte {at} of {length}");
            }
        }
        std::fs::write(file(&index), &whole).unwrap();
        assert!(is_of_use(&index));
    }
}

#[test]
fn a_kept_index_of_another_past_is_not_used() {
    let [one, other] = [ALICE, SAMUEL].map(|second| {
        let mut index = Index::new();
        index.register("a/1", ROBERT);
        index.register("a/2", second);
        index.reopen_kept();
        index
    });
    std::fs::copy(file(&one), file(&other)).unwrap();
    assert!(!is_of_use(&other));
    assert!(is_of_use(&one));
}

#[test]
fn nothing_is_kept_of_contents_that_are_no_more() {
    let mut index = Index::with_journal(options(), Box::new(StoreJournal));
    index.register("a/1", "Thessaly|Okonkwo||1971-03-08|F|123456789|7 Wistful Lane|62704|");
    index.register("a/1", "Thessaly|Brandt||1971-03-08|F|123456789|7 Wistful Lane|62704|");
    index.reopen_kept();
    let kept = std::fs::read(file(&index)).unwrap();
    let holds = |word: &str| kept.windows(word.len()).any(|it| it == word.as_bytes());
    let is_encrypted = index.registry().core.store.is_encrypted();
    assert_eq!(["THESSALY", "BRANDT"].map(holds), [!is_encrypted; 2]);
    assert!(!holds("OKONKWO"));
    index.check();
}

#[test]
fn an_erasure_takes_away_what_is_kept() {
    let index = lived_in(Index::encrypted());
    assert!(file(&index).exists());
    let person = index.enterprise_id("a/3");
    let preview = index.registry().steward(Index::asked(StewardOperation::ErasePerson { person }));
    let version_token = Some(preview.unwrap().version_token);
    let asked = Index::asked(StewardOperation::ErasePerson { person });
    let request = StewardRequest { validate_only: false, version_token, ..asked };
    index.registry().steward(request).unwrap();
    assert!(!file(&index).exists());
}

#[test]
fn a_small_index_is_not_kept() {
    let mut index = Index::with(RegistryOptions { kept_records_min: 3, ..options() });
    index.register("a/1", ROBERT);
    index.register("a/2", ALICE);
    index.reopen_kept();
    assert!(!file(&index).exists());
    index.register("a/3", SAMUEL);
    index.reopen_kept();
    assert!(file(&index).exists());
}
