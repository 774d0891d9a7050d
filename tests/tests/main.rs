//! The integration tests of the whole program, in one binary. Each test says what is promised.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

mod approval;
mod audit;
mod backup;
mod bad_calls;
mod bad_files;
mod bad_starts;
mod bulk_and_online;
mod client;
mod crash;
mod eight_clients;
mod encryption;
mod explain;
mod export;
mod failing_disk;
mod febrl;
mod fhir;
mod full_disk;
mod hl7;
mod interop;
mod keeping_apart;
mod leaks;
mod link;
mod load_then_serve;
mod miis;
mod privacy;
mod queue;
mod registration;
mod relink;
mod report;
mod round_trip;
mod search;
mod sharing;
mod shutdown;
mod tls;
mod undoing;
mod updates;
mod web_approvals;
mod web_axe;
mod web_hostile;
mod web_lab;
mod web_persons;
mod web_quality;
mod web_sign_in;
mod web_steward;
