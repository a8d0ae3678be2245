//! Making a range of a table equal to production's: the target's half of the copy.
//!
//! **Why it is exact.** While a slice is loaded the stream stands at C, and the rows that come are production's as of a
//! snapshot that shows exactly C (the replicator sees to that). Each load is one transaction that holds the checkpoint's
//! row `FOR SHARE` under `epoch` and `lsn = C`: nothing else can move it meanwhile, and a load that comes too late fails.
//! In it the target's range becomes equal to the rows, and its entry in `sluice.pending` goes.
//!
//! **Into an empty range** the rows go by COPY, as they come. **Into a range with rows** they go to a temporary table
//! first, the *stage*, and the range is made equal to it (`merge`). **A range of which only some columns are unknown** takes
//! these columns from the stage, and nothing else of it.
//!
//! **A row that is refused** (`apply.on_error: quarantine`) is found in a load of its own: `sift`.
//!
//! **Where the target has rows of its own**, those that cannot come are taken off the stage first: `shadow`. Where rows of its own refer
//! to the table's, those that production has no more are told from those that have to stay: `tombstones`.

mod apart;
mod forget;
mod merge;
mod shadow;
mod sift;
mod tombstones;

use std::sync::Arc;

use filters::change::Lsn;
use wire::{Canceler, Connection, Conninfo};

use crate::error::Error;
use crate::key::Key;
use crate::mapping::Mapping;
use crate::part::{Part, key_columns, part_condition};
use crate::pending::Pending;
use crate::spec::TableSpec;
use crate::{schema, session};

/// One part to load, and all that is to be known of its table.
#[derive(Clone, Debug)]
pub struct Task {
    /// How its rows meet the target's table.
    pub mapping: Arc<Mapping>,
    /// Its key.
    pub spec: TableSpec,
    /// Which rows.
    pub part: Part,
    /// What else of the table is pending: rows there may go if they are in the way.
    pub pending: Arc<Pending>,
}

/// A row of a done range that had a unique value of one that came: it is gone, and due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evicted {
    /// Its key, as production is asked for it.
    pub key: Key,
    /// The columns of the unique index, for people.
    pub columns: String,
}

/// Which way the rows go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// As they come, where the range is empty.
    Straight,
    /// By way of the stage even into an empty range, after a row elsewhere was in the way.
    Staged,
    /// In pieces, after a row was refused: what is refused alone goes into quarantine.
    Sifted(Sieve),
}

/// How rows are sifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sieve {
    /// So many rows may be in quarantine.
    pub most: u64,
    /// A row that comes pushes nobody out who has a unique value of it: it is refused.
    pub yields: bool,
    /// As of [`crate::sink::OnError::Quarantine`].
    pub unread: bool,
}

/// What a load did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Rows that came.
    pub rows: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Rows deleted on the target because production has none such, or another.
    pub deleted: u64,
    /// Rows of done ranges elsewhere that were in the way: somebody's edits.
    pub divergences: u64,
    /// Which ones.
    pub evicted: Vec<Evicted>,
    /// Rows that went into quarantine.
    pub quarantined: u64,
    /// Rows that cannot come because of rows of the target's own.
    pub shadowed: u64,
}

/// A session that loads one part after another.
pub struct Loader {
    db: Connection,
    pipeline: String,
    epoch: i64,
}

/// One load under way.
pub struct Load<'l> {
    loader: &'l mut Loader,
    mapping: Arc<Mapping>,
    spec: TableSpec,
    part: Part,
    pending: Arc<Pending>,
    staged: bool,
    /// In pieces.
    sifted: Option<Sieve>,
    /// Where the stream stands.
    at: Lsn,
    /// Only these columns are set.
    fill: Vec<String>,
    loaded: Loaded,
}

impl Loader {
    /// Opens the session.
    pub async fn connect(info: &Conninfo, pipeline: &str, epoch: i64) -> Result<Loader, Error> {
        let more = [("synchronous_commit", "off"), ("lock_timeout", "2s")];
        let mut db = session::open(info, pipeline, "load", false, &more).await?;
        session::replica_role(&mut db).await?;
        Ok(Loader { db, pipeline: pipeline.into(), epoch })
    }

    /// What it is asked by to end what it does.
    pub fn canceler(&self) -> Canceler {
        self.db.canceler()
    }

    /// Begins to load `part` with the stream at `at`.
    pub async fn begin(&mut self, task: Task, at: Lsn, way: Way) -> Result<Load<'_>, Error> {
        let Task { mapping, spec, part, pending } = task;
        self.db.simple("BEGIN").await?;
        let lsn = at.to_string();
        let epoch = self.epoch.to_string();
        let held = self
            .db
            .query(
                "SELECT 1 FROM sluice.checkpoint WHERE pipeline = $1 AND epoch = $2::bigint AND lsn = $3::pg_lsn FOR SHARE",
                &[Some(&self.pipeline), Some(&epoch), Some(&lsn)],
            )
            .await?;
        if held.is_empty() {
            self.roll_back().await;
            return Err(Error::Fenced(format!(
                "the checkpoint of pipeline {} has moved while a chunk was to be loaded",
                self.pipeline
            )));
        }
        if let Way::Sifted(sieve) = way {
            return self.begin_sifted(Task { mapping, spec, part, pending }, at, sieve).await;
        }
        let staged = way == Way::Staged;
        let table = mapping.writable.quoted().to_owned();
        let condition = condition(&mapping, &spec, &part, "");
        let look = format!("SELECT 1 FROM {} WHERE {condition} LIMIT 1", mapping.writable.target());
        let empty = self.db.simple_on_rows(&look).await.map_err(|e| blame(&mapping, e))?;
        // a column that cannot be SET, or whose new values are in each other's way: the rows are reconciled as a whole
        let fill = match &part {
            Part::Range(range)
                if !staged
                    && !mapping.writable.has_own()
                    && mapping.referrers.is_none()
                    && mapping.deferred.is_empty()
                    && !mapping.columns.iter().any(|c| c.identity_always) =>
            {
                range.columns.clone()
            }
            _ => Vec::new(),
        };
        // rows come with all columns; what the target generates is left behind on the stage, and so are shadowed rows
        let staged = staged
            || mapping.writable.has_own()
            || matches!(&part, Part::Range(range) if !range.hides())
            || mapping.generates()
            // which values have come is asked of the stage
            || !mapping.deferred.is_empty()
            || empty.first().is_some_and(|rows| !rows.is_empty());
        let columns = mapping.arriving(|name| name.to_owned());
        let into = if staged {
            self.db.simple(&stage(&mapping)).await?;
            "pg_temp.sluice_stage".to_owned()
        } else {
            table
        };
        self.db.copy_in(&format!("COPY {into} ({columns}) FROM STDIN")).await?;
        let loaded = Loaded::default();
        Ok(Load { loader: self, mapping, spec, part, pending, staged, sifted: None, at, fill, loaded })
    }

    async fn roll_back(&mut self) {
        if !self.db.is_broken() {
            let _ = self.db.simple("ROLLBACK").await;
        }
    }
}

impl Load<'_> {
    /// More rows: whole lines of COPY's text format.
    pub async fn write(&mut self, lines: &[u8]) -> Result<(), Error> {
        self.loaded.bytes += lines.len() as u64;
        self.loader.db.copy_send(lines).await.map_err(|e| self.blame(e))
    }

    /// No more rows: reconciles, forgets the pending entry, and commits.
    pub async fn finish(mut self) -> Result<Loaded, Error> {
        let done = self.reconcile().await;
        if done.is_err() {
            self.loader.roll_back().await;
        }
        done.map(|()| self.loaded)
    }

    /// Gives up: nothing of it stays.
    pub async fn abandon(self) {
        let _ = self.loader.db.copy_fail("abandoned").await;
        self.loader.roll_back().await;
    }

    async fn reconcile(&mut self) -> Result<(), Error> {
        self.loaded.rows = match self.loader.db.copy_end().await {
            Ok(rows) => rows,
            // an empty range, but a row elsewhere has a unique value of one that came: the caller tries again, staged
            Err(e) => return Err(self.blame(e)),
        };
        self.release().await?;
        if let Some(sieve) = self.sifted {
            self.sift(sieve).await?;
            crate::failpoint::hit("chunk.sifted");
        } else if self.staged {
            self.merge().await.map_err(|e| match e {
                Error::Wire(e) => self.blame(e),
                e => e,
            })?;
            crate::failpoint::hit("chunk.merged");
        } else {
            self.no_tombstones().await?;
        }
        self.met().await?;
        self.apart().await?;
        self.forget().await?;
        crate::failpoint::hit("chunk.forgotten");
        // a deferred trigger speaks here
        self.loader.db.simple_on_rows("COMMIT").await.map_err(|e| blame(&self.mapping, e))?;
        Ok(())
    }

    /// The part's rows, of a table that is called `prefix`.
    fn condition(&self, prefix: &str) -> String {
        condition(&self.mapping, &self.spec, &self.part, prefix)
    }

    /// The same of records `x`, by the keys that they hold: values of their columns' types.
    fn recorded(&self) -> String {
        let mut columns = key_columns(&self.spec.key, &self.mapping);
        for (n, column) in columns.iter_mut().enumerate() {
            column.name = format!("(x.key)[{}]::{}", n + 1, column.cast);
        }
        part_condition(&columns, &self.part)
    }

    /// The condition of the table's records, in any table of them that is called `x`.
    fn records(&self) -> String {
        schema::records_of(&self.loader.pipeline, &self.spec.schema, &self.spec.name)
    }

    /// A verdict on a row names its table; anything else is the target's own trouble.
    fn blame(&self, e: wire::Error) -> Error {
        blame(&self.mapping, e)
    }
}

/// LIKE takes types and collations, no constraint and no default.
fn stage(m: &Mapping) -> String {
    let columns = m.arriving(|name| format!("NULL::pg_catalog.text AS {name}"));
    let table = m.writable.quoted();
    format!("CREATE TEMPORARY TABLE sluice_stage ON COMMIT DROP AS SELECT {columns} FROM {table} WITH NO DATA")
}

fn blame(mapping: &Mapping, e: wire::Error) -> Error {
    match e.sqlstate() {
        Some(state) if crate::error::is_verdict(state) => Error::Data {
            table: mapping.writable.name().to_owned(),
            operation: "copy",
            lsn: Lsn::ZERO,
            full: None,
            source: e,
        },
        _ => Error::Wire(e),
    }
}

fn condition(m: &Mapping, spec: &TableSpec, part: &Part, prefix: &str) -> String {
    let mut columns = key_columns(&spec.key, m);
    columns.iter_mut().for_each(|c| c.name.insert_str(0, prefix));
    part_condition(&columns, part)
}
