//! The stream of a real slot.

use std::time::Duration;

use filters::change::{Change, Event, Lsn, Op, Source, Value};
use replicator::source::{Options, Stream};
use tokio::time::sleep;
use tokio_postgres::Client;
use wire::{Connection, Conninfo, Startup};

use crate::servers::{Cluster, wait_until, within};

const LIMIT: Duration = Duration::from_secs(10);

/// A server that ends a WAL sender after two silent seconds, a published table and a slot.
async fn production(major: u32) -> (Cluster, Client) {
    let cluster = Cluster::with().set("wal_sender_timeout", "2s").start(major);
    let db = cluster.client("postgres").await;
    db.batch_execute("CREATE TABLE t (id int PRIMARY KEY, x text); CREATE PUBLICATION p FOR TABLE t").await.unwrap();
    db.batch_execute("SELECT pg_create_logical_replication_slot('s', 'pgoutput')").await.unwrap();
    (cluster, db)
}

async fn stream(cluster: &Cluster, from: Lsn) -> Stream {
    stream_with(cluster, from, Options::default()).await
}

async fn stream_with(cluster: &Cluster, from: Lsn, options: Options) -> Stream {
    let info = Conninfo::parse(&cluster.url("postgres")).unwrap();
    let startup = Startup { application_name: "sluice", replication: true, settings: &[] };
    let conn = Connection::connect(&info, &startup).await.unwrap();
    Stream::start(conn, "s", &["p".to_string()], from, options).await.unwrap()
}

/// Reads up to the next commit: the ids that were inserted, and the commit.
async fn transaction(stream: &mut Stream) -> (Vec<i64>, Lsn) {
    let mut ids = Vec::new();
    loop {
        match stream.next().await.unwrap() {
            Event::Change(Change { op: Op::Insert { new }, .. }) => {
                let Value::Text(id) = new.get(0) else { panic!("{new:?}") };
                ids.push(std::str::from_utf8(id).unwrap().parse().unwrap());
            }
            Event::Commit { lsn, .. } => return (ids, lsn),
            _ => {}
        }
    }
}

async fn slot(db: &Client) -> Lsn {
    let sql = "SELECT confirmed_flush_lsn::text FROM pg_replication_slots WHERE slot_name = 's'";
    db.query_one(sql, &[]).await.unwrap().get::<_, String>(0).parse().unwrap()
}

async fn walsender(db: &Client) -> Option<i32> {
    let sql = "SELECT active_pid FROM pg_replication_slots WHERE slot_name = 's'";
    db.query_one(sql, &[]).await.unwrap().get(0)
}

async fn a_held_stream_keeps_its_sender(major: u32) {
    let (cluster, db) = production(major).await;
    let mut stream = stream(&cluster, Lsn::ZERO).await;
    db.batch_execute("INSERT INTO t SELECT i, repeat('x', 200) FROM generate_series(1, 150000) i").await.unwrap();
    let (pid, before) = (walsender(&db).await, slot(&db).await);
    sleep(Duration::from_secs(5)).await;
    assert!(pid.is_some() && walsender(&db).await == pid, "the sender that was held is still there");
    assert!(stream.has_ready());
    let (ids, lsn) = transaction(&mut stream).await;
    assert!(ids.into_iter().eq(1..=150_000), "all rows, in order");
    assert!(slot(&db).await < lsn && slot(&db).await == before, "nothing was confirmed, so nothing moved");
    stream.stop().await;
}

async fn a_confirmed_position_moves_the_slot_and_is_where_it_resumes(major: u32) {
    let (cluster, db) = production(major).await;
    let mut first = stream(&cluster, Lsn::ZERO).await;
    for id in 1..=3 {
        db.execute("INSERT INTO t VALUES ($1)", &[&id]).await.unwrap();
    }
    assert_eq!(transaction(&mut first).await.0, [1]);
    let (ids, lsn) = transaction(&mut first).await;
    assert_eq!(ids, [2]);
    first.confirm(lsn);
    wait_until("the slot moves", LIMIT, async || slot(&db).await == lsn).await;
    first.stop().await;
    assert_eq!(slot(&db).await, lsn);
    assert_eq!(walsender(&db).await, None, "a stopped stream has left its slot");

    let mut second = stream(&cluster, lsn).await;
    assert_eq!(transaction(&mut second).await.0, [3]);
    second.stop().await;
    assert_eq!(slot(&db).await, lsn, "an end confirms nothing");
}

async fn who_asks_hears_how_far_the_stream_is(major: u32) {
    let (mut cluster, db) = production(major).await;
    cluster.configure([("wal_sender_timeout", "0")]);
    cluster.reload();
    let off = async || db.query_one("SHOW wal_sender_timeout", &[]).await.unwrap().get::<_, String>(0) == "0";
    wait_until("it has heard", LIMIT, off).await;
    // nothing is said by itself, on neither side
    let mut stream =
        stream_with(&cluster, Lsn::ZERO, Options { feedback_interval: 10 * LIMIT, ..Options::default() }).await;
    db.batch_execute(
        "CREATE TABLE not_published (); INSERT INTO t VALUES (1); INSERT INTO not_published DEFAULT VALUES",
    )
    .await
    .unwrap();
    let flushed: String = db.query_one("SELECT pg_current_wal_flush_lsn()::text", &[]).await.unwrap().get(0);
    let flushed: Lsn = flushed.parse().unwrap();
    let (_, commit) = transaction(&mut stream).await;
    // whatever the server says of itself when it has come to the end
    while tokio::time::timeout(Duration::from_millis(500), stream.next()).await.is_ok() {}
    stream.ask_keepalive().await;
    let reached = match within(Duration::from_secs(5), stream.next()).await.unwrap() {
        Event::Idle(lsn) => lsn,
        other => panic!("{other:?}"),
    };
    assert!(reached >= flushed && reached >= commit, "{reached} is not all that there was");
    assert!(stream.received() >= reached);
    stream.confirm(reached);
    wait_until("the slot moves", LIMIT, async || slot(&db).await == reached).await;
    stream.stop().await;
}

async fn a_server_that_goes_is_an_error_that_may_pass(major: u32) {
    let (mut cluster, db) = production(major).await;
    let mut stream = stream(&cluster, Lsn::ZERO).await;
    db.batch_execute("INSERT INTO t VALUES (1)").await.unwrap();
    transaction(&mut stream).await;
    cluster.crash();
    let failed = loop {
        match stream.next().await {
            Ok(Event::Idle(_)) => {}
            Ok(other) => panic!("{other:?}"),
            Err(failed) => break failed,
        }
    };
    assert!(failed.is_transient(), "{failed:?}");
}

majors!(
    a_held_stream_keeps_its_sender,
    a_confirmed_position_moves_the_slot_and_is_where_it_resumes,
    who_asks_hears_how_far_the_stream_is,
    a_server_that_goes_is_an_error_that_may_pass,
);
