//! Who may do what: the one table of roles and operations. Every route names its operation (`routes`), and the
//! gate looks here before anything else happens.
//!
//! An operation without a line does not compile; a test asks for every route as every role.

use empi_model::Role::{self, Administrator, Auditor, LeadSteward, Registrar, Steward};

/// What a route lets somebody do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Show the form to sign in, take what was typed into it, and fetch styles and scripts.
    SignIn,
    /// Look at the overview, choose one's own password and colours, sign out.
    OwnAccount,
    /// Find persons, and look at them.
    ViewPersons,
    /// Look at the review queue and its questions.
    ViewQueue,
    /// Look at the figures of the index and of the work on it, which name no patient.
    ViewQuality,
    /// Take questions, answer them, put them off, and undo it.
    Decide,
    /// Answer many questions at once, and undo it.
    DecideMany,
    /// Merge, split and keep apart by hand, and undo any event.
    ChangeIdentities,
    /// Label pairs of a random sample, blind.
    Label,
    /// Draw the pairs to be labelled.
    DrawSample,
    /// Look into the tuning lab, try models there, put one in force and take it back.
    Tune,
    /// See who may sign in, and what was changed about it.
    ViewUsers,
    /// Add users, give them roles, disable them, reset their passwords.
    ChangeUsers,
}

impl Operation {
    /// The roles that may; `None` for everybody, signed in or not.
    pub(super) const fn roles(self) -> Option<&'static [Role]> {
        match self {
            Self::SignIn => None,
            Self::OwnAccount => Some(&Role::ALL),
            Self::ViewPersons => Some(&[Registrar, Steward, LeadSteward, Auditor]),
            Self::ViewQueue => Some(&[Steward, LeadSteward, Auditor]),
            Self::ViewQuality => Some(&[Steward, LeadSteward, Auditor, Administrator]),
            Self::DecideMany | Self::DrawSample => Some(&[LeadSteward]),
            Self::Decide | Self::ChangeIdentities | Self::Label => Some(&[Steward, LeadSteward]),
            Self::Tune => Some(&[LeadSteward, Administrator]),
            Self::ViewUsers => Some(&[Administrator, Auditor]),
            Self::ChangeUsers => Some(&[Administrator]),
        }
    }

    /// Whether a role may.
    pub(crate) fn allows(self, role: Role) -> bool {
        self.roles().is_none_or(|roles| roles.contains(&role))
    }
}

/// The role in words.
pub(super) const fn role_name(role: Role) -> &'static str {
    match role {
        Registrar => "Registrar",
        Steward => "Steward",
        LeadSteward => "Lead steward",
        Auditor => "Auditor",
        Administrator => "Administrator",
    }
}
