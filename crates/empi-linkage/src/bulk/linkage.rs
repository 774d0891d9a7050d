//! The outcome of linking files: persons, the pairs behind them, and the questions for stewards.

use std::cmp::Ordering;

use empi_model::{
    BlockingRule, EnterpriseId, Evidence, LinkDecision, MatchWeight, NormalizedRecord, RecordKey,
    ScoreExplanation,
};
use hashbrown::HashMap;
use rayon::prelude::*;

use super::blocks::Blocks;
use super::{
    Blocked, CappedBlock, HubValue, RecordKeys, ScoredPair, ScoredPairs, Sites, WeightHistogram,
};
use crate::cluster::{Groups, Sets, judge_join, may_join_linked};
use crate::explain::{evidence, explain, explain_levels};
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
    pub keys: RecordKeys,
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
    /// Values that were ignored because too many people share them.
    pub hub_values: Vec<HubValue>,
    sites: Sites,
    blocks: Blocks,
    model: LinkageModel,
    lexicon: Lexicon,
    /// By their sites.
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
        self.keys.place(key).and_then(|place| u32::try_from(place).ok())
    }

    /// The blocking rules that brought two records together; none if they were never compared.
    #[must_use]
    pub fn rules_in_common(&self, left: u32, right: u32) -> Vec<BlockingRule> {
        self.blocks.rules_in_common(self.sites.site(left), self.sites.site(right))
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

    /// The record at a place as it was compared; none once they were [released](Self::release_rows).
    #[must_use]
    pub fn row(&self, place: u32) -> Option<&CompareRow> {
        self.rows.get(self.sites.site(place) as usize)
    }

    /// Every record as it was compared, in the order of `keys`; none once they were
    /// [released](Self::release_rows).
    #[must_use]
    pub fn rows(&self) -> Vec<&CompareRow> {
        (0..self.rows.len())
            .filter_map(|place| self.row(u32::try_from(place).unwrap_or(u32::MAX)))
            .collect()
    }

    /// Frees the records as they were compared, when nothing is to be explained any more.
    pub fn release_rows(&mut self) {
        let (rows, lexicon) = (std::mem::take(&mut self.rows), std::mem::take(&mut self.lexicon));
        // Very many rows: their memory is given back on every core.
        rayon::join(|| rows.into_par_iter().for_each(drop), || drop(lexicon));
    }

    /// How the weight of a pair comes about, also of one that was never a candidate. `values` are the
    /// two records if their values are to be shown. `None` without rows.
    #[must_use]
    pub fn explain_pair(
        &self,
        (left, right): (u32, u32),
        values: Option<(&NormalizedRecord, &NormalizedRecord)>,
    ) -> Option<ScoreExplanation> {
        let (one, other) = (self.row(left)?, self.row(right)?);
        Some(match values {
            Some(shown) => explain(&self.model, &self.lexicon, (one, shown.0), (other, shown.1)),
            None => explain_levels(&self.model, &self.lexicon, one, other),
        })
    }

    /// What a pair is decided on, to be kept with the decision. `None` without rows.
    #[must_use]
    pub fn evidence(&self, left: u32, right: u32) -> Option<Evidence> {
        let (one, other) = (self.row(left)?, self.row(right)?);
        Some(evidence(&self.model, &self.lexicon, one, other))
    }

    /// For each record the one to which its [best link](Self::link_weights) inside its person leads, by
    /// their places; the first of equal ones.
    #[must_use]
    pub fn link_partners(&self) -> Vec<Option<u32>> {
        let mut partners: Vec<Option<u32>> = vec![None; self.persons.len()];
        let person = |record: u32| self.persons.get(record as usize);
        for pair in self.pairs.iter().filter(|pair| pair.decision == LinkDecision::Link) {
            if person(pair.left) != person(pair.right) {
                continue;
            }
            for (record, other) in [(pair.left, pair.right), (pair.right, pair.left)] {
                let best = self.link_weights.get(record as usize).copied().flatten();
                if let Some(partner @ None) = partners.get_mut(record as usize)
                    && best == Some(pair.weight)
                {
                    *partner = Some(other);
                }
            }
        }
        partners
    }

    /// Whether blocking brought two records together.
    #[must_use]
    pub fn was_candidate(&self, left: u32, right: u32) -> bool {
        self.blocks.first_common(self.sites.site(left), self.sites.site(right)).is_some()
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
        pairs.par_sort_unstable_by_key(|pair| (pair.left, pair.right));
        let count = u32::try_from(blocked.rows.len()).unwrap_or(u32::MAX);
        let mut firsts: Vec<u32> = (0..count).collect();
        for agglomerated in agglomerate(&blocked, &pairs) {
            for (record, first) in agglomerated.firsts {
                if let Some(slot) = firsts.get_mut(record as usize) {
                    *slot = first;
                }
            }
            for (at, guards) in agglomerated.refused {
                if let Some(pair) = pairs.get_mut(at) {
                    (pair.decision, pair.guards) = (LinkDecision::Review, guards);
                }
            }
        }
        let reviews = questions(&pairs, &firsts);
        let link_weights = link_weights(&pairs, &firsts);
        let (persons, person_count) = number_persons(&firsts);
        let Blocked { model, lexicon, rows, keys, order, sites, mut blocks, hub_values, .. } =
            blocked;
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
            sites,
            hub_values,
            histogram,
            blocks,
            model,
            lexicon,
            rows,
        }
    }
}

/// What became of the records that links connect, directly or over others.
#[derive(Default)]
struct Agglomerated {
    /// Each record with the first record of its person, where that is another one.
    firsts: Vec<(u32, u32)>,
    /// The links that were refused, by their place among the pairs, and why.
    refused: Vec<(usize, Guards)>,
}

/// Joins records along their links, the strongest first. Records that no chain of links connects cannot
/// come together, so each connected component is a piece of work of its own.
fn agglomerate(blocked: &Blocked, pairs: &[ScoredPair]) -> Vec<Agglomerated> {
    let is_link = |pair: &ScoredPair| pair.decision == LinkDecision::Link;
    let mut sets = Sets::new(blocked.rows.len());
    pairs.iter().filter(|pair| is_link(pair)).for_each(|pair| sets.join(pair.left, pair.right));
    let mut links: Vec<ComponentLink> = pairs
        .iter()
        .enumerate()
        .filter(|(_, pair)| is_link(pair))
        .map(|(at, pair)| ComponentLink {
            component: sets.first_of(pair.left),
            at: u32::try_from(at).unwrap_or(u32::MAX),
            weight: pair.weight,
        })
        .collect();
    links.par_sort_unstable_by(ComponentLink::in_order);
    let components: Vec<&[ComponentLink]> =
        links.chunk_by(|one, other| one.component == other.component).collect();
    let chunks = components.par_chunks(COMPONENTS_TOGETHER).map(|components| {
        let mut agglomerated = Agglomerated::default();
        components.iter().for_each(|links| agglomerated.add(blocked, pairs, links));
        agglomerated
    });
    chunks.collect()
}

/// A link and the connected component that it lies in.
#[derive(Clone, Copy)]
struct ComponentLink {
    component: u32,
    /// Its place among the pairs.
    at: u32,
    weight: MatchWeight,
}

impl ComponentLink {
    /// By component, the strongest first.
    fn in_order(&self, other: &Self) -> Ordering {
        let by_component = self.component.cmp(&other.component);
        by_component
            .then_with(|| descending(self.weight, other.weight))
            .then(self.at.cmp(&other.at))
    }
}

fn descending(one: MatchWeight, other: MatchWeight) -> Ordering {
    other.bits().total_cmp(&one.bits())
}

/// Components that one task works on.
const COMPONENTS_TOGETHER: usize = 1024;

impl Agglomerated {
    /// Works through the links of one component, the strongest first.
    fn add(&mut self, blocked: &Blocked, pairs: &[ScoredPair], links: &[ComponentLink]) {
        // Most persons are two records: there is nothing across them but the link itself.
        if let [link] = links
            && let Some(pair) = pairs.get(link.at as usize)
            && blocked.model.limits().person_records_max >= 2
        {
            self.firsts.push((pair.right.max(pair.left), pair.left.min(pair.right)));
            return;
        }
        let links =
            links.iter().filter_map(|link| Some((link.at as usize, pairs.get(link.at as usize)?)));
        let mut records: Vec<u32> =
            links.clone().flat_map(|(_, pair)| [pair.left, pair.right]).collect();
        records.sort_unstable();
        records.dedup();
        let number = |record: u32| {
            u32::try_from(records.binary_search(&record).unwrap_or_default()).unwrap_or(u32::MAX)
        };
        let record = |number: u32| records.get(number as usize).copied().unwrap_or_default();
        let links: Vec<(usize, u32, u32)> =
            links.map(|(at, pair)| (at, number(pair.left), number(pair.right))).collect();
        let mut groups = Groups::new(records.len());
        for (at, one, other) in &links {
            let (left, right) = (groups.first_of(*one), groups.first_of(*other));
            if left == right {
                continue;
            }
            let guards = if are_all_linked(&blocked.model, &mut groups, (left, right), &links) {
                Guards::NONE
            } else {
                let rows = |first: u32| -> Vec<&CompareRow> {
                    let members = groups.members(first);
                    members.iter().filter_map(|number| blocked.row(record(*number))).collect()
                };
                judge_join(&blocked.model, &blocked.lexicon, &rows(left), &rows(right))
            };
            if guards.is_empty() {
                groups.join(left, right);
            } else {
                self.refused.push((*at, guards));
            }
        }
        for (at, place) in records.iter().enumerate() {
            let first = record(groups.first_of(u32::try_from(at).unwrap_or(u32::MAX)));
            if first != *place {
                self.firsts.push((*place, first));
            }
        }
    }
}

/// Components of more links are judged without counting who is linked with whom.
const LINKS_COUNTED_MAX: usize = 64;

/// Whether every pair across two groups, given by their first records, is a link, and nothing else keeps
/// the two apart: so it is with nearly all persons, and nothing needs to be compared once more.
fn are_all_linked(
    model: &LinkageModel,
    groups: &mut Groups,
    (left, right): (u32, u32),
    links: &[(usize, u32, u32)],
) -> bool {
    if links.len() > LINKS_COUNTED_MAX {
        return false;
    }
    let (lefts, rights) = (groups.size(left), groups.size(right));
    let mut crosses = |(_, one, other): &&(usize, u32, u32)| {
        let ends = (groups.first_of(*one), groups.first_of(*other));
        ends == (left, right) || ends == (right, left)
    };
    links.iter().filter(&mut crosses).count() == lefts * rights
        && may_join_linked(model, lefts + rights)
}

/// One question per pair of persons: the strongest pair between them, the most certain first.
fn questions(pairs: &[ScoredPair], firsts: &[u32]) -> Vec<ReviewPair> {
    let first = |record: u32| firsts.get(record as usize).copied().unwrap_or(record);
    let mut asked: HashMap<(u32, u32), ()> = HashMap::new();
    let open = pairs.iter().filter(|pair| pair.decision == LinkDecision::Review);
    let mut open: Vec<&ScoredPair> = open.collect();
    // Of equal pairs the first by record stays first.
    open.par_sort_by(|one, other| descending(one.weight, other.weight));
    let open = open.into_iter();
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

/// The highest link weight of each record inside its person.
fn link_weights(pairs: &[ScoredPair], firsts: &[u32]) -> Vec<Option<MatchWeight>> {
    let mut weights: Vec<Option<MatchWeight>> = vec![None; firsts.len()];
    for pair in pairs.iter().filter(|pair| pair.decision == LinkDecision::Link) {
        if firsts.get(pair.left as usize) != firsts.get(pair.right as usize) {
            continue;
        }
        for record in [pair.left, pair.right] {
            if let Some(weight) = weights.get_mut(record as usize)
                && weight.is_none_or(|known| known < pair.weight)
            {
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
