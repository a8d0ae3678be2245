//! Production hears only what is on the target's disk: what was committed in memory alone may go, and comes again.

use super::world::{self, World, number, run, text};
use crate::servers::{Cluster, wait_until};

majors!(what_is_not_on_disk_is_not_told);

async fn what_is_not_on_disk_is_not_told(major: u32) {
    // an asynchronous commit stays in memory until a synchronous one comes
    let target = Cluster::with().set("fsync", "on").set("wal_writer_delay", "10s").start(major);
    let mut world = World::over(Cluster::start(major), target, false).await;
    world.catch_up().await;
    let (production, mut staging) = (world.production().await, world.staging().await);
    let mut running = world.sluice.spawn(&["run"]);
    let streams = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'";
    wait_until("it streams", world::LIMIT, || async { number(&production, streams).await == 1 }).await;

    // the synchronous commit counts rows first, and a tester has that table: it does not come to its end
    let tester = world.staging().await;
    run(&tester, "BEGIN; LOCK TABLE sluice.tables IN EXCLUSIVE MODE").await;
    run(&production, "INSERT INTO log VALUES (1, 'in memory')").await;
    let end = text(&production, "SELECT pg_current_wal_insert_lsn()::text").await;
    let there = "SELECT count(*) FROM log WHERE what = 'in memory'";
    wait_until("the row is on staging", world::LIMIT, || async { number(&staging, there).await == 1 }).await;
    let waits =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%/apply' AND wait_event_type = 'Lock'";
    wait_until("the synchronous commit waits", world::LIMIT, || async { number(&staging, waits).await == 1 }).await;
    let now = text(&production, "SELECT clock_timestamp()::text").await;
    let heard = format!("SELECT count(*) FROM pg_stat_replication WHERE reply_time > '{now}'");
    wait_until("production hears of us", world::LIMIT, || async { number(&production, &heard).await == 1 }).await;
    let told = format!("SELECT count(*) FROM pg_replication_slots WHERE confirmed_flush_lsn >= '{end}'");
    assert_eq!(number(&production, &told).await, 0, "production was told what is in memory only");
    drop((tester, staging));
    world.target.crash();
    world.target.restart();

    // it comes again, and now it is told: from here on a crash takes nothing
    staging = world.staging().await;
    wait_until("production is told", world::LIMIT, || async { number(&production, &told).await == 1 }).await;
    drop(staging);
    world.target.crash();
    running.kill9();
    world.target.restart();
    assert_eq!(number(&world.staging().await, there).await, 1, "production was told, and it is not there");
    let log = running.log();
    assert!(!log.contains("divergence") && !log.contains("ERROR"), "{log}");
    world.catch_up().await;
    world.equal().await;
}
