//! BulkRegister: a stream of registrations, answered in order.
//!
//! Two tasks share a bounded queue of registrations in work. The reader takes a place in the queue,
//! reads a request and starts its registration; the writer waits for the registrations in the order
//! of the queue and sends their answers. Many are in work at once, so the registry can commit them in
//! groups; none is answered before its time; and a caller who stops reading answers fills the queue,
//! which stops the reader. Those with the same record key run one after the other, in their order.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use empi_model::RecordKey;
use empi_proto::v1;
use empi_proto::v1::bulk_register_response::Outcome;
use empi_registry::{RegisterRequest, Registration};
use tokio::sync::{Mutex, OwnedMutexGuard, mpsc, watch};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

use crate::access::{Entry, Subject};
use crate::call_log::milliseconds;
use crate::config::GrpcConfig;
use crate::convert::{self, InvalidRequest};
use crate::door::Door;
use crate::status;

/// Answers that wait for the connection to take them. Small: the queue before it is the buffer.
const ANSWERS_WAITING_MAX: usize = 16;

type Answer = Result<v1::BulkRegisterResponse, Status>;

/// What a place in the queue holds.
enum Place {
    /// A registration in work.
    Registering(JoinHandle<Result<Registration, Status>>),
    /// A request that breaks the contract: answered in its turn, and the stream goes on.
    Refused(Status),
    /// The stream ends with this status.
    End(Status),
}

/// Starts the two tasks and gives the answers.
pub(super) fn answers(
    requests: Streaming<v1::BulkRegisterRequest>,
    (door, entry): (Door, Entry),
    limits: &GrpcConfig,
    closing: watch::Receiver<bool>,
) -> ReceiverStream<Answer> {
    let (queue, places) = mpsc::channel(limits.bulk_in_flight_max);
    let (sender, answers) = mpsc::channel(ANSWERS_WAITING_MAX);
    let starter = Starter { door, entry, keys_in_work: KeysInWork::default() };
    tokio::spawn(read_requests(requests, starter, queue, limits.bulk_idle_time_max(), closing));
    tokio::spawn(write_answers(places, sender));
    ReceiverStream::new(answers)
}

async fn read_requests(
    mut requests: Streaming<v1::BulkRegisterRequest>,
    mut starter: Starter,
    queue: mpsc::Sender<Place>,
    idle_time_max: Duration,
    mut closing: watch::Receiver<bool>,
) {
    // A place first, then the request: nothing is read that could not be queued. No place will come
    // when the writer is gone, because the caller is.
    while let Ok(place) = queue.reserve().await {
        let next = tokio::select! {
            biased;
            _ = closing.wait_for(|closing| *closing) => {
                place.send(Place::End(status::shutting_down()));
                return;
            }
            next = tokio::time::timeout(idle_time_max, requests.message()) => next,
        };
        match next {
            Ok(Ok(Some(request))) => place.send(starter.start(request).await),
            Ok(Ok(None)) => return,
            Ok(Err(broken)) => {
                place.send(Place::End(broken));
                return;
            }
            Err(_) => {
                place.send(Place::End(Status::deadline_exceeded(format!(
                    "no record came for {} ms, so the stream ends: all answers given are durable",
                    idle_time_max.as_millis()
                ))));
                return;
            }
        }
    }
}

/// Turns requests into registrations in work.
struct Starter {
    door: Door,
    entry: Entry,
    keys_in_work: KeysInWork,
}

impl Starter {
    async fn start(&mut self, request: v1::BulkRegisterRequest) -> Place {
        let mut request = match registration_of(request) {
            Ok(request) => request,
            Err(invalid) => return Place::Refused(invalid.into()),
        };
        let source = Subject::Source(&request.record.key.source);
        let permit = match self.entry.permit(&self.door, source) {
            Ok(permit) => permit,
            Err(denial) => return Place::Refused(denial.into()),
        };
        request.actor = permit.actor(request.actor);
        let turn = self.keys_in_work.turn_of(&request.record.key).await;
        let door = self.door.clone();
        Place::Registering(tokio::spawn(async move {
            let answer =
                door.call_of_stream(permit, move |registry| registry.register(request)).await;
            drop(turn);
            answer
        }))
    }
}

fn registration_of(request: v1::BulkRegisterRequest) -> Result<RegisterRequest, InvalidRequest> {
    request
        .registration
        .ok_or_else(|| InvalidRequest::new("`registration` is missing: fill it in"))
        .and_then(convert::register_request)
}

/// The record keys in work, so that two changes of one record keep their order.
#[derive(Default)]
struct KeysInWork(HashMap<RecordKey, Arc<Mutex<()>>>);

impl KeysInWork {
    /// Keys remembered before those no longer in work are forgotten.
    const REMEMBERED_MAX: usize = 1024;

    /// Waits until no earlier change of this record is in work.
    async fn turn_of(&mut self, key: &RecordKey) -> OwnedMutexGuard<()> {
        if self.0.len() >= Self::REMEMBERED_MAX {
            // The map's own handle is the last one when nobody holds or awaits the turn.
            self.0.retain(|_, turn| Arc::strong_count(turn) > 1);
        }
        Arc::clone(self.0.entry(key.clone()).or_default()).lock_owned().await
    }
}

async fn write_answers(mut places: mpsc::Receiver<Place>, sender: mpsc::Sender<Answer>) {
    let started = Instant::now();
    let (mut position, mut refused_count) = (0, 0_u64);
    let mut code = Code::Ok;
    while let Some(place) = places.recv().await {
        let outcome = match place {
            Place::Registering(running) => match running.await {
                Ok(outcome) => outcome,
                Err(_) => Err(Status::internal("the registration failed inside the server")),
            },
            Place::Refused(status) => Err(status),
            Place::End(status) => {
                code = status.code();
                // When the caller is gone too, there is nobody to tell.
                let _ = sender.send(Err(status)).await;
                break;
            }
        };
        refused_count += u64::from(outcome.is_err());
        if sender.send(Ok(answer(position, outcome))).await.is_err() {
            code = Code::Cancelled;
            break;
        }
        position += 1;
    }
    tracing::info!(
        method = "/empi.v1.RegistryService/BulkRegister",
        ?code,
        elapsed_ms = milliseconds(started.elapsed()),
        answered_count = position,
        refused_count,
        "stream"
    );
}

fn answer(position: u64, outcome: Result<Registration, Status>) -> v1::BulkRegisterResponse {
    let outcome = match outcome {
        Ok(registration) => Outcome::Registered(convert::registration(registration)),
        Err(status) => Outcome::Error(v1::RegistrationError {
            code: status.code().into(),
            message: status.message().to_owned(),
        }),
    };
    v1::BulkRegisterResponse { position, outcome: Some(outcome) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn changes_of_one_record_wait_for_each_other_and_others_do_not() {
        let mut keys = KeysInWork::default();
        let first = keys.turn_of(&RecordKey::new("a", "1")).await;
        let _other = keys.turn_of(&RecordKey::new("a", "2")).await;
        let waiting = RecordKey::new("a", "1");
        let second = tokio::time::timeout(Duration::from_millis(20), keys.turn_of(&waiting)).await;
        assert!(second.is_err());
        drop(first);
        keys.turn_of(&RecordKey::new("a", "1")).await;
    }

    #[tokio::test]
    async fn keys_are_forgotten_when_they_are_done() {
        let mut keys = KeysInWork::default();
        for number in 0..5 * KeysInWork::REMEMBERED_MAX {
            drop(keys.turn_of(&RecordKey::new("a", number.to_string())).await);
            assert!(keys.0.len() <= KeysInWork::REMEMBERED_MAX);
        }
    }

    #[test]
    fn a_refusal_is_an_answer() {
        let refused = answer(7, Err(Status::invalid_argument("why")));
        assert_eq!(refused.position, 7);
        let Some(Outcome::Error(error)) = refused.outcome else { unreachable!() };
        assert_eq!((error.code, error.message.as_str()), (3, "why"));
    }
}
