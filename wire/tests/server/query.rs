//! Queries, batches, cancellation, and sessions that end.

use std::{io, time::Duration};

use postgres_protocol::message::frontend;
use wire::{Connection, Conninfo, Error, Startup, quote_ident, quote_literal, tag};

use crate::world::{World, chain, open};

majors!(
    answers,
    settings,
    quoting,
    our_errors_keep_their_message,
    a_batch,
    cancelled,
    terminated,
    abandoned,
    a_standby_is_told
);

async fn answers(major: u32) {
    let mut session = World::of(major).session().await;
    let all =
        session.simple("SELECT 1 AS a, NULL AS b; CREATE TEMP TABLE t (a int); SELECT 1 WHERE false").await.unwrap();
    assert_eq!(all.len(), 3);
    assert_eq!(all[0].columns(), ["a", "b"]);
    assert_eq!((all[0].by_name(0, "a"), all[0].by_name(0, "b"), all[0].by_name(0, "c")), (Some("1"), None, None));
    assert_eq!((all[1].affected(), all[2].len(), all[2].columns().len()), (0, 0, 1));
    assert_eq!(session.simple("").await.unwrap().len(), 1);

    let inserted = session.execute("INSERT INTO t SELECT generate_series(1, $1::int)", &[Some("5")]).await.unwrap();
    assert_eq!(inserted, 5);
    let rows = session.query("SELECT a, $2 AS c FROM t WHERE a > $1 ORDER BY a", &[Some("3"), None]).await.unwrap();
    assert_eq!((rows.len(), rows.affected()), (2, 2));
    let read: Vec<_> = rows.iter().map(|row| (row.get(0), row.by_name("c"))).collect();
    assert_eq!(read, [(Some("4"), None), (Some("5"), None)]);

    assert_eq!(session.transaction_status(), b'I');
    session.simple("BEGIN").await.unwrap();
    assert_eq!(session.transaction_status(), b'T');
    session.simple("SELECT 1/0").await.unwrap_err();
    assert_eq!((session.transaction_status(), session.is_broken()), (b'E', false));
    session.simple("ROLLBACK").await.unwrap();
    assert_eq!(session.transaction_status(), b'I');
}

async fn settings(major: u32) {
    let info = Conninfo::parse(&World::of(major).socket("postgres", "options='-c work_mem=1MB'")).unwrap();
    let settings = [("DateStyle", "ISO, YMD"), ("search_path", "pg_catalog"), ("default_transaction_read_only", "on")];
    let startup = Startup { application_name: "it's \\ ours", replication: false, settings: &settings };
    let mut session = Connection::connect(&info, &startup).await.unwrap();
    assert_eq!(session.parameter("client_encoding"), Some("UTF8"));
    assert_eq!(session.parameter("application_name"), Some("it's \\ ours"));
    for (name, value) in settings.into_iter().chain([("work_mem", "1MB")]) {
        let rows = session.query("SELECT current_setting($1)", &[Some(name)]).await.unwrap();
        assert_eq!(rows.get(0, 0), Some(value));
    }
    let pid = session.process_id().to_string();
    assert_eq!(session.query("SELECT pg_backend_pid()", &[]).await.unwrap().get(0, 0), Some(pid.as_str()));
}

async fn quoting(major: u32) {
    let mut session = World::of(major).session().await;
    for scs in ["on", "off"] {
        session.simple(&format!("SET standard_conforming_strings = {scs}")).await.unwrap();
        for text in ["", "a", "it's", "\\", "\\'", "a\\'; DROP TABLE x; --", "\"", "é\n\t$1"] {
            let name = if text.is_empty() { "x" } else { text };
            let sql = format!("SELECT {} AS {}", quote_literal(text), quote_ident(name));
            let rows = session.simple(&sql).await.unwrap();
            assert_eq!((rows[0].get(0, 0), rows[0].columns()[0].as_str()), (Some(text), name), "{scs}");
        }
    }
    let e = session.query("SELECT $1", &[Some("a\0b")]).await.map(|_| ());
    assert_eq!(e.unwrap_err().sqlstate(), Some("22021"));
    assert!(matches!(session.simple("SELECT '\0'").await, Err(Error::Config(_))));
    assert_eq!(session.simple("SELECT 1").await.unwrap()[0].get(0, 0), Some("1"), "the session goes on");
}

async fn our_errors_keep_their_message(major: u32) {
    let mut session = World::of(major).session().await;
    let e = session.query("SELECT * FROM nowhere", &[]).await.unwrap_err();
    assert_eq!(chain(&e), "42P01 undefined_table: relation \"nowhere\" does not exist");
    let e = session.simple("SELECT 1; SELECT * FROM nowhere; SELECT 2").await.unwrap_err();
    assert_eq!((e.sqlstate(), e.is_transient(), session.is_broken()), (Some("42P01"), false, false));
}

/// BEGIN, rows, the failing one, more rows and a checkpoint in one write: the first error is told once, without its
/// values, and all after it is skipped.
async fn a_batch(major: u32) {
    let mut session = World::of(major).session().await;
    session.simple("CREATE TEMP TABLE people (email text PRIMARY KEY)").await.unwrap();
    let insert = |out: &mut bytes::BytesMut, email: &str| -> io::Result<()> {
        frontend::parse("", &format!("INSERT INTO people VALUES ('{email}')"), [], out)?;
        let none: [i16; 0] = [];
        let bound = frontend::bind("", "", none, [0; 0], |_: i32, _| unreachable!("no parameters"), none, out);
        bound.map_err(|_| io::ErrorKind::InvalidInput)?;
        frontend::execute("", 0, out)
    };
    for batch in [&["ann", "bob"][..], &["eve", "ann", "joe"]] {
        batch.iter().for_each(|email| insert(session.outgoing(), email).unwrap());
        frontend::sync(session.outgoing());
    }
    session.flush().await.unwrap();
    let mut seen = String::new();
    let mut errors = Vec::new();
    while seen.matches('Z').count() < 2 {
        let message = session.message().await.unwrap();
        errors.extend(message.error());
        if message.tag == tag::COMMAND_COMPLETE {
            assert_eq!(message.affected(), Some(1));
        }
        seen.push(char::from(message.tag));
    }
    assert_eq!(seen, "12C12CZ12C12EZ");
    let e = Error::from(errors.remove(0));
    let temporary = e.server().and_then(|e| e.schema.clone()).unwrap();
    let names = format!("schema \"{temporary}\" table \"people\" constraint \"people_pkey\"");
    assert_eq!(chain(&e), format!("23505 unique_violation {names}"));
    assert!(!format!("{e:?}").contains("ann"));
    let rows = session.query("SELECT string_agg(email, ' ' ORDER BY email) FROM people", &[]).await.unwrap();
    assert_eq!(rows.get(0, 0), Some("ann bob"));
}

async fn cancelled(major: u32) {
    let world = World::of(major);
    for text in [world.socket("postgres", ""), world.tcp("postgres", "sslmode=verify-full sslrootcert=%/ca.pem")] {
        let mut session = open(&text).await;
        let canceler = session.canceler();
        let cancel = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            canceler.cancel().await.unwrap();
        };
        let (slept, ()) = tokio::join!(session.query("SELECT pg_sleep(20)", &[]), cancel);
        let e = slept.unwrap_err();
        assert_eq!((e.sqlstate(), e.is_transient()), (Some("57014"), true));
        assert_eq!(session.query("SELECT 1", &[]).await.unwrap().len(), 1);
    }
}

async fn terminated(major: u32) {
    let world = World::of(major);
    let (mut session, mut admin) = (world.session().await, world.session().await);
    let pid = session.process_id().to_string();
    let kill = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        admin.query("SELECT pg_terminate_backend($1::int)", &[Some(&pid)]).await.unwrap();
    };
    let (slept, ()) = tokio::join!(session.simple("SELECT pg_sleep(20)"), kill);
    let e = slept.unwrap_err();
    assert_eq!((e.sqlstate(), e.is_transient(), session.is_broken()), (Some("57P01"), true, true));
    assert!(matches!(session.simple("SELECT 1").await, Err(Error::Closed)));
}

async fn abandoned(major: u32) {
    let mut session = World::of(major).session().await;
    let short = Duration::from_millis(20);
    tokio::time::timeout(short, session.simple("SELECT pg_sleep(1)")).await.unwrap_err();
    assert!(session.is_broken(), "its answer would be taken for that of the next command");
    assert!(matches!(session.simple("SELECT 1").await, Err(Error::Protocol(_))));
}

async fn a_standby_is_told(major: u32) {
    let text = World::of(major).socket("postgres", "target_session_attrs=read-write");
    let settings = [("default_transaction_read_only", "on")];
    let startup = Startup { settings: &settings, ..Startup::default() };
    let info = Conninfo::parse(&text).unwrap();
    assert!(Connection::connect(&info, &startup).await.is_ok(), "our own read-only setting makes no standby");
}
