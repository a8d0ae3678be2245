//! The standby that is to have slot and stream: is it one of this primary, and does it keep what a slot needs?

use wire::quote_ident;

use super::production::{keeps, value, wal_level};
use super::{Area, Mend, Report, World};
use crate::error::{Doing, Error};
use crate::source::slot;
use crate::start::standby;

const HERE: Area = Area::Standby;

/// All of it; nothing where one server is both.
pub async fn all(report: &mut Report, world: &mut World<'_>) -> Result<(), Error> {
    if !world.servers.is_split() {
        return Ok(());
    }
    let (config, slot) = (world.config, world.config.slot());
    let Some(db) = &mut world.standby else {
        report.skip(HERE, "everything else", "the standby is not reached");
        return Ok(());
    };
    match standby::recognised(config, &world.servers, &mut world.source, db).await {
        Ok((primary, found)) if found.system.timeline == primary.timeline => {
            report.ok(HERE, "standby", format!("of this primary, on its timeline {}", primary.timeline));
        }
        Ok((primary, found)) => {
            report.error(HERE, "standby", &standby::apart(found.system.timeline, primary.timeline, false));
        }
        Err(e) => {
            // what follows would be about another server than is meant
            report.error(HERE, "standby", &e);
            return Ok(());
        }
    }
    wal_level(report, HERE, db).await?;
    for (name, bad, says, sql) in SETTINGS {
        let is = value(db, &format!("SHOW {name}")).await.doing("read a setting")?;
        match is == *bad {
            true => report.warn(HERE, name, *says, Some(Mend::standby(*sql))),
            false => report.ok(HERE, name, is),
        }
    }
    let name = "recovery_min_apply_delay";
    let delay = value(db, &format!("SHOW {name}")).await.doing("read a setting")?;
    if delay != "0" {
        let says = format!(
            "{delay}: staging is late by that, and where it is more than a few seconds no table is ever copied"
        );
        let sql = format!("ALTER SYSTEM SET {name} = 0; SELECT pg_reload_conf();");
        report.warn(HERE, name, says, Some(Mend::standby(sql)));
    }
    keeps(report, HERE, db, &world.servers.stream, config).await?;
    let source = &mut world.source;
    if slot::look(source, &slot).await.doing("look at the slot")?.is_some() {
        let says =
            format!("{slot} is on the primary too, from before there was a source.primary_url: it holds WAL there");
        report.fail(Area::Production, "slot", says, Some(Mend::shell("sluice resync --all")));
    }
    let may = "SELECT pg_catalog.has_function_privilege('pg_catalog.pg_log_standby_snapshot()', 'EXECUTE')";
    if value(source, may).await.doing("look at rights")? != "t" {
        let role = quote_ident(world.servers.data.user());
        let sql = format!("GRANT EXECUTE ON FUNCTION pg_catalog.pg_log_standby_snapshot() TO {role};");
        let says = "not ours to call: making the slot on the standby takes up to half a minute longer";
        report.warn(Area::Production, "pg_log_standby_snapshot()", says, Some(Mend::production(sql)));
    } else {
        report.ok(Area::Production, "pg_log_standby_snapshot()", "hastens the slot on the standby");
    }
    Ok(())
}

/// A setting, what it must not be, what that means, and what mends it.
const SETTINGS: &[(&str, &str, &str, &str)] = &[
    (
        "hot_standby_feedback",
        "off",
        "off: the primary may remove rows of its catalog that the slot needs, and the slot is lost",
        "ALTER SYSTEM SET hot_standby_feedback = on; SELECT pg_reload_conf();",
    ),
    (
        "primary_slot_name",
        "",
        "none: while the standby is away the primary keeps neither WAL nor rows of its catalog for it, and our slot is lost",
        "-- on the primary: SELECT pg_create_physical_replication_slot('standby', true);\nALTER SYSTEM SET primary_slot_name = 'standby'; SELECT pg_reload_conf();",
    ),
];
