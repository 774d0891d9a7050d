//! Who is calling, and may they: the one door's questions, the same for every interface.
//!
//! Each interface finds out who calls (`Caller`: a service account's token, a session of the pages, a sender of HL7, a
//! FHIR client) and names the operation that its way in stands for (`calls` for gRPC, the table of routes for pages, the
//! kinds of messages and interactions beside HL7 and FHIR). `Door::admit` then asks the one table
//! (`empi_model::Operation`) and gives a `Permit`; without one the door runs nothing. A stream ends when its caller is
//! known no longer (`lasting`).
//!
//! **The rule of the open index.** As long as an index has no service account, whoever reaches its gRPC address is taken
//! at their word, and any sender of HL7 may ask. That is what an index on loopback is for: trying it out. The first
//! account closes it for good; a revoked account still counts, and so does an issuer of tokens in the configuration. Addresses that other machines can reach need a flag
//! that says so in plain words.

pub(crate) mod calls;
pub(crate) mod issuers;
mod lasting;
mod layer;
#[cfg(test)]
pub(crate) mod tests;
mod token;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use empi_model::{
    Actor, ActorKind, Asked, Asker, Domains, Grant, Interface, Operation, Purpose, Role,
    ServiceAccount, Sight, Timestamp,
};
use empi_registry::Trail;
use tonic::Status;

use crate::admission::Place;

pub(crate) use lasting::LastingLayer;
pub(crate) use layer::{Access, Entry, PURPOSE_HEADER, methods, reader_of_its_own};
pub(crate) use token::bearer;
pub use token::{TokenError, hash_token, random_token};

/// Where a call comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) interface: Interface,
    pub(crate) address: Option<IpAddr>,
}

/// How far a caller's word goes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Standing {
    /// Nobody knows them.
    Nobody,
    /// The index is open: they are who they say, and may what they like.
    TakenAtTheirWord,
    /// They have these roles, within these domains.
    Known(Vec<Role>, Domains),
}

/// Whoever calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Their name: that of an account, a user, a sender or a client.
    pub(crate) name: String,
    pub(crate) origin: Origin,
    /// What they call for.
    pub(crate) purpose: Purpose,
    standing: Standing,
}

impl Caller {
    /// Somebody nobody knows.
    pub(crate) fn nobody(origin: Origin) -> Self {
        let (name, purpose) = (String::new(), Purpose::Unsaid);
        Self { name, origin, purpose, standing: Standing::Nobody }
    }

    /// Somebody on an open index.
    pub(crate) fn at_their_word(origin: Origin) -> Self {
        Self { standing: Standing::TakenAtTheirWord, ..Self::nobody(origin) }
    }

    /// Somebody with roles, each within the same domains.
    pub(crate) fn known(
        name: impl Into<String>,
        roles: Vec<Role>,
        domains: Domains,
        origin: Origin,
    ) -> Self {
        let standing = Standing::Known(roles, domains);
        Self { name: name.into(), standing, ..Self::nobody(origin) }
    }

    /// A program, by its account.
    pub(crate) fn of_account(account: &ServiceAccount, origin: Origin) -> Self {
        Self::known(account.name.as_str(), vec![account.role], account.domains.clone(), origin)
    }

    /// By the name that they give, which makes them nobody else.
    pub(crate) fn named(self, name: String) -> Self {
        Self { name, ..self }
    }

    pub(crate) fn for_purpose(self, purpose: Purpose) -> Self {
        Self { purpose, ..self }
    }

    /// What the table says of them.
    fn grant(&self, operation: Operation) -> Grant {
        match &self.standing {
            Standing::TakenAtTheirWord => Grant::AllDomains,
            Standing::Nobody if operation.is_open() => Grant::AllDomains,
            Standing::Nobody => Grant::Denied,
            Standing::Known(roles, _) => {
                let grants = roles.iter().map(|role| operation.grant(*role));
                grants.max().unwrap_or(Grant::Denied)
            }
        }
    }

    /// What they are shown of patients.
    fn sight(&self) -> Sight {
        match &self.standing {
            Standing::TakenAtTheirWord => Sight::whole(),
            Standing::Nobody => Sight::of(&[], &Domains::none()),
            Standing::Known(roles, domains) => Sight::of(roles, domains),
        }
    }

    /// Who asks for an operation, for the audit trail.
    pub(crate) fn asked(&self, operation: Operation) -> Asked {
        let Origin { interface, address } = self.origin;
        let (name, purpose, reason) = (self.name.clone(), self.purpose, String::new());
        let asker = Asker { name, interface, address, purpose, reason };
        Asked { asker: asker.into(), operation }
    }

    /// Whether they may do this in a domain.
    fn covers(&self, operation: Operation, source: &str) -> bool {
        match (self.grant(operation), &self.standing) {
            (Grant::AllDomains, _) => true,
            (Grant::OwnDomains, Standing::Known(_, domains)) => domains.contain(source),
            _ => false,
        }
    }

    /// Whether they act for people, as stewards do.
    fn is_steward(&self) -> bool {
        let Standing::Known(roles, _) = &self.standing else { return false };
        roles.iter().any(|role| Operation::Decide.allows(*role))
    }
}

/// What a call is about, as far as domains go.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject<'a> {
    /// The index as a whole, or persons, which cross domains.
    Index,
    /// Records of a source.
    Source(&'a str),
    /// Records that are named later: each is asked for by [`Permit::covers`].
    Named,
}

/// Leave to run one operation. Nothing but [`Permit::ask`] makes one.
#[derive(Clone, Debug)]
pub(crate) struct Permit {
    caller: Arc<Caller>,
    operation: Operation,
    /// Its place among the calls that are in, if it has one already.
    place: Option<Arc<Place>>,
}

impl Permit {
    /// Asks the table. Interfaces go through `Door::admit`, which also keeps what was denied.
    pub(crate) fn ask(
        caller: &Arc<Caller>,
        operation: Operation,
        subject: Subject<'_>,
    ) -> Result<Self, Denial> {
        let is_granted = match (caller.grant(operation), subject) {
            (Grant::AllDomains, _) | (Grant::OwnDomains, Subject::Named) => true,
            (Grant::OwnDomains, Subject::Source(source)) => caller.covers(operation, source),
            (Grant::OwnDomains, Subject::Index) | (Grant::Denied, _) => false,
        };
        if is_granted {
            return Ok(Self { caller: Arc::clone(caller), operation, place: None });
        }
        Err(match (&caller.standing, caller.grant(operation)) {
            (Standing::Nobody, _) => Denial::Unknown,
            (_, Grant::OwnDomains) => Denial::ForeignDomain,
            _ => Denial::NotAllowed(operation),
        })
    }

    /// With the place of its call.
    pub(crate) fn with_place(self, place: Option<Arc<Place>>) -> Self {
        Self { place, ..self }
    }

    /// The place of its call, which is no longer its own.
    pub(crate) fn take_place(&mut self) -> Option<Arc<Place>> {
        self.place.take()
    }

    pub(crate) const fn operation(&self) -> Operation {
        self.operation
    }

    /// Whether the caller may also do something else, whatever the domain.
    pub(crate) fn also(&self, operation: Operation) -> bool {
        self.caller.grant(operation) == Grant::AllDomains
    }

    /// Whether the operation may touch records of a source.
    pub(crate) fn covers(&self, source: &str) -> bool {
        self.caller.covers(self.operation, source)
    }

    /// Whether the caller answers as a lead steward: on an open index whoever says so.
    pub(crate) fn is_lead(&self, said: bool) -> bool {
        match &self.caller.standing {
            Standing::TakenAtTheirWord => said,
            Standing::Nobody => false,
            Standing::Known(roles, _) => said && roles.contains(&Role::LeadSteward),
        }
    }

    /// Who asks, and what they do, for the audit trail.
    pub(crate) fn asked(&self) -> Asked {
        self.caller.asked(self.operation)
    }

    /// The trail of its call, beginning now.
    pub(crate) fn trail(&self, now: Timestamp) -> Trail {
        Trail::new(self.asked(), now).with_sight(self.caller.sight())
    }

    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The actor of what is changed: the caller, and whom it says it acts for behind its own name. On an open
    /// index it is who it says.
    pub(crate) fn actor(&self, said: Actor) -> Actor {
        let Caller { name, standing, .. } = self.caller();
        if *standing == Standing::TakenAtTheirWord {
            return said;
        }
        let is_itself = said.name.is_empty() || said.name == *name;
        let kind = match said.kind {
            ActorKind::Steward if self.caller.is_steward() => ActorKind::Steward,
            _ => ActorKind::System,
        };
        let name = if is_itself { name.clone() } else { format!("{name}/{}", said.name) };
        Actor { kind, name }
    }
}

/// Why a caller may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denial {
    /// Nobody knows them.
    Unknown,
    /// Nobody knows them any more, though their stream began when they were known.
    NoLonger,
    /// Their role has no such operation.
    NotAllowed(Operation),
    /// The record is of a domain that is not theirs.
    ForeignDomain,
}

impl std::error::Error for Denial {}

impl fmt::Display for Denial {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => formatter.write_str(
                "the caller is not known: send the token of a service account as `authorization: Bearer`",
            ),
            Self::NoLonger => formatter.write_str(
                "the stream ends, because its caller is known no longer: the account was revoked, or the token replaced \
                 or expired; begin again with one that is good",
            ),
            Self::NotAllowed(operation) => {
                write!(formatter, "the caller's role does not allow {}", operation.as_str())
            }
            Self::ForeignDomain => {
                formatter.write_str("the caller's account does not speak for this source")
            }
        }
    }
}

impl From<Denial> for Status {
    fn from(denial: Denial) -> Self {
        match denial {
            Denial::Unknown | Denial::NoLonger => Self::unauthenticated(denial.to_string()),
            _ => Self::permission_denied(denial.to_string()),
        }
    }
}
