//! Whoever kills: at random, where something moves, and brings back what was killed.

use std::time::{Duration, Instant};

use super::traffic::Traffic;
use super::world::{self, NAME, World, number};
use crate::servers::Cluster;
use crate::sluice::Running;

/// Kills, and counts what it has killed.
#[derive(Debug, Default)]
pub struct Killer {
    /// sluice (two kinds of it, that are one), its sessions on production, on staging, staging, production.
    pub counts: [u32; 6],
    /// What those that it killed had said.
    pub logs: String,
    last: String,
}

impl Killer {
    /// Kills something, and brings it back. `running` is the `sluice run` of the moment; it must not have ended by itself.
    pub async fn kill(&mut self, world: &mut World, running: &mut Running, rng: &mut fastrand::Rng) {
        tokio::time::sleep(Duration::from_millis(rng.u64(30..400))).await;
        // a kill is worth most where something moves; one that waits before it tries again gets the first kind
        let start = Instant::now();
        let mut now = position(&world.target).await;
        while now == self.last && start.elapsed() < Duration::from_secs(2) {
            tokio::time::sleep(Duration::from_millis(20)).await;
            now = position(&world.target).await;
        }
        let what = if now == self.last { 0 } else { rng.usize(..6) };
        self.last = now;
        self.counts[what] += 1;
        match what {
            0 | 1 => {
                running.kill9();
                self.logs += &running.log();
                *running = world.sluice.spawn(&["run"]);
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
                    pend(&world.target, rng).await;
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
}

/// So long production writes as it does.
const UNCALMED: Duration = Duration::from_secs(15);

/// Waits until nothing is pending, so that from here on the stream has rows of every table. What this machine can do amid
/// production's writes is not asked: where they are more than it applies, no snapshot of production can be stood at, and it has a
/// quiet hour. How long it took; or what the servers do, if that does not help.
pub async fn copies(world: &World, traffic: &Traffic) -> Result<Duration, String> {
    let start = Instant::now();
    while !copied(&world.target).await {
        traffic.calm(start.elapsed() > UNCALMED);
        if start.elapsed() > world::LIMIT {
            return Err(world.scene().await);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    traffic.calm(false);
    Ok(start.elapsed())
}

/// Is nothing pending?
pub async fn copied(target: &Cluster) -> bool {
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
