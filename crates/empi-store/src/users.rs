//! The people who may sign in: few rows, in the family of what the store says of itself.

use empi_model::{AccountEntry, User};
use rocksdb::WriteBatch;

use crate::codec::{AccountRow, Row, UserRow};
use crate::layout::{self, Family};
use crate::snapshot::Snapshot;
use crate::store::synced;
use crate::{Store, StoreError};

impl Store {
    /// Writes a user together with the entry that tells what changed; both are on disk after `Ok`. Without
    /// an entry only how they like their pages may have changed.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub fn put_user(&self, user: &User, entry: Option<&AccountEntry>) -> Result<(), StoreError> {
        let meta = self.family(Family::Meta)?;
        let mut batch = WriteBatch::default();
        batch.put_cf(&meta, layout::user_key(&user.name), UserRow::encoded(user));
        if let Some(entry) = entry {
            batch.put_cf(&meta, layout::account_key(entry.number), AccountRow::encoded(entry));
        }
        self.write(batch, &synced())
    }
}

impl Snapshot<'_> {
    /// Every user, by name.
    pub fn users(&self) -> impl Iterator<Item = Result<User, StoreError>> {
        self.rows_below::<UserRow>(layout::USERS, layout::USERS, "a user")
    }

    /// The log of changes to users from an entry on, in order.
    pub fn account_entries(
        &self,
        from: u64,
    ) -> impl Iterator<Item = Result<AccountEntry, StoreError>> {
        self.rows_below::<AccountRow>(layout::ACCOUNT_LOG, &layout::account_key(from), "a user")
    }

    /// Rows of the meta family whose keys begin with a prefix, from one of them on.
    pub(crate) fn rows_below<R: Row>(
        &self,
        prefix: &'static [u8],
        from: &[u8],
        what: &'static str,
    ) -> impl Iterator<Item = Result<R::Word, StoreError>> + use<'_, R> {
        let rows = self.scan(Family::Meta, from, move |key, value| {
            if !key.starts_with(prefix) {
                return Ok(None);
            }
            R::decoded(value).map(Some).ok_or_else(|| StoreError::unreadable(what))
        });
        rows.map_while(Result::transpose)
    }
}
