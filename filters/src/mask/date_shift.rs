//! `date_shift`: another day, nearby.
//!
//! - takes `date`, `timestamp`, `timestamptz`, as our sessions print them (`DateStyle` ISO, `TimeZone` UTC), and text of that form
//! - keeps the day, to within `days`; the time of day; with `by` how many days lie between the dates of one entity, in whichever
//!   tables they stand; `infinity` and `-infinity`
//! - gives away the same
//! - NULL stays NULL (the caller's part); the empty string of a text column stays empty
//! - unparsable: 2000-01-01, counted; nothing is of the types
//!
//! Every date is moved by 1 to `days` days, forth or back. How far is drawn by keyed BLAKE3 of the raw value of the column that
//! `by` names (`by: customer_id`), so an entity's dates move together and intervals survive: order date, delivery date, age at
//! both. Entities are the same where their values are and the domain and `days` are. Who knows one date of an entity knows
//! them all. Without `by`, and where that column is NULL, it is drawn from the day itself: equal days stay equal, and
//! intervals do not survive.
//!
//! BC is reckoned through: there is no year zero. What would leave the type's range (4714 BC; the years 5874897 of a
//! `date` and 294276 of a `timestamp`) moves the other way as far.

use bytes::{BufMut, BytesMut};

use super::date::{self, Date};
use super::facts::oid;
use super::kind::{Empty, Kind, Parameter, What};
use super::make::{Built, Make, Mark};
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome};
use crate::key::SubKey;
use crate::raw::{Raw, RawRow};

pub(crate) static KIND: Kind = Kind {
    name: "date_shift",
    version: 1,
    makes: "another day, nearby",
    types: "date, timestamp, timestamptz, text",
    keeps: "the day, to within days; the time of day; intervals of one entity with by",
    gives_away: "about when it was; intervals with by",
    unique: false,
    example: "{ mask: date_shift, by: customer_id, days: 90 }",
    parameters: &[
        Parameter::new("by", What::Text { default: None }, "the column by whose raw value dates move together"),
        Parameter::new(
            "days",
            What::Number { least: 1, most: 36_500, default: Some(30) },
            "the most that a date moves",
        ),
    ],
    keyed: true,
    empty: Empty::Stays,
    build,
};

/// The first and the last day of PostgreSQL's types: 4714-11-24 BC, 5874897-12-31, 294276-12-31.
const FIRST: i64 = -2_440_588;
const LAST_DATE: i64 = 2_145_042_905;
const LAST_TIMESTAMP: i64 = 106_762_939;

const REDACTED: &[u8] = b"2000-01-01";

struct DateShift {
    key: SubKey,
    by_day: SubKey,
    by: Option<Mark>,
    days: i64,
    last: i64,
    /// Characters that the column can hold.
    room: usize,
}

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    let dated = matches!(make.type_oid(), oid::DATE | oid::TIMESTAMP | oid::TIMESTAMPTZ);
    make.wants("date, timestamp, timestamptz, text, varchar or char", dated || make.column().is_text())?;
    make.needs(REDACTED.len())?;
    let last = match make.type_oid() {
        oid::TIMESTAMP | oid::TIMESTAMPTZ => LAST_TIMESTAMP,
        _ => LAST_DATE,
    };
    let by = make.mark("by")?;
    let (key, by_day) = (make.key("date_shift"), make.key("date_shift by day"));
    let days = make.number("days").unwrap_or(1).max(1);
    Built::new(DateShift { key, by_day, by, days, last, room: make.room() }, Injective::No)
}

impl Masking for DateShift {
    fn apply(&self, value: &[u8], row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        if matches!(value, b"infinity" | b"-infinity") {
            out.put_slice(value);
            return Outcome::Masked;
        }
        let entity = self.by.as_ref().map(|by| by.of(row));
        if entity == Some(Raw::Absent) {
            return Outcome::NeedsRow;
        }
        let start = out.len();
        if let Some(read) = date::read(value) {
            let hash = match entity {
                Some(Raw::Text(text)) => self.key.hash(&text),
                _ => self.by_day.hash(&read.day.to_be_bytes()),
            };
            let by = self.shift(&hash);
            let moved = [read.day + by, read.day - by].into_iter().find(|day| (FIRST..=self.last).contains(day));
            if let Some(day) = moved {
                date::put(&Date { day, ..read }, out);
                if out.len() - start <= self.room {
                    return Outcome::Masked;
                }
                out.truncate(start);
            }
        }
        out.put_slice(REDACTED);
        Outcome::Redacted
    }
}

impl DateShift {
    /// -`days` to `days`, but not zero.
    fn shift(&self, hash: &[u8; 32]) -> i64 {
        let drawn = hash.iter().take(8).fold(0u64, |n, b| n << 8 | u64::from(*b));
        let of = (drawn % (2 * self.days as u64)) as i64;
        if of < self.days { of - self.days } else { of - self.days + 1 }
    }
}
