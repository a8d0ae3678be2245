use filters::mask::{ColumnFacts, Mask, MaskError, MaskSpec};

use super::trial::{TEXT, Trial, VARCHAR, key};

fn constant(value: &str) -> MaskSpec {
    MaskSpec::of("constant", &[("value", value.into())])
}

pub fn trials() -> Vec<Trial> {
    let value = ("value", "[removed]".into());
    vec![Trial::new("constant", &[value], |i| i.to_string(), "[a-z0-9]{0,20}").golden("constant")]
}

#[test]
fn it_must_fit_and_be_text() {
    let new =
        |spec: &MaskSpec, oid, modifier| Mask::new(spec, &key(1), None, &ColumnFacts::new(oid, modifier)).map(drop);
    assert_eq!(new(&constant("äöü"), VARCHAR, 7), Ok(()));
    let narrow = MaskError::Narrow { mask: "constant", needs: 3, holds: 2 };
    assert_eq!(new(&constant("äöü"), VARCHAR, 6), Err(narrow));
    assert!(matches!(new(&constant("\0"), TEXT, -1), Err(MaskError::Parameter { .. })));
    let missing = MaskSpec::named("constant").unwrap();
    assert!(matches!(new(&missing, TEXT, -1), Err(MaskError::Parameter { .. })));
}
