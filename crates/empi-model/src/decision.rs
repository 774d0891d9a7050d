//! What is concluded from a score: link, review or neither, and what held it back.

/// The three regions of Fellegi and Sunter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LinkDecision {
    /// Below the review threshold: the records stay apart.
    NonLink,
    /// A possible link: a person decides.
    Review,
    /// The records are one person.
    Link,
}

impl LinkDecision {
    /// The word used in files and answers: `link`, `review` or `non_link`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Review => "review",
            Self::NonLink => "non_link",
        }
    }
}

/// The outward, FHIR word for the strength of a match (`match-grade`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MatchGrade {
    /// Below the review threshold.
    CertainlyNot,
    /// In the review region.
    Possible,
    /// At or above the link threshold by weight, but held back by a guard.
    Probable,
    /// A link.
    Certain,
}

/// A rule that outranks a high weight: it turns *link* into *review*, never into silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Guard {
    /// Same birth date and family or mother, another given name or birth order: perhaps twins.
    PossibleTwins = 1,
    /// Different generational suffixes: perhaps father and son.
    SuffixConflict = 2,
    /// Same name, births at least 14 years apart: perhaps parent and child.
    GenerationGap = 3,
    /// Two full national numbers that differ by more than a typing error, and a name or a birth
    /// date that differs too.
    IdentifierConflict = 4,
    /// Too few independent groups of evidence were compared.
    EvidenceFloor = 5,
    /// A newborn's temporary name stands on one side.
    NewbornName = 6,
    /// A steward keeps the two apart.
    KeptApart = 7,
    /// Joining would make a person of more records than `person_records_max`.
    OversizedPerson = 8,
    /// The records of one side resemble those of the other too little on average.
    WeakCluster = 9,
    /// Several persons answer to this record; a person must say which, or that they are one.
    SeveralPersons = 10,
    /// A block was larger than `block_records_max`, so some candidates were never looked at.
    CappedBlock = 11,
    /// Two records of one source that declares its records to be different people.
    SameSourceDistinct = 12,
    /// One national number or identifier, but another given name and another birth date: perhaps a
    /// relative's number.
    SharedNumber = 13,
    /// Two groups of records that resemble one another hardly at all are one person by one weak link.
    BridgedPerson = 14,
    /// Only a value that very many people share would link the two.
    HubValue = 15,
}

impl Guard {
    /// Every guard, in the order of their numbers.
    pub const ALL: [Self; 15] = [
        Self::PossibleTwins,
        Self::SuffixConflict,
        Self::GenerationGap,
        Self::IdentifierConflict,
        Self::EvidenceFloor,
        Self::NewbornName,
        Self::KeptApart,
        Self::OversizedPerson,
        Self::WeakCluster,
        Self::SeveralPersons,
        Self::CappedBlock,
        Self::SameSourceDistinct,
        Self::SharedNumber,
        Self::BridgedPerson,
        Self::HubValue,
    ];

    /// The guard's name in files, answers and explanations.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PossibleTwins => "possible_twins",
            Self::SuffixConflict => "suffix_conflict",
            Self::GenerationGap => "generation_gap",
            Self::IdentifierConflict => "identifier_conflict",
            Self::EvidenceFloor => "evidence_floor",
            Self::NewbornName => "newborn_name",
            Self::KeptApart => "kept_apart",
            Self::OversizedPerson => "oversized_person",
            Self::WeakCluster => "weak_cluster",
            Self::SeveralPersons => "several_persons",
            Self::CappedBlock => "capped_block",
            Self::SameSourceDistinct => "same_source_distinct",
            Self::SharedNumber => "shared_number",
            Self::BridgedPerson => "bridged_person",
            Self::HubValue => "hub_value",
        }
    }

    /// The inverse of [`as_str`](Self::as_str).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|guard| guard.as_str() == name)
    }

    /// Why the guard holds a link back, in one sentence for a data steward.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::PossibleTwins => {
                "same birth date and family, but another given name or birth order: perhaps twins"
            }
            Self::SuffixConflict => "the suffixes differ: perhaps parent and child",
            Self::GenerationGap => {
                "same name, but births at least 14 years apart: perhaps parent and child"
            }
            Self::IdentifierConflict => {
                "the national numbers differ, and the name or the birth date does too"
            }
            Self::EvidenceFloor => "too few independent kinds of evidence could be compared",
            Self::NewbornName => "one side carries a newborn's temporary name",
            Self::KeptApart => "a steward keeps the two apart",
            Self::OversizedPerson => "the person would have more records than the limit",
            Self::WeakCluster => {
                "one record agrees, but the person's other records agree too little"
            }
            Self::SeveralPersons => "more than one person answers to this record",
            Self::CappedBlock => {
                "a value is shared by so many records that not all of them were compared"
            }
            Self::SameSourceDistinct => {
                "both records are from one source, which declares that its records are different people"
            }
            Self::SharedNumber => {
                "one number, but another given name and birth date: perhaps a relative's number"
            }
            Self::BridgedPerson => {
                "two groups of records resemble one another only by one weak link"
            }
            Self::HubValue => "only a value that very many people share would link the two",
        }
    }
}

/// Kinds of evidence that are independent of one another; the evidence floor counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum EvidenceGroup {
    /// Given, middle and family name, suffix.
    Name = 0,
    /// Birth date.
    Birth = 1,
    /// Social Security number and identifiers by authority.
    Number = 2,
    /// Postal address.
    Address = 3,
    /// Telephone and e-mail.
    Contact = 4,
    /// Mother's maiden name.
    Family = 5,
    /// Sex: compared, but never counted towards the floor.
    Sex = 6,
}
