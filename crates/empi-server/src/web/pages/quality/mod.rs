//! The quality board: how good the index and the work on it are, each figure with its formula, and all of them as a
//! file.

mod data;
mod export;
mod labelled;
mod rates;
mod work;

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Response, StatusCode, header};
use empi_registry::{CountedBoard, QualityBoard, Share};
use maud::{Markup, html};

use crate::web::answer::{Answer, Refusal};
use crate::web::view::time::day_and_time;
use crate::web::view::words::{grouped, lasting};
use crate::web::{Visit, Web};

/// So long a page waits for figures that are being counted, before it shows those from before.
const WAIT: Duration = Duration::from_millis(300);

pub(in crate::web) async fn show(State(web): State<Web>, visit: Visit) -> Result<Answer, Refusal> {
    let counted = web.ask(|registry| registry.quality(WAIT)).await?;
    let CountedBoard { board, is_counting } = counted;
    Ok(Answer::Page(
        "Quality",
        match board {
            None => html! {
                section.card.narrow {
                    h1 { "Quality" }
                    p role="status" { "The figures are being counted for the first time: open the page again in a moment." }
                    p { a.button href="/quality" { "Open again" } }
                }
            },
            Some(board) => html! {
                (head(&board, is_counting))
                div.board {
                    (rates::duplicates(&board))
                    (work::queue(&board.queue))
                    (work::days(&board.days))
                    (labelled::labelled(board.labelled.as_ref()))
                    (rates::reviewed(&board))
                    (data::fields(board.fields.as_deref()))
                    (data::largest(&board.largest, &visit))
                    div {
                        (rates::agreement(&board.queue.agreement))
                        (data::hubs(&board, &visit))
                    }
                }
            },
        },
    ))
}

/// Every figure as a file.
pub(in crate::web) async fn export(State(web): State<Web>) -> Result<Response<Body>, Refusal> {
    let counted = web.ask(|registry| registry.quality(WAIT)).await?;
    let Some(board) = counted.board else {
        let soon = "The figures are being counted for the first time: ask again in a moment.";
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, soon));
    };
    let mut response = Response::new(Body::from(export::csv(&board)));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/csv; charset=utf-8; header=present"),
    );
    let name = HeaderValue::from_static("attachment; filename=\"empi-quality.csv\"");
    headers.insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}

fn head(board: &QualityBoard, is_counting: bool) -> Markup {
    html! {
        div.question {
            div {
                h1 { "Quality" }
                p.why {
                    (grouped(board.records)) " records of " (grouped(board.persons)) " persons, counted "
                    (day_and_time(board.counted)) " in " (lasting(board.took_ms)) "."
                    @if is_counting { " They are being counted anew: open the page again for the new figures." }
                }
            }
            div.meta { a.button href="/quality.csv" download="empi-quality.csv" { "All figures as CSV" } }
        }
    }
}

/// A share in per cent; a dash of nothing.
fn percent(share: Share) -> String {
    share.value().map_or_else(|| "\u{2013}".to_owned(), per_cent)
}

fn per_cent(value: f64) -> String {
    format!("{:.2}\u{202f}%", value * 100.0)
}

/// What a share is made of.
fn of(share: Share) -> String {
    format!("{} of {}", grouped(share.part), grouped(share.whole))
}
