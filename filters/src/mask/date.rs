//! Days of the Gregorian calendar, as PostgreSQL writes and counts them: no leap seconds, no year zero, and the calendar reckoned back
//! to all times before it was made.

use std::io::Write;

use bytes::{BufMut, BytesMut};

/// A day with what stands behind it.
pub(super) struct Date<'a> {
    /// Days since 1970-01-01.
    pub(super) day: i64,
    /// The time, with the blank before it and the zone behind; empty for a date.
    pub(super) time: &'a [u8],
}

/// Reads what our sessions print of a `date`, `timestamp` or `timestamptz` (`DateStyle` ISO, `TimeZone` UTC), but for the
/// infinities.
pub(super) fn read(value: &[u8]) -> Option<Date<'_>> {
    let (value, before_christ) = match value.strip_suffix(b" BC") {
        Some(value) => (value, true),
        None => (value, false),
    };
    let end = value.iter().position(|b| *b == b' ').unwrap_or(value.len());
    let (date, time) = value.split_at(end);
    let mut parts = date.split(|b| *b == b'-');
    let (year, month, day) =
        (number(parts.next()?, 4..=7)?, number(parts.next()?, 2..=2)?, number(parts.next()?, 2..=2)?);
    let year = if before_christ { 1 - year } else { year };
    let good = parts.next().is_none()
        && (year > 0) != before_christ
        && (1..=12).contains(&month)
        && day >= 1
        && day <= days_of(year, month)
        && (time.is_empty() || is_time(&time[1..]));
    good.then(|| Date { day: days_to(year, month) + day - 1, time })
}

/// Appends a day in the form that [`read`] reads.
pub(super) fn put(date: &Date<'_>, out: &mut BytesMut) {
    let (year, month, day) = civil(date.day);
    let (shown, suffix) = if year > 0 { (year, "") } else { (1 - year, " BC") };
    // a write into a buffer that grows cannot fail
    _ = write!(out.writer(), "{shown:04}-{month:02}-{day:02}");
    out.put_slice(date.time);
    out.put_slice(suffix.as_bytes());
}

fn number(text: &[u8], digits: std::ops::RangeInclusive<usize>) -> Option<i64> {
    let spelled = digits.contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    spelled.then(|| text.iter().fold(0, |n, d| n * 10 + i64::from(d - b'0')))
}

/// `12:34:56.789` with `+00` or without.
fn is_time(text: &[u8]) -> bool {
    let text = text.strip_suffix(b"+00").unwrap_or(text);
    let Some((clock, rest)) = text.split_at_checked(8) else { return false };
    let fraction = match rest {
        [] => true,
        [b'.', digits @ ..] => (1..=6).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    let clocked = clock.iter().enumerate().all(|(i, b)| if i % 3 == 2 { *b == b':' } else { b.is_ascii_digit() });
    fraction && clocked
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of the months before, in a year that is not a leap year.
const BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
/// Days from the first of year 0 (1 BC) to 1970-01-01.
const EPOCH: i64 = 719_528;
/// 400 years.
const ERA: i64 = 146_097;

/// Days from 1970-01-01 to the first of a month.
fn days_to(year: i64, month: i64) -> i64 {
    let last = year - 1;
    let leaps = last.div_euclid(4) - last.div_euclid(100) + last.div_euclid(400) + 1; // year 0 is one
    let before = usize::try_from(month - 1).ok().and_then(|m| BEFORE.get(m)).copied().unwrap_or(0);
    365 * year + leaps + before + i64::from(month > 2 && is_leap(year)) - EPOCH
}

/// Year, month and day.
fn civil(day: i64) -> (i64, i64, i64) {
    let (era, of_era) = ((day + EPOCH).div_euclid(ERA), (day + EPOCH).rem_euclid(ERA));
    let (mut year, mut month) = (400 * era + of_era / 366, 12);
    // a year is never shorter than 365 days: at most two further
    while days_to(year + 1, 1) <= day {
        year += 1;
    }
    while days_to(year, month) > day {
        month -= 1;
    }
    (year, month, day - days_to(year, month) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, by: i64) -> String {
        let date = read(text.as_bytes()).unwrap();
        let mut out = BytesMut::new();
        put(&Date { day: date.day + by, ..date }, &mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn days() {
        assert_eq!(read(b"1970-01-01").unwrap().day, 0);
        // what PostgreSQL says of these: SELECT d - date '1970-01-01'
        for (date, day) in [
            ("2000-02-29", 11_016),
            ("2026-11-26", 20_783),
            ("0001-01-01", -719_162),
            ("0001-12-31 BC", -719_163),
            ("4714-11-24 BC", -2_440_588),
            ("5874897-12-31", 2_145_042_905),
        ] {
            assert_eq!(read(date.as_bytes()).unwrap().day, day, "{date}");
        }
    }

    /// Day by day through the leap years of four hundred, and around year one.
    #[test]
    fn every_day_follows_the_one_before() {
        for (from, to) in [("1599-12-31", 147_000), ("0402-01-01 BC", 295_000)] {
            let mut before = read(from.as_bytes()).unwrap().day;
            let (mut year, mut month, mut of_month) = civil(before);
            for _ in 0..to {
                before += 1;
                let next = civil(before);
                of_month += 1;
                if of_month > days_of(year, month) {
                    (month, of_month) = (month + 1, 1);
                }
                if month > 12 {
                    (year, month) = (year + 1, 1);
                }
                assert_eq!(next, (year, month, of_month));
                assert_eq!(days_to(year, month) + of_month - 1, before);
            }
        }
    }

    #[test]
    fn what_stands_behind_stays() {
        assert_eq!(shown("2024-02-28 12:34:56.789+00", 1), "2024-02-29 12:34:56.789+00");
        assert_eq!(shown("0001-01-01 00:00:00", -1), "0001-12-31 00:00:00 BC");
        assert_eq!(shown("0001-12-31 BC", 1), "0001-01-01");
        assert_eq!(shown("9999-12-31", 1), "10000-01-01");
    }

    #[test]
    fn what_is_no_day_is_not_read() {
        for text in [
            "",
            "2023-02-29",
            "2024-13-01",
            "2024-00-01",
            "2024-01-00",
            "2024-1-1",
            "0000-01-01",
            "0000-01-01 BC",
            "24-01-01",
            "2024-01-01T00:00:00",
            "2024-01-01 ",
            "2024-01-01 1:2:3",
            "2024-01-01 12:34:56+02",
            "2024-01-01 12:34:56.",
            "2024-01-01-01",
            "12345678-01-01",
            "infinity",
        ] {
            assert!(read(text.as_bytes()).is_none(), "{text}");
        }
    }
}
