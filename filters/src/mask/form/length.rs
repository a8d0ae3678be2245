//! Lengths of time: `interval`.

use std::borrow::Cow;

use super::moment::DAY;

/// Microseconds, as the server compares by them: a month has 30 days, a day 24 hours.
pub(super) fn interval(value: &[u8]) -> Cow<'_, [u8]> {
    length(value).map_or(Cow::Borrowed(value), |length| Cow::Owned(length.to_string().into_bytes()))
}

/// Reads `1 year 2 mons -3 days +04:05:06.789` (`IntervalStyle` postgres).
fn length(value: &[u8]) -> Option<i128> {
    let mut words = std::str::from_utf8(value).ok()?.split(' ').peekable();
    let mut sum = 0i128;
    while let Some(word) = words.next() {
        if word.contains(':') {
            let (sign, clock) = match word.strip_prefix('-') {
                Some(clock) => (-1, clock),
                None => (1, word.strip_prefix('+').unwrap_or(word)),
            };
            let mut parts = clock.split(':');
            let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
            let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
            let whole = |part: &str| part.parse::<u64>().ok().map(i128::from);
            let micros = whole(format!("{fraction:0<6}").get(..6)?)?;
            let seconds = whole(hours)? * 3600 + whole(minutes)? * 60 + whole(seconds)?;
            sum += sign * (seconds * 1_000_000 + micros);
            continue;
        }
        let days = match words.next()? {
            "year" | "years" => 360,
            "mon" | "mons" => 30,
            "day" | "days" => 1,
            _ => return None,
        };
        sum += i128::from(word.parse::<i64>().ok()?) * days * DAY;
    }
    Some(sum)
}
