//! The fault loop with a topic between: capture, apply, broker and both servers are killed at random, under load; at the end both sides are equal.

use std::time::{Duration, Instant};

use crate::faults::killer;
use crate::faults::traffic::Traffic;
use crate::faults::world::{self, NAME, TABLES, World};
use crate::seed::Seed;
use crate::servers::Broker;
use crate::sluice::{Running, Sluice};

majors!(everything_at_random);

/// Kills on each major.
const KILLS: u32 = 18;

struct Halves {
    sluice: Sluice,
    capture: Running,
    apply: Running,
    logs: String,
}

impl Halves {
    fn start(sluice: Sluice) -> Halves {
        let (capture, apply) = (sluice.spawn(&["capture"]), sluice.spawn(&["apply"]));
        Halves { sluice, capture, apply, logs: String::new() }
    }

    fn lives(&mut self) {
        for (verb, half) in [("capture", &mut self.capture), ("apply", &mut self.apply)] {
            if let Some(status) = half.ended() {
                panic!("sluice {verb} ended by itself with {status}:\n{}", half.log());
            }
        }
    }

    fn kill(&mut self, capture: bool) {
        let (half, verb) = if capture { (&mut self.capture, "capture") } else { (&mut self.apply, "apply") };
        half.kill9();
        self.logs += &half.log();
        *half = self.sluice.spawn(&[verb]);
    }
}

async fn everything_at_random(major: u32) {
    let seed = Seed::or(70);
    let mut rng = seed.rng(major.into());
    let kills = if std::env::var_os("SLUICE_SOAK").is_some() { KILLS * 20 } else { KILLS };
    let mut broker = Broker::start();
    let mut world = World::new(major, rng.bool()).await;
    let rest = format!("{TABLES}buffer: {{ kafka: {{ brokers: \"{}\", topic: world }} }}\n", broker.addr());
    let sluice = Sluice::over(NAME, &world.source.url(NAME), &world.target.url(NAME), &rest);
    let traffic = Traffic::paced(&world.source.url(NAME), vec![seed.rng(1), seed.rng(2)], 30);
    let mut halves = Halves::start(sluice);
    let mut counts = [0u32; 7];
    for kill in 0..kills {
        if kill % 6 == 4 {
            copies(&world, &mut halves, &traffic).await;
        }
        tokio::time::sleep(Duration::from_millis(rng.u64(100..1500))).await;
        let what = rng.usize(..7);
        counts[what] += 1;
        match what {
            0 | 1 => halves.kill(true),
            2 | 3 => halves.kill(false),
            4 => {
                broker.kill9();
                tokio::time::sleep(Duration::from_millis(rng.u64(..500))).await;
                broker.start_again();
            }
            5 => {
                world.target.crash();
                world.target.restart();
            }
            _ => {
                world.source.crash();
                world.source.restart();
            }
        }
        halves.lives();
    }
    let transactions = traffic.end().await;
    assert!(transactions > 100, "only {transactions} transactions");
    let production = world.production().await;
    world::run(&production, "INSERT INTO log VALUES (0, 'last')").await;
    let staging = world.staging().await;
    let began = Instant::now();
    loop {
        halves.lives();
        let last = "SELECT count(*) FROM log WHERE what = 'last'";
        if killer::copied(&world.target).await && world::number(&staging, last).await == 1 {
            break;
        }
        if began.elapsed() > world::LIMIT {
            panic!("not equal, {counts:?}\n{}\n{}\n{}", halves.capture.log(), halves.apply.log(), world.scene().await);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    eprintln!("{major}: kills {counts:?}, {transactions} transactions");
    let logs = halves.logs + &halves.capture.log() + &halves.apply.log();
    if let Some(line) = logs.lines().find(|line| line.contains("divergence") || line.contains("ERROR")) {
        panic!("in a log: {line}");
    }
    world.equal().await;
}

/// Waits until nothing is pending.
async fn copies(world: &World, halves: &mut Halves, traffic: &Traffic) {
    let copied = killer::copies(world, traffic).await;
    halves.lives();
    if let Err(scene) = copied {
        panic!("not copied\n{}\n{}\n{scene}", halves.capture.log(), halves.apply.log());
    }
}
