//! `date` and `timestamp` in ISO style: days, and microseconds, since 2000-01-01
//! (<https://www.postgresql.org/docs/current/datatype-datetime.html>).

/// `2024-02-29`: days. Years of four digits alone.
pub fn date(text: &[u8]) -> Option<i32> {
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] = text else { return None };
    let year = pair(*y0, *y1)? * 100 + pair(*y2, *y3)?;
    let (month, day) = (pair(*m0, *m1)?, pair(*d0, *d1)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i32::from(leap),
        1..=12 => 31,
        _ => return None,
    };
    if year == 0 || !(1..=length).contains(&day) {
        return None;
    }
    // years begin in March, so that the odd day is their last
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1;
    // those of 2000-01-01 in that count
    Some(days - 730_425)
}

/// `2024-02-29 23:59:59.123456`: microseconds.
pub fn timestamp(text: &[u8]) -> Option<i64> {
    let (day, time) = text.split_at_checked(10)?;
    let [b' ', h0, h1, b':', m0, m1, b':', s0, s1, fraction @ ..] = time else { return None };
    let (hour, minute, second) = (pair(*h0, *h1)?, pair(*m0, *m1)?, pair(*s0, *s1)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut micros = 0i64;
    if let Some((point, digits)) = fraction.split_first() {
        if *point != b'.' || digits.is_empty() || digits.len() > 6 {
            return None;
        }
        for n in 0..6 {
            let digit = digits.get(n).map_or(Some(0), |d| d.checked_sub(b'0').filter(|d| *d < 10))?;
            micros = micros * 10 + i64::from(digit);
        }
    }
    let seconds = i64::from(date(day)?) * 86_400 + i64::from(hour * 3600 + minute * 60 + second);
    Some(seconds * 1_000_000 + micros)
}

fn pair(tens: u8, ones: u8) -> Option<i32> {
    let digit = |b: u8| b.checked_sub(b'0').filter(|d| *d < 10).map(i32::from);
    Some(digit(tens)? * 10 + digit(ones)?)
}
