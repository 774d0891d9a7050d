//! `empi evaluate`: how good a clusters file is, by a file with the truth.

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::bail;
use empi_formats::{ClustersReader, PairsReader, TruthReader};
use empi_model::{LinkDecision, RecordKey};

use super::summary::{MissedFigures, QualityFigures};
use crate::output::Output;

/// Measure persons against the truth: precision, recall, F1 by pairs and by clusters.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The persons, as `empi link` wrote them
    #[arg(long, value_name = "FILE")]
    clusters: PathBuf,
    /// The truth: source, record_id and person_id (or any column named by --truth-column)
    #[arg(long, value_name = "FILE")]
    truth: PathBuf,
    /// The column of the truth
    #[arg(long, value_name = "COLUMN", default_value = "person_id")]
    truth_column: String,
    /// The pairs, as `empi link` wrote them: tells what still waits for review
    #[arg(long, value_name = "FILE")]
    pairs: Option<PathBuf>,
    /// One JSON object instead of lines
    #[arg(long)]
    json: bool,
}

/// Runs `empi evaluate`.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let mut places: HashMap<RecordKey, u32> = HashMap::new();
    let (mut persons, mut numbers) = (Vec::new(), HashMap::new());
    for row in ClustersReader::open(&args.clusters)? {
        let row = row?;
        let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        persons.push(*numbers.entry(row.enterprise_id).or_insert(next));
        places.insert(row.key, u32::try_from(persons.len() - 1).unwrap_or(u32::MAX));
    }
    let mut truth = vec![None; persons.len()];
    let (mut truths, mut strangers) = (HashMap::new(), 0_u64);
    for row in TruthReader::open(&args.truth, &args.truth_column)? {
        let row = row?;
        let next = u32::try_from(truths.len()).unwrap_or(u32::MAX);
        let slot = places.get(&row.key).and_then(|place| truth.get_mut(*place as usize));
        match (slot, row.truth) {
            (Some(slot), Some(person)) => *slot = Some(*truths.entry(person).or_insert(next)),
            (Some(_), None) => {}
            (None, _) => strangers += 1,
        }
    }
    if truth.iter().all(Option::is_none) {
        bail!("no record of the clusters file stands in the truth: do source and record_id agree?");
    }
    if strangers > 0 {
        eprintln!(
            "{strangers} records of the truth are not in the clusters file and were left out"
        );
    }
    let quality = empi_linkage::evaluate(&persons, &truth);
    let missed = match &args.pairs {
        Some(path) => Some(missed(path, &places, &persons, &truth)?),
        None => None,
    };
    let mut figures = QualityFigures::new(&quality, None);
    figures.missed = missed;
    let mut output = Output::lock();
    if args.json {
        return output.line(serde_json::to_string(&figures)?);
    }
    figures.lines().into_iter().try_for_each(|line| output.line(line))
}

/// Splits missed pairs. The pairs file holds what was scored at or above the review threshold, so a
/// pair counts as compared when it stands there.
fn missed(
    path: &std::path::Path,
    places: &HashMap<RecordKey, u32>,
    persons: &[u32],
    truth: &[Option<u32>],
) -> anyhow::Result<MissedFigures> {
    let (mut reviews, mut scored) = (Vec::new(), std::collections::HashSet::new());
    for row in PairsReader::open(path)? {
        let row = row?;
        let (Some(left), Some(right)) = (places.get(&row.left), places.get(&row.right)) else {
            continue;
        };
        let pair = (*left.min(right), *left.max(right));
        scored.insert(pair);
        if row.decision == LinkDecision::Review {
            reviews.push(pair);
        }
    }
    let was_scored = |left, right| scored.contains(&(left, right));
    let missed = empi_linkage::split_missed_pairs(persons, truth, &reviews, u64::MAX, was_scored);
    Ok(MissedFigures::from(&missed))
}
