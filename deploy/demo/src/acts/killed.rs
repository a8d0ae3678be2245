//! Act 9: killed in the middle of it, three times; and the broker once, where there is one.

use std::time::{Duration, Instant};

use super::Scene;
use crate::Result;
use crate::replicator::Replicator;
use crate::stage::{act, count, say, time};
use crate::traffic::Traffic;

impl Scene {
    pub(super) async fn killed(&self, traffic: &Traffic, mut sluice: Replicator) -> Result<Replicator> {
        act(9, "kill -9");
        let mut rng = fastrand::Rng::with_seed(9);
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_secs_f64(self.seconds / 60.0 * (0.5 + rng.f64()))).await;
            sluice.alive()?;
            let (pid, before) = (sluice.pid(), traffic.committed());
            sluice.kill9()?;
            tokio::time::sleep(Duration::from_secs_f64(self.seconds / 30.0)).await;
            let missed = traffic.committed() - before;
            let start = Instant::now();
            sluice = Replicator::start(self.out.join("sluice.log"))?;
            self.caught_up(traffic, &mut sluice).await?;
            say(format!(
                "pid {pid} killed in the middle of it; {} transactions later started again, {} later caught up",
                count(missed),
                time(start.elapsed())
            ));
        }
        if let Some(file) = std::env::var_os("DEMO_BROKER") {
            let before = traffic.committed();
            let pid: i32 = std::fs::read_to_string(file)?.trim().parse()?;
            // SAFETY: a signal to the broker that run.sh has started, and starts again
            unsafe { libc::kill(pid, libc::SIGKILL) };
            let start = Instant::now();
            tokio::time::sleep(Duration::from_secs_f64(self.seconds / 30.0)).await;
            self.caught_up(traffic, &mut sluice).await?;
            say(format!(
                "the Kafka broker, pid {pid}, killed and started again; {} after {} transactions staging has caught up",
                time(start.elapsed()),
                count(traffic.committed() - before)
            ));
        }
        Ok(sluice)
    }
}
