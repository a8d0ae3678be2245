//! The `json` mask on any bytes: what comes out is JSON for another parser too; what that parser does not take is redacted; what is
//! kept is the same document.
#![no_main]

use std::sync::LazyLock;

use bytes::BytesMut;
use filters::key::MaskKey;
use filters::mask::{ColumnFacts, Mask, MaskSpec, Outcome, Setting};
use filters::policy::Class;
use filters::raw::RawRow;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const JSONB: u32 = 3802;

fn made(paths: &[(&str, Class)], other: Class) -> Mask {
    let paths = paths.iter().map(|(path, class)| ((*path).to_owned(), class.clone())).collect();
    let spec = MaskSpec::of("json", &[("paths", Setting::Classes(paths)), ("other", Setting::Class(Box::new(other)))]);
    let key = MaskKey::new(&[7; 32]).expect("32 bytes");
    Mask::new(&spec, &key, None, &ColumnFacts::new(JSONB, -1)).expect("a good mask")
}

fn mask(name: &str) -> Class {
    Class::Mask { spec: MaskSpec::of(name, &[]), domain: None }
}

static KEEPING: LazyLock<Mask> = LazyLock::new(|| made(&[], Class::Keep));
static WALKING: LazyLock<Mask> = LazyLock::new(|| made(&[("$..nobody", Class::Drop)], Class::Keep));
static MASKING: LazyLock<Mask> = LazyLock::new(|| {
    made(
        &[("$.a", mask("email")), ("$..b", Class::Drop), ("$.c[*].d", Class::Keep), ("$[1]", mask("digits"))],
        mask("lorem"),
    )
});
static DROPPING: LazyLock<Mask> = LazyLock::new(|| made(&[("$.a", mask("hash")), ("$..b", Class::Keep)], Class::Drop));

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if text.is_empty() {
        return;
    }
    let read: Option<Value> = serde_json::from_str(text).ok();
    for mask in [&*KEEPING, &*WALKING, &*MASKING, &*DROPPING] {
        let mut out = BytesMut::new();
        let outcome = mask.apply(data, &RawRow::ALONE, &mut out);
        assert!(matches!(outcome, Outcome::Masked | Outcome::Redacted));
        // the other parser has limits of its own: of depth, and of numbers
        if out != data {
            assert!(read.is_none() || serde_json::from_slice::<Value>(&out).is_ok(), "no JSON comes out");
        }
    }
    for (mask, is_same) in [(&*KEEPING, true), (&*WALKING, !text.contains("nobody") && !text.contains('\\'))] {
        let mut out = BytesMut::new();
        _ = mask.apply(data, &RawRow::ALONE, &mut out);
        assert!(!is_same || read.is_none() || serde_json::from_slice::<Value>(&out).ok() == read, "another document");
    }
});
