//! The fault loop: everything that can be killed is killed, at random, under load; at the end both sides are equal.

use std::time::{Duration, Instant};

use super::traffic::Traffic;
use super::world::{self, NAME, World, number};
use crate::seed::Seed;
use crate::servers::Cluster;

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
    let mut logs = String::new();
    let mut running = world.sluice.spawn(&["run"]);
    let (mut counts, mut calmed) = ([0u32; 6], 0);
    let mut last = String::new();
    for kill in 0..kills {
        if kill % 8 == 6 {
            // what is pending is skipped: from here on the stream has rows of every table
            let start = Instant::now();
            while !copied(&world.target).await {
                // where production writes faster than this machine applies, no snapshot of it can be stood at: it has a quiet hour
                if start.elapsed() > world::LIMIT / 2 {
                    traffic.calm(true);
                }
                if start.elapsed() > world::LIMIT + world::LIMIT / 2 {
                    panic!("not copied, kills {counts:?}:\n{}\n{}", running.log(), world.scene().await);
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            calmed += u32::from(start.elapsed() > world::LIMIT / 2);
            traffic.calm(false);
        }
        tokio::time::sleep(Duration::from_millis(rng.u64(30..400))).await;
        // a kill is worth most where something moves; one that waits before it tries again gets the first kind
        let start = Instant::now();
        let mut now = position(&world.target).await;
        while now == last && start.elapsed() < Duration::from_secs(2) {
            tokio::time::sleep(Duration::from_millis(20)).await;
            now = position(&world.target).await;
        }
        let what = if now == last { 0 } else { rng.usize(..6) };
        last = now;
        counts[what] += 1;
        match what {
            0 | 1 => {
                running.kill9();
                logs += &running.log();
                running = world.sluice.spawn(&["run"]);
            }
            2 => {
                let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_replication";
                number(&world.source.client(NAME).await, sql).await;
            }
            3 => {
                let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'sluice/%'";
                number(&world.target.client(NAME).await, sql).await;
                // what it holds may be asked for at any time
                if rng.bool() {
                    pend(&world.target, &mut rng).await;
                }
            }
            4 => {
                world.target.crash();
                tokio::time::sleep(Duration::from_millis(rng.u64(..200))).await;
                world.target.restart();
            }
            _ => {
                world.source.crash();
                tokio::time::sleep(Duration::from_millis(rng.u64(..200))).await;
                world.source.restart();
            }
        }
        if let Some(status) = running.ended() {
            panic!("sluice run ended by itself with {status}:\n{}", running.log());
        }
    }
    let transactions = traffic.end().await;
    assert!(transactions > 200, "only {transactions} transactions");
    running.kill9();
    logs += &running.log();
    let production = world.production().await;
    world::run(&production, "INSERT INTO log VALUES (0, 'last')").await;
    logs += &world.catch_up().await.stderr;
    eprintln!("{major}: full {full}, kills {counts:?}, {transactions} transactions, {calmed} quiet hours");
    if let Some(line) = logs.lines().find(|line| line.contains("divergence") || line.contains("ERROR")) {
        panic!("in a log: {line}");
    }
    world.equal().await;
}

/// Is nothing pending?
async fn copied(target: &Cluster) -> bool {
    let sql =
        "SELECT count(*) FROM sluice.checkpoint WHERE lsn IS NOT NULL AND NOT EXISTS (SELECT FROM sluice.pending)";
    // where everybody was killed before it had begun, the tables are not there
    target.client(NAME).await.query_one(sql, &[]).await.is_ok_and(|row| row.get::<_, i64>(0) == 1)
}

/// Where the target stands, as far as one can see.
async fn position(target: &Cluster) -> String {
    let sql =
        "SELECT coalesce((SELECT lsn::text || (SELECT count(*) FROM sluice.pending)::text FROM sluice.checkpoint), '')";
    let client = target.client(NAME).await;
    match client.query_one(sql, &[]).await {
        Ok(row) => row.get(0),
        Err(_) => fastrand::u64(..).to_string(), // it has not begun
    }
}

/// What `resync` of one table does: all of it is pending again.
async fn pend(target: &Cluster, rng: &mut fastrand::Rng) {
    let tables = ["big", "comp", "uid", "txt", "log", "fulls", "ident", "people", "handles"];
    let table = tables[rng.usize(..tables.len())];
    let sql = format!(
        "BEGIN; DELETE FROM sluice.pending WHERE name = '{table}';
         INSERT INTO sluice.pending (pipeline, schema, name) SELECT pipeline, schema, name FROM sluice.tables WHERE name = '{table}'; COMMIT"
    );
    drop(target.client(NAME).await.batch_execute(&sql).await);
}
