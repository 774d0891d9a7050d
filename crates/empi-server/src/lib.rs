//! gRPC and the steward's web pages over the registry: conversions, limits, health, shutdown.
//!
//! The way of one call: `listen` accepts a connection within its limits, `admission` lets it in or refuses it, `call_log` times it out
//! and logs it, `access` finds out who calls and whether they may (`check` is the layer of both questions), `service` turns the message into the registry's words (`convert`), `door` runs the
//! registry off the async threads, and the answer or the error (`status`) goes back. Browsers come in through
//! `web`, and to the registry through the same door.
//!
//! **Invariant:** nothing in this crate logs, or puts into an error, what a patient's record says.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod access;
mod admission;
mod approval;
mod audit;
mod call_log;
mod certificate;
mod check;
mod config;
pub mod convert;
mod door;
mod exchange;
mod fhir;
mod listen;
mod metrics;
mod mllp;
mod serve;
mod service;
mod status;
#[cfg(test)]
mod tests;
mod tls;
mod web;

pub use access::issuers::{IssuerConfig, IssuerError};
pub use access::{TokenError, hash_token, random_token};
pub use approval::ApprovalConfig;
pub use audit::{
    AuditConfig, AuditKey, AuditKeyError, AuditKind, HeadFailure, SignedHead, SyslogConfig,
    audit_kind, audit_outcome, read_heads,
};
pub use certificate::ErasureCertificate;
pub use config::{
    ConfigError, GrpcConfig, RegistryConfig, RuleName, ServerConfig, SurvivorshipConfig,
};
pub use exchange::config::{AuthorityConfig, SenderConfig};
pub use fhir::{FhirClient, FhirConfig, patient_of_person};
pub use listen::Listener;
pub use mllp::{ConsumerConfig, MllpConfig};
pub use serve::{Listeners, ServeError, serve};
pub use tls::{
    Interface, Outgoing, OutgoingConfig, OutgoingError, ShownBy, Tls, TlsConfig, TlsError,
};
pub use web::{PasswordError, Practice, SignInConfig, WebConfig, hash_password, random_password};
