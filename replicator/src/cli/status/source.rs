//! What production says: the slot, how far behind we are, and what becomes of each table's columns.

use filters::policy::{Class, Policy, TableRule};
use wire::{Connection, Conninfo};

use super::state::{Lag, Slot, Table};
use crate::config::{Config, Lock, Resolved, SourceTable};
use crate::error::{Doing, Error};
use crate::source::{catalog, production, slot};
use crate::start;

/// What it said.
#[derive(Debug, Default)]
pub struct Said {
    /// The slot, if there is one.
    pub slot: Option<Slot>,
    /// Behind.
    pub lag: Lag,
    /// What the configuration makes of its tables, and these.
    pub policy: Option<(Resolved, Vec<SourceTable>)>,
    /// What is not as it should be.
    pub problems: Vec<String>,
}

/// Asks.
pub async fn ask(config: &Config, lock: Option<&Lock>, info: &Conninfo) -> Result<Said, Error> {
    let mut db = production::reader(info, &config.pipeline, "status", &[]).await?;
    let mut said = Said::default();
    let name = config.slot();
    if let Some(found) = slot::look(&mut db, &name).await.doing("look at the slot")? {
        if found.wal_status == "lost" {
            said.problems.push(format!(
                "slot {name} was invalidated: production removed WAL that staging still needs; sluice resync --all makes a new one"
            ));
        }
        said.lag = lag(&mut db, config).await?;
        said.slot = Some(Slot {
            name,
            active: found.active_pid.is_some(),
            wal_status: found.wal_status,
            held_bytes: u64::try_from(found.held).unwrap_or(0),
            budget_bytes: config.limits.wal_warn,
            confirmed: found.confirmed.to_string(),
        });
    }
    let found = catalog::tables(&mut db).await.doing("read the catalog")?;
    db.close().await;
    let plain: Vec<SourceTable> = found.iter().map(start::described).collect();
    match config.resolve(&plain, lock) {
        Ok(resolved) => said.policy = Some((resolved, plain)),
        Err(problems) => {
            said.problems
                .extend(problems.0.iter().map(|p| format!("the configuration no longer fits production: {p}")));
        }
    }
    Ok(said)
}

/// Bytes from the confirmed position to the end of WAL; seconds as the WAL sender measures them.
async fn lag(db: &mut Connection, config: &Config) -> Result<Lag, Error> {
    let rows = db
        .query(
            "SELECT pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), s.confirmed_flush_lsn)::bigint,
               CASE WHEN r.pid IS NOT NULL THEN pg_catalog.date_part('epoch', coalesce(r.flush_lag, '0'::interval)) END
             FROM pg_catalog.pg_replication_slots s LEFT JOIN pg_catalog.pg_stat_replication r ON r.pid = s.active_pid
             WHERE s.slot_name = $1",
            &[Some(&config.slot())],
        )
        .await
        .doing("measure the lag")?;
    let bytes = rows.get(0, 0).and_then(|b| b.parse::<i64>().ok());
    Ok(Lag {
        bytes: bytes.map(|b| u64::try_from(b).unwrap_or(0)),
        seconds: rows.get(0, 1).and_then(|s| s.parse().ok()),
    })
}

/// What the policy says of each table that is named.
pub fn tables(policy: &Policy, found: &[SourceTable]) -> Vec<Table> {
    let mut tables = Vec::new();
    for table in found {
        let mut shown = Table { name: table.full_name(), ..Table::default() };
        match policy.rule(&table.schema, &table.name) {
            TableRule::Exclude => continue,
            TableRule::Structure => shown.state = "structure",
            TableRule::Copy(rules) => {
                let of = |is: fn(&Class) -> bool| table.columns.iter().filter(move |c| is(rules.class(&c.name)));
                shown.masked = Some(of(|c| matches!(c, Class::Mask { .. })).count() as u64);
                shown.dropped = Some(of(|c| matches!(c, Class::Drop)).count() as u64);
                shown.withheld = of(|c| matches!(c, Class::Withheld)).map(|c| c.name.clone()).collect();
            }
        }
        tables.push(shown);
    }
    tables
}
