//! The harness of the integration tests: the real binary, the real server, the real RocksDB, driven
//! from outside as users and other programs drive them.
//!
//! Nothing here waits for time to pass: a server is up when it says so on stdout, it is down when its
//! process has ended, and points of a test are counted in answers. Nothing is tried twice.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a harness fails a test by panicking")]

mod binary;
mod browser;
mod certificates;
mod clients;
mod data;
mod desk;
mod failing_disk;
mod http;
mod mllp;
mod office;
mod partition;
mod patient;
mod server;

pub use binary::{Run, empi, empi_fed, empi_in, empi_unheard, start_empi};
pub use browser::Browser;
pub use certificates::{CertificateAuthority, CertificateFiles};
pub use clients::client_of_others;
pub use data::{Folder, Table, dataset, skipped, third_party, third_party_folder};
pub use desk::{Desk, Steward};
pub use failing_disk::FailingDisk;
pub use http::{HttpAnswer, http};
pub use mllp::Mllp;
pub use office::{PASSWORD, add_account, add_user, add_user_with};
pub use partition::{Agreement, Partition};
pub use patient::{Patient, nth_patient};
pub use server::{Server, occupied_port};
