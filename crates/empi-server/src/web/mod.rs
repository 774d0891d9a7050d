//! The steward's web pages: rendered here, with a little script of our own and nothing from elsewhere.
//!
//! The way of a request: `http` takes the connection within its limits; `routes` finds the route, and with it
//! the operation that it stands for; `gate` asks who it is, whether their role may (`access`), and whether a
//! form really comes from one of our pages; a page (`pages`, one file each) asks the registry through the
//! same door as gRPC and writes what it says as markup, in which every text is escaped; `answer` puts the
//! layout around it and the headers on it.
//!
//! **Invariants:** no patient data in a path, a query or a title; whoever is signed in is the actor of every
//! change; nothing on a page is loaded from another host, and no script or style stands in the page itself.

mod access;
mod answer;
mod assets;
mod config;
mod elsewhere;
mod form;
mod gate;
mod http;
mod layout;
mod pages;
mod password;
mod practice;
mod routes;
mod session;
#[cfg(test)]
mod tests;
mod throttle;
mod view;

use std::sync::Arc;

use empi_model::{Actor, ActorKind, Role, User};
use empi_registry::{Registry, RegistryError};
use tokio::sync::{Semaphore, watch};

use crate::access::Permit;
use crate::door::{Door, Failure};
use answer::Refusal;
pub use config::WebConfig;
pub(crate) use elsewhere::Elsewhere;
pub use elsewhere::SignInConfig;
pub(crate) use http::serve;
pub use password::{PasswordError, hash_password, random_password};
pub use practice::Practice;
use session::{OpenSession, SessionLimits, Sessions};
use throttle::Throttle;

/// Passwords that are hashed at a time: each takes 19 MiB and tens of milliseconds of a core.
const HASHING_MAX: usize = 2;

tokio::task_local! {
    /// The leave that the gate got for the page being answered; nothing is asked of the registry without.
    static PERMIT: Permit;
}

/// What every page has at hand. Cloning makes another handle.
#[derive(Clone)]
pub(crate) struct Web(Arc<Shared>);

struct Shared {
    door: Door,
    config: WebConfig,
    sessions: Sessions,
    throttle: Throttle,
    hashing: Semaphore,
    closing: watch::Receiver<bool>,
    /// Where it is an index of made-up patients: who is who.
    practice: Option<Practice>,
    /// Where else people may sign in.
    elsewhere: Option<Elsewhere>,
}

impl Web {
    pub(crate) fn new(
        door: Door,
        config: WebConfig,
        closing: watch::Receiver<bool>,
        practice: Option<Practice>,
        elsewhere: Option<Elsewhere>,
    ) -> Self {
        let sessions = Sessions::new(SessionLimits {
            idle_max: config.session_idle_time_max(),
            age_max: config.session_time_max(),
            count_max: config.sessions_max,
        });
        let (throttle, hashing) = (Throttle::default(), Semaphore::new(HASHING_MAX));
        Self(Arc::new(Shared {
            door,
            config,
            sessions,
            throttle,
            hashing,
            closing,
            practice,
            elsewhere,
        }))
    }

    /// Runs one call of the registry, or refuses it when too many are running already.
    async fn ask<T, F>(&self, work: F) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: FnOnce(&Registry) -> Result<T, RegistryError> + Send + 'static,
    {
        let permit = PERMIT.try_with(Clone::clone).map_err(|_| Refusal::forbidden())?;
        self.0.door.answer(permit, work).await.map_err(|failure| match failure {
            Failure::Registry(error) => error.into(),
            Failure::Full => Refusal::overloaded(),
            Failure::Closing => Refusal::shutting_down(),
            Failure::Panicked => Refusal::broken(),
        })
    }

    /// Runs something that takes a core for a while, such as hashing a password: few at a time.
    async fn hashing<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let _place = self.0.hashing.acquire().await.map_err(|_| Refusal::shutting_down())?;
        tokio::task::spawn_blocking(work).await.map_err(|_| Refusal::broken())
    }
}

/// Somebody who is signed in and asks for something their role may.
#[derive(Clone, Debug)]
struct Visit {
    user: User,
    session: OpenSession,
}

impl Visit {
    /// Whether they may answer what was left to a lead steward.
    fn is_lead(&self) -> bool {
        self.user.role == Role::LeadSteward
    }

    /// Whoever is signed in, as the actor of what they change.
    fn actor(&self) -> Actor {
        Actor { kind: ActorKind::Steward, name: self.user.name.as_str().to_owned() }
    }
}
