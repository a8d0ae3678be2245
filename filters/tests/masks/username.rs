use std::sync::Arc;

use filters::mask::{ColumnFacts, Injective, Made, Mask, MaskError, MaskSpec};

use super::trial::{TEXT, Trial, VARCHAR, key, mask_of, masked};

pub fn trials() -> Vec<Trial> {
    let trial = |settings| Trial::new("username", settings, |i| format!("jane.doe{i}"), "@?[a-zA-Z0-9._-]{1,20}");
    vec![trial(&[]).golden("username"), trial(&[("fold_case", true.into())]).golden("username_fold")]
}

#[test]
fn case_counts_unless_it_does_not() {
    let same = |mask: &Mask| masked(mask, b"Bob") == masked(mask, b"bOB");
    let fold = MaskSpec::of("username", &[("fold_case", true.into())]);
    let citext = ColumnFacts { made: Made::Named(Arc::from("citext")), ..ColumnFacts::new(99_999, -1) };
    let plain = mask_of(&MaskSpec::of("username", &[]), TEXT, -1);
    let folding = mask_of(&fold, TEXT, -1);
    let caseless = Mask::new(&MaskSpec::of("username", &[]), &key(1), None, &citext).unwrap();
    assert!(!same(&plain) && same(&folding) && same(&caseless));
    assert_eq!(masked(&folding, b"Bob"), masked(&caseless, b"bob"));
    assert_eq!(folding.injective(), Injective::No);
    assert!(matches!(caseless.injective(), Injective::Collision(_)));
}

#[test]
fn a_narrow_column_claims_less_or_is_refused() {
    let new = |modifier| Mask::new(&MaskSpec::of("username", &[]), &key(1), None, &ColumnFacts::new(VARCHAR, modifier));
    assert!(matches!(new(25).unwrap().injective(), Injective::Collision(_)));
    assert_eq!(new(20).unwrap().injective(), Injective::No);
    assert_eq!(new(12).unwrap_err(), MaskError::Narrow { mask: "username", needs: 9, holds: 8 });
}
