//! The loop: events in, batches out, and slices of the copy between them.
//!
//! One task reads events, filters and masks them, and gathers the next batch; another applies the batch before it. Only
//! this loop and the copier hold both ends. What can wake it is listed in one `select!`, in the order of its priority.
//!
//! A position at which nothing happened for us is an empty batch, at most one in ten seconds (`IDLE_EVERY`).

mod end;
mod freeze;
mod look;
mod orphans;
pub(crate) mod pulse;
mod sequences;

pub use end::End;

use std::time::{Duration, Instant};

use filters::change::{Batch, Lsn, Progress};
use sink_postgres::PostgresSink;
use sink_postgres::freeze::Freeze;
use sink_postgres::line::{Feeder, Line};
use tokio::task::{JoinError, JoinHandle, JoinSet};
use wire::Canceler;

use crate::board::Phase;
use crate::copy::Copier;
use crate::error::Error;
use crate::flow::{self, Flow};
use crate::sequences::{Asker, Follower};
use crate::stop::Stop;
use crate::window::Window;

/// An idle stream moves its position this often.
const IDLE_EVERY: Duration = Duration::from_secs(10);
/// While a commit is not durable, it is asked for this often.
const ASK_EVERY: Duration = sink_postgres::sink::ASK_EVERY;
/// Production and the target's registry are looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A slice waits this long for a pause in the stream.
const OVERDUE: Duration = Duration::from_secs(1);
/// What is under way may take this long to end when we are asked to stop.
const GRACE: Duration = Duration::from_secs(3);

/// The sink, and what it has reached.
type Landed = (PostgresSink, Result<Progress, Error>);
/// One task at most; it ends with the pipeline.
type Work = JoinSet<Landed>;

/// A running pipeline.
pub struct Pipeline {
    flow: Flow,
    copier: Copier,
    work: Work,
    /// Where the next batch is put while one is under way.
    feeder: Option<Feeder>,
    /// Fingerprint of the publications, as they were when the pipeline was opened.
    publications: String,
    went_on: bool,
    last_idle: Instant,
    last_look: Instant,
    looks: u64,
    next_slice: Instant,
    /// How far production's sequences are.
    asker: Asker,
    /// The target's follow them.
    follower: Follower,
    /// The copy pauses, and it was said.
    paused: bool,
    /// It waits for its hours, and it was said.
    closed: bool,
    /// A table was copied since they were looked at.
    copied: bool,
    /// Slices in a row that could load nothing.
    fruitless: u32,
    /// The target's session that applies.
    applies: Option<Canceler>,
    orphans: orphans::Orphans,
    /// Staging is to stand still.
    freeze: Option<Freeze>,
    /// What is to be emptied was left for the end of a freeze.
    put_off: bool,
    /// Those that were let go of amid a statement are being asked to end it.
    abandoned: Option<JoinHandle<()>>,
}

impl Pipeline {
    /// Puts it together; see [`crate::start`].
    pub fn new(flow: Flow, publications: String) -> Pipeline {
        let now = Instant::now();
        let applies = flow.sink.as_ref().map(PostgresSink::canceler);
        Pipeline {
            flow,
            copier: Copier::default(),
            work: JoinSet::new(),
            feeder: None,
            publications,
            went_on: false,
            last_idle: now.checked_sub(IDLE_EVERY).unwrap_or(now),
            // the first look comes at once: what changed unseen while nobody ran belongs to what is to be caught up
            last_look: now.checked_sub(LOOK_EVERY).unwrap_or(now),
            looks: 0,
            next_slice: now,
            asker: Asker::default(),
            follower: Follower::default(),
            paused: false,
            closed: false,
            copied: false,
            fruitless: 0,
            applies,
            orphans: orphans::Orphans::default(),
            freeze: None,
            put_off: false,
            abandoned: None,
        }
    }

    /// Is any table, or part of one, pending?
    pub fn is_pending(&self) -> bool {
        self.flow.is_pending()
    }

    /// Runs until it is asked to stop, or until `goal` (a position that production had) is reached with nothing pending.
    ///
    /// Wherever it stands, waiting for a target that is slow, locked or gone silent: when production shuts down it lets go
    /// of it, and when it is asked to stop it ends in time. What is cut off then the servers are asked to end; it is rolled
    /// back, and the next run applies it.
    pub async fn run(&mut self, goal: Option<Lsn>, stop: &mut Stop) -> Result<End, Error> {
        let (watch, board, mut asked) = (self.flow.watch.clone(), self.flow.board.clone(), stop.clone());
        let standby = self.flow.standby.clone();
        let setup = self.flow.setup.clone();
        let late = async move {
            let why = asked.wait().await;
            tokio::time::sleep(GRACE).await;
            why
        };
        let (end, waits) = tokio::select! {
            biased;
            end = self.turn(goal, stop) => (end, false),
            error = pulse::ends(&watch, standby.as_deref(), &board, &setup) => (Err(error), true),
            why = late => (Ok(End::Stopped(why)), true),
        };
        // the sink is away while a batch is applied, and while parts are loaded
        if waits || self.flow.sink.is_none() {
            self.abandon().await;
        }
        end
    }

    /// Lets go of what runs on a server for us, and asks for its end: without that a statement runs on with its locks, and the
    /// next start waits for it.
    async fn abandon(&mut self) {
        // first: it would take the end for contention, and try again
        self.work.shutdown().await;
        let cancels = self.flow.cancels.clone();
        self.applies.take().into_iter().for_each(|c| cancels.add(c));
        self.abandoned = Some(tokio::spawn(async move { cancels.all().await }));
    }

    /// The loop.
    async fn turn(&mut self, goal: Option<Lsn>, stop: &mut Stop) -> Result<End, Error> {
        loop {
            if self.flow.sink.is_some() {
                if let Some(why) = stop.asked() {
                    return self.end(End::Stopped(why)).await;
                }
                if self.last_look.elapsed() >= LOOK_EVERY && self.look().await? {
                    stop.reread();
                    continue;
                }
                if self.wants_slice() {
                    self.slice(stop).await?;
                    continue;
                }
                if goal.is_some_and(|goal| self.reached(goal)) {
                    return self.end(End::CaughtUp).await;
                }
                self.dispatch(goal.is_some());
            } else if stop.asked().is_none() {
                self.feed();
            }
            let deadline = self.deadline();
            let room = !self.flow.batch.is_full() && !self.is_frozen();
            let idle = self.flow.sink.is_some();
            tokio::select! {
                biased;
                // 1. the batch in flight: its end frees the sink
                Some(done) = self.work.join_next() => self.landed(done)?,
                // 2. one of several in flight has ended: there is room for another
                Some(progress) = told(&mut self.feeder) => self.flow.reached(progress),
                // 3. events, while there is room for them
                event = self.flow.next(), if room => {
                    let event = event?;
                    if self.flow.wants_sink(&event) {
                        self.land().await?;
                    }
                    self.flow.admit(event).await?;
                    self.flow.drain_ready()?;
                }
                // 4. being asked to stop; a batch in flight is waited for
                _ = stop.wait(), if idle => {}
                // 5. the clock
                () = tokio::time::sleep_until(deadline.into()) => {}
            }
        }
    }

    /// The batch that was in flight has ended.
    fn landed(&mut self, done: Result<Landed, JoinError>) -> Result<(), Error> {
        let (sink, result) = done.map_err(|e| Error::ended("the sink's task", &e))?;
        self.flow.sink = Some(sink);
        self.feeder = None;
        self.flow.told(result?);
        Ok(())
    }

    /// Puts a full batch behind the one that is under way. One that is not full goes on growing until the sink is back: the fewer batches,
    /// the less there is to do. And one at least, however slow the target is: then the sink comes back, to look around.
    fn feed(&mut self) {
        let overdue = self.last_look.elapsed() >= LOOK_EVERY;
        let feeder = self.feeder.as_mut().filter(|feeder| !(overdue && feeder.has_fed()));
        if self.flow.batch.is_full()
            && let Some(room) = feeder.and_then(Feeder::room)
            && let Some(batch) = self.flow.batch.take()
        {
            room.send(self.flow.note(batch));
        }
    }

    /// Waits until none is in flight.
    async fn land(&mut self) -> Result<(), Error> {
        while let Some(done) = self.work.join_next().await {
            self.landed(done)?;
        }
        Ok(())
    }

    /// Hands the sink what is due: a question, a batch, or the idle position.
    fn dispatch(&mut self, hurry: bool) {
        let Some(mut sink) = self.flow.sink.take() else { return };
        let due = self.flow.unsynced.is_some_and(|t| t.elapsed() >= ASK_EVERY);
        if due {
            self.flow.unsynced = None;
            self.work.spawn(async move {
                let done = sink.ask().await;
                (sink, done.map_err(Error::from))
            });
        } else if let Some(batch) = self.due(hurry) {
            let noted = self.flow.note(batch);
            let standby = self.flow.standby.clone();
            let (feeder, mut line) = Line::new();
            // a standby vouches for each batch before it goes, and so they go one by one
            self.feeder = standby.is_none().then_some(feeder);
            self.work.spawn(async move {
                let done = flow::apply(&mut sink, noted, &mut line, standby.as_deref()).await;
                (sink, done)
            });
        } else {
            self.flow.sink = Some(sink);
        }
    }

    fn due(&mut self, hurry: bool) -> Option<Batch> {
        if self.is_frozen() {
            return None;
        }
        let batch = self.flow.batch.take();
        if batch.is_none() && (hurry || self.last_idle.elapsed() >= IDLE_EVERY) {
            self.last_idle = Instant::now();
            let idle = self.flow.batch.take_idle();
            if idle.is_some() {
                sink_postgres::failpoint::hit("idle.batch");
            }
            return idle;
        }
        batch
    }

    fn deadline(&self) -> Instant {
        if self.flow.sink.is_none() {
            // nothing of it can be done before the sink is back
            return Instant::now() + LOOK_EVERY;
        }
        let mut at = self.last_look + LOOK_EVERY;
        if let Some(unsynced) = self.flow.unsynced {
            at = at.min(unsynced + ASK_EVERY);
        }
        if self.is_pending() && !self.is_frozen() && self.flow.board.state().waits().is_none() {
            at = at.min(self.next_slice.max(Instant::now()) + Duration::from_millis(5));
        }
        at
    }

    /// Does the target show what production had then, whatever has come since? On a busy production more has always come:
    /// [`Pipeline::end`] makes durable what is applied, and what was only read comes again.
    fn reached(&self, goal: Lsn) -> bool {
        self.flow.sink.as_ref().is_some_and(|sink| sink.progress().applied >= goal) && !self.is_pending()
    }

    fn wants_slice(&mut self) -> bool {
        if self.is_frozen() || self.pauses() {
            return false;
        }
        // a stream that never pauses must not keep the copy waiting for ever
        let overdue = self.next_slice.elapsed() > OVERDUE;
        self.is_pending() && Instant::now() >= self.next_slice && (self.flow.is_quiet() || overdue)
    }

    /// Must the copy wait, and the stream go on alone: because the slot holds too much, or for the hours that it has? Said once.
    fn pauses(&mut self) -> bool {
        let closed = self.flow.setup.window.as_ref().is_some_and(|window| !window.is_open_now());
        let (paused, held) = {
            let mut state = self.flow.board.state();
            state.closed = closed;
            (state.paused && self.is_pending(), state.wal_held)
        };
        if closed != self.closed && self.is_pending() {
            self.closed = closed;
            match (closed, self.flow.setup.window.as_ref().map_or("", Window::text)) {
                (true, window) => tracing::info!(window, "the copy waits for its hours"),
                (false, window) => tracing::info!(window, "these are the hours of the copy"),
            }
        }
        if paused != self.paused {
            self.paused = paused;
            match (paused, self.flow.setup.budget.pause_copy) {
                (true, limit) => {
                    tracing::warn!(bytes = held, limit, "the copy pauses: production holds too much WAL for our slot")
                }
                (false, _) => tracing::info!(bytes = held, "the copy goes on"),
            }
        }
        paused || closed
    }

    async fn slice(&mut self, stop: &mut Stop) -> Result<(), Error> {
        self.flow.board.works(Phase::Copying);
        // held between two transactions, with all that was read applied
        self.flow.catch_up().await?;
        self.note_copy();
        sink_postgres::failpoint::hit("slice.held");
        let progressed = self.copier.slice(&mut self.flow, stop).await?;
        // a slice holds the stream: one that can load nothing (a tester holds a row) comes again later and later
        self.fruitless = if progressed { 0 } else { self.fruitless + 1 };
        let wait = Duration::from_millis(if progressed { 0 } else { 100 << self.fruitless.min(6) });
        self.next_slice = Instant::now() + wait;
        if !self.is_pending() {
            self.flow.board.works(Phase::Streaming);
            self.copied = true;
        }
        self.count_orphans();
        Ok(())
    }
}

/// How far the sink has come, with more under way.
async fn told(feeder: &mut Option<Feeder>) -> Option<Progress> {
    match feeder {
        Some(feeder) => feeder.told().await,
        None => std::future::pending().await,
    }
}
