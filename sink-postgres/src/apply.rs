//! The fast path of one batch, and what is tried when it fails.
//!
//! The batch is folded ([`crate::plan`]), written to the server in one go, and committed if every statement touched as many
//! rows as it had to. If one did not, or the server refused a row, everything is rolled back and the same batch goes the
//! slow way ([`crate::careful`]). Deadlocks, lock timeouts and cancels are no verdicts on rows: the same batch goes again,
//! cut behind a source transaction. How one batch follows another is [`crate::line`].

use std::collections::BTreeSet;
use std::time::Duration;

use filters::change::{Batch, Lsn};

use crate::durable;
use crate::error::{DEFERRED, Error, is_verdict};
use crate::exchange::{Outcome, Sent};
use crate::failpoint;
use crate::line::Line;
use crate::plan;
use crate::sink::PostgresSink;

/// What came of a try by the fast path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fast {
    /// All is applied.
    Done,
    /// A row is to be looked for: what was done goes back, and the slow path must look.
    Miscounted,
    /// The target refused it: the same.
    Refused,
    /// It has a change that only the slow path knows what to do with: nothing was done.
    Untried,
}

/// A batch whose statements are written.
#[derive(Debug)]
pub struct Written {
    /// What has to come of them.
    pub sent: Sent,
    /// Mappings with deferrable constraints that it writes.
    pub brought: BTreeSet<usize>,
}

impl PostgresSink {
    /// The batch, which was tried by the fast path and is not applied; after contention the same batch in smaller pieces.
    pub(crate) async fn apply_anyway(&mut self, batch: Batch, tried: Result<Fast, Error>) -> Result<(), Error> {
        let (mut todo, mut tried) = (vec![batch], Some(tried));
        let mut tries = 0u32;
        while let Some(batch) = todo.pop() {
            let was_open = self.open;
            match self.once(&batch, tried.take()).await {
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
                    // its locks fill the table of them (53200): a smaller batch takes fewer
                    let too_many = e.sqlstate() == Some("53200") && batch.commits.len() > 1;
                    // pieces that were applied before are gone with the transaction: only the whole can be tried again
                    if !(e.is_contention() || too_many) || was_open {
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

    async fn once(&mut self, batch: &Batch, tried: Option<Result<Fast, Error>>) -> Result<(), Error> {
        let fast = match tried {
            Some(tried) => tried?,
            None => self.fast(batch).await?,
        };
        if fast != Fast::Done {
            // of one that was not tried there is nothing to take back, and the last savepoint is that of the piece before
            if fast != Fast::Untried {
                let back = if self.open { "ROLLBACK TO SAVEPOINT piece" } else { "ROLLBACK" };
                self.db.simple(back).await?;
            }
            failpoint::hit("apply.careful");
            self.careful(batch, fast == Fast::Refused).await?;
            self.settle(batch).await?;
        }
        self.end(batch, &mut None).await
    }

    /// One try at a batch by the fast path.
    async fn fast(&mut self, batch: &Batch) -> Result<Fast, Error> {
        match self.send(batch).await? {
            Some(sent) => self.wait(batch, sent, &mut Line::alone(), &mut None).await,
            None => Ok(Fast::Untried),
        }
    }

    /// Writes its statements. `open`: pieces of its first transaction will have been applied by then, which have brought rows into
    /// `unsettled`. `None`: it has what only the slow path knows what to do with, or is of a shape that nobody has learnt.
    pub(crate) fn write_out(
        &mut self,
        batch: &Batch,
        open: bool,
        unsettled: &BTreeSet<usize>,
    ) -> Result<Option<Written>, Error> {
        let Some((items, due)) = self.items(&batch.changes) else { return Ok(None) };
        if !due.is_empty() {
            return Ok(None);
        }
        let steps = plan::fold(&self.maps, items);
        let claim = self.claim(batch, open);
        let brought = self.brought(&batch.changes);
        let whole: Vec<usize> = unsettled.iter().copied().collect();
        let mut run = self.statements.begin(&mut self.db);
        run.make_room()?;
        run.sql(if open { "SAVEPOINT piece" } else { "BEGIN" })?;
        if let Some(claim) = claim {
            run.claim(claim)?;
        }
        for step in &steps {
            run.step(&self.maps, step)?;
        }
        if batch.upto.is_some() {
            run.apart(&self.maps, &brought, &whole)?;
        }
        let brought = brought.iter().map(|(map, _)| *map).collect();
        Ok(Some(Written { sent: run.written(), brought }))
    }

    /// Writes the end of the transaction, which does not wait for the disk, and now and then the question how far that is.
    pub(crate) fn write_commit(&mut self) -> Result<Sent, Error> {
        let asks = self.durable.is_due();
        let mut run = self.statements.begin(&mut self.db);
        run.commit()?;
        if asks {
            run.ask(durable::ASK)?;
        }
        Ok(run.written())
    }

    /// Reads what came of it: the error if it was refused.
    pub(crate) async fn committed(&mut self, commit: &mut Sent, upto: Lsn) -> Result<Option<wire::Error>, Error> {
        match self.statements.answer(&mut self.db, commit).await? {
            Outcome::Failed(e) if commit.done == 0 => return Ok(Some(e)),
            // what failed was the question behind it (somebody has cancelled it): it is asked again
            Outcome::Done | Outcome::Failed(_) => {}
            Outcome::Moved | Outcome::Miscounted => return Err(Error::Bug("a COMMIT that commits nothing".into())),
        }
        self.open = false;
        self.unsettled.clear();
        self.refused.committed();
        self.progress.applied = upto;
        self.heard(&commit.told);
        failpoint::hit("apply.committed");
        Ok(None)
    }

    /// A commit that was refused: a check that was deferred to it. The server says whose it is, or not (the RAISE of a trigger
    /// names nothing): then it is one of the tables that have such a check.
    pub(crate) async fn deferred(&mut self, source: wire::Error, batch: &Batch, lsn: Lsn) -> Error {
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

    /// Reads what the server said of a batch.
    pub(crate) fn verdict(&self, outcome: Outcome, batch: &Batch) -> Result<Fast, Error> {
        match outcome {
            Outcome::Done => Ok(Fast::Done),
            Outcome::Moved => Err(self.fenced(batch.after)),
            Outcome::Miscounted => Ok(Fast::Miscounted),
            Outcome::Failed(e) if e.sqlstate().is_some_and(is_verdict) => Ok(Fast::Refused),
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
    (second.read_on, second.open) = (first.read_on, first.open);
    (first.upto, first.read_on) = (Some(cut.lsn), cut.read_on);
    vec![first, second]
}

#[cfg(test)]
mod tests {
    use super::*;
    use filters::change::{Commit, Lsn};

    #[test]
    fn a_batch_is_cut_behind_a_source_transaction() {
        let commit =
            |changes, lsn| Commit { changes, lsn: Lsn(lsn), begun: Lsn(0), xid: 1, time: 0, read_on: Some(lsn as i64) };
        let batch = Batch {
            after: Lsn(1),
            upto: Some(Lsn(30)),
            commits: vec![commit(0, 10), commit(0, 20), commit(0, 30)],
            read_on: Some(35),
            ..Batch::default()
        };
        let parts = halves(batch);
        assert_eq!(parts.len(), 2);
        assert_eq!((parts[0].after, parts[0].upto, parts[0].commits.len()), (Lsn(1), Some(Lsn(10)), 1));
        assert_eq!((parts[0].read_on, parts[1].read_on), (Some(10), Some(35)), "never beyond what it has");
        assert_eq!((parts[1].after, parts[1].upto, parts[1].commits.len()), (Lsn(10), Some(Lsn(30)), 2));
        assert_eq!(halves(parts[0].clone()).len(), 1);
    }
}
