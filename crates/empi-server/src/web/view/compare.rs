//! Records side by side: fields in rows, differences marked, and what each row says for or against one person.

use empi_model::{ExplanationRow, MatchWeight, RecordKey, ScoreExplanation, SourceRecord};
use empi_registry::Rarity;
use maud::{Markup, html};

use super::diff::marked;
use super::evidence::{bar, bits, scale};
use super::fields::{Field, visible};

/// A record as a column.
pub(in crate::web) struct Column<'a> {
    /// What it is in this question: `Incoming`, `Candidate`, `Now`, `New version`.
    pub(in crate::web) part: &'static str,
    pub(in crate::web) key: &'a RecordKey,
    pub(in crate::web) record: &'a SourceRecord,
    /// What stands below its name: the person, the date.
    pub(in crate::web) below: Markup,
}

/// A row of the comparison.
struct Row<'a> {
    field: Field,
    cells: Vec<Vec<String>>,
    told: Option<&'a ExplanationRow>,
}

impl Row<'_> {
    fn weight(&self) -> MatchWeight {
        self.told.map_or(MatchWeight::ZERO, |told| told.weight)
    }

    /// Numbers that contradict each other come before everything else.
    fn contradicts(&self) -> bool {
        self.field.identifies() && self.weight().bits() < 0.0
    }
}

/// The table. The first column is compared with the second, and every further one with the first.
pub(in crate::web) fn table(
    columns: &[Column<'_>],
    explanation: &ScoreExplanation,
    rarity: &Rarity,
) -> Markup {
    let scale = scale(explanation);
    html! {
        table.compare {
            caption.unseen { "The records, field by field, with the evidence of each row" }
            thead { (head(columns)) }
            tbody {
                @for row in rows(columns, explanation) {
                    tr.contradicts[row.contradicts()] {
                        th scope="row" { (row.field.name()) }
                        @for (at, _) in row.cells.iter().enumerate() { td { (cell(&row.cells, at)) } }
                        td.level { (level(&row)) }
                        td.evidence { (bar(row.weight(), scale)) }
                        td.bits.number { @if row.told.is_some() { (bits(row.weight())) } }
                        td.rare { (rare(row.field, rarity)) }
                    }
                }
                (adjustments(explanation, columns.len(), scale))
            }
        }
    }
}

/// The table without a word about evidence, for whoever must not be led.
pub(in crate::web) fn plain_table(columns: &[Column<'_>]) -> Markup {
    html! {
        table.compare.plain {
            caption.unseen { "The records, field by field" }
            thead {
                tr {
                    th scope="col" { span.unseen { "Field" } }
                    (heads(columns))
                }
            }
            tbody {
                @for field in Field::ALL {
                    @let cells: Vec<Vec<String>> =
                        columns.iter().map(|column| field.values(column.record)).collect();
                    @if cells.iter().any(|values| !values.is_empty()) {
                        tr {
                            th scope="row" { (field.name()) }
                            @for (at, _) in cells.iter().enumerate() { td { (cell(&cells, at)) } }
                        }
                    }
                }
            }
        }
    }
}

fn head(columns: &[Column<'_>]) -> Markup {
    html! {
        tr {
            th scope="col" { span.unseen { "Field" } }
            (heads(columns))
            th scope="col" { "Agreement" }
            th scope="col" colspan="2" { "Evidence, bits" }
            th scope="col" { "How common" }
        }
    }
}

fn heads(columns: &[Column<'_>]) -> Markup {
    html! {
            @for (at, column) in columns.iter().enumerate() {
                th.record scope="col" tabindex="-1" data-key=(at + 1) data-focus {
                    span.part { (column.part) } " " kbd { (at + 1) }
                    div.key { (visible(&column.key.source)) " " span.id { (visible(&column.key.record_id)) } }
                    div.soft { (column.below) }
                }
            }
    }
}

fn rows<'a>(columns: &[Column<'_>], explanation: &'a ScoreExplanation) -> Vec<Row<'a>> {
    let told = |field: Field| {
        let comparison = field.comparison()?;
        explanation.rows.iter().find(|row| row.label == comparison)
    };
    let mut rows: Vec<Row<'a>> = Field::ALL
        .into_iter()
        .map(|field| Row {
            field,
            cells: columns.iter().map(|column| field.values(column.record)).collect(),
            told: told(field),
        })
        .filter(|row| row.cells.iter().any(|values| !values.is_empty()))
        .collect();
    rows.sort_by_key(|row| !row.contradicts());
    rows
}

/// The values of one record: the current one, and the earlier or further ones below.
fn cell(cells: &[Vec<String>], at: usize) -> Markup {
    let values = cells.get(at).map_or(&[][..], Vec::as_slice);
    let other = cells.get(usize::from(at == 0)).map_or(&[][..], Vec::as_slice);
    html! {
        @match values {
            [] => span.missing { "\u{2014}" span.unseen { "not given" } },
            [current, rest @ ..] => {
                div.value { (against(current, other)) }
                @for value in rest { div.earlier { (against(value, other)) } }
            }
        }
    }
}

/// A value marked against the one that it is most likely to be compared with: its equal, or the current one.
fn against(value: &str, other: &[String]) -> Markup {
    let same = |one: &&String| one.to_lowercase() == value.to_lowercase();
    match other.iter().find(same).or_else(|| other.first()) {
        None => html! { (value) },
        Some(other) => marked(value, other),
    }
}

fn level(row: &Row<'_>) -> String {
    row.told.map(|told| told.level.replace('_', " ")).unwrap_or_default()
}

/// How many records of the index have the values of the first.
fn rare(field: Field, rarity: &Rarity) -> Markup {
    let counts: Vec<(&str, Option<u64>)> = match field {
        Field::Name => vec![("given", rarity.given_name), ("family", rarity.family_name)],
        Field::BirthDate => vec![("", rarity.birth_date)],
        Field::Ssn => vec![("", rarity.ssn)],
        Field::Identifier => vec![("", rarity.identifier)],
        Field::Phone => vec![("", rarity.phone)],
        Field::Email => vec![("", rarity.email)],
        _ => Vec::new(),
    };
    html! {
        @for (part, count) in counts {
            @if let Some(count) = count {
                div title={ (count) " of " (rarity.records) " records have it" } {
                    @if !part.is_empty() { (part) " " }
                    (one_in(count, rarity.records))
                }
            }
        }
    }
}

/// `1 in 4 120`: how many records one has to look at to find one that has it.
fn one_in(count: u64, records: u64) -> String {
    match count {
        0 => "not yet in the index".to_owned(),
        count => format!("1 in {}", super::words::grouped(records.div_ceil(count).max(1))),
    }
}

/// What is added beside the fields: the prior, and what keeps evidence from being counted twice.
fn adjustments(explanation: &ScoreExplanation, columns: usize, scale: f64) -> Markup {
    let is_field = |label: &str| Field::ALL.iter().any(|field| field.comparison() == Some(label));
    html! {
        @for row in explanation.rows.iter().filter(|row| !is_field(&row.label)) {
            tr.adjustment {
                th scope="row" colspan=(columns + 2) { (super::words::evidence(&row.label)) }
                td.evidence { @if row.label != "prior" { (bar(row.weight, scale)) } }
                td.bits.number { (bits(row.weight)) }
                td {}
            }
        }
    }
}
