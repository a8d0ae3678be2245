//! The `hstore` mask on any bytes: what comes out is an hstore again, of as many pairs where all are masked, the same where all are kept;
//! and where all become one text, another reader finds the same keys with nothing but that text.
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

static TELLING: LazyLock<Mask> =
    LazyLock::new(|| made(Class::Mask { spec: MaskSpec::of("constant", &[("value", "x".into())]), domain: None }));

/// Keys and values of an hstore as we and the server write it; `None` for a value that is NULL.
fn pairs(mut text: &[u8]) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let mut all = Vec::new();
    while !text.is_empty() {
        let (key, rest) = quoted(text);
        let rest = rest.strip_prefix(b"=>").expect("an arrow");
        let (value, rest) = match rest.strip_prefix(b"NULL") {
            Some(rest) => (None, rest),
            None => {
                let (value, rest) = quoted(rest);
                (Some(value), rest)
            }
        };
        all.push((key, value));
        text = rest.strip_prefix(b", ").unwrap_or(rest);
    }
    all
}

fn quoted(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut rest = text.strip_prefix(b"\"").expect("a quote");
    let mut out = Vec::new();
    loop {
        let (b, behind) = rest.split_first().expect("another quote");
        rest = behind;
        match b {
            b'"' => return (out, rest),
            b'\\' => {
                let (b, behind) = rest.split_first().expect("what is escaped");
                out.push(*b);
                rest = behind;
            }
            b => out.push(*b),
        }
    }
}

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
    let told = pairs(&of(&TELLING, data).1);
    let names =
        |pairs: &[(Vec<u8>, Option<Vec<u8>>)]| pairs.iter().map(|p| (p.0.clone(), p.1.is_none())).collect::<Vec<_>>();
    assert_eq!(names(&told), names(&pairs(&kept)), "other keys, or another NULL");
    assert!(told.iter().all(|(_, value)| value.as_deref().is_none_or(|v| v == b"x")), "a raw value came through");
    assert_eq!(of(&DROPPING, data), (outcome, BytesMut::new()));
    if outcome == Outcome::Redacted {
        assert!(kept.is_empty() && written.is_empty());
    }
});
