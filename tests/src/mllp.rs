//! A registration system that speaks HL7 version 2 over MLLP: no more of it than a test needs.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

/// A connection.
#[derive(Debug)]
pub struct Mllp(TcpStream);

impl Mllp {
    /// Connects to an address.
    #[must_use]
    #[track_caller]
    pub fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).expect("the server takes connections");
        stream.set_nodelay(true).expect("a connected socket");
        Self(stream)
    }

    /// Sends a message and waits for its answer.
    #[track_caller]
    pub fn send(&mut self, message: &[u8]) -> Vec<u8> {
        self.write(&[b"\x0B", message, b"\x1C\r"].concat());
        self.answer().expect("every message is answered")
    }

    /// Sends a text whose segments end with line feeds, and gives the answer likewise.
    #[track_caller]
    pub fn ask(&mut self, text: &str) -> String {
        let answer = self.send(text.replace('\n', "\r").as_bytes());
        String::from_utf8_lossy(&answer).replace('\r', "\n")
    }

    /// Sends bytes as they are.
    #[track_caller]
    pub fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).expect("the server reads");
    }

    /// Sends bytes for as long as the server reads.
    pub fn write_as_far_as_read(&mut self, bytes: &[u8]) {
        // A server that has had enough closes the connection.
        let _ = self.0.write_all(bytes);
    }

    /// The next answer; `None` when the server has closed the connection.
    #[must_use]
    pub fn answer(&mut self) -> Option<Vec<u8>> {
        let mut answer = Vec::new();
        let mut byte = [0];
        while !answer.ends_with(b"\x1C\r") {
            match self.0.read(&mut byte) {
                Ok(1) => answer.push(byte[0]),
                _ => return None,
            }
        }
        answer.truncate(answer.len() - 2);
        Some(answer.split_off(1))
    }
}
