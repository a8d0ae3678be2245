//! The `hstore` mask on any bytes: what comes out is an hstore again, of as many pairs where all are masked, the same where all are kept.
#![no_main]

use std::sync::LazyLock;

use bytes::BytesMut;
use filters::key::MaskKey;
use filters::mask::{ColumnFacts, Made, Mask, MaskSpec, Outcome, Setting};
use filters::policy::Class;
use filters::raw::RawRow;
use libfuzzer_sys::fuzz_target;

fn made(other: Class) -> Mask {
    let spec = MaskSpec::of("hstore", &[("other", Setting::Class(Box::new(other)))]);
    let facts = ColumnFacts { made: Made::Named("hstore".into()), ..ColumnFacts::new(20_000, -1) };
    Mask::new(&spec, &MaskKey::new(&[7; 32]).expect("32 bytes"), None, &facts).expect("a good mask")
}

static KEEPING: LazyLock<Mask> = LazyLock::new(|| made(Class::Keep));
static MASKING: LazyLock<Mask> = LazyLock::new(|| made(Class::Mask { spec: MaskSpec::of("lorem", &[]), domain: None }));
static DROPPING: LazyLock<Mask> = LazyLock::new(|| made(Class::Drop));

fn of(mask: &Mask, data: &[u8]) -> (Outcome, BytesMut) {
    let mut out = BytesMut::new();
    (mask.apply(data, &RawRow::ALONE, &mut out), out)
}

fuzz_target!(|data: &[u8]| {
    let (outcome, kept) = of(&KEEPING, data);
    assert_eq!(of(&KEEPING, &kept), (Outcome::Masked, kept.clone()), "what was written is not read");
    let (masked, written) = of(&MASKING, data);
    assert_eq!(masked, outcome);
    assert_eq!(of(&KEEPING, &written), (Outcome::Masked, written.clone()), "what was written is not read");
    assert_eq!(of(&DROPPING, data), (outcome, BytesMut::new()));
    if outcome == Outcome::Redacted {
        assert!(kept.is_empty() && written.is_empty());
    }
});
