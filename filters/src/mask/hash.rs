//! `hash`: a keyed hash in hexadecimal.
//!
//! - takes text of any form
//! - keeps equality, within its domain
//! - gives away which values are equal, and which are empty
//! - NULL stays NULL (the caller's part); the empty string stays empty
//! - nothing is unparsable
//!
//! Keyed BLAKE3 of the exact bytes: `Bob` and `bob` differ, also in a `citext` column. All 64 characters carry 256
//! bits; a shorter `length`, or a `varchar(n)` with less room, cuts them, and equal values of columns of different
//! widths then agree in as many characters as both have.

use bytes::{BufMut, BytesMut};

use crate::key::SubKey;

pub(crate) struct Hash {
    pub(crate) key: SubKey,
    /// Characters to write, at most 64.
    pub(crate) length: usize,
}

impl Hash {
    pub(crate) fn apply(&self, value: &[u8], out: &mut BytesMut) {
        put_hex(&self.key.hash(value), self.length, out);
    }
}

/// The first `length` hexadecimal characters of `bytes`.
fn put_hex(bytes: &[u8; 32], length: usize, out: &mut BytesMut) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut hex = [0u8; 64];
    for (pair, b) in hex.chunks_exact_mut(2).zip(bytes) {
        pair[0] = HEX[usize::from(b >> 4)];
        pair[1] = HEX[usize::from(b & 15)];
    }
    out.put_slice(&hex[..length.min(64)]);
}
