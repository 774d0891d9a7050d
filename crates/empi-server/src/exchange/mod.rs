//! What HL7 v2 and FHIR have in common: whose numbers are whose, what a feed does to the index, and who a
//! number belongs to.
//!
//! `config` names the assigning authorities; `caller` knows the clients of the configuration; `feed` turns what sources say (register, merge, rename, link,
//! unlink) into the registry's operations; `person` tells which numbers a person has, and finds persons by
//! them. All of it is plain and blocking: the interfaces run it behind the door.

pub(crate) mod caller;
pub(crate) mod config;
pub(crate) mod feed;
pub(crate) mod person;
pub(crate) mod time;

use empi_formats::Authorities;
use parking_lot::{Mutex, MutexGuard};
use xxhash_rust::xxh3::xxh3_64;

use empi_model::{Domains, RecordKey, Role};

use crate::access::issuers::{Issuers, Refused};
use crate::access::{Caller, Origin, hash_token};
use crate::door::Door;
use crate::fhir::FhirClient;
use caller::{Callers, Client};

/// Locks for records being read, changed and written back; two records may share one.
const LOCKS: usize = 256;

/// What the interfaces share.
pub(crate) struct Exchange {
    pub(crate) authorities: Authorities,
    pub(crate) callers: Callers,
    pub(crate) issuers: Issuers,
    locks: Vec<Mutex<()>>,
}

impl Exchange {
    pub(crate) fn new(
        authorities: Authorities,
        clients: Vec<FhirClient>,
        issuers: Issuers,
    ) -> Self {
        let locks = std::iter::repeat_with(|| Mutex::new(())).take(LOCKS).collect();
        Self { authorities, callers: Callers::new(clients), issuers, locks }
    }

    /// Whether callers are taken at their word: as long as nobody was ever given a means to say who they are.
    pub(crate) fn is_open(&self, door: &Door) -> bool {
        self.issuers.is_empty() && door.is_open()
    }

    /// Whoever has a bearer token, on every interface alike: a program by its account, a client of the configuration, or
    /// somebody that an issuer vouches for.
    pub(crate) fn of_token(&self, door: &Door, token: &str, origin: Origin) -> Option<Caller> {
        let hash = hash_token(token);
        if let Some(account) = door.account(hash) {
            return Some(Caller::of_account(&account, origin));
        }
        if let Some(client) = self.callers.of_token(hash) {
            return Some(self.caller(client, origin));
        }
        match self.issuers.vouched(token, hash, door.now()) {
            Ok(it) => Some(Caller::known(it.name, it.roles, it.domains, origin)),
            Err(Refused::NotSigned) => None,
            Err(why) => {
                tracing::warn!(?why, "the token of an issuer was refused");
                None
            }
        }
    }

    /// The domains whose records a sender may write, by what it says of itself.
    pub(crate) fn domains_of(&self, application: &str, facility: &str) -> Domains {
        let own = self
            .authorities
            .iter()
            .filter(|authority| Authorities::may_write(authority, application, facility));
        Domains::Only(own.map(|authority| authority.name.clone()).collect())
    }

    /// A client of the configuration as a caller: a source with the domains of its sender, and with the role of the
    /// people that it acts for.
    pub(crate) fn caller(&self, client: Client, origin: Origin) -> Caller {
        let domains = self.domains_of(&client.application, &client.facility);
        let roles = std::iter::once(Role::Source).chain(client.role).collect();
        Caller::known(client.name, roles, domains, origin)
    }

    /// Keeps others from changing a record through these interfaces until the guard is dropped: what a
    /// message leaves unsaid is read from the record before it is written.
    fn hold(&self, key: &RecordKey) -> Option<MutexGuard<'_, ()>> {
        let hash = xxh3_64(key.source.as_bytes()) ^ xxh3_64(key.record_id.as_bytes());
        self.locks.get(hash as usize % LOCKS).map(Mutex::lock)
    }
}
