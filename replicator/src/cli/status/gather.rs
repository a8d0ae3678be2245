//! Asks both servers, and the broker where there is one, at the same time, and puts together what they said. One that does not answer is said, not guessed.

use std::time::Duration;

use sink_postgres::known::{self, Memory};
use sink_postgres::{freeze, orphans, session};
use wire::{Connection, Conninfo};

use super::source::{self, Said};
use super::state::{Checkpoint, Freeze, Orphans, Server, State, Table};
#[cfg(feature = "kafka")]
use super::topic;
use crate::config::{Config, Lock, table_name};
use crate::error::Error;
use crate::start::{
    self,
    environment::{self, Side},
};

/// A server that takes longer is said to be out of reach.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the target said.
#[derive(Debug, Default)]
struct Target {
    connected: bool,
    hold: Option<String>,
    waiting_for: Vec<i32>,
    slot_dropped: Option<String>,
    /// Where the topic is read on, if it follows one.
    reads_on: Option<i64>,
    checkpoint: Option<Checkpoint>,
    tables: Vec<Table>,
    /// What was known of the tables when they were registered.
    memory: Memory,
    protected: Vec<String>,
    /// Why it may be another server than the file means.
    doubt: Option<String>,
    orphans: Vec<Orphans>,
    freeze: Option<Freeze>,
}

/// The state, and the error of a server that could not be asked.
pub async fn gather(config: &Config, lock: Option<&Lock>) -> Result<(State, Option<Error>), Error> {
    let (from, to) = start::conninfos(config)?;
    #[cfg(feature = "kafka")]
    let between = async {
        match config.buffer {
            Some(_) => Some(topic::ask(config).await),
            None => None,
        }
    };
    #[cfg(not(feature = "kafka"))]
    let between = async {};
    let (production, staging, between) = tokio::join!(
        patient("production", source::ask(config, lock, &from)),
        patient("target", target(config, &to)),
        between
    );
    let mut state = State { pipeline: config.pipeline.clone(), ..State::default() };
    let mut failed = None;
    let mut server = |environment: &Option<String>, error: Option<Error>| {
        let told = error.as_ref().map(Error::chain);
        let server = Server { environment: environment.clone(), reachable: told.is_none(), error: told };
        if failed.is_none() {
            failed = error;
        }
        server
    };
    let (production, error) = split(production);
    state.source = server(&config.source.environment, error);
    let (staging, error) = split(staging);
    state.target = server(&config.target.environment, error);
    let Said { slot, slot_unseen, lag, end, stood, policy, unidentified, problems } = production;
    let whole = policy.is_some();
    let tables = policy.map_or_else(Vec::new, |(mut resolved, found)| {
        resolved.remember(&found, &staging.memory);
        source::tables(&resolved.policy, &found, &unidentified)
    });
    (state.slot, state.lag, state.problems) = (slot, lag, problems);
    state.problems.extend(staging.doubt);
    state.copy_waits = state.lag.waits;
    state.tables = join(tables, staging.tables, whole);
    for name in staging.protected {
        state.tables.push(Table { name, state: "protected", ..Table::default() });
    }
    if state.target.reachable {
        state.connected = Some(staging.connected);
        state.hold = staging.hold;
        state.waiting_for_pids = staging.waiting_for;
        state.checkpoint = staging.checkpoint;
        state.orphans = staging.orphans;
        state.freeze = staging.freeze;
    }
    // without a topic it is a whole pipeline that says so of itself
    state.resting = stood.as_ref().filter(|(word, _)| word == "resting").map(|(_, why)| why.clone());
    #[cfg(feature = "kafka")]
    if let Some(found) = between {
        let next = staging.reads_on.filter(|_| state.checkpoint.as_ref().is_some_and(|c| c.lsn.is_some()));
        let production = (state.source.reachable, stood);
        let error = topic::join(config, found, next, &mut state, production).await;
        state.lag = topic::whole(&state, end);
        failed = failed.or(error);
    }
    #[cfg(not(feature = "kafka"))]
    let ((), _, _) = (between, end, stood);
    if state.lag.seconds.is_none() && !state.lag.said {
        state.lag.seconds = state.checkpoint.as_ref().filter(|c| c.lsn.is_some()).map(|c| c.updated_seconds_ago);
    }
    if state.source.reachable
        && !slot_unseen
        && state.slot.is_none()
        && state.checkpoint.as_ref().is_some_and(|c| c.lsn.is_some())
    {
        state.problems.push(match &staging.slot_dropped {
            Some(at) => format!(
                "slot {} held more than limits.wal.drop_slot, and sluice dropped it at {at}; sluice run makes a new one and repairs staging",
                config.slot()
            ),
            None => {
                let mends = if config.buffer.is_some() { "capture --anew" } else { "resync --all" };
                format!("slot {} is gone from production; sluice {mends} makes a new one", config.slot())
            }
        });
    }
    state.conclude();
    Ok((state, failed))
}

fn split<T: Default>(result: Result<T, Error>) -> (T, Option<Error>) {
    match result {
        Ok(said) => (said, None),
        Err(e) => (T::default(), Some(e)),
    }
}

async fn patient<T>(which: &str, ask: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let late = || wire::Error::Timeout { action: format!("ask {which}"), after: PATIENCE };
    match tokio::time::timeout(PATIENCE, ask).await {
        Ok(said) => said,
        Err(_) => Err(Error::Production { action: "status".into(), source: late() }),
    }
}

/// The policy's tables with what the target knows of them; then what the target still has and nobody names any more.
fn join(mut policy: Vec<Table>, target: Vec<Table>, whole: bool) -> Vec<Table> {
    for known in target {
        match policy.iter_mut().find(|t| t.name == known.name) {
            Some(table) => {
                let said = std::mem::take(table);
                *table = Table {
                    masked: said.masked,
                    dropped: said.dropped,
                    withheld: said.withheld,
                    identified: said.identified,
                    ..known
                };
            }
            None => policy.push(Table { state: if whole { "leaving" } else { "" }, ..known }),
        }
    }
    policy.sort_by(|a, b| (a.state == "structure", &a.name).cmp(&(b.state == "structure", &b.name)));
    policy
}

async fn target(config: &Config, info: &Conninfo) -> Result<Target, Error> {
    let read_only = [("default_transaction_read_only", "on")];
    let opened = session::open(info, &config.pipeline, "status", false, &read_only).await;
    let mut db = opened.map_err(sink_postgres::Error::from)?;
    let protected = start::protected(config, &mut db).await?;
    let mut said = read(config, &mut db).await.map_err(sink_postgres::Error::from)?;
    said.doubt = environment::doubt(config, Side::Target, info, &mut db).await?;
    said.memory = known::read(&mut db, &config.pipeline).await?;
    said.protected = protected.iter().map(|(s, n)| table_name(s, n)).collect();
    said.protected.sort();
    said.freeze = freeze::read(&mut db, &config.pipeline).await?.map(frozen);
    said.orphans = orphans::last(&mut db, &config.pipeline).await?.into_iter().map(shown).collect();
    db.close().await;
    Ok(said)
}

fn frozen(freeze: freeze::Freeze) -> Freeze {
    Freeze {
        since: freeze.since,
        until: freeze.until,
        who: freeze.who,
        reason: freeze.reason,
        at: freeze.at.map(|at| at.to_string()),
        stands_since: freeze.stands_since,
        consistent: freeze.consistent,
    }
}

fn shown(last: orphans::Last) -> Orphans {
    Orphans {
        table: table_name(&last.table.0, &last.table.1),
        constraint: last.constraint,
        refers_to: table_name(&last.refers_to.0, &last.refers_to.1),
        rows: last.orphans,
        counted_at: last.counted_at,
    }
}

async fn read(config: &Config, db: &mut Connection) -> Result<Target, wire::Error> {
    let mut said = Target::default();
    let there = db.query("SELECT pg_catalog.to_regclass('sluice.pending') IS NOT NULL", &[]).await?;
    if there.get(0, 0) != Some("t") {
        return Ok(said);
    }
    let rows = db.query(CHECKPOINT, &[Some(&config.pipeline)]).await?;
    if let Some(row) = rows.first() {
        said.hold = row.get(2).map(str::to_owned);
        said.slot_dropped = row.get(4).map(str::to_owned);
        said.reads_on = row.get(5).and_then(|offset| offset.parse().ok());
        said.checkpoint = Some(Checkpoint {
            lsn: row.get(0).map(str::to_owned),
            updated_seconds_ago: row.get(1).and_then(|s| s.parse().ok()).unwrap_or(0.0),
            source_time: row.get(3).map(str::to_owned),
        });
    }
    for row in db.query(SESSIONS, &[Some(&config.pipeline)]).await?.iter() {
        said.connected |= row.get(0) == Some("t");
        said.waiting_for.extend(row.get(1).unwrap_or("").split(',').filter_map(|p| p.parse::<i32>().ok()));
    }
    said.waiting_for.sort_unstable();
    said.waiting_for.dedup();
    // a target of an earlier version has not all of them before `run` has made them
    let there = "SELECT pg_catalog.to_regclass('sluice.quarantine') IS NOT NULL, pg_catalog.to_regclass('sluice.shadowed') IS NOT NULL,
        pg_catalog.to_regclass('sluice.tombstones') IS NOT NULL";
    let there = db.query(there, &[]).await?;
    let count = |i: usize, sql: &'static str| if there.get(0, i) == Some("t") { sql } else { "0" };
    let sql = TABLES.replace("QUARANTINED", count(0, QUARANTINED)).replace("SHADOWED", count(1, SHADOWED));
    let sql = sql.replace("TOMBSTONES", count(2, TOMBSTONES));
    for row in db.query(&sql, &[Some(&config.pipeline)]).await?.iter() {
        let number = |i: usize| row.get(i).and_then(|n| n.parse::<u64>().ok());
        said.tables.push(Table {
            name: table_name(row.get(0).unwrap_or(""), row.get(1).unwrap_or("")),
            rows_copied: Some(number(2).unwrap_or(0)),
            rows_applied: Some(number(3).unwrap_or(0)),
            divergences: number(4).unwrap_or(0),
            last_change_seconds_ago: row.get(5).and_then(|s| s.parse().ok()),
            wait_xid: number(6),
            pending_ranges: number(7).unwrap_or(0),
            pending_points: number(8).unwrap_or(0),
            copied_at: row.get(9).map(str::to_owned),
            copy_seconds: number(10).map(|ms| ms as f64 / 1000.0),
            copied_because: row.get(11).filter(|why| !why.is_empty() && number(7) > Some(0)).map(str::to_owned),
            quarantined: number(12).unwrap_or(0),
            shadowed: number(13).unwrap_or(0),
            tombstones: number(14).unwrap_or(0),
            ..Table::default()
        });
    }
    Ok(said)
}

const CHECKPOINT: &str = "
SELECT lsn, pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - updated_at), hold,
  pg_catalog.to_char(source_time AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'),
  pg_catalog.to_jsonb(c) ->> 'slot_dropped', pg_catalog.to_jsonb(c) ->> 'read_on'
FROM sluice.checkpoint c WHERE pipeline = $1";

// a session waits for others' locks only: those of our own that wait for each other are none of the reader's business
const SESSIONS: &str = "
SELECT a.application_name = 'sluice/' || $1 || '/apply',
  (SELECT pg_catalog.string_agg(b.pid::text, ',') FROM pg_catalog.unnest(pg_catalog.pg_blocking_pids(a.pid)) w(pid)
    JOIN pg_catalog.pg_stat_activity b ON b.pid = w.pid WHERE b.application_name NOT LIKE 'sluice/%')
FROM pg_catalog.pg_stat_activity a
WHERE a.datname = pg_catalog.current_database()
  AND a.application_name IN ('sluice/' || $1 || '/apply', 'sluice/' || $1 || '/load')";

const QUARANTINED: &str = "(SELECT count(*) FROM sluice.quarantine q WHERE (q.pipeline, q.schema, q.name) = (t.pipeline, t.schema, t.name) AND NOT q.skipped)";

const SHADOWED: &str =
    "(SELECT count(*) FROM sluice.shadowed q WHERE (q.pipeline, q.schema, q.name) = (t.pipeline, t.schema, t.name))";

const TOMBSTONES: &str =
    "(SELECT count(*) FROM sluice.tombstones q WHERE (q.pipeline, q.schema, q.name) = (t.pipeline, t.schema, t.name))";

const TABLES: &str = r#"
SELECT t.schema, t.name, t.rows_copied, t.rows_applied, t.divergences,
  pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - t.last_change), t.wait_xid,
  count(p.id) FILTER (WHERE p.point IS NULL), count(p.point),
  pg_catalog.to_char(t.copied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), t.copy_ms, t.note, QUARANTINED, SHADOWED, TOMBSTONES
FROM sluice.tables t LEFT JOIN sluice.pending p USING (pipeline, schema, name)
WHERE t.pipeline = $1 GROUP BY t.pipeline, t.schema, t.name"#;
