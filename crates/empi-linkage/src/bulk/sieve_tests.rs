//! What is dismissed at a glance could not have reached review.

use empi_model::{Identifier, PatientText, PersonName, PostalAddress, RecordKey, SourceRecord};
use proptest::prelude::*;

use super::*;
use crate::bulk::frequencies::WeighedNames;
use crate::bulk::{Blocked, Linker, Progress, ScoredPair, WeightHistogram};
use crate::lexicon::{Intern, Lexicon};
use crate::model::LinkageModelFile;
use crate::normalize::normalize;
use crate::score::score;

/// Names that agree in every way there is, and in none.
const NAMES: [&str; 24] = [
    "",
    "Robert",
    "Bob",
    "Rob",
    "R",
    "Rupert",
    "Roberta",
    "Roberto",
    "Al",
    "Alfred",
    "Albert",
    "Anna",
    "Anna Maria",
    "Anna Lucia",
    "Maria",
    "Smith",
    "Smyth",
    "Schmidt",
    "De la Cruz",
    "Delacruz",
    "Cruz",
    "Yurii",
    "Jurij",
    "Smiht",
];

const DATES: [&str; 12] = [
    "",
    "1980-03-12",
    "1980-12-03",
    "1980-03-21",
    "1908-03-12",
    "1981-03-12",
    "1980-01-01",
    "1980",
    "1980-03",
    "1971-05-12",
    "1990-10-10",
    "1991-00-10",
];

const NUMBERS: [&str; 10] = [
    "",
    "457-12-9983",
    "457-12-9938",
    "457-21-9983",
    "447-12-9983",
    "9983",
    "9938",
    "85010112345",
    "8501011234",
    "611-20-1177",
];

const PHONES: [&str; 7] = [
    "",
    "617-555-8123",
    "617-555-8124",
    "617-556-8123",
    "627-555-8123",
    "555-8123",
    "405-222-0147",
];

const STREETS: [&str; 7] = [
    "",
    "12 Elm Street",
    "13 Elm Street",
    "12 Elms Street",
    "12 Elm St Apt 4",
    "7 Oak Avenue",
    "PO Box 12",
];

const PLACES: [[&str; 3]; 6] = [
    ["", "", ""],
    ["Springfield", "OR", "97201"],
    ["Springfeld", "OR", "97210"],
    ["Springfield", "ME", "04101"],
    ["Portland", "ME", "04101"],
    ["Portland", "", ""],
];

fn name() -> impl Strategy<Value = String> {
    // Beside names of people texts of few letters, which are alike more often.
    prop_oneof![3 => prop::sample::select(&NAMES[..]).prop_map(str::to_owned), 2 => "[A-D]{1,3}[A-E]{0,5}"]
}

fn names() -> impl Strategy<Value = Vec<PersonName>> {
    let name = || {
        (name(), name(), name()).prop_map(|(given, middle, family)| PersonName {
            given: PatientText::non_blank(&given),
            middle: PatientText::non_blank(&middle),
            family: PatientText::non_blank(&family),
            suffix: None,
        })
    };
    prop_oneof![5 => prop::collection::vec(name(), 1), 1 => prop::collection::vec(name(), 2..3)]
}

fn some_of(texts: &'static [&'static str]) -> impl Strategy<Value = Vec<PatientText>> {
    let text = || prop::sample::select(texts);
    let texts = prop_oneof![4 => prop::collection::vec(text(), 0..2), 1 => prop::collection::vec(text(), 2..5)];
    texts.prop_map(|texts| texts.into_iter().filter_map(PatientText::non_blank).collect())
}

fn addresses() -> impl Strategy<Value = Vec<PostalAddress>> {
    let address = (prop::sample::select(&STREETS[..]), prop::sample::select(&PLACES[..])).prop_map(
        |(street, [city, state, postal_code])| PostalAddress {
            street: PatientText::non_blank(street),
            city: PatientText::non_blank(city),
            state: PatientText::non_blank(state),
            postal_code: PatientText::non_blank(postal_code),
            ..PostalAddress::default()
        },
    );
    prop_oneof![4 => prop::collection::vec(address.clone(), 0..2), 1 => prop::collection::vec(address, 2..3)]
}

fn record() -> impl Strategy<Value = SourceRecord> {
    let one_of = |texts: &'static [&'static str]| prop::sample::select(texts);
    let person = (
        names(),
        one_of(&DATES),
        one_of(&["", "M", "F"]),
        one_of(&["", "Jr", "Sr"]),
        one_of(&NUMBERS),
        name(),
    );
    let contact = (addresses(), some_of(&PHONES), some_of(&["a@x.org", "b@x.org"]));
    let identifiers = some_of(&["A1", "A2", "B1", "B2", "C1", "D1"]);
    (person, contact, identifiers).prop_map(|(person, contact, identifiers)| {
        let (mut names, birth_date, sex, suffix, ssn, mother) = person;
        names.iter_mut().for_each(|name| name.suffix = PatientText::non_blank(suffix));
        let (addresses, phones, emails) = contact;
        let identifiers = identifiers
            .into_iter()
            .map(|value| Identifier { authority: value.expose()[..1].to_owned(), value });
        SourceRecord {
            names,
            birth_date: PatientText::non_blank(birth_date),
            sex: PatientText::non_blank(sex),
            ssn: PatientText::non_blank(ssn),
            addresses,
            phones,
            emails,
            identifiers: identifiers.collect(),
            mother_maiden_name: PatientText::non_blank(&mother),
            ..SourceRecord::default()
        }
    })
}

/// The built-in model, or one whose levels weigh anything, the worse perhaps more than the better.
fn model() -> impl Strategy<Value = LinkageModel> {
    let chances = prop::collection::vec((1e-9..1.0_f64, 1e-9..1.0_f64), 60);
    let powers = (1_i32..9, prop::bool::ANY, 0.0..9.0_f64);
    (chances, powers).prop_map(|(chances, (power, is_built_in, adjustment_bits_max))| {
        let mut file = LinkageModelFile::us_default().unwrap();
        let mut chances = chances.into_iter().cycle();
        if !is_built_in {
            file.term_frequency.adjustment_bits_max = adjustment_bits_max;
            for comparison in &mut file.comparison {
                for level in &mut comparison.levels {
                    let (m, u) = chances.next().unwrap();
                    // Small, but no level is certain.
                    (level.m, level.u) = (m.powi(power).max(1e-9), u.powi(power).max(1e-9));
                }
                let sum = |of: fn(&crate::model::LevelPart) -> f64| {
                    comparison.levels.iter().map(of).sum::<f64>()
                };
                let (m, u) = (sum(|level| level.m), sum(|level| level.u));
                for level in &mut comparison.levels {
                    (level.m, level.u) = (level.m / m, level.u / u);
                }
            }
        }
        file.validate().unwrap()
    })
}

fn rows(records: &[SourceRecord]) -> (Lexicon, Vec<CompareRow>) {
    let mut lexicon = Lexicon::new();
    let rows = records.iter().map(|record| {
        let row = lexicon.row(&normalize(record));
        lexicon.count(&row);
        row
    });
    let rows = rows.collect();
    (lexicon, rows)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn no_pair_weighs_more_than_a_glance_allows(
        model in model(), records in prop::collection::vec(record(), 12)
    ) {
        let (lexicon, rows) = rows(&records);
        let values = WeighedNames::new(&model, &lexicon);
        let glances = Glances::new(&model, &lexicon, &values);
        let scale = glances.ceilings.units_per_bit;
        let prior = model.prior_weight(lexicon.record_count());
        let under_all_names = |row: &CompareRow| -> Vec<Glance<u16>> {
            let names = std::iter::once(row.name).chain(further_names(row));
            names.map(|name| glances.record(row, name)).collect()
        };
        for left in &rows {
            for right in &rows {
                let weight = score(&model, &values, left, right).weight - prior;
                let mut most = i16::MIN;
                for left in under_all_names(left) {
                    for right in under_all_names(right) {
                        let mut columns = Glance::<Lanes>::default();
                        columns.put(3, right);
                        most = most.max(glances.ceilings.of_pair(&left.as_left(), &columns.at(3)));
                    }
                }
                prop_assert!(f64::from(most) >= weight.bits() * scale - 1e-6, "{most} {weight:?} {left:?} {right:?}");
            }
        }
    }

    #[test]
    fn what_is_left_out_of_a_block_stays_below_review(
        model in model(), records in prop::collection::vec(record(), 2..40)
    ) {
        let (lexicon, rows) = rows(&records);
        let values = WeighedNames::new(&model, &lexicon);
        let glances = Glances::new(&model, &lexicon, &values);
        let mut sieve = Sieve::new(&glances, &rows);
        // A block whose records do not lie side by side.
        let sites: Vec<u32> = (0..rows.len() as u32).rev().collect();
        sieve.begin(sites.iter().copied());
        for (at, left) in sites.iter().enumerate() {
            let later = ((1_u64 << sites.len()) - 1) & !((2 << at) - 1);
            let mut others = [later];
            sieve.keep(at, &mut others);
            prop_assert_eq!(others[0] & !later, 0);
            for (other, right) in sites.iter().enumerate() {
                let [left, right] = [left, right].map(|site| &rows[*site as usize]);
                let scored = score(&model, &values, left, right);
                let is_left_out = (later & !others[0]) >> other & 1 == 1;
                prop_assert!(!is_left_out || scored.weight < model.thresholds().review);
            }
        }
    }
}

/// Every pair of blocks as it is scored without a glance before.
fn scored_without_sieve(blocked: &Blocked) -> (Vec<ScoredPair>, WeightHistogram) {
    let values = WeighedNames::new(&blocked.model, &blocked.lexicon);
    let (mut kept, mut histogram) = (Vec::new(), WeightHistogram::default());
    for unit in blocked.blocks.units() {
        blocked.blocks.visit(unit, |pairs| {
            for (left, right) in pairs {
                let scored = blocked.score_pair(&values, *left, *right);
                histogram.add(scored.map(|pair| pair.weight));
                kept.extend(scored);
            }
        });
    }
    (kept, histogram)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn a_sieve_changes_nothing_but_the_time(
        records in prop::collection::vec(record(), 60), review in -20.0..7.0_f64
    ) {
        let blocked = || {
            let mut file = LinkageModelFile::us_default().unwrap();
            file.thresholds.review = review;
            let mut linker = Linker::new(file.validate().unwrap());
            let keyed = records.iter().zip(0..).map(|(record, at): (_, u32)| SourceRecord {
                key: RecordKey::new("clinic", format!("{at:03}")),
                ..record.clone()
            });
            linker.add(&keyed.collect::<Vec<_>>());
            linker.wide().block()
        };
        let (mut expected, histogram) = scored_without_sieve(&blocked());
        let scored = blocked().score(&Progress::default());
        let mut pairs = scored.pairs.clone();
        let by_record = |pair: &ScoredPair| (pair.left, pair.right);
        pairs.sort_unstable_by_key(by_record);
        expected.sort_unstable_by_key(by_record);
        prop_assert_eq!(pairs, expected);
        prop_assert_eq!(scored.histogram, histogram);
    }
}
