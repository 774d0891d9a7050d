//! Plots of figures in SVG. Each says in words what it shows, and a table with the same numbers stands beside it.

use empi_model::Thresholds;
use maud::{Markup, html};

use super::words::grouped;

/// Width and height of a plot of days, in its own units.
const SIZE: (f64, f64) = (860.0, 230.0);

/// Room for the numbers on the left, and for the dates below.
const LEFT: f64 = 52.0;
const RIGHT: f64 = 14.0;
const BELOW: f64 = 26.0;
const ABOVE: f64 = 12.0;

/// Every so many days the date stands below.
const DATES_EVERY: usize = 5;

/// One day: its date, and how many things came and went.
pub(in crate::web) struct Day {
    pub(in crate::web) date: String,
    pub(in crate::web) came: u64,
    pub(in crate::web) went: u64,
}

/// What came and what went on each day, as bars side by side. `names` are those of the two.
pub(in crate::web) fn days(days: &[Day], title: &str, names: [&str; 2]) -> Markup {
    let most = days.iter().map(|day| day.came.max(day.went)).max().unwrap_or(0);
    let ticks = ticks(most);
    let top = ticks.last().copied().unwrap_or(1).max(1);
    let (width, height) = SIZE;
    let right = width - RIGHT;
    let (bottom, step) = (height - BELOW, (right - LEFT) / days.len().max(1) as f64);
    let y = |count: u64| bottom - (bottom - ABOVE) * share(count, top);
    let sums =
        [days.iter().map(|day| day.came).sum::<u64>(), days.iter().map(|day| day.went).sum()];
    let told = format!(
        "In {} days {} {}, {} {}; most on one day {most}.",
        days.len(),
        sums[0],
        names[0].to_lowercase(),
        sums[1],
        names[1].to_lowercase()
    );
    html! {
        svg.plot viewBox={ "0 0 " (width) " " (height) } role="img" aria-labelledby="days-title days-told" {
            title #days-title { (title) }
            desc #days-told { (told) }
            @for tick in &ticks {
                line.grid x1=(LEFT) x2=(right) y1=(one(y(*tick))) y2=(one(y(*tick))) {}
                text.scale x=(LEFT - 8.0) y=(one(y(*tick) + 4.0)) text-anchor="end" { (grouped(*tick)) }
            }
            @for (at, day) in days.iter().enumerate() {
                @let x = LEFT + step * at as f64;
                rect.came x=(one(x + step * 0.12)) width=(one(step * 0.36)) rx="1"
                    y=(one(y(day.came))) height=(one(bottom - y(day.came))) {}
                rect.went x=(one(x + step * 0.52)) width=(one(step * 0.36)) rx="1"
                    y=(one(y(day.went))) height=(one(bottom - y(day.went))) {}
                // Counted from today, so that today has its date.
                @if (days.len() - 1 - at).is_multiple_of(DATES_EVERY) {
                    text.scale x=(one(x + step * 0.5)) y=(height - 8.0) text-anchor="middle" { (day.date) }
                }
            }
        }
    }
}

/// Pairs of one bin of weights.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub(in crate::web) struct WeightBar {
    /// Where the bin begins, in bits; it is half a bit wide.
    pub(in crate::web) least_bits: f64,
    /// Compared pairs, those that a guard holds back apart.
    pub(in crate::web) free: u64,
    pub(in crate::web) held: u64,
    /// Labelled pairs.
    pub(in crate::web) same: u64,
    pub(in crate::web) different: u64,
}

/// Bits that are drawn beyond the thresholds at most; what is farther counts in the bars at the ends.
const BEYOND_BITS: (f64, f64) = (45.0, 65.0);

/// Height of the plot of compared pairs, and of that of labelled ones below it.
const HEIGHTS: (f64, f64) = (190.0, 90.0);

/// How weights are spread: compared pairs above, on a logarithmic scale, and labelled ones below, those of one person
/// upwards and those of two downwards; both thresholds across.
pub(in crate::web) fn weights(bars: &[WeightBar], thresholds: Thresholds, title: &str) -> Markup {
    let (review, link) = (thresholds.review.bits(), thresholds.link.bits());
    let least = bars.first().map_or(review, |bar| bar.least_bits).min(review);
    let most = bars.last().map_or(link, |bar| bar.least_bits).max(link);
    let from = (least - 1.0).max(review - BEYOND_BITS.0).floor();
    let to = (most + 2.0).min(link + BEYOND_BITS.1).ceil().max(from + 1.0);
    let (right, wide) = (WEIGHTS_WIDTH - RIGHT, WEIGHTS_WIDTH - RIGHT - LEFT);
    let x = |bits: f64| LEFT + wide * ((bits - from) / (to - from)).clamp(0.0, 1.0);
    let drawn = within(bars, from, to);
    let has_labels = bars.iter().any(|bar| bar.same + bar.different > 0);
    let top = drawn.iter().map(|bar| bar.free + bar.held).max().unwrap_or(0);
    let ticks = powers_of_ten(top);
    let bottom = ABOVE + HEIGHTS.0;
    let log = |count: u64| (1.0 + count as f64).log10();
    let scale = log(ticks.last().copied().unwrap_or(1).max(1));
    let y = |count: u64| bottom - HEIGHTS.0 * log(count) / scale;
    let labelled = drawn.iter().map(|bar| bar.same.max(bar.different)).max().unwrap_or(0).max(1);
    let middle = bottom + BELOW + HEIGHTS.1 / 2.0;
    let long = |count: u64| HEIGHTS.1 / 2.0 * share(count, labelled);
    let height = if has_labels { middle + HEIGHTS.1 / 2.0 + 6.0 } else { bottom + BELOW };
    let pairs: u64 = bars.iter().map(|bar| bar.free + bar.held).sum();
    let [same, different] = [|bar: &WeightBar| bar.same, |bar: &WeightBar| bar.different]
        .map(|of| bars.iter().map(of).sum::<u64>());
    let told = format!(
        "{pairs} pairs; asked about from {review:.1} bits, linked from {link:.1}. {same} labelled pairs are one person, {different} two people."
    );
    let bar_width = one((x(from + 0.5) - x(from) - 0.6).max(0.8));
    html! {
        svg.plot.weights viewBox={ "0 0 " (WEIGHTS_WIDTH) " " (one(height)) } role="img" aria-labelledby="weights-title weights-told" {
            title #weights-title { (title) }
            desc #weights-told { (told) }
            @for tick in &ticks {
                line.grid x1=(LEFT) x2=(right) y1=(one(y(*tick))) y2=(one(y(*tick))) {}
                text.scale x=(LEFT - 8.0) y=(one(y(*tick) + 4.0)) text-anchor="end" { (grouped(*tick)) }
            }
            @if has_labels {
                line.axis x1=(LEFT) x2=(right) y1=(one(middle)) y2=(one(middle)) {}
                text.scale x=(LEFT - 8.0) y=(one(middle - HEIGHTS.1 / 2.0 + 8.0)) text-anchor="end" { (grouped(labelled)) }
                text.scale x=(LEFT - 8.0) y=(one(middle + HEIGHTS.1 / 2.0)) text-anchor="end" { (grouped(labelled)) }
            }
            @for bar in &drawn {
                @let at = one(x(bar.least_bits));
                @if bar.free + bar.held > 0 {
                    rect.free x=(at) width=(bar_width) y=(one(y(bar.free + bar.held))) height=(one(bottom - y(bar.free + bar.held))) {}
                }
                // Below the question nothing needs to be held back.
                @if bar.held > 0 && bar.least_bits >= review {
                    rect.held x=(at) width=(bar_width) y=(one(y(bar.held))) height=(one(bottom - y(bar.held))) {}
                }
                @if bar.same > 0 { rect.same x=(at) width=(bar_width) y=(one(middle - long(bar.same))) height=(one(long(bar.same))) {} }
                @if bar.different > 0 { rect.different x=(at) width=(bar_width) y=(one(middle)) height=(one(long(bar.different))) {} }
            }
            @for bits in tens(from, to) {
                text.scale x=(one(x(bits))) y=(one(bottom + 17.0)) text-anchor="middle" { (format!("{bits:.0}")) }
            }
            @for (bits, name, anchor, room) in [(review, "ask", "end", -5.0), (link, "link", "start", 5.0)] {
                line.threshold x1=(one(x(bits))) x2=(one(x(bits))) y1="4" y2=(one(height)) {}
                text.zone x=(one(x(bits) + room)) y="13" text-anchor=(anchor) { (name) }
            }
        }
    }
}

/// Width of the plot of weights, in its own units.
const WEIGHTS_WIDTH: f64 = 1160.0;

/// What is drawn: bars beyond the ends count in the last ones.
fn within(bars: &[WeightBar], from: f64, to: f64) -> Vec<WeightBar> {
    let mut drawn: Vec<WeightBar> = Vec::with_capacity(bars.len());
    for bar in bars {
        let least_bits = bar.least_bits.clamp(from, to - 0.5);
        match drawn.last_mut().filter(|last| (last.least_bits - least_bits).abs() < 0.25) {
            Some(last) => {
                (last.free, last.held) = (last.free + bar.free, last.held + bar.held);
                (last.same, last.different) =
                    (last.same + bar.same, last.different + bar.different);
            }
            None => drawn.push(WeightBar { least_bits, ..*bar }),
        }
    }
    drawn
}

/// 1, 10, 100, ... up to one that nothing exceeds.
fn powers_of_ten(most: u64) -> Vec<u64> {
    let powers = std::iter::successors(Some(1_u64), |power| power.checked_mul(10));
    let mut ticks = Vec::new();
    for power in powers {
        ticks.push(power);
        if power >= most {
            break;
        }
    }
    ticks
}

/// The tens between two numbers of bits.
fn tens(from: f64, to: f64) -> impl Iterator<Item = f64> {
    let first = (from / 10.0).ceil() * 10.0;
    (0_u32..).map(move |at| first + 10.0 * f64::from(at)).take_while(move |bits| *bits <= to)
}

/// The values of a scale: round numbers from 0 to one that nothing exceeds.
fn ticks(most: u64) -> Vec<u64> {
    let mut step = 1_u64;
    for factor in [2, 5, 10].into_iter().cycle() {
        if step.saturating_mul(4) >= most {
            break;
        }
        // 1, 2, 5, 10, 20, 50, ...
        step = match factor {
            2 | 10 => step.saturating_mul(2),
            _ => step / 2 * 5,
        };
    }
    (0..=most.div_ceil(step).max(1)).map(|at| at * step).collect()
}

/// Parts of a whole as one bar: what is good, and two kinds of what is not. Drawn beside its numbers.
pub(in crate::web) fn parts(good: u64, doubtful: u64, bad: u64, whole: u64) -> Markup {
    const WIDTH: f64 = 96.0;
    let length = |count| WIDTH * share(count, whole);
    let (good, doubtful, bad) = (length(good), length(doubtful), length(bad));
    html! {
        svg.parts viewBox={ "0 0 " (WIDTH) " 8" } preserveAspectRatio="none" aria-hidden="true" focusable="false" {
            rect.none x="0" y="0" width=(WIDTH) height="8" rx="1.5" {}
            rect.good x="0" y="0" width=(one(good)) height="8" rx="1.5" {}
            rect.doubtful x=(one(good)) y="0" width=(one(doubtful)) height="8" {}
            rect.bad x=(one(good + doubtful)) y="0" width=(one(bad)) height="8" {}
        }
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64).clamp(0.0, 1.0) }
}

/// A number with one place: what a picture needs.
fn one(number: f64) -> String {
    format!("{number:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_round_and_hold_everything() {
        for (most, expected) in [
            (0, vec![0, 1]),
            (1, vec![0, 1]),
            (3, vec![0, 1, 2, 3]),
            (7, vec![0, 2, 4, 6, 8]),
            (20, vec![0, 5, 10, 15, 20]),
            (39, vec![0, 10, 20, 30, 40]),
            (100_000, vec![0, 50_000, 100_000]),
        ] {
            assert_eq!(ticks(most), expected, "{most}");
        }
        let scale = ticks(u64::MAX / 2);
        assert!(scale.len() < 12);
    }

    #[test]
    fn a_plot_says_in_words_what_it_shows() {
        let day = |came, went| Day { date: "11-28".to_owned(), came, went };
        for list in [vec![], vec![day(0, 0)], vec![day(3, 1), day(0, 4)]] {
            let shown = days(&list, "Raised and closed", ["Raised", "Closed"]).0;
            assert!(!shown.contains("NaN") && !shown.contains("style"), "{shown}");
            assert!(shown.contains("role=\"img\"") && shown.contains("<title"), "{shown}");
        }
        let shown = days(&[day(3, 1), day(0, 4)], "x", ["Raised", "Closed"]).0;
        assert!(shown.contains("In 2 days 3 raised, 5 closed; most on one day 4."), "{shown}");
    }

    #[test]
    fn weights_are_drawn_whatever_they_are() {
        let bits = empi_model::MatchWeight::from_bits;
        let thresholds = Thresholds { review: bits(0.0), link: bits(7.0) };
        let bar =
            |least_bits, free, held| WeightBar { least_bits, free, held, ..WeightBar::default() };
        let far = bar(-80.0, 1 << 40, 0);
        let labelled = WeightBar { same: 3, different: 1, ..bar(12.5, 9, 2) };
        for bars in [vec![], vec![far], vec![bar(0.0, 0, 0)], vec![far, bar(-79.5, 5, 0), labelled]]
        {
            let shown = weights(&bars, thresholds, "Weights").0;
            assert!(!shown.contains("NaN") && !shown.contains("inf"), "{shown}");
            assert!(!shown.contains("style") && shown.contains("role=\"img\""), "{shown}");
        }
        let shown = weights(&[labelled], thresholds, "Weights").0;
        assert!(shown.contains("11 pairs; asked about from 0.0 bits, linked from 7.0."), "{shown}");
        let ends = within(&[far, bar(-60.0, 5, 1), labelled], -45.0, 60.0);
        assert_eq!((ends.len(), ends[0].free, ends[0].held), (2, (1 << 40) + 5, 1));
        assert_eq!(powers_of_ten(0), [1]);
        assert_eq!(powers_of_ten(1_001), [1, 10, 100, 1_000, 10_000]);
    }

    #[test]
    fn parts_of_nothing_are_no_bar() {
        let shown = parts(0, 0, 0, 0).0;
        assert!(!shown.contains("NaN"), "{shown}");
        assert!(parts(1, 1, 0, 4).0.contains("class=\"good\" x=\"0\" y=\"0\" width=\"24.0\""));
    }
}
