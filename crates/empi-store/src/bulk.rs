//! Filling an empty store fast: without a write-ahead log, keys as sorted files.
//!
//! The first write marks the store as incomplete and the last one takes the mark away, both synced, so a
//! load that breaks off is recognised however it broke off.

use rocksdb::{IngestExternalFileOptions, SstFileWriter, WriteBatch, WriteOptions};

use crate::layout::{self, Family};
use crate::store::{META_LOADING, synced};
use crate::{Commit, Counters, Store, StoreError};

/// Postings that are sorted together: 12 bytes each.
const RUN_POSTINGS: usize = 4_000_000;

/// Fills a store; see [`Store::bulk_loader`].
#[derive(Debug)]
pub struct BulkLoader<'a> {
    store: &'a Store,
    postings: Vec<[u8; 12]>,
    runs: sorted_files::Runs,
}

impl<'a> BulkLoader<'a> {
    pub(crate) fn start(store: &'a Store) -> Result<Self, StoreError> {
        let mut batch = WriteBatch::default();
        batch.put_cf(&store.family(Family::Meta)?, META_LOADING, b"");
        store.write(batch, &synced())?;
        let runs = sorted_files::Runs::start(store.dir())?;
        Ok(Self { store, postings: Vec::new(), runs })
    }

    /// Adds a part of any size. Each row may come once only; keys may not be removed.
    ///
    /// # Errors
    /// What RocksDB says.
    pub fn add(&mut self, part: &Commit) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        self.store.stage(&mut batch, part, false)?;
        self.store.write(batch, &unlogged())?;
        let added = part.keys_added.iter();
        self.postings.extend(added.map(|(key, index)| layout::posting_key(*key, *index)));
        if self.postings.len() >= RUN_POSTINGS { self.write_run() } else { Ok(()) }
    }

    /// Sorts the postings at hand into a file.
    fn write_run(&mut self) -> Result<(), StoreError> {
        if self.postings.is_empty() {
            return Ok(());
        }
        self.postings.sort_unstable();
        self.postings.dedup();
        let path = self.runs.next();
        let cache = rocksdb::Cache::new_lru_cache(1 << 20);
        let options = layout::family_options(Family::Keys, &cache);
        let mut writer = SstFileWriter::create(&options);
        writer.open(&path)?;
        for posting in self.postings.drain(..) {
            writer.put(posting, b"")?;
        }
        Ok(writer.finish()?)
    }

    /// Completes the store.
    ///
    /// # Errors
    /// What RocksDB says; the store then stays incomplete.
    pub fn finish(mut self, counters: Counters) -> Result<(), StoreError> {
        self.write_run()?;
        self.postings = Vec::new();
        let mut options = IngestExternalFileOptions::default();
        options.set_move_files(true);
        let keys = self.store.family(Family::Keys)?;
        let paths = self.runs.paths();
        if !paths.is_empty() {
            self.store.db.ingest_external_file_cf_opts(&keys, &options, paths)?;
        }
        for family in Family::ALL {
            self.store.db.flush_cf(&self.store.family(family)?)?;
        }
        self.runs.remove()?;
        let counted = Commit { counters: Some(counters), ..Commit::default() };
        let mut batch = WriteBatch::default();
        self.store.stage(&mut batch, &counted, true)?;
        batch.delete_cf(&self.store.family(Family::Meta)?, META_LOADING);
        self.store.write(batch, &synced())
    }
}

/// A write that is on disk only after the family was flushed.
fn unlogged() -> WriteOptions {
    let mut options = WriteOptions::default();
    options.disable_wal(true);
    options
}

/// Files of sorted postings, in a directory inside the store's so that they can be moved into it.
mod sorted_files {
    use std::path::{Path, PathBuf};

    #[derive(Debug)]
    pub(super) struct Runs {
        dir: PathBuf,
        paths: Vec<PathBuf>,
    }

    impl Runs {
        pub(super) fn start(store: &Path) -> std::io::Result<Self> {
            let dir = store.join("loading");
            if dir.exists() {
                std::fs::remove_dir_all(&dir)?;
            }
            std::fs::create_dir(&dir)?;
            Ok(Self { dir, paths: Vec::new() })
        }

        pub(super) fn next(&mut self) -> PathBuf {
            let path = self.dir.join(format!("{:04}.sst", self.paths.len()));
            self.paths.push(path.clone());
            path
        }

        pub(super) fn paths(&self) -> Vec<PathBuf> {
            self.paths.clone()
        }

        pub(super) fn remove(&self) -> std::io::Result<()> {
            std::fs::remove_dir_all(&self.dir)
        }
    }
}
