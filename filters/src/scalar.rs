//! Values of the types whose order we know, read from the text that our sessions print and compared as the server compares
//! them. Predicates over a row are decided by it, and so is in which range of a table a key lies: both must agree with the
//! server for every value, so a type is let in only where that can be shown (`tests/policy/predicates.rs` asks real servers).

mod decimal;
mod moment;

use std::cmp::Ordering;

use self::decimal::Decimal;
pub(crate) use self::decimal::OwnedDecimal;
pub use self::moment::Calendar;
pub(crate) use self::moment::literal as moment;

/// How a column's text is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reading {
    /// smallint, integer, bigint, numeric.
    Decimal,
    /// real.
    Real,
    /// double precision.
    Double,
    /// boolean.
    Boolean,
    /// date, timestamp, timestamptz.
    Moment(Calendar),
    /// uuid.
    Uuid,
    /// By bytes: text under collation C of a server whose encoding keeps UTF-8's order, and any text for equality.
    Bytes,
    /// The same, but blanks at the end are no part of it: char(n).
    Padded,
}

/// Compares two values as the server does. `None` if one of them is not of this kind.
pub fn compare(reading: Reading, a: &[u8], b: &[u8]) -> Option<Ordering> {
    Scalar::read(reading, a)?.compare(&Scalar::read(reading, b)?)
}

/// A value, read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scalar<'a> {
    Decimal(Decimal<'a>),
    Float(f64),
    Bool(bool),
    Moment(i128),
    Uuid([u8; 16]),
    Bytes(&'a [u8]),
}

/// A literal's value.
#[derive(Clone, Debug)]
pub(crate) enum Owned {
    Decimal(OwnedDecimal),
    Float(f64),
    Bool(bool),
    Moment(i128),
    Uuid([u8; 16]),
    Bytes(Box<[u8]>),
}

impl Owned {
    pub(crate) fn view(&self) -> Scalar<'_> {
        match self {
            Owned::Decimal(d) => Scalar::Decimal(d.view()),
            Owned::Float(f) => Scalar::Float(*f),
            Owned::Bool(b) => Scalar::Bool(*b),
            Owned::Moment(m) => Scalar::Moment(*m),
            Owned::Uuid(u) => Scalar::Uuid(*u),
            Owned::Bytes(b) => Scalar::Bytes(b),
        }
    }
}

impl<'a> Scalar<'a> {
    /// Reads a type's text output; `None` if it is none.
    pub(crate) fn read(reading: Reading, text: &'a [u8]) -> Option<Scalar<'a>> {
        Some(match reading {
            Reading::Decimal => Scalar::Decimal(Decimal::read(text)?),
            // shortest exact since version 12: reading it back gives the very number
            Reading::Real => Scalar::Float(std::str::from_utf8(text).ok()?.parse::<f32>().ok()?.into()),
            Reading::Double => Scalar::Float(std::str::from_utf8(text).ok()?.parse().ok()?),
            Reading::Boolean => Scalar::Bool(match text {
                b"t" => true,
                b"f" => false,
                _ => return None,
            }),
            Reading::Moment(ty) => Scalar::Moment(moment::read(ty, text)?),
            Reading::Uuid => Scalar::Uuid(uuid(text)?),
            Reading::Bytes => Scalar::Bytes(text),
            Reading::Padded => Scalar::Bytes(unpadded(text)),
        })
    }

    /// The server's order; `None` between values that do not compare.
    pub(crate) fn compare(&self, other: &Scalar<'_>) -> Option<Ordering> {
        match (self, other) {
            (Scalar::Decimal(a), Scalar::Decimal(b)) => Some(a.cmp(b)),
            (Scalar::Float(a), Scalar::Float(b)) => Some(match (a.is_nan(), b.is_nan()) {
                // NaN equals itself and is above all others; -0 equals 0
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => a.partial_cmp(b)?,
            }),
            (Scalar::Bool(a), Scalar::Bool(b)) => Some(a.cmp(b)),
            (Scalar::Moment(a), Scalar::Moment(b)) => Some(a.cmp(b)),
            (Scalar::Uuid(a), Scalar::Uuid(b)) => Some(a.cmp(b)),
            (Scalar::Bytes(a), Scalar::Bytes(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }
}

/// The canonical form, in either case: what the server prints, and what a literal must look like.
pub(crate) fn uuid(text: &[u8]) -> Option<[u8; 16]> {
    if text.len() != 36 {
        return None;
    }
    let mut bytes = [0u8; 16];
    let mut at = 0;
    for out in &mut bytes {
        if matches!(at, 8 | 13 | 18 | 23) {
            if text.get(at) != Some(&b'-') {
                return None;
            }
            at += 1;
        }
        let mut digit = || {
            let digit = char::from(*text.get(at)?).to_digit(16)?;
            at += 1;
            u8::try_from(digit).ok()
        };
        *out = digit()? << 4 | digit()?;
    }
    Some(bytes)
}

pub(crate) fn unpadded(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|b| *b != b' ').map_or(0, |last| last + 1);
    text.get(..end).unwrap_or_default()
}
