//! Rows of production that cannot come because staging has rows of its own: `protect.rows`.
//!
//! A row is *shadowed* if the target would take it for one of its own (the predicate is true of it), or if a row of the target's
//! own has its key, or its values in any unique index. It is never written, and that is no divergence. Whose a row is the
//! server decides, in every statement, on the row as it is at that moment ([`crate::guard`]); so what staging's users write
//! meanwhile is safe whatever is remembered here.
//!
//! **A shadowed row is a key with a record** (`sluice.shadowed`), written in the transaction that moves the checkpoint, as one in
//! quarantine is. What comes of such a key is decided anew, each time, on the row that comes:
//!
//! | what comes | what becomes of it |
//! |---|---|
//! | a row that fails the fast path, or a chunk's | shadowed if it is one; what staging had of production under its key goes |
//! | a change of a shadowed key | shadowed still, or written now, and the record goes |
//! | the same, not sent whole | the key is due: a slice brings the row |
//! | production deletes it, or gives it another key | the record goes; staging's own row stays |
//! | production empties the table | all records of the table go; staging's own rows stay |
//! | the row of staging's own that was in its way is gone | the key is due: a slice brings the row |
//! | a chunk over the key, a resync | decided anew |
//!
//! Of a table whose key is masked production cannot be asked for one row: there such a row comes with its next change, or with a
//! resync.
//!
//! A table without a key cannot have protected rows: nobody could say which row it is that was kept away.

use std::sync::Arc;

use filters::change::{Lsn, Row, RowBuilder, Value};
use wire::quote_literal;

use crate::error::Error;
use crate::key::{self, Key, array};
use crate::mapping::{Column, Mapping};
use crate::plan::Act;
use crate::sink::PostgresSink;
use crate::{statement, tombstones};

/// The rows of `source` (an item of FROM, with the target's columns) that the target would take for its own, or which meet a row
/// of its own: a query of `at`, an expression that says which row it is; `why`, the index, empty for the former; and `own`, the key
/// of the row that is met.
pub(crate) fn found(m: &Mapping, source: &str, at: &str) -> String {
    let column = |i: usize| m.columns.get(i).map(|c| c.quoted.clone());
    let claims =
        statement::claims(m, &column, &|name| m.given.get(name).cloned()).unwrap_or_else(|| "false".to_owned());
    let own = m.writable.owns("t.").unwrap_or_else(|| "false".to_owned());
    let mut sql = format!("SELECT {at} AS at, '' AS why, NULL::pg_catalog.text[] AS own FROM {source} WHERE {claims}");
    let key: Vec<String> = key_columns(m).map(|c| format!("t.{}::pg_catalog.text", c.quoted)).collect();
    let key = format!("ARRAY[{}]", key.join(", "));
    for index in &m.meets {
        let over: Vec<String> = index.over.iter().enumerate().map(|(n, e)| format!("{e} AS e{n}")).collect();
        let over = over.join(", ");
        let only = index.only.as_deref().unwrap_or("true");
        let same: Vec<String> = index
            .operators
            .iter()
            .enumerate()
            .map(|(n, op)| match index.nulls_meet {
                true => format!("(t.e{n} {op} s.e{n} OR t.e{n} IS NULL AND s.e{n} IS NULL)"),
                false => format!("t.e{n} {op} s.e{n}"),
            })
            .collect();
        sql.push_str(&format!(
            " UNION ALL SELECT s.at, {}, t.own FROM (SELECT {at} AS at, {over} FROM {source} WHERE {only}) AS s
              JOIN (SELECT {over}, {key} AS own FROM {} AS t WHERE {own} AND ({only})) AS t ON {}",
            quote_literal(&index.name),
            m.writable.target(),
            same.join(" AND ")
        ));
    }
    sql
}

impl PostgresSink {
    /// A change that did not go as it should, of a table in which the target has rows of its own: is that why? Then it is dealt
    /// with. `row` has the key of the row as it is to be, or, of a delete, as it was.
    pub(crate) async fn shadow(
        &mut self,
        m: &Mapping,
        name: &(String, String),
        act: &Act<'_>,
        row: &Row,
        lsn: Lsn,
    ) -> Result<bool, Error> {
        let (old, new) = match act {
            _ if !m.writable.has_own() => return Ok(false),
            // production's row was never here: a row of staging's own has its key
            Act::Delete(old) => return self.own_row(m, old).await,
            Act::Truncate => return Ok(false),
            Act::Insert(new) => (row, *new),
            Act::Update { old, new } => (old.unwrap_or(row), *new),
        };
        let why = match new.has_unchanged() {
            true if self.own_row(m, row).await? => {
                Some(Why { index: "its key".to_owned(), own: by_key(m, row).map(|(_, values)| values) })
            }
            // what was not sent stands on the target still, in the row that is not to be changed
            true => match self.whole(m, old, new).await? {
                Some(whole) => self.shadowed(m, &whole).await?,
                None => None,
            },
            false => self.shadowed(m, new).await?,
        };
        let Some(why) = why else { return Ok(false) };
        // what staging had of production's row, under its old key or as it was, is no row of production any more
        self.take(m, name, old, lsn).await.map_err(|e| tombstones::refused(m, e, lsn))?;
        self.note_shadow(name, row, &why, lsn).await?;
        Ok(true)
    }

    /// A change of a shadowed key that leaves it `row`, whole: it still is shadowed, and that is all (true); or it is not, and the
    /// row is to be inserted.
    pub(crate) async fn still_shadowed(
        &mut self,
        m: &Mapping,
        name: &(String, String),
        row: &Row,
        lsn: Lsn,
    ) -> Result<bool, Error> {
        match self.shadowed(m, row).await? {
            Some(why) => self.note_shadow(name, row, &why, lsn).await.map(|()| true),
            None => self.forget_shadow(name, row).await.map(|()| false),
        }
    }

    /// Makes rows due again whose way is free: the row of staging's own that was in it is gone, or is no longer its own.
    pub async fn release_shadows(&mut self) -> Result<(), Error> {
        if self.open {
            return Ok(());
        }
        let names =
            self.tables.iter().filter(|(_, p)| p.pointable && !p.shadowed.is_empty()).map(|(name, _)| name.clone());
        let mut freed = 0;
        for name in names.collect::<Vec<_>>() {
            let of =
                |m: &&Arc<Mapping>| m.writable.has_own() && (&*m.shape.schema, &*m.shape.name) == (&*name.0, &*name.1);
            let Some(m) = self.maps.iter().rfind(of).cloned() else { continue };
            let (p, s, n) = (quote_literal(&self.options.pipeline), quote_literal(&name.0), quote_literal(&name.1));
            let operators = m.key.iter().flat_map(|k| &k.operators);
            let same: Vec<String> = key_columns(&m)
                .zip(operators)
                .enumerate()
                .map(|(n, (c, op))| format!("t.{} {op} (x.own)[{}]::{}", c.quoted, n + 1, c.cast))
                .collect();
            let own = m.writable.owns("t.").unwrap_or_default();
            let sql = format!(
                "WITH free AS (DELETE FROM sluice.shadowed AS x WHERE {} AND x.own IS NOT NULL
                   AND NOT EXISTS (SELECT FROM {} AS t WHERE {} AND {own}) RETURNING x.key)
                 INSERT INTO sluice.pending (pipeline, schema, name, point) SELECT {p}, {s}, {n}, key FROM free",
                self.records_of(&name),
                m.writable.target(),
                same.join(" AND ")
            );
            freed += self.db.simple_on_rows(&sql).await?.first().map_or(0, |r| r.affected());
        }
        if freed > 0 {
            tracing::info!(
                rows = freed,
                "what staging had of its own in their way is gone: rows of production are due"
            );
            self.reload_pending().await?;
        }
        Ok(())
    }

    /// Is a row of these values shadowed, and why: by which index, and by the row of which key?
    async fn shadowed(&mut self, m: &Mapping, row: &Row) -> Result<Option<Why>, Error> {
        let columns: Vec<String> = m
            .columns
            .iter()
            .enumerate()
            .map(|(n, c)| format!("${}::pg_catalog.text::{} AS {}", n + 1, c.cast, c.quoted))
            .collect();
        let source = format!("(SELECT {}) AS s", columns.join(", "));
        let values: Vec<Option<String>> = m.columns.iter().map(|c| text(row.get(c.source))).collect();
        let values: Vec<Option<&str>> = values.iter().map(Option::as_deref).collect();
        let sql = format!("SELECT why, pg_catalog.to_json(own) FROM ({}) AS f LIMIT 1", found(m, &source, "1"));
        let found = self.db.query_on_rows(&sql, &values).await?;
        let key = |json: &str| serde_json::from_str(json).ok();
        Ok(found.get(0, 0).map(|index| Why { index: index.to_owned(), own: found.get(0, 1).and_then(key) }))
    }

    /// Has the target a row of its own under the key of this one?
    pub(crate) async fn own_row(&mut self, m: &Mapping, row: &Row) -> Result<bool, Error> {
        let own = m.writable.owns("t.").unwrap_or_else(|| "false".to_owned());
        let Some((condition, values)) = by_key(m, row) else { return Ok(false) };
        let sql = format!("SELECT FROM {} AS t WHERE {condition} AND {own}", m.writable.target());
        let values: Vec<Option<&str>> = values.iter().map(|v| Some(v.as_str())).collect();
        Ok(!self.db.query_on_rows(&sql, &values).await?.is_empty())
    }

    /// `new`, with what was not sent taken from the target's row under the key of `old`, if it is there.
    async fn whole(&mut self, m: &Mapping, old: &Row, new: &Row) -> Result<Option<Row>, Error> {
        let Some((condition, values)) = by_key(m, old) else { return Ok(None) };
        let columns: Vec<String> = m.columns.iter().map(|c| format!("t.{}::pg_catalog.text", c.quoted)).collect();
        let sql = format!("SELECT {} FROM {} AS t WHERE {condition}", columns.join(", "), m.writable.target());
        let values: Vec<Option<&str>> = values.iter().map(|v| Some(v.as_str())).collect();
        let found = self.db.query_on_rows(&sql, &values).await?;
        let Some(there) = found.iter().next() else { return Ok(None) };
        let mut whole = RowBuilder::new();
        for (i, value) in new.values().enumerate() {
            let stands = || m.columns.iter().position(|c| c.source == i).and_then(|at| there.get(at));
            whole.push(match value {
                Value::Unchanged => stands().map_or(Value::Null, |text| Value::Text(text.as_bytes())),
                sent => sent,
            });
        }
        Ok(Some(whole.finish()))
    }

    /// Writes the record, in the open transaction.
    async fn note_shadow(&mut self, name: &(String, String), row: &Row, why: &Why, lsn: Lsn) -> Result<(), Error> {
        let pending = self.tables.entry(name.clone()).or_default();
        let Some(key) = key::owned(row, &pending.key) else {
            return Err(Error::Bug(format!("a row of {}.{} without a key is shadowed", name.0, name.1)));
        };
        let fresh = pending.shadowed.insert(key.clone());
        let (p, s, n) = (quote_literal(&self.options.pipeline), quote_literal(&name.0), quote_literal(&name.1));
        let own = why.own.as_ref().map_or_else(|| "NULL".to_owned(), |own| array(own));
        let index = quote_literal(&why.index);
        let sql = match fresh {
            true => format!(
                "INSERT INTO sluice.shadowed (pipeline, schema, name, key, lsn, why, own) VALUES ({p}, {s}, {n}, {}, '{lsn}', {index}, {own})",
                array(&key),
            ),
            false => format!(
                "UPDATE sluice.shadowed AS x SET lsn = '{lsn}', why = {index}, own = {own} WHERE {}",
                self.record_of(name, &key)
            ),
        };
        self.db.simple_on_rows(&sql).await?;
        if fresh {
            tracing::info!(table = %format_args!("{}.{}", name.0, name.1), index = %why.index, "a row of production is shadowed by rows of staging's own: it is not written");
        }
        crate::failpoint::hit("apply.shadowed");
        Ok(())
    }

    pub(crate) async fn forget_shadow(&mut self, name: &(String, String), row: &Row) -> Result<(), Error> {
        let Some(pending) = self.tables.get_mut(name) else { return Ok(()) };
        let Some(key) = key::owned(row, &pending.key) else { return Ok(()) };
        if !pending.shadowed.remove(&key) {
            return Ok(());
        }
        let sql = format!("DELETE FROM sluice.shadowed AS x WHERE {}", self.record_of(name, &key));
        self.db.simple_on_rows(&sql).await?;
        Ok(())
    }
}

/// Why a row is shadowed.
#[derive(Debug, Default)]
struct Why {
    /// The unique index in which it meets a row of the target's own; empty: it would be one, or this is not known.
    index: String,
    /// The key of that row.
    own: Option<Key>,
}

/// The columns of the key that the target finds rows by.
fn key_columns(m: &Mapping) -> impl Iterator<Item = &Column> {
    m.key.iter().flat_map(|k| &k.columns).filter_map(|&i| m.columns.get(i))
}

fn by_key(m: &Mapping, row: &Row) -> Option<(String, Vec<String>)> {
    let key = m.key.as_ref()?;
    let mut values = Vec::new();
    let mut parts = Vec::new();
    for ((&i, &source), op) in key.columns.iter().zip(&key.source).zip(&key.operators) {
        let c = m.columns.get(i)?;
        values.push(text(row.get(source))?);
        parts.push(format!("t.{} {op} ${}::pg_catalog.text::{}", c.quoted, values.len(), c.cast));
    }
    Some((parts.join(" AND "), values))
}

fn text(value: Value<'_>) -> Option<String> {
    match value {
        Value::Text(v) | Value::Binary(v) => Some(String::from_utf8_lossy(v).into_owned()),
        Value::Null | Value::Unchanged => None,
    }
}
