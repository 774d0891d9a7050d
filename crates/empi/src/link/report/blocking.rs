//! Which blocking rules bring true pairs together.

use super::html::{Column, Markup, Table, count, percent};
use super::overview::interval;
use super::{Report, Section};

impl Report<'_> {
    pub(super) fn blocking_section(&self) -> Option<Section> {
        let blocking = self.summary?.blocking.as_ref().filter(|blocking| blocking.examined > 0)?;
        let is_true = blocking.of == "true pairs";
        let mut words = if is_true {
            format!(
                "Only pairs that share a blocking key are compared at all. Together the rules bring {} \
                 of the true pairs together (95 % interval {}, over {} pairs).",
                percent(blocking.completeness),
                interval(blocking.completeness_interval),
                count(blocking.examined)
            )
        } else {
            format!(
                "Only pairs that share a blocking key are compared at all. Without the truth, the table \
                 tells which rules bring together the pairs that were scored at or above the review \
                 threshold ({} of them examined).",
                count(blocking.examined)
            )
        };
        if let Some(share) = blocking.missed_share_estimated {
            words.push_str(&format!(
                " Without the truth one would estimate from the scored pairs that every rule misses at \
                 least {} of all matching pairs (Chao's lower bound). It is a floor, and often far too \
                 low, since rules fail on the same records.",
                percent(Some(share))
            ));
        }
        let mut table = Table::new(&[
            Column::Short("Blocking rule"),
            Column::Short(if is_true {
                "True pairs it brings together"
            } else {
                "Pairs it brings together"
            }),
            Column::Figures("It alone"),
            Column::Figures("Pairs in its blocks"),
        ]);
        for pass in &blocking.passes {
            let mut share = Markup::meter(pass.completeness, "");
            share.push(&Markup::text(&percent(pass.completeness)));
            table.row(&[
                Markup::code(pass.rule),
                share,
                Markup::text(&count(pass.alone)),
                Markup::text(&count(pass.candidate_pairs)),
            ]);
        }
        let mut body = Markup::paragraph(&words);
        body.push(&table.markup());
        body.push(&Markup::note(
            "“It alone” counts the pairs that would be lost without the rule. A pair in blocks of \
             several rules is compared once.",
        ));
        Some(Section { anchor: "blocking", title: "Which pairs are looked at", body })
    }
}
