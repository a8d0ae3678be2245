//! Telling people and programs what happens to a pipeline: Slack, and webhooks.
//!
//! ```text
//!  boards ─► watch ─► gate ─► a queue for each receiver ─► deliver ─► HTTP
//!            what is   once     of 64                       tried again,
//!            otherwise in a                                 then given up
//!                      while
//! ```
//!
//! It looks at the boards, as `/metrics` does, so that nobody who works waits for it or knows of it: a receiver that hangs costs a place in its
//! queue. Told is what [`event`] lists: names, numbers and errors, none of which has a value of a row (invariant 5). When the process ends it has
//! `FAREWELL` to say so.

pub mod event;

mod deliver;
mod gate;
pub(crate) mod sign;
mod slack;
mod tally;
mod watch;

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::{mpsc, oneshot, watch as flag};
use tokio::task::{JoinHandle, JoinSet};

use crate::board::{Boards, State};
use crate::config::{Config, Told};
use crate::error::Error;
use crate::pipeline::End;
use crate::stop::{Stop, Why};
use crate::who;
use deliver::{Message, Receiver, Tried};
use event::{Event, Kind, Sender};
use gate::Gate;
use tally::Outcome;
pub use tally::{Outcome as What, Tally};
use watch::{Limits, Watch};

/// The boards are looked at this often.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// So long the end of a process waits for its last messages.
const FAREWELL: Duration = Duration::from_secs(3);

/// Tells what happens, from its start to [`Notifier::ends`].
pub struct Notifier(Option<Running>);

struct Running {
    /// What the end was.
    last: oneshot::Sender<Event>,
    task: JoinHandle<()>,
    boards: Boards,
    began: Instant,
}

impl Notifier {
    /// Begins to look and to tell. Does nothing where nobody is to be told.
    pub fn start(config: &Config, boards: &Boards, tally: Tally) -> Result<Notifier, Error> {
        if config.notify.receivers.is_empty() {
            return Ok(Notifier(None));
        }
        let desk = Desk::open(config, tally)?;
        let limits = Limits { wal_warn: config.limits.wal_warn as i64, lag: config.limits.lag };
        let (last, ends) = oneshot::channel();
        let task = tokio::spawn(desk.watch(boards.clone(), limits, config.notify.repeat, ends));
        Ok(Notifier(Some(Running { last, task, boards: boards.clone(), began: Instant::now() })))
    }

    /// Tells how it has ended. What this gives waits until that is heard, or no longer.
    pub fn ends(self, end: &Result<End, Error>, stop: &Stop) -> impl Future<Output = ()> + use<> {
        let patience = stop.left(FAREWELL);
        let task = self.0.map(|running| {
            let event = ended(&running.boards, running.began.elapsed(), end);
            let _ = running.last.send(event);
            running.task
        });
        async move {
            if let Some(task) = task {
                let _ = tokio::time::timeout(patience, task).await;
            }
        }
    }
}

fn ended(boards: &Boards, took: Duration, end: &Result<End, Error>) -> Event {
    let none = State::default();
    let target = boards.target().map(|board| board.state().clone());
    let state = target.as_ref().unwrap_or(&none);
    let seconds = took.as_secs_f64();
    let (rows, bytes) = state.tables.values().fold((0, 0), |(rows, bytes), t| (rows + t.rows, bytes + t.bytes));
    let mut facts = json!({
        "seconds": seconds,
        "position": state.applied.to_string(),
        "copied": { "rows": rows, "bytes": bytes, "tables": watch::copied(state) },
        "streamed": { "changes": state.changes, "transactions": state.transactions },
        "divergences": state.divergences,
        "in_quarantine": state.quarantined,
    });
    let done = format!("in {seconds:.0} s: {rows} rows copied, {} changes streamed", state.changes);
    match end {
        Ok(End::CaughtUp) => Event::new(Kind::Finished, "", format!("finished {done}"), facts),
        Ok(End::Stopped(Why::Timeout)) => {
            Event::new(Kind::Failed, "", format!("not done within its time, {done}"), facts)
        }
        Ok(End::Stopped(_)) => Event::new(Kind::Stopped, "", format!("stopped {done}"), facts),
        Err(e) => {
            facts["why"] = e.chain().into();
            facts["hint"] = e.hint().into();
            facts["exit_code"] = e.exit_code().into();
            Event::new(
                Kind::Failed,
                "",
                format!("ended with exit code {}: {}", e.exit_code(), e.chain().replace('\n', " ")),
                facts,
            )
        }
    }
}

/// Where events go out to their receivers.
struct Desk {
    of: Sender,
    lines: Vec<Line>,
    tasks: JoinSet<()>,
    ending: flag::Sender<bool>,
    tally: Tally,
}

/// A receiver's queue.
struct Line {
    name: String,
    slack: bool,
    events: Vec<Kind>,
    queue: mpsc::Sender<Message>,
}

impl Desk {
    fn open(config: &Config, tally: Tally) -> Result<Desk, Error> {
        let client = deliver::client().map_err(|e| Error::Bug(format!("no HTTP client: {e}")))?;
        let (ending, ends) = flag::channel(false);
        let mut desk = Desk { of: sender(config), lines: Vec::new(), tasks: JoinSet::new(), ending, tally };
        for told in &config.notify.receivers {
            let (queue, waiting) = mpsc::channel(deliver::ROOM);
            let to = receiver(told);
            desk.lines.push(Line { name: to.name.clone(), slack: told.slack, events: told.events.clone(), queue });
            desk.tasks.spawn(deliver::deliver(client.clone(), to, waiting, ends.clone(), desk.tally.clone()));
        }
        Ok(desk)
    }

    /// Looks at the boards until the end is known, and sees the last messages off.
    async fn watch(mut self, boards: Boards, limits: Limits, repeat: Duration, mut ends: oneshot::Receiver<Event>) {
        let mut gate = Gate::new(repeat);
        let mut watches: Vec<Watch> = boards.each().into_iter().map(|(half, _)| Watch::new(half, limits)).collect();
        let last = loop {
            let last = tokio::select! {
                last = &mut ends => Some(last.ok()),
                () = tokio::time::sleep(LOOK_EVERY) => None,
            };
            let now = Instant::now();
            for ((_, board), watch) in boards.each().into_iter().zip(&mut watches) {
                let state = board.state().clone();
                for event in watch.look(&state, now) {
                    self.tell(&mut gate, event, now, &boards);
                }
            }
            let due = if last.is_some() { gate.rest(now) } else { gate.due(now) };
            due.into_iter().for_each(|event| self.send(&event, &boards));
            if let Some(last) = last {
                break last;
            }
        };
        if let Some(event) = last {
            self.send(&event, &boards);
        }
        let _ = self.ending.send(true);
        self.lines.clear();
        while self.tasks.join_next().await.is_some() {}
    }

    fn tell(&self, gate: &mut Gate, event: Event, now: Instant, boards: &Boards) {
        let kind = event.kind;
        match gate.admit(event, now) {
            Some(event) => self.send(&event, boards),
            None => {
                let of = self.lines.iter().filter(|line| line.wants(kind));
                of.for_each(|line| self.tally.count(&line.name, Outcome::Suppressed));
            }
        }
    }

    fn send(&self, event: &Event, boards: &Boards) {
        let audit = boards.target().and_then(|board| board.state().audit.clone());
        let id = id();
        for line in self.lines.iter().filter(|line| line.wants(event.kind)) {
            let body = match line.slack {
                true => slack::body(event, &self.of),
                false => event::body(event, &id, &self.of, audit.as_ref()),
            };
            let message = Message { id: id.clone(), body: body.to_string().into_bytes() };
            if line.queue.try_send(message).is_err() {
                tracing::warn!(receiver = line.name, id, "a notification is given up: too many wait for this receiver");
                self.tally.count(&line.name, Outcome::Failed);
            }
        }
    }
}

impl Line {
    fn wants(&self, kind: Kind) -> bool {
        kind == Kind::Test || self.events.is_empty() || self.events.contains(&kind)
    }
}

fn sender(config: &Config) -> Sender {
    Sender { pipeline: config.pipeline.clone(), environment: config.target.environment.clone(), host: who::host() }
}

fn receiver(told: &Told) -> Receiver {
    Receiver { name: told.name.clone(), url: told.url.url(), key: told.key.clone() }
}

/// Any one that nobody has had before.
fn id() -> String {
    format!("msg_{:032x}", fastrand::u128(..))
}

/// Sends each receiver a message, once, and says of each what has come of it. For `check --notify`.
pub async fn test(config: &Config) -> Vec<(String, Result<(), String>)> {
    let client = match deliver::client() {
        Ok(client) => client,
        Err(e) => return vec![("notify".to_owned(), Err(e))],
    };
    let of = sender(config);
    let event = Event::new(Kind::Test, "", "a test: this receiver is heard", json!({}));
    let mut tried = Vec::new();
    for told in &config.notify.receivers {
        let id = id();
        let body = if told.slack { slack::body(&event, &of) } else { event::body(&event, &id, &of, None) };
        let message = Message { id, body: body.to_string().into_bytes() };
        let done = match deliver::attempt(&client, &receiver(told), &message).await {
            Tried::Taken => Ok(()),
            Tried::Later(why, _) | Tried::Never(why) => Err(why),
        };
        tried.push((told.name.clone(), done));
    }
    tried
}
