//! A stolen copy of an index that is encrypted, and of its backup: searched for a thousand people, it knows none of them.
//! The same search in an index that is not encrypted finds every one.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use empi_model::{PasswordHash, Role};
use empi_store::each_raw_row;

use super::*;
use crate::{Loader, UserChange};

/// People of the index, and how many of them came in bulk.
const PEOPLE: u32 = 1000;
const LOADED: u32 = 600;

/// Bytes of a text by which it is looked for first; none of the texts is shorter.
const START: usize = 8;

/// Six letters that stand for a number.
fn letters(number: u32) -> String {
    let mut rest = u64::from(number) * 104_729 % 308_915_776;
    let letter = |rest: &mut u64| {
        let letter = b'a' + u8::try_from(*rest % 26).unwrap();
        *rest /= 26;
        char::from(letter)
    };
    (0..6).map(|_| letter(&mut rest)).collect()
}

fn key_of(number: u32) -> String {
    format!("north/MRN{number:07}")
}

/// A person whom nobody resembles.
fn line(number: u32) -> String {
    let (one, other) = (letters(number), letters(number + 5000));
    let (year, month, day) = (1930 + number % 70, 1 + number % 12, 1 + number % 28);
    format!(
        "Gw{one}|Vx{other}||{year}-{month:02}-{day:02}|F|{}-{:02}-{:04}|{number} Qz{one} Street|{:05}|617-{:03}-{:04}",
        200 + number % 500,
        10 + number % 80,
        1000 + number,
        10_000 + number * 7,
        200 + number % 700,
        1000 + number,
    )
}

/// Everything by which a person is known, one of each kind.
fn known(number: u32) -> [String; 6] {
    let line = line(number);
    let fields: Vec<&str> = line.split('|').collect();
    let (_, record_id) =
        key_of(number).split_once('/').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    [fields[0], fields[1], fields[3], fields[5], fields[8], &record_id].map(str::to_owned)
}

/// What is looked for, by how it begins.
struct Wanted(HashMap<[u8; START], Vec<String>>);

impl Wanted {
    fn all() -> Self {
        let mut wanted: HashMap<_, Vec<String>> = HashMap::new();
        for text in (0..PEOPLE).flat_map(known) {
            let start = *text.as_bytes().first_chunk().unwrap();
            let same: &mut Vec<String> = wanted.entry(start).or_default();
            if !same.contains(&text) {
                same.push(text);
            }
        }
        Self(wanted)
    }

    fn look(&self, bytes: &[u8], found: &mut BTreeSet<String>) {
        for (at, start) in bytes.windows(START).enumerate() {
            let Some(texts) = self.0.get(start) else { continue };
            let here = |text: &&String| bytes[at..].starts_with(text.as_bytes());
            found.extend(texts.iter().filter(here).cloned());
        }
    }
}

/// An index with all of them: loaded, registered, updated, held, merged, split, retired, and asked for.
fn lived_in(index: &mut Index) {
    drop(index.registry.take());
    std::fs::remove_dir_all(index.dir.path()).unwrap();
    let model = LinkageModel::us_default().unwrap();
    let clock = Arc::new(SteppingClock::default());
    let mut loader = Loader::create(index.place(), &model, clock, system()).unwrap();
    for number in 0..LOADED {
        let person = EnterpriseId::mint(u64::from(number));
        loader.add(record(&key_of(number), &line(number)), person, None).unwrap();
    }
    loader.finish(&[], LOADED.into()).unwrap();
    index.reopen();
    for number in LOADED..PEOPLE {
        let visit = format!("visit of {}", key_of(number));
        index.try_register(record(&key_of(number), &line(number)), Some(&visit)).unwrap();
    }
    for number in 0..20 {
        let moved = line(number).replace(" Street|", " Avenue|");
        index.register(&key_of(number), &moved);
    }
    for number in 20..40 {
        // Somebody else under a known key: held.
        let held = index.register(&key_of(number), &line(PEOPLE + number));
        if number % 2 == 0 {
            index.resolve(held.tasks[0], ReviewOutcome::Rejected);
        }
    }
    for number in (40..60).step_by(2) {
        let [surviving, subsumed] = [number, number + 1].map(|it| index.enterprise_id(&key_of(it)));
        let merged = index.noted(
            StewardOperation::MergePersons { surviving, subsumed },
            &format!("{} says so", known(number)[0]),
        );
        if number % 4 == 0 {
            index.undo(&merged);
        }
    }
    index.retire(&key_of(60), None);
    let name = known(61)[0].to_lowercase().parse().unwrap();
    let add = UserChange::Add { role: Role::Steward, password: PasswordHash::new("hash") };
    index.registry().change_user(&name, add, system()).unwrap();
    index.registry().person(index.enterprise_id(&key_of(62))).unwrap();
    index.check();
}

impl Index {
    /// Does what a steward wants, with a note.
    pub(super) fn noted(&self, operation: StewardOperation, note: &str) -> StewardAnswer {
        let asked = StewardRequest { note: note.to_owned(), ..Self::asked(operation) };
        let preview = self.registry().steward(asked.clone()).unwrap();
        let version_token = Some(preview.version_token);
        let request = StewardRequest { version_token, validate_only: false, ..asked };
        self.registry().steward(request).unwrap()
    }
}

/// What is found in the rows of a directory, and in its files as they lie there.
fn found_in(dir: &Path, wanted: &Wanted) -> [BTreeSet<String>; 2] {
    let [mut in_rows, mut in_files] = [BTreeSet::new(), BTreeSet::new()];
    each_raw_row(dir, |_, key, value| {
        wanted.look(key, &mut in_rows);
        wanted.look(value, &mut in_rows);
    })
    .unwrap();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            wanted.look(&std::fs::read(&path).unwrap(), &mut in_files);
            wanted.look(path.file_name().unwrap().as_encoded_bytes(), &mut in_files);
        }
    }
    [in_rows, in_files]
}

/// Lives in an index, closes it, and gives what is found in it before and after the log is written out, and in a backup.
fn stolen(mut index: Index) -> [[BTreeSet<String>; 2]; 3] {
    let wanted = Wanted::all();
    lived_in(&mut index);
    drop(index.registry.take());
    let with_log = found_in(index.dir.path(), &wanted);
    index.reopen();
    index.registry.take().unwrap().close();
    let written_out = found_in(index.dir.path(), &wanted);
    let backups = TempDir::new().unwrap();
    let backup = backups.path().join("monday");
    crate::backup(index.place(), &backup, &|_, _| {}).unwrap();
    [with_log, written_out, found_in(&backup.join("files"), &wanted)]
}

#[test]
fn a_stolen_copy_knows_none_of_a_thousand_people() {
    for [in_rows, in_files] in stolen(Index::encrypted()) {
        assert_eq!((in_rows.len(), in_files.len()), (0, 0), "{in_rows:?} {in_files:?}");
    }
}

#[test]
fn the_search_of_a_stolen_copy_finds_them_where_nothing_is_encrypted() {
    let every: BTreeSet<String> = (0..PEOPLE).flat_map(known).collect();
    let mut logged = 0;
    for [in_rows, in_files] in stolen(Index::keyed(options(), Box::new(StoreJournal), false)) {
        assert_eq!(in_rows, every);
        logged += in_files.len();
    }
    assert!(logged > 1000, "the log holds {logged} of them as they are");
}
