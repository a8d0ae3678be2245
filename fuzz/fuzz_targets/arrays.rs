//! A mask on arrays of any bytes: what comes out is an array again, of the same bounds and nesting; and of
//! elements that are hashed nothing but hashes.
#![no_main]

use std::sync::LazyLock;

use bytes::BytesMut;
use filters::key::MaskKey;
use filters::mask::{ColumnFacts, Mask, MaskSpec, Outcome};
use filters::raw::RawRow;
use libfuzzer_sys::fuzz_target;

const TEXTS: u32 = 1009;

fn made(spec: &MaskSpec) -> Mask {
    let key = MaskKey::new(&[7; 32]).expect("32 bytes");
    Mask::new(spec, &key, None, &ColumnFacts::new(TEXTS, -1)).expect("a good mask")
}

/// What stands at the ends of an element stays, whatever has to be quoted of it.
static ENDS: LazyLock<Mask> = LazyLock::new(|| {
    made(&MaskSpec::of("partial", &[("keep_first", 9.into()), ("keep_last", 9.into()), ("with", "x".into())]))
});
static HASH: LazyLock<Mask> = LazyLock::new(|| made(&MaskSpec::of("hash", &[("length", 8.into())])));

fn of(mask: &Mask, data: &[u8]) -> (Outcome, BytesMut) {
    let mut out = BytesMut::new();
    (mask.apply(data, &RawRow::ALONE, &mut out), out)
}

/// The array without its elements.
fn frame(array: &[u8]) -> Vec<u8> {
    let (outcome, hashed) = of(&HASH, array);
    assert_eq!(outcome, Outcome::Masked, "what was written is not read");
    hashed.iter().copied().filter(|b| !b.is_ascii_lowercase() && !b.is_ascii_digit()).collect()
}

/// Between braces and commas there are hashes, NULLs and empty strings, and nothing else.
fn only_hashes(array: &[u8]) -> bool {
    let elements = match array.first() {
        Some(b'[') => array.splitn(2, |b| *b == b'=').nth(1).unwrap_or_default(),
        _ => array,
    };
    elements.split(|b| matches!(b, b'{' | b'}' | b',')).all(|element| {
        matches!(element, b"" | b"NULL" | b"\"\"") || element.len() == 8 && element.iter().all(u8::is_ascii_hexdigit)
    })
}

fuzz_target!(|data: &[u8]| {
    if data.is_empty() {
        return;
    }
    assert!(only_hashes(&of(&HASH, data).1), "a raw element came through");
    // of what is no character nothing is kept, and an element can become empty by it
    if std::str::from_utf8(data).is_err() {
        return;
    }
    let (outcome, ends) = of(&ENDS, data);
    match outcome {
        Outcome::Masked => assert_eq!(frame(&ends), frame(data), "another array"),
        Outcome::Redacted => assert_eq!(&ends[..], b"{}"),
        other => panic!("{other:?}"),
    }
});
