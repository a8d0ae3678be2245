//! The values of a row by the two ways that they come, in a change and in a line of COPY: both give the same, or the same
//! error, whatever the bytes are; and a line stays one line of as many fields.
//!
//! Values have 0xff between them, which is in no UTF-8; a value 0xfe is NULL.
#![no_main]

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use bytes::BytesMut;
use filters::change::{Column, Identity, Row, RowBuilder, Table, Value};
use filters::filter::{Compiled, Filter};
use filters::key::MaskKey;
use filters::mask::MaskSpec;
use filters::policy::{Class, Policy, TableRule, TableRules};
use libfuzzer_sys::fuzz_target;

const TEXT: u32 = 25;

/// Every mask, on every kind of column that takes it.
static COMPILED: LazyLock<Arc<Compiled>> = LazyLock::new(|| {
    let mask = MaskSpec::of;
    let classes = [
        (TEXT, None),
        (TEXT, Some(mask("email", &[]))),
        (TEXT, Some(mask("email", &[("keep_domain", true.into())]))),
        (TEXT, Some(mask("phone", &[]))),
        (TEXT, Some(mask("phone", &[("keep_country", true.into())]))),
        (TEXT, Some(mask("name", &[]))),
        (TEXT, Some(mask("hash", &[("length", 8.into())]))),
        (TEXT, Some(mask("digits", &[("keep_prefix", 2.into()), ("keep_suffix", 1.into())]))),
        (21, Some(mask("integer", &[]))),
        (23, Some(mask("integer", &[]))),
        (20, Some(mask("integer", &[]))),
        (2950, Some(mask("uuid", &[]))),
        (TEXT, Some(mask("uuid", &[]))),
        (TEXT, Some(mask("constant", &[("value", "a\tb\\c\n".into())]))),
        (TEXT, Some(mask("null", &[]))),
        (TEXT, None),
    ];
    let name = |i: usize| format!("c{i}");
    let column = |(i, (type_oid, _)): (usize, &(u32, _))| Column {
        name: name(i).into(),
        type_oid: *type_oid,
        type_modifier: -1,
        key: i == 0,
    };
    let columns = classes.iter().enumerate().map(column).collect();
    let table = Table { oid: 1, schema: "public".into(), name: "t".into(), identity: Identity::Default, columns };
    let class = |spec| Class::Mask { spec, domain: None };
    let columns = classes.into_iter().enumerate().map(|(i, (_, spec))| (name(i), spec.map_or(Class::Keep, class)));
    let rule = TableRule::Copy(TableRules::new(columns.collect(), Class::Keep));
    let policy = Policy { tables: BTreeMap::from([(("public".to_owned(), "t".to_owned()), rule)]) };
    let filter = Filter::new(policy, MaskKey::new(&[7; 32]).expect("32 bytes"));
    filter.compile(&Arc::new(table)).expect("every mask fits").expect("it is copied")
});

fuzz_target!(|data: &[u8]| {
    let (mut scratch, mut out) = (Vec::new(), BytesMut::new());
    // as it is: a line of whatever
    if COMPILED.copy_line(data, &mut scratch, &mut out).is_ok() {
        let tabs = |text: &[u8]| text.iter().filter(|b| **b == b'\t').count();
        assert_eq!(tabs(&out), tabs(data), "another number of fields");
    }
    out.clear();
    // as values
    let mut values: Vec<Option<&[u8]>> = data.split(|b| *b == 0xff).map(|v| (v != [0xfe]).then_some(v)).collect();
    values.resize(COMPILED.input().columns.len(), None);
    let mut line = Vec::new();
    let mut builder = RowBuilder::new();
    for (i, value) in values.iter().enumerate() {
        line.extend_from_slice(if i == 0 { b"" } else { b"\t" });
        escape(*value, &mut line);
        builder.push(value.map_or(Value::Null, Value::Text));
    }
    let row = COMPILED.row(&builder.finish(), &mut builder).expect("as many columns as the table has");
    COMPILED.copy_line(&line, &mut scratch, &mut out).expect("as many fields as the table has");
    assert_eq!(&out[..], &written(&row)[..], "the two ways differ");
});

/// As the server writes a field.
fn escape(value: Option<&[u8]>, out: &mut Vec<u8>) {
    let Some(value) = value else { return out.extend_from_slice(b"\\N") };
    for b in value {
        match b {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            8 => out.extend_from_slice(b"\\b"),
            11 => out.extend_from_slice(b"\\v"),
            12 => out.extend_from_slice(b"\\f"),
            b => out.push(*b),
        }
    }
}

fn written(row: &Row) -> Vec<u8> {
    let mut line = Vec::new();
    for (i, value) in row.values().enumerate() {
        line.extend_from_slice(if i == 0 { b"" } else { b"\t" });
        escape(if let Value::Text(text) = value { Some(text) } else { None }, &mut line);
    }
    line.push(b'\n');
    line
}
