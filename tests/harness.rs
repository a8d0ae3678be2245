//! The harness itself, on both majors: what other tests lean on must not be what fails them.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use tokio_postgres::Client;

use crate::check::{self, Table};
use crate::seed::Seed;
use crate::servers::{Cluster, Pair, Proxy, wait_until};
use crate::sluice::Sluice;

majors!(
    serves_and_decodes,
    comes_back_from_every_end,
    goes_back_in_time_and_has_a_clone,
    pauses_and_goes_on,
    gives_each_test_a_database,
    compares_by_content,
    loses_connections_and_answers,
);

const SECONDS_20: Duration = Duration::from_secs(20);

async fn number(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")).get(0)
}

async fn serves_and_decodes(major: u32) {
    let pair = Pair::get(major);
    let db = pair.create_db("harness_decodes").await;
    let source = db.source().await;
    let version: String = source.query_one("SHOW server_version_num", &[]).await.expect("a version").get(0);
    assert_eq!(version.parse::<u32>().expect("a number") / 10_000, major);

    let slot = format!("harness_decodes_{major}");
    source
        .batch_execute("CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION p FOR TABLE t")
        .await
        .expect("publish");
    source.execute("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", &[&slot]).await.expect("make a slot");
    source.batch_execute("INSERT INTO t VALUES (1), (2)").await.expect("insert");
    let changes = "SELECT count(*) FROM pg_logical_slot_get_binary_changes($1, NULL, NULL, 'proto_version', '1', 'publication_names', 'p')";
    let changes: i64 = source.query_one(changes, &[&slot]).await.expect("decode").get(0);
    assert_eq!(changes, 5, "begin, relation, two inserts, commit");
}

async fn comes_back_from_every_end(major: u32) {
    let mut cluster = Cluster::with().set("work_mem", "5MB").start(major);
    let port = cluster.port();
    let first = cluster.client("postgres").await;
    assert_eq!(first.query_one("SHOW work_mem", &[]).await.expect("a setting").get::<_, &str>(0), "5MB");
    first.batch_execute("CREATE TABLE t (id int)").await.expect("create");
    drop(first);
    for (rows, end) in
        [Cluster::stop_fast, Cluster::crash, Cluster::kill9, |_: &mut Cluster| {}].into_iter().enumerate()
    {
        let client = cluster.client("postgres").await;
        assert_eq!(number(&client, "SELECT count(*) FROM t").await, i64::try_from(rows).expect("small"));
        client.batch_execute("INSERT INTO t VALUES (1)").await.expect("insert");
        let sessions = || async { cluster.backends("postgres postgres 127.0.0.1").len() == 1 };
        wait_until("our session is the only one", SECONDS_20, sessions).await;
        end(&mut cluster);
        cluster.restart();
    }
    assert_eq!(cluster.port(), port);
    let over_the_socket = crate::servers::client(&cluster.socket_url("postgres")).await;
    assert_eq!(number(&over_the_socket, "SELECT count(*) FROM t").await, 4);
    assert_eq!(cluster.signal_backends("postgres postgres", libc::SIGTERM), 1);
    wait_until("the session is gone", SECONDS_20, || async { over_the_socket.is_closed() }).await;

    let dir = cluster.dir().to_owned();
    drop(cluster);
    assert!(!dir.exists());
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err(), "nothing runs on after drop");
}

async fn goes_back_in_time_and_has_a_clone(major: u32) {
    let mut cluster = Cluster::start(major);
    let now = cluster.client("postgres").await;
    now.batch_execute("CREATE TABLE t (id int); INSERT INTO t VALUES (1)").await.expect("insert");
    let saved = cluster.save();
    cluster.client("postgres").await.batch_execute("INSERT INTO t VALUES (2)").await.expect("insert");
    cluster.restore(&saved);
    let clone = cluster.clone_of(&saved);
    let identifier = "SELECT system_identifier FROM pg_control_system()";
    let (here, there) = (cluster.client("postgres").await, clone.client("postgres").await);
    assert_eq!(number(&here, "SELECT count(*) FROM t").await, 1);
    assert_eq!(number(&here, identifier).await, number(&there, identifier).await);
    assert_ne!(cluster.port(), clone.port());
}

async fn pauses_and_goes_on(major: u32) {
    let mut cluster = Cluster::start(major);
    let client = cluster.client("postgres").await;
    cluster.pause();
    let answer = client.query_one("SELECT 1", &[]);
    tokio::pin!(answer);
    assert!(
        tokio::time::timeout(Duration::from_millis(300), &mut answer).await.is_err(),
        "a paused server answers nothing"
    );
    cluster.resume_process();
    answer.await.expect("an answer");
}

async fn gives_each_test_a_database(major: u32) {
    let pair = Pair::get(major);
    let db = pair.create_db("harness_database").await;
    db.on_both("CREATE TABLE t (id int)").await;
    let slot = format!("harness_database_{major}");
    db.source()
        .await
        .execute("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", &[&slot])
        .await
        .expect("make a slot");
    let admin = pair.source.client("postgres").await;
    let left = format!(
        "SELECT (SELECT count(*) FROM pg_database WHERE datname = 'harness_database')
              + (SELECT count(*) FROM pg_replication_slots WHERE slot_name = '{slot}')"
    );
    assert_eq!(number(&admin, &left).await, 2);
    drop(db);
    assert_eq!(number(&admin, &left).await, 0);
}

async fn compares_by_content(major: u32) {
    let db = Pair::get(major).create_db("harness_compare").await;
    let (source, target) = (db.source().await, db.target().await);
    source.batch_execute("CREATE TABLE t (id int PRIMARY KEY, at timestamptz, \"E-mail\" text)").await.expect("create");
    target.batch_execute("CREATE TABLE t (extra int, \"E-mail\" text, id int, at timestamptz)").await.expect("create");
    let rows = "INSERT INTO t (id, at, \"E-mail\") SELECT g, '2026-01-01Z'::timestamptz + g * interval '1 s', g || '@example.com' FROM generate_series(1, 100) g";
    source.batch_execute(rows).await.expect("insert");
    target.batch_execute(&format!("SET datestyle = 'German'; {rows} ORDER BY g DESC")).await.expect("insert");
    check::schema_equal(&source, &target, "public").await;

    target.batch_execute("UPDATE t SET \"E-mail\" = 'masked' WHERE id = 7").await.expect("update");
    let told = check::differences(&source, &target, "t").await.expect("one differs");
    assert!(told.contains("(7)\n") && told.contains("7@example.com") && told.contains("1 keys differ"), "{told}");
    check::equal(&source, &target, Table::named("t").without(&["E-mail"])).await;
    let computed = Table::named("t").without(&["E-mail"]).computed("length(\"E-mail\")", "length(\"E-mail\")");
    assert!(check::differences(&source, &target, computed).await.is_some());

    target.batch_execute("DELETE FROM t WHERE id = 7; INSERT INTO t (id) VALUES (101)").await.expect("edit");
    let told = check::differences(&source, &target, "t").await.expect("two differ");
    assert!(told.contains("missing on the target: (") && told.contains("only on the target:    ("), "{told}");
    check::equal(&source, &target, Table::named("t").source_rows("id <> 7").target_rows("id <= 100")).await;
    target
        .batch_execute("DELETE FROM t WHERE id = 101; INSERT INTO t SELECT * FROM t WHERE id = 8")
        .await
        .expect("edit");
    let told = check::differences(&source, &target, Table::named("t").source_rows("id <> 7")).await;
    assert!(told.is_some_and(|told| told.contains("2 times (")), "a row twice is not the row once");
}

async fn loses_connections_and_answers(major: u32) {
    let pair = Pair::get(major);
    let db = pair.create_db("harness_proxy").await;
    let direct = db.target().await;
    direct.batch_execute("CREATE TABLE t (id int)").await.expect("create");
    let proxy = Proxy::start(pair.target.port()).await;
    let url = proxy.url(&db.name);

    let client = crate::servers::client(&url).await;
    client.batch_execute("INSERT INTO t VALUES (1)").await.expect("insert");
    assert_eq!(proxy.connections(), 1);
    proxy.stall();
    let unheard = tokio::time::timeout(Duration::from_millis(200), client.query_one("SELECT 1", &[])).await;
    assert!(unheard.is_err(), "a stalled proxy passes nothing");
    proxy.flow();
    client.query_one("SELECT 1", &[]).await.expect("an answer");

    // It happened, but the client never hears of it.
    proxy.swallow_answer_to("VALUES (2)");
    let lost = tokio::spawn(async move { client.batch_execute("INSERT INTO t VALUES (2)").await });
    wait_until("the row is there", SECONDS_20, || async { number(&direct, "SELECT count(*) FROM t").await == 2 }).await;
    wait_until("the answer was swallowed", SECONDS_20, || async { proxy.swallowed() > 0 }).await;
    assert!(!lost.is_finished());
    proxy.cut();
    assert!(lost.await.expect("no panic").is_err());

    proxy.refuse(true);
    assert!(tokio_postgres::connect(&url, tokio_postgres::NoTls).await.is_err());
    proxy.refuse(false);
    proxy.delay(Duration::from_millis(50));
    let started = std::time::Instant::now();
    crate::servers::client(&url).await.batch_execute("SELECT 1").await.expect("slowly");
    assert!(started.elapsed() > Duration::from_millis(100));
}

#[tokio::test]
async fn drives_the_binary() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("listen");
    let server = format!("postgres://nobody@{}", silent.local_addr().expect("an address"));
    let (source, target) = (format!("{server}/source"), format!("{server}/target"));
    let sluice = Sluice::over("harness", &source, &target, "tables: { public.t: keep }\n");
    let version = sluice.ok(&["--version"]).await;
    assert!(version.stdout.starts_with("sluice "), "{version:?}");
    assert_eq!(sluice.run(&["no-such-verb"]).await.code, 2);

    let mut running = sluice.spawn(&["run"]);
    let _unanswered = crate::servers::within(SECONDS_20, silent.accept()).await.expect("it knocks");
    assert!(running.ended().is_none() && running.peak_kb().is_some());
    running.kill9();
    assert_eq!(running.ended().and_then(|status| status.signal()), Some(libc::SIGKILL), "{}", running.log());
}

#[test]
fn a_seed_repeats() {
    let numbers = |stream| {
        let mut rng = Seed::or(7).rng(stream);
        [rng.u64(..), rng.u64(..)]
    };
    assert_eq!(numbers(1), numbers(1));
    assert_ne!(numbers(1), numbers(2));
}
