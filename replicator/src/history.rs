//! The run as `sluice.runs` will tell of it ([`sink_postgres::runs`]): read from the board, and written beside the pipeline.
//!
//! A session of its own writes a line now and then, and once more at the end. Nothing waits for it but that last line, and not for
//! long: what cannot be written is lost, and the run goes on. A pipeline that refreshes (`schedule.every`) has a line for each refresh.

use std::time::{Duration, Instant};

use filters::change::Lsn;
use serde_json::{Map, Value, json};
use sink_postgres::runs::{self, Ended, Run};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use wire::Connection;

use crate::board::{Board, State, TableCopy};
use crate::config::{Config, table_name};
use crate::error::Error;
use crate::start;
use crate::stop::Stop;

/// The board is looked at this often.
const LOOK: Duration = Duration::from_millis(250);
/// A line is written this often.
const WRITE: Duration = Duration::from_secs(10);
/// Where there is no place for it yet (a first run), it is looked for again after this.
const AGAIN: Duration = Duration::from_secs(1);
/// The target may take this long.
const PATIENCE: Duration = Duration::from_secs(5);

/// Writes until it is told how the run has ended.
pub struct History {
    end: oneshot::Sender<Ended>,
    task: JoinHandle<()>,
}

impl History {
    /// Begins to look at the board of what writes the target. `verb`: as it was typed.
    pub fn start(config: &Config, verb: &'static str, board: &Board) -> History {
        let (end, ended) = oneshot::channel();
        let writer = Writer { config: config.clone(), verb, db: None, id: None, base: Base::of(&board.state()) };
        let task = tokio::spawn(writer.write(board.clone(), ended));
        History { end, task }
    }

    /// Writes the last line.
    pub async fn end(self, ended: Ended, stop: &Stop) {
        let _ = self.end.send(ended);
        let mut task = self.task;
        if tokio::time::timeout(stop.left(PATIENCE), &mut task).await.is_err() {
            task.abort();
            tracing::debug!("the target does not hear how this run has ended");
        }
    }
}

/// What the counters of the process were when this line began: they go on from refresh to refresh.
#[derive(Default)]
struct Base {
    number: u64,
    /// Where staging stood then, once it is known.
    from: Option<Lsn>,
    state: State,
}

impl Base {
    fn of(state: &State) -> Base {
        Base { number: state.round.number, from: state.from, state: state.clone() }
    }

    /// The same round as now, counted from what `rested` says of the time in which nothing happened.
    fn from(rested: Option<State>, state: &State) -> Base {
        let counted = rested.unwrap_or_else(|| state.clone());
        Base { state: State { round: state.round, ..counted }, ..Base::of(state) }
    }
}

struct Writer {
    config: Config,
    verb: &'static str,
    db: Option<Connection>,
    /// The line, once it stands there.
    id: Option<i64>,
    base: Base,
}

impl Writer {
    async fn write(mut self, board: Board, mut ended: oneshot::Receiver<Ended>) {
        // at once, so that a run that is killed has one, and a short one need not open a session at its end
        let mut due = Instant::now();
        // of this round, all is said; and how the counters stand while nothing happens
        let (mut told, mut rested) = (false, None);
        loop {
            let over = tokio::select! {
                over = &mut ended => Some(over),
                () = tokio::time::sleep(LOOK) => None,
            };
            let (number, caught_up) = {
                let state = board.state();
                if state.round.number == self.base.number {
                    self.base.from = self.base.from.or(state.from);
                }
                (state.round.number, state.round.ended.is_some())
            };
            if number != self.base.number {
                if !told {
                    self.line(&board, Some(CAUGHT_UP)).await;
                }
                self.base = Base::from(rested.take(), &board.state());
                (self.id, told, due) = (None, false, Instant::now());
            }
            if let Some(over) = over {
                if let (Ok(over), false) = (over, told) {
                    self.line(&board, Some(over)).await;
                }
                break;
            }
            if caught_up && !told {
                self.line(&board, Some(CAUGHT_UP)).await;
                (told, rested) = (true, Some(board.state().clone()));
                // nobody is to be seen there while it rests
                self.close().await;
            } else if !told && Instant::now() >= due {
                due = Instant::now() + if self.line(&board, None).await { WRITE } else { AGAIN };
            }
        }
        self.close().await;
    }

    async fn close(&mut self) {
        if let Some(db) = self.db.take() {
            db.close().await;
        }
    }

    /// Writes a line, or writes it anew. Gives whether it stands there.
    async fn line(&mut self, board: &Board, ended: Option<Ended>) -> bool {
        let run = run(&board.state(), &self.base, ended);
        match tokio::time::timeout(PATIENCE, self.tell(&run)).await {
            Ok(Ok(told)) => told,
            failed => {
                if let Ok(Err(e)) = failed {
                    tracing::debug!(error = e.chain(), "sluice.runs is not written");
                }
                false
            }
        }
    }

    async fn tell(&mut self, run: &Run) -> Result<bool, Error> {
        // taken, so that one that is given up amid a statement is asked nothing more
        let mut db = match self.db.take() {
            Some(db) => db,
            None => {
                let target = start::ends::target_alone(&self.config)?;
                let settings = [("lock_timeout", "2s"), ("synchronous_commit", "off")];
                start::ends::target(&self.config, &target, "history", &settings).await?
            }
        };
        let pipeline = &self.config.pipeline;
        let id = match self.id {
            Some(id) => id,
            None if !runs::is_there(&mut db).await? => {
                self.db = Some(db);
                return Ok(false);
            }
            None => {
                for (begun, seen) in runs::killed(&mut db, pipeline).await? {
                    tracing::warn!(
                        begun,
                        last_seen = seen,
                        "the run before this one was killed, or could not say how it ended"
                    );
                }
                runs::begin(&mut db, pipeline, self.verb, env!("CARGO_PKG_VERSION"), run).await?
            }
        };
        self.id = Some(id);
        runs::update(&mut db, id, run).await?;
        self.db = Some(db);
        Ok(true)
    }
}

const CAUGHT_UP: Ended = Ended { outcome: "caught up", exit_code: None, why: None };

/// What has come of it since the line began.
fn run(state: &State, base: &Base, ended: Option<Ended>) -> Run {
    let round = state.round;
    let until = round.ended.filter(|_| round.number == base.number).unwrap_or_else(Instant::now);
    let was = &base.state;
    let copies: Vec<(&String, Copied)> = state
        .tables
        .iter()
        .map(|(name, copy)| (name, Copied::of(copy, was.tables.get(name), was.round.began)))
        .collect();
    let mut tables = Map::new();
    for (name, copied) in copies.iter().filter(|(_, copied)| copied.rows > 0) {
        let told =
            json!({ "copied_rows": copied.rows, "copied_bytes": copied.bytes, "copy_seconds": copied.seconds() });
        tables.insert((*name).clone(), told);
    }
    for (oid, (table, count)) in &state.changed {
        let changes = count.saturating_sub(was.changed.get(oid).map_or(0, |(_, count)| *count));
        if changes > 0 {
            let of = tables.entry(table_name(&table.schema, &table.name)).or_insert_with(|| json!({}));
            if let Value::Object(of) = of {
                of.insert("changes".to_owned(), changes.into());
            }
        }
    }
    let spans = copies.iter().filter_map(|(_, copied)| copied.span);
    let span = spans.clone().map(|(from, _)| from).min().zip(spans.map(|(_, to)| to).max());
    Run {
        seconds: until.saturating_duration_since(was.round.began).as_secs_f64(),
        from: base.from.or(state.from).map(|at| at.to_string()),
        upto: base.from.or(state.from).map(|_| state.applied.to_string()),
        changes: state.changes - was.changes,
        transactions: state.transactions - was.transactions,
        copied_rows: copies.iter().map(|(_, copied)| copied.rows).sum(),
        copied_bytes: copies.iter().map(|(_, copied)| copied.bytes).sum(),
        copy_seconds: span.map_or(0.0, |(from, to)| to.saturating_duration_since(from).as_secs_f64()),
        divergences: state.divergences - was.divergences,
        quarantined: state.quarantined_ever - was.quarantined_ever,
        tables: Value::Object(tables),
        ended,
    }
}

/// What was copied of a table since then.
struct Copied {
    rows: u64,
    bytes: u64,
    span: Option<(Instant, Instant)>,
}

impl Copied {
    fn of(copy: &TableCopy, was: Option<&TableCopy>, since: Instant) -> Copied {
        Copied {
            rows: copy.rows.saturating_sub(was.map_or(0, |was| was.rows)),
            bytes: copy.bytes.saturating_sub(was.map_or(0, |was| was.bytes)),
            span: copy.time.filter(|(_, to)| *to > since).map(|(from, to)| (from.max(since), to)),
        }
    }

    fn seconds(&self) -> f64 {
        self.span.map_or(0.0, |(from, to)| to.saturating_duration_since(from).as_secs_f64())
    }
}

/// How the process ends, in a word or two.
pub fn ended(outcome: &'static str, done: &Result<(), Error>) -> Ended {
    match done {
        Ok(()) => Ended { outcome, exit_code: Some(0), why: None },
        Err(e) => Ended { outcome, exit_code: Some(e.exit_code()), why: Some(e.chain()) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::Phase;

    #[test]
    fn a_refresh_tells_of_itself_alone() {
        let board = Board::default();
        let now = Instant::now();
        {
            let mut state = board.state();
            state.opens(Lsn(16));
            (state.changes, state.applied, state.divergences) = (7, Lsn(32), 1);
            let time = Some((now, now + Duration::from_millis(1)));
            let copy = TableCopy { rows: 100, bytes: 1000, time, ..TableCopy::default() };
            state.tables.insert("public.a".into(), copy);
        }
        let first = run(&board.state(), &Base::default(), None);
        assert_eq!((first.changes, first.copied_rows, first.copied_bytes), (7, 100, 1000));
        assert_eq!((first.from.as_deref(), first.upto.as_deref()), (Some("0/10"), Some("0/20")));
        assert_eq!(first.tables["public.a"]["copied_rows"], 100);
        board.rests(now);
        let rested = board.state().clone();
        board.begins();
        let base = Base::from(Some(rested), &board.state());
        {
            let mut state = board.state();
            state.opens(Lsn(32));
            state.changes += 2;
            if let Some(copy) = state.tables.get_mut("public.a") {
                (copy.rows, copy.time) = (103, copy.time.map(|(from, _)| (from, Instant::now() + LOOK)));
            }
            state.phase = Phase::Streaming;
        }
        let second = run(&board.state(), &base, Some(CAUGHT_UP));
        assert_eq!((second.changes, second.copied_rows, second.divergences), (2, 3, 0));
        assert_eq!(second.from.as_deref(), Some("0/20"));
        assert!(second.copy_seconds > 0.0 && second.copy_seconds <= 1.0, "{}", second.copy_seconds);
        assert_eq!(second.ended, Some(CAUGHT_UP));
    }
}
