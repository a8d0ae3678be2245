//! The `scrub` mask on any bytes: text stays text, no long number comes through, a text in which nothing can begin stays as it is, and
//! personal data between blanks is found whatever stands around it.
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

/// One of each kind that the mask finds.
const TELLING: &[&str] = &[
    "zoe.marker@corp.example.org",
    "DE89370400440532013000",
    "4111111111111111",
    "203.0.113.77",
    "2001:db8::7:77",
    "https://example.org/reset?token=zqmarker77",
];

fuzz_target!(|data: &[u8]| {
    let mut out = BytesMut::new();
    assert_eq!(MASK.apply(data, &RawRow::ALONE, &mut out), Outcome::Masked);
    assert!(std::str::from_utf8(data).is_err() || std::str::from_utf8(&out).is_ok(), "text becomes no text");
    if !data.iter().any(|b| b.is_ascii_digit() || matches!(b, b'@' | b':')) {
        assert_eq!(out, data, "there was nothing to find");
    }
    let half = data.len() / 2;
    for told in TELLING {
        let text = [&data[..half], b" ", told.as_bytes(), b" ", &data[half..]].concat();
        // what was there already may stay where it stands otherwise: in a word, say
        if holds(data, told) {
            continue;
        }
        let mut out = BytesMut::new();
        assert_eq!(MASK.apply(&text, &RawRow::ALONE, &mut out), Outcome::Masked);
        assert!(!holds(&out, told), "{told} came through");
    }
    let longest = out[..].split(|b| !b.is_ascii_digit()).map(<[u8]>::len).max();
    assert!(longest < Some(7), "a number came through");
});

fn holds(text: &[u8], told: &str) -> bool {
    text.windows(told.len()).any(|part| part == told.as_bytes())
}
