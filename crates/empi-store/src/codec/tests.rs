//! Rows read back as they were written, and their bytes never change by accident.

use empi_model::{Identifier, PatientText, PersonName, PostalAddress, RecordKey, SourceRecord};
use proptest::prelude::*;

use super::*;

fn texts() -> impl Strategy<Value = Option<PatientText>> {
    prop::option::of(any::<String>().prop_map(PatientText::new))
}

prop_compose! {
    fn records()(
        key in any::<(String, String)>(),
        names in prop::collection::vec(prop::array::uniform4(texts()), 0..3),
        addresses in prop::collection::vec(prop::array::uniform6(texts()), 0..3),
        single in prop::array::uniform7(texts()),
        lists in prop::array::uniform2(prop::collection::vec(any::<String>(), 0..3)),
        identifiers in prop::collection::vec(any::<(String, String)>(), 0..3),
    ) -> SourceRecord {
        let [birth_date, sex, ssn, mother_maiden_name, guardian_name, birth_place, birth_order] = single;
        let [phones, emails] = lists.map(|list| list.into_iter().map(PatientText::new).collect());
        let name = |[given, middle, family, suffix]: [Option<PatientText>; 4]| {
            PersonName { given, middle, family, suffix }
        };
        let address = |parts: [Option<PatientText>; 6]| {
            let [street, unit, city, state, postal_code, country] = parts;
            PostalAddress { street, unit, city, state, postal_code, country }
        };
        let identifier = |(authority, value): (String, String)| {
            Identifier { authority, value: PatientText::new(value) }
        };
        SourceRecord {
            key: RecordKey::new(key.0, key.1),
            names: names.into_iter().map(name).collect(),
            birth_date,
            sex,
            ssn,
            addresses: addresses.into_iter().map(address).collect(),
            phones,
            emails,
            identifiers: identifiers.into_iter().map(identifier).collect(),
            mother_maiden_name,
            guardian_name,
            birth_place,
            birth_order,
        }
    }
}

proptest! {
    #[test]
    fn any_source_record_reads_back(record in records()) {
        prop_assert_eq!(SourceRow::decoded(&SourceRow::encoded(&record)), Some(record));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = RecordRow::decoded(&bytes);
        let _ = PersonRow::decoded(&bytes);
        let _ = TaskRow::decoded(&bytes);
        let _ = EventRow::decoded(&bytes);
        let _ = RequestRow::decoded(&bytes);
    }
}

#[test]
fn bytes_on_disk_never_change() {
    let record = SourceRecord {
        key: RecordKey::new("clinic", "7"),
        names: vec![PersonName { given: Some("Ana".into()), ..PersonName::default() }],
        addresses: vec![PostalAddress { city: Some("Bonn".into()), ..PostalAddress::default() }],
        phones: vec!["5".into()],
        identifiers: vec![Identifier { authority: "A".to_owned(), value: "9".into() }],
        birth_order: Some("1".into()),
        ..SourceRecord::default()
    };
    let bytes: String = SourceRow::encoded(&record).iter().map(|it| format!("{it:02x}")).collect();
    assert_eq!(
        bytes,
        "0a06636c696e69631201371a050a03416e613a061a04426f6e6e42013552060a014112013972013 1"
            .replace(' ', "")
    );
}
