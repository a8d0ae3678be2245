//! The fault loop: everything that can be killed is killed, at random, under load; at the end both sides are equal.

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
    let mut waited = Vec::new();
    for kill in 0..kills {
        if kill % 8 == 6 {
            // what is pending is skipped
            waited.push(match killer::copies(&world, &traffic).await {
                Ok(waited) => waited,
                Err(scene) => panic!("not copied, kills {:?}:\n{}\n{scene}", killer.counts, running.log()),
            });
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
    eprintln!("{major}: full {full}, kills {killed:?}, {transactions} transactions, copied after {waited:?}");
    if let Some(line) = logs.lines().find(|line| line.contains("divergence") || line.contains("ERROR")) {
        panic!("in a log: {line}");
    }
    world.equal().await;
}
