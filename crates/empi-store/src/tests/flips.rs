//! Single bits flipped anywhere in the files of a store: found, or provably not read. Never another answer.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::StoreError;
use crate::layout::Family;

/// Bits flipped in an ordinary run; `EMPI_FLIP_TRIALS=1000` flips more.
const TRIALS: usize = 40;

/// Records of the store: some in sorted files, the last ones in the log only.
const IN_FILES: u32 = 300;
const IN_LOG: u32 = 12;

/// Everything that a store says, asked for in every way.
#[derive(PartialEq)]
pub(super) struct Said {
    records: Vec<StoredRecord>,
    by_number: Vec<Option<StoredRecord>>,
    indexes: Vec<Option<RecordIndex>>,
    people: Vec<Option<Person>>,
    persons: Vec<Person>,
    pub(super) keys: Vec<(BlockingKey, RecordIndex)>,
    events: Vec<RegistryEvent>,
    tasks: Vec<ReviewTask>,
    kept_apart: Vec<KeptApart>,
    held: Option<SourceRecord>,
    request: Option<StoredRequest>,
    counters: Counters,
}

impl Said {
    /// The same with the blocking keys of another, for which keyed hashes may stand.
    pub(super) fn with_keys_of(self, other: &Self) -> Self {
        Self { keys: other.keys.clone(), ..self }
    }

    pub(super) fn by(store: &Store) -> Result<Self, StoreError> {
        let snapshot = store.snapshot();
        let numbers = 0..IN_FILES + IN_LOG;
        let key = |number: u32| RecordKey::new("clinic", number.to_string());
        let id = |number: u32| EnterpriseId::mint(u64::from(number));
        let numbered = numbers.clone().map(|it| snapshot.record(RecordIndex(it)));
        let indexes = numbers.clone().map(|it| snapshot.record_index(&key(it)));
        let people = numbers.map(|it| snapshot.person(id(it)));
        Ok(Self {
            records: snapshot.records().collect::<Result<_, _>>()?,
            by_number: numbered.collect::<Result<_, _>>()?,
            indexes: indexes.collect::<Result<_, _>>()?,
            people: people.collect::<Result<_, _>>()?,
            persons: snapshot.persons().collect::<Result<_, _>>()?,
            keys: snapshot.keys().collect::<Result<_, _>>()?,
            events: snapshot.events_from(EventSequence(1)).collect::<Result<_, _>>()?,
            tasks: snapshot.tasks().collect::<Result<_, _>>()?,
            kept_apart: snapshot.kept_apart().collect::<Result<_, _>>()?,
            held: snapshot.held_update(TaskId(1))?,
            request: snapshot.request("r-1")?,
            counters: snapshot.counters()?,
        })
    }
}

/// A closed store with sorted files and a log.
fn written() -> TempDir {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let [first, second, further] = told();
    let further = Commit { counters: None, ..further };
    store.commit(&[first, second]).unwrap();
    for number in 2..IN_FILES {
        store.commit(&[registration(number)]).unwrap();
    }
    store.commit(&[further]).unwrap();
    for family in Family::ALL {
        store.db.flush_cf(&store.family(family).unwrap()).unwrap();
    }
    for number in IN_FILES..IN_FILES + IN_LOG {
        store.commit(&[registration(number)]).unwrap();
    }
    dir
}

/// Every file but the log for people and the lock, the longest first.
fn files(dir: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let told = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        !name.starts_with("LOG") && name != "LOCK" && fs::metadata(path).unwrap().len() > 0
    };
    let mut paths: Vec<PathBuf> = paths.filter(told).collect();
    paths.sort();
    paths
}

/// What became of a flipped bit.
#[derive(Debug, Default)]
struct Outcomes {
    refused_at_opening: usize,
    found_in_reading: usize,
    found_by_verify: usize,
    unread: usize,
    cut_log: usize,
}

impl Outcomes {
    fn add(&mut self, path: &Path, at: usize, store: Result<Store, StoreError>, truth: &Said) {
        let Ok(store) = store else {
            self.refused_at_opening += 1;
            return;
        };
        let verified = store.verify(&keys_of);
        let is_found = !matches!(&verified, Ok(report) if report.problem_count == 0);
        let Ok(said) = Said::by(&store) else {
            self.found_in_reading += 1;
            return;
        };
        if said == *truth {
            let counted = if is_found { &mut self.found_by_verify } else { &mut self.unread };
            *counted += 1;
            return;
        }
        // The last entries of a log may look as a crash leaves them: cut short. Then what is left is whole.
        let is_log = path.extension().is_some_and(|it| it == "log");
        let count = said.records.len();
        let is_prefix = said.records[..] == truth.records[..count] && count >= IN_FILES as usize;
        assert!(is_log && is_prefix && !is_found, "bit {at} of {path:?} made another answer");
        self.cut_log += 1;
    }
}

#[test]
fn a_flipped_bit_makes_no_other_answer() {
    let trials = std::env::var("EMPI_FLIP_TRIALS");
    let trials = trials.map_or(TRIALS, |it| it.parse().expect("a number of trials"));
    let dir = written();
    let truth = Said::by(&open(&dir)).unwrap();
    // Opening has written the log into files: the store under test is as it was before.
    let dir = written();
    let files = files(dir.path());
    let mut state = 0x5EED_u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        (state >> 33) as usize % below
    };
    let mut outcomes = Outcomes::default();
    for _ in 0..trials {
        let path = &files[next(files.len())];
        let altered = TempDir::new().unwrap();
        for other in &files {
            fs::copy(other, altered.path().join(other.file_name().unwrap())).unwrap();
        }
        let mut bytes = fs::read(path).unwrap();
        // A log is as long as the room that was set aside for it; what counts is its beginning.
        let length = bytes.iter().rposition(|byte| *byte != 0).map_or(1, |last| last + 1);
        let bit = next(length * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(altered.path().join(path.file_name().unwrap()), bytes).unwrap();
        let options = StoreOptions { create: false, ..options() };
        outcomes.add(path, bit, Store::open(altered.path(), &options), &truth);
    }
    println!("{trials} bits flipped: {outcomes:?}");
    let found = outcomes.refused_at_opening + outcomes.found_in_reading + outcomes.found_by_verify;
    assert!(found * 2 > trials, "{outcomes:?}");
}
