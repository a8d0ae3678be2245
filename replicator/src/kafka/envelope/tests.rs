mod scenes;

use filters::change::{Column, Identity, Old, Op, Row, RowBuilder, Value};
use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message;
use sink_postgres::known::Known;
use sink_postgres::pending::Range;

use self::scenes::scene;
use super::*;

fn encoded(record: &Record) -> Bytes {
    Bytes::copy_from_slice(Encoder::new().record(record).value)
}

/// A decoder that has seen a description.
fn after(table: &Described) -> Decoder {
    let mut decoder = Decoder::new();
    decoder.decode(encoded(&Record::Table(table.clone()))).unwrap();
    decoder
}

/// As `prost` reads and writes it, from the schema alone.
fn by_prost(value: &Bytes) -> Vec<u8> {
    schema::Record::decode(value.clone()).unwrap().encode_to_vec()
}

proptest! {
    #[test]
    fn what_was_encoded_is_decoded((table, record) in scene()) {
        let mut encoder = Encoder::new();
        let mut decoder = Decoder::new();
        for record in [Record::Table(table), record] {
            let value = Bytes::copy_from_slice(encoder.record(&record).value);
            prop_assert_eq!(decoder.decode(value), Ok(record));
        }
    }

    #[test]
    fn what_is_written_by_hand_is_what_prost_writes((table, record) in scene()) {
        for record in [Record::Table(table), record] {
            let value = encoded(&record);
            prop_assert_eq!(by_prost(&value), value.to_vec());
        }
    }

    #[test]
    fn a_cut_record_is_an_error((table, record) in scene()) {
        let whole = encoded(&record);
        for end in 0..whole.len() {
            prop_assert!(after(&table).decode(whole.slice(..end)).is_err(), "{} of {}", end, whole.len());
        }
    }

    #[test]
    fn a_flipped_byte_is_never_a_panic((table, record) in scene(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut value = encoded(&record).to_vec();
        let at = at.index(value.len());
        value[at] = byte;
        match after(&table).decode(value.into()) {
            Ok(record) => drop(format!("{record:?}")),
            Err(e) => drop(e.to_string()),
        }
    }

    #[test]
    fn no_bytes_are_too_wild(kind in 1u8..12, bytes in vec(any::<u8>(), 0..200)) {
        let _ = Decoder::new().decode(bytes.clone().into());
        let len = bytes.len() as u8 & 0x7f;
        let bytes = [&[8, 1, kind << 3 | 2, len], &bytes[..len.into()]].concat();
        let _ = Decoder::new().decode(bytes.into());
    }
}

/// A table of two columns, its key the first.
fn small(identity: Identity) -> Described {
    let column = |name: &str, key| Column { name: name.into(), type_oid: 25, type_modifier: -1, key };
    let full = identity == Identity::Full;
    let columns = vec![column("note", full), column("id", true)];
    let shape = Table { oid: 7, schema: "s".into(), name: "t".into(), identity, columns };
    let known = Known { oid: 7, ..Known::default() };
    let spec = TableSpec {
        schema: "s".into(),
        name: "t".into(),
        key: vec!["id".into()],
        kinds: None,
        pointable: true,
        partial: false,
        known,
        withheld: vec![],
    };
    Described { shape: Arc::new(shape), spec, types: vec!["text".into(); 2], masked: vec![], references: vec![] }
}

fn pair(note: Value<'_>, id: Value<'_>) -> Row {
    let mut b = RowBuilder::new();
    b.push(note);
    b.push(id);
    b.finish()
}

#[track_caller]
fn key_of(encoder: &mut Encoder, table: &Described, op: Op, want: &[u8], code: &[u8]) {
    let change = Change { table: Arc::clone(&table.shape), op };
    let encoded = encoder.change(&change, Lsn(1), 0);
    assert_eq!(encoded.key.escape_ascii().to_string(), want.escape_ascii().to_string());
    assert_eq!(encoded.headers, Some([("table", &b"s.t"[..]), ("op", code)]));
}

#[test]
fn a_record_has_the_key_of_its_row() {
    let (a, b, note) = (Value::Text(b"a"), Value::Text(b"bb"), Value::Text(b"a long note"));
    let of_a = b"s.t\0t\0\0\0\x01a";
    let of_b = b"s.t\0t\0\0\0\x02bb";
    let (mut encoder, table) = (Encoder::new(), small(Identity::Default));
    let e = &mut encoder;
    let old = || Old::Key(pair(Value::Null, a));
    key_of(e, &table, Op::Insert { new: pair(note, a) }, of_a, b"c");
    key_of(e, &table, Op::Update { old: None, new: pair(note, a) }, of_a, b"u");
    key_of(e, &table, Op::Update { old: Some(old()), new: pair(note, b) }, of_b, b"u");
    // so long that it is stored elsewhere: the old row has it
    key_of(e, &table, Op::Update { old: Some(old()), new: pair(note, Value::Unchanged) }, of_a, b"u");
    key_of(e, &table, Op::Update { old: None, new: pair(note, Value::Unchanged) }, b"s.t\0u", b"u");
    key_of(e, &table, Op::Delete { old: old() }, of_a, b"d");
    key_of(e, &table, Op::Due { key: pair(Value::Null, b) }, of_b, b"u");
    key_of(e, &table, Op::Insert { new: pair(note, Value::Null) }, b"s.t\0n", b"c");
    key_of(e, &table, Op::Truncate { restart_identity: true }, b"s.t\0", b"t");

    let nothing = small(Identity::Nothing);
    let mut keyless = (*nothing.shape).clone();
    keyless.columns.iter_mut().for_each(|c| c.key = false);
    let keyless = Described { shape: Arc::new(keyless), ..nothing };
    key_of(e, &keyless, Op::Insert { new: pair(note, a) }, b"s.t\0", b"c");

    // of a row that is a key as a whole, what its description calls the key
    let full = small(Identity::Full);
    key_of(e, &full, Op::Insert { new: pair(note, a) }, b"s.t\0", b"c");
    e.record(&Record::Table(full.clone()));
    key_of(e, &full, Op::Insert { new: pair(note, a) }, of_a, b"c");
    key_of(e, &full, Op::Delete { old: Old::Full(pair(note, b)) }, of_b, b"d");
    e.record(&Record::Table(table.clone()));
    key_of(e, &table, Op::Insert { new: pair(note, a) }, of_a, b"c");
    let encoded = e.record(&Record::Position { after: Lsn(0), lsn: Lsn(1) });
    assert!(encoded.key.is_empty() && encoded.headers.is_none());
}

fn field(tag: u8, bytes: &[u8]) -> Vec<u8> {
    [&[tag << 3 | 2, bytes.len() as u8], bytes].concat()
}

#[track_caller]
fn fails(value: &[u8], want: &str) {
    let mut decoder = after(&small(Identity::Default));
    assert_eq!(decoder.decode(Bytes::copy_from_slice(value)).unwrap_err().to_string(), want);
}

#[test]
fn an_error_names_record_and_field_and_no_value() {
    let v1 = |fields: &[Vec<u8>]| [&[8, 1][..], &fields.concat()].concat();
    let newer = "a record of version 2, and this sluice reads up to 1: upgrade it, it goes on from here then";
    fails(&[8, 2, 0xff, 0xff], newer);
    fails(b"", "a record that does not begin with its version");
    fails(b"\x08\0", "a record that does not begin with its version");
    fails(b"{\"secret\": 1}", "a record that does not begin with its version");
    fails(&[8, 1], "a record of version 1 that says nothing known");
    fails(&v1(&[field(12, b"x")]), "a record of version 1 that says nothing known");
    fails(&v1(&[field(6, &[8, 1]), field(6, &[8, 2])]), "a record that says two things");
    fails(&[8, 1, 8, 1], "a record that says two things");
    fails(&v1(&[vec![6 << 3, 1]]), "Record record: its what is no message");
    fails(&v1(&[vec![6 << 3 | 2, 9, 8]]), "Record record: its what ends early");
    let change = |fields: &[u8]| v1(&[field(4, fields)]);
    let undescribed = "Change record of table 8, which no Table record has described since the last Start";
    fails(&change(&[8, 8, 32, 1, 42, 0]), undescribed);
    let chunk = "ChunkBegin record of table 8, which no Table record has described since the last Start";
    fails(&v1(&[field(8, &[8, 8, 42, 0])]), chunk);
    fails(&v1(&[field(8, &[8, 7])]), "ChunkBegin record: its part is missing");
    fails(&change(&[8, 7, 32, 6]), "Change record: its op is none that is known");
    fails(&change(&[8, 7]), "Change record: its op is none that is known");
    let torn = "Change record: its op does not go with the rows that it has";
    fails(&change(&[8, 7, 32, 1]), torn);
    fails(&change(&[8, 7, 32, 4, 42, 2, b'n', b'n']), torn);
    fails(&change(&[8, 7, 32, 1, 42, 2, b'n', b'n', 72, 1]), torn);
    let row = |bytes: &[u8]| change(&[&[8, 7, 32, 1][..], &field(5, bytes)].concat());
    let of_row = "Change record of table 7: its new ";
    fails(&row(b"n"), &format!("{of_row}is a malformed tuple: ends before its last column"));
    fails(&row(b"nt\0\0\0\x09secret"), &format!("{of_row}is a malformed tuple: ends inside a value"));
    fails(&row(b"nnsecret"), &format!("{of_row}has 6 bytes behind its 2 columns"));
    fails(&v1(&[field(7, &[18, 1, 0xff])]), "Due record: Due.why: invalid string value: data is not UTF-8 encoded");
    // the number that it is could be a piece of a value
    fails(&v1(&[field(7, &[0x97, 0xf3, 0xf3, 0xf3, 0xf3, 1])]), "Due record: invalid key value");
}

#[test]
fn a_description_is_whole() {
    let table = small(Identity::Default);
    let mut twice = (*table.shape).clone();
    twice.columns[1].name = "note".into();
    let twice = Described { shape: Arc::new(twice), ..table.clone() };
    let told = |value: Bytes| Decoder::new().decode(value).unwrap_err().to_string();
    assert_eq!(told(encoded(&Record::Table(twice))), "Table record: its columns have a name twice");
    let mut bare = schema::Table::from(&table);
    let mut tell = |change: fn(&mut schema::Table)| {
        change(&mut bare);
        told([&[8, 1][..], &field(3, &bare.encode_to_vec())].concat().into())
    };
    assert_eq!(tell(|t| t.spec.as_mut().unwrap().known = None), "Table record: its spec.known is missing");
    assert_eq!(tell(|t| t.spec = None), "Table record: its spec is missing");
    assert_eq!(tell(|t| t.identity = 5), "Table record: its identity is none that is known");
    assert_eq!(tell(|t| t.identity = 0), "Table record: its identity is none that is known");
}

#[test]
fn fields_of_the_same_version_that_are_not_known_are_skipped() {
    let mut value = encoded(&Record::Position { after: Lsn(0), lsn: Lsn(5) }).to_vec();
    value.extend(field(100 & 0x0f, b"in the record")); // number 4 is a change: see below
    assert_eq!(Decoder::new().decode(value.into()), Err(Malformed::Twice));
    let unknown = [&[0xa2, 0x06, 3][..], b"xyz"].concat(); // number 100
    let body = [&[8, 5][..], &unknown].concat();
    let value = [&[8, 1][..], &unknown, &field(6, &body), &unknown].concat();
    assert_eq!(Decoder::new().decode(value.into()), Ok(Record::Position { after: Lsn(0), lsn: Lsn(5) }));
}

#[test]
fn a_start_forgets_the_tables() {
    let table = small(Identity::Default);
    let op = Op::Truncate { restart_identity: false };
    let change = Record::Change { lsn: Lsn(1), seq: 0, change: Change { table: Arc::clone(&table.shape), op } };
    let mut decoder = after(&table);
    assert_eq!(decoder.decode(encoded(&change)).as_ref(), Ok(&change));
    decoder.decode(encoded(&Record::Start(Start::default()))).unwrap();
    assert_eq!(decoder.decode(encoded(&change)), Err(Malformed::Undescribed { record: "Change", table: 7 }));
    decoder.know(table.shape);
    assert_eq!(decoder.decode(encoded(&change)), Ok(change));
}

#[test]
fn rows_are_views_into_the_record() {
    let table = small(Identity::Default);
    let new = pair(Value::Text(b"note"), Value::Text(b"id"));
    let change = Change { table: Arc::clone(&table.shape), op: Op::Insert { new } };
    let value = encoded(&Record::Change { lsn: Lsn(1), seq: 0, change });
    let Ok(Record::Change { change: Change { op: Op::Insert { new }, .. }, .. }) = after(&table).decode(value.clone())
    else {
        panic!("it was an insert");
    };
    assert!(value.as_ptr_range().contains(&new.as_bytes().as_ptr()));
}

#[test]
fn what_a_wide_row_took_is_given_back() {
    let (table, wide) = (small(Identity::Default), vec![b'x'; 5 << 20]);
    let mut encoder = Encoder::new();
    for (id, most) in [(&wide[..], 6 << 20), (b"1", 1 << 20)] {
        let op = Op::Insert { new: pair(Value::Null, Value::Text(id)) };
        encoder.change(&Change { table: Arc::clone(&table.shape), op }, Lsn(1), 0);
        let room = encoder.room();
        assert!(room.iter().all(|room| *room <= most), "{room:?}");
    }
}

#[test]
fn nothing_that_is_shown_has_a_value() {
    let rows = Record::ChunkRows(Bytes::from_static(b"secret\n"));
    assert_eq!(format!("{rows:?}"), "ChunkRows(7 bytes)");
    let chunk = |part| format!("{:?}", Record::ChunkBegin(ChunkBegin { table: 7, id: 1, at: Lsn(2), part }));
    let range = |lo: Option<&str>, columns: &[&str]| {
        let columns = columns.iter().map(|c| (*c).to_owned()).collect();
        Part::Range(Range { id: 0, lo: lo.map(|lo| vec![lo.to_owned()]), hi: None, columns })
    };
    assert_eq!(chunk(range(None, &[])), "ChunkBegin(1, table 7, all rows at 0/2)");
    assert_eq!(chunk(range(Some("secret"), &[])), "ChunkBegin(1, table 7, a range at 0/2)");
    assert_eq!(chunk(range(Some("secret"), &["note"])), "ChunkBegin(1, table 7, 1 columns of a range at 0/2)");
    let points = Part::Points(vec![vec!["secret".into()]]);
    assert_eq!(chunk(points), "ChunkBegin(1, table 7, 1 points at 0/2)");
}
