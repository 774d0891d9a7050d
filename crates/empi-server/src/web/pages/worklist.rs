//! What waits: by kind, in the order in which it is taken, with why each question is asked.

use axum::extract::{Path, State};
use empi_model::{ReviewKind, TaskPlace, TaskStage, Thresholds, Timestamp};
use empi_registry::{Registry, RegistryError, TaskFilter, TaskLine, TaskPage, TaskQuery};
use maud::{Markup, html};

use crate::web::access::Operation;
use crate::web::answer::{Answer, Refusal};
use crate::web::gate::Form;
use crate::web::layout::csrf;
use crate::web::view::evidence::{bits, strip};
use crate::web::view::fields::visible;
use crate::web::view::words;
use crate::web::{Visit, Web};

/// Tasks on a page.
const PAGE: usize = 50;

/// The preference that holds what somebody wants to see.
const FILTER: &str = "worklist";

/// What somebody wants to see, as it is remembered for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::web) struct Filter {
    kind: Option<ReviewKind>,
    stage: Option<TaskStage>,
    source: Option<String>,
    /// Only what is given to oneself.
    mine: bool,
}

impl Filter {
    /// Reads what is remembered; what means nothing any more is left out.
    fn read(text: &str) -> Self {
        let mut filter = Self::default();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            match name.as_ref() {
                "kind" => filter.kind = ReviewKind::from_name(&value),
                "stage" => filter.stage = stage_of(&value),
                "source" => filter.source = (!value.is_empty()).then(|| value.into_owned()),
                "mine" => filter.mine = value == "yes",
                _ => {}
            }
        }
        filter
    }

    fn text(&self) -> String {
        let mut text = form_urlencoded::Serializer::new(String::new());
        if let Some(kind) = self.kind {
            text.append_pair("kind", kind.as_str());
        }
        if let Some(stage) = self.stage {
            text.append_pair("stage", stage.as_str());
        }
        if let Some(source) = &self.source {
            text.append_pair("source", source);
        }
        if self.mine {
            text.append_pair("mine", "yes");
        }
        text.finish()
    }

    /// The filter of whoever is signed in.
    pub(in crate::web) fn of(visit: &Visit) -> Self {
        visit.user.preferences.get(FILTER).map(|text| Self::read(text)).unwrap_or_default()
    }

    /// The same in the registry's words.
    pub(in crate::web) fn wanted(&self, visit: &Visit) -> TaskFilter {
        TaskFilter {
            kinds: self.kind.into_iter().collect(),
            stages: self.stage.into_iter().collect(),
            source: self.source.clone(),
            assignee: self.mine.then(|| visit.user.name.as_str().to_owned()),
            ..TaskFilter::default()
        }
    }
}

fn stage_of(name: &str) -> Option<TaskStage> {
    TaskStage::ALL.into_iter().find(|stage| stage.as_str() == name)
}

/// What the page shows.
struct Shown {
    page: TaskPage,
    sizes: Vec<[usize; 2]>,
    counts: Vec<(ReviewKind, u64)>,
    sources: Vec<String>,
    thresholds: Thresholds,
    now: Timestamp,
}

fn look(registry: &Registry, query: &TaskQuery) -> Result<Shown, RegistryError> {
    let page = registry.tasks(query)?;
    let sizes = page.tasks.iter().map(|line| line.persons.map(|id| registry.person_size(id)));
    Ok(Shown {
        sizes: sizes.collect(),
        counts: registry.open_task_counts(),
        sources: registry.sources(),
        thresholds: registry.thresholds(),
        now: registry.now(),
        page,
    })
}

pub(in crate::web) async fn show(State(web): State<Web>, visit: Visit) -> Result<Answer, Refusal> {
    page(web, visit, None).await
}

/// The page behind a place in the queue.
pub(in crate::web) async fn show_after(
    State(web): State<Web>,
    visit: Visit,
    Path(place): Path<String>,
) -> Result<Answer, Refusal> {
    let place = place.parse::<TaskPlace>().map_err(|_| Refusal::not_found())?;
    page(web, visit, Some(place)).await
}

async fn page(web: Web, visit: Visit, after: Option<TaskPlace>) -> Result<Answer, Refusal> {
    let filter = Filter::of(&visit);
    let wanted = filter.wanted(&visit);
    let query = TaskQuery { filter: wanted, include_resolved: false, after, limit: PAGE };
    let shown = web.ask(move |registry| look(registry, &query)).await?;
    Ok(Answer::Page(
        "Worklist",
        html! {
            h1.unseen { "Worklist" }
            form method="post" action="/worklist" {
                (csrf(&visit))
                (tabs(&filter, &shown.counts))
                (filters(&filter, &shown.sources))
            }
            (lines(&shown, &visit))
            @if shown.page.tasks.is_empty() { p.empty { "Nothing waits here." } }
            nav.pages aria-label="Pages" {
                @if after.is_some() { a.button href="/worklist" { "First page" } }
                @if let Some(next) = shown.page.next {
                    a.button href={ "/worklist/after/" (next) } { "Next " (PAGE) }
                }
            }
        },
    ))
}

fn tabs(filter: &Filter, counts: &[(ReviewKind, u64)]) -> Markup {
    let all: u64 = counts.iter().map(|(_, count)| count).sum();
    html! {
        div.tabs role="group" aria-label="Kind of question" {
            button.tab type="submit" name="kind" value="" aria-pressed=(filter.kind.is_none()) {
                "All " span.count { (words::grouped(all)) }
            }
            @for (kind, count) in counts {
                @if *count > 0 || filter.kind == Some(*kind) {
                    button.tab type="submit" name="kind" value=(kind.as_str())
                        aria-pressed=(filter.kind == Some(*kind)) {
                        (words::kind(*kind)) " " span.count { (words::grouped(*count)) }
                    }
                }
            }
        }
    }
}

fn filters(filter: &Filter, sources: &[String]) -> Markup {
    html! {
        div.filters {
            button.primary type="submit" formaction="/worklist/next" data-key="n" {
                "Next question" kbd { "n" }
            }
            label for="stage" { "Waits for" }
            select #stage name="stage" data-submits {
                option value="" { "anything" }
                @for stage in TaskStage::ALL {
                    option value=(stage.as_str()) selected[filter.stage == Some(stage)] {
                        (words::stage(stage))
                    }
                }
            }
            label for="source" { "Source" }
            select #source name="source" data-submits {
                option value="" { "any" }
                @for source in sources {
                    option value=(source) selected[filter.source.as_ref() == Some(source)] {
                        (visible(source))
                    }
                }
            }
            label.check { input type="checkbox" name="mine" value="yes" checked[filter.mine] data-submits; "Given to me" }
            input type="hidden" name="kind-now" value=(filter.kind.map_or("", ReviewKind::as_str));
            noscript { button type="submit" { "Show" } }
        }
    }
}

fn lines(shown: &Shown, visit: &Visit) -> Markup {
    let may_decide = Operation::Decide.allows(visit.user.role);
    html! {
        table.rows.worklist {
            thead {
                tr {
                    th scope="col" { "Task" }
                    th scope="col" { "Kind" }
                    th scope="col" { "Why it is asked" }
                    th scope="col" { "Bits" }
                    th scope="col" { span.unseen { "Against the thresholds" } }
                    th scope="col" { "Sources" }
                    th.number scope="col" { "Records" }
                    th.number scope="col" { "Age" }
                    th scope="col" { "Who" }
                    @if may_decide { th scope="col" { span.unseen { "Take" } } }
                }
            }
            tbody {
                @for (line, sizes) in shown.page.tasks.iter().zip(&shown.sizes) {
                    (one(line, *sizes, shown, visit, may_decide))
                }
            }
        }
    }
}

fn one(
    line: &TaskLine,
    sizes: [usize; 2],
    shown: &Shown,
    visit: &Visit,
    may_decide: bool,
) -> Markup {
    let task = &line.task;
    let weight = task.asked_weight();
    let [one, other] = &line.records;
    let [left, right] = line.persons;
    let records = if left == right { sizes[0] } else { sizes[0] + sizes[1] };
    html! {
        tr {
            th.number scope="row" { a href={ "/tasks/" (task.id) } { (task.id) } }
            td.kind { (words::kind(task.kind)) }
            td.why { (line.why) (stage(line)) }
            td.bits.number { (bits(weight)) }
            td { (strip(weight, shown.thresholds)) }
            td.sources {
                (visible(&one.source))
                @if other.source != one.source { " \u{00b7} " (visible(&other.source)) }
            }
            td.number { (records) }
            td.number { (words::age(task.created, shown.now)) }
            td { (who(line)) }
            @if may_decide {
                td.actions {
                    form.inline method="post" action={ "/tasks/" (task.id) "/claim" } {
                        (csrf(visit))
                        button type="submit" aria-label={ "Take task " (task.id) } { "Take" }
                    }
                }
            }
        }
    }
}

fn stage(line: &TaskLine) -> Markup {
    html! {
        @if let Some(stage) = line.stage.filter(|stage| *stage != TaskStage::Open) {
            " " span.tag { (words::stage(stage)) }
        }
    }
}

/// Who has it, or is to have it.
fn who(line: &TaskLine) -> Markup {
    let assignee = line.task.state.waiting().and_then(|waiting| waiting.assignee.as_ref());
    html! {
        @match (&line.claim, assignee) {
            (Some(claim), _) => span.taken { (visible(&claim.steward)) },
            (None, Some(assignee)) => span.soft { "for " (visible(assignee)) },
            (None, None) => "",
        }
    }
}

/// Remembers what somebody wants to see.
pub(in crate::web) async fn take(
    State(web): State<Web>,
    visit: Visit,
    Form(fields): Form,
) -> Result<Answer, Refusal> {
    let is_tab = fields.all("kind").next().is_some();
    let kind = if is_tab { fields.get("kind") } else { fields.get("kind-now") };
    let filter = Filter {
        kind: ReviewKind::from_name(kind),
        stage: stage_of(fields.get("stage")),
        source: Some(fields.get("source").to_owned()).filter(|source| !source.is_empty()),
        mine: fields.get("mine") == "yes",
    };
    let name = visit.user.name;
    web.ask(move |registry| registry.set_preference(&name, FILTER, &filter.text())).await?;
    Ok(Answer::see("/worklist"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_wants_to_see_is_remembered_as_it_was() {
        for filter in [
            Filter::default(),
            Filter {
                kind: Some(ReviewKind::HeldUpdate),
                stage: Some(TaskStage::Escalated),
                source: Some("north & south=1".to_owned()),
                mine: true,
            },
        ] {
            assert_eq!(Filter::read(&filter.text()), filter);
        }
        assert_eq!(Filter::read("kind=gone&stage=x&other=1"), Filter::default());
    }
}
