//! Being asked to stop: at a boundary, in time, with production told what staging has.

use std::time::{Duration, Instant};

use super::traffic::Traffic;
use super::world::{NAME, World, run, text};
use crate::seed::Seed;

majors!(ends_at_a_boundary);

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
        // amid the copy at first, amid the stream later
        tokio::time::sleep(Duration::from_millis(rng.u64(700..2500))).await;
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
