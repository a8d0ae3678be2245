//! `uuid`: another UUID of the same version.
//!
//! - takes a `uuid` column, or text that spells one: 32 hexadecimal digits, any case, with the usual hyphens or
//!   without, in braces or without
//! - keeps version and variant (the six bits of RFC 9562, sections 4.1 and 4.2), because libraries refuse a UUID without
//!   them; equality
//! - gives away the version; neither the time nor the node of a time-based one
//! - NULL stays NULL (the caller's part); the empty string of a text column stays empty
//! - unparsable: a keyed UUID of version 8 (RFC 9562, section 5.8), counted
//!
//! One to one on UUIDs, by FF1 (NIST SP 800-38G) in radix 2 over the 122 other bits with the six kept ones as tweak. One
//! AES block over all 128 bits would be one to one as well, but loses version and variant, and walking its
//! cycle until they are back takes 64 blocks on average, with no bound. Output is lower case with hyphens, so two
//! spellings of one UUID in a text column come out as one. The nil UUID is a UUID like any other.

use bytes::{BufMut, BytesMut};

use super::facts::oid;
use super::ff1::{Ff1, Shape};
use super::kind::{Empty, Kind};
use super::make::{Built, Make};
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome};
use crate::key::SubKey;
use crate::raw::RawRow;

/// Length of the canonical spelling.
const LENGTH: usize = 36;

/// Where version and variant stand, counted from the lowest bit.
const VERSION: u32 = 76;
const VARIANT: u32 = 62;
const LOW: u128 = (1 << VARIANT) - 1;
const MID: u128 = (1 << 12) - 1;

pub(crate) static KIND: Kind = Kind {
    name: "uuid",
    version: 1,
    makes: "another UUID",
    types: "uuid, text",
    keeps: "equality, version and variant",
    gives_away: "which values are equal, and their version",
    unique: true,
    example: "uuid",
    parameters: &[],
    keyed: true,
    empty: Empty::Stays,
    build,
};

struct Uuid {
    ff1: Ff1<2>,
    shape: Shape,
    unparsable: SubKey,
}

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    make.wants("uuid, text, varchar or char", make.type_oid() == oid::UUID || make.column().is_text())?;
    make.needs(LENGTH)?;
    let ff1 = Ff1::new(&make.key("uuid"));
    let shape = ff1.shape(122, 2).map_err(|e| make.fault(e.to_string()))?;
    Built::new(
        Uuid { ff1, shape, unparsable: make.key("uuid unparsable") },
        Injective::Yes("FF1 over the 122 bits that are neither version nor variant"),
    )
    .map(|built| built.small().at_most(LENGTH))
}

impl Masking for Uuid {
    fn apply(&self, value: &[u8], _row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        match parse(value).and_then(|id| self.permute(id)) {
            Some(masked) => {
                put(masked, out);
                Outcome::Masked
            }
            None => {
                let hash = self.unparsable.hash(value);
                let head = hash.iter().take(16).fold(0u128, |n, b| n << 8 | u128::from(*b));
                put(join(split(head).0, (8, 2)), out);
                Outcome::Redacted
            }
        }
    }
}

impl Uuid {
    fn permute(&self, id: u128) -> Option<u128> {
        let (bits, (version, variant)) = split(id);
        let masked = self.ff1.shaped(&self.shape, &[version, variant], bits).ok()?;
        Some(join(masked, (version, variant)))
    }
}

/// The 122 free bits, and version and variant.
fn split(id: u128) -> (u128, (u8, u8)) {
    let (low, mid, high) = (id & LOW, id >> (VARIANT + 2) & MID, id >> (VERSION + 4));
    let kept = ((id >> VERSION & 15) as u8, (id >> VARIANT & 3) as u8);
    (high << (VARIANT + 12) | mid << VARIANT | low, kept)
}

/// The other way round.
fn join(bits: u128, (version, variant): (u8, u8)) -> u128 {
    let (low, mid, high) = (bits & LOW, bits >> VARIANT & MID, bits >> (VARIANT + 12));
    let kept = u128::from(version) << VERSION | u128::from(variant) << VARIANT;
    high << (VERSION + 4) | mid << (VARIANT + 2) | low | kept
}

/// Where the runs of digits stand in the canonical spelling, and among the digits.
const RUNS: [(usize, usize, usize); 5] = [(0, 0, 8), (9, 8, 4), (14, 12, 4), (19, 16, 4), (24, 20, 12)];

/// Digit by digit without a branch or a table, so that the compiler takes sixteen at a time.
fn parse(value: &[u8]) -> Option<u128> {
    let inner = match value {
        [b'{', inner @ .., b'}'] => inner,
        bare => bare,
    };
    let mut digits = [0u8; 32];
    if let Ok(text) = <&[u8; LENGTH]>::try_from(inner) {
        if [8, 13, 18, 23].iter().any(|i| text[*i] != b'-') {
            return None;
        }
        for (from, to, len) in RUNS {
            digits[to..to + len].copy_from_slice(&text[from..from + len]);
        }
    } else {
        digits = inner.try_into().ok()?;
    }
    let mut wrong = 0;
    for digit in &mut digits {
        let (number, letter) = (digit.wrapping_sub(b'0'), (*digit | 0x20).wrapping_sub(b'a'));
        wrong |= u8::from(number > 9) & u8::from(letter > 5);
        *digit = if number > 9 { letter.wrapping_add(10) } else { number };
    }
    let mut id = [0u8; 16];
    for (byte, pair) in id.iter_mut().zip(digits.as_chunks::<2>().0) {
        *byte = pair[0] << 4 | pair[1];
    }
    (wrong == 0).then(|| u128::from_be_bytes(id))
}

fn put(id: u128, out: &mut BytesMut) {
    let mut digits = [0u8; 32];
    for (pair, byte) in digits.as_chunks_mut::<2>().0.iter_mut().zip(id.to_be_bytes()) {
        *pair = [byte >> 4, byte & 15];
    }
    for digit in &mut digits {
        *digit += if *digit > 9 { b'a' - 10 } else { b'0' };
    }
    let mut text = [b'-'; LENGTH];
    for (to, from, len) in RUNS {
        text[to..to + len].copy_from_slice(&digits[from..from + len]);
    }
    out.put_slice(&text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        let id = 0xa0eebc99_9c0b_4ef8_bb6d_6bb9bd380a11u128;
        for text in [
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
            "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}",
            "a0eebc999c0b4ef8bb6d6bb9bd380a11",
        ] {
            assert_eq!(parse(text.as_bytes()), Some(id), "{text}");
        }
        for text in ["", "{}", "a0eebc999c0b4ef8bb6d6bb9bd380a1", "a0eebc99x9c0b-4ef8-bb6d-6bb9bd380a11", "+"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        for byte in 0..=255u8 {
            let mut text = *b"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
            text[35] = byte;
            let digit = (byte as char).to_digit(16);
            assert_eq!(parse(&text), digit.map(|d| id & !15 | u128::from(d)), "{byte}");
        }
        let mut out = BytesMut::new();
        put(id, &mut out);
        assert_eq!(&out[..], b"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
    }

    #[test]
    fn split_and_join() {
        let id = 0xa0eebc99_9c0b_4ef8_bb6d_6bb9bd380a11u128;
        assert_eq!(split(id).1, (4, 2));
        for id in [id, 0, u128::MAX, 1 << VERSION, 1 << VARIANT, 0x0123456789abcdef0123456789abcdef] {
            let (bits, kept) = split(id);
            assert!(bits < 1 << 122);
            assert_eq!(join(bits, kept), id);
        }
    }
}
