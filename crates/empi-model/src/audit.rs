//! Who saw or changed what, when, from where and why: the words of the audit trail.

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
