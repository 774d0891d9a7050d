//! `empi emergency`: seeing somebody who is not to be shared, and looking at it afterwards.

use empi_proto::v1;
use serde::Serialize;

use super::answers;
use super::connection::{ServerArgs, converse, refusal};
use crate::output::Output;

/// Emergencies in one list.
const LISTED_MAX: u32 = 1000;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    step: Step,
}

#[derive(clap::Subcommand)]
enum Step {
    /// Say why you must see a person whose data are not to be shared: you are shown them for a while
    State {
        /// The person
        enterprise_id: String,
        /// Why, in a sentence without patient data
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// How long
        #[arg(long, value_name = "MINUTES", default_value_t = 30)]
        minutes: u32,
    },
    /// The emergencies that nobody has looked at
    List {
        /// Also those that somebody has looked at
        #[arg(long)]
        all: bool,
    },
    /// Say what came of looking at one
    Review {
        /// The emergency
        number: u64,
        /// It was none
        #[arg(long)]
        unjustified: bool,
        /// What you found, in a sentence without patient data
        #[arg(long, value_name = "TEXT")]
        note: String,
    },
}

/// An emergency. Field names are a promise.
#[derive(Serialize)]
struct Emergency {
    number: u64,
    stated_by: String,
    enterprise_id: String,
    reason: String,
    since: String,
    until: String,
    review: Option<Review>,
}

#[derive(Serialize)]
struct Review {
    reviewer: String,
    time: String,
    justified: bool,
    note: String,
}

impl From<v1::Emergency> for Emergency {
    fn from(emergency: v1::Emergency) -> Self {
        let v1::Emergency { number, stated_by, enterprise_id, reason, since, until, review } =
            emergency;
        let review = review.map(|review| Review {
            reviewer: review.reviewer,
            time: answers::time(review.time),
            justified: review.is_justified,
            note: review.note,
        });
        let (since, until) = (answers::time(since), answers::time(until));
        Self { number, stated_by, enterprise_id, reason, since, until, review }
    }
}

impl Emergency {
    fn in_words(&self) -> String {
        let Self { number, stated_by, enterprise_id, reason, since, until, review } = self;
        let review = match review {
            None => "nobody has looked at it".to_owned(),
            Some(Review { reviewer, justified, note, .. }) => {
                let what = if *justified { "an emergency" } else { "no emergency" };
                format!("{what}, says {reviewer}: {note}")
            }
        };
        format!(
            "emergency {number}: {stated_by} is shown {enterprise_id} from {since} until {until}\n  why: {reason}\n  {review}"
        )
    }
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let Args { server, step } = args;
    let json = server.json;
    converse(async {
        let server = server.connect().await?;
        let mut emergencies = server.emergencies();
        let told = match step {
            Step::State { enterprise_id, reason, minutes } => {
                let request = v1::BreakGlassRequest { enterprise_id, reason, minutes };
                let answer = emergencies.break_glass(request).await;
                answer.map(|answer| answer.into_inner().emergency.into_iter().collect())
            }
            Step::List { all } => {
                let limit = LISTED_MAX;
                let request = v1::ListEmergenciesRequest { include_reviewed: all, limit };
                let answer = emergencies.list_emergencies(request).await;
                answer.map(|answer| answer.into_inner().emergencies)
            }
            Step::Review { number, unjustified, note } => {
                let request =
                    v1::ReviewEmergencyRequest { number, is_justified: !unjustified, note };
                let answer = emergencies.review_emergency(request).await;
                answer.map(|answer| answer.into_inner().emergency.into_iter().collect())
            }
        };
        let told: Vec<v1::Emergency> = told.map_err(|status| refusal(&status))?;
        let mut output = Output::lock();
        for emergency in told.into_iter().map(Emergency::from) {
            if json {
                output.line(answers::line(&emergency)?)?;
            } else {
                output.text(&emergency.in_words())?;
            }
        }
        Ok(())
    })
}
