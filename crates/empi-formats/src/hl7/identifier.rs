//! Identifiers as messages carry them (CX), and the domain they name (HD).

use std::fmt;

use super::Part;
pub use crate::authority::Domain;

/// An identifier of PID-3, MRG-1 or QPD-3. A patient's number: `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Cx {
    /// CX.1, without blanks around it. Empty where only a domain is named.
    pub value: String,
    /// CX.4.
    pub domain: Domain,
    /// CX.5: the type by table 0203, such as `MR`.
    pub type_code: String,
    /// Whether CX.4 is written, and says nothing: not the same as no word on it.
    pub is_domain_blank: bool,
    /// Its place among the repetitions of its field, 1 for the first.
    pub repetition: usize,
}

impl fmt::Debug for Cx {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Cx([redacted], repetition {})", self.repetition)
    }
}

impl Cx {
    /// Reads one repetition of a field.
    #[must_use]
    pub fn read(part: Part<'_>, repetition: usize) -> Self {
        let written = part.part(4);
        let domain = domain(written);
        Self {
            value: part.text().into_owned(),
            is_domain_blank: domain.is_empty() && !written.raw().is_empty(),
            domain,
            type_code: part.text_of(5).to_ascii_uppercase(),
            repetition,
        }
    }
}

/// A domain in the subcomponents of a component.
fn domain(part: Part<'_>) -> Domain {
    Domain {
        namespace: part.text_of(1).into_owned(),
        universal_id: part.text_of(2).into_owned(),
        universal_id_type: part.text_of(3).into_owned(),
    }
}
