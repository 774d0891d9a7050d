//! Who may do what: the one table of roles, operations and domains.
//!
//! Every way into the index (a gRPC method, a page, an HL7 event, a FHIR interaction) names its [`Operation`], and one
//! door looks here before anything else happens. An operation without a line does not compile; tests walk every way
//! in there is, and every role through it.

use crate::Role::{self, Administrator, Auditor, LeadSteward, Reader, Registrar, Source, Steward};

/// What somebody does. The numbers stand in the audit trail, so they are for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Operation {
    /// Ask whether the server lives, how much it does, what it can do.
    Probe = 1,
    /// Show the form to sign in, and take what was typed into it.
    SignIn = 2,
    /// Look at the overview, choose one's own password and colours, sign out.
    OwnAccount = 3,
    /// Find persons, match against them, and look at them.
    ViewPersons = 4,
    /// Look at one record by its key.
    ViewRecords = 5,
    /// Look at the review queue and its questions.
    ViewQueue = 6,
    /// Look at the figures of the index and of the work on it, which name no patient.
    ViewQuality = 7,
    /// Follow what changes: enterprise IDs and record keys.
    ViewEvents = 8,
    /// See what decisions of the past compared.
    ViewPast = 9,
    /// Register records and change them.
    RegisterRecords = 10,
    /// Withdraw records, or let one of a source take the place of another.
    RetireRecords = 11,
    /// Say as a source which of its records are one person, and which are not.
    RelateRecords = 12,
    /// Take questions, answer them, put them off, and undo it.
    Decide = 13,
    /// Answer many questions at once, and undo it.
    DecideMany = 14,
    /// Merge, split and keep apart by hand, and undo any event.
    ChangeIdentities = 15,
    /// See who may sign in, and what was changed about it.
    ViewUsers = 16,
    /// Add users, give them roles, disable them, reset their passwords.
    ChangeUsers = 17,
    /// See which service accounts there are.
    ViewAccounts = 18,
    /// Make service accounts, change and revoke their tokens.
    ChangeAccounts = 19,
    /// See how much the index holds.
    ViewStats = 20,
    /// Copy the index, and check it.
    Maintain = 21,
    /// Read and check the audit trail.
    ViewAudit = 22,
    /// Take everything that is held about one person out as one document.
    ExportPersons = 23,
    /// Take old entries out of the audit trail, into an archive.
    RetireAudit = 24,
    /// Label pairs of a random sample, blind.
    Label = 25,
    /// Draw the pairs to be labelled.
    DrawSample = 26,
    /// Look into the tuning lab, try models there, put one in force and take it back.
    Tune = 27,
    /// Let another master key open an index that is encrypted at rest.
    RotateKey = 28,
    /// Erase a person for good.
    ErasePersons = 29,
    /// Be shown persons whose data are not to be shared, without a word why.
    ViewRestricted = 30,
    /// Be shown such a person for a short time, in an emergency that is stated and looked at afterwards.
    BreakGlass = 31,
    /// Look at the emergencies that were stated, and say what came of looking.
    ReviewGlass = 32,
    /// Say that a person's data are not to be shared, or not to be linked, and take it back.
    SetConsent = 33,
    /// Let what somebody else has proposed be done: erasing a person, merging very many.
    Approve = 34,
}

/// What a cell of the table says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grant {
    /// No.
    Denied,
    /// For records of the caller's own domains.
    OwnDomains,
    /// Whatever the domain.
    AllDomains,
}

/// One line of the table.
struct Line {
    /// Everybody may, whoever they are.
    is_open: bool,
    /// These may, whatever the domain.
    all: &'static [Role],
    /// These may within their own domains.
    own: &'static [Role],
}

const fn open() -> Line {
    Line { is_open: true, all: &[], own: &[] }
}

const fn all(all: &'static [Role]) -> Line {
    Line { is_open: false, all, own: &[] }
}

const fn own(own: &'static [Role]) -> Line {
    Line { is_open: false, all: &[], own }
}

impl Operation {
    /// Every operation, in the order of their numbers.
    pub const ALL: [Self; 34] = [
        Self::Probe,
        Self::SignIn,
        Self::OwnAccount,
        Self::ViewPersons,
        Self::ViewRecords,
        Self::ViewQueue,
        Self::ViewQuality,
        Self::ViewEvents,
        Self::ViewPast,
        Self::RegisterRecords,
        Self::RetireRecords,
        Self::RelateRecords,
        Self::Decide,
        Self::DecideMany,
        Self::ChangeIdentities,
        Self::ViewUsers,
        Self::ChangeUsers,
        Self::ViewAccounts,
        Self::ChangeAccounts,
        Self::ViewStats,
        Self::Maintain,
        Self::ViewAudit,
        Self::ExportPersons,
        Self::RetireAudit,
        Self::Label,
        Self::DrawSample,
        Self::Tune,
        Self::RotateKey,
        Self::ErasePersons,
        Self::ViewRestricted,
        Self::BreakGlass,
        Self::ReviewGlass,
        Self::SetConsent,
        Self::Approve,
    ];

    /// The table.
    const fn line(self) -> Line {
        match self {
            Self::Probe | Self::SignIn => open(),
            Self::OwnAccount => all(&Role::PEOPLE),
            Self::ViewPersons => all(&[Registrar, Steward, LeadSteward, Auditor, Source, Reader]),
            Self::ViewRecords => {
                Line { own: &[Source], ..all(&[Registrar, Steward, LeadSteward, Auditor, Reader]) }
            }
            Self::ViewQueue | Self::ViewPast => all(&[Steward, LeadSteward, Auditor]),
            Self::ViewQuality => all(&[Steward, LeadSteward, Auditor, Administrator]),
            Self::ViewEvents => all(&[Steward, LeadSteward, Auditor, Source, Reader]),
            Self::RegisterRecords | Self::RetireRecords | Self::RelateRecords => own(&[Source]),
            Self::DecideMany | Self::DrawSample | Self::ErasePersons | Self::Approve => {
                all(&[LeadSteward])
            }
            Self::Decide | Self::ChangeIdentities | Self::Label | Self::SetConsent => {
                all(&[Steward, LeadSteward])
            }
            Self::Tune => all(&[LeadSteward, Administrator]),
            Self::ViewUsers | Self::ViewAccounts => all(&[Administrator, Auditor]),
            Self::ChangeUsers
            | Self::ChangeAccounts
            | Self::Maintain
            | Self::RetireAudit
            | Self::RotateKey => all(&[Administrator]),
            Self::ViewStats => all(&Role::ALL),
            Self::ViewAudit | Self::ReviewGlass => all(&[Auditor]),
            Self::ExportPersons | Self::ViewRestricted => all(&[LeadSteward, Auditor]),
            Self::BreakGlass => all(&[Registrar, Steward, Source, Reader]),
        }
    }

    /// What the table says of a role.
    #[must_use]
    pub fn grant(self, role: Role) -> Grant {
        let Line { is_open, all, own } = self.line();
        if is_open || all.contains(&role) {
            Grant::AllDomains
        } else if own.contains(&role) {
            Grant::OwnDomains
        } else {
            Grant::Denied
        }
    }

    /// Whether everybody may, whoever they are.
    #[must_use]
    pub const fn is_open(self) -> bool {
        self.line().is_open
    }

    /// Whether a role may at all.
    #[must_use]
    pub fn allows(self, role: Role) -> bool {
        self.grant(role) != Grant::Denied
    }

    /// Whether the audit trail tells of it also where nobody was shown and nothing was changed.
    #[must_use]
    pub const fn is_audited(self) -> bool {
        !matches!(self, Self::Probe | Self::OwnAccount | Self::ViewStats | Self::ViewQuality)
    }

    /// The operation's name in the audit trail and in configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Probe => "probe",
            Self::SignIn => "sign-in",
            Self::OwnAccount => "own-account",
            Self::ViewPersons => "view-persons",
            Self::ViewRecords => "view-records",
            Self::ViewQueue => "view-queue",
            Self::ViewQuality => "view-quality",
            Self::ViewEvents => "view-events",
            Self::ViewPast => "view-past",
            Self::RegisterRecords => "register-records",
            Self::RetireRecords => "retire-records",
            Self::RelateRecords => "relate-records",
            Self::Decide => "decide",
            Self::DecideMany => "decide-many",
            Self::ChangeIdentities => "change-identities",
            Self::ViewUsers => "view-users",
            Self::ChangeUsers => "change-users",
            Self::ViewAccounts => "view-accounts",
            Self::ChangeAccounts => "change-accounts",
            Self::ViewStats => "view-stats",
            Self::Maintain => "maintain",
            Self::ViewAudit => "view-audit",
            Self::ExportPersons => "export-persons",
            Self::RetireAudit => "retire-audit",
            Self::Label => "label",
            Self::DrawSample => "draw-sample",
            Self::Tune => "tune",
            Self::RotateKey => "rotate-key",
            Self::ErasePersons => "erase-persons",
            Self::ViewRestricted => "view-restricted",
            Self::BreakGlass => "break-glass",
            Self::ReviewGlass => "review-glass",
            Self::SetConsent => "set-consent",
            Self::Approve => "approve",
        }
    }

    /// The operation of a number in the audit trail.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|it| *it as u32 == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole table as it was meant: a letter for each role in the order of `Role::ALL`; `A` whatever the domain,
    /// `o` in its own, `-` not at all.
    const MEANT: [(&str, &str); 34] = [
        ("probe", "AAAAAAA"),
        ("sign-in", "AAAAAAA"),
        ("own-account", "AAAAA--"),
        ("view-persons", "AAAA-AA"),
        ("view-records", "AAAA-oA"),
        ("view-queue", "-AAA---"),
        ("view-quality", "-AAAA--"),
        ("view-events", "-AAA-AA"),
        ("view-past", "-AAA---"),
        ("register-records", "-----o-"),
        ("retire-records", "-----o-"),
        ("relate-records", "-----o-"),
        ("decide", "-AA----"),
        ("decide-many", "--A----"),
        ("change-identities", "-AA----"),
        ("view-users", "---AA--"),
        ("change-users", "----A--"),
        ("view-accounts", "---AA--"),
        ("change-accounts", "----A--"),
        ("view-stats", "AAAAAAA"),
        ("maintain", "----A--"),
        ("view-audit", "---A---"),
        ("export-persons", "--AA---"),
        ("retire-audit", "----A--"),
        ("label", "-AA----"),
        ("draw-sample", "--A----"),
        ("tune", "--A-A--"),
        ("rotate-key", "----A--"),
        ("erase-persons", "--A----"),
        ("view-restricted", "--AA---"),
        ("break-glass", "AA---AA"),
        ("review-glass", "---A---"),
        ("set-consent", "-AA----"),
        ("approve", "--A----"),
    ];

    #[test]
    fn every_cell_of_the_table_is_as_it_was_meant() {
        for (operation, (name, cells)) in Operation::ALL.into_iter().zip(MEANT) {
            let cell = |role| match operation.grant(role) {
                Grant::Denied => '-',
                Grant::OwnDomains => 'o',
                Grant::AllDomains => 'A',
            };
            let said: String = Role::ALL.into_iter().map(cell).collect();
            assert_eq!((operation.as_str(), said.as_str()), (name, cells));
        }
    }

    #[test]
    fn numbers_of_operations_are_for_ever() {
        for (number, operation) in (1..).zip(Operation::ALL) {
            assert_eq!(Operation::from_number(number), Some(operation));
        }
        assert_eq!(Operation::from_number(0), None);
        assert_eq!(Operation::from_number(35), None);
    }

    #[test]
    fn only_machines_are_bound_to_domains_and_no_auditor_changes_anything() {
        use Operation as Op;
        for operation in Op::ALL {
            for role in Role::PEOPLE {
                assert_ne!(operation.grant(role), Grant::OwnDomains, "{operation:?} {role:?}");
            }
        }
        for change in [
            Op::RegisterRecords,
            Op::RetireRecords,
            Op::RelateRecords,
            Op::Decide,
            Op::DecideMany,
            Op::ChangeIdentities,
            Op::ChangeUsers,
            Op::ChangeAccounts,
            Op::RotateKey,
            Op::ErasePersons,
            Op::SetConsent,
            Op::Approve,
        ] {
            assert!(!change.allows(Auditor), "{change:?}");
            assert!(!change.allows(Reader), "{change:?}");
        }
    }
}
