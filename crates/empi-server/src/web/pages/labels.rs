//! Blind labelling: two records, and nothing of how they were judged or of what anybody said; each pair is labelled by
//! two stewards. Labels measure links, and never make or break one.

use axum::extract::State;
use empi_model::Verdict;
use empi_registry::{LabView, LabWork, LabelFigures, PAIRS_EACH_MAX, PairToLabel};
use maud::{Markup, html};

use super::tuning::progress;
use crate::web::access::Operation;
use crate::web::answer::{Answer, Refusal};
use crate::web::form::Fields;
use crate::web::gate::Form;
use crate::web::layout::csrf;
use crate::web::view::compare::{Column, plain_table};
use crate::web::view::time::date;
use crate::web::view::words::grouped;
use crate::web::{Visit, Web};

/// Pairs from each range of weights that are proposed.
const PAIRS_EACH: usize = 25;

/// How far the sample is, and the way to the next pair.
pub(in crate::web) async fn show(State(web): State<Web>, visit: Visit) -> Result<Answer, Refusal> {
    let (steward, is_lead) = (visit.user.name.as_str().to_owned(), visit.is_lead());
    let (lab, figures, next) = web
        .ask(move |registry| {
            let next = registry.next_pair_to_label(&steward, is_lead)?;
            Ok((registry.lab(), registry.label_figures(None)?, next))
        })
        .await?;
    let may_draw = Operation::DrawSample.allows(visit.user.role);
    Ok(Answer::Page(
        "Labels",
        html! {
            div.question {
                div {
                    h1 { "Labels" }
                    p.why {
                        "Pairs of records drawn at random, labelled by two stewards who see neither how they were judged nor what the other said. \
                         From them the quality board estimates how many links are right and how many are missed. No label changes a person."
                    }
                }
            }
            (progress(&lab, &visit, may_draw))
            div.columns {
                (sample(figures.as_ref(), next.as_ref(), &visit))
                @if may_draw { (drawing(&lab, &visit)) }
            }
        },
    ))
}

fn sample(figures: Option<&LabelFigures>, next: Option<&PairToLabel>, visit: &Visit) -> Markup {
    let Some(figures) = figures else {
        return html! { section.card { p.hint { "No pairs are drawn yet: a lead steward draws them." } } };
    };
    let progress = &figures.progress;
    html! {
        section.card {
            h2 { "Sample " (progress.number) ", drawn " (date(progress.drawn)) " by " (progress.drawn_by) }
            table.figures {
                caption.unseen { "How far the sample is" }
                tbody {
                    @for (name, count) in [
                        ("Pairs", progress.pairs),
                        ("Wait for a steward, or for a second one", progress.waiting),
                        ("Wait for a lead steward, as two do not agree or do not know", progress.torn),
                        ("Settled", progress.settled),
                        ("Cannot be told", progress.unknown),
                    ] {
                        tr { th scope="row" { (name) } td.number { (grouped(count)) } }
                    }
                }
            }
            @match next {
                Some(next) => {
                    p { (grouped(next.waiting)) " wait for you; you have labelled " (grouped(next.labelled)) "." }
                    p { a.button href="/labels/next" data-key="n" { "Next pair " kbd { "n" } } }
                }
                None => p.hint { "Nothing waits for you" @if !visit.is_lead() { ", " (visit.user.name) } "." },
            }
        }
    }
}

fn drawing(lab: &LabView, visit: &Visit) -> Markup {
    html! {
        section.card {
            h2 { "Draw another sample" }
            form method="post" action="/labels" {
                (csrf(visit))
                label for="each" { "Pairs from each range of weights" }
                input #each name="each" type="number" min="1" max=(PAIRS_EACH_MAX) value=(PAIRS_EACH) required;
                button type="submit" disabled[lab.running.is_some()] { "Draw" }
            }
            p.hint {
                "Every pair that is compared in bulk is weighed, and from each of some twelve ranges of weights so many are drawn, each with the \
                 same chance. It takes the place of the sample before, whose labels are kept."
            }
        }
    }
}

/// Draws another sample.
pub(in crate::web) async fn draw(
    State(web): State<Web>,
    visit: Visit,
    Form(fields): Form,
) -> Result<Answer, Refusal> {
    let each = fields.get("each").parse().unwrap_or(0);
    let mut seed = [0; 8];
    getrandom::fill(&mut seed).map_err(|_| Refusal::broken())?;
    let actor = visit.actor();
    web.ask(move |registry| registry.draw_sample(each, u64::from_le_bytes(seed), actor)).await?;
    Ok(Answer::see("/labels"))
}

/// The next pair.
pub(in crate::web) async fn next(State(web): State<Web>, visit: Visit) -> Result<Answer, Refusal> {
    let (steward, is_lead) = (visit.user.name.as_str().to_owned(), visit.is_lead());
    let next = web.ask(move |registry| registry.next_pair_to_label(&steward, is_lead)).await?;
    Ok(match next {
        Some(pair) => Answer::Page("Label", pair_page(&pair, &visit)),
        None => {
            let done = html! { "Nothing more waits for you." };
            web.0.sessions.add_notice(visit.session.id, done);
            Answer::see("/labels")
        }
    })
}

fn pair_page(pair: &PairToLabel, visit: &Visit) -> Markup {
    let [one, other] = &pair.records;
    let columns = [("One", one), ("Other", other)].map(|(part, stored)| Column {
        part,
        key: &stored.record.key,
        record: &stored.record,
        below: html! {},
    });
    html! {
        header.question {
            div {
                h1 { "Is this one person?" }
                p.why { "Chosen at random. Nobody sees how it was judged, nor what somebody else said." }
            }
            div.meta {
                span { (grouped(pair.waiting)) " wait for you" }
                a.button href="/labels" data-key="l" { "Leave " kbd { "l" } }
            }
        }
        div.decision {
            div { (plain_table(&columns)) }
            aside {
                form.card.answers method="post" action="/labels/next" {
                    (csrf(visit))
                    input type="hidden" name="sample" value=(pair.sample);
                    input type="hidden" name="place" value=(pair.place);
                    button.answer.same type="submit" name="do" value="same" data-key="s" { "Same person" kbd { "s" } }
                    button.answer.different type="submit" name="do" value="different" data-key="d" { "Different people" kbd { "d" } }
                    button.answer type="submit" name="do" value="unsure" data-key="n" { "Cannot tell" kbd { "n" } }
                }
            }
        }
    }
}

/// Which pair a form is about.
fn pair_of(fields: &Fields) -> Result<(u32, u32), Refusal> {
    let number = |name: &str| fields.get(name).parse::<u32>().ok();
    let pair = number("sample").zip(number("place"));
    pair.ok_or_else(|| Refusal::invalid("The pair is missing: go on with the next one."))
}

const fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Same => "same person",
        Verdict::Different => "different people",
        Verdict::Unsure => "cannot be told",
    }
}

/// Takes what was said of a pair, and goes on to the next.
pub(in crate::web) async fn take(
    State(web): State<Web>,
    visit: Visit,
    Form(fields): Form,
) -> Result<Answer, Refusal> {
    let (pair, said) = (pair_of(&fields)?, fields.get("do").to_owned());
    let verdict = Verdict::ALL.into_iter().find(|it| it.as_str() == said);
    let verdict = verdict.ok_or_else(|| Refusal::invalid("There is no such answer."))?;
    let (actor, is_lead) = (visit.actor(), visit.is_lead());
    web.ask(move |registry| registry.label_pair(pair, verdict, &actor, is_lead)).await?;
    let notice = html! {
        span { "Labelled: " (verdict_name(verdict)) "." }
        form.undo method="post" action="/labels/back" {
            (csrf(&visit))
            input type="hidden" name="sample" value=(pair.0);
            input type="hidden" name="place" value=(pair.1);
            button type="submit" data-key="u" { "Take back" kbd { "u" } }
        }
    };
    web.0.sessions.leave_notice(visit.session.id, notice);
    Ok(Answer::see("/labels/next"))
}

/// Takes back what was said of a pair.
pub(in crate::web) async fn take_back(
    State(web): State<Web>,
    visit: Visit,
    Form(fields): Form,
) -> Result<Answer, Refusal> {
    let (pair, steward) = (pair_of(&fields)?, visit.user.name.as_str().to_owned());
    web.ask(move |registry| registry.take_back_label(pair, &steward)).await?;
    web.0.sessions.leave_notice(visit.session.id, html! { "Taken back: the pair waits again." });
    Ok(Answer::see("/labels/next"))
}

/// Whether somebody looks at the work of the laboratory.
pub(super) const fn work_name(work: LabWork) -> &'static str {
    match work {
        LabWork::Counting => "Weighing and counting every pair",
        LabWork::Drawing => "Weighing every pair, to draw a sample",
        LabWork::Replaying => "Linking all records under another model",
        LabWork::BringingIntoLine => "Bringing persons into line with the model",
    }
}
