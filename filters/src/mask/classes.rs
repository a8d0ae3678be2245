//! A permutation of texts of ASCII letters and digits that keeps the class of every character: digits become digits,
//! small letters small ones, capitals capitals.
//!
//! Rank, encipher, unrank (Bellare, Ristenpart, Rogaway and Stegers, *Format-Preserving Encryption*, 2009, section 4): texts
//! of one pattern of classes are numbered in their order, the number is encrypted by FF1 (NIST SP 800-38G) in radix 2 over as
//! many bits as the highest number has, again until it is one of them (fewer than two times on average, and one to one, as in
//! [`Ff1::below`](super::ff1::Ff1::below)), and the text of that number is it. The pattern is a part of the tweak.

use super::ff1::{Ff1, OutOfDomain};
use crate::key::SubKey;

/// The most characters; of letters alone it is [`BITS`] that end first, at 51 of them.
pub(super) const MOST: usize = 72;
/// The most bytes of tweak.
pub(super) const MOST_TWEAK: usize = 64;
/// What the halves of [`Ff1`] hold.
const BITS: u32 = 240;

/// The permutations of one key, for each pattern and tweak on its own.
pub(super) struct Classes(Ff1<2>);

impl Classes {
    pub(super) fn new(key: &SubKey) -> Classes {
        Classes(Ff1::new(key))
    }

    /// Permutes ASCII letters and digits in place. Too few values for FF1 (below a million), too many, or another character
    /// are an error, and they stand as they were.
    pub(super) fn permute(&self, tweak: &[u8], text: &mut [u8]) -> Result<(), OutOfDomain> {
        let mut whole = [0u8; MOST_TWEAK + MOST];
        let whole = whole.get_mut(..tweak.len() + text.len()).ok_or(OutOfDomain)?;
        let (head, pattern) = whole.split_at_mut(tweak.len());
        head.copy_from_slice(tweak);
        let (mut rank, mut count) = (Wide::default(), Wide([1, 0, 0, 0, 0, 0, 0, 0]));
        for (class, c) in pattern.iter_mut().zip(text.iter()) {
            *class = class_of(*c).ok_or(OutOfDomain)?;
        }
        let (mut at, classes) = (0, &*pattern);
        while at < classes.len() {
            // as many characters at a time as 32 bits hold
            let (mut radix, mut part) = (1u32, 0);
            while let (Some(class), Some(c)) = (classes.get(at), text.get(at)) {
                let Some(more) = radix.checked_mul(size(*class)) else { break };
                part = part * size(*class) + u32::from(c - class);
                radix = more;
                at += 1;
            }
            rank.times_plus(radix, part)?;
            count.times_plus(radix, 0)?;
        }
        let bits = count.minus_one().bits();
        if bits > BITS {
            return Err(OutOfDomain);
        }
        let shape = self.0.shape(bits as usize, whole.len())?;
        let low = bits - bits / 2;
        let start = rank.halves(low);
        let mut walk = start;
        loop {
            walk = self.0.rounds(&shape, whole, walk.0, walk.1)?;
            rank = Wide::of_halves(walk, low);
            if rank < count || walk == start {
                break;
            }
        }
        let classes = &whole[tweak.len()..];
        let mut at = classes.len();
        while at > 0 {
            let (end, mut radix) = (at, 1u32);
            while let Some(more) = at.checked_sub(1).and_then(|i| radix.checked_mul(size(classes[i]))) {
                radix = more;
                at -= 1;
            }
            let mut part = rank.divide(radix);
            for (c, class) in text[at..end].iter_mut().zip(&classes[at..end]).rev() {
                *c = class + (part % size(*class)) as u8;
                part /= size(*class);
            }
        }
        Ok(())
    }
}

/// A class goes by its first character.
fn class_of(c: u8) -> Option<u8> {
    match c {
        b'0'..=b'9' => Some(b'0'),
        b'A'..=b'Z' => Some(b'A'),
        b'a'..=b'z' => Some(b'a'),
        _ => None,
    }
}

fn size(class: u8) -> u32 {
    if class == b'0' { 10 } else { 26 }
}

/// A number of 256 bits, the lowest 32 first.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Wide([u32; 8]);

impl PartialOrd for Wide {
    fn partial_cmp(&self, other: &Wide) -> Option<std::cmp::Ordering> {
        Some(self.0.iter().rev().cmp(other.0.iter().rev()))
    }
}

impl Wide {
    fn times_plus(&mut self, by: u32, plus: u32) -> Result<(), OutOfDomain> {
        let mut carry = plus;
        for limb in &mut self.0 {
            let product = u64::from(*limb) * u64::from(by) + u64::from(carry);
            (*limb, carry) = (product as u32, (product >> 32) as u32);
        }
        if carry == 0 { Ok(()) } else { Err(OutOfDomain) }
    }

    /// Leaves the quotient, gives the remainder.
    fn divide(&mut self, by: u32) -> u32 {
        let mut rest = 0;
        for limb in self.0.iter_mut().rev().skip_while(|limb| **limb == 0) {
            let dividend = u64::from(rest) << 32 | u64::from(*limb);
            *limb = (dividend / u64::from(by)) as u32;
            rest = (dividend % u64::from(by)) as u32;
        }
        rest
    }

    fn minus_one(mut self) -> Wide {
        for limb in &mut self.0 {
            let borrowed;
            (*limb, borrowed) = limb.overflowing_sub(1);
            if !borrowed {
                break;
            }
        }
        self
    }

    fn bits(self) -> u32 {
        let high = self.0.iter().rposition(|limb| *limb != 0);
        high.map_or(0, |i| 32 * i as u32 + 32 - self.0[i].leading_zeros())
    }

    fn words(self) -> (u128, u128) {
        let word = |limbs: &[u32]| limbs.iter().rev().fold(0u128, |n, limb| n << 32 | u128::from(*limb));
        (word(&self.0[4..]), word(&self.0[..4]))
    }

    /// What stands above the lowest `low` bits, and these; `low` is 1 to 120, and what stands above fits.
    fn halves(self, low: u32) -> (u128, u128) {
        let (high_word, low_word) = self.words();
        (high_word << (128 - low) | low_word >> low, low_word & ((1 << low) - 1))
    }

    fn of_halves((a, b): (u128, u128), low: u32) -> Wide {
        let (high_word, low_word) = (a >> (128 - low), a << low | b);
        let limb = |i: usize| (if i < 4 { low_word } else { high_word } >> (32 * (i % 4))) as u32;
        Wide(std::array::from_fn(limb))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::MaskKey;

    fn classes() -> Classes {
        Classes::new(&MaskKey::new(&[6; 32]).unwrap().derive("t"))
    }

    #[test]
    fn classes_stay_and_the_tweak_counts() {
        let classes = classes();
        let of = |tweak: &[u8], text: &str| {
            let mut out = text.as_bytes().to_vec();
            classes.permute(tweak, &mut out).map(|()| String::from_utf8(out).unwrap())
        };
        // 51 letters are the most: 26^51 is below 2^240
        for text in ["a1B2c3D4", "000000", "zzzzz", &"Z".repeat(51), &"9".repeat(72), "Q7zzzzzzzzzz0000000000"] {
            let out = of(b"", text).unwrap();
            assert_ne!(out, text);
            assert!(out.bytes().zip(text.bytes()).all(|(a, b)| class_of(a) == class_of(b)), "{text} {out}");
            assert_ne!(out, of(b"t", text).unwrap());
        }
        for text in ["", "12345", "aaaa", "123-456", "1234567ü", &"z".repeat(52), &"1".repeat(73)] {
            assert!(of(b"", text).is_err(), "{text}");
        }
    }

    /// All of a domain of a little over a million; without optimisation, a part of it.
    #[test]
    fn it_is_one_to_one() {
        let (classes, mut seen) = (classes(), std::collections::HashSet::new());
        for n in 0..if cfg!(debug_assertions) { 20_000u32 } else { 26 * 26 * 26 * 100 } {
            let letter = |n: u32| char::from(b'a' + (n % 26) as u8);
            let mut text =
                format!("{}{}{}{:02}", letter(n / 67_600), letter(n / 2_600), letter(n / 100), n % 100).into_bytes();
            assert_eq!(text.len(), 5);
            classes.permute(b"", &mut text).unwrap();
            assert!(seen.insert(text));
        }
    }

    #[test]
    fn wide_numbers() {
        let mut n = Wide::default();
        for _ in 0..7 {
            n.times_plus(1_000_000_000, 987_654_321).unwrap();
        }
        assert_eq!(n.bits(), 210);
        for low in [90, 105, 120] {
            let (a, b) = n.halves(low);
            assert!(b < 1 << low && Wide::of_halves((a, b), low) == n);
        }
        n.times_plus(u32::MAX, 0).unwrap();
        assert_eq!((n.divide(u32::MAX), n.divide(1_000_000_000)), (0, 987_654_321));
        assert!(Wide([u32::MAX; 8]).times_plus(2, 0).is_err());
        assert!(Wide([0, 1, 0, 0, 0, 0, 0, 0]).minus_one() == Wide([u32::MAX, 0, 0, 0, 0, 0, 0, 0]));
        assert!(Wide([0, 1, 0, 0, 0, 0, 0, 0]) > Wide([u32::MAX, 0, 0, 0, 0, 0, 0, 0]));
    }
}
