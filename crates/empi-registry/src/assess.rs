//! Reading the index for one record: its candidates, how they score, and which persons they speak
//! for.
//!
//! An assessment is a value. It carries what was read (keys, persons, the sequence number of the
//! mirror), so that the commit thread can tell whether it still holds.

use empi_linkage::{
    BlockingKeys, CompareRow, Guards, Hubs, Intern, LexiconOverlay, Limits, LinkageModel, Scored,
    Values as _, blocking_keys, evidence, judge_join, score,
};
use empi_model::{
    BlockingKey, EnterpriseId, Evidence, Guard, LinkDecision, LinkSource, MatchWeight,
    NormalizedRecord, RecordIndex, Timestamp,
};
use hashbrown::HashMap;
use rayon::prelude::*;
use smallvec::SmallVec;

use crate::hubs::{hubs_of, kind_of};
use crate::incoming::Incoming;
use crate::mirror::Mirror;
use crate::plan::Target;

/// From so many candidates on, scoring uses all cores.
const PARALLEL_CANDIDATES_MIN: usize = 512;

/// A block over the limit is split by birth year, as in bulk, unless it is so many times over it.
const BLOCK_SPLIT_FACTOR_MAX: usize = 64;

/// Most records of a person that a record is compared with to judge whether it fits.
const MEMBERS_COMPARED_MAX: usize = 64;

/// What the index says about one incoming record at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Assessment {
    /// The mirror's last change when this was read.
    pub(crate) sequence: u64,
    /// How many models the mirror had followed.
    pub(crate) models: u64,
    /// The record's keys, all of which were read, also the empty ones.
    pub(crate) keys: BlockingKeys,
    /// Persons with a record that links or nearly does, the strongest first.
    pub(crate) contenders: Vec<Contender>,
    /// Pairs of contenders (and the record's own person) that a steward keeps apart.
    pub(crate) apart: Vec<(EnterpriseId, EnterpriseId)>,
    /// Blocks that were too large to be walked.
    pub(crate) capped: SmallVec<[BlockingKey; 2]>,
    /// Candidates that were left out because there were too many.
    pub(crate) candidates_cut: usize,
    /// Values of the record that very many people share: they were ignored.
    pub(crate) hubs: Hubs,
    /// For a record that is in the index already: how it stands.
    pub(crate) own: Option<Own>,
    /// What the weights are made of: against each contender's candidate, the record itself as it stood, and
    /// the best of its person's other records.
    pub(crate) evidence: Vec<(RecordIndex, Evidence)>,
}

/// A person that may be the incoming record's.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Contender {
    pub(crate) person: EnterpriseId,
    /// The person's age, see [`MirroredPerson::age`](crate::mirror::MirroredPerson::age).
    pub(crate) age: (Timestamp, RecordIndex),
    /// The person's record that resembles most.
    pub(crate) candidate: RecordIndex,
    pub(crate) weight: MatchWeight,
    /// `Link` or `Review`, after all guards.
    pub(crate) decision: LinkDecision,
    pub(crate) guards: Guards,
}

impl Contender {
    /// Whether the record belongs to this person as far as scoring can tell.
    pub(crate) fn answers(&self) -> bool {
        self.decision == LinkDecision::Link
    }
}

/// How a record that is in the index already stands, and how its new content compares.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Own {
    pub(crate) record: RecordIndex,
    pub(crate) content_hash: u64,
    /// Whether it has a say.
    pub(crate) is_active: bool,
    pub(crate) person: EnterpriseId,
    pub(crate) link: LinkSource,
    /// The new content against the old.
    pub(crate) with_itself: Scored,
    /// The evidence of that comparison: its weight without the prior.
    pub(crate) evidence: MatchWeight,
    /// The new content against the person's other records, the best; `None` for a person of one.
    pub(crate) with_others: Option<(RecordIndex, Scored)>,
}

impl Own {
    /// Whether the record says already what comes in. A retired record says nothing: registered again,
    /// it has a say again.
    pub(crate) fn says(&self, incoming: &Incoming) -> bool {
        self.is_active && self.content_hash == incoming.content_hash
    }
}

impl Assessment {
    /// Whether a plan made from this assessment would be made the same now.
    pub(crate) fn still_holds(&self, mirror: &Mirror, existing: Option<RecordIndex>) -> bool {
        let unchanged = |changed: u64| changed <= self.sequence;
        self.sequence >= mirror.recent.floor()
            && self.models == mirror.models()
            && existing == self.own.as_ref().map(|own| own.record)
            && self.keys.iter().all(|key| unchanged(mirror.recent.key_changed(*key)))
            && self.persons().all(|person| unchanged(mirror.recent.person_changed(person)))
    }

    /// The last change among everything that was read: durable, so is the answer.
    pub(crate) fn last_change(&self, mirror: &Mirror) -> u64 {
        let keys = self.keys.iter().map(|key| mirror.recent.key_changed(*key));
        let persons = self.persons().map(|person| mirror.recent.person_changed(person));
        keys.chain(persons).max().unwrap_or(0)
    }

    /// The record of the person linked to that resembles most.
    pub(crate) fn candidate_of(&self, target: Option<Target>) -> Option<RecordIndex> {
        let person = target?.person;
        let found = self.contenders.iter().find(|contender| contender.person == person);
        found.map(|contender| contender.candidate)
    }

    fn persons(&self) -> impl Iterator<Item = EnterpriseId> + '_ {
        let contenders = self.contenders.iter().map(|contender| contender.person);
        contenders.chain(self.own.as_ref().map(|own| own.person))
    }
}

/// Assesses a record. `existing` is its place in the index, for an update.
pub(crate) fn assess(
    mirror: &Mirror,
    model: &LinkageModel,
    record: &NormalizedRecord,
    existing: Option<RecordIndex>,
) -> Assessment {
    let mut values = LexiconOverlay::new(&mirror.lexicon);
    let whole = values.row(record);
    let keys = blocking_keys(&values, &whole);
    let hubs = hubs_of(mirror, model.limits(), &keys, &whole);
    let mut row = whole.clone();
    hubs.remove_from(&mut row);
    let whole = (!hubs.is_empty()).then_some(&whole);
    let reader = Reader { mirror, model, values: &values, row: &row, whole };
    let own = existing.and_then(|record| reader.own(record));
    let own_person = own.as_ref().map(|own| own.person);
    let (candidates, mut capped, candidates_cut) = candidates(mirror, model.limits(), &keys, &row);
    // The block of a hub says nothing, and a task of its own names the value.
    capped.retain(|key| kind_of(*key).is_none_or(|kind| hubs.iter().all(|(hub, _)| hub != kind)));
    let is_free = own_person.is_none_or(|person| !mirror.consent_of(person).not_linked);
    let others = candidates.into_iter().filter(|record| {
        is_free && (own_person.is_none() || mirror.person_of(*record) != own_person)
    });
    let contenders = reader.contenders(&others.collect::<Vec<_>>(), existing);
    let apart = apart(mirror, &contenders, own_person);
    let evidence = reader.evidence(&contenders, own.as_ref());
    let sequence = mirror.sequence();
    let models = mirror.models();
    Assessment {
        sequence,
        models,
        keys,
        contenders,
        apart,
        capped,
        candidates_cut,
        hubs,
        own,
        evidence,
    }
}

/// The records that share a key, those that share most keys first where there are too many; the
/// blocks that were not walked; and how many candidates were left out.
fn candidates(
    mirror: &Mirror,
    limits: Limits,
    keys: &BlockingKeys,
    row: &CompareRow,
) -> (Vec<RecordIndex>, SmallVec<[BlockingKey; 2]>, usize) {
    let block_max = limits.block_records_max as usize;
    let mut capped = SmallVec::new();
    let mut shared: HashMap<u32, u32> = HashMap::new();
    for key in keys {
        let count = mirror.postings.count(*key);
        if count > block_max.saturating_mul(BLOCK_SPLIT_FACTOR_MAX) {
            capped.push(*key);
            continue;
        }
        let records = mirror.postings.records(*key);
        if count <= block_max {
            records.iter().for_each(|record| *shared.entry(*record).or_default() += 1);
            continue;
        }
        let birth_year = row.birth_date / 10_000;
        let same_year = |record: &&u32| {
            let birth_date = mirror.birth_date(RecordIndex(**record));
            birth_date.is_some_and(|date| date / 10_000 == birth_year)
        };
        let part: Vec<&u32> = records.iter().filter(same_year).take(block_max + 1).collect();
        if part.len() > block_max {
            capped.push(*key);
            continue;
        }
        part.into_iter().for_each(|record| *shared.entry(*record).or_default() += 1);
    }
    let mut records: Vec<(u32, u32)> = shared.into_iter().collect();
    let candidates_max = limits.candidates_max as usize;
    let cut = records.len().saturating_sub(candidates_max);
    if cut > 0 {
        records.sort_unstable_by_key(|(record, keys)| (std::cmp::Reverse(*keys), *record));
        records.truncate(candidates_max);
    }
    records.sort_unstable();
    (records.into_iter().map(|(record, _)| RecordIndex(record)).collect(), capped, cut)
}

/// Scores one incoming row against the mirror.
struct Reader<'a> {
    mirror: &'a Mirror,
    model: &'a LinkageModel,
    values: &'a LexiconOverlay<'a>,
    /// The incoming row, without values that very many people share.
    row: &'a CompareRow,
    /// The row with them, where it has any.
    whole: Option<&'a CompareRow>,
}

impl Reader<'_> {
    /// Whether a pair is a link only by a value that very many people share: a question, never silence.
    fn is_carried_by_hub(&self, record: RecordIndex, scored: &Scored) -> bool {
        let (Some(whole), Some(other)) = (self.whole, self.mirror.row(record)) else {
            return false;
        };
        scored.decision != LinkDecision::Link
            && score(self.model, self.values, whole, &other).decision == LinkDecision::Link
    }

    fn score(&self, record: RecordIndex) -> Option<Scored> {
        let other = self.mirror.row(record)?;
        Some(score(self.model, self.values, self.row, &other))
    }

    fn own(&self, record: RecordIndex) -> Option<Own> {
        let stored = self.mirror.record(record)?;
        let others = self.mirror.speakers(stored.person).filter(|other| *other != record);
        let scored =
            others.take(MEMBERS_COMPARED_MAX).filter_map(|other| Some((other, self.score(other)?)));
        let with_itself = score(self.model, self.values, self.row, &stored.row);
        Some(Own {
            record,
            content_hash: stored.content_hash,
            is_active: stored.is_active,
            person: stored.person,
            link: stored.link,
            with_itself,
            evidence: with_itself.weight - self.model.prior_weight(self.values.record_count()),
            with_others: scored.reduce(
                |best, next| {
                    if next.1.weight > best.1.weight { next } else { best }
                },
            ),
        })
    }

    /// What the scores are made of that a decision can rest on.
    fn evidence(
        &self,
        contenders: &[Contender],
        own: Option<&Own>,
    ) -> Vec<(RecordIndex, Evidence)> {
        let others = own.and_then(|own| own.with_others).map(|(record, _)| record);
        let compared = contenders.iter().map(|contender| contender.candidate);
        let compared = compared.chain(own.map(|own| own.record)).chain(others);
        compared
            .filter_map(|record| {
                let other = self.mirror.row(record)?;
                Some((record, evidence(self.model, self.values, self.row, &other)))
            })
            .collect()
    }

    /// Persons by their best record, judged as a whole; the strongest first, then the oldest.
    fn contenders(
        &self,
        candidates: &[RecordIndex],
        existing: Option<RecordIndex>,
    ) -> Vec<Contender> {
        let scored = |record: &RecordIndex| {
            let mut scored = self.score(*record)?;
            if self.is_carried_by_hub(*record, &scored) {
                scored.decision = LinkDecision::Review;
                scored.guards.insert(Guard::HubValue);
            }
            (scored.decision != LinkDecision::NonLink).then_some((*record, scored))
        };
        let promising: Vec<(RecordIndex, Scored)> = if candidates.len() < PARALLEL_CANDIDATES_MIN {
            candidates.iter().filter_map(scored).collect()
        } else {
            candidates.par_iter().filter_map(scored).collect()
        };
        let mut best: HashMap<EnterpriseId, (RecordIndex, Scored)> = HashMap::new();
        for (record, scored) in promising {
            let Some(person) = self.mirror.person_of(record) else { continue };
            let best = best.entry(person).or_insert((record, scored));
            // A link outranks a heavier pair that a guard holds: the person is judged below anyway.
            if (scored.decision, scored.weight.bits()) > (best.1.decision, best.1.weight.bits()) {
                *best = (record, scored);
            }
        }
        // Whoever is not to be linked is nobody's candidate.
        best.retain(|person, _| !self.mirror.consent_of(*person).not_linked);
        let judged = best.into_iter().filter_map(|(person, (candidate, scored))| {
            self.judge(person, candidate, scored, existing)
        });
        let mut contenders: Vec<Contender> = judged.collect();
        contenders.sort_unstable_by(|one, other| {
            let weight = other.weight.bits().total_cmp(&one.weight.bits());
            weight.then(one.age.cmp(&other.age))
        });
        contenders
    }

    /// Judges a whole person by the rule that bulk linkage joins groups by.
    fn judge(
        &self,
        person: EnterpriseId,
        candidate: RecordIndex,
        scored: Scored,
        existing: Option<RecordIndex>,
    ) -> Option<Contender> {
        let mirrored = self.mirror.person(person)?;
        let mut guards = scored.guards;
        if scored.decision == LinkDecision::Link {
            let rows: Vec<CompareRow> =
                self.mirror.speakers(person).filter_map(|it| self.mirror.row(it)).collect();
            let rows: Vec<&CompareRow> = rows.iter().collect();
            guards = guards.union(judge_join(self.model, self.values, &[self.row], &rows));
        }
        if existing.is_some_and(|record| self.mirror.is_kept_apart(record, person)) {
            guards.insert(Guard::KeptApart);
        }
        let decision = if guards.is_empty() { scored.decision } else { LinkDecision::Review };
        let age = mirrored.age();
        Some(Contender { person, age, candidate, weight: scored.weight, decision, guards })
    }
}

/// The pairs among the contenders, and with the record's own person, that a steward keeps apart.
fn apart(
    mirror: &Mirror,
    contenders: &[Contender],
    own: Option<EnterpriseId>,
) -> Vec<(EnterpriseId, EnterpriseId)> {
    let persons: Vec<EnterpriseId> =
        contenders.iter().map(|contender| contender.person).chain(own).collect();
    let mut apart = Vec::new();
    for (at, one) in persons.iter().enumerate() {
        for other in persons.iter().skip(at + 1) {
            if mirror.are_kept_apart(*one, *other) {
                apart.push((*one, *other));
            }
        }
    }
    apart
}
