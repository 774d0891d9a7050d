//! Who saw or changed what, for those who look after that: the last entries of the audit trail, and those about a person, by
//! somebody or of a time; also only the disclosures that a person is told of who asks.

use axum::extract::State;
use empi_model::{AuditEntry, AuditOutcome, EnterpriseId, Timestamp};
use empi_registry::{AuditQuery, Registry, RegistryError};
use maud::{Markup, html};

use crate::web::answer::{Answer, Refusal};
use crate::web::form::Fields;
use crate::web::gate::Form;
use crate::web::layout::csrf;
use crate::web::view::fields::visible;
use crate::web::view::time::seconds;
use crate::web::view::words::grouped;
use crate::web::{Visit, Web};

/// Entries on the page.
const PAGE: usize = 100;

/// Entries that are looked at for one page of disclosures, and read at a time.
const LOOKED_AT_MAX: usize = 50_000;
const READ_TOGETHER: usize = 1_000;

/// Persons of an entry that are named; the others are counted.
const PERSONS_SHOWN: usize = 3;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What somebody wants to see.
#[derive(Clone, Debug, Default)]
struct Wanted {
    person: String,
    name: String,
    since: String,
    until: String,
    accountable: bool,
    from: u64,
}

/// What is shown of the trail.
struct Found {
    entries: Vec<(u64, AuditEntry)>,
    /// Where the next page begins.
    next: Option<u64>,
    /// The last entry of all.
    end: u64,
}

/// The last entries.
pub(in crate::web) async fn show(State(web): State<Web>, visit: Visit) -> Result<Answer, Refusal> {
    let found = web.ask(|registry| {
        let end = registry.audit_head()?.sequence;
        let from = end.saturating_sub(PAGE as u64 - 1);
        let mut entries =
            registry.audit(&AuditQuery { from, limit: PAGE, ..AuditQuery::default() })?;
        entries.reverse();
        Ok(Found { entries, next: None, end })
    });
    Ok(page(&visit, &Wanted::default(), &found.await?, "The last entries, the newest first"))
}

/// The entries that were asked for.
pub(in crate::web) async fn take(
    State(web): State<Web>,
    visit: Visit,
    Form(fields): Form,
) -> Result<Answer, Refusal> {
    let wanted = Wanted::read(&fields);
    let query = wanted.query()?;
    let accountable = wanted.accountable;
    let found = web.ask(move |registry| found(registry, &query, accountable)).await?;
    let title = if wanted.accountable { "Disclosures to account for" } else { "Entries" };
    Ok(page(&visit, &wanted, &found, title))
}

fn found(
    registry: &Registry,
    query: &AuditQuery,
    accountable: bool,
) -> Result<Found, RegistryError> {
    let end = registry.audit_head()?.sequence;
    let (mut entries, mut from, mut looked_at) = (Vec::new(), query.from, 0);
    let limit = if accountable { READ_TOGETHER } else { PAGE };
    loop {
        let read = registry.audit(&AuditQuery { from, limit, ..query.clone() })?;
        let (count, last) = (read.len(), read.last().map(|(number, _)| *number));
        looked_at += count;
        let is_wanted = |(_, entry): &(u64, AuditEntry)| !accountable || entry.is_accountable();
        for entry in read.into_iter().filter(is_wanted) {
            if entries.len() == PAGE {
                return Ok(Found { entries, next: Some(entry.0), end });
            }
            entries.push(entry);
        }
        let next = last.filter(|_| count == limit).map(|last| last + 1);
        match next {
            Some(next) if accountable && looked_at < LOOKED_AT_MAX => from = next,
            next => return Ok(Found { entries, next, end }),
        }
    }
}

impl Wanted {
    fn read(fields: &Fields) -> Self {
        let text = |name: &str| fields.get(name).trim().to_owned();
        Self {
            person: text("person"),
            name: text("name"),
            since: text("since"),
            until: text("until"),
            accountable: fields.get("accountable") == "yes",
            from: text("from").parse().unwrap_or_default(),
        }
    }

    fn query(&self) -> Result<AuditQuery, Refusal> {
        let person = match self.person.as_str() {
            "" => None,
            id => Some(id.parse::<EnterpriseId>().map_err(|_| {
                Refusal::invalid("A person is named by its enterprise ID, such as 7K3M-9QXT-2VC.")
            })?),
        };
        let (since, until) = (day(&self.since)?, day(&self.until)?);
        Ok(AuditQuery {
            person,
            name: (!self.name.is_empty()).then(|| self.name.clone()),
            from: self.from,
            since,
            // The whole of the last day.
            before: until.map(|day| Timestamp(day.0 + DAY_MS)),
            limit: PAGE,
        })
    }
}

/// The beginning of a day such as `2026-03-01`, in UTC.
fn day(text: &str) -> Result<Option<Timestamp>, Refusal> {
    if text.is_empty() {
        return Ok(None);
    }
    let time = format!("{text}T00:00:00Z").parse::<jiff::Timestamp>();
    let time = time.map_err(|_| Refusal::invalid("A day is written as 2026-03-01."))?;
    Ok(Some(Timestamp(time.as_millisecond())))
}

fn page(visit: &Visit, wanted: &Wanted, found: &Found, title: &str) -> Answer {
    Answer::Page(
        "Audit trail",
        html! {
            h1.unseen { "Audit trail" }
            section.card { (form(visit, wanted)) }
            section.card.trail {
                h2 { (title) }
                @if found.entries.is_empty() { p.soft { "No entry says so." } }
                @else { (table(&found.entries)) }
                p.soft { "The trail has " (grouped(found.end)) " entries. What is shown here becomes one, too." }
                @if let Some(next) = found.next { (further(visit, wanted, next)) }
            }
        },
    )
}

fn form(visit: &Visit, wanted: &Wanted) -> Markup {
    html! {
        form.filters method="post" action="/audit" {
            (csrf(visit))
            label for="person" { "Person" }
            input #person name="person" type="text" value=(wanted.person) placeholder="7K3M-9QXT-2VC" maxlength="20"
                autocomplete="off" spellcheck="false";
            label for="asker" { "By" }
            input #asker name="name" type="text" value=(wanted.name) maxlength="200" autocomplete="off" spellcheck="false";
            label for="since" { "From" }
            input #since name="since" type="date" value=(wanted.since);
            label for="until" { "to" }
            input #until name="until" type="date" value=(wanted.until);
            label.check {
                input type="checkbox" name="accountable" value="yes" checked[wanted.accountable];
                "Disclosures to account for"
            }
            button.primary type="submit" { "Show" }
        }
    }
}

/// The same question from further on.
fn further(visit: &Visit, wanted: &Wanted, next: u64) -> Markup {
    html! {
        form method="post" action="/audit" {
            (csrf(visit))
            @for (name, value) in [
                ("person", &wanted.person),
                ("name", &wanted.name),
                ("since", &wanted.since),
                ("until", &wanted.until),
            ] { input type="hidden" name=(name) value=(value); }
            @if wanted.accountable { input type="hidden" name="accountable" value="yes"; }
            input type="hidden" name="from" value=(next);
            button type="submit" { "Further entries" }
        }
    }
}

fn table(entries: &[(u64, AuditEntry)]) -> Markup {
    html! {
        table.rows {
            thead {
                tr {
                    th.number scope="col" { "Entry" }
                    th scope="col" { "Time" }
                    th scope="col" { "Who" }
                    th scope="col" { "From" }
                    th scope="col" { "What" }
                    th scope="col" { "For" }
                    th scope="col" { "Outcome" }
                    th scope="col" { "Persons" }
                    th.number scope="col" { "Event" }
                }
            }
            tbody { @for (number, entry) in entries { (row(*number, entry)) } }
        }
    }
}

fn row(number: u64, entry: &AuditEntry) -> Markup {
    let asker = &entry.asked.asker;
    let others = (entry.persons_total as usize).saturating_sub(PERSONS_SHOWN);
    html! {
        tr {
            th.number scope="row" { (number) }
            td.number { (seconds(entry.time)) }
            td {
                @if asker.name.is_empty() { span.soft { "nobody known" } } @else { (visible(&asker.name)) }
                @if !asker.reason.is_empty() { div.soft { (visible(&asker.reason)) } }
            }
            td.soft {
                (asker.interface.as_str())
                @if let Some(address) = asker.address { " " (address) }
            }
            td {
                (entry.asked.operation.as_str().replace('-', " "))
                @if entry.times > 1 { span.soft { " \u{00d7} " (grouped(u64::from(entry.times))) } }
            }
            td.soft { (asker.purpose.code()) }
            td.wrong[entry.outcome != AuditOutcome::Done] { (entry.outcome.as_str()) }
            td {
                @for person in entry.persons.iter().take(PERSONS_SHOWN) {
                    a.id href={ "/persons/" (person) } { (person) } " "
                }
                @if others > 0 { span.soft { "and " (grouped(others as u64)) " more" } }
            }
            td.number { @if let Some(event) = entry.event { (event) } }
        }
    }
}
