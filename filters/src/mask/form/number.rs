//! Decimal numbers, in the shortest spelling without an exponent: `numeric`, binary fractions, and numbers in a document.

use std::borrow::Cow;
use std::io::Write;

/// Exponents beyond this are written as one: nobody's digits fill a page. Both types of binary fractions end before.
const MOST_ZEROS: i64 = 400;

/// Any spelling of a decimal number as the shortest without an exponent.
pub(super) fn number(value: &[u8]) -> Cow<'_, [u8]> {
    let spelled = |b: &u8| b.is_ascii_digit() || *b == b'.';
    if value.strip_prefix(b"-").unwrap_or(value).iter().all(spelled) && !value.starts_with(b"-0") {
        return Cow::Borrowed(unended(value));
    }
    respelled(value).map_or(Cow::Borrowed(value), Cow::Owned)
}

/// Without the zeros that end a fraction.
pub(super) fn unended(value: &[u8]) -> &[u8] {
    if !value.ends_with(b"0") || !value.contains(&b'.') {
        return value;
    }
    let end = value.iter().rposition(|b| *b != b'0').map_or(0, |last| last + 1);
    let short = value.get(..end).unwrap_or_default();
    short.strip_suffix(b".").unwrap_or(short)
}

/// `None` for what is no number.
fn respelled(value: &[u8]) -> Option<Vec<u8>> {
    let (negative, text) = match value.strip_prefix(b"-") {
        Some(text) => (true, text),
        None => (false, value),
    };
    let (mantissa, exponent) = match text.iter().position(|b| matches!(b, b'e' | b'E')) {
        Some(at) => (&text[..at], std::str::from_utf8(&text[at + 1..]).ok()?.parse::<i32>().ok()?.into()),
        None => (text, 0i64),
    };
    let point = mantissa.iter().position(|b| *b == b'.').unwrap_or(mantissa.len());
    let mut digits: Vec<u8> = mantissa.iter().copied().filter(|b| *b != b'.').collect();
    let good = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) && digits.len() + 1 >= mantissa.len();
    if !good {
        return None;
    }
    let leading = digits.iter().take_while(|d| **d == b'0').count();
    let ending = digits.iter().rev().take_while(|d| **d == b'0').count();
    if leading == digits.len() {
        return Some(b"0".to_vec());
    }
    digits.truncate(digits.len() - ending);
    digits.drain(..leading);
    // where the point stands, counted from the first digit
    let point = i64::try_from(point).ok()? - i64::try_from(leading).ok()? + exponent;
    let length = i64::try_from(digits.len()).ok()?;
    let mut out = if negative { b"-".to_vec() } else { Vec::new() };
    match point {
        ..=0 if -point <= MOST_ZEROS => {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + usize::try_from(-point).ok()?, b'0');
            out.append(&mut digits);
        }
        1.. if point < length => {
            let (whole, fraction) = digits.split_at(usize::try_from(point).ok()?);
            out.extend_from_slice(whole);
            out.push(b'.');
            out.extend_from_slice(fraction);
        }
        1.. if point - length <= MOST_ZEROS => {
            out.append(&mut digits);
            out.resize(out.len() + usize::try_from(point - length).ok()?, b'0');
        }
        _ => {
            out.append(&mut digits);
            // a write into a vector cannot fail
            _ = write!(out, "e{}", point - length);
        }
    }
    Some(out)
}
