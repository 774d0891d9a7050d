//! What is derived from all rows, in a file beside the database, so that it need not be derived at the next start.
//!
//! The file says which event it stands at and by which program it was made; what is in it is the caller's. Whoever
//! reads it takes in what changed since from the rows of the events after. It is written anew as a whole and put into
//! place by one renaming, each chunk vouches for itself and for its place, and in a store that is encrypted each is
//! sealed. Nothing rests on it: where it is missing, damaged, of another program or of another past, what it holds is
//! derived again.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read as _, Write as _};
use std::path::PathBuf;

use empi_model::EventSequence;
use xxhash_rust::xxh3::xxh3_64;

use crate::layout::{self, Family};
use crate::vault::OUTSIDE_BYTES_MAX;
use crate::{Store, StoreError};

/// The file, and what it is called until it is whole.
const NAME: &str = "derived";
const UNFINISHED: &str = "derived.unfinished";

/// How the file begins; the last byte is the version of its form.
const MAGIC: [u8; 8] = *b"empider\x01";

/// Bytes of what the file says of itself.
const HEAD_BYTES: usize = 32;

/// Longest chunk, in bytes: what more is said of a length is damage.
const CHUNK_BYTES_MAX: usize = 256 << 20;

/// At what a file of derived values stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    /// Which program made it: another might derive otherwise.
    program: u64,
    /// The last event whose changes are in it.
    events: u64,
    /// A hash of that event's row, so that another past with as many events is told apart.
    mark: u64,
}

impl Head {
    fn to_bytes(self) -> [u8; HEAD_BYTES] {
        let mut bytes = [0; HEAD_BYTES];
        let numbers = [self.program, self.events, self.mark].map(u64::to_le_bytes);
        let parts = std::iter::once(MAGIC).chain(numbers);
        bytes.chunks_exact_mut(8).zip(parts).for_each(|(place, part)| place.copy_from_slice(&part));
        bytes
    }

    fn from_bytes(bytes: &[u8; HEAD_BYTES]) -> Option<Self> {
        let (magic, rest) = bytes.split_first_chunk::<8>()?;
        let mut numbers = rest.chunks_exact(8).filter_map(|it| it.first_chunk());
        let mut number = || numbers.next().map(|it| u64::from_le_bytes(*it));
        let head = Self { program: number()?, events: number()?, mark: number()? };
        (*magic == MAGIC).then_some(head)
    }

    /// Where a chunk lies, which it is bound to.
    fn place(self, chunk: u64) -> Vec<u8> {
        [b"derived/".as_slice(), &self.to_bytes(), &chunk.to_le_bytes()].concat()
    }
}

/// A file of derived values that is being read.
pub struct Derived<'s> {
    store: &'s Store,
    file: BufReader<File>,
    head: Head,
    next: u64,
    is_whole: bool,
}

/// A chunk as it lies in the file, to be opened on any thread.
pub struct DerivedChunk {
    bytes: Vec<u8>,
    number: u64,
}

impl std::fmt::Debug for Derived<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Derived").field("head", &self.head).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for DerivedChunk {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("DerivedChunk").field("number", &self.number).finish_non_exhaustive()
    }
}

impl Derived<'_> {
    /// The last event whose changes are in it.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.head.events
    }

    /// The next chunks, at most so many; none when it was read to its end.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it ends too early; [`StoreError::Io`] when it cannot be read.
    pub fn next_chunks(&mut self, count: usize) -> Result<Vec<DerivedChunk>, StoreError> {
        let mut chunks = Vec::new();
        while chunks.len() < count && !self.is_whole {
            let bytes = self.read_chunk().map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => damaged(),
                _ => StoreError::Io(error),
            })?;
            let chunk = DerivedChunk { bytes, number: self.next };
            self.next += 1;
            // Whoever asked opens the chunks, on all cores; only one that may be the empty one at the end is opened here.
            let may_be_end = chunk.bytes.len() <= OUTSIDE_BYTES_MAX;
            if may_be_end && self.open(&chunk)?.is_empty() {
                self.is_whole = true;
            } else {
                chunks.push(chunk);
            }
        }
        Ok(chunks)
    }

    fn read_chunk(&mut self) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.file.read_exact(&mut length)?;
        let length = u32::from_le_bytes(length) as usize;
        if length > CHUNK_BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut bytes = vec![0; length];
        self.file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// What was put into a chunk.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] for one that is not as it was written, or was written elsewhere.
    pub fn open(&self, chunk: &DerivedChunk) -> Result<Vec<u8>, StoreError> {
        let place = self.head.place(chunk.number);
        self.store.vault.open_at(&place, &chunk.bytes).ok_or_else(damaged)
    }
}

fn damaged() -> StoreError {
    StoreError::Damaged("what was derived at an earlier start".to_owned())
}

impl Store {
    /// Keeps what a program derived from all rows, in chunks that are not empty. No commit may go on meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Poisoned`] after an earlier failure; [`StoreError::Io`] when it cannot be written, and what was kept
    /// before is forgotten then.
    pub fn keep_derived(
        &self,
        program: u64,
        chunks: impl Iterator<Item = Vec<u8>>,
    ) -> Result<(), StoreError> {
        self.refuse_if_poisoned()?;
        self.forget_derived()?;
        let events = self.snapshot().counters()?.events;
        let mark = self.mark_of(events)?.unwrap_or_default();
        let head = Head { program, events, mark };
        let written = self.write_derived(head, chunks);
        if written.is_err() {
            // The error that is told is the first; what is left behind is written over by the next.
            drop(self.forget_derived());
        }
        written
    }

    fn write_derived(
        &self,
        head: Head,
        chunks: impl Iterator<Item = Vec<u8>>,
    ) -> Result<(), StoreError> {
        let path = self.dir.join(UNFINISHED);
        let mut file = BufWriter::new(File::create(&path)?);
        file.write_all(&head.to_bytes())?;
        // An empty chunk is the end: a file that was cut has none.
        for (number, plain) in (0..).zip(chunks.chain([Vec::new()])) {
            let bytes = self.vault.seal_at(&head.place(number), &plain)?;
            let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            file.write_all(&length.to_le_bytes())?;
            file.write_all(&bytes)?;
        }
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&path, self.derived_path())?;
        Ok(File::open(&self.dir)?.sync_all()?)
    }

    /// What a program kept by [`keep_derived`](Self::keep_derived); `None` where there is nothing, or nothing that fits
    /// this program and the events of this store.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn derived(&self, program: u64) -> Result<Option<Derived<'_>>, StoreError> {
        let Ok(file) = File::open(self.derived_path()) else { return Ok(None) };
        let mut file = BufReader::with_capacity(1 << 20, file);
        let mut head = [0; HEAD_BYTES];
        if file.read_exact(&mut head).is_err() {
            return Ok(None);
        }
        let Some(head) = Head::from_bytes(&head).filter(|head| head.program == program) else {
            return Ok(None);
        };
        if self.mark_of(head.events)? != Some(head.mark) {
            return Ok(None);
        }
        Ok(Some(Derived { store: self, file, head, next: 0, is_whole: false }))
    }

    /// Removes what was kept, also what was begun.
    ///
    /// # Errors
    /// [`StoreError::Io`] when it cannot be removed.
    pub fn forget_derived(&self) -> Result<(), StoreError> {
        for path in [self.derived_path(), self.dir.join(UNFINISHED)] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(error.into());
                }
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    fn derived_path(&self) -> PathBuf {
        self.dir.join(NAME)
    }

    /// What tells a store's past up to an event from any other; `None` for an event that has not happened.
    fn mark_of(&self, events: u64) -> Result<Option<u64>, StoreError> {
        if events == 0 {
            return Ok(Some(0));
        }
        let key = layout::event_key(EventSequence(events));
        let row = self.db.get_pinned_cf(&self.family(Family::Events)?, key)?;
        Ok(row.map(|row| xxh3_64(&row)))
    }
}
