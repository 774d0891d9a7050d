//! Names as frequent as they are in the United States, from the tables in `datasets`.
//!
//! The family names of the table are borne by three quarters of the people; the others bear names of
//! which there are too many to list. For them names are put together from parts, each as rare as such
//! names are, so that neither the common names are too common nor the rare ones missing.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::dice::Dice;
use super::people::Sex;

const GIVEN_NAMES: &str = include_str!("../../../../datasets/names/given_names.csv");
const FAMILY_NAMES: &str = include_str!("../../../../datasets/names/family_names.csv");
const NICKNAMES: &str = include_str!("../../../../datasets/nicknames/nicknames.csv");

/// Parts of the family names that no table lists: a beginning, a middle and an end of each make one.
const BEGINNINGS: &str = "BAL BER BRAN CAL CAR CHEN COR DAL DEL DOR DRA ELD FAR FEN GAL GOR GRAN HAL \
    HAR HOL JAN KAL KAR KEL KIM KOR LAN LAR LEM LIN LOR MAL MAR MEL MIL MON NAR NEL NOR PAL PAR PEL \
    PEN RAN RIN ROS SAL SAN SHEL SOR STAN TAL TAR TOL TRAN VAL VAN VER WAL WEN WIL YAN ZAL ZEL";
const MIDDLES: &str = "A E I O AN AR EL EN ER ES IN IS OM ON OR UM AD AM OV IT";
const ENDS: &str = "BERG BORN BURY BY CHEZ COTT DA DELL DER DO FELD FORD GAN GREN HAM KA KAR KINS KO \
    LANI LEY LIN LOW LUND MAN MORE NER NEZ NO QUIST RA RELL RIS SAKI SETH SKI SON STEIN STONE TA TON \
    VALE VICH WALL WARD WELL WICK WOOD WORTH ZAR";

/// Who is called what, and how often.
#[derive(Debug)]
pub(super) struct Names {
    male: Table,
    female: Table,
    family: Table,
    nicknames: HashMap<&'static str, Vec<&'static str>>,
}

/// Names with the running sum of how often each is borne.
#[derive(Debug, Default)]
struct Table {
    names: Vec<&'static str>,
    running: Vec<u64>,
}

impl Names {
    /// The tables, read once.
    pub(super) fn table() -> &'static Self {
        static NAMES: LazyLock<Names> = LazyLock::new(Names::read);
        &NAMES
    }

    /// A given name of somebody of that sex, also a middle name.
    pub(super) fn given(&self, sex: Sex, dice: &mut Dice) -> &'static str {
        match sex {
            Sex::Male => self.male.draw(dice),
            Sex::Female => self.female.draw(dice),
        }
    }

    /// A family name.
    pub(super) fn family(&self, dice: &mut Dice) -> &'static str {
        self.family.draw(dice)
    }

    /// One of the nicknames of a given name.
    pub(super) fn nickname(&self, given: &str, dice: &mut Dice) -> Option<&'static str> {
        let nicknames = self.nicknames.get(given)?;
        nicknames.get(dice.position(nicknames.len())).copied()
    }

    fn read() -> Self {
        let mut names = Self {
            male: Table::default(),
            female: Table::default(),
            family: Table::default(),
            nicknames: HashMap::new(),
        };
        for line in GIVEN_NAMES.lines().skip(1) {
            let mut fields = line.split(',');
            let name = fields.next().unwrap_or_default();
            names.male.add(name, thousandths(fields.next()));
            names.female.add(name, thousandths(fields.next()));
        }
        for line in FAMILY_NAMES.lines().skip(1) {
            let mut fields = line.split(',');
            names.family.add(fields.next().unwrap_or_default(), thousandths(fields.next()));
        }
        names.family.add_unlisted();
        for (formal, nickname) in NICKNAMES.lines().skip(1).filter_map(|line| line.split_once(','))
        {
            names.nicknames.entry(formal).or_default().push(nickname);
        }
        names
    }
}

/// A figure per million as a whole number per thousand million.
fn thousandths(per_million: Option<&str>) -> u64 {
    let per_million: f64 = per_million.and_then(|figure| figure.parse().ok()).unwrap_or_default();
    (per_million * 1000.0).round() as u64
}

impl Table {
    fn add(&mut self, name: &'static str, weight: u64) {
        if weight > 0 {
            self.names.push(name);
            self.running.push(self.total() + weight);
        }
    }

    fn total(&self) -> u64 {
        self.running.last().copied().unwrap_or_default()
    }

    fn draw(&self, dice: &mut Dice) -> &'static str {
        let drawn = dice.below(self.total());
        let position = self.running.partition_point(|&sum| sum <= drawn);
        self.names.get(position).copied().unwrap_or_default()
    }

    /// Adds the names of those who bear none of the listed ones, all equally rare.
    fn add_unlisted(&mut self) {
        static UNLISTED: LazyLock<Vec<String>> = LazyLock::new(|| {
            let mut names = Vec::new();
            for beginning in BEGINNINGS.split_whitespace() {
                for middle in MIDDLES.split_whitespace() {
                    names.extend(
                        ENDS.split_whitespace().map(|end| format!("{beginning}{middle}{end}")),
                    );
                }
            }
            names
        });
        let rest = 1_000_000_000_u64.saturating_sub(self.total());
        let weight = rest / UNLISTED.len().max(1) as u64;
        for name in UNLISTED.iter() {
            self.add(name, weight);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::dice::Purpose;
    use super::*;

    #[test]
    fn names_are_drawn_as_often_as_they_are_borne() {
        let mut dice = Dice::new(5, Purpose::People, 0);
        let names = Names::table();
        let drawn: Vec<&str> = (0..200_000).map(|_| names.family(&mut dice)).collect();
        let count = |name: &str| drawn.iter().filter(|drawn| **drawn == name).count();
        // About 8 of 1,000 people are called Smith.
        assert!((1_300..2_100).contains(&count("SMITH")), "{}", count("SMITH"));
        assert!(count("SMITH") > count("MILLER") && count("MILLER") > count("YODER"));
        let distinct: std::collections::HashSet<&str> = drawn.iter().copied().collect();
        assert!(distinct.len() > 40_000, "{}", distinct.len());
    }

    #[test]
    fn given_names_go_with_the_sex() {
        let mut dice = Dice::new(5, Purpose::People, 1);
        let names = Names::table();
        let mut draw = |sex| (0..20_000).map(|_| names.given(sex, &mut dice)).collect::<Vec<_>>();
        let (male, female) = (draw(Sex::Male), draw(Sex::Female));
        let count =
            |drawn: &[&str], name: &str| drawn.iter().filter(|drawn| **drawn == name).count();
        assert!(count(&male, "ROBERT") > 100 && count(&female, "ROBERT") < 10);
        assert!(count(&female, "MARY") > 100 && count(&male, "MARY") < 10);
    }

    #[test]
    fn nicknames_are_those_of_the_formal_name() {
        let mut dice = Dice::new(5, Purpose::People, 2);
        let drawn: std::collections::BTreeSet<_> =
            (0..200).filter_map(|_| Names::table().nickname("ROBERT", &mut dice)).collect();
        assert!(drawn.contains("BOB") && drawn.contains("ROB"), "{drawn:?}");
        assert_eq!(Names::table().nickname("XQZ", &mut dice), None);
    }
}
