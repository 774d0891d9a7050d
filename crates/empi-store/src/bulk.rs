//! Filling an empty store fast: without a write-ahead log, blocking keys as sorted files.
//!
//! The first write marks the store as incomplete and the last one takes the mark away, both synced, so a
//! load that breaks off is recognised however it broke off.

use std::path::{Path, PathBuf};

use rocksdb::{Cache, IngestExternalFileOptions, Options, SstFileWriter, WriteBatch, WriteOptions};

use crate::layout::{self, Family};
use crate::postings::{Merged, Postings};
use crate::seal::Seal;
use crate::store::{META_LOADING, synced};
use crate::vault::Keyring;
use crate::{Commit, Counters, Store, StoreError};

/// Postings that are sorted together in memory: 12 bytes each.
const RUN_POSTINGS_MAX: usize = 4_000_000;

/// Postings in one sorted file, about 25 MB.
const FILE_POSTINGS_MAX: usize = 4_000_000;

/// Fills a store; see [`Store::bulk_loader`].
///
/// After a failure it takes no more, and the store stays incomplete.
#[derive(Debug)]
pub struct BulkLoader<'a> {
    store: &'a Store,
    /// A directory inside the store's, so that files can be moved from it into the store.
    workshop: PathBuf,
    postings: Postings,
    seal: Seal,
}

impl<'a> BulkLoader<'a> {
    pub(crate) fn start(store: &'a Store) -> Result<Self, StoreError> {
        let mut batch = WriteBatch::default();
        batch.put_cf(&store.family(Family::Meta)?, META_LOADING, b"");
        store.write(batch, &synced())?;
        let workshop = store.dir.join("loading");
        let postings = store.poisoning(start_sorting(&workshop))?;
        Ok(Self { store, workshop, postings, seal: Seal::default() })
    }

    /// Adds a part of any size. Each row may come once only; keys may not be removed.
    ///
    /// # Errors
    /// As [`Store::commit`]; the store then takes no more and stays incomplete.
    pub fn add(&mut self, part: &Commit) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        let mut keyring = Keyring::of_load(self.store);
        let staged = self.store.stage(&mut batch, &mut self.seal, &mut keyring, part, false);
        self.store.poisoning(staged)?;
        self.store.write(batch, &unlogged())?;
        for (key, index) in &part.keys_added {
            let sorted = self.postings.add(self.store.vault.posting_key(*key, *index));
            self.store.poisoning(sorted)?;
        }
        Ok(())
    }

    /// Completes the store.
    ///
    /// # Errors
    /// What RocksDB or the disk says; the store then stays incomplete.
    pub fn finish(self, counters: Counters) -> Result<(), StoreError> {
        let Self { store, workshop, postings, mut seal } = self;
        // A model may have been kept meanwhile.
        seal.models = store.sealed().models;
        let counted = Commit { counters: Some(counters), ..Commit::default() };
        let mut batch = WriteBatch::default();
        store.stage(&mut batch, &mut seal, &mut Keyring::of(store), &counted, true)?;
        batch.delete_cf(&store.family(Family::Meta)?, META_LOADING);
        store.poisoning(take_in(store, postings, &workshop))?;
        // Whatever was written without a log is in files and synced now: the mark may go.
        store.write(batch, &synced())?;
        store.seal_with(seal);
        Ok(())
    }
}

pub(crate) fn start_sorting(workshop: &Path) -> std::io::Result<Postings> {
    std::fs::create_dir(workshop)?;
    Postings::start(&workshop.join("postings"), RUN_POSTINGS_MAX)
}

/// Makes everything that was added part of the store's files.
pub(crate) fn take_in(
    store: &Store,
    postings: Postings,
    workshop: &Path,
) -> Result<(), StoreError> {
    let cache = Cache::new_lru_cache(1 << 20);
    let options = layout::family_options(Family::Keys, &cache);
    let mut merged = postings.merge()?;
    let mut paths = Vec::new();
    loop {
        let path = workshop.join(format!("{:05}.sst", paths.len()));
        if !write_file(&mut merged, &options, &path)? {
            break;
        }
        paths.push(path);
    }
    drop(merged);
    if !paths.is_empty() {
        let mut options = IngestExternalFileOptions::default();
        options.set_move_files(true);
        let keys = store.family(Family::Keys)?;
        store.db.ingest_external_file_cf_opts(&keys, &options, paths)?;
    }
    for family in Family::ALL {
        store.db.flush_cf(&store.family(family)?)?;
    }
    Ok(std::fs::remove_dir_all(workshop)?)
}

/// Writes the next postings into a file of RocksDB's; tells whether there were any.
fn write_file(merged: &mut Merged, options: &Options, path: &Path) -> Result<bool, StoreError> {
    let Some(mut posting) = merged.next()? else { return Ok(false) };
    let mut writer = SstFileWriter::create(options);
    writer.open(path)?;
    for count in 1.. {
        writer.put(posting, b"")?;
        if count == FILE_POSTINGS_MAX {
            break;
        }
        match merged.next()? {
            Some(next) => posting = next,
            None => break,
        }
    }
    writer.finish()?;
    Ok(true)
}

/// A write that is on disk only after the family was flushed.
pub(crate) fn unlogged() -> WriteOptions {
    let mut options = WriteOptions::default();
    options.disable_wal(true);
    options
}
