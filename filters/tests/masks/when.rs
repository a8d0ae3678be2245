//! `when:`: a mask for some rows only.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::BytesMut;
use filters::change::{Change, Column, Identity, Op, RowBuilder, Table, Value};
use filters::filter::{Filter, FilterError, Verdict};
use filters::mask::{MaskError, MaskSpec, When};
use filters::policy::{Class, Policy, TableRule, TableRules};
use filters::predicate::Predicate;

use super::trial::{INT4, TEXT, Trial, key};

fn mask(name: &str) -> Class {
    Class::Mask { spec: MaskSpec::named(name).unwrap(), domain: None }
}

fn when(name: &str, predicate: &str, otherwise: Class) -> Class {
    let when = When { predicate: Predicate::parse(predicate).unwrap(), otherwise };
    Class::Mask { spec: MaskSpec::named(name).unwrap().only(when), domain: None }
}

pub fn trials() -> Vec<Trial> {
    let Class::Mask { spec, .. } = when("hash", "country IN ('DE', 'FR')", Class::Drop) else {
        return vec![];
    };
    let mut trial = Trial::new("hash", &[], |i| format!("customer-{i}"), "[a-z]{0,9}-[0-9]{1,9}")
        .beside("country", Class::Drop, |i| if i % 2 == 0 { "DE".into() } else { "FR".into() })
        .golden("hash_when");
    trial.spec = spec;
    vec![trial]
}

/// id, mail, country, age: each of its class.
fn filter(mail: Class, country: Class, identity: Identity, key_column: &str) -> (Filter, Arc<Table>) {
    let columns = [("id", INT4), ("mail", TEXT), ("country", TEXT), ("age", INT4)].map(|(name, type_oid)| Column {
        name: name.into(),
        type_oid,
        type_modifier: -1,
        key: name == key_column,
    });
    let table = Table { oid: 1, schema: "s".into(), name: "t".into(), identity, columns: columns.into() };
    let classes = BTreeMap::from([("mail".to_owned(), mail), ("country".to_owned(), country)]);
    let rule = TableRule::Copy(TableRules::new(classes, Class::Keep));
    let policy = Policy { tables: BTreeMap::from([(("s".to_owned(), "t".to_owned()), rule)]) };
    (Filter::new(policy, key(1)), Arc::new(table))
}

const SENT: Value<'_> = Value::Text(b"ann@example.org");

/// What becomes of a mail beside these: `None` where the row is to be fetched.
fn mail(class: &Class, mail: Value<'_>, country: Value<'_>, age: Value<'_>) -> Option<Option<String>> {
    let (mut filter, table) = filter(class.clone(), Class::Keep, Identity::Default, "id");
    let mut b = RowBuilder::new();
    [Value::Text(b"7"), mail, country, age].into_iter().for_each(|value| b.push(value));
    match filter.apply(Change { table, op: Op::Update { old: None, new: b.finish() } }).unwrap() {
        Verdict::Keep(Change { op: Op::Update { new, .. }, .. }) => Some(match new.get(1) {
            Value::Text(text) => Some(String::from_utf8(text.to_vec()).unwrap()),
            Value::Null => None,
            other => panic!("{other:?}"),
        }),
        Verdict::NeedsRow { gone: None, .. } => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_row_decides_and_who_is_not_known_to_be_exempt_is_masked() {
    let text = |text: &'static str| Value::Text(text.as_bytes());
    let (de, fr, raw) = (text("DE"), text("FR"), Some("ann@example.org".to_owned()));
    let of = |class: &Class, country, age| mail(class, SENT, country, age);
    let masked = of(&mask("email"), de, Value::Null);
    assert!(masked.is_some() && masked != Some(raw.clone()));

    let some = when("email", "country = 'DE'", Class::Keep);
    assert_eq!(of(&some, de, Value::Null), masked);
    assert_eq!(of(&some, fr, Value::Null), Some(raw.clone()));
    assert_eq!(of(&some, Value::Null, Value::Null), masked, "NULL is no exemption");
    assert_eq!(of(&some, Value::Unchanged, Value::Null), None);
    assert_eq!(mail(&some, Value::Null, Value::Unchanged, Value::Null), Some(None), "NULL stays NULL");

    // what decides need not be all
    let some = when("email", "country = 'DE' OR age < 18", Class::Drop);
    assert_eq!(of(&some, Value::Unchanged, text("17")), masked);
    assert_eq!(of(&some, Value::Unchanged, text("18")), None);
    assert_eq!(of(&some, fr, text("18")), Some(None));
    assert_eq!(of(&some, fr, text("no number")), masked, "what cannot be read is no exemption");

    // the value itself may decide, and another mask may take over, of its own condition
    let some = when("email", "mail NOT LIKE '%@example.org'", when("hash", "country = 'FR'", Class::Drop));
    assert_eq!(of(&some, fr, Value::Null), of(&mask("hash"), fr, Value::Null));
    assert_eq!(of(&some, de, Value::Null), Some(None));
}

#[test]
fn what_is_looked_at_is_read_and_does_not_go_on() {
    let class = when("email", "country = 'D\tE'", Class::Keep);
    let (filter, table) = filter(class, Class::Drop, Identity::Default, "id");
    let compiled = filter.compile(&table).unwrap().unwrap();
    assert_eq!((compiled.sources(), compiled.reads()), (&[0, 1, 3][..], &[0, 1, 3, 2][..]));
    let line = |line: &str| {
        let mut out = BytesMut::new();
        compiled.copy_line(line.as_bytes(), &mut Vec::new(), &mut out).unwrap();
        String::from_utf8(out.to_vec()).unwrap()
    };
    assert_eq!(line("7\tann@example.org\t18\tFR"), "7\tann@example.org\t18\n");
    for hidden in [line("7\tann@example.org\t18\tD\\tE"), line("7\tann@example.org\t18\t\\N")] {
        assert!(hidden.starts_with("7\t") && hidden.ends_with("\t18\n") && !hidden.contains("ann"), "{hidden}");
    }
    let mut out = BytesMut::new();
    let short = compiled.copy_line(b"7\tann@example.org\t18", &mut Vec::new(), &mut out);
    assert_eq!(short, Err(FilterError::Columns { table: "s.t".into(), expected: 4, found: 3 }));
    assert!(out.is_empty());
}

#[test]
fn what_cannot_be_decided_is_refused() {
    let of = |predicate: &str, key_column: &str, identity| {
        let (filter, table) = filter(when("email", predicate, Class::Keep), Class::Keep, identity, key_column);
        match filter.compile(&table).map(drop) {
            Ok(()) => None,
            Err(FilterError::Mask { source, .. }) => Some(source),
            Err(e) => panic!("{e}"),
        }
    };
    for (predicate, why) in
        [("land = 'DE'", "there is no column land"), ("age = 'x'", "age"), ("country < 'D'", "country")]
    {
        let refused = of(predicate, "id", Identity::Default);
        assert!(matches!(&refused, Some(MaskError::Parameter { problem, .. }) if problem.contains(why)), "{refused:?}");
    }
    assert_eq!(of("country = 'DE'", "mail", Identity::Default), Some(MaskError::InKey));
    assert_eq!(of("country = 'DE'", "mail", Identity::Full), None);
    assert_eq!(of("country = 'DE'", "id", Identity::Default), None);
}

/// It is a part of fingerprints.
#[test]
fn its_line_stays() {
    let Class::Mask { spec, .. } = when("email", "country='DE' or age<18", mask("hash")) else { panic!() };
    assert_eq!(
        spec.describe(),
        r#"email(keep_domain=false) when "((\"country\" = 'DE') OR (\"age\" < 18))" else hash"#
    );
    let other = MaskSpec::named("email").unwrap();
    assert!(spec != other && spec.describe() != other.describe());
}
