use bytes::Bytes;
use filters::change::{Old, RowBuilder, Value};

use super::super::pgoutput::{self, Begin, Insert, RelationColumn, StreamAbort, Update};
use super::*;

fn row(values: &[&str]) -> Row {
    let mut builder = RowBuilder::new();
    values.iter().for_each(|v| builder.push(Value::Text(v.as_bytes())));
    builder.finish()
}

fn begin() -> Message {
    Message::Begin(Begin { final_lsn: Lsn(100), time: 7, xid: 3 })
}

fn commit(lsn: u64) -> Message {
    Message::Commit(Commit { flags: 0, lsn: Lsn(lsn), end_lsn: Lsn(lsn + 8), time: 7 })
}

fn relation(oid: u32, columns: &[&str]) -> Message {
    let column = |(i, name): (usize, &&str)| RelationColumn {
        flags: u8::from(i == 0),
        name: (*name).into(),
        type_oid: 25,
        type_modifier: -1,
    };
    let columns = columns.iter().enumerate().map(column).collect();
    Message::Relation(Relation { oid, namespace: "s".into(), name: format!("t{oid}").into(), identity: b'd', columns })
}

fn insert(oid: u32, values: &[&str]) -> Message {
    Message::Insert(Insert { oid, new: row(values) })
}

/// All events of the messages, or the first error.
fn run(decoder: &mut Decoder, messages: impl IntoIterator<Item = Message>) -> Result<Vec<Event>, Error> {
    let mut events = Vec::new();
    for message in messages {
        events.extend(decoder.message(message)?);
        events.extend(std::iter::from_fn(|| decoder.more()));
    }
    Ok(events)
}

/// The error at the end of the messages.
#[track_caller]
fn fails(messages: impl IntoIterator<Item = Message>) -> String {
    run(&mut Decoder::new(Lsn::ZERO), messages).unwrap_err().to_string()
}

fn schema(event: &Event) -> Arc<Table> {
    match event {
        Event::Schema(table) | Event::Change(Change { table, .. }) => table.clone(),
        other => panic!("{other:?} has no table"),
    }
}

#[test]
fn a_transaction_comes_out_in_order() {
    let mut decoder = Decoder::new(Lsn::ZERO);
    let messages = [begin(), relation(1, &["id", "x"]), insert(1, &["1", "a"]), commit(100)];
    let events = run(&mut decoder, messages).unwrap();
    assert_eq!(events[0], Event::Begin { xid: 3, lsn: Lsn(100), time: 7 });
    let table = schema(&events[1]);
    assert_eq!((table.to_string().as_str(), table.identity), ("s.t1", Identity::Default));
    assert_eq!(table.columns.iter().map(|c| c.key).collect::<Vec<_>>(), [true, false]);
    assert_eq!(events[2], Event::Change(Change { table, op: Op::Insert { new: row(&["1", "a"]) } }));
    assert_eq!(events[3], Event::Commit { lsn: Lsn(108), time: 7 });
    assert_eq!(events.len(), 4);
}

#[test]
fn the_same_shape_keeps_its_arc_and_another_does_not() {
    let mut decoder = Decoder::new(Lsn::ZERO);
    let first = [begin(), relation(1, &["id"]), insert(1, &["1"]), relation(1, &["id"]), insert(1, &["2"])];
    let events = run(&mut decoder, first).unwrap();
    assert_eq!(events.len(), 5, "the second Relation says nothing new, and is told");
    assert!((2..5).all(|i| Arc::ptr_eq(&schema(&events[1]), &schema(&events[i]))));

    let events = run(&mut decoder, [relation(1, &["id", "x"]), insert(1, &["3", "c"])]).unwrap();
    assert!(Arc::ptr_eq(&schema(&events[0]), &schema(&events[1])), "not the old shape, from the run before");
    assert_eq!(schema(&events[1]).columns.len(), 2);
}

#[test]
fn identities_and_the_empty_namespace() {
    let with = |identity: u8| {
        let relation = Relation { oid: 1, namespace: "".into(), name: "pg_x".into(), identity, columns: Vec::new() };
        run(&mut Decoder::new(Lsn::ZERO), [Message::Relation(relation)])
    };
    for (mark, want) in
        [(b'd', Identity::Default), (b'n', Identity::Nothing), (b'f', Identity::Full), (b'i', Identity::Index)]
    {
        let table = schema(&with(mark).unwrap()[0]);
        assert_eq!((table.identity, &*table.schema), (want, "pg_catalog"));
    }
    assert_eq!(with(b'x').unwrap_err().to_string(), "decode: table 1 has the unknown replica identity 0x78");
}

#[test]
fn a_truncate_of_two_tables_is_two_changes() {
    let mut decoder = Decoder::new(Lsn::ZERO);
    let truncate = Message::Truncate(Truncate { cascade: true, restart_identity: true, oids: vec![2, 1] });
    let messages = [begin(), relation(1, &["id"]), relation(2, &["id"]), truncate, commit(100)];
    let events = run(&mut decoder, messages).unwrap();
    let tables: Vec<_> = events[3..5].iter().map(|e| schema(e).oid).collect();
    assert_eq!((tables, events.len()), (vec![2, 1], 6));
    assert!(matches!(&events[4], Event::Change(Change { op: Op::Truncate { restart_identity: true }, .. })));
}

#[test]
fn a_keepalive_is_a_position_only_between_transactions_and_never_goes_back() {
    let mut decoder = Decoder::new(Lsn(50));
    assert_eq!(decoder.keepalive(Lsn(20)), Some(Event::Idle(Lsn(50))), "it was started there");
    assert_eq!(decoder.keepalive(Lsn(60)), Some(Event::Idle(Lsn(60))));
    run(&mut decoder, [begin()]).unwrap();
    assert!(decoder.in_transaction());
    assert_eq!(decoder.keepalive(Lsn(999)), None);
    run(&mut decoder, [commit(100)]).unwrap();
    assert!(!decoder.in_transaction());
    assert_eq!(decoder.keepalive(Lsn(90)), Some(Event::Idle(Lsn(108))), "the server is behind its own commit");
}

#[test]
fn what_does_not_fit_is_an_error() {
    assert_eq!(fails([begin(), begin()]), "decode: a transaction begins inside another");
    assert_eq!(fails([commit(100)]), "decode: commit outside a transaction");
    assert_eq!(fails([begin(), commit(101)]), "decode: commit at 0/65 in the transaction that commits at 0/64");
    assert_eq!(fails([relation(1, &["id"]), insert(1, &["1"])]), "decode: change outside a transaction");
    assert_eq!(fails([begin(), insert(1, &["1"])]), "decode: change of table 1, which was not described");
    let truncate = Message::Truncate(Truncate { cascade: false, restart_identity: false, oids: vec![1, 2] });
    let messages = [begin(), relation(1, &["id"]), truncate];
    assert_eq!(fails(messages), "decode: change of table 2, which was not described");
}

#[test]
fn a_row_of_another_width_is_an_error() {
    let want = "decode: a row of 2 columns for s.t1, which has 1";
    assert_eq!(fails([begin(), relation(1, &["id"]), insert(1, &["1", "secret"])]), want);
    let old = Some(Old::Key(row(&["1", "secret"])));
    let update = Message::Update(Update { oid: 1, old, new: row(&["1"]) });
    assert_eq!(fails([begin(), relation(1, &["id"]), update]), want);
    let delete = Message::Delete(pgoutput::Delete { oid: 1, old: Old::Full(row(&["1", "secret"])) });
    assert_eq!(fails([begin(), relation(1, &["id"]), delete]), want);
}

#[test]
fn what_does_not_concern_the_pipe_says_nothing() {
    let logical =
        pgoutput::Logical { transactional: false, lsn: Lsn(1), prefix: "p".into(), content: Bytes::from_static(b"c") };
    let origin = pgoutput::Origin { lsn: Lsn(1), name: "elsewhere".into() };
    let type_ = pgoutput::Type { oid: 1, namespace: "s".into(), name: "t".into() };
    let abort = StreamAbort { xid: 1, subxid: 1 };
    let messages =
        [Message::Logical(logical), Message::Origin(origin), Message::Type(type_), Message::StreamAbort(abort)];
    assert_eq!(run(&mut Decoder::new(Lsn::ZERO), messages), Ok(vec![]));
}
