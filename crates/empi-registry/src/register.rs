//! Registering a record: what its caller does before the commit thread is asked, and how the answer comes back.

use std::sync::Arc;

use empi_model::RecordIndex;

use crate::RegistryError;
use crate::assess::assess;
use crate::audit::Trail;
use crate::commit::{Core, answer_again};
use crate::compose::unchanged;
use crate::incoming::Incoming;
use crate::mirror::Mirror;
use crate::registry::{Registry, check_request_id};
use crate::wanted::{Answer, Planned, Wanted, Work};
use crate::words::{RegisterRequest, Registration};

/// How far a registration comes without the commit thread.
enum Begun {
    /// There is nothing to change.
    Answered(Registration),
    /// The commit thread is to do this.
    Planned(Box<Planned>),
}

impl Registry {
    /// Registers a record, or updates it when its key is known, and says which person it belongs
    /// to.
    ///
    /// Sent again with the same request ID, or with the same content, it changes nothing.
    ///
    /// # Errors
    /// [`RegistryError::Invalid`] without source or record ID; [`RegistryError::Conflict`] when the
    /// request ID was used for other content; [`RegistryError::Busy`] when too many changes wait;
    /// [`RegistryError::Poisoned`] after a failed write.
    pub fn register(&self, request: RegisterRequest) -> Result<Registration, RegistryError> {
        let planned = match self.think(request)? {
            Begun::Answered(answer) => return Ok(answer),
            Begun::Planned(planned) => planned,
        };
        let answer = registered(self.submit(Work::Register(planned))?)?;
        self.trail.iter().for_each(|trail| trail.registered(&answer));
        Ok(answer)
    }

    /// Does the same without waiting until the change is durable: `tell` is called then, exactly once, by the
    /// commit thread or before this returns. It must not wait. The trail of the handle, if it has one, has ended
    /// before.
    pub fn register_then(
        &self,
        request: RegisterRequest,
        tell: impl FnOnce(Result<Registration, RegistryError>) + Send + 'static,
    ) {
        let promise =
            Promise { core: Arc::clone(&self.core), trail: self.trail.clone(), tell: Some(tell) };
        let planned = match self.think(request) {
            Err(error) => return promise.keep(Err(error)),
            Ok(Begun::Answered(answer)) => return promise.keep(Ok(answer)),
            Ok(Begun::Planned(planned)) => planned,
        };
        let tell = Box::new(move |told: Result<Answer, RegistryError>| {
            let answer = told.and_then(registered);
            if let (Some(trail), Ok(answer)) = (&promise.trail, &answer) {
                trail.registered(answer);
            }
            promise.keep(answer);
        });
        if let Err((error, tell)) = self.hand_in(Wanted::Change(Work::Register(planned)), tell) {
            tell(Err(error));
        }
    }

    /// What a caller does on its own: normalises, looks whether there is anything to do, finds and scores candidates.
    fn think(&self, request: RegisterRequest) -> Result<Begun, RegistryError> {
        self.core.durability.check()?;
        let RegisterRequest { record, actor, request_id } = request;
        check_request_id(request_id.as_deref())?;
        let incoming = Incoming::new(record)?;
        let looked_up = match &request_id {
            None => 0,
            Some(request_id) => match self.look_up(request_id, &incoming)? {
                Ok(answer) => {
                    self.saw([answer.enterprise_id]);
                    return Ok(Begun::Answered(answer));
                }
                Err(sequence) => sequence,
            },
        };
        let assessment = {
            let mirror = self.core.mirror.read();
            let existing = mirror.record_index(&incoming.record.key);
            let is_answered = request_id.as_deref().is_some_and(|request_id| {
                mirror.recent.request(request_id).is_some() || looked_up < mirror.recent.floor()
            });
            // A request that was answered since it was looked for is left to the commit thread.
            let repeat = if is_answered { None } else { repeat(&mirror, existing, &incoming) };
            if let Some(answer) = repeat {
                let sequence = mirror.recent.person_changed(answer.enterprise_id);
                drop(mirror);
                self.core.durability.wait(sequence)?;
                self.saw([answer.enterprise_id]);
                return Ok(Begun::Answered(answer));
            }
            assess(&mirror, &self.core.in_force().model, &incoming.normalized, existing)
        };
        let planned = Planned { incoming, actor, request_id, looked_up, assessment };
        Ok(Begun::Planned(Box::new(planned)))
    }

    /// The answer given to a request before, or the mirror's last change before it was looked for:
    /// first in memory, then on disk, so that no answer slips through between the two.
    fn look_up(
        &self,
        request_id: &str,
        incoming: &Incoming,
    ) -> Result<Result<Registration, u64>, RegistryError> {
        let (remembered, sequence) = {
            let mirror = self.core.mirror.read();
            (mirror.recent.request(request_id).cloned(), mirror.sequence())
        };
        if let Some((changed, stored)) = remembered {
            self.core.durability.wait(changed)?;
            return answer_again(&stored, incoming).map(Ok);
        }
        match self.core.store.snapshot().request(request_id)? {
            Some(stored) => answer_again(&stored, incoming).map(Ok),
            None => Ok(Err(sequence)),
        }
    }
}

fn registered(answer: Answer) -> Result<Registration, RegistryError> {
    match answer {
        Answer::Registered(registration) => Ok(*registration),
        _ => Err(RegistryError::Poisoned),
    }
}

/// That somebody will be told what came of their registration, whatever happens.
struct Promise<T: FnOnce(Result<Registration, RegistryError>)> {
    core: Arc<Core>,
    trail: Option<Arc<Trail>>,
    tell: Option<T>,
}

impl<T: FnOnce(Result<Registration, RegistryError>)> Promise<T> {
    fn keep(mut self, answer: Result<Registration, RegistryError>) {
        self.tell(answer);
    }

    fn tell(&mut self, mut answer: Result<Registration, RegistryError>) {
        let Some(tell) = self.tell.take() else { return };
        if let Some(trail) = &self.trail
            && let Err(error) = self.core.end(trail, answer.as_ref().err())
        {
            // What the trail cannot keep is not answered.
            answer = Err(error);
        }
        tell(answer);
    }
}

impl<T: FnOnce(Result<Registration, RegistryError>)> Drop for Promise<T> {
    /// The commit thread drops what it has not answered only when it fails. It may not have told so yet: nobody is
    /// answered from here on.
    fn drop(&mut self) {
        if self.tell.is_some() {
            self.core.durability.poison();
            self.tell(Err(RegistryError::Poisoned));
        }
    }
}

/// The answer to content that the index holds already; `None` when there is something to decide.
fn repeat(
    mirror: &Mirror,
    existing: Option<RecordIndex>,
    incoming: &Incoming,
) -> Option<Registration> {
    let record = existing?;
    let known = mirror.known(record)?;
    let is_same = known.is_active && known.content_hash == incoming.content_hash;
    // The content that stands, said again, withdraws an update that waits: that is a change.
    let is_repeat = is_same && mirror.tasks.held(record).is_none();
    is_repeat.then(|| unchanged(mirror, record, incoming)).flatten()
}
