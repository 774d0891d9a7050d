//! StewardService: identities changed by hand.

use empi_proto::v1;
use empi_proto::v1::steward_service_server::StewardService;
use empi_registry::{Registry, StewardRequest};
use tonic::{Request, Response, Status};

use crate::access::{Entry, Subject};
use crate::call_log::CallNotes;
use crate::convert::{self, InvalidRequest};
use crate::door::Door;

pub(crate) struct StewardCalls {
    pub(crate) door: Door,
}

type Answer = Result<Response<v1::ChangeResponse>, Status>;

impl StewardCalls {
    /// Every operation goes the same way.
    async fn change<T>(
        &self,
        request: Request<T>,
        read: impl FnOnce(T) -> Result<StewardRequest, InvalidRequest>,
    ) -> Answer {
        let notes = CallNotes::of(request.extensions());
        let permit = Entry::of(request.extensions())?.permit(&self.door, Subject::Index)?;
        let mut asked = read(request.into_inner())?;
        asked.actor = permit.actor(asked.actor);
        notes.request_id(asked.request_id.as_deref().unwrap_or_default());
        let answer = self.door.call(permit, move |registry| registry.steward(asked)).await?;
        Ok(Response::new(convert::change(answer)))
    }
}

#[tonic::async_trait]
impl StewardService for StewardCalls {
    async fn link_records(&self, request: Request<v1::LinkRecordsRequest>) -> Answer {
        self.change(request, convert::link_records).await
    }

    async fn unlink_record(&self, request: Request<v1::UnlinkRecordRequest>) -> Answer {
        self.change(request, convert::unlink_record).await
    }

    async fn merge_persons(&self, request: Request<v1::MergePersonsRequest>) -> Answer {
        self.change(request, convert::merge_persons).await
    }

    async fn unmerge_persons(&self, request: Request<v1::UnmergePersonsRequest>) -> Answer {
        self.change(request, convert::unmerge_persons).await
    }

    async fn split_person(&self, request: Request<v1::SplitPersonRequest>) -> Answer {
        self.change(request, convert::split_person).await
    }

    async fn keep_apart(&self, request: Request<v1::KeepApartRequest>) -> Answer {
        self.change(request, convert::keep_apart).await
    }

    async fn move_record(&self, request: Request<v1::MoveRecordRequest>) -> Answer {
        self.change(request, convert::move_record).await
    }

    async fn choose_value(&self, request: Request<v1::ChooseValueRequest>) -> Answer {
        self.change(request, convert::choose_value).await
    }

    async fn set_consent(&self, request: Request<v1::SetConsentRequest>) -> Answer {
        self.change(request, convert::set_consent).await
    }

    async fn erase_person(&self, request: Request<v1::ErasePersonRequest>) -> Answer {
        let permit = Entry::of(request.extensions())?.permit(&self.door, Subject::Index)?;
        let mut asked = convert::erase_person(request.into_inner())?;
        asked.actor = permit.actor(asked.actor);
        let erasing = move |registry: &Registry| {
            let answer = registry.steward(asked)?;
            let head = (!answer.is_preview).then(|| registry.audit_head()).transpose()?;
            Ok((answer, head))
        };
        let (answer, head) = self.door.call(permit, erasing).await?;
        let audit_head = head.map(super::audit::head_told);
        Ok(Response::new(v1::ChangeResponse { audit_head, ..convert::change(answer) }))
    }

    async fn undo_event(&self, request: Request<v1::UndoEventRequest>) -> Answer {
        self.change(request, convert::undo_event).await
    }
}
