//! The values of parameters, and how each is written in the one line that goes into fingerprints.

use std::fmt::{self, Write};
use std::str::FromStr;
use std::time::Duration;

use crate::policy::Class;

/// The value of a parameter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Setting {
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// A number with a fraction.
    Decimal(Decimal),
    /// A time.
    Time(Duration),
    /// A text or a word.
    Text(String),
    /// Texts, in their order.
    Texts(Vec<String>),
    /// What becomes of something within the value.
    Class(Box<Class>),
    /// The same by names, in their order.
    Classes(Vec<(String, Class)>),
}

impl From<bool> for Setting {
    fn from(flag: bool) -> Setting {
        Setting::Flag(flag)
    }
}

impl From<i64> for Setting {
    fn from(number: i64) -> Setting {
        Setting::Number(number)
    }
}

impl From<Decimal> for Setting {
    fn from(number: Decimal) -> Setting {
        Setting::Decimal(number)
    }
}

impl From<&str> for Setting {
    fn from(text: &str) -> Setting {
        Setting::Text(text.to_owned())
    }
}

impl From<&[&str]> for Setting {
    fn from(texts: &[&str]) -> Setting {
        Setting::Texts(texts.iter().map(|t| (*t).to_owned()).collect())
    }
}

impl Setting {
    /// The canonical form. Fingerprints are made of it: it stays as it is.
    pub(super) fn describe(&self, line: &mut String) {
        match self {
            Setting::Flag(flag) => _ = write!(line, "{flag}"),
            Setting::Number(n) => _ = write!(line, "{n}"),
            Setting::Decimal(n) => _ = write!(line, "{n}"),
            Setting::Time(time) if time.subsec_millis() == 0 => _ = write!(line, "{}s", time.as_secs()),
            Setting::Time(time) => _ = write!(line, "{}ms", time.as_millis()),
            Setting::Text(text) => quoted(line, text),
            Setting::Texts(texts) => {
                listed(line, ['[', ']'], texts, |line, text| quoted(line, text));
            }
            Setting::Class(class) => describe_class(line, class),
            Setting::Classes(classes) => listed(line, ['{', '}'], classes, |line, (name, class)| {
                quoted(line, name);
                line.push('=');
                describe_class(line, class);
            }),
        }
    }
}

fn listed<T>(line: &mut String, [open, close]: [char; 2], items: &[T], each: impl Fn(&mut String, &T)) {
    line.push(open);
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            line.push(',');
        }
        each(line, item);
    }
    line.push(close);
}

pub(super) fn describe_class(line: &mut String, class: &Class) {
    match class {
        Class::Keep => line.push_str("keep"),
        Class::Drop => line.push_str("drop"),
        Class::Withheld => line.push_str("withheld"),
        Class::Mask { spec, domain } => {
            line.push_str(&spec.describe());
            if let Some(domain) = domain {
                line.push('@');
                quoted(line, domain);
            }
        }
    }
}

/// `"…"` with everything but printable ASCII escaped. Not `{:?}`, whose escapes follow the Unicode version.
pub(super) fn quoted(line: &mut String, text: &str) {
    line.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                line.push('\\');
                line.push(c);
            }
            ' '..='~' => line.push(c),
            _ => drop(write!(line, "\\u{{{:x}}}", u32::from(c))),
        }
    }
    line.push('"');
}

/// A decimal number of at most eighteen digits, exact: no mask depends on how a machine rounds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Decimal {
    /// The number without its point.
    pub unscaled: i64,
    /// Digits after the point; no zero stands at the end.
    pub scale: u32,
}

impl Decimal {
    /// `unscaled` / 10^`scale`, for constants.
    pub const fn new(unscaled: i64, scale: u32) -> Decimal {
        Decimal { unscaled, scale }
    }

    fn at_most_scale(self) -> i128 {
        i128::from(self.unscaled) * 10i128.pow(18u32.saturating_sub(self.scale))
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Decimal) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Decimal) -> std::cmp::Ordering {
        self.at_most_scale().cmp(&other.at_most_scale())
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.unscaled < 0 { "-" } else { "" };
        let digits = self.unscaled.unsigned_abs();
        if self.scale == 0 {
            return write!(f, "{sign}{digits}");
        }
        let one = 10u64.pow(self.scale.min(18));
        write!(f, "{sign}{}.{:0width$}", digits / one, digits % one, width = self.scale as usize)
    }
}

/// The text is no decimal number that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a number of at most eighteen digits")]
pub struct NotADecimal;

impl FromStr for Decimal {
    type Err = NotADecimal;
    fn from_str(text: &str) -> Result<Decimal, NotADecimal> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let fraction_is = fraction.trim_end_matches('0');
        let good = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !good(whole) || !good(fraction) || whole.trim_start_matches('0').len() + fraction_is.len() > 18 {
            return Err(NotADecimal);
        }
        let number: i64 = format!("{whole}{fraction_is}").parse().map_err(|_| NotADecimal)?;
        Ok(Decimal { unscaled: if negative { -number } else { number }, scale: fraction_is.len() as u32 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_and_shown() {
        for (text, shown) in [
            ("0", "0"),
            ("10", "10"),
            ("0.10", "0.1"),
            ("-1.250", "-1.25"),
            ("1.0", "1"),
            ("0.000000000000000001", "0.000000000000000001"),
        ] {
            assert_eq!(text.parse::<Decimal>().unwrap().to_string(), shown);
        }
        for text in ["", ".", "1.", ".5", "1e3", "+1", "--1", "1234567890123456789", "1,5"] {
            assert!(text.parse::<Decimal>().is_err(), "{text}");
        }
        let of = |text: &str| text.parse::<Decimal>().unwrap();
        assert!(of("0.5") < of("1") && of("-1") < of("-0.5") && of("0.10") == of("0.1"));
    }
}
