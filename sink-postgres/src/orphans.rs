//! Rows that refer to a row that is not there.
//!
//! Under `session_replication_role = replica` the server checks no foreign key and cascades nothing, for what we write. Between tables
//! that are both replicated whole, a reference ends somewhere since production's does. It may end nowhere where only one of the two
//! is replicated (a protected table beside one that production deletes from, an own one), where only some rows come (`where:`),
//! where a row lies in quarantine, where both ends are masked otherwise, and where somebody has edited. So it is counted: by table
//! and constraint, never with a value.
//!
//! One statement sees one state of staging, and every commit of ours ends where a transaction of production did. So what is counted
//! while the stream goes on is no row that is merely on its way.

use std::collections::HashSet;

use wire::{Connection, Conninfo, quote_literal};

use crate::error::Error;
use crate::foreign_key::{self, ForeignKey};
use crate::session;

/// What was counted last.
pub(crate) const TABLE: &str = "\
CREATE TABLE IF NOT EXISTS sluice.orphans (
  pipeline text NOT NULL, schema text NOT NULL, name text NOT NULL, -- the table that refers
  constraint_name text NOT NULL,
  refers_schema text NOT NULL, refers_name text NOT NULL,
  orphans bigint,                      -- rows whose reference ends nowhere; NULL: they could not be counted
  counted_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (pipeline, schema, name, constraint_name)
);
";

/// What was counted of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Which.
    pub key: ForeignKey,
    /// Rows whose reference ends nowhere; `Err`: why they could not be counted.
    pub orphans: Result<u64, String>,
}

/// Opens the session that counts: it waits for no lock for long, and what it asks ends when nobody waits for the answer.
pub async fn open(info: &Conninfo, pipeline: &str) -> Result<Connection, Error> {
    let more = [("lock_timeout", "5s"), ("client_connection_check_interval", "1s")];
    Ok(session::open(info, pipeline, "orphans", false, &more).await?)
}

/// Counts for every foreign key that touches a table of the pipeline, one after another, and writes it down.
pub async fn count(db: &mut Connection, pipeline: &str) -> Result<Vec<Counted>, Error> {
    let mut counted = Vec::new();
    for key in foreign_keys(db, pipeline).await? {
        let orphans = match db.query_on_rows(&count_of(&key), &[]).await {
            Ok(rows) => Ok(rows.get(0, 0).and_then(|n| n.parse().ok()).unwrap_or(0)),
            Err(e) => match e.server() {
                // no right to read one of the two, a lock, a type without the operator any more: the others can be counted
                Some(said) => Err(said.to_string()),
                None => return Err(e.into()),
            },
        };
        counted.push(Counted { key, orphans });
    }
    record(db, pipeline, &counted).await?;
    Ok(counted)
}

async fn record(db: &mut Connection, pipeline: &str, counted: &[Counted]) -> Result<(), Error> {
    let p = quote_literal(pipeline);
    let mut sql = format!("BEGIN; DELETE FROM sluice.orphans WHERE pipeline = {p}; ");
    for Counted { key, orphans } in counted {
        let texts = [&key.table.0, &key.table.1, &key.constraint, &key.refers_to.0, &key.refers_to.1];
        let texts: Vec<String> = texts.iter().map(|text| quote_literal(text)).collect();
        let n = orphans.as_ref().map_or_else(|_| "NULL".to_owned(), u64::to_string);
        sql.push_str(&format!(
            "INSERT INTO sluice.orphans (pipeline, schema, name, constraint_name, refers_schema, refers_name, orphans)
             VALUES ({p}, {}, {n}) ON CONFLICT DO NOTHING; ",
            texts.join(", ")
        ));
    }
    sql.push_str("COMMIT");
    db.simple(&sql).await?;
    Ok(())
}

/// Those that touch a table of the pipeline, or a leaf of one.
pub async fn foreign_keys(db: &mut Connection, pipeline: &str) -> Result<Vec<ForeignKey>, Error> {
    let rows = db.query("SELECT schema, name FROM sluice.tables WHERE pipeline = $1", &[Some(pipeline)]).await?;
    let text = |r: &wire::Row<'_>, i: usize| r.get(i).unwrap_or_default().to_owned();
    let ours: HashSet<(String, String)> = rows.iter().map(|r| (text(&r, 0), text(&r, 1))).collect();
    let mut keys = foreign_key::all(db).await?;
    keys.retain(|key| ours.contains(&key.root) || ours.contains(&key.refers_root));
    Ok(keys)
}

/// How many rows refer to none.
fn count_of(key: &ForeignKey) -> String {
    format!("SELECT pg_catalog.count(*) FROM {} AS c WHERE {}", key.here(), key.ends_nowhere())
}

/// What the last count has found; keys without an orphan are left out. None where an earlier version has made the schema.
pub async fn last(db: &mut Connection, pipeline: &str) -> Result<Vec<Last>, Error> {
    let there = db.query("SELECT pg_catalog.to_regclass('sluice.orphans') IS NOT NULL", &[]).await?;
    if there.get(0, 0) != Some("t") {
        return Ok(Vec::new());
    }
    let rows = db.query(LAST, &[Some(pipeline)]).await?;
    let text = |r: &wire::Row<'_>, i: usize| r.get(i).unwrap_or_default().to_owned();
    let last = rows.iter().map(|r| Last {
        table: (text(&r, 0), text(&r, 1)),
        constraint: text(&r, 2),
        refers_to: (text(&r, 3), text(&r, 4)),
        orphans: r.get(5).and_then(|n| n.parse().ok()),
        counted_at: text(&r, 6),
    });
    Ok(last.collect())
}

/// What the last count has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Last {
    /// Schema and name of the table that refers.
    pub table: (String, String),
    /// The foreign key.
    pub constraint: String,
    /// Schema and name of the table that it refers to.
    pub refers_to: (String, String),
    /// Rows whose reference ends nowhere; `None`: they could not be counted.
    pub orphans: Option<u64>,
    /// When: `2026-01-02T03:04:05Z`.
    pub counted_at: String,
}

const LAST: &str = r#"
SELECT schema, name, constraint_name, refers_schema, refers_name, orphans,
  pg_catalog.to_char(counted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
FROM sluice.orphans WHERE pipeline = $1 AND orphans IS DISTINCT FROM 0 ORDER BY 1, 2, 3"#;
