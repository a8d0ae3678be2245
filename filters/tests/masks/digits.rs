use filters::mask::{ColumnFacts, Mask, MaskError, MaskSpec, Setting};
use proptest::prelude::*;

use super::trial::{FF1_VALUES, INT4, TEXT, Trial, all_different, config, key, mask_of, masked};

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
    vec![text(0, 0).golden("digits"), text(2, 3), text(4, 2).golden("digits_keep")]
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
    for spec in [digits(33, 0), digits(i64::MAX, i64::MAX), digits(-1, 0)] {
        assert!(matches!(new(&spec, TEXT), Err(MaskError::Parameter { .. })), "{spec:?}");
    }
    assert!(matches!(new(&digits(0, 0), INT4), Err(MaskError::Type { .. })));
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
}
