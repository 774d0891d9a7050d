//! Finding persons as people type: the words go in a form's body, never into an address.

use axum::extract::State;
use empi_registry::{SearchAnswer, SearchHit};
use maud::{Markup, html};

use crate::web::answer::{Answer, Refusal};
use crate::web::gate::Form;
use crate::web::layout::csrf;
use crate::web::view::fields::{Field, full_name, visible};
use crate::web::{Visit, Web};

/// Persons on the page.
const HITS_MAX: usize = 50;

/// Hits that a single key opens.
const KEYS: usize = 9;

pub(in crate::web) async fn show(visit: Visit) -> Answer {
    Answer::Page("Search", page(&visit, "", None))
}

pub(in crate::web) async fn take(
    State(web): State<Web>,
    visit: Visit,
    Form(fields): Form,
) -> Result<Answer, Refusal> {
    let text = fields.get("text").to_owned();
    if text.is_empty() {
        return Ok(Answer::Page("Search", page(&visit, "", None)));
    }
    let wanted = text.clone();
    let found = web.ask(move |registry| registry.search(&wanted, HITS_MAX)).await?;
    Ok(Answer::Page("Search", page(&visit, &text, Some(&found))))
}

fn page(visit: &Visit, text: &str, found: Option<&SearchAnswer>) -> Markup {
    html! {
        section.searching {
            h1.unseen { "Search" }
            form.search method="post" action="/search" role="search" {
                (csrf(visit))
                label.unseen for="text" { "Name, birth date, number or enterprise ID" }
                input #text name="text" type="search" value=(text) maxlength="300" autocomplete="off"
                    spellcheck="false" placeholder="okafor rob 1980 \u{00b7} 457-12-9983 \u{00b7} 7K3M-9QXT-2VC"
                    data-key="/" autofocus[found.is_none()];
                button.primary type="submit" { "Search" }
            }
            p.hint { "Names whole or in part, mistyped or by nickname; birth dates or years; numbers of any kind; enterprise IDs, also those that went into another. In any order." }
        }
        @if let Some(found) = found { (hits(found)) }
    }
}

fn hits(found: &SearchAnswer) -> Markup {
    html! {
        p.soft role="status" {
            @match found.hits.len() {
                0 => "Nobody was found. Try fewer words, or only the beginning of a name.",
                1 => "1 person",
                count => { (count) " persons, the best first" }
            }
            @if found.is_cut { "; there are more: add a word" }
        }
        @if !found.hits.is_empty() {
            table.rows.hits {
                thead {
                    tr {
                        th scope="col" { span.unseen { "Key" } }
                        th scope="col" { "Name" }
                        th scope="col" { "Born" }
                        th scope="col" { "Sex" }
                        th scope="col" { "Address" }
                        th scope="col" { "Enterprise ID" }
                        th.number scope="col" { "Records" }
                        th scope="col" { "Fits best" }
                    }
                }
                tbody { @for (at, found) in found.hits.iter().enumerate() { (hit(at, found)) } }
            }
        }
    }
}

fn hit(at: usize, hit: &SearchHit) -> Markup {
    let golden = &hit.view.golden.record;
    let id = hit.view.person.enterprise_id;
    let first = |field: Field| field.values(golden).into_iter().next().unwrap_or_default();
    let key = (at < KEYS).then_some(at + 1);
    html! {
        tr {
            td { @if let Some(key) = key { kbd { (key) } } }
            th scope="row" { a href={ "/persons/" (id) } data-key=[key] { (full_name(golden)) } }
            td.number { (first(Field::BirthDate)) }
            td { (first(Field::Sex)) }
            td { (first(Field::Address)) }
            td {
                span.id { (id) }
                @if hit.view.asked != id {
                    div.soft { span.id { (hit.view.asked) } " went into it" }
                }
            }
            td.number { (hit.view.records.len()) }
            td.soft { (visible(&hit.record.source)) " " span.id { (visible(&hit.record.record_id)) } }
        }
    }
}
