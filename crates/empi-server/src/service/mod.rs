//! The gRPC services: each method turns a message into a registry call and the answer back.

mod admin;
mod bulk;
mod registry;
mod review;

pub(crate) use admin::Admin;
pub(crate) use registry::RegistryCalls;
pub(crate) use review::ReviewCalls;
