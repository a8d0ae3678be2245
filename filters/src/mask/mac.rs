//! `mac`: another hardware address.
//!
//! - takes `macaddr`, `macaddr8`, and text of 12 or 16 hexadecimal digits with `:`, `-` or `.` between them or nothing
//! - keeps how it is written, equality, and the two bits of the first byte that say what kind of address it is: for one or for a
//!   group, given by the vendor or locally; with `keep_vendor` the vendor's three bytes
//! - gives away the same; that an address of eight bytes was made from one of six
//! - NULL stays NULL (the caller's part); the empty string of a text column stays empty
//! - unparsable: other letters and digits in the same places, not one to one, counted; of these types nothing is
//!
//! One to one, by FF1 (NIST SP 800-38G) in radix 2 over the 46 other bits (62 of eight bytes, 24 behind a kept vendor) with what is
//! kept as tweak. The local bit is not set for all: two addresses that differ there would become one, and a mask of a unique
//! column must not do that. An address of eight bytes with `ff:fe` in its middle is one of six (IEEE's EUI-64): it is masked as
//! that one is, and no other becomes such.

use bytes::{BufMut, BytesMut};

use super::facts::oid;
use super::ff1::Ff1;
use super::kind::{Empty, Kind, Parameter, What};
use super::make::{Built, Make};
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome, redact};
use crate::key::SubKey;
use crate::raw::RawRow;

pub(crate) static KIND: Kind = Kind {
    name: "mac",
    version: 1,
    makes: "another hardware address",
    types: "macaddr, macaddr8, text",
    keeps: "equality, how it is written, group and local bit; the vendor with keep_vendor",
    gives_away: "what it keeps",
    unique: true,
    example: "{ mask: mac, keep_vendor: true }",
    parameters: &[Parameter::new("keep_vendor", What::Flag, "keep the first three bytes")],
    keyed: true,
    empty: Empty::Stays,
    build,
};

struct Mac {
    ff1: Ff1<2>,
    unparsable: SubKey,
    keep_vendor: bool,
}

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    let hardware = matches!(make.type_oid(), oid::MACADDR | oid::MACADDR8);
    make.wants("macaddr, macaddr8, text, varchar or char", hardware || make.column().is_text())?;
    let (ff1, unparsable) = (Ff1::new(&make.key("mac")), make.key("mac unparsable"));
    let injective = if hardware { Injective::Yes("FF1 over the bits that are not kept") } else { Injective::No };
    Built::new(Mac { ff1, unparsable, keep_vendor: make.flag("keep_vendor") }, injective)
}

impl Masking for Mac {
    fn apply(&self, value: &[u8], _row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let masked = read(value).and_then(|(address, digits)| match digits {
            12 => self.permute(address, 48).map(|n| (n, 48)),
            _ => self.eight(address).map(|n| (n, 64)),
        });
        let Some((address, mut bits)) = masked else {
            redact::same_shape(&self.unparsable, value, out);
            return Outcome::Redacted;
        };
        let capitals = value.iter().any(u8::is_ascii_uppercase);
        let hex = if capitals { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
        for &b in value {
            out.put_u8(if b.is_ascii_hexdigit() {
                bits -= 4;
                hex[(address >> bits & 15) as usize]
            } else {
                b
            });
        }
        Outcome::Masked
    }
}

const FFFE: u64 = 0xfffe << 24;

/// Does it stand for an address of six bytes?
fn is_six(address: u64) -> bool {
    address & 0xffff << 24 == FFFE
}

impl Mac {
    fn eight(&self, address: u64) -> Option<u64> {
        if is_six(address) {
            let six = self.permute(address >> 40 << 24 | address & 0xff_ffff, 48)?;
            return Some(six >> 24 << 40 | FFFE | six & 0xff_ffff);
        }
        // once more where the result would stand for six: one to one, as a walk along the cycle is
        let mut walk = self.permute(address, 64)?;
        while is_six(walk) && walk != address {
            walk = self.permute(walk, 64)?;
        }
        Some(walk)
    }

    /// Permutes the addresses of so many bits that agree in what is kept.
    fn permute(&self, address: u64, bits: u32) -> Option<u64> {
        let vendor = (address >> (bits - 24)) as u32;
        let rest = address & ((1 << (bits - 24)) - 1);
        if self.keep_vendor {
            let [_, a, b, c] = vendor.to_be_bytes();
            let masked = self.ff1.below(&[a, b, c], rest.into(), bits as usize - 24, 1 << (bits - 24)).ok()?;
            return Some(u64::from(vendor) << (bits - 24) | masked as u64);
        }
        // the first byte ends with the two bits
        let kept = vendor >> 16 & 3;
        let free = u64::from(vendor >> 18) << 16 | u64::from(vendor & 0xffff);
        let number = u128::from(free) << (bits - 24) | u128::from(rest);
        let masked = self.ff1.below(&[kept as u8], number, bits as usize - 2, 1 << (bits - 2)).ok()? as u64;
        let (free, rest) = (masked >> (bits - 24), masked & ((1 << (bits - 24)) - 1));
        let vendor = free >> 16 << 18 | u64::from(kept) << 16 | free & 0xffff;
        Some(vendor << (bits - 24) | rest)
    }
}

/// The number, and how many digits it has: 12 or 16.
fn read(value: &[u8]) -> Option<(u64, usize)> {
    let (mut address, mut digits) = (0u64, 0);
    let mut sign = None;
    for &b in value {
        match (b as char).to_digit(16) {
            Some(_) if digits == 16 => return None,
            Some(digit) => {
                address = address << 4 | u64::from(digit);
                digits += 1;
            }
            None if matches!(b, b':' | b'-' | b'.') && *sign.get_or_insert(b) == b => {}
            None => return None,
        }
    }
    matches!(digits, 12 | 16).then_some((address, digits))
}
