//! What lies where.
//!
//! | family | key | value |
//! |---|---|---|
//! | `meta` | name | format, model, counters, mark of an unfinished bulk load |
//! | `records` | record index | [`StoredRecord`](crate::StoredRecord) |
//! | `record_keys` | length of source (2), source, record ID | record index |
//! | `keys` | blocking key (8), record index (4) | empty |
//! | `persons` | enterprise ID (8) | person or redirect |
//! | `tasks` | task ID (8) | review task |
//! | `open_tasks` | task ID (8) | empty |
//! | `held_updates` | task ID (8) | source record |
//! | `kept_apart` | smaller and larger record index (4 + 4) | empty |
//! | `events` | sequence (8) | event |
//! | `requests` | request ID | answer |
//!
//! Numbers in keys are big-endian, so that rows sort as the numbers do.

use empi_model::{BlockingKey, EnterpriseId, EventSequence, RecordIndex, RecordKey, TaskId};
use rocksdb::{BlockBasedOptions, Cache, ColumnFamilyDescriptor, DBCompressionType, Options};

/// The format that this program writes. Raised whenever rows written earlier would read differently.
pub(crate) const FORMAT: u32 = 1;

/// Bytes of the block cache that all families share.
const BLOCK_CACHE_BYTES: usize = 128 << 20;

/// Bytes of changes of one family in memory before they are written out.
const WRITE_BUFFER_BYTES: usize = 16 << 20;

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
}

impl Family {
    pub(crate) const ALL: [Self; 11] = [
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
        }
    }
}

/// Options of the database as a whole.
pub(crate) fn database_options(create: bool) -> Options {
    let mut options = Options::default();
    options.create_if_missing(create);
    options.create_missing_column_families(create);
    options.increase_parallelism(2);
    options.set_max_open_files(512);
    // The info log names files and sizes, never values; a few small ones are enough.
    options.set_keep_log_file_num(4);
    options.set_max_log_file_size(4 << 20);
    options.set_max_total_wal_size(256 << 20);
    // One torn write at the end of the log is what a crash leaves; anything else is damage.
    options.set_wal_recovery_mode(rocksdb::DBRecoveryMode::PointInTime);
    options.set_paranoid_checks(true);
    options
}

/// The families with their options.
pub(crate) fn descriptors() -> Vec<ColumnFamilyDescriptor> {
    let cache = Cache::new_lru_cache(BLOCK_CACHE_BYTES);
    let descriptor = |family: Family| {
        ColumnFamilyDescriptor::new(family.as_str(), family_options(family, &cache))
    };
    Family::ALL.into_iter().map(descriptor).collect()
}

pub(crate) fn family_options(family: Family, cache: &Cache) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    table.set_format_version(5);
    // Families that are asked for single rows; the others are only scanned.
    if !matches!(family, Family::Keys | Family::KeptApart | Family::OpenTasks | Family::Events) {
        table.set_bloom_filter(10.0, false);
    }
    let mut options = Options::default();
    options.set_block_based_table_factory(&table);
    options.set_write_buffer_size(WRITE_BUFFER_BYTES);
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_bottommost_compression_type(DBCompressionType::Zstd);
    options
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

/// Source and record ID in one key. `None` for a source of 64 KiB or more.
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

pub(crate) fn read_index(bytes: &[u8]) -> Option<RecordIndex> {
    Some(RecordIndex(u32::from_be_bytes(bytes.try_into().ok()?)))
}
