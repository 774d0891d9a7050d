//! Encryption at rest: what leaves this program for the disk says nothing to whoever has not the master key.
//!
//! | what | is |
//! |---|---|
//! | rows of records | sealed under a data key of the record's own, which stands before them, wrapped |
//! | updates that wait, and what events keep of how a record was | sealed under the data key of the record |
//! | tasks, events, answers to requests, entries of the audit trail, users, accounts, samples, promotions, proposals | sealed under a key of the store |
//! | record keys, request IDs, names of users and accounts in keys | HMAC-SHA-256, 16 bytes |
//! | blocking keys in keys | the rule in the clear, 56 bits of SipHash-2-4 |
//! | what is derived from all rows, in a file of its own | sealed under a key of the store |
//! | enterprise IDs, numbers of records, tasks and events, who is whom, counters, models | in the clear |
//!
//! All keys follow from one root, which the master key wraps ([`master`]). Destroying the data key of a record makes
//! unreadable what was ever written about it, also inside of events, which stay as they are. What is sealed is bound to
//! the family and key of its row, so that no row can be put into the place of another.

mod aead;
mod chance;
mod encrypt;
mod keyring;
mod master;
mod personal;

use std::borrow::Cow;
use std::path::Path;

use empi_model::{BlockingKey, RecordIndex, RecordKey, UserName};
use hmac::{Hmac, KeyInit as _, Mac as _};
use prost::Message as _;
use sha2::Sha256;
use siphasher::sip::SipHasher24;
use xxhash_rust::xxh3::Xxh3;
use zeroize::Zeroizing;

use crate::StoreError;
use crate::audit;
use crate::layout::{self, Family};
pub(crate) use aead::Key;
use aead::{Cipher, SEAL_BYTES};
pub use encrypt::{EncryptReport, encrypt};
pub(crate) use keyring::Keyring;
pub(crate) use master::RootRow;
pub use master::{Fingerprint, MasterKey};
use master::{Unopened, derived};
pub(crate) use personal::open_parts;

/// The first byte of a row: sealed under the key of the store, under a data key that stands before it, or under
/// the data key of the record that stands before it.
const BY_STORE: u8 = 1;
const BY_OWN: u8 = 2;
const BY_RECORD: u8 = 3;

/// Bytes of a wrapped data key.
const WRAPPED_BYTES: usize = aead::KEY_BYTES + SEAL_BYTES;

/// Bytes of a keyed hash that stands for a text in a key.
const HASH_BYTES: usize = 16;

/// The bits of a blocking key below its rule.
const BLOCKING_BITS: u32 = 56;

/// Most bytes that are added to what goes to disk outside of the database.
pub(crate) const OUTSIDE_BYTES_MAX: usize = SEAL_BYTES;

/// What a store is sealed with; nothing for a store that is not encrypted.
#[derive(Default)]
pub(crate) struct Vault(Option<Box<Secrets>>);

/// All that follows from the root.
struct Secrets {
    root: Key,
    /// Seals rows of no record.
    rows: Cipher,
    /// Wraps the data keys of records.
    wrap: Cipher,
    /// Hashes texts in keys.
    names: Key,
    /// Hashes blocking keys.
    blocking: Zeroizing<[u64; 2]>,
}

impl Secrets {
    fn of(root: Key) -> Box<Self> {
        let blocking = derived(&root, b"blocking keys");
        let half = |at: usize| {
            let bytes = blocking.get(at..).and_then(|it| it.first_chunk());
            bytes.map_or(0, |it| u64::from_le_bytes(*it))
        };
        Box::new(Self {
            rows: aead::cipher(&derived(&root, b"rows")),
            wrap: aead::cipher(&derived(&root, b"data keys")),
            names: derived(&root, b"names"),
            blocking: Zeroizing::new([half(0), half(8)]),
            root,
        })
    }

    /// What stands for a text of some kind in a key.
    fn name(&self, kind: &[u8], text: &[u8]) -> [u8; HASH_BYTES] {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.names.as_slice())
            .unwrap_or_else(|_| unreachable!());
        mac.update(kind);
        mac.update(&[0]);
        mac.update(text);
        let whole: [u8; 32] = mac.finalize().into_bytes().into();
        let mut half = [0; HASH_BYTES];
        half.copy_from_slice(&whole[..HASH_BYTES]);
        half
    }
}

impl Vault {
    /// A new vault, with the row that keeps it.
    pub(crate) fn create(master: &MasterKey) -> Result<(Self, RootRow), StoreError> {
        let root = chance::key()?;
        let row = RootRow::wrap(&root, master)?;
        Ok((Self(Some(Secrets::of(root))), row))
    }

    /// The vault of a store with such a row, or without one.
    pub(crate) fn open_with(
        row: Option<&[u8]>,
        keys: &[MasterKey],
        dir: &Path,
    ) -> Result<Self, StoreError> {
        let dir = || dir.to_owned();
        let Some(row) = row else {
            return if keys.is_empty() {
                Ok(Self(None))
            } else {
                Err(StoreError::KeyUnwanted(dir()))
            };
        };
        let damaged = || StoreError::unreadable("what wraps the keys");
        let row = RootRow::decode(row).map_err(|_| damaged())?;
        match row.unwrap(keys) {
            Ok(root) => Ok(Self(Some(Secrets::of(root)))),
            Err(Unopened::NoKey) => Err(StoreError::KeyMissing(dir())),
            Err(Unopened::Other { given, due }) => {
                Err(StoreError::KeyWrong { dir: dir(), given, due })
            }
            Err(Unopened::Damaged) => Err(damaged()),
        }
    }

    /// The row that keeps this vault under another master key; `None` for a store that is not encrypted.
    pub(crate) fn wrapped_by(&self, master: &MasterKey) -> Result<Option<RootRow>, StoreError> {
        self.0.as_ref().map(|secrets| RootRow::wrap(&secrets.root, master)).transpose()
    }

    pub(crate) const fn is_sealed(&self) -> bool {
        self.0.is_some()
    }

    /// The key of a record's number. `None` for a source that is too long.
    pub(crate) fn record_key(&self, key: &RecordKey) -> Option<Vec<u8>> {
        let plain = layout::record_key(key)?;
        Some(match &self.0 {
            None => plain,
            Some(secrets) => secrets.name(b"record", &plain).to_vec(),
        })
    }

    /// What stands in the place of a record's key once the record is erased: no source has an empty name, and the ID
    /// is the keyed hash of what the key was. `None` where nothing is encrypted, or for a source that is too long.
    pub(crate) fn tombstone(&self, key: &RecordKey) -> Option<RecordKey> {
        let hash = self.0.is_some().then(|| self.record_key(key)).flatten()?;
        let digits = hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        Some(RecordKey::new("", digits))
    }

    /// The key of a record's number by the key that stands in its row.
    pub(crate) fn key_of_stored(&self, key: &RecordKey) -> Option<Vec<u8>> {
        if !key.source.is_empty() || self.0.is_none() {
            return self.record_key(key);
        }
        let pairs = key.record_id.as_bytes().chunks(2);
        pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
    }

    pub(crate) fn request_key(&self, request_id: &str) -> Vec<u8> {
        match &self.0 {
            None => request_id.as_bytes().to_vec(),
            Some(secrets) => secrets.name(b"request", request_id.as_bytes()).to_vec(),
        }
    }

    pub(crate) fn user_key(&self, name: &UserName) -> Vec<u8> {
        match &self.0 {
            None => layout::user_key(name),
            Some(secrets) => {
                [layout::USERS, &secrets.name(b"user", name.as_str().as_bytes())].concat()
            }
        }
    }

    pub(crate) fn service_key(&self, name: &UserName) -> Vec<u8> {
        match &self.0 {
            None => layout::service_key(name),
            Some(secrets) => {
                [layout::SERVICES, &secrets.name(b"service", name.as_str().as_bytes())].concat()
            }
        }
    }

    /// A blocking key as it stands on disk.
    pub(crate) fn blocking(&self, key: BlockingKey) -> BlockingKey {
        let Some(secrets) = &self.0 else { return key };
        let [left, right] = *secrets.blocking;
        let number = key.as_number();
        let hash = SipHasher24::new_with_keys(left, right).hash(&number.to_be_bytes());
        let rule = number >> BLOCKING_BITS << BLOCKING_BITS;
        BlockingKey::from_number(rule | (hash & ((1 << BLOCKING_BITS) - 1)))
    }

    pub(crate) fn posting_key(&self, key: BlockingKey, index: RecordIndex) -> [u8; 12] {
        layout::posting_key(self.blocking(key), index)
    }

    /// A row as it goes to disk, unless it is one of a record.
    pub(crate) fn seal(
        &self,
        family: Family,
        key: &[u8],
        row: Vec<u8>,
    ) -> Result<Vec<u8>, StoreError> {
        let Some(secrets) = self.0.as_ref().filter(|_| holds_values(family, key)) else {
            return Ok(row);
        };
        let mut sealed = vec![BY_STORE];
        aead::seal(&secrets.rows, &place(family, key), &row, &mut sealed)?;
        Ok(sealed)
    }

    /// What goes to disk outside of the database, at a place that must be said again to open it: sealed, or, in a store that
    /// is not encrypted, with a digest that vouches for it and for the place.
    pub(crate) fn seal_at(&self, place: &[u8], plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut sealed = Vec::with_capacity(plain.len() + OUTSIDE_BYTES_MAX);
        match &self.0 {
            None => {
                sealed.extend_from_slice(plain);
                sealed.extend_from_slice(&digest(place, plain));
            }
            Some(secrets) => aead::seal(&secrets.rows, place, plain, &mut sealed)?,
        }
        Ok(sealed)
    }

    /// The inverse of [`seal_at`](Self::seal_at). `None` for what was altered, or was at another place.
    pub(crate) fn open_at(&self, place: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        match &self.0 {
            None => {
                let (plain, due) = sealed.split_last_chunk()?;
                (digest(place, plain) == *due).then(|| plain.to_vec())
            }
            Some(secrets) => aead::open(&secrets.rows, place, sealed),
        }
    }

    /// A row as it was before it went to disk. `data_key` is asked for those of records. `None` for one that is not
    /// as it was sealed, or whose data key was destroyed.
    pub(crate) fn open<'v>(
        &self,
        family: Family,
        key: &[u8],
        value: &'v [u8],
        data_key: impl FnOnce(RecordIndex) -> Option<Key>,
    ) -> Option<Cow<'v, [u8]>> {
        let Some(secrets) = self.0.as_ref().filter(|_| holds_values(family, key)) else {
            return Some(Cow::Borrowed(value));
        };
        let (by, sealed) = value.split_first()?;
        let place = place(family, key);
        let plain = match *by {
            BY_STORE => aead::open(&secrets.rows, &place, sealed)?,
            BY_OWN if family == Family::Records => {
                let data_key = self.data_key(layout::read_index(key)?, value)?;
                aead::open(&aead::cipher(&data_key), &place, sealed.get(WRAPPED_BYTES..)?)?
            }
            BY_RECORD if family == Family::HeldUpdates => {
                let (index, sealed) = sealed.split_first_chunk::<4>()?;
                let data_key = data_key(layout::read_index(index)?)?;
                aead::open(&aead::cipher(&data_key), &place, sealed)?
            }
            _ => return None,
        };
        Some(Cow::Owned(plain))
    }

    /// The data key that stands before a record's row; `None` when it was destroyed.
    pub(crate) fn key_of_record(
        &self,
        index: RecordIndex,
        value: &[u8],
    ) -> Result<Option<Key>, StoreError> {
        if is_destroyed(value) {
            return Ok(None);
        }
        let altered = || StoreError::unreadable("the key of a record");
        self.data_key(index, value).map(Some).ok_or_else(altered)
    }

    /// The data key that stands before a record's row. `None` where it was destroyed, or is not as it was wrapped.
    fn data_key(&self, index: RecordIndex, value: &[u8]) -> Option<Key> {
        let secrets = self.0.as_ref()?;
        let wrapped = wrapped_key(value)?;
        let key = Zeroizing::new(aead::open(&secrets.wrap, &wrap_place(index), wrapped)?);
        key.as_slice().try_into().ok().map(Zeroizing::new)
    }
}

/// What vouches for bytes at a place where nothing is sealed.
fn digest(place: &[u8], plain: &[u8]) -> [u8; size_of::<u64>()] {
    let mut hash = Xxh3::new();
    hash.update(place);
    hash.update(plain);
    hash.digest().to_le_bytes()
}

/// The wrapped data key of a record's row.
fn wrapped_key(value: &[u8]) -> Option<&[u8; WRAPPED_BYTES]> {
    match value.split_first()? {
        (&BY_OWN, rest) => rest.first_chunk(),
        _ => None,
    }
}

/// Whether a record's row says that its data key was destroyed.
fn is_destroyed(value: &[u8]) -> bool {
    value.first() == Some(&BY_STORE)
}

/// Whether rows are sealed. The others hold numbers alone.
fn holds_values(family: Family, key: &[u8]) -> bool {
    match family {
        Family::Records
        | Family::Tasks
        | Family::HeldUpdates
        | Family::Events
        | Family::Requests => true,
        Family::RecordKeys
        | Family::Keys
        | Family::Persons
        | Family::OpenTasks
        | Family::KeptApart => false,
        Family::Audit => audit::is_entry(key),
        Family::Meta => {
            let sealed = [
                layout::USERS,
                layout::ACCOUNT_LOG,
                layout::SERVICES,
                layout::GLASS,
                layout::SAMPLES,
                layout::SAMPLED,
                layout::PROMOTIONS,
                layout::PROPOSALS,
            ];
            sealed.iter().any(|prefix| key.starts_with(prefix))
        }
    }
}

/// Where a row lies, which its seal is bound to.
fn place(family: Family, key: &[u8]) -> Vec<u8> {
    [family.as_str().as_bytes(), b"/", key].concat()
}

fn wrap_place(index: RecordIndex) -> [u8; 12] {
    let mut place = *b"data key0000";
    place[8..].copy_from_slice(&layout::index_key(index));
    place
}
