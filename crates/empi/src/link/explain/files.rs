//! Two records of files: everything is linked as `empi link` would, so that the counts behind the term
//! frequencies, the blocks and the persons are the real ones.

use std::collections::{BinaryHeap, HashMap};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use empi_formats::ReaderOptions;
use empi_linkage::{Blocked, Guards, Linkage, Linker, Progress, ScoredPair, normalize};
use empi_model::{LinkDecision, MatchWeight, NormalizedRecord, RecordKey};

use super::Names;
use super::answer::{Explained, Linked, Side, Step};
use crate::link::input::{InputArgs, Read};
use crate::link::pipeline::ModelArgs;
use crate::link::stages::{Stages, with_bar};

/// Links the files and explains two of their records.
pub(super) fn explain(
    input: &InputArgs,
    model: &ModelArgs,
    names: &Names,
) -> anyhow::Result<Explained> {
    input.set_threads()?;
    let file = model.file()?;
    let options = input.reader_options(None)?;
    let mut linker = Linker::new(file.validate()?);
    Read::files(&input.files, &options, &mut linker)?;
    let linker = if model.wide { linker.wide() } else { linker };
    let mut blocked = linker.block();
    let [(left_key, left), (right_key, right)] = places(&blocked, names)?;
    let total = blocked.pairs_with_repeats();
    if model.train {
        let training = model.training.trained(blocked, &file, &mut Stages::start())?;
        blocked = training.blocked;
    }
    let [left_record, right_record] = records(&input.files, &options, [&left_key, &right_key])?;
    let score = blocked
        .explain((left, &left_record), (right, &right_record))
        .context("the records cannot be found again")?;
    let thresholds = blocked.model().thresholds();
    let shared = blocked.rules_with_one_key(left, right);
    let progress = Progress::default();
    let scored = with_bar("score", total, || progress.done(), || blocked.score(&progress));
    let linkage = scored.cluster();
    let rules = linkage.rules_in_common(left, right);
    let capped_rules = shared.into_iter().filter(|rule| !rules.contains(rule)).collect();
    let found = pair_of(&linkage, left, right);
    let guards = found.map_or(Guards::NONE, |pair| pair.guards);
    let side = |key: RecordKey, place: u32| {
        let person = linkage.persons.get(place as usize).copied().unwrap_or_default();
        Side { key, enterprise_id: linkage.enterprise_id(person).to_string() }
    };
    let joining_guards = guards.iter().filter(|guard| !score.guards.contains(guard)).collect();
    Ok(Explained {
        left: side(left_key, left),
        right: side(right_key, right),
        thresholds,
        rules,
        capped_rules,
        joining_guards,
        through: way(&linkage, left, right),
        linked: Linked::InFiles,
        values_shown: true,
        score,
    })
}

/// Where the two records stand.
fn places(blocked: &Blocked, names: &Names) -> anyhow::Result<[(RecordKey, u32); 2]> {
    let [left, right] = names;
    let place = |name: &super::RecordName, side: &str| {
        name.find(|key| blocked.place(key)).with_context(|| {
            format!("--{side} names no record of these files: check its source and its ID")
        })
    };
    let found = [place(left, "left")?, place(right, "right")?];
    if found[0].1 == found[1].1 {
        bail!("--left and --right name one record: two are needed");
    }
    Ok(found)
}

/// Reads the files again for two of their records, so that the whole of the records is never kept. The
/// first record of a key counts, as in linking.
fn records(
    files: &[PathBuf],
    options: &ReaderOptions,
    keys: [&RecordKey; 2],
) -> anyhow::Result<[NormalizedRecord; 2]> {
    let mut found = [None, None];
    for file in files {
        let mut reader = empi_formats::open(file, options)?;
        while let Some(chunk) = reader.next_chunk()? {
            for record in chunk.records {
                for (key, slot) in keys.iter().zip(&mut found) {
                    if slot.is_none() && record.key == **key {
                        *slot = Some(normalize(&record));
                    }
                }
            }
            if let [Some(_), Some(_)] = found {
                break;
            }
        }
    }
    let [Some(left), Some(right)] = found else {
        bail!("an input file changed while it was read: try again");
    };
    Ok([left, right])
}

/// What linking kept of the pair: nothing below the review threshold.
fn pair_of(linkage: &Linkage, left: u32, right: u32) -> Option<&ScoredPair> {
    let wanted = (left.min(right), left.max(right));
    linkage.pairs.iter().find(|pair| (pair.left, pair.right) == wanted)
}

/// The strongest way over links from one record to another of the same person: the one whose weakest
/// link is strongest. Empty when the two are linked directly, or are two persons.
fn way(linkage: &Linkage, left: u32, right: u32) -> Vec<Step> {
    let person = |place: u32| linkage.persons.get(place as usize);
    let is_direct =
        pair_of(linkage, left, right).is_some_and(|pair| pair.decision == LinkDecision::Link);
    if person(left) != person(right) || is_direct {
        return Vec::new();
    }
    let mut links: HashMap<u32, Vec<(u32, MatchWeight)>> = HashMap::new();
    for pair in linkage.pairs.iter().filter(|pair| {
        pair.decision == LinkDecision::Link
            && person(pair.left) == person(left)
            && person(pair.right) == person(left)
    }) {
        links.entry(pair.left).or_default().push((pair.right, pair.weight));
        links.entry(pair.right).or_default().push((pair.left, pair.weight));
    }
    let before = widest(&links, left);
    let mut steps = Vec::new();
    let mut at = right;
    while at != left {
        // A record of the same person that no link reaches: joined before it was updated, say.
        let Some((from, weight)) = before.get(&at).copied() else { return Vec::new() };
        let key = linkage.keys.get(at as usize).unwrap_or_default();
        steps.push(Step { key, weight });
        at = from;
    }
    steps.reverse();
    steps
}

/// For each record that can be reached, the record before it on the widest way and the link between
/// them (Dijkstra's algorithm on the weakest link).
fn widest(
    links: &HashMap<u32, Vec<(u32, MatchWeight)>>,
    start: u32,
) -> HashMap<u32, (u32, MatchWeight)> {
    // Thousandths of a bit: whole numbers have a total order.
    let rank = |weight: MatchWeight| (weight.bits() * 1000.0).round() as i64;
    let mut before: HashMap<u32, (u32, MatchWeight)> = HashMap::new();
    let mut waiting = BinaryHeap::from([(i64::MAX, std::cmp::Reverse(start))]);
    let mut best = HashMap::from([(start, i64::MAX)]);
    while let Some((weakest, std::cmp::Reverse(at))) = waiting.pop() {
        for (to, weight) in links.get(&at).into_iter().flatten() {
            let reached = weakest.min(rank(*weight));
            if best.get(to).is_none_or(|known| reached > *known) {
                best.insert(*to, reached);
                before.insert(*to, (at, *weight));
                waiting.push((reached, std::cmp::Reverse(*to)));
            }
        }
    }
    before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_taken_is_the_one_whose_weakest_link_is_strongest() {
        let bits = MatchWeight::from_bits;
        let mut links: HashMap<u32, Vec<(u32, MatchWeight)>> = HashMap::new();
        for (one, other, weight) in [(1, 2, 30.0), (2, 4, 11.0), (1, 3, 14.0), (3, 4, 15.0)] {
            links.entry(one).or_default().push((other, bits(weight)));
            links.entry(other).or_default().push((one, bits(weight)));
        }
        let before = widest(&links, 1);
        assert_eq!(before.get(&4), Some(&(3, bits(15.0))));
        assert_eq!(before.get(&3), Some(&(1, bits(14.0))));
        assert_eq!(before.get(&5), None);
    }
}
