//! `sluice moved`: this database is the pipeline's target from now on; the one that it was copied from is given up.
//!
//! A copy holds rows and checkpoint of one moment, so what stands here is exact at the position that stands here. Nothing of that
//! is changed, only whose position it is: the next start compares it with the slot, as ever, and refuses where the original
//! has confirmed more meanwhile. The same comparison refuses the original, should it ever come back.

use sink_postgres::checkpoint;

use serde_json::json;

use super::args::{Args, Moved};
use super::confirm;
use super::resync::staging;
use crate::audit;
use crate::error::{Doing, Error};
use crate::source::slot;
use crate::start;

/// Writes whose position it is, after a question.
pub async fn run(args: &Args, verb: &Moved) -> Result<(), Error> {
    let (config, _) = super::load(args)?;
    let (source, target) = start::conninfos(&config)?;
    let mut db = start::ends::target(&config, &target, "moved", &[("lock_timeout", "10s")]).await?;
    let there =
        db.query("SELECT pg_catalog.to_regclass('sluice.checkpoint') IS NOT NULL", &[]).await.map_err(staging)?;
    let known = match there.get(0, 0) {
        Some("t") => checkpoint::read(&mut db, &config.pipeline).await?,
        _ => None,
    };
    let Some(known) = known else {
        return Err(Error::Refused {
            what: format!("this target has no checkpoint of pipeline {}: where its rows stand is not known", config.pipeline),
            hint: "restore schema sluice along with the tables, from the same dump; or sluice destroy, then sluice run, which brings all up to date in chunks".into(),
        });
    };
    if known.target_id == checkpoint::target_id(&mut db).await? {
        eprintln!("this database is the target of pipeline {} already; nothing was changed", config.pipeline);
        return Ok(());
    }
    let mut production = start::ends::source(&config, &source.data, "moved", &[]).await?;
    start::different(&mut production, &mut db).await?;
    let name = config.slot();
    let slot = match source.is_split() {
        true => {
            let mut standby = start::ends::source(&config, &source.stream, "moved", &[]).await?;
            let slot = slot::look(&mut standby, &name).await.doing("look at the slot")?;
            standby.close().await;
            slot
        }
        false => slot::look(&mut production, &name).await.doing("look at the slot")?,
    };
    if let Some(pid) = slot.as_ref().and_then(|s| s.active_pid) {
        return Err(Error::Refused {
            what: format!("slot {name} is in use (process {pid} on production): the original is still followed"),
            hint: "stop the sluice that runs there (SIGTERM); or give this copy a pipeline of its own: another `pipeline:` name in its sluice.yaml".into(),
        });
    }
    eprintln!(
        "{} is this database from now on. The one that it was copied from is given up: whoever runs {} into it is refused.",
        target.redacted(),
        config.pipeline
    );
    if !verb.yes {
        confirm::ask("another database gives up its place", &config.pipeline)?;
    }
    let what = json!({ "from": known.target_id });
    audit::kept(&config, &mut db, "moved", what, async |db| Ok(checkpoint::moved(db, &config.pipeline).await?)).await?;
    db.close().await;
    production.close().await;
    match (slot, known.lsn) {
        (Some(slot), Some(at)) if slot.confirmed > at => eprintln!(
            "slot {name} was confirmed up to {}, and this copy stands at {at}: next is sluice resync --all, in chunks; staging stays full meanwhile",
            slot.confirmed
        ),
        (None, Some(_)) => {
            eprintln!("slot {name} is gone: next is sluice resync --all, in chunks; staging stays full meanwhile")
        }
        _ => eprintln!("sluice run goes on from it"),
    }
    Ok(())
}
