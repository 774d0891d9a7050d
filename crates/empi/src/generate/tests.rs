//! The generated population as a whole, held against what is documented.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::calendar::{TODAY, YEAR_DAYS};
use super::people::{Person, Sex};
use super::rates::{ErrorKind, RATES};
use super::record::Row;
use super::structure::Role;
use super::*;

const DIFFICULTIES: [Difficulty; 3] = [Difficulty::Easy, Difficulty::Realistic, Difficulty::Hard];

fn bytes(records: u64, seed: u64, difficulty: Difficulty, sources: u8) -> Vec<u8> {
    let (mut out, count) = (Vec::new(), Cell::new(0));
    let population = Population::new(records, seed, difficulty, sources);
    population.write(&mut out, |written| count.set(count.get() + written)).unwrap();
    assert_eq!(count.get(), records, "progress ends where the work does");
    out
}

/// Every record with the person it is of.
fn rows(population: &Population) -> Vec<(Person, Row)> {
    let places = population.order.of_source.iter().flatten();
    places
        .map(|place| {
            let household = population.household(place.household);
            let person = household.people[usize::from(place.member)].clone();
            (person, population.world.row(*place, &household).unwrap())
        })
        .collect()
}

fn households(population: &Population) -> Vec<(Structure, Household)> {
    let World { seed, sources, .. } = &population.world;
    (0..population.order.household_count)
        .map(|index| {
            let structure = Structure::of(*seed, index, sources.len() as u8);
            (structure, population.household(index))
        })
        .collect()
}

/// The committed sets are what the generator writes today, byte by byte, and on every machine. When
/// the generator changes they are written anew, with the commands in their READMEs.
#[test]
fn the_committed_sets_are_what_is_generated() {
    for (difficulty, committed) in [
        (
            Difficulty::Realistic,
            include_bytes!("../../../../datasets/realistic-2k/records.csv").as_slice(),
        ),
        (Difficulty::Hard, include_bytes!("../../../../datasets/hard-2k/records.csv").as_slice()),
    ] {
        let same = bytes(2_000, 2_025, difficulty, 5) == committed;
        assert!(same, "{difficulty:?}: write the committed set anew, or find what moved a byte");
    }
}

#[test]
fn threads_change_no_byte() {
    let with_threads = |count: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(count).build().unwrap();
        pool.install(|| bytes(9_000, 3, Difficulty::Realistic, 3))
    };
    assert!(with_threads(1) == with_threads(4));
    assert!(with_threads(1) != bytes(9_000, 4, Difficulty::Realistic, 3));
}

#[test]
fn errors_happen_as_often_as_the_table_says() {
    for difficulty in DIFFICULTIES {
        let population = Population::new(60_000, 11, difficulty, 5);
        let rows = rows(&population);
        for (kind, field, _, meaning) in RATES {
            let possible = rows.iter().filter(|(_, row)| row.mishaps.possible(*kind)).count();
            let happened = rows.iter().filter(|(_, row)| row.mishaps.happened(*kind)).count();
            let expected = possible as f64 * f64::from(kind.per_million(difficulty)) / 1e6;
            assert!(possible > 50, "{field}, {meaning}: possible only {possible} times");
            // Five standard deviations, and one more for the rarest.
            let room = 5.0 * expected.sqrt() + 1.0;
            let off = (happened as f64 - expected).abs();
            assert!(off <= room, "{field}, {meaning}: {happened} times, expected {expected}");
        }
    }
}

#[test]
fn what_goes_wrong_shows_and_what_does_not_is_true() {
    let population = Population::new(20_000, 12, Difficulty::Hard, 1);
    let mut checked = 0;
    for (person, row) in rows(&population) {
        let none_of = |fields: &[&str]| {
            RATES
                .iter()
                .all(|(kind, field, ..)| !fields.contains(field) || !row.mishaps.happened(*kind))
        };
        let given_is_true = row.given == person.given;
        let unnamed = !row.mishaps.possible(ErrorKind::GivenMissing);
        if none_of(&["given_name"]) && !unnamed {
            assert_eq!(row.given, person.given);
        } else if !row.mishaps.happened(ErrorKind::GivenMiddleSwapped) {
            assert!(!given_is_true || person.given == person.family.first, "{row:?}");
        }
        let born = population.world.sources[0].date(person.born.date());
        let born_is_as_told = none_of(&["birth_date"]) == (row.birth_date == born);
        assert!(born_is_as_told || row.birth_date == "1900-01-01", "{row:?}");
        let ssn = population.world.sources[0].ssn(&format!("{:09}", person.ssn));
        if row.mishaps.possible(ErrorKind::SsnMissing) {
            let relative = row.mishaps.happened(ErrorKind::SsnOfRelative);
            assert_eq!(none_of(&["ssn"]), row.ssn == ssn && !relative, "{row:?}");
            checked += 1;
        }
        let letter = if person.sex == Sex::Female { "F" } else { "M" };
        assert_eq!(none_of(&["sex"]), row.sex == letter);
    }
    assert!(checked > 15_000);
}

#[test]
fn no_two_persons_share_a_number() {
    let population = Population::new(40_000, 13, Difficulty::Realistic, 5);
    let people: Vec<Person> =
        households(&population).into_iter().flat_map(|(_, household)| household.people).collect();
    let distinct =
        |number: fn(&Person) -> u64| people.iter().map(number).collect::<HashSet<_>>().len();
    assert_eq!(distinct(|person| person.ssn), people.len());
    assert_eq!(distinct(|person| person.number), people.len());
}

#[test]
fn households_are_plausible() {
    let population = Population::new(40_000, 14, Difficulty::Realistic, 5);
    let (mut couples, mut same_name, mut changed) = (0, 0, 0);
    for (structure, household) in households(&population) {
        let people = &household.people;
        for (member, person) in structure.members.iter().zip(people) {
            assert!(person.born <= TODAY && person.age_on(TODAY) < 110);
            assert!(person.visits.iter().all(|(_, day)| (person.born..=TODAY).contains(day)));
            assert!(person.visits.is_sorted_by_key(|(_, day)| *day));
            let parents = [person.mother, person.father].into_iter().flatten();
            for parent in parents.map(|at| &people[at]) {
                assert!((17..=46).contains(&parent.born.years_until(person.born)), "{person:?}");
            }
            match member.role {
                Role::Child { .. } => assert!(person.mother.or(person.father).is_some()),
                Role::Elder => assert!(person.born.years_until(people[0].born) >= 19),
                Role::Head | Role::Partner | Role::Housemate => assert!(person.age_on(TODAY) >= 18),
            }
            if member.role == Role::Partner {
                couples += 1;
                same_name += usize::from(person.family == people[0].family);
                changed += usize::from(
                    people.iter().any(|p| p.former_family.is_some_and(|(_, day)| day <= TODAY)),
                );
            }
        }
    }
    assert!(couples > 3_000);
    // 62 % of those who marry take the other's name, and 8 % join both.
    assert!((0.58..0.66).contains(&(same_name as f64 / f64::from(couples))), "{same_name}");
    assert!(changed * 10 > couples as usize * 6, "{changed} of {couples}");
}

#[test]
fn twins_are_told_apart_by_little() {
    let population = Population::new(60_000, 15, Difficulty::Realistic, 5);
    let (mut pairs, mut of_one_sex, mut children) = (0, 0, 0);
    for (structure, household) in households(&population) {
        let mut births: BTreeMap<u8, Vec<&Person>> = BTreeMap::new();
        for (member, person) in structure.members.iter().zip(&household.people) {
            if let Role::Child { birth } = member.role {
                births.entry(birth).or_default().push(person);
                children += 1;
            }
        }
        for siblings in births.values() {
            if let [alone] = siblings.as_slice() {
                assert_eq!(alone.birth_order, None);
            }
            for (pair, order) in siblings.windows(2).zip(1..) {
                pairs += 1;
                of_one_sex += usize::from(pair[0].sex == pair[1].sex);
                assert_eq!(pair[0].born, pair[1].born);
                assert_eq!(pair[0].family, pair[1].family);
                assert_eq!(pair[0].ssn + 1, pair[1].ssn);
                assert_ne!(pair[0].given, pair[1].given);
                assert_eq!(pair[0].birth_order, Some(order));
                assert_eq!(pair[1].birth_order, Some(order + 1));
            }
        }
        let mut born: Vec<i32> = births.values().map(|siblings| siblings[0].born.0).collect();
        born.sort_unstable();
        assert!(born.windows(2).all(|pair| pair[1] - pair[0] >= 270), "{born:?}");
    }
    let share = f64::from(pairs) / f64::from(children);
    assert!((0.02..0.05).contains(&share), "{pairs} pairs among {children} children");
    assert!(of_one_sex * 2 > pairs as usize);
}

#[test]
fn fathers_and_sons_share_a_name_but_not_the_suffix() {
    let population = Population::new(60_000, 16, Difficulty::Realistic, 5);
    let mut sons = 0;
    for (_, household) in households(&population) {
        for son in household.people.iter().filter(|p| p.suffix.is_some() && p.father.is_some()) {
            let father = &household.people[son.father.unwrap()];
            assert_eq!((father.given, father.family), (son.given, son.family));
            assert_ne!(father.suffix, son.suffix);
            assert!(father.suffix.is_some());
            sons += 1;
        }
    }
    assert!(sons > 200, "{sons}");
}

#[test]
fn newborns_without_a_name_get_one_later() {
    let population = Population::new(60_000, 17, Difficulty::Realistic, 5);
    let mut unnamed: HashMap<String, u32> = HashMap::new();
    let mut named: HashSet<String> = HashSet::new();
    for (person, row) in rows(&population) {
        if row.mishaps.possible(ErrorKind::GivenMissing) {
            named.insert(row.person_id);
        } else {
            assert!(person.age_on(TODAY) * YEAR_DAYS <= 12 * YEAR_DAYS);
            assert!(row.ssn.is_empty() && row.middle.is_empty() && row.email.is_empty());
            *unnamed.entry(row.person_id).or_default() += 1;
        }
    }
    assert!(unnamed.len() > 300, "{}", unnamed.len());
    assert!(unnamed.keys().filter(|person| named.contains(*person)).count() > 150);
}

#[test]
fn the_file_has_the_canonical_columns_and_leaks_no_truth() {
    let file = bytes(6_000, 18, Difficulty::Realistic, 4);
    let mut reader = csv::Reader::from_reader(file.as_slice());
    assert_eq!(reader.headers().unwrap(), HEADER.as_slice());
    let truth = HEADER.len() - 1;
    assert_eq!(HEADER[..truth], empi_formats::CANONICAL_HEADER);
    let (mut ids, mut last) = (HashSet::new(), String::new());
    let mut persons: HashMap<String, u32> = HashMap::new();
    for row in reader.records() {
        let row = row.unwrap();
        assert!(
            ids.insert((row[0].to_owned(), row[1].to_owned())),
            "a record ID stands there twice"
        );
        assert_ne!(&row[truth], last, "two records of one person stand beside each other");
        let leaks = row.iter().take(truth).any(|value| value == &row[truth]);
        assert!(!leaks, "a column repeats the truth");
        last = row[truth].to_owned();
        *persons.entry(last.clone()).or_default() += 1;
    }
    assert_eq!(ids.len(), 6_000);
    let mean = 6_000.0 / persons.len() as f64;
    assert!((1.6..2.5).contains(&mean), "{mean}");
    assert!(persons.values().any(|&count| count >= 6));
}

#[test]
fn a_file_is_there_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.csv");
    let failed = write_whole(&path, |file| {
        file.write_all(b"half")?;
        anyhow::bail!("broken off")
    });
    assert!(failed.is_err());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    write_whole(&path, |file| Ok(file.write_all(b"whole")?)).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"whole");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
