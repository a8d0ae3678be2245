//! Deferrable unique constraints. Under `session_replication_role = replica` the server does not hold our rows to them: it checks
//! them by an internal trigger, and that is quiet. So we ask, where a table has one.
//!
//! **When.** Production may have two rows with one value in the middle of a transaction, and at the end of none. So the question
//! comes where a source transaction ends: behind the last statement of a batch, in the same round trip. Of a transaction that comes
//! in pieces the whole table is asked about, behind the last piece.
//!
//! **What is in the way** was there before: an old row of a pending range, which is unknown and may go, or somebody's edit. Of the
//! rows that share a value the youngest stays, since production has just brought it; the others go, and become due: a divergence.
//! It is what becomes of a row that an immediate constraint refuses, with one difference: that one waits for the next slice, and here
//! production's row is there at once. **A row of the target's own** stays whatever its age, and that is no divergence: the others are
//! due, and the slice finds that they are shadowed ([`crate::shadow`]).

use filters::change::{Batch, Change, Op};

use crate::error::Error;
use crate::exchange::{Brought, Outcome};
use crate::key::Key;
use crate::mapping::{self, Mapping};
use crate::sink::{OnDivergence, PostgresSink};

impl PostgresSink {
    /// The rows that these changes bring to tables with deferrable constraints.
    pub(crate) fn brought<'b>(&self, changes: &'b [Change]) -> Brought<'b> {
        let mut brought: Brought<'b> = Vec::new();
        // asked for every batch, and most targets have no such table
        if self.maps.iter().all(|m| m.deferred.is_empty()) {
            return brought;
        }
        for change in changes {
            let (Op::Insert { new } | Op::Update { new, .. }) = &change.op else { continue };
            let Some(map) = self.known(&change.table) else { continue };
            if self.maps.get(map).is_none_or(|m| m.deferred.is_empty()) {
                continue;
            }
            match brought.iter_mut().find(|(known, _)| *known == map) {
                Some((_, rows)) => rows.push(new),
                None => brought.push((map, vec![new])),
            }
        }
        brought
    }

    /// Behind the slow path, in its transaction: what shares a value with another row is told apart.
    pub(crate) async fn settle(&mut self, batch: &Batch) -> Result<(), Error> {
        let brought = self.brought(&batch.changes);
        if batch.upto.is_none() {
            self.unsettled.extend(brought.iter().map(|(map, _)| *map));
            return Ok(());
        }
        let whole: Vec<usize> = self.unsettled.iter().copied().collect();
        if brought.is_empty() && whole.is_empty() {
            return Ok(());
        }
        let mut run = self.statements.begin(&mut self.db);
        run.apart(&self.maps, &brought, &whole)?;
        match run.finish().await? {
            Outcome::Done => return Ok(()),
            Outcome::Failed(e) => return Err(e.into()),
            Outcome::Miscounted | Outcome::Moved => {}
        }
        let concerned = brought.iter().map(|(map, _)| *map).chain(whole);
        let mut maps: Vec<usize> = concerned.collect();
        maps.sort_unstable();
        maps.dedup();
        for m in maps.into_iter().filter_map(|map| self.maps.get(map).cloned()).collect::<Vec<_>>() {
            for key in &m.deferred {
                self.part_ways(&m, key).await?;
            }
        }
        Ok(())
    }

    /// Of rows that share a value of `key` the youngest stays, or the target's own.
    async fn part_ways(&mut self, m: &Mapping, key: &mapping::Key) -> Result<(), Error> {
        let name = (m.shape.schema.to_string(), m.shape.name.to_string());
        let quoted = |i: usize| m.columns.get(i).map(|c| c.quoted.clone());
        let values: Vec<String> = key.columns.iter().filter_map(|&i| quoted(i)).collect();
        let there: Vec<String> = values.iter().map(|v| format!("{v} IS NOT NULL")).collect();
        let pending = self.tables.entry(name.clone()).or_default();
        let pointable = pending.pointable;
        let known_by: Vec<String> = pending
            .key
            .iter()
            .filter_map(|&i| m.columns.iter().find(|c| c.source == i))
            .map(|c| format!("{}::pg_catalog.text", c.quoted))
            .collect();
        let own = m.writable.owns("").unwrap_or_else(|| "false".to_owned());
        let (known_by, same, there) = (known_by.join(", "), values.join(", "), there.join(" AND "));
        let sql = format!(
            "SELECT place, row_key, own FROM (SELECT 'tableoid = ' || tableoid || ' AND ctid = ' || pg_catalog.quote_literal(ctid) || '::tid' AS place,
               pg_catalog.to_json(ARRAY[{known_by}]::pg_catalog.text[]) AS row_key,
               pg_catalog.row_number() OVER (PARTITION BY {same} ORDER BY {own} IS NOT TRUE, pg_catalog.age(xmin)) AS n,
               pg_catalog.bool_or({own}) OVER (PARTITION BY {same}) AS own
             FROM {} WHERE {there}) AS d WHERE n > 1",
            m.writable.target()
        );
        let found = self.db.query_on_rows(&sql, &[]).await?;
        let text = |r: &wire::Row<'_>, i: usize| r.get(i).unwrap_or_default().to_owned();
        let older: Vec<(String, String, bool)> =
            found.iter().map(|r| (text(&r, 0), text(&r, 1), r.get(2) == Some("t"))).collect();
        for (place, row_key, own) in older {
            let gone = format!("DELETE FROM {} WHERE {place}{}", m.writable.target(), m.writable.spares(""));
            if self.db.query_on_rows(&gone, &[]).await?.affected() == 0 {
                continue; // somebody has changed it meanwhile, or it is the target's own
            }
            let point = serde_json::from_str::<Key>(&row_key).ok().filter(|key| pointable && !key.is_empty());
            let pending = self.tables.entry(name.clone()).or_default();
            let unknown = pending.is_whole() || point.as_ref().is_some_and(|key| pending.covers_key(key));
            if unknown {
                continue; // its own chunk brings what belongs there
            }
            if own {
                self.add_pending(&name, point).await?;
                continue;
            }
            self.counts.diverged(&name);
            self.diverged += 1;
            if self.options.on_divergence == OnDivergence::Stop {
                return Err(Error::Diverged {
                    table: format!("{}.{}", name.0, name.1),
                    what: "a row has a value of a deferrable unique constraint that production has just given to another, and on_divergence is stop",
                });
            }
            tracing::warn!(table = %format_args!("{}.{}", name.0, name.1), columns = values.join(", "), "divergence: two rows on the target share a value that must be unique; the older one is due for the next slice");
            self.add_pending(&name, point).await?;
        }
        Ok(())
    }
}
