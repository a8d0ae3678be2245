//! `sluice capture`: production's slot into the topic. The loop of it.
//!
//! It is the other loop's little sister ([`crate::pipeline`]): events in, batches out, and what appliers ask for between them. A batch
//! is sent while the next is gathered. What it does not have is everything that only a database has: no checkpoint of its own, no
//! locks, nobody's own rows.

mod open;
mod sequences;
mod slice;

pub use open::open;
pub(crate) use open::{checkpoint, instead};

use std::time::{Duration, Instant};

use filters::change::{Batch, Lsn, Progress};
use sink_postgres::line::Line;
use tokio::task::{JoinError, JoinSet};

use super::requests::{Asked, Requests};
use super::sink::KafkaSink;
use crate::board::Phase;
use crate::error::{Doing, Error};
use crate::flow::{self, Flow};
use crate::pipeline::End;
use crate::pipeline::pulse;
use crate::source::publication;
use crate::source::snapshot::Snapshot;
use crate::stop::Stop;

/// An idle stream moves its position this often.
const IDLE_EVERY: Duration = Duration::from_secs(10);
/// Production is looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A slice waits this long for a pause in the stream.
const OVERDUE: Duration = Duration::from_secs(1);
/// A slice that could send nothing is tried again after this.
const AGAIN: Duration = Duration::from_millis(500);

type Landed = (KafkaSink, Result<Progress, Error>);

/// A capture that runs.
pub struct Capture {
    flow: Flow<KafkaSink>,
    /// What appliers have asked for, and how far they were heard.
    requests: Requests,
    asked: Asked,
    work: JoinSet<Landed>,
    publications: String,
    last_idle: Instant,
    last_look: Instant,
    looks: u64,
    next_slice: Instant,
    copying: bool,
    sequences: sequences::Sequences,
}

impl Capture {
    fn new(flow: Flow<KafkaSink>, requests: Requests, publications: String) -> Capture {
        let now = Instant::now();
        Capture {
            flow,
            requests,
            asked: Asked::default(),
            work: JoinSet::new(),
            publications,
            last_idle: now,
            last_look: now.checked_sub(LOOK_EVERY).unwrap_or(now),
            looks: 0,
            next_slice: now,
            copying: false,
            sequences: sequences::Sequences::default(),
        }
    }

    /// Runs until it is asked to stop, or until the topic has come to `goal` (a position that production had) with nothing asked for.
    pub async fn run(&mut self, goal: Option<Lsn>, stop: &mut Stop) -> Result<End, Error> {
        let (watch, board, setup) = (self.flow.watch.clone(), self.flow.board.clone(), self.flow.setup.clone());
        tokio::select! {
            biased;
            end = self.turn(goal, stop) => end,
            error = pulse::ends(&watch, None, &board, &setup) => Err(error),
        }
    }

    async fn turn(&mut self, goal: Option<Lsn>, stop: &mut Stop) -> Result<End, Error> {
        loop {
            if self.flow.sink.is_some() {
                if let Some(why) = stop.asked() {
                    return Ok(End::Stopped(why));
                }
                if self.last_look.elapsed() >= LOOK_EVERY {
                    self.look().await?;
                    continue;
                }
                if self.wants_slice() {
                    self.slice(stop).await?;
                    continue;
                }
                if goal.is_some_and(|goal| self.reached(goal)) {
                    return Ok(End::CaughtUp);
                }
                self.dispatch(goal.is_some());
            }
            let (room, idle) = (!self.flow.batch.is_full(), self.flow.sink.is_some());
            let deadline = self.deadline();
            tokio::select! {
                biased;
                Some(done) = self.work.join_next() => self.landed(done)?,
                event = self.flow.next(), if room => {
                    let event = event?;
                    if self.flow.wants_sink(&event) && self.flow.sink.is_none() {
                        self.flow.ahead.push_front(event);
                        self.land().await?;
                    } else {
                        self.flow.admit(event).await?;
                        self.flow.drain_ready()?;
                    }
                }
                asked = self.requests.next() => {
                    self.asked.take(asked?);
                    self.sequences.asked();
                }
                _ = stop.wait(), if idle => {}
                () = tokio::time::sleep_until(deadline.into()) => {}
            }
        }
    }

    async fn land(&mut self) -> Result<(), Error> {
        while let Some(done) = self.work.join_next().await {
            self.landed(done)?;
        }
        Ok(())
    }

    /// The batch that was under way has ended.
    fn landed(&mut self, done: Result<Landed, JoinError>) -> Result<(), Error> {
        let (sink, result) = done.map_err(|e| Error::ended("the producer's task", &e))?;
        self.flow.sink = Some(sink);
        self.flow.told(result?);
        Ok(())
    }

    fn dispatch(&mut self, hurry: bool) {
        let Some(batch) = self.due(hurry) else { return };
        let Some(mut sink) = self.flow.sink.take() else { return };
        let noted = self.flow.note(batch);
        self.work.spawn(async move {
            let done = flow::apply(&mut sink, noted, &mut Line::alone(), None).await;
            (sink, done)
        });
    }

    fn due(&mut self, hurry: bool) -> Option<Batch> {
        let batch = self.flow.batch.take();
        if batch.is_none() && (hurry || self.last_idle.elapsed() >= IDLE_EVERY) {
            self.last_idle = Instant::now();
            return self.flow.batch.take_idle();
        }
        batch
    }

    fn deadline(&self) -> Instant {
        let mut at = self.last_look + LOOK_EVERY;
        if self.flow.sink.is_none() {
            at = Instant::now() + LOOK_EVERY;
        } else if !self.asked.is_empty() {
            at = at.min(self.next_slice.max(Instant::now()) + Duration::from_millis(5));
        }
        at
    }

    fn reached(&self, goal: Lsn) -> bool {
        self.flow.sink.as_ref().is_some_and(|sink| sink.progress().applied >= goal) && self.asked.is_empty()
    }

    fn wants_slice(&self) -> bool {
        let paused = self.flow.board.state().paused;
        let closed = self.flow.setup.window.as_ref().is_some_and(|window| !window.is_open_now());
        let overdue = self.next_slice.elapsed() > OVERDUE;
        !self.asked.is_empty()
            && !paused
            && !closed
            && Instant::now() >= self.next_slice
            && (self.flow.is_quiet() || overdue)
    }

    /// Sends some of what was asked for.
    async fn slice(&mut self, stop: &mut Stop) -> Result<(), Error> {
        if !std::mem::replace(&mut self.copying, true) {
            self.flow.board.works(Phase::Copying);
        }
        self.flow.catch_up().await?;
        if self.sequences.is_due() {
            self.tell_sequences().await?;
        }
        let sent = slice::send(&mut self.flow, &mut self.asked, stop).await?;
        self.next_slice = Instant::now() + if sent { Duration::ZERO } else { AGAIN };
        if self.asked.is_empty() {
            self.copying = false;
            self.flow.board.works(Phase::Streaming);
            // what was heard until now has been answered
            let heard = self.requests.heard();
            let sink = self.flow.sink.as_mut().ok_or_else(|| Error::Bug("the sink is away".into()))?;
            tokio::task::block_in_place(|| sink.hears(heard))?;
        }
        Ok(())
    }

    /// Looks at production: the slot, the publications, the tables.
    async fn look(&mut self) -> Result<(), Error> {
        self.last_look = Instant::now();
        self.looks += 1;
        let flow = &mut self.flow;
        let value = "pg_catalog.pg_current_snapshot()::text";
        let (shows, held) = pulse::beside_the_slot(&flow.watch, None, &flow.board, &flow.setup, value).await?;
        if let Some(now) = shows.and_then(|s| s.parse::<Snapshot>().ok()) {
            flow.applied.look(&now);
        }
        flow.setup.budget.weigh(&flow.setup.slot, held, &flow.board)?;
        if self.looks.is_multiple_of(10) {
            let now = publication::fingerprint(&mut *flow.watch.lock().await, &flow.setup.publications)
                .await
                .doing("look at the publications")?;
            if now != self.publications {
                return Err(Error::start_over("the publications changed; starting over"));
            }
        }
        if self.looks % 10 == 1 {
            flow.look_at_tables().await?;
            self.tell_sequences().await?;
        }
        if !self.copying {
            self.flow.board.state().streams();
        }
        Ok(())
    }

    /// Ends the stream in order, with the last confirmed position.
    pub async fn close(self) {
        let farewell = async {
            self.flow.stream.stop().await;
            if let Some(watch) = std::sync::Arc::into_inner(self.flow.watch) {
                watch.into_inner().close().await;
            }
        };
        let _ = tokio::time::timeout(Duration::from_millis(1500), farewell).await;
    }
}
