//! The stream ahead of what a snapshot shows, and rows that are in neither.

use std::time::{Duration, Instant};

use super::world::{self, World, number, run, text};
use crate::servers::wait_until;

majors!(
    streamed_and_not_yet_visible,
    shown_behind_one_that_is_not,
    a_table_is_rewritten_amid_a_slice,
    a_table_joins_amid_a_transaction
);

async fn streamed_and_not_yet_visible(major: u32) {
    let mut world = World::new(major, false).await;
    world.catch_up().await;
    let mut running = world.sluice.spawn(&["run"]);
    let staging = world.staging().await;
    // the table's shape is known from here on: for one that comes with the row we would wait (shapes::unseen)
    run(&world.production().await, "UPDATE big SET n = 8 WHERE id = 1").await;
    let known = "SELECT count(*) FROM big WHERE n = 8";
    wait_until("it streams", world::LIMIT, || async { number(&staging, known).await == 1 }).await;
    world.source.configure([("synchronous_standby_names", "nobody")]);
    world.source.reload();
    let production = world.production().await;
    wait_until("commits wait for a standby", world::LIMIT, || async {
        text(&production, "SHOW synchronous_standby_names").await == "nobody"
    })
    .await;
    let waiting = world.production().await;
    let hanging =
        tokio::spawn(async move { waiting.batch_execute("INSERT INTO big VALUES (5000, 1, 5000, 'x')").await });
    // flushed and streamed, and no snapshot shows it
    let there = "SELECT count(*) FROM big WHERE id = 5000";
    wait_until("the row is on staging", world::LIMIT, || async { number(&staging, there).await == 1 }).await;
    assert_eq!(number(&production, there).await, 0);
    let pend = "INSERT INTO sluice.pending (pipeline, schema, name) SELECT pipeline, schema, name FROM sluice.tables WHERE name = 'big'";
    let pending = "SELECT count(*) FROM sluice.pending";
    run(&staging, pend).await;
    for killed in [false, true] {
        if killed {
            running.kill9();
            running = world.sluice.spawn(&["run"]);
        }
        tokio::time::sleep(Duration::from_secs(4)).await;
        assert!(number(&staging, pending).await > 0, "copied under a snapshot that is older than the target");
        assert_eq!(number(&staging, there).await, 1, "a row that was there is gone");
    }
    world.source.configure([("synchronous_standby_names", "")]);
    world.source.reload();
    hanging.await.expect("no panic").expect("it commits in the end");
    world.settles(&mut running).await;
    world.equal().await;
}

/// A transaction that waits for a standby is in the WAL and in no snapshot; one behind it that does not wait is in both. No
/// position of the stream is that snapshot: nothing may be copied under it.
async fn shown_behind_one_that_is_not(major: u32) {
    let mut world = World::new(major, false).await;
    world.catch_up().await;
    let mut running = world.sluice.spawn(&["run"]);
    let (production, staging) = (world.production().await, world.staging().await);
    let streams = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'";
    wait_until("it streams", world::LIMIT, || async { number(&production, streams).await == 1 }).await;
    world.source.configure([("synchronous_standby_names", "nobody")]);
    world.source.reload();
    let fresh = world.production().await;
    wait_until("commits wait for a standby", world::LIMIT, || async {
        text(&fresh, "SHOW synchronous_standby_names").await == "nobody"
    })
    .await;
    let hangs = async |sql: &'static str| {
        let client = world.production().await;
        let pid = number(&client, "SELECT pg_backend_pid()::bigint").await;
        let hanging = tokio::spawn(async move { client.batch_execute(sql).await });
        let waits = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {pid} AND wait_event = 'SyncRep'");
        wait_until("it waits for a standby", world::LIMIT, || async { number(&production, &waits).await == 1 }).await;
        (hanging, format!("SELECT pg_cancel_backend({pid})"))
    };
    // staging has it and no snapshot shows it: the stream is held for that, some seconds at a time
    let (first, show_first) = hangs("INSERT INTO big VALUES (5000, 1, 5000, 'first')").await;
    let there = "SELECT count(*) FROM big WHERE id = 5000";
    wait_until("the row is on staging", world::LIMIT, || async { number(&staging, there).await == 1 }).await;
    run(
        &staging,
        "INSERT INTO sluice.pending (pipeline, schema, name) SELECT pipeline, schema, name FROM sluice.tables WHERE name = 'log'",
    )
    .await;
    let held = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sluice/world/export' AND clock_timestamp() - backend_start BETWEEN '100 ms' AND '1 s'";
    wait_until("the stream is held", world::LIMIT, || async { number(&production, held).await == 1 }).await;
    let (second, show_second) = hangs("INSERT INTO big VALUES (5001, 1, 5001, 'second')").await;
    run(&fresh, "SET synchronous_commit = local; INSERT INTO log VALUES (2, 'third')").await;
    // now a snapshot shows all that staging has, and the third, and not the second
    run(&production, &show_first).await;
    first.await.expect("no panic").expect("it is committed");
    let passed = "SELECT count(*) FROM big WHERE id = 5001";
    let pending = "SELECT count(*) FROM sluice.pending";
    wait_until("staging has it, or copies it", world::LIMIT, || async {
        number(&staging, passed).await == 1 || number(&staging, pending).await == 0
    })
    .await;
    assert!(number(&staging, pending).await == 1, "copied under a snapshot that no position of the stream is");
    run(&production, &show_second).await;
    second.await.expect("no panic").expect("it is committed");
    world.source.configure([("synchronous_standby_names", "")]);
    world.source.reload();
    world.settles(&mut running).await;
    world.equal().await;
}

/// A table that is rewritten looks empty to whoever reads it under an older snapshot. So a slice locks its tables before it
/// takes one, and ends when somebody waits for such a lock, or for its snapshot.
async fn a_table_is_rewritten_amid_a_slice(major: u32) {
    let world = World::new(major, false).await;
    world.catch_up().await;
    let (production, staging, tester) = (world.production().await, world.staging().await, world.staging().await);
    let yaml = std::fs::read_to_string(world.sluice.dir.join("sluice.yaml")).expect("the file");
    world.sluice.configure(&yaml.replace("slice: 2s", "slice: 20s"));
    // chunks of the first table have to wait, and the second one's turn comes behind them
    run(&tester, "BEGIN; LOCK TABLE big IN ACCESS EXCLUSIVE MODE").await;
    let pend = "INSERT INTO sluice.pending (pipeline, schema, name) SELECT pipeline, schema, name FROM sluice.tables WHERE name IN ('big', 'comp')";
    run(&staging, pend).await;
    let mut running = world.sluice.spawn(&["run"]);
    let waits =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%/load' AND wait_event_type = 'Lock'";
    wait_until("a chunk waits", world::LIMIT, || async { number(&staging, waits).await > 0 }).await;
    // this one waits for whoever has an older snapshot, whatever he reads
    let asked = Instant::now();
    run(&production, "CREATE INDEX CONCURRENTLY made ON log (at)").await;
    assert!(asked.elapsed() < Duration::from_secs(3), "production waited {:?} for our snapshot", asked.elapsed());
    wait_until("a chunk waits again", world::LIMIT, || async { number(&staging, waits).await > 0 }).await;
    let asked = Instant::now();
    run(&production, "ALTER TABLE comp ALTER v TYPE bigint").await;
    assert!(asked.elapsed() < Duration::from_secs(2), "production waited {:?} for us", asked.elapsed());
    let pending = "SELECT count(*) FROM sluice.pending WHERE name = 'comp'";
    wait_until("it is copied, though the first is not", world::LIMIT, || async {
        number(&staging, pending).await == 0
    })
    .await;
    crate::check::equal(&production, &staging, "comp").await;
    run(&tester, "COMMIT").await;
    world.settles(&mut running).await;
    world.equal().await;
}

/// Where to die while a table joins a running publication.
pub const JOINING: &[&str] = &["start.registered", "start.pending", "start.joined"];

/// A row written before its table joined the publication, by a transaction that ends later, is in no stream; so the
/// table's copy waits for that transaction. Also if we die anywhere between knowing the table and knowing what it waits for.
async fn a_table_joins_amid_a_transaction(major: u32) {
    let world = World::new(major, false).await;
    world.catch_up().await;
    let (production, staging, writer) = (world.production().await, world.staging().await, world.production().await);
    for (n, place) in [None].into_iter().chain(JOINING.iter().map(Some)).enumerate() {
        let table = format!("late_{n}");
        let make = format!("CREATE TABLE {table} (id int PRIMARY KEY)");
        run(&production, &make).await;
        run(&staging, &make).await;
        run(&writer, &format!("BEGIN; INSERT INTO {table} VALUES (1)")).await;
        if let Some(place) = place {
            let mut dying = world.with_env("SLUICE_FAILPOINT", place).spawn(&["run"]);
            assert_eq!(dying.wait(Duration::from_secs(20)).await.code(), None, "{}", dying.log());
        }
        let mut running = world.sluice.spawn(&["run"]);
        let told = "waits for the transactions that were open when it joined";
        wait_until("it waits", world::LIMIT, || async { running.log().matches(told).count() > 1 }).await;
        run(&production, "UPDATE big SET n = 77 WHERE id = 1").await;
        let others = "SELECT count(*) FROM big WHERE id = 1 AND n = 77";
        wait_until("others go on", world::LIMIT, || async { number(&staging, others).await == 1 }).await;
        run(&writer, &format!("INSERT INTO {table} VALUES (2); COMMIT")).await;
        world.settles(&mut running).await;
        crate::check::equal(&production, &staging, table.as_str()).await;
        run(&production, "UPDATE big SET n = 0 WHERE id = 1").await;
    }
    world.catch_up().await;
    world.equal().await;
}
