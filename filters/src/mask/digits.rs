//! `digits`: other digits in the same places.
//!
//! - takes text with 6 to 72 digits besides the kept ones; for integer columns there is [`integer`](super::integer)
//! - keeps the first `keep_prefix` and the last `keep_suffix` digits, **every character that is not an ASCII digit**,
//!   length, equality
//! - gives away all that it keeps: it is for references such as `AB-2024-0012345`, not for prose
//! - NULL stays NULL (the caller's part); the empty string stays empty
//! - unparsable (fewer or more digits to encrypt): a keyed redaction of the same shape in which no digit and no letter
//!   stays what it was and nothing is kept, not one to one, counted
//!
//! FF1 (NIST SP 800-38G), tweaked by the kept digits. Below a million values (6 digits) the standard forbids it: so few
//! values can be tried one by one.

use bytes::{BufMut, BytesMut};

use super::ff1::{Ff1, MAX_DIGITS};
use super::kind::{Empty, Kind, Parameter, What};
use super::make::{Built, Make};
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome, redact};
use crate::key::SubKey;
use crate::raw::RawRow;

pub(crate) static KIND: Kind = Kind {
    name: "digits",
    version: 1,
    makes: "other digits in the same places",
    types: "text",
    keeps: "equality, every character that is no digit, the digits of keep_prefix and keep_suffix",
    gives_away: "all that it keeps: for references, not for prose",
    unique: false,
    example: "{ mask: digits, keep_prefix: 2, keep_suffix: 0 }",
    parameters: &[
        Parameter::new("keep_prefix", KEPT, "digits at the beginning to keep").always_described(),
        Parameter::new("keep_suffix", KEPT, "digits at the end to keep").always_described(),
    ],
    keyed: true,
    empty: Empty::Stays,
    build,
};

/// More kept digits than this leave nothing to mask in any number that people have.
const KEEP: usize = 32;
const KEPT: What = What::Number { least: 0, most: KEEP as i64, default: Some(0) };
const MAX_KEPT: usize = 2 * KEEP;

struct Digits {
    ff1: Ff1<10>,
    unparsable: SubKey,
    keep_prefix: usize,
    keep_suffix: usize,
}

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    make.wants_text()?;
    let (ff1, unparsable) = (Ff1::new(&make.key("ff1")), make.key("digits unparsable"));
    let kept = |name| make.count(name).unwrap_or(0);
    let (keep_prefix, keep_suffix) = (kept("keep_prefix"), kept("keep_suffix"));
    let built = Built::new(Digits { ff1, unparsable, keep_prefix, keep_suffix }, Injective::No)?;
    Ok(built.apart("with 6 to 72 digits besides the kept ones"))
}

impl Masking for Digits {
    fn apply(&self, value: &[u8], _row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let mut digits = [0u8; MAX_DIGITS + MAX_KEPT];
        match self.encrypt(value, &mut digits) {
            Some(()) => {
                let mut next = digits.iter();
                for &b in value {
                    out.put_u8(if b.is_ascii_digit() { next.next().copied().unwrap_or(b'0') } else { b });
                }
                Outcome::Masked
            }
            None => {
                redact::same_shape(&self.unparsable, value, out);
                Outcome::Redacted
            }
        }
    }
}

impl Digits {
    /// Collects the digits of `value` and encrypts those that are not kept.
    fn encrypt(&self, value: &[u8], digits: &mut [u8]) -> Option<()> {
        let mut count = 0;
        for &b in value.iter().filter(|b| b.is_ascii_digit()) {
            *digits.get_mut(count)? = b;
            count += 1;
        }
        let hidden = count.checked_sub(self.keep_prefix + self.keep_suffix)?;
        let (prefix, rest) = digits.split_at_mut(self.keep_prefix);
        let (hidden, rest) = rest.split_at_mut(hidden);
        let mut tweak = [0u8; MAX_KEPT];
        let tweak = tweak.get_mut(..self.keep_prefix + self.keep_suffix)?;
        let (head, tail) = tweak.split_at_mut(self.keep_prefix);
        head.copy_from_slice(prefix);
        tail.copy_from_slice(rest.get(..self.keep_suffix)?);
        self.ff1.digits(tweak, hidden).ok() // an error where they are too few or too many
    }
}
