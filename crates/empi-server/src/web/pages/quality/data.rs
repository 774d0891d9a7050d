//! What the data are like: fields by source, the largest persons, values that very many people share.

use empi_model::RecordField;
use empi_registry::{FieldCounts, LargePerson, QualityBoard, Share, SourceFields};
use maud::{Markup, html};

use super::percent;
use crate::web::Visit;
use crate::web::access::Operation;
use crate::web::view::fields::visible;
use crate::web::view::plot;
use crate::web::view::words::{grouped, record_field};

/// Sources with a column of their own.
const SOURCES_SHOWN_MAX: usize = 6;

/// What sources leave out, or fill with something else.
pub(super) fn fields(sources: Option<&[SourceFields]>) -> Markup {
    html! {
        section.card.wide {
            h2 { "Fields by source" }
            @match sources {
                None => p.hint { "Every record is being read for the first time: open the page again in a moment." },
                Some([]) => p.hint { "There are no records." },
                Some(sources) => (table(sources)),
            }
        }
    }
}

fn table(sources: &[SourceFields]) -> Markup {
    let shown = sources.get(..SOURCES_SHOWN_MAX).unwrap_or(sources);
    let records = sources.iter().map(|source| source.records).sum::<u64>();
    html! {
        p.legend {
            span.swatch.good {} "Usable" span.swatch.doubtful {} "Placeholder" span.swatch.bad {} "Unreadable"
            span.swatch.none {} "Missing"
        }
        div.scrolls tabindex="0" role="region" aria-label="Fields by source" {
            table.rows.fields {
                thead {
                    tr {
                        th scope="col" { "Field" }
                        th scope="col" { "All sources" br; span.soft { (grouped(records)) " records" } }
                        th.number scope="col" { "Complete" }
                        th.number scope="col" { "Placeholder" }
                        th.number scope="col" { "Unreadable" }
                        @for source in shown {
                            th.source scope="col" { (visible(&source.source)) br; span.soft { (grouped(source.records)) " records" } }
                        }
                    }
                }
                tbody {
                    @for (at, field) in RecordField::ALL.into_iter().enumerate() {
                        (line(at, field, records, sources, shown))
                    }
                }
            }
        }
        @if shown.len() < sources.len() {
            p.hint { "The " (shown.len()) " sources with most records of " (sources.len()) "; the others stand in the file of all figures." }
        }
        p.hint {
            "Complete: records whose field says anything \u{00f7} records. Placeholder (AHIMA's default-value rate) and unreadable: of the \
             complete ones, those with nothing but a value that means \u{201c}not known\u{201d}, or that cannot be read or is impossible. Beside the bars: \
             records with a usable value \u{00f7} records, and below the share of complete ones that is not usable."
        }
    }
}

fn line(
    at: usize,
    field: RecordField,
    records: u64,
    sources: &[SourceFields],
    shown: &[SourceFields],
) -> Markup {
    let counts = |source: &SourceFields| source.fields.get(at).copied().unwrap_or_default();
    let all = sources.iter().map(counts).fold(FieldCounts::default(), FieldCounts::plus);
    let of_filled = |part| Share { part, whole: all.filled() };
    html! {
        tr {
            th scope="row" { (record_field(field)) }
            (cell(all, records, false))
            td.number { (percent(Share { part: all.filled(), whole: records })) }
            td.number { (percent(of_filled(all.placeholder))) }
            td.number { (percent(of_filled(all.unreadable))) }
            @for source in shown { (cell(counts(source), source.records, true)) }
        }
    }
}

fn cell(counts: FieldCounts, records: u64, tells_bad: bool) -> Markup {
    let FieldCounts { usable, placeholder, unreadable } = counts;
    let bad = Share { part: placeholder + unreadable, whole: counts.filled() };
    html! {
        td.share {
            (plot::parts(usable, placeholder, unreadable, records))
            span.number { (percent(Share { part: usable, whole: records })) }
            @if tells_bad && bad.part > 0 { span.bad.number { (percent(bad)) " not usable" } }
        }
    }
}

/// The persons with most records.
pub(super) fn largest(persons: &[LargePerson], visit: &Visit) -> Markup {
    let may_look = Operation::ViewPersons.allows(visit.user.role);
    html! {
        section.card {
            h2 { "Largest identities" }
            @if persons.is_empty() {
                p.hint { "No person has more than one record." }
            } @else {
                table.rows {
                    thead {
                        tr {
                            th scope="col" { "Enterprise ID" }
                            th.number scope="col" { "Records" }
                            th.number scope="col" { "Sources" }
                        }
                    }
                    tbody {
                        @for person in persons {
                            tr {
                                th.id scope="row" {
                                    @if may_look { a href={ "/persons/" (person.enterprise_id) } { (person.enterprise_id) } }
                                    @else { (person.enterprise_id) }
                                }
                                td.number { (grouped(person.records)) }
                                td.number { (grouped(person.sources)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Values that very many people share, without the values.
pub(super) fn hubs(board: &QualityBoard, visit: &Visit) -> Markup {
    let may_look = Operation::ViewQueue.allows(visit.user.role);
    html! {
        section.card {
            h2 { "Values that very many people share" }
            @if board.hubs.is_empty() {
                p.hint { "None was found." }
            } @else {
                table.rows {
                    thead {
                        tr {
                            th scope="col" { "Field" }
                            th.number scope="col" { "People" }
                            th.number scope="col" { "Task" }
                        }
                    }
                    tbody {
                        @for hub in &board.hubs {
                            tr {
                                th scope="row" { (capital(hub.field.as_words())) }
                                td.number { (grouped(hub.people)) }
                                td.number {
                                    @match hub.task {
                                        Some(task) if may_look => a href={ "/tasks/" (task) } { (task) },
                                        Some(task) => (task),
                                        None => span.soft { "none" },
                                    }
                                }
                            }
                        }
                    }
                }
                p.hint {
                    (grouped(board.hub_count)) " in all. Such a value is ignored when records are compared; the value itself is not shown here. \
                     Of a value that more than 4,096 records have, the people of so many are counted. Addresses are judged in bulk linkage only, and not \
                     listed. Values that a bulk load brought have no task."
                }
            }
        }
    }
}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}
