//! Trying a model: which one, what it would change, and putting it in force.

use empi_model::Thresholds;
use empi_registry::{EventView, PersonFate, RelinkReport, Replay};
use maud::{Markup, html};

use super::Shown;
use crate::web::Visit;
use crate::web::layout::csrf;
use crate::web::pages::operation::choose_reason;
use crate::web::view::evidence::bits;
use crate::web::view::fields::visible;
use crate::web::view::time::day_and_time;
use crate::web::view::words::{grouped, lasting};

/// Records and persons of a change that are shown.
const SHOWN_MAX: usize = 8;

/// Bytes of a model file that a form takes.
const MODEL_BYTES_MAX: usize = 40_000;

/// Which model is tried.
pub(super) fn choose(shown: &Shown, visit: &Visit) -> Markup {
    let is_busy = shown.lab.running.is_some();
    let Thresholds { review, link } = shown.moved;
    let is_moved = shown.moved != shown.model.thresholds();
    html! {
        section.card {
            h2 { "Replay with other thresholds" }
            form method="post" action="/tuning/replay" {
                (csrf(visit))
                input type="hidden" name="review" value=(review.bits());
                input type="hidden" name="link" value=(link.bits());
                p {
                    "Asked from " strong { (bits(review)) } ", linked from " strong { (bits(link)) } " bits on"
                    @if !is_moved { ", as in force: what is found then does not come from the thresholds" } "."
                }
                button type="submit" disabled[is_busy] { "Replay" }
            }
            p.hint {
                "All records are linked anew in the background on the index as it is now, and compared with how they are. Nothing is changed. What \
                 stewards decided stands, whatever the model says."
            }
        }
        section.card {
            h2 { "Replay with another model" }
            form method="post" action="/tuning/replay" {
                (csrf(visit))
                label for="file" { "Model file, as empi train writes it" }
                input #file type="file" accept=".toml" data-reads="model";
                label for="model" { "Its text" }
                textarea #model name="model" rows="5" required maxlength=(MODEL_BYTES_MAX) spellcheck="false" autocomplete="off" {}
                button type="submit" disabled[is_busy] { "Replay" }
            }
        }
    }
}

/// What the model that was tried last would change.
pub(super) fn outcome(shown: &Shown, visit: &Visit) -> Markup {
    let Some(replay) = &shown.lab.replay else { return html! { span #trial {} } };
    let Thresholds { review, link } = replay.model.thresholds();
    html! {
        section.card.wide #trial {
            h2 { "What " (replay.model.name()) " would change" }
            p.soft {
                "Asked from " (bits(review)) ", linked from " (bits(link)) " bits on; replayed on the index of " (day_and_time(replay.begun))
                " in " (lasting(replay.took_ms)) ", when " (replay.before) " decided."
            }
            div.columns.even {
                (figures(&replay.report))
                (promoting(replay, shown, visit))
            }
            (samples(&replay.report))
        }
    }
}

fn figures(report: &RelinkReport) -> Markup {
    let lines = [
        ("Persons before", report.persons_before),
        ("Persons after", report.persons_after),
        ("Times persons become one", report.merges),
        ("Times a person becomes several", report.splits),
        ("Times persons exchange records", report.exchanges),
        ("Records that answer under another enterprise ID", report.records_moved),
        ("Enterprise IDs that redirect then", report.ids_redirected),
        ("Enterprise IDs that answer themselves again", report.ids_revived),
        ("Enterprise IDs that are new", report.ids_minted),
        ("Questions that are settled by it", report.tasks_closed),
        ("Changes held back by a steward's decision", report.held_back),
    ];
    html! {
        div {
            @if report.changes() == 0 {
                p { strong { "Nothing: every person is as this model sees it." } }
            }
            table.figures {
                caption.unseen { "The difference in identities" }
                tbody {
                    @for (name, count) in lines {
                        tr { th scope="row" { (name) } td.number { (grouped(count)) } }
                    }
                }
            }
        }
    }
}

fn promoting(replay: &Replay, shown: &Shown, visit: &Visit) -> Markup {
    html! {
        form method="post" action="/tuning/promote" {
            (csrf(visit))
            h3 { "Put it in force" }
            input type="hidden" name="trial" value=(replay.number);
            (choose_reason("promote-reason"))
            label for="promote-note" { "Note, without patient data" }
            input #promote-note name="note" type="text" maxlength="500" autocomplete="off";
            label.check {
                input type="checkbox" name="persons" value="yes" checked;
                "make the " (grouped(replay.report.changes())) " changes, too"
            }
            button type="submit" disabled[shown.lab.running.is_some()] { "Put in force" }
            p.hint {
                "It decides about every record from then on. Each change is an event of yours, which can be undone; persons that somebody \
                 changes meanwhile are left as they are."
            }
        }
    }
}

/// Some changes, by record keys and enterprise IDs alone.
fn samples(report: &RelinkReport) -> Markup {
    html! {
        @if !report.samples.is_empty() {
            h3 { "Some of the changes" }
            table.rows {
                thead {
                    tr {
                        th scope="col" { "Change" }
                        th scope="col" { "Persons" }
                        th scope="col" { "Records" }
                    }
                }
                tbody { @for sample in &report.samples { (change(sample)) } }
            }
        }
    }
}

fn change(sample: &EventView) -> Markup {
    html! {
        tr {
            th scope="row" { (sample.event.reason.trim_start_matches("relinked: ")) }
            td {
                @for (id, fate) in sample.persons().into_iter().take(SHOWN_MAX) {
                    div {
                        @match fate {
                            PersonFate::Retired(survivor) => { span.id { (id) } " redirects to " span.id { (survivor) } },
                            PersonFate::Erased => { span.id { (id) } " is erased" },
                            PersonFate::Minted => "a new one",
                            PersonFate::Revived => { span.id { (id) } " answers itself again" },
                            PersonFate::Stays => { span.id { (id) } " stays" },
                        }
                    }
                }
            }
            td {
                @for moved in sample.moves().into_iter().take(SHOWN_MAX) {
                    div { (visible(&moved.key.source)) " " span.id { (visible(&moved.key.record_id)) } }
                }
            }
        }
    }
}
