//! Golden records as JSON and as lines that people read.

use empi_proto::v1;
use serde::Serialize;

use super::answers::Fields;
use super::words;

/// The best view of a person. Field names are a promise.
#[derive(Serialize)]
pub(super) struct Golden {
    fields: Fields,
    provenance: Vec<Provenance>,
}

/// Where a value comes from.
#[derive(Serialize)]
struct Provenance {
    /// `name`, `birth_date`, ...
    field: String,
    source: String,
    record_id: String,
    agreeing: u32,
    /// `most_recent`, `most_frequent`, `most_trusted`, `longest`, `longest_valid` or `stewards_choice`.
    rule: String,
    /// The steward who has chosen it.
    #[serde(skip_serializing_if = "Option::is_none")]
    chosen_by: Option<String>,
}

impl From<v1::GoldenRecord> for Golden {
    fn from(golden: v1::GoldenRecord) -> Self {
        let provenance = |from: v1::Provenance| {
            let (field, rule) = (words::golden_field(from.field()), words::rule(from.rule()));
            let v1::RecordKey { source, record_id } = from.record.unwrap_or_default();
            let chosen_by = Some(from.chosen_by).filter(|steward| !steward.is_empty());
            Provenance { field, source, record_id, agreeing: from.agreeing, rule, chosen_by }
        };
        Self {
            fields: Fields::of(&golden.record.unwrap_or_default()),
            provenance: golden.provenance.into_iter().map(provenance).collect(),
        }
    }
}

/// Each value that survived, and where it comes from.
pub(super) fn lines(golden: &Golden) -> String {
    let mut lines = vec!["best view, value by value:".to_owned()];
    for from in &golden.provenance {
        let value = match from.field.as_str() {
            "name" => golden.fields.line(&super::tables::NAME),
            "address" => golden.fields.line(&super::tables::ADDRESS),
            field => golden.fields.get(field).to_owned(),
        };
        let Provenance { field, source, record_id, agreeing, rule, chosen_by } = from;
        let rule = chosen_by.as_ref().map_or_else(|| rule.clone(), |it| format!("chosen by {it}"));
        lines.push(format!(
            "  {field:<18}  {value}  (from {source}:{record_id}, said by {agreeing}, {rule})"
        ));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn each_value_says_where_it_comes_from() {
        let record = v1::SourceRecord {
            names: vec![v1::PersonName {
                given: "Ann".to_owned(),
                family: "Lee".to_owned(),
                ..v1::PersonName::default()
            }],
            birth_date: "1980-02-29".to_owned(),
            ..v1::SourceRecord::default()
        };
        let from = |field: v1::GoldenField, rule: v1::SurvivorshipRule| v1::Provenance {
            field: field.into(),
            record: Some(v1::RecordKey { source: "north".to_owned(), record_id: "17".to_owned() }),
            agreeing: 2,
            rule: rule.into(),
            chosen_by: String::new(),
        };
        let golden = Golden::from(v1::GoldenRecord {
            record: Some(record),
            provenance: vec![
                from(v1::GoldenField::Name, v1::SurvivorshipRule::MostRecent),
                from(v1::GoldenField::BirthDate, v1::SurvivorshipRule::MostFrequent),
            ],
        });
        expect![[r#"
            best view, value by value:
              name                Ann Lee  (from north:17, said by 2, most_recent)
              birth_date          1980-02-29  (from north:17, said by 2, most_frequent)"#]]
        .assert_eq(&lines(&golden));
    }
}
