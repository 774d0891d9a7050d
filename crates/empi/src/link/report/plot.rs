//! Drawing: a canvas of SVG, scales, and a frame with axes.

use std::fmt::Write as _;

use super::html::Markup;

/// Width of every chart, in its own units.
pub(super) const WIDTH: f64 = 880.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 18.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 48.0;

/// A drawing in the making.
pub(super) struct Canvas {
    width: f64,
    height: f64,
    body: String,
}

impl Canvas {
    pub(super) fn new(width: f64, height: f64) -> Self {
        Self { width, height, body: String::new() }
    }

    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), class: &str) {
        let ((x1, y1), (x2, y2)) = (from, to);
        let _ = write!(
            self.body,
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" class=\"{class}\"/>"
        );
    }

    /// A rectangle; `title` is shown when the pointer rests on it.
    pub(super) fn rectangle(
        &mut self,
        corner: (f64, f64),
        size: (f64, f64),
        class: &str,
        title: &str,
    ) {
        let ((x, y), (width, height)) = (corner, size);
        let (width, height) = (width.max(0.0), height.max(0.0));
        let _ = write!(
            self.body,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
             class=\"{class}\">"
        );
        if !title.is_empty() {
            let _ = write!(self.body, "<title>{}</title>", Markup::text(title).as_str());
        }
        self.body.push_str("</rect>");
    }

    /// Text; `anchor` is `start`, `middle` or `end`.
    pub(super) fn text(&mut self, at: (f64, f64), anchor: &str, class: &str, text: &str) {
        let _ = write!(
            self.body,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\" class=\"{class}\">{}</text>",
            at.0,
            at.1,
            Markup::text(text).as_str()
        );
    }

    /// A line through points; `clip` names a clip path or is empty.
    pub(super) fn path(&mut self, points: &[(f64, f64)], class: &str, clip: &str) {
        let mut path = String::new();
        for (at, (x, y)) in points.iter().enumerate() {
            let _ = write!(path, "{}{x:.1} {y:.1}", if at == 0 { 'M' } else { 'L' });
        }
        let clip =
            if clip.is_empty() { String::new() } else { format!(" clip-path=\"url(#{clip})\"") };
        let _ = write!(self.body, "<path d=\"{path}\" class=\"line {class}\"{clip}/>");
    }

    /// A mark on a point.
    pub(super) fn shape(&mut self, shape: Shape, (x, y): (f64, f64), class: &str, title: &str) {
        let title = Markup::text(title);
        let title = title.as_str();
        let radius = if matches!(shape, Shape::Dot) { 3.5 } else { 5.5 };
        let _ = match shape {
            Shape::Circle | Shape::Dot => write!(
                self.body,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" class=\"{class} ring\"><title>{title}\
                 </title></circle>"
            ),
            Shape::Square => write!(
                self.body,
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"10\" height=\"10\" class=\"{class} ring\">\
                 <title>{title}</title></rect>",
                x - 5.0,
                y - 5.0
            ),
            Shape::Diamond => write!(
                self.body,
                "<path d=\"M{x:.1} {:.1}l7 7l-7 7l-7 -7z\" class=\"{class} ring\"><title>{title}\
                 </title></path>",
                y - 7.0
            ),
        };
    }

    /// The drawing as an element; `label` says what it shows to those who do not see it.
    pub(super) fn markup(self, label: &str) -> Markup {
        let Self { width, height, body } = self;
        Markup::raw(format!(
            "<svg viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" \
             role=\"img\" aria-label=\"{}\">{body}</svg>",
            Markup::text(label).as_str()
        ))
    }
}

/// The form of a mark.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    Circle,
    /// A small circle.
    Dot,
    Square,
    Diamond,
}

/// An entry of a key with a mark.
pub(super) fn key_shape(shape: Shape, class: &str, label: &str) -> Markup {
    let mut canvas = Canvas::new(18.0, 16.0);
    canvas.shape(shape, (9.0, 8.0), class, "");
    key_entry(canvas, label)
}

/// An entry of a key with a line.
pub(super) fn key_line(class: &str, label: &str) -> Markup {
    let mut canvas = Canvas::new(32.0, 16.0);
    canvas.path(&[(1.0, 8.0), (31.0, 8.0)], class, "");
    key_entry(canvas, label)
}

fn key_entry(canvas: Canvas, label: &str) -> Markup {
    let entry = [canvas.markup(label), Markup::text(label)];
    Markup::element("span", "", &entry.into_iter().collect())
}

/// From values to places on the canvas.
#[derive(Clone, Copy)]
pub(super) struct Scale {
    from: f64,
    to: f64,
    start: f64,
    end: f64,
    is_log: bool,
}

impl Scale {
    pub(super) fn linear(from: f64, to: f64, start: f64, end: f64) -> Self {
        Self { from, to: if to > from { to } else { from + 1.0 }, start, end, is_log: false }
    }

    /// For counts up to `most`: half a count is the bottom, so that one count is seen.
    pub(super) fn counts(most: u64, start: f64, end: f64) -> Self {
        let top = 10_f64.powf((most.max(2) as f64).log10().mul_add(1.04, 0.02));
        Self { from: 0.5, to: top, start, end, is_log: true }
    }

    pub(super) fn at(&self, value: f64) -> f64 {
        let place = |value: f64| if self.is_log { value.max(self.from).log10() } else { value };
        let (from, to) = (place(self.from), place(self.to));
        self.start + (place(value) - from) / (to - from) * (self.end - self.start)
    }

    /// Round values, about `wanted` of them.
    pub(super) fn ticks(&self, wanted: f64) -> Vec<f64> {
        if self.is_log {
            // Few powers of ten need help from the numbers between them.
            let between = if self.to < 200.0 { &[1.0, 2.0, 5.0][..] } else { &[1.0] };
            let powers = (0..20).map(|power| 10_f64.powi(power));
            let ticks = powers.flat_map(|power| between.iter().map(move |it| it * power));
            return ticks.filter(|it| *it <= self.to).collect();
        }
        let step = self.step(wanted);
        let first = (self.from / step - 1e-9).ceil() as i64;
        let last = (self.to / step + 1e-9).floor() as i64;
        (first..=last).map(|at| at as f64 * step).collect()
    }

    fn step(&self, wanted: f64) -> f64 {
        let raw = (self.to - self.from) / wanted;
        let power = 10_f64.powf(raw.log10().floor());
        let rounded = [1.0, 2.0, 5.0, 10.0].into_iter().find(|it| it * power >= raw * 0.999);
        rounded.unwrap_or(10.0) * power
    }

    /// Decimals that tell the ticks apart when shown times `factor`.
    fn decimals(&self, wanted: f64, factor: f64) -> usize {
        let digits = -(self.step(wanted) * factor).log10().floor();
        digits.clamp(0.0, 6.0) as usize
    }
}

/// How the labels of an axis are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Labels {
    Plain,
    Percent,
    Counts,
}

/// A canvas with two axes.
pub(super) struct Frame {
    pub(super) canvas: Canvas,
    pub(super) x: Scale,
    pub(super) y: Scale,
    height: f64,
    /// The name of the clip path of the inside.
    pub(super) clip: String,
}

impl Frame {
    /// A frame over ranges of values; `name` is unique on the page. `y` is `None` for a logarithmic
    /// axis of counts up to `most`.
    pub(super) fn new(name: &str, height: f64, x: (f64, f64), y: Result<(f64, f64), u64>) -> Self {
        let mut canvas = Canvas::new(WIDTH, height);
        let bottom = height - BOTTOM;
        let x = Scale::linear(x.0, x.1, LEFT, WIDTH - RIGHT);
        let y = match y {
            Ok((from, to)) => Scale::linear(from, to, bottom, TOP),
            Err(most) => Scale::counts(most, bottom, TOP),
        };
        let clip = format!("clip-{name}");
        let _ = write!(
            canvas.body,
            "<clipPath id=\"{clip}\"><rect x=\"{LEFT}\" y=\"{:.1}\" width=\"{:.1}\" \
             height=\"{:.1}\"/></clipPath>",
            TOP - 3.0,
            WIDTH - LEFT - RIGHT,
            bottom - TOP + 6.0
        );
        Self { canvas, x, y, height, clip }
    }

    pub(super) const fn bottom(&self) -> f64 {
        self.height - BOTTOM
    }

    /// Draws grid, labels and titles of the axes.
    pub(super) fn axes(&mut self, x: (&str, Labels), y: (&str, Labels)) {
        let (bottom, right) = (self.bottom(), WIDTH - RIGHT);
        let height_ticks = ((bottom - TOP) / 45.0).max(2.0);
        for value in self.y.ticks(height_ticks) {
            let at = self.y.at(value);
            self.canvas.line((LEFT, at), (right, at), "grid");
            let label = label(&self.y, value, height_ticks, y.1);
            self.canvas.text((LEFT - 8.0, at + 4.0), "end", "quiet", &label);
        }
        for value in self.x.ticks(9.0) {
            let at = self.x.at(value);
            self.canvas.line((at, bottom), (at, bottom + 4.0), "axis");
            let label = label(&self.x, value, 9.0, x.1);
            self.canvas.text((at, bottom + 18.0), "middle", "quiet", &label);
        }
        self.canvas.line((LEFT, bottom), (right, bottom), "axis");
        let middle = f64::midpoint(LEFT, right);
        self.canvas.text((middle, self.height - 8.0), "middle", "quiet", x.0);
        self.canvas.text((LEFT - 62.0, 13.0), "start", "quiet", y.0);
    }

    /// A dashed line at a threshold, labelled on the side where there is room.
    pub(super) fn threshold(&mut self, value: f64, label: &str, anchor: &str) {
        let (at, bottom) = (self.x.at(value), self.bottom());
        self.canvas.line((at, TOP - 16.0), (at, bottom), "mark");
        let shift = if anchor == "end" { -5.0 } else { 5.0 };
        self.canvas.text((at + shift, TOP - 8.0), anchor, "", label);
    }

    /// A line through values.
    pub(super) fn curve(&mut self, values: impl Iterator<Item = (f64, f64)>, class: &str) {
        let points: Vec<_> = values.map(|(x, y)| (self.x.at(x), self.y.at(y))).collect();
        let clip = self.clip.clone();
        self.canvas.path(&points, class, &clip);
    }

    /// A bar from one value to the next, up to a height.
    pub(super) fn bar(&mut self, from: f64, to: f64, height: f64, class: &str, title: &str) {
        let (left, right, top) = (self.x.at(from), self.x.at(to), self.y.at(height));
        let size = ((right - left - 0.6).max(0.8), self.bottom() - top);
        self.canvas.rectangle((left, top), size, class, title);
    }

    /// A mark on a pair of values.
    pub(super) fn shape(&mut self, shape: Shape, (x, y): (f64, f64), class: &str, title: &str) {
        let at = (self.x.at(x), self.y.at(y));
        self.canvas.shape(shape, at, class, title);
    }
}

fn label(scale: &Scale, value: f64, wanted: f64, labels: Labels) -> String {
    match labels {
        Labels::Plain => {
            let decimals = scale.decimals(wanted, 1.0);
            format!("{value:.decimals$}").replace('-', "−")
        }
        Labels::Percent => {
            let decimals = scale.decimals(wanted, 100.0);
            format!("{:.decimals$} %", value * 100.0)
        }
        Labels::Counts if value >= 1e6 => format!("{} M", value / 1e6),
        Labels::Counts if value >= 1e3 => format!("{} k", value / 1e3),
        Labels::Counts => format!("{value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        let scale = Scale::linear(0.913, 1.0, 0.0, 100.0);
        let ticks = scale.ticks(5.0);
        let labels: Vec<_> =
            ticks.iter().map(|tick| label(&scale, *tick, 5.0, Labels::Percent)).collect();
        assert_eq!(labels, ["92 %", "94 %", "96 %", "98 %", "100 %"]);
        assert_eq!(Scale::counts(5_000, 0.0, 1.0).ticks(5.0), [1.0, 10.0, 100.0, 1000.0]);
        let flat = Scale::linear(3.0, 3.0, 0.0, 10.0);
        assert!(flat.at(3.0).is_finite() && !flat.ticks(4.0).is_empty());
    }

    #[test]
    fn counts_are_seen_from_one_on() {
        let scale = Scale::counts(1_000, 300.0, 0.0);
        assert!(scale.at(0.0) >= scale.at(1.0) + 10.0);
        assert!(scale.at(1_000.0) >= 0.0);
    }
}
