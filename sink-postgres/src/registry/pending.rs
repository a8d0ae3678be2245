//! What is pending, as it is written down: `sluice.pending`. The sink has a copy in memory, because it is asked of every
//! change; each write here is to both.

use wire::quote_literal;

use crate::error::Error;
use crate::key::{Key, array};
use crate::pending::{Pending, Range};
use crate::sink::PostgresSink;

impl PostgresSink {
    /// What is pending of each table.
    pub fn pending(&self) -> impl Iterator<Item = (&(String, String), &Pending)> {
        self.tables.iter().filter(|(name, _)| self.specs.contains_key(*name))
    }

    /// What is pending of one, if it is registered: it is asked for each part of thousands of tables.
    pub fn pending_of(&self, name: &(String, String)) -> Option<&Pending> {
        self.specs.get(name).and_then(|_| self.tables.get(name))
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
            pending.held.clear();
            pending.shadowed.clear();
            pending.tombstones.clear();
            pending.quarantined = 0;
        }
        self.refused.skips = false;
        if self.specs.is_empty() || self.db.is_broken() {
            return Ok(());
        }
        let rows = self
            .db
            .query_on_rows(
                // in one statement: what goes from one to the other is never in neither
                "SELECT id, schema, name, pg_catalog.to_json(lo), pg_catalog.to_json(hi), pg_catalog.to_json(point), pg_catalog.to_json(columns), 'pending'
                 FROM sluice.pending WHERE pipeline = $1
                 UNION ALL SELECT id, schema, name, NULL, NULL, pg_catalog.to_json(key), NULL, CASE WHEN skipped THEN 'skipped' ELSE 'held' END
                 FROM sluice.quarantine WHERE pipeline = $1
                 UNION ALL SELECT id, schema, name, NULL, NULL, pg_catalog.to_json(key), NULL, 'shadowed'
                 FROM sluice.shadowed WHERE pipeline = $1
                 UNION ALL SELECT id, schema, name, NULL, NULL, pg_catalog.to_json(key), NULL, 'tombstone'
                 FROM sluice.tombstones WHERE pipeline = $1 ORDER BY 1",
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
            match row.get(7) {
                Some("pending") => {}
                Some("shadowed") => {
                    pending.shadowed.extend(key(5)?);
                    continue;
                }
                Some("tombstone") => {
                    pending.tombstones.extend(key(5)?);
                    continue;
                }
                held => {
                    self.refused.skips |= held == Some("skipped");
                    pending.quarantined += 1;
                    pending.held.extend(key(5)?);
                    continue;
                }
            }
            match key(5)? {
                Some(point) => {
                    pending.points.insert(point);
                }
                None => {
                    pending.ranges.push(Range { id, lo: key(3)?, hi: key(4)?, columns: key(6)?.unwrap_or_default() })
                }
            }
        }
        Ok(())
    }

    /// Makes a table pending as a whole, for what cannot be said of one key; `why` is what `status` says of it meanwhile.
    pub async fn make_pending(&mut self, name: &(String, String), why: &str) -> Result<(), Error> {
        let pipeline = self.options.pipeline.clone();
        self.db
            .execute(
                "UPDATE sluice.tables SET note = $4 WHERE (pipeline, schema, name) = ($1, $2, $3)",
                &[Some(&pipeline), Some(&name.0), Some(&name.1), Some(why)],
            )
            .await?;
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
                     DELETE FROM sluice.quarantine WHERE (pipeline, schema, name) = ({p}, {s}, {n});
                     DELETE FROM sluice.shadowed WHERE (pipeline, schema, name) = ({p}, {s}, {n});
                     INSERT INTO sluice.pending (pipeline, schema, name) VALUES ({p}, {s}, {n}) RETURNING id"
                );
                let rows = self.db.simple(&sql).await?;
                let id = rows.last().and_then(|r| r.get(0, 0)).and_then(|i| i.parse().ok()).unwrap_or(0);
                pending.points.clear();
                pending.held.clear();
                pending.shadowed.clear();
                pending.quarantined = 0;
                pending.ranges = vec![Range { id, lo: None, hi: None, columns: Vec::new() }];
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
             INSERT INTO sluice.pending (pipeline, schema, name, columns, lo, hi)
             SELECT pipeline, schema, name, columns, {key}, {} FROM sluice.pending WHERE id = {id} RETURNING id; COMMIT",
            range.hi.as_ref().map_or("NULL".into(), |hi| array(hi)),
        );
        let rows = self.db.simple_on_rows(&sql).await?;
        let rest = rows
            .iter()
            .find_map(|r| r.get(0, 0))
            .and_then(|i| i.parse().ok())
            .ok_or_else(|| Error::Bug("no id".into()))?;
        let right = Range { id: rest, lo: Some(at.clone()), hi: range.hi.take(), columns: range.columns.clone() };
        range.hi = Some(at.clone());
        let left = range.clone();
        pending.ranges.push(right.clone());
        Ok((left, right))
    }
}
