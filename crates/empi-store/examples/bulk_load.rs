//! How long a bulk load of made-up records takes, and how much memory: `bulk_load RECORDS [DIR]`.
//!
//! Each record has about 500 bytes of content, 20 blocking keys and one event; two records are one
//! person. Afterwards the store is opened again, its keys are read as a start of the service reads
//! them, and everything is verified.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use empi_model::{
    Actor, ActorKind, BlockingKey, BlockingRule, EnterpriseId, EventChange, EventKind,
    EventSequence, Identifier, Link, LinkSource, PatientText, Person, PersonName, PersonState,
    PostalAddress, RecordChange, RecordIndex, RecordKey, RecordState, RegistryEvent, SourceRecord,
    Timestamp,
};
use empi_store::{Commit, Counters, Store, StoreError, StoreOptions, StoredRecord};

const KEYS_PER_RECORD: u64 = 20;
const CHUNK_RECORDS: u32 = 4096;

fn main() -> Result<(), StoreError> {
    let mut arguments = std::env::args().skip(1);
    let records = arguments.next().and_then(|it| it.parse().ok()).unwrap_or(1_000_000);
    let dir = arguments.next().map_or_else(
        || std::env::temp_dir().join(format!("empi-bulk-load-{}", std::process::id())),
        PathBuf::from,
    );
    let measured = measure(&dir, records);
    std::fs::remove_dir_all(&dir)?;
    measured
}

fn measure(dir: &Path, records: u32) -> Result<(), StoreError> {
    let options = StoreOptions { model: "example/1".to_owned(), create: true };
    let store = Store::open(dir, &options)?;
    let start = Instant::now();
    let mut loader = store.bulk_loader()?;
    for first in (0..records).step_by(CHUNK_RECORDS as usize) {
        let chunk = first..records.min(first.saturating_add(CHUNK_RECORDS));
        loader.add(&part(chunk))?;
    }
    say("added", start);
    let counters = Counters {
        records,
        persons_minted: u64::from(records.div_ceil(2)),
        tasks: 0,
        requests_forgotten: EventSequence(0),
        events: u64::from(records),
    };
    loader.finish(counters)?;
    say("finished", start);
    drop(store);
    say("closed", start);

    let start = Instant::now();
    let store = Store::open(dir, &options)?;
    say("opened", start);
    let keys = store.snapshot().keys().filter(Result::is_ok).count();
    say(&format!("{keys} keys read"), start);
    let start = Instant::now();
    let report = store.verify(&keys_of)?;
    say(&format!("verified, {} problems", report.problem_count), start);
    for (family, bytes) in store.stats().bytes {
        tell(&format!("{family:>12} {:>9} KiB", bytes / 1024));
    }
    Ok(())
}

fn part(chunk: std::ops::Range<u32>) -> Commit {
    let mut commit = Commit::default();
    for index in chunk {
        let record = source_record(index);
        commit.keys_added.extend(keys_of(&record).into_iter().map(|key| (key, RecordIndex(index))));
        let id = EnterpriseId::mint(u64::from(index / 2));
        let sequence = EventSequence(u64::from(index) + 1);
        commit.events.push(event(index, id, sequence));
        let link = Link {
            enterprise_id: id,
            source: LinkSource::Automatic,
            weight: None,
            model: "example/1".to_owned(),
            event: sequence,
        };
        commit.records.push(StoredRecord {
            index: RecordIndex(index),
            record,
            content_hash: spread(u64::from(index)),
            link,
            version: 1,
            registered: Timestamp(0),
            updated: Timestamp(0),
            state: RecordState::Active,
            content_event: sequence,
            chosen: Vec::new(),
            consent: empi_model::Consent::default(),
            changed: sequence,
        });
        if index % 2 == 1 {
            commit.persons.push(Person {
                enterprise_id: id,
                state: PersonState::Live(vec![RecordIndex(index - 1), RecordIndex(index)]),
                created: Timestamp(0),
                version: sequence,
            });
        }
    }
    commit
}

fn event(index: u32, id: EnterpriseId, sequence: EventSequence) -> RegistryEvent {
    RegistryEvent {
        sequence,
        time: Timestamp(0),
        actor: Actor { kind: ActorKind::System, name: "example".to_owned() },
        kind: EventKind::RegisteredLinked,
        records: vec![RecordIndex(index)],
        old_enterprise_id: None,
        new_enterprise_id: id,
        weight: None,
        model: "example/1".to_owned(),
        reason: "linked in bulk".to_owned(),
        task: None,
        reason_code: None,
        note: String::new(),
        request_id: None,
        undoes: None,
        approved_by: None,
        basis: None,
        change: Some(EventChange {
            records: vec![RecordChange::registered(RecordIndex(index), id, sequence)],
            ..EventChange::default()
        }),
    }
}

fn source_record(index: u32) -> SourceRecord {
    let number = spread(u64::from(index));
    let text = |salt: u64, digits: usize| {
        let value = format!("{:016x}{:016x}", spread(number ^ salt), spread(number ^ !salt));
        Some(PatientText::new(value.chars().take(digits).collect::<String>()))
    };
    SourceRecord {
        key: RecordKey::new(format!("hospital-{}", number % 7), index.to_string()),
        names: vec![PersonName {
            given: text(1, 8),
            middle: text(2, 6),
            family: text(3, 12),
            suffix: None,
        }],
        birth_date: text(4, 10),
        sex: text(5, 1),
        ssn: text(6, 11),
        addresses: vec![PostalAddress {
            street: text(7, 24),
            unit: text(8, 6),
            city: text(9, 14),
            state: text(10, 2),
            postal_code: text(11, 5),
            country: None,
        }],
        phones: text(12, 12).into_iter().chain(text(13, 12)).collect(),
        emails: text(14, 28).into_iter().collect(),
        identifiers: text(15, 12)
            .map(|value| Identifier { authority: "PLAN".to_owned(), value })
            .into_iter()
            .collect(),
        mother_maiden_name: text(16, 10),
        guardian_name: text(17, 20),
        birth_place: text(18, 16),
        birth_order: None,
    }
}

/// Keys that a record shares with few others, as real ones mostly are.
fn keys_of(record: &SourceRecord) -> Vec<BlockingKey> {
    let index: u64 = record.key.record_id.parse().unwrap_or_default();
    let rules = BlockingRule::ALL.into_iter().cycle();
    let key = |(salt, rule)| BlockingKey::new(rule, spread(index / 3 * KEYS_PER_RECORD + salt));
    (0..KEYS_PER_RECORD).zip(rules).map(key).collect()
}

/// Spreads numbers over 64 bits (the finisher of SplitMix64).
fn spread(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

fn say(what: &str, since: Instant) {
    let peak = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = peak.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("unknown");
    tell(&format!("{:8.2} s  peak {:>12}  {what}", since.elapsed().as_secs_f64(), peak.trim()));
}

fn tell(line: &str) {
    // Nobody listens any more: nothing is lost.
    let _ = writeln!(std::io::stdout(), "{line}");
}
