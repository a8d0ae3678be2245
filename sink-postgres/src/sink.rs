//! Applying batches: one target transaction for one or many source transactions, the checkpoint in it.
//!
//! **Two paths.** Fast: the batch is folded ([`crate::plan`]), written to the server in one go, and committed if every
//! statement touched as many rows as it had to. If one did not, or the server refused a row, everything is rolled back and
//! the same batch goes again the slow way (`careful.rs`): halves, quarters, single changes in production's own
//! order, each behind a savepoint. Only what fails alone is to blame.
//!
//! **What is durable.** Commits are asynchronous, so that a busy stream does not wait for the disk. How far the target's disk has come
//! it is asked (`durable.rs`) behind commits, and by whoever drives the sink every [`ASK_EVERY`] until all is there; [`filters::change::Sink::flush`],
//! for who must know at once, is one small synchronous commit, and its return proves all before it. Only such a position is reported
//! as durable: an asynchronous commit that has returned can still be lost in a crash of the target, its checkpoint with it, and
//! the slot cannot go back.
//!
//! A source transaction that is too large for memory comes in pieces (`upto: None`); they share one open target
//! transaction, and only the last moves the checkpoint.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use filters::change::{Batch, Lsn, Progress};
use wire::{Canceler, Connection, Conninfo};

use crate::checkpoint::{self, Checkpoint};
use crate::claim::Claim;
use crate::counts::Counts;
use crate::durable::{self, Durable};
use crate::error::Error;
use crate::exchange::{Outcome, Statements};
use crate::foreign_key::ForeignKeys;
use crate::guard::{Guard, Protected};
use crate::mapping::Mapping;
use crate::pending::Pending;
use crate::quarantine::Refused;
use crate::spec::TableSpec;
use crate::{failpoint, session};

/// While something is not durable, the target is asked this often.
pub const ASK_EVERY: Duration = Duration::from_millis(200);

/// What to do with a row that is not as expected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnDivergence {
    /// Make its key pending; the next slice brings it.
    #[default]
    Heal,
    /// Stop.
    Stop,
}

/// What to do with a row that the target refuses.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnError {
    /// Stop.
    #[default]
    Stop,
    /// Put it into quarantine, until there are `most`.
    Quarantine {
        /// So many rows may be there.
        most: u64,
        /// Also a value that its type does not know (22P02)? If not, it stops, for somebody to look whether an enum has grown.
        unread: bool,
    },
}

/// How a sink works.
#[derive(Clone, Debug)]
pub struct Options {
    /// Names the checkpoint.
    pub pipeline: String,
    /// What to do with a row that is not as expected.
    pub on_divergence: OnDivergence,
    /// What to do with a row that the target refuses.
    pub on_error: OnError,
    /// How long a statement waits for a lock that staging's users hold, before the batch goes again, smaller.
    pub lock_timeout: Duration,
}

/// The PostgreSQL target.
pub struct PostgresSink {
    pub(crate) options: Options,
    pub(crate) db: Connection,
    pub(crate) statements: Statements,
    pub(crate) guard: Guard,
    pub(crate) epoch: i64,
    pub(crate) progress: Progress,
    pub(crate) durable: Durable,
    pub(crate) maps: Vec<Arc<Mapping>>,
    pub(crate) by_shape: HashMap<usize, usize>,
    pub(crate) tables: HashMap<(String, String), Pending>,
    pub(crate) specs: HashMap<(String, String), TableSpec>,
    /// Those of the target, once somebody has asked.
    pub(crate) foreign_keys: Option<Arc<ForeignKeys>>,
    /// Pieces of a source transaction have been applied in a transaction that is still open.
    pub(crate) open: bool,
    /// Mappings with deferrable constraints that pieces of it have written.
    pub(crate) unsettled: BTreeSet<usize>,
    pub(crate) counts: Counts,
    pub(crate) xid_seen: u64,
    pub(crate) xid_max: u64,
    pub(crate) diverged: u64,
    pub(crate) refused: Refused,
}

impl PostgresSink {
    /// Opens the session and takes over the checkpoint. `protected` are the target's own.
    pub async fn connect(
        info: &Conninfo,
        options: Options,
        protected: Protected,
    ) -> Result<(PostgresSink, Checkpoint), Error> {
        let lock_timeout = format!("{}ms", options.lock_timeout.as_millis());
        let mut db = session::writer(info, &options.pipeline, "apply", &lock_timeout).await?;
        let replica_role = session::replica_role(&mut db).await?;
        let role = session::role(&mut db).await?;
        let guard = Guard::new(protected.tables, replica_role)
            .sparing(protected.rows)
            .giving_way(protected.on_referenced)
            .for_role(role);
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
            durable: Durable::default(),
            maps: Vec::new(),
            by_shape: HashMap::new(),
            tables: HashMap::new(),
            specs: HashMap::new(),
            foreign_keys: None,
            open: false,
            unsettled: BTreeSet::new(),
            counts: Counts::default(),
            xid_seen: taken.xid_seen,
            xid_max: taken.xid_max,
            diverged: 0,
            refused: Refused::default(),
        };
        // the UPDATE above was asynchronous; what it read may be as well: prove it
        sink.sync().await?;
        Ok((sink, taken))
    }

    /// What its session is asked by to end what it does.
    pub fn canceler(&self) -> Canceler {
        self.db.canceler()
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

    /// Writes why the stream stands still; `None`: it does not.
    pub async fn hold(&mut self, why: Option<&str>) -> Result<(), Error> {
        checkpoint::hold(&mut self.db, &self.options.pipeline, why).await
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

    /// The topic is read on at this offset: set once, when a target begins to follow it.
    pub async fn reads_on(&mut self, offset: i64) -> Result<(), Error> {
        checkpoint::reads_on(&mut self.db, &self.options.pipeline, self.epoch, offset).await?;
        self.sync().await
    }

    /// What this batch begins with; `None` if pieces before it have begun with it. `open`: there are such.
    pub(crate) fn claim(&self, batch: &Batch, open: bool) -> Option<Claim> {
        let begins = batch.upto.is_some() || !open;
        begins.then(|| Claim::new(&self.options.pipeline, self.epoch, batch, (self.xid_seen, self.xid_max)))
    }

    pub(crate) fn fenced(&self, after: Lsn) -> Error {
        Error::Fenced(format!(
            "the checkpoint of pipeline {} is no longer at {after} under epoch {}: another sluice has taken over",
            self.options.pipeline, self.epoch
        ))
    }

    /// Writes the counters down.
    pub(crate) async fn write_counts(&mut self) -> Result<(), Error> {
        if !self.counts.is_empty() {
            self.transaction(&self.counts.sql(&self.options.pipeline)).await?;
            self.counts.clear();
        }
        Ok(())
    }

    /// Asks how much of what was applied is durable by now. The disk is waited for only where nothing else tells.
    pub async fn ask(&mut self) -> Result<Progress, Error> {
        if self.open {
            return Ok(self.progress);
        }
        let mut run = self.statements.begin(&mut self.db);
        run.ask(durable::ASK)?;
        let mut sent = run.written();
        self.db.flush().await?;
        if let Outcome::Failed(e) = self.statements.answer(&mut self.db, &mut sent).await? {
            return Err(e.into());
        }
        self.heard(&sent.told);
        if self.durable.is_overdue() {
            self.sync().await?;
        }
        Ok(self.progress)
    }

    /// What the target has said of its disk, behind the last commit.
    pub(crate) fn heard(&mut self, told: &[String]) {
        if let Some(durable) = self.durable.heard(self.progress.applied, told) {
            self.progress.durable = durable;
            failpoint::hit("durable.heard");
        }
    }

    /// One synchronous commit: its return proves all before it.
    pub(crate) async fn sync(&mut self) -> Result<(), Error> {
        let mut sql = String::from("SET LOCAL synchronous_commit = on; ");
        sql.push_str(&self.counts.sql(&self.options.pipeline));
        // something must be written, else there is no commit record to wait for
        sql.push_str(&format!(
            "UPDATE sluice.checkpoint SET updated_at = pg_catalog.now(), xid_seen = {}, xid_max = {} WHERE pipeline = {} AND epoch = {};",
            self.xid_seen,
            self.xid_max,
            wire::quote_literal(&self.options.pipeline),
            self.epoch
        ));
        failpoint::hit("flush.begin");
        // the last that it says before COMMIT is of the checkpoint
        if self.transaction(&sql).await? != 1 {
            return Err(self.fenced(self.progress.applied));
        }
        failpoint::hit("flush.done");
        self.counts.clear();
        self.durable.all();
        self.progress.durable = self.progress.applied;
        Ok(())
    }

    /// Statements of our own as one transaction. Gives how many rows the last of them has touched.
    async fn transaction(&mut self, statements: &str) -> Result<u64, Error> {
        match self.db.simple(&format!("BEGIN; {statements} COMMIT")).await {
            Ok(done) => Ok(done.len().checked_sub(2).and_then(|i| done.get(i)).map_or(0, |r| r.affected())),
            Err(e) => {
                let _ = self.db.simple("ROLLBACK").await;
                Err(e.into())
            }
        }
    }

    pub(crate) async fn roll_back(&mut self) {
        if !self.db.is_broken() {
            let _ = self.db.simple("ROLLBACK").await;
        }
        self.open = false;
        self.unsettled.clear();
        self.refused.rolled_back();
    }
}
