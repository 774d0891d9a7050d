//! `empi load`: link files and put records, identities and review tasks into a store that `serve`
//! opens.

use std::path::PathBuf;
use std::sync::Arc;

use empi_linkage::Linkage;
use empi_model::{Actor, ActorKind, Guard, MatchWeight, RecordIndex};
use empi_registry::{LoadedLink, LoadedReview, Loader};

use super::input::InputArgs;
use super::pipeline::{Linked, ModelArgs, link_files};
use super::{stages, write_summary};
use crate::master_key::MasterKeyArgs;

/// Link files and put the outcome into a new store that `empi serve` opens.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    model: ModelArgs,
    /// The store's directory; it must be empty or not there yet
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Where the figures of the run go, as JSON
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
    /// The column that holds the truth, to measure quality by; it is not used for linking
    #[arg(long, value_name = "COLUMN")]
    truth: Option<String>,
    /// Who loads, for the events
    #[arg(long, value_name = "NAME", default_value = "empi load")]
    actor: String,
    #[command(flatten)]
    key: MasterKeyArgs,
}

/// Runs `empi load`.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    // Before the work: a store that cannot take it should be known at once.
    let actor = Actor { kind: ActorKind::System, name: args.actor.clone() };
    let model = args.model.file()?.validate()?;
    let place = args.key.at(&args.data)?;
    let mut loader = Loader::create(&place, &model, Arc::new(crate::clock::SystemClock), actor)?;
    let has_truth = args.truth.is_some();
    // The rows are kept until what decided is kept with the records.
    let mut linked = link_files(&args.input, &args.model, args.truth.as_deref(), true)?;
    loader.decided_by(&linked.model)?;
    let mut stages = std::mem::replace(&mut linked.stages, stages::Stages::start());
    stages.run("store", || store(args, &linked, &mut loader))?;
    let report = stages.run("finish", || {
        loader.finish(&questions(&linked), u64::from(linked.linkage.person_count))
    })?;
    let line = stages.line();
    linked.stages = stages;
    linked.write_rejects(&args.input.rejects_path(&args.data))?;
    let measured = has_truth.then(|| linked.measure(None));
    let summary = linked.summary(measured);
    summary.print(&line);
    eprintln!(
        "{}: {} records, {} open review tasks",
        args.data.display(),
        report.records,
        report.tasks
    );
    write_summary(args.summary.as_deref(), &summary)?;
    // What linking needed goes first: the index in memory takes its place.
    let Linked { model, .. } = linked;
    let started = std::time::Instant::now();
    if empi_registry::keep(place, &model)? {
        eprintln!("made ready for a quick start in {:.1} s", started.elapsed().as_secs_f64());
    }
    Ok(())
}

/// Reads the files a second time, so that the whole of the records is never in memory, and stores
/// each record with its person.
fn store(args: &Args, linked: &Linked, loader: &mut Loader) -> anyhow::Result<()> {
    let linkage = &linked.linkage;
    let partners = linkage.link_partners();
    let index = indexes(linkage);
    let mut places = linkage.order.iter().copied().peekable();
    for file in &args.input.files {
        let mut reader = empi_formats::open(file, &linked.options)?;
        while let Some(chunk) = reader.next_chunk()? {
            for record in chunk.records {
                // A repeated key was set aside when the files were read first.
                let own = (record.key.source.as_str(), record.key.record_id.as_str());
                let is_next = places
                    .peek()
                    .is_some_and(|place| linkage.keys.parts(*place as usize) == Some(own));
                if !is_next {
                    continue;
                }
                let Some(place) = places.next() else { continue };
                let person = linkage.persons.get(place as usize).copied().unwrap_or_default();
                let link = link_of(linkage, &partners, &index, place);
                loader.add(record, linkage.enterprise_id(person), link)?;
            }
        }
    }
    anyhow::ensure!(
        places.peek().is_none(),
        "an input file changed while it was loaded: load again"
    );
    Ok(())
}

/// What a record was linked by.
fn link_of(
    linkage: &Linkage,
    partners: &[Option<u32>],
    index: &[RecordIndex],
    place: u32,
) -> Option<LoadedLink> {
    let weight = linkage.link_weights.get(place as usize).copied().flatten()?;
    let partner = partners.get(place as usize).copied().flatten()?;
    let candidate = *index.get(partner as usize)?;
    Some(LoadedLink { weight, candidate, evidence: linkage.evidence(place, partner)? })
}

/// The index in the store of each record by its place: the order of input.
fn indexes(linkage: &Linkage) -> Vec<RecordIndex> {
    let mut index = vec![RecordIndex(0); linkage.keys.len()];
    for (at, place) in linkage.order.iter().enumerate() {
        if let Some(slot) = index.get_mut(*place as usize) {
            *slot = RecordIndex(u32::try_from(at).unwrap_or(u32::MAX));
        }
    }
    index
}

/// The review queue, records named by their index in the store.
fn questions(linked: &Linked) -> Vec<LoadedReview> {
    let linkage = &linked.linkage;
    let index = indexes(linkage);
    let index = |place: u32| index.get(place as usize).copied().unwrap_or(RecordIndex(0));
    let reviews = linkage.reviews.iter().map(|review| LoadedReview {
        left: index(review.left),
        right: index(review.right),
        weight: review.weight,
        guards: review.guards.iter().collect(),
        evidence: linkage.evidence(review.left, review.right),
    });
    // A block that was too large to be compared, and a value that was ignored because too many people
    // share it, are questions about its first record.
    let capped = linkage.capped_blocks.iter().map(|block| block.example);
    let hubs = linkage.hub_values.iter().map(|hub| hub.example);
    let capped = capped.chain(hubs).map(|example| LoadedReview {
        left: index(example),
        right: index(example),
        weight: MatchWeight::ZERO,
        guards: vec![Guard::CappedBlock],
        evidence: None,
    });
    reviews.chain(capped).collect()
}
