//! `date_trunc`: the beginning of the year, month or day.
//!
//! - takes `date`, `timestamp`, `timestamptz`, as our sessions print them (`DateStyle` ISO, `TimeZone` UTC), and text of that form
//! - keeps the year; the month with `to: month`; both and the day with `to: day`; BC; `infinity` and `-infinity`; order
//! - gives away the same
//! - NULL stays NULL (the caller's part)
//! - unparsable: 2000-01-01, counted
//!
//! A `timestamptz` is cut at the beginning of a day in UTC. Needs no key: what is cut is gone.

use bytes::{BufMut, BytesMut};

use super::facts::oid;
use super::kind::{Empty, Kind, Parameter, What};
use super::make::{Built, Make};
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome};
use crate::raw::RawRow;

pub(crate) static KIND: Kind = Kind {
    name: "date_trunc",
    version: 2,
    makes: "the beginning of the year, month or day",
    types: "date, timestamp, timestamptz, text",
    keeps: "the year, with to: month or day that too; order",
    gives_away: "what it keeps",
    unique: false,
    example: "{ mask: date_trunc, to: month }",
    parameters: &[Parameter::new(
        "to",
        What::Word { words: &["year", "month", "day"], default: Some("year") },
        "how much stays",
    )],
    keyed: false,
    empty: Empty::Stays,
    build,
};

/// How many of the three numbers of a date stay.
struct DateTrunc {
    parts: usize,
}

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    let dated = matches!(make.type_oid(), oid::DATE | oid::TIMESTAMP | oid::TIMESTAMPTZ);
    make.wants("date, timestamp, timestamptz, text, varchar or char", dated || make.column().is_text())?;
    make.needs("2000-01-01".len())?;
    let parts = match make.text("to") {
        Some("month") => 2,
        Some("day") => 3,
        _ => 1,
    };
    Built::new(DateTrunc { parts }, Injective::No)
}

impl Masking for DateTrunc {
    fn apply(&self, value: &[u8], _row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        if matches!(value, b"infinity" | b"-infinity") {
            out.put_slice(value);
            return Outcome::Masked;
        }
        let Some(date) = read(value) else {
            out.put_slice(b"2000-01-01");
            return Outcome::Redacted;
        };
        let [year, month, day] = date.parts;
        out.put_slice(year);
        out.put_u8(b'-');
        out.put_slice(if self.parts > 1 { month } else { b"01" });
        out.put_u8(b'-');
        out.put_slice(if self.parts > 2 { day } else { b"01" });
        if date.timed {
            out.put_slice(b" 00:00:00");
        }
        out.put_slice(date.zone);
        if date.before_christ {
            out.put_slice(b" BC");
        }
        Outcome::Masked
    }
}

struct Date<'a> {
    /// Year, month, day as digits.
    parts: [&'a [u8]; 3],
    timed: bool,
    /// `+00`, or nothing.
    zone: &'a [u8],
    before_christ: bool,
}

/// `2026-11-26`, `2026-11-26 12:30:00.5+00`, `0044-03-15 BC`: form and ranges, not whether the month has that day, which the server has seen to.
fn read(value: &[u8]) -> Option<Date<'_>> {
    let before_christ = value.ends_with(b" BC");
    let value = value.strip_suffix(b" BC").unwrap_or(value);
    let (date, time) = match value.iter().position(|b| *b == b' ') {
        Some(at) => (value.get(..at)?, Some(value.get(at + 1..)?)),
        None => (value, None),
    };
    let mut parts = date.split(|b| *b == b'-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let two = |part: &[u8], most: u32| match part {
        [a @ b'0'..=b'9', b @ b'0'..=b'9'] => (1..=most).contains(&(u32::from(a - b'0') * 10 + u32::from(b - b'0'))),
        _ => false,
    };
    // a `date` ends in the year 5874897
    let good = parts.next().is_none()
        && (4..=7).contains(&year.len())
        && year.iter().all(u8::is_ascii_digit)
        && two(month, 12)
        && two(day, 31);
    let zone = match time {
        None => &[][..],
        Some(time) => {
            let at = time.iter().position(|b| matches!(b, b'+' | b'-')).unwrap_or(time.len());
            let (clock, zone) = time.split_at(at);
            let clocked = clock.len() >= 8 && clock.iter().all(|b| matches!(b, b'0'..=b'9' | b':' | b'.'));
            if !clocked || !matches!(zone, b"" | b"+00") {
                return None;
            }
            zone
        }
    };
    good.then_some(Date { parts: [year, month, day], timed: time.is_some(), zone, before_christ })
}
