//! Sorting more postings than fit into memory: sorted runs in one temporary file, merged at the end.
//!
//! Handing the runs to RocksDB as they are would be simpler, but files whose keys overlap pile up in its
//! first level, and from 36 of them on (about 7 million records) it takes no writes until they are
//! compacted. Merged, they go into the last level and are never touched again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// A blocking key and a record index, as in the key of a row.
pub(crate) type Posting = [u8; POSTING_BYTES];

const POSTING_BYTES: usize = 12;

/// Bytes read ahead from each run while merging.
const READ_BYTES: usize = 4096 * POSTING_BYTES;

/// Postings on their way to a sorted whole.
#[derive(Debug)]
pub(crate) struct Postings {
    /// Those not yet in the file.
    waiting: Vec<Posting>,
    /// How many wait before they are sorted and written.
    run_max: usize,
    file: File,
    /// Where each run begins and ends, in bytes.
    runs: Vec<(u64, u64)>,
}

impl Postings {
    /// Starts with a new temporary file; runs have at most `run_max` postings.
    pub(crate) fn start(path: &Path, run_max: usize) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        // All the room at once: growing would need twice as much for a moment.
        Ok(Self { waiting: Vec::with_capacity(run_max), run_max, file, runs: Vec::new() })
    }

    pub(crate) fn add(&mut self, posting: Posting) -> io::Result<()> {
        if self.waiting.len() >= self.run_max {
            self.write_run()?;
        }
        self.waiting.push(posting);
        Ok(())
    }

    fn write_run(&mut self) -> io::Result<()> {
        self.waiting.sort_unstable();
        self.waiting.dedup();
        let begin = self.runs.last().map_or(0, |(_, end)| *end);
        let mut writer = BufWriter::with_capacity(1 << 20, &self.file);
        for posting in &self.waiting {
            writer.write_all(posting)?;
        }
        writer.flush()?;
        let bytes = self.waiting.len() as u64 * POSTING_BYTES as u64;
        self.runs.push((begin, begin + bytes));
        self.waiting.clear();
        Ok(())
    }

    /// All postings in order, each once.
    pub(crate) fn merge(mut self) -> io::Result<Merged> {
        self.write_run()?;
        let mut merged = Merged {
            runs: self.runs.into_iter().map(|(begin, end)| Run::new(begin, end)).collect(),
            file: self.file,
            heads: BinaryHeap::new(),
            last: None,
        };
        for run in 0..merged.runs.len() {
            merged.refill(run)?;
        }
        Ok(merged)
    }
}

/// Postings in order; see [`Postings::merge`].
#[derive(Debug)]
pub(crate) struct Merged {
    file: File,
    runs: Vec<Run>,
    /// The next posting of each run that has one, with the run's place.
    heads: BinaryHeap<Reverse<(Posting, usize)>>,
    last: Option<Posting>,
}

impl Merged {
    /// The next posting; `None` after the last.
    pub(crate) fn next(&mut self) -> io::Result<Option<Posting>> {
        while let Some(Reverse((posting, run))) = self.heads.pop() {
            self.refill(run)?;
            if self.last != Some(posting) {
                self.last = Some(posting);
                return Ok(self.last);
            }
        }
        Ok(None)
    }

    fn refill(&mut self, place: usize) -> io::Result<()> {
        if let Some(run) = self.runs.get_mut(place)
            && let Some(posting) = run.next(&self.file)?
        {
            self.heads.push(Reverse((posting, place)));
        }
        Ok(())
    }
}

/// A sorted part of the file, read bit by bit.
#[derive(Debug)]
struct Run {
    begin: u64,
    end: u64,
    buffer: Vec<u8>,
    at: usize,
}

impl Run {
    fn new(begin: u64, end: u64) -> Self {
        Self { begin, end, buffer: Vec::new(), at: 0 }
    }

    fn next(&mut self, file: &File) -> io::Result<Option<Posting>> {
        if self.at == self.buffer.len() {
            let bytes = (self.end - self.begin).min(READ_BYTES as u64);
            self.buffer.resize(usize::try_from(bytes).unwrap_or(READ_BYTES), 0);
            file.read_exact_at(&mut self.buffer, self.begin)?;
            self.begin += bytes;
            self.at = 0;
        }
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        let Some(posting) = rest.first_chunk::<POSTING_BYTES>() else { return Ok(None) };
        self.at += POSTING_BYTES;
        Ok(Some(*posting))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sorted(postings: &[Posting], run_max: usize) -> Vec<Posting> {
        let dir = tempfile::TempDir::new().unwrap();
        let mut unsorted = Postings::start(&dir.path().join("postings"), run_max).unwrap();
        for posting in postings {
            unsorted.add(*posting).unwrap();
        }
        let mut merged = unsorted.merge().unwrap();
        std::iter::from_fn(|| merged.next().unwrap()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn runs_of_any_length_merge_to_the_sorted_whole(
            numbers in prop::collection::vec(0_u32..500, 0..2000),
            run_max in 1_usize..700,
        ) {
            let posting = |number: &u32| {
                let mut posting = [0; POSTING_BYTES];
                posting[5..9].copy_from_slice(&number.to_be_bytes());
                posting
            };
            let postings: Vec<Posting> = numbers.iter().map(posting).collect();
            let mut expected = postings.clone();
            expected.sort_unstable();
            expected.dedup();
            prop_assert_eq!(sorted(&postings, run_max), expected);
        }
    }

    #[test]
    fn runs_longer_than_a_read_are_read_whole() {
        let posting = |number: u32| {
            let mut posting = [0; POSTING_BYTES];
            posting[8..].copy_from_slice(&number.to_be_bytes());
            posting
        };
        let postings: Vec<Posting> = (0..20_000).rev().map(posting).collect();
        let expected: Vec<Posting> = (0..20_000).map(posting).collect();
        assert_eq!(sorted(&postings, 9_000), expected);
    }
}
