//! Markup without accidents: every text that comes from data is escaped on its way in.

use std::fmt::Write as _;

/// A piece of finished HTML or SVG.
#[derive(Clone, Debug, Default)]
pub(super) struct Markup(String);

impl Markup {
    /// Text as text, whatever is in it.
    pub(super) fn text(text: &str) -> Self {
        let mut escaped = String::with_capacity(text.len());
        for character in text.chars() {
            match character {
                '&' => escaped.push_str("&amp;"),
                '<' => escaped.push_str("&lt;"),
                '>' => escaped.push_str("&gt;"),
                '"' => escaped.push_str("&quot;"),
                '\'' => escaped.push_str("&#39;"),
                // Control characters are not allowed in HTML.
                control if control.is_control() => escaped.push(char::REPLACEMENT_CHARACTER),
                other => escaped.push(other),
            }
        }
        Self(escaped)
    }

    /// Markup as it is. Only for what this program wrote itself.
    pub(super) fn raw(markup: impl Into<String>) -> Self {
        Self(markup.into())
    }

    /// An element around a content.
    pub(super) fn element(tag: &str, attributes: &str, content: &Self) -> Self {
        let space = if attributes.is_empty() { "" } else { " " };
        Self(format!("<{tag}{space}{attributes}>{}</{tag}>", content.0))
    }

    /// A paragraph of plain text.
    pub(super) fn paragraph(text: &str) -> Self {
        Self::element("p", "", &Self::text(text))
    }

    /// A paragraph of plain text that stands back.
    pub(super) fn note(text: &str) -> Self {
        Self::element("p", "class=\"note\"", &Self::text(text))
    }

    /// A heading inside a section.
    pub(super) fn heading(text: &str) -> Self {
        Self::element("h3", "", &Self::text(text))
    }

    /// A code-like text: a key, the name of a rule.
    pub(super) fn code(text: &str) -> Self {
        Self::element("code", "", &Self::text(text))
    }

    pub(super) fn push(&mut self, more: &Self) {
        self.0.push_str(&more.0);
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// A chart with its key and what it shows.
    pub(super) fn figure(chart: &Self, key: &[Self], caption: &str) -> Self {
        let mut content = Self::default();
        content.push(chart);
        if !key.is_empty() {
            content.push(&Self::element("div", "class=\"key\"", &key.iter().cloned().collect()));
        }
        content.push(&Self::element("figcaption", "", &Self::text(caption)));
        Self::element("figure", "", &content)
    }

    /// A bar whose filled part is a share of it.
    pub(super) fn meter(share: Option<f64>, class: &str) -> Self {
        let width = share.unwrap_or(0.0).clamp(0.0, 1.0) * 100.0;
        Self(format!("<span class=\"meter {class}\"><i style=\"width:{width:.1}%\"></i></span>"))
    }
}

impl FromIterator<Markup> for Markup {
    fn from_iter<T: IntoIterator<Item = Markup>>(parts: T) -> Self {
        parts.into_iter().fold(Self::default(), |mut all, part| {
            all.push(&part);
            all
        })
    }
}

/// What a column of a table holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    /// Words, to the left.
    Words(&'static str),
    /// Words on one line.
    Short(&'static str),
    /// Figures, to the right.
    Figures(&'static str),
}

/// A table, row by row.
pub(super) struct Table {
    columns: Vec<Column>,
    rows: String,
}

impl Table {
    pub(super) fn new(columns: &[Column]) -> Self {
        Self { columns: columns.to_vec(), rows: String::new() }
    }

    pub(super) fn row(&mut self, cells: &[Markup]) {
        self.row_of_class("", cells);
    }

    /// A row of a class: `total`.
    pub(super) fn row_of_class(&mut self, class: &str, cells: &[Markup]) {
        let _ = write!(self.rows, "<tr class=\"{class}\">");
        for (column, cell) in self.columns.iter().zip(cells) {
            let class = match column {
                Column::Words(_) => "",
                Column::Short(_) => " class=\"short\"",
                Column::Figures(_) => " class=\"number\"",
            };
            let _ = write!(self.rows, "<td{class}>{}</td>", cell.0);
        }
        self.rows.push_str("</tr>\n");
    }

    /// A line over the whole width that heads the rows below it.
    pub(super) fn head(&mut self, title: &str) {
        let width = self.columns.len();
        let title = Markup::text(title).0;
        let _ = writeln!(self.rows, "<tr class=\"head\"><td colspan=\"{width}\">{title}</td></tr>");
    }

    pub(super) fn markup(&self) -> Markup {
        let mut head = String::new();
        for column in &self.columns {
            let (title, class) = match column {
                Column::Words(title) | Column::Short(title) => (title, ""),
                Column::Figures(title) => (title, " class=\"number\""),
            };
            let _ = write!(head, "<th{class}>{}</th>", Markup::text(title).0);
        }
        Markup(format!(
            "<div class=\"wide\"><table><thead><tr>{head}</tr></thead>\n<tbody>{}</tbody></table></div>\n",
            self.rows
        ))
    }
}

/// A count with its thousands set apart.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share in percent; more decimals near 0 and 1, where they tell something, and never a rounded 100.
pub(super) fn percent(share: Option<f64>) -> String {
    let Some(share) = share else { return "–".to_owned() };
    let value = share * 100.0;
    if share == 0.0 || share == 1.0 {
        return format!("{value:.0}\u{a0}%");
    }
    // What three decimals would round to 100 or to 0 is neither.
    if value >= 99.9995 {
        return ">\u{a0}99.999\u{a0}%".to_owned();
    }
    if value < 0.0005 {
        return "<\u{a0}0.001\u{a0}%".to_owned();
    }
    let decimals = if !(0.1..=99.9).contains(&value) { 3 } else { 2 };
    format!("{value:.decimals$}\u{a0}%")
}

/// A weight with its sign.
pub(super) fn bits(weight: f64) -> String {
    // No "-0.00", which asks a question that has no answer.
    let weight = if weight.abs() < 0.005 { 0.0 } else { weight };
    format!("{weight:+.2}").replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        let hostile = "<img src=x onerror='a&b'>\"\u{7}";
        let markup = Markup::text(hostile);
        assert_eq!(markup.as_str(), "&lt;img src=x onerror=&#39;a&amp;b&#39;&gt;&quot;\u{fffd}");
    }

    #[test]
    fn figures_read_well() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        let shares = [0.0, 0.000_001, 0.0005, 0.5, 0.99912, 0.999_99, 0.999_999_9, 1.0];
        assert_eq!(
            shares.map(|share| percent(Some(share)).replace('\u{a0}', " ")),
            [
                "0 %",
                "< 0.001 %",
                "0.050 %",
                "50.00 %",
                "99.912 %",
                "99.999 %",
                "> 99.999 %",
                "100 %"
            ]
        );
        assert_eq!([1.5, -0.001, -3.0].map(bits), ["+1.50", "+0.00", "−3.00"]);
    }
}
