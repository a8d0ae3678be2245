use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use filters::mask::{Injective, Mask, MaskSpec};
use proptest::prelude::*;

use super::trial::{TEXT, Trial, VARCHAR, characters, config, mask_of, masked};

const INET: u32 = 869;
const CIDR: u32 = 650;

pub fn trials() -> Vec<Trial> {
    let like = "[1-9][0-9]?[.][0-9]{1,3}[.][0-9]{1,2}[.][0-9]{1,2}(/[0-9]{1,2})?|([0-9a-f]{1,4}:){3}:[0-9a-f]{0,4}(/[0-9]{1,3})?";
    let trial = |value| Trial::new("ip", &[], value, like).apart(20_000);
    let four = |i| Ipv4Addr::from_bits(0x5db8_d800 + i as u32 * 17).to_string();
    vec![
        trial(four).golden("ip"),
        trial(four).golden("ip_inet").on(INET, -1),
        trial(|i| Ipv6Addr::from_bits((0x2a00_1450 << 96) | (u128::from(i) * 1_000_003)).to_string()).on(INET, -1),
        trial(|i| format!("{}/28", Ipv4Addr::from_bits(0x5db8_d800 + i as u32 * 16))).golden("ip_cidr").on(CIDR, -1),
    ]
}

fn on(oid: u32) -> Mask {
    mask_of(&MaskSpec::of("ip", &[]), oid, -1)
}

fn text(mask: &Mask, value: &str) -> String {
    String::from_utf8(masked(mask, value.as_bytes())).unwrap()
}

fn address(mask: &Mask, address: impl Into<IpAddr>) -> IpAddr {
    text(mask, &address.into().to_string()).parse().unwrap()
}

#[test]
fn only_the_types_claim_it() {
    assert_eq!(on(TEXT).injective(), Injective::No);
    assert!(matches!(on(INET).injective(), Injective::Yes(_)) && matches!(on(CIDR).injective(), Injective::Yes(_)));
}

#[test]
fn who_is_nobody_stays() {
    let mask = on(INET);
    for value in
        ["127.0.0.1", "127.9.9.9", "0.0.0.0", "255.255.255.255", "::", "::1", "127.0.0.1/8", "::ffff:127.0.0.1"]
    {
        assert_eq!(text(&mask, value), value);
    }
}

/// A special range stays what it is, and its neighbours outside.
#[test]
fn special_ranges_are_permuted_within() {
    let mask = on(INET);
    let four = |net: &str, length: u32| (IpAddr::from(net.parse::<Ipv4Addr>().unwrap()), length);
    let six = |net: &str, length: u32| (IpAddr::from(net.parse::<Ipv6Addr>().unwrap()), length);
    let bits = |address: IpAddr| match address {
        IpAddr::V4(four) => u128::from(four.to_bits()) << 96,
        IpAddr::V6(six) => six.to_bits(),
    };
    for (net, length) in [
        four("10.0.0.0", 8),
        four("100.64.0.0", 10),
        four("169.254.0.0", 16),
        four("172.16.0.0", 12),
        four("192.168.0.0", 16),
        four("224.0.0.0", 4),
        six("fc00::", 7),
        six("fe80::", 10),
        six("ff00::", 8),
        six("2000::", 3),
    ] {
        let range = bits(net) >> (128 - length);
        for around in [-1i128, 0, 1] {
            for tail in [0u128, 0x0123_4567_89ab_cdef << 60 >> length] {
                let begin = range.wrapping_add(around as u128) << (128 - length);
                let one = match net {
                    IpAddr::V4(_) => IpAddr::from(Ipv4Addr::from_bits(((begin | tail) >> 96) as u32)),
                    IpAddr::V6(_) => IpAddr::from(Ipv6Addr::from_bits(begin | tail)),
                };
                let within = bits(address(&mask, one)) >> (128 - length) == range;
                assert_eq!(within, around == 0, "{one}");
            }
        }
    }
}

#[test]
fn networks_stay_networks() {
    let (inet, cidr, plain) = (on(INET), on(CIDR), on(TEXT));
    let network = text(&cidr, "93.184.216.0/24");
    assert!(network.ends_with(".0/24"), "{network}");
    let host = text(&inet, "93.184.216.34/24");
    assert_eq!(host.rsplit_once('.').unwrap().0, network.rsplit_once('.').unwrap().0);
    assert!(!host.ends_with(".0/24"));
    let six = text(&cidr, "2a00:1450:4001::/48");
    assert!(six.ends_with("::/48") && six != "2a00:1450:4001::/48", "{six}");
    // text knows by its host bits; its addresses have a key of their own only by their domain
    assert_eq!(text(&plain, "93.184.216.0/24"), network);
    assert_eq!(text(&plain, "93.184.216.34/24"), host);
    assert_eq!(text(&plain, "::ffff:93.184.216.34"), format!("::ffff:{}", text(&plain, "93.184.216.34")));
}

#[test]
fn what_has_no_room_is_redacted() {
    let mask = mask_of(&MaskSpec::of("ip", &[]), VARCHAR, 15 + 4);
    let out = text(&mask, "2a00:1450::1");
    assert!(out.starts_with("198.1") && characters(out.as_bytes()) <= 15);
    assert_eq!(mask.unparsable(), 1);
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn common_prefixes_stay_to_the_bit(one in any::<u32>(), six in any::<u128>(), bit in 0u32..128, noise in any::<u128>()) {
        let mask = on(INET);
        // not among those that stay wholly
        prop_assume!(one >> 24 != 127 && one >> 24 != 0 && one != u32::MAX && six >> 96 != 0);
        let (bit4, flipped) = (bit % 32, |width: u32, bit: u32| 1u128 << (width - 1 - bit) | noise & ((1 << (width - 1 - bit)) - 1));
        let other = one ^ flipped(32, bit4) as u32;
        prop_assume!(other >> 24 != 127 && other >> 24 != 0 && other != u32::MAX);
        let of = |bits| match address(&mask, Ipv4Addr::from_bits(bits)) {
            IpAddr::V4(four) => four.to_bits(),
            IpAddr::V6(_) => panic!("another family"),
        };
        prop_assert_eq!((of(one) ^ of(other)).leading_zeros(), bit4);
        let other = six ^ flipped(128, bit);
        prop_assume!(other >> 96 != 0);
        let of = |bits| match address(&mask, Ipv6Addr::from_bits(bits)) {
            IpAddr::V6(six) => six.to_bits(),
            IpAddr::V4(_) => panic!("another family"),
        };
        prop_assert_eq!((of(six) ^ of(other)).leading_zeros(), bit);
    }
}
