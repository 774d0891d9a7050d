//! How often what goes wrong: one table, read by the generator, its tests and `datasets/README.md`.
//!
//! The rates of `realistic` are chosen so that confirmed duplicates differ where they differ in real
//! indexes: in a study of 398,939 records with confirmed duplicates the middle name disagreed most
//! often (58.3 %), then the SSN (53.5 %), and misspelling was behind 53.1 % of the disagreements of
//! given names and 33.6 % of those of family names, swaps and name changes behind many of the others
//! (Just, Marc, Munns, Sandefer 2016, PMC4832129). Rates of single errors are not in that study; they
//! are set to give such proportions.

/// How dirty the records are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Difficulty {
    /// A third of the realistic rates
    Easy,
    /// About what master patient indexes hold
    Realistic,
    /// Twice the realistic rates
    Hard,
}

macro_rules! error_kinds {
    ($($group:literal: $($name:ident $rate:literal $meaning:literal),+;)+) => {
        /// One way in which a record departs from the truth. It can only happen where the truth has
        /// the value; at most one of a field's kinds happens to one record.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum ErrorKind {
            $($(#[doc = $meaning] $name,)+)+
        }

        /// Every kind with its field, its realistic rate per million, and its meaning.
        pub(super) const RATES: &[(ErrorKind, &str, u32, &str)] =
            &[$($((ErrorKind::$name, $group, $rate, $meaning),)+)+];
    };
}

error_kinds! {
    "given_name":
        GivenMissing 1_000 "missing",
        GivenPlaceholder 2_000 "UNKNOWN, UNK, FNU, TEST",
        GivenTyping 16_000 "one typing error",
        GivenPhonetic 10_000 "spelt as it sounds",
        GivenOcr 4_000 "letters that a scanner confuses",
        GivenNickname 60_000 "the nickname, where the name has one",
        GivenInitial 6_000 "the initial alone",
        GivenMiddleSwapped 6_000 "swapped with the middle name",
        GivenFamilySwapped 5_000 "swapped with the family name";
    "middle_name":
        MiddleMissing 200_000 "missing",
        MiddleInitial 200_000 "the initial alone",
        MiddleTyping 20_000 "one typing error";
    "family_name":
        FamilyPlaceholder 1_500 "UNKNOWN, UNK, LNU, DOE",
        FamilyTyping 13_000 "one typing error",
        FamilyPhonetic 10_000 "spelt as it sounds",
        FamilyOcr 4_000 "letters that a scanner confuses";
    "family_name (changed)":
        FamilyOutdated 150_000 "the former name, although it has changed";
    "family_name (hyphenated)":
        FamilyPart 300_000 "one part of a hyphenated name, or a blank for the hyphen";
    "suffix":
        SuffixMissing 400_000 "missing",
        SuffixInFamily 100_000 "written behind the family name";
    "birth_date":
        BirthMissing 10_000 "missing",
        BirthPlaceholder 4_000 "1900-01-01 or 1901-01-01",
        BirthJanuaryFirst 3_000 "the first of January of the right year",
        BirthSwapped 8_000 "day and month swapped, where that is a date",
        BirthDigit 11_000 "one digit wrong, still a date";
    "sex":
        SexMissing 20_000 "missing or unknown",
        SexWrong 4_000 "the other one";
    "ssn":
        SsnMissing 420_000 "missing",
        SsnLastFour 80_000 "the last four digits alone",
        SsnPlaceholder 15_000 "999-99-9999, 123-45-6789 and the like",
        SsnDigit 8_000 "one digit wrong",
        SsnTransposed 5_000 "two neighbouring digits transposed",
        SsnOfRelative 2_000 "that of another person of the household";
    "address (moved)":
        AddressOutdated 100_000 "the address before the last move";
    "address":
        AddressMissing 30_000 "missing",
        AddressPlaceholder 4_000 "HOMELESS, GENERAL DELIVERY, UNKNOWN",
        StreetTyping 25_000 "one typing error in the street name",
        StreetOcr 5_000 "letters that a scanner confuses",
        HouseNumberDigit 10_000 "one digit of the house number wrong";
    "unit":
        UnitMissing 200_000 "missing";
    "city":
        CityTyping 10_000 "one typing error";
    "postal_code":
        PostalCodeDigit 10_000 "one digit wrong";
    "phone":
        PhoneMissing 150_000 "missing",
        PhonePlaceholder 10_000 "000-000-0000, 999-999-9999",
        PhoneOfClinic 8_000 "the number of the source itself",
        PhoneOutdated 80_000 "the number before the last change",
        PhoneDigit 12_000 "one digit wrong";
    "email":
        EmailMissing 600_000 "missing",
        EmailPlaceholder 10_000 "none@none.com and the like",
        EmailTyping 15_000 "one typing error";
    "mrn":
        MrnMissing 20_000 "missing";
    "identifier":
        IdentifierMissing 400_000 "missing",
        IdentifierOfSubscriber 10_000 "the insured relative's number",
        IdentifierDigit 8_000 "one digit wrong";
    "mother_maiden_name":
        MotherMaidenMissing 800_000 "missing";
    "guardian_name":
        GuardianMissing 400_000 "missing, of a minor";
    "birth_place":
        BirthPlaceMissing 850_000 "missing";
    "birth_order":
        BirthOrderMissing 600_000 "missing, of a twin or triplet";
}

/// A doubled rate stops here, unless the realistic one is beyond it already: something must be left
/// to link by.
const DOUBLED_MAX: u32 = 600_000;

impl ErrorKind {
    /// How often it happens in a million records where it can.
    pub(super) fn per_million(self, difficulty: Difficulty) -> u32 {
        let realistic = RATES.get(self as usize).map_or(0, |(_, _, rate, _)| *rate);
        match difficulty {
            Difficulty::Easy => realistic / 3,
            Difficulty::Realistic => realistic,
            Difficulty::Hard => (2 * realistic).min(DOUBLED_MAX.max(realistic)),
        }
    }

    /// The bit that stands for it in [`Mishaps`].
    fn bit(self) -> u64 {
        1 << (self as u64)
    }
}

/// What could have gone wrong in one record, and what did. The tests hold both against the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mishaps {
    possible: u64,
    happened: u64,
}

impl Mishaps {
    /// Notes that a kind was possible, and whether it happened.
    pub(super) fn note(&mut self, kind: ErrorKind, happened: bool) {
        self.possible |= kind.bit();
        if happened {
            self.happened |= kind.bit();
        }
    }

    /// Whether a kind happened.
    pub(super) fn happened(&self, kind: ErrorKind) -> bool {
        self.happened & kind.bit() != 0
    }

    /// Whether a kind could have happened.
    #[cfg(test)]
    pub(super) fn possible(&self, kind: ErrorKind) -> bool {
        self.possible & kind.bit() != 0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_kinds_and_fits_its_bits() {
        for (position, (kind, ..)) in RATES.iter().enumerate() {
            assert_eq!(*kind as usize, position);
        }
        assert!(RATES.len() <= 64);
    }

    #[test]
    fn the_kinds_of_a_field_leave_room_for_the_truth() {
        for difficulty in [Difficulty::Easy, Difficulty::Realistic, Difficulty::Hard] {
            let mut sums: BTreeMap<&str, u32> = BTreeMap::new();
            for (kind, field, ..) in RATES {
                *sums.entry(field).or_default() += kind.per_million(difficulty);
            }
            for (field, sum) in sums {
                assert!(sum < 900_000, "{field} {difficulty:?}: {sum}");
            }
        }
    }

    #[test]
    fn the_readme_has_the_same_table() {
        let readme = include_str!("../../../../datasets/README.md");
        let percent = |per_million: u32| {
            // To a thousandth of a percent.
            let thousandths = (per_million + 5) / 10;
            let text = format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000);
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        };
        for (kind, field, _, meaning) in RATES {
            let [easy, realistic, hard] =
                [Difficulty::Easy, Difficulty::Realistic, Difficulty::Hard]
                    .map(|difficulty| percent(kind.per_million(difficulty)));
            let line = format!("| {field} | {meaning} | {easy} | {realistic} | {hard} |");
            assert!(readme.lines().any(|l| l == line), "datasets/README.md should have\n{line}");
        }
    }

    #[test]
    fn difficulty_scales_every_rate() {
        for (kind, ..) in RATES {
            let [easy, realistic, hard] =
                [Difficulty::Easy, Difficulty::Realistic, Difficulty::Hard]
                    .map(|difficulty| kind.per_million(difficulty));
            assert!(easy < realistic && realistic <= hard && hard <= 2 * realistic, "{kind:?}");
        }
    }
}
