//! Files: a folder for each test, the repository's data sets, CSV tables.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A folder that vanishes with the test.
#[derive(Debug)]
pub struct Folder(TempDir);

impl Folder {
    /// Makes an empty folder.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a folder on disk is no default value")]
    pub fn new() -> Self {
        Self(TempDir::new().expect("the temporary folder can be written"))
    }

    /// Where it is.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.0.path()
    }

    /// A path in the folder, as an argument.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        argument(&self.0.path().join(name))
    }

    /// Writes a file and gives its path.
    #[must_use]
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, content).expect("the temporary folder can be written");
        path
    }

    /// Reads a text file of the folder.
    #[must_use]
    #[track_caller]
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("the program wrote this file")
    }

    /// Whether a file is there.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        Path::new(&self.path(name)).exists()
    }
}

fn argument(path: &Path) -> String {
    path.to_str().expect("paths of tests are UTF-8").to_owned()
}

/// A file under `datasets/`, where it is there: some are fetched and not committed.
#[must_use]
pub fn dataset(name: &str) -> Option<String> {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", "datasets", name].iter().collect();
    path.exists().then(|| argument(&path))
}

/// A third-party test file, where it is there: none is committed. They are looked for in the folder
/// that `EMPI_THIRD_PARTY_DATA` names, else in `shared/data` beside the repository.
#[must_use]
pub fn third_party(name: &str) -> Option<String> {
    std::fs::read_to_string(third_party_path(name)).ok()
}

/// A folder of such files.
#[must_use]
pub fn third_party_folder(name: &str) -> Option<PathBuf> {
    Some(third_party_path(name)).filter(|it| it.is_dir())
}

fn third_party_path(name: &str) -> PathBuf {
    let beside = || [env!("CARGO_MANIFEST_DIR"), "..", "..", "shared", "data"].iter().collect();
    std::env::var_os("EMPI_THIRD_PARTY_DATA").map_or_else(beside, PathBuf::from).join(name)
}

/// Says that a test had nothing to test, and how to change that.
pub fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}

/// A CSV file in memory.
#[derive(Clone, Debug)]
pub struct Table {
    /// The names of the columns.
    pub header: Vec<String>,
    /// The rows, as wide as the header.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Reads a file.
    #[must_use]
    #[track_caller]
    pub fn read(path: &str) -> Self {
        let mut reader = csv::Reader::from_path(path).expect("the CSV file can be read");
        let fields = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect();
        let header = fields(reader.headers().expect("the CSV file has a header"));
        let rows = reader
            .records()
            .map(|row| fields(&row.expect("the CSV file is well formed")))
            .collect();
        Self { header, rows }
    }

    /// The values of one column.
    #[track_caller]
    pub fn column<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let at = self.header.iter().position(|column| column == name).expect("the column exists");
        self.rows.iter().map(move |row| row[at].as_str())
    }

    /// For each record, by `source/record_id`, its value in a column. Without a `source` column the
    /// given one stands for it.
    #[must_use]
    #[track_caller]
    pub fn by_key(&self, name: &str, source: &str) -> HashMap<String, String> {
        let sources: Vec<&str> = if self.header.iter().any(|column| column == "source") {
            self.column("source").collect()
        } else {
            vec![source; self.rows.len()]
        };
        let id = if self.header.iter().any(|column| column == "rec_id") {
            "rec_id"
        } else {
            "record_id"
        };
        let keys = sources.into_iter().zip(self.column(id)).map(|(s, r)| format!("{s}/{r}"));
        let values: HashMap<String, String> =
            keys.zip(self.column(name).map(str::to_owned)).collect();
        assert_eq!(values.len(), self.rows.len(), "each record stands in the file once");
        values
    }

    /// The file's content with the rows in another order, which the seed decides.
    #[must_use]
    pub fn shuffled(&self, seed: u64) -> Vec<u8> {
        let mut rows: Vec<&Vec<String>> = self.rows.iter().collect();
        let mut state = seed;
        for last in (1..rows.len()).rev() {
            // Knuth's MMIX generator; its upper bits are random enough to shuffle a file.
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let other = (state >> 33) as usize % (last + 1);
            rows.swap(last, other);
        }
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(&self.header).expect("memory can be written");
        for row in rows {
            writer.write_record(row).expect("memory can be written");
        }
        writer.into_inner().expect("memory can be written")
    }
}
