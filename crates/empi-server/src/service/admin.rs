//! AdminService: looking after a running index.

use empi_proto::v1;
use empi_proto::v1::admin_service_server::AdminService;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::access::{Entry, Subject};
use crate::call_log::CallNotes;
use crate::door::Door;

/// Answers that wait for the connection to take them.
const ANSWERS_WAITING_MAX: usize = 4;

pub(crate) struct Admin {
    pub(crate) door: Door,
}

#[tonic::async_trait]
impl AdminService for Admin {
    async fn stats(
        &self,
        request: Request<v1::StatsRequest>,
    ) -> Result<Response<v1::StatsResponse>, Status> {
        let permit = Entry::of(request.extensions())?.permit(&self.door, Subject::Index)?;
        let answer = self
            .door
            .call(permit, |registry| {
                let stats = registry.stats();
                Ok(v1::StatsResponse {
                    records: stats.records,
                    persons: stats.persons,
                    redirects: stats.redirects,
                    open_tasks: stats.open_tasks,
                    events: stats.events,
                    model: registry.model_name(),
                })
            })
            .await?;
        Ok(Response::new(answer))
    }

    type BackupStream = ReceiverStream<Result<v1::BackupResponse, Status>>;

    /// A backup goes on to its end when its caller has gone: it is whole or it is not there.
    async fn backup(
        &self,
        request: Request<v1::BackupRequest>,
    ) -> Result<Response<Self::BackupStream>, Status> {
        CallNotes::of(request.extensions()).is_stream();
        let permit = Entry::of(request.extensions())?.permit(&self.door, Subject::Index)?;
        let name = request.into_inner().name;
        let (sender, answers) = mpsc::channel(ANSWERS_WAITING_MAX);
        let door = self.door.clone();
        tokio::spawn(async move {
            let progress = sender.clone();
            let made = door
                .call(permit, move |registry| {
                    registry.backup(&name, &|bytes_done, bytes_total| {
                        let told = v1::BackupResponse { bytes_done, bytes_total, report: None };
                        // Progress is left out where it comes faster than the caller reads.
                        let _ = progress.try_send(Ok(told));
                    })
                })
                .await;
            let answer = made.map(|(place, report)| {
                tracing::info!(bytes = report.bytes, "a backup was made");
                let report = v1::BackupReport {
                    directory: place.display().to_string(),
                    records: report.counters.records.into(),
                    last_event: report.counters.events,
                    files: report.files,
                    bytes: report.bytes,
                };
                let bytes = report.bytes;
                v1::BackupResponse { bytes_done: bytes, bytes_total: bytes, report: Some(report) }
            });
            // Nobody to tell: the backup is there all the same.
            let _ = sender.send(answer).await;
        });
        Ok(Response::new(ReceiverStream::new(answers)))
    }

    async fn rotate_key(
        &self,
        request: Request<v1::RotateKeyRequest>,
    ) -> Result<Response<v1::RotateKeyResponse>, Status> {
        let permit = Entry::of(request.extensions())?.permit(&self.door, Subject::Index)?;
        let fingerprint = self.door.call(permit, empi_registry::Registry::rotate_key).await?;
        tracing::info!(%fingerprint, "another master key opens the index from now on");
        Ok(Response::new(v1::RotateKeyResponse { fingerprint: fingerprint.to_string() }))
    }

    type VerifyStream = ReceiverStream<Result<v1::VerifyResponse, Status>>;

    async fn verify(
        &self,
        request: Request<v1::VerifyRequest>,
    ) -> Result<Response<Self::VerifyStream>, Status> {
        CallNotes::of(request.extensions()).is_stream();
        let permit = Entry::of(request.extensions())?.permit(&self.door, Subject::Index)?;
        let (sender, answers) = mpsc::channel(1);
        let door = self.door.clone();
        tokio::spawn(async move {
            let verified = door.call(permit, empi_registry::Registry::verify).await;
            let answer = verified.map(|report| v1::VerifyResponse {
                records: report.records,
                blocking_keys: report.keys,
                persons: report.persons,
                tasks: report.tasks,
                events: report.events,
                problems: report.problems,
                problem_count: report.problem_count,
            });
            // A caller that has gone does not want to know any more.
            let _ = sender.send(answer).await;
        });
        Ok(Response::new(ReceiverStream::new(answers)))
    }
}
