//! Laws of normalising: it takes any text, gives match form, and normalising again changes nothing.

use std::path::Path;

use empi_model::{
    Identifier, NormalizedAddress, NormalizedRecord, PatientText, PersonName, PostalAddress,
    SourceRecord, Suffix,
};
use proptest::prelude::*;

use super::*;

/// Texts as they come: clean, dirty, and anything else that is UTF-8.
fn texts() -> impl Strategy<Value = Option<PatientText>> {
    let known = prop::sample::select(vec![
        "Robert",
        "O'Neil",
        "Okafor-Bell",
        "Smith Jr.",
        "Baby Boy",
        "UNKNOWN",
        "Dr. Anna Müller, MD",
        "Okafor, Robert A",
        "1980-02-29",
        "02/29/80",
        "12 Mar 1980",
        "99999999",
        "457-12-9983",
        "0042",
        "+1 (617) 555-8123 x4",
        "none@none.com",
        "A@B.org",
        "12 1/2 North Main Street Apt #4B",
        "P.O. Box 0456",
        "RR 3 Box 98D",
        "34-12 Bell Blvd",
        "Saint Louis",
        "02139-1234",
        "2139",
        "MA",
        "",
        " ",
        "-",
        "V",
        "III",
        "2nd",
        "3",
    ]);
    let text = prop_oneof![
        4 => known.prop_map(str::to_owned),
        2 => "[A-Za-z0-9 .,'#/-]{0,24}",
        1 => any::<String>(),
    ];
    prop::option::of(text.prop_map(PatientText::new))
}

prop_compose! {
    fn names()(given in texts(), middle in texts(), family in texts(), suffix in texts()) -> PersonName {
        PersonName { given, middle, family, suffix }
    }
}

prop_compose! {
    fn addresses()(parts in prop::array::uniform6(texts())) -> PostalAddress {
        let [street, unit, city, state, postal_code, country] = parts;
        PostalAddress { street, unit, city, state, postal_code, country }
    }
}

prop_compose! {
    fn records()(
        names in prop::collection::vec(names(), 0..3),
        addresses in prop::collection::vec(addresses(), 0..3),
        single in prop::array::uniform7(texts()),
        phones in prop::collection::vec(texts(), 0..3),
        emails in prop::collection::vec(texts(), 0..3),
        identifiers in prop::collection::vec((any::<String>(), texts()), 0..3),
    ) -> SourceRecord {
        let [birth_date, sex, ssn, mother_maiden_name, guardian_name, birth_place, birth_order] = single;
        let identifier = |(authority, value): (String, Option<PatientText>)| {
            Some(Identifier { authority, value: value? })
        };
        SourceRecord {
            names,
            birth_date,
            sex,
            ssn,
            addresses,
            phones: phones.into_iter().flatten().collect(),
            emails: emails.into_iter().flatten().collect(),
            identifiers: identifiers.into_iter().filter_map(identifier).collect(),
            mother_maiden_name,
            guardian_name,
            birth_place,
            birth_order,
            ..SourceRecord::default()
        }
    }
}

/// The source record that says in match form what a normalised record means.
fn said_again(record: &NormalizedRecord) -> SourceRecord {
    let text = |text: String| Some(PatientText::new(text));
    let suffix = record.suffix.map(Suffix::as_str);
    let line = |address: &NormalizedAddress| {
        let part =
            |part: &Option<PatientText>| part.as_ref().map_or("", |it| it.expose()).to_owned();
        address::street_line(&part(&address.number), &part(&address.street))
    };
    SourceRecord {
        key: record.key.clone(),
        names: record
            .names
            .iter()
            .map(|name| PersonName {
                given: name.given.clone(),
                middle: name.middle.clone(),
                family: name.family.clone(),
                suffix: suffix.and_then(PatientText::non_blank),
            })
            .collect(),
        birth_date: record.birth_date.and_then(|date| text(date.to_iso())),
        sex: record.sex.and_then(|sex| text(sex.as_str().to_owned())),
        ssn: record.ssn.and_then(|ssn| text(ssn.to_digits())),
        addresses: record
            .addresses
            .iter()
            .map(|address| PostalAddress {
                street: PatientText::non_blank(&line(address)),
                unit: address.unit.clone(),
                city: address.city.clone(),
                state: address.state.clone(),
                postal_code: address.postal_code.clone(),
                country: None,
            })
            .collect(),
        phones: record.phones.iter().filter_map(|it| text(it.as_number().to_string())).collect(),
        emails: record.emails.clone(),
        identifiers: record
            .identifiers
            .iter()
            .map(|it| Identifier { authority: it.authority.clone(), value: it.value.clone() })
            .collect(),
        mother_maiden_name: record.mother_maiden_name.clone(),
        guardian_name: record.guardian_name.clone(),
        birth_place: record.birth_place.clone(),
        birth_order: record.birth_order.and_then(|order| text(order.to_string())),
    }
}

/// Every text of a record but the e-mail addresses.
fn texts_of(record: &NormalizedRecord) -> Vec<&str> {
    let names = record.names.iter().flat_map(|it| [&it.given, &it.middle, &it.family]);
    let addresses = record
        .addresses
        .iter()
        .flat_map(|it| [&it.number, &it.street, &it.unit, &it.city, &it.state, &it.postal_code]);
    let single = [&record.mother_maiden_name, &record.guardian_name, &record.birth_place];
    let optional = names.chain(addresses).chain(single).flatten().map(PatientText::expose);
    let values =
        record.identifiers.iter().flat_map(|it| [it.authority.as_str(), it.value.expose()]);
    optional.chain(values).collect()
}

proptest! {
    #[test]
    fn any_record_comes_out_in_match_form(record in records()) {
        for text in texts_of(&normalize(&record)) {
            let plain = text.bytes().all(|it| it == b' ' || it.is_ascii_digit() || it.is_ascii_uppercase());
            prop_assert!(plain && !text.is_empty() && text.trim() == text && !text.contains("  "));
        }
    }

    #[test]
    fn a_normalised_record_normalises_to_itself(record in records()) {
        let once = normalize(&record);
        let again = normalize(&said_again(&once));
        prop_assert_eq!(&again.names, &once.names);
        prop_assert_eq!(again.suffix, once.suffix.filter(|_| !once.names.is_empty()));
        prop_assert_eq!(&again.addresses, &once.addresses);
        prop_assert_eq!(again.birth_date, once.birth_date);
        prop_assert_eq!(again.sex, once.sex);
        prop_assert_eq!(again.ssn, once.ssn);
        prop_assert_eq!(&again.phones, &once.phones);
        prop_assert_eq!(&again.emails, &once.emails);
        prop_assert_eq!(&again.identifiers, &once.identifiers);
        prop_assert_eq!(&again.mother_maiden_name, &once.mother_maiden_name);
        prop_assert_eq!(&again.guardian_name, &once.guardian_name);
        prop_assert_eq!(&again.birth_place, &once.birth_place);
        prop_assert_eq!(again.birth_order, once.birth_order);
    }

    #[test]
    fn streets_of_any_words_normalise_to_themselves(
        words in prop::collection::vec(prop::sample::select(STREET_WORDS), 0..8),
    ) {
        let address = PostalAddress {
            street: Some(PatientText::new(words.join(" "))),
            ..PostalAddress::default()
        };
        let once = normalize(&SourceRecord { addresses: vec![address], ..SourceRecord::default() });
        prop_assert_eq!(&normalize(&said_again(&once)).addresses, &once.addresses);
    }

    #[test]
    fn the_house_number_of_a_clean_line_is_found(
        number in 1..9999_u32,
        name in prop::sample::select(vec!["Elm", "North", "Martin Luther King", "Seventh", "Saint James"]),
        suffix in prop::sample::select(vec!["Street", "Ave", "Boulevard", "Lane", "Road NW"]),
        unit in prop::sample::select(vec!["", " Apt 4B", " #7", " Unit 12"]),
    ) {
        let address = PostalAddress {
            street: Some(PatientText::new(format!("{number} {name} {suffix}{unit}"))),
            ..PostalAddress::default()
        };
        let once = normalize(&SourceRecord { addresses: vec![address], ..SourceRecord::default() });
        let expected = PatientText::new(number.to_string());
        prop_assert_eq!(&once.addresses[0].number, &Some(expected));
        prop_assert_eq!(once.addresses[0].unit.is_some(), !unit.is_empty());
    }
}

/// Words that mean something to the reader of street lines, in any order.
const STREET_WORDS: &[&str] = &[
    "12", "0", "3", "1/2", "34-12", "7TH", "FIRST", "TWENTY", "N", "West", "NE", "ST", "Avenue",
    "RD", "HWY", "PARK", "ELM", "SAINT", "MOUNT", "A", "#", "#4", "APT", "UNIT", "FL", "FLOOR",
    "FLAT", "LOT", "KEY", "NO", "REAR", "UPPER", "PH", "PO", "P.O.", "BOX", "RR", "HC", "STAR",
    "ROUTE", "PSC", "US", "STATE", "COUNTY", "CR", "I", "I10", "KY", "OHIO", "FM", "OLD", "BYPASS",
    "BYP", "C/O", "ONE", "W123", "APT4", "U3/12", "4-B", "60E", "UNKNOWN", "NONE", "POB", "BOX7",
    "DRAWER", "2ND", "SECOND",
];

/// Streets labelled by hand (usaddress, MIT): how often number, street and unit come out as labelled.
#[test]
fn street_lines_agree_with_labels() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data/addresses/usaddress-labeled.xml");
    let Ok(labelled) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: {} is not there", path.display());
        return;
    };
    let (mut lines, mut numbers, mut streets, mut units) = (0_u32, 0_u32, 0_u32, 0_u32);
    for line in labelled.lines().filter(|line| line.contains("<AddressString>")) {
        let parts = labels(line);
        let part = |label: &str| -> String {
            let found = parts.iter().filter(|(name, _)| name == label);
            found.map(|(_, text)| text.as_str()).collect::<Vec<_>>().join(" ")
        };
        let street: Vec<&str> = parts
            .iter()
            .filter(|(name, _)| {
                name.starts_with("AddressNumber")
                    || name.starts_with("StreetName")
                    || name.starts_with("Occupancy")
            })
            .map(|(_, text)| text.as_str())
            .collect();
        let is_street = |name: &str| name.starts_with("StreetName");
        let street_parts: Vec<_> = parts.iter().filter(|(name, _)| is_street(name)).collect();
        if part("AddressNumber").is_empty() || part("StreetName").is_empty() {
            continue;
        }
        let address = PostalAddress {
            street: Some(PatientText::new(street.join(" "))),
            ..PostalAddress::default()
        };
        let record = SourceRecord { addresses: vec![address], ..SourceRecord::default() };
        let normalized = normalize(&record).addresses.into_iter().next().unwrap_or_default();
        let is = |found: &Option<PatientText>, label: &str| {
            let expected = text::fold_joined(&part(label));
            let found = text::fold_joined(found.as_ref().map_or("", |it| it.expose()));
            found == expected.trim_start_matches('0')
        };
        // The street's words alone, put in standard form, must be the street of the whole line.
        let names: Vec<&str> = street_parts.iter().map(|(_, text)| text.as_str()).collect();
        let alone = PostalAddress {
            street: Some(PatientText::new(format!("1 {}", names.join(" ")))),
            ..PostalAddress::default()
        };
        let alone = SourceRecord { addresses: vec![alone], ..SourceRecord::default() };
        let alone = normalize(&alone).addresses.into_iter().next().unwrap_or_default();
        lines += 1;
        numbers += u32::from(is(&normalized.number, "AddressNumber"));
        streets += u32::from(normalized.street == alone.street);
        units += u32::from(is(&normalized.unit, "OccupancyIdentifier"));
    }
    let share = |count: u32| f64::from(count) / f64::from(lines.max(1));
    let [number, street, unit] = [numbers, streets, units].map(share);
    eprintln!("{lines} labelled lines: number {number:.3}, street {street:.3}, unit {unit:.3}");
    assert!(lines > 500);
    assert!(number > 0.97 && street > 0.93 && unit > 0.92, "{number} {street} {unit}");
}

/// Label and text of each part of a line of the labelled file.
fn labels(line: &str) -> Vec<(String, String)> {
    line.split('<')
        .filter_map(|part| part.split_once('>'))
        .filter(|(label, _)| !label.starts_with('/') && *label != "AddressString")
        .map(|(label, text)| (label.to_owned(), text.trim().replace("&amp;", "&")))
        .collect()
}
