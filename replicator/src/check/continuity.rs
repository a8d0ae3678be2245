//! Where a pipeline has run before: is what the slot would send the continuation of what the target has?

use sink_postgres::checkpoint::{self, Identity};
use wire::Connection;

use super::production::value;
use super::{Area, Mend, Report, World};
use crate::error::{Doing, Error};
use crate::source::{continuity, production, publication, slot, wal};
use crate::start;

/// The slot first, then the checkpoint, then the end of WAL: a pipeline that runs meanwhile moves them in this order.
pub async fn all(report: &mut Report, world: &mut World<'_>, target: &mut Connection) -> Result<(), Error> {
    let (here, name) = (Area::Production, "continuity");
    let (config, slot_name) = (world.config, world.config.slot());
    if value(&mut world.source, "SELECT pg_catalog.pg_is_in_recovery()").await.doing("look at the server")? == "t" {
        report.skip(here, name, "production is a standby");
        return Ok(());
    }
    let there = match (world.servers.is_split(), &mut world.standby) {
        (false, _) => slot::look(&mut world.source, &slot_name).await.doing("look at the slot")?,
        (true, Some(standby)) => slot::look(standby, &slot_name).await.doing("look at the slot")?,
        (true, None) => {
            report.skip(here, name, "the standby is not reached");
            return Ok(());
        }
    };
    let kept = "SELECT pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'sluice' AND c.relname = 'checkpoint'";
    let known = match super::target::ask(target, kept).await?.as_str() {
        "t" => checkpoint::read(target, &config.pipeline).await?,
        _ => None,
    };
    if known.is_none() && there.is_none() {
        report.ok(here, name, "a first run: neither slot nor checkpoint is there");
        return Ok(());
    }
    // its failure is a check of its own
    let memory = config.limits.logical_decoding_work_mem;
    let Ok(mut replication) = production::replication(&world.servers.stream, &config.pipeline, memory).await else {
        report.skip(here, name, "no replication session");
        return Ok(());
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
    let target_id = checkpoint::target_id(target).await?;
    let dropped = match known.as_ref().filter(|known| known.lsn.is_some() && there.is_none()) {
        Some(_) => checkpoint::slot_dropped(target, &config.pipeline).await?,
        None => None,
    };
    let (known, key) = (known.as_ref(), start::key_of(config));
    let given_up = dropped.is_some();
    let mut done = continuity::before(known, there.as_ref(), &now, &key, &target_id, given_up, &mut replication).await;
    if let (Ok(()), Some(at)) = (&done, &dropped) {
        let says = format!(
            "the slot was dropped at limits.wal.drop_slot, {at}: run makes a new one, and staging is repaired by a copy"
        );
        replication.close().await;
        report.warn(here, name, says, Some(Mend::shell("sluice run")));
        return Ok(());
    }
    if let (Ok(()), Some(lsn)) = (&done, known.and_then(|k| k.lsn)) {
        let end = match world.servers.is_split() {
            true => Some(wal::end(&mut world.source).await?),
            false => None,
        };
        done = continuity::after(lsn, there.as_ref(), end);
    }
    replication.close().await;
    match done {
        Ok(()) => report.ok(here, name, "slot and checkpoint belong together"),
        Err(e) => report.error(here, name, &e),
    }
    Ok(())
}
