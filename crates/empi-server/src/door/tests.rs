//! Who waits at the door, what runs where, and what becomes of a call that fails.

use std::path::Path;
use std::sync::mpsc;

use tokio::task::JoinHandle;
use tonic::Code;

use super::*;
use crate::access::tests::permit;
use crate::tests::registry_in;

/// A call that runs until it is released.
fn held(door: &Door) -> (mpsc::Sender<()>, oneshot::Receiver<()>, JoinHandle<Result<(), Status>>) {
    let (release, released) = mpsc::channel::<()>();
    let (started, starting) = oneshot::channel();
    let door = door.clone();
    let running = tokio::spawn(async move {
        let work = move |_: &Registry| {
            started.send(()).unwrap();
            released.recv().unwrap();
            Ok(())
        };
        door.call(permit(), work).await
    });
    (release, starting, running)
}

/// A door with one thread, which a call has until it is released.
async fn busy(dir: &Path) -> (Door, mpsc::Sender<()>, JoinHandle<Result<(), Status>>) {
    let limits = GrpcConfig { threads_max: 1, ..GrpcConfig::default() };
    let door = Door::new(registry_in(dir), &limits);
    let (release, starting, running) = held(&door);
    starting.await.unwrap();
    (door, release, running)
}

#[tokio::test]
async fn more_calls_than_admitted_are_refused_at_once() {
    let dir = tempfile::tempdir().unwrap();
    // Three quarters of three places are for calls of one kind.
    let limits = GrpcConfig { calls_max: 3, threads_max: 1, ..GrpcConfig::default() };
    let door = Door::new(registry_in(dir.path()), &limits);
    let (release, starting, running) = held(&door);
    starting.await.unwrap();
    let second = door.clone();
    let waiting = tokio::spawn(async move { second.call(permit(), |_| Ok(())).await });
    while door.admission.running() < 2 {
        tokio::task::yield_now().await;
    }
    let refused = door.call(permit(), |_| Ok(())).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    release.send(()).unwrap();
    running.await.unwrap().unwrap();
    waiting.await.unwrap().unwrap();
    door.call(permit(), |_| Ok(())).await.unwrap();
}

#[tokio::test]
async fn what_is_looked_up_waits_for_no_thread_unless_the_disk_is_slow() {
    let dir = tempfile::tempdir().unwrap();
    let (door, release, running) = busy(dir.path()).await;
    let never = |_: &Registry| -> Result<u32, RegistryError> { panic!("it was at hand") };
    assert_eq!(door.look_up(permit(), |_| Some(7), never).await.unwrap(), 7);
    let read = |_: &Registry| Ok(8);
    assert_eq!(door.look_up(permit(), |_| None, read).await.unwrap(), 8);

    door.pace.note_slow_reads();
    let second = door.clone();
    let waiting = tokio::spawn(async move { second.look_up(permit(), |_| None, read).await });
    while door.admission.running() < 2 {
        tokio::task::yield_now().await;
    }
    assert!(!waiting.is_finished(), "the only thread is taken");
    release.send(()).unwrap();
    running.await.unwrap().unwrap();
    assert_eq!(waiting.await.unwrap().unwrap(), 8);
}

#[tokio::test]
async fn a_look_up_that_fails_inside_or_on_the_disk_says_so_wherever_it_ran() {
    let dir = tempfile::tempdir().unwrap();
    let door = Door::new(registry_in(dir.path()), &GrpcConfig::default());
    let broken = |_: &Registry| -> Option<u32> { panic!("the call fails inside") };
    let failed = door.look_up(permit(), broken, |_: &Registry| Ok(9)).await.unwrap_err();
    assert_eq!((failed.code(), door.admission.running()), (Code::Internal, 0));
    for _ in ["in place", "on a thread"] {
        let broken = |_: &Registry| -> Result<u32, RegistryError> { panic!("it fails inside") };
        let failed = door.look_up(permit(), |_| None, broken).await.unwrap_err();
        assert_eq!((failed.code(), door.admission.running()), (Code::Internal, 0));
        let poisoned = |_: &Registry| Err::<u32, _>(RegistryError::Poisoned);
        door.healthy.send_replace(true);
        let failed = door.look_up(permit(), |_| None, poisoned).await.unwrap_err();
        assert_eq!((failed.code(), *door.healthy().borrow()), (Code::Unavailable, false));
        door.pace.note_slow_reads();
    }
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_is_not_begun() {
    let dir = tempfile::tempdir().unwrap();
    let (door, release, running) = busy(dir.path()).await;
    let now = Instant::now();
    let late = door.admission.enter(permit().operation(), now, Some(now)).unwrap();
    let late = permit().with_place(Some(Arc::new(late)));
    let begun = |_: &Registry| -> Result<(), RegistryError> { panic!("nobody waits for it") };
    let (second, third) = (door.clone(), door.clone());
    let late = tokio::spawn(async move { second.call(late, begun).await });
    let gone = tokio::spawn(async move { third.call(permit(), begun).await });
    while door.admission.running() < 3 {
        tokio::task::yield_now().await;
    }
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    release.send(()).unwrap();
    running.await.unwrap().unwrap();
    assert_eq!(late.await.unwrap().unwrap_err().code(), Code::DeadlineExceeded);
    assert_eq!(door.admission.running(), 0);
}

#[tokio::test]
async fn a_failed_disk_makes_the_service_unhealthy() {
    let dir = tempfile::tempdir().unwrap();
    let door = Door::new(registry_in(dir.path()), &GrpcConfig::default());
    let healthy = door.healthy();
    door.call(permit(), |_| Ok(())).await.unwrap();
    assert!(*healthy.borrow());
    let failed = door.call(permit(), |_| Err::<(), _>(RegistryError::Poisoned)).await.unwrap_err();
    assert_eq!(failed.code(), Code::Unavailable);
    assert!(!*healthy.borrow());
}
