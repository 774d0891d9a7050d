//! What a steward does with review tasks: answering one or many, putting off, asking the source, escalating,
//! assigning.

use empi_proto::v1;

use super::connection::{Server, incomplete, refusal};
use super::reason::Reason;
use super::words;
use crate::output::Output;

/// What goes with every step.
#[derive(clap::Args)]
pub(super) struct SaidArgs {
    /// Who acts
    #[arg(long, value_name = "NAME")]
    actor: String,
    /// Why
    #[arg(long, value_name = "REASON")]
    reason: Option<Reason>,
    /// Why, for those who read it later. Kept for ever, so no patient data
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
}

impl SaidArgs {
    fn reason_code(&self) -> i32 {
        self.reason.map_or(0, |reason| v1::ReasonCode::from(reason).into())
    }

    fn into_terms(self, task_id: u64) -> Option<v1::TaskTerms> {
        let reason_code = self.reason_code();
        Some(v1::TaskTerms {
            task_id,
            actor: Some(steward(self.actor)),
            reason_code,
            note: self.note,
        })
    }
}

pub(super) fn steward(name: String) -> v1::Actor {
    v1::Actor { kind: v1::ActorKind::Steward.into(), name }
}

#[derive(clap::Args)]
pub(super) struct ResolveArgs {
    /// The task; several take the same answer, each by an event of its own
    #[arg(value_name = "TASK", required = true)]
    task_ids: Vec<u64>,
    /// The answer: one human being, or two
    #[arg(long = "as", value_name = "ANSWER")]
    outcome: Outcome,
    /// Let another steward say the same, without knowing this answer, before it counts
    #[arg(long)]
    second_opinion: bool,
    /// Answer as a lead steward, who alone answers what was escalated
    #[arg(long)]
    lead: bool,
    #[command(flatten)]
    said: SaidArgs,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Outcome {
    /// One human being: the two persons are merged
    Same,
    /// Two human beings: they are kept apart for good
    Different,
    /// A held update is wrong: the record stays as it was
    Rejected,
}

impl From<Outcome> for v1::ReviewOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Same => Self::Same,
            Outcome::Different => Self::Different,
            Outcome::Rejected => Self::Rejected,
        }
    }
}

#[derive(clap::Args)]
pub(super) struct PutOffArgs {
    /// The task
    #[arg(value_name = "TASK")]
    task_id: u64,
    /// Until this day (UTC); without it until new data come to one of the records, which wake it in any case
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = words::day)]
    until: Option<i64>,
    #[command(flatten)]
    said: SaidArgs,
}

#[derive(clap::Args)]
pub(super) struct EscalateArgs {
    /// The task
    #[arg(value_name = "TASK")]
    task_id: u64,
    #[command(flatten)]
    said: SaidArgs,
}

#[derive(clap::Args)]
pub(super) struct AssignArgs {
    /// The task
    #[arg(value_name = "TASK")]
    task_id: u64,
    /// Who is to answer it; nobody in particular, when left out
    #[arg(long, value_name = "NAME", default_value = "")]
    to: String,
    #[command(flatten)]
    said: SaidArgs,
}

/// What a step leads to: the task as it stands.
type View = anyhow::Result<v1::TaskView>;

/// Answers one task, or many: then nothing is shown but what was refused.
pub(super) async fn resolve(
    server: &Server,
    answer: ResolveArgs,
) -> anyhow::Result<Option<v1::TaskView>> {
    let ResolveArgs { task_ids, outcome, second_opinion, lead, said } = answer;
    let outcome = v1::ReviewOutcome::from(outcome).into();
    let reason_code = said.reason_code();
    let (actor, note) = (Some(steward(said.actor)), said.note);
    if let [task_id] = task_ids[..] {
        let request = v1::ResolveTaskRequest {
            task_id,
            outcome,
            actor,
            note,
            reason_code,
            second_opinion,
            lead,
        };
        let resolved = server.review().resolve_task(request).await;
        let view = resolved.map_err(|status| refusal(&status))?.into_inner().view;
        return view.ok_or_else(incomplete).map(Some);
    }
    anyhow::ensure!(!second_opinion, "a second opinion is asked for one task at a time");
    let request = v1::ResolveTasksRequest { task_ids, outcome, actor, reason_code, note, lead };
    let answers = server.review().resolve_tasks(request).await;
    let answers = answers.map_err(|status| refusal(&status))?.into_inner().answers;
    let refused: Vec<&v1::TaskAnswer> =
        answers.iter().filter(|answer| !answer.refused.is_empty()).collect();
    let mut output = Output::lock();
    for v1::TaskAnswer { task_id, refused } in &refused {
        output.line(format_args!("task {task_id} was refused: {refused}"))?;
    }
    output.line(format_args!("{} tasks answered", answers.len() - refused.len()))?;
    anyhow::ensure!(refused.is_empty(), "{} tasks were refused", refused.len());
    Ok(None)
}

fn moment(second: Option<i64>) -> Option<empi_proto::Timestamp> {
    second.map(|seconds| empi_proto::Timestamp { seconds, nanos: 0 })
}

pub(super) async fn snooze(server: &Server, step: PutOffArgs) -> View {
    let (terms, until) = (step.said.into_terms(step.task_id), moment(step.until));
    let answer = server.review().snooze_task(v1::SnoozeTaskRequest { terms, until }).await;
    answer.map_err(|status| refusal(&status))?.into_inner().view.ok_or_else(incomplete)
}

pub(super) async fn ask_source(server: &Server, step: PutOffArgs) -> View {
    let (terms, until) = (step.said.into_terms(step.task_id), moment(step.until));
    let answer = server.review().ask_source(v1::AskSourceRequest { terms, until }).await;
    answer.map_err(|status| refusal(&status))?.into_inner().view.ok_or_else(incomplete)
}

pub(super) async fn escalate(server: &Server, step: EscalateArgs) -> View {
    let terms = step.said.into_terms(step.task_id);
    let answer = server.review().escalate_task(v1::EscalateTaskRequest { terms }).await;
    answer.map_err(|status| refusal(&status))?.into_inner().view.ok_or_else(incomplete)
}

pub(super) async fn assign(server: &Server, step: AssignArgs) -> View {
    let (terms, assignee) = (step.said.into_terms(step.task_id), step.to);
    let answer = server.review().assign_task(v1::AssignTaskRequest { terms, assignee }).await;
    answer.map_err(|status| refusal(&status))?.into_inner().view.ok_or_else(incomplete)
}
