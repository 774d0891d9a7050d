//! `empi evaluate`: how good a clusters file is, by a file with the truth.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::bail;
use empi_formats::{ClustersReader, PairsReader, TruthReader};
use empi_linkage::{Guards, RecordKeys, ScoredPair};
use empi_model::{LinkDecision, RecordKey};

use super::figures::{Material, measure};
use super::report::{Report, file_name};
use super::summary::ThresholdBits;
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
    /// Where a report to read in a browser or on paper goes, one HTML file; it names records by source
    /// and record ID
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// One JSON object instead of lines
    #[arg(long)]
    json: bool,
}

/// Runs `empi evaluate`.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let clusters = Clusters::read(&args.clusters)?;
    let truth = clusters.truth(args)?;
    let scored = args.pairs.as_deref().map(|path| clusters.pairs(path)).transpose()?;
    let pairs = scored.as_deref().unwrap_or_default();
    let decided = |decision| pairs.iter().filter(move |pair| pair.decision == decision);
    let least = |pairs: &mut dyn Iterator<Item = &ScoredPair>| {
        pairs.map(|pair| pair.weight.bits()).reduce(f64::min)
    };
    // The thresholds do not stand in the files; the lightest pairs of each kind come close to them.
    let review = least(&mut pairs.iter()).unwrap_or_default();
    let link = least(&mut decided(LinkDecision::Link)).unwrap_or(review);
    let measured = measure(&Material {
        persons: &clusters.persons,
        truth: &truth,
        keys: &clusters.keys,
        scored: scored.as_deref(),
        reviews: decided(LinkDecision::Review).map(|pair| (pair.left, pair.right)).collect(),
        review_bits: review,
        link_bits: link,
        linkage: None,
        attribute: None,
        enterprise_id: &|person| {
            clusters.enterprise_ids.get(person as usize).cloned().unwrap_or_default()
        },
    });
    let Some(figures) = measured.quality else {
        bail!("no record of the clusters file stands in the truth: do source and record_id agree?");
    };
    if let Some(path) = &args.report {
        let files = [Some(&args.clusters), args.pairs.as_ref(), Some(&args.truth)];
        let report = Report {
            files: files.into_iter().flatten().map(|file| file_name(file)).collect(),
            summary: None,
            quality: Some(&figures),
            histogram: None,
            clusters: &measured.clusters,
            thresholds: ThresholdBits { link, review },
            model: None,
            examples: Vec::new(),
            levels: &|_| None,
            has_values: false,
        };
        report.write(path)?;
    }
    let mut output = Output::lock();
    if args.json {
        return output.line(serde_json::to_string(&figures)?);
    }
    figures.lines().into_iter().try_for_each(|line| output.line(line))
}

/// A clusters file.
struct Clusters {
    keys: RecordKeys,
    places: HashMap<RecordKey, u32>,
    /// The person of each record, numbered as they come.
    persons: Vec<u32>,
    enterprise_ids: Vec<String>,
}

impl Clusters {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let (mut keys, mut places, mut persons) =
            (RecordKeys::default(), HashMap::new(), Vec::new());
        let (mut numbers, mut enterprise_ids) = (HashMap::new(), Vec::new());
        for row in ClustersReader::open(path)? {
            let row = row?;
            let next = number(enterprise_ids.len());
            persons.push(*numbers.entry(row.enterprise_id).or_insert_with_key(|id| {
                enterprise_ids.push(id.clone());
                next
            }));
            keys.push(&row.key.source, &row.key.record_id);
            places.insert(row.key, number(keys.len() - 1));
        }
        Ok(Self { keys, places, persons, enterprise_ids })
    }

    /// The true person of each record.
    fn truth(&self, args: &Args) -> anyhow::Result<Vec<Option<u32>>> {
        let mut truth = vec![None; self.persons.len()];
        let (mut truths, mut strangers) = (HashMap::new(), 0_u64);
        for row in TruthReader::open(&args.truth, &args.truth_column)? {
            let row = row?;
            let next = number(truths.len());
            let slot = self.places.get(&row.key).and_then(|place| truth.get_mut(*place as usize));
            match (slot, row.truth) {
                (Some(slot), Some(person)) => *slot = Some(*truths.entry(person).or_insert(next)),
                (Some(_), None) => {}
                (None, _) => strangers += 1,
            }
        }
        if strangers > 0 {
            eprintln!(
                "{strangers} records of the truth are not in the clusters file and were left out"
            );
        }
        Ok(truth)
    }

    /// The scored pairs by record. The file holds what was scored at or above the review threshold, so a
    /// pair counts as compared when it stands there.
    fn pairs(&self, path: &Path) -> anyhow::Result<Vec<ScoredPair>> {
        let mut pairs = Vec::new();
        for row in PairsReader::open(path)? {
            let row = row?;
            let (Some(left), Some(right)) =
                (self.places.get(&row.left), self.places.get(&row.right))
            else {
                continue;
            };
            pairs.push(ScoredPair {
                left: *left.min(right),
                right: *left.max(right),
                weight: row.weight,
                decision: row.decision,
                guards: Guards::NONE,
            });
        }
        pairs.sort_unstable_by_key(|pair| (pair.left, pair.right));
        pairs.dedup_by_key(|pair| (pair.left, pair.right));
        Ok(pairs)
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
