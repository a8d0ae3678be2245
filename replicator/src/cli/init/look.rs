//! What `init` looks at beyond names and types: comments, constraints, labels, and some rows of production.
//!
//! The rows are read in a session that cannot write, a few hundred a table, each statement bounded in time and in what it
//! waits for. Of a value nothing is kept but what it looks like ([`propose::Sample`]); an answer is dropped as soon as it is
//! counted, and an error over rows has no text. A table that cannot be read (no right, row security, too slow) is judged
//! without its rows, and said so.

use std::collections::HashMap;

use wire::{Connection, Rows, quote_ident};

use crate::error::{Doing, Error};
use crate::propose::{Column, Facts, Sample};
use crate::source::catalog::SourceTable;

/// For the session: how long a statement may take, and wait.
pub const BOUNDS: &[(&str, &str)] = &[("statement_timeout", "5s"), ("lock_timeout", "1s")];

/// Rows of a table that are looked at.
const ROWS: i64 = 300;

/// So much of a value is looked at, in characters.
const LONGEST: usize = 2000;

/// What was seen of production's tables.
pub struct Seen {
    /// For each table what is known of its columns, in their order.
    pub facts: Vec<Vec<Facts>>,
    /// Tables whose rows could not be read.
    pub unread: Vec<(String, String)>,
}

/// Looks at all of them.
pub async fn look(db: &mut Connection, tables: &[SourceTable]) -> Result<Seen, Error> {
    let mut known = catalog(db).await?;
    let mut seen = Seen { facts: Vec::with_capacity(tables.len()), unread: Vec::new() };
    for table in tables {
        let (schema, name) = table.name();
        let mut facts: Vec<Facts> = table
            .shape
            .columns
            .iter()
            .map(|column| known.remove(&(schema.clone(), name.clone(), column.name.to_string())).unwrap_or_default())
            .collect();
        if !sample(db, table, &mut facts).await? {
            seen.unread.push((schema, name));
        }
        seen.facts.push(facts);
    }
    Ok(seen)
}

/// Reads some rows and counts what they look like. False where they could not be read.
async fn sample(db: &mut Connection, table: &SourceTable, facts: &mut [Facts]) -> Result<bool, Error> {
    let wanted: Vec<usize> = (0..facts.len())
        .filter(|i| {
            let (name, type_name) = (&table.shape.columns[*i].name, table.types[*i].as_str());
            Column { name, type_name, key: false, refers: false, facts: &facts[*i] }.is_sampled()
        })
        .collect();
    if wanted.is_empty() {
        return Ok(true);
    }
    if !table.readable {
        return Ok(false);
    }
    let column = |i: &usize| {
        let name = quote_ident(&table.shape.columns[*i].name);
        format!("pg_catalog.left({name}::pg_catalog.text, {LONGEST})")
    };
    let columns: Vec<String> = wanted.iter().map(column).collect();
    let from = format!("SELECT {} FROM {}", columns.join(", "), table.from());
    let mut samples = vec![Sample::default(); wanted.len()];
    if let Some(percent) = percent(table) {
        match read(db, &format!("{from} TABLESAMPLE SYSTEM ({percent}) LIMIT {ROWS}")).await? {
            Some(rows) => count(&rows, &mut samples),
            None => return Ok(false),
        }
    }
    // a small table has few blocks to choose from, and a sample of a large one may have met none with a row in it
    if samples.iter().all(Sample::is_empty) {
        match read(db, &format!("{from} LIMIT {ROWS}")).await? {
            Some(rows) => count(&rows, &mut samples),
            None => return Ok(false),
        }
    }
    for (i, sample) in wanted.into_iter().zip(samples) {
        facts[i].sample = sample;
    }
    Ok(true)
}

fn count(rows: &Rows, samples: &mut [Sample]) {
    for row in rows.iter() {
        for (sample, value) in samples.iter_mut().zip(row.values()) {
            value.into_iter().for_each(|value| sample.add(value));
        }
    }
}

/// The answer, or nothing if the server refused or gave up: that is no reason to stop.
async fn read(db: &mut Connection, sql: &str) -> Result<Option<Rows>, Error> {
    match db.query_on_rows(sql, &[]).await {
        Ok(rows) => Ok(Some(rows)),
        Err(error) if error.server().is_some_and(|e| !e.is_fatal()) && !db.is_broken() => Ok(None),
        Err(error) => Err(error).doing("look at some rows"),
    }
}

/// How much of a large table to sample: three times the rows that are wanted, from thirty blocks at least.
fn percent(table: &SourceTable) -> Option<f64> {
    let (rows, blocks) = (table.rows as f64, table.bytes as f64 / 8192.0);
    let percent = (300.0 * ROWS as f64 / rows).max(3000.0 / blocks);
    (table.rows > 10 * ROWS && percent < 100.0).then_some(percent)
}

/// What the catalog says of columns, by schema, table and column.
async fn catalog(db: &mut Connection) -> Result<HashMap<(String, String, String), Facts>, Error> {
    let rows = db.query(FACTS, &[]).await.doing("read the catalog")?;
    let mut known = HashMap::with_capacity(rows.len());
    for row in rows.iter() {
        let text = |i: usize| row.get(i).unwrap_or_default().to_owned();
        let facts = Facts {
            base: row.get(3).map(str::to_owned),
            enumerated: row.get(4) == Some("t"),
            comment: text(5),
            needed: row.get(6) == Some("t"),
            unique: row.get(7) == Some("t"),
            checks: sink_postgres::catalog::list(row.get(8)),
            label: row.get(9).map(str::to_owned),
            sample: Sample::default(),
        };
        known.insert((text(0), text(1), text(2)), facts);
    }
    Ok(known)
}

// A domain may be over another; what counts is what the last is over. A CHECK over several columns says nothing of one.
const FACTS: &str = "
WITH RECURSIVE domain AS (
  SELECT t.oid AS domain, t.typbasetype AS base, t.typtypmod AS modifier FROM pg_catalog.pg_type t WHERE t.typtype = 'd'
  UNION ALL
  SELECT d.domain, t.typbasetype, t.typtypmod FROM domain d JOIN pg_catalog.pg_type t ON t.oid = d.base WHERE t.typtype = 'd')
SELECT n.nspname, c.relname, a.attname,
  (SELECT pg_catalog.format_type(d.base, d.modifier) FROM domain d JOIN pg_catalog.pg_type b ON b.oid = d.base
    WHERE d.domain = a.atttypid AND b.typtype <> 'd'),
  t.typtype = 'e',
  pg_catalog.col_description(c.oid, a.attnum),
  (a.attnotnull OR t.typnotnull) AND NOT a.atthasdef AND a.attidentity = '' AND t.typdefault IS NULL,
  EXISTS (SELECT FROM pg_catalog.pg_index x WHERE x.indrelid = c.oid AND x.indisunique AND x.indnkeyatts = 1 AND x.indkey[0] = a.attnum),
  (SELECT pg_catalog.json_agg(pg_catalog.pg_get_constraintdef(k.oid)) FROM pg_catalog.pg_constraint k
    WHERE k.contype = 'c' AND (k.conrelid = c.oid AND k.conkey = ARRAY[a.attnum] OR t.typtype = 'd' AND k.contypid = t.oid)),
  (SELECT s.label FROM pg_catalog.pg_seclabel s
    WHERE s.objoid = c.oid AND s.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND s.objsubid = a.attnum AND s.provider = 'anon')
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence = 'p' AND a.attnum > 0 AND NOT a.attisdropped
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'sluice') AND n.nspname NOT LIKE 'pg\\_%'";
