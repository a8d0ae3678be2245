//! The fast path, and what is tried when it fails.
//!
//! The batch is folded ([`crate::plan`]), written to the server in one go, and committed if every statement touched as many
//! rows as it had to. If one did not, or the server refused a row, everything is rolled back and the same batch goes the
//! slow way ([`crate::careful`]). Deadlocks, lock timeouts and cancels are no verdicts on rows: the same batch goes again,
//! cut behind a source transaction.

use std::time::Duration;

use filters::change::{Batch, Lsn};

use crate::error::{DEFERRED, Error, is_verdict};
use crate::exchange::Outcome;
use crate::failpoint;
use crate::plan;
use crate::sink::PostgresSink;

/// What came of a try by the fast path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fast {
    /// All is applied.
    Done,
    /// The target refused it, or a row is to be looked for: what was done goes back, and the slow path must look.
    Refused,
    /// It has a change that only the slow path knows what to do with: nothing was done.
    Untried,
}

impl PostgresSink {
    /// The batch, and after contention the same batch in smaller pieces.
    pub(crate) async fn apply_batch(&mut self, batch: Batch) -> Result<(), Error> {
        let mut todo = vec![batch];
        let mut tries = 0u32;
        while let Some(batch) = todo.pop() {
            let was_open = self.open;
            match self.once(&batch).await {
                Ok(()) => {
                    self.counts.applied(&batch.changes);
                    tries = 0;
                }
                Err(e) => {
                    self.roll_back().await;
                    self.reload_pending().await?;
                    if matches!(e, Error::Data { operation: DEFERRED, .. }) && !was_open && batch.commits.len() > 1 {
                        // whose it is shows when each goes by itself, and those before it go through
                        todo.extend(halves(batch).into_iter().rev());
                        continue;
                    }
                    // pieces that were applied before are gone with the transaction: only the whole can be tried again
                    if !e.is_contention() || was_open {
                        return Err(e);
                    }
                    tries += 1;
                    tracing::warn!(
                        sqlstate = e.sqlstate().unwrap_or(""),
                        tries,
                        changes = batch.changes.len(),
                        "target is busy, trying a smaller batch"
                    );
                    tokio::time::sleep(Duration::from_millis(u64::from(20 * tries.min(50)))).await;
                    failpoint::hit("apply.smaller");
                    todo.extend(halves(batch).into_iter().rev());
                }
            }
        }
        Ok(())
    }

    async fn once(&mut self, batch: &Batch) -> Result<(), Error> {
        let fast = self.fast(batch).await?;
        if fast != Fast::Done {
            // of one that was not tried there is nothing to take back, and the last savepoint is that of the piece before
            if fast == Fast::Refused {
                let back = if self.open { "ROLLBACK TO SAVEPOINT piece" } else { "ROLLBACK" };
                self.db.simple(back).await?;
            }
            failpoint::hit("apply.careful");
            self.careful(batch).await?;
            self.settle(batch).await?;
        }
        self.open = true;
        if let Some(upto) = batch.upto {
            let before = self.progress.applied;
            self.progress.applied = upto;
            failpoint::hit("apply.before_commit");
            if let Err(e) = self.commit().await {
                self.progress.applied = before;
                return Err(self.deferred(e, batch, upto).await);
            }
            failpoint::hit("apply.committed");
        } else {
            failpoint::hit("apply.piece");
        }
        Ok(())
    }

    /// One try at a batch by the fast path.
    async fn fast(&mut self, batch: &Batch) -> Result<Fast, Error> {
        let (items, due) = self.items(&batch.changes).await?;
        if !due.is_empty() {
            return Ok(Fast::Untried);
        }
        let steps = plan::fold(&self.maps, items);
        let claim = self.claim(batch);
        let brought = self.brought(&batch.changes);
        let whole: Vec<usize> = self.unsettled.iter().copied().collect();
        let mut run = self.statements.begin(&mut self.db);
        if !self.open {
            run.sql("BEGIN")?;
        } else {
            run.sql("SAVEPOINT piece")?;
        }
        if let Some(claim) = claim {
            run.claim(claim)?;
        }
        for step in &steps {
            run.step(&self.maps, step)?;
        }
        if batch.upto.is_some() {
            run.apart(&self.maps, &brought, &whole)?;
        }
        let outcome = run.finish().await?;
        let done = self.verdict(outcome, batch)?;
        if done && batch.upto.is_none() {
            self.unsettled.extend(brought.iter().map(|(map, _)| *map));
        }
        Ok(if done { Fast::Done } else { Fast::Refused })
    }

    /// A commit that was refused: a check that was deferred to it. The server says whose it is, or not (the RAISE of a trigger
    /// names nothing): then it is one of the tables that have such a check.
    async fn deferred(&mut self, e: Error, batch: &Batch, lsn: Lsn) -> Error {
        let Error::Wire(source) = e else { return e };
        if !source.sqlstate().is_some_and(is_verdict) {
            return Error::Wire(source);
        }
        let said = source.server().and_then(|e| Some(format!("{}.{}", e.schema.as_ref()?, e.table.as_ref()?)));
        let mut tables: Vec<String> = batch.changes.iter().map(|c| c.table.to_string()).collect();
        tables.sort();
        tables.dedup();
        let table = match said {
            Some(table) => table,
            None => {
                // pieces that were applied before may have been of any table
                let rows = self.db.query(DEFERRING, &[]).await;
                let have = rows.map(|rows| rows.iter().filter_map(|r| r.get(0).map(str::to_owned)).collect());
                let have: Vec<String> = have.unwrap_or_default();
                let both: Vec<String> = tables.iter().filter(|t| have.contains(t)).cloned().collect();
                [both, have, tables].into_iter().find(|some| !some.is_empty()).unwrap_or_default().join(" or ")
            }
        };
        Error::Data { table, operation: DEFERRED, lsn, full: None, source }
    }

    /// Reads what the server said of a run: true if all is well, false if a row is to be looked for.
    fn verdict(&self, outcome: Outcome, batch: &Batch) -> Result<bool, Error> {
        match outcome {
            Outcome::Done => Ok(true),
            Outcome::Moved => Err(self.fenced(batch.after)),
            Outcome::Miscounted => Ok(false),
            Outcome::Failed(e) if e.sqlstate().is_some_and(is_verdict) => Ok(false),
            Outcome::Failed(e) => Err(e.into()),
        }
    }
}

/// Tables with a trigger that may wait for the commit and fires for us.
const DEFERRING: &str = "
SELECT DISTINCT n.nspname || '.' || c.relname FROM pg_catalog.pg_trigger t
JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE t.tgdeferrable AND CASE pg_catalog.current_setting('session_replication_role')
  WHEN 'replica' THEN t.tgenabled IN ('A', 'R') ELSE t.tgenabled IN ('A', 'O') END
ORDER BY 1";

/// Cuts a batch behind one of its source transactions; a batch of one stays whole.
fn halves(batch: Batch) -> Vec<Batch> {
    let middle = batch.commits.len() / 2;
    let Some(cut) = middle.checked_sub(1).and_then(|m| batch.commits.get(m)).copied() else { return vec![batch] };
    let mut first = batch;
    let mut second = Batch { after: cut.lsn, upto: first.upto, ..Batch::default() };
    second.changes = first.changes.split_off(cut.changes.min(first.changes.len()));
    second.commits = first.commits.split_off(middle);
    for c in &mut second.commits {
        c.changes -= cut.changes;
    }
    first.upto = Some(cut.lsn);
    vec![first, second]
}

#[cfg(test)]
mod tests {
    use super::*;
    use filters::change::{Commit, Lsn};

    #[test]
    fn a_batch_is_cut_behind_a_source_transaction() {
        let commit = |changes, lsn| Commit { changes, lsn: Lsn(lsn), xid: 1, time: 0 };
        let batch = Batch {
            after: Lsn(1),
            upto: Some(Lsn(30)),
            commits: vec![commit(0, 10), commit(0, 20), commit(0, 30)],
            ..Batch::default()
        };
        let parts = halves(batch);
        assert_eq!(parts.len(), 2);
        assert_eq!((parts[0].after, parts[0].upto, parts[0].commits.len()), (Lsn(1), Some(Lsn(10)), 1));
        assert_eq!((parts[1].after, parts[1].upto, parts[1].commits.len()), (Lsn(10), Some(Lsn(30)), 2));
        assert_eq!(halves(parts[0].clone()).len(), 1);
    }
}
