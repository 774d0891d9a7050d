//! Plots of figures in SVG. Each says in words what it shows, and a table with the same numbers stands beside it.

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
    fn parts_of_nothing_are_no_bar() {
        let shown = parts(0, 0, 0, 0).0;
        assert!(!shown.contains("NaN"), "{shown}");
        assert!(parts(1, 1, 0, 4).0.contains("class=\"good\" x=\"0\" y=\"0\" width=\"24.0\""));
    }
}
