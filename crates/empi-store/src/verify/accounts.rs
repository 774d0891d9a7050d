//! Users, the log of changes to them, the accounts of programs, emergencies, and the audit trail.

use std::collections::BTreeSet;

use super::Walk;
use crate::codec::{AccountRow, GlassRow, Row as _, ServiceRow, UserRow};
use crate::layout::{self, Family};

impl Walk<'_> {
    /// Every user reads and stands under their name; the log has no gap, and tells of every user and of
    /// nobody else.
    pub(super) fn check_users(&mut self) {
        let vault = self.snapshot.vault();
        let rows =
            self.snapshot.scan(Family::Meta, b"", |key, value| Ok((key.to_vec(), value.to_vec())));
        let (mut users, mut told, mut entries) = (BTreeSet::new(), BTreeSet::new(), 0);
        let mut emergencies = 0;
        for row in rows {
            let Some((key, value)) = self.report.take(row, "users") else { break };
            if key.starts_with(layout::USERS) {
                let user = UserRow::decoded(&value);
                let stands = user.filter(|user| vault.user_key(&user.name) == key);
                self.report.check(stands.is_some(), || "a user does not read".to_owned());
                users.extend(stands.map(|user| user.name));
            } else if key.starts_with(layout::SERVICES) {
                let account = ServiceRow::decoded(&value);
                let stands = account.is_some_and(|it| vault.service_key(&it.name) == key);
                self.report.check(stands, || "the account of a program does not read".to_owned());
            } else if key.starts_with(layout::GLASS) {
                emergencies += 1;
                let glass = GlassRow::decoded(&value).filter(|glass| {
                    glass.number == emergencies && layout::glass_key(glass.number) == key
                });
                self.report.check(glass.is_some(), || {
                    format!("emergency {emergencies} is missing or does not read")
                });
            } else if key.starts_with(layout::ACCOUNT_LOG) {
                entries += 1;
                let entry = AccountRow::decoded(&value).filter(|entry| {
                    entry.number == entries && layout::account_key(entry.number) == key
                });
                self.report.check(entry.is_some(), || {
                    format!("entry {entries} of the log of changes to users is missing or damaged")
                });
                told.extend(entry.map(|entry| entry.user));
            }
        }
        self.report.check(users == told, || {
            "the log of changes to users tells of others than there are".to_owned()
        });
    }

    /// The audit trail is whole, and has an entry for every event since it began.
    pub(super) fn check_audit(&mut self) {
        let report = match self.snapshot.verify_audit(&[]) {
            Ok(report) => report,
            Err(error) => {
                let sentence = || format!("the audit trail cannot be read to the end: {error}");
                return self.report.check(false, sentence);
            }
        };
        let told = report.problems.len() as u64;
        for problem in &report.problems {
            self.report.check(false, || format!("audit trail: {problem}"));
        }
        self.report.problem_count += report.problem_count - told;
        let due =
            report.first_event.map_or(0, |first| (self.counters.events + 1).saturating_sub(first));
        self.report.check(report.events == due || report.problem_count > 0, || {
            format!("the audit trail tells of {} events where there are {due}", report.events)
        });
    }
}
