//! `digits` on text: other digits in the same places.
//!
//! - takes text with 6 to 72 digits besides the kept ones; for integer columns see [`integer`](super::integer)
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
use super::redact;
use crate::key::SubKey;

/// The most digits that can be kept.
pub(crate) const MAX_KEPT: usize = 64;

pub(crate) struct Digits {
    pub(crate) ff1: Ff1<10>,
    pub(crate) unparsable: SubKey,
    pub(crate) keep_prefix: usize,
    pub(crate) keep_suffix: usize,
}

impl Digits {
    /// False if the value has too few or too many digits, and was redacted.
    pub(crate) fn apply(&self, value: &[u8], out: &mut BytesMut) -> bool {
        let mut digits = [0u8; MAX_DIGITS + MAX_KEPT];
        match self.encrypt(value, &mut digits) {
            Some(()) => {
                let mut next = digits.iter();
                for &b in value {
                    out.put_u8(if b.is_ascii_digit() { next.next().copied().unwrap_or(b'0') } else { b });
                }
                true
            }
            None => {
                redact::same_shape(&self.unparsable, value, out);
                false
            }
        }
    }

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
