//! The play, an act a file.

mod column;
mod copy;
mod end;
mod frozen;
mod killed;
mod orphan;
mod person;
mod stream;
mod two;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::database::Database;
use crate::replicator::Replicator;
use crate::stage::time;
use crate::traffic::Traffic;
use crate::{PATIENCE, Result};

/// Who books, pays and cancels on production, at the same time.
const CLIENTS: u64 = 4;

/// What every act needs.
struct Scene {
    production: Database,
    staging: Database,
    production_url: String,
    out: PathBuf,
    /// Seconds that the watching lasts, without fill and comparison.
    seconds: f64,
    protected: Vec<Vec<String>>,
    raw: BTreeSet<String>,
}

/// All acts; gives the last line.
pub async fn all() -> Result<String> {
    let setting = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set: run deploy/demo/run.sh"));
    let production_url = setting("SLUICE_SOURCE_URL")?;
    let mut scene = Scene {
        production: Database::connect(&production_url).await?,
        staging: Database::connect(&setting("SLUICE_TARGET_URL")?).await?,
        production_url,
        out: setting("DEMO_OUT")?.into(),
        seconds: setting("DEMO_SECONDS")?.parse().map_err(|_| "DEMO_SECONDS is no number")?,
        protected: Vec::new(),
        raw: BTreeSet::new(),
    };
    scene.two_databases().await?;
    let mut traffic = Traffic::start(&scene.production_url, CLIENTS);
    let mut sluice = scene.copy(&traffic).await?;
    scene.stream(&traffic, &mut sluice).await?;
    scene.one_person(&mut sluice).await?;
    scene.tester(&mut sluice).await?;
    scene.orphan(&mut sluice).await?;
    scene.new_column(&traffic, &mut sluice).await?;
    scene.frozen(&traffic, &mut sluice).await?;
    let sluice = scene.killed(&traffic, sluice).await?;
    scene.end(&mut traffic, sluice).await
}

impl Scene {
    /// The newest heartbeat that staging shows.
    async fn beat(&self) -> Result<usize> {
        Ok(self.staging.value("SELECT value FROM settings WHERE key = 'shop.heartbeat'").await?.parse().unwrap_or(0))
    }

    /// Waits until staging shows what production had committed when we asked.
    async fn caught_up(&self, traffic: &Traffic, sluice: &mut Replicator) -> Result<()> {
        let last = traffic.last_beat();
        until("staging has caught up", sluice, async || Ok(self.beat().await? >= last)).await
    }
}

async fn until(what: &str, sluice: &mut Replicator, mut done: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let start = Instant::now();
    while !done().await? {
        sluice.alive()?;
        if start.elapsed() > PATIENCE {
            return Err(format!("waited {} in vain until {what}; see demo-out/sluice.log", time(PATIENCE)).into());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}
