//! The review queue at work: leases, order, figures.

use RegistrationDecision::{New, Review};
use empi_model::ReviewKind;

use super::*;
use crate::TaskFilter;

const MINUTES_15: u64 = 15 * 60 * 1000;

fn steward(name: &str) -> Actor {
    Actor { kind: ActorKind::Steward, name: name.to_owned() }
}

/// A duplicate of one source (task 1) and a held update (task 2).
fn queue(clock: &Arc<SteppingClock>) -> Index {
    let options = RegistryOptions { clock: Arc::clone(clock) as Arc<dyn Clock>, ..options() };
    let index = Index::with(options);
    index.expect("a/1", ROBERT, New);
    index.expect("a/2", SAMUEL, Review);
    index.expect("a/1", ALICE, Review);
    index
}

#[test]
fn what_endangers_a_patient_comes_first_and_nobody_gets_the_same() {
    let index = queue(&Arc::default());
    let registry = index.registry();
    let any = TaskFilter::default();
    let next = |name: &str| registry.claim_next(&any, &steward(name), MINUTES_15);
    assert_eq!(next("ana").unwrap().0.line.task.kind, ReviewKind::HeldUpdate);
    assert_eq!(next("ines").unwrap().0.line.task.kind, ReviewKind::SameSourceDuplicate);
    assert!(matches!(next("dana"), Err(RegistryError::NotFound(_))));
    let stats = registry.queue_stats();
    assert_eq!((stats.claimed, stats.oldest), (2, Some(TaskId(1))));
    assert_eq!((stats.kinds[0].kind, stats.kinds[0].open), (ReviewKind::HeldUpdate, 1));
}

#[test]
fn a_task_that_somebody_has_taken_is_theirs_while_the_lease_lasts() {
    let clock = Arc::new(SteppingClock::default());
    let index = queue(&clock);
    let registry = index.registry();
    let claim = |name: &str| registry.claim_task(TaskId(1), &steward(name), MINUTES_15);
    let (_, taken) = claim("ana").unwrap();
    assert_eq!(taken.steward, "ana");
    assert!(claim("ana").unwrap().1.until > taken.until, "the lease begins anew");
    // `try_resolve` answers as dana.
    for refused in [
        claim("ines").map(|_| ()),
        registry.release_task(TaskId(1), &steward("ines")),
        index.try_resolve(TaskId(1), ReviewOutcome::Same).map(|_| ()),
    ] {
        let error = refused.unwrap_err();
        assert!(error.to_string().contains("ana has taken review task 1"), "{error}");
    }
    registry.release_task(TaskId(1), &steward("ana")).unwrap();
    claim("ines").unwrap();
    clock.0.fetch_add(i64::try_from(MINUTES_15).unwrap(), Ordering::Relaxed);
    index.resolve(TaskId(1), ReviewOutcome::Different);
    let late = claim("ana");
    assert!(matches!(late, Err(RegistryError::Conflict(_))), "{late:?}");
    for lease in [0, 2 * 60 * 60 * 1000] {
        let refused = registry.claim_next(&TaskFilter::default(), &steward("ana"), lease);
        assert!(matches!(refused, Err(RegistryError::Invalid(_))));
    }
    index.check();
}
