//! `empi steward proposals` and what one says of them: changes that two people must want.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use empi_proto::v1;
use empi_server::ErasureCertificate;
use serde::Serialize;

use super::answers::{self, time};
use super::change::{Change, Event, change_lines};
use super::connection::{Server, incomplete, refusal};
use super::words;
use crate::output::Output;

/// What is done with proposals.
#[derive(clap::Subcommand)]
pub(super) enum Step {
    /// What waits for a second person, and what became of the rest
    Proposals {
        /// Only those that wait
        #[arg(long)]
        waiting: bool,
    },
    /// One proposal, and what approving it would do now, or did
    Proposal {
        /// Its number
        number: u64,
    },
    /// Let what somebody else has proposed be done, now
    Approve {
        /// Its number
        number: u64,
        /// Where the certificate of an erasure goes
        #[arg(long, value_name = "FILE.json")]
        certificate: Option<PathBuf>,
    },
    /// Let what somebody else has proposed not be done; --note says why
    Decline {
        /// Its number
        number: u64,
    },
    /// Take back what you have proposed
    Withdraw {
        /// Its number
        number: u64,
    },
}

/// A proposal. Field names are a promise.
#[derive(Serialize)]
struct Proposal {
    number: u64,
    /// `erasure` or `merges`.
    kind: String,
    /// `waiting`, `approved`, `declined`, `withdrawn` or `expired`.
    state: String,
    proposed_by: String,
    reason_code: Option<String>,
    note: String,
    proposed: String,
    expires: String,
    enterprise_id: Option<String>,
    task_ids: Vec<u64>,
    decision: Option<Decision>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    foreseen: Vec<Foreseen>,
}

#[derive(Serialize)]
struct Decision {
    decided_by: String,
    time: String,
    note: String,
    events: Vec<u64>,
    refused: Vec<Refused>,
}

#[derive(Serialize)]
struct Refused {
    task_id: u64,
    why: String,
}

/// What one part would change, or did.
#[derive(Serialize)]
struct Foreseen {
    task_id: Option<u64>,
    event: Option<Event>,
    refused: Option<String>,
}

impl From<v1::Proposal> for Proposal {
    fn from(it: v1::Proposal) -> Self {
        let (kind, state) = (words::proposal_kind(it.kind()), words::proposal_state(it.state()));
        let reason = it.reason_code();
        let refused = |it: v1::TaskAnswer| Refused { task_id: it.task_id, why: it.refused };
        let decision = |it: v1::ProposalDecision| Decision {
            decided_by: it.actor.map(|actor| actor.name).unwrap_or_default(),
            time: time(it.time),
            note: it.note,
            events: it.events,
            refused: it.refused.into_iter().map(refused).collect(),
        };
        Self {
            number: it.number,
            kind,
            state,
            proposed_by: it.actor.map(|actor| actor.name).unwrap_or_default(),
            reason_code: (reason != v1::ReasonCode::Unspecified)
                .then(|| words::reason_code(reason)),
            note: it.note,
            proposed: time(it.proposed),
            expires: time(it.expires),
            enterprise_id: (!it.enterprise_id.is_empty()).then_some(it.enterprise_id),
            task_ids: it.task_ids,
            decision: it.decision.map(decision),
            foreseen: Vec::new(),
        }
    }
}

impl From<v1::Foreseen> for Foreseen {
    fn from(it: v1::Foreseen) -> Self {
        let refused = (!it.refused.is_empty()).then_some(it.refused);
        Self { task_id: it.task_id, event: it.event.map(Event::from), refused }
    }
}

impl Proposal {
    /// One proposal on one line.
    fn line(&self) -> String {
        let what = match &self.enterprise_id {
            Some(person) => format!("erase {person}"),
            None => format!("answer {} tasks same", self.task_ids.len()),
        };
        let Self { number, state, proposed_by, proposed, expires, note, .. } = self;
        let then = match &self.decision {
            Some(decision) => format!("by {} at {}", decision.decided_by, decision.time),
            None => format!("until {expires}"),
        };
        let mut line = format!(
            "{number:>6}  {state:<9}  {then}  {what}  proposed by {proposed_by} at {proposed}"
        );
        if !note.is_empty() {
            line.push_str(&format!(": {note}"));
        }
        line
    }

    /// The line, with what it would do or did below.
    fn lines(&self) -> String {
        let mut lines = vec![self.line()];
        for part in &self.foreseen {
            let about = part.task_id.map(|task| format!("task {task}: ")).unwrap_or_default();
            lines.push(match (&part.event, &part.refused) {
                (Some(event), _) => format!("        {about}{}", fates(event)),
                (None, why) => format!("        {about}{}", why.as_deref().unwrap_or_default()),
            });
        }
        lines.join("\n")
    }
}

/// What becomes of the persons of an event, on one line.
fn fates(event: &Event) -> String {
    let fates = event.persons.iter().map(super::change::Person::told).collect::<Vec<_>>();
    if fates.is_empty() { event.kind.clone() } else { fates.join("; ") }
}

/// Does it, with the words that every step of a steward carries.
pub(super) async fn run(
    server: &Server,
    step: &Step,
    terms: v1::ChangeTerms,
    json: bool,
) -> anyhow::Result<()> {
    let mut oversight = server.oversight();
    let v1::ChangeTerms { actor, note, .. } = terms;
    let decided = match step {
        Step::Proposals { waiting } => {
            let request = v1::ListProposalsRequest { waiting: *waiting };
            let answer = oversight.list_proposals(request).await;
            let answer = answer.map_err(|status| refusal(&status))?.into_inner();
            let mut output = Output::lock();
            for it in answer.proposals.into_iter().map(Proposal::from) {
                let line = if json { answers::line(&it)? } else { it.line() };
                output.text(&line)?;
            }
            return Ok(());
        }
        Step::Proposal { number } => {
            let answer = oversight.get_proposal(v1::GetProposalRequest { number: *number }).await;
            let answer = answer.map_err(|status| refusal(&status))?.into_inner();
            let it = Proposal::from(answer.proposal.ok_or_else(incomplete)?);
            let foreseen = answer.foreseen.into_iter().map(Foreseen::from).collect();
            let it = Proposal { foreseen, ..it };
            return Output::lock().text(&if json { answers::line(&it)? } else { it.lines() });
        }
        Step::Approve { number, .. } => {
            let number = *number;
            oversight.approve_proposal(v1::ApproveProposalRequest { number, actor, note }).await
        }
        Step::Decline { number } => {
            let number = *number;
            oversight.decline_proposal(v1::DeclineProposalRequest { number, actor, note }).await
        }
        Step::Withdraw { number } => {
            let number = *number;
            oversight.withdraw_proposal(v1::WithdrawProposalRequest { number, actor, note }).await
        }
    };
    let answer = decided.map_err(|status| refusal(&status))?.into_inner();
    if let Step::Approve { certificate: Some(file), .. } = step {
        certify(answer.events.first(), answer.audit_head.as_ref(), file)?;
    }
    told(answer, json)
}

/// Tells what came of a decision.
fn told(answer: v1::DecideProposalResponse, json: bool) -> anyhow::Result<()> {
    let it = Proposal::from(answer.proposal.ok_or_else(incomplete)?);
    let events: Vec<Event> = answer.events.into_iter().map(Event::from).collect();
    let mut output = Output::lock();
    if json {
        let part =
            |event: Event| Foreseen { task_id: event.task, event: Some(event), refused: None };
        let foreseen = events.into_iter().map(part).collect();
        return output.line(answers::line(&Proposal { foreseen, ..it })?);
    }
    output.text(&it.line())?;
    for event in events {
        let change = Change { preview: false, version_token: String::new(), proposal: None, event };
        output.text(&change_lines(&change))?;
    }
    for refused in it.decision.iter().flat_map(|decision| &decision.refused) {
        output.text(&format!("  task {}: {}", refused.task_id, refused.why))?;
    }
    Ok(())
}

/// Writes the certificate of an erasure; none of a preview.
pub(super) fn certify(
    event: Option<&v1::Event>,
    head: Option<&v1::AuditHead>,
    file: &Path,
) -> anyhow::Result<()> {
    let (Some(event), Some(head)) = (event, head) else { return Ok(()) };
    let certificate = ErasureCertificate {
        enterprise_id: event.enterprise_id.clone(),
        event: event.sequence,
        time: time(event.time),
        erased_by: event.actor.as_ref().map(|actor| actor.name.clone()).unwrap_or_default(),
        approved_by: (!event.approved_by.is_empty()).then(|| event.approved_by.clone()),
        note: event.note.clone(),
        what: event.reason.clone(),
        audit_sequence: head.sequence,
        audit_hash: head.hash.clone(),
    };
    std::fs::write(file, certificate.to_json()?)
        .with_context(|| format!("cannot write {}", file.display()))
}
