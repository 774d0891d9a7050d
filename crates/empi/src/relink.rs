//! `empi relink`: link all records of an index anew, and bring its persons into line.

use std::path::PathBuf;
use std::sync::Arc;

use empi_linkage::Progress;
use empi_model::{Actor, ActorKind};
use empi_registry::{
    EventView, PersonFate, RelinkOptions, RelinkReport, Relinking, promoted_model,
};
use serde::Serialize;

use crate::clock::SystemClock;
use crate::link::stages::{Stages, with_bar};
use crate::master_key::MasterKeyArgs;
use crate::output::Output;
use crate::serve::read_model;

/// Persons and records of a change that are shown to people; JSON has all of them.
const SHOWN_MAX: usize = 12;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The directory of an index that no server has open
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The linkage model; without it, the one put in force last in the tuning lab, else the built-in one for US patients
    #[arg(long, value_name = "FILE.toml")]
    model: Option<PathBuf>,
    /// Tell what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
    /// Who asks, for the events
    #[arg(long, value_name = "NAME", default_value = "empi relink")]
    actor: String,
    #[command(flatten)]
    key: MasterKeyArgs,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let data = args.key.at(&args.data)?;
    let promoted = match args.model {
        None => promoted_model(&data)?,
        Some(_) => None,
    };
    let model = promoted.map_or_else(|| read_model(args.model.as_deref()), Ok)?;
    let model_name = model.name().to_owned();
    let options = RelinkOptions {
        actor: Actor { kind: ActorKind::System, name: args.actor.clone() },
        clock: Arc::new(SystemClock),
        dry_run: args.dry_run,
    };
    let mut stages = Stages::start();
    let relinking = stages.run("read", || Relinking::open(&data, model))?;
    let (total, progress) = (relinking.pairs_total(), Progress::default());
    let linked = stages
        .run("link", || with_bar("link", total, || progress.done(), || relinking.link(&progress)));
    let report = stages.run("apply", || linked.apply(&options))?;
    eprintln!("{:.1} s ({})", stages.total_seconds(), stages.line());
    let mut output = Output::lock();
    if args.json {
        let answer = Answer::of(&report, model_name, args.dry_run);
        return output.line(serde_json::to_string(&answer)?);
    }
    for line in lines(&report, &model_name, args.dry_run) {
        output.text(&line)?;
    }
    Ok(())
}

/// The report for people.
fn lines(report: &RelinkReport, model: &str, dry_run: bool) -> Vec<String> {
    let RelinkReport { records, persons_before, persons_after, held_back, .. } = report;
    let mut lines = vec![format!(
        "{records} records under model {model}: {persons_before} persons before, {persons_after} after"
    )];
    for (count, what) in [
        (report.merges, "times persons become one"),
        (report.splits, "times a person becomes several"),
        (report.exchanges, "times persons exchange records"),
        (report.records_moved, "records answer under another enterprise ID"),
        (report.ids_redirected, "enterprise IDs redirect from now on"),
        (report.ids_revived, "enterprise IDs answer themselves again"),
        (report.ids_minted, "enterprise IDs are new"),
        (report.tasks_closed, "review tasks are settled by it"),
    ] {
        lines.push(format!("{count:>12}  {what}"));
    }
    if *held_back > 0 {
        lines.push(format!("{held_back:>12}  times a steward's decision holds back a change"));
    }
    lines.extend(report.samples.iter().flat_map(sample_lines));
    lines.push(match (report.changes(), dry_run) {
        (0, _) => "nothing to change: every person is as linkage sees it".to_owned(),
        (_, true) => "dry run: nothing was changed".to_owned(),
        (count, false) => format!("{count} events were written; each can be undone"),
    });
    lines
}

/// One change for people, with record keys and enterprise IDs only.
fn sample_lines(sample: &EventView) -> Vec<String> {
    let mut lines = vec![sample.event.reason.clone()];
    for (id, fate) in sample.persons().into_iter().take(SHOWN_MAX) {
        lines.push(match fate {
            PersonFate::Retired(survivor) => format!("    {id} redirects to {survivor}"),
            other => format!("    {id} {}", word(other)),
        });
    }
    for moved in sample.moves().into_iter().take(SHOWN_MAX) {
        let old = moved.old.map_or_else(String::new, |old| old.to_string());
        let (key, new) = (moved.key, moved.new);
        lines.push(format!("    {}/{}: {old} -> {new}", key.source, key.record_id));
    }
    lines
}

const fn word(fate: PersonFate) -> &'static str {
    match fate {
        PersonFate::Minted => "minted",
        PersonFate::Stays => "stays",
        PersonFate::Revived => "revived",
        PersonFate::Retired(_) => "retired",
        PersonFate::Erased => "erased",
    }
}

/// The report as JSON. Field names are a promise.
#[derive(Serialize)]
struct Answer {
    model: String,
    dry_run: bool,
    records: u64,
    persons_before: u64,
    persons_after: u64,
    changes: u64,
    merges: u64,
    splits: u64,
    exchanges: u64,
    records_moved: u64,
    ids_redirected: u64,
    ids_revived: u64,
    ids_minted: u64,
    tasks_closed: u64,
    held_back: u64,
    samples: Vec<Sample>,
}

/// One change.
#[derive(Serialize)]
struct Sample {
    reason: String,
    persons: Vec<SamplePerson>,
    moves: Vec<SampleMove>,
}

#[derive(Serialize)]
struct SamplePerson {
    enterprise_id: String,
    /// `minted`, `stays`, `revived` or `retired`.
    fate: &'static str,
    survivor_enterprise_id: Option<String>,
}

#[derive(Serialize)]
struct SampleMove {
    source: String,
    record_id: String,
    old_enterprise_id: Option<String>,
    new_enterprise_id: String,
}

impl Answer {
    fn of(report: &RelinkReport, model: String, dry_run: bool) -> Self {
        Self {
            model,
            dry_run,
            records: report.records,
            persons_before: report.persons_before,
            persons_after: report.persons_after,
            changes: report.changes(),
            merges: report.merges,
            splits: report.splits,
            exchanges: report.exchanges,
            records_moved: report.records_moved,
            ids_redirected: report.ids_redirected,
            ids_revived: report.ids_revived,
            ids_minted: report.ids_minted,
            tasks_closed: report.tasks_closed,
            held_back: report.held_back,
            samples: report.samples.iter().map(Sample::of).collect(),
        }
    }
}

impl Sample {
    fn of(view: &EventView) -> Self {
        let person = |(id, fate): (empi_model::EnterpriseId, PersonFate)| SamplePerson {
            enterprise_id: id.to_string(),
            fate: word(fate),
            survivor_enterprise_id: match fate {
                PersonFate::Retired(survivor) => Some(survivor.to_string()),
                PersonFate::Minted
                | PersonFate::Stays
                | PersonFate::Revived
                | PersonFate::Erased => None,
            },
        };
        let moved = |moved: empi_registry::RecordMove| SampleMove {
            source: moved.key.source,
            record_id: moved.key.record_id,
            old_enterprise_id: moved.old.map(|old| old.to_string()),
            new_enterprise_id: moved.new.to_string(),
        };
        Self {
            reason: view.event.reason.clone(),
            persons: view.persons().into_iter().map(person).collect(),
            moves: view.moves().into_iter().map(moved).collect(),
        }
    }
}
