//! Every outside form of a record: CSV, Parquet, FHIR and HL7 version 2, to and from source records.
//!
//! [`open`] reads any file of records, chunk by chunk in bounded memory, to [`empi_model::SourceRecord`]s.
//! Columns are recognised by name ([`Recognised`] says which and which not), or by a [`ColumnMap`]; bad
//! rows come back as [`Reject`]s with file, line, reason and the row itself, so that nothing is lost.
//!
//! **Invariants:** a column of truth is never data. What is written appears under its name only when
//! complete and durable. No error carries a value of a patient. No bytes make a reader panic.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod atomic;
mod authority;
mod bytes;
mod column_map;
mod csv_file;
mod csv_parts;
mod dates;
mod error;
pub mod fhir;
mod field;
mod field_names;
pub mod hl7;
mod labels;
mod layout;
mod outputs;
mod parquet_file;
mod reader;
mod row;
mod rows;

pub use atomic::write_atomically;
pub use authority::{AssigningAuthority, Authorities, Domain, DomainFault, Sender};
pub use column_map::ColumnMap;
pub use error::FormatError;
pub use field::CANONICAL_HEADER;
pub use labels::{LabelRow, LabelsReader};
pub use layout::Recognised;
pub use outputs::{
    ClusterRow, ClustersReader, ClustersWriter, CsvRecordWriter, PairCells, PairRow, PairsReader,
    PairsWriter, TruthReader, TruthRow, write_rejects,
};
pub use reader::{Chunk, ReaderOptions, RecordReader, Reject, TakeRows, UnparsedChunk, open};
pub use row::canonical_row;
