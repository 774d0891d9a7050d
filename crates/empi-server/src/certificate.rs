//! The certificate of an erasure: what is handed to whoever asked to be erased.

use serde::Serialize;

/// That a person was erased, by whom and why. Names of fields are a promise; it holds nothing of the person but the
/// enterprise ID.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErasureCertificate {
    /// The person.
    pub enterprise_id: String,
    /// The event.
    pub event: u64,
    /// When, by ISO 8601 in UTC.
    pub time: String,
    /// Who erased them: where two people had to want it, who proposed it.
    pub erased_by: String,
    /// Who approved it, where two people had to want it.
    pub approved_by: Option<String>,
    /// Why, in the words of who erased them.
    pub note: String,
    /// What was erased.
    pub what: String,
    /// The entry at the end of the audit trail, and its hash, which stands for all before it.
    pub audit_sequence: u64,
    /// The hash as hexadecimal digits.
    pub audit_hash: String,
}

impl ErasureCertificate {
    /// As a file of JSON.
    ///
    /// # Errors
    /// Never, as far as is known: texts and numbers always write.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        Ok(format!("{}\n", serde_json::to_string_pretty(self)?))
    }
}
