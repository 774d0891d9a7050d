//! HL7 version 2 messages, read and written: what registration systems send over MLLP, and what they are
//! answered.
//!
//! In reading order: [`Charset`] turns bytes into text, [`Message`] finds segments, fields and their parts
//! in it, `person` translates PID and NK1 to what an update says ([`PatientUpdate`]), `query` reads what is
//! asked for, and `reply` with `answer` write acknowledgements, answers and notifications ([`Writer`]).
//!
//! **Invariants:** no bytes make the reader panic; a message is kept as its text, and every part of it is a
//! slice of that, so a message takes no more memory than its bytes; what is written can be read again; no
//! error carries a value of a patient.

mod answer;
mod charset;
mod escape;
mod identifier;
mod message;
mod person;
mod query;
mod reply;
#[cfg(test)]
mod tests;
mod writer;

pub use answer::{NotificationWords, Numbered, PersonRow, notification, pdq_answer, pix_answer};
pub use charset::Charset;
pub use identifier::{Cx, Domain};
pub use message::{Field, Message, Part, ReadError, Segment};
pub use person::{Given, PatientUpdate, Warning};
pub use query::{Continuation, Criterion, PdqQuery, PixQuery, SearchField};
pub use reply::{
    AckCode, Application, ErrorCode, ErrorEntry, Location, Reply, Severity, acknowledgement,
};
pub use writer::Writer;
