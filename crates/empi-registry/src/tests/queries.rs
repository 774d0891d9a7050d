//! Asking without changing.

use empi_model::{Guard, Identifier, MatchGrade, MatchWeight, ReviewKind};

use super::*;
use crate::TaskFilter;

#[test]
fn matching_answers_best_first_and_writes_nothing() {
    let index = Index::new();
    let robert = index.register("a/1", ROBERT).enterprise_id;
    index.register("b/1", BOB);
    let samuel = index.register("a/2", SAMUEL).enterprise_id;
    index.register("a/3", ALICE);
    let stats = index.registry().stats();
    let found = index.registry().match_record(&record("x/x", ROBERT), 10).unwrap();
    let summary: Vec<_> = found
        .iter()
        .map(|found| (found.enterprise_id, found.record.clone(), found.grade))
        .collect();
    let key = |record_id| RecordKey::new("a", record_id);
    assert_eq!(summary[0], (robert, key("1"), MatchGrade::Certain));
    assert_eq!(summary[1].0, samuel);
    assert_ne!(summary[1].2, MatchGrade::Certain);
    assert_eq!(summary.len(), 2);
    assert!(found[1].explanation.guards.contains(&Guard::PossibleTwins));
    for found in &found {
        let sum: MatchWeight = found.explanation.rows.iter().map(|row| row.weight).sum();
        assert!((sum - found.explanation.total).bits().abs() < 1e-9);
    }
    assert_eq!(index.registry().match_record(&record("x/x", ROBERT), 1).unwrap().len(), 1);
    // A record without a key is as good a question.
    let keyless = SourceRecord { key: RecordKey::default(), ..record("x/x", ROBERT) };
    assert_eq!(index.registry().match_record(&keyless, 10).unwrap(), found);
    assert_eq!(index.registry().stats(), stats);
}

#[test]
fn what_is_at_hand_is_what_a_lookup_tells() {
    let index = Index::new();
    index.register("a/1", ROBERT);
    index.register("b/1", BOB);
    index.register("b/1", &BOB.replace("7 Oak Ave", "8 Oak Ave"));
    for known in ["a/1", "b/1"] {
        let told = index.registry().record(&key(known)).unwrap();
        assert_eq!(index.registry().record_at_hand(&key(known)), Some(told));
    }
    assert_eq!(index.registry().record_at_hand(&key("a/2")), None, "nobody registered it");
}

#[test]
fn identifiers_resolve_to_persons() {
    let index = Index::new();
    let with = |key: &str, line: &str, authority: &str, value: &str| {
        let mut record = record(key, line);
        record.identifiers.push(Identifier { authority: authority.into(), value: value.into() });
        index.try_register(record, None).unwrap().enterprise_id
    };
    let robert = with("a/1", ROBERT, "PLAN", "AB-1234567");
    with("b/1", BOB, "PLAN", "ab1234567");
    let alice = with("a/2", ALICE, "PLAN", "AB-7654321");
    let resolve = |authority: &str, value: &str| {
        let identifier = Identifier { authority: authority.into(), value: value.into() };
        index
            .registry()
            .resolve_identifier(&identifier)
            .map(|views| views.iter().map(|view| view.person.enterprise_id).collect::<Vec<_>>())
    };
    assert_eq!(resolve("PLAN", "AB1234567").unwrap(), [robert]);
    assert_eq!(resolve("plan", "AB 7654321").unwrap(), [alice]);
    assert_eq!(resolve("OTHER", "AB1234567").unwrap(), []);
    assert!(matches!(resolve("PLAN", ""), Err(RegistryError::Invalid(_))));
    // One number given to two people answers with both, the older first.
    with("c/1", ALICE, "PLAN", "AB-1234567");
    assert_eq!(resolve("PLAN", "AB1234567").unwrap(), [robert, alice]);
}

#[test]
fn the_queue_comes_in_pages() {
    let index = Index::new();
    index.register("a/1", ROBERT);
    index.register("a/2", SAMUEL);
    index.register("a/3", SPARSE_ROBERT);
    let page = |include_resolved, after, limit| {
        let query = TaskQuery { include_resolved, after, ..TaskQuery::open(limit) };
        let page = index.registry().tasks(&query).unwrap();
        let ids = page.tasks.into_iter().map(|line| line.task.id.0).collect::<Vec<_>>();
        (ids, page.next)
    };
    let (all, none) = page(false, None, 100);
    assert!(all.len() >= 2 && none.is_none(), "{}", index.state());
    for include_resolved in [false, true] {
        let (first, next) = page(include_resolved, None, 1);
        let (rest, none) = page(include_resolved, next, 100);
        let mut both = [first, rest].concat();
        both.sort_unstable();
        let mut sorted = all.clone();
        sorted.sort_unstable();
        assert_eq!((both, none), (sorted, None));
    }
    index.resolve(TaskId(all[0]), ReviewOutcome::Different);
    assert!(!page(false, None, 100).0.contains(&all[0]));
    assert!(page(true, None, 100).0.is_sorted());
    assert!(page(true, None, 100).0.contains(&all[0]));
    assert!(matches!(index.registry().task(TaskId(99)), Err(RegistryError::NotFound(_))));
}

#[test]
fn the_queue_is_asked_for_by_kind_source_and_weight() {
    let index = Index::new();
    index.register("a/1", ROBERT);
    index.register("b/2", SAMUEL);
    index.register("c/3", SPARSE_ROBERT);
    let found = |query: &TaskQuery| -> Vec<empi_model::ReviewTask> {
        let page = index.registry().tasks(query).unwrap();
        page.tasks.into_iter().map(|line| line.task).collect()
    };
    let all = found(&TaskQuery::open(100));
    assert!(all.len() >= 2, "{}", index.state());
    let ids = |filter: TaskFilter| -> Vec<TaskId> {
        let query = TaskQuery { filter, ..TaskQuery::open(100) };
        found(&query).into_iter().map(|task| task.id).collect()
    };
    let page = TaskFilter::default;
    let due = |is_due: &dyn Fn(&empi_model::ReviewTask) -> bool| -> Vec<TaskId> {
        all.iter().filter(|task| is_due(task)).map(|task| task.id).collect()
    };
    for kind in ReviewKind::ALL {
        let query = TaskFilter { kinds: vec![kind], ..page() };
        assert_eq!(ids(query), due(&|task| task.kind == kind));
    }
    for (source, record) in [("a", 0), ("b", 1), ("c", 2)] {
        let query = TaskFilter { source: Some(source.to_owned()), ..page() };
        let is_named =
            |task: &empi_model::ReviewTask| task.incoming.0 == record || task.candidate.0 == record;
        assert_eq!(ids(query), due(&is_named), "{source}");
    }
    assert_eq!(ids(TaskFilter { source: Some("d".to_owned()), ..page() }), []);
    let middle = all[0].weight;
    let above = TaskFilter { weight_min: Some(middle), ..page() };
    assert_eq!(ids(above), due(&|task| task.weight >= middle));
    let below = TaskFilter { weight_max: Some(middle), ..page() };
    assert_eq!(ids(below), due(&|task| task.weight <= middle));
}

#[test]
fn a_task_shows_both_records_and_why() {
    let index = Index::new();
    let robert = index.register("a/1", ROBERT);
    let samuel = index.register("a/2", SAMUEL);
    let view = index.registry().task(samuel.tasks[0]).unwrap();
    assert_eq!(view.incoming.record.record, record("a/2", SAMUEL));
    assert_eq!(view.candidate.record.record, record("a/1", ROBERT));
    assert_eq!(view.candidate.enterprise_id, robert.enterprise_id);
    assert_eq!(view.incoming.enterprise_id, samuel.enterprise_id);
    assert_eq!(view.explanation.guards, view.line.task.guards);
    assert!(view.explanation.rows.iter().any(|row| row.label == "name"));
    assert_eq!(view.proposed, None);
    // After a merge the question shows one person.
    let merged = index.resolve(samuel.tasks[0], ReviewOutcome::Same);
    assert_eq!(merged.incoming.enterprise_id, merged.candidate.enterprise_id);
}

#[test]
fn figures_add_up() {
    let mut index = Index::new();
    index.register("a/1", ROBERT);
    let samuel = index.register("a/2", SAMUEL);
    index.register("a/3", ALICE);
    index.resolve(samuel.tasks[0], ReviewOutcome::Same);
    for _ in 0..2 {
        let stats = index.registry().stats();
        assert_eq!((stats.records, stats.persons, stats.redirects), (3, 2, 1));
        assert_eq!((stats.open_tasks, stats.events), (0, 4));
        index.reopen();
    }
    assert_eq!(index.registry().model_name(), "us-default/1");
}

#[test]
fn a_registry_is_shared_between_threads() {
    fn is_shared<T: Send + Sync + 'static>() {}
    is_shared::<Registry>();
    is_shared::<RegistryError>();
}
