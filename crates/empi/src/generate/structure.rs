//! Who lives in a household, and how often each of them is seen at which source: all that must be
//! known to count and to order records before any of them is made.

use super::dice::{Dice, Purpose};

/// The most people of one household.
pub(super) const MEMBERS_MAX: usize = 8;
/// The most records of one person.
pub(super) const VISITS_MAX: usize = 8;

/// How many records a person has, in a thousand persons: 1.96 on average.
const VISIT_WEIGHTS: [u32; VISITS_MAX] = [520, 240, 120, 60, 30, 15, 9, 6];
/// Share of later visits that lead back to the source of the first.
const RETURNS_PER_MILLION: u32 = 400_000;

/// What somebody is in the household.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The one the household is named after.
    Head,
    /// Lives with the head as a couple.
    Partner,
    /// A parent of the head.
    Elder,
    /// A child of the head and the partner; twins and triplets share their birth.
    Child { birth: u8 },
    /// Shares the address and nothing else.
    Housemate,
}

/// One member of a household: what they are, and the source of each of their records, in time order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) role: Role,
    pub(super) sources: Vec<u8>,
}

/// A household before anything is known of its people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Structure {
    pub(super) members: Vec<Member>,
}

impl Structure {
    /// The structure of one household, the same whenever it is asked for.
    pub(super) fn of(seed: u64, household: u32, source_count: u8) -> Self {
        let mut dice = Dice::new(seed, Purpose::Structure, household.into());
        let members = roles(&mut dice)
            .into_iter()
            .map(|role| Member { role, sources: visits(source_count, &mut dice) })
            .collect();
        Self { members }
    }

    /// How many records the household has.
    #[cfg(test)]
    pub(super) fn record_count(&self) -> usize {
        self.members.iter().map(|member| member.sources.len()).sum()
    }
}

fn roles(dice: &mut Dice) -> Vec<Role> {
    let mut roles = vec![Role::Head];
    // Alone, couple, couple with children, single parent, three generations, housemates.
    match dice.weighted(&[280, 230, 290, 110, 40, 50]) {
        0 => {}
        1 => roles.push(Role::Partner),
        2 => {
            roles.push(Role::Partner);
            add_children(&mut roles, dice);
        }
        3 => add_children(&mut roles, dice),
        4 => {
            roles.push(Role::Elder);
            if dice.chance(600_000) {
                roles.push(Role::Partner);
            }
            add_children(&mut roles, dice);
        }
        _ => roles.extend((0..=dice.below(3)).map(|_| Role::Housemate)),
    }
    roles.truncate(MEMBERS_MAX);
    roles
}

/// One to four births; 3.2 % of them are twins and 0.1 % triplets.
fn add_children(roles: &mut Vec<Role>, dice: &mut Dice) {
    for birth in 0..=dice.weighted(&[40, 38, 16, 6]) as u8 {
        let children = 1 + dice.weighted(&[967, 32, 1]);
        roles.extend((0..children).map(|_| Role::Child { birth }));
    }
}

fn visits(source_count: u8, dice: &mut Dice) -> Vec<u8> {
    let home = source(source_count, dice);
    let mut sources = vec![home];
    for _ in 0..dice.weighted(&VISIT_WEIGHTS) {
        let returns = dice.chance(RETURNS_PER_MILLION);
        sources.push(if returns { home } else { source(source_count, dice) });
    }
    sources
}

/// A source: the second is half as large as the first, the third a third, and so on.
fn source(source_count: u8, dice: &mut Dice) -> u8 {
    let weights: [u32; 26] = std::array::from_fn(|index| 100_000 / (index as u32 + 1));
    dice.weighted(weights.get(..source_count.into()).unwrap_or(&weights)) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn households_are_as_documented() {
        let households: Vec<Structure> = (0..20_000).map(|h| Structure::of(1, h, 5)).collect();
        assert!(households.iter().all(|household| household.members.len() <= MEMBERS_MAX));
        assert!(households.iter().all(|household| household.members[0].role == Role::Head));
        let members: Vec<&Member> = households.iter().flat_map(|h| &h.members).collect();
        let records: usize = households.iter().map(Structure::record_count).sum();
        let mean = records as f64 / members.len() as f64;
        assert!((1.90..2.02).contains(&mean), "{mean}");
        assert!(members.iter().all(|m| (1..=VISITS_MAX).contains(&m.sources.len())));
        assert!(members.iter().any(|member| member.sources.len() == VISITS_MAX));
        assert!(members.iter().flat_map(|member| &member.sources).all(|&source| source < 5));
    }

    #[test]
    fn some_births_are_multiple() {
        let twins = (0..20_000)
            .map(|household| Structure::of(1, household, 5).members)
            .filter(|members| {
                members.windows(2).any(|pair| {
                    pair[0].role == pair[1].role && matches!(pair[0].role, Role::Child { .. })
                })
            })
            .count();
        // 44 % of the households have 1.9 births each, of which 3.3 % are multiple.
        assert!((400..680).contains(&twins), "{twins}");
    }

    #[test]
    fn a_household_is_the_same_whenever_it_is_asked_for() {
        assert_eq!(Structure::of(3, 77, 4), Structure::of(3, 77, 4));
        assert!((0..50).any(|h| Structure::of(3, h, 4) != Structure::of(4, h, 4)));
    }
}
