//! Killed at every named place (`sink_postgres::failpoint`), then run to the end.

use std::time::Duration;

use super::traffic::Traffic;
use super::world::{self, NAME, World, number, run};
use crate::seed::Seed;
use crate::servers::wait_until;

majors!(killed_at_every_step, an_aborted_chunk_that_commits_late, a_large_transaction_behind_a_small_one);

/// Each place with the hit at which to die. One world goes through all of them: the later ones find a target that the
/// earlier ones left half done.
const PLACES: &[&str] = &[
    "start.intended",
    "start.slot_made",
    "start.registered",
    "start.placed",
    "slice.aligned",
    "chunk.begin",
    "chunk.begin:5",
    "chunk.loaded:3",
    "chunk.forgotten:2",
    "chunk.done:4",
    "apply.before_commit",
    "apply.committed",
    "apply.before_commit:20",
    "apply.committed:20",
    "flush.begin:3",
    "flush.done:3",
    "idle.batch",
];

async fn killed_at_every_step(major: u32) {
    let seed = Seed::or(3);
    let world = World::new(major, major == 18).await;
    let staging = world.staging().await;
    for place in PLACES {
        let busy = !place.starts_with("idle");
        let traffic = busy.then(|| Traffic::start(&world.source.url(NAME), vec![seed.rng(1)]));
        let mut dying = world.with_env("SLUICE_FAILPOINT", place).spawn(&["run"]);
        if !busy {
            // what happens elsewhere moves the position only
            let production = world.production().await;
            run(&production, "CREATE SCHEMA IF NOT EXISTS aside; CREATE TABLE IF NOT EXISTS aside.elsewhere (i int)")
                .await;
            let start = std::time::Instant::now();
            while dying.ended().is_none() && start.elapsed() < Duration::from_secs(30) {
                run(&production, "INSERT INTO aside.elsewhere VALUES (1)").await;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        let status = dying.wait(Duration::from_secs(40)).await;
        assert_eq!(status.code(), None, "at {place}: not killed, ended with {status}\n{}", dying.log());
        if let Some(traffic) = traffic {
            traffic.end().await;
        }
        let seen = world.sluice.run(&["status", "--json"]).await;
        assert!(!seen.stdout.trim().is_empty(), "at {place}: status says nothing: {seen:?}");
        // every second one is left as it is to the next
        if place.len() % 2 == 0 || *place == "start.placed" {
            continue;
        }
        if place.starts_with("chunk") || place.starts_with("slice") {
            // some of it has to be left for the next kill
            let tables = "BEGIN; DELETE FROM sluice.pending; INSERT INTO sluice.pending (pipeline, schema, name)
                SELECT pipeline, schema, name FROM sluice.tables; COMMIT";
            run(&staging, tables).await;
            continue;
        }
        if number(&staging, "SELECT count(*) FROM sluice.checkpoint WHERE lsn IS NOT NULL").await == 1 {
            world.catch_up().await;
            world.equal().await;
            if place.starts_with("start") {
                run(&staging, "INSERT INTO sluice.pending (pipeline, schema, name) SELECT pipeline, schema, name FROM sluice.tables").await;
            }
        }
    }
    world.catch_up().await;
    world.equal().await;
}

/// A slice is given up because production waits for a lock of it, while the target still works on a chunk's COMMIT. What
/// that chunk brings is done then, and its later changes must be applied, not skipped.
async fn an_aborted_chunk_that_commits_late(major: u32) {
    let world = World::new(major, false).await;
    world.catch_up().await;
    let (production, staging) = (world.production().await, world.staging().await);
    world::slow_commits(&staging, "pending").await;
    let pend = "INSERT INTO sluice.pending (pipeline, schema, name) SELECT pipeline, schema, name FROM sluice.tables WHERE name = 'comp'";
    run(&staging, pend).await;
    let mut running = world.sluice.spawn(&["run"]);
    let committing = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%/load' AND query = 'COMMIT' AND state = 'active'";
    wait_until("a chunk is being committed", world::LIMIT, || async { number(&staging, committing).await > 0 }).await;
    run(&production, "BEGIN; LOCK TABLE comp IN ACCESS EXCLUSIVE MODE; UPDATE comp SET v = v + 1; COMMIT").await;
    let done = "SELECT count(*) FROM sluice.pending";
    wait_until("nothing is pending", world::LIMIT, || async { number(&staging, done).await == 0 }).await;
    running.term();
    running.wait(Duration::from_secs(10)).await;
    world.catch_up().await;
    world.equal().await;
}

/// A transaction that comes in pieces holds the target's transaction open: the flush of the small one before it has to
/// wait, and must not keep the pieces waiting.
async fn a_large_transaction_behind_a_small_one(major: u32) {
    let world = World::new(major, false).await;
    world.catch_up().await;
    let production = world.production().await;
    let mut running = world.sluice.spawn(&["run"]);
    let staging = world.staging().await;
    for _ in 0..3 {
        run(&production, "INSERT INTO log VALUES (1, 'small')").await;
        run(&production, "INSERT INTO log SELECT g, 'large' FROM generate_series(1, 90000) g").await;
        run(&production, "INSERT INTO log VALUES (2, 'small')").await;
    }
    let all = "SELECT count(*) FROM log";
    let want = number(&production, all).await;
    wait_until("all rows have come", world::LIMIT, || async { number(&staging, all).await == want }).await;
    running.term();
    running.wait(Duration::from_secs(10)).await;
    world.equal().await;
}
