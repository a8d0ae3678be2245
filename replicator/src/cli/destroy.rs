//! `sluice destroy`: takes a pipeline off both servers. Rows that were copied stay.
//!
//! Production first: a slot that is left behind fills its disk. A server that cannot be reached is left out, and what is
//! left there is said; the same verb again does the rest.

use std::time::{Duration, Instant};

use sink_postgres::{checkpoint, session};
use wire::{Connection, Conninfo, quote_ident, quote_literal};

use serde_json::json;

use super::args::{Args, Destroy};
use super::{confirm, resync};
use crate::audit;
use crate::config::Config;
use crate::error::{Doing, Error};
use crate::source::slot;
use crate::start::{
    self,
    environment::{self, Side},
};

/// Does it, after a question.
pub async fn run(args: &Args, verb: &Destroy) -> Result<(), Error> {
    let (config, _) = super::load(args)?;
    let (source, target) = start::conninfos(&config)?;
    let standby = async {
        if source.is_split() { Some(open(&source.stream, &config).await.doing("connect to the standby")) } else { None }
    };
    let (production, mut standby, staging) = tokio::join!(open(&source.data, &config), standby, open(&target, &config));
    let mut production = production.doing("connect");
    let mut staging = staging.map_err(target_error);
    if let Ok(db) = &mut production {
        environment::require(&config, Side::Source, &source.data, db).await?;
    }
    if let Some(Ok(db)) = &mut standby {
        environment::require(&config, Side::Source, &source.stream, db).await?;
    }
    if let Ok(db) = &mut staging {
        start::ends::writable(&config, &target, db).await?;
    }
    let name = config.slot();
    for db in production.iter_mut().chain(standby.iter_mut().flatten()) {
        if let Some(pid) = slot::look(db, &name).await.doing("look at the slot")?.and_then(|s| s.active_pid) {
            return Err(in_use(&name, pid));
        }
    }
    let mut known = false;
    if let Ok(db) = &mut staging {
        if stays_connected(&config, db).await? {
            return Err(running("a sluice of this pipeline is connected to the target"));
        }
        known = kept(db).await? && checkpoint::read(db, &config.pipeline).await?.is_some();
    }
    announce(&config, &production, &staging, known);
    if !verb.yes {
        confirm::ask("this cannot be undone", &config.pipeline)?;
    }
    let mut begun = None;
    if let Ok(db) = &mut staging
        && kept(db).await?
    {
        begun = Some(audit::begin(&config, db, "destroy", &json!({ "slot": name })).await?.id);
    }
    // the slot first: no publication goes that it could still be read through
    let mut left = match standby {
        None => None,
        Some(Ok(mut db)) => {
            drop_slot(&name, &mut db, " on the standby").await?;
            db.close().await;
            None
        }
        Some(Err(e)) => {
            eprintln!("the standby cannot be reached; slot {name} is left there, and holds WAL");
            Some(e)
        }
    };
    match production {
        Ok(db) => left = on_production(&config, db).await?.or(left),
        Err(e) => {
            eprintln!("production cannot be reached; slot {name} is left there, and holds WAL");
            left = Some(e);
        }
    }
    match staging {
        Ok(db) => {
            let result = left.as_ref().map_or_else(|| "done".to_owned(), Error::chain);
            on_target(&config, db, begun.map(|begun| (begun, result))).await?;
        }
        Err(e) => {
            eprintln!("the target cannot be reached; what schema sluice has of {} is left there", config.pipeline);
            left.get_or_insert(e);
        }
    }
    match left {
        Some(e) => Err(e),
        None => {
            eprintln!("pipeline {} is gone; the rows that it copied stay", config.pipeline);
            if let Some(buffer) = &config.buffer {
                let topic = &buffer.topic;
                eprintln!(
                    "topics {topic}, {topic}.state and {topic}.requests stay: they are Kafka's, and may be others' too"
                );
            }
            Ok(())
        }
    }
}

/// Is a replicator connected to the target? The session of one that has just ended is there for a moment longer.
async fn stays_connected(config: &Config, db: &mut Connection) -> Result<bool, Error> {
    let began = Instant::now();
    while resync::connected(config, db).await? {
        if began.elapsed() > Duration::from_secs(2) {
            return Ok(true);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(false)
}

/// A session that writes, also where a role or a server has made every transaction read-only: a person has asked for it just
/// now, and it takes away what is ours and nothing else.
async fn open(info: &Conninfo, config: &Config) -> Result<Connection, wire::Error> {
    let settings = [("lock_timeout", "10s"), ("default_transaction_read_only", "off")];
    session::open(info, &config.pipeline, "destroy", false, &settings).await
}

fn announce<T>(config: &Config, production: &Result<T, Error>, staging: &Result<T, Error>, known: bool) {
    if production.is_ok() {
        eprintln!("production: drops slot {} and publications of that name", config.slot());
    }
    if staging.is_ok() {
        eprintln!("target: forgets pipeline {}; its tables and their rows stay", config.pipeline);
        if !known {
            eprintln!(
                "note: this target has no checkpoint of it; if another target follows the slot, that one loses it"
            );
        }
    }
}

/// Drops the slot, and says so, or that there is none.
async fn drop_slot(name: &str, db: &mut Connection, place: &str) -> Result<(), Error> {
    if slot::look(db, name).await.doing("look at the slot")?.is_none() {
        eprintln!("there is no slot {name}{place}");
        return Ok(());
    }
    match slot::drop(db, name).await {
        // object in use
        Err(e) if e.sqlstate() == Some("55006") => {
            let pid = slot::look(db, name).await.doing("look at the slot")?.and_then(|s| s.active_pid);
            return Err(in_use(name, pid.unwrap_or_default()));
        }
        done => done.doing("drop the slot")?,
    }
    eprintln!("slot {name} is dropped{place}");
    Ok(())
}

/// Slot, then publications. Gives what could not be done.
async fn on_production(config: &Config, mut db: Connection) -> Result<Option<Error>, Error> {
    let name = config.slot();
    drop_slot(&name, &mut db, if config.source.primary.is_some() { " on the primary" } else { "" }).await?;
    let sql = "SELECT pubname, pg_catalog.pg_has_role(pubowner, 'USAGE') FROM pg_catalog.pg_publication WHERE pubname IN ($1, $2) ORDER BY 1";
    let rows =
        db.query(sql, &[Some(&name), Some(&config.publication_inserts())]).await.doing("read the publications")?;
    let mut others = Vec::new();
    for row in rows.iter() {
        let publication = row.get(0).unwrap_or_default();
        let sql = format!("DROP PUBLICATION {};", quote_ident(publication));
        if row.get(1) == Some("t") {
            db.simple(&sql).await.doing("drop the publication")?;
            eprintln!("publication {publication} is dropped");
        } else {
            others.push(sql);
        }
    }
    db.close().await;
    Ok((!others.is_empty()).then(|| Error::Refused {
        what: "the publications are not ours to drop; all else is done".into(),
        hint: format!("run on production, as their owner:\n{}", others.join("\n")),
    }))
}

/// What is kept of a pipeline beside its checkpoint. `sluice.removed` and `sluice.audit` are not ours to forget.
const RECORDS: [&str; 9] = [
    "sluice.pending",
    "sluice.quarantine",
    "sluice.shadowed",
    "sluice.tombstones",
    "sluice.orphans",
    "sluice.described",
    "sluice.freeze",
    "sluice.runs",
    "sluice.tables",
];

/// Our rows; the schema too, if they were the last ones and it is ours.
///
/// With them goes the audit of what was done to rows that nobody follows any more, once its last entries are said: the log has their hash, and
/// `audit.file` has them all. What it tells of who has looked values up stays.
async fn on_target(config: &Config, mut db: Connection, audited: Option<(i64, String)>) -> Result<(), Error> {
    if !kept(&mut db).await? {
        eprintln!("the target has no schema sluice");
        return Ok(());
    }
    let p = quote_literal(&config.pipeline);
    // the checkpoint first: whoever holds its row ends before we go on, and is fenced
    let mut sql = format!("BEGIN; DELETE FROM sluice.checkpoint WHERE pipeline = {p}; ");
    for table in RECORDS {
        // an earlier version has not made all of them
        if there(&mut db, table).await? {
            sql.push_str(&format!("DELETE FROM {table} WHERE pipeline = {p}; "));
        }
    }
    sql.push_str("COMMIT");
    db.simple(&sql).await.map_err(target_error)?;
    eprintln!("the target has forgotten pipeline {}", config.pipeline);
    if let Some((begun, result)) = audited
        && let Some(last) = audit::end(config, &mut db, "destroy", begun, &result).await
    {
        eprintln!("the last entry of its audit is {}: {}", last.id, last.hash.unwrap_or_default());
    }
    // one that an earlier version made, and none has run since, lacks them
    let mut kept = Vec::new();
    for from in ["sluice.audit WHERE verb LIKE 'masks try%'", "sluice.removed"] {
        let counted = there(&mut db, from.split(' ').next().unwrap_or_default()).await?;
        kept.push(if counted { format!("(SELECT count(*) FROM {from})") } else { "0".to_owned() });
    }
    let kept = kept.join(", ");
    let sql = format!(
        "SELECT (SELECT count(*) FROM sluice.checkpoint), pg_catalog.pg_has_role(nspowner, 'USAGE'),
           pg_catalog.to_regclass('sluice.environment') IS NOT NULL, {kept}
         FROM pg_catalog.pg_namespace WHERE nspname = 'sluice'"
    );
    let rows = db.query(&sql, &[]).await.map_err(target_error)?;
    match (rows.get(0, 0), rows.get(0, 1)) {
        (Some("0"), _) if rows.get(0, 4) != Some("0") => {
            eprintln!("schema sluice stays: sluice.removed has rows of staging's own, which nobody has restored")
        }
        (Some("0"), _) if rows.get(0, 3) != Some("0") => {
            eprintln!("schema sluice stays: sluice.audit says who asked what of it, and is not for us to forget")
        }
        (Some("0"), _) if rows.get(0, 2) == Some("t") => drop_tables(&mut db).await?,
        (Some("0"), Some("t")) => drop_schema(&mut db).await?,
        (Some("0"), _) => eprintln!("schema sluice is empty now, and not ours to drop: DROP SCHEMA sluice CASCADE;"),
        _ => eprintln!("schema sluice stays: other pipelines keep their checkpoints there"),
    }
    db.close().await;
    Ok(())
}

/// Where the server says what it is, the table that says so stays, and the schema with it: both are its administrator's.
async fn drop_tables(db: &mut Connection) -> Result<(), Error> {
    drop_ours(
        db,
        "",
        "schema sluice has nothing of ours any more; sluice.environment says what this server is, and stays",
    )
    .await
}

async fn drop_schema(db: &mut Connection) -> Result<(), Error> {
    drop_ours(db, "DROP SCHEMA sluice;", "schema sluice is dropped").await
}

/// Not with CASCADE: what somebody else has put there, or built upon it, is not ours to drop.
async fn drop_ours(db: &mut Connection, more: &str, done: &str) -> Result<(), Error> {
    let sql = format!(
        "BEGIN; LOCK TABLE sluice.checkpoint IN ACCESS EXCLUSIVE MODE;
        DROP TABLE IF EXISTS sluice.quarantine, sluice.shadowed, sluice.tombstones, sluice.removed, sluice.orphans, sluice.audit, sluice.described, sluice.freeze, sluice.runs; DROP TABLE sluice.pending, sluice.tables, sluice.checkpoint; {more} COMMIT"
    );
    match db.simple(&sql).await {
        Ok(_) => eprintln!("{done}"),
        // dependent objects, or a table or lock of somebody else's
        Err(e) if matches!(e.sqlstate(), Some("2BP01" | "42501" | "55P03")) => {
            db.simple("ROLLBACK").await.map_err(target_error)?;
            eprintln!("schema sluice stays: something of somebody else's is in it, or in use");
        }
        Err(e) => return Err(target_error(e)),
    }
    Ok(())
}

async fn kept(db: &mut Connection) -> Result<bool, Error> {
    there(db, "sluice.pending").await
}

async fn there(db: &mut Connection, table: &str) -> Result<bool, Error> {
    let sql = "SELECT pg_catalog.to_regclass($1) IS NOT NULL";
    Ok(db.query(sql, &[Some(table)]).await.map_err(target_error)?.get(0, 0) == Some("t"))
}

/// One that was killed while it made the slot leaves a WAL sender behind that waits for production's open transactions.
fn in_use(name: &str, pid: i32) -> Error {
    Error::Refused {
        what: format!("slot {name} is in use"),
        hint: format!(
            "stop the sluice that runs this pipeline first (SIGTERM); if none does, on production: SELECT pg_terminate_backend({pid});"
        ),
    }
}

fn running(what: &str) -> Error {
    Error::Refused { what: what.to_owned(), hint: "stop the sluice that runs this pipeline first (SIGTERM)".into() }
}

fn target_error(e: wire::Error) -> Error {
    Error::Target(e.into())
}
