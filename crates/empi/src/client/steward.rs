//! `empi steward`: identities changed by hand, each change with a preview.

use std::path::PathBuf;

use empi_proto::v1;
use tonic::Status;

use super::answers;
use super::change::{Change, Event, change_lines};
use super::connection::{Server, ServerArgs, converse, incomplete, refusal};
use super::fields::record_key_of;
use super::proposals;
use super::reason::Reason;
use crate::output::Output;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    terms: TermsArgs,
    #[command(subcommand)]
    operation: Operation,
}

/// What every change carries.
#[derive(clap::Args)]
struct TermsArgs {
    /// Who decides
    #[arg(long, global = true, value_name = "NAME", default_value = "")]
    actor: String,
    /// Why
    #[arg(long, global = true, value_name = "REASON", default_value = "chart-review")]
    reason: Reason,
    /// Why, for those who read it later. Kept for ever, so no patient data
    #[arg(long, global = true, value_name = "TEXT", default_value = "")]
    note: String,
    /// Names the request: sent again, it changes nothing
    #[arg(long, global = true, value_name = "ID", default_value = "")]
    request_id: String,
    /// Only tell what would change
    #[arg(long, global = true)]
    preview: bool,
    /// The token of an earlier preview: refuse if anybody concerned has changed since
    #[arg(long, global = true, value_name = "TOKEN")]
    version_token: Option<String>,
}

#[derive(clap::Subcommand)]
enum Operation {
    /// Two records are one person: the older enterprise ID survives
    Link {
        /// One record, as SOURCE:RECORD_ID
        #[arg(value_parser = record_key_of)]
        left: v1::RecordKey,
        /// The other
        #[arg(value_parser = record_key_of)]
        right: v1::RecordKey,
    },
    /// A record is not of its person
    Unlink {
        /// The record, as SOURCE:RECORD_ID
        #[arg(value_parser = record_key_of)]
        record: v1::RecordKey,
        /// Also keep it apart from those that stay
        #[arg(long)]
        keep_apart: bool,
    },
    /// Two persons are one
    Merge {
        /// The enterprise ID that goes on answering
        surviving: String,
        /// The one that redirects to it
        subsumed: String,
    },
    /// A merge was wrong
    Unmerge {
        /// The enterprise ID that redirects
        subsumed: String,
    },
    /// A person is two: some records leave, and the larger side keeps the enterprise ID
    Split {
        /// The person
        enterprise_id: String,
        /// The records that leave together, as SOURCE:RECORD_ID
        #[arg(required = true, value_parser = record_key_of)]
        records: Vec<v1::RecordKey>,
        /// Also keep the two sides apart
        #[arg(long)]
        keep_apart: bool,
    },
    /// Two records are two people, for good
    KeepApart {
        /// One record, as SOURCE:RECORD_ID
        #[arg(value_parser = record_key_of)]
        left: v1::RecordKey,
        /// The other
        #[arg(value_parser = record_key_of)]
        right: v1::RecordKey,
    },
    /// A record is of another person
    Move {
        /// The record, as SOURCE:RECORD_ID
        #[arg(value_parser = record_key_of)]
        record: v1::RecordKey,
        /// The person it goes to
        enterprise_id: String,
    },
    /// A record's value of a field is its person's, whatever the rule of the field
    Choose {
        /// The person
        enterprise_id: String,
        /// The field
        #[arg(long, value_name = "FIELD")]
        field: Field,
        /// The record whose value it is, as SOURCE:RECORD_ID; left out, the rule decides again
        #[arg(value_parser = record_key_of)]
        record: Option<v1::RecordKey>,
    },
    /// Note what a person asks for about their data; without flags, that nothing is asked for any more
    Consent {
        /// The person
        enterprise_id: String,
        /// The person's data are not to be shared
        #[arg(long)]
        not_shared: bool,
        /// The person's records are not to be linked with others
        #[arg(long)]
        not_linked: bool,
    },
    /// A person is forgotten for good: see --preview first, for this cannot be undone. Where two people must want it, this
    /// proposes it
    Erase {
        /// The person
        enterprise_id: String,
        /// Where the certificate goes: what was erased, by whom and why, and the end of the audit trail that proves it.
        /// Where two people must want it, whoever approves it writes the certificate
        #[arg(long, value_name = "FILE.json")]
        certificate: Option<PathBuf>,
    },
    /// An event was wrong: everything that it changed goes back
    Undo {
        /// The event's number
        event: u64,
    },
    #[command(flatten)]
    Oversight(proposals::Step),
}

/// A field of the golden record.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Field {
    /// Given, middle and family name and suffix
    Name,
    /// Birth date
    BirthDate,
    /// Sex
    Sex,
    /// Social Security number
    Ssn,
    /// Postal address
    Address,
    /// Telephone numbers
    Phone,
    /// E-mail addresses
    Email,
    /// Mother's family name at birth
    MotherMaidenName,
    /// Guardian's name
    GuardianName,
    /// Place of birth
    BirthPlace,
    /// Order among a multiple birth
    BirthOrder,
}

impl From<Field> for v1::GoldenField {
    fn from(field: Field) -> Self {
        match field {
            Field::Name => Self::Name,
            Field::BirthDate => Self::BirthDate,
            Field::Sex => Self::Sex,
            Field::Ssn => Self::Ssn,
            Field::Address => Self::Address,
            Field::Phone => Self::Phone,
            Field::Email => Self::Email,
            Field::MotherMaidenName => Self::MotherMaidenName,
            Field::GuardianName => Self::GuardianName,
            Field::BirthPlace => Self::BirthPlace,
            Field::BirthOrder => Self::BirthOrder,
        }
    }
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let Args { server, terms, operation } = args;
    let json = server.json;
    converse(async {
        let server = server.connect().await?;
        let mut terms = terms.into_terms();
        if let Operation::Oversight(step) = &operation {
            return proposals::run(&server, step, terms, json).await;
        }
        if !terms.validate_only && terms.version_token.is_empty() {
            let asked = v1::ChangeTerms { validate_only: true, ..terms.clone() };
            terms.version_token = change(&server, &operation, asked).await?.version_token;
        }
        let answer = change(&server, &operation, terms).await?;
        if let Operation::Erase { certificate: Some(file), .. } = &operation {
            proposals::certify(answer.event.as_ref(), answer.audit_head.as_ref(), file)?;
        }
        let change = Change {
            preview: answer.preview,
            version_token: answer.version_token,
            proposal: (answer.proposal != 0).then_some(answer.proposal),
            event: Event::from(answer.event.ok_or_else(incomplete)?),
        };
        let mut output = Output::lock();
        if json {
            return output.line(answers::line(&change)?);
        }
        output.text(&change_lines(&change))?;
        if let Some(number) = change.proposal {
            output.text(&format!(
                "nothing is changed yet: proposal {number} waits for somebody else, who may say `empi steward approve \
                 {number} --actor NAME`"
            ))?;
        } else if change.preview {
            output.text(&format!("  to make it so: --version-token {}", change.version_token))?;
        }
        Ok(())
    })
}

impl TermsArgs {
    fn into_terms(self) -> v1::ChangeTerms {
        v1::ChangeTerms {
            actor: Some(v1::Actor { kind: v1::ActorKind::Steward.into(), name: self.actor }),
            reason_code: v1::ReasonCode::from(self.reason).into(),
            note: self.note,
            request_id: self.request_id,
            version_token: self.version_token.unwrap_or_default(),
            validate_only: self.preview,
        }
    }
}

async fn change(
    server: &Server,
    operation: &Operation,
    terms: v1::ChangeTerms,
) -> anyhow::Result<v1::ChangeResponse> {
    let answer = ask(server, operation, Some(terms)).await;
    Ok(answer.map_err(|status| refusal(&status))?.into_inner())
}

async fn ask(
    server: &Server,
    operation: &Operation,
    terms: Option<v1::ChangeTerms>,
) -> Result<tonic::Response<v1::ChangeResponse>, Status> {
    let mut steward = server.steward();
    match operation {
        Operation::Link { left, right } => {
            let (left, right) = (Some(left.clone()), Some(right.clone()));
            steward.link_records(v1::LinkRecordsRequest { terms, left, right }).await
        }
        Operation::Unlink { record, keep_apart } => {
            let (record, keep_apart) = (Some(record.clone()), *keep_apart);
            steward.unlink_record(v1::UnlinkRecordRequest { terms, record, keep_apart }).await
        }
        Operation::Merge { surviving, subsumed } => {
            let request = v1::MergePersonsRequest {
                terms,
                surviving_enterprise_id: surviving.clone(),
                subsumed_enterprise_id: subsumed.clone(),
            };
            steward.merge_persons(request).await
        }
        Operation::Unmerge { subsumed } => {
            let subsumed_enterprise_id = subsumed.clone();
            let request = v1::UnmergePersonsRequest { terms, subsumed_enterprise_id };
            steward.unmerge_persons(request).await
        }
        Operation::Split { enterprise_id, records, keep_apart } => {
            let request = v1::SplitPersonRequest {
                terms,
                enterprise_id: enterprise_id.clone(),
                records: records.clone(),
                keep_apart: *keep_apart,
            };
            steward.split_person(request).await
        }
        Operation::KeepApart { left, right } => {
            let (left, right) = (Some(left.clone()), Some(right.clone()));
            steward.keep_apart(v1::KeepApartRequest { terms, left, right }).await
        }
        Operation::Move { record, enterprise_id } => {
            let (record, enterprise_id) = (Some(record.clone()), enterprise_id.clone());
            steward.move_record(v1::MoveRecordRequest { terms, record, enterprise_id }).await
        }
        Operation::Choose { enterprise_id, field, record } => {
            let request = v1::ChooseValueRequest {
                terms,
                enterprise_id: enterprise_id.clone(),
                field: v1::GoldenField::from(*field).into(),
                record: record.clone(),
            };
            steward.choose_value(request).await
        }
        Operation::Consent { enterprise_id, not_shared, not_linked } => {
            let (enterprise_id, not_shared, not_linked) =
                (enterprise_id.clone(), *not_shared, *not_linked);
            let request = v1::SetConsentRequest { terms, enterprise_id, not_shared, not_linked };
            steward.set_consent(request).await
        }
        Operation::Erase { enterprise_id, .. } => {
            let enterprise_id = enterprise_id.clone();
            steward.erase_person(v1::ErasePersonRequest { terms, enterprise_id }).await
        }
        Operation::Oversight(_) => Err(Status::internal("a proposal is asked about elsewhere")),
        Operation::Undo { event } => {
            steward.undo_event(v1::UndoEventRequest { terms, sequence: *event }).await
        }
    }
}
