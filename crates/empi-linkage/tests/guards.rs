//! People who are easily taken for one another: twins, newborns, parents and children. Ten thousand
//! pairs of different people of that kind are linked through the whole way of a file, and none may
//! become one person; ten thousand people seen twice with the same kinds of noise must mostly be found,
//! so that the first cannot be had by linking nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

use std::collections::HashMap;

use empi_linkage::{LinkageModel, Linker, Progress, Sound, normalize};
use empi_model::{Identifier, PatientText, PersonName, PostalAddress, RecordKey, SourceRecord};

const GIVEN_NAMES: &str = include_str!("../../../datasets/names/given_names.csv");
const FAMILY_NAMES: &str = include_str!("../../../datasets/names/family_names.csv");
const NICKNAMES: &str = include_str!("../../../datasets/nicknames/nicknames.csv");

const PAIRS: usize = 10_000;

/// The least share of people seen twice who are found.
const FOUND_MIN: f64 = 0.9;

/// Whole numbers that look random (SplitMix64), the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }

    fn percent(&mut self, share: usize) -> bool {
        self.below(100) < share
    }

    fn one_of<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

/// The shipped names, the given ones by sex, and what is a nickname of what.
struct Names {
    given: [Vec<&'static str>; 2],
    family: Vec<&'static str>,
    formal: HashMap<&'static str, Vec<&'static str>>,
}

impl Names {
    fn read() -> Self {
        let mut given = [Vec::new(), Vec::new()];
        for line in GIVEN_NAMES.lines().skip(1) {
            let fields: Vec<&str> = line.split(',').collect();
            for (names, share) in given.iter_mut().zip(&fields[1..]) {
                // `Unknown` and `Junior` stand in the table and are nobody's given name.
                let is_name = is_given_name(fields[0]);
                if is_name && share.parse::<f64>().is_ok_and(|share| share >= 50.0) {
                    names.push(fields[0]);
                }
            }
        }
        let family = FAMILY_NAMES.lines().skip(1).filter_map(|line| line.split(',').next());
        let mut formal: HashMap<_, Vec<_>> = HashMap::new();
        for (name, nickname) in NICKNAMES.lines().skip(1).filter_map(|line| line.split_once(',')) {
            formal.entry(nickname).or_default().push(name);
            formal.entry(name).or_default().push(name);
        }
        Self { given, family: family.collect(), formal }
    }

    /// Whether parents would give both names to two children, and a desk could tell them apart: they are
    /// not one name in two spellings (`ERIC`, `ERICK`), one and its short form (`ROBERT`, `BOB`), one
    /// and its beginning, nor one slip of the pen apart on each side (`ROGER`, `ROBERT`).
    fn are_two(&self, one: &str, other: &str) -> bool {
        let formal = |name| self.formal.get(name).map_or(&[][..], Vec::as_slice);
        let nickname = formal(one).iter().any(|name| formal(other).contains(name));
        let beginning = one.starts_with(other) || other.starts_with(one);
        let alike = Sound::of(one).is_like(Sound::of(other)) && one[..2] == other[..2]
            || strsim::osa_distance(one, other) <= 2;
        one != other && !nickname && !beginning && !alike
    }
}

fn is_given_name(name: &str) -> bool {
    let name = PersonName { given: PatientText::non_blank(name), ..PersonName::default() };
    let record = normalize(&SourceRecord { names: vec![name], ..SourceRecord::default() });
    record.names.first().is_some_and(|name| name.given.is_some())
}

/// A person as the desk would write them without mistakes.
#[derive(Clone)]
struct Person {
    sex: usize,
    given: String,
    middle: String,
    family: String,
    suffix: &'static str,
    birth: [usize; 3],
    ssn: String,
    mother: String,
    street: String,
    city: &'static str,
    postal_code: String,
    phone: String,
    email: String,
    insurance: String,
    birth_order: String,
}

impl Person {
    fn any(names: &Names, dice: &mut Dice) -> Self {
        let sex = dice.below(2);
        let given = dice.one_of(&names.given[sex]).to_owned();
        let family = dice.one_of(&names.family).to_owned();
        let street = dice.one_of(&["Elm Street", "Oak Avenue", "2nd St", "Hill Road", "Park Pl"]);
        let number = 1 + dice.below(9000);
        Self {
            middle: dice.one_of(&names.given[sex]).to_owned(),
            suffix: "",
            birth: [1930 + dice.below(94), 1 + dice.below(12), 2 + dice.below(27)],
            ssn: ssn(100_000_000 + dice.below(560_000_000)),
            mother: dice.one_of(&names.family).to_owned(),
            street: format!("{number} {street}"),
            city: dice.one_of(&["Boston", "Austin", "Reno", "Salem", "Dover"]),
            postal_code: format!("{:05}", 1001 + dice.below(98_000)),
            phone: format!("{}-{:03}-{:04}", 617, 220 + dice.below(600), dice.below(10_000)),
            email: format!("{}{}@example.org", family.to_lowercase(), dice.below(100_000)),
            insurance: format!("{:09}", dice.below(1_000_000_000)),
            birth_order: String::new(),
            sex,
            given,
            family,
        }
    }

    /// A record of the person, with gaps and slips of the pen.
    fn record(&self, key: RecordKey, dice: &mut Dice) -> SourceRecord {
        let mut written = |text: &str, gap: usize, slip: usize| {
            if dice.percent(gap) {
                return None;
            }
            let text = if dice.percent(slip) { slipped(text, dice) } else { text.to_owned() };
            PatientText::non_blank(&text)
        };
        let [year, month, day] = self.birth;
        let name = PersonName {
            given: written(&self.given, 0, 6),
            middle: written(&self.middle, 40, 3),
            family: written(&self.family, 0, 6),
            suffix: written(self.suffix, 40, 0),
        };
        let insurance = written(&self.insurance, 40, 0);
        SourceRecord {
            key,
            names: vec![name],
            birth_date: PatientText::non_blank(&format!("{year}-{month:02}-{day:02}")),
            sex: written(["F", "M"][self.sex], 5, 0),
            ssn: written(&self.ssn, 50, 3),
            addresses: vec![PostalAddress {
                street: written(&self.street, 10, 8),
                city: written(self.city, 10, 4),
                postal_code: written(&self.postal_code, 10, 2),
                ..PostalAddress::default()
            }],
            phones: written(&self.phone, 30, 3).into_iter().collect(),
            emails: written(&self.email, 60, 0).into_iter().collect(),
            identifiers: insurance
                .map(|value| Identifier { authority: "unity-health".to_owned(), value })
                .into_iter()
                .collect(),
            mother_maiden_name: written(&self.mother, 50, 3),
            birth_order: written(&self.birth_order, 30, 0),
            ..SourceRecord::default()
        }
    }
}

fn ssn(number: usize) -> String {
    // No area 666, no group 00, no serial 0000.
    let (area, group, serial) = (number / 1_000_000, number / 10_000 % 100, number % 10_000);
    format!("{:03}-{:02}-{:04}", area.min(665), group.max(1), serial.max(1))
}

/// One letter or digit doubled, left out, swapped with the next, or another one.
fn slipped(text: &str, dice: &mut Dice) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    if letters.len() < 3 {
        return text.to_owned();
    }
    let at = 1 + dice.below(letters.len() - 2);
    match dice.below(4) {
        0 => letters.insert(at, letters[at]),
        1 => drop(letters.remove(at)),
        2 => letters.swap(at, at + 1),
        _ if letters[at].is_ascii_digit() => letters[at] = char::from(b'0' + dice.below(10) as u8),
        _ => letters[at] = char::from(b'A' + dice.below(26) as u8),
    }
    letters.into_iter().collect()
}

/// A twin, or a brother or sister taken for one: another given name, mostly the next number.
fn twin(of: &Person, names: &Names, dice: &mut Dice) -> Person {
    let sex = if dice.percent(50) { of.sex } else { 1 - of.sex };
    // Nobody calls one twin by the other's middle name.
    let mut name = |from: &[&'static str], apart_from: [&str; 2]| {
        let mut drawn = (0..50).map(|_| dice.one_of(from));
        let apart = drawn.find(|it| apart_from.iter().all(|other| names.are_two(other, it)));
        apart.unwrap_or("Zebulon").to_owned()
    };
    let given = name(&names.given[sex], [&of.given, &of.middle]);
    let middle = name(&names.given[sex], [&of.given, &given]);
    let number: usize = of.ssn.replace('-', "").parse().unwrap_or(0);
    let ssn = match dice.below(3) {
        0 => of.ssn.clone(),
        1 => ssn(number + 1),
        _ => ssn(100_000_000 + dice.below(560_000_000)),
    };
    Person { sex, given, middle, ssn, ..of.clone() }
}

/// A newborn under a temporary name beside its twin, who has a name already or another temporary one.
fn newborns(of: &Person, names: &Names, dice: &mut Dice) -> [Person; 2] {
    let mut older =
        Person { birth: [2000 + of.birth[0] % 24, of.birth[1], of.birth[2]], ..of.clone() };
    let mut younger = twin(&older, names, dice);
    let temporary = |sex: usize, letter: &str, dice: &mut Dice| {
        let word = ["Girl", "Boy"][sex];
        match dice.below(5) {
            0 => format!("Baby {word}"),
            1 => format!("Baby{word} {letter}"),
            2 => format!("{word} {letter}"),
            3 => format!("Twin {letter}"),
            _ => format!("{word}Maria"),
        }
    };
    younger.given = temporary(younger.sex, "B", dice);
    if dice.percent(50) {
        older.given = temporary(older.sex, "A", dice);
    }
    if dice.percent(50) {
        (older.birth_order, younger.birth_order) = ("1".to_owned(), "2".to_owned());
    }
    [older, younger]
}

/// Father and son of one name, the suffix told of both, of one or of none.
fn namesake(of: &Person, names: &Names, dice: &mut Dice) -> [Person; 2] {
    let mut senior = of.clone();
    senior.birth[0] = 1925 + of.birth[0] % 60;
    let ssn = ssn(100_000_000 + dice.below(560_000_000));
    let birth = [senior.birth[0] + 16 + dice.below(25), 1 + dice.below(12), 2 + dice.below(27)];
    let mother = dice.one_of(&names.family).to_owned();
    let mut junior = Person { ssn, birth, mother, ..senior.clone() };
    (senior.suffix, junior.suffix) = match dice.below(3) {
        0 => ("Sr", "Jr"),
        1 => ("", "III"),
        _ => ("", ""),
    };
    [senior, junior]
}

/// A parent and a child with another name, under the parent's number.
fn child(of: &Person, names: &Names, dice: &mut Dice) -> Person {
    let mut child = twin(of, names, dice);
    child.birth = [of.birth[0] + 18 + dice.below(25), 1 + dice.below(12), 2 + dice.below(27)];
    child.ssn = if dice.percent(50) { of.ssn.clone() } else { String::new() };
    child.mother = of.family.clone();
    child
}

fn different_people(n: usize, names: &Names, dice: &mut Dice) -> [Person; 2] {
    let person = Person::any(names, dice);
    match n % 4 {
        0 => [person.clone(), twin(&person, names, dice)],
        1 => newborns(&person, names, dice),
        2 => namesake(&person, names, dice),
        _ => [person.clone(), child(&person, names, dice)],
    }
}

#[test]
fn ten_thousand_twins_newborns_and_namesakes_are_kept_apart_and_people_seen_twice_are_found() {
    const KINDS: [&str; 4] = ["twins", "newborns", "namesakes", "parent and child"];
    let (names, mut dice) = (Names::read(), Dice(20));
    let key = |kind: &str, n: usize, side: usize| {
        RecordKey::new(["hospital-a", "clinic-b"][side], format!("{kind}{n:05}"))
    };
    let mut records = Vec::with_capacity(4 * PAIRS);
    for n in 0..PAIRS {
        for (side, person) in different_people(n, &names, &mut dice).iter().enumerate() {
            records.push(person.record(key("apart", n, side), &mut dice));
        }
        let person = Person::any(&names, &mut dice);
        for side in 0..2 {
            records.push(person.record(key("twice", n, side), &mut dice));
        }
    }
    let mut linker = Linker::new(LinkageModel::us_default().unwrap());
    assert!(linker.add(&records).is_empty());
    let linkage = linker.block().score(&Progress::default()).cluster();
    let person = |kind: &str, n: usize, side: usize| {
        let place = linkage.place(&key(kind, n, side)).unwrap();
        linkage.persons[place as usize]
    };
    let together = |kind: &str, n: usize| person(kind, n, 0) == person(kind, n, 1);

    let joined: Vec<_> = (0..PAIRS).filter(|n| together("apart", *n)).collect();
    let shown: Vec<_> = joined.iter().take(9).map(|n| (n, KINDS[n % 4])).collect();
    assert!(joined.is_empty(), "{} of {PAIRS} pairs were linked: {shown:?}", joined.len());

    let found = (0..PAIRS).filter(|n| together("twice", *n)).count() as f64 / PAIRS as f64;
    eprintln!("people seen twice: {found:.4} found");
    assert!(found >= FOUND_MIN, "{found} of the people seen twice were found");
}
