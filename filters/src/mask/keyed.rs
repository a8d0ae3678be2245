//! As many keyed bytes as a mask wants: the same for the same key and value, without end.

use crate::key::SubKey;

/// Bytes that hang on a key and a value.
pub(super) struct Keyed {
    stream: blake3::OutputReader,
    buffer: [u8; 64],
    at: usize,
}

impl Keyed {
    pub(super) fn new(key: &SubKey, value: &[u8]) -> Keyed {
        Keyed { stream: key.stream(value), buffer: [0; 64], at: 64 }
    }

    pub(super) fn byte(&mut self) -> u8 {
        if self.at == self.buffer.len() {
            self.stream.fill(&mut self.buffer);
            self.at = 0;
        }
        self.at += 1;
        self.buffer[self.at - 1]
    }

    /// A number below `base` that is not `n`.
    pub(super) fn other(&mut self, n: u8, base: u8) -> u8 {
        (n + 1 + self.byte() % (base - 1)) % base
    }
}

/// Letters of lower-case base32 (RFC 4648, section 6): five bits of each byte of a hash.
pub(super) fn letters(hash: &[u8; 32]) -> impl Iterator<Item = u8> {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    hash.iter().map(|b| LETTERS[usize::from(b & 31)])
}
