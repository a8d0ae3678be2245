//! The `json` mask on any bytes: what comes out is JSON for another parser too; what that parser does not take is redacted; what is
//! kept is the same document. Where all is hashed the document has the same form and nothing but hashes in it, whatever was in it; where all
//! is dropped, nothing at all.
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

static HASHING: LazyLock<Mask> = LazyLock::new(|| made(&[], mask("hash")));
static EMPTYING: LazyLock<Mask> = LazyLock::new(|| made(&[], Class::Drop));

/// The document without its values; every value is `allowed`.
fn form(value: &Value, allowed: &dyn Fn(&Value) -> bool) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(|item| form(item, allowed)).collect()),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, member)| (name.clone(), form(member, allowed))).collect())
        }
        scalar => {
            assert!(allowed(scalar), "a raw value came through");
            Value::Null
        }
    }
}

fn is_hash(value: &Value) -> bool {
    match value {
        Value::Null => true,
        // the empty string holds nothing, and stays
        Value::String(text) => text.is_empty() || text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()),
        _ => false,
    }
}

/// JSON for the other parser, or with a number that is beyond what it holds: `0e668` has become one, digit by digit.
fn is_json(text: &[u8]) -> bool {
    let beyond = |e: serde_json::Error| e.to_string().starts_with("number out of range");
    serde_json::from_slice::<Value>(text).map_or_else(beyond, |_| true)
}

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
            assert!(read.is_none() || is_json(&out), "no JSON comes out");
        }
    }
    if let Some(read) = &read {
        let of = |mask: &Mask| {
            let mut out = BytesMut::new();
            let masked = mask.apply(data, &RawRow::ALONE, &mut out) == Outcome::Masked;
            (masked, serde_json::from_slice::<Value>(&out).expect("JSON comes out"))
        };
        let (masked, hashed) = of(&HASHING);
        assert!(!masked || form(&hashed, &is_hash) == form(read, &|_| true), "another form");
        form(&hashed, &is_hash);
        form(&of(&EMPTYING).1, &Value::is_null);
    }
    for (mask, is_same) in [(&*KEEPING, true), (&*WALKING, !text.contains("nobody") && !text.contains('\\'))] {
        let mut out = BytesMut::new();
        _ = mask.apply(data, &RawRow::ALONE, &mut out);
        assert!(!is_same || read.is_none() || serde_json::from_slice::<Value>(&out).ok() == read, "another document");
    }
});
