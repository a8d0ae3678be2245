//! What production says: the slot, how far behind we are, and what becomes of each table's columns.

use std::time::{Duration, Instant};

use filters::change::Lsn;
use filters::policy::{Class, Policy, TableRule};
use wire::Connection;

use super::standby;
use super::state::{Lag, Slot, Table};
use crate::board::{self, WAITS};
use crate::config::{Config, Lock, Resolved, SourceTable};
use crate::error::{Doing, Error};
use crate::lag;
use crate::source::slot::{self, Slot as FoundSlot};
use crate::source::{Servers, catalog, production};
use crate::start::{
    self,
    environment::{self, Side},
};

/// What it said.
#[derive(Debug, Default)]
pub struct Said {
    /// The slot, if there is one.
    pub slot: Option<Slot>,
    /// Nobody could say whether there is one.
    pub slot_unseen: bool,
    /// Behind.
    pub lag: Lag,
    /// Where production's WAL ends.
    pub end: Option<Lsn>,
    /// One word and why, of a capture that stands still and says so, or of a pipeline between two refreshes.
    pub stood: Option<(String, String)>,
    /// What the configuration makes of its tables, and these.
    pub policy: Option<(Resolved, Vec<SourceTable>)>,
    /// Those (by OID) whose updates and deletes cannot be published.
    pub unidentified: Vec<u32>,
    /// What is not as it should be.
    pub problems: Vec<String>,
}

/// Asks.
pub async fn ask(config: &Config, lock: Option<&Lock>, source: &Servers) -> Result<Said, Error> {
    let mut db = production::reader(&source.data, &config.pipeline, "status", &[]).await?;
    let mut said = Said::default();
    said.problems.extend(environment::doubt(config, Side::Source, &source.data, &mut db).await?);
    let name = config.slot();
    let found = match source.is_split() {
        false => slot::look(&mut db, &name).await.doing("look at the slot")?,
        true => match standby::ask(config, source, &mut db).await {
            Ok((found, problems)) => {
                said.problems.extend(problems);
                found
            }
            Err(e) => {
                said.problems.push(format!("the standby of source.url cannot be read: {}", e.chain()));
                said.slot_unseen = true;
                None
            }
        },
    };
    if let Some(found) = found {
        if let Some(why) = found.lost() {
            let mends = if config.buffer.is_some() { "capture --anew" } else { "resync --all" };
            said.problems.push(format!("slot {name} was invalidated: {why}; sluice {mends} makes a new one"));
        }
        (said.lag, said.end) = lag(&mut db, config, &found).await?;
        said.slot = Some(Slot {
            name,
            active: found.active_pid.is_some(),
            wal_status: found.wal_status,
            held_bytes: u64::try_from(found.held).unwrap_or(0),
            budget_bytes: config.limits.wal_warn,
            confirmed: found.confirmed.to_string(),
        });
    }
    if config.buffer.is_some() || config.every.is_some() {
        let session = format!("sluice/{}/budget", config.pipeline);
        let rows = db.query(STOOD, &[Some(&session)]).await.doing("look at the sessions")?;
        said.stood = rows.get(0, 0).and_then(board::stood);
    }
    let found = catalog::tables(&mut db).await.doing("read the catalog")?;
    db.close().await;
    said.unidentified = found.iter().filter(|t| !t.identified).map(|t| t.shape.oid).collect();
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

/// How far behind, as the replicator says in the query of its session (`crate::pipeline`), which is new every second;
/// where none runs, the WAL behind the confirmed position.
async fn lag(db: &mut Connection, config: &Config, slot: &FoundSlot) -> Result<(Lag, Option<Lsn>), Error> {
    let active = if slot.active_pid.is_some() { "t" } else { "f" };
    let watch = format!("sluice/{}/watch", config.pipeline);
    let since = Instant::now();
    loop {
        let rows = db.query(LAG, &[Some(active), Some(&watch)]).await.doing("measure the lag")?;
        let number = |i: usize| rows.get(0, i).and_then(|n| n.parse::<f64>().ok());
        let lsn = |i: usize| rows.get(0, i).and_then(|l| l.parse::<Lsn>().ok()).unwrap_or(Lsn::ZERO);
        let (end, confirmed, query) = (lsn(0), slot.confirmed, rows.get(0, 1));
        let behind = |position: Lsn| Some(end.0.saturating_sub(position.0));
        let heard = query.and_then(lag::Lag::heard);
        let waits = WAITS.iter().find(|(said, _)| query.is_some_and(|query| query.contains(said))).map(|(_, why)| *why);
        if let Some(Some((shown, seconds))) = heard {
            // what was said a while ago has grown by it: one that is stuck says no more
            let silent = number(2).filter(|age| *age > FRESH.as_secs_f64()).unwrap_or(0.0);
            let bytes = behind(shown.max(confirmed));
            return Ok((Lag { bytes, seconds: Some(seconds + silent), said: true, waits }, Some(end)));
        }
        // now and then that session is asked something else
        if heard.is_some() || query.is_none() || since.elapsed() > FRESH {
            let lag = Lag { bytes: behind(confirmed), seconds: None, said: query.is_some(), waits };
            return Ok((lag, Some(end)));
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// The session says something new at least this often.
const FRESH: Duration = Duration::from_millis(2500);
/// We look for it this often.
const AGAIN: Duration = Duration::from_millis(100);

const LAG: &str = "
SELECT pg_catalog.pg_current_wal_flush_lsn(), a.query, pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.query_start)
FROM (SELECT $1::bool AS active) s LEFT JOIN pg_catalog.pg_stat_activity a
  ON s.active AND a.application_name = $2 AND a.datname = pg_catalog.current_database()
ORDER BY a.query_start DESC NULLS LAST LIMIT 1";

/// What watches the slot of a capture that stands still says why, and nothing else in its comments.
const STOOD: &str = "
SELECT a.query FROM pg_catalog.pg_stat_activity a
WHERE a.application_name = $1 AND a.datname = pg_catalog.current_database() AND a.query LIKE '/* sluice is %'
ORDER BY a.query_start DESC LIMIT 1";

/// What the policy says of each table that is named.
pub fn tables(policy: &Policy, found: &[SourceTable], unidentified: &[u32]) -> Vec<Table> {
    let mut tables = Vec::new();
    for table in found {
        let mut shown = Table { name: table.full_name(), ..Table::default() };
        match policy.rule(&table.schema, &table.name) {
            TableRule::Exclude => continue,
            TableRule::Structure => shown.state = "structure",
            TableRule::Copy(rules) => {
                shown.identified = Some(!unidentified.contains(&table.oid));
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
