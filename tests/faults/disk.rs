//! The target has no room: for rows, which is an error of a statement, and for its log, which is a panic of the server.
//! Either way the replicator waits and goes on, and nothing is lost, doubled, or taken for a divergence.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::world::{self, NAME, World, number, run, text};
use crate::servers::{Cluster, Disk, wait_until};
use crate::sluice::Sluice;
use crate::verbs::serve::{free_port, get};

majors!(no_room_for_rows, no_room_for_the_log);

async fn world(major: u32, disk: &Disk) -> World {
    let target = disk.below(Cluster::with().set("fsync", "on")).start(major);
    World::over(Cluster::start(major), target, false).await
}

async fn status(sluice: &Sluice) -> Value {
    serde_json::from_str(&sluice.run(&["status", "--json"]).await.stdout).expect("JSON")
}

async fn no_room_for_rows(major: u32) {
    let disk = Disk::new();
    let world = world(major, &disk).await;
    let port = free_port();
    let sluice = world.also(&format!("serve: {{ listen: \"127.0.0.1:{port}\" }}\n"));
    world.catch_up().await;
    let (production, staging) = (world.production().await, world.staging().await);
    let mut running = sluice.spawn(&["run"]);
    wait_until("it is ready", world::LIMIT, || async { get(port, "/readyz").0 == 200 }).await;

    // the stream
    disk.fill("base");
    run(&production, "INSERT INTO log SELECT g, 'no room' FROM generate_series(1, 20000) g").await;
    let end = text(&production, "SELECT pg_current_wal_insert_lsn()::text").await;
    wait_until("it says so", world::LIMIT, || async {
        let (status, why) = get(port, "/readyz");
        status == 503 && why.contains("retrying") && why.contains("53100 disk_full")
    })
    .await;
    wait_until("status says so, from anywhere", world::LIMIT, || async {
        let state = status(&sluice).await;
        let hold = state["hold"].as_str().unwrap_or_default();
        state["state"] == "held" && hold.starts_with("trying again: target: 53100 disk_full")
    })
    .await;
    // it stays so for a while: no try makes it look as if it went on, and the tries become fewer
    for _ in 0..200 {
        assert_eq!(get(port, "/readyz").0, 503, "ready, and the disk is full");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let tries = running.log().matches("trying again").count();
    assert!((3..15).contains(&tries), "{tries} tries:\n{}", running.log());
    let early = format!("SELECT count(*) FROM pg_replication_slots WHERE confirmed_flush_lsn >= '{end}'");
    assert_eq!(number(&production, &early).await, 0, "production was told what staging does not have");
    assert!(running.ended().is_none(), "it ended:\n{}", running.log());
    disk.free("base");
    let all = "SELECT count(*) FROM log";
    let want = number(&production, all).await;
    wait_until("the rows are there", world::LIMIT, || async { number(&staging, all).await == want }).await;
    wait_until("it is ready again", world::LIMIT, || async { get(port, "/readyz").0 == 200 }).await;
    wait_until("status says so", world::LIMIT, || async { status(&sluice).await["hold"].is_null() }).await;

    // the copy
    disk.fill("base");
    let pend = "INSERT INTO sluice.pending (pipeline, schema, name) SELECT pipeline, schema, name FROM sluice.tables";
    run(&production, "UPDATE comp SET v = v + 1").await;
    run(&staging, pend).await;
    let failed = || async { get(port, "/readyz").1.contains("53100 disk_full") };
    wait_until("a chunk finds no room", world::LIMIT, failed).await;
    disk.free("base");
    world.settles(&mut running).await;
    world.equal().await;
}

async fn no_room_for_the_log(major: u32) {
    let disk = Disk::new();
    let mut world = world(major, &disk).await;
    world.catch_up().await;
    let production = world.production().await;
    let mut running = world.sluice.spawn(&["run"]);
    disk.fill("pg_wal");
    // more than the segment that is there already
    run(&production, "INSERT INTO big SELECT g, 1, NULL, repeat(md5(g::text), 90) FROM generate_series(3001, 12000) g")
        .await;
    let panicked = || async {
        let log = world.target.log();
        log.contains("PANIC") && log.contains("No space left on device")
    };
    wait_until("the server panics", world::LIMIT, panicked).await;
    run(&production, "UPDATE big SET n = 5 WHERE id % 9 = 0; DELETE FROM big WHERE id % 13 = 0").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(running.ended().is_none(), "it ended:\n{}", running.log());
    disk.free("pg_wal");
    // it comes back by itself, or has given up
    let start = Instant::now();
    while tokio_postgres::connect(&world.target.url(NAME), tokio_postgres::NoTls).await.is_err() {
        assert!(start.elapsed() < world::LIMIT, "the server does not come back");
        if world.target.ended() {
            world.target.restart();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let staging = world.staging().await;
    let sum = "SELECT count(*)::text || sum(n)::text FROM big";
    let want = text(&production, sum).await;
    wait_until("it has gone on", world::LIMIT, || async { text(&staging, sum).await == want }).await;
    running.term();
    running.wait(Duration::from_secs(10)).await;
    world.catch_up().await;
    world.equal().await;
}
