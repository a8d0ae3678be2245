//! Numbers of PostgreSQL's types as decimal text, exact: what `noise`, `round` and `bucket` reckon with.
//!
//! No binary fraction anywhere: a mask must make the same of a value on every machine, and `numeric` holds what no `f64` does.

use std::cmp::Ordering;
use std::io::Write;

use bytes::{BufMut, BytesMut};

use super::Outcome;
use super::facts::oid;
use super::make::Make;
use super::setting::Decimal;
use super::spec::MaskError;

/// The columns that hold numbers, in words.
pub(super) const TYPES: &str = "smallint, integer, bigint, numeric, real, double precision";
/// The most digits that we reckon with.
const MOST_DIGITS: usize = 38;
/// What stands for a value that cannot be read.
const REDACTED: &[u8] = b"0";

/// `units` / 10^`scale`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Number {
    pub(super) negative: bool,
    /// Below 10^38.
    pub(super) units: u128,
    pub(super) scale: i32,
}

/// What a column of numbers can hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Holds {
    /// Whole numbers from -`end` to below `end`.
    Integers { end: u128 },
    /// `numeric(precision, scale)`
    Fixed { precision: u32, scale: i32 },
    /// `numeric`
    Numeric,
    /// Binary fractions of so many digits, and from 10^-`most` to 10^`most` for certain.
    Float { digits: u32, most: i32 },
}

impl Holds {
    /// What the column holds, if it is one of numbers.
    pub(super) fn of(make: &Make<'_>) -> Result<Holds, MaskError> {
        let holds = match make.type_oid() {
            oid::INT2 => Holds::Integers { end: 1 << 15 },
            oid::INT4 => Holds::Integers { end: 1 << 31 },
            oid::INT8 => Holds::Integers { end: 1 << 63 },
            oid::FLOAT4 => Holds::Float { digits: 6, most: 37 },
            oid::FLOAT8 => Holds::Float { digits: 15, most: 307 },
            oid::NUMERIC => match make.column().base().type_modifier.checked_sub(4).filter(|modifier| *modifier >= 0) {
                None => Holds::Numeric,
                // the scale has eleven bits and a sign
                Some(modifier) => Holds::Fixed {
                    precision: (modifier >> 16) as u32 & 0xffff,
                    scale: ((modifier & 0x7ff) ^ 0x400) - 0x400,
                },
            },
            _ => {
                make.wants(TYPES, false)?;
                Holds::Numeric
            }
        };
        Ok(holds)
    }

    /// The number in the column's own scale; else in the shortest that it can have, so that 1.0 and 1.00 are one.
    pub(super) fn read(self, value: &[u8]) -> Option<Number> {
        let shortest = read(value)?;
        match self {
            Holds::Integers { .. } => shortest.at(0),
            Holds::Fixed { scale, .. } => shortest.at(scale),
            Holds::Numeric => shortest.at(shortest.scale.max(0)),
            Holds::Float { .. } => Some(shortest),
        }
    }

    /// Masks a value: what stays stays, what cannot be read is redacted, and of a number `make` makes another.
    pub(super) fn mask(self, value: &[u8], out: &mut BytesMut, make: impl FnOnce(Number) -> Option<Number>) -> Outcome {
        if is_none(value) {
            out.put_slice(value);
            return Outcome::Masked;
        }
        match self.read(value).and_then(make) {
            Some(number) => {
                number.put(out);
                Outcome::Masked
            }
            None => {
                out.put_slice(REDACTED);
                Outcome::Redacted
            }
        }
    }

    /// Can the column hold it? What is near the ends of a binary fraction may go away from them.
    pub(super) fn takes(self, number: &Number, was: &Number) -> bool {
        match self {
            Holds::Integers { end } => number.units < end + u128::from(number.negative),
            Holds::Fixed { precision, .. } => digits(number.units) <= precision as i32,
            Holds::Numeric => true,
            Holds::Float { most, .. } => {
                let size = digits(number.units) - number.scale;
                number.units == 0
                    || (-most..=most).contains(&size)
                    || size > most && number.units <= was.units
                    || size < -most && number.units >= was.units
            }
        }
    }

    /// The digits behind the point that it has room for, where that is fixed.
    pub(super) fn scale(self) -> Option<i32> {
        match self {
            Holds::Integers { .. } => Some(0),
            Holds::Fixed { scale, .. } => Some(scale),
            Holds::Numeric | Holds::Float { .. } => None,
        }
    }
}

/// `NaN` and the infinities: no numbers, which stay as they are.
fn is_none(value: &[u8]) -> bool {
    matches!(value, b"NaN" | b"Infinity" | b"-Infinity")
}

/// A number as PostgreSQL writes it, in the shortest scale, which may be below zero; of 38 digits at most.
pub(super) fn read(value: &[u8]) -> Option<Number> {
    let (negative, text) = match value.strip_prefix(b"-") {
        Some(text) => (true, text),
        None => (false, value),
    };
    let (text, exponent) = match memchr::memchr(b'e', text) {
        Some(at) => (&text[..at], exponent(&text[at + 1..])?),
        None => (text, 0),
    };
    let (whole, fraction) = match memchr::memchr(b'.', text) {
        Some(at) if at + 1 < text.len() => (&text[..at], &text[at + 1..]),
        Some(_) => return None,
        None => (text, &[][..]),
    };
    if whole.is_empty() || !whole.iter().chain(fraction).all(u8::is_ascii_digit) {
        return None;
    }
    // zeros at the end count only when another digit follows, so that they need no room
    let (mut units, mut zeros, mut given) = (0u128, 0u32, 0i32);
    let mut length = 0;
    for d in whole.iter().chain(fraction) {
        given = given.checked_add(1)?;
        if *d == b'0' {
            zeros += u32::from(units > 0);
            continue;
        }
        length += if units > 0 { zeros as usize + 1 } else { 1 };
        if length > MOST_DIGITS {
            return None;
        }
        units = units * 10u128.pow(zeros + 1) + u128::from(d - b'0');
        zeros = 0;
    }
    let scale = i32::try_from(fraction.len()).ok()?.checked_sub(i32::try_from(zeros).ok()?)?.checked_sub(exponent)?;
    Some(if units == 0 { Number { negative: false, units, scale: 0 } } else { Number { negative, units, scale } })
}

fn exponent(text: &[u8]) -> Option<i32> {
    let (sign, digits) = match text {
        [b'-', digits @ ..] => (-1, digits),
        [b'+', digits @ ..] => (1, digits),
        digits => (1, digits),
    };
    let spelled = (1..=4).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    spelled.then(|| sign * digits.iter().fold(0, |n, d| n * 10 + i32::from(d - b'0')))
}

fn digits(units: u128) -> i32 {
    units.checked_ilog10().map_or(0, |log| log as i32 + 1)
}

/// `units` times 10^`by`, if that has 38 digits at most.
fn raised(units: u128, by: i32) -> Option<u128> {
    let by = u32::try_from(by).ok()?;
    if units == 0 {
        return Some(0);
    }
    units.checked_mul(10u128.checked_pow(by)?).filter(|n| digits(*n) <= MOST_DIGITS as i32)
}

impl Number {
    pub(super) fn of(decimal: Decimal) -> Number {
        Number {
            negative: decimal.unscaled < 0,
            units: decimal.unscaled.unsigned_abs().into(),
            scale: decimal.scale as i32,
        }
    }

    /// The same number in another scale; `None` if it needs more digits behind the point, or more at all than we reckon
    /// with.
    pub(super) fn at(self, scale: i32) -> Option<Number> {
        let units = match scale.checked_sub(self.scale)? {
            by @ 0.. => raised(self.units, by)?,
            _ if self.units == 0 => 0,
            by => {
                let one = 10u128.checked_pow(by.unsigned_abs())?;
                Some(self.units / one).filter(|units| units * one == self.units)?
            }
        };
        Some(Number { units, scale, ..self })
    }

    /// The same number with so many digits at least.
    pub(super) fn with_digits(self, least: u32) -> Number {
        let more = (least as i32 - digits(self.units)).max(0);
        self.at(self.scale.saturating_add(more)).unwrap_or(self)
    }

    /// A little more or less, in units of its own scale. `None` for more than we reckon with.
    pub(super) fn plus(self, units: i128) -> Option<Number> {
        let own = i128::try_from(self.units).ok()?;
        let sum = if self.negative { -own } else { own }.checked_add(units)?;
        let number = Number { negative: sum < 0, units: sum.unsigned_abs(), ..self };
        (digits(number.units) <= MOST_DIGITS as i32).then_some(number)
    }

    /// Appends it as PostgreSQL reads it.
    pub(super) fn put(&self, out: &mut BytesMut) {
        /// More zeros than this are written as an exponent.
        const ZEROS: i32 = 40;
        let Number { negative, units, scale } = *self;
        if negative && units > 0 {
            out.put_u8(b'-');
        }
        // a write into a buffer that grows cannot fail
        _ = match scale {
            ..0 if units == 0 || scale < -ZEROS => write!(out.writer(), "{units}e{}", -scale),
            ..0 => write!(out.writer(), "{units}").map(|()| out.put_bytes(b'0', scale.unsigned_abs() as usize)),
            0 => write!(out.writer(), "{units}"),
            1..38 => {
                let one = 10u128.pow(scale as u32);
                write!(out.writer(), "{}.{:0width$}", units / one, units % one, width = scale as usize)
            }
            38..=ZEROS => write!(out.writer(), "0.{units:0width$}", width = scale as usize),
            _ => write!(out.writer(), "{units}e-{scale}"),
        };
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<Ordering> {
        let signed = |n: &Number| match (n.units, n.negative) {
            (0, _) => 0,
            (_, true) => -1,
            (_, false) => 1,
        };
        let size = |n: &Number| i64::from(digits(n.units)) - i64::from(n.scale);
        let magnitude = || {
            // as many digits before the point: in the longer scale neither has more than 38
            let scale = self.scale.max(other.scale);
            let units = |n: &Number| n.at(scale).map(|n| n.units);
            size(self).cmp(&size(other)).then_with(|| units(self).cmp(&units(other)))
        };
        Some(signed(self).cmp(&signed(other)).then_with(|| match signed(self) {
            0 => Ordering::Equal,
            1 => magnitude(),
            _ => magnitude().reverse(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        read(text.as_bytes()).unwrap()
    }

    fn shown(number: Number) -> String {
        let mut out = BytesMut::new();
        number.put(&mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn numbers_are_read_and_written() {
        for (text, want) in [
            ("0", "0"),
            ("-0", "0"),
            ("0.000", "0"),
            ("42", "42"),
            ("-7.50", "-7.5"),
            ("007", "7"),
            ("1000", "1000"),
            ("0.001", "0.001"),
            (&format!("{}7", "0".repeat(50)), "7"),
            (&format!("0.{}7", "0".repeat(50)), "7e-51"),
            ("1.5e+20", "150000000000000000000"),
            ("1e-07", "0.0000001"),
            ("-2.5e-1", "-0.25"),
            ("1e300", "1e300"),
            ("-5e-324", "-5e-324"),
            (&format!("1{}", "0".repeat(900)), "1e900"),
            (&format!("12{}", "0".repeat(40)), &format!("12{}", "0".repeat(40))),
            ("1e-40", &format!("0.{}1", "0".repeat(39))),
            (&"9".repeat(38), &"9".repeat(38)),
        ] {
            assert_eq!(shown(number(text)), want, "{text}");
        }
        for text in [
            "",
            "-",
            ".",
            "1.",
            ".5",
            "+1",
            "1e",
            "1e+",
            "1e12345",
            "1,5",
            " 1",
            "NaN",
            "--1",
            "1.2.3",
            &"9".repeat(39),
        ] {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn scales() {
        assert_eq!(shown(number("1.5").at(3).unwrap()), "1.500");
        assert_eq!(number("1.5").at(0), None);
        let hundred = Number { negative: false, units: 100, scale: 0 };
        assert_eq!((hundred.at(-2).map(shown), hundred.at(-3)), (Some("100".into()), None));
        assert_eq!(number("0").at(-9).map(shown).unwrap(), "0e9");
        assert_eq!(shown(number("1200").at(-2).unwrap()), "1200");
        assert_eq!(number("1e38").at(1), None);
        assert_eq!(shown(number("0.1").with_digits(6)), "0.100000");
        assert_eq!(shown(number("1.5").plus(-16).unwrap()), "-0.1");
        assert_eq!(number("-5").plus(5).map(shown).unwrap(), "0");
    }

    #[test]
    fn order() {
        let sorted =
            ["-1e300", "-10", "-9.99", "-1e-5", "0", "1e-300", "0.1", "0.11", "1", "1.5", "9", "10", "1e38", "2e300"];
        for (i, a) in sorted.iter().enumerate() {
            for (j, b) in sorted.iter().enumerate() {
                assert_eq!(number(a).partial_cmp(&number(b)), Some(i.cmp(&j)), "{a} {b}");
            }
        }
        assert!(number("1.50") <= number("1.5") && number("1.50") >= number("1.5"));
    }
}
