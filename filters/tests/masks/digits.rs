use filters::mask::{ColumnFacts, Mask, MaskError, MaskSpec, Setting};
use proptest::prelude::*;

use super::trial::{FF1_VALUES, INT2, INT4, INT8, TEXT, Trial, all_different, config, key, mask_of, masked};

const INTS: [(u32, i64, i64); 3] =
    [(INT2, i16::MIN as i64, i16::MAX as i64), (INT4, i32::MIN as i64, i32::MAX as i64), (INT8, i64::MIN, i64::MAX)];

fn keep(prefix: i64, suffix: i64) -> [(&'static str, Setting); 2] {
    [("keep_prefix", prefix.into()), ("keep_suffix", suffix.into())]
}

fn digits(prefix: i64, suffix: i64) -> MaskSpec {
    MaskSpec::of("digits", &keep(prefix, suffix))
}

pub fn trials() -> Vec<Trial> {
    let text = |prefix, suffix| {
        Trial::new("digits", &keep(prefix, suffix), |i| format!("AB-{i:016}"), "[A-Z]{0,3}-?[0-9]{0,30}[a-zäß-]{0,4}")
    };
    let integer = |value, apart| Trial::new("digits", &[], value, "-?[0-9]{1,19}").apart(apart);
    vec![
        text(0, 0).golden("digits"),
        text(2, 3),
        text(4, 2).golden("digits_keep"),
        integer(|i| (i as i64 - 100).to_string(), FF1_VALUES / 10).golden("digits_int2").on(INT2, -1),
        integer(|i| i.to_string(), FF1_VALUES / 4).golden("digits_int4").on(INT4, -1),
        integer(|i| (i as i64 - 1_000 + (1 << 31)).to_string(), FF1_VALUES).golden("digits_int8").on(INT8, -1),
    ]
}

/// They do not claim it, because of what they redact; what they can read they keep apart.
#[test]
fn references_stay_apart() {
    all_different(&mask_of(&digits(2, 1), TEXT, -1), FF1_VALUES, |i| format!("AB-{:09}", i * 7));
}

#[test]
fn what_leaves_nothing_to_mask_is_refused() {
    let new = |spec: &MaskSpec, oid| Mask::new(spec, &key(1), None, &ColumnFacts::new(oid, -1)).map(drop);
    assert_eq!(new(&digits(32, 32), TEXT), Ok(()));
    for (spec, oid) in
        [(digits(33, 0), TEXT), (digits(i64::MAX, i64::MAX), TEXT), (digits(-1, 0), TEXT), (digits(1, 0), INT4)]
    {
        assert!(matches!(new(&spec, oid), Err(MaskError::Parameter { .. })), "{spec:?}");
    }
}

proptest! {
    #![proptest_config(config(100))]

    #[test]
    fn digits_keep_what_they_say(value in "[A-Z]{0,3}-?[0-9]{11,30}[a-zäß-]{0,4}") {
        let mask = mask_of(&digits(2, 3), TEXT, -1);
        let out = String::from_utf8(masked(&mask, value.as_bytes())).unwrap();
        prop_assert_eq!(mask.unparsable(), 0);
        let only = |text: &str, digits: bool| text.chars().filter(|c| c.is_ascii_digit() == digits).collect::<String>();
        prop_assert_eq!(only(&out, false), only(&value, false));
        let (o, v) = (only(&out, true), only(&value, true));
        prop_assert_eq!(o.len(), v.len());
        prop_assert_eq!(&o[..2], &v[..2]);
        prop_assert_eq!(&o[o.len() - 3..], &v[v.len() - 3..]);
    }

    #[test]
    fn integers_stay_in_their_type_and_keep_their_sign(n in any::<i64>(), shift in 0u32..64) {
        let n = n >> shift;
        for (oid, least, most) in INTS {
            let mask = mask_of(&digits(0, 0), oid, -1);
            let out: i64 = String::from_utf8(masked(&mask, n.to_string().as_bytes())).unwrap().parse().unwrap();
            prop_assert!((least..=most).contains(&out));
            let fits = (least..=most).contains(&n);
            prop_assert_eq!(mask.unparsable(), u64::from(!fits));
            prop_assert!(!fits || (out < 0) == (n < 0));
        }
    }

    #[test]
    fn a_foreign_key_may_be_narrower(n in any::<i32>()) {
        let n = n.to_string();
        let of = |oid| masked(&mask_of(&digits(0, 0), oid, -1), n.as_bytes());
        prop_assert_eq!(of(INT4), of(INT8));
    }
}
