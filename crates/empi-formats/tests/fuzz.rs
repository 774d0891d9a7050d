//! The bodies of the fuzzers over their corpus, and over what comes out when it is mutilated. The corpus is what is
//! kept here, of people who do not exist, and the messages and resources of other products where they are at hand. `EMPI_FUZZ_RUNS` says how often; the same number gives the same inputs.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, unreachable_pub)]

use std::path::Path;

mod bodies;
mod others;

/// How often inputs are mutilated when nobody says.
const RUNS: u64 = 5_000;

/// The corpus of a kind, and what others have of it.
fn corpus(kind: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(kind);
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    let mut corpus: Vec<_> = files.into_iter().map(|file| std::fs::read(file).unwrap()).collect();
    let of_others = match kind {
        "hl7" => others::files("hl7v2"),
        "fhir" => others::files("fhir"),
        _ => Vec::new(),
    };
    corpus.extend(of_others.into_iter().map(|(_, bytes)| bytes));
    corpus
}

/// Numbers that look drawn, the same for the same seed (xorshift64*, Vigna 2016).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % end.max(1)
    }
}

/// Bytes that mean something in one of the formats.
const MARKS: &[u8] = b"|^~\\&\r\n\"{}[]:,;=\t\0\x0b\x1c\xc3\xff MSHPIDX0199";

/// An input with some of its bytes changed, removed, repeated or replaced by a piece of another.
fn mutilated(dice: &mut Dice, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = corpus[dice.below(corpus.len())].clone();
    for _ in 0..=dice.below(8) {
        let at = dice.below(bytes.len());
        let end = (at + dice.below(40)).min(bytes.len());
        match dice.below(6) {
            0 => bytes.insert(at, MARKS[dice.below(MARKS.len())]),
            1 if at < bytes.len() => bytes[at] = MARKS[dice.below(MARKS.len())],
            2 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => {
                let other = &corpus[dice.below(corpus.len())];
                let from = dice.below(other.len());
                let piece = &other[from..(from + dice.below(60)).min(other.len())];
                bytes.splice(at..end, piece.iter().copied());
            }
        }
    }
    bytes
}

fn fuzz(kind: &str, body: impl Fn(&[u8])) {
    let corpus = corpus(kind);
    corpus.iter().for_each(|bytes| body(bytes));
    let runs = std::env::var("EMPI_FUZZ_RUNS").map_or(RUNS, |runs| runs.parse().unwrap());
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    for _ in 0..runs {
        body(&mutilated(&mut dice, &corpus));
    }
}

#[test]
fn no_message_makes_the_reader_panic() {
    fuzz("hl7", bodies::hl7);
}

#[test]
fn no_resource_makes_the_reader_panic() {
    fuzz("fhir", bodies::fhir);
}

#[test]
fn no_file_makes_the_reader_panic() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("fuzz.csv");
    fuzz("csv", |bytes| bodies::csv(bytes, &file));
}
