//! OversightService: what one person alone does not decide.

use empi_model::{Actor, EventKind, ProposalAnswer, ProposalState};
use empi_proto::v1;
use empi_proto::v1::oversight_service_server::OversightService;
use empi_registry::Registry;
use tonic::{Request, Response, Status};

use crate::access::{Entry, Permit, Subject};
use crate::convert;
use crate::door::Door;

pub(crate) struct OversightCalls {
    pub(crate) door: Door,
}

type Decided = Result<Response<v1::DecideProposalResponse>, Status>;

#[tonic::async_trait]
impl OversightService for OversightCalls {
    async fn list_proposals(
        &self,
        request: Request<v1::ListProposalsRequest>,
    ) -> Result<Response<v1::ListProposalsResponse>, Status> {
        let permit = self.permit(&request)?;
        let waiting = request.get_ref().waiting;
        let views = self.door.call(permit, Registry::proposals).await?;
        let wanted = views.iter().filter(|it| !waiting || it.state == ProposalState::Waiting);
        let proposals = wanted.map(convert::proposal).collect();
        Ok(Response::new(v1::ListProposalsResponse { proposals }))
    }

    async fn get_proposal(
        &self,
        request: Request<v1::GetProposalRequest>,
    ) -> Result<Response<v1::GetProposalResponse>, Status> {
        let permit = self.permit(&request)?;
        let number = convert::proposal_number(request.get_ref().number)?;
        let (view, foreseen) =
            self.door.call(permit, move |registry| registry.proposal(number)).await?;
        Ok(Response::new(v1::GetProposalResponse {
            proposal: Some(convert::proposal(&view)),
            foreseen: foreseen.into_iter().map(convert::foreseen).collect(),
        }))
    }

    async fn approve_proposal(&self, request: Request<v1::ApproveProposalRequest>) -> Decided {
        let permit = self.permit(&request)?;
        let v1::ApproveProposalRequest { number, actor, note } = request.into_inner();
        let said = convert::deciding(number, actor, note)?;
        self.decide(permit, ProposalAnswer::Approved, said).await
    }

    async fn decline_proposal(&self, request: Request<v1::DeclineProposalRequest>) -> Decided {
        let permit = self.permit(&request)?;
        let v1::DeclineProposalRequest { number, actor, note } = request.into_inner();
        let said = convert::deciding(number, actor, note)?;
        self.decide(permit, ProposalAnswer::Declined, said).await
    }

    async fn withdraw_proposal(&self, request: Request<v1::WithdrawProposalRequest>) -> Decided {
        let permit = self.permit(&request)?;
        let v1::WithdrawProposalRequest { number, actor, note } = request.into_inner();
        let said = convert::deciding(number, actor, note)?;
        self.decide(permit, ProposalAnswer::Withdrawn, said).await
    }
}

impl OversightCalls {
    /// Leave for what a request asks: proposals are about persons, which cross domains.
    fn permit<T>(&self, request: &Request<T>) -> Result<Permit, Status> {
        Ok(Entry::of(request.extensions())?.permit(&self.door, Subject::Index)?)
    }

    async fn decide(
        &self,
        permit: Permit,
        answer: ProposalAnswer,
        (number, said, note): (u64, Actor, String),
    ) -> Decided {
        let actor = permit.actor(said);
        let deciding = move |registry: &Registry| {
            let decided = registry.decide_proposal(number, answer, actor, &note)?;
            let erases = decided.events.iter().any(|it| it.event.kind == EventKind::Erased);
            let head = erases.then(|| registry.audit_head()).transpose()?;
            Ok((decided, head))
        };
        let (decided, head) = self.door.call(permit, deciding).await?;
        let audit_head = head.map(super::audit::head_told);
        Ok(Response::new(v1::DecideProposalResponse {
            audit_head,
            ..convert::proposal_decided(decided)
        }))
    }
}
