use filters::mask::{MaskSpec, Setting};
use proptest::prelude::*;

use super::trial::{FF1_VALUES, TEXT, Trial, all_different, config, mask_of, masked};

fn keep_country(keep: bool) -> [(&'static str, Setting); 1] {
    [("keep_country", keep.into())]
}

pub fn trials() -> Vec<Trial> {
    let trial = |keep| {
        Trial::new(
            "phone",
            &keep_country(keep),
            |i| format!("+49 170 {i:07}"),
            "[+]?[0-9]{1,4}[ /(-][0-9]{0,8}[)-]?[0-9]{1,6}",
        )
    };
    vec![trial(false).golden("phone"), trial(true).golden("phone_keep_country")]
}

/// They do not claim it, because of what they redact; what they can read they keep apart.
#[test]
fn numbers_stay_apart() {
    let phone = MaskSpec::of("phone", &keep_country(true));
    all_different(&mask_of(&phone, TEXT, -1), FF1_VALUES, |i| format!("+49 {i:06}"));
}

proptest! {
    #![proptest_config(config(100))]

    #[test]
    fn a_number_keeps_its_form(value in "[+]?[0-9]{1,4}[ /(-][0-9]{5,8}[)-]?[0-9]{1,6}") {
        for keep in [false, true] {
            let mask = mask_of(&MaskSpec::of("phone", &keep_country(keep)), TEXT, -1);
            let out = masked(&mask, value.as_bytes());
            prop_assert_eq!(out.len(), value.len());
            for (o, v) in out.iter().zip(value.bytes()) {
                let same = if v.is_ascii_digit() { o.is_ascii_digit() } else { *o == v };
                prop_assert!(same);
            }
            if keep && value.starts_with('+') && value.as_bytes()[1] == b'1' {
                prop_assert_eq!(&out[..2], b"+1");
            }
        }
    }
}
