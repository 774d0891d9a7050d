//! The first page: how much there is, and how much waits.

use axum::extract::State;
use maud::html;

use crate::web::Web;
use crate::web::answer::{Answer, Refusal};

pub(in crate::web) async fn show(State(web): State<Web>) -> Result<Answer, Refusal> {
    let (stats, model) =
        web.ask(|registry| Ok((registry.stats(), registry.model_name().to_owned()))).await?;
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

/// A number with its thousands apart.
pub(in crate::web) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1 000"), (1_234_567, "1 234 567")] {
            assert_eq!(grouped(number).replace('\u{202f}', " "), text);
        }
    }
}
