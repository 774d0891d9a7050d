//! Generated patients: most of them for the store, some to be registered.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, ensure};
use csv::StringRecord;
use empi_proto::v1;

/// The patients of a run.
pub(crate) struct Patients {
    /// Those of the store, as a file.
    pub(crate) file: PathBuf,
    /// The sources of all records, sorted.
    pub(crate) sources: Vec<String>,
    /// The keys of those in the store.
    keys: Arc<[v1::RecordKey]>,
    fresh: Arc<[v1::SourceRecord]>,
    next: AtomicUsize,
    reserved: AtomicUsize,
}

impl Patients {
    /// Generates patients and sets every n-th record aside to be registered: people that the store knows
    /// and people that it does not, in proportion.
    pub(crate) fn generate(
        program: &Path,
        folder: &Path,
        records: u64,
        fresh: u64,
        seed: u64,
    ) -> anyhow::Result<Self> {
        let all = folder.join("all.csv");
        let total = records + fresh;
        let generated = Command::new(program)
            .args(["generate", "--records", &total.to_string(), "--seed", &seed.to_string()])
            .args(["--difficulty", "realistic", "--out"])
            .arg(&all)
            .output()
            .with_context(|| format!("cannot run {}", program.display()))?;
        ensure!(generated.status.success(), "`empi generate` failed");
        let file = folder.join("loaded.csv");
        let mut reader = csv::Reader::from_path(&all)?;
        let mut writer = csv::Writer::from_writer(File::create(&file)?);
        let columns = reader.headers()?.clone();
        writer.write_record(&columns)?;
        let (mut keys, mut set_aside, mut sources) = (Vec::new(), Vec::new(), BTreeSet::new());
        for (at, row) in (0..).zip(reader.records()) {
            let row = row?;
            let record = source_record(&columns, &row);
            sources.extend(record.key.iter().map(|key| key.source.clone()));
            // Spread evenly: so many of the first `at` records are set aside.
            if (at + 1) * fresh / total > at * fresh / total {
                set_aside.push(record);
            } else {
                writer.write_record(&row)?;
                keys.extend(record.key);
            }
        }
        writer.flush()?;
        std::fs::remove_file(&all)?;
        shuffle(&mut set_aside);
        let (next, reserved) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let sources = sources.into_iter().collect();
        let (keys, fresh) = (keys.into(), set_aside.into());
        Ok(Self { file, sources, keys, fresh, next, reserved })
    }

    /// The same patients once more, of whom none was registered yet: for another store with the same records.
    pub(crate) fn again(&self) -> Self {
        Self {
            file: self.file.clone(),
            sources: self.sources.clone(),
            keys: Arc::clone(&self.keys),
            fresh: Arc::clone(&self.fresh),
            next: AtomicUsize::new(0),
            reserved: AtomicUsize::new(0),
        }
    }

    /// Keeps the last records back.
    pub(crate) fn reserve(&self, count: usize) {
        self.reserved.store(count, Ordering::Relaxed);
    }

    /// A record that was not registered before; `None` when there is none that is not kept back.
    pub(crate) fn next(&self) -> Option<v1::SourceRecord> {
        let at = self.next.fetch_add(1, Ordering::Relaxed);
        let free = self.fresh.len().saturating_sub(self.reserved.load(Ordering::Relaxed));
        if at < free {
            return self.fresh.get(at).cloned();
        }
        self.next.fetch_sub(1, Ordering::Relaxed);
        None
    }

    /// How many records there were to be registered.
    pub(crate) fn fresh_count(&self) -> usize {
        self.fresh.len()
    }

    /// The key of some record of the store.
    pub(crate) fn key(&self, number: u64) -> Option<v1::RecordKey> {
        self.keys.get(scattered(number, self.keys.len())).cloned()
    }

    /// Some record that is not in the store at first.
    pub(crate) fn stranger(&self, number: u64) -> Option<v1::SourceRecord> {
        self.fresh.get(scattered(number, self.fresh.len())).cloned()
    }
}

/// A place below `length` that tells nothing about its neighbours'.
fn scattered(number: u64, length: usize) -> usize {
    let mixed = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    usize::try_from((mixed >> 20) % (length.max(1) as u64)).unwrap_or_default()
}

/// Generated files go source by source; callers do not.
fn shuffle<T>(items: &mut [T]) {
    for last in (1..items.len()).rev() {
        items.swap(last, scattered(last as u64, last + 1));
    }
}

fn source_record(columns: &StringRecord, row: &StringRecord) -> v1::SourceRecord {
    let get = |name: &str| {
        let at = columns.iter().position(|column| column == name);
        at.and_then(|at| row.get(at)).unwrap_or_default().to_owned()
    };
    let several = |name: &str| -> Vec<String> {
        get(name).split('|').filter(|value| !value.is_empty()).map(str::to_owned).collect()
    };
    let identifiers = several("identifier").into_iter().filter_map(|text| {
        let (authority, value) = text.split_once(':')?;
        Some(v1::Identifier { authority: authority.to_owned(), value: value.to_owned() })
    });
    v1::SourceRecord {
        key: Some(v1::RecordKey { source: get("source"), record_id: get("record_id") }),
        names: vec![v1::PersonName {
            given: get("given_name"),
            middle: get("middle_name"),
            family: get("family_name"),
            suffix: get("suffix"),
        }],
        birth_date: get("birth_date"),
        sex: get("sex"),
        ssn: get("ssn"),
        addresses: vec![v1::PostalAddress {
            street: get("street"),
            unit: get("unit"),
            city: get("city"),
            state: get("state"),
            postal_code: get("postal_code"),
            country: get("country"),
        }],
        phones: several("phone"),
        emails: several("email"),
        identifiers: identifiers.collect(),
        mother_maiden_name: get("mother_maiden_name"),
        guardian_name: get("guardian_name"),
        birth_place: get("birth_place"),
        birth_order: get("birth_order"),
    }
}
