//! Which tables a pipeline has on the target, and what of them is pending: `sluice.tables` and `sluice.pending`.

use std::collections::HashMap;

use wire::{quote_ident, quote_literal};

use crate::error::Error;
use crate::key::{Key, Kind};
use crate::mapping::Mapping;
use crate::pending::{Pending, Range};
use crate::sink::{Counts, PostgresSink};
use filters::change::{Row, Value};

/// A table of the pipeline, as the replicator knows it from production's catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSpec {
    /// Unquoted.
    pub schema: String,
    /// Unquoted.
    pub name: String,
    /// Columns of the replica identity by which ranges are cut and points are found; empty if there is no key.
    pub key: Vec<String>,
    /// How they are ordered; `None`: the table is one unit.
    pub kinds: Option<Vec<Kind>>,
    /// May a single key be pending? Not without a key, nor with a masked one.
    pub pointable: bool,
    /// Fingerprint of what becomes of its columns: with another one the whole table is pending.
    pub policy: String,
    /// The columns of production that somebody has decided about: all but the withheld ones.
    pub columns: Vec<String>,
    /// Columns that production has and that do not come: reconciling blanks them on the target.
    pub withheld: Vec<String>,
}

impl PostgresSink {
    /// Makes the target know exactly these tables. A new one, or one whose key is another now, is pending as a whole.
    /// Gives the tables that are new.
    pub async fn register(&mut self, mut specs: Vec<TableSpec>) -> Result<Vec<(String, String)>, Error> {
        for spec in specs.iter_mut().filter(|s| s.kinds.as_ref().is_some_and(|k| k.contains(&Kind::TextC))) {
            // the same range must be the same rows on both sides
            let rows = self
                .db
                .query(OTHER_COLLATION, &[Some(&spec.schema), Some(&spec.name), Some(&array_text(&spec.key))])
                .await?;
            if !rows.is_empty() {
                spec.kinds = None;
            }
        }
        let pipeline = self.options.pipeline.clone();
        let mut known: HashMap<(String, String), String> = HashMap::new();
        let rows = self
            .db
            .query(
                "SELECT schema, name, key::text || ' ' || policy FROM sluice.tables WHERE pipeline = $1",
                &[Some(&pipeline)],
            )
            .await?;
        for row in rows.iter() {
            let text = |i: usize| row.get(i).unwrap_or_default().to_owned();
            known.insert((text(0), text(1)), text(2));
        }
        let mut fresh = Vec::new();
        let mut sql = String::from("BEGIN; ");
        for spec in &specs {
            let name = (spec.schema.clone(), spec.name.clone());
            let key = array(&spec.key);
            let (policy, columns) = (quote_literal(&spec.policy), array(&spec.columns));
            if known.remove(&name).as_deref() == Some(format!("{} {}", array_text(&spec.key), spec.policy).as_str()) {
                continue;
            }
            let (p, s, n) = (quote_literal(&pipeline), quote_literal(&name.0), quote_literal(&name.1));
            sql.push_str(&format!(
                "INSERT INTO sluice.tables (pipeline, schema, name, key, policy, columns) VALUES ({p}, {s}, {n}, {key}, {policy}, {columns})
                 ON CONFLICT (pipeline, schema, name) DO UPDATE SET key = EXCLUDED.key, policy = EXCLUDED.policy, columns = EXCLUDED.columns;
                 DELETE FROM sluice.pending WHERE (pipeline, schema, name) = ({p}, {s}, {n});
                 INSERT INTO sluice.pending (pipeline, schema, name) VALUES ({p}, {s}, {n}); "
            ));
            fresh.push(name);
        }
        for name in known.keys() {
            let (p, s, n) = (quote_literal(&pipeline), quote_literal(&name.0), quote_literal(&name.1));
            for table in ["tables", "pending"] {
                sql.push_str(&format!("DELETE FROM sluice.{table} WHERE (pipeline, schema, name) = ({p}, {s}, {n}); "));
            }
        }
        sql.push_str("COMMIT");
        self.db.simple(&sql).await?;
        self.specs = specs.into_iter().map(|s| ((s.schema.clone(), s.name.clone()), s)).collect();
        self.reload_pending().await?;
        Ok(fresh)
    }

    /// Reads again what is pending: after a rollback, and after chunks were loaded by other sessions.
    pub async fn reload_pending(&mut self) -> Result<(), Error> {
        let pipeline = self.options.pipeline.clone();
        for (name, spec) in &self.specs {
            let pending = self.tables.entry(name.clone()).or_default();
            pending.kinds = spec.kinds.clone();
            pending.pointable = spec.pointable;
            pending.ranges.clear();
            pending.points.clear();
        }
        if self.specs.is_empty() || self.db.is_broken() {
            return Ok(());
        }
        let rows = self
            .db
            .query_on_rows(
                "SELECT id, schema, name, pg_catalog.to_json(lo), pg_catalog.to_json(hi), pg_catalog.to_json(point)
                 FROM sluice.pending WHERE pipeline = $1 ORDER BY id",
                &[Some(&pipeline)],
            )
            .await?;
        for row in rows.iter() {
            let text = |i: usize| row.get(i).unwrap_or_default().to_owned();
            let key = |i: usize| -> Result<Option<Key>, Error> {
                row.get(i)
                    .map(|t| serde_json::from_str(t).map_err(|_| Error::Bug("sluice.pending holds no text[]".into())))
                    .transpose()
            };
            let Some(pending) = self.tables.get_mut(&(text(1), text(2))) else { continue };
            let id = text(0).parse().map_err(|_| Error::Bug("sluice.pending.id".into()))?;
            match key(5)? {
                Some(point) => {
                    pending.points.insert(point);
                }
                None => pending.ranges.push(Range { id, lo: key(3)?, hi: key(4)? }),
            }
        }
        Ok(())
    }

    /// Makes tables wait: no snapshot counts for them before this transaction id of production has ended.
    pub async fn set_wait(&mut self, names: &[(String, String)], xid: u64) -> Result<(), Error> {
        let pipeline = self.options.pipeline.clone();
        for (schema, name) in names {
            self.db
                .execute(
                    "UPDATE sluice.tables SET wait_xid = $4::bigint WHERE (pipeline, schema, name) = ($1, $2, $3)",
                    &[Some(&pipeline), Some(schema), Some(name), Some(&xid.to_string())],
                )
                .await?;
        }
        Ok(())
    }

    /// What tables wait for.
    pub async fn waits(&mut self) -> Result<HashMap<(String, String), u64>, Error> {
        let pipeline = self.options.pipeline.clone();
        let rows = self
            .db
            .query(
                "SELECT schema, name, wait_xid FROM sluice.tables WHERE pipeline = $1 AND wait_xid IS NOT NULL",
                &[Some(&pipeline)],
            )
            .await?;
        let text = |r: &wire::Row<'_>, i: usize| r.get(i).unwrap_or_default().to_owned();
        Ok(rows.iter().filter_map(|r| Some(((text(&r, 0), text(&r, 1)), r.get(2)?.parse().ok()?))).collect())
    }

    /// Remembers the partitions that production's table had when it was copied.
    pub async fn set_leaves(&mut self, name: &(String, String), leaves: &str) -> Result<(), Error> {
        let pipeline = self.options.pipeline.clone();
        self.db
            .execute(
                "UPDATE sluice.tables SET leaves = $4 WHERE (pipeline, schema, name) = ($1, $2, $3)",
                &[Some(&pipeline), Some(&name.0), Some(&name.1), Some(leaves)],
            )
            .await?;
        Ok(())
    }

    /// The tables whose partitions are no longer those that were copied. A leaf's TRUNCATE, DETACH and DROP, and ATTACH of a
    /// filled one, send nothing through the root.
    pub async fn other_leaves(
        &mut self,
        now: &HashMap<(String, String), String>,
    ) -> Result<Vec<(String, String)>, Error> {
        let pipeline = self.options.pipeline.clone();
        let rows = self
            .db
            .query(
                "SELECT schema, name, leaves FROM sluice.tables WHERE pipeline = $1 AND leaves IS NOT NULL",
                &[Some(&pipeline)],
            )
            .await?;
        let text = |r: &wire::Row<'_>, i: usize| r.get(i).unwrap_or_default().to_owned();
        let mut other: Vec<(String, String)> = rows
            .iter()
            .map(|r| ((text(&r, 0), text(&r, 1)), text(&r, 2)))
            .filter(|(name, leaves)| now.get(name).is_some_and(|now| now != leaves))
            .map(|(name, _)| name)
            .collect();
        other.retain(|name| self.tables.get(name).is_some_and(|p| !p.is_whole()));
        Ok(other)
    }

    /// What is pending of each table.
    pub fn pending(&self) -> impl Iterator<Item = (&(String, String), &Pending)> {
        self.tables.iter().filter(|(name, _)| self.specs.contains_key(*name))
    }

    /// The table as it was registered.
    pub fn spec(&self, name: &(String, String)) -> Option<&TableSpec> {
        self.specs.get(name)
    }

    /// Makes a table pending as a whole: `resync`, and what cannot be said of one key.
    pub async fn make_pending(&mut self, name: &(String, String)) -> Result<(), Error> {
        self.add_pending(name, None).await
    }

    /// Adds a pending point, or the whole table, in the open transaction if there is one.
    pub(crate) async fn add_pending(&mut self, name: &(String, String), point: Option<Key>) -> Result<(), Error> {
        let (p, s, n) = (quote_literal(&self.options.pipeline), quote_literal(&name.0), quote_literal(&name.1));
        let pending = self.tables.entry(name.clone()).or_default();
        match point {
            Some(point) => {
                let key = array(&point);
                self.db
                    .simple_on_rows(&format!(
                        "INSERT INTO sluice.pending (pipeline, schema, name, point) VALUES ({p}, {s}, {n}, {key})"
                    ))
                    .await?;
                pending.points.insert(point);
            }
            None if pending.is_whole() => {}
            None => {
                let sql = format!(
                    "DELETE FROM sluice.pending WHERE (pipeline, schema, name) = ({p}, {s}, {n});
                     INSERT INTO sluice.pending (pipeline, schema, name) VALUES ({p}, {s}, {n}) RETURNING id"
                );
                let rows = self.db.simple(&sql).await?;
                let id = rows.last().and_then(|r| r.get(0, 0)).and_then(|i| i.parse().ok()).unwrap_or(0);
                pending.points.clear();
                pending.ranges = vec![Range { id, lo: None, hi: None }];
            }
        }
        Ok(())
    }

    /// Cuts a pending range at `at`: what was `[lo, hi)` becomes `[lo, at)`, given back, and `[at, hi)`.
    pub async fn cut(&mut self, name: &(String, String), id: i64, at: &Key) -> Result<(Range, Range), Error> {
        let pending = self.tables.entry(name.clone()).or_default();
        let range =
            pending.ranges.iter_mut().find(|r| r.id == id).ok_or_else(|| Error::Bug("a cut of no range".into()))?;
        let key = array(at);
        let sql = format!(
            "BEGIN; UPDATE sluice.pending SET hi = {key} WHERE id = {id};
             INSERT INTO sluice.pending (pipeline, schema, name, lo, hi) VALUES ({}, {}, {}, {key}, {}) RETURNING id; COMMIT",
            quote_literal(&self.options.pipeline),
            quote_literal(&name.0),
            quote_literal(&name.1),
            range.hi.as_ref().map_or("NULL".into(), array),
        );
        let rows = self.db.simple_on_rows(&sql).await?;
        let rest = rows
            .iter()
            .find_map(|r| r.get(0, 0))
            .and_then(|i| i.parse().ok())
            .ok_or_else(|| Error::Bug("no id".into()))?;
        let right = Range { id: rest, lo: Some(at.clone()), hi: range.hi.take() };
        range.hi = Some(at.clone());
        let left = range.clone();
        pending.ranges.push(right.clone());
        Ok((left, right))
    }

    /// Deletes old rows of pending ranges that stand in the way of `row` on any unique index; gives how many.
    pub(crate) async fn evict(&mut self, m: &Mapping, name: &(String, String), row: &Row) -> Result<u64, Error> {
        let Some(pending) = self.tables.get(name).filter(|p| !p.is_done()) else { return Ok(0) };
        let key: Vec<String> = pending
            .key
            .iter()
            .filter_map(|&i| m.columns.iter().find(|c| c.source == i))
            .map(|c| c.quoted.clone())
            .collect();
        let mut evicted = 0;
        for unique in &m.unique {
            let mut conditions = Vec::new();
            let mut params = Vec::new();
            for ((&column, &source), op) in unique.columns.iter().zip(&unique.source).zip(&unique.operators) {
                let (Some(c), Value::Text(v)) = (m.columns.get(column), row.get(source)) else { break };
                params.push(String::from_utf8_lossy(v).into_owned());
                conditions.push(format!("{} {op} ${}::pg_catalog.text::{}", c.quoted, params.len(), c.cast));
            }
            if conditions.len() < unique.columns.len() {
                continue; // a null conflicts with nothing
            }
            let select: Vec<String> = key.iter().map(|k| format!("{k}::pg_catalog.text")).collect();
            let select = if select.is_empty() { "''".to_owned() } else { select.join(", ") };
            let sql = format!(
                "SELECT tableoid, ctid, {select} FROM {} WHERE {} FOR UPDATE",
                m.writable.quoted(),
                conditions.join(" AND ")
            );
            let refs: Vec<Option<&str>> = params.iter().map(|p| Some(p.as_str())).collect();
            let found = self.db.query_on_rows(&sql, &refs).await?;
            let Some(first) = found.iter().next() else { continue };
            let values: Vec<&str> = (0..key.len()).map(|i| first.get(i + 2).unwrap_or_default()).collect();
            let pending = self.tables.get(name).is_some_and(|p| p.is_whole() || p.covers_key(&values));
            if pending {
                let at = format!(
                    "tableoid = {} AND ctid = {}::tid",
                    first.get(0).unwrap_or("0"),
                    quote_literal(first.get(1).unwrap_or("(0,0)"))
                );
                let gone = format!("DELETE FROM {} WHERE {at}", m.writable.quoted());
                evicted += self.db.query_on_rows(&gone, &[]).await?.affected();
            }
        }
        Ok(evicted)
    }
}

/// Text columns of a key whose collation on this server is not C.
const OTHER_COLLATION: &str = "
SELECT 1 FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_database d ON d.datname = pg_catalog.current_database()
LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
WHERE n.nspname = $1::text AND c.relname = $2::text AND a.attname = ANY ($3::text[]) AND a.attcollation <> 0
AND NOT (l.collname IN ('C', 'POSIX') OR l.collname = 'default' AND d.datlocprovider = 'c' AND d.datcollate IN ('C', 'POSIX'))";

/// The statements that write counters down; part of a synchronous commit.
pub(crate) fn counts_sql(pipeline: &str, counts: &HashMap<(String, String), Counts>) -> String {
    let mut sql = String::new();
    for ((schema, name), c) in counts {
        sql.push_str(&format!(
            "UPDATE sluice.tables SET rows_applied = rows_applied + {}, divergences = divergences + {}, last_change = pg_catalog.now()
             WHERE (pipeline, schema, name) = ({}, {}, {}); ",
            c.applied,
            c.divergences,
            quote_literal(pipeline),
            quote_literal(schema),
            quote_literal(name)
        ));
    }
    sql
}

/// A `text[]` as an SQL expression.
#[allow(clippy::ptr_arg)] // `Key` is what all callers have
pub(crate) fn array(key: &Key) -> String {
    format!("ARRAY[{}]::pg_catalog.text[]", key.iter().map(|k| quote_literal(k)).collect::<Vec<_>>().join(", "))
}

/// A `text[]` of column names as the server writes it.
fn array_text(names: &[String]) -> String {
    let plain = |n: &str| {
        !n.is_empty() && n.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !n.eq_ignore_ascii_case("null")
    };
    let item =
        |n: &String| if plain(n) { n.clone() } else { format!("\"{}\"", n.replace('\\', "\\\\").replace('"', "\\\"")) };
    format!("{{{}}}", names.iter().map(item).collect::<Vec<_>>().join(","))
}

/// `(a, b) >= (x, y)` conditions of a range over these quoted columns, each bound cast to the column's own type.
pub fn range_condition(columns: &[KeyColumn], range: &Range) -> String {
    let side = |bound: &Key, op: &str| {
        let names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
        let values: Vec<String> =
            bound.iter().zip(columns).map(|(v, c)| format!("{}::{}", quote_literal(v), c.cast)).collect();
        format!("({}) {op} ({})", names.join(", "), values.join(", "))
    };
    match (&range.lo, &range.hi) {
        (None, None) => "true".into(),
        (Some(lo), None) => side(lo, ">="),
        (None, Some(hi)) => side(hi, "<"),
        (Some(lo), Some(hi)) => format!("{} AND {}", side(lo, ">="), side(hi, "<")),
    }
}

/// A key column as conditions name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyColumn {
    /// Quoted.
    pub name: String,
    /// Its type, without a length.
    pub cast: String,
    /// Its equality, `OPERATOR(schema.=)`: with an empty search_path that of an extension's type is not found, or another's is.
    pub equals: String,
}

/// The key columns, for [`range_condition`].
pub fn key_columns(names: &[String], m: &Mapping) -> Vec<KeyColumn> {
    names
        .iter()
        .map(|n| {
            let quoted = quote_ident(n);
            let at = m.columns.iter().position(|c| c.quoted == quoted);
            let cast = at.and_then(|i| m.columns.get(i)).map_or("pg_catalog.text", |c| c.cast.as_str()).to_owned();
            let equals = m.key.iter().flat_map(|k| k.columns.iter().zip(&k.operators)).find(|(i, _)| Some(**i) == at);
            let equals = equals.map_or("=", |(_, op)| op.as_str()).to_owned();
            KeyColumn { name: quoted, cast, equals }
        })
        .collect()
}
