//! Every figure of the board as CSV (RFC 4180), one figure a line, safe to open in a spreadsheet.

use empi_model::RecordField;
use empi_registry::{
    Agreement, Answers, LabelFigures, Percentiles, QualityBoard, Share, StratifiedEstimate,
};

use super::work::closed;
use crate::web::view::fields::visible;
use crate::web::view::time::{date, day_and_time};
use crate::web::view::words::record_field;

/// The columns. `of` says what the figure is of: a kind, a period, a source and field, a person.
const HEAD: &str = "section,figure,of,numerator,denominator,value,low_95,high_95\r\n";

/// The lines being written.
struct Lines(String);

impl Lines {
    fn line(&mut self, named: [&str; 3], cells: [String; 5]) {
        let named = named.map(cell);
        self.0.push_str(&named.join(","));
        for cell in cells {
            self.0.push(',');
            self.0.push_str(&cell);
        }
        self.0.push_str("\r\n");
    }

    fn text(&mut self, named: [&str; 3], value: &str) {
        let none = String::new;
        self.line(named, [none(), none(), cell(value), none(), none()]);
    }

    fn count(&mut self, named: [&str; 3], count: u64) {
        self.text(named, &count.to_string());
    }

    fn share(&mut self, named: [&str; 3], share: Share) {
        let value = share.value().map(number).unwrap_or_default();
        let Share { part, whole } = share;
        self.line(
            named,
            [part.to_string(), whole.to_string(), value, String::new(), String::new()],
        );
    }

    fn estimate(&mut self, named: [&str; 3], share: Share) {
        let value = share.value().map(number).unwrap_or_default();
        let [low, high] =
            share.interval().map_or_else(Default::default, |it| [number(it.low), number(it.high)]);
        self.line(named, [share.part.to_string(), share.whole.to_string(), value, low, high]);
    }

    fn times(&mut self, section: &str, figure: &str, of: &str, times: Option<Percentiles>) {
        let Some(times) = times else { return };
        for (name, time) in [("median", times.p50_ms), ("p90", times.p90_ms)] {
            self.count([section, &format!("{figure} {name} (ms)"), of], time);
        }
    }
}

fn number(value: f64) -> String {
    format!("{value:.6}")
}

/// A text in its cell. What a spreadsheet would take for a formula begins with an apostrophe.
fn cell(text: &str) -> String {
    let text = visible(text);
    let is_formula =
        text.starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']);
    let text = if is_formula { format!("'{text}") } else { text };
    if text.contains([',', '"', ';', '\'']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

/// The whole file.
pub(super) fn csv(board: &QualityBoard) -> String {
    let mut lines = Lines(HEAD.to_owned());
    lines.text(["board", "counted", ""], &day_and_time(board.counted));
    lines.count(["board", "records", ""], board.records);
    lines.count(["board", "persons", ""], board.persons);
    duplicates(&mut lines, board);
    queue(&mut lines, board);
    reviewed(&mut lines, board);
    board.labelled.iter().for_each(|figures| labelled(&mut lines, figures));
    fields(&mut lines, board);
    for person in &board.largest {
        let id = person.enterprise_id.to_string();
        lines.count(["largest identities", "records", &id], person.records);
        lines.count(["largest identities", "sources", &id], person.sources);
    }
    lines.count(["shared values", "values", ""], board.hub_count);
    for (at, hub) in board.hubs.iter().enumerate() {
        let of = format!("{} {}", hub.field.as_words(), at + 1);
        lines.count(["shared values", "people", &of], hub.people);
    }
    lines.0
}

fn duplicates(lines: &mut Lines, board: &QualityBoard) {
    let all = &board.duplicates;
    lines.share(["duplicates", "duplicate rate", "confirmed"], all.confirmed);
    lines.share(["duplicates", "duplicate rate", "waiting"], all.waiting);
    for period in &all.created {
        for (name, share) in [("confirmed", period.confirmed), ("waiting", period.waiting)] {
            let of = format!("{name}, last {} days", period.days);
            lines.share(["duplicates", "creation rate", &of], share);
        }
    }
    lines.share(["overlaps", "overlap rate", "waiting"], all.overlaps_waiting);
    lines.share(["overlaps", "resolved", ""], all.overlaps_linked);
    let of_records = |part| Share { part, whole: board.records };
    lines.share(["overlays", "overlay rate", "found"], of_records(all.overlays.count()));
    lines.share(["overlays", "overlay rate", "waiting"], of_records(all.overlays_waiting));
    lines.count(["overlays", "found", "updates"], all.overlays.updates);
    lines.count(["overlays", "found", "divided after a question"], all.overlays.divided);
    lines.count(["overlays", "found", "taken apart by hand"], all.overlays.by_hand);
}

fn queue(lines: &mut Lines, board: &QualityBoard) {
    const QUEUE: &str = "queue";
    for of_kind in &board.queue.kinds {
        let kind = of_kind.kind.as_str();
        for (name, count) in [
            ("waiting", of_kind.open),
            ("raised", of_kind.raised),
            ("raised in 24 h", of_kind.raised_today),
            ("answered same", of_kind.same),
            ("answered different", of_kind.different),
            ("rejected", of_kind.rejected),
            ("settled", of_kind.moot),
            ("closed", closed(of_kind)),
            ("closed in 24 h", of_kind.closed_today),
        ] {
            lines.count([QUEUE, name, kind], count);
        }
        lines.times(QUEUE, "age", kind, of_kind.age);
        lines.times(QUEUE, "waited", kind, of_kind.waited);
        lines.times(QUEUE, "decision", kind, of_kind.decision);
    }
    lines.times(QUEUE, "age", "all", board.queue.age);
    for (stage, count) in &board.queue.stages {
        lines.count([QUEUE, "stage", stage.as_str()], *count);
    }
    for day in &board.days {
        let of = date(day.begins);
        let counts = [("raised", day.raised), ("answered", day.answered), ("settled", day.settled)];
        for (name, count) in counts {
            lines.count(["days", name, &of], count);
        }
    }
}

fn reviewed(lines: &mut Lines, board: &QualityBoard) {
    const REVIEWED: &str = "reviewed pairs";
    for (of, answers) in
        [("answered", board.reviewed.answered), ("two alike", board.reviewed.confirmed)]
    {
        let Answers { same_above, different_above, same_below, different_below } = answers;
        lines.estimate([REVIEWED, "precision", of], answers.precision());
        lines.estimate([REVIEWED, "recall", of], answers.recall());
        lines.estimate([REVIEWED, "same below threshold", of], answers.same_of_uncertain());
        for (name, count) in [
            ("same, at or above threshold", same_above),
            ("different, at or above threshold", different_above),
            ("same, below threshold", same_below),
            ("different, below threshold", different_below),
        ] {
            lines.count([REVIEWED, name, of], count);
        }
    }
    lines.estimate([REVIEWED, "questioned links upheld", ""], board.reviewed.links_upheld);
    agreed(lines, "agreement", &board.queue.agreement);
}

/// What labels of a random sample say.
fn labelled(lines: &mut Lines, figures: &LabelFigures) {
    const LABELLED: &str = "labelled sample";
    let progress = &figures.progress;
    for (name, count) in [
        ("pairs", progress.pairs),
        ("settled", progress.settled),
        ("waiting", progress.waiting),
        ("torn", progress.torn),
        ("unknown", progress.unknown),
    ] {
        lines.count([LABELLED, name, ""], count);
    }
    for (name, estimate) in [("precision", figures.precision), ("recall", figures.recall)] {
        let Some(StratifiedEstimate { value, interval }) = estimate else { continue };
        let (none, cells) = (String::new, [value, interval.low, interval.high].map(number));
        let [value, low, high] = cells;
        lines.line([LABELLED, name, "compared pairs"], [none(), none(), value, low, high]);
    }
    agreed(lines, LABELLED, &figures.agreement);
}

/// What two said of the same pairs.
fn agreed(lines: &mut Lines, section: &str, agreement: &Agreement) {
    for (name, count) in [
        ("both same", agreement.both_same),
        ("both different", agreement.both_different),
        ("same, then different", agreement.same_different),
        ("different, then same", agreement.different_same),
    ] {
        lines.count([section, name, ""], count);
    }
    let (none, kappa) = (String::new, agreement.kappa().map(number).unwrap_or_default());
    lines.line([section, "kappa", ""], [none(), none(), kappa, none(), none()]);
}

fn fields(lines: &mut Lines, board: &QualityBoard) {
    for source in board.fields.iter().flatten() {
        lines.count(["fields", "records", &source.source], source.records);
        for (field, counts) in RecordField::ALL.into_iter().zip(source.fields) {
            let of = format!("{}: {}", source.source, record_field(field));
            let of_records = |part| Share { part, whole: source.records };
            let of_filled = |part| Share { part, whole: counts.filled() };
            lines.share(["fields", "complete", &of], of_records(counts.filled()));
            lines.share(["fields", "usable", &of], of_records(counts.usable));
            lines.share(["fields", "placeholder", &of], of_filled(counts.placeholder));
            lines.share(["fields", "unreadable", &of], of_filled(counts.unreadable));
        }
    }
}

#[cfg(test)]
mod tests {
    use empi_registry::{FieldCounts, SourceFields};

    use super::*;

    #[test]
    fn no_cell_is_a_formula_or_breaks_out_of_its_place() {
        for (text, expected) in [
            ("north", "north"),
            ("north, east", "\"north, east\""),
            ("=HYPERLINK(\"//evil\")", "\"'=HYPERLINK(\"\"//evil\"\")\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@SUM(1)", "\"'@SUM(1)\""),
            (" =1", "\"'=1\""),
            ("\t=1", "\"'=1\""),
            ("a\r\nb", "a  b"),
            ("\u{1b}[2J", "\u{fffd}[2J"),
            ("\u{ff1d}1", "\"'\u{ff1d}1\""),
        ] {
            assert_eq!(cell(text), expected);
        }
    }

    #[test]
    fn every_line_has_every_column() {
        let source = SourceFields {
            source: "=1,\"x\"\n".to_owned(),
            records: 2,
            fields: [FieldCounts { usable: 1, placeholder: 1, unreadable: 0 };
                RecordField::ALL.len()],
        };
        let board = QualityBoard { fields: Some(vec![source]), ..QualityBoard::default() };
        let text = csv(&board);
        assert!(
            text.contains("fields,placeholder,\"'=1,\"\"x\"\" : Given name\",1,2,0.500000,,\r\n"),
            "{text}"
        );
        assert!(
            text.contains("reviewed pairs,precision,answered,0,0,,,\r\n"),
            "nothing is no number"
        );
        for line in text.lines() {
            let (mut columns, mut quoted) = (1, false);
            for character in line.chars() {
                quoted ^= character == '"';
                columns += usize::from(character == ',' && !quoted);
            }
            assert_eq!(columns, 8, "{line}");
        }
    }
}
