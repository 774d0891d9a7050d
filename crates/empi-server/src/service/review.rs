//! ReviewService: the review queue.

use empi_proto::v1;
use empi_proto::v1::review_service_server::ReviewService;
use tonic::{Request, Response, Status};

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
        let request = request.into_inner();
        let page_size = page_wanted(request.page_size, self.limits.page_size_max)?;
        // One more than asked for tells whether another page follows.
        let query = convert::task_query(request, page_size + 1)?;
        let mut tasks = self.door.call(move |registry| registry.tasks(&query)).await?;
        let is_last = tasks.len() <= page_size;
        tasks.truncate(page_size);
        let next_page_token = match tasks.last() {
            Some(last) if !is_last => last.id.to_string(),
            _ => String::new(),
        };
        let tasks = tasks.into_iter().map(convert::review_task).collect();
        Ok(Response::new(v1::ListTasksResponse { tasks, next_page_token }))
    }

    async fn get_task(
        &self,
        request: Request<v1::GetTaskRequest>,
    ) -> Result<Response<v1::GetTaskResponse>, Status> {
        let id = convert::task_id(request.get_ref().task_id)?;
        let view = self.door.call(move |registry| registry.task(id)).await?;
        Ok(Response::new(v1::GetTaskResponse { view: Some(convert::task_view(view)) }))
    }

    async fn claim_task(
        &self,
        request: Request<v1::ClaimTaskRequest>,
    ) -> Result<Response<v1::ClaimTaskResponse>, Status> {
        let (id, steward, lease_ms) = convert::claim(request.into_inner())?;
        let taken =
            self.door.call(move |registry| registry.claim_task(id, &steward, lease_ms)).await?;
        Ok(Response::new(convert::claimed(taken)))
    }

    async fn release_task(
        &self,
        request: Request<v1::ReleaseTaskRequest>,
    ) -> Result<Response<v1::ReleaseTaskResponse>, Status> {
        let v1::ReleaseTaskRequest { task_id, actor } = request.into_inner();
        let (id, steward) = (convert::task_id(task_id)?, convert::actor(actor)?);
        self.door.call(move |registry| registry.release_task(id, &steward)).await?;
        Ok(Response::new(v1::ReleaseTaskResponse {}))
    }

    async fn queue_stats(
        &self,
        _request: Request<v1::QueueStatsRequest>,
    ) -> Result<Response<v1::QueueStatsResponse>, Status> {
        let stats = self.door.call(|registry| Ok(registry.queue_stats())).await?;
        Ok(Response::new(convert::queue_stats(stats)))
    }

    async fn resolve_task(
        &self,
        request: Request<v1::ResolveTaskRequest>,
    ) -> Result<Response<v1::ResolveTaskResponse>, Status> {
        let (id, resolution) = convert::steward_resolution(request.into_inner())?;
        let view = self.door.call(move |registry| registry.resolve_task(id, resolution)).await?;
        Ok(Response::new(v1::ResolveTaskResponse { view: Some(convert::task_view(view)) }))
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
