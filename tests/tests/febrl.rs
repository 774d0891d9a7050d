//! FEBRL 1 to 4, the sets that everybody in the field knows, by default settings: no truth used, no
//! tuning for the file, automatic links only. FEBRL 4 is two files, linked across.

use empi_tests::{Folder, Partition, Table, dataset, skipped};

use crate::link::{clusters, linked};

const F1_MIN: f64 = 0.98;
const PRECISION_MIN: f64 = 0.995;

fn assert_linked_well(files: &[&str]) {
    let Some(paths) =
        files.iter().map(|file| dataset(&format!("febrl/{file}.csv"))).collect::<Option<Vec<_>>>()
    else {
        return skipped("the FEBRL sets are not here: `make febrl` fetches them");
    };
    let mut truth = std::collections::HashMap::new();
    for (path, file) in paths.iter().zip(files) {
        truth.extend(Table::read(path).by_key("person_id", file));
    }
    let folder = Folder::new();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let summary = linked(&folder, &paths, &[]);
    let agreement = clusters(&folder).compared_with(&Partition::new(truth));
    let (precision, recall, f1) = (agreement.precision(), agreement.recall(), agreement.f1());
    eprintln!(
        "{files:?}: precision {precision:.4}, recall {recall:.4}, F1 {f1:.4}, {} reviews",
        summary["reviews"]
    );
    assert!(precision >= PRECISION_MIN, "precision {precision}");
    assert!(f1 >= F1_MIN, "F1 {f1}");
}

#[test]
fn febrl_1_is_linked_well_by_default() {
    assert_linked_well(&["febrl1"]);
}

#[test]
fn febrl_2_is_linked_well_by_default() {
    assert_linked_well(&["febrl2"]);
}

#[test]
fn febrl_3_is_linked_well_by_default() {
    assert_linked_well(&["febrl3"]);
}

#[test]
fn febrl_4_is_linked_well_by_default() {
    assert_linked_well(&["febrl4a", "febrl4b"]);
}
