//! AuditService: reading and checking the audit trail.

use empi_model::{AuditEntry, AuditHead, SourceRecord, TaskId, Timestamp};
use empi_proto::v1;
use empi_proto::v1::audit_service_server::AuditService;
use empi_registry::{AuditQuery, EarlierContent, Registry};
use tonic::{Request, Response, Status};

use super::review::page_wanted;
use crate::access::{Entry, Permit, Subject};
use crate::audit::{digits, read_hash};
use crate::config::GrpcConfig;
use crate::convert::{self, InvalidRequest};
use crate::door::Door;

/// Entries that a caller gets who names no number.
const ENTRIES_DEFAULT: usize = 100;

/// Most heads that one walk is compared with.
const HEADS_MAX: usize = 100_000;

pub(crate) struct AuditCalls {
    pub(crate) door: Door,
    pub(crate) limits: GrpcConfig,
}

#[tonic::async_trait]
impl AuditService for AuditCalls {
    async fn list_audit(
        &self,
        request: Request<v1::ListAuditRequest>,
    ) -> Result<Response<v1::ListAuditResponse>, Status> {
        let permit = permit(&self.door, &request)?;
        let asked = request.into_inner();
        let person = match asked.enterprise_id.as_str() {
            "" => None,
            id => Some(convert::enterprise_id(id)?),
        };
        let query = AuditQuery {
            person,
            name: (!asked.name.is_empty()).then_some(asked.name),
            from: asked.from_sequence,
            since: asked.since.map(moment),
            before: asked.before.map(moment),
            limit: match asked.page_size {
                0 => ENTRIES_DEFAULT.min(self.limits.page_size_max),
                size => page_wanted(size, self.limits.page_size_max)?,
            },
        };
        let entries = self.door.call(permit, move |registry| registry.audit(&query)).await?;
        let entries = entries.iter().map(|(number, entry)| told(*number, entry)).collect();
        Ok(Response::new(v1::ListAuditResponse { entries }))
    }

    async fn export_person(
        &self,
        request: Request<v1::ExportPersonRequest>,
    ) -> Result<Response<v1::ExportPersonResponse>, Status> {
        let permit = permit(&self.door, &request)?;
        let asked = convert::enterprise_id(&request.get_ref().enterprise_id)?;
        let dossier = self.door.call(permit, move |registry| registry.dossier(asked)).await?;
        let record = |record| Some(convert::source_record_to_proto(record));
        let earlier = |earlier: EarlierContent| v1::EarlierContent {
            until_sequence: earlier.until.0,
            record: record(earlier.content),
        };
        let update = |(task, update): (TaskId, SourceRecord)| v1::WaitingUpdate {
            task_id: task.0,
            record: record(update),
        };
        Ok(Response::new(v1::ExportPersonResponse {
            golden: Some(convert::golden(dossier.view.golden.clone())),
            person: Some(convert::person(dossier.view)),
            enterprise_ids: dossier.enterprise_ids.iter().map(ToString::to_string).collect(),
            earlier: dossier.earlier.into_iter().map(earlier).collect(),
            events: dossier.events.into_iter().map(convert::event).collect(),
            tasks: dossier.tasks.into_iter().map(convert::review_task).collect(),
            updates: dossier.held.into_iter().map(update).collect(),
            audit: dossier.audit.iter().map(|(number, entry)| told(*number, entry)).collect(),
            cut: dossier.is_cut,
        }))
    }

    async fn get_audit_head(
        &self,
        request: Request<v1::GetAuditHeadRequest>,
    ) -> Result<Response<v1::GetAuditHeadResponse>, Status> {
        let permit = permit(&self.door, &request)?;
        let head = self.door.call(permit, Registry::audit_head).await?;
        Ok(Response::new(v1::GetAuditHeadResponse { head: Some(head_told(head)) }))
    }

    async fn verify_audit(
        &self,
        request: Request<v1::VerifyAuditRequest>,
    ) -> Result<Response<v1::VerifyAuditResponse>, Status> {
        let permit = permit(&self.door, &request)?;
        let heads = request.into_inner().heads;
        if heads.len() > HEADS_MAX {
            let sentence = format!("there are {} heads and may be {HEADS_MAX}", heads.len());
            return Err(InvalidRequest::new(sentence).into());
        }
        let head = |head: v1::AuditHead| {
            let hash = read_hash(&head.hash)?;
            Some(AuditHead { sequence: head.sequence, hash })
        };
        let heads: Option<Vec<AuditHead>> = heads.into_iter().map(head).collect();
        let heads = heads
            .ok_or_else(|| InvalidRequest::new("`heads.hash` must be 64 hexadecimal digits"))?;
        let walking = move |registry: &Registry| registry.verify_audit(&heads);
        let report = self.door.call(permit, walking).await?;
        Ok(Response::new(v1::VerifyAuditResponse {
            entries: report.entries,
            head: Some(head_told(report.head)),
            heads: report.heads,
            problems: report.problems.iter().map(ToString::to_string).collect(),
            problem_count: report.problem_count,
        }))
    }
}

fn permit<T>(door: &Door, request: &Request<T>) -> Result<Permit, Status> {
    Ok(Entry::of(request.extensions())?.permit(door, Subject::Index)?)
}

fn moment(time: empi_proto::Timestamp) -> Timestamp {
    let millis = i64::from(time.nanos / 1_000_000);
    Timestamp(time.seconds.saturating_mul(1000).saturating_add(millis))
}

pub(super) fn head_told(head: AuditHead) -> v1::AuditHead {
    v1::AuditHead { sequence: head.sequence, hash: digits(&head.hash) }
}

fn told(sequence: u64, entry: &AuditEntry) -> v1::AuditEntry {
    let asker = &entry.asked.asker;
    v1::AuditEntry {
        sequence,
        time: Some(super::accounts::time(entry.time)),
        name: asker.name.clone(),
        interface: asker.interface.as_str().to_owned(),
        address: asker.address.map(|address| address.to_string()).unwrap_or_default(),
        purpose: asker.purpose.code().to_owned(),
        reason: asker.reason.clone(),
        operation: entry.asked.operation.as_str().to_owned(),
        outcome: entry.outcome.as_str().to_owned(),
        event: entry.event.map_or(0, |event| event.0),
        enterprise_ids: entry.persons.iter().map(ToString::to_string).collect(),
        persons_total: entry.persons_total,
        times: entry.times,
    }
}
