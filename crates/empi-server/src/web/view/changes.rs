//! What an event changes, told in sentences.

use empi_model::TaskId;
use empi_registry::{EventView, PersonFate};
use maud::{Markup, html};

use super::fields::visible;

/// What an event changes, as a list of sentences.
pub(in crate::web) fn changes(event: &EventView) -> Markup {
    let persons = event.persons();
    let moves = event.moves().len();
    let (closed, opened) = (event.tasks_closed(), event.tasks_opened());
    let sources = event.sources();
    html! {
        ul {
            @for (id, fate) in &persons {
                @match fate {
                    PersonFate::Retired(survivor) => {
                        li { span.id { (survivor) } " survives; " span.id { (id) } " leads to it." }
                    }
                    PersonFate::Minted => li { "A new person " span.id { (id) } " is made." },
                    PersonFate::Revived => li { span.id { (id) } " answers for itself again." },
                    PersonFate::Erased => li { span.id { (id) } " is erased." },
                    PersonFate::Stays => {}
                }
            }
            @for (_, _, apart) in event.kept_apart().iter().take(1) {
                @if *apart { li { "Scoring never joins the two again." } }
                @else { li { "The two may be joined again." } }
            }
            @if moves > 0 { li { (moves) @if moves == 1 { " record moves." } @else { " records move." } } }
            @if !closed.is_empty() { li { "Closes " (tasks(&closed)) "." } }
            @if !opened.is_empty() { li { "Opens " (tasks(&opened)) " again." } }
            @if !sources.is_empty() {
                li { "Told: " (sources.iter().map(|it| visible(it)).collect::<Vec<_>>().join(", ")) "." }
            }
        }
    }
}

fn tasks(ids: &[TaskId]) -> String {
    let shown: Vec<String> = ids.iter().take(4).map(TaskId::to_string).collect();
    let more = if ids.len() > 4 { format!(" and {} more", ids.len() - 4) } else { String::new() };
    format!("{} {}{more}", if ids.len() == 1 { "task" } else { "tasks" }, shown.join(", "))
}
