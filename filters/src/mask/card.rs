//! `card`: a payment card number that no issuer gives out.
//!
//! - takes text of 12 to 19 digits with a valid check digit (Luhn, ISO/IEC 7812-1 annex B), and spaces, hyphens or dots
//!   between them
//! - keeps length, grouping, equality of cards written alike
//! - gives away the same; of the card itself nothing
//! - NULL stays NULL (the caller's part); the empty string of a text column stays empty
//! - unparsable: digits and letters of another value in the same places, counted; of 12 to 19 digits with a wrong check
//!   digit, also a number of the range below, not one to one
//!
//! The number begins with `prefix`, goes on with digits by FF1 (NIST SP 800-38G) and ends with the check digit that makes it
//! valid. `9999`, the default, is nobody's: what begins with 9 is for national bodies, by three digits of their country in ISO
//! 3166-1, which leaves 999 to whoever wants it. Programs that look for the brand of a card want another prefix: one of the
//! test ranges of their payment service.
//!
//! FF1 is tweaked by the digits that the prefix took the place of. So two cards that begin alike stay different for certain;
//! two that do not become one with the odds that the digits between allow, one in 10^11 for sixteen: there are more cards than
//! numbers in the range, and no mask can be one to one. A unique column wants `hash` or `token`.

use bytes::{BufMut, BytesMut};

use super::ff1::{Ff1, MIN_DIGITS};
use super::keyed::Keyed;
use super::kind::{Empty, Kind, Parameter, What};
use super::make::{Built, Make};
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome, redact};
use crate::key::SubKey;
use crate::raw::RawRow;

pub(crate) static KIND: Kind = Kind {
    name: "card",
    version: 1,
    makes: "a valid payment card number that no issuer gives out",
    types: "text",
    keeps: "equality, length, grouping",
    gives_away: "how the number was written",
    unique: false,
    example: "{ mask: card, prefix: '424242' }",
    parameters: &[Parameter::new(
        "prefix",
        What::Text { default: Some("9999") },
        "one to eight digits that every number begins with",
    )],
    keyed: true,
    empty: Empty::Stays,
    build,
};

/// A number has 12 digits to 19.
const LEAST: usize = 12;
const MOST: usize = 19;
const PREFIX: usize = 8;

struct Card {
    ff1: Ff1<10>,
    unparsable: SubKey,
    prefix: Vec<u8>,
}

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    make.wants_text()?;
    let prefix = make.text("prefix").unwrap_or_default().as_bytes().to_vec();
    if !(1..=PREFIX).contains(&prefix.len()) || !prefix.iter().all(u8::is_ascii_digit) {
        return Err(make.fault("prefix is one to eight digits"));
    }
    Built::new(Card { ff1: Ff1::new(&make.key("ff1")), unparsable: make.key("card unparsable"), prefix }, Injective::No)
}

impl Masking for Card {
    fn apply(&self, value: &[u8], _row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let mut digits = [0u8; MOST];
        let Some(digits) = read(value, &mut digits) else {
            redact::same_shape(&self.unparsable, value, out);
            return Outcome::Redacted;
        };
        let valid = digits.last().copied() == Some(check(digits));
        let hidden = digits.len() - self.prefix.len() - 1;
        if !valid || hidden < MIN_DIGITS || !self.encrypt(digits) {
            let mut keyed = Keyed::new(&self.unparsable, value);
            digits.iter_mut().for_each(|d| *d = b'0' + keyed.other(*d - b'0', 10));
            digits[..self.prefix.len()].copy_from_slice(&self.prefix);
            put(value, digits, out);
            return Outcome::Redacted;
        }
        put(value, digits, out);
        Outcome::Masked
    }
}

impl Card {
    /// Puts another number in the place of `digits`, check digit and all.
    fn encrypt(&self, digits: &mut [u8]) -> bool {
        let (begin, hidden) = digits.split_at_mut(self.prefix.len());
        let Some((_, hidden)) = hidden.split_last_mut() else { return false };
        if self.ff1.digits(begin, hidden).is_err() {
            return false;
        }
        begin.copy_from_slice(&self.prefix);
        let check = check(digits);
        if let Some(last) = digits.last_mut() {
            *last = check;
        }
        true
    }
}

/// The digits of a number, if it is written as one.
fn read<'a>(value: &[u8], digits: &'a mut [u8; MOST]) -> Option<&'a mut [u8]> {
    let mut count = 0;
    for &b in value {
        match b {
            b'0'..=b'9' => {
                *digits.get_mut(count)? = b;
                count += 1;
            }
            b' ' | b'-' | b'.' => {}
            _ => return None,
        }
    }
    (count >= LEAST).then(|| &mut digits[..count])
}

/// The digits in the places of those of `value`.
fn put(value: &[u8], digits: &[u8], out: &mut BytesMut) {
    let mut next = digits.iter();
    for &b in value {
        out.put_u8(if b.is_ascii_digit() { next.next().copied().unwrap_or(b'0') } else { b });
    }
}

/// The last digit that makes the others valid; what stands at its place does not count.
fn check(digits: &[u8]) -> u8 {
    let sum: u32 = digits
        .iter()
        .rev()
        .skip(1)
        .zip(0..)
        .map(|(d, i)| match (u32::from(d - b'0'), i % 2) {
            (d, 0) => d * 2 / 10 + d * 2 % 10,
            (d, _) => d,
        })
        .sum();
    b'0' + ((10 - sum % 10) % 10) as u8
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn check_digits() {
        for number in ["4111111111111111", "378282246310005", "5555555555554444", "6011000990139424", "79927398713"] {
            assert_eq!(check(number.as_bytes()), *number.as_bytes().last().unwrap(), "{number}");
        }
    }
}
