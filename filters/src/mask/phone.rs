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
use super::redact;
use crate::key::SubKey;

const REDACTED: usize = 12;
const LONGEST_CODE: usize = 3;

pub(crate) struct Phone {
    pub(crate) ff1: Ff1<10>,
    pub(crate) unparsable: SubKey,
    pub(crate) keep_country: bool,
    /// Characters that the column can hold.
    pub(crate) room: usize,
}

impl Phone {
    /// False if the value is no phone number that can be encrypted, and was redacted.
    pub(crate) fn apply(&self, value: &[u8], out: &mut BytesMut) -> bool {
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
            return false;
        }
        if self.ff1.digits(code, hidden).is_err() {
            return self.redact(value, out);
        }
        let mut next = digits.iter();
        for &b in value {
            out.put_u8(if b.is_ascii_digit() { next.next().copied().unwrap_or(b'0') } else { b });
        }
        true
    }

    fn redact(&self, value: &[u8], out: &mut BytesMut) -> bool {
        let room = self.room.min(REDACTED);
        let keyed = room.min(REDACTED - 3);
        out.put_bytes(b'0', room - keyed);
        redact::digits(&self.unparsable, value, out, keyed);
        false
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
