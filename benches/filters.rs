//! What a masked value, a filtered row and a masked line of COPY cost.
//!
//! `cargo bench --bench filters`. Values are like those of a shop; keys are fixed; each number is for one value, row or line.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use filters::change::{Change, Column, Identity, Op, Row, RowBuilder, Table, Value};
use filters::filter::{Compiled, Filter};
use filters::key::MaskKey;
use filters::mask::{ColumnFacts, Decimal, Mask, MaskSpec, Setting};
use filters::policy::{Class, Policy, TableRule, TableRules};
use filters::raw::RawRow;

fn key() -> MaskKey {
    MaskKey::new(&[42; 32]).unwrap()
}

fn masks(c: &mut Criterion) {
    let mut group = c.benchmark_group("mask");
    let hash = Class::Mask { spec: MaskSpec::of("hash", &[]), domain: None };
    let paths = vec![("$.mail".to_owned(), hash), ("$.locale".to_owned(), Class::Keep)];
    let json = MaskSpec::of("json", &[("paths", Setting::Classes(paths))]);
    let cases = [
        ("hash", MaskSpec::of("hash", &[]), 25, "customer-0012345"),
        ("name", MaskSpec::of("name", &[]), 25, "Ann Smith"),
        ("uuid", MaskSpec::of("uuid", &[]), 2950, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("email", MaskSpec::of("email", &[("keep_domain", true.into())]), 25, "ann.smith@mail.example.com"),
        ("digits", MaskSpec::of("digits", &[]), 25, "4111 1111 1111 1111"),
        ("alnum", MaskSpec::of("alnum", &[]), 25, "KX7-2024-b9q4711"),
        ("integer", MaskSpec::of("integer", &[]), 23, "1234567"),
        ("token", MaskSpec::of("token", &[]), 25, "sk_live_51H8abcDEF0123456789xyz"),
        ("username", MaskSpec::of("username", &[]), 25, "jane.doe"),
        ("card", MaskSpec::of("card", &[]), 25, "4111 1111 1111 1111"),
        ("iban", MaskSpec::of("iban", &[]), 25, "GB29 NWBK 6016 1331 9268 19"),
        ("ip", MaskSpec::of("ip", &[]), 869, "93.184.216.34"),
        ("ip6", MaskSpec::of("ip", &[]), 869, "2a00:1450:4001:830::200e"),
        ("mac", MaskSpec::of("mac", &[]), 829, "08:00:2b:01:02:03"),
        ("url", MaskSpec::of("url", &[]), 25, "https://shop.example.org/users/42?token=8a7b6c5d"),
        ("noise", MaskSpec::of("noise", &[]), 1700, "1299.00"),
        ("round", MaskSpec::of("round", &[("to", Setting::Decimal(Decimal::new(100, 0)))]), 1700, "1299.00"),
        ("bucket", MaskSpec::of("bucket", &[("width", Setting::Decimal(Decimal::new(100, 0)))]), 1700, "1299.00"),
        ("date_shift", MaskSpec::of("date_shift", &[]), 1184, "2026-01-01 12:34:56.789012+00"),
        (
            "regex",
            MaskSpec::of("regex", &[("pattern", "[0-9]{4,}".into()), ("replace", "####".into())]),
            25,
            "order 4711 of 2026-01-01",
        ),
        ("phone", MaskSpec::of("phone", &[("keep_country", true.into())]), 25, "+49 170 1234567"),
        (
            "json",
            json,
            3802,
            r#"{"id": 7, "mail": "ann@example.org", "locale": "de", "tags": ["a", "b"], "note": "call me"}"#,
        ),
        ("hash_array", MaskSpec::of("hash", &[]), 1009, "{red,green,\"light blue\",NULL}"),
    ];
    for (name, spec, type_oid, value) in cases {
        let mask = Mask::new(&spec, &key(), None, &ColumnFacts::new(type_oid, -1)).unwrap();
        let mut out = BytesMut::with_capacity(256);
        group.bench_function(name, |b| {
            b.iter(|| {
                out.clear();
                mask.apply(black_box(value.as_bytes()), &RawRow::ALONE, &mut out)
            });
        });
    }
}

/// Ten columns, like an order: a key, a few short texts, numbers and times.
const ROW: [(&str, &str); 10] = [
    ("id", "1234567"),
    ("email", "ann.smith@mail.example.com"),
    ("full_name", "Ann Smith"),
    ("phone", "+49 170 1234567"),
    ("status", "confirmed"),
    ("total", "1299.00"),
    ("currency", "EUR"),
    ("created_at", "2026-01-01 12:34:56.789012+00"),
    ("updated_at", "2026-01-02 12:34:56.789012+00"),
    ("note", "a window seat, if there is one; vegetarian"),
];

/// Free text without anything to find, and with: bytes a second.
fn scrub(c: &mut Criterion) {
    let mut group = c.benchmark_group("scrub");
    let mask = Mask::new(&MaskSpec::of("scrub", &[]), &key(), None, &ColumnFacts::TEXT).unwrap();
    let plain = "The guest in room 12 asked for a late breakfast on 2026-01-31, and was told that it ends at 10:30. "
        .repeat(40);
    let telling = "Please call Ann on +49 30 1234567 or write to ann.smith@example.org, from 192.168.0.1. ".repeat(40);
    for (name, text) in [("nothing_found", &plain), ("three_of_a_line", &telling)] {
        let mut out = BytesMut::with_capacity(2 * text.len());
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |b| {
            b.iter(|| {
                out.clear();
                mask.apply(black_box(text.as_bytes()), &RawRow::ALONE, &mut out)
            });
        });
    }
}

fn table() -> Arc<Table> {
    let column =
        |(name, _): &(&str, &str)| Column { name: (*name).into(), type_oid: 25, type_modifier: -1, key: *name == "id" };
    Arc::new(Table {
        oid: 16400,
        schema: "public".into(),
        name: "orders".into(),
        identity: Identity::Default,
        columns: ROW.iter().map(column).collect(),
    })
}

fn filter(masked: bool) -> Filter {
    let mask = |name: &str, spec| (name.to_owned(), Class::Mask { spec, domain: None });
    let columns = match masked {
        false => BTreeMap::new(),
        true => BTreeMap::from([
            mask("email", MaskSpec::of("email", &[("keep_domain", true.into())])),
            mask("full_name", MaskSpec::of("name", &[])),
            mask("phone", MaskSpec::of("phone", &[("keep_country", true.into())])),
        ]),
    };
    let rule = TableRule::Copy(TableRules::new(columns, Class::Keep));
    Filter::new(Policy { tables: BTreeMap::from([(("public".into(), "orders".into()), rule)]) }, key())
}

fn compiled(masked: bool) -> Arc<Compiled> {
    filter(masked).compile(&table()).unwrap().unwrap()
}

fn row() -> Row {
    let mut b = RowBuilder::new();
    for (_, value) in ROW {
        b.push(Value::Text(value.as_bytes()));
    }
    b.finish()
}

fn rows(c: &mut Criterion) {
    let mut group = c.benchmark_group("row");
    group.throughput(Throughput::Elements(1));
    let row = row();
    for (name, masked) in [("passed", false), ("three_masks", true)] {
        let compiled = compiled(masked);
        let mut b = RowBuilder::new();
        group.bench_function(name, |bench| bench.iter(|| compiled.row(black_box(&row), &mut b)));
    }
    for (name, masked) in [("change_passed", false), ("change_three_masks", true)] {
        let mut filter = filter(masked);
        let change = Change { table: table(), op: Op::Insert { new: row.clone() } };
        group.bench_function(name, |b| b.iter(|| filter.apply(black_box(&change).clone())));
    }
}

fn lines(c: &mut Criterion) {
    let mut group = c.benchmark_group("copy_line");
    let line = Bytes::from(ROW.map(|(_, value)| value).join("\t"));
    group.throughput(Throughput::Bytes(line.len() as u64));
    for (name, masked) in [("passed", false), ("three_masks", true)] {
        let compiled = compiled(masked);
        let (mut scratch, mut out) = (Vec::new(), BytesMut::with_capacity(1024));
        group.bench_function(name, |b| {
            b.iter(|| {
                out.clear();
                compiled.copy_line(black_box(&line), &mut scratch, &mut out)
            });
        });
    }
}

criterion_group!(benches, masks, scrub, rows, lines);
criterion_main!(benches);
