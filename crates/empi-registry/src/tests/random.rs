//! Random sequences of use cases against a simple model of what must stay true.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;

/// Contents that link, nearly link or contradict one another.
const CONTENTS: [&str; 10] = [
    ROBERT,
    BOB,
    SPARSE_ROBERT,
    SAMUEL,
    NUMBERED_ROBERT,
    HOUSED_ROBERT,
    ALICE,
    MARRIED_ALICE,
    "Alice|Smith||1971-05-05|F||||",
    "Baby Girl|Okafor||2019-05-06|F||12 Elm St|02139|617-555-8123",
];

#[derive(Clone, Debug)]
enum Step {
    Register { record: u8, content: usize, with_request: bool },
    Retry(usize),
    Resolve { task: usize, is_same: bool },
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0_u8..7, 0..CONTENTS.len(), any::<bool>()).prop_map(
            |(record, content, with_request)| Step::Register { record, content, with_request }
        ),
        2 => any::<usize>().prop_map(Step::Retry),
        5 => (any::<usize>(), any::<bool>())
            .prop_map(|(task, is_same)| Step::Resolve { task, is_same }),
        1 => Just(Step::Reopen),
    ]
}

/// What the test itself remembers.
#[derive(Default)]
struct Remembered {
    /// Requests with their answers.
    requests: Vec<(String, SourceRecord, Registration)>,
    /// Every enterprise ID that was ever answered, with a record that it was answered for.
    given_out: HashMap<EnterpriseId, String>,
    /// Which content each record was answered to have, if its update was not held.
    contents: HashMap<String, usize>,
    /// Pairs of records that a steward kept apart.
    apart: HashSet<(String, String)>,
}

impl Remembered {
    fn register(&mut self, index: &Index, record: u8, content: usize, with_request: bool) {
        let key = format!("s{}/{record}", record % 3);
        let source = super::record(&key, CONTENTS[content]);
        let request_id = with_request.then(|| format!("r{}", self.requests.len()));
        let before = index.registry().stats();
        let answer = index.try_register(source.clone(), request_id.as_deref()).unwrap();
        let held = answer.decision == RegistrationDecision::Review
            && index.registry().record(&source.key).unwrap().record.record != source;
        if answer.decision == RegistrationDecision::Unchanged {
            assert_eq!(self.contents.get(&key), Some(&content));
            // Only the withdrawal of a held update is an event.
            let withdrawn = u64::from(answer.event.is_some());
            assert_eq!(index.registry().stats().events, before.events + withdrawn);
        } else if !held {
            self.contents.insert(key.clone(), content);
        }
        assert_eq!(index.enterprise_id(&key), answer.enterprise_id);
        if let Some(request_id) = request_id
            && answer.event.is_some()
        {
            self.requests.push((request_id, source, answer.clone()));
        }
        self.given_out.insert(answer.enterprise_id, key);
    }

    fn resolve(&mut self, index: &Index, task: usize, is_same: bool) {
        let open = index.open_tasks();
        if open.is_empty() {
            return;
        }
        let id = open[task % open.len()];
        let outcome = if is_same { ReviewOutcome::Same } else { ReviewOutcome::Different };
        let kind = index.registry().task(id).unwrap().task.kind;
        match index.try_resolve(id, outcome) {
            Ok(view) => {
                let key = |view: &crate::RecordView| {
                    let RecordKey { source, record_id } = view.record.record.key.clone();
                    format!("{source}/{record_id}")
                };
                let pair = (key(&view.incoming), key(&view.candidate));
                if kind == empi_model::ReviewKind::HeldUpdate {
                    let applied = view.incoming.record.record;
                    let content =
                        CONTENTS.iter().position(|line| super::record(&pair.0, line) == applied);
                    self.contents.insert(pair.0, content.unwrap());
                } else if is_same {
                    assert_eq!(view.incoming.enterprise_id, view.candidate.enterprise_id);
                } else {
                    self.apart.insert(pair);
                }
            }
            Err(RegistryError::Conflict(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }

    fn check(&self, index: &Index) {
        for (id, key) in &self.given_out {
            let view = index.registry().person(*id).unwrap();
            assert!(!view.records.is_empty(), "{key}");
        }
        for (one, other) in &self.apart {
            assert_ne!(index.enterprise_id(one), index.enterprise_id(other), "{}", index.state());
        }
        for (key, content) in &self.contents {
            let (source, record_id) = key.split_once('/').unwrap();
            let stored = index.registry().record(&RecordKey::new(source, record_id)).unwrap();
            assert_eq!(stored.record.record, super::record(key, CONTENTS[*content]));
        }
        let mut asked = HashSet::new();
        for task in index.open_tasks() {
            let view = index.registry().task(task).unwrap();
            if view.task.kind == empi_model::ReviewKind::HeldUpdate {
                assert!(view.proposed.is_some());
                continue;
            }
            let (one, other) = (view.incoming.enterprise_id, view.candidate.enterprise_id);
            assert_ne!(one, other, "an open task is not moot: {}", index.state());
            assert!(
                asked.insert((one.min(other), one.max(other))),
                "asked twice: {}",
                index.state()
            );
        }
        index.check();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn invariants_survive_any_sequence(steps in proptest::collection::vec(step(), 1..40)) {
        let mut index = Index::new();
        let mut remembered = Remembered::default();
        for step in steps {
            match step {
                Step::Register { record, content, with_request } => {
                    remembered.register(&index, record, content, with_request);
                }
                Step::Retry(at) => {
                    if !remembered.requests.is_empty() {
                        let at = at % remembered.requests.len();
                        let (request_id, source, answer) = remembered.requests[at].clone();
                        let again = index.try_register(source, Some(&request_id)).unwrap();
                        prop_assert_eq!(again, answer);
                    }
                }
                Step::Resolve { task, is_same } => remembered.resolve(&index, task, is_same),
                Step::Reopen => index.reopen(),
            }
        }
        remembered.check(&index);
        index.reopen();
        remembered.check(&index);
    }
}
