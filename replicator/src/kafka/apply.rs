//! `sluice apply`: the topic into a target. The loop of it.
//!
//! **Why it is exactly once.** Where the topic is read on stands in the target's checkpoint, and moves in the transaction of the rows; what a
//! consumer group would remember is not asked. A batch begins where the checkpoint stands and ends behind a `Commit`, so a source
//! transaction is one visible step, however many records it has. Whoever reads a record again (it was killed before its
//! transaction committed) reads the same record: nothing in a topic changes.
//!
//! - A `Start` makes void what was open before it: the capture before it ended amid a source transaction, and it comes again.
//! - A `Commit` says how many changes it has. Another number, or a position that goes back, is nothing that a capture of ours writes: held.
//! - A part of a table stands where the stream stands. All before it is applied, then it is loaded at that very checkpoint, or passed by.

mod behind;
mod chunk;
mod described;
mod freeze;
mod open;
mod own;
mod record;
mod sequences;

pub(crate) use open::belongs_together;
pub use open::open;

use std::time::{Duration, Instant};

use filters::change::{Batch, Lsn, Progress};
use sink_postgres::PostgresSink;
use sink_postgres::freeze::Freeze;
use sink_postgres::line::{Feeder, Line, Noted};
use sink_postgres::load::Loader;
use tokio::task::JoinSet;
use wire::Conninfo;

use self::behind::Behind;
use self::described::Descriptions;
use super::arrivals::{Arrivals, Ends};
use super::asking::Asking;
use super::envelope::{Decoder, Start};
use super::options::Options;
use crate::batch::Batcher;
use crate::board::{Board, Phase};
use crate::cancels::Cancels;
use crate::config::{Config, Lock};
use crate::error::Error;
use crate::pipeline::End;
use crate::stop::Stop;

/// The target is looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Looks after which it has gone on, whatever had held it.
const STEADY: u64 = 3;
/// An idle topic moves the checkpoint this often.
const IDLE_EVERY: Duration = Duration::from_secs(10);

type Landed = (PostgresSink, Result<Progress, sink_postgres::Error>);

/// An apply that runs.
pub struct Apply {
    topic: String,
    options: Options,
    target: Conninfo,
    pipeline: String,
    on_error: sink_postgres::sink::OnError,
    arrivals: Arrivals,
    ends: Ends,
    decoder: Decoder,
    descriptions: Descriptions,
    batch: Batcher,
    /// Changes of the open source transaction so far.
    changes: u64,
    /// The last position that the topic has named.
    at: Lsn,
    /// The offset behind the last record that was taken.
    next: i64,
    /// It begins at the topic's end: what comes first goes on from a position that is not known.
    begins: bool,
    /// A capture has begun behind a gap.
    gap: bool,
    sink: Option<PostgresSink>,
    work: JoinSet<Landed>,
    feeder: Option<Feeder>,
    loader: Option<Loader>,
    asking: Asking,
    sequences: sequences::Sequences,
    behind: Behind,
    /// What a server does for us that may have to be asked to end.
    cancels: Cancels,
    start: Start,
    config: Config,
    lock: Option<Lock>,
    board: Board,
    last_look: Instant,
    last_idle: Instant,
    looks: u64,
    went_on: bool,
    /// Staging is to stand still.
    freeze: Option<Freeze>,
    /// What is to be emptied was left for the end of a freeze.
    put_off: bool,
}

/// Until when a run goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// The record at this offset was applied.
    Offset(i64),
    /// Production's position.
    Lsn(Lsn),
}

impl Apply {
    /// Runs until it is asked to stop, or until `goal` is reached with nothing pending.
    pub async fn run(&mut self, goal: Option<Goal>, stop: &mut Stop) -> Result<End, Error> {
        loop {
            if Instant::now() >= self.behind.due() {
                self.measure().await;
            }
            if self.sink.is_some() {
                if let Some(why) = stop.asked() {
                    return self.end(End::Stopped(why)).await;
                }
                if self.last_look.elapsed() >= LOOK_EVERY && self.look().await? {
                    stop.reread();
                    continue;
                }
                if goal.is_some_and(|goal| self.reached(goal)) {
                    return self.end(End::CaughtUp).await;
                }
                if self.freeze.is_none() {
                    self.dispatch(goal.is_some());
                }
                self.rests();
            } else {
                self.feed();
            }
            // who is frozen takes nothing: a part of a table would be loaded as it comes
            let (room, idle) = (!self.batch.is_full() && self.freeze.is_none(), self.sink.is_some());
            let deadline = self.last_look + LOOK_EVERY;
            tokio::select! {
                biased;
                Some(done) = self.work.join_next() => self.landed(done)?,
                Some(progress) = told(&mut self.feeder) => self.reached_by(progress),
                taken = self.arrivals.next(), if room => {
                    let mut next = Some(taken?);
                    for _ in 0..4096 {
                        let Some(taken) = next.take() else { break };
                        self.take(taken).await?;
                        if self.batch.is_full() {
                            break;
                        }
                        next = self.arrivals.ready()?;
                    }
                    if let Some(taken) = next {
                        self.take(taken).await?;
                    }
                }
                () = self.ends.heard() => {}
                () = tokio::time::sleep_until(self.behind.due().into()) => {}
                _ = stop.wait(), if idle => {}
                () = tokio::time::sleep_until(deadline.max(Instant::now()).into()), if idle => {}
            }
        }
    }

    fn landed(&mut self, done: Result<Landed, tokio::task::JoinError>) -> Result<(), Error> {
        let (sink, result) = done.map_err(|e| Error::ended("the sink's task", &e))?;
        self.sink = Some(sink);
        self.feeder = None;
        self.reached_by(result?);
        Ok(())
    }

    async fn land(&mut self) -> Result<(), Error> {
        while let Some(done) = self.work.join_next().await {
            self.landed(done)?;
        }
        Ok(())
    }

    fn reached_by(&mut self, progress: Progress) {
        let pending = self.is_pending();
        self.shows(progress);
        let mut state = self.board.state();
        if progress.applied > state.applied {
            state.step(pending);
        }
        (state.applied, state.durable) = (progress.applied, progress.durable);
        let (diverged, quarantined) =
            self.sink.as_mut().map_or((0, 0), |sink| (sink.take_diverged(), sink.take_quarantined()));
        state.divergences += diverged;
        state.quarantined_ever += quarantined;
    }

    /// Applies all that was taken, but for an open transaction of which nothing was applied yet.
    async fn settle(&mut self) -> Result<(), Error> {
        self.land().await?;
        while let Some(batch) = self.batch.take() {
            let mut sink = self.sink.take().ok_or_else(|| Error::Bug("the sink is away".into()))?;
            let noted = self.notes(batch);
            let done = sink.apply_line(noted, &mut Line::alone()).await;
            self.sink = Some(sink);
            self.reached_by(done?);
        }
        Ok(())
    }

    fn dispatch(&mut self, hurry: bool) {
        let mut batch = self.batch.take();
        if batch.is_none() && (hurry || self.last_idle.elapsed() >= IDLE_EVERY) {
            self.last_idle = Instant::now();
            batch = self.batch.take_idle();
        }
        let Some(batch) = batch else { return };
        let Some(mut sink) = self.sink.take() else { return };
        let noted = self.notes(batch);
        let (feeder, mut line) = Line::new();
        self.feeder = Some(feeder);
        self.work.spawn(async move {
            let done = sink.apply_line(noted, &mut line).await;
            (sink, done)
        });
    }

    /// Puts a full batch behind the one that is under way; see the other loop.
    fn feed(&mut self) {
        let overdue = self.last_look.elapsed() >= LOOK_EVERY;
        if !self.batch.is_full() || self.feeder.as_ref().is_none_or(|feeder| overdue && feeder.has_fed()) {
            return;
        }
        if let Some(room) = self.feeder.as_mut().and_then(Feeder::room)
            && let Some(batch) = self.batch.take()
        {
            self.behind.note(&batch);
            room.send(note(&self.board, batch));
        }
    }

    fn is_pending(&self) -> bool {
        self.sink.as_ref().is_some_and(|s| s.pending().any(|(_, p)| !p.is_done()))
    }

    fn reached(&self, goal: Goal) -> bool {
        let there = match goal {
            Goal::Offset(offset) => self.next > offset && self.batch.is_empty(),
            Goal::Lsn(lsn) => self.sink.as_ref().is_some_and(|sink| sink.progress().applied >= lsn),
        };
        there && !self.is_pending()
    }

    /// Looks at the target: is it our turn, what is pending, what is to be asked for? True: the files are to be read again.
    async fn look(&mut self) -> Result<bool, Error> {
        self.last_look = Instant::now();
        self.looks += 1;
        let sink = self.sink.as_mut().ok_or_else(|| Error::Bug("the sink is away".into()))?;
        let reread = sink.look().await?;
        self.look_at_freeze().await?;
        let sink = self.sink.as_mut().ok_or_else(|| Error::Bug("the sink is away".into()))?;
        if self.freeze.is_none() {
            sink.tidy().await?;
        }
        if self.looks.is_multiple_of(10) && sink.references_changed().await? {
            return Err(Error::start_over("foreign keys of staging changed; starting over"));
        }
        if !sink.is_open() {
            let progress = sink.ask().await?;
            self.reached_by(progress);
        }
        let sink = self.sink.as_mut().ok_or_else(|| Error::Bug("the sink is away".into()))?;
        // what held it may come again with the next records; `status` is not to say one thing and then the other
        if self.looks > STEADY && !std::mem::replace(&mut self.went_on, true) {
            sink.hold(None).await?;
        }
        if self.freeze.is_some() {
            return Ok(reread);
        }
        self.asking.ask(sink.pending(), self.next).await;
        if self.looks.is_multiple_of(10) {
            // one that somebody held, or had no right to before
            self.follow().await;
        }
        let pending = self.is_pending();
        let mut state = self.board.state();
        if !pending {
            state.streams();
        } else if !state.stands() {
            state.phase = Phase::Copying;
        }
        Ok(reread)
    }

    /// Ends at a boundary: what is whole is applied.
    async fn end(&mut self, end: End) -> Result<End, Error> {
        if let Some(sink) = &mut self.sink {
            sink.drop_pieces().await?;
            filters::change::Sink::flush(sink).await?;
        }
        Ok(end)
    }
}

/// A batch is about to be applied: what is shown of it. Of production's visibility there is nothing to remember here.
pub(super) fn note(board: &Board, batch: Batch) -> Noted {
    board.state().takes(&batch);
    Noted { batch, xids: (0, 0) }
}

/// How far the sink has come, with more under way.
async fn told(feeder: &mut Option<Feeder>) -> Option<Progress> {
    match feeder {
        Some(feeder) => feeder.told().await,
        None => std::future::pending().await,
    }
}
