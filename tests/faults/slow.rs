//! A target that is slow or says nothing at all: production neither loses its WAL sender nor waits for us when it shuts
//! down, memory stays where it is, and we end in time when we are asked to.

use std::time::{Duration, Instant};

use tokio_postgres::Client;

use super::world::{self, NAME, World, number, run, text};
use crate::servers::{Cluster, Proxy, wait_until};

majors!(a_slow_target, production_shuts_down_while_we_wait);

/// A statement that writes one of these rows takes as long as `slow` says. By a constraint: a trigger that fires under the
/// replica role would be refused.
const SLOW: &str = "CREATE TABLE slow (seconds int);
    CREATE FUNCTION slow(id bigint) RETURNS bool LANGUAGE plpgsql AS
      'BEGIN IF id IN (1, 10500) THEN PERFORM pg_catalog.pg_sleep(seconds) FROM public.slow; END IF; RETURN true; END';
    ALTER TABLE big ADD CONSTRAINT slow CHECK (slow(id))";

const SLEEPS: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'sluice/%' AND wait_event = 'PgSleep'";
const WAITS: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'sluice/%' AND wait_event_type = 'Lock'";
const END_OURS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'sluice/%'";

async fn becomes(client: &Client, what: &str, sql: &str) {
    wait_until(what, world::LIMIT, || async { number(client, sql).await > 0 }).await;
}

async fn a_slow_target(major: u32) {
    let world = World::over(Cluster::start(major), Cluster::start(major), false).await;
    world.catch_up().await;
    let (production, staging) = (world.production().await, world.staging().await);
    run(&staging, &format!("{SLOW}; INSERT INTO slow VALUES (7)")).await;
    // what sluice asks of the WAL sender is far longer than a test
    let (source, target) = (Proxy::start(world.source.port()).await, Proxy::start(world.target.port()).await);
    source.replace("wal_sender_timeout\x005min\x00", "wal_sender_timeout\x003000\x00");
    target.delay(Duration::from_millis(10));
    let sluice = world.pipeline_with(&source.url(NAME), &target.url(NAME), "limits: { memory: 16MB }\n");
    let mut running = sluice.spawn(&["run"]);
    let sender = "SELECT coalesce(max(pid), 0)::bigint FROM pg_stat_replication WHERE state = 'streaming'";
    becomes(&production, "it streams", sender).await;
    let before = number(&production, sender).await;
    // 60 MB, in transactions of 1.5 MB
    let rows = "DO $$ BEGIN FOR i IN 1..40 LOOP
        INSERT INTO big SELECT g, i, NULL, repeat('x', 3000) FROM generate_series(10000 + i * 500, 10499 + i * 500) g; COMMIT; END LOOP; END $$";
    run(&production, rows).await;
    becomes(&staging, "the first statement takes its time", SLEEPS).await;
    run(&staging, "DELETE FROM slow").await;
    wait_until("it is over", world::LIMIT, || async { number(&staging, SLEEPS).await == 0 }).await;
    target.delay(Duration::ZERO);
    let count = "SELECT count(*) FROM big";
    let want = number(&production, count).await;
    wait_until("all rows are there", world::LIMIT, || async { number(&staging, count).await == want }).await;
    assert_eq!(number(&production, sender).await, before, "another WAL sender:\n{}", running.log());
    assert!(!world.source.log().contains("due to replication timeout"));
    let peak = running.peak_kb().expect("it runs");
    eprintln!("{major}: a slow target: peak {peak} kB");
    assert!(peak < 48 * 1024, "peak {peak} kB with a limit of 16 MB");

    // asked to stop amid a statement that takes its time, and then with a target that says nothing
    for silent in [false, true] {
        run(&staging, "INSERT INTO slow VALUES (40)").await;
        run(&production, "UPDATE big SET n = n + 1 WHERE id < 10").await;
        becomes(&staging, "the statement takes its time", SLEEPS).await;
        if silent {
            target.stall();
        }
        let asked = Instant::now();
        running.term();
        let status = running.wait(Duration::from_secs(10)).await;
        assert!(status.success() && asked.elapsed() < Duration::from_secs(5), "{status} after {:?}", asked.elapsed());
        target.flow();
        if !silent {
            // it was asked to end, and does not go on with its locks
            let over = || async { number(&staging, SLEEPS).await == 0 };
            wait_until("the statement has ended", Duration::from_secs(5), over).await;
        }
        run(&staging, &format!("DELETE FROM slow; {END_OURS}")).await;
        running = sluice.spawn(&["run"]);
    }
    running.term();
    running.wait(Duration::from_secs(10)).await;
    world.catch_up().await;
    world.equal().await;
}

/// `pg_ctl stop -m fast` ends ordinary sessions, but waits for a WAL sender until its client has confirmed everything.
async fn production_shuts_down_while_we_wait(major: u32) {
    let mut world = World::over(Cluster::start(major), Cluster::start(major), false).await;
    world.catch_up().await;
    let staging = world.staging().await;
    run(&staging, SLOW).await;
    let proxy = Proxy::start(world.target.port()).await;
    let mut running = world.pipeline(&world.source.url(NAME), &proxy.url(NAME)).spawn(&["run"]);
    let tester = world.staging().await;
    let pend = "INSERT INTO sluice.pending (pipeline, schema, name) SELECT pipeline, schema, name FROM sluice.tables WHERE name = 'big'";
    let sum = "SELECT sum(n)::text FROM big";
    for (n, what) in ["nothing", "a slow statement", "a lock", "a chunk of the copy", "a silent target", "a verdict"]
        .iter()
        .enumerate()
    {
        let production = world.production().await;
        becomes(&production, "it streams", "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'").await;
        match n {
            0 => {}
            1 | 4 => run(&staging, "INSERT INTO slow VALUES (60)").await,
            2 => run(&tester, "BEGIN; LOCK TABLE big IN ACCESS EXCLUSIVE MODE").await,
            3 => {
                run(&staging, &format!("UPDATE big SET n = -5 WHERE id = 1; INSERT INTO slow VALUES (60); {pend}"))
                    .await
            }
            _ => run(&staging, "ALTER TABLE big ADD CONSTRAINT small CHECK (n < 1000)").await,
        }
        if n != 3 {
            let update = format!("UPDATE big SET n = {} WHERE id < 10", if n == 5 { 1000 } else { n });
            run(&production, &update).await;
        }
        match n {
            1 | 3 | 4 => becomes(&staging, "we wait", SLEEPS).await,
            2 => becomes(&staging, "we wait", WAITS).await,
            5 => becomes(&staging, "it holds", "SELECT count(*) FROM sluice.checkpoint WHERE hold IS NOT NULL").await,
            _ => {}
        }
        if n == 4 {
            proxy.stall();
        }
        let want = text(&production, sum).await;
        drop(production);
        let asked = Instant::now();
        world.source.stop_fast();
        let took = asked.elapsed();
        assert!(took < Duration::from_secs(6), "waiting for {what}: production took {took:?} to shut down");
        assert!(running.ended().is_none(), "waiting for {what}: it ended:\n{}", running.log());
        proxy.flow();
        world.source.restart();
        match n {
            2 => run(&tester, "COMMIT").await,
            5 => run(&staging, "ALTER TABLE big DROP CONSTRAINT small").await,
            _ => run(&staging, "DELETE FROM slow").await,
        }
        if matches!(n, 1 | 3) {
            // what we let go of was asked to end
            let over = || async { number(&staging, SLEEPS).await == 0 };
            wait_until("the statement has ended", Duration::from_secs(20), over).await;
        }
        if n == 4 {
            // what we left behind behind a silent line sleeps on, and holds its rows
            run(&staging, &format!("{END_OURS} AND wait_event = 'PgSleep'")).await;
        }
        wait_until("it goes on", world::LIMIT, || async { text(&staging, sum).await == want }).await;
    }
    world.settles(&mut running).await;
    world.equal().await;
}
