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

use wire::{Connection, Conninfo, quote_ident, quote_literal};

use crate::error::Error;
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

/// A foreign key of the target that has a replicated table at one end at least.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    /// Schema and name of the table that refers.
    pub table: (String, String),
    /// Its name.
    pub constraint: String,
    /// Schema and name of the table that it refers to.
    pub refers_to: (String, String),
    /// Has the server ever looked at the rows that were there before it?
    pub validated: bool,
    /// MATCH FULL: a reference that is null in part is none.
    full: bool,
    /// The last column is a period, and must be covered by those of the other table together.
    period: bool,
    /// Are both ends tables with leaves? Else their children by inheritance are others.
    leaves: (bool, bool),
    /// Column here, column there, the operator between there and here; all quoted.
    columns: Vec<(String, String, String)>,
}

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
        let orphans = match db.query_on_rows(&key.sql(), &[]).await {
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
    let rows = db.query(FOREIGN_KEYS, &[Some(pipeline)]).await?;
    let mut keys = Vec::new();
    for row in rows.iter() {
        let text = |i: usize| row.get(i).unwrap_or_default().to_owned();
        let yes = |i: usize| row.get(i) == Some("t");
        let columns = serde_json::from_str(row.get(10).unwrap_or("[]"));
        keys.push(ForeignKey {
            table: (text(0), text(1)),
            constraint: text(2),
            refers_to: (text(3), text(4)),
            validated: yes(5),
            full: yes(6),
            period: yes(7),
            leaves: (yes(8), yes(9)),
            columns: columns.map_err(|_| Error::Bug("a foreign key's columns are no JSON".into()))?,
        });
    }
    Ok(keys)
}

// what a leaf inherits of its root's is no key of its own; 18 knows periods, and keys that nobody wants to hold
const FOREIGN_KEYS: &str = "
SELECT n.nspname, c.relname, k.conname, rn.nspname, r.relname, k.convalidated, k.confmatchtype = 'f',
  coalesce((pg_catalog.to_jsonb(k) ->> 'conperiod')::boolean, false), c.relkind = 'p', r.relkind = 'p',
  (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(pg_catalog.quote_ident(a.attname), pg_catalog.quote_ident(b.attname),
      'OPERATOR(' || pg_catalog.quote_ident(s.nspname) || '.' || o.oprname || ')') ORDER BY u.n)
    FROM pg_catalog.generate_subscripts(k.conkey, 1) u(n)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[u.n]
    JOIN pg_catalog.pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = k.confkey[u.n]
    JOIN pg_catalog.pg_operator o ON o.oid = k.conpfeqop[u.n] JOIN pg_catalog.pg_namespace s ON s.oid = o.oprnamespace)
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class r ON r.oid = k.confrelid JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
WHERE k.contype = 'f' AND k.conparentid = 0 AND (pg_catalog.to_jsonb(k) ->> 'conenforced') IS DISTINCT FROM 'false'
  AND EXISTS (SELECT FROM sluice.tables t JOIN pg_catalog.pg_namespace tn ON tn.nspname = t.schema
    JOIN pg_catalog.pg_class tc ON tc.relnamespace = tn.oid AND tc.relname = t.name
    WHERE t.pipeline = $1 AND tc.oid IN (coalesce(pg_catalog.pg_partition_root(c.oid)::pg_catalog.oid, c.oid),
      coalesce(pg_catalog.pg_partition_root(r.oid)::pg_catalog.oid, r.oid)))
ORDER BY 1, 2, 3";

impl ForeignKey {
    /// How many rows refer to none. A key holds for no child by inheritance, on neither side.
    fn sql(&self) -> String {
        let table = |name: &(String, String), leaves: bool| {
            let only = if leaves { "" } else { "ONLY " };
            format!("{only}{}.{}", quote_ident(&name.0), quote_ident(&name.1))
        };
        let (here, there) = (table(&self.table, self.leaves.0), table(&self.refers_to, self.leaves.1));
        let plain = self.columns.len() - usize::from(self.period);
        let same: Vec<String> = self.columns.iter().take(plain).map(|(a, b, op)| format!("p.{b} {op} c.{a}")).collect();
        let ends = match self.columns.last().filter(|_| self.period) {
            Some((a, b, _)) => format!(
                "coalesce(c.{a} OPERATOR(pg_catalog.<@) (SELECT pg_catalog.range_agg(p.{b}) FROM {there} AS p WHERE {} p.{b} OPERATOR(pg_catalog.&&) c.{a}), false)",
                same.iter().map(|s| format!("{s} AND ")).collect::<String>()
            ),
            None => format!("EXISTS (SELECT FROM {there} AS p WHERE {})", same.join(" AND ")),
        };
        let mine: Vec<String> = self.columns.iter().map(|(a, ..)| format!("c.{a}")).collect();
        let whole: Vec<String> = mine.iter().map(|a| format!("{a} IS NOT NULL")).collect();
        let orphan = format!("{} AND NOT {ends}", whole.join(" AND "));
        let in_part = match self.full && mine.len() > 1 {
            true => format!(" OR pg_catalog.num_nulls({}) BETWEEN 1 AND {}", mine.join(", "), mine.len() - 1),
            false => String::new(),
        };
        format!("SELECT pg_catalog.count(*) FROM {here} AS c WHERE {orphan}{in_part}")
    }
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
