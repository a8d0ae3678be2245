//! Moments: in UTC, and, as a mark of who is meant, without zone and midnight.

use std::borrow::Cow;

use bytes::BytesMut;

use crate::mask::date::{self, Date};
use crate::scalar::{Calendar, moment};

/// Microseconds of a day.
pub(super) const DAY: i128 = 86_400_000_000;
/// Days from 1970-01-01 to 2000-01-01, from where moments count.
const EPOCH: i128 = 10_957;

pub(super) fn zoned(value: &[u8]) -> Cow<'_, [u8]> {
    if value.ends_with(b"+00") || value.ends_with(b"+00 BC") || value.ends_with(b"infinity") {
        return Cow::Borrowed(value);
    }
    utc(value).map_or(Cow::Borrowed(value), Cow::Owned)
}

fn utc(value: &[u8]) -> Option<Vec<u8>> {
    let micros = moment(Calendar::TimestampTz, std::str::from_utf8(value).ok()?)?;
    let (days, clock) = (i64::try_from(micros.div_euclid(DAY) + EPOCH).ok()?, micros.rem_euclid(DAY));
    let (seconds, fraction) = (clock / 1_000_000, clock % 1_000_000);
    let mut time = format!(" {:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction > 0 {
        time.push_str(format!(".{fraction:06}").trim_end_matches('0'));
    }
    time.push_str("+00");
    let mut out = BytesMut::new();
    date::put(&Date { day: days, time: time.as_bytes() }, &mut out);
    Some(out.to_vec())
}

/// A moment without its zone, which is UTC; a day where it is midnight.
pub(super) fn day(value: &[u8]) -> Cow<'_, [u8]> {
    let value = zoned(value);
    let (moment, era) = match value.strip_suffix(b" BC") {
        Some(moment) => (moment, &b" BC"[..]),
        None => (&*value, &b""[..]),
    };
    let moment = moment.strip_suffix(b"+00").unwrap_or(moment);
    let moment = moment.strip_suffix(b" 00:00:00").unwrap_or(moment);
    match (value.len() == moment.len() + era.len(), &value) {
        (true, _) => value,
        (false, Cow::Borrowed(value)) if era.is_empty() => Cow::Borrowed(&value[..moment.len()]),
        _ => Cow::Owned([moment, era].concat()),
    }
}
