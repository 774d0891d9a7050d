//! Patients who never were: once described, sent as a message, as flags or as a row of a file.

use std::collections::BTreeMap;

use empi_proto::v1;

/// What is known of a patient, by the canonical columns of input files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patient(BTreeMap<&'static str, String>);

impl Patient {
    /// A patient with these values.
    #[must_use]
    pub fn new(values: &[(&'static str, &str)]) -> Self {
        Self(values.iter().map(|(column, value)| (*column, (*value).to_owned())).collect())
    }

    /// The same patient with another value in one column.
    #[must_use]
    pub fn with(mut self, column: &'static str, value: impl Into<String>) -> Self {
        self.0.insert(column, value.into());
        self
    }

    /// The same patient with nothing in one column.
    #[must_use]
    pub fn without(mut self, column: &str) -> Self {
        self.0.remove(column);
        self
    }

    /// The same patient with every value in capital letters.
    #[must_use]
    pub fn in_capitals(self) -> Self {
        Self(self.0.into_iter().map(|(column, value)| (column, value.to_uppercase())).collect())
    }

    /// The same patient of [`nth_patient`] under a nickname.
    #[must_use]
    #[track_caller]
    pub fn under_nickname(self) -> Self {
        let names = GIVEN_NAMES.iter().find(|(given, ..)| *given == self.get("given_name"));
        let (_, nickname, _) = names.expect("the given name is one of the table");
        self.with("given_name", *nickname)
    }

    /// What stands in a column; the empty text where nothing does.
    #[must_use]
    pub fn get(&self, column: &str) -> &str {
        self.0.get(column).map_or("", String::as_str)
    }

    /// All values.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(String::as_str)
    }

    /// The patient's record in a source.
    #[must_use]
    pub fn record(&self, source: &str, record_id: &str) -> v1::SourceRecord {
        let get = |column| self.get(column).to_owned();
        let name = v1::PersonName {
            given: get("given_name"),
            middle: get("middle_name"),
            family: get("family_name"),
            suffix: get("suffix"),
        };
        let address = v1::PostalAddress {
            street: get("street"),
            unit: get("unit"),
            city: get("city"),
            state: get("state"),
            postal_code: get("postal_code"),
            country: get("country"),
        };
        let identifier = self.get("identifier").split_once(':').map(|(authority, value)| {
            v1::Identifier { authority: authority.to_owned(), value: value.to_owned() }
        });
        let given = |column| Some(get(column)).filter(|value| !value.is_empty());
        v1::SourceRecord {
            key: Some(v1::RecordKey { source: source.to_owned(), record_id: record_id.to_owned() }),
            names: vec![name],
            birth_date: get("birth_date"),
            sex: get("sex"),
            ssn: get("ssn"),
            addresses: vec![address],
            phones: given("phone").into_iter().collect(),
            emails: given("email").into_iter().collect(),
            identifiers: identifier.into_iter().collect(),
            mother_maiden_name: get("mother_maiden_name"),
            guardian_name: get("guardian_name"),
            birth_place: get("birth_place"),
            birth_order: get("birth_order"),
        }
    }

    /// The patient's record as flags of `empi register` and `empi match`.
    #[must_use]
    pub fn flags(&self, source: &str, record_id: &str) -> Vec<String> {
        let key = [("source", source), ("record_id", record_id)];
        let values = self.0.iter().map(|(column, value)| (*column, value.as_str()));
        key.into_iter()
            .chain(values)
            .flat_map(|(column, value)| {
                [format!("--{}", column.replace('_', "-")), value.to_owned()]
            })
            .collect()
    }

    /// The header and one row per patient, with the given sources and record IDs.
    #[must_use]
    pub fn csv<'a>(rows: impl IntoIterator<Item = (&'a str, &'a str, &'a Self)>) -> String {
        let rows: Vec<_> = rows.into_iter().collect();
        let mut columns: Vec<&str> =
            rows.iter().flat_map(|(_, _, it)| it.0.keys().copied()).collect();
        columns.sort_unstable();
        columns.dedup();
        let mut writer = csv::Writer::from_writer(Vec::new());
        let header = ["source", "record_id"].into_iter().chain(columns.iter().copied());
        writer.write_record(header).expect("memory can be written");
        for (source, record_id, patient) in rows {
            let values = columns.iter().map(|column| patient.get(column));
            let row = [source, record_id].into_iter().chain(values);
            writer.write_record(row).expect("memory can be written");
        }
        let bytes = writer.into_inner().expect("memory can be written");
        String::from_utf8(bytes).expect("patients are UTF-8")
    }
}

/// Given names with a nickname that the shipped table knows, and the sex they are usual for.
const GIVEN_NAMES: [(&str, &str, &str); 12] = [
    ("Robert", "Bob", "M"),
    ("William", "Bill", "M"),
    ("Elizabeth", "Liz", "F"),
    ("Katherine", "Kate", "F"),
    ("Richard", "Dick", "M"),
    ("Margaret", "Peggy", "F"),
    ("Michael", "Mike", "M"),
    ("Patricia", "Pat", "F"),
    ("Edward", "Ted", "M"),
    ("Rebecca", "Becky", "F"),
    ("Anthony", "Tony", "M"),
    ("Susan", "Sue", "F"),
];

const STREETS: [&str; 7] = ["Elm", "Oak", "Harbor", "Washington", "Mill", "Lakeview", "Orchard"];

/// The n-th of many patients. No two of the first 100,000 share a family name, an SSN or a telephone
/// number.
#[must_use]
pub fn nth_patient(number: u32) -> Patient {
    let (given, _, sex) = GIVEN_NAMES[number as usize % GIVEN_NAMES.len()];
    let street = STREETS[number as usize % STREETS.len()];
    Patient::new(&[("given_name", given), ("sex", sex)])
        .with("family_name", family_name(number))
        .with(
            "birth_date",
            format!("{}-{:02}-{:02}", 1930 + number % 71, 1 + number % 12, 1 + number % 28),
        )
        .with(
            "ssn",
            format!("{}-{:02}-{:04}", 101 + number % 503, 1 + number % 97, 1 + number * 7 % 9973),
        )
        .with("street", format!("{} {street} Street", 1 + number % 1999))
        .with("postal_code", format!("{:05}", 2101 + number * 17 % 90_001))
        .with("phone", format!("617-{}-{:04}", 201 + number % 353, number * 7 % 9973))
}

/// A name of four syllables that nobody bears.
fn family_name(number: u32) -> String {
    const SYLLABLES: [&str; 18] = [
        "ba", "ke", "lo", "mir", "stu", "ven", "zor", "pha", "dri", "gul", "hes", "qua", "tin",
        "wol", "xi", "nor", "fle", "cam",
    ];
    let mut rest = number;
    let mut name = String::new();
    for _ in 0..4 {
        // Neighbours shall not sound alike, so the first syllable changes fastest.
        name.push_str(SYLLABLES[rest as usize % SYLLABLES.len()]);
        rest /= SYLLABLES.len() as u32;
    }
    name[..1].to_uppercase() + &name[1..]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn patients_are_told_apart_by_each_of_their_numbers() {
        for column in ["family_name", "ssn", "phone"] {
            let values: HashSet<String> =
                (0..100_000).map(|number| nth_patient(number).get(column).to_owned()).collect();
            assert_eq!(values.len(), 100_000, "{column}");
        }
    }

    #[test]
    fn a_patient_is_the_same_in_a_message_in_flags_and_in_a_file() {
        let patient = Patient::new(&[("given_name", "Ann"), ("phone", "617-555-0123")]);
        let record = patient.record("a", "1");
        assert_eq!((record.names[0].given.as_str(), record.phones.len()), ("Ann", 1));
        let flags = ["--source", "a", "--record-id", "1", "--given-name", "Ann", "--phone"];
        assert_eq!(patient.flags("a", "1")[..7], flags);
        let csv = Patient::csv([("a", "1", &patient)]);
        assert_eq!(csv, "source,record_id,given_name,phone\na,1,Ann,617-555-0123\n");
    }
}
