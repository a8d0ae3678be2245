//! What it costs to read a row of the stream: from a chunk off the socket to events, without the socket.
//!
//! `cargo bench --bench parse`. The chunk is what PostgreSQL sends for transactions of ten narrow inserts (three
//! columns, 20 bytes of values); each number is for one row.

use std::hint::black_box;

use bytes::{BufMut, Bytes, BytesMut};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use filters::change::{Event, Lsn};
use replicator::source::decode::Decoder;
use replicator::source::frame::Frame;
use replicator::source::pgoutput::Message;

const TRANSACTIONS: u64 = 200;
const ROWS: u64 = 10;

/// Appends one message as the server does: CopyData, XLogData, message.
fn message(out: &mut BytesMut, lsn: u64, body: &[u8]) {
    out.put_u8(b'd');
    out.put_u32(4 + 25 + body.len() as u32);
    out.put_u8(b'w');
    out.put_u64(lsn);
    out.put_u64(lsn);
    out.put_i64(0);
    out.put_slice(body);
}

fn relation(out: &mut BytesMut) {
    let mut body = BytesMut::from(&b"R\0\0\x40\0public\0orders\0d\0\x03"[..]);
    for (key, name, oid) in [(1, "id", 20u32), (0, "customer", 20), (0, "state", 25)] {
        body.put_u8(key);
        body.put_slice(name.as_bytes());
        body.put_u8(0);
        body.put_u32(oid);
        body.put_i32(-1);
    }
    message(out, 0, &body);
}

fn stream() -> Bytes {
    let mut out = BytesMut::new();
    let mut body = BytesMut::new();
    for transaction in 1..=TRANSACTIONS {
        let lsn = transaction * 4096;
        body.clear();
        body.put_u8(b'B');
        body.put_u64(lsn);
        body.put_i64(0);
        body.put_u32(transaction as u32);
        message(&mut out, 0, &body);
        if transaction == 1 {
            relation(&mut out);
        }
        for row in 0..ROWS {
            body.clear();
            body.put_slice(b"I\0\0\x40\0N\0\x03");
            for value in [format!("{:07}", row), format!("{:07}", transaction), "shipped".to_string()] {
                body.put_u8(b't');
                body.put_u32(value.len() as u32);
                body.put_slice(value.as_bytes());
            }
            message(&mut out, lsn, &body);
        }
        body.clear();
        body.put_slice(b"C\0");
        body.put_u64(lsn);
        body.put_u64(lsn + 8);
        body.put_i64(0);
        message(&mut out, lsn, &body);
    }
    out.freeze()
}

/// As `Stream::next` does it.
fn events(chunk: Bytes, mut take: impl FnMut(Event)) {
    let mut decoder = Decoder::new(Lsn::ZERO);
    for (_, body) in wire::messages(chunk) {
        if let Frame::Data { body, .. } = Frame::parse(body).unwrap()
            && let Some(event) = decoder.message(Message::parse(body).unwrap()).unwrap()
        {
            take(event);
        }
    }
}

fn parse(c: &mut Criterion) {
    let chunk = stream();
    let mut rows = 0;
    events(chunk.clone(), |event| rows += u64::from(matches!(event, Event::Change(_))));
    assert_eq!(rows, TRANSACTIONS * ROWS);

    let mut group = c.benchmark_group("parse");
    group.throughput(Throughput::Elements(rows));
    group.bench_function("split", |b| b.iter(|| wire::messages(chunk.clone()).for_each(|m| drop(black_box(m)))));
    group.bench_function("split_frame_parse", |b| {
        b.iter(|| {
            for (_, body) in wire::messages(chunk.clone()) {
                if let Frame::Data { body, .. } = Frame::parse(body).unwrap() {
                    drop(black_box(Message::parse(body)));
                }
            }
        });
    });
    group.bench_function("decode_and_drop", |b| b.iter(|| events(chunk.clone(), |event| drop(black_box(event)))));
    group.bench_function("decode_and_keep", |b| {
        let room = || Vec::with_capacity((TRANSACTIONS * (ROWS + 3)) as usize);
        b.iter_batched(
            room,
            |mut kept| {
                events(chunk.clone(), |event| kept.push(event));
                kept
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
