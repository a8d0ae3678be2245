//! CopyBoth: a slot with pgoutput, its stream read in bulk.

use std::time::Duration;

use wire::{Connection, Conninfo, Startup, messages, tag};

use crate::world::{World, chain};

majors!(stream, a_slot_in_use);

const OPTIONS: &str = "(proto_version '1', publication_names 'p')";

async fn walsender(major: u32, database: &str) -> Connection {
    let info = Conninfo::parse(&World::of(major).socket("postgres", "")).unwrap().with_database(database);
    let startup = Startup { application_name: "wire-test", replication: true, settings: &[("DateStyle", "ISO")] };
    Connection::connect(&info, &startup).await.unwrap()
}

async fn database(major: u32, name: &str) -> Connection {
    let world = World::of(major);
    world.session().await.simple(&format!("CREATE DATABASE {name}")).await.unwrap();
    let mut session = crate::world::open(&world.cluster.socket_url(name)).await;
    session.simple("CREATE TABLE t (a int PRIMARY KEY, b text); CREATE PUBLICATION p FOR TABLE t").await.unwrap();
    session
}

async fn stream(major: u32) {
    let mut writer = database(major, "stream").await;
    let mut reader = walsender(major, "stream").await;
    let created =
        reader.simple("CREATE_REPLICATION_SLOT wire_stream TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT").await;
    assert_eq!(created.unwrap()[0].by_name(0, "slot_name"), Some("wire_stream"));
    writer.simple("INSERT INTO t SELECT i, repeat('x', 100) FROM generate_series(1, 5000) i").await.unwrap();

    reader.copy_both(&format!("START_REPLICATION SLOT wire_stream LOGICAL 0/0 {OPTIONS}")).await.unwrap();
    let (mut inserts, mut commit) = (0, None);
    while commit.is_none() {
        let Some(chunk) = reader.take_complete().unwrap() else {
            let read = tokio::time::timeout(Duration::from_secs(20), reader.read_more()).await;
            assert!(read.expect("a stream").unwrap() > 0);
            continue;
        };
        for (tag, body) in messages(chunk) {
            assert_eq!(tag, tag::COPY_DATA);
            // XLogData: w, two LSNs, a time, then the pgoutput message
            match (body.first(), body.get(25)) {
                (Some(b'w'), Some(b'I')) => inserts += 1,
                (Some(b'w'), Some(b'C')) => commit = body.get(35..43).map(<[u8]>::to_vec),
                _ => {}
            }
        }
    }
    assert_eq!(inserts, 5000);

    let lsn = commit.unwrap();
    let status = [b"r", lsn.as_slice(), &lsn, &lsn, &[0; 8], &[0]].concat();
    reader.send_copy_data(&status).await.unwrap();
    let lsn = u64::from_be_bytes(lsn.try_into().unwrap());
    let confirmed = format!("{:X}/{:X}", lsn >> 32, lsn & 0xffff_ffff);
    let sql = "SELECT confirmed_flush_lsn >= $1::pg_lsn FROM pg_replication_slots WHERE slot_name = 'wire_stream'";
    for _ in 0..1000 {
        if writer.query(sql, &[Some(&confirmed)]).await.unwrap().get(0, 0) == Some("t") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(writer.query(sql, &[Some(&confirmed)]).await.unwrap().get(0, 0), Some("t"));

    reader.copy_done().await.unwrap();
    let rows = reader.simple("IDENTIFY_SYSTEM").await.unwrap();
    assert_eq!(rows[0].by_name(0, "dbname"), Some("stream"), "after the stream the session is free");
    reader.close().await;
}

async fn a_slot_in_use(major: u32) {
    let _writer = database(major, "in_use").await;
    let (mut first, mut second) = (walsender(major, "in_use").await, walsender(major, "in_use").await);
    first.simple("CREATE_REPLICATION_SLOT wire_in_use TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT").await.unwrap();
    let start = format!("START_REPLICATION SLOT wire_in_use LOGICAL 0/0 {OPTIONS}");
    first.copy_both(&start).await.unwrap();
    let e = second.copy_both(&start).await.unwrap_err();
    assert_eq!((e.sqlstate(), e.is_transient()), (Some("55006"), true));
    assert!(chain(&e).contains("is active for PID"), "{}", chain(&e));
    assert!(!second.is_broken());
}
