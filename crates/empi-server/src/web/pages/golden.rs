//! The best view of a person: each value with where it comes from, the other values that records say there, one of
//! which a steward can choose, and what an operation changes of it.

use empi_model::{EnterpriseId, GoldenField};
use empi_registry::{
    GoldenRecord, Offer, OfferedValue, PersonView, Provenance, Registry, RegistryError,
    StewardAnswer, SurvivorshipRule,
};
use maud::{Markup, html};

use super::operation::choose_reason;
use crate::web::Visit;
use crate::web::layout::csrf;
use crate::web::view::fields::{Field, visible};
use crate::web::view::words::golden_field;

/// The values, one row for each; beneath a field those that a steward can choose instead, where they may.
pub(super) fn best_view(view: &PersonView, offers: &[Offer], chooses: Option<&Visit>) -> Markup {
    html! {
        section.card {
            h2 { "Best view" }
            table.rows {
                thead {
                    tr {
                        th scope="col" { "Field" }
                        th scope="col" { "Value" }
                        th scope="col" { "From" }
                        th.number scope="col" { "Agree" }
                        th scope="col" { "Rule" }
                    }
                }
                tbody {
                    @for golden in GoldenField::ALL {
                        @let from = view.golden.provenance.iter().find(|it| it.field == golden);
                        @for field in Field::ALL.into_iter().filter(|field| field.golden() == golden) {
                            @let values = field.values(&view.golden.record);
                            @if !values.is_empty() {
                                tr {
                                    th scope="row" { (field.name()) }
                                    td { @for value in &values { div { (value) } } }
                                    (provenance(from))
                                }
                            }
                        }
                        @let offer = offers.iter().find(|offer| offer.field == golden);
                        @if let (Some(visit), Some(offer)) = (chooses, offer) {
                            tr.offer { td colspan="5" { (choice(offer, view, visit)) } }
                        }
                    }
                }
            }
        }
    }
}

fn provenance(from: Option<&Provenance>) -> Markup {
    html! {
        @match from {
            None => { td {} td {} td {} }
            Some(from) => {
                td.soft { (visible(&from.record.source)) " " span.id { (visible(&from.record.record_id)) } }
                td.number { (from.agreeing) }
                td.soft {
                    (rule(from.rule))
                    @if let Some(steward) = &from.chosen_by { " " (visible(steward)) }
                }
            }
        }
    }
}

const fn rule(rule: SurvivorshipRule) -> &'static str {
    match rule {
        SurvivorshipRule::MostRecent => "most recent",
        SurvivorshipRule::MostFrequent => "most frequent",
        SurvivorshipRule::MostTrusted => "most trusted source",
        SurvivorshipRule::Longest => "longest",
        SurvivorshipRule::LongestValid => "longest valid",
        SurvivorshipRule::StewardsChoice => "chosen by",
    }
}

/// The values of a field, one of which is chosen, or the rule again; first comes the preview.
fn choice(offer: &Offer, view: &PersonView, visit: &Visit) -> Markup {
    let name = golden_field(offer.field);
    let others = offer.values.len() - 1;
    let reason = format!("reason-{}", offer.field as u8);
    html! {
        details {
            summary {
                @match others {
                    0 => "Chosen, though all agree",
                    1 => "Another value",
                    _ => { (others) " other values" },
                }
                span.unseen { ": " (name) }
            }
            form method="post" action="/operations/preview" {
                (csrf(visit))
                input type="hidden" name="operation" value="choose";
                input type="hidden" name="person" value=(view.person.enterprise_id);
                input type="hidden" name="field" value=(offer.field as u8);
                fieldset {
                    legend.unseen { (name) ": whose value survives" }
                    @for value in &offer.values { (offered(offer, value, view)) }
                    @if offer.is_chosen {
                        label.check { input type="radio" name="record" value="" required; span.soft { "Leave it to the rule again" } }
                    }
                }
                div.inline.left {
                    (choose_reason(&reason))
                    button type="submit" { "Choose\u{2026}" }
                }
            }
        }
    }
}

fn offered(offer: &Offer, value: &OfferedValue, view: &PersonView) -> Markup {
    let first = value.said_by.first().and_then(|place| view.records.get(*place));
    let is_settled = offer.is_chosen && value.survives;
    html! {
        @if let Some(stored) = first {
            label.check {
                input type="radio" name="record" value=(stored.index.0) required disabled[is_settled];
                span {
                    @for (at, said) in said(offer.field, &stored.record).iter().enumerate() {
                        @if at > 0 { span.soft { " \u{b7} " } }
                        (said)
                    }
                }
                span.soft {
                    "by " @for place in &value.said_by { b.node { (place + 1) } " " }
                    @if value.survives { span.tag { "survives" } }
                }
            }
        }
    }
}

/// What a record says in a field of the golden record.
fn said(field: GoldenField, record: &empi_model::SourceRecord) -> Vec<String> {
    let fields = Field::ALL.into_iter().filter(|it| it.golden() == field);
    fields.flat_map(|field| field.values(record)).collect()
}

/// One person before and after an operation.
pub(super) struct Outlook {
    person: EnterpriseId,
    /// `None` for one that did not answer for itself before.
    before: Option<GoldenRecord>,
    after: GoldenRecord,
}

/// The best view before and after, of every person that lives after an operation that was only previewed.
pub(super) fn outlook(
    registry: &Registry,
    answer: &StewardAnswer,
) -> Result<Vec<Outlook>, RegistryError> {
    let outlook = answer.golden.iter().map(|(person, after)| {
        let before = match registry.person(*person) {
            Ok(view) => (view.person.enterprise_id == *person).then_some(view.golden),
            // The operation would make it.
            Err(RegistryError::NotFound(_)) => None,
            Err(error) => return Err(error),
        };
        Ok(Outlook { person: *person, before, after: after.clone() })
    });
    outlook.collect()
}

/// Which values of the best view change, in a table; nothing where none does.
pub(super) fn differences(outlook: &[Outlook]) -> Markup {
    let rows: Vec<(EnterpriseId, Field, Vec<String>, Vec<String>)> = outlook
        .iter()
        .filter_map(|it| Some((it, it.before.as_ref()?)))
        .flat_map(|(it, before)| {
            Field::ALL.into_iter().map(move |field| {
                (it.person, field, field.values(&before.record), field.values(&it.after.record))
            })
        })
        .filter(|(_, _, before, after)| before != after)
        .collect();
    let told = |values: &[String]| {
        if values.is_empty() { "\u{2013}".to_owned() } else { values.join(", ") }
    };
    html! {
        @if !rows.is_empty() {
            h3 { "Best view" }
            table.rows {
                thead {
                    tr {
                        th scope="col" { "Person" }
                        th scope="col" { "Field" }
                        th scope="col" { "Now" }
                        th scope="col" { "Then" }
                    }
                }
                tbody {
                    @for (person, field, before, after) in &rows {
                        tr {
                            td.id { (person) }
                            th scope="row" { (field.name()) }
                            td.soft { (told(before)) }
                            td { (told(after)) }
                        }
                    }
                }
            }
        }
    }
}
