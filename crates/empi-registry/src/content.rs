//! One number for the content of a source record: same number, same content (identity rule 6).

use empi_model::{Identifier, PatientText, PersonName, PostalAddress, SourceRecord};
use xxhash_rust::xxh3::Xxh3;

/// The hash of everything a source says, its key included. It is on disk: the same content has the
/// same hash on every machine and in every version, which is why it does not use `std::hash`.
///
/// Two contents that differ share a hash once in 2^64 pairs; the later would be taken for a repeat.
pub(crate) fn content_hash(record: &SourceRecord) -> u64 {
    let SourceRecord {
        key,
        names,
        birth_date,
        sex,
        ssn,
        addresses,
        phones,
        emails,
        identifiers,
        mother_maiden_name,
        guardian_name,
        birth_place,
        birth_order,
    } = record;
    let mut content = Content(Xxh3::new());
    content.text(&key.source);
    content.text(&key.record_id);
    content.list(names, |content, PersonName { given, middle, family, suffix }| {
        content.optionals(&[given, middle, family, suffix]);
    });
    content.optionals(&[birth_date, sex, ssn]);
    content.list(addresses, |content, address| {
        let PostalAddress { street, unit, city, state, postal_code, country } = address;
        content.optionals(&[street, unit, city, state, postal_code, country]);
    });
    content.list(phones, |content, phone| content.text(phone.expose()));
    content.list(emails, |content, email| content.text(email.expose()));
    content.list(identifiers, |content, Identifier { authority, value }| {
        content.text(authority);
        content.text(value.expose());
    });
    content.optionals(&[mother_maiden_name, guardian_name, birth_place, birth_order]);
    content.0.digest()
}

/// Bytes being hashed. Every text and list begins with its length, so no two contents run together.
struct Content(Xxh3);

impl Content {
    fn count(&mut self, count: usize) {
        self.0.update(&(count as u64).to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.update(text.as_bytes());
    }

    fn optionals(&mut self, values: &[&Option<PatientText>]) {
        for value in values {
            match value {
                None => self.0.update(&[0]),
                Some(value) => {
                    self.0.update(&[1]);
                    self.text(value.expose());
                }
            }
        }
    }

    fn list<T>(&mut self, values: &[T], mut each: impl FnMut(&mut Self, &T)) {
        self.count(values.len());
        for value in values {
            each(self, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use empi_model::RecordKey;

    use super::*;

    fn named(given: &str, family: &str) -> SourceRecord {
        SourceRecord {
            key: RecordKey::new("hospital-a", "17"),
            names: vec![PersonName {
                given: PatientText::non_blank(given),
                family: PatientText::non_blank(family),
                ..PersonName::default()
            }],
            ..SourceRecord::default()
        }
    }

    #[test]
    fn every_field_counts() {
        let mut hashes =
            vec![content_hash(&named("Ann", "Lee")), content_hash(&named("AnnL", "ee"))];
        let changes: [fn(&mut SourceRecord); 14] = [
            |record| record.key.source = "hospital-b".into(),
            |record| record.key.record_id = "18".into(),
            |record| record.names.push(PersonName::default()),
            |record| record.birth_date = Some("1980".into()),
            |record| record.sex = Some("1980".into()),
            |record| record.ssn = Some("1980".into()),
            |record| record.addresses.push(PostalAddress::default()),
            |record| record.phones.push("1980".into()),
            |record| record.emails.push("1980".into()),
            |record| {
                record.identifiers.push(Identifier { authority: "A".into(), value: "1980".into() });
            },
            |record| record.mother_maiden_name = Some("1980".into()),
            |record| record.guardian_name = Some("1980".into()),
            |record| record.birth_place = Some("1980".into()),
            |record| record.birth_order = Some("1980".into()),
        ];
        for change in changes {
            let mut record = named("Ann", "Lee");
            change(&mut record);
            hashes.push(content_hash(&record));
        }
        let count = hashes.len();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), count);
    }

    #[test]
    fn the_hash_on_disk_never_changes() {
        expect_test::expect![[r#"
            "accf648a50204ef9"
        "#]]
        .assert_debug_eq(&format!("{:016x}", content_hash(&named("Ann", "Lee"))));
    }
}
