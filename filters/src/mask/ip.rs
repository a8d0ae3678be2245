//! `ip`: another network address; networks stay networks.
//!
//! - takes `inet`, `cidr`, and text: an IPv4 or IPv6 address, with `/` and a mask length or without
//! - keeps prefixes: two addresses that agree in their first bits agree in as many after masking; the mask length;
//!   equality; which [special range](V4) an address lies in (private, link-local, multicast, …); loopback, `0.0.0.0`,
//!   `255.255.255.255` and `::` wholly, since they name nobody
//! - gives away the same; of a public address the first three bits, and more of one that has more in common with a special
//!   range (`192.169.0.0/16` lies beside the private `192.168.0.0/16`, and only by its first sixteen bits)
//! - NULL stays NULL (the caller's part); the empty string of a text column stays empty
//! - unparsable: a keyed address in 198.18.0.0/15, which is for benchmarks (RFC 2544) and is routed nowhere, counted; so too what
//!   has no room; nothing is of the types
//!
//! One to one, by [`CryptoPan`]. Special ranges stay because no bit is flipped that would lead out of or into one; that hangs on the bits
//! before alone, so prefixes stay to the bit.
//!
//! Of a `cidr` only the network is masked, and its host bits stay zero; so too of text whose host bits are zero. An `inet` is a host
//! with its network, which comes out as the network does. An IPv4 address in IPv6's clothes (`::ffff:192.0.2.1`) is masked
//! as the one without. A public address becomes another public one, which may be somebody's: nothing should connect to it. Who knows the mask of many addresses knows the beginnings of others: it is for traffic
//! analysis; where nobody needs the networks, `hash` gives away less.

use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use bytes::{BufMut, BytesMut};

use super::crypto_pan::{CryptoPan, high_bits, kept};
use super::facts::oid;
use super::kind::{Empty, Kind};
use super::make::{Built, Make};
use super::spec::{Injective, MaskError};
use super::{Masking, Outcome};
use crate::key::SubKey;
use crate::raw::RawRow;

pub(crate) static KIND: Kind = Kind {
    name: "ip",
    version: 1,
    makes: "another network address",
    types: "inet, cidr, text",
    keeps: "equality, common prefixes, the mask length, special ranges, loopback",
    gives_away: "which addresses are neighbours, and how near; what it keeps",
    unique: true,
    example: "ip",
    parameters: &[],
    keyed: true,
    empty: Empty::Stays,
    build,
};

/// `255.255.255.255`, and longer than what stands for the unparsable.
const LEAST_ROOM: usize = 15;

struct Ip {
    pan: [CryptoPan; 2],
    unparsable: SubKey,
    holds: Holds,
    /// Characters that the column can hold.
    room: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Inet,
    Cidr,
    Text,
}

fn build(make: &Make<'_>) -> Result<Built, MaskError> {
    let holds = match make.type_oid() {
        oid::INET => Holds::Inet,
        oid::CIDR => Holds::Cidr,
        _ => Holds::Text,
    };
    make.wants("inet, cidr, text, varchar or char", holds != Holds::Text || make.column().is_text())?;
    make.needs(LEAST_ROOM)?;
    let four = CryptoPan::new(&make.key("ip four"), &make.key("ip four pad"));
    let six = CryptoPan::new(&make.key("ip six"), &make.key("ip six pad"));
    let injective = match holds {
        Holds::Text => Injective::No,
        _ => Injective::Yes("Crypto-PAn permutes the addresses"),
    };
    Built::new(Ip { pan: [four, six], unparsable: make.key("ip unparsable"), holds, room: make.room() }, injective)
}

impl Masking for Ip {
    fn apply(&self, value: &[u8], _row: &RawRow<'_>, out: &mut BytesMut) -> Outcome {
        let start = out.len();
        if let Some((address, length)) = read(value) {
            let masked = match address {
                Address::Four(bits) => Address::Four(self.four(bits, self.reach(bits.into(), 32, length))),
                Address::Six(bits) => Address::Six(self.six(bits, self.reach(bits, 128, length))),
            };
            // a write into a buffer that grows cannot fail
            _ = match masked {
                Address::Four(bits) => write!(out.writer(), "{}", Ipv4Addr::from_bits(bits)),
                Address::Six(bits) => write!(out.writer(), "{}", Ipv6Addr::from_bits(bits)),
            };
            if let Some(length) = length {
                _ = write!(out.writer(), "/{length}");
            }
            if out.len() - start <= self.room {
                return Outcome::Masked;
            }
            out.truncate(start);
        }
        let [a, b, c, ..] = self.unparsable.hash(value);
        _ = write!(out.writer(), "198.{}.{b}.{c}", 18 + (a & 1));
        Outcome::Redacted
    }
}

impl Ip {
    /// How many bits from the highest are masked: those of the network where it is one.
    fn reach(&self, bits: u128, width: usize, length: Option<usize>) -> usize {
        let Some(length) = length else { return width };
        let bare = bits << (128 - width) & !high_bits(length) == 0;
        match self.holds {
            Holds::Cidr => length,
            Holds::Text if bare => length,
            _ => width,
        }
    }

    fn four(&self, bits: u32, reach: usize) -> u32 {
        let address = u128::from(bits) << 96;
        (masked(&self.pan[0], address, V4, V4_WHOLE, reach) >> 96) as u32
    }

    fn six(&self, bits: u128, reach: usize) -> u128 {
        match bits >> 32 == MAPPED {
            true => MAPPED << 32 | u128::from(self.four(bits as u32, reach.saturating_sub(96))),
            false => masked(&self.pan[1], bits, V6, V6_WHOLE, reach),
        }
    }
}

fn masked(pan: &CryptoPan, address: u128, ranges: &[(u128, usize)], whole: &[(u128, usize)], reach: usize) -> u128 {
    let stays = kept(address, ranges).max(kept(address, whole));
    if whole.iter().any(|(first, length)| (address ^ first) & high_bits(*length) == 0) {
        return address;
    }
    pan.permute(address, high_bits(reach) & !high_bits(stays))
}

const fn four(a: u8, b: u8) -> u128 {
    (a as u128) << 120 | (b as u128) << 112
}

/// Ranges of IANA's registry of special-purpose IPv4 addresses that name no public network, up to sixteen bits; multicast and what
/// is reserved. Longer ranges would give away more of their neighbours.
const V4: &[(u128, usize)] = &[
    (four(0, 0), 8),
    (four(10, 0), 8),
    (four(100, 64), 10),
    (four(169, 254), 16),
    (four(172, 16), 12),
    (four(192, 168), 16),
    (four(224, 0), 4),
    (four(240, 0), 4),
];
/// Those that stay as they are.
const V4_WHOLE: &[(u128, usize)] = &[(0, 32), (four(127, 0), 8), (0xffff_ffff << 96, 32)];

/// Public addresses (global unicast), unique local, link-local, multicast; and the IPv4 addresses among those of IPv6.
const V6: &[(u128, usize)] =
    &[(0x2000 << 112, 3), (0xfc00 << 112, 7), (0xfe80 << 112, 10), (0xff00 << 112, 8), (MAPPED << 32, 96)];
/// `::` and `::1`.
const V6_WHOLE: &[(u128, usize)] = &[(0, 127)];

/// What `::ffff:192.0.2.1` begins with.
const MAPPED: u128 = 0xffff;

enum Address {
    Four(u32),
    Six(u128),
}

/// The address, and the mask length if there is one.
fn read(value: &[u8]) -> Option<(Address, Option<usize>)> {
    // the longest there is: 45 characters, and /128
    if value.len() > 49 {
        return None;
    }
    let text = std::str::from_utf8(value).ok()?;
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let (address, width) = match address.parse::<Ipv4Addr>() {
        Ok(four) => (Address::Four(four.to_bits()), 32),
        Err(_) => (Address::Six(address.parse::<Ipv6Addr>().ok()?.to_bits()), 128),
    };
    let Some(length) = length else { return Some((address, None)) };
    let spelled = matches!(length.as_bytes(), [b'0'] | [b'1'..=b'9', ..]) && length.bytes().all(|b| b.is_ascii_digit());
    let length = length.parse().ok().filter(|n| spelled && *n <= width)?;
    Some((address, Some(length)))
}
