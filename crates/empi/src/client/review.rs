//! `empi review`: what the index asks people, and their answers.

use std::path::PathBuf;

use empi_proto::v1;

use super::answers;
use super::connection::{Server, ServerArgs, converse, incomplete, refusal};
use super::review_steps::{
    AssignArgs, EscalateArgs, PutOffArgs, ResolveArgs, ask_source, assign, escalate, resolve,
    snooze, steward,
};
use super::task_answers::Task;
use super::{queue, tables};
use crate::output::Output;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the tasks that wait, in the order in which they are taken
    List(ListArgs),
    /// Show the most urgent task that waits; with --actor, take it so that nobody else gets it
    Next(NextArgs),
    /// Give a task back that was taken
    Release(ReleaseArgs),
    /// Count what waits, and tell how it is worked off
    Stats,
    /// Write what stewards have decided about pairs as labels for `empi train --labels`
    Labels(LabelsArgs),
    /// Show one task: both records side by side and why they might be one
    Show(ShowArgs),
    /// Answer a task, or several
    Resolve(ResolveArgs),
    /// Put a task off: until a day, or until new data come
    Snooze(PutOffArgs),
    /// Say that the source of the record was asked: the task waits for its answer
    AskSource(PutOffArgs),
    /// Leave a task to a lead steward
    Escalate(EscalateArgs),
    /// Give a task to a steward
    Assign(AssignArgs),
}

#[derive(clap::Args)]
struct ListArgs {
    /// Also tasks that are resolved
    #[arg(long)]
    all: bool,
    /// At most this many tasks
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// Only tasks of this kind; may be given several times
    #[arg(long, value_name = "KIND")]
    kind: Vec<Kind>,
    /// Only tasks about a record of this source
    #[arg(long, value_name = "S", default_value = "")]
    source: String,
    /// Only tasks of at least this weight
    #[arg(long, value_name = "BITS", allow_negative_numbers = true)]
    weight_min: Option<f64>,
    /// Only tasks of at most this weight
    #[arg(long, value_name = "BITS", allow_negative_numbers = true)]
    weight_max: Option<f64>,
    /// Only tasks that wait for this; may be given several times
    #[arg(long, value_name = "STAGE")]
    stage: Vec<Stage>,
    /// Only tasks that this steward is to answer
    #[arg(long, value_name = "NAME", default_value = "")]
    assignee: String,
    /// Only tasks whose records compare like this
    #[arg(long, value_name = "PATTERN", default_value = "")]
    pattern: String,
}

/// What an open task waits for.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Stage {
    /// Any steward
    Open,
    /// A second steward, who does not know the first answer
    SecondOpinion,
    /// A lead steward
    Escalated,
    /// A date, or new data
    Snoozed,
    /// The source, which was asked
    SourceAsked,
}

impl From<Stage> for v1::TaskStage {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Open => Self::Open,
            Stage::SecondOpinion => Self::SecondOpinion,
            Stage::Escalated => Self::Escalated,
            Stage::Snoozed => Self::Snoozed,
            Stage::SourceAsked => Self::SourceAsked,
        }
    }
}

fn kinds(kinds: &[Kind]) -> Vec<i32> {
    kinds.iter().map(|kind| v1::ReviewKind::from(*kind).into()).collect()
}

fn stages(stages: &[Stage]) -> Vec<i32> {
    stages.iter().map(|stage| v1::TaskStage::from(*stage).into()).collect()
}

/// What kind of question a task asks.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Kind {
    /// A record may belong to a person
    PossibleMatch,
    /// Two persons may be one
    PotentialDuplicate,
    /// A record's change makes it resemble its own person no longer
    HeldUpdate,
    /// A value is shared by so many records that not all of them were compared
    CappedBlock,
    /// Two records of one source may be one person
    SameSourceDuplicate,
    /// A value is shared by so many people that it says nothing about any
    SharedIdentifier,
    /// A person would be too large or too loose, or hangs together by one weak link
    OversizedIdentity,
    /// What is known contradicts itself
    Conflict,
}

impl From<Kind> for v1::ReviewKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::PossibleMatch => Self::PossibleMatch,
            Kind::PotentialDuplicate => Self::PotentialDuplicate,
            Kind::HeldUpdate => Self::HeldUpdate,
            Kind::CappedBlock => Self::CappedBlock,
            Kind::SameSourceDuplicate => Self::SameSourceDuplicate,
            Kind::SharedIdentifier => Self::SharedIdentifier,
            Kind::OversizedIdentity => Self::OversizedIdentity,
            Kind::Conflict => Self::Conflict,
        }
    }
}

impl ListArgs {
    fn request(&self) -> v1::ListTasksRequest {
        v1::ListTasksRequest {
            include_resolved: self.all,
            kinds: kinds(&self.kind),
            stages: stages(&self.stage),
            assignee: self.assignee.clone(),
            pattern: self.pattern.clone(),
            source: self.source.clone(),
            match_weight_min: self.weight_min,
            match_weight_max: self.weight_max,
            ..v1::ListTasksRequest::default()
        }
    }
}

#[derive(clap::Args)]
struct NextArgs {
    /// Who takes it
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// For how long
    #[arg(long, value_name = "MINUTES", default_value_t = 15)]
    minutes: u32,
    /// Only a task of this kind; may be given several times
    #[arg(long, value_name = "KIND")]
    kind: Vec<Kind>,
    /// Only a task about a record of this source
    #[arg(long, value_name = "S", default_value = "")]
    source: String,
    /// Only a task that waits for this; without it, for any steward or for a second opinion
    #[arg(long, value_name = "STAGE")]
    stage: Vec<Stage>,
}

#[derive(clap::Args)]
struct ReleaseArgs {
    /// The task
    #[arg(value_name = "TASK")]
    task_id: u64,
    /// Who has taken it
    #[arg(long, value_name = "NAME")]
    actor: String,
}

#[derive(clap::Args)]
struct LabelsArgs {
    /// Where to write them
    #[arg(long, value_name = "FILE.csv")]
    out: PathBuf,
}

#[derive(clap::Args)]
struct ShowArgs {
    /// The task
    #[arg(value_name = "TASK")]
    task_id: u64,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let json = args.server.json;
    converse(async {
        let server = args.server.connect().await?;
        match args.command {
            Command::List(wanted) => list(&server, wanted.request(), wanted.limit, json).await,
            Command::Next(taker) => next(&server, taker, json).await,
            Command::Release(ReleaseArgs { task_id, actor }) => {
                let actor = Some(steward(actor));
                let request = v1::ReleaseTaskRequest { task_id, actor };
                let released = server.review().release_task(request).await;
                released.map(drop).map_err(|status| refusal(&status))
            }
            Command::Stats => queue::stats(&server, json).await,
            Command::Labels(LabelsArgs { out }) => queue::labels(&server, &out).await,
            Command::Show(ShowArgs { task_id }) => print(view_of(&server, task_id).await?, json),
            Command::Resolve(answer) => match resolve(&server, answer).await? {
                Some(view) => print(view, json),
                None => Ok(()),
            },
            Command::Snooze(step) => print(snooze(&server, step).await?, json),
            Command::AskSource(step) => print(ask_source(&server, step).await?, json),
            Command::Escalate(step) => print(escalate(&server, step).await?, json),
            Command::Assign(step) => print(assign(&server, step).await?, json),
        }
    })
}

async fn list(
    server: &Server,
    wanted: v1::ListTasksRequest,
    limit: usize,
    json: bool,
) -> anyhow::Result<()> {
    let tasks = tasks(server, wanted, limit).await?;
    let mut output = Output::lock();
    if !json {
        return output.text(&tables::tasks(&tasks));
    }
    tasks.iter().try_for_each(|task| output.line(answers::line(task)?))
}

async fn next(server: &Server, taker: NextArgs, json: bool) -> anyhow::Result<()> {
    if let Some(actor) = taker.actor {
        let lease_seconds = taker.minutes.saturating_mul(60);
        let request = v1::ClaimTaskRequest {
            actor: Some(steward(actor)),
            lease_seconds,
            kinds: kinds(&taker.kind),
            source: taker.source,
            stages: stages(&taker.stage),
            ..v1::ClaimTaskRequest::default()
        };
        return match server.review().claim_task(request).await {
            Ok(taken) => print(taken.into_inner().view.ok_or_else(incomplete)?, json),
            Err(status) if status.code() == tonic::Code::NotFound && json => Ok(()),
            Err(status) => Err(refusal(&status)),
        };
    }
    let waiting =
        if taker.stage.is_empty() { vec![Stage::Open, Stage::SecondOpinion] } else { taker.stage };
    let wanted = v1::ListTasksRequest {
        kinds: kinds(&taker.kind),
        source: taker.source,
        stages: stages(&waiting),
        ..v1::ListTasksRequest::default()
    };
    match tasks(server, wanted, 1).await?.first() {
        Some(task) => print(view_of(server, task.task_id).await?, json),
        // For a script, no line is the answer: there is no task.
        None if json => Ok(()),
        None => Output::lock().text(&tables::tasks(&[])),
    }
}

/// The first tasks of the queue, page by page.
pub(super) async fn tasks(
    server: &Server,
    mut wanted: v1::ListTasksRequest,
    limit: usize,
) -> anyhow::Result<Vec<Task>> {
    let mut tasks = Vec::new();
    // Pages of the server's own size, which it never refuses.
    wanted.page_size = if limit == 1 { 1 } else { 0 };
    while tasks.len() < limit {
        let page = server
            .review()
            .list_tasks(wanted.clone())
            .await
            .map_err(|status| refusal(&status))?
            .into_inner();
        tasks.extend(page.tasks.into_iter().map(Task::from));
        wanted.page_token = page.next_page_token;
        if wanted.page_token.is_empty() {
            break;
        }
    }
    tasks.truncate(limit);
    Ok(tasks)
}

pub(super) async fn view_of(server: &Server, task_id: u64) -> anyhow::Result<v1::TaskView> {
    let answer = server
        .review()
        .get_task(v1::GetTaskRequest { task_id })
        .await
        .map_err(|status| refusal(&status))?;
    answer.into_inner().view.ok_or_else(incomplete)
}

fn print(view: v1::TaskView, json: bool) -> anyhow::Result<()> {
    let task = Task::try_from(view)?;
    if json {
        Output::lock().line(answers::line(&task)?)
    } else {
        Output::lock().text(&tables::task(&task))
    }
}
