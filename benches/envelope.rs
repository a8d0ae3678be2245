//! What it costs to put a change into the topic and to take it out, without Kafka.
//!
//! `cargo bench --bench envelope`. Rows of ten columns and 130 bytes of values with a key of one, as a table of people has them;
//! each number is for one change. On two hyperthreads (2026-11-28): 46 ns to write an insert, 125 to read it; 70 and 163 with a full
//! old row.

use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use filters::change::{Change, Column, Identity, Lsn, Old, Op, Row, RowBuilder, Table, Value};
use replicator::kafka::envelope::{Decoder, Encoder};

const CHANGES: u64 = 1000;

fn table() -> Arc<Table> {
    let names = ["id", "email", "name", "phone", "street", "city", "country", "born", "since", "active"];
    let column =
        |(i, name): (usize, &&str)| Column { name: (*name).into(), type_oid: 25, type_modifier: -1, key: i == 0 };
    let columns = names.iter().enumerate().map(column).collect();
    let (schema, name, identity) = ("public".into(), "customers".into(), Identity::Default);
    Arc::new(Table { oid: 16384, schema, name, identity, columns })
}

fn row(b: &mut RowBuilder, id: u64) -> Row {
    let id = format!("{id:08}");
    let values =
        ["k3v9q@example.com", "Ann Lee", "+41 79 123 45 67", "Long Street 123 b", "Zürich", "CH", "1990-02-28"];
    b.push(Value::Text(id.as_bytes()));
    values.iter().for_each(|v| b.push(Value::Text(v.as_bytes())));
    b.push(Value::Text(b"2026-11-28 10:00:00.123456+00"));
    b.push(Value::Null);
    b.finish()
}

fn changes(op: impl Fn(&mut RowBuilder, u64) -> Op) -> Vec<Change> {
    let (table, mut b) = (table(), RowBuilder::new());
    (0..CHANGES).map(|id| Change { table: Arc::clone(&table), op: op(&mut b, id) }).collect()
}

fn envelope(c: &mut Criterion) {
    let insert = changes(|b, id| Op::Insert { new: row(b, id) });
    let update = changes(|b, id| Op::Update { old: None, new: row(b, id) });
    let full = changes(|b, id| Op::Update { old: Some(Old::Full(row(b, id))), new: row(b, id) });
    let lsn = Lsn(0x16_B374_D848);

    let mut group = c.benchmark_group("envelope");
    group.throughput(Throughput::Elements(CHANGES));
    for (name, changes) in [("insert", &insert), ("update", &update), ("update_full", &full)] {
        let mut encoder = Encoder::new();
        group.bench_function(format!("encode_{name}"), |b| {
            b.iter(|| {
                for (seq, change) in changes.iter().enumerate() {
                    black_box(encoder.change(change, lsn, seq as u64));
                }
            });
        });
        let take = |(seq, change)| Bytes::copy_from_slice(Encoder::new().change(change, lsn, seq as u64).value);
        let values: Vec<Bytes> = changes.iter().enumerate().map(take).collect();
        let mut decoder = Decoder::new();
        decoder.know(table());
        group.bench_function(format!("decode_{name}"), |b| {
            b.iter(|| values.iter().for_each(|value| drop(black_box(decoder.decode(value.clone()).unwrap()))));
        });
    }
    group.finish();
}

criterion_group!(benches, envelope);
criterion_main!(benches);
