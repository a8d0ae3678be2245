use filters::mask::{ColumnFacts, Injective, Mask, MaskError, MaskSpec, Setting};
use proptest::prelude::*;

use super::trial::{FF1_VALUES, INT2, INT4, INT8, TEXT, Trial, VARCHAR, all_different, config, key, mask_of, masked};

const NUMERIC: u32 = 1700;

/// `atttypmod` of a numeric.
fn precision(digits: i32, scale: i32) -> i32 {
    (digits << 16 | scale & 0x7ff) + 4
}

fn plain() -> MaskSpec {
    MaskSpec::of("integer", &[])
}

fn within(min: i64, max: i64) -> [(&'static str, Setting); 2] {
    [("min", min.into()), ("max", max.into())]
}

pub fn trials() -> Vec<Trial> {
    let trial =
        |settings, value, apart| Trial::new("integer", settings, value, "-?[0-9]{1,20}([.]0{0,2}5?)?").apart(apart);
    let number: fn(u64) -> String = |i| (i as i64 - 100).to_string();
    vec![
        // all of them, though not in their order
        trial(&[], |i| (i as i64 * 199 % 65_536 - 32_768).to_string(), FF1_VALUES / 10)
            .golden("integer_int2")
            .on(INT2, -1)
            .whole(65_536),
        trial(&[], |i| i.to_string(), FF1_VALUES).golden("integer_int4").on(INT4, -1),
        trial(&[], |i| (i as i64 - 1_000 + (1 << 31)).to_string(), FF1_VALUES).golden("integer_int8").on(INT8, -1),
        trial(&[], |i| format!("{}.00", i as i64 - 100), FF1_VALUES).golden("integer_numeric").on(NUMERIC, -1),
        trial(&[], number, FF1_VALUES).golden("integer_numeric8").on(NUMERIC, precision(8, 0)),
        trial(&[], |i| format!("{}", i as i128 - 100 + (1 << 63)), FF1_VALUES)
            .golden("integer_numeric22")
            .on(NUMERIC, precision(22, 0)),
        trial(&[], number, FF1_VALUES).golden("integer"),
        trial(&within(1_000_000, 9_999_999), |i| (i + 900_000).to_string(), FF1_VALUES)
            .golden("integer_range")
            .on(INT4, -1),
    ]
}

fn number(mask: &Mask, n: impl ToString) -> i128 {
    String::from_utf8(masked(mask, n.to_string().as_bytes())).unwrap().parse().unwrap()
}

proptest! {
    #![proptest_config(config(100))]

    #[test]
    fn they_stay_in_their_type_and_keep_their_sign(n in any::<i64>(), shift in 0u32..64) {
        let n = n >> shift;
        let ints = [(INT2, 1i128 << 15), (INT4, 1 << 31), (INT8, 1 << 63)];
        for (oid, end) in ints {
            let mask = mask_of(&plain(), oid, -1);
            let out = number(&mask, n);
            prop_assert!((-end..end).contains(&out));
            let fits = (-end..end).contains(&i128::from(n));
            prop_assert_eq!(mask.unparsable(), u64::from(!fits));
            prop_assert!(!fits || (out < 0) == (n < 0));
        }
        for digits in [6, 9, 10, 18, 19, 22, 38] {
            let mask = mask_of(&plain(), NUMERIC, precision(digits, 0));
            let (out, end) = (number(&mask, n), 10i128.pow(digits as u32));
            prop_assert!(out.abs() < end);
            let fits = i128::from(n).abs() < end;
            prop_assert_eq!(mask.unparsable(), u64::from(!fits));
            prop_assert!(!fits || (out < 0) == (n < 0));
        }
    }

    #[test]
    fn one_number_is_masked_alike_in_every_type_that_holds_it(n in any::<i64>(), small in any::<i32>()) {
        let of = |oid, modifier, n: &str| String::from_utf8(masked(&mask_of(&plain(), oid, modifier), n.as_bytes())).unwrap();
        let (n, small) = (n.to_string(), small.to_string());
        let want = of(INT4, -1, &small);
        for (oid, modifier) in [(INT8, -1), (NUMERIC, -1), (NUMERIC, precision(10, 0)), (NUMERIC, precision(30, 2)), (TEXT, -1)] {
            prop_assert_eq!(&of(oid, modifier, &small), &want);
        }
        prop_assert_eq!(&of(NUMERIC, precision(12, 2), &format!("{small}.00")), &want);
        let want = of(INT8, -1, &n);
        for (oid, modifier) in [(NUMERIC, -1), (NUMERIC, precision(19, 0)), (TEXT, -1), (VARCHAR, 24)] {
            prop_assert_eq!(&of(oid, modifier, &n), &want);
        }
    }

    #[test]
    fn a_range_is_permuted_within_itself(n in any::<i32>(), min in -2_000_000_000i32..0, max in 1_000_000i32..2_000_000_000) {
        let mask = mask_of(&MaskSpec::of("integer", &within(min.into(), max.into())), INT4, -1);
        let out = number(&mask, n);
        prop_assert!(i32::try_from(out).is_ok());
        prop_assert_eq!((min..=max).contains(&(out as i32)), (min..=max).contains(&n));
        prop_assert_eq!(mask.unparsable(), 0);
    }
}

/// Both ends of every layer and their neighbours: where a permutation would meet another.
#[test]
fn the_borders_of_layers_stay_apart() {
    let around = |n: i128| (n - 200..n + 200).flat_map(|n| [n, -n]).collect::<std::collections::BTreeSet<_>>();
    for (oid, modifier, borders) in [
        (INT4, -1, vec![0, (1 << 31) - 200]),
        (INT8, -1, vec![0, 1 << 31, (1 << 63) - 200]),
        (NUMERIC, precision(6, 0), vec![0, 999_800]),
        (NUMERIC, -1, vec![0, 1 << 31, 1 << 63, 10i128.pow(38)]),
    ] {
        let mask = mask_of(&plain(), oid, modifier);
        for border in borders {
            let values = around(border);
            let outs: std::collections::HashSet<_> =
                values.iter().map(|n| masked(&mask, n.to_string().as_bytes())).collect();
            assert_eq!(outs.len(), values.len(), "{oid} {border}");
        }
    }
}

/// A whole small range with what lies around it; without optimisation, a part.
#[test]
fn inside_and_outside_of_a_range_stay_apart() {
    let mask = mask_of(&MaskSpec::of("integer", &within(-500_000, 499_999)), NUMERIC, precision(7, 0));
    all_different(&mask, FF1_VALUES, |i| (i as i64 * 199 % 19_999_999 - 9_999_999).to_string());
}

/// All of the smallest domain there is; without optimisation, a part.
#[test]
fn a_numeric_of_six_digits_stays_apart_and_within() {
    let mask = mask_of(&plain(), NUMERIC, precision(6, 0));
    let step = if cfg!(debug_assertions) { 199 } else { 1 };
    let mut seen = std::collections::HashSet::new();
    for n in (-999_999..=999_999).step_by(step) {
        let out = number(&mask, n);
        assert!(out.abs() < 1_000_000 && seen.insert(out), "{n}");
    }
}

#[test]
fn fractions_and_what_is_beyond_land_where_nothing_else_does() {
    let mask = mask_of(&plain(), NUMERIC, -1);
    let out = |text: &str| String::from_utf8(masked(&mask, text.as_bytes())).unwrap();
    assert_eq!(out("1.50"), out("1.5"));
    assert!(out("1.5").parse::<u128>().unwrap() >= 10u128.pow(38));
    assert!(out("-123456789012345678901234567890123456789").parse::<u128>().unwrap() >= 10u128.pow(38));
    assert_eq!(mask.unparsable(), 4);
    assert_eq!(out("1.00"), out("1"));
    assert_eq!(out("NaN"), "NaN");
    assert_eq!(out("-Infinity"), "-Infinity");
}

#[test]
fn what_it_claims_goes_by_the_column() {
    let of = |oid, modifier, settings: &[_]| mask_of(&MaskSpec::of("integer", settings), oid, modifier).injective();
    let range = within(0, 9_999_999);
    for (oid, modifier, settings) in [
        (INT2, -1, &[][..]),
        (INT8, -1, &[]),
        (NUMERIC, precision(12, 0), &[]),
        (NUMERIC, precision(38, 0), &[]),
        (INT8, -1, &range),
        (NUMERIC, precision(12, 0), &range),
    ] {
        assert!(matches!(of(oid, modifier, settings), Injective::Yes(_)), "{oid} {modifier}");
    }
    assert!(matches!(of(NUMERIC, -1, &[]), Injective::Collision(_)));
    assert!(matches!(of(NUMERIC, precision(40, 0), &[]), Injective::Collision(_)));
    for (oid, modifier, settings) in
        [(TEXT, -1, &[][..]), (NUMERIC, precision(12, 2), &[]), (NUMERIC, precision(20, 0), &range)]
    {
        assert_eq!(of(oid, modifier, settings), Injective::No, "{oid} {modifier}");
    }
}

#[test]
fn too_few_values_are_refused() {
    let new = |oid, modifier, settings: &[_]| {
        Mask::new(&MaskSpec::of("integer", settings), &key(1), None, &ColumnFacts::new(oid, modifier)).map(drop)
    };
    for (oid, modifier, settings) in [
        (INT4, -1, &within(1, 999_999)[..]),
        (INT4, -1, &within(10, 9)),
        (INT4, -1, &within(0, 1 << 31)),
        (INT4, -1, &within(-(1 << 31), i64::from(i32::MAX) - 5)),
        (INT2, -1, &within(0, 32_767)),
        (NUMERIC, precision(7, 2), &[]),
        (NUMERIC, precision(9, -4), &[]),
    ] {
        assert!(matches!(new(oid, modifier, settings), Err(MaskError::Parameter { .. })), "{oid} {settings:?}");
    }
    assert_eq!(new(INT4, -1, &within(1, 1_000_000)), Ok(()));
    assert_eq!(new(INT4, -1, &[("min", 0.into())]), Ok(()));
    assert_eq!(new(VARCHAR, 14, &[]), Err(MaskError::Narrow { mask: "integer", needs: 11, holds: 10 }));
}
