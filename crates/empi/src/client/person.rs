//! `empi person`: a person and its records, by enterprise ID, record or identifier.

use empi_model::Identifier;
use empi_proto::v1;

use super::answers::{self, Person};
use super::connection::{Server, ServerArgs, converse, incomplete, refusal};
use super::everything::Everything;
use super::fields::identifier_of;
use super::golden::Golden;
use super::tables;
use crate::output::Output;

#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("whom").required(true))]
pub(crate) struct Args {
    /// An enterprise ID, also one that was merged away
    #[arg(value_name = "ENTERPRISE_ID", group = "whom")]
    enterprise_id: Option<String>,
    /// The person of this record: its source
    #[arg(long, value_name = "S", group = "whom", requires = "record_id")]
    source: Option<String>,
    /// The person of this record: its ID inside the source
    #[arg(long, value_name = "R", requires = "source")]
    record_id: Option<String>,
    /// The persons that carry this identifier
    #[arg(long, value_name = "AUTHORITY:VALUE", group = "whom", value_parser = identifier_of)]
    identifier: Option<Identifier>,
    /// Everything that is held about the person as one JSON document: records, what they said before, events, tasks, and who
    /// saw or changed it
    #[arg(long, conflicts_with = "identifier")]
    everything: bool,
    #[command(flatten)]
    server: ServerArgs,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let json = args.server.json;
    converse(async {
        let server = args.server.connect().await?;
        let persons = if let Some(identifier) = args.identifier {
            by_identifier(&server, identifier).await?
        } else {
            let enterprise_id = match (args.enterprise_id, args.source) {
                (Some(enterprise_id), _) => enterprise_id,
                (None, source) => person_of_record(&server, source, args.record_id).await?,
            };
            if args.everything {
                let everything = Everything::ask(&server, enterprise_id).await?;
                return Output::lock().line(serde_json::to_string_pretty(&everything)?);
            }
            vec![by_enterprise_id(&server, enterprise_id).await?]
        };
        let mut output = Output::lock();
        for person in &persons {
            if json {
                output.line(answers::line(person)?)?;
            } else {
                output.text(&tables::person(person))?;
            }
        }
        if persons.is_empty() {
            Err(anyhow::anyhow!("nobody carries this identifier"))
        } else {
            Ok(())
        }
    })
}

async fn by_enterprise_id(server: &Server, enterprise_id: String) -> anyhow::Result<Person> {
    let answer = server
        .registry()
        .get_person(v1::GetPersonRequest { enterprise_id })
        .await
        .map_err(|status| refusal(&status))?
        .into_inner();
    let person = answer.person.ok_or_else(incomplete)?;
    let golden = answer.golden.map(Golden::from);
    Ok(Person { golden, ..Person::of(answer.asked_enterprise_id, person)? })
}

async fn person_of_record(
    server: &Server,
    source: Option<String>,
    record_id: Option<String>,
) -> anyhow::Result<String> {
    let key = v1::RecordKey {
        source: source.unwrap_or_default(),
        record_id: record_id.unwrap_or_default(),
    };
    let answer = server
        .registry()
        .get_record(v1::GetRecordRequest { key: Some(key) })
        .await
        .map_err(|status| refusal(&status))?;
    Ok(answer.into_inner().record.ok_or_else(incomplete)?.enterprise_id)
}

async fn by_identifier(server: &Server, identifier: Identifier) -> anyhow::Result<Vec<Person>> {
    let Identifier { authority, value } = identifier;
    let identifier = v1::Identifier { authority, value: value.into_exposed() };
    let answer = server
        .registry()
        .resolve_identifier(v1::ResolveIdentifierRequest { identifier: Some(identifier) })
        .await
        .map_err(|status| refusal(&status))?;
    let persons = answer.into_inner().persons;
    persons.into_iter().map(|person| Person::of(person.enterprise_id.clone(), person)).collect()
}
