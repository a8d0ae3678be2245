//! What each kind of record looks like, to the byte: `replicator/src/kafka/golden/`. Bytes that change here are a new format, and
//! need a new [`VERSION`].
//!
//! Each file has the record as Kafka takes it, and below what `docs/envelope.proto` says of its bytes: it is read by that text,
//! not by our own structs, so that whoever takes the file for the truth reads what we write.
//!
//! `SLUICE_RECORD=1 cargo test -p replicator kafka::envelope::golden` writes a file for a new kind, and the seeds of the fuzz
//! target with it.

use std::fmt::Write;
use std::path::Path;

use filters::change::{Column, Identity, Old, Op, Row, RowBuilder, Value};
use filters::scalar::{Calendar, Reading};
use sink_postgres::known::{Fate, Known, KnownColumn};
use sink_postgres::pending::Range;
use sink_postgres::sequences::{Drawn, Wanted};

use super::proto::Schema;
use super::*;

const DIR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/kafka/golden");
const SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus/envelope");

fn row(values: &[Value<'_>]) -> Row {
    let mut row = RowBuilder::new();
    values.iter().for_each(|value| row.push(*value));
    row.finish()
}

fn table(identity: Identity) -> Described {
    let column = |name: &str, type_oid, type_modifier, key| Column { name: name.into(), type_oid, type_modifier, key };
    let full = identity == Identity::Full;
    let shape = Table {
        oid: 16384,
        schema: "public".into(),
        name: "customers".into(),
        identity,
        columns: vec![
            column("region", 23, -1, true),
            column("email", 1043, 84, true),
            column("note", 25, -1, full),
            column("since", 1082, -1, full),
        ],
    };
    let known = |number, name: &str, fate, print: &str, shielded: Option<&str>| KnownColumn {
        number,
        name: name.into(),
        fate,
        print: print.into(),
        shielded: shielded.map(str::to_owned),
    };
    let key = vec!["region".to_owned(), "email".to_owned()];
    let known = Known {
        oid: 16384,
        key: key.clone(),
        only: "(\"deleted\" IS NULL)".into(),
        columns: vec![
            known(1, "region", Fate::Keep, "1a2b3c4d5e6f7081", None),
            known(2, "email", Fate::Mask, "92a3b4c5d6e7f809", Some("email")),
            known(3, "note", Fate::Keep, "0a1b2c3d4e5f6071", None),
            known(5, "since", Fate::Keep, "8293a4b5c6d7e8f9", None),
            known(6, "password", Fate::Drop, "fedcba9876543210", Some("password")),
            known(7, "nickname", Fate::Withheld, "", None),
            known(4, "old_note", Fate::Gone, "", None),
        ],
    };
    let spec = TableSpec {
        schema: "public".into(),
        name: "customers".into(),
        key,
        kinds: Some(vec![Reading::Decimal, Reading::Moment(Calendar::TimestampTz)]),
        pointable: true,
        partial: true,
        known,
        withheld: vec!["password".into(), "nickname".into()],
    };
    let types = ["integer", "character varying(80)", "text", "date"].map(str::to_owned).into();
    let references = vec![Reference {
        constraint: "customers_region_fkey".into(),
        columns: vec!["region".into()],
        table: ("public".into(), "regions".into()),
        to: vec!["id".into()],
    }];
    Described { shape: Arc::new(shape), spec, types, masked: vec!["email".into()], references }
}

/// Every kind, and every form of it. What comes before: the description of its table.
fn scenes() -> Vec<(&'static str, Described, Record)> {
    let (by_key, full) = (table(Identity::Default), table(Identity::Full));
    let (region, email) = (Value::Text(b"7"), Value::Text(b"qk3.vu@example.com"));
    let note = Value::Text("tab\there, é".as_bytes());
    let whole = || row(&[region, email, note, Value::Null]);
    let after = || row(&[region, email, Value::Unchanged, Value::Text(b"2026-11-28")]);
    let key = || row(&[region, Value::Text(b"old@example.com"), Value::Null, Value::Null]);
    let lsn = Lsn(0x16_B374_D848);
    let of = |name, table: &Described, op| {
        let change = Change { table: Arc::clone(&table.shape), op };
        (name, table.clone(), Record::Change { lsn, seq: 300, change })
    };
    let other = |name, record| (name, by_key.clone(), record);
    let begin = |part| Record::ChunkBegin(ChunkBegin { table: 16384, id: 42, at: lsn, part });
    let bound = |region: &str, email: &str| Some(vec![region.to_owned(), email.to_owned()]);
    let range = |lo, hi, columns| begin(Part::Range(Range { id: 0, lo, hi, columns }));
    let start = Start {
        pipeline: "shop".into(),
        version: "0.1.0".into(),
        system_id: 7_312_345_678_901_234_567,
        timeline: 3,
        slot: "sluice_shop".into(),
        at: lsn,
        policy: "6fd1c0de".into(),
        mask_key: "k-51ab".into(),
        structures: vec![("public".into(), "sessions".into())],
        time: 849_182_400_000_000,
        // as older ones are
        begun: 0,
        rules: "0f1e2d3c".into(),
    };
    let commit = Commit {
        lsn: Lsn(lsn.0 + 48),
        xid: 4_000_000_001,
        time: -1,
        xids: (8_589_934_593, 8_589_934_600),
        changes: 301,
        after: Lsn(lsn.0 - 8),
    };
    let drawn = |column: &str, last, step| Wanted {
        column: ("public".into(), "customers".into(), column.into()),
        drawn: Drawn { last, step },
    };
    let sequences = vec![drawn("region", 4_000_000_000, 1), drawn("note", -1, -50)];
    vec![
        other("start", Record::Start(start)),
        other("table", Record::Table(by_key.clone())),
        other("sequences", Record::Sequences(sequences)),
        of("insert", &by_key, Op::Insert { new: whole() }),
        of("update", &by_key, Op::Update { old: None, new: after() }),
        of("update_of_key", &by_key, Op::Update { old: Some(Old::Key(key())), new: whole() }),
        of("update_full", &full, Op::Update { old: Some(Old::Full(whole())), new: after() }),
        of("delete", &by_key, Op::Delete { old: Old::Key(key()) }),
        of("delete_full", &full, Op::Delete { old: Old::Full(whole()) }),
        of("due_row", &by_key, Op::Due { key: key() }),
        of("truncate", &by_key, Op::Truncate { restart_identity: false }),
        of("truncate_restart", &by_key, Op::Truncate { restart_identity: true }),
        other("commit", Record::Commit(commit)),
        other("position", Record::Position { after: Lsn(lsn.0 - 96), lsn }),
        other("due", Record::Due { table: 16384, why: "a partition came".into() }),
        other("chunk_whole", range(None, None, vec![])),
        other("chunk_range", range(bound("7", ""), bound("8", "a"), vec!["note".into()])),
        other("chunk_points", begin(Part::Points([bound("7", "a"), bound("8", "b")].into_iter().flatten().collect()))),
        other("chunk_rows", Record::ChunkRows(Bytes::from_static(b"7\tqk3.vu@example.com\ta\\tb\t\\N\n"))),
        other("chunk_end", Record::ChunkEnd(ChunkEnd { id: 42, rows: 1 })),
    ]
}

/// As the file has it.
fn text(encoded: Encoded<'_>, schema: &Schema) -> String {
    let mut text = String::new();
    if !encoded.key.is_empty() {
        writeln!(text, "key     {}", encoded.key.escape_ascii()).unwrap();
    }
    for (name, value) in encoded.headers.iter().flatten() {
        writeln!(text, "{name:7} {}", value.escape_ascii()).unwrap();
    }
    text.push_str("value  ");
    for (i, byte) in encoded.value.iter().enumerate() {
        let space = if i % 32 == 0 && i > 0 {
            "\n        "
        } else if i == 0 {
            " "
        } else {
            ""
        };
        write!(text, "{space}{byte:02x}").unwrap();
    }
    text.push_str("\n\n");
    schema.show("Record", Bytes::copy_from_slice(encoded.value), 0, &mut text);
    text
}

/// The bytes that a file has.
fn value(text: &str) -> Bytes {
    let hex = text.split_once("value").unwrap().1.split("\n\n").next().unwrap();
    let hex: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    hex.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn file(name: &str) -> String {
    let path = Path::new(DIR).join(name).with_extension("txt");
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("golden file of {name}: {e}"))
}

#[test]
fn each_kind_of_record_is_as_it_was() {
    let schema = Schema::parse(include_str!("../../../../docs/envelope.proto"));
    for (name, table, record) in scenes() {
        let mut encoder = Encoder::new();
        let described = Bytes::copy_from_slice(encoder.record(&Record::Table(table)).value);
        let encoded = encoder.record(&record);
        let now = text(encoded, &schema);
        if std::env::var_os("SLUICE_RECORD").is_some() {
            std::fs::write(Path::new(DIR).join(name).with_extension("txt"), &now).unwrap();
            seed(name, &[&described, encoded.value]);
        }
        let was = file(name);
        assert_eq!(was, now, "{name}");
        let mut decoder = Decoder::new();
        decoder.decode(described).unwrap();
        assert_eq!(decoder.decode(value(&was)), Ok(record), "{name}");
    }
}

/// Records as `fuzz_targets/envelope.rs` wants them: each with its length before it.
fn seed(name: &str, records: &[&[u8]]) {
    let mut scene = Vec::new();
    for record in records {
        scene.extend_from_slice(&u16::try_from(record.len()).unwrap().to_be_bytes());
        scene.extend_from_slice(record);
    }
    std::fs::create_dir_all(SEEDS).unwrap();
    std::fs::write(Path::new(SEEDS).join(name), scene).unwrap();
}

#[test]
fn no_file_is_left_over() {
    let mut files: Vec<String> = std::fs::read_dir(DIR)
        .unwrap()
        .map(|f| f.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let mut names: Vec<&str> = scenes().iter().map(|(name, ..)| *name).collect();
    files.sort();
    names.sort();
    assert_eq!(files, names);
}

/// All but one byte, and every byte as any other: an error or a record, and nothing of a value in what is told.
#[test]
fn what_is_broken_is_told_and_no_panic() {
    for (name, table, _) in scenes() {
        let whole = value(&file(name));
        let described = Bytes::copy_from_slice(Encoder::new().record(&Record::Table(table)).value);
        let decode = |value: Bytes| {
            let mut decoder = Decoder::new();
            decoder.decode(described.clone()).unwrap();
            decoder.decode(value)
        };
        for end in 0..whole.len() {
            assert!(decode(whole.slice(..end)).is_err(), "{name}: {end} bytes of {}", whole.len());
        }
        for at in 0..whole.len() {
            for flip in [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff] {
                let mut bytes = whole.to_vec();
                bytes[at] ^= flip;
                let told = match decode(bytes.into()) {
                    Ok(Record::Table(_) | Record::Start(_) | Record::Due { .. }) => continue, // no row's
                    Ok(record) => format!("{record:?}"),
                    Err(e) => format!("{e} {e:?}"),
                };
                for secret in ["example", "qk3", "there,", "2026-11"] {
                    assert!(!told.contains(secret), "{name}: {told}");
                }
            }
        }
    }
}
