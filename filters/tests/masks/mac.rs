use filters::mask::{Injective, MaskSpec};
use proptest::prelude::*;

use super::trial::{FF1_VALUES, TEXT, Trial, all_different, config, mask_of, masked};

const MACADDR: u32 = 829;
const MACADDR8: u32 = 774;

fn spelled(address: u64, bytes: usize) -> String {
    address.to_be_bytes()[8 - bytes..].iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(":")
}

pub fn trials() -> Vec<Trial> {
    let trial = |settings, value| {
        Trial::new(
            "mac",
            settings,
            value,
            "([0-9a-f]{2}[:-]?){5,7}[0-9a-fA-F]{2}|[0-9a-f]{4}[.][0-9a-f]{4}[.][0-9a-f]{4}",
        )
        .apart(FF1_VALUES)
    };
    let six = |i| spelled(0x0800_2b00_0000 + i * 1_000, 6);
    vec![
        trial(&[], six).golden("mac"),
        trial(&[], six).on(MACADDR, -1),
        trial(&[], |i| spelled(0x0800_2b00_0000_0000 + i * 1_000_003, 8)).golden("mac_macaddr8").on(MACADDR8, -1),
        trial(&[("keep_vendor", true.into())], six).golden("mac_vendor").on(MACADDR, -1),
    ]
}

#[test]
fn only_the_types_claim_it() {
    let claims = |oid| mask_of(&MaskSpec::of("mac", &[]), oid, -1).injective();
    assert_eq!(claims(TEXT), Injective::No);
    for oid in [MACADDR, MACADDR8] {
        assert!(matches!(claims(oid), Injective::Yes(_)));
    }
}

/// What stands for six bytes stays so, and nothing else becomes so; there is one in 65,536.
#[test]
fn addresses_of_eight_bytes_stay_apart() {
    let mask = mask_of(&MaskSpec::of("mac", &[("keep_vendor", true.into())]), MACADDR8, -1);
    let is_six = |address: u64| address >> 24 & 0xffff == 0xfffe;
    for i in 0..200_000u64 {
        let address = 0x0800_2bff_f000_0000 + (i << 22 | i);
        let out = read(&masked(&mask, spelled(address, 8).as_bytes()));
        assert_eq!(is_six(out), is_six(address));
    }
    all_different(&mask, 3_000, |i| spelled(0x0800_2bff_f000_0000 + (i << 22 | i), 8));
}

fn read(text: &[u8]) -> u64 {
    let hex: String = String::from_utf8_lossy(text).chars().filter(char::is_ascii_hexdigit).collect();
    u64::from_str_radix(&hex, 16).unwrap()
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn kinds_of_addresses_stay(address in any::<u64>()) {
        let address = address >> 16;
        let (plain, vendor) = (mask_of(&MaskSpec::of("mac", &[]), MACADDR, -1), mask_of(&MaskSpec::of("mac", &[("keep_vendor", true.into())]), MACADDR, -1));
        let text = spelled(address, 6);
        let (out, kept) = (masked(&plain, text.as_bytes()), masked(&vendor, text.as_bytes()));
        prop_assert_eq!(out.iter().filter(|b| **b == b':').count(), 5);
        prop_assert_eq!(read(&out) >> 40 & 3, address >> 40 & 3);
        prop_assert_eq!(read(&kept) >> 24, address >> 24);
        prop_assert_ne!(read(&kept), address);
    }

    #[test]
    fn six_bytes_in_eight_are_masked_as_the_six(address in any::<u64>(), settings in any::<bool>()) {
        let (high, low) = (address >> 40, address & 0xff_ffff);
        let spec = MaskSpec::of("mac", &[("keep_vendor", settings.into())]);
        let of = |oid, text: String| read(&masked(&mask_of(&spec, oid, -1), text.as_bytes()));
        let six = of(MACADDR, spelled(high << 24 | low, 6));
        let eight = of(MACADDR8, spelled(high << 40 | 0xfffe << 24 | low, 8));
        prop_assert_eq!(eight, six >> 24 << 40 | 0xfffe << 24 | six & 0xff_ffff);
    }
}
