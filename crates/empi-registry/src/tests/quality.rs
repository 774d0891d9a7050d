//! The quality board follows what happens to the index, and is the same when it is counted anew.

use RegistrationDecision::{Link, New, Review};
use empi_model::{RecordField, TaskId};

use super::*;
use crate::{Answers, FieldCounts, Overlays, QualityBoard, Share};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// An index with a clock that can be moved.
pub(super) fn index() -> (Arc<SteppingClock>, Index) {
    let clock = Arc::new(SteppingClock::default());
    clock.0.store(1000 * DAY_MS, Ordering::Relaxed);
    let index =
        Index::with(RegistryOptions { clock: Arc::clone(&clock) as Arc<dyn Clock>, ..options() });
    (clock, index)
}

/// The board, which is the same when everything is counted anew.
#[track_caller]
fn board(index: &mut Index) -> QualityBoard {
    let board = index.registry().quality_now();
    index.check();
    index.reopen();
    let anew = index.registry().quality_now();
    let timeless = |board: &QualityBoard| {
        let mut board = board.clone();
        (board.counted, board.took_ms) = (Timestamp(0), 0);
        (board.queue.age, board.queue.claimed) = (None, 0);
        board.queue.kinds.iter_mut().for_each(|kind| kind.age = None);
        board
    };
    assert_eq!(timeless(&board), timeless(&anew));
    board
}

fn share(part: u64, whole: u64) -> Share {
    Share { part, whole }
}

/// What sources say in a field, over all of them.
fn field(board: &QualityBoard, field: RecordField) -> [u64; 3] {
    let at = RecordField::ALL.iter().position(|it| *it == field).unwrap();
    let sources = board.fields.as_ref().unwrap().iter();
    let FieldCounts { usable, placeholder, unreadable } =
        sources.map(|source| source.fields[at]).fold(FieldCounts::default(), FieldCounts::plus);
    [usable, placeholder, unreadable]
}

#[test]
fn the_quality_of_nothing_is_no_number() {
    let (_, mut index) = index();
    let board = board(&mut index);
    assert_eq!((board.records, board.persons), (0, 0));
    assert_eq!(board.duplicates.confirmed.value(), None);
    assert_eq!(board.reviewed.answered.precision().value(), None);
    assert_eq!(board.queue.agreement.kappa(), None);
    assert_eq!(board.fields, Some(Vec::new()));
    assert_eq!(board.days.len(), 30);
}

#[test]
fn the_quality_board_tells_duplicates_and_overlaps_apart() {
    let (clock, mut index) = index();
    index.expect("a/1", ROBERT, New);
    index.expect("b/1", BOB, Link);
    index.expect("c/1", ALICE, New);
    let before = board(&mut index).duplicates;
    assert_eq!(before.confirmed, share(0, 3));
    assert_eq!(before.overlaps_linked, share(1, 2));
    assert_eq!((before.overlaps_waiting, before.waiting), (share(0, 2), share(0, 3)));
    // Ten days later the same source registers Robert once more, and a brother of his comes from another.
    clock.0.fetch_add(10 * DAY_MS, Ordering::Relaxed);
    index.expect("a/2", BOB, Link);
    index.expect("b/2", SAMUEL, Review);
    let board = board(&mut index);
    let after = board.duplicates;
    assert_eq!(after.confirmed, share(2, 5), "{}", index.state());
    let created: Vec<_> = after.created.iter().map(|it| (it.days, it.confirmed)).collect();
    assert_eq!(created, [(1, share(1, 2)), (7, share(1, 2)), (30, share(1, 5))]);
    assert_eq!(board.largest[0].enterprise_id, index.enterprise_id("a/1"));
    assert_eq!((board.largest.len(), board.largest[0].records), (1, 3));
    let today: Vec<u64> = board.days.iter().map(|day| day.raised).collect();
    assert_eq!((today.len(), today[29], today.iter().sum::<u64>()), (30, 1, 1));
}

#[test]
fn what_waits_is_no_confirmed_duplicate_until_it_is_answered_and_no_more_once_undone() {
    let (_, mut index) = index();
    index.expect("a/1", ROBERT, New);
    let asked = index.expect("a/2", SAMUEL, Review).tasks[0];
    let waiting = board(&mut index);
    assert_eq!(waiting.duplicates.waiting, share(2, 2));
    assert_eq!(waiting.duplicates.confirmed, share(0, 2));
    assert_eq!(waiting.duplicates.created[0].waiting, share(1, 2));
    index.resolve(asked, ReviewOutcome::Same);
    let same = board(&mut index);
    assert_eq!(same.duplicates.waiting, share(0, 2));
    assert_eq!(same.duplicates.confirmed, share(2, 2));
    assert_eq!(same.duplicates.created[0].confirmed, share(1, 2));
    let Answers { same_above, same_below, different_above, different_below } =
        same.reviewed.answered;
    assert_eq!((same_above + same_below, different_above + different_below), (1, 0));
    assert_eq!(same.days[29].answered, 1);
    index.undo_event_of_last();
    let undone = board(&mut index);
    assert_eq!(undone.duplicates, waiting.duplicates);
    assert_eq!(undone.reviewed, waiting.reviewed);
}

#[test]
fn an_overlap_waits_as_two_persons() {
    let (_, mut index) = index();
    index.expect("a/1", ROBERT, New);
    let asked = index.expect("b/1", SAMUEL, Review).tasks[0];
    assert_eq!(board(&mut index).duplicates.overlaps_waiting, share(2, 2));
    index.resolve(asked, ReviewOutcome::Different);
    assert_eq!(board(&mut index).duplicates.overlaps_waiting, share(0, 2));
}

#[test]
fn overlays_are_counted_where_they_were_found() {
    let (_, mut index) = index();
    index.expect("a/1", ROBERT, New);
    index.expect("b/1", BOB, Link);
    index.register("a/1", ALICE);
    assert_eq!(board(&mut index).duplicates.overlays_waiting, 1, "{}", index.state());
    index.resolve(TaskId(1), ReviewOutcome::Rejected);
    let found = board(&mut index).duplicates;
    assert_eq!(found.overlays, Overlays { updates: 1, divided: 0, by_hand: 0 });
    assert_eq!(found.overlays_waiting, 0);
    let split =
        index.steward(StewardOperation::UnlinkRecord { record: key("b/1"), keep_apart: false });
    assert_eq!(board(&mut index).duplicates.overlays.by_hand, 1);
    index.undo(&split);
    assert_eq!(board(&mut index).duplicates.overlays.count(), 1);
    index.undo_event_of_last();
    assert_eq!(board(&mut index).duplicates.overlays.by_hand, 1, "undoing the undoing");
}

#[test]
fn fields_follow_updates_retirement_and_undo() {
    let (_, mut index) = index();
    index.expect("a/1", ROBERT, New);
    index.expect("b/1", ALICE, New);
    let first = index.registry().quality_now();
    assert_eq!(field(&first, RecordField::Phone), [2, 0, 0]);
    let without = ROBERT.replace("617-555-8123", "000-000-0000");
    index.expect("a/1", &without, Link);
    let updated = index.registry().quality_now();
    assert_eq!(field(&updated, RecordField::Phone), [1, 1, 0]);
    assert_eq!(board(&mut index).fields, updated.fields);
    index.retire("a/1", None);
    let retired = index.registry().quality_now();
    assert_eq!(field(&retired, RecordField::Phone), [1, 0, 0]);
    assert_eq!((retired.records, retired.persons), (1, 1));
    index.undo_event_of_last();
    assert_eq!(index.registry().quality_now().fields, updated.fields);
    index.undo_event_of_last();
    assert_eq!(index.registry().quality_now().fields, retired.fields, "retired again");
    index.check();
}

#[test]
fn a_value_of_very_many_people_is_counted_and_not_shown() {
    let (_, mut index) = index();
    for at in 0..25 {
        let line = format!(
            "Given{at}|Family{at}||19{}-01-0{}||||0{}|617-253-0100",
            40 + at,
            1 + at % 9,
            2100 + at
        );
        index.register(&format!("clinic/{at}"), &line);
    }
    let board = board(&mut index);
    assert_eq!(board.hub_count, 1, "{}", index.state());
    assert_eq!(board.hubs[0].field, empi_model::SharedField::Phone);
    assert_eq!(board.hubs[0].people, 25);
    let told = index.registry().task(board.hubs[0].task.unwrap()).unwrap().line.task;
    assert_eq!(told.kind, empi_model::ReviewKind::SharedIdentifier);
}

#[test]
fn the_quality_board_is_counted_by_a_thread_of_its_own() {
    let (_, index) = index();
    index.expect("a/1", ROBERT, New);
    let counted = index.registry().quality(std::time::Duration::from_secs(60)).unwrap();
    assert!(!counted.is_counting);
    assert_eq!(counted.board.unwrap().records, 1);
    // Asked without waiting there is still an answer.
    let again = index.registry().quality(std::time::Duration::ZERO).unwrap();
    assert_eq!(again.board.unwrap().records, 1);
}
