//! How fast CSV is read. Run by hand, optimised:
//! `cargo test --release -p empi-formats --test speed -- --ignored --nocapture`

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Instant;

use empi_formats::{ReaderOptions, open};

const ROW_COUNT: usize = 1_000_000;

#[test]
#[ignore = "a measurement, not a test of right and wrong; needs an optimised build"]
fn a_million_rows() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("big.csv");
    let mut text = empi_formats::CANONICAL_HEADER.join(",") + "\n";
    for row in 0..ROW_COUNT {
        text += &format!(
            "hospital-a,r{row:08},ANGELICA,ALEXIS,GALYON,,1988-05-01,F,822-19-5005,PO BOX 7698,,\
             CHICAGO,IL,60650,US,773-887-5038,a.galyon@mail.example,737885,,NORISWICK,,,\n"
        );
    }
    std::fs::write(&path, &text).unwrap();
    let start = Instant::now();
    let mut reader = open(&path, &ReaderOptions::default()).unwrap();
    let surveyed = start.elapsed();
    let mut count = 0;
    while let Some(chunk) = reader.next_chunk().unwrap() {
        count += chunk.records.len();
    }
    let elapsed = start.elapsed();
    assert_eq!(count, ROW_COUNT);
    eprintln!(
        "{} MB: first pass {surveyed:.2?}, in all {elapsed:.2?}, {:.2} microseconds per row",
        text.len() / 1_000_000,
        elapsed.as_secs_f64()
    );
}
