//! Rows of the audit trail.

use std::sync::Arc;

use empi_model::{
    Asked, Asker, AuditEntry, AuditOutcome, EnterpriseId, EventSequence, Interface, Operation,
    Purpose, Timestamp,
};
use prost::Message;

use super::Row;

#[derive(Clone, PartialEq, Message)]
pub(crate) struct AuditRow {
    #[prost(int64, tag = "1")]
    time: i64,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(uint32, tag = "3")]
    interface: u32,
    /// An address as text; empty where it is not known.
    #[prost(string, tag = "4")]
    address: String,
    #[prost(uint32, tag = "5")]
    purpose: u32,
    #[prost(string, tag = "6")]
    reason: String,
    #[prost(uint32, tag = "7")]
    operation: u32,
    #[prost(uint32, tag = "8")]
    outcome: u32,
    /// 0 for none.
    #[prost(uint64, tag = "9")]
    event: u64,
    #[prost(fixed64, repeated, tag = "10")]
    persons: Vec<u64>,
    /// 0 where it is the number of `persons`.
    #[prost(uint32, tag = "11")]
    persons_total: u32,
    /// 0 for once.
    #[prost(uint32, tag = "12")]
    times: u32,
}

impl Row for AuditRow {
    type Word = AuditEntry;

    fn of(entry: &AuditEntry) -> Self {
        let Asked { asker, operation } = &entry.asked;
        let named = entry.persons.len() as u32;
        Self {
            time: entry.time.0,
            name: asker.name.clone(),
            interface: asker.interface as u32,
            address: asker.address.map(|address| address.to_string()).unwrap_or_default(),
            purpose: asker.purpose as u32,
            reason: asker.reason.clone(),
            operation: *operation as u32,
            outcome: entry.outcome as u32,
            event: entry.event.map_or(0, |event| event.0),
            persons: entry.persons.iter().map(|person| person.as_number()).collect(),
            persons_total: if entry.persons_total == named { 0 } else { entry.persons_total },
            times: if entry.times == 1 { 0 } else { entry.times },
        }
    }

    fn word(self) -> Option<AuditEntry> {
        let named = u32::try_from(self.persons.len()).ok()?;
        let asker = Asker {
            name: self.name,
            interface: Interface::ALL.into_iter().find(|it| *it as u32 == self.interface)?,
            address: match self.address.as_str() {
                "" => None,
                address => Some(address.parse().ok()?),
            },
            purpose: Purpose::ALL.into_iter().find(|it| *it as u32 == self.purpose)?,
            reason: self.reason,
        };
        Some(AuditEntry {
            time: Timestamp(self.time),
            asked: Asked {
                asker: Arc::new(asker),
                operation: Operation::from_number(self.operation)?,
            },
            outcome: AuditOutcome::ALL.into_iter().find(|it| *it as u32 == self.outcome)?,
            event: (self.event != 0).then_some(EventSequence(self.event)),
            persons: self.persons.into_iter().map(EnterpriseId::from_number).collect(),
            persons_total: if self.persons_total == 0 { named } else { self.persons_total },
            times: if self.times == 0 { 1 } else { self.times },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back_as_they_went() {
        for operation in Operation::ALL {
            for (at, outcome) in AuditOutcome::ALL.into_iter().enumerate() {
                let asker = Asker {
                    name: "portal".to_owned(),
                    interface: Interface::ALL[at],
                    address: [None, Some("10.0.0.8".parse().unwrap())][at % 2],
                    purpose: Purpose::ALL[at],
                    reason: ["", "why"][at % 2].to_owned(),
                };
                let asked = Asked { asker: Arc::new(asker), operation };
                let persons = (0..at as u64 * 60).map(EnterpriseId::from_number).collect();
                let mut entry = AuditEntry::new(Timestamp(-7), asked, outcome, persons);
                entry.times = 1 + at as u32;
                entry.event = (at > 1).then_some(EventSequence(9));
                assert_eq!(AuditRow::decoded(&AuditRow::encoded(&entry)), Some(entry));
            }
        }
        assert_eq!(AuditRow::decoded(&AuditRow::default().encode_to_vec()), None);
    }
}
