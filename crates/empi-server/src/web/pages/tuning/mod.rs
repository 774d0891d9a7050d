//! The tuning lab: how weights are spread, what other thresholds would do, what another model would change, putting it
//! in force and taking it back.

mod log;
mod thresholds;
mod trial;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Response, Uri, header};
use empi_model::{MatchWeight, ReasonCode, Thresholds};
use empi_registry::{
    LabView, LabelFigures, LinkageModel, PromoteRequest, PromotionView, Registry, RegistryError,
    WeightCounts,
};
use maud::{Markup, html};

use super::labels::work_name;
use super::operation::reason;
use crate::web::answer::{Answer, Refusal, sentence};
use crate::web::form::Fields;
use crate::web::gate::Form;
use crate::web::layout::csrf;
use crate::web::view::evidence::bits;
use crate::web::view::words::grouped;
use crate::web::{Visit, Web};

/// Thresholds are moved within so many bits on either side of nothing.
const BITS_MAX: f64 = 60.0;

/// What the page shows.
struct Shown {
    lab: LabView,
    model: LinkageModel,
    /// The thresholds that are looked at.
    moved: Thresholds,
    /// How weights are spread, as counted last.
    counts: Option<WeightCounts>,
    /// What labels say of the threshold in force, and of the one that is looked at.
    labelled: Option<[LabelFigures; 2]>,
    log: Vec<PromotionView>,
}

/// What two thresholds were moved to, in bits, in half steps; `None` for what was not said.
fn moved(fields: &Fields) -> [Option<f64>; 2] {
    ["review", "link"].map(|name| {
        let bits = fields.get(name).parse::<f64>().ok().filter(|bits| bits.is_finite())?;
        Some(bits.clamp(-BITS_MAX, BITS_MAX))
    })
}

fn moved_from(in_force: Thresholds, [review, link]: [Option<f64>; 2]) -> Thresholds {
    let review = review.map_or(in_force.review, MatchWeight::from_bits);
    let link = link.map_or(in_force.link, MatchWeight::from_bits);
    // Whoever pushes one past the other takes it along.
    Thresholds { review, link: if link < review { review } else { link } }
}

fn look(registry: &Registry, said: [Option<f64>; 2]) -> Result<Shown, RegistryError> {
    let (lab, model) = (registry.lab(), registry.model());
    let moved = moved_from(model.thresholds(), said);
    let counted = lab.counts.as_deref().cloned();
    let counts = match counted {
        Some(counts) => Some(counts),
        None => registry.sample_counts()?,
    };
    let in_force = registry.label_figures(Some(model.thresholds().link))?;
    let labelled = in_force.zip(registry.label_figures(Some(moved.link))?).map(<[_; 2]>::from);
    Ok(Shown { lab, model, moved, counts, labelled, log: registry.promotions()? })
}

/// The page. Thresholds that are looked at stand in the address, which holds nothing of patients.
pub(in crate::web) async fn show(
    State(web): State<Web>,
    visit: Visit,
    uri: Uri,
) -> Result<Answer, Refusal> {
    let fields = Fields::parse(uri.query().unwrap_or_default().as_bytes()).unwrap_or_default();
    let said = moved(&fields);
    let shown = web.ask(move |registry| look(registry, said)).await?;
    Ok(Answer::Page("Tuning", page(&shown, &visit)))
}

fn page(shown: &Shown, visit: &Visit) -> Markup {
    let Thresholds { review, link } = shown.model.thresholds();
    let is_busy = shown.lab.running.is_some();
    html! {
        div.question {
            div {
                h1 { "Tuning" }
                p.why {
                    strong { (shown.model.name()) } " decides: pairs are linked from " (bits(link)) " bits on, and asked about from "
                    (bits(review)) " on."
                }
            }
            div.meta {
                a.button href="/tuning/model.toml" download="model.toml" { "Model file" }
                (post(visit, "/tuning/count", "Count weights anew", is_busy))
            }
        }
        (progress(&shown.lab, visit, true))
        (brought(&shown.lab))
        div.board {
            (thresholds::spread(shown))
            (thresholds::estimates(shown))
            (trial::choose(shown, visit))
            (trial::outcome(shown, visit))
            (log::entries(&shown.log, visit, is_busy))
        }
    }
}

/// A button that is a form by itself.
fn post(visit: &Visit, path: &str, name: &str, is_disabled: bool) -> Markup {
    html! {
        form.undo method="post" action=(path) {
            (csrf(visit))
            button type="submit" disabled[is_disabled] { (name) }
        }
    }
}

/// How far the work in the background is, or why it came to nothing.
pub(super) fn progress(lab: &LabView, visit: &Visit, may_stop: bool) -> Markup {
    html! {
        @if let Some(running) = lab.running {
            section.card.running role="status" data-reload-seconds="2" {
                div.inline.left {
                    label for="lab-progress" { (work_name(running.work)) }
                    @if running.total == 0 { progress #lab-progress {} span.soft { "reading records" } }
                    @else {
                        progress #lab-progress value=(running.done.min(running.total)) max=(running.total) {}
                        span.soft.number { (grouped(running.done.min(running.total))) " of " (grouped(running.total)) }
                    }
                    @if may_stop { (post(visit, "/tuning/stop", "Stop", false)) }
                }
            }
        } @else if let Some(failure) = &lab.failure {
            p.guard role="alert" { "What was begun last came to nothing: " (sentence(failure)) }
        }
    }
}

/// How far persons were brought into line.
fn brought(lab: &LabView) -> Markup {
    html! {
        @if let Some(brought) = lab.brought.as_ref().filter(|_| lab.running.is_none()) {
            section.card role="status" {
                "Persons were brought into line with " strong { (brought.model_name) } ": "
                (grouped(brought.changed)) " changes, each an event that can be undone. "
                @if brought.left_out > 0 {
                    (grouped(brought.left_out)) " were left out, as somebody or something had changed these persons meanwhile. "
                }
                @if brought.not_reached > 0 { (grouped(brought.not_reached)) " were not come to. " }
                @if brought.left_out + brought.not_reached > 0 { "Replay the model to see what is left." }
            }
        }
    }
}

/// Begins to count.
pub(in crate::web) async fn count(State(web): State<Web>) -> Result<Answer, Refusal> {
    web.ask(Registry::count_weights).await?;
    Ok(Answer::see("/tuning"))
}

/// Ends what is being done.
pub(in crate::web) async fn stop(State(web): State<Web>) -> Result<Answer, Refusal> {
    web.ask(|registry| {
        registry.stop_lab_work();
        Ok(())
    })
    .await?;
    Ok(Answer::see("/tuning"))
}

/// Begins to try a model: the one in force with thresholds that were moved, or one that was brought along.
pub(in crate::web) async fn replay(
    State(web): State<Web>,
    Form(fields): Form,
) -> Result<Answer, Refusal> {
    let (said, text) = (moved(&fields), fields.exact("model").to_owned());
    web.ask(move |registry| {
        let model = if text.trim().is_empty() {
            let in_force = registry.model().thresholds();
            registry.model_with_thresholds(moved_from(in_force, said))?
        } else {
            LinkageModel::parse(&text).map_err(|error| RegistryError::Invalid(error.to_string()))?
        };
        registry.replay(model)
    })
    .await?;
    Ok(Answer::see("/tuning#trial"))
}

fn request(visit: &Visit, fields: &Fields) -> PromoteRequest {
    PromoteRequest {
        actor: visit.actor(),
        reason: reason(fields).unwrap_or(ReasonCode::Other),
        note: fields.get("note").to_owned(),
        brings_into_line: fields.get("persons") == "yes",
    }
}

/// Puts the model that was tried in force.
pub(in crate::web) async fn promote(
    State(web): State<Web>,
    visit: Visit,
    Form(fields): Form,
) -> Result<Answer, Refusal> {
    let replay = fields.get("trial").parse().unwrap_or(0);
    let request = request(&visit, &fields);
    let name = web
        .ask(move |registry| {
            registry.promote(replay, request)?;
            Ok(registry.model_name())
        })
        .await?;
    web.0.sessions.leave_notice(visit.session.id, html! { (name) " decides from now on." });
    Ok(Answer::see("/tuning"))
}

/// Puts the model of before in force again.
pub(in crate::web) async fn roll_back(
    State(web): State<Web>,
    visit: Visit,
    Form(fields): Form,
) -> Result<Answer, Refusal> {
    let entry = fields.get("entry").parse().unwrap_or(0);
    let request = request(&visit, &fields);
    let name = web
        .ask(move |registry| {
            registry.roll_back(entry, request)?;
            Ok(registry.model_name())
        })
        .await?;
    web.0.sessions.leave_notice(visit.session.id, html! { (name) " decides again." });
    Ok(Answer::see("/tuning"))
}

/// The model in force as a file.
pub(in crate::web) async fn model(State(web): State<Web>) -> Result<Response<Body>, Refusal> {
    let model = web.ask(|registry| Ok(registry.model())).await?;
    let mut response = Response::new(Body::from(model.text().to_owned()));
    let headers = response.headers_mut();
    let plain = HeaderValue::from_static("application/toml; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, plain);
    let name = HeaderValue::from_static("attachment; filename=\"model.toml\"");
    headers.insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}
