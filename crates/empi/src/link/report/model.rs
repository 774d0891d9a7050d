//! The model that decided: m, u and the weight of every level.

use empi_linkage::{Comparison, LinkageModel};

use super::html::{Column, Markup, Table, bits, count};
use super::plot::{Canvas, Scale};
use super::{Report, Section};

const WIDTH: f64 = 260.0;
const HEIGHT: f64 = 16.0;

impl Report<'_> {
    pub(super) fn model_section(&self) -> Option<Section> {
        let model = self.model?;
        let mut table = Table::new(&[
            Column::Short("Level"),
            Column::Short("m: one person"),
            Column::Short("u: two people"),
            Column::Figures("Weight"),
            Column::Short("Evidence against | for"),
        ]);
        let levels = || Comparison::ALL.into_iter().flat_map(|it| model.levels(it));
        let weights = levels().map(|level| level.weight.bits());
        let (low, high) =
            weights.fold((-1.0_f64, 1.0_f64), |(low, high), it| (low.min(it), high.max(it)));
        let scale = Scale::linear(low, high, 1.0, WIDTH - 1.0);
        for comparison in Comparison::ALL {
            table.head(&comparison.as_str().replace('_', " "));
            for (name, level) in comparison.levels().iter().zip(model.levels(comparison)) {
                let shown = |share: f64, class: &str| {
                    let mut shown = Markup::meter(Some(share), class);
                    shown.push(&Markup::text(&probability(share)));
                    shown
                };
                table.row(&[
                    Markup::text(&name.replace('_', " ")),
                    shown(level.m.value(), ""),
                    shown(level.u.value(), "second"),
                    Markup::text(&bits(level.weight.bits())),
                    weight_bar(&scale, level.weight.bits()),
                ]);
            }
        }
        let mut body = Markup::paragraph(&in_words(model));
        body.push(&table.markup());
        Some(Section { anchor: "model", title: "The model", body })
    }
}

fn in_words(model: &LinkageModel) -> String {
    format!(
        "Model {}. m is how often two records of one person reach a level, u how often those of two \
         people do; the weight is log2(m/u). Two records taken at random are one person once in {} \
         times, which is where every weight begins: {} bits. Rare and common names add or take some \
         bits more, and address, telephone and e-mail together count for a household's share at most.",
        model.name(),
        count((1.0 / model.prior().value()).round() as u64),
        bits(empi_model::MatchWeight::from_prior(model.prior()).bits())
    )
}

/// A probability as people write it: `0.42`, or `1 in 250,000` where it is small.
fn probability(share: f64) -> String {
    if share >= 0.01 {
        return format!("{:.1} %", share * 100.0);
    }
    format!("1 in {}", count((1.0 / share).round() as u64))
}

/// A bar from 0 to a weight.
pub(super) fn weight_bar(scale: &Scale, weight: f64) -> Markup {
    let mut canvas = Canvas::new(WIDTH, HEIGHT);
    let (zero, end) = (scale.at(0.0), scale.at(weight));
    let class = if weight < 0.0 { "fill-second" } else { "fill-first" };
    canvas.rectangle((zero.min(end), 3.0), ((end - zero).abs(), HEIGHT - 6.0), class, "");
    canvas.line((zero, 0.0), (zero, HEIGHT), "axis");
    canvas.markup(&format!("{} bits", bits(weight)))
}
