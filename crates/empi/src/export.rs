//! `empi export`: the persons of an index as a file of FHIR Patients.

use std::path::PathBuf;

use empi_formats::fhir::PatientsWriter;
use empi_registry::{Clock as _, each_person};
use empi_server::{ServerConfig, patient_of_person};
use serde::Serialize;

use crate::clock::SystemClock;
use crate::master_key::MasterKeyArgs;
use crate::output::Output;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The directory of an index that no server has open, such as one made of a backup
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The file: NDJSON of FHIR R4 Patients, one person on each line; packed when its name ends in .gz
    #[arg(long, value_name = "FILE.ndjson")]
    out: PathBuf,
    /// The configuration of the server: whose identifiers are whose, and which values survive
    #[arg(long, value_name = "FILE.toml")]
    config: Option<PathBuf>,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    key: MasterKeyArgs,
}

/// What was written. Field names are a promise.
#[derive(Default, Serialize)]
struct Answer {
    persons: u64,
    merged_away: u64,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let config = match &args.config {
        Some(file) => ServerConfig::read(file)?,
        None => ServerConfig::default(),
    };
    let authorities = config.assigning_authorities()?;
    let mut writer = PatientsWriter::create(&args.out)?;
    let mut answer = Answer::default();
    each_person(
        &args.key.at(&args.data)?,
        &config.survivorship.rules(),
        SystemClock.now(),
        |view| {
            if view.asked == view.person.enterprise_id {
                answer.persons += 1;
            } else {
                answer.merged_away += 1;
            }
            writer.write(&patient_of_person(&authorities, &view))?;
            anyhow::Ok(())
        },
    )?;
    writer.finish()?;
    let mut output = Output::lock();
    if args.json {
        return output.line(serde_json::to_string(&answer)?);
    }
    let Answer { persons, merged_away } = answer;
    output.line(format_args!(
        "{persons} persons as active Patients, {merged_away} that were merged away with a link to who answers for them"
    ))
}
