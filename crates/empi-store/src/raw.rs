//! What lies in a store's files, as it lies there: for whoever wants to see that an encrypted store says nothing.

use std::path::Path;

use rocksdb::{DB, IteratorMode, Options};

use crate::StoreError;

/// Tells key and value of every row of a store that nobody has open, or of the files of a backup, uncompressed and otherwise as
/// they lie there. No key is asked for, and nothing is written.
///
/// # Errors
/// What RocksDB says.
pub fn each_raw_row(
    dir: &Path,
    mut take: impl FnMut(&str, &[u8], &[u8]),
) -> Result<(), StoreError> {
    let names = DB::list_cf(&Options::default(), dir)?;
    let db = DB::open_cf_for_read_only(&Options::default(), dir, &names, false)?;
    for name in &names {
        let family = db.cf_handle(name).ok_or_else(|| StoreError::unreadable("a family"))?;
        for row in db.iterator_cf(&family, IteratorMode::Start) {
            let (key, value) = row?;
            take(name, &key, &value);
        }
    }
    Ok(())
}
