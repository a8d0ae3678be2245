//! A mask on an array column.

use std::sync::Arc;

use filters::mask::{ColumnFacts, Injective, Made, Mask, MaskError, MaskSpec};
use proptest::prelude::*;

use super::trial::{BPCHAR, INT4, Trial, VARCHAR, config, key, mask_of, masked, outcome};

const TEXTS: u32 = 1009;
const VARCHARS: u32 = 1015;
const BPCHARS: u32 = 1014;
const INTEGERS: u32 = 1007;
const UUIDS: u32 = 2951;

const LIKE: &str = r#"(\[[0-9-]{1,2}:[0-9]{1,2}\]=)?\{("[a-z,{}\\" é]{0,9}"|[a-zA-Z0-9é]{1,9}|NULL|\{[a-z]{1,3}\})(,("[a-z\\" ]{0,9}"|[a-z]{1,9}|\{[a-z]{1,3}\})){0,3}\}"#;

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::new(
            "hash",
            &[("length", 24.into())],
            |i| format!(r#"{{a{i},"b {i}",NULL,{{}}}}"#).replace(",{}", ""),
            LIKE,
        )
        .on(TEXTS, -1)
        .golden("hash_array"),
        Trial::new(
            "integer",
            &[],
            |i| format!("[0:1]={{{},{}}}", i + 1_000_000, i * 2 + 7),
            r"\{-?[0-9]{1,10}(,[0-9]{1,10}){0,4}\}",
        )
        .on(INTEGERS, -1)
        .apart(2_000)
        .golden("integer_array"),
        Trial::new(
            "email",
            &[],
            |i| format!("{{ann{i}@example.com,\"{i} b\"@example.org}}").replace("\"@", "@").replace(",\"", ",b"),
            LIKE,
        )
        .on(VARCHARS, 64)
        .golden("email_array"),
    ]
}

#[test]
fn each_element_is_masked_as_a_column_of_its_own_would_be() {
    let (array, one) = (mask_of(&MaskSpec::of("email", &[]), TEXTS, -1), mask_of(&MaskSpec::of("email", &[]), 25, -1));
    let of = |value: &str| String::from_utf8(masked(&one, value.as_bytes())).unwrap();
    let (a, b) = (of("a@x.de"), of("b, \"c\" \\d@x.de"));
    for (value, expected) in [
        ("{}", "{}".to_owned()),
        ("{a@x.de}", format!("{{{a}}}")),
        ("{NULL,null,a@x.de}", format!("{{NULL,NULL,{a}}}")),
        ("{\"a@x.de\"}", format!("{{{a}}}")),
        ("{\"\",a@x.de}", format!("{{\"\",{a}}}")),
        ("{\"b, \\\"c\\\" \\\\d@x.de\",{a@x.de}}", format!("{{{b},{{{a}}}}}")),
        ("[-1:0][2:2]={{a@x.de},{NULL}}", format!("[-1:0][2:2]={{{{{a}}},{{NULL}}}}")),
    ] {
        assert_eq!(String::from_utf8(masked(&array, value.as_bytes())).unwrap(), expected, "{value}");
    }
    assert_eq!(array.unparsable(), one.unparsable());
}

#[test]
fn what_a_mask_makes_is_quoted_where_it_must_be() {
    // partial keeps what stands at the ends, whatever it is
    let mask = mask_of(&MaskSpec::of("partial", &[("keep_first", 2.into()), ("keep_last", 2.into())]), TEXTS, -1);
    for (value, expected) in [
        (r#"{"{,xxxx\\\\\"",nuxxxxll,"NULL"}"#, r#"{"{,*****\\\"",nu****ll,NU**}"#),
        ("{\" \txxxxxx\n \",\"axxx xxxb\"}", "{\" \t******\n \",ax*****xb}"),
        (r#"{"a}xxxx}}"}"#, r#"{"a}****}}"}"#),
    ] {
        assert_eq!(String::from_utf8(masked(&mask, value.as_bytes())).unwrap(), expected, "{value}");
    }
    let null = mask_of(&MaskSpec::of("null", &[]), TEXTS, -1);
    assert_eq!(outcome(&null, b"{a,b}"), None, "a mask that takes any column takes the array as a whole");
}

#[test]
fn what_is_no_array_is_redacted() {
    let mask = mask_of(&MaskSpec::of("hash", &[]), TEXTS, -1);
    let bad = [
        "",
        "a",
        "{",
        "}",
        "{a",
        "a}",
        "{a}}",
        "{{a}",
        "{a,}",
        "{,a}",
        "{a,,b}",
        "{\"a}",
        "{\"a\\",
        "{\"a\"b}",
        "{a\"b\"}",
        "{a}x",
        "[1:2]{a}",
        "[1:2]=",
        "[x]={a}",
        "{{{{{{{a}}}}}}}",
        "{a{b}}",
        "{{a}b}",
        "{a\\}",
        "{{},{}}",
    ];
    for value in bad.into_iter().skip(1) {
        assert_eq!(masked(&mask, value.as_bytes()), b"{}", "{value}");
    }
    assert_eq!(mask.unparsable(), bad.len() as u64 - 1);
}

#[test]
fn elements_have_the_width_and_the_type_of_the_column() {
    let of = |name: &str, type_oid, modifier| {
        Mask::new(&MaskSpec::of(name, &[]), &key(1), None, &ColumnFacts::new(type_oid, modifier)).map(|m| m.injective())
    };
    assert!(matches!(of("uuid", VARCHARS, 24), Err(MaskError::Narrow { needs: 36, holds: 20, .. })));
    assert!(matches!(of("uuid", UUIDS, -1), Ok(Injective::Yes(_))));
    assert!(matches!(of("hash", INTEGERS, -1), Err(MaskError::Type { type_oid: INT4, .. })));
    let padded = mask_of(&MaskSpec::of("hash", &[("length", 8.into())]), BPCHARS, 24);
    assert_eq!(masked(&padded, b"{\"ab  \",ab}").split(|b| *b == b',').next().map(|a| a[1..].to_vec()), {
        Some(masked(&mask_of(&MaskSpec::of("hash", &[("length", 8.into())]), BPCHAR, 24), b"ab"))
    });
    // a domain over an array of a domain over varchar(20)
    let inner =
        ColumnFacts { made: Made::Domain(Arc::new(ColumnFacts::new(VARCHAR, 24))), ..ColumnFacts::new(20_001, -1) };
    let array = ColumnFacts { made: Made::Array(Arc::new(inner)), ..ColumnFacts::new(20_002, -1) };
    let facts = ColumnFacts { made: Made::Domain(Arc::new(array)), ..ColumnFacts::new(20_003, -1) };
    let narrow = Mask::new(&MaskSpec::of("uuid", &[]), &key(1), None, &facts);
    assert!(matches!(narrow, Err(MaskError::Narrow { holds: 20, .. })));
}

/// Whatever stands side by side: what is an array stays one of the same frame, and what is none becomes `{}`.
#[test]
fn an_array_comes_out_of_an_array() {
    let hash = mask_of(&MaskSpec::of("hash", &[("length", 8.into())]), TEXTS, -1);
    let ends = [("keep_first", 9.into()), ("keep_last", 9.into()), ("with", "x".into())];
    let ends = mask_of(&MaskSpec::of("partial", &ends), TEXTS, -1);
    let frame = |array: &[u8]| {
        let hashed = masked(&hash, array);
        hashed.into_iter().filter(|b| !b.is_ascii_lowercase() && !b.is_ascii_digit()).collect::<Vec<u8>>()
    };
    let pieces = prop::sample::select(vec![
        "{", "}", ",", "{{", "}}", "\"", "\\", "\\\"", "a", "b c", "NULL", "null", "\"x\"", "\"\"", "[1:2]=", "é", " ",
        "\"NULL\"", "\"{,}\"", "{a,b}", "},{",
    ]);
    proptest!(config(5000), |(pieces in prop::collection::vec(pieces, 1..10), bare in any::<bool>())| {
        let inside = pieces.concat();
        let text = if bare { inside } else { format!("{{{inside}}}") };
        let before = ends.unparsable();
        let out = masked(&ends, text.as_bytes());
        if ends.unparsable() > before {
            prop_assert_eq!(&out[..], b"{}");
        } else {
            prop_assert_eq!(frame(&out), frame(text.as_bytes()), "{}", text);
            prop_assert_eq!(hash.unparsable(), 0, "{}", text);
        }
    });
}
