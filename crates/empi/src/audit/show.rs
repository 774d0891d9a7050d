//! Entries as lines: for people in columns, for programs as JSON.

use empi_model::{AuditEntry, EnterpriseId, Timestamp};
use empi_proto::v1;
use empi_registry::{AuditQuery, DataDir, audit_offline};
use serde::Serialize;

use super::{moment, person as person_of, written};
use crate::client::{ServerArgs, converse, refusal};
use crate::output::Output;

/// Entries that a server is asked for at a time.
const PAGE_ENTRIES: u32 = 500;

#[derive(clap::Args)]
pub(crate) struct ListArgs {
    /// Only by this account, user, sender or client
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    #[command(flatten)]
    range: Range,
}

#[derive(clap::Args)]
pub(crate) struct PersonArgs {
    /// Any enterprise ID that the person ever had
    #[arg(value_parser = person_of)]
    enterprise_id: EnterpriseId,
    #[command(flatten)]
    range: Range,
}

#[derive(clap::Args)]
struct Range {
    /// From this entry on
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    from: u64,
    /// Not older than this date or time (UTC)
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// Older than this date or time (UTC)
    #[arg(long, value_name = "TIME", value_parser = moment)]
    before: Option<Timestamp>,
    /// At most so many
    #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
    limit: usize,
}

pub(super) fn list(
    args: &ListArgs,
    data: Option<&DataDir>,
    server: &ServerArgs,
) -> anyhow::Result<()> {
    show(&args.range.query(None, args.by.clone()), data, server)
}

pub(super) fn person(
    args: &PersonArgs,
    data: Option<&DataDir>,
    server: &ServerArgs,
) -> anyhow::Result<()> {
    show(&args.range.query(Some(args.enterprise_id), None), data, server)
}

impl Range {
    fn query(&self, person: Option<EnterpriseId>, name: Option<String>) -> AuditQuery {
        let Self { from, since, before, limit } = *self;
        AuditQuery { person, name, from, since, before, limit }
    }
}

fn show(query: &AuditQuery, data: Option<&DataDir>, server: &ServerArgs) -> anyhow::Result<()> {
    let mut output = Output::lock();
    let mut print = |line: &Line| {
        output.line(if server.json { serde_json::to_string(line)? } else { line.in_columns() })
    };
    if let Some(data) = data {
        let entries = audit_offline(data, query)?;
        return entries.iter().try_for_each(|(number, entry)| print(&Line::of(*number, entry)));
    }
    converse(async {
        let mut audit = server.connect().await?.audit();
        let (mut from, mut left) = (query.from, query.limit);
        while left > 0 {
            let page_size = PAGE_ENTRIES.min(u32::try_from(left).unwrap_or(u32::MAX));
            let answer = audit.list_audit(asked(query, from, page_size)).await;
            let entries = answer.map_err(|status| refusal(&status))?.into_inner().entries;
            for entry in &entries {
                print(&Line::told(entry))?;
                from = entry.sequence + 1;
            }
            left -= entries.len().min(left);
            if entries.len() < page_size as usize {
                break;
            }
        }
        Ok(())
    })
}

fn asked(query: &AuditQuery, from_sequence: u64, page_size: u32) -> v1::ListAuditRequest {
    let time = |time: Timestamp| empi_proto::Timestamp {
        seconds: time.0.div_euclid(1000),
        nanos: i32::try_from(time.0.rem_euclid(1000)).unwrap_or(0) * 1_000_000,
    };
    v1::ListAuditRequest {
        enterprise_id: query.person.map(|person| person.to_string()).unwrap_or_default(),
        name: query.name.clone().unwrap_or_default(),
        from_sequence,
        since: query.since.map(time),
        before: query.before.map(time),
        page_size,
    }
}

/// An entry as it is printed. Field names are a promise.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Line {
    sequence: u64,
    time: String,
    name: String,
    interface: String,
    address: String,
    purpose: String,
    operation: String,
    outcome: String,
    event: Option<u64>,
    enterprise_ids: Vec<String>,
    persons_total: u32,
    times: u32,
    reason: String,
}

impl Line {
    fn of(sequence: u64, entry: &AuditEntry) -> Self {
        let asker = &entry.asked.asker;
        Self {
            sequence,
            time: written(entry.time),
            name: asker.name.clone(),
            interface: asker.interface.as_str().to_owned(),
            address: asker.address.map(|address| address.to_string()).unwrap_or_default(),
            purpose: asker.purpose.code().to_owned(),
            operation: entry.asked.operation.as_str().to_owned(),
            outcome: entry.outcome.as_str().to_owned(),
            event: entry.event.map(|event| event.0),
            enterprise_ids: entry.persons.iter().map(ToString::to_string).collect(),
            persons_total: entry.persons_total,
            times: entry.times,
            reason: asker.reason.clone(),
        }
    }

    pub(crate) fn told(entry: &v1::AuditEntry) -> Self {
        let time = entry.time.as_ref().map_or(Timestamp(0), |time| {
            Timestamp(time.seconds * 1000 + i64::from(time.nanos / 1_000_000))
        });
        Self {
            sequence: entry.sequence,
            time: written(time),
            name: entry.name.clone(),
            interface: entry.interface.clone(),
            address: entry.address.clone(),
            purpose: entry.purpose.clone(),
            operation: entry.operation.clone(),
            outcome: entry.outcome.clone(),
            event: (entry.event != 0).then_some(entry.event),
            enterprise_ids: entry.enterprise_ids.clone(),
            persons_total: entry.persons_total,
            times: entry.times,
            reason: entry.reason.clone(),
        }
    }

    /// One line for people: columns parted by tabs.
    fn in_columns(&self) -> String {
        let persons = match (self.persons_total, self.enterprise_ids.first()) {
            (0, _) | (_, None) => String::new(),
            (1, Some(only)) => only.clone(),
            (count, Some(first)) => format!("{first} and {} more", count - 1),
        };
        let event = self.event.map(|event| format!("event {event}")).unwrap_or_default();
        let times = if self.times > 1 { format!("{} times", self.times) } else { String::new() };
        let Self { sequence, time, name, interface, address, .. } = self;
        let Self { purpose, operation, outcome, reason, .. } = self;
        format!(
            "{sequence}\t{time}\t{name}\t{interface}\t{address}\t{purpose}\t{operation}\t{outcome}\t{persons}\t{event}\t{times}\t{reason}"
        )
    }
}

#[cfg(test)]
mod tests {
    use empi_model::{Asked, Asker, AuditOutcome, EventSequence, Operation};

    use super::*;

    #[test]
    fn an_entry_is_one_line() {
        let asked = Asked { asker: Asker::command().into(), operation: Operation::ExportPersons };
        let ids = [1, 2, 3].map(EnterpriseId::from_number).to_vec();
        let mut entry = AuditEntry::new(Timestamp(0), asked, AuditOutcome::Done, ids.clone());
        entry.event = Some(EventSequence(9));
        let line = Line::of(4, &entry);
        let columns = line.in_columns();
        let expected = format!(
            "4\t1970-01-01T00:00:00.000Z\tcommand line\tcommand\t\t\texport-persons\tdone\t{} and 2 more\tevent 9\t\t",
            ids[0]
        );
        assert_eq!(columns, expected);
    }
}
