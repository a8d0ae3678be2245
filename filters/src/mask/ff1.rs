//! Format-preserving encryption: FF1 of NIST SP 800-38G, over halves that fit in a machine integer.
//!
//! The rounds are those of the `fpe` crate. Only the numeral string is our own: the crate's keeps its numerals in
//! `Vec`s of big integers and allocates some forty times per value. Two halves of at most 36 decimal digits fit in
//! `u128` with room for the reduction below, and allocate nothing.
//!
//! The round keys do not ask to be zeroized: the crate clones the cipher in every round, and wiping each clone takes as
//! long as the encryption itself (1.4 µs a value become 2.5). The keys they come from are wiped.
//!
//! SP 800-38G Rev. 1 wants domains of a million values or more. The crate enforces it, so a shorter numeral string is
//! an error here, and its mask's redaction there.

use aes::Aes128;
use fpe::ff1::{FF1, NumeralString, NumeralStringError, Operations};

use crate::key::SubKey;

/// The fewest decimal digits that FF1 may encrypt.
pub(crate) const MIN_DIGITS: usize = 6;
/// The most decimal digits that we encrypt: 10^36 is below 2^120, which [`reduce`] needs.
pub(crate) const MAX_DIGITS: usize = 72;

/// A keyed permutation of numeral strings of one radix, for each length on its own.
pub(crate) struct Ff1<const RADIX: u32>(FF1<Aes128>);

impl<const RADIX: u32> Ff1<RADIX> {
    pub(crate) fn new(key: &SubKey) -> Ff1<RADIX> {
        Ff1(FF1::new(&key.aes128(), RADIX).expect("a radix written in this package"))
    }

    /// Permutes the numbers below `RADIX`^`len`. `value` must be one of them, else it is an error.
    pub(crate) fn number(&self, tweak: &[u8], value: u128, len: usize) -> Result<u128, NumeralStringError> {
        self.0.encrypt(tweak, &Numerals::<RADIX>::from_number(value, len)).map(|n| n.to_number())
    }

    /// Permutes the numbers below `bound` by walking the cycle of the larger permutation until it is back below
    /// `bound`. It always comes back: at the latest to `value` itself. And it stays one to one: two walks that end at
    /// the same number would have come through each other. About `RADIX`^`len` / `bound` steps.
    pub(crate) fn below(&self, tweak: &[u8], value: u128, len: usize, bound: u128) -> Result<u128, NumeralStringError> {
        let mut walk = value;
        loop {
            walk = self.number(tweak, walk, len)?;
            if walk < bound || walk == value {
                return Ok(walk);
            }
        }
    }
}

impl Ff1<10> {
    /// Encrypts ASCII digits in place: [`MIN_DIGITS`] to [`MAX_DIGITS`] of them, else it is an error and they stand as
    /// they were.
    pub(crate) fn digits(&self, tweak: &[u8], digits: &mut [u8]) -> Result<(), NumeralStringError> {
        if digits.len() > MAX_DIGITS {
            return Err(NumeralStringError::TooLong { ns_len: digits.len(), max_len: MAX_DIGITS });
        }
        let (a, b) = digits.split_at_mut(digits.len() / 2);
        let plain = Numerals::<10>(Half::from_digits(a), Half::from_digits(b));
        let Numerals(x, y) = self.0.encrypt(tweak, &plain)?;
        x.write_digits(a);
        y.write_digits(b);
        Ok(())
    }
}

/// One half of a numeral string: `len` numerals, read as a number in the radix, most significant first.
#[derive(Clone, Copy)]
struct Half {
    len: usize,
    value: u128,
}

impl Half {
    fn from_digits(digits: &[u8]) -> Half {
        let value = digits.iter().fold(0, |n, d| n * 10 + u128::from(d.wrapping_sub(b'0')));
        Half { len: digits.len(), value }
    }

    fn write_digits(self, out: &mut [u8]) {
        let mut rest = self.value;
        for d in out.iter_mut().rev() {
            // 64 bits where they do: 128-bit division is a function call
            let digit;
            (rest, digit) = match u64::try_from(rest) {
                Ok(small) => (u128::from(small / 10), (small % 10) as u8),
                Err(_) => (rest / 10, (rest % 10) as u8),
            };
            *d = b'0' + digit;
        }
    }
}

fn power(radix: u32, len: usize) -> u128 {
    u128::from(radix).pow(len as u32)
}

/// A big-endian number of any length modulo `modulus`, which must be below 2^120.
fn reduce(bytes: impl Iterator<Item = u8>, modulus: u128) -> u128 {
    let mut n = 0u128;
    for byte in bytes {
        if n >> 120 != 0 {
            n %= modulus;
        }
        n = n << 8 | u128::from(byte);
    }
    n % modulus
}

/// A big-endian number, padded to the length that FF1 asks for.
struct Padded {
    bytes: [u8; 16],
    len: usize,
}

impl AsRef<[u8]> for Padded {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[16 - self.len..]
    }
}

impl Operations for Half {
    type Bytes = Padded;

    fn numeral_count(&self) -> usize {
        self.len
    }

    fn to_be_bytes(&self, _radix: u32, b: usize) -> Padded {
        Padded { bytes: self.value.to_be_bytes(), len: b.min(16) }
    }

    fn add_mod_exp(self, other: impl Iterator<Item = u8>, radix: u32, m: usize) -> Half {
        let modulus = power(radix, m);
        Half { len: m, value: (self.value + reduce(other, modulus)) % modulus }
    }

    fn sub_mod_exp(self, other: impl Iterator<Item = u8>, radix: u32, m: usize) -> Half {
        let modulus = power(radix, m);
        Half { len: m, value: (self.value + modulus - reduce(other, modulus)) % modulus }
    }
}

/// A numeral string as FF1 sees it: ⌊n/2⌋ numerals, and the rest.
struct Numerals<const RADIX: u32>(Half, Half);

impl<const RADIX: u32> Numerals<RADIX> {
    fn from_number(value: u128, len: usize) -> Self {
        let (u, v) = (len / 2, len - len / 2);
        let split = power(RADIX, v);
        Numerals(Half { len: u, value: value / split }, Half { len: v, value: value % split })
    }

    fn to_number(&self) -> u128 {
        self.0.value * power(RADIX, self.1.len) + self.1.value
    }
}

impl<const RADIX: u32> NumeralString for Numerals<RADIX> {
    type Ops = Half;

    fn is_valid(&self, radix: u32) -> bool {
        radix == RADIX && [self.0, self.1].iter().all(|h| h.value < power(radix, h.len))
    }

    fn numeral_count(&self) -> usize {
        self.0.len + self.1.len
    }

    fn split(&self) -> (Half, Half) {
        (self.0, self.1)
    }

    fn concat(a: Half, b: Half) -> Self {
        Numerals(a, b)
    }
}

#[cfg(test)]
mod tests {
    use fpe::ff1::FlexibleNumeralString;

    use super::*;

    /// Samples 1 and 2 of
    /// <https://csrc.nist.gov/CSRC/media/Projects/Cryptographic-Standards-and-Guidelines/documents/examples/FF1samples.pdf>.
    #[test]
    fn nist_samples() {
        let key = 0x2B7E151628AED2A6ABF7158809CF4F3Cu128.to_be_bytes();
        let ff1 = Ff1::<10>(FF1::new(&key, 10).unwrap());
        for (tweak, want) in [(&b""[..], b"2433477484"), (b"9876543210", b"6124200773")] {
            let mut digits = *b"0123456789";
            ff1.digits(tweak, &mut digits).unwrap();
            assert_eq!(&digits, want);
        }
    }

    #[test]
    fn every_length_agrees_with_the_crates_own_numeral_string() {
        let inner = FF1::<Aes128>::new(&[9; 16], 10).unwrap();
        let ff1 = Ff1::<10>(FF1::new(&[9; 16], 10).unwrap());
        for len in MIN_DIGITS..=MAX_DIGITS {
            for seed in 0..20usize {
                // all nines among them: the largest halves
                let digit = |i: usize| if seed == 0 { 9 } else { (i * 7 + seed * (i % 5 + 1)) % 10 };
                let mut digits: Vec<u8> = (0..len).map(|i| b'0' + digit(i) as u8).collect();
                let plain = FlexibleNumeralString::from((0..len).map(|i| digit(i) as u16).collect::<Vec<_>>());
                let want: Vec<u16> = inner.encrypt(b"t", &plain).unwrap().into();
                ff1.digits(b"t", &mut digits).unwrap();
                assert_eq!(digits.iter().map(|d| u16::from(d - b'0')).collect::<Vec<_>>(), want, "{len} digits");
            }
        }
    }

    #[test]
    fn it_can_be_undone() {
        let ff1 = Ff1::<2>(FF1::new(&[3; 16], 2).unwrap());
        for n in [0, 1, (1 << 122) - 1, 0x0123_4567_89ab_cdef_0123_4567_89ab] {
            let there = ff1.number(b"", n, 122).unwrap();
            let back = ff1.0.decrypt(b"", &Numerals::<2>::from_number(there, 122)).unwrap();
            assert_eq!(back.to_number(), n);
            assert_ne!(there, n);
        }
    }

    #[test]
    fn too_few_and_too_many_are_errors_and_touch_nothing() {
        let ff1 = Ff1::<10>(FF1::new(&[3; 16], 10).unwrap());
        let mut short = *b"12345";
        assert!(ff1.digits(b"", &mut short).is_err());
        assert_eq!(&short, b"12345");
        assert!(ff1.digits(b"", &mut [b'1'; MAX_DIGITS + 1]).is_err());
        assert!(ff1.number(b"", 1_000_000, 6).is_err());
    }
}
