//! Into a range with rows: what came stands in a temporary table, and the range is made equal to it.
//!
//! What differs or is gone is deleted, and what is missing inserted. A row that differs is deleted and inserted rather than
//! updated, so that rows may swap unique values among themselves; columns that only the target has are carried over. Rows
//! elsewhere that hold a unique value of a row that comes are in the way: in production's snapshot nobody else has that
//! value, so they are old rows of a pending range, or somebody's edit, which becomes pending itself.

use std::sync::Arc;

use wire::{quote_ident, quote_literal};

use super::{Evicted, Load};
use crate::error::Error;
use crate::key::{Key, array};
use crate::mapping::{self, Mapping};

impl Load<'_> {
    /// Makes the part equal to the stage.
    pub(super) async fn merge(&mut self) -> Result<(), Error> {
        let m = Arc::clone(&self.mapping);
        let inside = self.condition("t.");
        self.blank(&m, &inside).await?;
        self.shadow(&m).await?;
        match &m.key {
            Some(key) if !self.fill.is_empty() => return self.set(&m, key, &inside).await,
            None => self.clear(&m, &inside).await?,
            Some(key) => self.make_room(&m, key, &inside, true).await?,
        }
        self.loader.db.simple_on_rows(&insert(&m, STAGE)).await?;
        Ok(())
    }

    /// Everything of a merge with a key but that rows come. `elsewhere`: rows of other parts may have to go too.
    pub(super) async fn make_room(
        &mut self,
        m: &Mapping,
        key: &mapping::Key,
        inside: &str,
        elsewhere: bool,
    ) -> Result<(), Error> {
        let names = names(m, &key.columns);
        let db = &mut self.loader.db;
        db.simple_on_rows(&format!(
            "CREATE INDEX ON pg_temp.sluice_stage ({}); ANALYZE pg_temp.sluice_stage",
            names.join(", ")
        ))
        .await?;
        let same_key = on(&names, &key.operators);
        let goes = self.part_with(m, key, inside, &same_key).await?;
        self.delete(m, &format!("{inside}{goes}"), &names, &same_key).await?;
        if elsewhere {
            self.make_way(m, key, &same_key).await?;
        }
        Ok(())
    }

    /// What production has and must not come may stand here from an older script: it goes.
    pub(super) async fn blank(&mut self, m: &Mapping, inside: &str) -> Result<(), Error> {
        let table = m.writable.target();
        for column in self.spec.withheld.iter().map(|c| quote_ident(c)).filter(|c| m.extra.contains(c)) {
            let (value, only) = match m.defaults.contains(&column) {
                true => ("DEFAULT", String::new()),
                false => ("NULL", format!(" AND t.{column} IS NOT NULL")),
            };
            let spares = m.writable.spares("t.");
            let sql = format!("UPDATE {table} AS t SET {column} = {value} WHERE {inside}{only}{spares}");
            self.loader.db.simple_on_rows(&sql).await?;
        }
        Ok(())
    }

    /// Sets the columns that are unknown, where they differ.
    async fn set(&mut self, m: &Mapping, key: &mapping::Key, inside: &str) -> Result<(), Error> {
        let quoted: Vec<String> = self.fill.iter().map(|c| quote_ident(c)).collect();
        let columns: Vec<&str> =
            m.columns.iter().map(|c| c.quoted.as_str()).filter(|c| quoted.iter().any(|q| q == c)).collect();
        if columns.is_empty() {
            return Ok(());
        }
        let names = names(m, &key.columns);
        let same_key = on(&names, &key.operators);
        let set: Vec<String> = columns.iter().map(|c| format!("{c} = s.{c}")).collect();
        let equal: Vec<String> = columns.iter().map(|c| same_text(c)).collect();
        let sql = format!(
            "ANALYZE pg_temp.sluice_stage; UPDATE {} AS t SET {} FROM pg_temp.sluice_stage AS s WHERE {inside} AND {same_key} AND NOT ({}){}",
            m.writable.target(),
            set.join(", "),
            equal.join(" AND "),
            m.writable.spares("t.")
        );
        self.loader.db.simple_on_rows(&sql).await?;
        Ok(())
    }

    /// Without a key rows are a multiset: all out, all in, under one snapshot of the target's readers.
    pub(super) async fn clear(&mut self, m: &Mapping, inside: &str) -> Result<(), Error> {
        let sql = format!("DELETE FROM {} AS t WHERE {inside}{}", m.writable.target(), m.writable.spares("t."));
        let gone = self.loader.db.simple_on_rows(&sql).await?;
        self.loaded.deleted = gone.first().map_or(0, |r| r.affected());
        Ok(())
    }

    /// Deletes what differs or is gone. Columns that only the target has are kept aside for rows that come again.
    async fn delete(&mut self, m: &Mapping, inside: &str, names: &[&str], same_key: &str) -> Result<(), Error> {
        let table = m.writable.target();
        // the same row, byte for byte as text: a collation may call others equal
        let equal: Vec<String> = m.columns.iter().map(|c| same_text(&c.quoted)).collect();
        let equal = equal.join(" AND ");
        let spares = m.writable.spares("t.");
        let kept = if m.extra.is_empty() {
            String::new()
        } else {
            let keep = names.iter().copied().chain(m.extra.iter().map(String::as_str));
            format!(
                "CREATE TEMPORARY TABLE sluice_kept ON COMMIT DROP AS SELECT {} FROM {table} AS t JOIN pg_temp.sluice_stage AS s ON {same_key} WHERE {inside} AND NOT ({equal}){spares}; ",
                keep.map(|k| format!("t.{k}")).collect::<Vec<_>>().join(", ")
            )
        };
        let delete = format!(
            "{kept}DELETE FROM {table} AS t WHERE {inside} AND NOT EXISTS (SELECT FROM pg_temp.sluice_stage AS s WHERE {same_key} AND {equal}){spares}"
        );
        let gone = self.loader.db.simple_on_rows(&delete).await?;
        self.loaded.deleted = gone.last().map_or(0, |r| r.affected());
        Ok(())
    }

    /// Deletes rows outside this part that hold a unique value of a row that comes; those of done ranges become pending.
    async fn make_way(&mut self, m: &Mapping, key: &mapping::Key, same_key: &str) -> Result<(), Error> {
        for unique in m.unique.iter().chain(&m.deferred).filter(|u| u.columns != key.columns) {
            let same = on(&names(m, &unique.columns), &unique.operators);
            let spec_key: Vec<String> =
                self.spec.key.iter().map(|k| format!("t.{}::pg_catalog.text", quote_ident(k))).collect();
            let point = if self.spec.pointable {
                format!("ARRAY[{}]", spec_key.join(", "))
            } else {
                "NULL::pg_catalog.text[]".into()
            };
            let sql = format!(
                "DELETE FROM {} AS t USING pg_temp.sluice_stage AS s WHERE {same} AND NOT ({same_key}){} RETURNING pg_catalog.to_json({point})",
                m.writable.target(),
                m.writable.spares("t.")
            );
            let gone = self.loader.db.simple_on_rows(&sql).await?;
            for row in gone.iter().flat_map(|r| r.iter()) {
                let Some(key) = row.get(0).and_then(|t| serde_json::from_str::<Key>(t).ok()) else { continue };
                if self.was_tombstone(&key).await? || self.pending.covers_key(&key) {
                    continue; // unknown, so it may go: its own chunk brings what belongs there; or production has no such row
                }
                // while columns are filled in, the value may be one that is not filled in yet
                self.loaded.divergences += u64::from(!self.pending.fills());
                let sql = format!(
                    "INSERT INTO sluice.pending (pipeline, schema, name, point) VALUES ({}, {}, {}, {})",
                    quote_literal(&self.loader.pipeline),
                    quote_literal(&self.spec.schema),
                    quote_literal(&self.spec.name),
                    array(&key)
                );
                self.loader.db.simple_on_rows(&sql).await?;
                let columns = names(m, &unique.columns).join(", ");
                self.loaded.evicted.push(Evicted { key, columns });
            }
        }
        Ok(())
    }
}

/// What came, for [`insert`].
const STAGE: &str = "pg_temp.sluice_stage";

/// Inserts what is missing of `source`: with a key those whose key is not there, else all.
pub(super) fn insert(m: &Mapping, source: &str) -> String {
    let (into, columns, overriding) = (m.writable.quoted(), m.column_list(), overriding(m));
    let Some(key) = &m.key else {
        return format!("INSERT INTO {into} ({columns}) {overriding}SELECT {columns} FROM {source} AS s");
    };
    let same_key = on(&names(m, &key.columns), &key.operators);
    let again = if m.extra.is_empty() {
        String::new()
    } else {
        let extra = m.extra.join(", ");
        let from_stage = m.columns.iter().map(|c| format!("s.{}", c.quoted)).collect::<Vec<_>>().join(", ");
        let from_kept = m.extra.iter().map(|e| format!("t.{e}")).collect::<Vec<_>>().join(", ");
        format!(
            "INSERT INTO {into} ({columns}, {extra}) OVERRIDING SYSTEM VALUE SELECT {from_stage}, {from_kept} FROM {source} AS s JOIN pg_temp.sluice_kept AS t ON {same_key}; "
        )
    };
    format!(
        "{again}INSERT INTO {into} ({columns}) {overriding}SELECT {columns} FROM {source} AS s WHERE NOT EXISTS (SELECT FROM {} AS t WHERE {same_key})",
        m.writable.target()
    )
}

fn same_text(column: &str) -> String {
    format!(
        "t.{column}::pg_catalog.text COLLATE pg_catalog.\"C\" IS NOT DISTINCT FROM s.{column}::pg_catalog.text COLLATE pg_catalog.\"C\""
    )
}

fn overriding(m: &Mapping) -> &'static str {
    if m.identity_always() { "OVERRIDING SYSTEM VALUE " } else { "" }
}

pub(super) fn names<'m>(m: &'m Mapping, columns: &[usize]) -> Vec<&'m str> {
    columns.iter().filter_map(|&i| m.columns.get(i)).map(|c| c.quoted.as_str()).collect()
}

pub(super) fn on(names: &[&str], operators: &[String]) -> String {
    names.iter().zip(operators).map(|(n, op)| format!("t.{n} {op} s.{n}")).collect::<Vec<_>>().join(" AND ")
}
