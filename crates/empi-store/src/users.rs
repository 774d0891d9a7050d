//! The people who may sign in and the programs that may call: few rows, in the family of what the store says of
//! itself.

use empi_model::{AccountEntry, AuditEntry, BrokenGlass, ServiceAccount, User};
use rocksdb::WriteBatch;

use crate::codec::{AccountRow, GlassRow, Row, ServiceRow, UserRow};
use crate::layout::{self, Family};
use crate::snapshot::Snapshot;
use crate::store::synced;
use crate::{Store, StoreError};

impl Store {
    /// Writes a user together with the entry that tells what changed; and its audit entry; all are on disk after `Ok`. Without
    /// an entry only how they like their pages may have changed.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub fn put_user(
        &self,
        user: &User,
        entry: Option<(&AccountEntry, &AuditEntry)>,
    ) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        let mut end = self.audit_end();
        let mut head = *end;
        let key = self.vault.user_key(&user.name);
        self.put(&mut batch, Family::Meta, &key, UserRow::encoded(user))?;
        if let Some((entry, audited)) = entry {
            self.stage_entry(&mut batch, &mut head, audited)?;
            let key = layout::account_key(entry.number);
            self.put(&mut batch, Family::Meta, &key, AccountRow::encoded(entry))?;
        }
        self.write(batch, &synced())?;
        *end = head;
        Ok(())
    }

    /// Writes the account of a program together with the audit entry of its change; both are on disk after `Ok`.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub fn put_service(
        &self,
        account: &ServiceAccount,
        audited: &AuditEntry,
    ) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        let mut end = self.audit_end();
        let mut head = *end;
        self.stage_entry(&mut batch, &mut head, audited)?;
        let key = self.vault.service_key(&account.name);
        self.put(&mut batch, Family::Meta, &key, ServiceRow::encoded(account))?;
        self.write(batch, &synced())?;
        *end = head;
        Ok(())
    }
}

impl Store {
    /// Writes an emergency, stated or looked at, together with its audit entry; both are on disk after `Ok`.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub fn put_glass(&self, glass: &BrokenGlass, audited: &AuditEntry) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        let mut end = self.audit_end();
        let mut head = *end;
        self.stage_entry(&mut batch, &mut head, audited)?;
        let key = layout::glass_key(glass.number);
        self.put(&mut batch, Family::Meta, &key, GlassRow::encoded(glass))?;
        self.write(batch, &synced())?;
        *end = head;
        Ok(())
    }
}

impl Snapshot<'_> {
    /// Every emergency that was stated, in order.
    pub fn glass(&self) -> impl Iterator<Item = Result<BrokenGlass, StoreError>> {
        self.rows_below::<GlassRow>(layout::GLASS, layout::GLASS, "an emergency")
    }

    /// Every user, in no order that means anything.
    pub fn users(&self) -> impl Iterator<Item = Result<User, StoreError>> {
        self.rows_below::<UserRow>(layout::USERS, layout::USERS, "a user")
    }

    /// Every account of a program, in no order that means anything.
    pub fn services(&self) -> impl Iterator<Item = Result<ServiceAccount, StoreError>> {
        self.rows_below::<ServiceRow>(
            layout::SERVICES,
            layout::SERVICES,
            "the account of a program",
        )
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
