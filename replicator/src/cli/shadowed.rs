//! `sluice shadowed`: rows of production that are not written because staging has rows of its own (`protect.rows`).
//!
//! Nothing is to be decided about them: one comes by itself when the row in its way is gone, or when production's row changes so
//! that nothing is. As in quarantine, the key is shown, by which a person finds the row on either side, and no other value.

use std::io::Write;

use serde::Serialize;
use sink_postgres::session;
use wire::Connection;

use super::args::{Args, Shadowed};
use super::quarantine::plain;
use super::resync::staging;
use super::table::table;
use crate::config::{Config, table_name};
use crate::error::Error;
use crate::figures::ago;
use crate::start;

/// A row that is kept away.
#[derive(Serialize)]
struct Row {
    table: String,
    /// As staging would have it.
    key: Vec<String>,
    /// The unique index in which a row of staging's own has its values; `None`: it would be one of staging's own itself.
    index: Option<String>,
    /// The key of that row.
    by: Option<Vec<String>>,
    since_seconds_ago: f64,
}

/// Lists them.
pub async fn run(args: &Args, verb: &Shadowed) -> Result<(), Error> {
    let (config, _) = super::load(args)?;
    let (_, target) = start::conninfos(&config)?;
    let read_only = [("default_transaction_read_only", "on")];
    let mut db = session::open(&target, &config.pipeline, "shadowed", false, &read_only).await.map_err(staging)?;
    let rows = read(&config, &mut db).await?;
    db.close().await;
    let text = if verb.json {
        serde_json::to_string(&rows).map_err(|e| Error::Bug(e.to_string()))?
    } else if rows.is_empty() {
        eprintln!("no row is shadowed");
        return Ok(());
    } else {
        table(&["TABLE", "KEY", "BECAUSE", "SINCE"], rows.iter().map(line))
    };
    // whoever reads may have gone
    let _ = writeln!(std::io::stdout().lock(), "{text}");
    Ok(())
}

async fn read(config: &Config, db: &mut Connection) -> Result<Vec<Row>, Error> {
    let there = db.query("SELECT pg_catalog.to_regclass('sluice.shadowed') IS NOT NULL", &[]).await.map_err(staging)?;
    if there.get(0, 0) != Some("t") {
        return Ok(Vec::new());
    }
    let sql = "SELECT schema, name, pg_catalog.to_json(key), why, pg_catalog.to_json(own),
        pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - since)
        FROM sluice.shadowed WHERE pipeline = $1 ORDER BY schema, name, id";
    let rows = db.query_on_rows(sql, &[Some(&config.pipeline)]).await.map_err(staging)?;
    let key = |k: Option<&str>| k.and_then(|k| serde_json::from_str::<Vec<String>>(k).ok());
    let row = |r: wire::Row<'_>| Row {
        table: table_name(r.get(0).unwrap_or_default(), r.get(1).unwrap_or_default()),
        key: key(r.get(2)).unwrap_or_default(),
        index: r.get(3).filter(|why| !why.is_empty()).map(str::to_owned),
        by: key(r.get(4)),
        since_seconds_ago: r.get(5).and_then(|s| s.parse().ok()).unwrap_or(0.0),
    };
    Ok(rows.iter().map(row).collect())
}

fn line(r: &Row) -> Vec<String> {
    let because = match (&r.index, &r.by) {
        (None, _) => "staging would take it for one of its own".to_owned(),
        (Some(index), None) => format!("a row of staging's own is in its way in {index}"),
        (Some(index), Some(by)) => format!("{} of staging's own is in its way in {index}", plain(&by.join(", "))),
    };
    vec![r.table.clone(), plain(&r.key.join(", ")), because, ago(r.since_seconds_ago)]
}
