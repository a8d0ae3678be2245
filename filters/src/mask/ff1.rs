//! Format-preserving encryption: FF1 of NIST SP 800-38G, over halves that fit in a machine integer.
//!
//! The algorithm is the standard's (its section 5, "FF1.Encrypt"; steps are named below by its letters) on AES of the `aes`
//! crate, and the tests hold it to the `fpe` crate, value by value, and to NIST's samples. Not the crate itself, for what
//! it costs: it encrypts the blocks that are the same in all ten rounds in every round, clones the cipher each time, and
//! keeps numerals in big integers on the heap. A half of at most 36 decimal digits fits in `u128` with room for the
//! reduction below; the constant blocks are absorbed once; so a round is one block of AES and one reduction, and nothing
//! is allocated.
//!
//! The round keys are wiped when the mask is dropped, as the keys are that they come from.
//!
//! SP 800-38G Rev. 1 wants domains of a million values or more: fewer are an error here, and the mask's redaction there.

mod register;

use aes::cipher::consts::U16;
use aes::cipher::{BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, KeyInit};
use aes::{Aes128, Block};

use self::register::Run;
use crate::key::SubKey;

/// The fewest decimal digits that FF1 may encrypt.
pub(crate) const MIN_DIGITS: usize = 6;
/// The most decimal digits that we encrypt: 10^36 is below 2^120, which [`reduce`] needs.
pub(crate) const MAX_DIGITS: usize = 72;

const ROUNDS: u8 = 10;
/// The fewest values that FF1 may permute.
const MIN_DOMAIN: u128 = 1_000_000;

/// The numeral string has too few or too many numerals, or is none of the radix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not in the domain of the permutation")]
pub(crate) struct OutOfDomain;

/// A keyed permutation of numeral strings of one radix, for each length on its own.
pub(crate) struct Ff1<const RADIX: u32>(Aes128);

/// FF1 for numeral strings of one length under tweaks of one length: what is the same for all of them.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    /// Length of the tweak.
    tweak: usize,
    /// RADIX^u and RADIX^v: how many values the halves A and B have.
    left: u128,
    right: u128,
    /// Bytes that NUM(B) takes, and bytes of S.
    b: usize,
    d: usize,
    /// P, encrypted: the first block of every round.
    start: u128,
    /// All numbers of the shape fit in 128 bits.
    numbers: bool,
    /// Radix 2, halves of at most 64 bits, and a tweak that fits in the block of round and number.
    words: bool,
}

impl<const RADIX: u32> Ff1<RADIX> {
    pub(crate) fn new(key: &SubKey) -> Ff1<RADIX> {
        Ff1(Aes128::new((&*key.aes128()).into()))
    }

    /// Steps 1 to 5, for numeral strings of `len` numerals and tweaks of `tweak` bytes.
    pub(crate) fn shape(&self, len: usize, tweak: usize) -> Result<Shape, OutOfDomain> {
        let (u, v) = (len / 2, len - len / 2);
        let power = |n: usize| u128::from(RADIX).checked_pow(u32::try_from(n).ok()?).filter(|n| *n <= 1 << 120);
        let (left, right) = power(u).zip(power(v)).ok_or(OutOfDomain)?;
        if left.saturating_mul(right) < MIN_DOMAIN {
            return Err(OutOfDomain);
        }
        let b = ((right - 1).ilog2() as usize + 1).div_ceil(8);
        let d = 4 * b.div_ceil(4) + 4;
        let mut p = [0u8; 16];
        p[..3].copy_from_slice(&[1, 2, 1]);
        p[3..6].copy_from_slice(&RADIX.to_be_bytes()[1..]);
        p[6..8].copy_from_slice(&[ROUNDS, u as u8]);
        p[8..12].copy_from_slice(&(len as u32).to_be_bytes());
        p[12..].copy_from_slice(&u32::try_from(tweak).map_err(|_| OutOfDomain)?.to_be_bytes());
        let words = RADIX == 2 && b <= 8 && tweak + 1 + b <= 16;
        let numbers = left.checked_mul(right).is_some();
        Ok(Shape { tweak, left, right, b, d, start: self.block(p), numbers, words })
    }

    /// Permutes a value of a shape. `tweak` must have the shape's length.
    pub(crate) fn shaped(&self, shape: &Shape, tweak: &[u8], value: u128) -> Result<u128, OutOfDomain> {
        let (left, right) = match RADIX {
            2 => (value >> shape.right.trailing_zeros(), value & (shape.right - 1)),
            _ => divide(value, shape.right),
        };
        if left >= shape.left || !shape.numbers {
            return Err(OutOfDomain);
        }
        let (left, right) = self.rounds(shape, tweak, left, right)?;
        Ok(left * shape.right + right)
    }

    /// Permutes the numbers below `RADIX`^`len`, which must fit in 128 bits. `value` must be one of them, else it is an error.
    #[cfg(test)]
    pub(crate) fn number(&self, tweak: &[u8], value: u128, len: usize) -> Result<u128, OutOfDomain> {
        self.shaped(&self.shape(len, tweak.len())?, tweak, value)
    }

    /// Permutes the numbers below `bound` by walking the cycle of the larger permutation until it is back below
    /// `bound`. It always comes back: at the latest to `value` itself. And it stays one to one: two walks that end at
    /// the same number would have come through each other. About `RADIX`^`len` / `bound` steps.
    pub(crate) fn below(&self, tweak: &[u8], value: u128, len: usize, bound: u128) -> Result<u128, OutOfDomain> {
        let shape = self.shape(len, tweak.len())?;
        let mut walk = value;
        loop {
            walk = self.shaped(&shape, tweak, walk)?;
            if walk < bound || walk == value {
                return Ok(walk);
            }
        }
    }

    fn block(&self, bytes: [u8; 16]) -> u128 {
        let mut bytes = bytes.into();
        self.0.encrypt_block(&mut bytes);
        u128::from_be_bytes(bytes.into())
    }

    /// Step 6: the ten rounds, from the halves A and B to the halves A and B. They must be of the shape.
    #[inline]
    pub(crate) fn rounds(&self, shape: &Shape, tweak: &[u8], a: u128, b: u128) -> Result<(u128, u128), OutOfDomain> {
        if tweak.len() != shape.tweak {
            return Err(OutOfDomain);
        }
        let mut halves = (a, b);
        self.0.encrypt_with_backend(Rounds::<RADIX> { shape, tweak, halves: &mut halves });
        Ok(halves)
    }
}

/// All rounds of one value, within one call of the cipher: what it does before and after each call (it finds out what the
/// processor can do, and lays out its round keys) would take as long as the rounds.
struct Rounds<'a, const RADIX: u32> {
    shape: &'a Shape,
    tweak: &'a [u8],
    halves: &'a mut (u128, u128),
}

impl<const RADIX: u32> BlockSizeUser for Rounds<'_, RADIX> {
    type BlockSize = U16;
}

impl<const RADIX: u32> BlockCipherEncClosure for Rounds<'_, RADIX> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        let Rounds { shape, tweak, halves } = self;
        let (mut a, mut b) = *halves;
        let one_round = 1u128 << (8 * shape.b);
        if RADIX == 2 && shape.words {
            let (left, right) = ((shape.left - 1) as u64, (shape.right - 1) as u64);
            let state = shape.start ^ block_of(tweak);
            let (a, b) = match shape.d {
                12 => Run::<true> { state, one_round, left, right }.rounds(backend, (a as u64, b as u64)),
                _ => Run::<false> { state, one_round, left, right }.rounds(backend, (a as u64, b as u64)),
            };
            *halves = (a.into(), b.into());
            return;
        }
        // Q is T, zeros, the round and NUM(B). The last two take 16 bytes at most, so they are in its last block, and the
        // blocks before it are the same in every round.
        let mut state = shape.start;
        let pad = (usize::MAX - tweak.len() - shape.b) % 16; // (-t - b - 1) mod 16
        let whole = (tweak.len() + pad + 1 + shape.b) / 16 - 1;
        let mut parts = tweak.chunks(16);
        for _ in 0..whole {
            state = block(backend, state ^ block_of(parts.next().unwrap_or_default()));
        }
        state ^= block_of(parts.next().unwrap_or_default());
        for round in 0..ROUNDS {
            let r = block(backend, state ^ b);
            state ^= one_round * u128::from(round ^ (round + 1)); // round stands in `state` by now: on to the next
            let modulus = if round % 2 == 0 { shape.left } else { shape.right };
            let y = if shape.d <= 16 {
                remainder::<RADIX>(r >> (8 * (16 - shape.d)), modulus)
            } else {
                // S goes on into a second block; `modulus` is at most 2^120, so a byte more always fits
                let more = block(backend, r ^ 1).to_be_bytes();
                more.iter().take(shape.d - 16).fold(r % modulus, |n, byte| (n << 8 | u128::from(*byte)) % modulus)
            };
            let sum = a + y;
            (a, b) = (b, if sum < modulus { sum } else { sum - modulus });
        }
        *halves = (a, b);
    }
}

#[inline(always)]
fn block<B: BlockCipherEncBackend<BlockSize = U16>>(backend: &B, block: u128) -> u128 {
    let mut bytes: Block = block.to_be_bytes().into();
    backend.encrypt_block((&mut bytes).into());
    u128::from_be_bytes(bytes.into())
}

impl Ff1<10> {
    /// Encrypts ASCII digits in place: [`MIN_DIGITS`] to [`MAX_DIGITS`] of them, else it is an error and they stand as
    /// they were.
    pub(crate) fn digits(&self, tweak: &[u8], digits: &mut [u8]) -> Result<(), OutOfDomain> {
        if digits.len() > MAX_DIGITS || !digits.iter().all(u8::is_ascii_digit) {
            return Err(OutOfDomain);
        }
        let shape = self.shape(digits.len(), tweak.len())?;
        let (a, b) = digits.split_at_mut(digits.len() / 2);
        let (left, right) = self.rounds(&shape, tweak, read(a), read(b))?;
        write(left, a);
        write(right, b);
        Ok(())
    }
}

/// Up to 16 bytes as a block, with zeros behind them.
fn block_of(bytes: &[u8]) -> u128 {
    let mut block = [0u8; 16];
    for (to, from) in block.iter_mut().zip(bytes) {
        *to = *from;
    }
    u128::from_be_bytes(block)
}

fn read(digits: &[u8]) -> u128 {
    digits.iter().fold(0, |n, d| n * 10 + u128::from(d.wrapping_sub(b'0')))
}

fn write(number: u128, out: &mut [u8]) {
    let mut rest = number;
    for d in out.iter_mut().rev() {
        let digit;
        (rest, digit) = divide(rest, 10);
        *d = b'0' + digit as u8;
    }
}

/// Quotient and remainder; in 64 bits where they do, because 128-bit division is a function call.
#[inline]
fn divide(n: u128, by: u128) -> (u128, u128) {
    match (u64::try_from(n), u64::try_from(by)) {
        (Ok(n), Ok(by)) => (u128::from(n / by), u128::from(n % by)),
        _ => (n / by, n % by),
    }
}

#[inline]
fn remainder<const RADIX: u32>(n: u128, modulus: u128) -> u128 {
    if RADIX.is_power_of_two() { n & (modulus - 1) } else { divide(n, modulus).1 }
}

#[cfg(test)]
mod tests {
    use fpe::ff1::{BinaryNumeralString, FF1, FlexibleNumeralString};

    use super::*;
    use crate::key::MaskKey;

    fn with_key<const RADIX: u32>(key: &[u8; 16]) -> Ff1<RADIX> {
        Ff1(Aes128::new(key.into()))
    }

    /// Samples 1 and 2 of
    /// <https://csrc.nist.gov/CSRC/media/Projects/Cryptographic-Standards-and-Guidelines/documents/examples/FF1samples.pdf>.
    #[test]
    fn nist_samples() {
        let ff1 = with_key::<10>(&0x2B7E151628AED2A6ABF7158809CF4F3Cu128.to_be_bytes());
        for (tweak, want) in [(&b""[..], b"2433477484"), (b"9876543210", b"6124200773")] {
            let mut digits = *b"0123456789";
            ff1.digits(tweak, &mut digits).unwrap();
            assert_eq!(&digits, want);
        }
    }

    /// Sample 3 is of radix 36, and has a tweak of eleven bytes.
    #[test]
    fn nist_sample_of_radix_36() {
        let ff1 = with_key::<36>(&0x2B7E151628AED2A6ABF7158809CF4F3Cu128.to_be_bytes());
        let number = |text: &str| text.chars().fold(0, |n, c| n * 36 + u128::from(c.to_digit(36).unwrap()));
        let masked = ff1.number(b"7777pqrs777", number("0123456789abcdefghi"), 19).unwrap();
        assert_eq!(masked, number("a9tv40mll9kdu509eum"));
    }

    #[test]
    fn every_length_and_tweak_agrees_with_the_fpe_crate() {
        let theirs = FF1::<Aes128>::new(&[9; 16], 10).unwrap();
        let ours = with_key::<10>(&[9; 16]);
        for len in MIN_DIGITS..=MAX_DIGITS {
            for seed in 0..20usize {
                // all nines among them: the largest halves
                let digit = |i: usize| if seed == 0 { 9 } else { (i * 7 + seed * (i % 5 + 1)) % 10 };
                let tweak: Vec<u8> = (0..seed * 4).map(|i| (i * len) as u8).collect();
                let mut digits: Vec<u8> = (0..len).map(|i| b'0' + digit(i) as u8).collect();
                let plain = FlexibleNumeralString::from((0..len).map(|i| digit(i) as u16).collect::<Vec<_>>());
                let want: Vec<u16> = theirs.encrypt(&tweak, &plain).unwrap().into();
                ours.digits(&tweak, &mut digits).unwrap();
                let got: Vec<u16> = digits.iter().map(|d| u16::from(d - b'0')).collect();
                assert_eq!(got, want, "{len} digits, {} bytes of tweak", tweak.len());
            }
        }
    }

    #[test]
    fn bits_agree_with_the_fpe_crate() {
        let theirs = FF1::<Aes128>::new(&[3; 16], 2).unwrap();
        let ours = with_key::<2>(&[3; 16]);
        for n in [0, 1, u128::MAX, 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef] {
            for bytes in 3..=15 {
                let plain = &n.to_be_bytes()[16 - bytes..];
                // their bits of a byte go from the lowest up
                let theirs_of: Vec<u8> = plain.iter().map(|b| b.reverse_bits()).collect();
                let want =
                    theirs.encrypt(b"tw", &BinaryNumeralString::from_bytes_le(&theirs_of)).unwrap().to_bytes_le();
                let want = want.iter().fold(0u128, |n, b| n << 8 | u128::from(b.reverse_bits()));
                let n = n & ((1 << (8 * bytes)) - 1);
                assert_eq!(ours.number(b"tw", n, 8 * bytes).unwrap(), want, "{bytes} bytes");
            }
        }
    }

    /// A permutation of a domain small enough to look at all of it; without optimisation, at a part.
    #[test]
    fn it_is_one_to_one() {
        let ff1 = Ff1::<2>::new(&MaskKey::new(&[1; 32]).unwrap().derive("t"));
        let mut seen = vec![false; 1 << 20];
        let shape = ff1.shape(20, 1).unwrap();
        for n in 0..if cfg!(debug_assertions) { 1 << 15 } else { 1 << 20 } {
            let there = ff1.shaped(&shape, b"t", n).unwrap() as usize;
            assert!(!std::mem::replace(&mut seen[there], true));
        }
    }

    #[test]
    fn too_few_and_too_many_are_errors_and_touch_nothing() {
        let ff1 = with_key::<10>(&[3; 16]);
        let mut short = *b"12345";
        assert!(ff1.digits(b"", &mut short).is_err());
        assert_eq!(&short, b"12345");
        assert!(ff1.digits(b"", &mut [b'1'; MAX_DIGITS + 1]).is_err());
        assert!(ff1.digits(b"", &mut b"12345x".to_owned()).is_err());
        assert!(ff1.number(b"", 1_000_000, 6).is_err());
        assert!(ff1.number(b"", 999_999, 6).is_ok());
        assert!(ff1.number(b"", u128::MAX, 39).is_err());
        assert!(with_key::<2>(&[3; 16]).shape(19, 0).is_err());
        let shape = ff1.shape(6, 0).unwrap();
        assert!(ff1.shaped(&shape, b"t", 1).is_err());
    }
}
