//! AdminService: looking after a running index.

use empi_proto::v1;
use empi_proto::v1::admin_service_server::AdminService;
use tonic::{Request, Response, Status};

use crate::door::Door;

pub(crate) struct Admin {
    pub(crate) door: Door,
}

#[tonic::async_trait]
impl AdminService for Admin {
    async fn stats(
        &self,
        _request: Request<v1::StatsRequest>,
    ) -> Result<Response<v1::StatsResponse>, Status> {
        let answer = self
            .door
            .call(|registry| {
                let stats = registry.stats();
                Ok(v1::StatsResponse {
                    records: stats.records,
                    persons: stats.persons,
                    redirects: stats.redirects,
                    open_tasks: stats.open_tasks,
                    events: stats.events,
                    model: registry.model_name().to_owned(),
                })
            })
            .await?;
        Ok(Response::new(answer))
    }
}
