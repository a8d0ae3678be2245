use filters::mask::{MaskSpec, Setting};
use proptest::prelude::*;

use super::trial::{FF1_VALUES, TEXT, Trial, all_different, config, mask_of, masked};

fn keep(prefix: i64, suffix: i64) -> [(&'static str, Setting); 2] {
    [("keep_prefix", prefix.into()), ("keep_suffix", suffix.into())]
}

pub fn trials() -> Vec<Trial> {
    let trial = |prefix, suffix| {
        let value = |i: u64| format!("KX{:03}-{:05}-b{}z", i % 1000, i / 1000, i % 10);
        Trial::new("alnum", &keep(prefix, suffix), value, "[A-Za-z]{0,6}-?[0-9]{0,9}[a-z-]{0,20}ä?")
    };
    vec![trial(0, 0).golden("alnum"), trial(2, 1).golden("alnum_keep")]
}

/// They do not claim it, because of what they redact; what they can read they keep apart.
#[test]
fn references_stay_apart() {
    let mask = mask_of(&MaskSpec::of("alnum", &keep(2, 1)), TEXT, -1);
    all_different(&mask, FF1_VALUES / 4, |i| {
        format!("KX-{:04}{}-{}", i * 7 % 10_000, char::from(b'a' + (i % 26) as u8), i / 10_000 + 1_000)
    });
}

proptest! {
    #![proptest_config(config(100))]

    #[test]
    fn classes_and_kept_characters_stay(value in "[A-Za-z0-9]{2}[a-z]{5}[A-Za-z0-9 /-]{0,20}[A-Z0-9]") {
        let mask = mask_of(&MaskSpec::of("alnum", &keep(2, 1)), TEXT, -1);
        let out = masked(&mask, value.as_bytes());
        prop_assert_eq!(mask.unparsable(), 0);
        prop_assert_eq!(out.len(), value.len());
        let kinds = |c: u8| (c.is_ascii_digit(), c.is_ascii_lowercase(), c.is_ascii_uppercase());
        for (o, v) in out.iter().zip(value.bytes()) {
            prop_assert!(kinds(*o) == kinds(v) && (v.is_ascii_alphanumeric() || *o == v));
        }
        prop_assert_eq!(&out[..2], &value.as_bytes()[..2]);
        prop_assert_eq!(out.last(), value.as_bytes().last());
    }
}
