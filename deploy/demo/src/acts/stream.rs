//! Act 3: the stream under load, and how far staging is behind.

use std::time::{Duration, Instant};

use super::Scene;
use crate::Result;
use crate::replicator::{self, Replicator};
use crate::stage::{act, count, more, passing, say, time};
use crate::traffic::Traffic;

impl Scene {
    pub(super) async fn stream(&self, traffic: &Traffic, sluice: &mut Replicator) -> Result<()> {
        act(3, "The stream, under load");
        self.caught_up(traffic, sluice).await?;
        traffic.pause(Duration::from_millis(2));
        let watch = Duration::from_secs_f64(self.seconds / 5.0);
        let (start, before) = (Instant::now(), traffic.committed());
        let mut lags = Vec::new();
        let mut seen = 0;
        while start.elapsed() < watch {
            sluice.alive()?;
            let shown = self.beat().await?;
            if shown > seen
                && let Some(at) = traffic.beaten_at(shown)
            {
                lags.push(at.elapsed());
                passing(format!("staging is {} behind", time(at.elapsed())));
            }
            seen = shown.max(seen);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        traffic.pause(Duration::from_millis(5));
        lags.sort();
        if lags.is_empty() {
            return Err("nothing arrived on staging while we watched".into());
        }
        say(format!(
            "{} transactions a second on production, seen on staging after {} (median), {} (95 %), {} (worst)",
            count(((traffic.committed() - before) as f64 / start.elapsed().as_secs_f64()) as u64),
            time(lags[lags.len() / 2]),
            time(lags[lags.len() * 95 / 100]),
            time(lags[lags.len() - 1])
        ));
        say("$ sluice status");
        replicator::status()?.iter().for_each(more);
        Ok(())
    }
}
