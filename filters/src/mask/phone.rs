//! `phone`: another number of the same form.
//!
//! - takes text of digits and `+ - ( ) . / # x` and spaces, 6 to 72 digits to encrypt
//! - keeps length and punctuation; with `keep_country` also the country code after a leading `+`; equality
//! - gives away how the number was written, and the country if kept
//! - NULL stays NULL (the caller's part); the empty string stays empty
//! - unparsable: `000` and nine keyed digits, a number that cannot be dialled; fewer than 6 digits to encrypt: other
//!   digits in the same places, not one to one. Both are counted.
//!
//! FF1 (NIST SP 800-38G) over the digits, tweaked by the kept country code: one to one for numbers of 6 to 72 digits
//! to encrypt. `+49 170 1234567` and `0170/1234567` are different values and get different numbers.
//!
//! Letters are not let through: who writes `after 5, ask for Ann` into a phone column must not have it kept.

use bytes::{BufMut, BytesMut};

use super::ff1::{Ff1, MAX_DIGITS, MIN_DIGITS};
use super::kind::{Empty, Kind, Parameter, What};
use super::make::{Built, Make};
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome, redact};
use crate::key::SubKey;
use crate::raw::RawRow;

const REDACTED: usize = 12;
const LONGEST_CODE: usize = 3;

pub(crate) static KIND: Kind = Kind {
    name: "phone",
    version: 1,
    makes: "another number of the same form",
    types: "text",
    keeps: "equality, length, punctuation; the country code with keep_country",
    gives_away: "how the number was written; the country with keep_country",
    unique: false,
    example: "{ mask: phone, keep_country: true }",
    parameters: &[
        Parameter::new("keep_country", What::Flag, "keep the country code after a leading `+`").always_described()
    ],
    keyed: true,
    empty: Empty::Stays,
    build,
};

struct Phone {
    ff1: Ff1<10>,
    unparsable: SubKey,
    keep_country: bool,
    /// Characters that the column can hold.
    room: usize,
}

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    make.wants_text()?;
    let (ff1, unparsable) = (Ff1::new(&make.key("ff1")), make.key("phone unparsable"));
    let phone = Phone { ff1, unparsable, keep_country: make.flag("keep_country"), room: make.room() };
    Built::new(phone, Injective::No)
}

impl Masking for Phone {
    fn apply(&self, value: &[u8], _row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let mut digits = [0u8; MAX_DIGITS + LONGEST_CODE];
        let mut count = 0;
        for &b in value {
            match b {
                b'0'..=b'9' if count < digits.len() => {
                    digits[count] = b;
                    count += 1;
                }
                b'+' | b'-' | b'(' | b')' | b'.' | b'/' | b'#' | b'x' | b' ' => {}
                _ => return self.redact(value, out),
            }
        }
        let digits = &mut digits[..count];
        let kept = if self.keep_country && value.trim_ascii_start().first() == Some(&b'+') {
            country_code(digits).min(count)
        } else {
            0
        };
        let (code, hidden) = digits.split_at_mut(kept);
        if count > 0 && hidden.len() < MIN_DIGITS {
            redact::same_shape(&self.unparsable, value, out);
            return Outcome::Redacted;
        }
        if self.ff1.digits(code, hidden).is_err() {
            return self.redact(value, out);
        }
        let mut next = digits.iter();
        for &b in value {
            out.put_u8(if b.is_ascii_digit() { next.next().copied().unwrap_or(b'0') } else { b });
        }
        Outcome::Masked
    }
}

impl Phone {
    fn redact(&self, value: &[u8], out: &mut BytesMut) -> Outcome {
        let room = self.room.min(REDACTED);
        let keyed = room.min(REDACTED - 3);
        out.put_bytes(b'0', room - keyed);
        redact::digits(&self.unparsable, value, out, keyed);
        Outcome::Redacted
    }
}

/// How many digits the country code has: ITU-T E.164, list of assigned codes. No code is the beginning of another, so the
/// digits alone tell.
fn country_code(digits: &[u8]) -> usize {
    match digits {
        [b'1' | b'7', ..] => 1,
        [b'2', b'0' | b'7', ..] => 2,
        [b'3', b'0'..=b'4' | b'6' | b'9', ..] => 2,
        [b'4', b'0' | b'1' | b'3'..=b'9', ..] => 2,
        [b'5', b'1'..=b'8', ..] => 2,
        [b'6', b'0'..=b'6', ..] => 2,
        [b'8', b'1' | b'2' | b'4' | b'6', ..] => 2,
        [b'9', b'0'..=b'5' | b'8', ..] => 2,
        _ => LONGEST_CODE,
    }
}

#[cfg(test)]
mod tests {
    use super::country_code;

    #[test]
    fn country_codes() {
        for (number, want) in [("15551234567", 1), ("79161234567", 1), ("4917012345", 2), ("442071234567", 2)] {
            assert_eq!(country_code(number.as_bytes()), want, "{number}");
        }
        for number in ["420123456789", "353861234567", "8801712345678", "97150123456", "21612345678"] {
            assert_eq!(country_code(number.as_bytes()), 3, "{number}");
        }
    }
}
