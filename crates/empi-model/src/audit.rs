//! Who saw or changed what, when, from where and why: the words of the audit trail.

use std::net::IpAddr;
use std::sync::Arc;

use crate::{EnterpriseId, EventSequence, Operation, Timestamp};

/// Through which interface somebody came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Interface {
    /// gRPC.
    Grpc = 1,
    /// The web pages.
    Web = 2,
    /// HL7 version 2.
    Hl7 = 3,
    /// FHIR.
    Fhir = 4,
    /// A command on the machine of the index.
    Command = 5,
    /// The program itself.
    Internal = 6,
}

impl Interface {
    /// Every interface, in the order of their numbers.
    pub const ALL: [Self; 6] =
        [Self::Grpc, Self::Web, Self::Hl7, Self::Fhir, Self::Command, Self::Internal];

    /// Its name in the audit trail.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::Web => "web",
            Self::Hl7 => "hl7",
            Self::Fhir => "fhir",
            Self::Command => "command",
            Self::Internal => "internal",
        }
    }
}

/// What a call is for: the codes of HL7's PurposeOfUse that a patient index meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Purpose {
    /// The caller did not say.
    Unsaid = 0,
    /// Treatment.
    Treatment = 1,
    /// Treatment in an emergency.
    EmergencyTreatment = 2,
    /// Payment.
    Payment = 3,
    /// Operations of health care, such as looking after this index.
    Operations = 4,
    /// Public health.
    PublicHealth = 5,
    /// Research.
    Research = 6,
    /// The patient asks.
    PatientRequest = 7,
    /// Coverage under a plan.
    Coverage = 8,
    /// Administration of the system.
    Administration = 9,
    /// Breaking the glass.
    BreakGlass = 10,
}

impl Purpose {
    /// Every purpose, in the order of their numbers.
    pub const ALL: [Self; 11] = [
        Self::Unsaid,
        Self::Treatment,
        Self::EmergencyTreatment,
        Self::Payment,
        Self::Operations,
        Self::PublicHealth,
        Self::Research,
        Self::PatientRequest,
        Self::Coverage,
        Self::Administration,
        Self::BreakGlass,
    ];

    /// Its code in HL7's table; empty where nothing was said.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unsaid => "",
            Self::Treatment => "TREAT",
            Self::EmergencyTreatment => "ETREAT",
            Self::Payment => "HPAYMT",
            Self::Operations => "HOPERAT",
            Self::PublicHealth => "PUBHLTH",
            Self::Research => "HRESCH",
            Self::PatientRequest => "PATRQT",
            Self::Coverage => "COVERAGE",
            Self::Administration => "SYSADMIN",
            Self::BreakGlass => "BTG",
        }
    }

    /// The purpose of a code, in any case of letters.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.code().eq_ignore_ascii_case(code.trim()))
    }
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum AuditOutcome {
    /// It was done, or shown.
    Done = 1,
    /// What was asked for is not there, contradicts what stands, or breaks a rule.
    Refused = 2,
    /// The caller may not, or is not known.
    Denied = 3,
    /// The program or the machine failed.
    Failed = 4,
}

impl AuditOutcome {
    /// Every outcome, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Done, Self::Refused, Self::Denied, Self::Failed];

    /// Its name in the audit trail.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Denied => "denied",
            Self::Failed => "failed",
        }
    }
}

/// Most persons that one entry names; further ones are counted.
pub const AUDIT_PERSONS_MAX: usize = 100;

/// Who asks, from where, what for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The name of the account, user, sender or client. Of a change by somebody unnamed it is that of the event's actor.
    pub name: String,
    /// How they came.
    pub interface: Interface,
    /// From which machine, where that is known.
    pub address: Option<IpAddr>,
    /// What for.
    pub purpose: Purpose,
    /// The reason that they gave, where one was asked for. Never patient data.
    pub reason: String,
}

impl Asker {
    /// The program itself.
    #[must_use]
    pub fn internal(name: impl Into<String>) -> Self {
        let (interface, address, purpose) = (Interface::Internal, None, Purpose::Unsaid);
        Self { name: name.into(), interface, address, purpose, reason: String::new() }
    }

    /// A command on the machine of the index.
    #[must_use]
    pub fn command() -> Self {
        Self { interface: Interface::Command, ..Self::internal("command line") }
    }
}

/// Who asks, and what they do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Who asks.
    pub asker: Arc<Asker>,
    /// What they do.
    pub operation: Operation,
}

/// One entry of the audit trail. It names persons by enterprise ID and changes by event, and holds no value of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub time: Timestamp,
    /// Who, and what.
    pub asked: Asked,
    /// How it went.
    pub outcome: AuditOutcome,
    /// The event of a change.
    pub event: Option<EventSequence>,
    /// The persons that were shown or changed, at most [`AUDIT_PERSONS_MAX`], each once, in order.
    pub persons: Vec<EnterpriseId>,
    /// How many persons there were.
    pub persons_total: u32,
    /// How often it happened: the same, in a row, by the same asker, to nobody.
    pub times: u32,
}

impl AuditEntry {
    /// An entry about persons: each is named once, those beyond the limit are counted.
    #[must_use]
    pub fn new(
        time: Timestamp,
        asked: Asked,
        outcome: AuditOutcome,
        mut persons: Vec<EnterpriseId>,
    ) -> Self {
        persons.sort_unstable();
        persons.dedup();
        let persons_total = u32::try_from(persons.len()).unwrap_or(u32::MAX);
        persons.truncate(AUDIT_PERSONS_MAX);
        Self { time, asked, outcome, event: None, persons, persons_total, times: 1 }
    }

    /// Whether persons are to be told of it who ask to whom they were disclosed (45 CFR 164.528): somebody was shown
    /// persons, and neither for their treatment, payment or operations of health care, nor because they asked. Where
    /// nobody said what for, they are told.
    #[must_use]
    pub fn is_accountable(&self) -> bool {
        let is_excepted = matches!(
            self.asked.asker.purpose,
            Purpose::Treatment
                | Purpose::EmergencyTreatment
                | Purpose::Payment
                | Purpose::Operations
                | Purpose::PatientRequest
        );
        let is_shown = self.persons_total > 0 && self.event.is_none();
        is_shown && !is_excepted && matches!(self.outcome, AuditOutcome::Done)
    }

    /// Whether another entry says the same of nobody, so that both can be one.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        let is_of_nobody = self.persons_total == 0 && self.event.is_none();
        is_of_nobody
            && (&self.asked, self.outcome, self.event, self.persons_total)
                == (&other.asked, other.outcome, other.event, other.persons_total)
    }
}

/// The end of the chain of entries: whoever keeps one elsewhere can prove that nothing before it was altered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct AuditHead {
    /// The number of the last entry; 0 for none.
    pub sequence: u64,
    /// Its hash, which stands for it and all before it.
    pub hash: [u8; 32],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn persons_are_told_of_what_was_shown_for_none_of_the_usual_purposes() {
        let person = EnterpriseId::from_number(1);
        let entry = |purpose, outcome, persons: &[EnterpriseId]| {
            let asker = Asker { purpose, ..Asker::internal("lab") };
            let asked = Asked { asker: Arc::new(asker), operation: Operation::ViewPersons };
            AuditEntry::new(Timestamp(0), asked, outcome, persons.to_vec())
        };
        for purpose in Purpose::ALL {
            let expected = matches!(
                purpose,
                Purpose::Unsaid
                    | Purpose::PublicHealth
                    | Purpose::Research
                    | Purpose::Coverage
                    | Purpose::Administration
                    | Purpose::BreakGlass
            );
            let told = entry(purpose, AuditOutcome::Done, &[person]).is_accountable();
            assert_eq!(told, expected, "{purpose:?}");
        }
        let research =
            |outcome, persons: &[EnterpriseId]| entry(Purpose::Research, outcome, persons);
        assert!(!research(AuditOutcome::Done, &[]).is_accountable(), "nobody was shown");
        assert!(!research(AuditOutcome::Denied, &[person]).is_accountable());
        let change =
            AuditEntry { event: Some(EventSequence(1)), ..research(AuditOutcome::Done, &[person]) };
        assert!(!change.is_accountable(), "it is no disclosure");
    }
}
