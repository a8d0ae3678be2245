//! What it costs to fold a batch to its net effect per key, without a server.
//!
//! `cargo bench -p sink-postgres --bench plan`. A batch of 10,000 changes of a table of three columns and an integer key; each number
//! is for one change.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use filters::change::{Column, Identity, Row, RowBuilder, Table, Value};
use sink_postgres::catalog;
use sink_postgres::guard::Guard;
use sink_postgres::mapping::Mapping;
use sink_postgres::plan::{Act, Item, fold};

const CHANGES: usize = 10_000;
const COLUMNS: [&str; 3] = ["id", "customer", "state"];

fn mapping() -> Arc<Mapping> {
    let column = |name: &&str| Column { name: (*name).into(), type_oid: 25, type_modifier: -1, key: *name == "id" };
    let shape = Table {
        oid: 1,
        schema: "public".into(),
        name: "orders".into(),
        identity: Identity::Default,
        columns: COLUMNS.iter().map(column).collect(),
    };
    let column = |name: &&str| catalog::Column {
        name: (*name).into(),
        type_name: "text".into(),
        generated: false,
        identity_always: false,
        not_null: *name == "id",
        has_default: false,
    };
    let key = catalog::Unique {
        name: "orders_pkey".into(),
        columns: vec!["id".into()],
        operators: vec!["OPERATOR(pg_catalog.=)".into()],
        primary: true,
        usable: true,
        deferrable: false,
    };
    let table = catalog::Table {
        oid: 1,
        schema: "public".into(),
        name: "orders".into(),
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
    Arc::new(Mapping::new(&Guard::new([], true), &Arc::new(shape), &table).expect("it fits"))
}

fn row(builder: &mut RowBuilder, id: usize, state: Value<'_>) -> Row {
    builder.push(Value::Text(id.to_string().as_bytes()));
    builder.push(Value::Text(b"4711"));
    builder.push(state);
    builder.finish()
}

fn plan(c: &mut Criterion) {
    let maps = [mapping()];
    let mut builder = RowBuilder::new();
    let mut rows =
        |keys: usize, state| -> Vec<Row> { (0..CHANGES).map(|i| row(&mut builder, i % keys, state)).collect() };
    let distinct = rows(CHANGES, Value::Text(b"paid"));
    let hot = rows(100, Value::Text(b"paid"));
    let toasted = rows(100, Value::Unchanged);
    let mut group = c.benchmark_group("plan");
    group.throughput(Throughput::Elements(CHANGES as u64));
    let mut measure = |name: &str, rows: &[Row], act: for<'r> fn(&'r Row, usize) -> Act<'r>| {
        group.bench_function(name, |b| {
            b.iter(|| {
                let items = rows.iter().enumerate().map(|(i, row)| Item { map: 0, act: act(row, i) });
                black_box(fold(&maps, items))
            });
        });
    };
    measure("inserts", &distinct, |row, _| Act::Insert(row));
    measure("updates of as many rows", &distinct, |row, _| Act::Update { old: None, new: row });
    measure("updates of 100 hot rows", &hot, |row, _| Act::Update { old: None, new: row });
    measure("the same, a value not sent", &toasted, |row, _| Act::Update { old: None, new: row });
    measure("half inserts, updates, deletes", &distinct, |row, i| match i % 10 {
        0..=4 => Act::Insert(row),
        5..=8 => Act::Update { old: None, new: row },
        _ => Act::Delete(row),
    });
}

criterion_group!(benches, plan);
criterion_main!(benches);
