//! FHIR R4: Patients to and from records, and the resources that searches, matches and operations answer
//! with.
//!
//! [`types`](self) are small: the elements that a patient index reads and writes, and nothing else. What is
//! read and not known is left out; what must not be left out (a `modifierExtension`) can be asked for.
//! [`record_of`] and [`patient_of`] are the one mapping, for NDJSON files and for the server alike.
//!
//! **Invariants:** no bytes make the reader panic; no error carries a value of a patient; types that hold
//! patient data have no `Debug`.

mod exchange;
mod ndjson;
mod patient;
mod types;
mod writer;

pub use exchange::{
    Bundle, BundleKind, BundleLink, Entry, Issue, IssueCode, IssueSeverity, OperationOutcome,
    Parameter, Parameters, Resource, capability_statement, match_grade,
};
pub(crate) use ndjson::NdjsonReader;
pub use patient::{PatientLinks, patient_of, record_of};
pub use types::{
    FhirAddress, FhirIdentifier, HumanName, Link, LinkTarget, Meta, Patient, ReadPatientError,
    Reference,
};
pub use writer::PatientsWriter;
