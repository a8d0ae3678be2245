//! What it costs to write rows as bytes for the target, without a server: COPY lines for inserts, arrays for updates and deletes.
//!
//! `cargo bench -p sink-postgres --bench encode`. Rows of eight columns of eight types, those of the end-to-end workloads
//! `insert` and `update`; each number is for one row of about 110 bytes.

use std::borrow::Cow;
use std::hint::black_box;
use std::sync::Arc;

use bytes::BytesMut;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use filters::change::{Column, Identity, Row, RowBuilder, Table, Value};
use sink_postgres::catalog;
use sink_postgres::guard::Guard;
use sink_postgres::mapping::Mapping;
use sink_postgres::rows::{Arrays, Lines};

/// A COPY has the inserts of a batch, a statement over arrays a thousand rows.
const ROWS: usize = 10_000;
const AT_ONCE: usize = 1_000;

const COLUMNS: [(&str, &str, u32); 8] = [
    ("id", "bigint", 20),
    ("n", "integer", 23),
    ("name", "text", 25),
    ("email", "text", 25),
    ("created", "timestamp with time zone", 1184),
    ("amount", "numeric", 1700),
    ("ok", "boolean", 16),
    ("extra", "jsonb", 3802),
];

fn mapping() -> Mapping {
    let column = |&(name, _, type_oid): &(&str, &str, u32)| Column {
        name: name.into(),
        type_oid,
        type_modifier: -1,
        key: name == "id",
    };
    let shape = Table {
        oid: 1,
        schema: "public".into(),
        name: "narrow".into(),
        identity: Identity::Default,
        columns: COLUMNS.iter().map(column).collect(),
    };
    let column = |&(name, type_name, _): &(&str, &str, u32)| catalog::Column {
        name: name.into(),
        type_name: type_name.into(),
        generated: false,
        identity_always: false,
        not_null: true,
        has_default: false,
    };
    let key = catalog::Unique {
        name: "narrow_pkey".into(),
        columns: vec!["id".into()],
        operators: vec!["OPERATOR(pg_catalog.=)".into()],
        primary: true,
        usable: true,
        deferrable: false,
    };
    let table = catalog::Table {
        oid: 1,
        schema: "public".into(),
        name: "narrow".into(),
        kind: 'r',
        unlogged: false,
        referenced: false,
        fires: false,
        always: vec![],
        shares: vec![],
        row_security: false,
        may_truncate: true,
        may_write: true,
        columns: COLUMNS.iter().map(column).collect(),
        unique: vec![key],
    };
    Mapping::new(&Guard::new([], true), &Arc::new(shape), &table).expect("it fits")
}

/// `odd`: its time has a year that has no binary form of ours.
fn row(builder: &mut RowBuilder, id: usize, odd: bool) -> Row {
    let year = if odd { "20260" } else { "2026" };
    let values = [
        id.to_string(),
        (id * 7919 % 1_000_000).to_string(),
        format!("Name {:015x}", id * 2_654_435_761),
        format!("{:013x}@example.com", id * 40_503),
        format!("{year}-11-28 03:{:02}:{:02}.{:06}+00", id / 60 % 60, id % 60, id * 37 % 1_000_000),
        format!("{}.{:02}", id * 31 % 10_000, id % 100),
        if id.is_multiple_of(2) { "t" } else { "f" }.to_owned(),
        format!(r#"{{"k": {}, "tag": "{:06x}"}}"#, id % 100, id),
    ];
    values.iter().for_each(|v| builder.push(Value::Text(v.as_bytes())));
    builder.finish()
}

fn encode(c: &mut Criterion) {
    let m = mapping();
    let mut builder = RowBuilder::new();
    let mut rows = |odd| -> Vec<Row> { (0..ROWS).map(|i| row(&mut builder, i, odd == Some(i))).collect() };
    let (plain, odd) = (rows(None), rows(Some(ROWS - 1)));
    let cows = |rows: &'_ [Row]| -> Vec<Cow<'_, Row>> { rows.iter().cloned().map(Cow::Owned).collect() };
    let (plain_cows, odd_cows) = (cows(&plain), cows(&odd));
    let mut group = c.benchmark_group("encode");
    group.throughput(Throughput::Elements(ROWS as u64));

    let mut copy = |name: &str, rows: &[Cow<'_, Row>], binary: bool| {
        // as the sink keeps them: the memory of one batch is that of the next
        let (mut lines, mut out) = (Lines::default(), BytesMut::new());
        group.bench_function(name, |b| {
            b.iter(|| {
                out.clear();
                if !binary || !lines.binary(&m, rows) {
                    lines.text(&m, rows);
                }
                lines.put(&mut out);
                black_box(out.len())
            });
        });
    };
    copy("COPY, binary", &plain_cows, true);
    copy("COPY, text", &plain_cows, false);
    copy("COPY, binary up to the last row, then text", &odd_cows, true);

    let every: Vec<usize> = (0..COLUMNS.len()).collect();
    let none = vec![None; COLUMNS.len()];
    let mut arrays = |name: &str, rows: &[Row], source: &[usize], forms: &[_]| {
        let mut arrays = Arrays::default();
        group.bench_function(name, |b| {
            b.iter(|| {
                for some in rows.chunks(AT_ONCE) {
                    arrays.fill(some.iter(), source, forms.to_vec());
                    black_box(arrays.finish());
                }
            });
        });
    };
    arrays("arrays of eight columns, binary", &plain, &every, &m.forms(&every));
    arrays("arrays of eight columns, text", &plain, &every, &none);
    arrays("an array of the key, binary", &plain, &[0], &m.forms(&[0]));
}

criterion_group!(benches, encode);
criterion_main!(benches);
