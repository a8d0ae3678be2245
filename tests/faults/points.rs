//! Killed at every named place (`sink_postgres::failpoint`), then run to the end.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::in_flight;
use super::traffic::Traffic;
use super::visibility;
use super::world::{self, NAME, World, number, run, text};
use crate::healing::quarantine;
use crate::operations::{backup, ddl};
use crate::safety::{referenced, rows};
use crate::seed::Seed;
use crate::servers::wait_until;

majors!(
    killed_at_every_step_of_start_and_copy,
    killed_at_every_step_of_applying,
    an_aborted_chunk_that_commits_late,
    a_large_transaction_behind_a_small_one,
);

/// Each place with the hit at which to die: the first start, then starts and copies of a target that the deaths before
/// have left half done.
const COPYING: &[&str] = &[
    "start.published",
    "start.intended",
    "start.taken",
    "start.registered",
    "start.slot_made",
    "start.streaming",
    "start.placed",
    "slice.held",
    "slice.exported",
    "slice.looked",
    "slice.aligned",
    "chunk.cut:2",
    "chunk.begin",
    "chunk.begin:5",
    "start.taken",
    "chunk.loaded:3",
    "chunk.merged:2",
    "chunk.forgotten:2",
    "start.placed",
    "chunk.done:4",
    "slice.loaded",
];

/// The same of a target that has been copied.
const APPLYING: &[&str] = &[
    "apply.before_commit",
    "apply.committed",
    "apply.before_commit:20",
    "apply.committed:20",
    "flush.begin",
    "flush.done",
    "durable.heard",
    "durable.heard:4",
    "apply.piece:2",
    "apply.smaller",
    "idle.batch",
    "end.flushed",
];

/// What is hit only where staging is not as expected.
const AMISS: &[&str] = &["apply.careful", "apply.due"];

/// A place that nobody dies at is a promise that nobody has tried.
#[test]
fn every_place_has_its_kill() {
    let mut places = BTreeSet::new();
    let packages = ["replicator/src", "sink-postgres/src"];
    let mut todo: Vec<PathBuf> =
        packages.iter().map(|p| Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(p)).collect();
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            if !cfg!(feature = "kafka") && path.ends_with("kafka") {
                continue;
            }
            todo.extend(fs::read_dir(&path).expect("a directory").map(|entry| entry.expect("an entry").path()));
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            let text = fs::read_to_string(&path).expect("a source file");
            let names = text.split("failpoint::hit(\"").skip(1);
            places.extend(names.filter_map(|rest| rest.split('"').next()).map(str::to_owned));
        }
    }
    #[cfg(feature = "kafka")]
    let topic = crate::kafka::points::KILLED;
    #[cfg(not(feature = "kafka"))]
    let topic = &[];
    let all = [
        topic,
        COPYING,
        APPLYING,
        AMISS,
        in_flight::KILLED,
        visibility::JOINING,
        quarantine::KILLED,
        referenced::KILLED,
        rows::KILLED,
        ddl::KILLED,
        backup::KILLED,
    ]
    .concat();
    let killed: BTreeSet<String> = all.iter().filter_map(|p| p.split(':').next()).map(str::to_owned).collect();
    assert_eq!(places, killed, "places in the source (left) and those with a kill (right)");
    assert!(places.len() > 20);
}

async fn killed_at_every_step_of_start_and_copy(major: u32) {
    let seed = Seed::or(3);
    let world = World::new(major, major == 18).await;
    let staging = world.staging().await;
    let pend = "BEGIN; DELETE FROM sluice.pending; INSERT INTO sluice.pending (pipeline, schema, name)
        SELECT pipeline, schema, name FROM sluice.tables; COMMIT";
    for (n, place) in COPYING.iter().enumerate() {
        let copies = place.starts_with("slice") || place.starts_with("chunk");
        if copies {
            run(&staging, pend).await;
        }
        dies(&world, place, &seed).await;
        // most are left as they are to the next
        if copies && n % 4 == 0 {
            world.catch_up().await;
            world.equal().await;
        }
    }
    world.catch_up().await;
    world.equal().await;
}

async fn killed_at_every_step_of_applying(major: u32) {
    let seed = Seed::or(4);
    let world = World::new(major, false).await;
    world.catch_up().await;
    for (n, place) in APPLYING.iter().enumerate() {
        dies(&world, place, &seed).await;
        if n % 3 == 2 {
            world.catch_up().await;
            world.equal().await;
        }
    }
    world.catch_up().await;
    world.equal().await;
    let (production, staging) = (world.production().await, world.staging().await);
    for place in AMISS {
        dies(&world, place, &seed).await;
        world.catch_up().await;
        world::equal(&production, &staging).await;
        assert_eq!(number(&staging, "SELECT count(*) FROM sluice.pending").await, 0, "at {place}");
    }
}

/// Runs with that place armed, makes it come to it, and sees it die there.
async fn dies(world: &World, place: &str, seed: &Seed) {
    let (production, staging) = (world.production().await, world.staging().await);
    let alone = ["apply.piece", "apply.smaller", "idle", "end", "apply.careful", "apply.due"];
    let traffic = (!alone.iter().any(|name| place.starts_with(name)))
        .then(|| Traffic::start(&world.source.url(NAME), vec![seed.rng(1)]));
    let mut dying = world.with_env("SLUICE_FAILPOINT", place).spawn(&["run"]);
    if traffic.is_none() {
        wait_until("it runs", world::LIMIT, || async { dying.log().contains("INFO running") }).await;
    }
    match place.split(':').next().unwrap_or_default() {
        "apply.piece" => run(&production, "INSERT INTO log SELECT g, 'piece' FROM generate_series(1, 70000) g").await,
        "apply.smaller" => {
            let cancel = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE '%/apply' AND wait_event_type = 'Lock'";
            let start = Instant::now();
            // behind the pieces of what the last death has left it is not a smaller batch that comes next, but all again
            while dying.ended().is_none() && start.elapsed() < Duration::from_secs(30) {
                run(&staging, "BEGIN; LOCK TABLE log IN ACCESS EXCLUSIVE MODE").await;
                run(&production, "INSERT INTO log VALUES (1, 'in the way')").await;
                while dying.ended().is_none() && number(&staging, cancel).await == 0 {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                run(&staging, "COMMIT").await;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        "idle.batch" => {
            // what happens elsewhere moves the position only
            let aside = "CREATE SCHEMA IF NOT EXISTS aside; CREATE TABLE IF NOT EXISTS aside.elsewhere (i int)";
            run(&production, aside).await;
            let start = Instant::now();
            while dying.ended().is_none() && start.elapsed() < Duration::from_secs(30) {
                run(&production, "INSERT INTO aside.elsewhere VALUES (1)").await;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        "end.flushed" => {
            run(&production, "INSERT INTO log VALUES (1, 'last')").await;
            dying.term();
        }
        "apply.careful" | "apply.due" => {
            run(&staging, "DELETE FROM big WHERE id = (SELECT min(id) FROM big)").await;
            run(&production, "UPDATE big SET n = n + 1").await;
        }
        _ => {}
    }
    let status = dying.wait(Duration::from_secs(40)).await;
    assert_eq!(status.code(), None, "at {place}: not killed, ended with {status}\n{}", dying.log());
    if let Some(traffic) = traffic {
        traffic.end().await;
    }
    let seen = world.sluice.run(&["status", "--json"]).await;
    assert!(!seen.stdout.trim().is_empty(), "at {place}: status says nothing: {seen:?}");
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
    world.settles(&mut running).await;
    world.equal().await;
}

/// A transaction that comes in pieces holds the target's transaction open: the flush of the small one before it has to
/// wait, and must not keep the pieces waiting.
async fn a_large_transaction_behind_a_small_one(major: u32) {
    let world = World::new(major, false).await;
    world.catch_up().await;
    let (production, staging, tester) = (world.production().await, world.staging().await, world.staging().await);
    // a row of a piece in the middle takes longer than the small one's flush is due
    let slow = "CREATE FUNCTION slow(at int) RETURNS bool LANGUAGE plpgsql AS
          'BEGIN IF at = 30000 THEN PERFORM pg_catalog.pg_sleep(0.5); END IF; RETURN true; END';
        ALTER TABLE log ADD CONSTRAINT slow CHECK (slow(at))";
    run(&staging, slow).await;
    let mut running = world.sluice.spawn(&["run"]);
    let waits =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%/apply' AND wait_event_type = 'Lock'";
    let all = "SELECT count(*) FROM log";
    for _ in 0..3 {
        // the large one is there when the small one is done
        run(&tester, "BEGIN; LOCK TABLE log IN ACCESS EXCLUSIVE MODE").await;
        run(&production, "INSERT INTO log VALUES (1, 'small')").await;
        wait_until("the small one waits", world::LIMIT, || async { number(&staging, waits).await == 1 }).await;
        run(&production, "INSERT INTO log SELECT g, 'large' FROM generate_series(1, 90000) g").await;
        let end = text(&production, "SELECT pg_current_wal_insert_lsn()::text").await;
        let sent = format!("SELECT count(*) FROM pg_stat_replication WHERE sent_lsn >= '{end}'");
        wait_until("the large one is sent", world::LIMIT, || async { number(&production, &sent).await == 1 }).await;
        run(&tester, "COMMIT").await;
        run(&production, "INSERT INTO log VALUES (2, 'small')").await;
        let want = number(&production, all).await;
        wait_until("all rows have come", world::LIMIT, || async { number(&staging, all).await == want }).await;
    }
    running.term();
    running.wait(Duration::from_secs(10)).await;
    world.equal().await;
}
