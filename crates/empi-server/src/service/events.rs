//! EventService: the feed of changes, from disk and then as they come.
//!
//! A watcher is one task that reads pages of events, sends them one by one, and waits to hear of more when
//! it has sent all there are. It keeps nothing but one page: a caller who reads slowly makes it wait, and
//! one who does not read at all loses the stream after a time limit.

use std::sync::Arc;
use std::time::Duration;

use empi_model::EventSequence;
use empi_proto::v1;
use empi_proto::v1::event_service_server::EventService;
use empi_registry::Registry;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::access::{Entry, Permit, Subject};
use crate::call_log::CallNotes;
use crate::config::GrpcConfig;
use crate::convert;
use crate::door::Door;
use crate::status;

/// Events that are read from disk at a time.
const PAGE_EVENTS: usize = 256;

/// Events that wait for the connection to take them.
const EVENTS_WAITING_MAX: usize = 16;

pub(crate) struct EventCalls {
    door: Door,
    watchers: Arc<Semaphore>,
    stall_time_max: Duration,
    closing: watch::Receiver<bool>,
}

impl EventCalls {
    pub(crate) fn new(door: Door, limits: &GrpcConfig, closing: watch::Receiver<bool>) -> Self {
        Self {
            door,
            watchers: Arc::new(Semaphore::new(limits.watchers_max)),
            stall_time_max: limits.watch_stall_time_max(),
            closing,
        }
    }
}

type Told = Result<v1::WatchEventsResponse, Status>;

#[tonic::async_trait]
impl EventService for EventCalls {
    async fn get_event(
        &self,
        request: Request<v1::GetEventRequest>,
    ) -> Result<Response<v1::GetEventResponse>, Status> {
        let permit = Entry::of(request.extensions())?.permit(&self.door, Subject::Index)?;
        let sequence = convert::event_sequence(request.into_inner().sequence)?;
        let view = self.door.call(permit, move |registry| registry.event(sequence)).await?;
        Ok(Response::new(v1::GetEventResponse { event: Some(convert::event(view)) }))
    }

    async fn explain_event(
        &self,
        request: Request<v1::ExplainEventRequest>,
    ) -> Result<Response<v1::ExplainEventResponse>, Status> {
        let permit = Entry::of(request.extensions())?.permit(&self.door, Subject::Index)?;
        let sequence = convert::event_sequence(request.into_inner().sequence)?;
        let past = self.door.call(permit, move |registry| registry.explain_event(sequence)).await?;
        Ok(Response::new(convert::past_event(past)))
    }

    type WatchEventsStream = ReceiverStream<Told>;

    async fn watch_events(
        &self,
        request: Request<v1::WatchEventsRequest>,
    ) -> Result<Response<Self::WatchEventsStream>, Status> {
        CallNotes::of(request.extensions()).is_stream();
        let permit = Entry::of(request.extensions())?.permit(&self.door, Subject::Index)?;
        let v1::WatchEventsRequest { from_sequence, until_now } = request.into_inner();
        let place = Arc::clone(&self.watchers).try_acquire_owned().map_err(|_| {
            status::busy("as many callers watch events as the server can take: come again later")
        })?;
        let (sender, told) = mpsc::channel(EVENTS_WAITING_MAX);
        let watcher = Watcher {
            door: self.door.clone(),
            permit,
            next: EventSequence(from_sequence.max(1)),
            until_now,
            stall_time_max: self.stall_time_max,
            sender,
            _place: place,
        };
        tokio::spawn(watcher.run(self.door.last_event(), self.closing.clone()));
        Ok(Response::new(ReceiverStream::new(told)))
    }
}

/// One caller who watches.
struct Watcher {
    door: Door,
    permit: Permit,
    next: EventSequence,
    until_now: bool,
    stall_time_max: Duration,
    sender: mpsc::Sender<Told>,
    _place: OwnedSemaphorePermit,
}

/// The caller has gone, or is told that the stream ends.
struct Ended;

impl Watcher {
    async fn run(
        mut self,
        mut last_event: watch::Receiver<EventSequence>,
        mut closing: watch::Receiver<bool>,
    ) {
        loop {
            if self.tell_all().await.is_err() || self.until_now {
                return;
            }
            let next = self.next;
            let goes_on = tokio::select! {
                biased;
                _ = closing.wait_for(|closing| *closing) => false,
                () = self.sender.closed() => return,
                heard = last_event.wait_for(|last| *last >= next) => heard.is_ok(),
            };
            if !goes_on {
                return self.end(status::shutting_down()).await;
            }
        }
    }

    /// Tells what is durable, page by page.
    async fn tell_all(&mut self) -> Result<(), Ended> {
        loop {
            let from = self.next;
            let reading = move |registry: &Registry| registry.events(from, PAGE_EVENTS);
            let read = self.door.call_of_stream(self.permit.clone(), reading);
            let page = match read.await {
                Ok(page) => page,
                Err(status) => {
                    self.end(status).await;
                    return Err(Ended);
                }
            };
            let is_last = page.len() < PAGE_EVENTS;
            for view in page {
                self.next = EventSequence(view.event.sequence.0 + 1);
                self.tell(convert::event(view)).await?;
            }
            if is_last {
                return Ok(());
            }
        }
    }

    async fn tell(&mut self, event: v1::Event) -> Result<(), Ended> {
        let told = Ok(v1::WatchEventsResponse { event: Some(event) });
        match tokio::time::timeout(self.stall_time_max, self.sender.send(told)).await {
            Ok(sent) => sent.map_err(|_| Ended),
            Err(_) => {
                let status = status::busy(format!(
                    "no event was read for {} ms, so the stream ends: watch again from the number \
                     behind the last one read",
                    self.stall_time_max.as_millis()
                ));
                self.end(status).await;
                Err(Ended)
            }
        }
    }

    /// The last word. It waits until the caller reads on or goes; what waits is this one status.
    async fn end(&self, status: Status) {
        let _ = self.sender.send(Err(status)).await;
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;
    use crate::tests::registry_in;

    #[tokio::test(start_paused = true)]
    async fn a_watcher_that_reads_nothing_loses_its_stream_and_is_told_why() {
        let dir = tempfile::tempdir().unwrap();
        let door = Door::new(registry_in(dir.path()), &GrpcConfig::default());
        let places = Arc::new(Semaphore::new(1));
        let (sender, mut told) = mpsc::channel(1);
        let mut watcher = Watcher {
            door,
            permit: crate::access::tests::permit(),
            next: EventSequence(1),
            until_now: false,
            stall_time_max: Duration::from_millis(250),
            sender,
            _place: Arc::clone(&places).try_acquire_owned().unwrap(),
        };
        assert!(watcher.tell(v1::Event { sequence: 1, ..v1::Event::default() }).await.is_ok());
        // The channel is full, and nobody reads.
        let stalled = tokio::spawn(async move {
            watcher.tell(v1::Event { sequence: 2, ..v1::Event::default() }).await.is_err()
        });
        // Time is virtual here: it goes on once everybody waits.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let first = told.recv().await.unwrap().unwrap().event.unwrap();
        assert_eq!(first.sequence, 1);
        let last = told.recv().await.unwrap().map(|_| ()).unwrap_err();
        assert_eq!(last.code(), Code::ResourceExhausted);
        assert!(last.message().contains("250 ms"), "{}", last.message());
        assert!(stalled.await.unwrap());
        assert_eq!(places.available_permits(), 1, "its place is free again");
    }
}
