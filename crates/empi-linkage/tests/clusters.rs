//! Persons hold together: links do not chain strangers, a bridge between two people is held and asked
//! about, and sources that declare their records to be different people are believed.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

use empi_linkage::{Linkage, LinkageModel, LinkageModelFile, Linker, Progress};
use empi_model::{
    Guard, LinkDecision, PatientText, PersonName, PostalAddress, RecordKey, SourceRecord,
};

const GIVEN: [&str; 8] =
    ["Robert", "Alice", "Kwame", "Ingrid", "Tomoko", "Pedro", "Yasmin", "Gordon"];
const FAMILY: [&str; 5] = ["Okafor", "Lindqvist", "Zamora", "Birnbaum", "Treadwell"];

/// One of forty identities that share nothing: name, address and telephone number.
struct Identity(usize);

impl Identity {
    fn name(&self) -> PersonName {
        PersonName {
            given: PatientText::non_blank(GIVEN[self.0 % 8]),
            family: PatientText::non_blank(FAMILY[self.0 / 8]),
            ..PersonName::default()
        }
    }

    fn address(&self) -> PostalAddress {
        PostalAddress {
            street: PatientText::non_blank(&format!("{} Street No {}", 11 * self.0 + 10, self.0)),
            postal_code: PatientText::non_blank(&format!("{:05}", 2139 + 1111 * self.0)),
            ..PostalAddress::default()
        }
    }

    fn phone(&self) -> PatientText {
        PatientText::new(format!("617-{:03}-{:04}", 300 + 13 * self.0, 1234 + 97 * self.0))
    }
}

/// A record under several identities, the current one first. Everybody is born on one day, so that
/// nothing else tells them apart.
fn record(source: &str, n: usize, identities: &[usize]) -> SourceRecord {
    let identities: Vec<Identity> = identities.iter().map(|it| Identity(*it)).collect();
    SourceRecord {
        key: RecordKey::new(source, format!("{n:03}")),
        names: identities.iter().map(Identity::name).collect(),
        addresses: identities.iter().map(Identity::address).collect(),
        phones: identities.iter().map(Identity::phone).collect(),
        birth_date: PatientText::non_blank("1980-03-12"),
        ..SourceRecord::default()
    }
}

fn link_by(model: LinkageModel, records: &[SourceRecord]) -> Linkage {
    let mut linker = Linker::new(model);
    assert!(linker.add(records).is_empty());
    linker.block().score(&Progress::default()).cluster()
}

fn link(records: &[SourceRecord]) -> Linkage {
    link_by(LinkageModel::us_default().unwrap(), records)
}

fn largest(linkage: &Linkage) -> usize {
    let size = |person: &u32| linkage.persons.iter().filter(|it| *it == person).count();
    linkage.persons.iter().map(size).max().unwrap_or(0)
}

#[test]
fn a_chain_of_thirty_records_does_not_become_one_person() {
    // Each record carries an identity of the one before it and one of its own.
    let records: Vec<_> = (0..30).map(|n| record("chain", n, &[n, n + 1])).collect();
    let linkage = link(&records);
    assert!(largest(&linkage) <= 2, "{:?}", linkage.persons);
    // The links of the chain: joined, or held for a reason and asked about.
    let strong: Vec<_> = linkage.pairs.iter().filter(|pair| pair.weight.bits() > 20.0).collect();
    let held: Vec<_> = strong.iter().filter(|pair| pair.decision == LinkDecision::Review).collect();
    assert!(held.len() >= 10, "{} held of {}", held.len(), strong.len());
    assert!(held.iter().all(|pair| {
        pair.guards.contains(Guard::WeakCluster) || pair.guards.contains(Guard::PossibleTwins)
    }));
    assert!(held.iter().any(|pair| pair.guards.contains(Guard::WeakCluster)));
    assert!(linkage.reviews.len() >= held.len());
}

#[test]
fn a_bridge_between_two_dense_halves_is_held() {
    let mut records: Vec<_> = (0..5).map(|n| record("left", n, &[0])).collect();
    records.extend((0..5).map(|n| record("right", n, &[9])));
    // One record of the right half was once mixed up with the left one.
    records.push(record("right", 5, &[9, 0]));
    let linkage = link(&records);
    assert_eq!(linkage.person_count, 2, "{:?}", linkage.persons);
    assert_eq!(largest(&linkage), 6);
    let reviews: Vec<_> = linkage.reviews.iter().map(|it| it.guards).collect();
    assert_eq!(reviews.len(), 1, "one question, at the bridge");
    assert!(reviews[0].contains(Guard::WeakCluster), "{reviews:?}");
}

#[test]
fn one_person_of_many_records_stays_one() {
    let records: Vec<_> = (0..40).map(|n| record("clinic", n, &[3])).collect();
    assert_eq!(link(&records).person_count, 1);
}

#[test]
fn a_person_of_more_records_than_the_limit_is_held() {
    let mut file = LinkageModelFile::us_default().unwrap();
    file.limits.person_records_max = 10;
    let records: Vec<_> = (0..12).map(|n| record("clinic", n, &[3])).collect();
    let linkage = link_by(file.validate().unwrap(), &records);
    assert_eq!(largest(&linkage), 10);
    assert!(linkage.reviews.iter().all(|it| it.guards.contains(Guard::OversizedPerson)));
    assert!(!linkage.reviews.is_empty());
}

#[test]
fn records_of_a_source_without_duplicates_are_kept_apart_also_through_others() {
    let mut file = LinkageModelFile::us_default().unwrap();
    file.sources.distinct = vec!["registry".to_owned()];
    let model = file.validate().unwrap();
    let written = LinkageModel::parse(&file.to_toml().unwrap()).unwrap();
    assert!(written.is_distinct_source("registry") && !written.is_distinct_source("clinic"));

    let records = [record("registry", 0, &[3]), record("registry", 1, &[3])];
    let linkage = link_by(model.clone(), &records);
    assert_eq!(linkage.person_count, 2);
    assert!(linkage.reviews[0].guards.contains(Guard::SameSourceDistinct));
    assert_eq!(link(&records).person_count, 1, "only where the source says so");

    // The clinic's record fits both, and joins one.
    let records = [&records[..], &[record("clinic", 0, &[3])]].concat();
    let linkage = link_by(model, &records);
    assert_eq!(linkage.person_count, 2, "{:?}", linkage.persons);
    assert_eq!(largest(&linkage), 2);
}
