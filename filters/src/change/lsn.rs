//! Positions in production's WAL.

use std::fmt;
use std::str::FromStr;

/// A position in production's WAL, in bytes since its beginning.
///
/// Only the end of a **commit** is a position to resume from: the LSNs of interleaved transactions' rows do not grow.
/// Shown as PostgreSQL shows `pg_lsn`: two hexadecimal halves, `16/B374D848`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Lsn(pub u64);

impl Lsn {
    /// "Nothing yet."
    pub const ZERO: Lsn = Lsn(0);
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xffff_ffff)
    }
}

impl fmt::Debug for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is no `pg_lsn`.
#[derive(Debug, thiserror::Error)]
#[error("not a log sequence number (two hexadecimal halves with a slash between, such as 16/B374D848)")]
pub struct NotAnLsn;

impl FromStr for Lsn {
    type Err = NotAnLsn;
    fn from_str(s: &str) -> Result<Lsn, NotAnLsn> {
        let half = |h: &str| match h.len() {
            1..=8 if h.bytes().all(|b| b.is_ascii_hexdigit()) => u64::from_str_radix(h, 16).map_err(|_| NotAnLsn),
            _ => Err(NotAnLsn),
        };
        let (high, low) = s.split_once('/').ok_or(NotAnLsn)?;
        Ok(Lsn(half(high)? << 32 | half(low)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lsn_reads_what_it_writes() {
        for s in ["0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF"] {
            assert_eq!(s.parse::<Lsn>().unwrap().to_string(), s);
        }
        for s in ["", "/", "1", "1/", "/1", "1/2/3", "+1/1", "123456789/0", "g/0"] {
            assert!(s.parse::<Lsn>().is_err(), "{s}");
        }
    }
}
