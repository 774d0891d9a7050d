//! The generated gRPC contract and nothing else.
//!
//! The source is `proto/empi/v1/*.proto`; the life cycles are told there, above each service.
//!
//! **Invariant:** no message prints patient data. The generated types have no derived `Debug`; the
//! one they have prints their name alone.

/// Package `empi.v1`.
pub mod v1 {
    #![allow(missing_docs, unreachable_pub, clippy::all, reason = "generated code")]

    tonic::include_proto!("empi.v1");
}

mod redact;

/// The compiled descriptors of all files, as server reflection wants them.
pub const FILE_DESCRIPTOR_SET: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/empi_v1_descriptor.bin"));

/// Seconds and nanoseconds since 1970-01-01 UTC, as the messages carry times.
pub use prost_types::Timestamp;
