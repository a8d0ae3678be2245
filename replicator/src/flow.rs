//! Both ends of a pipeline, and the moves on them that the loop and the copy share: take an event, settle what was taken,
//! tell production.
//!
//! **What production hears** (invariants 4 and 10): [`Source::confirm`] is called in one place, [`Flow::reached`], with the
//! `durable` position that the sink reports, and the sink reports only what is on the target's disk.

mod tables;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use filters::change::{Batch, Event, Lsn, Progress, Source};
use filters::filter::{Compiled, Filter, Verdict};
use sink_postgres::PostgresSink;
use sink_postgres::line::{Line, Noted};
use tokio::sync::Mutex;
use wire::Connection;

use crate::applied::Applied;
use crate::batch::Batcher;
use crate::board::Board;
use crate::cancels::Cancels;
use crate::downstream::{self, Downstream};
use crate::error::Error;
use crate::setup::Setup;
use crate::shapes::Shapes;
use crate::source::Stream;
use crate::source::standby::{Standby, vouched};
use crate::vouched::Vouched;

/// Both ends, and what is between them.
pub struct Flow<S = PostgresSink> {
    /// Names and options.
    pub setup: Arc<Setup>,
    /// The stream, started at the checkpoint.
    pub stream: Stream,
    /// An ordinary session on production: snapshots, the nudge, what it holds for us, and whether it is there at all.
    pub watch: Arc<Mutex<Connection>>,
    /// The standby that has slot and stream, where that is not the server of `watch`.
    pub standby: Option<Arc<Standby>>,
    /// The policy.
    pub filter: Filter,
    /// The target, or the topic, taken over; `None` while a batch is applied.
    pub sink: Option<S>,
    /// What was taken and not applied.
    pub batch: Batcher,
    /// Events that were looked at before their time.
    pub ahead: VecDeque<Event>,
    /// What of all that was applied production may not show yet.
    pub applied: Applied,
    /// Where to show what happens.
    pub board: Board,
    /// Tables and how their rows are filtered, for the copy.
    pub tables: HashMap<(String, String), Arc<Compiled>>,
    /// The shapes that they were planned for, beside those that the stream tells.
    pub shapes: Shapes,
    /// Which of them were looked at, and when.
    pub vouched: Vouched,
    /// What production's catalog was when its tables were looked at last.
    pub word: String,
    /// What production's enums were when they were looked at last.
    pub labels: String,
    /// A lock stood in the way of what staging was to gain.
    pub left: bool,
    /// The sessions of the copy, should nobody wait for them any more.
    pub cancels: Cancels,
    /// Since when something is applied that is not durable, or when that was asked last.
    pub unsynced: Option<Instant>,
    /// Was anything pending when the sink was here last?
    pub pending: bool,
}

impl<S: Downstream> Flow<S> {
    /// The next event: those that were looked at before come first. Cancel-safe.
    pub async fn next(&mut self) -> Result<Event, Error> {
        match self.ahead.pop_front() {
            Some(event) => Ok(event),
            None => Ok(self.stream.next().await?),
        }
    }

    /// Can an event be had without waiting?
    pub fn has_ready(&self) -> bool {
        !self.ahead.is_empty() || self.stream.has_ready()
    }

    /// Is nothing under way, so far as is known here?
    pub fn is_quiet(&self) -> bool {
        self.batch.is_empty() && !self.has_ready()
    }

    /// Is any table, or part of one, pending?
    pub fn is_pending(&self) -> bool {
        self.sink.as_ref().is_some_and(|s| s.pending().any(|(_, p)| !p.is_done()))
    }

    /// Takes what is there without waiting, up to an event that must wait for the sink.
    pub fn drain_ready(&mut self) -> Result<(), Error> {
        for _ in 0..4096 {
            if self.batch.is_full() || !self.has_ready() {
                break;
            }
            let Some(event) = poll_once(self.next()) else { break };
            let event = event?;
            if self.wants_sink(&event) {
                self.ahead.push_front(event);
                break;
            }
            self.take(event)?;
        }
        Ok(())
    }

    /// One event, whatever it is. The sink must be here.
    pub async fn admit(&mut self, event: Event) -> Result<(), Error> {
        match event {
            Event::Schema(shape) if !self.knows(&shape) => self.reshaped(&shape).await,
            event => self.take(event),
        }
    }

    /// Must this event wait for the sink to be here?
    pub fn wants_sink(&self, event: &Event) -> bool {
        matches!(event, Event::Schema(shape) if !self.knows(shape))
    }

    /// One event for which nobody is to be asked ([`Self::wants_sink`] has said so): filtered, masked, into the batch.
    pub fn take(&mut self, event: Event) -> Result<(), Error> {
        match event {
            Event::Begin { xid, lsn, .. } => self.batch.begin(xid, lsn),
            // of another shape than the policy was laid over: the copy brings what they say
            Event::Change(change) if self.shapes.leaves_out(change.table.oid) => self.batch.left_out(),
            Event::Change(change) => match self.filter.apply(change)? {
                Verdict::Keep(change) => self.batch.change(change),
                Verdict::Drop => {}
                Verdict::NeedsRow { gone, due } => {
                    gone.into_iter().for_each(|change| self.batch.change(change));
                    self.batch.change(due);
                }
            },
            // known to fit, which is not asked twice: what a look says grows old between two questions
            Event::Schema(shape) => self.shapes.mark(shape.oid, true),
            Event::Commit { lsn, time } => self.batch.commit(lsn, time),
            Event::Idle(lsn) => {
                self.batch.idle(lsn);
                // with a batch in flight, staging does not show that far yet
                if self.batch.is_empty() && self.sink.is_some() {
                    self.board.state().lag.quiet(self.batch.position());
                }
            }
        }
        Ok(())
    }

    /// A batch is about to be applied: what is shown of it, and what the checkpoint has to remember with it.
    pub fn note(&mut self, batch: Batch) -> Noted {
        for commit in &batch.commits {
            self.applied.push(commit.xid);
        }
        let mut state = self.board.state();
        state.takes(&batch);
        state.lag.late();
        tracing::debug!(changes = batch.changes.len(), transactions = batch.commits.len(), after = %batch.after, upto = batch.upto.map(|l| l.to_string()), "batch");
        Noted { batch, xids: self.applied.ends() }
    }

    /// What the sink has reached, and what production may hear of it; the sink may be away still.
    pub fn reached(&mut self, progress: Progress) {
        if progress.durable < progress.applied {
            self.unsynced.get_or_insert_with(Instant::now);
        } else {
            self.unsynced = None;
        }
        if progress.durable > Lsn::ZERO {
            self.stream.confirm(progress.durable);
        }
        let mut state = self.board.state();
        if progress.applied > state.applied {
            state.step(self.pending);
        }
        state.applied = progress.applied;
        state.durable = progress.durable;
        state.received = self.stream.received();
        state.lag.shows(progress.applied);
    }

    /// The same of a sink that is back.
    pub fn told(&mut self, progress: Progress) {
        self.pending = self.is_pending();
        self.reached(progress);
        let quiet = self.is_quiet();
        let mut state = self.board.state();
        if quiet {
            state.lag.quiet(self.batch.position());
        }
        state.unparsable = self.filter.unparsable();
        let (diverged, quarantined) = self.sink.as_mut().map_or((0, 0), S::take_counts);
        state.divergences += diverged;
        state.quarantined_ever += quarantined;
        drop(state);
        self.count_records();
    }

    /// Tells the board how many rows have a record of their own.
    pub fn count_records(&self) {
        downstream::count(&self.board, self.sink.iter().flat_map(|s| s.pending()));
    }

    /// Applies everything that has been taken, and waits for it. Afterwards the batch is empty, or holds a part of an
    /// open transaction.
    pub async fn settle(&mut self) -> Result<(), Error> {
        while let Some(batch) = self.batch.take() {
            let mut sink = self.sink.take().ok_or_else(|| Error::Bug("the sink is away".into()))?;
            let noted = self.note(batch);
            let done = apply(&mut sink, noted, &mut Line::alone(), self.standby.as_deref()).await;
            self.sink = Some(sink);
            self.told(done?);
        }
        Ok(())
    }

    /// Applies all that was looked at before its time, up to the end of a transaction.
    pub async fn catch_up(&mut self) -> Result<(), Error> {
        while !self.ahead.is_empty() || self.batch.is_open() {
            let event = self.next().await?;
            self.admit(event).await?;
            if self.batch.is_full() {
                self.settle().await?;
            }
        }
        self.settle().await
    }
}

/// Applies a batch, which must be here as a whole, if what brought it vouches for it, and what comes behind it in the line. In no
/// other way is one applied.
pub async fn apply<S: Downstream>(
    sink: &mut S,
    noted: Noted,
    line: &mut Line,
    standby: Option<&Standby>,
) -> Result<Progress, Error> {
    vouched(standby).await?;
    sink.apply_line(noted, line).await
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
