//! Act 2: the copy, while production goes on and staging is in use.

use std::time::{Duration, Instant};

use super::{CLIENTS, Scene};
use crate::replicator::{self, Replicator};
use crate::stage::{act, count, more, passing, say, time};
use crate::traffic::Traffic;
use crate::{PATIENCE, Result};

impl Scene {
    pub(super) async fn copy(&self, traffic: &Traffic) -> Result<Replicator> {
        act(2, "The copy, while production goes on");
        say(format!("{CLIENTS} clients book, pay, cancel and move house on production"));
        replicator::verb(&["init", "--lock"])?;
        say("$ sluice init --lock        demo-out/sluice.lock lists every column, for review");
        let (start, before) = (Instant::now(), traffic.committed());
        let mut sluice = Replicator::start(self.out.join("sluice.log"))?;
        say(format!("$ sluice run        (pid {})", sluice.pid()));
        let mut least = u64::MAX;
        loop {
            sluice.alive()?;
            least = least.min(self.staging.number("SELECT count(*) FROM guests").await?);
            let made = self
                .staging
                .value("SELECT to_regclass('sluice.pending') IS NOT NULL AND to_regclass('sluice.tables') IS NOT NULL")
                .await?;
            if made == "t" {
                let pending = self.staging.rows(
                    "SELECT count(*), count(DISTINCT name), (SELECT coalesce(sum(rows_copied), 0) FROM sluice.tables), (SELECT count(*) FROM sluice.tables) FROM sluice.pending",
                ).await?;
                let [pending, waiting, rows, tables] = pending[0].as_slice() else { return Err("no answer".into()) };
                passing(format!("{} rows copied, {waiting} of {tables} tables to do", count(rows.parse::<u64>()?)));
                if pending == "0" && tables != "0" {
                    break;
                }
            }
            if start.elapsed() > PATIENCE {
                return Err(format!("the copy is not done after {}", time(start.elapsed())).into());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let copied = self.staging.rows("SELECT count(*), sum(rows_copied) FROM sluice.tables").await?;
        say(format!(
            "{} tables, {} rows copied in {}; production committed {} transactions meanwhile",
            copied[0][0],
            count(copied[0][1].parse::<u64>()?),
            time(start.elapsed()),
            count(traffic.committed() - before)
        ));
        more(format!("staging was in use all the time: never fewer than {} guests in it", count(least)));
        Ok(sluice)
    }
}
