//! What of a patient is shown to whom: the one table of roles and fields, and who sees persons that are not to be shared.
//!
//! Everybody gets what their work needs and no more (45 CFR 164.502(b), "minimum necessary"). What is not shown is left
//! out of an answer, and the answer tells which fields were.

use crate::{Domains, GoldenField, Operation, PatientText, Role, SourceRecord};

/// Digits of a national number that are enough to ask the patient for.
const DIGITS_SHOWN: usize = 4;

/// How much of a field is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shown {
    /// Nothing.
    Nothing,
    /// Of a number the last four digits, of anything else nothing.
    LastFour,
    /// All of it.
    Whole,
}

impl Role {
    /// How much of a field the role is shown of records that are not of its own domains.
    #[must_use]
    pub const fn is_shown(self, field: GoldenField) -> Shown {
        use GoldenField as Field;
        match (self, field) {
            // Whoever decides who is who compares everything.
            (Self::Steward | Self::LeadSteward, _) => Shown::Whole,
            // The patient is asked for the last digits, at the desk and by the programs there.
            (Self::Registrar | Self::Source | Self::Reader, Field::Ssn) => Shown::LastFour,
            (Self::Registrar | Self::Source | Self::Reader, _) => Shown::Whole,
            // Who was looked at, and not where they live.
            (Self::Auditor, Field::Name | Field::BirthDate | Field::Sex | Field::Identifier) => {
                Shown::Whole
            }
            (Self::Auditor, Field::Ssn) => Shown::LastFour,
            (Self::Auditor | Self::Administrator, _) => Shown::Nothing,
        }
    }
}

/// What somebody is shown of patients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    roles: Vec<Role>,
    /// Whose own records these are: shown whole, whatever is asked for about them.
    own: Domains,
    sees_restricted: bool,
    is_whole: bool,
}

impl Sight {
    /// Everything of everybody: what an index shows that nobody is known to.
    #[must_use]
    pub const fn whole() -> Self {
        Self { roles: Vec::new(), own: Domains::none(), sees_restricted: true, is_whole: true }
    }

    /// What these roles are shown: of each field the most that one of them is.
    #[must_use]
    pub fn of(roles: &[Role], domains: &Domains) -> Self {
        let is_source = roles.contains(&Role::Source);
        Self {
            roles: roles.to_vec(),
            own: if is_source { domains.clone() } else { Domains::none() },
            sees_restricted: roles.iter().any(|role| Operation::ViewRestricted.allows(*role)),
            is_whole: false,
        }
    }

    /// Whether persons whose data are not to be shared are shown.
    #[must_use]
    pub const fn sees_restricted(&self) -> bool {
        self.sees_restricted
    }

    /// Whether a source is one of the caller's own.
    #[must_use]
    pub fn owns(&self, source: &str) -> bool {
        self.own.contain(source)
    }

    /// How much of a field is shown.
    #[must_use]
    pub fn is_shown(&self, field: GoldenField) -> Shown {
        if self.is_whole {
            return Shown::Whole;
        }
        self.roles.iter().map(|role| role.is_shown(field)).max().unwrap_or(Shown::Nothing)
    }

    /// Takes out of a record what is not shown, and tells of which fields anything was.
    pub fn mask(&self, record: &mut SourceRecord) -> Vec<GoldenField> {
        let is_own = !record.key.source.is_empty() && self.owns(&record.key.source);
        if self.is_whole || is_own {
            return Vec::new();
        }
        let fields = GoldenField::ALL.into_iter();
        fields.filter(|field| take_out(record, *field, self.is_shown(*field))).collect()
    }
}

/// Takes what is not shown out of a field; whether there was anything to take.
fn take_out(record: &mut SourceRecord, field: GoldenField, shown: Shown) -> bool {
    let one = |value: &mut Option<PatientText>| match (value.as_ref(), shown) {
        (None, _) | (_, Shown::Whole) => false,
        (Some(_), Shown::Nothing) => value.take().is_some(),
        (Some(text), Shown::LastFour) => {
            let last = last_four(text);
            let is_less = last.as_ref() != Some(text);
            *value = last;
            is_less
        }
    };
    let is_whole = shown == Shown::Whole;
    match field {
        GoldenField::Ssn => one(&mut record.ssn),
        GoldenField::BirthDate => one(&mut record.birth_date),
        GoldenField::Sex => one(&mut record.sex),
        GoldenField::MotherMaidenName => one(&mut record.mother_maiden_name),
        GoldenField::GuardianName => one(&mut record.guardian_name),
        GoldenField::BirthPlace => one(&mut record.birth_place),
        GoldenField::BirthOrder => one(&mut record.birth_order),
        _ if is_whole => false,
        GoldenField::Name => !std::mem::take(&mut record.names).is_empty(),
        GoldenField::Address => !std::mem::take(&mut record.addresses).is_empty(),
        GoldenField::Phone => !std::mem::take(&mut record.phones).is_empty(),
        GoldenField::Email => !std::mem::take(&mut record.emails).is_empty(),
        GoldenField::Identifier => !std::mem::take(&mut record.identifiers).is_empty(),
    }
}

/// The last four digits of a number that has more than them; a number of no more is shown as it is.
fn last_four(text: &PatientText) -> Option<PatientText> {
    let digits: Vec<char> = text.expose().chars().filter(char::is_ascii_digit).collect();
    let last = digits.get(digits.len().saturating_sub(DIGITS_SHOWN)..).unwrap_or_default();
    PatientText::non_blank(&last.iter().collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Identifier, PersonName, PostalAddress, RecordKey};

    fn record() -> SourceRecord {
        let text = |text: &str| PatientText::non_blank(text);
        let given = text("Ada");
        SourceRecord {
            key: RecordKey::new("north", "1"),
            names: vec![PersonName { given, ..PersonName::default() }],
            birth_date: text("1980-02-03"),
            sex: text("F"),
            ssn: text("457-12-9983"),
            addresses: vec![PostalAddress { street: text("1 Elm St"), ..PostalAddress::default() }],
            phones: text("617-555-8123").into_iter().collect(),
            emails: text("a@example.org").into_iter().collect(),
            identifiers: vec![Identifier {
                authority: "mrn".to_owned(),
                value: PatientText::new("77"),
            }],
            mother_maiden_name: text("Roe"),
            guardian_name: text("Poe"),
            birth_place: text("Oslo"),
            birth_order: text("1"),
        }
    }

    /// The table as it was meant: a letter for each role in the order of `Role::ALL`; `A` all, `4` the last four digits,
    /// `-` nothing.
    const MEANT: [(GoldenField, &str); 12] = [
        (GoldenField::Name, "AAAA-AA"),
        (GoldenField::BirthDate, "AAAA-AA"),
        (GoldenField::Sex, "AAAA-AA"),
        (GoldenField::Ssn, "4AA4-44"),
        (GoldenField::Address, "AAA--AA"),
        (GoldenField::Phone, "AAA--AA"),
        (GoldenField::Email, "AAA--AA"),
        (GoldenField::Identifier, "AAAA-AA"),
        (GoldenField::MotherMaidenName, "AAA--AA"),
        (GoldenField::GuardianName, "AAA--AA"),
        (GoldenField::BirthPlace, "AAA--AA"),
        (GoldenField::BirthOrder, "AAA--AA"),
    ];

    #[test]
    fn every_role_is_shown_of_every_field_what_was_meant() {
        for (field, letters) in MEANT {
            let letter = |role: Role| match role.is_shown(field) {
                Shown::Whole => 'A',
                Shown::LastFour => '4',
                Shown::Nothing => '-',
            };
            assert_eq!(Role::ALL.into_iter().map(letter).collect::<String>(), letters, "{field:?}");
        }
    }

    #[test]
    fn what_is_not_shown_is_not_in_the_record_and_is_told() {
        for role in Role::ALL {
            let sight = Sight::of(&[role], &Domains::none());
            let mut shown = record();
            let withheld = sight.mask(&mut shown);
            let of_role = GoldenField::ALL.into_iter();
            let expected: Vec<_> =
                of_role.filter(|field| role.is_shown(*field) != Shown::Whole).collect();
            assert_eq!(withheld, expected, "{role:?}");
            let ssn = shown.ssn.as_ref().map(PatientText::expose);
            let meant = match role.is_shown(GoldenField::Ssn) {
                Shown::Whole => Some("457-12-9983"),
                Shown::LastFour => Some("9983"),
                Shown::Nothing => None,
            };
            assert_eq!(ssn, meant, "{role:?}");
            // What is masked once has nothing more to be taken out but the digits that are shown.
            assert_eq!(sight.mask(&mut shown), [], "{role:?}");
        }
    }

    #[test]
    fn several_roles_see_what_one_of_them_does_and_a_source_its_own_records_whole() {
        let both = Sight::of(&[Role::Auditor, Role::Registrar], &Domains::none());
        assert_eq!(both.is_shown(GoldenField::Phone), Shown::Whole);
        assert_eq!(both.is_shown(GoldenField::Ssn), Shown::LastFour);
        assert!(both.sees_restricted());
        let own = Domains::Only(["north".to_owned()].into());
        for (role, sees_own) in [(Role::Source, true), (Role::Reader, false)] {
            let sight = Sight::of(&[role], &own);
            assert_eq!(sight.mask(&mut record()).is_empty(), sees_own, "{role:?}");
            assert!(!sight.sees_restricted());
        }
        // The best view of a person is nobody's own.
        let mut golden = SourceRecord { key: RecordKey::default(), ..record() };
        let all = Sight::of(&[Role::Source], &Domains::All);
        assert_eq!(all.mask(&mut golden), [GoldenField::Ssn]);
        assert_eq!(Sight::whole().mask(&mut record()), []);
    }
}
