//! `empi audit`: who saw or changed what. Reading, proving and exporting the audit trail, of a running server or of a
//! directory that no server has open.

mod event;
mod retire;
mod show;
mod verify;

use std::path::PathBuf;

use empi_model::{EnterpriseId, Timestamp};
use empi_server::AuditKey;

use crate::client::ServerArgs;
use crate::master_key::MasterKeyArgs;
use crate::output::Output;

pub(crate) use show::Line;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: AuditCommand,
    /// The directory of the index, which no server has open; without it, the server of --server is asked
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    master_key: MasterKeyArgs,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(clap::Subcommand)]
enum AuditCommand {
    /// Walk along the whole trail: is anything altered, taken out, put elsewhere or cut off, and where?
    Verify(verify::VerifyArgs),
    /// Print the end of the trail, signed where a key is given, for keeping it elsewhere
    Head(verify::HeadArgs),
    /// Make a key to sign ends of the trail with
    Key(KeyArgs),
    /// List entries: all, or those by somebody
    List(show::ListArgs),
    /// List who saw or changed a person, under any of its enterprise IDs
    Person(show::PersonArgs),
    /// Write the trail as FHIR AuditEvents, one on each line
    Export(event::ExportArgs),
    /// Take old entries out, into an archive that proves itself
    Retire(retire::RetireArgs),
}

#[derive(clap::Args)]
struct KeyArgs {
    /// The new file; only its owner can read it
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let data = args.data.as_ref().map(|data| args.master_key.at(data)).transpose()?;
    let (data, server) = (data.as_ref(), &args.server);
    match &args.command {
        AuditCommand::Verify(args) => verify::verify(args, data, server),
        AuditCommand::Head(args) => verify::head(args, data, server),
        AuditCommand::Key(args) => {
            let key = AuditKey::make(&args.out)?;
            Output::lock().line(format_args!("public key {}", key.public()))
        }
        AuditCommand::List(args) => show::list(args, data, server),
        AuditCommand::Person(args) => show::person(args, data, server),
        AuditCommand::Export(args) => event::export(args, data),
        AuditCommand::Retire(args) => retire::retire(args, data),
    }
}

/// A moment such as `2026-03-01` or `2026-03-01T11:00:00Z`.
fn moment(text: &str) -> Result<Timestamp, String> {
    let time = text.parse::<jiff::Timestamp>();
    let time = time.or_else(|_| format!("{text}T00:00:00Z").parse::<jiff::Timestamp>()).ok();
    time.map(|time| Timestamp(time.as_millisecond())).ok_or_else(|| {
        "write a date such as 2026-03-01, or a time such as 2026-03-01T11:00:00Z".to_owned()
    })
}

fn person(text: &str) -> Result<EnterpriseId, String> {
    text.parse().map_err(|error: empi_model::EnterpriseIdError| error.to_string())
}

/// A moment in UTC, as people and machines read it.
fn written(time: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(time.0)
        .map_or_else(|_| "?".to_owned(), |time| time.strftime("%FT%H:%M:%S%.3fZ").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_date_or_a_time() {
        assert_eq!(moment("1970-01-02"), Ok(Timestamp(86_400_000)));
        assert_eq!(moment("1970-01-01T00:00:01Z"), Ok(Timestamp(1000)));
        assert!(moment("yesterday").is_err());
        assert_eq!(written(Timestamp(1500)), "1970-01-01T00:00:01.500Z");
    }
}
