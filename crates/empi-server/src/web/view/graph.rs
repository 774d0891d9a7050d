//! The records of a person as a graph: who resembles whom, and where it would break.

use std::f64::consts::TAU;

use empi_model::Thresholds;
use empi_registry::{PersonLink, PersonLinks};
use maud::{Markup, html};

use super::evidence::bits;

/// Width and height of the picture, and of the ring of records in it.
const SIDE: f64 = 320.0;
const RING: f64 = 122.0;

/// Links that are drawn besides those that hold the person together.
const OTHERS_MAX: usize = 60;

/// Where a record stands on the ring; the first on top.
fn place(at: usize, count: usize) -> (f64, f64) {
    let angle = TAU * at as f64 / count as f64 - TAU / 4.0;
    (SIDE / 2.0 + RING * angle.cos(), SIDE / 2.0 + RING * angle.sin())
}

/// The graph of so many records.
pub(in crate::web) fn graph(count: usize, links: &PersonLinks, thresholds: Thresholds) -> Markup {
    let bridge = links.bridge.and_then(|at| links.links.get(at));
    let asked = |link: &&PersonLink| !link.is_needed && link.weight >= thresholds.review;
    let others = links.links.iter().filter(asked).take(OTHERS_MAX);
    let needed = links.links.iter().filter(|link| link.is_needed);
    let told = match bridge {
        None => format!("{count} records"),
        Some(bridge) => format!(
            "{count} records; the weakest link that holds them together is between {} and {}, {} bits",
            bridge.left + 1,
            bridge.right + 1,
            bits(bridge.weight)
        ),
    };
    html! {
        svg.graph viewBox={ "0 0 " (SIDE) " " (SIDE) } role="img" aria-label=(told) {
            @for link in others { (edge(link, count, "other")) }
            @for link in needed {
                @let class = if Some(link) == bridge { "bridge" } else { "needed" };
                (edge(link, count, class))
            }
            @for at in 0..count {
                @let (x, y) = place(at, count);
                @let class = if links.side.contains(&at) { "node aside" } else { "node" };
                circle class=(class) cx=(two(x)) cy=(two(y)) r="12" {}
                text.node-name x=(two(x)) y=(two(y + 4.0)) text-anchor="middle" { (at + 1) }
            }
            @if let Some(link) = bridge {
                @let ((x1, y1), (x2, y2)) = (place(link.left, count), place(link.right, count));
                text.weight x=(two(f64::midpoint(x1, x2))) y=(two(f64::midpoint(y1, y2) - 5.0)) text-anchor="middle" {
                    (bits(link.weight))
                }
            }
        }
    }
}

fn edge(link: &PersonLink, count: usize, class: &str) -> Markup {
    let ((x1, y1), (x2, y2)) = (place(link.left, count), place(link.right, count));
    html! {
        line class={ "edge " (class) } x1=(two(x1)) y1=(two(y1)) x2=(two(x2)) y2=(two(y2)) {
            title { (link.left + 1) " \u{2013} " (link.right + 1) ": " (bits(link.weight)) " bits" }
        }
    }
}

fn two(number: f64) -> String {
    format!("{number:.1}")
}

#[cfg(test)]
mod tests {
    use empi_model::MatchWeight;

    use super::*;

    #[test]
    fn the_weakest_link_is_marked_and_told() {
        let link = |left, right, bits, is_needed| PersonLink {
            left,
            right,
            weight: MatchWeight::from_bits(bits),
            is_needed,
        };
        let links = PersonLinks {
            links: vec![link(0, 1, 20.0, true), link(0, 2, 9.0, true), link(1, 2, -4.0, false)],
            bridge: Some(1),
            side: vec![2],
            is_cut: false,
        };
        let thresholds =
            Thresholds { review: MatchWeight::ZERO, link: MatchWeight::from_bits(7.0) };
        let shown = graph(3, &links, thresholds).0;
        assert_eq!(shown.matches("edge bridge").count(), 1);
        assert_eq!(shown.matches("edge other").count(), 0, "what speaks for two is no link");
        assert_eq!(shown.matches("node aside").count(), 1);
        assert!(shown.contains("between 1 and 3, +9.0 bits"), "{shown}");
    }
}
