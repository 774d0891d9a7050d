//! Chance for keys and nonces, from the operating system.

use std::cell::RefCell;

use zeroize::{Zeroize as _, Zeroizing};

use super::aead::{KEY_BYTES, Key};
use crate::StoreError;

/// Bytes that are asked for at a time: a call into the system costs more than all of them.
const STOCK_BYTES: usize = 4096;

/// What this thread has left.
struct Stock {
    bytes: Zeroizing<[u8; STOCK_BYTES]>,
    used: usize,
}

thread_local! {
    static STOCK: RefCell<Stock> =
        RefCell::new(Stock { bytes: Zeroizing::new([0; STOCK_BYTES]), used: STOCK_BYTES });
}

/// Random bytes, which nothing remembers afterwards.
pub(super) fn bytes<const COUNT: usize>() -> Result<[u8; COUNT], StoreError> {
    STOCK.with_borrow_mut(|stock| {
        if stock.used + COUNT > STOCK_BYTES {
            getrandom::fill(stock.bytes.as_mut_slice()).map_err(|_| StoreError::NoChance)?;
            stock.used = 0;
        }
        let mut taken = [0; COUNT];
        let rest = stock.bytes.get_mut(stock.used..stock.used + COUNT);
        let rest = rest.ok_or(StoreError::NoChance)?;
        taken.copy_from_slice(rest);
        rest.zeroize();
        stock.used += COUNT;
        Ok(taken)
    })
}

/// A new key.
pub(super) fn key() -> Result<Key, StoreError> {
    bytes::<KEY_BYTES>().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_bytes_come_twice_and_none_stay_behind() {
        let mut seen = HashSet::new();
        for _ in 0..2000 {
            assert!(seen.insert(bytes::<24>().unwrap()));
        }
        STOCK.with_borrow(|stock| {
            assert!(stock.bytes[..stock.used].iter().all(|byte| *byte == 0));
            assert!(stock.bytes[stock.used..].iter().any(|byte| *byte != 0));
        });
    }
}
