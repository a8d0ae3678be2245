//! `hash`: a keyed hash in hexadecimal.
//!
//! - takes text of any form
//! - keeps equality, within its domain
//! - gives away which values are equal, and which are empty
//! - NULL stays NULL (the caller's part); the empty string stays empty
//! - nothing is unparsable
//!
//! Keyed BLAKE3 of the exact bytes of the canonical form: `Bob` and `bob` differ, but in a `citext` column. All 64 characters carry 256
//! bits; a shorter `length`, or a `varchar(n)` with less room, cuts them, and equal values of columns of different
//! widths then agree in as many characters as both have.

use bytes::{BufMut, BytesMut};

use super::kind::{Empty, Kind, Parameter, What};
use super::make::{Built, Make};
use super::spec::{MaskError, hashed};
use super::{Masking, Outcome};
use crate::key::SubKey;
use crate::raw::RawRow;

pub(crate) static KIND: Kind = Kind {
    name: "hash",
    version: 1,
    makes: "a keyed hash, 64 hexadecimal characters",
    types: "text",
    keeps: "equality",
    gives_away: "which values are equal",
    unique: true,
    example: "{ mask: hash, length: 16 }",
    parameters: &[Parameter::new(
        "length",
        What::Number { least: LEAST as i64, most: MOST as i64, default: None },
        "hexadecimal characters; 64 if not given",
    )],
    keyed: true,
    empty: Empty::Stays,
    build,
};

const LEAST: usize = 8;
const MOST: usize = 64;

struct Hash {
    key: SubKey,
    /// Characters to write, at most 64.
    length: usize,
}

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    make.wants_text()?;
    make.needs(LEAST)?;
    let length = make.count("length").unwrap_or(MOST).min(make.room());
    let hash = Hash { key: make.key("hash"), length };
    Built::new(hash, hashed(length * 4)).map(|built| built.small().at_most(length))
}

impl Masking for Hash {
    fn apply(&self, value: &[u8], _row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        put_hex(&self.key.hash(value), self.length, out);
        Outcome::Masked
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
