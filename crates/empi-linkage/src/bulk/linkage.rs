//! The outcome of linking files: persons, the pairs behind them, and the questions for stewards.

use empi_model::{
    BlockingRule, EnterpriseId, LinkDecision, MatchWeight, NormalizedRecord, RecordKey,
    ScoreExplanation,
};
use hashbrown::HashMap;

use super::blocks::Blocks;
use super::{CappedBlock, ScoredPair, ScoredPairs, WeightHistogram};
use crate::cluster::{Groups, judge_join};
use crate::explain::{explain, explain_levels};
use crate::guard::Guards;
use crate::lexicon::Lexicon;
use crate::model::LinkageModel;
use crate::row::CompareRow;

/// A question for a data steward: are these two persons one?
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReviewPair {
    /// A record of one person, by its place in the order of keys.
    pub left: u32,
    /// A record of the other person.
    pub right: u32,
    /// The weight of the pair, the highest between the two persons.
    pub weight: MatchWeight,
    /// What held a link back; empty when the weight alone was uncertain.
    pub guards: Guards,
}

/// Files linked.
#[derive(Debug)]
pub struct Linkage {
    /// The records by their keys, ascending. Their places here are how the rest names them.
    pub keys: Vec<RecordKey>,
    /// For each record in the order in which they were added, its place in `keys`.
    pub order: Vec<u32>,
    /// For each record the number of its person. Persons are numbered by their first record.
    pub persons: Vec<u32>,
    /// How many persons there are.
    pub person_count: u32,
    /// For each record the highest weight of a link inside its person; `None` for a person of one.
    pub link_weights: Vec<Option<MatchWeight>>,
    /// Links and possible links, by record. A link that clustering refused is a possible link.
    pub pairs: Vec<ScoredPair>,
    /// One question per pair of persons that may be one, the most certain first.
    pub reviews: Vec<ReviewPair>,
    /// How many distinct pairs were compared.
    pub candidate_pairs: u64,
    /// Blocks too large to be compared, so that some pairs were never looked at.
    pub capped_blocks: Vec<CappedBlock>,
    /// The weights of all candidate pairs.
    pub histogram: WeightHistogram,
    blocks: Blocks,
    model: LinkageModel,
    lexicon: Lexicon,
    rows: Vec<CompareRow>,
}

impl Linkage {
    /// The enterprise ID of a person by its number.
    #[must_use]
    pub fn enterprise_id(&self, person: u32) -> EnterpriseId {
        EnterpriseId::mint(u64::from(person))
    }

    /// The place of a record by its key.
    #[must_use]
    pub fn place(&self, key: &RecordKey) -> Option<u32> {
        self.keys.binary_search(key).ok().and_then(|place| u32::try_from(place).ok())
    }

    /// The blocking rules that brought two records together; none if they were never compared.
    #[must_use]
    pub fn rules_in_common(&self, left: u32, right: u32) -> Vec<BlockingRule> {
        self.blocks.rules_in_common(left, right)
    }

    /// How many pairs the blocks of each rule hold, those of several rules counted in each, in the
    /// order of [`BlockingRule::ALL`].
    #[must_use]
    pub fn pairs_by_rule(&self) -> Vec<u64> {
        self.blocks.pairs_by_rule()
    }

    /// The scored pair of two records, the smaller first; `None` below the review threshold.
    #[must_use]
    pub fn scored_pair(&self, left: u32, right: u32) -> Option<&ScoredPair> {
        let at = self.pairs.binary_search_by_key(&(left, right), |pair| (pair.left, pair.right));
        at.ok().and_then(|at| self.pairs.get(at))
    }

    /// The records as they were compared, in the order of `keys`; empty once they were
    /// [released](Self::release_rows).
    #[must_use]
    pub fn rows(&self) -> &[CompareRow] {
        &self.rows
    }

    /// Frees the records as they were compared, when nothing is to be explained any more.
    pub fn release_rows(&mut self) {
        self.rows = Vec::new();
        self.lexicon = Lexicon::new();
    }

    /// How the weight of a pair comes about, also of one that was never a candidate. `values` are the
    /// two records if their values are to be shown. `None` without rows.
    #[must_use]
    pub fn explain_pair(
        &self,
        (left, right): (u32, u32),
        values: Option<(&NormalizedRecord, &NormalizedRecord)>,
    ) -> Option<ScoreExplanation> {
        let (one, other) = (self.rows.get(left as usize)?, self.rows.get(right as usize)?);
        Some(match values {
            Some(shown) => explain(&self.model, &self.lexicon, (one, shown.0), (other, shown.1)),
            None => explain_levels(&self.model, &self.lexicon, one, other),
        })
    }

    /// Whether blocking brought two records together.
    #[must_use]
    pub fn was_candidate(&self, left: u32, right: u32) -> bool {
        self.blocks.first_common(left, right).is_some()
    }
}

impl ScoredPairs {
    /// How many distinct pairs were compared.
    #[must_use]
    pub const fn candidate_pairs(&self) -> u64 {
        self.candidate_pairs
    }

    /// Joins records into persons and collects the questions that remain.
    #[must_use]
    pub fn cluster(self) -> Linkage {
        let Self { blocked, mut pairs, candidate_pairs, histogram } = self;
        let descending = |one: &ScoredPair, other: &ScoredPair| {
            let weight = other.weight.bits().total_cmp(&one.weight.bits());
            weight.then((one.left, one.right).cmp(&(other.left, other.right)))
        };
        pairs.sort_unstable_by(descending);
        let mut groups = Groups::new(blocked.rows.len());
        for pair in pairs.iter_mut().filter(|pair| pair.decision == LinkDecision::Link) {
            let (left, right) = (groups.first_of(pair.left), groups.first_of(pair.right));
            if left == right {
                continue;
            }
            let rows = |first: u32| -> Vec<&CompareRow> {
                let members = groups.members(first);
                members.iter().filter_map(|record| blocked.rows.get(*record as usize)).collect()
            };
            let guards = judge_join(&blocked.model, &blocked.lexicon, &rows(left), &rows(right));
            if guards.is_empty() {
                groups.join(left, right);
            } else {
                pair.decision = LinkDecision::Review;
                pair.guards = guards;
            }
        }
        let firsts: Vec<u32> = (0..blocked.rows.len())
            .map(|record| groups.first_of(u32::try_from(record).unwrap_or(u32::MAX)))
            .collect();
        let reviews = questions(&pairs, &firsts);
        let link_weights = link_weights(&pairs, &firsts);
        let (persons, person_count) = number_persons(&firsts);
        pairs.sort_unstable_by_key(|pair| (pair.left, pair.right));
        let super::Blocked { model, lexicon, rows, keys, order, mut blocks, .. } = blocked;
        let capped_blocks = std::mem::take(&mut blocks.capped);
        Linkage {
            keys,
            order,
            persons,
            person_count,
            link_weights,
            pairs,
            reviews,
            candidate_pairs,
            capped_blocks,
            histogram,
            blocks,
            model,
            lexicon,
            rows,
        }
    }
}

/// One question per pair of persons: the first pair between them, pairs coming by descending weight.
fn questions(pairs: &[ScoredPair], firsts: &[u32]) -> Vec<ReviewPair> {
    let first = |record: u32| firsts.get(record as usize).copied().unwrap_or(record);
    let mut asked: HashMap<(u32, u32), ()> = HashMap::new();
    let open = pairs.iter().filter(|pair| pair.decision == LinkDecision::Review);
    open.filter(|pair| {
        let (left, right) = (first(pair.left), first(pair.right));
        left != right && asked.insert((left.min(right), left.max(right)), ()).is_none()
    })
    .map(|pair| ReviewPair {
        left: pair.left,
        right: pair.right,
        weight: pair.weight,
        guards: pair.guards,
    })
    .collect()
}

/// The highest link weight of each record inside its person, pairs coming by descending weight.
fn link_weights(pairs: &[ScoredPair], firsts: &[u32]) -> Vec<Option<MatchWeight>> {
    let mut weights = vec![None; firsts.len()];
    for pair in pairs.iter().filter(|pair| pair.decision == LinkDecision::Link) {
        if firsts.get(pair.left as usize) != firsts.get(pair.right as usize) {
            continue;
        }
        for record in [pair.left, pair.right] {
            if let Some(weight @ None) = weights.get_mut(record as usize) {
                *weight = Some(pair.weight);
            }
        }
    }
    weights
}

/// Numbers persons by their first records.
fn number_persons(firsts: &[u32]) -> (Vec<u32>, u32) {
    let mut numbers = vec![0; firsts.len()];
    let mut count = 0;
    for (record, first) in firsts.iter().enumerate() {
        let number = if *first as usize == record {
            count += 1;
            count - 1
        } else {
            // A group's first record is its smallest, so it has its number already.
            numbers.get(*first as usize).copied().unwrap_or_default()
        };
        if let Some(slot) = numbers.get_mut(record) {
            *slot = number;
        }
    }
    (numbers, count)
}
