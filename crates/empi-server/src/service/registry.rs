//! RegistryService: registering records and asking who is who.

use empi_proto::v1;
use empi_proto::v1::registry_service_server::RegistryService;
use empi_registry::Registry;
use tokio::sync::watch;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::bulk;
use super::review::page_wanted;
use crate::access::{Denial, Entry, Subject};
use crate::call_log::CallNotes;
use crate::config::GrpcConfig;
use crate::convert::{self, InvalidRequest};
use crate::door::Door;

/// What MatchRecord answers with when the caller names no number.
const CANDIDATES_DEFAULT: usize = 10;

/// What SearchPersons answers with when the caller names no number.
const HITS_DEFAULT: usize = 20;

pub(crate) struct RegistryCalls {
    pub(crate) door: Door,
    pub(crate) limits: GrpcConfig,
    /// Turns to true when the server shuts down.
    pub(crate) closing: watch::Receiver<bool>,
}

#[tonic::async_trait]
impl RegistryService for RegistryCalls {
    async fn register_record(
        &self,
        request: Request<v1::RegisterRecordRequest>,
    ) -> Result<Response<v1::RegisterRecordResponse>, Status> {
        CallNotes::of(request.extensions()).request_id(&request.get_ref().request_id);
        let entry = Entry::of(request.extensions())?;
        let mut registration = convert::register_request(request.into_inner())?;
        let source = Subject::Source(&registration.record.key.source);
        let permit = entry.permit(&self.door, source)?;
        registration.actor = permit.actor(registration.actor);
        let answer = self.door.register(permit, registration).await.map_err(Status::from)?;
        Ok(Response::new(convert::registration(answer)))
    }

    async fn retire_record(
        &self,
        request: Request<v1::RetireRecordRequest>,
    ) -> Result<Response<v1::RetireRecordResponse>, Status> {
        CallNotes::of(request.extensions()).request_id(&request.get_ref().request_id);
        let entry = Entry::of(request.extensions())?;
        let mut asked = convert::retire_request(request.into_inner())?;
        let permit = entry.permit(&self.door, Subject::Source(&asked.record.source))?;
        if asked.replaced_by.as_ref().is_some_and(|it| !permit.covers(&it.source)) {
            return Err(Denial::ForeignDomain.into());
        }
        asked.actor = permit.actor(asked.actor);
        let key = asked.record.clone();
        let answer = self.door.call(permit, move |registry| registry.retire(asked)).await?;
        Ok(Response::new(convert::retirement(key, answer)))
    }

    async fn match_record(
        &self,
        request: Request<v1::MatchRecordRequest>,
    ) -> Result<Response<v1::MatchRecordResponse>, Status> {
        let permit = Entry::of(request.extensions())?.permit(&self.door, Subject::Index)?;
        let v1::MatchRecordRequest { record, candidates_max } = request.into_inner();
        let candidates_max = candidates_wanted(candidates_max, self.limits.candidates_max)?;
        let record =
            record.ok_or_else(|| InvalidRequest::new("`record` is missing: fill it in"))?;
        let record = convert::source_record_from_proto(record)?;
        let matching = move |registry: &Registry| registry.match_record(&record, candidates_max);
        let candidates = self.door.call(permit, matching).await?;
        Ok(Response::new(v1::MatchRecordResponse {
            candidates: candidates.into_iter().map(convert::candidate).collect(),
        }))
    }

    async fn get_person(
        &self,
        request: Request<v1::GetPersonRequest>,
    ) -> Result<Response<v1::GetPersonResponse>, Status> {
        let permit = Entry::of(request.extensions())?.permit(&self.door, Subject::Index)?;
        let asked = convert::enterprise_id(&request.get_ref().enterprise_id)?;
        let view = self.door.call(permit, move |registry| registry.person(asked)).await?;
        Ok(Response::new(v1::GetPersonResponse {
            asked_enterprise_id: asked.to_string(),
            golden: Some(convert::golden(view.golden.clone())),
            person: Some(convert::person(view)),
        }))
    }

    async fn get_record(
        &self,
        request: Request<v1::GetRecordRequest>,
    ) -> Result<Response<v1::GetRecordResponse>, Status> {
        let entry = Entry::of(request.extensions())?;
        let key = convert::record_key_from_proto(request.into_inner().key.unwrap_or_default())?;
        if key.source.is_empty() || key.record_id.is_empty() {
            return Err(InvalidRequest::new("`key` needs both: source and record_id").into());
        }
        let permit = entry.permit(&self.door, Subject::Source(&key.source))?;
        let wanted = key.clone();
        let at_hand = |registry: &Registry| registry.record_at_hand(&key);
        let read = move |registry: &Registry| registry.record(&wanted);
        let view = self.door.look_up(permit, at_hand, read).await?;
        Ok(Response::new(v1::GetRecordResponse { record: Some(convert::record_view(view)) }))
    }

    async fn resolve_identifier(
        &self,
        request: Request<v1::ResolveIdentifierRequest>,
    ) -> Result<Response<v1::ResolveIdentifierResponse>, Status> {
        let permit = Entry::of(request.extensions())?.permit(&self.door, Subject::Index)?;
        let identifier = convert::identifier(request.into_inner().identifier)?;
        let resolving = move |registry: &Registry| registry.resolve_identifier(&identifier);
        let views = self.door.call(permit, resolving).await?;
        Ok(Response::new(v1::ResolveIdentifierResponse {
            persons: views.into_iter().map(convert::person).collect(),
        }))
    }

    async fn search_persons(
        &self,
        request: Request<v1::SearchPersonsRequest>,
    ) -> Result<Response<v1::SearchPersonsResponse>, Status> {
        let permit = Entry::of(request.extensions())?.permit(&self.door, Subject::Index)?;
        let v1::SearchPersonsRequest { text, page_size } = request.into_inner();
        let limit = match page_size {
            0 => HITS_DEFAULT.min(self.limits.page_size_max),
            asked => page_wanted(asked, self.limits.page_size_max)?,
        };
        let answer = self.door.call(permit, move |registry| registry.search(&text, limit)).await?;
        Ok(Response::new(convert::search_answer(answer)))
    }

    type BulkRegisterStream = ReceiverStream<Result<v1::BulkRegisterResponse, Status>>;

    async fn bulk_register(
        &self,
        request: Request<Streaming<v1::BulkRegisterRequest>>,
    ) -> Result<Response<Self::BulkRegisterStream>, Status> {
        CallNotes::of(request.extensions()).is_stream();
        let entry = Entry::of(request.extensions())?;
        let answers = bulk::answers(
            request.into_inner(),
            (self.door.clone(), entry),
            &self.limits,
            self.closing.clone(),
        );
        Ok(Response::new(answers))
    }
}

/// How many candidates to answer with. Asking for too many is refused, so that nobody takes a cut
/// list for the whole one.
fn candidates_wanted(asked: u32, max: usize) -> Result<usize, InvalidRequest> {
    match asked as usize {
        0 => Ok(CANDIDATES_DEFAULT.min(max)),
        asked if asked <= max => Ok(asked),
        asked => Err(InvalidRequest::new(format!(
            "`candidates_max` is {asked} and may be at most {max}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_candidates_are_refused_not_cut() {
        assert_eq!(candidates_wanted(0, 100), Ok(10));
        assert_eq!(candidates_wanted(0, 5), Ok(5));
        assert_eq!(candidates_wanted(100, 100), Ok(100));
        assert!(candidates_wanted(101, 100).is_err());
    }
}
