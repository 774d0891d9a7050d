//! How far the disk has come: what is read from memory is answered only once it is durable.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Condvar, Mutex};

use crate::RegistryError;

/// Set in place of a sequence number once the registry has failed for good.
const POISONED: u64 = u64::MAX;

/// The last change that is durable, or that no more will be.
#[derive(Debug, Default)]
pub(crate) struct Durability {
    /// Read without a lock on every answer.
    durable: AtomicU64,
    lock: Mutex<()>,
    advanced: Condvar,
}

impl Durability {
    /// Everything up to this change is on disk.
    pub(crate) fn advance(&self, sequence: u64) {
        let _guard = self.lock.lock();
        if self.durable.load(Ordering::Acquire) != POISONED {
            self.durable.store(sequence, Ordering::Release);
        }
        self.advanced.notify_all();
    }

    /// Nothing more will be durable. Cannot be taken back.
    pub(crate) fn poison(&self) {
        let _guard = self.lock.lock();
        self.durable.store(POISONED, Ordering::Release);
        self.advanced.notify_all();
    }

    /// An error once the registry has failed.
    pub(crate) fn check(&self) -> Result<(), RegistryError> {
        match self.durable.load(Ordering::Acquire) {
            POISONED => Err(RegistryError::Poisoned),
            _ => Ok(()),
        }
    }

    /// Waits until a change is on disk.
    pub(crate) fn wait(&self, sequence: u64) -> Result<(), RegistryError> {
        let has_come = || {
            let durable = self.durable.load(Ordering::Acquire);
            durable >= sequence
        };
        if !has_come() {
            let mut guard = self.lock.lock();
            while !has_come() {
                self.advanced.wait(&mut guard);
            }
        }
        self.check()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn waiting_ends_with_the_disk_or_with_poison() {
        let durability = Arc::new(Durability::default());
        durability.wait(0).unwrap();
        let waiting = {
            let durability = Arc::clone(&durability);
            std::thread::spawn(move || durability.wait(5))
        };
        durability.advance(4);
        durability.advance(5);
        waiting.join().unwrap().unwrap();
        durability.poison();
        durability.advance(9);
        assert!(matches!(durability.wait(6), Err(RegistryError::Poisoned)));
        assert!(matches!(durability.check(), Err(RegistryError::Poisoned)));
    }
}
