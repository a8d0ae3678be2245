//! A sluice that hangs, or that waits: production ends the transactions of the one after `limits.source.idle`, and never of the
//! other; and one that was ended so goes on by itself, with nothing lost.

use std::time::{Duration, Instant};

use tokio_postgres::Client;

use super::world::{self, NAME, World, number, run, text};
use crate::servers::{Cluster, Proxy, wait_until};
use crate::sluice::{Running, Sluice};

majors!(
    production_is_rid_of_a_stopped_one,
    who_waits_is_not_taken_for_dead,
    a_snapshot_goes_while_a_reader_waits_for_its_table,
    a_look_that_hangs_is_ended,
);

const IDLE: Duration = Duration::from_secs(10);
const OURS: &str = "FROM pg_stat_activity WHERE application_name LIKE 'sluice/%' AND backend_type = 'client backend'";

/// One table, of which a part does not fit into what sockets hold.
async fn wide(source: Cluster, megabytes: u32) -> World {
    let world = World::over(source, Cluster::start(18), false).await;
    for client in [world.production().await, world.staging().await] {
        run(
            &client,
            "CREATE TABLE wide (id int PRIMARY KEY, body text); ALTER TABLE wide ALTER body SET STORAGE EXTERNAL",
        )
        .await;
    }
    let rows = format!("INSERT INTO wide SELECT g, repeat('x', 8192) FROM generate_series(1, {}) g", megabytes * 128);
    run(&world.production().await, &rows).await;
    world
}

fn pipeline(world: &World, source: &str, tables: &str, rest: &str) -> Sluice {
    Sluice::over(NAME, source, &world.target.url(NAME), &format!("tables: {{ {tables} }}\n{rest}"))
}

async fn is_true(client: &Client, what: &str, sql: &str) {
    wait_until(what, world::LIMIT, || async { text(client, &format!("SELECT ({sql})::text")).await == "true" }).await;
}

/// Production has no transaction of ours any more: after so long.
async fn rid(production: &Client) -> Duration {
    let began = Instant::now();
    is_true(production, "no transaction is open", &format!("SELECT count(*) = 0 {OURS} AND xact_start IS NOT NULL"))
        .await;
    began.elapsed()
}

async fn comes(production: &Client, staging: &Client, table: &str, running: &Running) {
    let sum = format!("SELECT concat(count(*), ' ', md5(string_agg(t::text, '|' ORDER BY id))) FROM {table} t");
    let want = text(production, &sum).await;
    let pending = format!("SELECT count(*) FROM sluice.pending WHERE name = '{table}'");
    let came = async || number(staging, &pending).await == 0 && text(staging, &sum).await == want;
    let began = Instant::now();
    while !came().await {
        assert!(began.elapsed() < world::LIMIT, "{table} does not come:\n{}", running.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn production_is_rid_of_a_stopped_one(major: u32) {
    let world = wide(Cluster::start(major), 40).await;
    let (production, staging) = (world.production().await, world.staging().await);
    // 1. amid a COPY that nobody takes; what is not limited is too fast to be met
    let limits = "limits: { source: { rate: 2MB, idle: 10s } }\n";
    let sluice = pipeline(&world, &world.source.url(NAME), "public.wide: keep", limits);
    let mut running = sluice.spawn(&["run"]);
    let blocked =
        format!("SELECT count(*) > 0 {OURS} AND application_name LIKE '%/copy' AND wait_event = 'ClientWrite'");
    is_true(&production, "a reader is blocked", &blocked).await;
    running.signal(libc::SIGSTOP);
    let took = rid(&production).await;
    eprintln!("{major}: amid a COPY: {took:?}");
    assert!(took > IDLE / 2 && took < IDLE * 2, "{took:?}");
    running.signal(libc::SIGCONT);
    comes(&production, &staging, "wide", &running).await;
    assert!(running.log().contains("trying again"), "{}", running.log());

    // 2. while staging works on a part: only the snapshot is held
    let slow = "CREATE FUNCTION slow(id int) RETURNS bool LANGUAGE plpgsql AS
        'BEGIN IF id = 1 THEN PERFORM pg_catalog.pg_sleep(2); END IF; RETURN true; END';
        ALTER TABLE wide ADD CONSTRAINT slow CHECK (slow(id)) NOT VALID; DELETE FROM wide WHERE id = 1";
    run(&staging, slow).await;
    sluice.ok(&["resync", "wide"]).await;
    let loads =
        "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name LIKE '%/load' AND wait_event = 'PgSleep'";
    is_true(&staging, "a part is loaded", loads).await;
    running.signal(libc::SIGSTOP);
    let took = rid(&production).await;
    eprintln!("{major}: while staging works: {took:?}");
    assert!(took < IDLE * 2, "{took:?}");
    assert!(world.source.log().contains("idle-in-transaction timeout"), "{}", world.source.log());
    // and what it would have missed
    run(&production, "UPDATE wide SET body = 'another' WHERE id % 100 = 0; DELETE FROM wide WHERE id % 100 = 1").await;
    running.signal(libc::SIGCONT);
    comes(&production, &staging, "wide", &running).await;
    running.term();
    assert!(running.wait(world::LIMIT).await.success());
}

async fn who_waits_is_not_taken_for_dead(major: u32) {
    let world = wide(Cluster::start(major), 12).await;
    let (production, staging) = (world.production().await, world.staging().await);
    // a row for which a reader owes more than the bound, and enough behind it
    let rows = "TRUNCATE wide; INSERT INTO wide VALUES (0, repeat('y', 14 << 20));
        INSERT INTO wide SELECT g, repeat('x', 8192) FROM generate_series(1, 1536) g";
    run(&production, rows).await;
    // and a target that works on what it has got, down to the last row, for longer than the bound
    let slow = "CREATE FUNCTION slow(id int) RETURNS bool LANGUAGE plpgsql AS
        'BEGIN IF id = 1536 THEN PERFORM pg_catalog.pg_sleep(15); END IF; RETURN true; END';
        ALTER TABLE wide ADD CONSTRAINT slow CHECK (slow(id)) NOT VALID";
    run(&staging, slow).await;
    let limits = "limits: { source: { rate: 1MB, idle: 10s } }\n";
    let sluice = pipeline(&world, &world.source.url(NAME), "public.wide: keep", limits);
    let began = Instant::now();
    let done = sluice.ok(&["run", "--until-caught-up"]).await;
    let took = began.elapsed();
    eprintln!("{major}: one that waits: {took:?}");
    assert!(took > IDLE * 3, "{took:?}");
    assert!(!done.stderr.contains("trying again"), "{}", done.stderr);
    let count = "SELECT concat(count(*), ' ', sum(length(body))) FROM wide";
    assert_eq!(text(&staging, count).await, text(&production, count).await);
    let log = world.source.log();
    assert!(!log.contains("idle-in-transaction timeout") && !log.contains("could not send data"), "{log}");
}

/// A reader stands in the queue for its table behind a migration that waits for our snapshot; we hang; production ends the
/// snapshot, the migration writes the rows anew, and under the snapshot there are none.
async fn a_snapshot_goes_while_a_reader_waits_for_its_table(major: u32) {
    let world = World::over(Cluster::start(major), Cluster::start(18), false).await;
    let (production, staging) = (world.production().await, world.staging().await);
    let tables = "public.big: { columns: { body: drop } }";
    let copy = "copy: { slice: 20s, readers: 2, chunk_rows: 100 }\nlimits: { source: { idle: 10s } }\n";
    let sluice = pipeline(&world, &world.source.url(NAME), tables, copy);
    run(&production, "INSERT INTO big SELECT g, g, g, repeat('x', 200) FROM generate_series(2000, 32000) g").await;
    sluice.ok(&["run", "--until-caught-up"]).await;
    let mut running = sluice.spawn(&["run"]);
    let migrate = world.production().await;
    let waits = format!("SELECT count(*) > 0 {OURS} AND application_name LIKE '%/copy' AND wait_event_type = 'Lock'");
    let mut met = 0;
    for n in 0..20 {
        let copies = format!("SELECT count(*) {OURS} AND application_name LIKE '%/export' AND xact_start IS NOT NULL");
        let begins = async { while number(&production, &copies).await == 0 {} };
        tokio::join!(sluice.ok(&["resync", "big"]), begins);
        // of a kind that no look at the catalog notices: no column that is copied has changed
        let altered = run(&migrate, "ALTER TABLE big ALTER body TYPE text USING body || 'x'");
        let stopped = async {
            let began = Instant::now();
            while began.elapsed() < Duration::from_millis(500) {
                if text(&production, &format!("SELECT ({waits})::text")).await == "true" {
                    running.signal(libc::SIGSTOP);
                    return true;
                }
            }
            false
        };
        let (stopped, ()) = tokio::join!(stopped, async {
            tokio::time::timeout(world::LIMIT, altered).await.expect("production waits for us");
        });
        running.signal(libc::SIGCONT);
        met += i32::from(stopped);
        let sum = "SELECT concat(count(*), ' ', sum(n), ' ', min(id), ' ', max(id)) FROM big";
        let want = text(&production, sum).await;
        let pending = "SELECT count(*) FROM sluice.pending";
        let began = Instant::now();
        while number(&staging, pending).await > 0 {
            assert!(began.elapsed() < world::LIMIT, "it does not end:\n{}", running.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(text(&staging, sum).await, want, "{n}: rows are missing, in silence");
        if met == 2 {
            break;
        }
    }
    assert!(met > 0, "no reader was met in the queue");
    eprintln!("{major}: met in the queue: {met}");
    running.term();
    assert!(running.wait(world::LIMIT).await.success());
}

async fn a_look_that_hangs_is_ended(major: u32) {
    let world = World::over(Cluster::start(major), Cluster::start(18), false).await;
    world.catch_up().await;
    let (production, staging) = (world.production().await, world.staging().await);
    // what sluice asks for is far longer than a test
    let source = Proxy::start(world.source.port()).await;
    source.replace("statement_timeout\x005min\x00", "statement_timeout\x003000\x00");
    let mut running = world.pipeline(&source.url(NAME), &world.target.url(NAME)).spawn(&["run"]);
    let streams = "SELECT count(*) = 1 FROM pg_stat_replication WHERE state = 'streaming'";
    is_true(&production, "it streams", streams).await;
    let tester = world.production().await;
    run(&tester, "BEGIN; LOCK TABLE pg_publication_rel IN ACCESS EXCLUSIVE MODE").await;
    let ended = || async { running.log().contains("57014") };
    wait_until("a look is ended", world::LIMIT, ended).await;
    run(&tester, "COMMIT").await;
    run(&production, "UPDATE big SET n = n + 1").await;
    comes(&production, &staging, "big", &running).await;
    running.term();
    assert!(running.wait(world::LIMIT).await.success());
}
