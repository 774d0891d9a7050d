//! How often the values of a record stand in the index: what is rare says more than what is common.

use empi_linkage::{Intern as _, LexiconOverlay, Values as _, blocking_keys, normalize};
use empi_model::{BlockingKey, BlockingRule, SourceRecord};

use crate::mirror::Mirror;
use crate::mirror::search_keys::date_key;
use crate::registry::Registry;

/// How many records have the values of a record; `None` where it has none. Several values of a kind count as
/// the rarest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Rarity {
    /// Records with a say in the index.
    pub records: u64,
    /// Records with its current given name.
    pub given_name: Option<u64>,
    /// Records with its current family name.
    pub family_name: Option<u64>,
    /// Records of people born on the day.
    pub birth_date: Option<u64>,
    /// Records with its national number.
    pub ssn: Option<u64>,
    /// Records with the rarest of its identifiers.
    pub identifier: Option<u64>,
    /// Records with the rarest of its telephone numbers.
    pub phone: Option<u64>,
    /// Records with the rarest of its e-mail addresses.
    pub email: Option<u64>,
}

impl Registry {
    /// How often the values of a record stand in the index, as it is in memory.
    #[must_use]
    pub fn rarity(&self, record: &SourceRecord) -> Rarity {
        let normalized = normalize(record);
        let mirror = self.core.mirror.read();
        let mut values = LexiconOverlay::new(&mirror.lexicon);
        let row = values.row(&normalized);
        let keys = blocking_keys(&values, &row);
        let of_rule = |rule| {
            let keys = keys.iter().copied().filter(|key| key.rule() == Some(rule));
            rarest(&mirror, keys)
        };
        let name = row.names().next();
        let given = name.map(|name| name.given).filter(|id| id.is_some());
        let family = name.map(|name| name.family).filter(|id| id.is_some());
        let born = (row.birth_date != 0).then(|| date_key(row.birth_date));
        Rarity {
            records: u64::from(mirror.counters().records),
            given_name: given.map(|id| u64::from(values.name(id).given_count)),
            family_name: family.map(|id| u64::from(values.name(id).family_count)),
            birth_date: rarest(&mirror, born.into_iter()),
            ssn: of_rule(BlockingRule::Ssn),
            identifier: of_rule(BlockingRule::Identifier),
            phone: of_rule(BlockingRule::Phone),
            email: of_rule(BlockingRule::Email),
        }
    }
}

fn rarest(mirror: &Mirror, keys: impl Iterator<Item = BlockingKey>) -> Option<u64> {
    keys.map(|key| mirror.postings.count(key) as u64).min()
}
