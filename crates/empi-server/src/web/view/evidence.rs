//! Evidence as pictures: a bar per row, the sum against the thresholds, and the way from one to the other. Each is
//! drawn in SVG, whose shapes need no inline style, and says in words what it shows.

use empi_model::{MatchWeight, ScoreExplanation, Thresholds};
use maud::{Markup, html};

/// Width and height of a row's bar, in its own units.
const BAR: (f64, f64) = (120.0, 12.0);

/// Bits that a row's bar holds at least on either side, so that small weights look small.
const BAR_BITS_MIN: f64 = 10.0;

/// The largest weight of the rows, for their common scale.
pub(in crate::web) fn scale(explanation: &ScoreExplanation) -> f64 {
    let bits = explanation.rows.iter().filter(|row| row.label != "prior");
    bits.map(|row| row.weight.bits().abs()).fold(BAR_BITS_MIN, f64::max)
}

/// What a row speaks for: a bar to the right for one person, to the left for two.
pub(in crate::web) fn bar(weight: MatchWeight, scale: f64) -> Markup {
    let (width, height) = BAR;
    let middle = width / 2.0;
    let length = (weight.bits().abs() / scale).min(1.0) * (middle - 1.0);
    let (from, class) =
        if weight.bits() < 0.0 { (middle - length, "against") } else { (middle, "for") };
    html! {
        svg.bar-row viewBox={ "0 0 " (width) " " (height) } aria-hidden="true" focusable="false" {
            line.axis x1=(middle) x2=(middle) y1="0" y2=(height) {}
            rect.(class) x=(two(from)) y="2" width=(two(length)) height=(height - 4.0) rx="1.5" {}
        }
    }
}

/// Bits with their sign; a plain zero where there is nothing to say.
pub(in crate::web) fn bits(weight: MatchWeight) -> String {
    let bits = weight.bits();
    if bits.abs() < 0.05 {
        "0.0".to_owned()
    } else {
        format!("{bits:+.1}").replace('-', "\u{2212}")
    }
}

/// A number with two places: what a picture needs.
fn two(number: f64) -> String {
    format!("{number:.2}")
}

/// Where a place on the line of bits lies on a picture.
struct Line {
    from: f64,
    to: f64,
    width: f64,
}

impl Line {
    fn x(&self, bits: f64) -> f64 {
        let share = (bits - self.from) / (self.to - self.from);
        share.clamp(0.0, 1.0) * self.width
    }
}

/// Room on either side of what is drawn, in bits.
const MARGIN_BITS: f64 = 2.0;

/// How far beyond a threshold the line goes: what is farther stands at its end, so that the thresholds keep apart.
const BEYOND_BITS: f64 = 14.0;

/// The sum on a line with both thresholds.
pub(in crate::web) fn gauge(total: MatchWeight, thresholds: Thresholds) -> Markup {
    let (review, link, total) = (thresholds.review.bits(), thresholds.link.bits(), total.bits());
    let line = Line {
        from: (review - 6.0).min(total - MARGIN_BITS).max(review - BEYOND_BITS),
        to: (link + 6.0).max(total + MARGIN_BITS).min(link + BEYOND_BITS),
        width: 320.0,
    };
    let told = format!(
        "{total:+.1} bits; a person is asked from {review:+.1} on, records are linked from {link:+.1} on"
    );
    let (ask, join, here) = (line.x(review), line.x(link), line.x(total).clamp(5.0, 315.0));
    html! {
        svg.gauge viewBox="0 0 320 46" role="img" aria-label=(told) {
            rect.apart x="0" y="18" width=(two(ask)) height="10" {}
            rect.asked x=(two(ask)) y="18" width=(two(join - ask)) height="10" {}
            rect.linked x=(two(join)) y="18" width=(two(320.0 - join)) height="10" {}
            text.scale x=(two(ask)) y="43" text-anchor="middle" { (format!("{review:.0}")) }
            text.scale x=(two(join)) y="43" text-anchor="middle" { (format!("{link:.0}")) }
            text.zone x=(two(ask / 2.0)) y="43" text-anchor="middle" { "apart" }
            text.zone x=(two(f64::midpoint(ask, join))) y="43" text-anchor="middle" { "ask" }
            text.zone x=(two(f64::midpoint(join, 320.0))) y="43" text-anchor="middle" { "link" }
            path.here d={ "M" (two(here)) " 17 l-5 -7 h10 z" } {}
            line.here x1=(two(here)) x2=(two(here)) y1="15" y2="30" {}
        }
    }
}

/// The sum on a line so small that it fits a row of a list.
pub(in crate::web) fn strip(total: MatchWeight, thresholds: Thresholds) -> Markup {
    let (review, link) = (thresholds.review.bits(), thresholds.link.bits());
    let line = Line { from: review - 4.0, to: link + 10.0, width: 84.0 };
    let (ask, join, here) = (line.x(review), line.x(link), line.x(total.bits()));
    html! {
        svg.strip viewBox="0 0 84 12" aria-hidden="true" focusable="false" {
            rect.apart x="0" y="4" width=(two(ask)) height="4" {}
            rect.asked x=(two(ask)) y="4" width=(two(join - ask)) height="4" {}
            rect.linked x=(two(join)) y="4" width=(two(84.0 - join)) height="4" {}
            circle.here cx=(two(here.clamp(3.0, 81.0))) cy="6" r="3.4" {}
        }
    }
}

/// One step of the way from nothing to the sum.
struct Step {
    name: String,
    from: f64,
    to: f64,
}

/// The way from nothing to the sum, step by step, with both thresholds.
pub(in crate::web) fn waterfall(
    explanation: &ScoreExplanation,
    thresholds: Thresholds,
    name: impl Fn(&str) -> String,
) -> Markup {
    let mut sum = 0.0;
    let steps: Vec<Step> = explanation
        .rows
        .iter()
        .filter(|row| row.weight.bits().abs() >= 0.05)
        .map(|row| {
            let from = sum;
            sum += row.weight.bits();
            Step { name: name(&row.label), from, to: sum }
        })
        .collect();
    let ends = steps.iter().flat_map(|step| [step.from, step.to]);
    let marks = [thresholds.review.bits(), thresholds.link.bits()];
    let (least, most) = ends
        .chain(marks)
        .fold((0.0, 0.0), |(least, most): (f64, f64), bits| (least.min(bits), most.max(bits)));
    let line = Line { from: least - MARGIN_BITS, to: most + MARGIN_BITS, width: 560.0 };
    let height = 18.0 * steps.len() as f64 + 44.0;
    let told = steps.iter().map(|step| format!("{} {:+.1}", step.name, step.to - step.from));
    let told = format!("{}; together {sum:+.1} bits", told.collect::<Vec<_>>().join(", "));
    html! {
        svg.waterfall viewBox={ "0 0 720 " (height) } role="img" aria-label=(told) {
            @for (bits, name) in marks.into_iter().zip(["ask", "link"]) {
                @let x = two(160.0 + line.x(bits));
                line.threshold x1=(x) x2=(x) y1="14" y2=(height - 4.0) {}
                text.scale x=(x) y="10" text-anchor="middle" { (name) " " (format!("{bits:.0}")) }
            }
            @for (at, step) in steps.iter().enumerate() {
                @let y = 20.0 + 18.0 * at as f64;
                @let (low, high) = (step.from.min(step.to), step.from.max(step.to));
                @let class = if step.to < step.from { "against" } else { "for" };
                text.label x="152" y=(y + 11.0) text-anchor="end" { (step.name) }
                rect.(class) x=(two(160.0 + line.x(low))) y=(y + 2.0) rx="1.5"
                    width=(two((line.x(high) - line.x(low)).max(1.0))) height="11" {}
                text.bits x=(two(166.0 + line.x(high))) y=(y + 11.0) { (bits(MatchWeight::from_bits(step.to - step.from))) }
            }
            @let end = two(160.0 + line.x(sum));
            @let y = 20.0 + 18.0 * steps.len() as f64;
            text.label.sum x="152" y=(y + 13.0) text-anchor="end" { "Together" }
            line.here x1=(end) x2=(end) y1="14" y2=(y + 18.0) {}
            text.bits.sum x=(two(166.0 + line.x(sum))) y=(y + 13.0) { (bits(MatchWeight::from_bits(sum))) }
        }
    }
}

#[cfg(test)]
mod tests {
    use empi_model::{ExplanationRow, LinkDecision};

    use super::*;

    fn explanation(weights: &[(&str, f64)]) -> ScoreExplanation {
        let row = |(label, bits): &(&str, f64)| ExplanationRow {
            label: (*label).to_owned(),
            level: String::new(),
            left: None,
            right: None,
            m: None,
            u: None,
            weight: MatchWeight::from_bits(*bits),
        };
        ScoreExplanation {
            rows: weights.iter().map(row).collect(),
            total: MatchWeight::from_bits(weights.iter().map(|(_, bits)| bits).sum()),
            decision: LinkDecision::Review,
            guards: Vec::new(),
            model: "m/1".to_owned(),
        }
    }

    const THRESHOLDS: (f64, f64) = (0.0, 7.0);

    fn thresholds() -> Thresholds {
        let (review, link) = THRESHOLDS;
        Thresholds { review: MatchWeight::from_bits(review), link: MatchWeight::from_bits(link) }
    }

    #[test]
    fn a_bar_points_to_the_side_that_it_speaks_for() {
        let explained = explanation(&[("prior", -20.0), ("name", 14.0), ("ssn", -4.0)]);
        assert!((scale(&explained) - 14.0).abs() < 1e-9, "the prior has no bar");
        let bar_of = |bits| bar(MatchWeight::from_bits(bits), 10.0).0;
        assert!(bar_of(5.0).contains("class=\"for\" x=\"60.00\""), "{}", bar_of(5.0));
        assert!(bar_of(-5.0).contains("class=\"against\" x=\"30.50\""), "{}", bar_of(-5.0));
        assert!(bar_of(99.0).contains("width=\"59.00\""), "it never leaves its place");
    }

    #[test]
    fn pictures_say_in_words_what_they_show() {
        let gauge = gauge(MatchWeight::from_bits(5.25), thresholds()).0;
        assert!(gauge.contains("+5.2 bits") || gauge.contains("+5.3 bits"), "{gauge}");
        let explained = explanation(&[("prior", -20.0), ("name", 14.0), ("sex", 0.0)]);
        let shown = waterfall(&explained, thresholds(), |label| label.to_uppercase()).0;
        assert!(
            shown.contains("aria-label=\"PRIOR -20.0, NAME +14.0; together -6.0 bits\""),
            "{shown}"
        );
        for picture in [gauge, shown] {
            assert!(!picture.contains("style") && !picture.contains("NaN"), "{picture}");
        }
    }

    #[test]
    fn bits_have_a_sign_that_reads_as_one() {
        for (weight, text) in
            [(1.25, "+1.2"), (-3.0, "\u{2212}3.0"), (0.01, "0.0"), (12.0, "+12.0")]
        {
            assert_eq!(bits(MatchWeight::from_bits(weight)), text);
        }
    }
}
