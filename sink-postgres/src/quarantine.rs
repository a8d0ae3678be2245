//! Rows that the target refuses, kept aside so that the stream can go on: `apply.on_error: quarantine`.
//!
//! **A row in quarantine is a pending point with a record.** Its key is *held* ([`crate::pending`]): what production says of it
//! is skipped, and no slice fetches it, until somebody has decided. The record is written in the transaction that moves the
//! checkpoint, and the key is held by the record and by nothing else: so no change is skipped without one, whatever is killed.
//!
//! | what comes | what becomes of key and record |
//! |---|---|
//! | a change of a held key | skipped |
//! | production deletes the row, or gives it another key | what staging has under the key goes ([`crate::tombstones`]), and the record with it |
//! | production empties the table | so do all records of the table |
//! | the whole table is pending (`resync`, another policy) | records go; the copy makes those anew that are refused again |
//! | `retry` | the record becomes a pending point, or the whole table where production cannot be asked for the key |
//! | `skip` | marked; whoever runs takes record and hold away in one step, so that nothing falls between |
//!
//! **What staging shows meanwhile**: a row whose update was refused as it was before; one that was refused as new, or in a
//! copy, not at all. (In a copy what stood there may be of an older policy.)
//!
//! A table without a key holds nothing: there the record only says what is missing. What production says of such a row later
//! finds none, and that makes the whole table due.
//!
//! Kept aside is only what is a matter of one row ([`is_of_a_row`]). A missing right or column, a TRUNCATE and a deferred check
//! at the commit hold the stream as ever.

use filters::change::{Change, Lsn, Op, Row, Value};
use wire::{ServerError, quote_literal};

use crate::error::{Error, UNREAD, is_of_a_row, is_verdict};
use crate::key::{self, Key, array};
use crate::mapping::Mapping;
use crate::sink::{OnError, PostgresSink};

/// What the sink remembers of it.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    /// Put there in the open transaction.
    open: u64,
    /// Put there since this was last asked.
    done: u64,
    /// There are records that are to be forgotten.
    pub(crate) skips: bool,
}

impl Refused {
    pub(crate) fn committed(&mut self) {
        self.done += std::mem::take(&mut self.open);
    }

    pub(crate) fn rolled_back(&mut self) {
        self.open = 0;
    }
}

impl PostgresSink {
    /// Rows that were put into quarantine since this was last asked.
    pub fn take_quarantined(&mut self) -> u64 {
        std::mem::take(&mut self.refused.done)
    }

    /// Lets go of what somebody has skipped: the record and the hold.
    pub async fn take_skips(&mut self) -> Result<(), Error> {
        if !self.refused.skips {
            return Ok(());
        }
        let gone = self
            .db
            .query_on_rows(
                "DELETE FROM sluice.quarantine WHERE pipeline = $1 AND skipped RETURNING id, schema, name",
                &[Some(&self.options.pipeline)],
            )
            .await?;
        for row in gone.iter() {
            let text = |i: usize| row.get(i).unwrap_or_default();
            tracing::info!(id = text(0), table = %format_args!("{}.{}", text(1), text(2)), "skipped: out of quarantine, as it is on the target");
        }
        self.reload_pending().await
    }

    /// Puts a change that the target has refused into quarantine, in the open transaction; or says why the stream must be held.
    /// `row` holds its key.
    pub(crate) async fn quarantine(
        &mut self,
        change: &Change,
        lsn: Lsn,
        row: &Row,
        source: wire::Error,
    ) -> Result<(), Error> {
        let name = (change.table.schema.to_string(), change.table.name.to_string());
        let (operation, new) = match &change.op {
            Op::Insert { new } => ("insert", Some(new)),
            Op::Update { new, .. } => ("update", Some(new)),
            Op::Delete { .. } => ("delete", None),
            Op::Due { .. } => ("fetch", None),
            Op::Truncate { .. } => return Err(Error::Bug(format!("a TRUNCATE of {} is no row", change.table))),
        };
        let table = change.table.to_string();
        let of_a_row = source.sqlstate().is_some_and(is_of_a_row);
        let (OnError::Quarantine { most, unread }, true) = (self.options.on_error, of_a_row) else {
            return Err(Error::Data { table, operation, lsn, full: None, source });
        };
        if !unread && source.sqlstate() == Some(UNREAD) {
            return Err(Error::Data { table, operation, lsn, full: None, source });
        }
        if self.tables.values().map(|p| p.quarantined).sum::<u64>() >= most {
            return Err(Error::Data { table, operation, lsn, full: Some(most), source });
        }
        let pending = self.tables.entry(name.clone()).or_default();
        let key = if pending.key.is_empty() { None } else { key::owned(row, &pending.key) };
        if key.is_none() && !pending.key.is_empty() {
            return Err(Error::Data { table, operation, lsn, full: None, source });
        }
        let fetchable = pending.pointable && key.is_some();
        let Some(said) = source.server().cloned() else { return Err(source.into()) };
        let masked = new.map(|new| masked(change, new));
        let record = Record { name: &name, key: key.as_ref(), fetchable, lsn, operation, said: &said };
        // a value that cannot be written there either (a character that its encoding lacks) is left out
        let written = self.write(&record, masked.as_deref()).await? || self.write(&record, None).await?;
        if !written {
            return Err(Error::Data { table, operation, lsn, full: None, source });
        }
        let pending = self.tables.entry(name).or_default();
        pending.quarantined += 1;
        pending.held.extend(key);
        self.refused.open += 1;
        tracing::warn!(%table, operation, %lsn, reason = %said, "a row cannot be applied: it goes into quarantine, and its key is held");
        crate::failpoint::hit("apply.quarantined");
        Ok(())
    }

    /// Writes a record. False: the server cannot write these values.
    async fn write(&mut self, record: &Record<'_>, masked: Option<&str>) -> Result<bool, Error> {
        self.db.simple("SAVEPOINT record").await?;
        let pipeline = self.options.pipeline.clone();
        let fetchable = if record.fetchable { "t" } else { "f" };
        let lsn = record.lsn.to_string();
        let sql = format!(
            "INSERT INTO sluice.quarantine (pipeline, schema, name, key, fetchable, lsn, operation, sqlstate, constraint_name, column_name, masked)
             VALUES ($1, $2, $3, {}, $4::boolean, $5::pg_lsn, $6, $7, $8, $9, $10::json)",
            record.key.map_or_else(|| "NULL".to_owned(), |key| array(key))
        );
        let params = [
            Some(pipeline.as_str()),
            Some(&record.name.0),
            Some(&record.name.1),
            Some(fetchable),
            Some(&lsn),
            Some(record.operation),
            Some(&record.said.sqlstate),
            record.said.constraint.as_deref(),
            record.said.column.as_deref(),
            masked,
        ];
        match self.db.query_on_rows(&sql, &params).await {
            Ok(_) => {
                self.db.simple("RELEASE SAVEPOINT record").await?;
                Ok(true)
            }
            // data, or larger than a value may be
            Err(e) if e.sqlstate().is_some_and(|s| s.starts_with("22") || s.starts_with("54")) => {
                self.db.simple("ROLLBACK TO SAVEPOINT record; RELEASE SAVEPOINT record").await?;
                Ok(false)
            }
            Err(e) => Err(e.into()),
        }
    }

    /// A held key is no more on production: what the target has under it goes, and the record with it. Where the target refuses
    /// that, the record stays and says so.
    pub(crate) async fn free(
        &mut self,
        mapping: &Mapping,
        name: &(String, String),
        old: &Row,
        lsn: Lsn,
    ) -> Result<(), Error> {
        let bug = || Error::Bug("a held key of a table that is not registered".into());
        let pending = self.tables.get(name).ok_or_else(bug)?;
        let Some(key) = key::owned(old, &pending.key) else { return Ok(()) };
        if !pending.held.contains(&key) {
            // a shadowed one: what is there under it is staging's own
            return self.forget_shadow(name, old).await;
        }
        let record = self.record_of(name, &key);
        self.db.simple("SAVEPOINT change").await?;
        match self.take(mapping, name, old, lsn).await {
            Ok(()) => {
                let sql = format!("DELETE FROM sluice.quarantine AS x WHERE {record}; RELEASE SAVEPOINT change");
                self.db.simple_on_rows(&sql).await?;
                let pending = self.tables.get_mut(name).ok_or_else(bug)?;
                pending.held.remove(&key);
                pending.quarantined = pending.quarantined.saturating_sub(1);
                tracing::info!(table = %mapping.writable.name(), "production has no such row any more: it is out of quarantine");
                Ok(())
            }
            Err(Error::Wire(e)) if e.sqlstate().is_some_and(is_verdict) => {
                let said = e.server().cloned().unwrap_or_default();
                let text = |t: &Option<String>| t.as_ref().map_or_else(|| "NULL".to_owned(), |t| quote_literal(t));
                let sql = format!(
                    "ROLLBACK TO SAVEPOINT change; RELEASE SAVEPOINT change;
                     UPDATE sluice.quarantine AS x SET operation = 'delete', lsn = '{lsn}', sqlstate = {}, constraint_name = {}, column_name = {}, masked = NULL WHERE {record}",
                    quote_literal(&said.sqlstate),
                    text(&said.constraint),
                    text(&said.column),
                );
                self.db.simple_on_rows(&sql).await?;
                Ok(())
            }
            Err(e) => Err(e),
        }
    }

    /// The table was emptied: so is its quarantine, and nothing of production's is shadowed.
    pub(crate) async fn free_all(&mut self, name: &(String, String)) -> Result<(), Error> {
        let Some(pending) = self.tables.get_mut(name).filter(|p| p.remembers_keys()) else { return Ok(()) };
        pending.held.clear();
        pending.shadowed.clear();
        pending.quarantined = 0;
        let mine = self.records_of(name);
        let sql =
            format!("DELETE FROM sluice.quarantine AS x WHERE {mine}; DELETE FROM sluice.shadowed AS x WHERE {mine}");
        self.db.simple_on_rows(&sql).await?;
        Ok(())
    }
}

/// What a record says beside the row.
struct Record<'r> {
    name: &'r (String, String),
    key: Option<&'r Key>,
    fetchable: bool,
    lsn: Lsn,
    operation: &'static str,
    said: &'r ServerError,
}

/// The row as an object of texts; what was not sent is left out.
fn masked(change: &Change, row: &Row) -> String {
    let mut object = serde_json::Map::new();
    for (column, value) in change.table.columns.iter().zip(row.values()) {
        let value = match value {
            Value::Text(v) | Value::Binary(v) => String::from_utf8_lossy(v).into_owned().into(),
            Value::Null => serde_json::Value::Null,
            Value::Unchanged => continue,
        };
        object.insert(column.name.to_string(), value);
    }
    serde_json::Value::Object(object).to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use filters::change::{Column, Identity, RowBuilder, Table};

    use super::*;

    #[test]
    fn a_record_has_what_was_sent_and_nothing_else() {
        let column = |name: &str| Column { name: name.into(), type_oid: 25, type_modifier: -1, key: name == "id" };
        let columns = ["id", "a", "b", "c"].map(column).into();
        let table = Table { oid: 1, schema: "public".into(), name: "t".into(), identity: Identity::Default, columns };
        let mut row = RowBuilder::new();
        let sent = [Value::Text(b"7"), Value::Null, Value::Unchanged, Value::Text("\"\u{e9}\n".as_bytes())];
        sent.into_iter().for_each(|v| row.push(v));
        let row = row.finish();
        let change = Change { table: Arc::new(table), op: Op::Insert { new: row.clone() } };
        assert_eq!(masked(&change, &row), "{\"a\":null,\"c\":\"\\\"\u{e9}\\n\",\"id\":\"7\"}");
    }
}
