//! The `scrub` mask on any bytes: text stays text, no long number comes through, and a text in which nothing can begin stays as it is.
#![no_main]

use std::sync::LazyLock;

use bytes::BytesMut;
use filters::key::MaskKey;
use filters::mask::{ColumnFacts, Mask, MaskSpec, Outcome};
use filters::raw::RawRow;
use libfuzzer_sys::fuzz_target;

static MASK: LazyLock<Mask> = LazyLock::new(|| {
    let key = MaskKey::new(&[7; 32]).expect("32 bytes");
    Mask::new(&MaskSpec::of("scrub", &[]), &key, None, &ColumnFacts::TEXT).expect("a good mask")
});

fuzz_target!(|data: &[u8]| {
    let mut out = BytesMut::new();
    assert_eq!(MASK.apply(data, &RawRow::ALONE, &mut out), Outcome::Masked);
    assert!(std::str::from_utf8(data).is_err() || std::str::from_utf8(&out).is_ok(), "text becomes no text");
    if !data.iter().any(|b| b.is_ascii_digit() || matches!(b, b'@' | b':')) {
        assert_eq!(out, data, "there was nothing to find");
    }
    let longest = out[..].split(|b| !b.is_ascii_digit()).map(<[u8]>::len).max();
    assert!(longest < Some(7), "a number came through");
});
