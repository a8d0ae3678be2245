//! The loop: events in, batches out, and what production hears.
//!
//! One task reads events, filters and masks them, and gathers the next batch; another applies the batch before it. Only
//! this loop and the copier hold both ends. What can wake it is listed in one `select!`, in the order of its priority.
//!
//! **What production hears** (invariants 4 and 10): [`Source::confirm`] is called in one place, with the `durable` position
//! that the sink reports, and the sink reports it only when a synchronous commit has returned. A position at which
//! nothing happened for us is an empty batch, at most one in [`IDLE_EVERY`].

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use filters::change::{Batch, Column, Event, Lsn, Progress, Sink, Source, Table};
use filters::filter::{Compiled, Filter, Verdict};
use sink_postgres::PostgresSink;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use wire::Connection;

use crate::batch::Batcher;
use crate::board::{Board, Phase};
use crate::copy::applied::Applied;
use crate::copy::{Copier, align};
use crate::error::{Doing, Error};
use crate::setup::Setup;
use crate::source::{Stream, catalog, publication, snapshot::Snapshot};
use crate::stop::{Stop, Why};

/// An idle stream moves its position this often.
pub const IDLE_EVERY: Duration = Duration::from_secs(10);
/// A commit that is not durable yet is made so after this.
const FLUSH_AFTER: Duration = sink_postgres::sink::SYNC_EVERY;
/// Production and the target's registry are looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A slice waits this long for a pause in the stream.
const OVERDUE: Duration = Duration::from_secs(1);

/// Production is asked this often whether it is still there.
const PULSE: Duration = Duration::from_secs(2);
/// What is under way may take this long to end when we are asked to stop.
const GRACE: Duration = Duration::from_secs(3);

/// And then production may take this long to hear the last position.
const FAREWELL: Duration = Duration::from_millis(1500);

/// How a run of the pipeline ended well.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// It was asked to.
    Stopped(Why),
    /// Nothing is pending, and the target has reached what production had at the start.
    CaughtUp,
}

/// One task at most; it ends with the pipeline.
type Work = JoinSet<(PostgresSink, Result<Progress, sink_postgres::Error>)>;

/// A running pipeline.
pub struct Pipeline {
    pub(crate) setup: Arc<Setup>,
    pub(crate) stream: Stream,
    /// An ordinary session on production: snapshots, the nudge, what it holds for us, and its [`pulse`].
    pub(crate) watch: Arc<Mutex<Connection>>,
    pub(crate) filter: Filter,
    /// `None` while a batch is applied.
    pub(crate) sink: Option<PostgresSink>,
    work: Work,
    pub(crate) batch: Batcher,
    /// Events that were looked at before their time.
    pub(crate) ahead: VecDeque<Event>,
    pub(crate) applied: Applied,
    pub(crate) board: Board,
    pub(crate) copier: Copier,
    /// Tables and how their rows are filtered, for the copy.
    pub(crate) tables: HashMap<(String, String), Arc<Compiled>>,
    publications: String,
    /// The last shape of each table that the stream has told, by OID.
    shapes: HashMap<u32, Arc<Table>>,
    unsynced: Option<Instant>,
    went_on: bool,
    last_idle: Instant,
    last_look: Instant,
    looks: u64,
    next_slice: Instant,
}

/// What a pipeline is made of; see [`crate::start`].
pub struct Parts {
    /// Names and options.
    pub setup: Arc<Setup>,
    /// The stream, started at the checkpoint.
    pub stream: Stream,
    /// An ordinary session on production.
    pub watch: Connection,
    /// The policy.
    pub filter: Filter,
    /// The target, taken over.
    pub sink: PostgresSink,
    /// What the checkpoint remembers of visibility.
    pub applied: Applied,
    /// The tables.
    pub tables: HashMap<(String, String), Arc<Compiled>>,
    /// Fingerprint of the publications.
    pub publications: String,
    /// Where to show what happens.
    pub board: Board,
}

impl Pipeline {
    /// Puts it together.
    pub fn new(parts: Parts) -> Pipeline {
        let at = parts.sink.progress().applied;
        parts.board.state().applied = at;
        let now = Instant::now();
        parts.board.state().applied = at;
        Pipeline {
            batch: Batcher::new(at, parts.setup.batch_bytes()),
            copier: Copier::default(),
            setup: parts.setup,
            stream: parts.stream,
            watch: Arc::new(Mutex::new(parts.watch)),
            filter: parts.filter,
            sink: Some(parts.sink),
            work: JoinSet::new(),
            ahead: VecDeque::new(),
            applied: parts.applied,
            board: parts.board,
            tables: parts.tables,
            publications: parts.publications,
            shapes: HashMap::new(),
            unsynced: None,
            went_on: false,
            last_idle: now.checked_sub(IDLE_EVERY).unwrap_or(now),
            last_look: now,
            looks: 0,
            next_slice: now,
        }
    }

    /// Runs until it is asked to stop, or until `goal` (a position that production had) is reached with nothing pending.
    ///
    /// Wherever it stands, waiting for a target that is slow, locked or gone silent: when production shuts down it lets go
    /// of it, and when it is asked to stop it ends in time. What is cut off then is rolled back by the server, and the next
    /// run applies it.
    pub async fn run(&mut self, goal: Option<Lsn>, stop: &mut Stop) -> Result<End, Error> {
        let (watch, mut asked) = (self.watch.clone(), stop.clone());
        let late = async move {
            let why = asked.wait().await;
            tokio::time::sleep(GRACE).await;
            why
        };
        tokio::select! {
            biased;
            end = self.turn(goal, stop) => end,
            error = pulse(&watch) => Err(error),
            why = late => Ok(End::Stopped(why)),
        }
    }

    /// The loop.
    async fn turn(&mut self, goal: Option<Lsn>, stop: &mut Stop) -> Result<End, Error> {
        loop {
            if self.sink.is_some() {
                if let Some(why) = stop.asked() {
                    return self.end(End::Stopped(why)).await;
                }
                if self.last_look.elapsed() >= LOOK_EVERY {
                    self.look().await?;
                }
                if self.wants_slice() {
                    self.slice(stop).await?;
                    continue;
                }
                if goal.is_some_and(|goal| self.reached(goal)) {
                    return self.end(End::CaughtUp).await;
                }
                self.dispatch(goal.is_some());
            }
            let deadline = self.deadline();
            let room = !self.batch.is_full();
            tokio::select! {
                biased;
                // 1. the batch in flight: its end frees the sink
                Some(done) = self.work.join_next() => {
                    let (sink, result) = done.map_err(|e| Error::Bug(format!("the sink's task ended: {}", if e.is_panic() { "panic" } else { "cancelled" })))?;
                    self.sink = Some(sink);
                    self.told(result?);
                }
                // 2. events, while there is room for them
                event = next(&mut self.ahead, &mut self.stream), if room => {
                    self.take(event?)?;
                    self.drain_ready()?;
                }
                // 3. being asked to stop; a batch in flight is waited for
                _ = stop.wait(), if self.sink.is_some() => {}
                // 4. the clock
                () = tokio::time::sleep_until(deadline.into()) => {}
            }
        }
    }

    /// Takes what is there without waiting.
    fn drain_ready(&mut self) -> Result<(), Error> {
        for _ in 0..4096 {
            if self.batch.is_full() || !(self.ahead.is_empty() && self.stream.has_ready() || !self.ahead.is_empty()) {
                break;
            }
            let Some(event) = poll_once(next(&mut self.ahead, &mut self.stream)) else { break };
            self.take(event?)?;
        }
        Ok(())
    }

    /// One event: filtered, masked, into the batch.
    pub(crate) fn take(&mut self, event: Event) -> Result<(), Error> {
        match event {
            Event::Begin { xid, .. } => self.batch.begin(xid),
            Event::Change(change) => {
                if let Verdict::Keep(change) = self.filter.apply(change)? {
                    self.batch.change(change);
                }
            }
            Event::Schema(shape) => self.reshaped(&shape)?,
            Event::Commit { lsn, time } => self.batch.commit(lsn, time),
            Event::Idle(lsn) => {
                self.batch.idle(lsn);
                if self.batch.is_empty() {
                    let mut state = self.board.state();
                    state.caught_up = true;
                    state.caught_up_at = Some(Instant::now());
                }
            }
        }
        Ok(())
    }

    /// A column of another type was rewritten on production, and the rewritten rows are not in the stream: starting over
    /// makes the table pending. (A Relation alone means no change, and the first one after a start may be an old one.)
    fn reshaped(&mut self, shape: &Arc<Table>) -> Result<(), Error> {
        let before = self.shapes.insert(shape.oid, shape.clone());
        let retyped = before.is_some_and(|before| {
            let same = |a: &Column, b: &Column| {
                a.name != b.name || (a.type_oid, a.type_modifier) == (b.type_oid, b.type_modifier)
            };
            before.columns.iter().any(|a| shape.columns.iter().any(|b| !same(a, b)))
        });
        match retyped {
            true => {
                Err(Error::Production { action: "a column's type changed; starting over", source: wire::Error::Closed })
            }
            false => Ok(()),
        }
    }

    /// Hands the sink what is due: a flush, a batch, or the idle position.
    fn dispatch(&mut self, hurry: bool) {
        let Some(mut sink) = self.sink.take() else { return };
        let due = self.unsynced.is_some_and(|t| t.elapsed() >= FLUSH_AFTER);
        if due && sink.is_open() {
            // the pieces of a large transaction go on: the flush of what stood before them waits for its end
            self.unsynced = Some(Instant::now());
        }
        if due && !sink.is_open() {
            self.work.spawn(async move {
                let done = sink.flush().await;
                (sink, done)
            });
        } else if let Some(batch) = self.due(hurry) {
            self.note(&mut sink, &batch);
            self.work.spawn(async move {
                let done = sink.apply(batch).await;
                (sink, done)
            });
        } else {
            self.sink = Some(sink);
        }
    }

    fn due(&mut self, hurry: bool) -> Option<Batch> {
        let batch = self.batch.take();
        if batch.is_none() && (hurry || self.last_idle.elapsed() >= IDLE_EVERY) {
            self.last_idle = Instant::now();
            let idle = self.batch.take_idle();
            if idle.is_some() {
                sink_postgres::failpoint::hit("idle.batch");
            }
            return idle;
        }
        batch
    }

    fn note(&mut self, sink: &mut PostgresSink, batch: &Batch) {
        for commit in &batch.commits {
            self.applied.push(commit.xid);
        }
        let (seen, max) = self.applied.ends();
        sink.remember_xids(seen, max);
        let mut state = self.board.state();
        state.changes += batch.changes.len() as u64;
        state.transactions += batch.commits.len() as u64;
        state.batches += 1;
        if let Some(last) = batch.commits.last() {
            state.source_time = last.time;
        }
        state.caught_up = false;
        tracing::debug!(changes = batch.changes.len(), transactions = batch.commits.len(), after = %batch.after, upto = batch.upto.map(|l| l.to_string()), "batch");
    }

    /// What the sink has reached, and what production may hear of it.
    pub(crate) fn told(&mut self, progress: Progress) {
        if progress.durable < progress.applied {
            self.unsynced.get_or_insert_with(Instant::now);
        } else {
            self.unsynced = None;
        }
        if progress.durable > Lsn::ZERO {
            self.stream.confirm(progress.durable);
        }
        let caught_up = self.batch.is_empty() && !self.stream.has_ready() && self.ahead.is_empty();
        let pending = self.pending();
        let mut state = self.board.state();
        if progress.applied > state.applied {
            state.step(pending);
        }
        state.applied = progress.applied;
        state.durable = progress.durable;
        state.received = self.stream.received();
        state.caught_up = caught_up;
        if caught_up {
            state.caught_up_at = Some(Instant::now());
        }
        state.unparsable = self.filter.unparsable();
        state.divergences += self.sink.as_mut().map_or(0, PostgresSink::take_diverged);
    }

    fn deadline(&self) -> Instant {
        if self.sink.is_none() {
            // nothing of it can be done before the sink is back
            return Instant::now() + LOOK_EVERY;
        }
        let mut at = self.last_look + LOOK_EVERY;
        if let Some(unsynced) = self.unsynced {
            at = at.min(unsynced + FLUSH_AFTER);
        }
        if self.pending() {
            at = at.min(self.next_slice.max(Instant::now()) + Duration::from_millis(5));
        }
        at
    }

    /// Applies everything that has been read, and waits for it. Afterwards the batch is empty, or holds a part of an
    /// open transaction.
    pub(crate) async fn settle(&mut self) -> Result<(), Error> {
        while let Some(batch) = self.batch.take() {
            let mut sink = self.sink.take().ok_or_else(|| Error::Bug("the sink is away".into()))?;
            self.note(&mut sink, &batch);
            let done = sink.apply(batch).await;
            self.sink = Some(sink);
            self.told(done?);
        }
        Ok(())
    }

    fn reached(&self, goal: Lsn) -> bool {
        let Some(sink) = &self.sink else { return false };
        let progress = sink.progress();
        self.batch.is_empty() && !self.pending() && progress.durable >= goal && progress.durable == progress.applied
    }

    /// Is anything pending?
    pub(crate) fn pending(&self) -> bool {
        self.sink.as_ref().is_some_and(|s| s.pending().any(|(_, p)| !p.is_done()))
    }

    fn wants_slice(&self) -> bool {
        // a stream that never pauses must not keep the copy waiting for ever
        let quiet = self.batch.is_empty() && self.ahead.is_empty() && !self.stream.has_ready();
        let overdue = self.next_slice.elapsed() > OVERDUE;
        self.pending() && Instant::now() >= self.next_slice && (quiet || overdue)
    }

    async fn slice(&mut self, stop: &mut Stop) -> Result<(), Error> {
        self.board.works(Phase::Copying);
        // held between two transactions, with all that was read applied
        align::catch_up(self).await?;
        let progressed = Copier::slice(self, stop).await?;
        let wait = if progressed { Duration::ZERO } else { Duration::from_millis(200) };
        self.next_slice = Instant::now() + wait;
        if !self.pending() {
            self.board.works(Phase::Streaming);
        }
        Ok(())
    }

    /// Looks at production and at the target's registry, once in a while.
    async fn look(&mut self) -> Result<(), Error> {
        self.last_look = Instant::now();
        self.looks += 1;
        let mut watch = self.watch.lock().await;
        let rows = watch
            .query(
                "SELECT pg_catalog.pg_current_snapshot()::text, (SELECT pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), restart_lsn)::bigint
                   FROM pg_catalog.pg_replication_slots WHERE slot_name = $1)",
                &[Some(&self.setup.slot)],
            )
            .await
            .doing("look at the slot")?;
        if let Some(now) = rows.get(0, 0).and_then(|s| s.parse::<Snapshot>().ok()) {
            self.applied.look(&now);
        }
        let held = rows.get(0, 1).and_then(|h| h.parse().ok()).unwrap_or(0);
        self.board.state().wal_held = held;
        if held > self.setup.wal_warn && self.looks % 60 == 1 {
            tracing::warn!(bytes = held, budget = self.setup.wal_warn, "production holds much WAL for our slot");
        }
        if self.looks.is_multiple_of(10) {
            let now = publication::fingerprint(&mut watch, &self.setup.publications)
                .await
                .doing("look at the publications")?;
            if now != self.publications {
                return Err(Error::Production {
                    action: "the publications changed; starting over",
                    source: wire::Error::Closed,
                });
            }
        }
        let leaves = match self.looks % 10 {
            1 => Some(catalog::leaves(&mut watch).await.doing("read the partitions")?),
            _ => None,
        };
        // what the target is asked from here on must not keep production's pulse waiting
        drop(watch);
        if let (Some(now), Some(sink)) = (leaves, &mut self.sink) {
            for name in sink.other_leaves(&now).await? {
                tracing::info!(
                    schema = name.0,
                    table = name.1,
                    "its partitions changed on production: it is copied again"
                );
                sink.make_pending(&name).await?;
            }
        }
        if let Some(sink) = &mut self.sink {
            sink.confirm_turn().await?;
            // `resync` from elsewhere writes there too
            sink.reload_pending().await?;
        }
        let stands = {
            let mut state = self.board.state();
            if !self.pending() && (state.caught_up || !state.stands()) {
                state.phase = Phase::Streaming;
            }
            state.stands()
        };
        if !stands {
            self.go_on().await?;
        }
        Ok(())
    }

    /// Takes back what was written on the target of why we stood still; once a run.
    async fn go_on(&mut self) -> Result<(), Error> {
        if let Some(sink) = self.sink.as_mut().filter(|_| !self.went_on) {
            sink.hold(None).await?;
            self.went_on = true;
        }
        Ok(())
    }

    /// Ends at a boundary: what is whole is applied and durable, and production hears it.
    async fn end(&mut self, end: End) -> Result<End, Error> {
        if end == End::CaughtUp {
            self.go_on().await?;
        }
        if let Some(mut sink) = self.sink.take() {
            // pieces of a transaction that is not over claim nothing: they go, what was committed before them stays
            sink.drop_pieces().await?;
            let done = sink.flush().await;
            self.sink = Some(sink);
            self.told(done?);
        }
        Ok(end)
    }

    /// Takes it apart: ends the stream in order, with the last confirmed position. Not for long.
    pub async fn close(self) {
        let farewell = async {
            self.stream.stop().await;
            if let Some(watch) = Arc::into_inner(self.watch) {
                watch.into_inner().close().await;
            }
        };
        let _ = tokio::time::timeout(FAREWELL, farewell).await;
    }
}

/// Ends when production does not answer as it should. A server that shuts down ends this session, but waits for its WAL
/// sender, and that one waits for us.
async fn pulse(watch: &Mutex<Connection>) -> Error {
    loop {
        tokio::time::sleep(PULSE).await;
        if let Err(e) = watch.lock().await.simple("SELECT 1").await.doing("look at the server") {
            return e;
        }
    }
}

/// The next event: those that were looked at before come first. Cancel-safe.
pub(crate) async fn next(ahead: &mut VecDeque<Event>, stream: &mut Stream) -> Result<Event, Error> {
    match ahead.pop_front() {
        Some(event) => Ok(event),
        None => Ok(stream.next().await?),
    }
}

/// Polls a cancel-safe future once.
fn poll_once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(value) => Some(value),
        std::task::Poll::Pending => None,
    }
}
