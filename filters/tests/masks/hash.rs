use filters::mask::{ColumnFacts, Injective, Mask, MaskError, MaskSpec};

use super::trial::{BPCHAR, TEXT, Trial, VARCHAR, key, mask_of};

fn trial(settings: &[(&str, filters::mask::Setting)]) -> Trial {
    Trial::new("hash", settings, |i| i.to_string(), "[a-z0-9]{0,70}")
}

fn length(n: i64) -> [(&'static str, filters::mask::Setting); 1] {
    [("length", n.into())]
}

pub fn trials() -> Vec<Trial> {
    vec![
        trial(&[]).golden("hash"),
        trial(&length(12)).golden("hash_short"),
        trial(&length(24)),
        trial(&[]).golden("hash_domain").domain("customer_ref"),
        trial(&[]).golden("hash_char20").on(BPCHAR, 24),
    ]
}

#[test]
fn too_short_and_too_long_are_refused() {
    let new =
        |spec: &MaskSpec, oid, modifier| Mask::new(spec, &key(1), None, &ColumnFacts::new(oid, modifier)).map(drop);
    let hash = MaskSpec::of("hash", &[]);
    assert_eq!(new(&hash, VARCHAR, 12), Ok(()));
    assert_eq!(new(&hash, VARCHAR, 11), Err(MaskError::Narrow { mask: "hash", needs: 8, holds: 7 }));
    for n in [7, 65] {
        assert!(matches!(new(&MaskSpec::of("hash", &length(n)), TEXT, -1), Err(MaskError::Parameter { .. })));
    }
}

#[test]
fn a_narrow_column_claims_less() {
    let of = |n| mask_of(&MaskSpec::of("hash", &[]), VARCHAR, n + 4).injective();
    assert!(matches!(of(32), Injective::Collision(_)));
    assert_eq!(of(16), Injective::No);
}
