//! `integer`: another whole number of the same type.
//!
//! - takes every value of `smallint`, `integer`, `bigint`; whole numbers of a `numeric`; text that spells a `bigint` as
//!   PostgreSQL does
//! - keeps equality, also across these types; the sign; whether a number is below 2^31; with `min` and `max` instead
//!   whether it lies between them
//! - gives away the same
//! - NULL stays NULL (the caller's part); the empty string of a text column stays empty; `NaN` and the infinities of a
//!   `numeric` stay: they are no numbers and tell of nobody
//! - unparsable: a fraction, and what is no number: a keyed number of the type, or for text another text of the same shape; counted
//!
//! One to one on all values of the type, by FF1 (NIST SP 800-38G) in radix 2 with a walk along the cycle until the result is
//! in range. Not over the digits that the number happens to have: encrypted digits can begin with zeros, and `012345` and
//! `12345` are one number.
//!
//! **Layers.** 0 to 2^31, then to 2^63, then to 10^38 are permuted each by itself, so that a foreign key may be narrower than
//! what it points at, and `42` is masked alike as `integer`, `bigint`, `numeric` and text. `smallint` cannot be a part of
//! it, nor a `numeric` of fewer than ten digits: results must fit. A number below zero is mapped as the magnitude of `!x`, so
//! that the lowest one has a place too, and none becomes zero.
//!
//! A `smallint` of one sign has 32,768 values, fewer than the million that SP 800-38G asks for, so they are walked to within
//! 2^20: one to one, but who knows some pairs knows a part of the table. A `numeric` and a given range as small are refused.
//!
//! **A given range** is permuted within itself, and what lies outside among what lies outside, so it stays one to one whatever
//! production holds; but then what lies outside is masked otherwise in `integer` than in `bigint`. In a unique `numeric` without limits what is beyond 10^38 or has a fraction lands between 10^38 and
//! 2·10^38, where nothing else does.

use std::io::Write;

use bytes::{BufMut, BytesMut};

use super::facts::oid;
use super::ff1::Ff1;
use super::kind::{Empty, Kind, Parameter, What};
use super::make::{Built, Make};
use super::spec::{Injective, MaskError, hashed};
use super::{Masking, Outcome, redact};
use crate::key::SubKey;
use crate::raw::RawRow;

pub(crate) static KIND: Kind = Kind {
    name: "integer",
    version: 1,
    makes: "another whole number of the same type",
    types: "smallint, integer, bigint, numeric, text",
    keeps: "equality, the sign; whether it is below 2^31, or between min and max",
    gives_away: "what it keeps",
    unique: true,
    example: "{ mask: integer, min: 1000000, max: 9999999 }",
    parameters: &[
        Parameter::new(
            "min",
            BOUND,
            "the range that is permuted within itself begins here; with it the sign is not kept",
        ),
        Parameter::new("max", BOUND, "it ends here; a million values at least"),
    ],
    keyed: true,
    empty: Empty::Stays,
    build,
};

const BOUND: What = What::Number { least: i64::MIN, most: i64::MAX, default: None };

const TWO: u128 = 1 << 15;
const FOUR: u128 = 1 << 31;
const EIGHT: u128 = 1 << 63;
/// The digits of the last layer: 2·10^38 is the most that 128 bits leave room for.
const WIDEST: u32 = 38;
const MILLION: u128 = 1_000_000;

struct Integer {
    ff1: Ff1<2>,
    unparsable: SubKey,
    holds: Holds,
    range: Option<Range>,
    /// Characters that the column can hold.
    room: usize,
}

/// What the column can hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// `smallint`, `integer`, `bigint`: magnitudes below this.
    Integers(u128),
    /// Text, as `bigint`.
    Text,
    /// `numeric` with so many digits before the point, or any.
    Numeric(Option<u32>),
}

/// A range within the type's own, ends included.
#[derive(Clone, Copy)]
struct Range {
    min: i128,
    max: i128,
    least: i128,
    most: i128,
}

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    let (mut whole, modifier) = (true, make.column().base().type_modifier);
    let holds = match make.type_oid() {
        oid::INT2 => Holds::Integers(TWO),
        oid::INT4 => Holds::Integers(FOUR),
        oid::INT8 => Holds::Integers(EIGHT),
        oid::NUMERIC => {
            let (digits, scale) = (modifier.wrapping_sub(4) >> 16 & 0xffff, modifier.wrapping_sub(4) & 0x7ff);
            whole = modifier >= 4 && scale == 0;
            // above 1000 it is negative, in eleven bits
            let before = if scale > 1000 { 0 } else { (digits - scale).max(0) };
            Holds::Numeric((modifier >= 4).then_some(before as u32))
        }
        _ => {
            let wants = "smallint, integer, bigint, numeric, text, varchar or char";
            make.wants(wants, make.column().is_text())?;
            make.needs("-2147483648".len())?;
            Holds::Text
        }
    };
    if matches!(holds, Holds::Numeric(Some(0..6))) {
        return Err(
            make.fault("a numeric of fewer than six digits before the point has too few values to hide one among")
        );
    }
    let (ff1, unparsable) = (Ff1::new(&make.key("integer")), make.key("integer unparsable"));
    let range = range(make, holds)?;
    let injective = match holds {
        Holds::Text => Injective::No,
        Holds::Numeric(None) => hashed(REDACTED_BITS as usize),
        Holds::Numeric(Some(digits)) if whole && digits > WIDEST => hashed(REDACTED_BITS as usize),
        // beyond 2^63 there is no outside of a range
        Holds::Numeric(Some(digits)) if !whole || range.is_some() && digits > 18 => Injective::No,
        _ => Injective::Yes("FF1 over all values of the type"),
    };
    Built::new(Integer { ff1, unparsable, holds, range, room: make.room() }, injective)
}

/// The range that is given, if one is.
fn range(make: &Make<'_>, holds: Holds) -> Result<Option<Range>, MaskError> {
    let (min, max) = (make.number("min"), make.number("max"));
    if (min, max) == (None, None) {
        return Ok(None);
    }
    let (least, most) = match holds {
        Holds::Integers(end) => (-(end as i128), end as i128 - 1),
        Holds::Numeric(Some(digits @ ..19)) => (1 - 10i128.pow(digits), 10i128.pow(digits) - 1),
        Holds::Text | Holds::Numeric(_) => (i128::from(i64::MIN), i128::from(i64::MAX)),
    };
    let range = Range { min: min.map_or(least, i128::from), max: max.map_or(most, i128::from), least, most };
    if range.min < least || range.max > most {
        return Err(make.fault("min and max lie beyond what the column can hold"));
    }
    if range.min > range.max || range.size() < MILLION {
        return Err(make.fault("from min to max it is fewer than a million values, too few to hide one among"));
    }
    if (1..MILLION).contains(&range.outside()) {
        return Err(
            make.fault("min and max leave fewer than a million values outside, too few to hide one among; leave none")
        );
    }
    Ok(Some(range))
}

impl Range {
    fn size(&self) -> u128 {
        (self.max - self.min) as u128 + 1
    }

    fn outside(&self) -> u128 {
        (self.most - self.least) as u128 + 1 - self.size()
    }
}

impl Masking for Integer {
    fn apply(&self, value: &[u8], _row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let numeric = matches!(self.holds, Holds::Numeric(_));
        if numeric && matches!(value, b"NaN" | b"Infinity" | b"-Infinity") {
            out.put_slice(value);
            return Outcome::Masked;
        }
        let start = out.len();
        if let Some(masked) = read(value).and_then(|n| self.permute(n)) {
            // a write into a buffer that grows cannot fail
            _ = write!(out.writer(), "{masked}");
            if out.len() - start <= self.room {
                return Outcome::Masked;
            }
            out.truncate(start);
        }
        self.redact(value, out);
        Outcome::Redacted
    }
}

const REDACTED_BITS: u32 = 126;

impl Integer {
    /// `None` for one that is not of the type, or for which there is no layer.
    fn permute(&self, n: i128) -> Option<i128> {
        if let Some(range) = self.range {
            return self.ranged(&range, n);
        }
        let end = match self.holds {
            Holds::Integers(end) => end,
            Holds::Text => EIGHT,
            // it has no number whose magnitude would be that of `!x` for the last
            Holds::Numeric(digits) => 10u128.pow(digits.unwrap_or(WIDEST).min(WIDEST)) - u128::from(n < 0),
        };
        if n < 0 {
            Some(!(self.layered(!n as u128, end)? as i128))
        } else {
            Some(self.layered(n as u128, end)? as i128)
        }
    }

    /// Permutes the magnitudes below `end`.
    fn layered(&self, n: u128, end: u128) -> Option<u128> {
        if n >= end {
            return None;
        }
        let borders = match end {
            ..FOUR => [0, end, end],
            FOUR..EIGHT => [0, FOUR, end],
            _ => [0, FOUR, EIGHT],
        };
        let low = borders.into_iter().rfind(|low| *low <= n)?;
        let high = borders.into_iter().find(|high| *high > n).unwrap_or(end);
        // the end tells a layer that ends with the type from the others
        let mut tweak = [0; 17];
        tweak[1..].copy_from_slice(&high.to_be_bytes());
        self.walk(&tweak, n - low, high - low).map(|n| n + low)
    }

    fn ranged(&self, range: &Range, n: i128) -> Option<i128> {
        if n < range.least || n > range.most {
            return None;
        }
        let size = range.size() as i128;
        let mut tweak = [1; 17];
        tweak[1..9].copy_from_slice(&(range.min as i64).to_be_bytes());
        tweak[9..].copy_from_slice(&(range.max as i64).to_be_bytes());
        if (range.min..=range.max).contains(&n) {
            return Some(self.walk(&tweak, (n - range.min) as u128, size as u128)? as i128 + range.min);
        }
        tweak[0] = 2;
        let place = if n < range.min { n - range.least } else { n - range.least - size };
        let masked = self.walk(&tweak, place as u128, range.outside())? as i128 + range.least;
        Some(if masked < range.min { masked } else { masked + size })
    }

    /// Permutes the numbers below `size`. In as few bits as that has, but not fewer than FF1 may have.
    fn walk(&self, tweak: &[u8], n: u128, size: u128) -> Option<u128> {
        let bits = 128 - (size - 1).leading_zeros();
        self.ff1.below(tweak, n, bits.max(20) as usize, size).ok()
    }

    fn redact(&self, value: &[u8], out: &mut BytesMut) {
        let digits = match self.holds {
            Holds::Text => return redact::same_shape(&self.unparsable, value, out),
            Holds::Integers(_) => None,
            Holds::Numeric(digits) => Some(digits.unwrap_or(u32::MAX)),
        };
        let hash = self.unparsable.hash(value).iter().take(16).fold(0u128, |n, b| n << 8 | u128::from(*b));
        let n = match digits {
            Some(digits) if digits > WIDEST => 10u128.pow(WIDEST) + (hash >> (128 - REDACTED_BITS)),
            Some(digits) => hash % FOUR.min(10u128.pow(digits)),
            None => hash % TWO,
        };
        _ = write!(out.writer(), "{n}");
    }
}

/// A whole number as PostgreSQL writes it: no plus, no zeros before it; of a `numeric` in its canonical form, so 1.00 too.
fn read(value: &[u8]) -> Option<i128> {
    let (negative, digits) = match value.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, value),
    };
    let spelled = match digits {
        [b'0'] => !negative,
        [b'1'..=b'9', rest @ ..] => rest.len() < WIDEST as usize && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    let n = spelled.then(|| digits.iter().fold(0i128, |n, d| n * 10 + i128::from(d - b'0')))?;
    Some(if negative { -n } else { n })
}
