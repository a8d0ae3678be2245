//! What each mask makes of fixed values under a fixed key. A difference here means that every masked value of every user
//! changes with the next release, and that keys which stand on their targets are orphaned: think before you write
//! them anew with `GOLDEN=write cargo test -p filters --test golden`.
//!
//! Files hold `input<TAB>output` lines; `#` begins a comment.

use bytes::BytesMut;
use filters::key::MaskKey;
use filters::mask::{ColumnFacts, Mask, MaskSpec};

/// The key of all vectors: 32 bytes, 0 to 31.
fn key() -> MaskKey {
    let bytes: Vec<u8> = (0..32).collect();
    MaskKey::new(&bytes).unwrap()
}

fn check(file: &str, spec: MaskSpec, domain: Option<&str>, type_oid: u32, type_modifier: i32) {
    let path = format!("{}/tests/golden/{file}.txt", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap();
    let mask = Mask::new(&spec, &key(), domain, &ColumnFacts { type_oid, type_modifier }).unwrap();
    let mut now = String::new();
    for line in text.lines() {
        if line.starts_with('#') {
            now += &format!("{line}\n");
            continue;
        }
        let input = line.split_once('\t').map_or(line, |(input, _)| input);
        let mut out = BytesMut::new();
        let output = match mask.apply(input.as_bytes(), &mut out) {
            true => String::from_utf8(out.to_vec()).unwrap(),
            false => "NULL".into(),
        };
        now += &format!("{input}\t{output}\n");
    }
    if std::env::var_os("GOLDEN").is_some_and(|v| v == "write") {
        std::fs::write(&path, &now).unwrap();
        return;
    }
    assert_eq!(now, text, "{file}");
}

const TEXT: u32 = 25;
const VARCHAR: u32 = 1043;
const BPCHAR: u32 = 1042;

#[test]
fn key_id() {
    assert_eq!(key().id(), "b5c759d4ffea61ae");
}

#[test]
fn null() {
    check("null", MaskSpec::Null, None, TEXT, -1);
}

#[test]
fn constant() {
    check("constant", MaskSpec::Constant("[removed]".into()), None, TEXT, -1);
}

#[test]
fn hash() {
    check("hash", MaskSpec::Hash { length: None }, None, TEXT, -1);
    check("hash_short", MaskSpec::Hash { length: Some(12) }, None, TEXT, -1);
    check("hash_domain", MaskSpec::Hash { length: None }, Some("customer_ref"), TEXT, -1);
    check("hash_char20", MaskSpec::Hash { length: None }, None, BPCHAR, 24);
}

#[test]
fn email() {
    check("email", MaskSpec::Email { keep_domain: false }, None, TEXT, -1);
    check("email_keep_domain", MaskSpec::Email { keep_domain: true }, None, TEXT, -1);
    check("email_varchar30", MaskSpec::Email { keep_domain: true }, None, VARCHAR, 34);
}

#[test]
fn name() {
    check("name", MaskSpec::Name, None, TEXT, -1);
    check("name_varchar10", MaskSpec::Name, None, VARCHAR, 14);
}

#[test]
fn phone() {
    check("phone", MaskSpec::Phone { keep_country: false }, None, TEXT, -1);
    check("phone_keep_country", MaskSpec::Phone { keep_country: true }, None, TEXT, -1);
}

#[test]
fn digits() {
    check("digits", MaskSpec::Digits { keep_prefix: 0, keep_suffix: 0 }, None, TEXT, -1);
    check("digits_keep", MaskSpec::Digits { keep_prefix: 4, keep_suffix: 2 }, None, TEXT, -1);
}

#[test]
fn integers() {
    let digits = MaskSpec::Digits { keep_prefix: 0, keep_suffix: 0 };
    check("digits_int2", digits.clone(), None, 21, -1);
    check("digits_int4", digits.clone(), None, 23, -1);
    check("digits_int8", digits, None, 20, -1);
}

#[test]
fn uuid() {
    check("uuid", MaskSpec::Uuid, None, 2950, -1);
    check("uuid_text", MaskSpec::Uuid, None, TEXT, -1);
}
