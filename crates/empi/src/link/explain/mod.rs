//! `empi explain`: two records, and why they are one person or why not.

mod answer;
mod files;
mod past;
mod sentence;
mod store;
mod waterfall;

use std::path::PathBuf;

use empi_model::RecordKey;

use super::input::InputArgs;
use super::pipeline::ModelArgs;
use crate::cli::UsageError;
use crate::master_key::MasterKeyArgs;
use crate::output::Output;

const EXAMPLES: &str = "Of files, as `empi link` would decide:
  empi explain north.csv south.csv --left north:17 --right south:4
Of an index that no server has open:
  empi explain --data DIR north:17 south:4
Of a past decision, as things stood then:
  empi explain --data DIR --event 4711";

/// Tell why two records are one person, or why not: each comparison with both values and its weight,
/// what held a link back, and which blocking rules brought the two together.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The files, read as `empi link` reads them; with --data, the two records
    #[arg(value_name = "FILE")]
    inputs: Vec<String>,
    /// One record: its source and its ID there
    #[arg(long, value_name = "SOURCE:ID")]
    left: Option<String>,
    /// The other record
    #[arg(long, value_name = "SOURCE:ID")]
    right: Option<String>,
    /// The directory of an index instead of files
    #[arg(long, value_name = "DIR", conflicts_with_all = ["columns", "train"])]
    data: Option<PathBuf>,
    /// Tell why this event decided as it did, with the model, the counts and the values of that time
    #[arg(long, value_name = "N", requires = "data", conflicts_with_all = ["inputs", "left", "right"])]
    event: Option<u64>,
    /// A TOML file that says which column is which, where the names do not tell
    #[arg(long, value_name = "FILE")]
    columns: Option<PathBuf>,
    /// How many threads to use [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    #[command(flatten)]
    model: ModelArgs,
    /// Leave the values of the records out; their sources and IDs stay
    #[arg(long)]
    no_values: bool,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    key: MasterKeyArgs,
}

/// Runs `empi explain`.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if let (Some(data), Some(event)) = (&args.data, args.event) {
        let past = past::explain(&args.key.at(data)?, &args.model, event, !args.no_values)?;
        return if args.json {
            Output::lock().line(serde_json::to_string(&past::Answer::of(&past))?)
        } else {
            Output::lock().text(&past::shown(&past, !args.no_values))
        };
    }
    let explained = match &args.data {
        Some(data) => store::explain(&args.key.at(data)?, &args.model, &stored_pair(args)?)?,
        None => {
            let names = named_pair(args)?;
            if args.inputs.is_empty() {
                return Err(UsageError::new("say which files hold the records, or --data").into());
            }
            files::explain(&args.input(), &args.model, &names)?
        }
    };
    let explained = if args.no_values { explained.without_values() } else { explained };
    if args.json {
        Output::lock().line(serde_json::to_string(&explained.to_json())?)
    } else {
        Output::lock().text(&waterfall::shown(&explained))
    }
}

/// The two records as the user named them: left, right.
type Names = [RecordName; 2];

impl Args {
    fn input(&self) -> InputArgs {
        InputArgs {
            files: self.inputs.iter().map(PathBuf::from).collect(),
            columns: self.columns.clone(),
            strict: false,
            rejects: None,
            threads: self.threads,
        }
    }
}

fn named_pair(args: &Args) -> anyhow::Result<Names> {
    let (Some(left), Some(right)) = (&args.left, &args.right) else {
        return Err(UsageError::new("say which records: --left SOURCE:ID --right SOURCE:ID").into());
    };
    Ok([RecordName::parse(left)?, RecordName::parse(right)?])
}

fn stored_pair(args: &Args) -> anyhow::Result<Names> {
    match (args.inputs.as_slice(), &args.left, &args.right) {
        ([left, right], None, None) => Ok([RecordName::parse(left)?, RecordName::parse(right)?]),
        ([], Some(_), Some(_)) => named_pair(args),
        _ => Err(UsageError::new("say which two records of the index: SOURCE:ID SOURCE:ID").into()),
    }
}

/// A record as it is named on the command line. A source or an ID may hold a colon itself, so every
/// way to cut the text in two is kept, and the one that names a record is taken.
#[derive(Clone, Debug)]
struct RecordName(Vec<RecordKey>);

impl RecordName {
    fn parse(text: &str) -> Result<Self, UsageError> {
        let cut = |(at, _): (usize, &str)| {
            let (source, rest) = text.split_at(at);
            RecordKey::new(source, rest.get(1..).unwrap_or_default())
        };
        let whole = |key: &RecordKey| !key.source.is_empty() && !key.record_id.is_empty();
        let keys: Vec<_> = text.match_indices(':').map(cut).filter(whole).collect();
        if keys.is_empty() {
            return Err(UsageError::new("name a record by its source and its ID there: SOURCE:ID"));
        }
        Ok(Self(keys))
    }

    /// The first reading for which something is found.
    fn find<T>(&self, mut look_up: impl FnMut(&RecordKey) -> Option<T>) -> Option<(RecordKey, T)> {
        self.0.iter().find_map(|key| look_up(key).map(|found| (key.clone(), found)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_named_by_source_and_id_also_where_they_hold_colons() {
        let name = RecordName::parse("urn:oid:1.2:7").unwrap();
        let keys: Vec<_> = name.0.iter().map(|it| (&*it.source, &*it.record_id)).collect();
        assert_eq!(keys, [("urn", "oid:1.2:7"), ("urn:oid", "1.2:7"), ("urn:oid:1.2", "7")]);
        let wanted = RecordKey::new("urn:oid:1.2", "7");
        let (found, ()) = name.find(|key| (*key == wanted).then_some(())).unwrap();
        assert_eq!(found, wanted);
        for bad in ["", "7", ":7", "hospital:"] {
            assert!(RecordName::parse(bad).is_err(), "{bad}");
        }
    }
}
