//! The fault loop: everything that can be killed is killed, at random, under load; at the end both sides are equal.

use std::time::{Duration, Instant};

use super::killer::{self, Killer};
use super::traffic::Traffic;
use super::world::{self, NAME, World};
use crate::seed::Seed;

majors!(everything_at_random);

/// Kills on each major.
const KILLS: u32 = 28;

async fn everything_at_random(major: u32) {
    let seed = Seed::or(40);
    let mut rng = seed.rng(0);
    // half of the seeds begin with a staging that is full of old rows; of each seed one major
    let full = rng.bool() ^ (major == 18);
    let kills = if std::env::var_os("SLUICE_SOAK").is_some() { KILLS * 20 } else { KILLS };
    let mut world = World::new(major, full).await;
    let traffic = Traffic::start(&world.source.url(NAME), vec![seed.rng(1), seed.rng(2), seed.rng(3)]);
    let mut killer = Killer::default();
    let mut running = world.sluice.spawn(&["run"]);
    let mut calmed = 0;
    for kill in 0..kills {
        if kill % 8 == 6 {
            // what is pending is skipped: from here on the stream has rows of every table
            let start = Instant::now();
            while !killer::copied(&world.target).await {
                // where production writes faster than this machine applies, no snapshot of it can be stood at: it has a quiet hour
                if start.elapsed() > world::LIMIT / 2 {
                    traffic.calm(true);
                }
                if start.elapsed() > world::LIMIT + world::LIMIT / 2 {
                    panic!("not copied, kills {:?}:\n{}\n{}", killer.counts, running.log(), world.scene().await);
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            calmed += u32::from(start.elapsed() > world::LIMIT / 2);
            traffic.calm(false);
        }
        killer.kill(&mut world, &mut running, &mut rng).await;
    }
    let transactions = traffic.end().await;
    assert!(transactions > 200, "only {transactions} transactions");
    running.kill9();
    let mut logs = killer.logs + &running.log();
    let production = world.production().await;
    world::run(&production, "INSERT INTO log VALUES (0, 'last')").await;
    logs += &world.catch_up().await.stderr;
    let killed = killer.counts;
    eprintln!("{major}: full {full}, kills {killed:?}, {transactions} transactions, {calmed} quiet hours");
    if let Some(line) = logs.lines().find(|line| line.contains("divergence") || line.contains("ERROR")) {
        panic!("in a log: {line}");
    }
    world.equal().await;
}
