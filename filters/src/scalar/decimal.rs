//! Decimal numbers of any length, compared by their digits: exact, and without building a number.
//!
//! Order as `numeric`'s: `-Infinity`, the finite, `Infinity`, `NaN`, which equals itself
//! (<https://www.postgresql.org/docs/current/datatype-numeric.html>).

use std::cmp::Ordering;

/// A number as digits before and behind the point, none of them needless.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Decimal<'a> {
    NegativeInfinity,
    Finite { negative: bool, whole: &'a [u8], fraction: &'a [u8] },
    Infinity,
    NaN,
}

impl<'a> Decimal<'a> {
    /// Reads the text output of an integer type or of `numeric`, which never has an exponent.
    pub(crate) fn read(text: &'a [u8]) -> Option<Decimal<'a>> {
        match text {
            b"NaN" => return Some(Decimal::NaN),
            b"Infinity" => return Some(Decimal::Infinity),
            b"-Infinity" => return Some(Decimal::NegativeInfinity),
            _ => {}
        }
        let (negative, digits) = match text.split_first()? {
            (b'-', rest) => (true, rest),
            _ => (false, text),
        };
        let (whole, fraction) = match digits.iter().position(|b| *b == b'.') {
            Some(point) => (digits.get(..point)?, digits.get(point + 1..)?),
            None => (digits, &[][..]),
        };
        let good = whole.len() + fraction.len() > 0 && whole.iter().chain(fraction).all(u8::is_ascii_digit);
        good.then(|| Decimal::finite(negative, whole, fraction))
    }

    fn finite(negative: bool, whole: &'a [u8], fraction: &'a [u8]) -> Decimal<'a> {
        let leading = whole.iter().take_while(|b| **b == b'0').count();
        let trailing = fraction.iter().rev().take_while(|b| **b == b'0').count();
        let whole = whole.get(leading..).unwrap_or_default();
        let fraction = fraction.get(..fraction.len() - trailing).unwrap_or_default();
        // there is no negative zero
        Decimal::Finite { negative: negative && whole.len() + fraction.len() > 0, whole, fraction }
    }

    fn rank(&self) -> i8 {
        match self {
            Decimal::NegativeInfinity => -1,
            Decimal::Finite { .. } => 0,
            Decimal::Infinity => 1,
            Decimal::NaN => 2,
        }
    }
}

impl Ord for Decimal<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let (
            Decimal::Finite { negative, whole, fraction },
            Decimal::Finite { negative: other_negative, whole: other_whole, fraction: other_fraction },
        ) = (self, other)
        else {
            return self.rank().cmp(&other.rank());
        };
        match (negative, other_negative) {
            (false, true) => return Ordering::Greater,
            (true, false) => return Ordering::Less,
            _ => {}
        }
        // more digits before the point is more; behind it the digits decide, and then their number, as none is a needless zero
        let size = whole.len().cmp(&other_whole.len()).then_with(|| whole.cmp(other_whole));
        let size = size.then_with(|| fraction.cmp(other_fraction));
        if *negative { size.reverse() } else { size }
    }
}

impl PartialOrd for Decimal<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A literal's number, which has an owner.
#[derive(Clone, Debug)]
pub(crate) struct OwnedDecimal(Box<str>);

impl OwnedDecimal {
    /// Reads a literal: digits, a point, an exponent, a sign; with `words` also NaN and the infinities. `None` if it is
    /// no number, or longer than [`LONGEST`] digits when written out.
    pub(crate) fn literal(text: &str, words: bool) -> Option<OwnedDecimal> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let word = |word: &str| digits.eq_ignore_ascii_case(word);
        if words && word("nan") && digits.len() == text.len() {
            return Some(OwnedDecimal("NaN".into()));
        }
        if words && (word("infinity") || word("inf")) {
            return Some(OwnedDecimal(if negative { "-Infinity".into() } else { "Infinity".into() }));
        }
        let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (digits, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let plain = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
        if !plain(whole) || !plain(fraction) || whole.len() + fraction.len() == 0 {
            return None;
        }
        let all = format!("{whole}{fraction}");
        let point = i32::try_from(whole.len()).ok()?.checked_add(exponent)?;
        let length = i32::try_from(all.len()).ok()?;
        if point.max(length).checked_sub(point.min(0))? > LONGEST {
            return None;
        }
        let sign = if negative { "-" } else { "" };
        let zeros = |n: i32| "0".repeat(usize::try_from(n).unwrap_or(0));
        Some(OwnedDecimal(match usize::try_from(point) {
            Err(_) => format!("{sign}.{}{all}", zeros(-point)).into(),
            Ok(at) => match all.split_at_checked(at) {
                Some((whole, fraction)) => format!("{sign}{whole}.{fraction}").into(),
                None => format!("{sign}{all}{}", zeros(point - length)).into(),
            },
        }))
    }

    pub(crate) fn view(&self) -> Decimal<'_> {
        Decimal::read(self.0.as_bytes()).unwrap_or(Decimal::NaN) // it was read when it was made
    }
}

const LONGEST: i32 = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use Ordering::{Equal, Greater, Less};

    #[test]
    fn numbers_are_ordered_by_value() {
        let read = |t: &'static str| Decimal::read(t.as_bytes()).unwrap();
        for (a, b, want) in [
            ("1", "1.000", Equal),
            ("007", "7", Equal),
            ("-0", "0", Equal),
            ("-0.00", "0", Equal),
            ("9", "10", Less),
            ("-9", "-10", Greater),
            ("0.1", "0.09", Greater),
            ("0.1", "0.10000000000000000000000000000000000000001", Less),
            ("-0.1", "-0.10000000000000000000000000000000000000001", Greater),
            ("NaN", "NaN", Equal),
            ("NaN", "Infinity", Greater),
            ("-Infinity", "-99999999999999999999999999999999999999999999999", Less),
            ("Infinity", "99999999999999999999999999999999999999999999999", Greater),
        ] {
            assert_eq!(read(a).cmp(&read(b)), want, "{a} {b}");
            assert_eq!(read(b).cmp(&read(a)), want.reverse(), "{b} {a}");
        }
        for bad in ["", "-", ".", "1e5", "1x", "--1", "1.2.3", " 1", "infinity"] {
            assert_eq!(Decimal::read(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_literal_is_written_out() {
        for (literal, value) in [
            ("1e3", "1000"),
            ("1.5e3", "1500"),
            ("-1.5E-3", "-0.0015"),
            ("12.34e1", "123.4"),
            ("+5", "5"),
            (".5", "0.5"),
            ("5.", "5"),
            ("0e900", "0"),
            ("nan", "NaN"),
            ("-inf", "-Infinity"),
        ] {
            let literal = OwnedDecimal::literal(literal, true).unwrap();
            assert_eq!(literal.view(), Decimal::read(value.as_bytes()).unwrap(), "{value}");
        }
        for bad in ["", "1e", "e1", "1e5000", "1e-5000", "1e99999999999", "x", "0x1F", "1_000", "-nan", "- 1"] {
            assert!(OwnedDecimal::literal(bad, true).is_none(), "{bad}");
        }
        assert!(OwnedDecimal::literal("NaN", false).is_none());
    }
}
