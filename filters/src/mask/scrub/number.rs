//! Numbers: telephone, card, IBAN, IPv4; and dates and times, which stay.

use super::{Found, Seen, is_word};

/// As many digits or more are a number that means somebody.
const TELLING: usize = 7;

/// What begins at a digit. `from`: what stands before is done.
pub(super) fn seen(text: &[u8], at: usize, from: usize) -> Seen {
    let run = digits(&text[at..]);
    let before = |n: usize| (at >= from + n).then(|| text[at - n]);
    if let Some(found) = iban(text, at, from) {
        return Seen::Found(found);
    }
    let goes_on = before(1) == Some(b'.') && before(2).is_some_and(|b| b.is_ascii_digit());
    if let Some(length) = ip(&text[at..]).filter(|_| !goes_on) {
        return Seen::Found(Found { start: at, end: at + length, what: "[ip]" });
    }
    if let Some(length) = moment(&text[at..]) {
        return Seen::Nothing { until: at + length };
    }
    // the seconds of a time, or digits inside a word: what comes behind belongs to something else
    let inside =
        before(1).is_some_and(is_word) || before(1) == Some(b':') && before(2).is_some_and(|b| b.is_ascii_digit());
    let (length, count) = if inside { (run, run) } else { grouped(&text[at..]) };
    if count < TELLING {
        return Seen::Nothing { until: at + run };
    }
    let number = &text[at..at + length];
    let what = match count {
        12..=19 if luhn(number) => "[card]",
        0..=15 => "[phone]",
        _ => "[number]",
    };
    let mut start = at;
    while start > from && matches!(text[start - 1], b'+' | b'(') {
        start -= 1;
    }
    Seen::Found(Found { start, end: at + length, what })
}

fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|b| b.is_ascii_digit()).count()
}

/// Digits in groups: how long, to the last digit, and how many. Two signs may stand between groups, as in `(030) 12`.
fn grouped(text: &[u8]) -> (usize, usize) {
    let (mut end, mut count, mut between) = (0, 0, 0);
    for (i, b) in text.iter().enumerate() {
        match b {
            b'0'..=b'9' => {
                (end, between) = (i + 1, 0);
                count += 1;
            }
            b' ' | b'-' | b'.' | b'/' | b'(' | b')' if between < 2 => between += 1,
            _ => break,
        }
    }
    (end, count)
}

/// Luhn's sum over the digits.
fn luhn(number: &[u8]) -> bool {
    let digits = number.iter().rev().filter(|b| b.is_ascii_digit()).map(|b| u32::from(b - b'0'));
    let sum: u32 = digits.enumerate().map(|(i, d)| if i % 2 == 0 { d } else { d * 2 / 10 + d * 2 % 10 }).sum();
    sum.is_multiple_of(10)
}

/// How long the IPv4 address is that begins here. `1.2.3.4.5` is none.
fn ip(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    for part in 0..4 {
        if part > 0 {
            at += usize::from(text.get(at) == Some(&b'.'));
        }
        let n = digits(text.get(at..)?);
        let byte = std::str::from_utf8(text.get(at..at + n)?).ok()?.parse::<u16>();
        if !(1..=3).contains(&n) || byte.is_ok_and(|byte| byte > 255) || part > 0 && text[at - 1] != b'.' {
            return None;
        }
        at += n;
    }
    let more = text.get(at) == Some(&b'.') && text.get(at + 1).is_some_and(u8::is_ascii_digit);
    (!more).then_some(at)
}

/// The IBAN whose check digits begin at `at`: its sum is right.
fn iban(text: &[u8], at: usize, from: usize) -> Option<Found> {
    let start = at.checked_sub(2).filter(|start| *start >= from)?;
    let country = &text[start..at];
    let alone = start == 0 || !is_word(text[start - 1]);
    if !alone || !country.iter().all(u8::is_ascii_alphabetic) || digits(&text[at..]) < 2 {
        return None;
    }
    // a letter counts two digits; 97 is small enough for one number to go along
    let add = |rest: u32, b: u8| match b {
        b'0'..=b'9' => (rest * 10 + u32::from(b - b'0')) % 97,
        _ => (rest * 100 + u32::from(b.to_ascii_uppercase() - b'A') + 10) % 97,
    };
    let (mut rest, mut count, mut end) = (0, 4, None);
    let head = &text[start..at + 2];
    let mut i = at + 2;
    while let Some(&b) = text.get(i) {
        // written in groups of four, if in groups at all
        let spaced = b == b' ' && count % 4 == 0 && text.get(i + 1).is_some_and(u8::is_ascii_alphanumeric);
        if !b.is_ascii_alphanumeric() && !spaced || count > 34 {
            break;
        }
        i += 1;
        if spaced {
            continue;
        }
        (rest, count) = (add(rest, b), count + 1);
        let border = text.get(i).is_none_or(|b| !is_word(*b));
        if border && (15..=34).contains(&count) && head.iter().fold(rest, |rest, b| add(rest, *b)) == 1 {
            end = Some(i);
        }
    }
    Some(Found { start, end: end?, what: "[iban]" })
}

/// How long the date or date and time is that begins here: `2026-01-31`, `31.01.2026`, `01/31/2026`, and `T12:30:05.123+02:00` behind it.
fn moment(text: &[u8]) -> Option<usize> {
    let number = |at: usize, n: usize, least: u32, most: u32| {
        let part = text.get(at..at + n)?;
        let value =
            std::str::from_utf8(part).ok().filter(|_| part.iter().all(u8::is_ascii_digit))?.parse::<u32>().ok()?;
        (least..=most).contains(&value).then_some(())
    };
    let sign = |at: usize| text.get(at).copied().filter(|b| matches!(b, b'-' | b'.' | b'/'));
    let year_first = || {
        let by = sign(4)?;
        (number(0, 4, 1000, 2999).and(number(5, 2, 1, 12)).and(number(8, 2, 1, 31)).is_some() && sign(7) == Some(by))
            .then_some(())
    };
    let year_last = || {
        let by = sign(2)?;
        (number(0, 2, 1, 31).and(number(3, 2, 1, 31)).and(number(6, 4, 1000, 2999)).is_some() && sign(5) == Some(by))
            .then_some(())
    };
    year_first().or_else(year_last)?;
    let mut end = 10;
    // two digits and no third, or a number could hide behind a time that somebody forgot a blank after
    let pair = |at: usize| text.get(at) == Some(&b':') && digits(text.get(at + 1..).unwrap_or_default()) == 2;
    if matches!(text.get(10), Some(b'T' | b' ')) && number(11, 2, 0, 24).is_some() && pair(13) {
        end = if pair(16) { 19 } else { 16 };
        let fraction = text.get(20..).filter(|_| end == 19 && text[19] == b'.').map_or(0, digits);
        end += if (1..=6).contains(&fraction) { 1 + fraction } else { 0 };
        let zone = &text[end..];
        if matches!(zone.first(), Some(b'+' | b'-')) {
            end += 1 + zone[1..].iter().take(5).take_while(|b| b.is_ascii_digit() || **b == b':').count();
        }
    }
    // another digit behind it, or a group of them, and it is the beginning of some other number
    let goes_on = matches!(&text[end..], [b'0'..=b'9', ..] | [b'-' | b'.' | b'/', b'0'..=b'9', ..]);
    (!goes_on).then_some(end)
}
