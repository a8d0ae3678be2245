//! Being asked to stop: at a boundary, in time, with production told what staging has.

use std::time::{Duration, Instant};

use super::traffic::Traffic;
use super::world::{self, NAME, World, number, run, text};
use crate::seed::Seed;
use crate::servers::{Cluster, wait_until};
use crate::sluice::Sluice;

majors!(ends_at_a_boundary, ends_while_a_slot_is_made);

async fn ends_at_a_boundary(major: u32) {
    let seed = Seed::or(8);
    let mut rng = seed.rng(0);
    let world = World::new(major, true).await;
    let (production, staging) = (world.production().await, world.staging().await);
    let traffic = Traffic::start(&world.source.url(NAME), vec![seed.rng(1), seed.rng(2)]);
    let confirmed = "SELECT confirmed_flush_lsn::text FROM pg_replication_slots";
    let checkpoint = "SELECT lsn::text FROM sluice.checkpoint";
    for (signal, code) in
        [(libc::SIGTERM, 0), (libc::SIGINT, 130), (libc::SIGTERM, 0), (libc::SIGTERM, 0), (libc::SIGINT, 130)]
    {
        let mut running = world.sluice.spawn(&["run"]);
        // amid the copy at first, amid the stream later; what a start leaves is the next test's
        wait_until("it runs", world::LIMIT, || async { running.log().contains("running at=") }).await;
        tokio::time::sleep(Duration::from_millis(rng.u64(..2000))).await;
        let asked = Instant::now();
        running.signal(signal);
        let status = running.wait(Duration::from_secs(10)).await;
        assert!(asked.elapsed() < Duration::from_secs(5), "took {:?}", asked.elapsed());
        assert_eq!(status.code(), Some(code), "{}", running.log());
        assert_eq!(text(&production, confirmed).await, text(&staging, checkpoint).await, "{}", running.log());
    }
    let timed = world.sluice.run(&["run", "--timeout", "2s"]).await;
    assert_eq!(timed.code, 7, "{}", timed.stderr);
    assert!(timed.stderr.contains("hint: "), "{}", timed.stderr);
    traffic.end().await;
    world.catch_up().await;
    world.equal().await;
    // amid a transaction that comes in pieces: what stood before it is confirmed all the same
    let mut running = world.sluice.spawn(&["run"]);
    tokio::time::sleep(Duration::from_secs(2)).await;
    run(
        &production,
        "INSERT INTO log VALUES (1, 'small'); INSERT INTO log SELECT g, 'large' FROM generate_series(1, 300000) g",
    )
    .await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    let asked = Instant::now();
    running.term();
    assert_eq!(running.wait(Duration::from_secs(10)).await.code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(5), "took {:?}", asked.elapsed());
    assert_eq!(text(&production, confirmed).await, text(&staging, checkpoint).await, "{}", running.log());
    world.catch_up().await;
    world.equal().await;
}

/// To make a slot is to wait for production's open transactions, with WAL held from the start. Who ends meanwhile leaves no
/// slot behind; what one that was killed leaves, the next takes away, and `destroy` says how to.
async fn ends_while_a_slot_is_made(major: u32) {
    let (source, target) = (Cluster::start(major), Cluster::start(major));
    let (production, staging) = (source.client("postgres").await, target.client("postgres").await);
    for side in [&production, &staging] {
        run(side, "CREATE TABLE t (id int PRIMARY KEY)").await;
    }
    let sluice = Sluice::over("made", &source.url("postgres"), &target.url("postgres"), "tables: { public.t: keep }\n");
    let writer = source.client("postgres").await;
    run(&writer, "BEGIN; INSERT INTO t VALUES (1)").await;
    let maker = "SELECT coalesce(max(active_pid), 0)::bigint FROM pg_replication_slots";
    let slots = "SELECT count(*) FROM pg_replication_slots";

    let mut running = sluice.spawn(&["run"]);
    wait_until("a slot is made", world::LIMIT, || async { number(&production, maker).await > 0 }).await;
    running.term();
    assert_eq!(running.wait(Duration::from_secs(5)).await.code(), Some(0), "{}", running.log());
    let gone = || async { number(&production, slots).await == 0 };
    wait_until("no slot is left behind", Duration::from_secs(5), gone).await;

    let mut running = sluice.spawn(&["run"]);
    wait_until("a slot is made", world::LIMIT, || async { number(&production, maker).await > 0 }).await;
    let left = number(&production, maker).await;
    running.kill9();
    let asked = sluice.run(&["destroy", "--yes"]).await;
    let mends = format!("SELECT pg_terminate_backend({left});");
    // production looks every ten seconds who has died, and may just have looked
    let noticed = asked.code == 0 && asked.stderr.contains("there is no slot sluice_made");
    assert!(noticed || asked.code == 5 && asked.stderr.contains(&mends), "{}", asked.stderr);
    let mut running = sluice.spawn(&["run"]);
    let anew = || async { ![0, left].contains(&number(&production, maker).await) };
    wait_until("another is made instead", Duration::from_secs(8), anew).await;
    run(&writer, "COMMIT").await;
    let there = "SELECT count(*) FROM t";
    wait_until("it is copied", world::LIMIT, || async { number(&staging, there).await == 1 }).await;
    running.term();
    assert_eq!(running.wait(Duration::from_secs(5)).await.code(), Some(0), "{}", running.log());
    sluice.ok(&["destroy", "--yes"]).await;
    assert_eq!(number(&production, slots).await, 0);
}
