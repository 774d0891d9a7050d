//! The people of a household as they really are: the truth that records depart from.
//!
//! The same draws give the same household whenever it is asked for, so that no household need be kept
//! while the records of a source are written one after the other.

use super::calendar::{Day, RECORDS_BEGIN, TODAY, YEAR_DAYS};
use super::dice::{Dice, Purpose};
use super::names::Names;
use super::numbers::Numbers;
use super::places::{Address, Place};
use super::structure::{Role, Structure};

/// Administrative sex.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sex {
    Female,
    Male,
}

/// A family name of one part or of two that a hyphen joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FamilyName {
    pub(super) first: &'static str,
    pub(super) second: Option<&'static str>,
}

/// A person as they really are.
#[derive(Clone, Debug)]
pub(super) struct Person {
    /// Unique in the whole population; what the truth column is made of.
    pub(super) number: u64,
    pub(super) sex: Sex,
    pub(super) born: Day,
    pub(super) given: &'static str,
    /// The nickname that this person goes by where a record has the nickname.
    pub(super) nickname: Option<&'static str>,
    pub(super) middle: Option<&'static str>,
    pub(super) family: FamilyName,
    /// The family name before a marriage or a divorce, and the day of that.
    pub(super) former_family: Option<(FamilyName, Day)>,
    /// `SR`, `JR` or `III`.
    pub(super) suffix: Option<&'static str>,
    /// Nine digits.
    pub(super) ssn: u64,
    /// The person's own telephone numbers with the day from which each is theirs, in order.
    pub(super) phones: Vec<(Day, u64)>,
    pub(super) email: String,
    /// Who insures the person, and under which number.
    pub(super) insurance: Insurance,
    /// Among a multiple birth, from 1.
    pub(super) birth_order: Option<u8>,
    pub(super) mother_maiden: &'static str,
    pub(super) birth_place: Place,
    /// For children of the household: the positions of mother and father, where they live there.
    pub(super) mother: Option<usize>,
    pub(super) father: Option<usize>,
    /// The person's records: the source and the day of each, in time order.
    pub(super) visits: Vec<(u8, Day)>,
}

/// A person's insurance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Insurance {
    pub(super) authority: &'static str,
    /// The contract: the same for all whom it covers.
    pub(super) contract: u64,
    /// The person under that contract, 1 for who holds it.
    pub(super) member: u8,
}

/// People who live together, and where they have lived.
#[derive(Clone, Debug)]
pub(super) struct Household {
    pub(super) people: Vec<Person>,
    /// The addresses with the day from which each is theirs, in order; the first from ever on.
    pub(super) addresses: Vec<(Day, Address)>,
    /// The telephone that all share.
    pub(super) landline: Option<u64>,
}

/// The value in force on a day, and the one before it.
pub(super) fn on_day<T>(values: &[(Day, T)], day: Day) -> (Option<&T>, Option<&T>) {
    let count = values.iter().take_while(|(since, _)| *since <= day).count().max(1);
    let at = |position: usize| values.get(position).map(|(_, value)| value);
    (at(count - 1), count.checked_sub(2).and_then(at))
}

impl Person {
    /// The family name in force on a day, and the one before it.
    pub(super) fn family_on(&self, day: Day) -> (FamilyName, Option<FamilyName>) {
        match self.former_family {
            Some((former, changed)) if day < changed => (former, None),
            Some((former, _)) => (self.family, Some(former)),
            None => (self.family, None),
        }
    }

    /// Age in whole years on a day.
    pub(super) fn age_on(&self, day: Day) -> i32 {
        self.born.years_until(day)
    }
}

const INSURERS: [&str; 5] = ["unity-health", "bluewater", "crestline", "medicaid", "northstar"];

impl Household {
    /// The household of that number.
    pub(super) fn of(seed: u64, index: u32, structure: &Structure, numbers: &Numbers) -> Self {
        let mut maker = Maker {
            dice: Dice::new(seed, Purpose::People, index.into()),
            names: Names::table(),
            numbers,
            index,
            home: None,
            people: Vec::with_capacity(structure.members.len()),
        };
        let addresses = maker.addresses();
        let landline = maker.dice.chance(450_000).then(|| maker.phone());
        for (position, member) in structure.members.iter().enumerate() {
            maker.add(position, member.role, structure);
        }
        let mut household = Self { people: maker.people, addresses, landline };
        for (person, member) in household.people.iter_mut().zip(&structure.members) {
            let is_child = matches!(member.role, Role::Child { .. });
            person.visits = visits(&member.sources, person.born, is_child, &mut maker.dice);
        }
        household
    }
}

/// Draws the days of a person's records. A child born while records were kept is often first seen
/// when born.
fn visits(sources: &[u8], born: Day, is_child: bool, dice: &mut Dice) -> Vec<(u8, Day)> {
    let first = born.max(RECORDS_BEGIN);
    let mut days: Vec<Day> = sources.iter().map(|_| Day(dice.between(first.0, TODAY.0))).collect();
    days.sort_unstable();
    if let Some(earliest) = days.first_mut()
        && is_child
        && born >= RECORDS_BEGIN
        && dice.chance(500_000)
    {
        *earliest = born;
    }
    sources.iter().copied().zip(days).collect()
}

/// Makes the people of one household, one after the other; later ones take after earlier ones.
struct Maker<'a> {
    dice: Dice,
    names: &'static Names,
    numbers: &'a Numbers,
    index: u32,
    /// Where the household lives now.
    home: Option<Place>,
    people: Vec<Person>,
}

impl Maker<'_> {
    /// The homes of the last years: one move in ten years for most, some move often.
    fn addresses(&mut self) -> Vec<(Day, Address)> {
        let mut place = Place::draw(&mut self.dice);
        let mut addresses = vec![(Day(i32::MIN), place.address(&mut self.dice))];
        let mut days: Vec<i32> = (0..self.dice.weighted(&[400, 300, 180, 80, 40]))
            .map(|_| self.dice.between(RECORDS_BEGIN.0, TODAY.0))
            .collect();
        days.sort_unstable();
        for day in days {
            // Most moves stay in town.
            if self.dice.chance(300_000) {
                place = Place::draw(&mut self.dice);
            }
            addresses.push((Day(day), place.address(&mut self.dice)));
        }
        self.home = Some(place);
        addresses
    }

    fn phone(&mut self) -> u64 {
        let place = self.home.unwrap_or_else(|| Place::draw(&mut self.dice));
        place.phone(&mut self.dice)
    }

    fn add(&mut self, position: usize, role: Role, structure: &Structure) {
        let births = structure
            .members
            .iter()
            .filter_map(|member| match member.role {
                Role::Child { birth } => Some(i32::from(birth) + 1),
                _ => None,
            })
            .max()
            .unwrap_or(0);
        let mut person = match role {
            Role::Head => self.head(births),
            Role::Partner => self.partner(births),
            Role::Elder => self.elder(),
            Role::Child { birth } => self.child(position, birth, births, structure),
            Role::Housemate => self.housemate(),
        };
        person.number = self.numbers.person(self.index, position);
        person.insurance = self.insurance(position, &person);
        person.email = self.email(&person);
        self.people.push(person);
    }

    /// A person with everything that does not depend on the others of the household.
    fn somebody(&mut self, sex: Sex, born: Day) -> Person {
        let given = self.names.given(sex, &mut self.dice);
        let family = FamilyName { first: self.names.family(&mut self.dice), second: None };
        let phones = self.own_phones();
        Person {
            number: 0,
            sex,
            born,
            given,
            nickname: self.names.nickname(given, &mut self.dice),
            middle: self.dice.chance(850_000).then(|| self.names.given(sex, &mut self.dice)),
            family,
            former_family: None,
            suffix: self.dice.chance(4_000).then_some("JR").filter(|_| sex == Sex::Male),
            ssn: self.numbers.ssn(self.index, self.people.len(), 0),
            phones,
            email: String::new(),
            insurance: Insurance { authority: INSURERS[0], contract: 0, member: 1 },
            birth_order: None,
            mother_maiden: self.names.family(&mut self.dice),
            birth_place: Place::draw(&mut self.dice),
            mother: None,
            father: None,
            visits: Vec::new(),
        }
    }

    fn own_phones(&mut self) -> Vec<(Day, u64)> {
        let mut phones = vec![(Day(i32::MIN), self.phone())];
        if self.dice.chance(350_000) {
            let changed = Day(self.dice.between(RECORDS_BEGIN.0, TODAY.0));
            phones.push((changed, self.phone()));
        }
        phones
    }

    fn sex(&mut self) -> Sex {
        if self.dice.chance(505_000) { Sex::Female } else { Sex::Male }
    }

    /// A birth day that gives an age between two bounds.
    fn born(&mut self, youngest: i32, oldest: i32) -> Day {
        TODAY.plus(-self.dice.between(youngest * YEAR_DAYS, (oldest + 1) * YEAR_DAYS - 1))
    }

    fn head(&mut self, births: i32) -> Person {
        let sex = self.sex();
        let born = if births == 0 {
            // The smaller of two draws: the very old are few.
            self.born(20, 93).max(self.born(20, 93))
        } else {
            self.born(19 + 3 * births, 58)
        };
        let mut head = self.somebody(sex, born);
        // A divorce: back to the name of birth.
        if sex == Sex::Female && self.dice.chance(60_000) {
            let former = FamilyName { first: self.names.family(&mut self.dice), second: None };
            let changed = Day(self.dice.between(born.plus(22 * YEAR_DAYS).0, TODAY.0));
            head.former_family = Some((former, changed));
        }
        head
    }

    fn partner(&mut self, births: i32) -> Person {
        let Some(head) = self.people.first().cloned() else { return self.housemate() };
        let same = self.dice.chance(30_000);
        let sex = if same == (head.sex == Sex::Male) { Sex::Male } else { Sex::Female };
        let born = head.born.plus(self.dice.between(-6 * YEAR_DAYS, 6 * YEAR_DAYS));
        let born = born.min(TODAY.plus(-(19 + 2 * births) * YEAR_DAYS));
        let mut partner = self.somebody(sex, born);
        // Who changes their name on marriage: mostly the woman, and only some.
        let wedding_from = born.max(head.born).plus(20 * YEAR_DAYS);
        let wedding = Day(self.dice.between(wedding_from.0.min(TODAY.0), TODAY.0));
        let own = partner.family;
        let head_is_wife = head.sex == Sex::Female && sex == Sex::Male;
        let husband = if head_is_wife { own } else { head.family };
        let maiden = if head_is_wife { head.family } else { own };
        let married = match self.dice.weighted(&[62, 8, 30]) {
            0 => husband,
            1 => FamilyName { first: maiden.first, second: Some(husband.first) },
            _ => return partner,
        };
        if head_is_wife {
            if let Some(wife) = self.people.first_mut() {
                wife.family = married;
                wife.former_family = Some((maiden, wedding));
            }
        } else {
            partner.family = married;
            partner.former_family = Some((maiden, wedding));
        }
        partner
    }

    fn elder(&mut self) -> Person {
        let head_born = self.people.first().map_or(TODAY, |head| head.born);
        let sex = self.sex();
        let born = head_born.plus(-self.dice.between(19 * YEAR_DAYS, 38 * YEAR_DAYS));
        let mut elder = self.somebody(sex, born);
        if let Some(head) = self.people.first()
            && self.dice.chance(650_000)
        {
            elder.family = head.former_family.map_or(head.family, |(former, _)| former);
        }
        elder
    }

    fn housemate(&mut self) -> Person {
        let sex = self.sex();
        let born = self.born(19, 38);
        self.somebody(sex, born)
    }

    fn child(&mut self, position: usize, birth: u8, births: i32, structure: &Structure) -> Person {
        let is_sibling_of_birth = |member: Option<&super::structure::Member>| {
            member.is_some_and(|member| member.role == Role::Child { birth })
        };
        let earlier = (0..position).filter(|&at| is_sibling_of_birth(structure.members.get(at)));
        let order = earlier.clone().count();
        let first_of_birth = earlier.min();
        let multiple =
            structure.members.iter().filter(|m| is_sibling_of_birth(Some(m))).count() > 1;
        let (mother, father) = self.parents(structure);

        let twin = first_of_birth.and_then(|at| self.people.get(at)).cloned();
        let sex = match &twin {
            // One in three pairs is identical, and half of the others are of one sex.
            Some(twin) if self.dice.chance(333_000) => twin.sex,
            _ => self.sex(),
        };
        let born = match &twin {
            Some(twin) => twin.born,
            None => self.birth_of(birth, births, mother.into_iter().chain(father)),
        };
        let mut child = self.somebody(sex, born);
        child.suffix = None;
        child.birth_place = self.home.unwrap_or(child.birth_place);
        (child.mother, child.father) = (mother, father);
        child.birth_order = multiple.then_some(order as u8 + 1);
        child.ssn = self.numbers.ssn(self.index, first_of_birth.unwrap_or(position), order as u64);
        self.name_child(&mut child, position, twin.as_ref());
        child
    }

    /// The positions of mother and father among head and partner.
    fn parents(&self, structure: &Structure) -> (Option<usize>, Option<usize>) {
        let is_parent = |at: &usize| {
            structure.members.get(*at).is_some_and(|m| matches!(m.role, Role::Head | Role::Partner))
        };
        let of_sex = |sex: Sex| {
            (0..self.people.len())
                .filter(is_parent)
                .find(|&at| self.people.get(at).is_some_and(|person| person.sex == sex))
        };
        (of_sex(Sex::Female), of_sex(Sex::Male))
    }

    /// The day of a birth: at least 400 days from the next, in the last decades, and as a rule when
    /// both parents are between 18 and 46.
    fn birth_of(&mut self, birth: u8, births: i32, parents: impl Iterator<Item = usize>) -> Day {
        let (mut from, mut to) = (TODAY.plus(-(20 + 5 * births) * YEAR_DAYS), TODAY);
        for parent in parents.filter_map(|at| self.people.get(at)) {
            from = from.max(parent.born.plus(18 * YEAR_DAYS));
            to = to.min(parent.born.plus(46 * YEAR_DAYS));
        }
        let span = (to.0 - from.0).max(births * 400);
        // Each birth has its part of the span, less the 400 days that keep it from the next.
        let part = span / births.max(1);
        let begin = to.0 - span + part * i32::from(birth);
        Day(self.dice.between(begin, begin + (part - 400).max(0)))
    }

    /// Names a child after its parents, and apart from its sisters and brothers.
    fn name_child(&mut self, child: &mut Person, position: usize, twin: Option<&Person>) {
        let parent = child.father.or(child.mother).and_then(|at| self.people.get(at)).cloned();
        let mother = child.mother.and_then(|at| self.people.get(at)).cloned();
        if let Some(mother) = &mother {
            child.mother_maiden =
                mother.former_family.map_or(mother.family, |(former, _)| former).first;
        }
        match (twin, &parent) {
            (Some(twin), _) => {
                child.family = twin.family;
                child.mother_maiden = twin.mother_maiden;
            }
            // Some bring their name from an earlier family.
            (None, Some(parent)) if !self.dice.chance(50_000) => {
                child.family = FamilyName { first: parent.family.first, second: None };
            }
            _ => {}
        }
        let takes_after_father = self.dice.chance(70_000);
        if let Some(father) = child.father
            && child.sex == Sex::Male
            && twin.is_none()
            && takes_after_father
            && !self.people.iter().any(|person| matches!(person.suffix, Some("SR" | "III")))
            && let Some(father) = self.people.get_mut(father)
            && father.family == child.family
        {
            (child.given, child.middle, child.nickname) =
                (father.given, father.middle, father.nickname);
            if father.suffix.is_some() {
                child.suffix = Some("III");
            } else {
                father.suffix = Some("SR");
                child.suffix = Some("JR");
            }
            return;
        }
        for _ in 0..20 {
            let taken = self.people.iter().take(position).any(|other| other.given == child.given);
            if !taken {
                break;
            }
            child.given = self.names.given(child.sex, &mut self.dice);
            child.nickname = self.names.nickname(child.given, &mut self.dice);
        }
    }

    /// The old have Medicare each on their own; the others share the head's insurance, most of them.
    fn insurance(&mut self, position: usize, person: &Person) -> Insurance {
        let contract = self.numbers.contract(self.index, position);
        if person.age_on(TODAY) >= 65 {
            return Insurance { authority: "medicare", contract, member: 1 };
        }
        let own = self.dice.one_of(&INSURERS);
        match self.people.first() {
            Some(head) if head.insurance.authority != "medicare" && self.dice.chance(800_000) => {
                Insurance { member: position as u8 + 1, ..head.insurance.clone() }
            }
            _ => Insurance { authority: own, contract, member: 1 },
        }
    }

    fn email(&mut self, person: &Person) -> String {
        let domain = self.dice.one_of(&["example.com", "example.org", "example.net"]);
        let number = self.dice.below(1_000);
        let (given, family) = (person.given, person.family.first);
        let name = match self.dice.below(4) {
            0 => format!("{given}.{family}"),
            1 => format!("{given}{family}{number}"),
            2 => format!("{}{family}{number}", given.get(..1).unwrap_or_default()),
            _ => format!("{given}{number}"),
        };
        format!("{}@{domain}", name.to_ascii_lowercase().replace(' ', ""))
    }
}
