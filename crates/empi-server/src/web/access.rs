//! Roles in words. Who may do what stands in one table for every interface: `empi_model::Operation`.

pub(crate) use empi_model::Operation;
use empi_model::Role::{
    self, Administrator, Auditor, LeadSteward, Reader, Registrar, Source, Steward,
};

/// The role in words.
pub(super) const fn role_name(role: Role) -> &'static str {
    match role {
        Registrar => "Registrar",
        Steward => "Steward",
        LeadSteward => "Lead steward",
        Auditor => "Auditor",
        Administrator => "Administrator",
        Source => "Source",
        Reader => "Reader",
    }
}
