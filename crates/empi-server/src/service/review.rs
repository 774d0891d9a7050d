//! ReviewService: the review queue.

use empi_model::TaskId;
use empi_proto::v1;
use empi_proto::v1::review_service_server::ReviewService;
use empi_registry::{Registry, ReviewRequest};
use tonic::{Request, Response, Status};

use crate::access::{Entry, Permit, Subject};
use crate::config::GrpcConfig;
use crate::convert::{self, InvalidRequest};
use crate::door::Door;

/// The page that a caller gets who names no size.
const PAGE_SIZE_DEFAULT: usize = 50;

pub(crate) struct ReviewCalls {
    pub(crate) door: Door,
    pub(crate) limits: GrpcConfig,
}

#[tonic::async_trait]
impl ReviewService for ReviewCalls {
    async fn list_tasks(
        &self,
        request: Request<v1::ListTasksRequest>,
    ) -> Result<Response<v1::ListTasksResponse>, Status> {
        let permit = self.permit(&request)?;
        let request = request.into_inner();
        let page_size = page_wanted(request.page_size, self.limits.page_size_max)?;
        let query = convert::task_query(request, page_size)?;
        let page = self.door.call(permit, move |registry| registry.tasks(&query)).await?;
        let next_page_token = page.next.map(|place| place.to_string()).unwrap_or_default();
        let tasks = page.tasks.into_iter().map(convert::review_task).collect();
        Ok(Response::new(v1::ListTasksResponse { tasks, next_page_token }))
    }

    async fn get_task(
        &self,
        request: Request<v1::GetTaskRequest>,
    ) -> Result<Response<v1::GetTaskResponse>, Status> {
        let permit = self.permit(&request)?;
        let id = convert::task_id(request.get_ref().task_id)?;
        let view = self.door.call(permit, move |registry| registry.task(id)).await?;
        Ok(Response::new(v1::GetTaskResponse { view: Some(convert::task_view(view)) }))
    }

    async fn claim_task(
        &self,
        request: Request<v1::ClaimTaskRequest>,
    ) -> Result<Response<v1::ClaimTaskResponse>, Status> {
        let permit = self.permit(&request)?;
        let convert::Claiming { task, filter, steward, lease_ms } =
            convert::claim(request.into_inner())?;
        let steward = permit.actor(steward);
        let take = move |registry: &Registry| match task {
            Some(id) => registry.claim_task(id, &steward, lease_ms),
            None => registry.claim_next(&filter, &steward, lease_ms),
        };
        let taken = self.door.call(permit, take).await?;
        Ok(Response::new(convert::claimed(taken)))
    }

    async fn release_task(
        &self,
        request: Request<v1::ReleaseTaskRequest>,
    ) -> Result<Response<v1::ReleaseTaskResponse>, Status> {
        let permit = self.permit(&request)?;
        let v1::ReleaseTaskRequest { task_id, actor } = request.into_inner();
        let (id, steward) = (convert::task_id(task_id)?, permit.actor(convert::actor(actor)?));
        self.door.call(permit, move |registry| registry.release_task(id, &steward)).await?;
        Ok(Response::new(v1::ReleaseTaskResponse {}))
    }

    async fn queue_stats(
        &self,
        request: Request<v1::QueueStatsRequest>,
    ) -> Result<Response<v1::QueueStatsResponse>, Status> {
        let permit = self.permit(&request)?;
        let stats = self.door.call(permit, |registry| Ok(registry.queue_stats())).await?;
        Ok(Response::new(convert::queue_stats(stats)))
    }

    async fn resolve_task(
        &self,
        request: Request<v1::ResolveTaskRequest>,
    ) -> Result<Response<v1::ResolveTaskResponse>, Status> {
        let permit = self.permit(&request)?;
        let (id, answer) = convert::resolve_task(request.into_inner())?;
        let view = Some(self.review(permit, id, answer).await?);
        Ok(Response::new(v1::ResolveTaskResponse { view }))
    }

    async fn resolve_tasks(
        &self,
        request: Request<v1::ResolveTasksRequest>,
    ) -> Result<Response<v1::ResolveTasksResponse>, Status> {
        let permit = self.permit(&request)?;
        let (ids, mut answer) = convert::resolve_tasks(request.into_inner())?;
        answer.actor = permit.actor(answer.actor);
        answer.is_lead = permit.is_lead(answer.is_lead);
        let answers =
            self.door.call(permit, move |registry| registry.review_all(&ids, &answer)).await?;
        Ok(Response::new(convert::task_answers(answers)))
    }

    async fn snooze_task(
        &self,
        request: Request<v1::SnoozeTaskRequest>,
    ) -> Result<Response<v1::SnoozeTaskResponse>, Status> {
        let permit = self.permit(&request)?;
        let (id, step) = convert::snooze_task(request.into_inner())?;
        let view = Some(self.review(permit, id, step).await?);
        Ok(Response::new(v1::SnoozeTaskResponse { view }))
    }

    async fn ask_source(
        &self,
        request: Request<v1::AskSourceRequest>,
    ) -> Result<Response<v1::AskSourceResponse>, Status> {
        let permit = self.permit(&request)?;
        let (id, step) = convert::ask_source(request.into_inner())?;
        let view = Some(self.review(permit, id, step).await?);
        Ok(Response::new(v1::AskSourceResponse { view }))
    }

    async fn escalate_task(
        &self,
        request: Request<v1::EscalateTaskRequest>,
    ) -> Result<Response<v1::EscalateTaskResponse>, Status> {
        let permit = self.permit(&request)?;
        let (id, step) = convert::escalate_task(request.into_inner())?;
        let view = Some(self.review(permit, id, step).await?);
        Ok(Response::new(v1::EscalateTaskResponse { view }))
    }

    async fn assign_task(
        &self,
        request: Request<v1::AssignTaskRequest>,
    ) -> Result<Response<v1::AssignTaskResponse>, Status> {
        let permit = self.permit(&request)?;
        let (id, step) = convert::assign_task(request.into_inner())?;
        let view = Some(self.review(permit, id, step).await?);
        Ok(Response::new(v1::AssignTaskResponse { view }))
    }
}

impl ReviewCalls {
    /// Leave for what a request asks: tasks are about persons, which cross domains.
    fn permit<T>(&self, request: &Request<T>) -> Result<Permit, Status> {
        Ok(Entry::of(request.extensions())?.permit(&self.door, Subject::Index)?)
    }

    /// A step of a steward, and the task as it stands after it.
    async fn review(
        &self,
        permit: Permit,
        id: TaskId,
        mut step: ReviewRequest,
    ) -> Result<v1::TaskView, Status> {
        step.actor = permit.actor(step.actor);
        step.is_lead = permit.is_lead(step.is_lead);
        let view = self.door.call(permit, move |registry| registry.review(id, step)).await?;
        Ok(convert::task_view(view))
    }
}

pub(super) fn page_wanted(asked: u32, max: usize) -> Result<usize, InvalidRequest> {
    match asked as usize {
        0 => Ok(PAGE_SIZE_DEFAULT.min(max)),
        asked if asked <= max => Ok(asked),
        asked => {
            Err(InvalidRequest::new(format!("`page_size` is {asked} and may be at most {max}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_default_and_a_limit() {
        assert_eq!(page_wanted(0, 500), Ok(50));
        assert_eq!(page_wanted(0, 20), Ok(20));
        assert_eq!(page_wanted(500, 500), Ok(500));
        assert!(page_wanted(501, 500).is_err());
    }
}
