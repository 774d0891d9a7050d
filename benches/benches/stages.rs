//! One benchmark per stage of linking, each on one core and on the committed realistic set, so that a
//! figure is time per record or per pair.
//!
//! ```text
//! cargo bench -p empi-benches
//! ```

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use empi_formats::ReaderOptions;
use empi_linkage::{
    CompareRow, Intern, Lexicon, LinkageModel, Linker, Progress, blocking_keys, compare, normalize,
    score,
};
use empi_model::SourceRecord;

fn records() -> Vec<SourceRecord> {
    let path = empi_benches::dataset("realistic-2k/records.csv");
    let mut reader = empi_formats::open(&path, &ReaderOptions::default()).unwrap();
    let mut records = Vec::new();
    while let Some(chunk) = reader.next_chunk().unwrap() {
        records.extend(chunk.records);
    }
    records
}

fn rows(records: &[SourceRecord]) -> (Lexicon, Vec<CompareRow>) {
    let mut lexicon = Lexicon::new();
    let rows = records
        .iter()
        .map(|record| {
            let row = lexicon.row(&normalize(record));
            lexicon.count(&row);
            row
        })
        .collect();
    (lexicon, rows)
}

fn per_record(criterion: &mut Criterion) {
    let records = records();
    let normalized: Vec<_> = records.iter().map(normalize).collect();
    let (lexicon, rows) = rows(&records);
    let mut group = criterion.benchmark_group("per record");
    group.throughput(Throughput::Elements(records.len() as u64));
    group.bench_function("read CSV", |bencher| bencher.iter(|| self::records().len()));
    group.bench_function("normalize", |bencher| {
        bencher.iter(|| records.iter().map(normalize).map(|it| it.names.len()).sum::<usize>());
    });
    group.bench_function("intern", |bencher| {
        bencher.iter_batched_ref(
            Lexicon::new,
            |lexicon| normalized.iter().map(|it| lexicon.row(it).birth_date).max(),
            BatchSize::LargeInput,
        );
    });
    group.bench_function("blocking keys", |bencher| {
        bencher.iter(|| rows.iter().map(|row| blocking_keys(&lexicon, row).len()).sum::<usize>());
    });
    group.finish();
}

fn per_pair(criterion: &mut Criterion) {
    let records = records();
    let (lexicon, rows) = rows(&records);
    let model = LinkageModel::us_default().unwrap();
    // Neighbours in the order of family names are like candidate pairs: mostly alike, mostly strangers.
    let mut order: Vec<_> = rows.iter().collect();
    order.sort_by_key(|row| (row.name.family, row.birth_date));
    let mut group = criterion.benchmark_group("per pair");
    group.throughput(Throughput::Elements(order.len() as u64 - 1));
    group.bench_function("compare", |bencher| {
        bencher.iter(|| {
            order.windows(2).for_each(|pair| {
                black_box(compare(&lexicon, pair[0], pair[1]));
            });
        });
    });
    group.bench_function("score", |bencher| {
        bencher.iter(|| {
            order.windows(2).for_each(|pair| {
                black_box(score(&model, &lexicon, pair[0], pair[1]));
            });
        });
    });
    group.finish();
}

fn end_to_end(criterion: &mut Criterion) {
    let records = records();
    let mut group = criterion.benchmark_group("end to end");
    group.throughput(Throughput::Elements(records.len() as u64));
    group.bench_function("link", |bencher| {
        bencher.iter(|| {
            let mut linker = Linker::new(LinkageModel::us_default().unwrap());
            linker.add(&records);
            linker.block().score(&Progress::default()).cluster().person_count
        });
    });
    group.finish();
}

criterion_group!(benches, per_record, per_pair, end_to_end);
criterion_main!(benches);
