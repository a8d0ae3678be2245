//! `sluice tombstones`: rows that production has deleted and that stay on staging, because rows of its own refer to them
//! (`protect.on_referenced`). One goes by itself when nothing refers to it any more.

use serde::Serialize;
use sink_postgres::session;
use wire::Connection;

use super::args::{Args, Tombstones};
use super::print;
use super::quarantine::plain;
use super::resync::staging;
use super::table::table;
use crate::config::{Config, table_name};
use crate::error::Error;
use crate::figures::ago;
use crate::start;

/// A row that stays.
#[derive(Serialize)]
struct Row {
    table: String,
    /// As staging has it.
    key: Vec<String>,
    /// Where production deleted it.
    lsn: String,
    since_seconds_ago: f64,
}

/// Lists them.
pub async fn run(args: &Args, verb: &Tombstones) -> Result<(), Error> {
    let (config, _) = super::load(args)?;
    let (_, target) = start::conninfos(&config)?;
    let read_only = [("default_transaction_read_only", "on")];
    let mut db = session::open(&target, &config.pipeline, "tombstones", false, &read_only).await.map_err(staging)?;
    let rows = read(&config, &mut db).await?;
    db.close().await;
    if verb.json {
        let text = serde_json::to_string(&rows).map_err(|e| Error::Bug(e.to_string()))?;
        return print::data(format_args!("{text}\n"));
    }
    if rows.is_empty() {
        print::talk(format_args!("no row stays that production has deleted"));
        return Ok(());
    }
    let line = |r: &Row| vec![r.table.clone(), plain(&r.key.join(", ")), r.lsn.clone(), ago(r.since_seconds_ago)];
    print::data(format_args!("{}\n", table(&["TABLE", "KEY", "DELETED AT", "SINCE"], rows.iter().map(line))))
}

async fn read(config: &Config, db: &mut Connection) -> Result<Vec<Row>, Error> {
    let there =
        db.query("SELECT pg_catalog.to_regclass('sluice.tombstones') IS NOT NULL", &[]).await.map_err(staging)?;
    if there.get(0, 0) != Some("t") {
        return Ok(Vec::new());
    }
    let sql = "SELECT schema, name, pg_catalog.to_json(key), lsn,
        pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - since)
        FROM sluice.tombstones WHERE pipeline = $1 ORDER BY schema, name, id";
    let rows = db.query_on_rows(sql, &[Some(&config.pipeline)]).await.map_err(staging)?;
    let row = |r: wire::Row<'_>| Row {
        table: table_name(r.get(0).unwrap_or_default(), r.get(1).unwrap_or_default()),
        key: r.get(2).and_then(|k| serde_json::from_str(k).ok()).unwrap_or_default(),
        lsn: r.get(3).unwrap_or_default().to_owned(),
        since_seconds_ago: r.get(4).and_then(|s| s.parse().ok()).unwrap_or(0.0),
    };
    Ok(rows.iter().map(row).collect())
}
