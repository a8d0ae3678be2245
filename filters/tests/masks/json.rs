use filters::mask::{ColumnFacts, Mask, MaskError, MaskSpec, Outcome, Setting};
use filters::policy::Class;
use proptest::prelude::*;
use serde::de::IgnoredAny;

use super::trial::{Hides, TEXT, Trial, VARCHAR, config, key, mask_of, masked, outcome};

const JSON: u32 = 114;
const JSONB: u32 = 3802;

const LIKE: &str = r#"\{"(mail|locale|a|\\u006dail)": ?("[a-z\\"]{0,9}"|-?[0-9.e]{1,5}|null|\[(1|"x"|true|\{"mail":"a"\})?(,2)?\]?)(, ?"(x|mail)":[a-z"]{1,6})?\}"#;

fn mask(name: &str) -> Class {
    Class::Mask { spec: MaskSpec::named(name).unwrap(), domain: None }
}

fn settings(paths: &[(&str, Class)], other: Class) -> [(&'static str, Setting); 2] {
    let paths = paths.iter().map(|(path, class)| ((*path).to_owned(), class.clone())).collect();
    [("paths", Setting::Classes(paths)), ("other", Setting::Class(Box::new(other)))]
}

fn spec(paths: &[(&str, Class)], other: Class) -> MaskSpec {
    MaskSpec::of("json", &settings(paths, other))
}

/// What becomes of a document.
fn of(paths: &[(&str, Class)], other: Class, document: &str) -> String {
    let mask = mask_of(&spec(paths, other), JSONB, -1);
    let out = String::from_utf8(masked(&mask, document.as_bytes())).unwrap();
    assert_eq!(mask.unparsable(), 0, "{document}");
    out
}

pub fn trials() -> Vec<Trial> {
    let mail = [("$.mail", mask("email")), ("$.locale", Class::Keep), ("$.a[*].mail", mask("hash"))];
    let value = |i| format!(r#"{{"mail": "ann{i}@example.org", "locale": "de", "x": {i}}}"#);
    vec![
        Trial::new("json", &settings(&mail, Class::Drop), value, LIKE).golden("json"),
        Trial::new("json", &settings(&[], mask("lorem")), value, LIKE).on(JSON, -1).golden("json_lorem"),
        Trial::new("json", &settings(&[("$.mail", Class::Drop)], Class::Keep), value, LIKE)
            .on(JSONB, -1)
            .hides(Hides::No)
            .golden("json_keep"),
        Trial::new("json", &[], value, LIKE).on(VARCHAR, 104),
    ]
}

#[test]
fn a_class_holds_for_what_is_below_until_a_longer_path_says_otherwise() {
    use Class::{Drop, Keep};
    for (paths, other, document, expected) in [
        (&[][..], Drop, r#"{"a": 1}"#, "{}"),
        (&[], Drop, "[1, 2]", "[]"),
        (&[], Drop, "\"x\"", "null"),
        (&[], Keep, r#" {"a" : [1, {"b": null}]} "#, r#"{"a" : [1, {"b": null}]}"#),
        (&[("$", Keep)], Drop, "[1]", "[1]"),
        (&[("$.a", Keep)], Drop, r#"{"a": 1, "b": 2, "c": {"a": 3}}"#, r#"{"a":1}"#),
        (&[("$.a.b", Keep)], Drop, r#"{"a": {"b": 1, "c": 2}, "b": 3}"#, r#"{"a":{"b":1}}"#),
        (&[("$.a.b", Keep)], Drop, r#"{"a": {"c": 2}}"#, r#"{"a":{}}"#),
        (&[("$.a.b", Keep)], Drop, r#"{"a": 7}"#, "{}"),
        (&[("$.a", Keep), ("$.a.b", Drop)], Drop, r#"{"a": {"b": 1, "c": [2,  3]}}"#, r#"{"a":{"c":[2,  3]}}"#),
        (&[("$.a", Drop), ("$.a.b", Keep)], Keep, r#"{"a": {"b": 1, "c": 2}, "d": 3}"#, r#"{"a":{"b":1},"d":3}"#),
        (&[("$.a[*].n", Keep)], Drop, r#"{"a": [{"n": 1, "m": 2}, {"m": 3}, 4]}"#, r#"{"a":[{"n":1},{}]}"#),
        (&[("$.a[1]", Keep)], Drop, r#"{"a": [1, 2, 3]}"#, r#"{"a":[2]}"#),
        (&[("$.*.n", Keep)], Drop, r#"{"x": {"n": 1}, "y": [{"n": 2}]}"#, r#"{"x":{"n":1},"y":[]}"#),
        (
            &[("$..n", Keep)],
            Drop,
            r#"{"n": 0, "x": {"y": [{"n": 1}, {"m": 2}]}, "z": {"m": 3}}"#,
            r#"{"n":0,"x":{"y":[{"n":1}]}}"#,
        ),
        (&[("$..n", Drop)], Keep, r#"{"n": 0, "x": {"n": [1]}, "z": []}"#, r#"{"x":{},"z":[]}"#),
        (&[("$.*", Drop), ("$.a", Keep)], Drop, r#"{"a": 1, "b": 2}"#, r#"{"a":1}"#),
        (&[("$.*", Keep), ("$..b", Drop)], Drop, r#"{"a": 1, "b": 2}"#, r#"{"a":1,"b":2}"#),
        (&[("$..b", Drop), ("$.*", Keep)], Drop, r#"{"a": 1, "b": 2}"#, r#"{"a":1}"#),
        (
            &[("$['a b']", Keep), (r#"$["it's"]"#, Keep), ("$.é-1_", Keep)],
            Drop,
            r#"{"a b": 1, "it's": 2, "é-1_": 3, "a": 4}"#,
            r#"{"a b":1,"it's":2,"é-1_":3}"#,
        ),
    ] {
        assert_eq!(of(paths, other, document), expected, "{document} {paths:?}");
    }
}

/// However a name is written, and however often it stands there.
#[test]
fn nobody_slips_by_a_name() {
    let hidden =
        of(&[("$.mail", mask("null"))], Class::Keep, r#"{"mail":"a","\u006dail":"b","m\u0061il":{"x":"c"},"mai":"d"}"#);
    assert_eq!(hidden, r#"{"mail":null,"\u006dail":null,"m\u0061il":{"x":null},"mai":"d"}"#);
    let kept = of(&[("$.\u{1f980}", Class::Keep)], Class::Drop, r#"{"\ud83e\udd80":1,"\ud83e":2}"#);
    assert_eq!(kept, r#"{"\ud83e\udd80":1}"#);
}

#[test]
fn a_value_is_masked_as_that_of_a_column_is() {
    let column = |name: &str, value: &str| {
        String::from_utf8(masked(&mask_of(&MaskSpec::named(name).unwrap(), TEXT, -1), value.as_bytes())).unwrap()
    };
    let all = |name: &str, document: &str| of(&[], mask(name), document);
    assert_eq!(all("email", r#"["Ann@example.org"]"#), format!("[\"{}\"]", column("email", "ann@example.org")));
    for name in ["hash", "lorem"] {
        let (text, odd, number) = (column(name, "ann@example.org"), column(name, "a\"\n\\é"), column(name, "1234567"));
        let document = all(name, r#"{"a": "ann@example.org", "b": ["a\"\n\\\u00e9"], "c": "1234567"}"#);
        let read: serde_json::Value = serde_json::from_str(&document).unwrap();
        assert_eq!(read, serde_json::json!({ "a": text, "b": [odd], "c": number }), "{name}");
    }
    // digits of digits are a number, or a text where they begin with a zero
    for n in 0..100u64 {
        let number = 1_000_000 + n * 7;
        let bare = column("digits", &number.to_string());
        let expected = if bare.starts_with('0') { format!("[\"{bare}\"]") } else { format!("[{bare}]") };
        assert_eq!(all("digits", &format!("[{number}]")), expected);
        assert_eq!(all("digits", &format!("[\"{number}\"]")), format!("[\"{bare}\"]"));
    }
    assert_eq!(all("hash", "[true]"), format!("[\"{}\"]", column("hash", "true")));
    assert_eq!(all("hash", "[null, \"\"]"), "[null,\"\"]", "NULL stays NULL, empty stays empty");
    assert_eq!(all("null", "[1, \"a\", {\"b\": true}]"), r#"[null,null,{"b":null}]"#);
    let huge = "123456789012345678901234567890.000000000000000000001e-500";
    assert_eq!(of(&[("$.a", Class::Keep)], Class::Drop, &format!("{{\"a\": {huge}}}")), format!("{{\"a\":{huge}}}"));
}

#[test]
fn what_is_no_json_is_redacted() {
    let mask = mask_of(&spec(&[("$.a.b", Class::Keep)], Class::Keep), TEXT, -1);
    let deep = |n: usize| format!("{}1{}", "[".repeat(n), "]".repeat(n));
    let bad = [
        "{",
        "}",
        "[1",
        "[1,]",
        "[,1]",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":1,}",
        "[1 2]",
        "01",
        "+1",
        "nul",
        "[NaN]",
        "\"a",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"a\nb\"",
        "[1]]",
        "1 2",
        "\u{feff}1",
        "[1}",
        "{\"a\":1]",
    ];
    for document in bad.iter().map(|d| (*d).to_owned()).chain([deep(201), deep(100_000), "{\"a\":".repeat(100_000)]) {
        assert_eq!(masked(&mask, document.as_bytes()), b"{}", "{document:.20}");
    }
    assert_eq!(mask.unparsable(), bad.len() as u64 + 3);
    assert_eq!(masked(&mask, deep(200).as_bytes()), deep(200).into_bytes());
    // a part that its mask cannot read is counted, and the rest stays
    let one = mask_of(&spec(&[("$.a", self::mask("email"))], Class::Keep), JSONB, -1);
    let out = String::from_utf8(masked(&one, br#"{"a":"no mail","b":1}"#)).unwrap();
    assert!(out.ends_with(r#"@invalid.example","b":1}"#), "{out}");
    assert_eq!(one.unparsable(), 1);
}

#[test]
fn what_grows_out_of_the_column_is_redacted() {
    let mask = mask_of(&spec(&[], self::mask("hash")), VARCHAR, 4 + 75);
    assert_eq!(masked(&mask, b"[\"a\"]").len(), 68);
    assert_eq!(masked(&mask, b"[\"a\",\"b\"]"), b"{}");
    assert_eq!(mask.unparsable(), 1);
}

#[test]
fn paths_that_cannot_be_are_refused() {
    let refused =
        |paths: &[(&str, Class)]| match Mask::new(&spec(paths, Class::Drop), &key(1), None, &ColumnFacts::TEXT) {
            Err(MaskError::Parameter { problem, .. }) => problem,
            other => panic!("{paths:?} {other:?}"),
        };
    for (path, why) in [
        ("a", "paths: a: a path begins with $"),
        ("$a", "paths: $a: what follows is neither . nor ["),
        ("$.", "paths: $.: a name is missing; one with other signs is written ['so']"),
        ("$.a b", "paths: $.a b: what follows is neither . nor ["),
        ("$[a]", "paths: $[a]: in brackets stand *, a number, or a name in quotes"),
        ("$[-1]", "paths: $[-1]: in brackets stand *, a number, or a name in quotes"),
        ("$[1", "paths: $[1: a [ without its ]"),
        ("$['a]", "paths: $['a]: a quote without its other"),
        ("$['a'", "paths: $['a': a [ without its ]"),
        ("$...a", "paths: $...a: a name is missing; one with other signs is written ['so']"),
        ("$[99999999999999999999]", "paths: $[99999999999999999999]: no such place in an array"),
    ] {
        assert_eq!(refused(&[(path, Class::Keep)]), why);
    }
    assert_eq!(refused(&[("$.a", Class::Keep), ("$['a']", Class::Drop)]), "paths: $.a and $['a'] are the same");
    let many: Vec<(String, Class)> = (0..9).map(|i| (format!("$..a{i}..b{i}..c{i}..d{i}"), Class::Keep)).collect();
    let many: Vec<(&str, Class)> = many.iter().map(|(p, c)| (p.as_str(), c.clone())).collect();
    assert_eq!(refused(&many), "paths: too many wildcards together");
    // a mask for numbers only is one of numbers within
    let integer = Mask::new(&spec(&[("$.a", mask("uuid"))], Class::Drop), &key(1), None, &ColumnFacts::new(JSONB, -1));
    assert!(integer.is_ok());
}

/// The judge: another parser.
#[test]
fn it_reads_what_is_json_and_writes_json() {
    let masks = [
        mask_of(&spec(&[("$.a", Class::Keep), ("$..b", Class::Drop), ("$[1]", mask("hash"))], Class::Keep), JSONB, -1),
        mask_of(&spec(&[("$.a", Class::Keep), ("$..b", mask("lorem"))], Class::Drop), JSONB, -1),
        mask_of(&spec(&[], mask("digits")), JSONB, -1),
    ];
    let pieces = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"b\"",
        "\"\\u00e9\"",
        "\"\\n",
        "\"",
        "1",
        "-0.5e3",
        "01",
        "true",
        "null",
        " ",
        "é",
        "{\"a\":",
        "[1,",
    ]);
    let soup = prop::collection::vec(pieces, 0..12).prop_map(|p| p.concat());
    let leaf = prop_oneof![
        Just("null".to_owned()),
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,3})?",
        "\"[a-z0-9é ]{0,8}\"",
        Just("true".to_owned())
    ];
    let tree = leaf.prop_recursive(4, 24, 4, |inner| {
        let name = prop::sample::select(vec!["a", "b", "c", "\\u0061"]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|v| format!("[{}]", v.join(", "))),
            prop::collection::vec((name, inner), 0..4).prop_map(|v| {
                format!("{{{}}}", v.iter().map(|(n, v)| format!("\"{n}\" :{v}")).collect::<Vec<_>>().join(","))
            }),
        ]
    });
    proptest!(config(4000), |(document in prop_oneof![soup, tree])| {
        let is_json = serde_json::from_str::<IgnoredAny>(&document).is_ok();
        for mask in &masks {
            if document.is_empty() {
                continue;
            }
            let mut out = bytes::BytesMut::new();
            let outcome = mask.apply(document.as_bytes(), &filters::raw::RawRow::ALONE, &mut out);
            prop_assert!(is_json || outcome == Outcome::Redacted, "{}", document);
            prop_assert!(serde_json::from_slice::<IgnoredAny>(&out).is_ok(), "{} {}", document, String::from_utf8_lossy(&out));
        }
        if is_json {
            let kept = outcome(&mask_of(&spec(&[("$.x.y", Class::Drop), ("$..z", Class::Drop)], Class::Keep), JSONB, -1), document.as_bytes()).unwrap();
            let (was, is) = (serde_json::from_str::<serde_json::Value>(&document).ok(), serde_json::from_slice::<serde_json::Value>(&kept).ok());
            prop_assert_eq!(was, is);
        }
    });
}
