//! `alnum`: other letters and digits in the same places.
//!
//! - takes ASCII text with letters and digits of a million values or more besides the kept ones (six digits, five letters),
//!   and of at most 2^240 (72 digits, 51 letters)
//! - keeps the class of each character (digit, small letter, capital), **every character that is neither**, the first
//!   `keep_prefix` and the last `keep_suffix` letters and digits, length, equality
//! - gives away all that it keeps: it is for references such as `KX7-2024-b9q`, not for prose
//! - NULL stays NULL (the caller's part); the empty string of a text column stays empty
//! - unparsable (fewer or more values, a character beyond ASCII): a keyed redaction of the same shape in which no letter
//!   and no digit stays what it was and nothing is kept, not one to one, counted
//!
//! One to one on what it reads, by [`Classes`], tweaked by what is kept. NIST SP 800-38G forbids FF1 below a million values:
//! so few can be tried one by one.

use bytes::{BufMut, BytesMut};

use super::classes::{Classes, MOST, MOST_TWEAK};
use super::kind::{Empty, Kind, Parameter, What};
use super::make::{Built, Make};
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome, redact};
use crate::key::SubKey;
use crate::raw::RawRow;

pub(crate) static KIND: Kind = Kind {
    name: "alnum",
    version: 1,
    makes: "other letters and digits in the same places",
    types: "text",
    keeps: "equality, the class of each letter and digit, every other character, what keep_prefix and keep_suffix say",
    gives_away: "all that it keeps: for references, not for prose",
    unique: false,
    example: "{ mask: alnum, keep_prefix: 2, keep_suffix: 1 }",
    parameters: &[
        Parameter::new("keep_prefix", KEPT, "letters and digits at the beginning to keep"),
        Parameter::new("keep_suffix", KEPT, "letters and digits at the end to keep"),
    ],
    keyed: true,
    empty: Empty::Stays,
    build,
};

const KEPT: What = What::Number { least: 0, most: (MOST_TWEAK / 2) as i64, default: Some(0) };

struct Alnum {
    classes: Classes,
    unparsable: SubKey,
    keep_prefix: usize,
    keep_suffix: usize,
}

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    make.wants_text()?;
    let (classes, unparsable) = (Classes::new(&make.key("classes")), make.key("alnum unparsable"));
    let kept = |name| make.count(name).unwrap_or(0);
    let (keep_prefix, keep_suffix) = (kept("keep_prefix"), kept("keep_suffix"));
    let built = Built::new(Alnum { classes, unparsable, keep_prefix, keep_suffix }, Injective::No)?;
    Ok(built.apart("with letters and digits for a million values besides the kept ones"))
}

impl Masking for Alnum {
    fn apply(&self, value: &[u8], _row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let mut text = [0u8; MOST + MOST_TWEAK];
        match self.encrypt(value, &mut text) {
            Some(()) => {
                let mut next = text.iter();
                for &b in value {
                    out.put_u8(if b.is_ascii_alphanumeric() { next.next().copied().unwrap_or(b'x') } else { b });
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

impl Alnum {
    /// Collects the letters and digits of `value` and encrypts those that are not kept.
    fn encrypt(&self, value: &[u8], text: &mut [u8]) -> Option<()> {
        let mut count = 0;
        for &b in value {
            if b.is_ascii_alphanumeric() {
                *text.get_mut(count)? = b;
                count += 1;
            } else if !b.is_ascii() {
                return None;
            }
        }
        let hidden = count.checked_sub(self.keep_prefix + self.keep_suffix)?;
        let (prefix, rest) = text.split_at_mut(self.keep_prefix);
        let (hidden, rest) = rest.split_at_mut(hidden);
        let mut tweak = [0u8; MOST_TWEAK];
        let tweak = tweak.get_mut(..self.keep_prefix + self.keep_suffix)?;
        let (head, tail) = tweak.split_at_mut(self.keep_prefix);
        head.copy_from_slice(prefix);
        tail.copy_from_slice(rest.get(..self.keep_suffix)?);
        self.classes.permute(tweak, hidden).ok()
    }
}
