//! One record as flags named after the canonical columns.

use empi_model::{Identifier, PatientText, PersonName, PostalAddress, RecordKey, SourceRecord};
use empi_proto::v1;

/// The fields of a record. What is given on a command line can be read by other users of the machine
/// while the program runs: for real patients, prefer a file.
#[derive(clap::Args)]
#[command(next_help_heading = "Record")]
pub(crate) struct RecordArgs {
    /// The source system
    #[arg(long, value_name = "S")]
    source: Option<String>,
    /// The record's ID inside the source
    #[arg(long, value_name = "R")]
    record_id: Option<String>,
    /// Given (first) name or names
    #[arg(long, value_name = "NAME")]
    given_name: Option<String>,
    /// Middle name or initial
    #[arg(long, value_name = "NAME")]
    middle_name: Option<String>,
    /// Family name
    #[arg(long, value_name = "NAME")]
    family_name: Option<String>,
    /// Jr, III ...
    #[arg(long, value_name = "SUFFIX")]
    suffix: Option<String>,
    /// Birth date, best as YYYY-MM-DD
    #[arg(long, value_name = "DATE")]
    birth_date: Option<String>,
    /// Administrative sex
    #[arg(long, value_name = "SEX")]
    sex: Option<String>,
    /// Social Security number, or its last four digits
    #[arg(long, value_name = "NUMBER")]
    ssn: Option<String>,
    /// House number and street
    #[arg(long, value_name = "LINE")]
    street: Option<String>,
    /// Apartment, suite ...
    #[arg(long, value_name = "UNIT")]
    unit: Option<String>,
    /// City
    #[arg(long, value_name = "CITY")]
    city: Option<String>,
    /// State
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// ZIP code
    #[arg(long, value_name = "CODE")]
    postal_code: Option<String>,
    /// Country
    #[arg(long, value_name = "COUNTRY")]
    country: Option<String>,
    /// Telephone number; may be repeated
    #[arg(long, value_name = "NUMBER")]
    phone: Vec<String>,
    /// E-mail address; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    email: Vec<String>,
    /// Medical record number, issued by the source
    #[arg(long, value_name = "NUMBER", requires = "source")]
    mrn: Option<String>,
    /// Another identifier; may be repeated
    #[arg(long, value_name = "AUTHORITY:VALUE", value_parser = identifier_of)]
    identifier: Vec<Identifier>,
    /// Mother's family name at birth
    #[arg(long, value_name = "NAME")]
    mother_maiden_name: Option<String>,
    /// Guardian's name
    #[arg(long, value_name = "NAME")]
    guardian_name: Option<String>,
    /// Place of birth
    #[arg(long, value_name = "PLACE")]
    birth_place: Option<String>,
    /// Order among a multiple birth, 1 for the first-born
    #[arg(long, value_name = "N")]
    birth_order: Option<String>,
}

impl RecordArgs {
    /// The record that the flags describe; `None` when no flag was given.
    pub(crate) fn into_record(self) -> Option<SourceRecord> {
        let record = self.into_fields();
        (record != SourceRecord::default()).then_some(record)
    }

    fn into_fields(self) -> SourceRecord {
        let source = self.source.unwrap_or_default();
        let mrn = text(self.mrn).map(|value| Identifier { authority: source.clone(), value });
        let name = PersonName {
            given: text(self.given_name),
            middle: text(self.middle_name),
            family: text(self.family_name),
            suffix: text(self.suffix),
        };
        let address = PostalAddress {
            street: text(self.street),
            unit: text(self.unit),
            city: text(self.city),
            state: text(self.state),
            postal_code: text(self.postal_code),
            country: text(self.country),
        };
        SourceRecord {
            key: RecordKey { source, record_id: self.record_id.unwrap_or_default() },
            names: if name == PersonName::default() { Vec::new() } else { vec![name] },
            birth_date: text(self.birth_date),
            sex: text(self.sex),
            ssn: text(self.ssn),
            addresses: if address.is_empty() { Vec::new() } else { vec![address] },
            phones: self.phone.iter().filter_map(|value| PatientText::non_blank(value)).collect(),
            emails: self.email.iter().filter_map(|value| PatientText::non_blank(value)).collect(),
            identifiers: mrn.into_iter().chain(self.identifier).collect(),
            mother_maiden_name: text(self.mother_maiden_name),
            guardian_name: text(self.guardian_name),
            birth_place: text(self.birth_place),
            birth_order: text(self.birth_order),
        }
    }
}

fn text(value: Option<String>) -> Option<PatientText> {
    PatientText::non_blank(&value.unwrap_or_default())
}

/// Reads `AUTHORITY:VALUE`. The value may hold further colons.
pub(crate) fn identifier_of(text: &str) -> Result<Identifier, String> {
    match text.split_once(':') {
        Some((authority, value)) if !authority.trim().is_empty() && !value.trim().is_empty() => {
            Ok(Identifier {
                authority: authority.trim().to_owned(),
                value: PatientText::new(value.trim()),
            })
        }
        _ => Err("write AUTHORITY:VALUE, for example PLAN-A:12345".to_owned()),
    }
}

/// Reads `SOURCE:RECORD_ID`, a record's key. The record ID may hold further colons.
pub(crate) fn record_key_of(text: &str) -> Result<v1::RecordKey, String> {
    match text.split_once(':') {
        Some((source, record_id)) if !source.is_empty() && !record_id.is_empty() => {
            Ok(v1::RecordKey { source: source.to_owned(), record_id: record_id.to_owned() })
        }
        _ => Err("write SOURCE:RECORD_ID, for example hospital-a:4711".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        record: RecordArgs,
    }

    fn record_of(flags: &[&str]) -> Option<SourceRecord> {
        let line = [&["empi"], flags].concat();
        let parsed = Line::try_parse_from(line).map_err(|error| error.to_string());
        parsed.unwrap().record.into_record()
    }

    #[test]
    fn flags_make_a_record() {
        let record = record_of(&[
            "--source",
            "a",
            "--record-id",
            "1",
            "--given-name",
            "Ann",
            "--phone",
            "1",
            "--phone",
            "2",
            "--mrn",
            "77",
            "--identifier",
            "PLAN:x:y",
            "--postal-code",
            "01970",
        ])
        .unwrap();
        assert_eq!(record.key, RecordKey::new("a", "1"));
        assert_eq!(record.names[0].given, Some("Ann".into()));
        assert_eq!(record.phones, ["1".into(), "2".into()]);
        assert_eq!(record.addresses[0].postal_code, Some("01970".into()));
        let pairs: Vec<(&str, &str)> = record
            .identifiers
            .iter()
            .map(|identifier| (identifier.authority.as_str(), identifier.value.expose()))
            .collect();
        assert_eq!(pairs, [("a", "77"), ("PLAN", "x:y")]);
    }

    #[test]
    fn no_flags_make_no_record() {
        assert_eq!(record_of(&[]), None);
        assert_eq!(record_of(&["--given-name", " "]), None);
    }

    #[test]
    fn an_identifier_has_two_parts() {
        assert!(identifier_of("12345").is_err());
        assert!(identifier_of(":12345").is_err());
    }
}
