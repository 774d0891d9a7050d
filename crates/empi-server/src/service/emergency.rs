//! EmergencyService: breaking the glass, and looking at it afterwards.

use empi_model::{BrokenGlass, GlassReview};
use empi_proto::v1;
use empi_proto::v1::emergency_service_server::EmergencyService;
use empi_registry::{GLASS_MINUTES_MAX, Registry};
use tonic::{Request, Response, Status};

use crate::access::{Entry, Subject};
use crate::convert;
use crate::door::Door;

/// Emergencies in one answer: where the caller names no number, and at most.
const LISTED_DEFAULT: usize = 100;
const LISTED_MAX: usize = 1000;

pub(crate) struct EmergencyCalls {
    pub(crate) door: Door,
}

#[tonic::async_trait]
impl EmergencyService for EmergencyCalls {
    async fn break_glass(
        &self,
        request: Request<v1::BreakGlassRequest>,
    ) -> Result<Response<v1::BreakGlassResponse>, Status> {
        let permit = Entry::of(request.extensions())?.permit(&self.door, Subject::Index)?;
        let v1::BreakGlassRequest { enterprise_id, reason, minutes } = request.into_inner();
        let person = convert::enterprise_id(&enterprise_id)?;
        let minutes = if minutes == 0 { GLASS_MINUTES_MAX } else { minutes };
        let stating = move |registry: &Registry| registry.break_glass(person, &reason, minutes);
        let emergency = Some(told(self.door.call(permit, stating).await?));
        Ok(Response::new(v1::BreakGlassResponse { emergency }))
    }

    async fn list_emergencies(
        &self,
        request: Request<v1::ListEmergenciesRequest>,
    ) -> Result<Response<v1::ListEmergenciesResponse>, Status> {
        let permit = Entry::of(request.extensions())?.permit(&self.door, Subject::Index)?;
        let v1::ListEmergenciesRequest { include_reviewed, limit } = request.into_inner();
        let limit = match usize::try_from(limit).unwrap_or(LISTED_MAX) {
            0 => LISTED_DEFAULT,
            limit => limit.min(LISTED_MAX),
        };
        let listing = move |registry: &Registry| Ok(registry.glass(!include_reviewed, limit));
        let emergencies = self.door.call(permit, listing).await?.into_iter().map(told).collect();
        Ok(Response::new(v1::ListEmergenciesResponse { emergencies }))
    }

    async fn review_emergency(
        &self,
        request: Request<v1::ReviewEmergencyRequest>,
    ) -> Result<Response<v1::ReviewEmergencyResponse>, Status> {
        let permit = Entry::of(request.extensions())?.permit(&self.door, Subject::Index)?;
        let v1::ReviewEmergencyRequest { number, is_justified, note } = request.into_inner();
        let reviewing =
            move |registry: &Registry| registry.review_glass(number, is_justified, &note);
        let emergency = Some(told(self.door.call(permit, reviewing).await?));
        Ok(Response::new(v1::ReviewEmergencyResponse { emergency }))
    }
}

fn told(glass: BrokenGlass) -> v1::Emergency {
    let BrokenGlass { number, by, person, reason, since, until, review } = glass;
    let looked_at = |GlassReview { by, time, is_justified, note }| v1::EmergencyReview {
        reviewer: by,
        time: Some(convert::timestamp(time)),
        is_justified,
        note,
    };
    v1::Emergency {
        number,
        stated_by: by,
        enterprise_id: person.to_string(),
        reason,
        since: Some(convert::timestamp(since)),
        until: Some(convert::timestamp(until)),
        review: review.map(looked_at),
    }
}
