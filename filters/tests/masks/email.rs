use filters::mask::{ColumnFacts, Injective, Mask, MaskError, MaskSpec, Setting};
use proptest::prelude::*;

use super::trial::{TEXT, Trial, VARCHAR, config, key, mask_of, masked};

fn keep_domain(keep: bool) -> [(&'static str, Setting); 1] {
    [("keep_domain", keep.into())]
}

pub fn trials() -> Vec<Trial> {
    let trial = |keep| {
        let like = "[A-Za-zäß0-9]{0,4}@?[A-Za-zäß.]{0,20}";
        Trial::new("email", &keep_domain(keep), |i| format!("{i}@shop.test"), like)
    };
    vec![
        trial(false).golden("email"),
        trial(true).golden("email_keep_domain"),
        trial(true).golden("email_varchar30").on(VARCHAR, 34),
    ]
}

#[test]
fn a_narrow_column_claims_less_or_is_refused() {
    for keep in [false, true] {
        let spec = MaskSpec::of("email", &keep_domain(keep));
        let of = |n| mask_of(&spec, VARCHAR, n + 4).injective();
        assert!(matches!(of(38), Injective::Collision(_)));
        assert_eq!(of(24), Injective::No);
        let narrow = Mask::new(&spec, &key(1), None, &ColumnFacts::new(VARCHAR, 27)).map(drop);
        assert_eq!(narrow, Err(MaskError::Narrow { mask: "email", needs: 24, holds: 23 }));
    }
}

proptest! {
    #![proptest_config(config(100))]

    #[test]
    fn an_email_is_an_email_in_any_case(local in "[a-zA-Z0-9.+]{1,30}", host in "[a-z0-9]{1,9}\\.[a-z]{2,5}") {
        let value = format!("{local}@{host}");
        for keep in [false, true] {
            let mask = mask_of(&MaskSpec::of("email", &keep_domain(keep)), TEXT, -1);
            let out = masked(&mask, value.as_bytes());
            let want = format!("@{}", if keep { &host } else { "example.com" });
            prop_assert_eq!(&out[26..], want.as_bytes());
            prop_assert_eq!(masked(&mask, value.to_uppercase().as_bytes()), out);
            prop_assert_eq!(mask.unparsable(), 0);
        }
    }
}
