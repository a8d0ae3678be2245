//! Where a pipeline has run before: is what the slot would send the continuation of what the target has?

use sink_postgres::checkpoint::{self, Checkpoint, Identity};
use wire::Connection;

use super::production::value;
use super::{Area, Mend, Report, World};
use crate::error::{Doing, Error};
use crate::source::slot::Slot;
use crate::source::{continuity, production, publication, slot, wal};
use crate::start;

const HERE: Area = Area::Production;
const NAME: &str = "continuity";

/// The slot first, then the checkpoint, then the end of WAL: a pipeline that runs meanwhile moves them in this order.
pub async fn all(report: &mut Report, world: &mut World<'_>, target: &mut Connection) -> Result<(), Error> {
    let Some(there) = slot(report, world).await? else { return Ok(()) };
    let config = world.config;
    let known = super::target::known(target, &config.pipeline).await?;
    if known.is_none() && there.is_none() {
        report.ok(HERE, NAME, "a first run: neither slot nor checkpoint is there");
        return Ok(());
    }
    let target_id = checkpoint::target_id(target).await?;
    let dropped = match known.as_ref().filter(|known| known.lsn.is_some() && there.is_none()) {
        Some(_) => checkpoint::slot_dropped(target, &config.pipeline).await?,
        None => None,
    };
    let done = compare(report, world, known.as_ref(), there.as_ref(), &target_id, dropped.is_some()).await?;
    if let (Some(Ok(())), Some(at)) = (&done, &dropped) {
        let says = format!(
            "the slot was dropped at limits.wal.drop_slot, {at}: run makes a new one, and staging is repaired by a copy"
        );
        report.warn(HERE, NAME, says, Some(Mend::shell("sluice run")));
        return Ok(());
    }
    told(report, done, "slot and checkpoint belong together");
    Ok(())
}

/// The slot as it is; `None`: there is nobody to ask, and that is said.
pub async fn slot(report: &mut Report, world: &mut World<'_>) -> Result<Option<Option<Slot>>, Error> {
    let name = world.config.slot();
    if value(&mut world.source, "SELECT pg_catalog.pg_is_in_recovery()").await.doing("look at the server")? == "t" {
        report.skip(HERE, NAME, "production is a standby");
        return Ok(None);
    }
    let there = match (world.servers.is_split(), &mut world.standby) {
        (false, _) => slot::look(&mut world.source, &name).await.doing("look at the slot")?,
        (true, Some(standby)) => slot::look(standby, &name).await.doing("look at the slot")?,
        (true, None) => {
            report.skip(HERE, NAME, "the standby is not reached");
            return Ok(None);
        }
    };
    Ok(Some(there))
}

/// Holds what is known against production; `None`: there is no session to ask, and that is said.
pub async fn compare(
    report: &mut Report,
    world: &mut World<'_>,
    known: Option<&Checkpoint>,
    there: Option<&Slot>,
    target_id: &str,
    given_up: bool,
) -> Result<Option<Result<(), Error>>, Error> {
    let (config, slot_name) = (world.config, world.config.slot());
    // its failure is a check of its own
    let memory = config.limits.logical_decoding_work_mem;
    let Ok(mut replication) = production::replication(&world.servers.stream, &config.pipeline, memory).await else {
        report.skip(HERE, NAME, "no replication session");
        return Ok(None);
    };
    let system = slot::identify(&mut replication).await.doing("identify the server")?;
    let names = [slot_name.clone(), config.publication_inserts()];
    let now = Identity {
        system_id: system.id.clone(),
        timeline: system.timeline,
        source_database: system.database.clone(),
        slot: slot_name,
        publications: publication::fingerprint(&mut world.source, &names).await.doing("read the publications")?,
        mask_key: config.masking.key.as_ref().map_or_else(|| "none".to_owned(), filters::key::MaskKey::id),
        policy: world.policy.fingerprint(),
    };
    let key = start::key_of(config);
    let mut done = continuity::before(known, there, &now, &key, target_id, given_up, &mut replication).await;
    if let (Ok(()), Some(lsn), false) = (&done, known.and_then(|k| k.lsn), given_up) {
        let end = match world.servers.is_split() {
            true => Some(wal::end(&mut world.source).await?),
            false => None,
        };
        done = continuity::after(lsn, there, end);
    }
    replication.close().await;
    Ok(Some(done))
}

/// Says how that ended.
pub fn told(report: &mut Report, done: Option<Result<(), Error>>, well: &str) {
    match done {
        Some(Ok(())) => report.ok(HERE, NAME, well),
        Some(Err(e)) => report.error(HERE, NAME, &e),
        None => {}
    }
}
