use filters::change::{RowBuilder, Value};
use proptest::{collection::vec, option, prelude::*};

use super::encode::encode;
use super::*;

#[derive(Debug, Clone)]
enum Field {
    Null,
    Unchanged,
    Text(Vec<u8>),
    Binary(Vec<u8>),
}

fn row() -> impl Strategy<Value = Row> {
    let field = prop_oneof![
        Just(Field::Null),
        Just(Field::Unchanged),
        vec(any::<u8>(), 0..40).prop_map(Field::Text),
        vec(any::<u8>(), 0..40).prop_map(Field::Binary),
    ];
    vec(field, 0..9).prop_map(|fields| {
        let mut builder = RowBuilder::new();
        for field in &fields {
            builder.push(match field {
                Field::Null => Value::Null,
                Field::Unchanged => Value::Unchanged,
                Field::Text(v) => Value::Text(v),
                Field::Binary(v) => Value::Binary(v),
            });
        }
        builder.finish()
    })
}

fn name() -> impl Strategy<Value = Box<str>> {
    "[^\0]{0,12}".prop_map(String::into_boxed_str)
}

fn lsn() -> impl Strategy<Value = Lsn> {
    any::<u64>().prop_map(Lsn)
}

fn old() -> impl Strategy<Value = Old> {
    prop_oneof![row().prop_map(Old::Key), row().prop_map(Old::Full)]
}

fn relation() -> impl Strategy<Value = Message> {
    let column = (any::<u8>(), name(), any::<u32>(), any::<i32>());
    let column = column.prop_map(|(flags, name, type_oid, type_modifier)| RelationColumn {
        flags,
        name,
        type_oid,
        type_modifier,
    });
    (any::<u32>(), name(), name(), any::<u8>(), vec(column, 0..9)).prop_map(
        |(oid, namespace, name, identity, columns)| {
            Message::Relation(Relation { oid, namespace, name, identity, columns })
        },
    )
}

fn message() -> impl Strategy<Value = Message> {
    let oid = any::<u32>;
    prop_oneof![
        (lsn(), any::<i64>(), any::<u32>()).prop_map(|(final_lsn, time, xid)| Message::Begin(Begin {
            final_lsn,
            time,
            xid
        })),
        (any::<u8>(), lsn(), lsn(), any::<i64>()).prop_map(|(flags, lsn, end_lsn, time)| Message::Commit(Commit {
            flags,
            lsn,
            end_lsn,
            time
        })),
        (lsn(), name()).prop_map(|(lsn, name)| Message::Origin(Origin { lsn, name })),
        relation(),
        (oid(), name(), name()).prop_map(|(oid, namespace, name)| Message::Type(Type { oid, namespace, name })),
        (oid(), row()).prop_map(|(oid, new)| Message::Insert(Insert { oid, new })),
        (oid(), option::of(old()), row()).prop_map(|(oid, old, new)| Message::Update(Update { oid, old, new })),
        (oid(), old()).prop_map(|(oid, old)| Message::Delete(Delete { oid, old })),
        (any::<bool>(), any::<bool>(), vec(oid(), 0..9)).prop_map(|(cascade, restart_identity, oids)| {
            Message::Truncate(Truncate { cascade, restart_identity, oids })
        }),
        (any::<bool>(), lsn(), name(), vec(any::<u8>(), 0..40)).prop_map(|(transactional, lsn, prefix, content)| {
            Message::Logical(Logical { transactional, lsn, prefix, content: content.into() })
        }),
        (any::<u32>(), any::<u32>()).prop_map(|(xid, subxid)| Message::StreamAbort(StreamAbort { xid, subxid })),
    ]
}

proptest! {
    #[test]
    fn what_was_encoded_is_parsed(message in message()) {
        prop_assert_eq!(Message::parse(encode(&message).into()), Ok(message));
    }

    #[test]
    fn a_cut_message_is_an_error(message in message()) {
        let whole = Bytes::from(encode(&message));
        for end in 0..whole.len() {
            prop_assert!(Message::parse(whole.slice(..end)).is_err(), "{} of {}", end, whole.len());
        }
    }

    #[test]
    fn a_message_that_goes_on_is_an_error(message in message(), more in 1usize..5) {
        let bytes = [encode(&message), vec![0; more]].concat();
        let parsed = Message::parse(bytes.into());
        let trailing = matches!(parsed, Err(Error::Malformed { fault: Fault::Trailing(n), .. }) if n == more);
        // only this one knows a longer form
        prop_assert!(trailing || matches!(message, Message::StreamAbort(_)) && parsed.is_err(), "{:?}", parsed);
    }

    #[test]
    fn no_bytes_are_too_wild(kind in "[BCORYIUDTMA]", bytes in vec(any::<u8>(), 0..200)) {
        let _ = Message::parse([kind.as_bytes(), &bytes].concat().into());
        let _ = Message::parse(bytes.into());
    }

    #[test]
    fn a_flipped_byte_is_never_a_panic(message in message(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = encode(&message);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(parsed) = Message::parse(bytes.clone().into()) {
            let _ = format!("{parsed:?}");
        }
    }
}

#[track_caller]
fn fails(bytes: &[u8], want: &str) {
    assert_eq!(Message::parse(Bytes::copy_from_slice(bytes)).unwrap_err().to_string(), want);
}

#[test]
fn an_error_names_message_table_and_part_and_no_value() {
    fails(b"", "pgoutput: an empty message");
    fails(b"z", "pgoutput: a message of unknown kind 0x7a");
    fails(b"U\0\0\x40", "pgoutput: Update message ends inside its table");
    fails(b"U\0\0\x40\0K\0", "pgoutput: Update message of table 16384 ends inside its old key");
    let new = "pgoutput: Update message of table 16384 has a new row that ends inside a value";
    fails(b"U\0\0\x40\0N\0\x01t\0\0\0\x09secret", new);
    fails(b"I\0\0\x40\0X", "pgoutput: Insert message of table 16384 has an unknown mark of a row 0x58");
    fails(b"O\0\0\0\0\0\0\0\0\xff\0", "pgoutput: Origin message has a name that is not UTF-8");
    fails(b"I\0\0\x40\0N\0\0xyz", "pgoutput: Insert message of table 16384 has 3 bytes behind its end");
    fails(b"T\0\0\0\x01\x04\0\0\x40\0", "pgoutput: Truncate message has an unknown option 0x04");
    fails(b"M\x02", "pgoutput: Message message has an unknown flag 0x02");
}

/// Four billion tables are claimed, and none comes. Asked of a process of its own, which has no memory for them: the system
/// promises what it has not got.
#[test]
fn a_claimed_count_allocates_nothing() {
    const SELF: &str = "source::pgoutput::tests::a_claimed_count_allocates_nothing";
    const POOR: &str = "SLUICE_TEST_POOR";
    if std::env::var_os(POOR).is_some() {
        fails(b"T\xff\xff\xff\xff\0", "pgoutput: Truncate message ends inside its list of tables");
        fails(b"M\0\0\0\0\0\0\0\0\0p\0\xff\xff\xff\xff", "pgoutput: Message message ends inside its content");
        return;
    }
    let mut poor = std::process::Command::new("sh");
    poor.args(["-c", "ulimit -v 4000000 && exec \"$0\" --exact \"$1\""]);
    let output = poor.arg(std::env::current_exe().unwrap()).arg(SELF).env(POOR, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{:?}: {said}", output.status);
}

#[test]
fn a_logical_message_shows_no_content() {
    let content = Bytes::from_static(b"secret");
    let message = Message::Logical(Logical { transactional: true, lsn: Lsn(1), prefix: "p".into(), content });
    assert_eq!(format!("{message:?}"), r#"Logical(Logical(0/1, transactional: true, prefix: "p", 6 bytes))"#);
}

#[test]
fn a_stream_abort_has_a_longer_form() {
    let short = b"A\0\0\0\x01\0\0\0\x02".to_vec();
    let long = [&short[..], &[0; 16]].concat();
    let want = Ok(Message::StreamAbort(StreamAbort { xid: 1, subxid: 2 }));
    assert_eq!((Message::parse(short.into()), Message::parse(long.into())), (want.clone(), want));
}
