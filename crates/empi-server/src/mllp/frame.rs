//! MLLP frames: `0x0B`, the message, `0x1C 0x0D`.

/// The mark in front of a message.
const START: u8 = 0x0B;
/// The first of two marks behind it; the second is a carriage return.
const END: u8 = 0x1C;

/// A message in its frame.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(message.len() + 3);
    frame.push(START);
    frame.extend_from_slice(message);
    frame.extend_from_slice(&[END, b'\r']);
    frame
}

/// Bytes of a connection, and the frames in them.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    /// What has come and was not taken yet, from the mark in front of a frame on.
    buffer: Vec<u8>,
    /// How much of it was searched for the end.
    searched: usize,
}

impl Frames {
    /// Takes bytes that have come. What lies between frames is dropped; a mark of a new frame inside another
    /// one that has no end drops the older one: its sender has given it up.
    pub(crate) fn take(&mut self, bytes: &[u8]) {
        if self.buffer.is_empty() {
            let Some(start) = bytes.iter().position(|byte| *byte == START) else { return };
            self.buffer.extend_from_slice(bytes.get(start..).unwrap_or_default());
        } else {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next whole message, if it has come.
    pub(crate) fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            let rest = self.buffer.get(self.searched.max(1)..)?;
            let at = rest.iter().position(|byte| matches!(*byte, START | END));
            let Some(at) = at.map(|at| at + self.searched.max(1)) else {
                self.searched = self.buffer.len();
                return None;
            };
            if self.buffer.get(at) == Some(&START) {
                self.buffer.drain(..at);
                self.searched = 0;
                continue;
            }
            match self.buffer.get(at + 1) {
                Some(b'\r') => {
                    let message = self.buffer.get(1..at).unwrap_or_default().to_vec();
                    let rest = self.buffer.split_off(at + 2);
                    *self = Self::default();
                    self.take(&rest);
                    return Some(message);
                }
                // A file separator inside a message is the message's own matter.
                Some(_) => self.searched = at + 1,
                None => {
                    self.searched = at;
                    return None;
                }
            }
        }
    }

    /// Bytes of a message that is not whole yet.
    pub(crate) fn pending(&self) -> usize {
        self.buffer.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(frames: &mut Frames) -> Vec<String> {
        std::iter::from_fn(|| frames.next()).map(|it| String::from_utf8(it).unwrap()).collect()
    }

    #[test]
    fn frames_are_found_and_what_lies_between_is_dropped() {
        for (bytes, expected, pending) in [
            (b"\x0BA\x1C\r".as_slice(), vec!["A"], 0),
            (b"noise\x0BA\x1C\r\r\n\x0BB\x1C\rnoise", vec!["A", "B"], 0),
            (b"\x0BA", vec![], 2),
            (b"\x0BA\x1C", vec![], 3),
            (b"\x0BA\x0BB\x1C\r", vec!["B"], 0),
            (b"\x0BA\x1CB\x1C\r", vec!["A\u{1c}B"], 0),
            (b"\x1C\r\x1C\r", vec![], 0),
            (b"\x0B\x1C\r", vec![""], 0),
        ] {
            let mut frames = Frames::default();
            frames.take(bytes);
            assert_eq!(all(&mut frames), expected, "{bytes:?}");
            assert_eq!(frames.pending(), pending, "{bytes:?}");
        }
    }

    proptest! {
        /// However the network cuts them, the same messages come out.
        #[test]
        fn messages_come_out_however_they_are_cut(
            messages in prop::collection::vec("[A-Z|\r]{0,20}", 0..5),
            cut in 1_usize..7,
        ) {
            let bytes: Vec<u8> =
                messages.iter().flat_map(|it| framed(it.as_bytes())).collect();
            let mut frames = Frames::default();
            let mut found = Vec::new();
            for part in bytes.chunks(cut) {
                frames.take(part);
                found.extend(all(&mut frames));
            }
            prop_assert_eq!(found, messages);
        }
    }
}
