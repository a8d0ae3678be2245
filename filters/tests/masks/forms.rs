//! Equality across the types of a domain: what the server calls equal comes out equal, whatever the column, and still of the column's
//! own type. Which values are equal, [`SAME`] says; every mask is tried on all of them in every column that it can be put on.

use std::collections::BTreeMap;
use std::sync::Arc;

use filters::change::{Column, Identity, RowBuilder, Table, Value};
use filters::filter::Filter;
use filters::mask::{ColumnFacts, KINDS, Made, Mask, MaskSpec, Setting};
use filters::policy::{Class, Policy, TableRule, TableRules};
use proptest::prelude::*;

use super::trial::{BPCHAR, INT2, INT4, INT8, TEXT, Trial, UUID, VARCHAR, config, key, outcome};
use super::trials;

const FLOAT4: u32 = 700;
const FLOAT8: u32 = 701;
const NUMERIC: u32 = 1700;
const DATE: u32 = 1082;
const TIMESTAMP: u32 = 1114;
const TIMESTAMPTZ: u32 = 1184;
const INET: u32 = 869;
const CIDR: u32 = 650;
const MACADDR: u32 = 829;
const MACADDR8: u32 = 774;
const INTERVAL: u32 = 1186;
const JSONB: u32 = 3802;
const BYTEA: u32 = 17;
const BOOL: u32 = 16;
const NUMERICS: u32 = 1231;
/// No type of the server's own: stands for `citext`.
const CITEXT: u32 = 99_999;

fn facts(type_oid: u32) -> ColumnFacts {
    match type_oid {
        CITEXT => ColumnFacts { made: Made::Named(Arc::from("citext")), ..ColumnFacts::new(CITEXT, -1) },
        other => ColumnFacts::new(other, -1),
    }
}

/// Each line: prints of one value, as columns of these types have it. What a server says of them (`SELECT a = b`) is that they
/// are equal, across types by the cast that it makes itself; text stands beside a number where it spells the number as the
/// server does, since that is what a policy's domain means by one value.
const SAME: &[&[(u32, &str)]] = &[
    &[(INT2, "42"), (INT4, "42"), (INT8, "42"), (NUMERIC, "42"), (TEXT, "42"), (VARCHAR, "42"), (BPCHAR, "42   ")],
    &[(INT4, "-7"), (INT8, "-7"), (NUMERIC, "-7.000"), (FLOAT8, "-7"), (FLOAT4, "-7"), (TEXT, "-7")],
    &[(INT4, "1"), (NUMERIC, "1"), (NUMERIC, "1.0"), (NUMERIC, "1.00"), (FLOAT8, "1")],
    &[(NUMERIC, "0.50"), (NUMERIC, "0.5"), (FLOAT4, "0.5"), (FLOAT8, "0.5")],
    &[(FLOAT8, "-0"), (FLOAT8, "0"), (FLOAT4, "-0"), (NUMERIC, "0.000"), (NUMERIC, "0"), (INT8, "0"), (TEXT, "0")],
    &[(FLOAT8, "1e+20"), (FLOAT4, "1e+20"), (NUMERIC, "100000000000000000000")],
    &[(FLOAT8, "1.5e-07"), (NUMERIC, "0.00000015")],
    &[(NUMERIC, "NaN"), (FLOAT8, "NaN")],
    &[(TEXT, "Ann Smith"), (VARCHAR, "Ann Smith"), (BPCHAR, "Ann Smith"), (BPCHAR, "Ann Smith    ")],
    &[(CITEXT, "Jürgen"), (CITEXT, "JÜRGEN"), (CITEXT, "jürgen"), (TEXT, "jürgen")],
    &[(CITEXT, "KX7-2024-B9Q4711"), (CITEXT, "kx7-2024-b9q4711"), (VARCHAR, "kx7-2024-b9q4711")],
    &[(CITEXT, "Jane.Doe@Example.ORG"), (CITEXT, "jane.doe@example.org"), (TEXT, "jane.doe@example.org")],
    &[
        (CITEXT, "HTTPS://Example.org/A?b=C"),
        (CITEXT, "https://example.org/a?b=c"),
        (TEXT, "https://example.org/a?b=c"),
    ],
    &[(CITEXT, "SK_live_51H8abcDEF0123456789xyz"), (CITEXT, "sk_LIVE_51h8abcdef0123456789XYZ")],
    &[(CITEXT, "gb29NWBK60161331926819"), (CITEXT, "GB29nwbk60161331926819")],
    &[(TEXT, "4111 1111 1111 1111"), (BPCHAR, "4111 1111 1111 1111 "), (CITEXT, "4111 1111 1111 1111")],
    &[(TEXT, "+49 170 1234567"), (BPCHAR, "+49 170 1234567"), (CITEXT, "+49 170 1234567")],
    &[(UUID, ID), (TEXT, ID), (BPCHAR, ID), (CITEXT, ID), (CITEXT, "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11")],
    &[(INET, "93.184.216.34"), (CIDR, "93.184.216.34/32"), (TEXT, "93.184.216.34")],
    &[(INET, "2001:db8::1"), (CIDR, "2001:db8::1/128"), (CITEXT, "2001:DB8::1"), (TEXT, "2001:db8::1")],
    &[(MACADDR, "08:00:2b:01:02:03"), (TEXT, "08:00:2b:01:02:03"), (CITEXT, "08:00:2B:01:02:03")],
    &[(MACADDR, "08:00:2b:01:02:03"), (MACADDR8, "08:00:2b:ff:fe:01:02:03")],
    &[
        (DATE, "2026-01-31"),
        (TIMESTAMP, "2026-01-31 00:00:00"),
        (TIMESTAMPTZ, "2026-01-31 00:00:00+00"),
        (TIMESTAMPTZ, "2026-01-31 05:30:00+05:30"),
    ],
    &[
        (TIMESTAMPTZ, "2026-01-31 23:30:00.5+00"),
        (TIMESTAMPTZ, "2026-02-01 01:30:00.5+02"),
        (TIMESTAMPTZ, "2026-01-31 20:00:00.500-03:30"),
        (TIMESTAMP, "2026-01-31 23:30:00.5"),
    ],
    &[(INTERVAL, "1 mon"), (INTERVAL, "30 days"), (INTERVAL, "720:00:00")],
    &[(JSONB, r#"{"a": 1.50, "b": [1e2]}"#), (JSONB, r#"{"a": 1.5, "b": [100.0]}"#)],
    &[(BYTEA, "\\x00ff")],
    &[(BOOL, "t")],
    &[(NUMERICS, "{1.0,NULL,2}"), (NUMERICS, "{1.00,NULL,2.0}")],
];

const ID: &str = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";

/// Where a mask keeps apart what is equal, and says so in its file.
fn excused(spec: &MaskSpec, a: u32, b: u32) -> bool {
    let of = |types: &[u32]| types.contains(&a) || types.contains(&b);
    match spec.name() {
        // results must fit: the layers of `smallint` are its own
        "integer" if of(&[INT2]) => true,
        // what lies outside of a range goes among what lies outside, as far as the type goes
        "integer" => a != b && spec.setting("min").is_some(),
        // prose and documents, as they are written
        "partial" | "lorem" | "regex" | "scrub" | "json" | "hstore" | "xml" => of(&[CITEXT, JSONB]),
        // a number with the digits that its column has; a redaction where one cannot read it
        "noise" | "round" | "bucket" => a != b,
        // the whole array, by its print
        "choice" => of(&[NUMERICS]),
        _ => false,
    }
}

/// As a server compares what came out: by its value in a number, a moment, an address. Without case in `citext`, too, which is not
/// made use of: text beside it is compared with it.
fn compared(type_oid: u32, text: Vec<u8>) -> Vec<u8> {
    let text = String::from_utf8(text).expect("text");
    let text = match type_oid {
        NUMERIC | FLOAT4 | FLOAT8 if text.contains('.') => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        TIMESTAMP | TIMESTAMPTZ => text.trim_end_matches("+00").trim_end_matches(" 00:00:00").to_owned(),
        CIDR => text.trim_end_matches("/32").trim_end_matches("/128").to_owned(),
        MACADDR8 => text.replacen(":ff:fe", "", 1),
        _ => text,
    };
    text.into_bytes()
}

/// Every mask in every form that the trials have and that looks at no other column.
fn specs() -> Vec<MaskSpec> {
    let mut specs: Vec<MaskSpec> = Vec::new();
    for Trial { spec, siblings, .. } in trials() {
        if siblings.is_empty() && spec.when().is_none() && !specs.contains(&spec) {
            specs.push(spec);
        }
    }
    let tried: std::collections::BTreeSet<&str> = specs.iter().map(MaskSpec::name).collect();
    let looking = ["compose"]; // it has no value of its own
    assert!(KINDS.iter().all(|kind| tried.contains(kind.name) || looking.contains(&kind.name)));
    specs
}

/// A mask for a column of the type, in one domain; `None` if it cannot be put there.
fn on(spec: &MaskSpec, type_oid: u32) -> Option<Mask> {
    Mask::new(spec, &key(1), Some("one"), &facts(type_oid)).ok()
}

#[test]
fn equal_values_of_a_domain_come_out_equal() {
    let mut compared_pairs: BTreeMap<&str, usize> = BTreeMap::new();
    for spec in specs() {
        for same in SAME {
            let made: Vec<_> = same
                .iter()
                .filter_map(|(ty, print)| {
                    let out = outcome(&on(&spec, *ty)?, print.as_bytes());
                    Some((*ty, *print, out.map(|out| compared(*ty, out))))
                })
                .collect();
            for (i, (ty, print, out)) in made.iter().enumerate() {
                for (other, other_print, other_out) in made.iter().skip(i + 1).filter(|o| !excused(&spec, *ty, o.0)) {
                    *compared_pairs.entry(spec.name()).or_default() += 1;
                    let what = format!("{}: {print} of {ty} and {other_print} of {other}", spec.describe());
                    let text = |out: &Option<Vec<u8>>| out.as_ref().map(|o| String::from_utf8_lossy(o).into_owned());
                    assert_eq!(text(out), text(other_out), "{what}");
                }
            }
        }
    }
    // none of them was let off altogether; an hstore has one print per value, and no other type is equal to it
    for spec in specs().iter().filter(|spec| spec.name() != "hstore") {
        assert!(compared_pairs.get(spec.name()).is_some_and(|n| *n >= 3), "{}: {compared_pairs:?}", spec.name());
    }
}

/// What comes out in the column of a number, a UUID, a moment, an address is one, for masks that make one at all.
#[test]
fn what_comes_out_is_of_the_columns_own_type() {
    let good = |type_oid: u32, text: &str| match type_oid {
        INT2 => text.parse::<i16>().is_ok(),
        INT4 => text.parse::<i32>().is_ok(),
        INT8 => text.parse::<i64>().is_ok(),
        NUMERIC | FLOAT4 | FLOAT8 => text.parse::<f64>().is_ok(),
        UUID => text.len() == 36,
        DATE => text.len() == 10 && !text.contains(' '),
        TIMESTAMP | TIMESTAMPTZ => text.len() >= 10,
        INET | CIDR => text.split('/').next().is_some_and(|a| a.parse::<std::net::IpAddr>().is_ok()),
        MACADDR => text.len() == 17,
        MACADDR8 => text.len() == 23,
        _ => true,
    };
    for spec in specs().iter().filter(|s| !matches!(s.name(), "constant" | "choice")) {
        for (ty, print) in SAME.iter().copied().flatten() {
            let Some(out) = on(spec, *ty).and_then(|mask| outcome(&mask, print.as_bytes())) else { continue };
            let text = String::from_utf8(out).unwrap();
            assert!(good(*ty, &text), "{}: {text} of {print} in a column of {ty}", spec.describe());
        }
    }
}

/// Not by the table alone: numbers, padding and case that nobody wrote down, through every mask that takes the types.
#[test]
fn spellings_that_nobody_wrote_down() {
    let made: Vec<(MaskSpec, BTreeMap<u32, Mask>)> = specs()
        .into_iter()
        .map(|spec| {
            let types = [INT8, NUMERIC, TEXT, BPCHAR, CITEXT];
            let masks = types.into_iter().filter_map(|ty| Some((ty, on(&spec, ty)?))).collect();
            (spec, masks)
        })
        .collect();
    let same = |a: (u32, &str), b: (u32, &str)| {
        for (spec, masks) in made.iter().filter(|(spec, _)| !excused(spec, a.0, b.0)) {
            let (Some(one), Some(other)) = (masks.get(&a.0), masks.get(&b.0)) else { continue };
            let of =
                |mask: &Mask, (ty, print): (u32, &str)| outcome(mask, print.as_bytes()).map(|out| compared(ty, out));
            prop_assert_eq!(of(one, a), of(other, b), "{} of {:?} {:?}", spec.describe(), a, b);
        }
        Ok(())
    };
    let mut runner = proptest::test_runner::TestRunner::new(config(60));
    let values = (any::<i64>(), 0usize..4, "\\PC{0,24}", any::<u64>());
    let result = runner.run(&values, |(n, zeros, text, case)| {
        let whole = n.to_string();
        let padded = format!("{whole}.{}", "0".repeat(zeros + 1));
        let other = format!("{whole}.0");
        same((INT8, &whole), (NUMERIC, &padded))?;
        same((NUMERIC, &other), (NUMERIC, &padded))?;
        same((INT8, &whole), (TEXT, &whole))?;
        let bare = text.trim_end_matches(' ');
        same((TEXT, bare), (BPCHAR, &format!("{bare}{}", " ".repeat(zeros))))?;
        // letters that have one capital and one small form, in any mixture
        let letter = |c: char| c.is_ascii_alphabetic() || ('à'..='ö').contains(&c) || ('а'..='я').contains(&c);
        let small: String = text.to_lowercase().chars().filter(|c| letter(*c) || c.is_ascii()).collect();
        let mixed: String = small
            .chars()
            .enumerate()
            .map(|(i, c)| {
                let up = letter(c) && case >> (i % 64) & 1 == 1;
                if up { c.to_uppercase().next().unwrap_or(c) } else { c }
            })
            .collect();
        same((CITEXT, &small), (CITEXT, &mixed))
    });
    if let Err(e) = result {
        panic!("{e}");
    }
}

/// An array goes element by element, and a document's numbers are numbers.
#[test]
fn within_arrays_and_documents() {
    let citexts = ColumnFacts { made: Made::Array(Arc::new(facts(CITEXT))), ..ColumnFacts::new(99_998, -1) };
    let hash = MaskSpec::of("hash", &[]);
    let mask = Mask::new(&hash, &key(1), None, &citexts).unwrap();
    assert_eq!(outcome(&mask, b"{Bob,NULL}"), outcome(&mask, b"{bOB,NULL}"));
    let class = Class::Mask { spec: hash.clone(), domain: Some("one".into()) };
    let json = MaskSpec::of("json", &[("other", Setting::Class(Box::new(class)))]);
    let mask = Mask::new(&json, &key(1), None, &facts(JSONB)).unwrap();
    let of = |text: &str| String::from_utf8(outcome(&mask, text.as_bytes()).unwrap()).unwrap();
    assert_eq!(of("[1.50]"), of("[1.5]"));
    assert_eq!(of("[15E-1]"), of("[1.5]"));
    assert_eq!(of("[-0.0]"), of("[0]"));
    let number = outcome(&on(&hash, TEXT).unwrap(), b"42").unwrap();
    assert_eq!(of("[42.0]"), format!("[\"{}\"]", String::from_utf8(number).unwrap()));
}

/// Who is meant by a column is meant whatever its type: a customer's dates move together in every table that names him.
#[test]
fn the_mark_of_an_entity_has_one_form() {
    let of = |by_type: u32, by: &str| {
        let class =
            |name, settings: &[(&str, Setting)]| Class::Mask { spec: MaskSpec::of(name, settings), domain: None };
        let column = |name: &str, type_oid| Column { name: name.into(), type_oid, type_modifier: -1, key: false };
        let columns = vec![column("day", DATE), column("sum", NUMERIC), column("who", by_type)];
        let table = Table { oid: 1, schema: "s".into(), name: "t".into(), identity: Identity::Default, columns };
        let classes = BTreeMap::from([
            ("day".to_owned(), class("date_shift", &[("by", "who".into())])),
            ("sum".to_owned(), class("noise", &[("by", "who".into())])),
            ("who".to_owned(), Class::Keep),
        ]);
        let rule = TableRule::Copy(TableRules::new(classes, Class::Withheld));
        let policy = Policy { tables: BTreeMap::from([(("s".to_owned(), "t".to_owned()), rule)]) };
        let compiled = Filter::new(policy, key(1)).compile(&Arc::new(table)).unwrap().unwrap();
        let mut b = RowBuilder::new();
        ["2026-01-31", "1299.00", by].iter().for_each(|text| b.push(Value::Text(text.as_bytes())));
        let row = b.finish();
        let row = compiled.row(&row, &mut b).unwrap();
        [0, 1].map(|i| match row.get(i) {
            Value::Text(text) => String::from_utf8(text.to_vec()).unwrap(),
            _ => panic!("no text"),
        })
    };
    for (one, other) in [
        ((INT4, "7"), (NUMERIC, "7.00")),
        ((INT8, "7"), (TEXT, "7")),
        ((FLOAT8, "-0"), (INT4, "0")),
        ((BPCHAR, "A7   "), (TEXT, "A7")),
        ((TIMESTAMPTZ, "2026-01-31 02:00:00+02"), (DATE, "2026-01-31")),
    ] {
        assert_eq!(of(one.0, one.1), of(other.0, other.1), "{one:?} {other:?}");
    }
    assert_ne!(of(INT4, "7"), of(INT4, "8"));
}
