//! Act 8: staging stands still for a test run, and goes on; and who had it do so is in the audit.

use std::time::{Duration, Instant};

use super::Scene;
use crate::Result;
use crate::replicator::{self, Replicator};
use crate::stage::{act, count, more, say, time};
use crate::traffic::Traffic;

/// Rows, and where their sequence is: nothing of it may change while staging stands.
const THERE: &str = "SELECT md5(concat((SELECT string_agg(s::text, '|' ORDER BY key) FROM settings s),
    (SELECT count(*) FROM bookings), (SELECT max(id) FROM bookings), (SELECT sum(total) FROM bookings)))";

/// A test run takes so long here.
const RUN: Duration = Duration::from_secs(2);

impl Scene {
    pub(super) async fn frozen(&self, traffic: &Traffic, sluice: &mut Replicator) -> Result<()> {
        act(8, "Staging stands still for a test run");
        self.caught_up(traffic, sluice).await?;
        say("$ sluice freeze --for 10m --reason \"a test run\"");
        let start = Instant::now();
        let at = replicator::verb(&["freeze", "--for", "10m", "--reason", "a test run"])?;
        say(format!("staging stands at {} after {}", at.trim(), time(start.elapsed())));
        let (there, before) = (self.staging.value(THERE).await?, traffic.committed());
        tokio::time::sleep(RUN).await;
        sluice.alive()?;
        if self.staging.value(THERE).await? != there {
            return Err("staging has changed while it was frozen".into());
        }
        let meanwhile = traffic.committed() - before;
        say(format!(
            "{} later production has committed {} transactions more, and staging is what it was",
            time(RUN),
            count(meanwhile)
        ));
        say("$ sluice resume");
        let start = Instant::now();
        replicator::verb(&["resume"])?;
        self.caught_up(traffic, sluice).await?;
        say(format!("caught up {} later", time(start.elapsed())));
        say("$ sluice audit verify");
        for line in replicator::verb(&["audit", "verify"])?.lines() {
            more(line);
        }
        Ok(())
    }
}
