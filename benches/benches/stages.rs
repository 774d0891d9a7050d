//! One benchmark per stage of linking, so that a figure is time per record or per pair. Records are those
//! of the committed realistic set; where a stage needs more, several times over as other people.
//!
//! ```text
//! cargo bench -p empi-benches
//! RAYON_NUM_THREADS=1 cargo bench -p empi-benches -- per      one stage, one core
//! ```

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use empi_linkage::{
    Blocked, CompareRow, Intern, Lexicon, LinkageModel, LinkageModelFile, Linker, Progress,
    ScoredPairs, Sound, Values as _, blocking_keys, compare, jaro_winkler, normalize, score,
    within_one_edit,
};
use empi_model::SourceRecord;

/// How many times over the committed set is taken where a stage needs many records: 40,000.
const COPIES: u8 = 20;

fn records() -> Vec<SourceRecord> {
    empi_benches::records(&empi_benches::dataset("realistic-2k/records.csv")).unwrap()
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

/// Rows in the order of family names: neighbours are like candidate pairs, mostly alike, mostly strangers.
fn neighbours(rows: &[CompareRow]) -> Vec<&CompareRow> {
    let mut order: Vec<_> = rows.iter().collect();
    order.sort_by_key(|row| (row.name.family, row.birth_date));
    order
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

/// The kernels, over names that stand next to each other in the order of the alphabet.
fn per_name_pair(criterion: &mut Criterion) {
    let (lexicon, rows) = rows(&records());
    let mut names: Vec<&str> =
        rows.iter().map(|row| lexicon.name(row.name.family).compact()).collect();
    names.sort_unstable();
    names.dedup();
    let mut group = criterion.benchmark_group("per name pair");
    group.throughput(Throughput::Elements(names.len() as u64 - 1));
    group.bench_function("Jaro-Winkler", |bencher| {
        bencher.iter(|| names.windows(2).map(|it| jaro_winkler(it[0], it[1])).sum::<f64>());
    });
    group.bench_function("within one edit", |bencher| {
        let within = |it: &[&str]| within_one_edit(it[0].as_bytes(), it[1].as_bytes());
        bencher.iter(|| names.windows(2).filter(|it| within(it)).count());
    });
    group.bench_function("sound", |bencher| {
        bencher.iter(|| names.iter().map(|it| Sound::of(it)).fold(0, |sum, it| sum ^ it.primary));
    });
    group.finish();
}

fn per_pair(criterion: &mut Criterion) {
    let (lexicon, rows) = rows(&records());
    let model = LinkageModel::us_default().unwrap();
    let order = neighbours(&rows);
    let mut group = criterion.benchmark_group("per pair");
    group.throughput(Throughput::Elements(order.len() as u64 - 1));
    group.bench_function("compare", |bencher| {
        bencher.iter(|| {
            order.windows(2).for_each(|pair| {
                black_box(compare(&lexicon, pair[0], pair[1]));
            });
        });
    });
    group.bench_function("score with term frequencies", |bencher| {
        bencher.iter(|| {
            order.windows(2).for_each(|pair| {
                black_box(score(&model, &lexicon, pair[0], pair[1]));
            });
        });
    });
    group.finish();
}

fn linker(records: &[SourceRecord]) -> Linker {
    let mut linker = Linker::new(LinkageModel::us_default().unwrap());
    linker.add(records);
    linker
}

fn blocked(records: &[SourceRecord]) -> Blocked {
    linker(records).block()
}

fn scored(records: &[SourceRecord]) -> ScoredPairs {
    blocked(records).score(&Progress::default())
}

/// The stages over a whole file. Setting one up runs those before it, outside the time.
fn whole_file(criterion: &mut Criterion) {
    let records = empi_benches::copied(&records(), COPIES);
    let pairs = scored(&records).candidate_pairs();
    let mut group = criterion.benchmark_group("whole file");
    group.sample_size(10);
    group.throughput(Throughput::Elements(records.len() as u64));
    group.bench_function("add (normalize, intern, keys), per record", |bencher| {
        bencher.iter(|| linker(&records).record_count());
    });
    group.bench_function("block (sort, group), per record", |bencher| {
        let block = |linker: Linker| linker.block().pairs_with_repeats();
        bencher.iter_batched(|| linker(&records), block, BatchSize::PerIteration);
    });
    group.bench_function("cluster, per record", |bencher| {
        let cluster = |scored: ScoredPairs| scored.cluster().person_count;
        bencher.iter_batched(|| scored(&records), cluster, BatchSize::PerIteration);
    });
    group.throughput(Throughput::Elements(pairs));
    group.bench_function("score, per pair", |bencher| {
        let score = |blocked: Blocked| blocked.score(&Progress::default()).candidate_pairs();
        bencher.iter_batched(|| blocked(&records), score, BatchSize::PerIteration);
    });
    let file = LinkageModelFile::us_default().unwrap();
    let ready = blocked(&records);
    group.bench_function("train, per candidate pair", |bencher| {
        bencher.iter(|| ready.train(&file, &[], &Progress::default()).iterations);
    });
    group.finish();
}

fn end_to_end(criterion: &mut Criterion) {
    let records = records();
    let mut group = criterion.benchmark_group("end to end");
    group.throughput(Throughput::Elements(records.len() as u64));
    group.bench_function("link", |bencher| {
        bencher.iter(|| scored(&records).cluster().person_count);
    });
    group.finish();
}

criterion_group!(benches, per_record, per_name_pair, per_pair, whole_file, end_to_end);
criterion_main!(benches);
