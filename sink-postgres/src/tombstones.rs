//! Rows that production has deleted and that stay here, because rows of the target's own refer to them (`protect.on_referenced`).
//!
//! Who refers to what, and why nobody slips in between, is said in [`crate::referrers`]. A delete of a table that is referred to looks
//! first, and where any reference is found the fast path counts too many rows: the change is looked at by itself, here. What has to
//! stay stays as it is, with a record, a *tombstone* (`sluice.tombstones`), written in the transaction that moves the checkpoint.
//!
//! | what comes | what becomes of a tombstone |
//! |---|---|
//! | nothing refers to its row any more | row and record go, at the next look |
//! | a row of production under its key | the row becomes that, and the record goes |
//! | a row of production that needs a unique value of it | it yields: row and record go, and what refers to it ends nowhere |
//! | production empties the table | decided anew, of all rows |
//! | a part over its key, a resync | it stays for as long as it is referred to ([`crate::load`]) |
//! | another policy of its table | the record is stale: what stands there may be raw, so it stays only with all masked columns emptied |
//!
//! So a row without a record is production's, and one with a record is not: nothing else tells them apart.

use std::borrow::Cow;
use std::sync::Arc;

use filters::change::{Lsn, Row};
use wire::quote_literal;

use crate::error::{Error, is_verdict};
use crate::foreign_key;
use crate::key::{self, Key, array};
use crate::mapping::Mapping;
use crate::part::{KeyColumn, Part, key_columns, part_condition};
use crate::plan::{Act, overlay};
use crate::removed::{self, Because};
use crate::schema;
use crate::sink::PostgresSink;

impl PostgresSink {
    /// A change by which rows go was not as it had to be: is it that rows of the target's own refer to them? Then they go, but for
    /// those that have to stay, and it is true. False: there is no such row.
    ///
    /// # Errors
    /// [`Error::Data`] where the target refuses that a reference becomes NULL, or that a row of its own goes.
    pub(crate) async fn let_go(
        &mut self,
        m: &Mapping,
        name: &(String, String),
        act: &Act<'_>,
        lsn: Lsn,
    ) -> Result<bool, Error> {
        self.part_with(m, name, act, lsn).await.map_err(|e| refused(m, e, lsn))
    }

    /// Takes away what stands under the key of `row`, which is no row of production any more, though production has not said so: one that
    /// was in quarantine, or that is shadowed now. What rows of the target's own refer to stays, as one that production has deleted does.
    ///
    /// # Errors
    /// A verdict of the server as it is: the caller knows what it is a verdict on.
    pub(crate) async fn take(
        &mut self,
        m: &Mapping,
        name: &(String, String),
        row: &Row,
        lsn: Lsn,
    ) -> Result<(), Error> {
        if m.referrers.is_some() {
            return self.part_with(m, name, &Act::Delete(row), lsn).await.map(|_| ());
        }
        let key = &self.tables.entry(name.clone()).or_default().key;
        let Some(key) = key::owned(row, key) else { return Ok(()) };
        let at = part_condition(&self.key_of(m, name), &Part::Points(vec![key]));
        let sql = format!("DELETE FROM {} AS t WHERE {at}{}", m.writable.target(), m.writable.spares("t."));
        self.db.simple_on_rows(&sql).await?;
        Ok(())
    }

    /// What is left to do once rows were let go: a row that has another key comes under that.
    pub(crate) async fn went(
        &mut self,
        map: usize,
        m: &Mapping,
        name: &(String, String),
        act: &Act<'_>,
    ) -> Result<(), Error> {
        match act {
            Act::Truncate => self.free_all(name).await,
            Act::Update { old: Some(old), new } if !self.arrive(map, m, name, new).await? => {
                self.due(name, &overlay(Cow::Borrowed(*old), new), false).await
            }
            _ => Ok(()),
        }
    }

    async fn part_with(
        &mut self,
        m: &Mapping,
        name: &(String, String),
        act: &Act<'_>,
        lsn: Lsn,
    ) -> Result<bool, Error> {
        let (Some(by), true) = (&m.referrers, self.specs.contains_key(name)) else { return Ok(false) };
        let columns = self.key_of(m, name);
        let there: Vec<String> = columns.iter().map(|c| format!("{}::pg_catalog.text", c.name)).collect();
        let there = format!("ARRAY[{}]", there.join(", "));
        let (table, spares) = (m.writable.target(), m.writable.spares("t."));
        let mine = self.records_of(name);
        let (which, records) = match act {
            Act::Truncate => {
                self.db.simple_on_rows(&crate::statement::hold_all(m)).await?;
                (format!("true{spares}"), mine.clone())
            }
            Act::Delete(old) | Act::Update { old: Some(old), .. } => {
                let pending = self.tables.entry(name.clone()).or_default();
                if let Act::Update { new, .. } = act
                    && key::after(Some(old), new, &pending.key) == key::values(old, &pending.key)
                {
                    return Ok(false);
                }
                let Some(key) = key::owned(old, &pending.key) else { return Ok(false) };
                let records = self.record_of(name, &key);
                let which = format!("{}{spares}", part_condition(&columns, &Part::Points(vec![key])));
                let hold = format!("SELECT FROM {table} AS t WHERE {which} FOR UPDATE");
                if self.db.simple_on_rows(&hold).await?.first().is_none_or(|rows| rows.is_empty()) {
                    return Ok(false);
                }
                (which, records)
            }
            _ => return Ok(false),
        };
        self.db.simple_on_rows(&format!("DELETE FROM sluice.tombstones AS x WHERE {records}")).await?;
        // a column that is not filled in yet may be raw
        let stale = self.tables.entry(name.clone()).or_default().fills();
        let mut kept: Vec<Key> = Vec::new();
        if let Some(needed) = by.needed() {
            let (p, s, n) = (quote_literal(&self.options.pipeline), quote_literal(&name.0), quote_literal(&name.1));
            let sql = format!(
                "INSERT INTO sluice.tombstones (pipeline, schema, name, key, lsn, stale)
                 SELECT {p}, {s}, {n}, {there}, '{lsn}', {stale} FROM {table} AS t WHERE {which} AND {needed} RETURNING pg_catalog.to_json(key)"
            );
            let rows = self.db.simple_on_rows(&sql).await?;
            let keys = rows.iter().flat_map(|r| r.iter()).filter_map(|r| serde_json::from_str(r.get(0)?).ok());
            kept.extend(keys);
        }
        let goes =
            format!("{which} AND NOT EXISTS (SELECT FROM sluice.tombstones AS x WHERE {mine} AND x.key = {there})");
        let because = Because { pipeline: &self.options.pipeline, table: name, lsn };
        removed::give_way(&mut self.db, by.gives_way(), (&table, &goes), &because).await?;
        self.db.simple_on_rows(&format!("DELETE FROM {table} AS t WHERE {goes}")).await?;
        let pending = self.tables.entry(name.clone()).or_default();
        match act {
            Act::Delete(old) | Act::Update { old: Some(old), .. } => {
                key::owned(old, &pending.key).map(|key| pending.tombstones.remove(&key));
            }
            _ => pending.tombstones.clear(),
        }
        if !kept.is_empty() {
            tracing::info!(table = %m.writable.name(), rows = kept.len(), "deleted on production, and kept: rows of staging's own refer to them");
        }
        pending.tombstones.extend(kept);
        crate::failpoint::hit("apply.let_go");
        Ok(true)
    }

    /// A change of keys that were kept: what stands there is about to be production's again, so the records go. Gives what is to be
    /// done now; `None`: a slice has to bring the row, for what was not sent of it stands here as it was when it was deleted.
    pub(crate) async fn comes_back<'a>(
        &mut self,
        m: &Mapping,
        name: &(String, String),
        act: Act<'a>,
    ) -> Result<Option<Act<'a>>, Error> {
        let columns = self.tables.entry(name.clone()).or_default().key.clone();
        let owned = |row: Option<Vec<&[u8]>>| -> Option<Key> {
            row?.into_iter().map(|v| String::from_utf8(v.to_vec()).ok()).collect()
        };
        let (before, after) = match &act {
            Act::Insert(new) => (None, key::owned(new, &columns)),
            Act::Update { old, new } => {
                (old.and_then(|old| key::owned(old, &columns)), owned(key::after(*old, new, &columns)))
            }
            Act::Delete(old) => (key::owned(old, &columns), None),
            Act::Truncate => (None, None),
        };
        let moved = before.is_some() && after.is_some() && before != after;
        if let Act::Update { old, new } = &act
            && !moved
            && new.has_unchanged()
        {
            let row = old.map_or_else(|| (*new).clone(), |old| overlay(Cow::Borrowed(old), new).into_owned());
            self.due(name, &row, false).await?;
            return Ok(None);
        }
        for key in before.iter().chain(&after) {
            self.forget_tombstone(name, key).await?;
        }
        let Some(after) = after.filter(|_| moved || matches!(act, Act::Insert(_))) else { return Ok(Some(act)) };
        let at = part_condition(&self.key_of(m, name), &Part::Points(vec![after]));
        let (table, spares) = (m.writable.target(), m.writable.spares("t."));
        match act {
            // whoever refers to the row goes on to do so
            Act::Insert(new) => {
                let sql = format!("SELECT FROM {table} AS t WHERE {at}{spares} FOR UPDATE");
                let there = self.db.simple_on_rows(&sql).await?.first().is_some_and(|rows| !rows.is_empty());
                Ok(Some(if there { Act::Update { old: None, new } } else { Act::Insert(new) }))
            }
            // another row of production has its key now
            act => {
                self.db.simple_on_rows(&format!("DELETE FROM {table} AS t WHERE {at}{spares}")).await?;
                Ok(Some(act))
            }
        }
    }

    /// Have foreign keys come or gone on the target since they were read, so that somebody else refers to what we write, or nobody does?
    /// One that changes nothing of that is taken note of, and starts nothing over.
    pub async fn references_changed(&mut self) -> Result<bool, Error> {
        let Some(held) = self.foreign_keys.clone() else { return Ok(false) };
        if foreign_key::fingerprint(&mut self.db).await? == held.fingerprint {
            return Ok(false);
        }
        let read = foreign_key::read(&mut self.db).await?;
        for m in &self.maps {
            match self.referrers(&m.shape, m.key.is_some(), &read.keys) {
                Ok(now) if now == m.referrers => {}
                // whoever starts over is told of what cannot be
                Ok(_) | Err(Error::Refused { .. }) => return Ok(true),
                Err(e) => return Err(e),
            }
        }
        tracing::info!("foreign keys of staging changed: who refers to what we write is the same");
        self.foreign_keys = Some(Arc::new(read));
        Ok(false)
    }

    /// Takes away what nothing refers to any more.
    pub async fn release_tombstones(&mut self) -> Result<(), Error> {
        if self.open {
            return Ok(());
        }
        let names = self.tables.iter().filter(|(_, p)| !p.tombstones.is_empty()).map(|(name, _)| name.clone());
        let mut gone = 0;
        for name in names.collect::<Vec<_>>() {
            let of = |m: &&Arc<Mapping>| (&*m.shape.schema, &*m.shape.name) == (&*name.0, &*name.1);
            let Some(m) = self.maps.iter().rfind(of).cloned() else { continue };
            self.db.simple("BEGIN").await?;
            let released = self.release(&m, &name).await.map_err(|e| refused(&m, e, self.progress.applied));
            gone += match released {
                Ok(n) => n,
                // somebody holds what would have to be looked at: there is a next time
                Err(e) if e.is_contention() => {
                    self.db.simple("ROLLBACK").await?;
                    continue;
                }
                Err(e) => {
                    self.roll_back().await;
                    return Err(e);
                }
            };
            self.db.simple_on_rows("COMMIT").await?;
        }
        if gone > 0 {
            tracing::info!(rows = gone, "nothing refers to them any more: what production has deleted goes");
            self.reload_pending().await?;
        }
        Ok(())
    }

    async fn release(&mut self, m: &Mapping, name: &(String, String)) -> Result<u64, Error> {
        let (mine, (table, spares)) = (self.records_of(name), (m.writable.target(), m.writable.spares("t.")));
        // a part that is being loaded holds the checkpoint, and decides of the same rows
        let ours = format!(
            "SELECT FROM sluice.checkpoint WHERE pipeline = {} AND epoch = {} FOR UPDATE SKIP LOCKED",
            quote_literal(&self.options.pipeline),
            self.epoch
        );
        if self.db.query(&ours, &[]).await?.is_empty() {
            return Ok(0);
        }
        let same: Vec<String> = self
            .key_of(m, name)
            .iter()
            .enumerate()
            .map(|(n, c)| format!("{} {} (x.key)[{}]::{}", c.name, c.equals, n + 1, c.cast))
            .collect();
        let same = same.join(" AND ");
        let needed = m.referrers.as_ref().and_then(|by| by.needed()).unwrap_or("false");
        let hold = format!(
            "SELECT x.id FROM sluice.tombstones AS x JOIN {table} AS t ON {same} WHERE {mine}{spares} AND NOT {needed} FOR UPDATE OF t SKIP LOCKED"
        );
        let mut free = ids(&self.db.simple_on_rows(&hold).await?);
        if let Some(held) = free.take() {
            // what is referred to since then stays: nobody can any more, once the row is ours
            let still = format!(
                "SELECT x.id FROM sluice.tombstones AS x JOIN {table} AS t ON {same} WHERE x.id IN ({held}) AND NOT {needed}"
            );
            free = ids(&self.db.simple_on_rows(&still).await?);
        }
        if let (Some(by), Some(ids)) = (&m.referrers, &free) {
            let goes = format!("EXISTS (SELECT FROM sluice.tombstones AS x WHERE x.id IN ({ids}) AND {same}){spares}");
            let because = Because { pipeline: &self.options.pipeline, table: name, lsn: self.progress.applied };
            removed::give_way(&mut self.db, by.gives_way(), (&table, &goes), &because).await?;
        }
        let ids = free.as_deref().unwrap_or("NULL");
        let rows = self
            .db
            .simple_on_rows(&format!(
                "WITH free AS (DELETE FROM sluice.tombstones AS x WHERE {mine}
                   AND (x.id IN ({ids})
                     OR NOT EXISTS (SELECT FROM {table} AS t WHERE {same}{spares})) RETURNING x.key)
                 , gone AS (DELETE FROM {table} AS t USING free AS x WHERE {same}{spares})
                 SELECT pg_catalog.count(*) FROM free"
            ))
            .await?;
        crate::failpoint::hit("look.released");
        Ok(rows.first().and_then(|r| r.get(0, 0)).and_then(|n| n.parse().ok()).unwrap_or(0))
    }

    /// Takes the record away, if there is one. Gives whether there was.
    pub(crate) async fn forget_tombstone(&mut self, name: &(String, String), key: &Key) -> Result<bool, Error> {
        if !self.tables.entry(name.clone()).or_default().tombstones.remove(key) {
            return Ok(false);
        }
        let sql = format!("DELETE FROM sluice.tombstones AS x WHERE {}", self.record_of(name, key));
        self.db.simple_on_rows(&sql).await?;
        Ok(true)
    }

    /// The condition of a table's records, in any table of them that is called `x`.
    pub(crate) fn records_of(&self, name: &(String, String)) -> String {
        schema::records_of(&self.options.pipeline, &name.0, &name.1)
    }

    /// The same of one key.
    pub(crate) fn record_of(&self, name: &(String, String), key: &Key) -> String {
        format!("{} AND x.key = {}", self.records_of(name), array(key))
    }

    /// The columns of the key, of rows `t`.
    fn key_of(&self, m: &Mapping, name: &(String, String)) -> Vec<KeyColumn> {
        let mut columns = self.specs.get(name).map_or_else(Vec::new, |spec| key_columns(&spec.key, m));
        columns.iter_mut().for_each(|c| c.name.insert_str(0, "t."));
        columns
    }

    /// A row that is to come under a new key, once what stood under its old one was let go.
    pub(crate) async fn arrive(
        &mut self,
        map: usize,
        m: &Mapping,
        name: &(String, String),
        new: &Row,
    ) -> Result<bool, Error> {
        if new.has_unchanged() {
            return Ok(false);
        }
        let steps = [crate::plan::Step::Insert(map, vec![Cow::Borrowed(new)])];
        if self.attempt(&steps).await?.is_none() {
            return Ok(true);
        }
        // the tombstone of its old key has its unique values
        Ok(self.evict(m, name, new).await? > 0 && self.attempt(&steps).await?.is_none())
    }
}

/// The ids that were asked for, as a list; `None`: there is none.
fn ids(rows: &[wire::Rows]) -> Option<String> {
    let ids: Vec<&str> = rows.iter().flat_map(|r| r.iter()).filter_map(|r| r.get(0)).collect();
    (!ids.is_empty()).then(|| ids.join(", "))
}

/// A verdict on rows of the target's own that were to give way.
pub(crate) fn refused(m: &Mapping, e: Error, lsn: Lsn) -> Error {
    match e {
        Error::Wire(source) if source.sqlstate().is_some_and(is_verdict) => {
            let table = m.writable.name().to_owned();
            Error::Data { table, operation: "delete", lsn, full: None, source }
        }
        e => e,
    }
}
