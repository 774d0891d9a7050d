//! What lies where.
//!
//! | family | key | value |
//! |---|---|---|
//! | `meta` | name | format, model, counters, mark of an unfinished bulk load or rebuild, the wrapped root of an encrypted store |
//! | `meta` | `model/`, number (4) | a model that decided |
//! | `meta` | `user/`, name | user |
//! | `meta` | `account/`, number (8) | entry of the log of changes to users |
//! | `meta` | `service/`, name | account of a program |
//! | `meta` | `sample/`, number (4) | sample of pairs to be labelled |
//! | `meta` | `sampled/`, sample (4), place (4) | pair of a sample, with its labels |
//! | `meta` | `promotion/`, number (4) | which model decides from then on |
//! | `meta` | `proposal/`, number (8) | change that two people must want |
//! | `records` | record index | [`StoredRecord`](crate::StoredRecord) |
//! | `record_keys` | length of source (2), source, record ID | record index |
//! | `keys` | blocking key (8), record index (4) | empty |
//! | `persons` | enterprise ID (8) | person or redirect |
//! | `tasks` | task ID (8) | review task |
//! | `open_tasks` | task ID (8) | empty |
//! | `held_updates` | task ID (8) | source record |
//! | `kept_apart` | smaller and larger record index (4 + 4) | event (8); empty in format 1 |
//! | `events` | sequence (8) | event |
//! | `requests` | request ID | answer |
//! | `audit` | see [`audit`](crate::audit) | entries of the audit trail, and their list by person |
//!
//! Numbers in keys are big-endian, so that rows sort as the numbers do. Values are the messages of
//! [`codec`](crate::codec); `meta` holds the format as four big-endian bytes and the rest as text or as
//! messages. In a store that is encrypted, keys and values are as the [`vault`](crate::vault) tells.

use empi_model::{
    BlockingKey, EnterpriseId, EventSequence, RecordIndex, RecordKey, TaskId, UserName,
};
use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, ColumnFamilyDescriptor, DBCompressionType,
    DBRecoveryMode, DEFAULT_COLUMN_FAMILY_NAME, LogLevel, Options, WriteBufferManager,
};

/// The format that this program writes. Raised whenever an earlier program would read rows of this one
/// differently. Format 1 had no [`EventChange`](empi_model::EventChange) in its events; format 2 had tasks that wait
/// for anybody only, of four kinds; format 3 had no audit trail; formats 4 and 5 (encrypted) did not know what people ask
/// for about their data, and would show and link what is not to be.
pub(crate) const FORMAT: u32 = 6;

/// The format of a store that is encrypted, and the latest that this program reads.
pub(crate) const SEALED_FORMAT: u32 = 7;

/// Whether a store of a format is encrypted.
pub(crate) const fn is_sealed(format: u32) -> bool {
    matches!(format, 5 | SEALED_FORMAT)
}

/// Families that a store of an earlier format has not: they are made when it is opened.
pub(crate) const YOUNGER: [Family; 1] = [Family::Audit];

/// Bytes of the block cache that all families share; index and filter blocks are in it, too.
const BLOCK_CACHE_BYTES: usize = 128 << 20;

/// Bytes of changes of one family in memory before they are written out.
const WRITE_BUFFER_BYTES: usize = 16 << 20;

/// Bytes of changes of all families together in memory; above, the largest is written out early.
const WRITE_BUFFERS_BYTES: usize = 96 << 20;

/// Files that RocksDB keeps open; low enough for the usual limit of 1,024 beside the connections.
const OPEN_FILES_MAX: i32 = 512;

/// Bytes of the write-ahead log before families are written out to shorten it: bounds the time that
/// opening takes after a crash.
const LOG_BYTES_MAX: u64 = 256 << 20;

/// Longest name of a source, in bytes: its length stands in two bytes of the key.
pub(crate) const SOURCE_BYTES_MAX: usize = u16::MAX as usize;

/// A column family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Meta,
    Records,
    RecordKeys,
    Keys,
    Persons,
    Tasks,
    OpenTasks,
    HeldUpdates,
    KeptApart,
    Events,
    Requests,
    Audit,
}

impl Family {
    pub(crate) const ALL: [Self; 12] = [
        Self::Meta,
        Self::Records,
        Self::RecordKeys,
        Self::Keys,
        Self::Persons,
        Self::Tasks,
        Self::OpenTasks,
        Self::HeldUpdates,
        Self::KeptApart,
        Self::Events,
        Self::Requests,
        Self::Audit,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Records => "records",
            Self::RecordKeys => "record_keys",
            Self::Keys => "keys",
            Self::Persons => "persons",
            Self::Tasks => "tasks",
            Self::OpenTasks => "open_tasks",
            Self::HeldUpdates => "held_updates",
            Self::KeptApart => "kept_apart",
            Self::Events => "events",
            Self::Requests => "requests",
            Self::Audit => "audit",
        }
    }
}

/// Options of the database as a whole.
pub(crate) fn database_options(create: bool) -> Options {
    let mut options = Options::default();
    options.create_if_missing(create);
    options.create_missing_column_families(create);
    options.increase_parallelism(2);
    options.set_max_open_files(OPEN_FILES_MAX);
    // Files are opened on as many threads as there are for compactions; sixteen, the usual number, cost more
    // to start than they save.
    options.set_max_file_opening_threads(2);
    options.set_write_buffer_manager(&WriteBufferManager::new_write_buffer_manager(
        WRITE_BUFFERS_BYTES,
        false,
    ));
    // The info log names files and sizes; keys in it are redacted. A few small ones are enough.
    options.set_log_level(LogLevel::Info);
    options.set_keep_log_file_num(4);
    options.set_max_log_file_size(4 << 20);
    options.set_max_total_wal_size(LOG_BYTES_MAX);
    // A write cut short at the end of the log is what a crash leaves; anything else is damage and is
    // refused. The default mode would stop at a damaged entry and drop every commit behind it in
    // silence: acknowledged registrations would be gone and their enterprise IDs given out again.
    // What stays undetectable is damage to the length of an entry in the last 32 KiB of the log that
    // makes it look cut short.
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.set_track_and_verify_wals_in_manifest(true);
    options.set_paranoid_checks(true);
    // Large files reach the disk steadily instead of in bursts that delay commits.
    options.set_bytes_per_sync(1 << 20);
    options
}

/// The families with their options.
pub(crate) fn descriptors() -> Vec<ColumnFamilyDescriptor> {
    let cache = Cache::new_lru_cache(BLOCK_CACHE_BYTES);
    let descriptor = |family: Family| {
        ColumnFamilyDescriptor::new(family.as_str(), family_options(family, &cache))
    };
    let mut families: Vec<_> = Family::ALL.into_iter().map(descriptor).collect();
    // Nothing is in the family that every database has. Left out, it would be opened with a write buffer
    // of 64 MB, for which the log reserves as much room on disk.
    let mut unused = Options::default();
    unused.set_write_buffer_size(WRITE_BUFFER_BYTES);
    families.push(ColumnFamilyDescriptor::new(DEFAULT_COLUMN_FAMILY_NAME, unused));
    families
}

pub(crate) fn family_options(family: Family, cache: &Cache) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    // Index and filter blocks are bounded by the cache as well, and so they must be small: from about
    // 2 million rows on, a filter of one piece outgrows a shard of the cache and would be read from
    // disk again for every row asked for.
    table.set_cache_index_and_filter_blocks(true);
    table.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
    table.set_partition_filters(true);
    table.set_metadata_block_size(4096);
    table.set_pin_top_level_index_and_filter(true);
    table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    // Families that are asked for single rows, also for ones that are not there; the others are
    // only scanned, where a filter does not help.
    if !matches!(
        family,
        Family::Keys | Family::KeptApart | Family::OpenTasks | Family::Events | Family::Audit
    ) {
        table.set_bloom_filter(10.0, false);
        table.set_optimize_filters_for_memory(true);
    }
    let mut options = Options::default();
    options.set_block_based_table_factory(&table);
    options.set_write_buffer_size(WRITE_BUFFER_BYTES);
    // Fast where data is rewritten often, small where most of it lies for good.
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_bottommost_compression_type(DBCompressionType::Zstd);
    options
}

/// Where the models stand in `meta`.
pub(crate) const MODELS: &[u8] = b"model/";

pub(crate) fn model_key(number: u32) -> Vec<u8> {
    [MODELS, &number.to_be_bytes()].concat()
}

pub(crate) fn index_key(index: RecordIndex) -> [u8; 4] {
    index.0.to_be_bytes()
}

pub(crate) fn person_key(id: EnterpriseId) -> [u8; 8] {
    id.as_number().to_be_bytes()
}

pub(crate) fn task_key(id: TaskId) -> [u8; 8] {
    id.0.to_be_bytes()
}

pub(crate) fn event_key(sequence: EventSequence) -> [u8; 8] {
    sequence.0.to_be_bytes()
}

/// What the keys of users, and those of the log of changes to them, begin with. No other name of the family
/// has a slash.
pub(crate) const USERS: &[u8] = b"user/";
pub(crate) const ACCOUNT_LOG: &[u8] = b"account/";

/// What the keys of the accounts of programs begin with.
pub(crate) const SERVICES: &[u8] = b"service/";

pub(crate) fn service_key(name: &UserName) -> Vec<u8> {
    [SERVICES, name.as_str().as_bytes()].concat()
}

/// What the keys of emergencies begin with.
pub(crate) const GLASS: &[u8] = b"glass/";

pub(crate) fn glass_key(number: u64) -> Vec<u8> {
    [GLASS, &number.to_be_bytes()].concat()
}

/// What the keys of samples begin with, those of their pairs, and those of the log of models that decide.
pub(crate) const SAMPLES: &[u8] = b"sample/";
pub(crate) const SAMPLED: &[u8] = b"sampled/";
pub(crate) const PROMOTIONS: &[u8] = b"promotion/";

pub(crate) fn sample_key(number: u32) -> Vec<u8> {
    [SAMPLES, &number.to_be_bytes()].concat()
}

pub(crate) fn sampled_key(sample: u32, place: u32) -> Vec<u8> {
    [SAMPLED, &sample.to_be_bytes(), &place.to_be_bytes()].concat()
}

pub(crate) fn promotion_key(number: u32) -> Vec<u8> {
    [PROMOTIONS, &number.to_be_bytes()].concat()
}

/// What the keys of proposals begin with.
pub(crate) const PROPOSALS: &[u8] = b"proposal/";

pub(crate) fn proposal_key(number: u64) -> Vec<u8> {
    [PROPOSALS, &number.to_be_bytes()].concat()
}

pub(crate) fn user_key(name: &UserName) -> Vec<u8> {
    [USERS, name.as_str().as_bytes()].concat()
}

pub(crate) fn account_key(number: u64) -> Vec<u8> {
    [ACCOUNT_LOG, &number.to_be_bytes()].concat()
}

/// Source and record ID in one key. `None` for a source longer than [`SOURCE_BYTES_MAX`].
pub(crate) fn record_key(key: &RecordKey) -> Option<Vec<u8>> {
    let length = u16::try_from(key.source.len()).ok()?;
    let mut bytes = Vec::with_capacity(2 + key.source.len() + key.record_id.len());
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(key.source.as_bytes());
    bytes.extend_from_slice(key.record_id.as_bytes());
    Some(bytes)
}

pub(crate) fn posting_key(key: BlockingKey, index: RecordIndex) -> [u8; 12] {
    let mut bytes = [0; 12];
    let (left, right) = bytes.split_at_mut(8);
    left.copy_from_slice(&key.as_number().to_be_bytes());
    right.copy_from_slice(&index.0.to_be_bytes());
    bytes
}

/// The inverse of [`posting_key`].
pub(crate) fn read_posting(bytes: &[u8]) -> Option<(BlockingKey, RecordIndex)> {
    let (key, index) = bytes.split_first_chunk::<8>()?;
    let key = BlockingKey::from_number(u64::from_be_bytes(*key));
    Some((key, RecordIndex(u32::from_be_bytes(index.try_into().ok()?))))
}

/// Two records, the smaller first.
pub(crate) fn pair_key(one: RecordIndex, other: RecordIndex) -> [u8; 8] {
    let (left, right) = (one.0.min(other.0), one.0.max(other.0));
    ((u64::from(left) << 32) | u64::from(right)).to_be_bytes()
}

/// The inverse of [`pair_key`].
pub(crate) fn read_pair(bytes: &[u8]) -> Option<(RecordIndex, RecordIndex)> {
    let (left, right) = bytes.split_first_chunk::<4>()?;
    let right: [u8; 4] = right.try_into().ok()?;
    Some((RecordIndex(u32::from_be_bytes(*left)), RecordIndex(u32::from_be_bytes(right))))
}

pub(crate) fn read_u64(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}

/// The event in a row that consists of one; 0 for an empty row.
pub(crate) fn read_stamp(bytes: &[u8]) -> Option<EventSequence> {
    if bytes.is_empty() { Some(EventSequence(0)) } else { read_u64(bytes).map(EventSequence) }
}

pub(crate) fn read_index(bytes: &[u8]) -> Option<RecordIndex> {
    Some(RecordIndex(u32::from_be_bytes(bytes.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_sort_as_what_they_stand_for(
            left in any::<(u64, u32, u64)>(),
            right in any::<(u64, u32, u64)>(),
        ) {
            let posting = |(key, index, _)| (BlockingKey::from_number(key), RecordIndex(index));
            let (one, other) = (posting(left), posting(right));
            prop_assert_eq!(
                one.cmp(&other),
                posting_key(one.0, one.1).cmp(&posting_key(other.0, other.1))
            );
            prop_assert_eq!(read_posting(&posting_key(one.0, one.1)), Some(one));
            let ids = (EnterpriseId::from_number(left.2), EnterpriseId::from_number(right.2));
            prop_assert_eq!(ids.0.cmp(&ids.1), person_key(ids.0).cmp(&person_key(ids.1)));
            prop_assert_eq!(read_u64(&task_key(TaskId(left.2))), Some(left.2));
            prop_assert_eq!(
                left.2.cmp(&right.2),
                event_key(EventSequence(left.2)).cmp(&event_key(EventSequence(right.2)))
            );
            prop_assert_eq!(read_index(&index_key(one.1)), Some(one.1));
            let pair = (one.1.min(other.1), one.1.max(other.1));
            prop_assert_eq!(read_pair(&pair_key(other.1, one.1)), Some(pair));
        }

        #[test]
        fn no_two_records_share_a_key(
            left in "[ab]{0,3}",
            right in "[ab]{0,3}",
            cut in 0_usize..4,
        ) {
            let whole = format!("{left}{right}");
            let (source, record_id) = whole.split_at(cut.min(whole.len()));
            let one = RecordKey::new(left, right);
            let other = RecordKey::new(source, record_id);
            prop_assert_eq!(one == other, record_key(&one) == record_key(&other));
        }
    }

    #[test]
    fn bytes_of_keys_never_change() {
        let posting = posting_key(BlockingKey::from_number(0x0102_0304_0506_0708), RecordIndex(9));
        assert_eq!(posting, [1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 9]);
        assert_eq!(pair_key(RecordIndex(2), RecordIndex(1)), [0, 0, 0, 1, 0, 0, 0, 2]);
        assert_eq!(index_key(RecordIndex(258)), [0, 0, 1, 2]);
        assert_eq!(model_key(258), *b"model/\0\0\x01\x02");
        assert_eq!(user_key(&"ines".parse().unwrap()), b"user/ines");
        assert_eq!(account_key(258), b"account/\0\0\0\0\0\0\x01\x02");
        assert_eq!(sample_key(258), b"sample/\0\0\x01\x02");
        assert_eq!(sampled_key(1, 258), b"sampled/\0\0\0\x01\0\0\x01\x02");
        assert_eq!(promotion_key(258), b"promotion/\0\0\x01\x02");
        assert_eq!(proposal_key(258), b"proposal/\0\0\0\0\0\0\x01\x02");
        assert_eq!(person_key(EnterpriseId::from_number(258)), [0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(record_key(&RecordKey::new("ab", "c")), Some(vec![0, 2, b'a', b'b', b'c']));
        assert_eq!(record_key(&RecordKey::new("s".repeat(SOURCE_BYTES_MAX + 1), "")), None);
    }
}
