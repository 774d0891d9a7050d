//! Which model decided since when and why, and the way back.

use empi_registry::PromotionView;
use maud::{Markup, html};

use crate::web::Visit;
use crate::web::layout::csrf;
use crate::web::pages::operation::choose_reason;
use crate::web::view::fields::visible;
use crate::web::view::time::day_and_time;
use crate::web::view::words;

/// Entries that are shown.
const ENTRIES_MAX: usize = 50;

pub(super) fn entries(log: &[PromotionView], visit: &Visit, is_busy: bool) -> Markup {
    html! {
        section.card.wide {
            h2 { "Models in force" }
            @if log.is_empty() {
                p.hint { "The model that the server was started with has always decided." }
            } @else {
                table.rows {
                    thead {
                        tr {
                            th scope="col" { "Since" }
                            th scope="col" { "Model" }
                            th scope="col" { "Instead of" }
                            th scope="col" { "By" }
                            th scope="col" { "Reason" }
                        }
                    }
                    tbody {
                        @for PromotionView { promotion, model_name, before_name, is_in_force } in log.iter().take(ENTRIES_MAX) {
                            tr {
                                td.number { (day_and_time(promotion.time)) }
                                th scope="row" {
                                    (visible(model_name))
                                    @if *is_in_force { " " span.tag { "in force" } }
                                    @if promotion.is_rollback { " " span.tag { "taken back" } }
                                }
                                td { (visible(before_name)) }
                                td { (visible(&promotion.actor.name)) }
                                td {
                                    (words::reason(promotion.reason))
                                    @if !promotion.note.is_empty() { ". " (visible(&promotion.note)) }
                                }
                            }
                        }
                    }
                }
                @if let Some(last) = log.first() { (back(last, visit, is_busy)) }
            }
        }
    }
}

/// The way back from the last entry.
fn back(last: &PromotionView, visit: &Visit, is_busy: bool) -> Markup {
    html! {
        @if last.is_in_force {
            form.inline.left.back method="post" action="/tuning/rollback" {
                (csrf(visit))
                input type="hidden" name="entry" value=(last.promotion.number);
                (choose_reason("back-reason"))
                label.unseen for="back-note" { "Note, without patient data" }
                input #back-note name="note" type="text" maxlength="500" autocomplete="off" placeholder="Note, without patient data";
                label.check { input type="checkbox" name="persons" value="yes" checked; "and its persons" }
                button type="submit" disabled[is_busy] { "Go back to " (visible(&last.before_name)) }
            }
        } @else {
            p.hint { "The server was started with another model since the last entry: that one decides." }
        }
    }
}
