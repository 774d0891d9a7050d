//! The first page: how much there is, and how much waits.

use axum::extract::State;
use maud::html;

use crate::web::Web;
use crate::web::answer::{Answer, Refusal};
use crate::web::view::words::grouped;

pub(in crate::web) async fn show(State(web): State<Web>) -> Result<Answer, Refusal> {
    let (stats, model) = web.ask(|registry| Ok((registry.stats(), registry.model_name()))).await?;
    let figures = [
        ("Source records", stats.records),
        ("Persons", stats.persons),
        ("Enterprise IDs that went into another", stats.redirects),
        ("Questions that wait", stats.open_tasks),
        ("Events", stats.events),
    ];
    Ok(Answer::Page(
        "Overview",
        html! {
            section.card.narrow {
                h1 { "Overview" }
                table.figures {
                    caption.unseen { "Figures of the index" }
                    tbody {
                        @for (name, figure) in figures {
                            tr { th scope="row" { (name) } td.number { (grouped(figure)) } }
                        }
                        tr { th scope="row" { "Linkage model" } td.number { (model) } }
                    }
                }
            }
        },
    ))
}
