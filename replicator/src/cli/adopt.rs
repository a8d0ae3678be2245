//! `sluice adopt`: goes on from a slot and a publication that another replicator has used.
//!
//! The tables are *declared* equal at the slot's confirmed position: nothing is copied, and nothing is proved. For
//! taking over from native replication, and for the yardstick. `run` reads that publication from then on.

use sink_postgres::{checkpoint, schema};
use wire::quote_literal;

use serde_json::json;

use super::args::{Adopt, Args};
use crate::audit;
use crate::config::{Problem, table_name};
use crate::error::{Doing, Error};
use crate::figures::some;
use crate::source::standby::vouched;
use crate::source::{production, publication, slot};
use crate::start;

/// Writes the checkpoint and registers the tables as done.
pub async fn run(args: &Args, verb: &Adopt) -> Result<(), Error> {
    let (config, lock) = super::load(args)?;
    if verb.slot != config.slot() {
        let what = format!("pipeline {} reads slot {}, not {}", config.pipeline, config.slot(), verb.slot);
        return Err(Error::Config(
            Problem::new("pipeline", what).hint("the slot must be named sluice_<pipeline>").into(),
        ));
    }
    let (source, target) = start::conninfos(&config)?;
    let mut db = start::ends::source(&config, &source.data, "adopt", &[]).await?;
    let mut staging = start::ends::target(&config, &target, "adopt", &[]).await?;
    start::different(&mut db, &mut staging).await?;
    let demands = start::Demands::read(&mut staging).await?;
    let plan = start::plan(&config, lock.as_ref(), Default::default(), &demands, &mut db).await?.proved()?;
    // where source.url is a standby it has the slot, and the position to compare is the primary's history too
    let mut standby = start::standby::open(&config, &source, &mut db, false).await?.map(|(standby, _)| standby);
    let found = match &standby {
        Some(standby) => standby.slot(&verb.slot).await?,
        None => slot::look(&mut db, &verb.slot).await.doing("look at the slot")?,
    };
    let refuse = |what: String, hint: &str| Err(Error::Refused { what, hint: hint.to_owned() });
    let at = match found {
        None => return refuse(format!("there is no slot {}", verb.slot), "sluice run makes one, and copies"),
        Some(s) if !s.ours || s.lost().is_some() => {
            return refuse(
                format!("slot {} is no usable pgoutput slot of this database", verb.slot),
                "sluice run copies",
            );
        }
        Some(s) if s.active_pid.is_some() => {
            return refuse(
                format!("slot {} is in use", verb.slot),
                "stop whoever reads it, and detach the slot from it",
            );
        }
        Some(s) => s.confirmed,
    };
    publication::publishes(&mut db, &verb.publication, plan.tables.iter().map(|(t, _)| t)).await?;
    schema::ensure(&mut staging).await?;
    if checkpoint::read(&mut staging, &config.pipeline).await?.is_some() {
        return refuse(
            format!("the target already has a checkpoint of pipeline {}", config.pipeline),
            "sluice run goes on there; sluice destroy would forget it",
        );
    }
    let memory = config.limits.logical_decoding_work_mem;
    let mut replication = production::replication(&source.stream, &config.pipeline, memory).await?;
    if let Some(standby) = &mut standby {
        standby.expect(&mut replication).await?;
    }
    let publications = [verb.publication.clone()];
    let identity = start::identity(&plan, &verb.slot, &publications, &mut db, &mut replication).await?;
    replication.close().await;
    let what = json!({ "slot": verb.slot, "publication": verb.publication, "at": at.to_string() });
    // without a result where something fails on the way: then everything is pending, and the next run copies
    let begun = audit::begin(&config, &mut staging, "adopt", &what).await?.id;
    checkpoint::intend(&mut staging, &config.pipeline, &identity).await?;
    let protected = start::protected(&config, &mut staging).await?;
    let taken = start::take_over(&config, &target, &plan, protected, start::on_error(&config, true)).await?;
    let mut sink = taken.sink;
    // in this order: killed in between, everything is pending, and the next run copies
    vouched(standby.as_ref()).await?;
    sink.place(at, &identity).await?;
    let p = quote_literal(&config.pipeline);
    let sql = format!("DELETE FROM sluice.pending WHERE pipeline = {p}");
    staging.simple(&sql).await.map_err(sink_postgres::Error::from)?;
    audit::end(&config, &mut staging, "adopt", begun, "done").await;
    eprintln!(
        "adopted slot {} at {at}: {} declared equal to production there; sluice run goes on from it",
        verb.slot,
        some(plan.tables.len() as u64, "table is", "tables are")
    );
    let partly = |c: &filters::filter::Compiled| c.masked_columns().chain(c.dropped_columns()).next().is_some();
    for (table, compiled) in plan.tables.iter().filter(|(_, c)| partly(c)) {
        let (schema, name) = table.name();
        eprintln!(
            "note: {} has masked or dropped columns; raw values that already stand in them on the target stay until sluice resync {}",
            compiled.input(),
            table_name(&schema, &name)
        );
    }
    Ok(())
}
