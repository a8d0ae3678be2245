use filters::mask::{Injective, MaskSpec};
use proptest::prelude::*;

use super::trial::{TEXT, Trial, VARCHAR, config, mask_of, masked};

pub fn trials() -> Vec<Trial> {
    let trial = |value| Trial::new("token", &[], value, "(sk_live_|ghp_|eyJ)?[A-Za-z0-9]{0,30}[._-]?[0-9a-f]{0,40}");
    vec![
        trial(|i| format!("sk_live_51H8{i:012}abcdeF")).golden("token"),
        trial(|i| format!("{:064x}", u128::from(i) << 64 | 0xabc)),
        trial(|i| format!("{i:025}")),
    ]
}

#[test]
fn a_narrow_column_claims_nothing() {
    let claims = |modifier| mask_of(&MaskSpec::of("token", &[]), VARCHAR, modifier).injective();
    assert!(matches!(claims(20), Injective::Collision(_)));
    assert_eq!(claims(19), Injective::No);
}

proptest! {
    #![proptest_config(config(100))]

    #[test]
    fn length_alphabet_and_punctuation_stay(head in "(sk_live_|github_pat_|Bearer |)", hex in "[0-9a-f]{20,64}", mixed in "[a-zA-Z0-9]{10}[A-Z][a-z][0-9]{3}[._-]") {
        let mask = mask_of(&MaskSpec::of("token", &[]), TEXT, -1);
        let of = |token: String| String::from_utf8(masked(&mask, format!("{head}{token}").as_bytes())).unwrap();
        let (hex_out, mixed_out) = (of(hex.clone()), of(mixed.clone()));
        prop_assert_eq!(mask.unparsable(), 0);
        prop_assert!(hex_out.starts_with(&head) && mixed_out.starts_with(&head));
        let tail = &hex_out[head.len()..];
        prop_assert!(tail.len() == hex.len() && tail.bytes().all(|b| b"0123456789abcdef".contains(&b)));
        let tail = &mixed_out[head.len()..];
        prop_assert_eq!(tail.len(), mixed.len());
        prop_assert!(tail.bytes().zip(mixed.bytes()).all(|(o, v)| o.is_ascii_alphanumeric() == v.is_ascii_alphanumeric()));
    }
}
