//! Dates and timestamps in ISO form, as microseconds since 2000-01-01 00:00 UTC.
//!
//! Values come as our sessions print them (`sink_postgres::session`: DateStyle ISO, TimeZone UTC); literals are taken in
//! the same form and no other, since the server reads many forms by settings, and some of them (`today`) by the clock. A date
//! is its midnight, a timestamp without zone is UTC's: so a session whose TimeZone is UTC compares them with each other, too.
//! One day's leap seconds do not exist (<https://www.postgresql.org/docs/current/datetime-units-history.html>); the calendar is
//! the Gregorian one, backwards too.

/// The types of moments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Calendar {
    /// `date`.
    Date,
    /// `timestamp without time zone`.
    Timestamp,
    /// `timestamp with time zone`.
    TimestampTz,
}

/// `-infinity` and `infinity`.
const BEFORE: i128 = i128::MIN;
const AFTER: i128 = i128::MAX;

const DAY: i128 = 86_400_000_000;
/// 4714-11-24 BC, day 0 of the Julian count (`src/include/datatype/timestamp.h`).
const FIRST_DAY: i128 = -2_451_545;
/// The day behind 5874897-12-31.
const END_OF_DATES: i128 = 2_147_483_494 - 2_451_545;
/// 294277-01-01.
const END_OF_TIMES: i128 = 9_223_371_331_200_000_000;

/// Reads a literal: a value that the server would take, too.
pub(crate) fn literal(ty: Calendar, text: &str) -> Option<i128> {
    let end = if ty == Calendar::Date { END_OF_DATES * DAY } else { END_OF_TIMES };
    read(ty, text.as_bytes()).filter(|m| matches!(*m, BEFORE | AFTER) || (FIRST_DAY * DAY..end).contains(m))
}

/// Reads a value's text output; `ty` is date, timestamp or timestamptz. A `timestamp(3)` can hold the first moment behind the
/// range, which rounding has made.
pub(crate) fn read(ty: Calendar, text: &[u8]) -> Option<i128> {
    match text {
        b"infinity" => return Some(AFTER),
        b"-infinity" => return Some(BEFORE),
        _ => {}
    }
    let mut rest = Rest(text);
    let year = rest.number(4, 7)?;
    let month = rest.after(b'-')?.number(2, 2)?;
    let day = rest.after(b'-')?.number(2, 2)?;
    let mut time = 0;
    if ty != Calendar::Date && (rest.skip(b' ') || rest.skip(b'T')) {
        // "2024-01-01 BC" is a date before our era, not one with an empty time
        if rest.0 == b"BC" {
            return finish(year, month, day, 0, true);
        }
        time = rest.time()?;
        if ty == Calendar::TimestampTz {
            time -= rest.offset()?;
        }
    }
    let bc = match rest.0 {
        b"" => false,
        b" BC" => true,
        _ => return None,
    };
    finish(year, month, day, time, bc)
}

fn finish(year: i128, month: i128, day: i128, time: i128, bc: bool) -> Option<i128> {
    if year == 0 || !(1..=12).contains(&month) || day < 1 {
        return None;
    }
    let year = if bc { 1 - year } else { year };
    if day > days_of_month(year, month) {
        return None;
    }
    Some(days(year, month, day) * DAY + time)
}

fn days_of_month(year: i128, month: i128) -> i128 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 2000-01-01. Years begin in March here, so that the leap day is their last.
fn days(year: i128, month: i128, day: i128) -> i128 {
    let year = if month < 3 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // 153 days in every five months from March on; 2000-03-01 is day 60
    let at = year * 365 + leaps + (153 * month + 2) / 5 + day - 1;
    at - (2000 * 365 + 500 - 20 + 5) + 60
}

struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    /// Takes `least` to `most` digits, and all that there are.
    fn number(&mut self, least: usize, most: usize) -> Option<i128> {
        let count = self.0.iter().take_while(|b| b.is_ascii_digit()).count();
        if count < least || count > most {
            return None;
        }
        let (digits, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(digits.iter().fold(0, |n, d| n * 10 + i128::from(d - b'0')))
    }

    fn skip(&mut self, byte: u8) -> bool {
        match self.0.split_first() {
            Some((first, rest)) if *first == byte => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    fn after(&mut self, byte: u8) -> Option<&mut Rest<'a>> {
        self.skip(byte).then_some(self)
    }

    /// `12:34`, `12:34:56`, `12:34:56.789012`, in microseconds.
    fn time(&mut self) -> Option<i128> {
        let hour = self.number(2, 2).filter(|h| *h < 24)?;
        let minute = self.after(b':')?.number(2, 2).filter(|m| *m < 60)?;
        let mut micros = (hour * 60 + minute) * 60_000_000;
        if self.skip(b':') {
            micros += self.number(2, 2).filter(|s| *s < 60)? * 1_000_000;
            if self.skip(b'.') {
                let before = self.0.len();
                let fraction = self.number(1, 6)?;
                let digits = u32::try_from(before - self.0.len()).ok()?;
                micros += fraction * 10i128.pow(6u32.checked_sub(digits)?);
            }
        }
        Some(micros)
    }

    /// `+02`, `-03:30`, `+00:19:32`, `Z`, or nothing, which is UTC; in microseconds east of it.
    fn offset(&mut self) -> Option<i128> {
        if self.skip(b'Z') {
            return Some(0);
        }
        let west = self.skip(b'-');
        if !west && !self.skip(b'+') {
            return Some(0);
        }
        let mut seconds = self.number(2, 2).filter(|h| *h < 16)? * 3600;
        if self.skip(b':') {
            seconds += self.number(2, 2).filter(|m| *m < 60)? * 60;
            if self.skip(b':') {
                seconds += self.number(2, 2).filter(|s| *s < 60)?;
            }
        }
        Some(if west { -seconds } else { seconds } * 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_counted_from_the_year_2000() {
        for (ty, text, want) in [
            (Calendar::Date, "2000-01-01", 0),
            (Calendar::Date, "2000-02-29", 59 * DAY),
            (Calendar::Date, "1999-12-31", -DAY),
            (Calendar::Date, "1970-01-01", -10_957 * DAY),
            (Calendar::Date, "4714-11-24 BC", FIRST_DAY * DAY),
            (Calendar::Date, "5874897-12-31", (END_OF_DATES - 1) * DAY),
            (Calendar::Date, "0001-12-31 BC", -730_120 * DAY),
            (Calendar::Date, "0001-01-01", -730_119 * DAY),
            (Calendar::Date, "infinity", AFTER),
            (Calendar::Timestamp, "2000-01-01", 0),
            (Calendar::Timestamp, "2000-01-01 00:00:01.5", 1_500_000),
            (Calendar::Timestamp, "2000-01-01T00:01", 60_000_000),
            (Calendar::Timestamp, "294276-12-31 23:59:59.999999", END_OF_TIMES - 1),
            (Calendar::Timestamp, "0001-12-31 00:00:00 BC", -730_120 * DAY),
            (Calendar::Timestamp, "0001-12-31 BC", -730_120 * DAY),
            (Calendar::Timestamp, "-infinity", BEFORE),
            (Calendar::TimestampTz, "2000-01-01 00:00:00+00", 0),
            (Calendar::TimestampTz, "2000-01-01 02:00:00+02", 0),
            (Calendar::TimestampTz, "1999-12-31 20:30:00-03:30", 0),
            (Calendar::TimestampTz, "2000-01-01 00:19:32+00:19:32", 0),
            (Calendar::TimestampTz, "2000-01-01 00:00Z", 0),
            (Calendar::TimestampTz, "0001-12-31 00:00:00+00 BC", -730_120 * DAY),
        ] {
            assert_eq!(read(ty, text.as_bytes()), Some(want), "{text}");
            assert_eq!(literal(ty, text), Some(want), "{text}");
        }
    }

    #[test]
    fn no_other_form_is_read() {
        for text in [
            "",
            "today",
            "now",
            "2000",
            "2000-1-1",
            "00-01-01",
            "2000-13-01",
            "2000-02-30",
            "1900-02-29",
            "0000-01-01",
            "2000-01-01 ",
            " 2000-01-01",
            "2000-01-01 AD",
            "2000-01-01BC",
            "4714-11-23 BC",
            "5874898-01-01",
            "99999999-01-01",
            "2000-01-01 00:00",
            "20000101",
            "2000/01/01",
            "Infinity",
        ] {
            assert_eq!(literal(Calendar::Date, text), None, "{text}");
        }
        for text in [
            "2000-01-01 24:00:00",
            "2000-01-01 00:60",
            "2000-01-01 00:00:60",
            "2000-01-01 00:00:00.1234567",
            "2000-01-01 00:00:00.",
            "2000-01-01 00:00:00+02",
            "294277-01-01 00:00:00",
            "2000-01-01 1:00",
            "2000-01-01 12",
            "2000-01-01 00:00:00 BC BC",
            "2000-01-01 ",
        ] {
            assert_eq!(literal(Calendar::Timestamp, text), None, "{text}");
        }
        for text in
            ["2000-01-01 00:00:00 Europe/Berlin", "2000-01-01 00:00:00+16", "2000-01-01 00:00:00+2", "2000-01-01+00"]
        {
            assert_eq!(literal(Calendar::TimestampTz, text), None, "{text}");
        }
    }
}
