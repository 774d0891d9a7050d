//! The list of a backup: a text file with one line per fact, and its own checksum at the end.
//!
//! ```text
//! empi-backup 1
//! format 2
//! counters RECORDS PERSONS_MINTED TASKS EVENTS REQUESTS_FORGOTTEN
//! file CHECKSUM BYTES NAME
//! end CHECKSUM
//! ```
//!
//! Checksums are XXH3 of 128 bits in hexadecimal, as `xxhsum -H2` prints them.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::str::FromStr;

use empi_model::EventSequence;
use xxhash_rust::xxh3::xxh3_128;

use super::BackupReport;
use crate::{Counters, StoreError};

/// The list's name in a backup.
pub(crate) const LIST: &str = "BACKUP";

/// The version of the list.
const LIST_VERSION: u32 = 1;

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BackupList {
    /// The format of the store.
    pub(super) format: u32,
    pub(super) counters: Counters,
    pub(super) files: Vec<ListedFile>,
}

/// One file of a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ListedFile {
    pub(super) checksum: u128,
    pub(super) bytes: u64,
    pub(super) name: String,
}

impl BackupList {
    pub(super) fn report(&self) -> BackupReport {
        BackupReport {
            counters: self.counters,
            files: self.files.len() as u64,
            bytes: self.files.iter().map(|file| file.bytes).sum(),
        }
    }

    /// Writes the list into a backup, synced.
    pub(super) fn write(&self, backup: &Path) -> Result<(), StoreError> {
        let mut file = File::create_new(backup.join(LIST))?;
        file.write_all(self.text().as_bytes())?;
        Ok(file.sync_all()?)
    }

    /// Reads the list of a backup.
    pub(super) fn read(backup: &Path) -> Result<Self, StoreError> {
        let path = backup.join(LIST);
        if !path.is_file() {
            return Err(StoreError::NoBackup(backup.to_owned()));
        }
        let text = String::from_utf8_lossy(&std::fs::read(path)?).into_owned();
        Self::parse(&text).map_err(|wrong| match wrong {
            Wrong::Newer(found) => StoreError::Newer { found, supported: LIST_VERSION },
            Wrong::Damaged => StoreError::BackupDamaged {
                dir: backup.to_owned(),
                what: format!("its list {LIST} does not read"),
            },
        })
    }

    fn text(&self) -> String {
        let Counters { records, persons_minted, tasks, events, requests_forgotten } = self.counters;
        let forgotten = requests_forgotten.0;
        let mut text = format!(
            "empi-backup {LIST_VERSION}\nformat {}\n\
             counters {records} {persons_minted} {tasks} {events} {forgotten}\n",
            self.format
        );
        for ListedFile { checksum, bytes, name } in &self.files {
            // Writing into memory does not fail.
            let _ = writeln!(text, "file {checksum:032x} {bytes} {name}");
        }
        let checksum = xxh3_128(text.as_bytes());
        let _ = writeln!(text, "end {checksum:032x}");
        text
    }

    fn parse(text: &str) -> Result<Self, Wrong> {
        let version = text.lines().next().and_then(|line| line.strip_prefix("empi-backup "));
        match version.and_then(|version| version.parse().ok()) {
            Some(LIST_VERSION) => {}
            Some(later) if later > LIST_VERSION => return Err(Wrong::Newer(later)),
            _ => return Err(Wrong::Damaged),
        }
        let (listed, end) = text.rsplit_once("end ").ok_or(Wrong::Damaged)?;
        let checksum = u128::from_str_radix(end.trim_end(), 16).map_err(|_| Wrong::Damaged)?;
        if checksum != xxh3_128(listed.as_bytes()) {
            return Err(Wrong::Damaged);
        }
        let mut list = Self { format: 0, counters: Counters::default(), files: Vec::new() };
        for line in listed.lines().skip(1) {
            list.take(line).ok_or(Wrong::Damaged)?;
        }
        Ok(list)
    }

    fn take(&mut self, line: &str) -> Option<()> {
        let (word, rest) = line.split_once(' ')?;
        match word {
            "format" => self.format = rest.parse().ok()?,
            "counters" => {
                let mut counts = rest.split(' ');
                self.counters = Counters {
                    records: next(&mut counts)?,
                    persons_minted: next(&mut counts)?,
                    tasks: next(&mut counts)?,
                    events: next(&mut counts)?,
                    requests_forgotten: EventSequence(next(&mut counts)?),
                };
            }
            "file" => {
                let mut parts = rest.splitn(3, ' ');
                let checksum = u128::from_str_radix(parts.next()?, 16).ok()?;
                let (bytes, name) = (next(&mut parts)?, parts.next()?.to_owned());
                // A name leads nowhere but into the directory that it is restored to.
                if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\']) {
                    return None;
                }
                self.files.push(ListedFile { checksum, bytes, name });
            }
            _ => return None,
        }
        Some(())
    }
}

/// Why a list is refused.
#[derive(Debug, PartialEq, Eq)]
enum Wrong {
    Newer(u32),
    Damaged,
}

fn next<'a, T: FromStr>(words: &mut impl Iterator<Item = &'a str>) -> Option<T> {
    words.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> BackupList {
        let counters = Counters {
            records: 3,
            persons_minted: 2,
            tasks: 1,
            events: 4,
            requests_forgotten: EventSequence(1),
        };
        let file = |checksum, bytes, name: &str| ListedFile { checksum, bytes, name: name.into() };
        let files = vec![file(u128::MAX - 5, 77, "000012.sst"), file(9, 0, "CURRENT")];
        BackupList { format: 2, counters, files }
    }

    #[test]
    fn a_list_reads_as_it_was_written() {
        assert_eq!(BackupList::parse(&list().text()), Ok(list()));
    }

    #[test]
    fn a_list_altered_anywhere_is_refused() {
        let text = list().text();
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            let altered = String::from_utf8_lossy(&bytes).into_owned();
            // The last line break carries nothing.
            let is_whole = BackupList::parse(&altered) == Ok(list());
            assert!(at == text.len() - 1 || !is_whole, "byte {at}");
            if at < text.len() - 1 {
                assert!(BackupList::parse(&text[..at]).is_err(), "cut at {at}");
            }
        }
    }

    #[test]
    fn a_later_list_is_refused_as_such() {
        let later = list().text().replace("empi-backup 1", "empi-backup 2");
        assert_eq!(BackupList::parse(&later), Err(Wrong::Newer(2)));
    }

    #[test]
    fn a_name_leads_nowhere_else() {
        for name in ["../etc/passwd", "/etc/passwd", "..", ".hidden", ""] {
            let mut bad = list();
            name.clone_into(&mut bad.files[0].name);
            assert_eq!(BackupList::parse(&bad.text()), Err(Wrong::Damaged), "{name}");
        }
    }
}
