//! Applying batches: one target transaction for one or many source transactions, the checkpoint in it.
//!
//! **Two paths.** Fast: the batch is folded ([`crate::plan`]), written to the server in one go, and committed if every
//! statement touched as many rows as it had to. If one did not, or the server refused a row, everything is rolled back and
//! the same batch goes again the slow way ([`crate::careful`]): halves, quarters, single changes in production's own
//! order, each behind a savepoint. Only what fails alone is to blame.
//!
//! **What is durable.** Commits are asynchronous, so that a busy stream does not wait for the disk. [`Sink::flush`] is one
//! small synchronous commit, and its return proves all before it; whoever drives the sink calls it every [`SYNC_EVERY`],
//! and before it falls idle. Only that position is reported as durable: an asynchronous commit that has returned can
//! still be lost in a crash of the target, its checkpoint with it, and the slot cannot go back.
//!
//! A source transaction that is too large for memory comes in pieces (`upto: None`); they share one open target
//! transaction, and only the last moves the checkpoint.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use filters::change::{Batch, Change, Lsn, Progress, Sink, Table as Shape};
use wire::{Connection, Conninfo};

use crate::checkpoint;
use crate::error::Error;
use crate::exchange::Statements;
use crate::guard::Guard;
use crate::mapping::Mapping;
use crate::pending::Pending;
use crate::plan::{self, Item};
use crate::registry::TableSpec;
use crate::route::{Route, route};
use crate::{catalog, failpoint, session};

/// A flush is due this long after the first commit that is not durable yet.
pub const SYNC_EVERY: Duration = Duration::from_millis(200);

/// What to do with a row that is not as expected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnDivergence {
    /// Make its key pending; the next slice brings it.
    #[default]
    Heal,
    /// Stop.
    Stop,
}

/// How a sink works.
#[derive(Clone, Debug)]
pub struct Options {
    /// Names the checkpoint.
    pub pipeline: String,
    /// What to do with a row that is not as expected.
    pub on_divergence: OnDivergence,
    /// How long a statement waits for a lock that staging's users hold, before the batch goes again, smaller.
    pub lock_timeout: Duration,
}

/// Counters of one table since they were last written down.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Changes that reached the target.
    pub applied: u64,
    /// Rows that were not as expected.
    pub divergences: u64,
}

/// The PostgreSQL target.
pub struct PostgresSink {
    pub(crate) options: Options,
    pub(crate) db: Connection,
    pub(crate) statements: Statements,
    pub(crate) guard: Guard,
    pub(crate) epoch: i64,
    pub(crate) progress: Progress,
    pub(crate) maps: Vec<Arc<Mapping>>,
    by_shape: HashMap<usize, usize>,
    pub(crate) tables: HashMap<(String, String), Pending>,
    pub(crate) specs: HashMap<(String, String), TableSpec>,
    /// Pieces of a source transaction have been applied in a transaction that is still open.
    pub(crate) open: bool,
    pub(crate) counts: HashMap<(String, String), Counts>,
    pub(crate) xid_seen: u64,
    pub(crate) xid_max: u64,
    pub(crate) diverged: u64,
}

impl PostgresSink {
    /// Opens the session and takes over the checkpoint. `protected` are (schema, name).
    pub async fn connect(
        info: &Conninfo,
        options: Options,
        protected: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(PostgresSink, checkpoint::Checkpoint), Error> {
        let lock_timeout = format!("{}ms", options.lock_timeout.as_millis());
        let mut db = open(info, &options.pipeline, "apply", &lock_timeout).await?;
        let replica_role = replica_role(&mut db).await?;
        let guard = Guard::new(protected, replica_role);
        // an orphan of a killed predecessor may hold the row: wait for it, however long a lock may otherwise take
        db.simple("SET lock_timeout = '60s'").await?;
        let taken = checkpoint::take(&mut db, &options.pipeline).await?;
        db.simple(&format!("SET lock_timeout = '{lock_timeout}'")).await?;
        let at = taken.lsn.unwrap_or(Lsn::ZERO);
        let mut sink = PostgresSink {
            options,
            db,
            statements: Statements::default(),
            guard,
            epoch: taken.epoch,
            progress: Progress { applied: at, durable: Lsn::ZERO },
            maps: Vec::new(),
            by_shape: HashMap::new(),
            tables: HashMap::new(),
            specs: HashMap::new(),
            open: false,
            counts: HashMap::new(),
            xid_seen: taken.xid_seen,
            xid_max: taken.xid_max,
            diverged: 0,
        };
        // the UPDATE above was asynchronous; what it read may be as well: prove it
        sink.sync().await?;
        Ok((sink, taken))
    }

    /// Where it stands.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// Rows that were not as expected since this was last asked.
    pub fn take_diverged(&mut self) -> u64 {
        std::mem::take(&mut self.diverged)
    }

    /// Rolls back pieces of a source transaction that is not over.
    pub async fn drop_pieces(&mut self) -> Result<(), Error> {
        if self.open {
            self.roll_back().await;
            self.reload_pending().await?;
        }
        Ok(())
    }

    /// Waits for loads of this epoch that nobody waits for any more: each holds the checkpoint's row until it has ended.
    pub async fn outwait_loads(&mut self) -> Result<(), Error> {
        let row = "SELECT 1 FROM sluice.checkpoint WHERE pipeline = $1 FOR UPDATE";
        self.db.query(row, &[Some(&self.options.pipeline)]).await?;
        Ok(())
    }

    /// Have pieces of a source transaction been applied whose end has not come? Nothing can be flushed then.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Our turn.
    pub fn epoch(&self) -> i64 {
        self.epoch
    }

    /// Is it still our turn? Asked now and then by a replicator that has nothing to apply.
    pub async fn confirm_turn(&mut self) -> Result<(), Error> {
        let rows = self
            .db
            .query("SELECT epoch FROM sluice.checkpoint WHERE pipeline = $1", &[Some(&self.options.pipeline)])
            .await?;
        match rows.get(0, 0).and_then(|e| e.parse::<i64>().ok()) {
            Some(epoch) if epoch == self.epoch => Ok(()),
            _ => Err(self.fenced(self.progress.applied)),
        }
    }

    /// Writes why the stream stands still; `None`: it does not.
    pub async fn hold(&mut self, why: Option<&str>) -> Result<(), Error> {
        checkpoint::hold(&mut self.db, &self.options.pipeline, why).await
    }

    /// The session's process on the target, for `pg_blocking_pids`.
    pub fn process_id(&self) -> i32 {
        self.db.process_id()
    }

    /// Makes the checkpoint remember what is known of production's visibility.
    pub fn remember_xids(&mut self, seen: u64, max: u64) {
        self.xid_seen = self.xid_seen.max(seen);
        self.xid_max = self.xid_max.max(max);
    }

    /// The next apply begins with the checkpoint at `lsn`: set by the replicator once, when the slot was just made.
    pub async fn place(&mut self, lsn: Lsn, identity: &checkpoint::Identity) -> Result<(), Error> {
        checkpoint::place(&mut self.db, &self.options.pipeline, self.epoch, lsn, identity).await?;
        self.progress.applied = lsn;
        self.sync().await
    }

    /// Index of the mapping for rows of this shape; reads the target's catalog the first time.
    pub(crate) async fn map(&mut self, shape: &Arc<Shape>) -> Result<usize, Error> {
        let address = address(shape);
        // the mapping holds its Arc, so the address cannot be another's
        if let Some(&i) = self.by_shape.get(&address) {
            return Ok(i);
        }
        let found = catalog::table(&mut self.db, &shape.schema, &shape.name).await?;
        let table = found.ok_or_else(|| Error::Refused {
            what: format!("{shape} does not exist on the target"),
            hint: "make it there (pg_dump --schema-only -t …), or exclude it".into(),
        })?;
        let mapping = Mapping::new(&self.guard, shape, &table)?;
        let name = (shape.schema.to_string(), shape.name.to_string());
        if let (Some(pending), Some(spec)) = (self.tables.get_mut(&name), self.specs.get(&name)) {
            pending.key = spec.key.iter().filter_map(|k| shape.columns.iter().position(|c| *c.name == **k)).collect();
            if pending.key.len() != spec.key.len() {
                return Err(Error::Refused {
                    what: format!("a column of the key ({}) of {shape} is gone from production", spec.key.join(", ")),
                    hint: format!("sluice resync {shape}"),
                });
            }
        }
        let i = self.maps.len();
        self.maps.push(Arc::new(mapping));
        self.by_shape.insert(address, i);
        Ok(i)
    }

    /// The mapping for rows of this shape.
    pub async fn mapping(&mut self, shape: &Arc<Shape>) -> Result<Arc<Mapping>, Error> {
        let i = self.map(shape).await?;
        self.maps.get(i).cloned().ok_or_else(|| Error::Bug("mapping".into()))
    }

    /// Forgets what was read of the target's catalog, so that it is read again.
    pub fn forget_mappings(&mut self) {
        self.by_shape.clear();
    }

    /// Turns changes into items for the fold: skipped ones are left out; rows that moved in incompletely are listed.
    pub(crate) async fn items<'c>(&mut self, changes: &'c [Change]) -> Result<(Vec<Item<'c>>, Vec<&'c Change>), Error> {
        let mut last = None;
        for change in changes {
            if last.replace(address(&change.table)) != Some(address(&change.table)) {
                self.map(&change.table).await?;
            }
        }
        let none = Pending::default();
        let mut items = Vec::with_capacity(changes.len());
        let mut due = Vec::new();
        let mut at: Option<(usize, usize, &Pending)> = None;
        for change in changes {
            let shape = address(&change.table);
            let (map, pending) = match at {
                Some((s, map, pending)) if s == shape => (map, pending),
                _ => {
                    let map = self.by_shape.get(&shape).copied().ok_or_else(|| Error::Bug("mapping".into()))?;
                    let name = (change.table.schema.to_string(), change.table.name.to_string());
                    (map, self.tables.get(&name).unwrap_or(&none))
                }
            };
            at = Some((shape, map, pending));
            match route(change, pending) {
                Route::Apply(act) => items.push(Item { map, act }),
                Route::Skip => {}
                Route::Due(_) => due.push(change),
            }
        }
        Ok((items, due))
    }

    pub(crate) fn count(&mut self, changes: &[Change]) {
        let mut last: Option<(&Arc<Shape>, u64)> = None;
        for change in changes {
            match &mut last {
                Some((table, n)) if Arc::ptr_eq(table, &change.table) => *n += 1,
                _ => {
                    if let Some((table, n)) = last.take() {
                        self.add(table, n);
                    }
                    last = Some((&change.table, 1));
                }
            }
        }
        if let Some((table, n)) = last {
            self.add(table, n);
        }
    }

    fn add(&mut self, table: &Shape, n: u64) {
        let name = (table.schema.to_string(), table.name.to_string());
        self.counts.entry(name).or_default().applied += n;
    }

    /// One try at a batch by the fast path. `Ok(false)`: nothing was applied, the slow path must look.
    async fn fast(&mut self, batch: &Batch) -> Result<bool, Error> {
        let (items, due) = self.items(&batch.changes).await?;
        if !due.is_empty() {
            return Ok(false);
        }
        let steps = plan::fold(&self.maps, items);
        let mut run = self.statements.begin(&mut self.db);
        if !self.open {
            run.sql("BEGIN")?;
        } else {
            run.sql("SAVEPOINT piece")?;
        }
        match batch.upto {
            Some(upto) => {
                run.move_checkpoint(&self.options.pipeline, self.epoch, batch, upto, self.xid_seen, self.xid_max)?
            }
            None if !self.open => run.lock_checkpoint(&self.options.pipeline, self.epoch, batch.after, "UPDATE")?,
            None => {}
        }
        for step in &steps {
            run.step(&self.maps, step)?;
        }
        let outcome = run.finish().await?;
        self.verdict(outcome, batch).await
    }

    /// Reads what the server said of a run: true if all is well, false if a row is to be looked for.
    pub(crate) async fn verdict(&mut self, outcome: crate::exchange::Outcome, batch: &Batch) -> Result<bool, Error> {
        use crate::exchange::Outcome::*;
        match outcome {
            Done => Ok(true),
            Moved => Err(self.fenced(batch.after)),
            Miscounted => Ok(false),
            Failed(e) if e.sqlstate().is_some_and(crate::error::is_verdict) => Ok(false),
            Failed(e) => Err(e.into()),
        }
    }

    pub(crate) fn fenced(&self, after: Lsn) -> Error {
        Error::Fenced(format!(
            "the checkpoint of pipeline {} is no longer at {after} under epoch {}: another sluice has taken over",
            self.options.pipeline, self.epoch
        ))
    }

    /// Commits, without waiting for the disk.
    async fn commit(&mut self) -> Result<(), Error> {
        // a deferred trigger speaks here
        self.db.simple_on_rows("COMMIT").await?;
        self.open = false;
        Ok(())
    }

    /// One synchronous commit: its return proves all before it.
    async fn sync(&mut self) -> Result<(), Error> {
        let counts = std::mem::take(&mut self.counts);
        let mut sql = String::from("BEGIN; SET LOCAL synchronous_commit = on; ");
        sql.push_str(&crate::registry::counts_sql(&self.options.pipeline, &counts));
        // something must be written, else there is no commit record to wait for
        sql.push_str(&format!(
            "UPDATE sluice.checkpoint SET updated_at = pg_catalog.now(), xid_seen = {}, xid_max = {} WHERE pipeline = {} AND epoch = {}; COMMIT",
            self.xid_seen,
            self.xid_max,
            wire::quote_literal(&self.options.pipeline),
            self.epoch
        ));
        failpoint::hit("flush.begin");
        let done = match self.db.simple(&sql).await {
            Ok(done) => done,
            Err(e) => {
                self.counts = counts;
                let _ = self.db.simple("ROLLBACK").await;
                return Err(e.into());
            }
        };
        // BEGIN, SET, counters, the checkpoint, COMMIT
        if done.len().checked_sub(2).and_then(|i| done.get(i)).is_none_or(|r| r.affected() != 1) {
            return Err(self.fenced(self.progress.applied));
        }
        failpoint::hit("flush.done");
        self.progress.durable = self.progress.applied;
        Ok(())
    }

    async fn once(&mut self, batch: &Batch) -> Result<(), Error> {
        if !self.fast(batch).await? {
            let back = if self.open { "ROLLBACK TO SAVEPOINT piece" } else { "ROLLBACK" };
            self.db.simple(back).await?;
            self.careful(batch).await?;
        }
        self.open = true;
        if let Some(upto) = batch.upto {
            let before = self.progress.applied;
            self.progress.applied = upto;
            failpoint::hit("apply.before_commit");
            if let Err(e) = self.commit().await {
                self.progress.applied = before;
                return Err(e);
            }
            failpoint::hit("apply.committed");
        }
        Ok(())
    }

    async fn roll_back(&mut self) {
        if !self.db.is_broken() {
            let _ = self.db.simple("ROLLBACK").await;
        }
        self.open = false;
    }

    /// The batch, and after contention the same batch in smaller pieces.
    async fn apply_batch(&mut self, batch: Batch) -> Result<(), Error> {
        let mut todo = vec![batch];
        let mut tries = 0u32;
        while let Some(batch) = todo.pop() {
            let was_open = self.open;
            match self.once(&batch).await {
                Ok(()) => {
                    self.count(&batch.changes);
                    tries = 0;
                }
                Err(e) => {
                    self.roll_back().await;
                    self.reload_pending().await?;
                    // pieces that were applied before are gone with the transaction: only the whole can be tried again
                    if !e.is_contention() || was_open {
                        return Err(e);
                    }
                    tries += 1;
                    tracing::warn!(
                        sqlstate = sqlstate(&e),
                        tries,
                        changes = batch.changes.len(),
                        "target is busy, trying a smaller batch"
                    );
                    tokio::time::sleep(Duration::from_millis(u64::from(20 * tries.min(50)))).await;
                    todo.extend(halves(batch).into_iter().rev());
                }
            }
        }
        Ok(())
    }
}

/// A shape is known by where it is: the mapping holds its `Arc`.
fn address(shape: &Arc<Shape>) -> usize {
    Arc::as_ptr(shape) as usize
}

fn sqlstate(e: &Error) -> String {
    match e {
        Error::Wire(e) => e.sqlstate().unwrap_or("").to_owned(),
        _ => String::new(),
    }
}

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

impl Sink for PostgresSink {
    type Error = Error;

    async fn resume(&mut self) -> Result<Lsn, Error> {
        Ok(self.progress.applied)
    }

    async fn apply(&mut self, batch: Batch) -> Result<Progress, Error> {
        self.apply_batch(batch).await?;
        Ok(self.progress)
    }

    async fn flush(&mut self) -> Result<Progress, Error> {
        if !self.open && (self.progress.durable < self.progress.applied || !self.counts.is_empty()) {
            self.sync().await?;
        }
        Ok(self.progress)
    }
}

/// Did a unique constraint refuse it?
pub fn is_unique_violation(e: &Error) -> bool {
    matches!(e, Error::Data { source, .. } | Error::Wire(source) if source.sqlstate() == Some("23505"))
}

/// Opens a session that writes: asynchronous commits, generic plans, bounded lock waits, and no trigger of the target's
/// fires if the role may say so.
pub(crate) async fn open(info: &Conninfo, pipeline: &str, role: &str, lock_timeout: &str) -> Result<Connection, Error> {
    let more = [
        ("synchronous_commit", "off"),
        ("plan_cache_mode", "force_generic_plan"),
        ("lock_timeout", lock_timeout),
        // a generic plan must find rows by the key's index, whatever the statistics of a young table say
        ("enable_seqscan", "off"),
        ("enable_hashjoin", "off"),
        ("enable_mergejoin", "off"),
    ];
    Ok(session::open(info, pipeline, role, false, &more).await?)
}

/// Puts the session into replica role, if it may.
pub async fn replica_role(db: &mut Connection) -> Result<bool, Error> {
    // `ALTER ROLE … SET` by a superuser is enough, and gives no right to SET it ourselves
    let has = db.query("SELECT pg_catalog.current_setting('session_replication_role')", &[]).await?;
    if has.get(0, 0) == Some("replica") {
        return Ok(true);
    }
    match db.simple("SET session_replication_role = replica").await {
        Ok(_) => Ok(true),
        Err(e) if e.sqlstate() == Some("42501") => Ok(false),
        Err(e) => Err(e.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use filters::change::Commit;

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
