//! The gRPC services: each method turns a message into a registry call and the answer back.

mod accounts;
mod admin;
mod audit;
mod bulk;
mod emergency;
mod events;
mod oversight;
mod registry;
mod review;
mod steward;

pub(crate) use accounts::AccountCalls;
pub(crate) use admin::Admin;
pub(crate) use audit::AuditCalls;
pub(crate) use emergency::EmergencyCalls;
pub(crate) use events::EventCalls;
pub(crate) use oversight::OversightCalls;
pub(crate) use registry::RegistryCalls;
pub(crate) use review::ReviewCalls;
pub(crate) use steward::StewardCalls;
