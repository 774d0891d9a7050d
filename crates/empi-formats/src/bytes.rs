//! From a file to UTF-8 bytes: gzip by its magic number, encodings, and how far reading has come.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use encoding_rs::{Decoder, Encoding, UTF_8};
use flate2::read::MultiGzDecoder;

use crate::FormatError;

const GZIP_MAGIC: [u8; 2] = [0x1F, 0x8B];
const UTF8_MARK: [u8; 3] = [0xEF, 0xBB, 0xBF];

/// Bytes decoded at a time.
const DECODED_BYTES: usize = 64 * 1024;

/// Room in which any character fits, with what a decoder wants to have beside it.
const CHARACTER_BYTES_MAX: usize = 16;

/// The bytes of a file, unpacked and decoded.
pub(crate) type Bytes = Box<dyn Read + Send>;

/// How far reading has come in the file as it lies on disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress(Arc<AtomicU64>);

impl Progress {
    pub(crate) fn bytes_read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, bytes: u64) {
        self.0.store(bytes, Ordering::Relaxed);
    }
}

/// Opens a regular file.
pub(crate) fn open_file(path: &Path) -> Result<File, FormatError> {
    let failed = |error| FormatError::read(path, error);
    let file = File::open(path).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        let problem = "it is not a regular file, and files are read more than once";
        return Err(FormatError::damaged(path, problem));
    }
    Ok(file)
}

/// The bytes of a file, unpacked but not decoded, without a UTF-8 mark; and the UTF-16 whose mark they
/// begin with, if so.
pub(crate) fn open_raw(
    path: &Path,
    progress: Progress,
) -> Result<(Bytes, Option<&'static Encoding>), FormatError> {
    let failed = |error| FormatError::read(path, error);
    let counted = Counted { input: open_file(path)?, progress };
    let (head, counted) = peek(counted, 2).map_err(failed)?;
    let unpacked: Bytes = if head == GZIP_MAGIC {
        Box::new(MultiGzDecoder::new(io::BufReader::with_capacity(DECODED_BYTES, counted)))
    } else {
        Box::new(counted)
    };
    let (head, unpacked) = peek(unpacked, 3).map_err(failed)?;
    if head == UTF8_MARK {
        return Ok((unpacked.rest, None));
    }
    let marked = Encoding::for_bom(&head).map(|(encoding, _)| encoding);
    Ok((Box::new(unpacked), marked))
}

/// The bytes of a file as UTF-8.
pub(crate) fn open_decoded(
    path: &Path,
    progress: Progress,
    encoding: &'static Encoding,
) -> Result<Bytes, FormatError> {
    let (raw, _) = open_raw(path, progress)?;
    if encoding == UTF_8 {
        return Ok(raw);
    }
    Ok(Box::new(Decoded {
        input: raw,
        decoder: encoding.new_decoder_with_bom_removal(),
        packed: vec![0; DECODED_BYTES],
        packed_start: 0,
        packed_end: 0,
        is_last: false,
        is_done: false,
        spilt: Vec::new(),
    }))
}

/// Counts the bytes that are read from the disk.
struct Counted {
    input: File,
    progress: Progress,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.progress.0.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// An input whose first bytes were looked at already.
struct Peeked<R> {
    head: Vec<u8>,
    taken: usize,
    rest: R,
}

fn peek<R: Read>(mut input: R, count: u64) -> io::Result<(Vec<u8>, Peeked<R>)> {
    let mut head = Vec::new();
    (&mut input).take(count).read_to_end(&mut head)?;
    Ok((head.clone(), Peeked { head, taken: 0, rest: input }))
}

impl<R: Read> Read for Peeked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.head.get(self.taken..).unwrap_or_default();
        if left.is_empty() {
            return self.rest.read(buffer);
        }
        let mut left = left;
        let count = left.read(buffer)?;
        self.taken += count;
        Ok(count)
    }
}

/// Decodes another encoding to UTF-8. What cannot be decoded becomes U+FFFD.
struct Decoded {
    input: Bytes,
    decoder: Decoder,
    packed: Vec<u8>,
    packed_start: usize,
    packed_end: usize,
    is_last: bool,
    is_done: bool,
    /// Text that was decoded and has found no room yet.
    spilt: Vec<u8>,
}

impl Read for Decoded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.spilt.is_empty() && buffer.len() >= CHARACTER_BYTES_MAX {
            return self.decode(buffer);
        }
        if self.spilt.is_empty() {
            let mut room = [0; CHARACTER_BYTES_MAX];
            let count = self.decode(&mut room)?;
            self.spilt.extend(room.iter().take(count));
        }
        let count = self.spilt.as_slice().read(buffer)?;
        self.spilt.drain(..count);
        Ok(count)
    }
}

impl Decoded {
    /// Decodes into a buffer of at least [`CHARACTER_BYTES_MAX`] bytes.
    fn decode(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.is_done {
            if self.packed_start == self.packed_end && !self.is_last {
                self.packed_start = 0;
                self.packed_end = self.input.read(&mut self.packed)?;
                self.is_last = self.packed_end == 0;
            }
            let packed = self.packed.get(self.packed_start..self.packed_end).unwrap_or_default();
            let (result, taken, written, _) =
                self.decoder.decode_to_utf8(packed, buffer, self.is_last);
            self.packed_start += taken;
            self.is_done = self.is_last && result == encoding_rs::CoderResult::InputEmpty;
            if written > 0 {
                return Ok(written);
            }
        }
        Ok(0)
    }
}
