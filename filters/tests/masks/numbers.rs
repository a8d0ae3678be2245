//! Numbers that stay near: `noise`, `round`, `bucket`.

use std::collections::HashSet;

use filters::mask::{ColumnFacts, Decimal, Mask, MaskError, MaskSpec, Setting};
use filters::policy::Class;
use proptest::prelude::*;

use super::trial::{Hides, INT2, INT4, INT8, Made, Trial, config, key, mask_of, masked};

const NUMERIC: u32 = 1700;
const FLOAT4: u32 = 700;
const FLOAT8: u32 = 701;
/// numeric(10,2)
const PRICE: i32 = (10 << 16 | 2) + 4;

fn decimal(text: &str) -> Setting {
    Setting::Decimal(text.parse::<Decimal>().unwrap())
}

fn by(ratio: &str, amount: &str) -> [(&'static str, Setting); 2] {
    [("ratio", decimal(ratio)), ("amount", decimal(amount))]
}

fn bounds(bounds: &[&str]) -> (&'static str, Setting) {
    ("bounds", bounds.into())
}

pub fn trials() -> Vec<Trial> {
    let of = |name, settings: &[(&str, Setting)]| {
        Trial::new(name, settings, |i| (i + 1).to_string(), "-?[0-9]{1,40}([.][0-9]{1,5})?")
    };
    let noise = |settings: &[(&str, Setting)]| of("noise", settings).hides(Hides::Mostly);
    let price: fn(u64) -> String = |i| format!("{}.{:02}", i / 7, i % 100);
    let to = |step| [("to", decimal(step))];
    let ages = [bounds(&["0", "18", "30"]), ("width", decimal("10"))];
    vec![
        // under two keys a number may meet the same noise; that none stays is tested below
        noise(&[]).golden("noise_int4").on(INT4, -1),
        noise(&[]).golden("noise_int2").on(INT2, -1),
        Trial { value: price, ..noise(&[]) }.golden("noise_numeric").on(NUMERIC, PRICE),
        noise(&by("0", "2.5")).golden("noise_amount").on(NUMERIC, -1),
        noise(&[]).golden("noise_float8").on(FLOAT8, -1),
        noise(&[]).golden("noise_float4").on(FLOAT4, -1),
        noise(&[("by", "id".into())])
            .beside("id", Class::Drop, |i| (i % 9).to_string())
            .golden("noise_by")
            .on(INT4, -1),
        of("round", &to("100")).golden("round_int2").on(INT2, -1).hides(Hides::No),
        Trial { value: price, ..of("round", &to("0.5")) }.golden("round_numeric").on(NUMERIC, PRICE).hides(Hides::No),
        of("round", &to("0.25")).golden("round_float8").on(FLOAT8, -1).hides(Hides::No),
        of("bucket", &ages).golden("bucket").on(INT4, -1).hides(Hides::No),
        of("bucket", &[("width", decimal("2.5"))]).golden("bucket_width").on(NUMERIC, -1).hides(Hides::No),
        of("bucket", &[bounds(&["-10", "0.5", "1e3"])]).golden("bucket_bounds").on(FLOAT8, -1).hides(Hides::No),
    ]
}

fn number(mask: &Mask, n: impl ToString) -> i128 {
    String::from_utf8(masked(mask, n.to_string().as_bytes())).unwrap().parse().unwrap()
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn noise_is_bounded_and_never_nothing(n in any::<i64>(), shift in 0u32..64, thousandths in 1i64..=1000, amount in 0i64..100) {
        let n = n >> shift;
        let ratio = Setting::Decimal(Decimal::new(thousandths, 3));
        for (oid, end) in [(INT2, 1i128 << 15), (INT4, 1 << 31), (INT8, 1 << 63)] {
            let n = i128::from(n).clamp(-end, end - 1);
            let mask = mask_of(&MaskSpec::of("noise", &[("ratio", ratio.clone()), ("amount", amount.into_decimal())]), oid, -1);
            let out = number(&mask, n);
            let most = (n.abs() * i128::from(thousandths) / 1000).max(amount.into()).max(i128::from(n != 0));
            prop_assert!((-end..end).contains(&out) && (out - n).abs() <= most, "{} {} {}", n, out, most);
            prop_assert_eq!(out == n, most == 0);
            prop_assert_eq!(mask.unparsable(), 0);
        }
    }

    #[test]
    fn noise_keeps_scale_and_precision(cents in 0i64..10_000_000_000) {
        let mask = mask_of(&MaskSpec::of("noise", &[]), NUMERIC, PRICE);
        let of = |cents: i64| format!("{}.{:02}", cents / 100, cents % 100);
        let out = String::from_utf8(masked(&mask, of(cents).as_bytes())).unwrap();
        let back: i64 = out.replace('.', "").parse().unwrap();
        prop_assert_eq!(&of(back), &out);
        prop_assert!(back < 10_000_000_000 && (back - cents).abs() <= (cents / 10).max(1));
    }

    #[test]
    fn noise_of_a_fraction_is_bounded_too(n in any::<f64>()) {
        prop_assume!(n.is_finite());
        let mask = mask_of(&MaskSpec::of("noise", &[]), FLOAT8, -1);
        let text = format!("{n:e}");
        let out: f64 = String::from_utf8(masked(&mask, text.as_bytes())).unwrap().parse().unwrap();
        prop_assert!(out.is_finite() && (out != 0.0) == (n != 0.0), "{} {}", text, out);
        prop_assert!((out / n - 1.0).abs() <= 0.100_001 || n == 0.0 || n.abs() < 1e-300, "{} {}", text, out);
        prop_assert_eq!(mask.unparsable(), 0);
    }

    #[test]
    fn rounded_is_the_nearest_multiple(n in any::<i32>(), step in 1i64..100_000) {
        let mask = mask_of(&MaskSpec::of("round", &[("to", step.into_decimal())]), INT4, -1);
        let (n, step, out) = (i128::from(n), i128::from(step), number(&mask, n));
        prop_assert!(i32::try_from(out).is_ok() && out % step == 0);
        let near = 2 * (out - n).abs() <= step;
        // but at the ends of the type
        prop_assert!(near || n.abs() > (1 << 31) - step && (out - n).abs() < step, "{} {}", n, out);
        prop_assert!(2 * (out - n).abs() != step || out.abs() > n.abs() || !near);
    }

    #[test]
    fn a_bucket_begins_below(n in any::<i32>(), width in 1i64..100_000) {
        let mask = mask_of(&MaskSpec::of("bucket", &[("width", width.into_decimal())]), INT4, -1);
        let (n, width, out) = (i128::from(n), i128::from(width), number(&mask, n));
        prop_assert_eq!(out % width, 0);
        let begin = n.div_euclid(width) * width;
        prop_assert_eq!(out, if begin < -(1 << 31) { begin + width } else { begin });
    }
}

trait IntoDecimal {
    fn into_decimal(self) -> Setting;
}

impl IntoDecimal for i64 {
    fn into_decimal(self) -> Setting {
        Setting::Decimal(Decimal::new(self, 0))
    }
}

#[test]
fn equal_numbers_get_equal_noise() {
    let mask = mask_of(&MaskSpec::of("noise", &[]), NUMERIC, -1);
    assert_eq!(masked(&mask, b"1234.50"), masked(&mask, b"1234.5"));
    let float = mask_of(&MaskSpec::of("noise", &[]), FLOAT8, -1);
    assert_eq!(masked(&float, b"1e+15"), masked(&float, b"1000000000000000"));
}

#[test]
fn halves_and_the_ends_of_a_type() {
    let of = |name, settings: &[_], oid, value: &str| {
        String::from_utf8(masked(&mask_of(&MaskSpec::of(name, settings), oid, -1), value.as_bytes())).unwrap()
    };
    for (value, want) in [("49", "0"), ("50", "100"), ("-50", "-100"), ("32767", "32700"), ("-32768", "-32700")] {
        assert_eq!(of("round", &[("to", decimal("100"))], INT2, value), want);
    }
    // a fraction of one digit is not moved by a tenth of that digit, nor the largest beyond the type
    for value in ["0.1", "3", "1.7976931348623157e+308", "-1.7976931348623157e+308", "2e-308"] {
        let (out, value): (f64, f64) = (of("noise", &[], FLOAT8, value).parse().unwrap(), value.parse().unwrap());
        assert!(out != value && (out / value - 1.0).abs() <= 0.100_001, "{value} {out}");
    }
}

/// numeric(5,-2) holds hundreds, up to 9,999,900.
#[test]
fn a_numeric_of_hundreds_stays_one() {
    const HUNDREDS: i32 = (5 << 16 | -2 & 0x7ff) + 4;
    let of = |name, settings: &[_]| mask_of(&MaskSpec::of(name, settings), NUMERIC, HUNDREDS);
    let noise = of("noise", &by("0.1", "300"));
    for n in [0, 100, 1_000, 9_999_900, -9_999_900] {
        let out = number(&noise, n);
        assert!(out % 100 == 0 && out != n && (out - n).abs() <= (n / 10).abs().max(300) && out.abs() <= 9_999_900);
    }
    assert_eq!(number(&of("round", &[("to", decimal("1000"))]), 1_500), 2_000);
    assert_eq!(number(&of("bucket", &[("width", decimal("500"))]), 1_400), 1_000);
    assert_eq!(noise.unparsable(), 0);
}

/// Of two rows one number parts, of one it does not; a row without the entity goes by the number alone.
#[test]
fn noise_by_a_column_is_of_that_column() {
    let made = |by: fn(u64) -> String| {
        let trial = Trial::new("noise", &[("by", "id".into())], |i| i.to_string(), "[0-9]").on(INT8, -1);
        trial.beside("id", Class::Drop, by).made()
    };
    let (of_row, of_one) = (made(|i| i.to_string()), made(|_| "7".into()));
    let outs = |made: &Made| (0..20).map(|i| made.outcome(b"1000000007", i)).collect::<HashSet<_>>();
    assert_eq!(outs(&of_row).len(), 20);
    assert_eq!(outs(&of_one).len(), 1);
    assert_eq!(of_row.outcome(b"1000000007", 7), of_one.outcome(b"1000000007", 0));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let new = |name, settings: &[_], oid, modifier| {
        Mask::new(&MaskSpec::of(name, settings), &key(1), None, &ColumnFacts::new(oid, modifier)).map(drop)
    };
    for (name, settings, oid, modifier) in [
        ("noise", &by("0", "0")[..], INT4, -1),
        ("noise", &by("0.0001", "0"), INT4, -1),
        ("noise", &by("0.1", "0.5"), INT4, -1),
        ("noise", &by("0.1", "0.005"), NUMERIC, PRICE),
        ("round", &[("to", decimal("0.5"))], INT4, -1),
        ("round", &[("to", decimal("0"))], INT4, -1),
        ("bucket", &[], INT4, -1),
        ("bucket", &[bounds(&["1", "1"])], INT4, -1),
        ("bucket", &[bounds(&["1", "x"])], INT4, -1),
        ("bucket", &[bounds(&["1.5"])], INT4, -1),
        ("bucket", &[bounds(&["40000"])], INT2, -1),
        ("bucket", &[("width", decimal("0.001"))], NUMERIC, PRICE),
    ] {
        assert!(matches!(new(name, settings, oid, modifier), Err(MaskError::Parameter { .. })), "{name} {settings:?}");
    }
    assert!(matches!(new("noise", &[("by", "id".into())], INT4, -1), Err(MaskError::Sibling { .. })));
}
