//! `empi events`: what changed, in order, and what changes from now on.

use empi_proto::v1;

use super::answers;
use super::change::{Event, event_line};
use super::connection::{ServerArgs, converse, incomplete, refusal};
use crate::output::Output;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The first event wanted
    #[arg(long, value_name = "N", default_value_t = 1)]
    from: u64,
    /// Wait for further events instead of ending after the last one
    #[arg(long)]
    follow: bool,
    #[command(flatten)]
    server: ServerArgs,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let json = args.server.json;
    converse(async {
        let server = args.server.connect().await?;
        let request = v1::WatchEventsRequest { from_sequence: args.from, until_now: !args.follow };
        let mut told = server
            .events()
            .watch_events(request)
            .await
            .map_err(|status| refusal(&status))?
            .into_inner();
        let mut output = Output::lock();
        while let Some(answer) = told.message().await.map_err(|status| refusal(&status))? {
            let event = Event::from(answer.event.ok_or_else(incomplete)?);
            if json {
                output.line(answers::line(&event)?)?;
            } else {
                output.text(&event_line(&event))?;
            }
        }
        Ok(())
    })
}
