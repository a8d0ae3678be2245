//! What becomes of the slot, and so of staging, when production fails over to a standby.
//!
//! Read from the primary alone: its physical slots (a standby that takes slots along has one), what the stream waits for, and
//! whether somebody synchronizes slots. What the standby is set to, only the standby knows.

use wire::Connection;

use super::production::value;
use super::{Area, Mend, Report, World};
use crate::error::{Doing, Error};

const HERE: Area = Area::Production;
const NAME: &str = "failover";
/// What it means where nothing is prepared.
const OTHERWISE: &str =
    "after a failover sluice resync --all brings staging up to date in chunks; staging stays full meanwhile";

/// Would the slot go along, and would staging stay behind the standby?
pub async fn all(report: &mut Report, world: &mut World<'_>) -> Result<(), Error> {
    let slot = world.config.slot();
    if world.servers.is_split() {
        let says = format!(
            "{slot} is on a standby: it outlives the promotion of that one, where sluice goes on once source.primary_url is taken out; after that of another, {OTHERWISE}"
        );
        report.ok(HERE, NAME, says);
        return Ok(());
    }
    let db = &mut world.source;
    if value(db, "SELECT pg_catalog.pg_is_in_recovery()").await.doing("look at the server")? == "t" {
        report.skip(HERE, NAME, "production is a standby");
        return Ok(());
    }
    let standbys = standbys(db).await.doing("look at the physical slots")?;
    let named = standbys.join(", ");
    let knows = db.server_version() >= 170_000;
    let waits = match knows {
        true => value(db, "SHOW synchronized_standby_slots").await.doing("read a setting")?,
        false => String::new(),
    };
    let waits: Vec<&str> = waits.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if standbys.is_empty() && waits.is_empty() {
        report.ok(
            HERE,
            NAME,
            format!("no standby reads from a slot here, so none could take {slot} along; {OTHERWISE}"),
        );
        return Ok(());
    }
    if !knows {
        let major = db.server_version() / 10_000;
        let says = format!("PostgreSQL {major} takes no slot along to a standby ({named}); {OTHERWISE}");
        report.warn(HERE, NAME, says, None);
        return Ok(());
    }
    let asleep: Vec<&str> = waits.iter().copied().filter(|name| !standbys.iter().any(|s| s == name)).collect();
    let mut prepared = true;
    if !asleep.is_empty() {
        let says = format!(
            "synchronized_standby_slots names {}, which nobody reads: until somebody does, the stream stands still",
            asleep.join(", ")
        );
        report.fail(HERE, NAME, says, Some(Mend::hand("start that standby, or take its slot out of the setting")));
        prepared = false;
    } else if waits.is_empty() {
        let says = format!(
            "synchronized_standby_slots is empty: staging may have what a standby ({named}) has not; {OTHERWISE}"
        );
        let sql = format!(
            "ALTER SYSTEM SET synchronized_standby_slots = '{}'; SELECT pg_reload_conf();\n-- those that may be promoted; the stream waits for each of them",
            named.replace('\'', "''")
        );
        report.warn(HERE, NAME, says, Some(Mend::production(sql)));
        prepared = false;
    }
    let goes = "SELECT coalesce(pg_catalog.bool_and(failover), true) FROM pg_catalog.pg_replication_slots WHERE slot_name = $1";
    let goes = db.query(goes, &[Some(&slot)]).await.doing("look at the slot")?;
    if goes.get(0, 0) == Some("f") {
        let says = format!("slot {slot} was made without FAILOVER: no standby takes it along; {OTHERWISE}");
        let mend = format!(
            "stop sluice, then: psql 'dbname=… replication=database' -c 'ALTER_REPLICATION_SLOT {slot} (FAILOVER true)'"
        );
        report.warn(HERE, NAME, says, Some(Mend::hand(mend)));
        prepared = false;
    }
    if value(db, WORKER).await.doing("look for a standby that takes slots along")? == "0" {
        let says = format!("no standby is connected that takes slots along; {OTHERWISE}");
        let mend = "on the standby that may be promoted: sync_replication_slots = on, hot_standby_feedback = on, primary_slot_name, and a dbname in primary_conninfo";
        report.warn(HERE, NAME, says, Some(Mend::hand(mend)));
        prepared = false;
    }
    if prepared {
        report.ok(HERE, NAME, format!("slot {slot} goes along, and its stream waits for {}", waits.join(", ")));
    }
    Ok(())
}

/// A standby that has logical slots asks to keep catalog rows for them (hot_standby_feedback). Before it has one, there is its session
/// that looks for them. Its name is all that one without more rights sees of it: its own, or the one that primary_conninfo
/// gives to that of the WAL receiver too.
const WORKER: &str = "
SELECT (SELECT count(*) FROM pg_catalog.pg_replication_slots s WHERE s.slot_type = 'physical' AND s.active AND s.catalog_xmin IS NOT NULL)
  + count(*) FROM pg_catalog.pg_stat_activity a
WHERE a.application_name LIKE '%slotsync worker'
  OR NOT EXISTS (SELECT FROM pg_catalog.pg_replication_slots s WHERE s.active_pid = a.pid)
    AND EXISTS (SELECT FROM pg_catalog.pg_replication_slots s JOIN pg_catalog.pg_stat_activity w ON w.pid = s.active_pid
      WHERE s.slot_type = 'physical' AND w.application_name <> '' AND w.application_name = a.application_name)";

/// Physical slots that somebody reads.
async fn standbys(db: &mut Connection) -> Result<Vec<String>, wire::Error> {
    let sql = "SELECT slot_name FROM pg_catalog.pg_replication_slots WHERE slot_type = 'physical' AND active AND NOT temporary ORDER BY 1";
    let rows = db.query(sql, &[]).await?;
    Ok(rows.iter().filter_map(|r| r.get(0).map(str::to_owned)).collect())
}
