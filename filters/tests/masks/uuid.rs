use filters::mask::{ColumnFacts, Mask, MaskError, MaskSpec};
use proptest::prelude::*;

use super::trial::{FF1_VALUES, Trial, UUID, VARCHAR, config, key, mask_of, masked};

pub fn trials() -> Vec<Trial> {
    let trial = || {
        let like = "[{]?[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}[}]?";
        Trial::new("uuid", &[], |i| format!("a0eebc99-9c0b-4ef8-bb6d-{i:012x}"), like).apart(FF1_VALUES)
    };
    vec![trial().golden("uuid").on(UUID, -1), trial().golden("uuid_text")]
}

#[test]
fn a_narrow_column_is_refused() {
    let new = |modifier| {
        let spec = MaskSpec::of("uuid", &[]);
        Mask::new(&spec, &key(1), None, &ColumnFacts::new(VARCHAR, modifier)).map(drop)
    };
    assert_eq!(new(40), Ok(()));
    assert_eq!(new(39), Err(MaskError::Narrow { mask: "uuid", needs: 36, holds: 35 }));
}

proptest! {
    #![proptest_config(config(100))]

    #[test]
    fn it_keeps_version_and_variant(id in any::<u128>()) {
        let hex = format!("{id:032x}");
        let text = format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
        let mask = mask_of(&MaskSpec::of("uuid", &[]), UUID, -1);
        let out = String::from_utf8(masked(&mask, text.as_bytes())).unwrap().replace('-', "");
        let out = u128::from_str_radix(&out, 16).unwrap();
        let kept = 0xf << 76 | 3 << 62;
        prop_assert_eq!(out & kept, id & kept);
        prop_assert_ne!(out, id);
        prop_assert_eq!(masked(&mask, text.to_uppercase().as_bytes()), masked(&mask, text.as_bytes()));
    }
}
