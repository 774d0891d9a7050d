//! The contingency table of two partitions: how many records share a cluster on both sides.

use std::collections::BTreeMap;

/// A record with its place in both partitions. Sorts by truth, then by predicted cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PlacedRecord {
    pub(super) truth: u32,
    pub(super) predicted: u32,
    pub(super) index: u32,
}

/// The records whose truth is known, sorted.
pub(super) fn placed_records(predicted: &[u32], truth: &[Option<u32>]) -> Vec<PlacedRecord> {
    let mut placed: Vec<PlacedRecord> = (0..)
        .zip(predicted.iter().zip(truth))
        .filter_map(|(index, (&predicted, &truth))| {
            truth.map(|truth| PlacedRecord { truth, predicted, index })
        })
        .collect();
    placed.sort_unstable();
    placed
}

/// How many records share a truth cluster and a predicted cluster.
#[derive(Clone, Copy)]
pub(super) struct Cell {
    pub(super) truth: u32,
    pub(super) predicted: u32,
    pub(super) count: u64,
    /// On how many sides the cell is a whole cluster: 2 for an exact cluster.
    pub(super) pure_sides: u8,
}

/// The non-empty cells of the contingency table, sorted by truth, then by predicted cluster.
pub(super) fn contingency(placed: &[PlacedRecord]) -> Vec<Cell> {
    placed
        .chunk_by(|left, right| (left.truth, left.predicted) == (right.truth, right.predicted))
        .filter_map(|records| {
            let PlacedRecord { truth, predicted, .. } = *records.first()?;
            Some(Cell { truth, predicted, count: records.len() as u64, pure_sides: 0 })
        })
        .collect()
}

/// One of the two partitions, measured through the cells.
pub(super) struct Side {
    pub(super) clusters: u64,
    pub(super) pairs: u64,
    /// How often a cell of `count` records lies in a cluster of `size` records. Summing over these
    /// few kinds, in order, gives the same floating-point sum however clusters are numbered.
    cell_kinds: BTreeMap<(u64, u64), u64>,
}

impl Side {
    pub(super) fn measure(cells: &mut [Cell], cluster: impl Fn(&Cell) -> u32) -> Self {
        cells.sort_unstable_by_key(|cell| (cluster(cell), cell.truth, cell.predicted));
        let mut side = Self { clusters: 0, pairs: 0, cell_kinds: BTreeMap::new() };
        for parts in cells.chunk_by_mut(|left, right| cluster(left) == cluster(right)) {
            let size = parts.iter().map(|cell| cell.count).sum();
            side.clusters += 1;
            side.pairs += pairs_among(size);
            if let [whole] = parts {
                whole.pure_sides += 1;
            }
            for cell in parts {
                *side.cell_kinds.entry((cell.count, size)).or_default() += 1;
            }
        }
        side
    }

    /// The mean over records of the share of their cluster that lies in their own cell.
    pub(super) fn b_cubed(&self, records: u64) -> Option<f64> {
        let sum: f64 = self
            .cell_kinds
            .iter()
            .map(|(&(count, size), &cells)| (cells * count) as f64 * (count as f64 / size as f64))
            .sum();
        (records > 0).then(|| sum / records as f64)
    }
}

/// Pairs among that many records.
pub(super) fn pairs_among(records: u64) -> u64 {
    records * records.saturating_sub(1) / 2
}

/// A share; undefined when the whole is 0.
pub(super) fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
