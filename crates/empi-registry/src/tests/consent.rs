//! What people ask for about their data: who is shown them, what they are linked with, and emergencies.

use RegistrationDecision::{Link, New, Review, Unchanged};
use empi_model::{
    Asked, Asker, AuditOutcome, BrokenGlass, Domains, EventKind, Identifier, Interface, Operation,
    Purpose, Role, Sight,
};

use super::*;
use crate::audit::Trail;
use crate::{AuditQuery, GoldenField, RelinkOptions, Relinking, TaskFilter};

fn asks(index: &Index, record: &str, not_shared: bool, not_linked: bool) -> StewardOperation {
    StewardOperation::SetConsent { person: index.enterprise_id(record), not_shared, not_linked }
}

/// The registry as somebody of a role asks through it, and what becomes of their trail.
fn as_role(index: &Index, name: &str, role: Role) -> (Arc<Trail>, Registry) {
    let asker = Asker {
        name: name.to_owned(),
        interface: Interface::Grpc,
        address: None,
        purpose: Purpose::Treatment,
        reason: String::new(),
    };
    let asked = Asked { asker: asker.into(), operation: Operation::ViewPersons };
    let domains = Domains::Only(["a".to_owned()].into());
    let trail = Trail::new(asked, index.registry().now()).with_sight(Sight::of(&[role], &domains));
    let trail = Arc::new(trail);
    let handle = index.registry().asked_by(&trail);
    (trail, handle)
}

#[test]
fn whoever_is_not_to_be_linked_is_nobodys_candidate() {
    let mut index = Index::new();
    index.expect("a/1", ROBERT, New);
    let noted = index.steward(asks(&index, "a/1", false, true));
    assert_eq!(noted.event.event.kind, EventKind::ConsentChanged);
    // The same human from elsewhere is another person now, and no question is asked.
    let other = index.expect("b/1", ROBERT, New);
    assert_eq!(other.tasks, []);
    let found = index.registry().match_record(&record("x/1", ROBERT), 10).unwrap();
    let persons: Vec<_> = found.iter().map(|it| it.enterprise_id).collect();
    assert_eq!(persons, [other.enterprise_id]);
    // Its own source goes on as ever.
    index.expect("a/1", ROBERT, Unchanged);
    assert_eq!(index.register("a/1", BOB).enterprise_id, index.enterprise_id("a/1"));
    index.check();
    // Neither does linking everything anew.
    let before = index.state();
    drop(index.registry.take());
    let model = LinkageModel::us_default().unwrap();
    let relinked = Relinking::open(index.place(), model).unwrap().link(&Default::default());
    let clock: Arc<dyn Clock> = Arc::new(SteppingClock::default());
    let report = relinked.apply(&RelinkOptions { actor: system(), clock, dry_run: false }).unwrap();
    assert_eq!(report.changes(), 0);
    index.reopen();
    assert_eq!(index.state(), before);
    // Taken back, it is compared again.
    index.steward(asks(&index, "a/1", false, false));
    let both = index.registry().match_record(&record("x/1", ROBERT), 10).unwrap();
    assert_eq!(both.len(), 2);
    index.check();
}

#[test]
fn linking_by_hand_is_refused_while_the_person_asks_not_to_be_linked() {
    let index = Index::new();
    index.register("a/1", ROBERT);
    index.register("b/1", ALICE);
    index.steward(asks(&index, "a/1", false, true));
    let (robert, alice) = (index.enterprise_id("a/1"), index.enterprise_id("b/1"));
    for operation in [
        StewardOperation::LinkRecords { left: key("a/1"), right: key("b/1") },
        StewardOperation::MergePersons { surviving: robert, subsumed: alice },
        StewardOperation::MergePersons { surviving: alice, subsumed: robert },
        StewardOperation::MoveRecord { record: key("b/1"), person: robert },
        StewardOperation::MoveRecord { record: key("a/1"), person: alice },
    ] {
        let refused = index.refused(operation.clone());
        assert!(refused.contains("event 3 noted"), "{operation:?}: {refused}");
    }
    let refused = index.refused(asks(&index, "a/1", false, true));
    assert!(refused.contains("stands"), "{refused}");
    index.undo_event_of_last();
    index.steward(StewardOperation::LinkRecords { left: key("a/1"), right: key("b/1") });
    index.check();
}

#[test]
fn questions_about_others_are_settled_and_wait_again_when_the_wish_is_undone() {
    let index = Index::new();
    index.expect("a/1", ROBERT, New);
    let task = index.expect("b/1", SAMUEL, Review).tasks[0];
    let noted = index.steward(asks(&index, "a/1", false, true));
    assert_eq!(noted.event.tasks_closed(), [task]);
    assert_eq!(index.registry().stats().open_tasks, 0);
    index.undo(&noted);
    assert_eq!(index.registry().stats().open_tasks, 1);
    index.check();
}

#[test]
fn the_wish_stands_with_the_records_it_was_said_of() {
    let index = Index::new();
    index.register("a/1", ROBERT);
    index.register("b/1", ALICE);
    index.steward(asks(&index, "a/1", true, false));
    let not_shared = |record: &str| {
        let view = index.registry().person(index.enterprise_id(record)).unwrap();
        view.consent.not_shared
    };
    assert_eq!([not_shared("a/1"), not_shared("b/1")], [true, false]);
    let merged =
        index.steward(StewardOperation::LinkRecords { left: key("a/1"), right: key("b/1") });
    assert_eq!([not_shared("a/1"), not_shared("b/1")], [true, true]);
    // A record that joins the person later is bound by it, too.
    index.expect("c/1", ROBERT, Link);
    assert!(not_shared("c/1"));
    index.undo(&merged);
    assert_eq!([not_shared("a/1"), not_shared("b/1"), not_shared("c/1")], [true, false, true]);
    index.check();
}

#[test]
fn a_person_that_is_not_to_be_shared_is_shown_to_nobody_whose_role_does_not_say_so() {
    let index = Index::new();
    let with_number = |key: &str| SourceRecord {
        identifiers: vec![Identifier {
            authority: "plan".to_owned(),
            value: PatientText::new("A-55512"),
        }],
        ..record(key, ROBERT)
    };
    index.try_register(with_number("a/1"), None).unwrap();
    index.register("b/1", ROBERT);
    index.expect("b/2", SAMUEL, Review);
    let robert = index.enterprise_id("a/1");
    index.steward(asks(&index, "a/1", true, false));
    let number = Identifier { authority: "plan".to_owned(), value: PatientText::new("A-55512") };
    for role in Role::ALL {
        let sees = Operation::ViewRestricted.allows(role);
        let (_, asking) = as_role(&index, "ines", role);
        let is_refused =
            |error: RegistryError| matches!(error, RegistryError::Restricted(id) if id == robert);
        let is_shown = |answer: Result<(), RegistryError>| match answer {
            Ok(()) => true,
            Err(error) => !is_refused(error),
        };
        assert_eq!(is_shown(asking.person(robert).map(|_| ())), sees, "{role:?}");
        assert_eq!(is_shown(asking.record(&key("b/1")).map(|_| ())), sees, "{role:?}");
        // A source's own records are its own.
        let own = is_shown(asking.record(&key("a/1")).map(|_| ()));
        assert_eq!(own, sees || role == Role::Source, "{role:?}");
        for known in ["a/1", "b/1"] {
            let told = asking.record(&key(known)).ok();
            assert_eq!(asking.record_at_hand(&key(known)), told, "{role:?} {known}");
        }
        assert_eq!(is_shown(asking.task(TaskId(1)).map(|_| ())), sees, "{role:?}");
        let pair = asking.explain_pair(&key("b/1"), &key("b/2"));
        assert_eq!(is_shown(pair.map(|_| ())), sees, "{role:?}");
        assert_eq!(is_shown(asking.explain_task(TaskId(1)).map(|_| ())), sees, "{role:?}");
        let counts = [
            asking.match_record(&record("x/1", ROBERT), 10).unwrap().len(),
            asking.resolve_identifier(&number).unwrap().len(),
            asking.search("Robert Okafor", 10).unwrap().hits.len(),
            asking.search(&robert.to_string(), 10).unwrap().hits.len(),
            asking.tasks(&TaskQuery::open(10)).unwrap().tasks.len(),
        ];
        let is_in_lists = counts.map(|count| count > 0);
        // Samuel is found by what he shares with Robert.
        assert_eq!(is_in_lists[1..], [sees; 4], "{role:?} {counts:?}");
        let preview = asking.steward(Index::asked(asks(&index, "a/1", false, false)));
        assert_eq!(is_shown(preview.map(|_| ())), sees, "{role:?}");
    }
    // Whoever may not see a question is not given it, and cannot answer it.
    let (_, asking) = as_role(&index, "ines", Role::Steward);
    let steward = Actor { kind: ActorKind::Steward, name: "ines".to_owned() };
    let next = asking.claim_next(&TaskFilter::default(), &steward, 60_000);
    assert!(matches!(next, Err(RegistryError::NotFound(_))), "{next:?}");
    let answer = ReviewRequest::answer(ReviewOutcome::Same, steward);
    let answered = asking.review(TaskId(1), answer).unwrap_err();
    assert!(matches!(answered, RegistryError::Restricted(_)), "{answered}");
    // An emergency shows, and gives no leave to change anything.
    let glass = asking.break_glass(robert, "unconscious in the emergency room", 5).unwrap();
    assert!(asking.person(robert).is_ok() && asking.task(TaskId(1)).is_ok());
    let preview = asking.steward(Index::asked(asks(&index, "a/1", false, false)));
    let steward = Actor { kind: ActorKind::Steward, name: glass.by };
    let answer = ReviewRequest::answer(ReviewOutcome::Same, steward);
    for refused in [preview.map(|_| ()), asking.review(TaskId(1), answer).map(|_| ())] {
        assert!(matches!(refused, Err(RegistryError::Restricted(_))), "{refused:?}");
    }
}

#[test]
fn fields_are_shown_by_role_wherever_records_are() {
    let index = Index::new();
    index.register("a/1", ROBERT);
    index.register("b/1", ROBERT);
    index.expect("b/2", SAMUEL, Review);
    let robert = index.enterprise_id("a/1");
    let exposed = |text: &Option<PatientText>| text.as_ref().map(|it| it.expose().to_owned());
    for (role, own, other, golden) in [
        (Role::Steward, "457-12-9983", "457-12-9983", "457-12-9983"),
        (Role::Registrar, "9983", "9983", "9983"),
        (Role::Source, "457-12-9983", "9983", "9983"),
        (Role::Auditor, "9983", "9983", "9983"),
    ] {
        let (_, asking) = as_role(&index, "ines", role);
        let view = asking.person(robert).unwrap();
        let shown: Vec<_> =
            view.records.iter().map(|stored| exposed(&stored.record.ssn).unwrap()).collect();
        assert_eq!(shown, [own, other], "{role:?}");
        assert_eq!(exposed(&view.golden.record.ssn).unwrap(), golden, "{role:?}");
        let is_whole = role == Role::Steward;
        assert_eq!(view.withheld.contains(&GoldenField::Ssn), !is_whole, "{role:?}");
        let shown = asking.record(&key("b/1")).unwrap();
        assert_eq!(exposed(&shown.record.record.ssn).unwrap(), other, "{role:?}");
        assert_eq!(asking.record_at_hand(&key("b/1")), Some(shown), "{role:?}");
        let found = asking.match_record(&record("x/1", ROBERT), 1).unwrap();
        let weight = found[0].explanation.total;
        let rows = &found[0].explanation.rows;
        let ssn = rows.iter().find(|row| row.label == "ssn").unwrap();
        assert_eq!(ssn.right.is_some(), is_whole, "{role:?}");
        assert_eq!(
            weight,
            index.registry().match_record(&record("x/1", ROBERT), 1).unwrap()[0].explanation.total
        );
    }
    // An auditor sees who was looked at, and no address.
    let (_, asking) = as_role(&index, "ada", Role::Auditor);
    let task = asking.task(TaskId(1)).unwrap();
    assert!(task.candidate.record.record.addresses.is_empty());
    assert!(!task.candidate.record.record.names.is_empty());
}

#[test]
fn an_emergency_shows_one_person_for_a_short_time_and_is_looked_at_afterwards() {
    let clock = Arc::new(SteppingClock::default());
    let options = RegistryOptions { clock: Arc::clone(&clock) as Arc<dyn Clock>, ..options() };
    let mut index = Index::with(options);
    index.register("a/1", ROBERT);
    index.register("b/1", ALICE);
    let (robert, alice) = (index.enterprise_id("a/1"), index.enterprise_id("b/1"));
    for record in ["a/1", "b/1"] {
        index.steward(asks(&index, record, true, false));
    }
    let reason = "unconscious in the emergency room";
    {
        let (_, asking) = as_role(&index, "ines", Role::Registrar);
        for (reason, minutes, wrong) in [
            ("", 30, "reason"),
            (" ", 5, "reason"),
            (reason, 0, "minutes"),
            (reason, 31, "minutes"),
        ] {
            let refused = asking.break_glass(robert, reason, minutes).unwrap_err();
            assert!(refused.to_string().contains(wrong), "{refused}");
        }
        let glass = asking.break_glass(robert, reason, 30).unwrap();
        assert_eq!((glass.number, glass.by.as_str(), glass.person), (1, "ines", robert));
        // Stated again while it lasts, it is the same.
        assert_eq!(asking.break_glass(robert, reason, 30).unwrap(), glass);
        let (trail, asking) = as_role(&index, "ines", Role::Registrar);
        let view = asking.person(robert).unwrap();
        assert_eq!(view.emergency_until, Some(glass.until));
        index.registry().end(&trail, None).unwrap();
        assert!(asking.person(alice).is_err(), "one person only");
        let (_, another) = as_role(&index, "ana", Role::Registrar);
        assert!(another.person(robert).is_err(), "one caller only");
        let (_, lead) = as_role(&index, "lea", Role::LeadSteward);
        assert!(matches!(lead.break_glass(robert, reason, 5), Err(RegistryError::Conflict(_))));
    }
    // It outlasts a restart, and ends.
    index.reopen();
    let (_, asking) = as_role(&index, "ines", Role::Registrar);
    assert!(asking.person(robert).is_ok());
    clock.0.fetch_add(31 * 60_000, Ordering::Relaxed);
    assert!(asking.person(robert).is_err());
    drop(asking);
    review_it(&mut index);
    check_trail(&index, robert);
    index.check();
}

/// Somebody else looks at the emergency, once.
fn review_it(index: &mut Index) {
    assert_eq!(index.registry().glass_count(), (1, 1));
    let (_, herself) = as_role(index, "ines", Role::Auditor);
    assert!(matches!(herself.review_glass(1, true, "fine"), Err(RegistryError::Conflict(_))));
    let (_, auditor) = as_role(index, "ada", Role::Auditor);
    assert!(matches!(auditor.review_glass(2, true, "fine"), Err(RegistryError::NotFound(_))));
    assert!(matches!(auditor.review_glass(1, true, " "), Err(RegistryError::Invalid(_))));
    let reviewed = auditor.review_glass(1, false, "the patient was at the desk").unwrap();
    assert!(!reviewed.review.unwrap().is_justified);
    assert!(matches!(auditor.review_glass(1, true, "fine"), Err(RegistryError::Conflict(_))));
    assert_eq!(index.registry().glass_count(), (1, 0));
    drop((herself, auditor));
    index.reopen();
    let open: Vec<BrokenGlass> = index.registry().glass(true, 10);
    assert_eq!((open.len(), index.registry().glass(false, 10).len()), (0, 1));
}

/// The audit trail tells of the emergency, of what was shown for it, and of the review.
fn check_trail(index: &Index, robert: EnterpriseId) {
    let query = AuditQuery { person: Some(robert), limit: 100, ..AuditQuery::default() };
    let told: Vec<_> = index
        .registry()
        .audit(&query)
        .unwrap()
        .into_iter()
        .filter(|(_, entry)| entry.asked.asker.name == "ines" || entry.asked.asker.name == "ada")
        .map(|(_, entry)| (entry.asked.operation, entry.asked.asker.purpose, entry.outcome))
        .collect();
    assert_eq!(
        told,
        [
            (Operation::BreakGlass, Purpose::BreakGlass, AuditOutcome::Done),
            (Operation::ViewPersons, Purpose::BreakGlass, AuditOutcome::Done),
            (Operation::ReviewGlass, Purpose::Treatment, AuditOutcome::Done),
        ]
    );
}

#[test]
fn nobody_labels_pairs_of_somebody_whom_they_are_not_shown() {
    let index = Index::new();
    index.register("a/1", ROBERT);
    index.register("b/1", ROBERT);
    let actor = Actor { kind: ActorKind::Steward, name: "lea".to_owned() };
    index.registry().draw_sample(5, 7, actor).unwrap();
    assert_eq!(index.registry().wait_for_lab().failure, None);
    let waits = |role| {
        let (_, asking) = as_role(&index, "ines", role);
        asking.next_pair_to_label("ines", false).unwrap().is_some()
    };
    assert_eq!([Role::Steward, Role::LeadSteward].map(waits), [true, true]);
    index.steward(asks(&index, "a/1", true, false));
    assert_eq!([Role::Steward, Role::LeadSteward].map(waits), [false, true]);
}
