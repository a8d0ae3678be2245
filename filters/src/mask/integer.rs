//! `digits` on `smallint`, `integer` and `bigint`: another number of the same type.
//!
//! - takes every value of the type
//! - keeps the sign and equality; whether a `bigint` would fit in an `integer`
//! - gives away the same
//! - NULL stays NULL (the caller's part); an integer is never empty
//! - unparsable: cannot be, from a column of these types; a keyed number of the type's range, counted
//!
//! One to one on all values, by FF1 (NIST SP 800-38G) over the type's whole range with a walk along the cycle until the
//! result is in range. Not over the digits that the number happens to have: encrypted digits can begin with zeros, and
//! `012345` and `12345` are one number.
//!
//! `integer` and `bigint` are one function below 2^31, so that a foreign key may be narrower than what it points
//! at. `smallint` cannot be a part of it: results must fit. Its 32,768 values of a sign are fewer than the million
//! that SP 800-38G asks for, so they are walked to within 10^6: one to one, but who knows some pairs knows a part of
//! the table. With the sign `x` is mapped as its magnitude; below zero as the magnitude of `!x`, so that the lowest
//! value has a place too.

use std::io::Write;

use bytes::{BufMut, BytesMut};

use super::facts::oid;
use super::ff1::{Ff1, OutOfDomain};
use super::make::Make;
use super::{Masking, Outcome};
use crate::key::SubKey;
use crate::raw::RawRow;

/// Which integer type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Width {
    /// `smallint`
    Two,
    /// `integer`
    Four,
    /// `bigint`
    Eight,
}

const TWO: u64 = 1 << 15;
const FOUR: u64 = 1 << 31;
const EIGHT: u64 = 1 << 63;

pub(crate) struct Integer {
    ff1: Ff1<10>,
    unparsable: SubKey,
    width: Width,
}

impl Masking for Integer {
    fn apply(&self, value: &[u8], _row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let parsed = std::str::from_utf8(value).ok().and_then(|s| s.parse::<i64>().ok());
        let masked = parsed.and_then(|n| {
            let magnitude = self.permute((if n < 0 { !n } else { n }) as u64)? as i64;
            Some(if n < 0 { !magnitude } else { magnitude })
        });
        let redacted = || {
            let [a, b, c, d, ..] = self.unparsable.hash(value);
            let limit = if self.width == Width::Two { TWO } else { FOUR };
            (u64::from(u32::from_be_bytes([a, b, c, d])) % limit) as i64
        };
        // a write into a buffer that grows cannot fail
        let _ = write!(out.writer(), "{}", masked.unwrap_or_else(redacted));
        if masked.is_some() { Outcome::Masked } else { Outcome::Redacted }
    }
}

impl Integer {
    /// `None` if the column is no integer.
    pub(crate) fn of_type(make: &Make<'_>) -> Option<Integer> {
        let width = match make.type_oid() {
            oid::INT2 => Width::Two,
            oid::INT4 => Width::Four,
            oid::INT8 => Width::Eight,
            _ => return None,
        };
        Some(Integer { ff1: Ff1::new(&make.key("ff1")), unparsable: make.key("digits unparsable"), width })
    }

    /// Permutes the magnitudes of the type; `None` for one that is not of the type.
    fn permute(&self, n: u64) -> Option<u64> {
        let walk = |tweak: &[u8], n: u64, digits, bound: u64| -> Result<u64, OutOfDomain> {
            Ok(self.ff1.below(tweak, u128::from(n), digits, u128::from(bound))? as u64)
        };
        match self.width {
            Width::Two if n < TWO => walk(b"int2", n, 6, TWO).ok(),
            Width::Four | Width::Eight if n < FOUR => walk(b"int4", n, 10, FOUR).ok(),
            Width::Eight if n < EIGHT => walk(b"int8", n - FOUR, 19, EIGHT - FOUR).ok().map(|m| m + FOUR),
            _ => None,
        }
    }
}
