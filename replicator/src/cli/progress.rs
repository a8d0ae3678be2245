//! The copy while it runs, and in sum: bars on a terminal, a log line now and then elsewhere, a table at its end.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::print;
use super::table::table;
use crate::board::{Boards, State, TableCopy};
use crate::figures::{count, size, some, took};
use crate::telemetry;

/// Bars are drawn this often.
const DRAW: Duration = Duration::from_millis(100);
/// Without a terminal, a line this often.
const SAY: Duration = Duration::from_secs(10);
/// What is shorter is not worth a bar: a row that heals.
const SHORT: Duration = Duration::from_millis(500);

/// Shows the copy until it is told to end.
pub struct Progress {
    end: oneshot::Sender<()>,
    task: JoinHandle<()>,
    boards: Boards,
    began: Instant,
}

impl Progress {
    /// Begins to look at the boards.
    pub fn start(boards: &Boards) -> Progress {
        let (end, ended) = oneshot::channel();
        let task = tokio::spawn(watch(boards.clone(), ended));
        Progress { end, task, boards: boards.clone(), began: Instant::now() }
    }

    /// Takes the bars away, and prints the sum of a copy that has ended since the last look.
    pub async fn end(self) {
        let _ = self.end.send(());
        let _ = self.task.await;
    }

    /// The last line of `--until-caught-up`.
    pub async fn caught_up(self) {
        let (boards, began) = (self.boards.clone(), self.began);
        self.end().await;
        let Some(board) = boards.target().or(boards.source()) else { return };
        let state = board.state();
        let rows = state.tables.values().map(|t| t.rows).sum();
        let (copied, done) = match &boards {
            Boards::Capture(_) => (String::new(), "captured"),
            _ => (format!("{} copied, ", some(rows, "row", "rows")), "applied"),
        };
        print::talk(format_args!(
            "caught up at {}: {copied}{} {done} in {}",
            state.durable,
            some(state.changes, "change", "changes"),
            took(began.elapsed())
        ));
    }
}

async fn watch(boards: Boards, mut ended: oneshot::Receiver<()>) {
    let terminal = std::io::stderr().is_terminal();
    let mut bars: Option<Bars> = None;
    let mut since: Option<Instant> = None;
    let mut said = Instant::now();
    let mut summed = false;
    loop {
        let over = tokio::select! {
            _ = &mut ended => true,
            () = tokio::time::sleep(DRAW) => false,
        };
        let state = boards.target().map_or_else(State::default, |board| board.state().clone());
        let busy = state.tables.values().any(|t| !t.done);
        if busy && !over {
            let long = since.get_or_insert_with(Instant::now).elapsed() >= SHORT;
            if long && terminal {
                bars.get_or_insert_with(Bars::default).draw(&state, boards.trouble());
            } else if long && said.elapsed() >= SAY {
                said = Instant::now();
                say(&state, boards.trouble().as_deref());
            }
            continue;
        }
        since = None;
        if let Some(bars) = bars.take() {
            bars.clear();
        }
        // the first copy is the one that people wait for; a resync or a row that heals is in status
        if !busy && !summed && !state.tables.is_empty() {
            summed = true;
            let text = summary(&state.tables);
            telemetry::bars().suspend(|| print::talk(text));
        }
        if over {
            return;
        }
    }
}

fn say(state: &State, trouble: Option<&str>) {
    let (rows, of) = total(&state.tables);
    let done = state.tables.values().filter(|t| t.done).count();
    tracing::info!(rows, of, tables_done = done, tables = state.tables.len(), trouble, "copying");
}

/// Rows so far, and of how many, about.
fn total(tables: &BTreeMap<String, TableCopy>) -> (u64, u64) {
    let expected = |t: &TableCopy| if t.done { t.rows } else { t.estimate.max(t.rows) };
    (tables.values().map(|t| t.rows).sum(), tables.values().map(expected).sum())
}

#[derive(Default)]
struct Bars {
    tables: BTreeMap<String, ProgressBar>,
    total: Option<ProgressBar>,
    /// Why they do not move.
    trouble: Option<ProgressBar>,
}

impl Bars {
    fn draw(&mut self, state: &State, trouble: Option<String>) {
        let all = telemetry::bars();
        let width = state.tables.keys().map(|n| n.chars().count()).chain([5]).max().unwrap_or(5);
        let (rows, of) = total(&state.tables);
        let sum = self.total.get_or_insert_with(|| add(all, None, "total", width, of)).clone();
        sum.set_length(of);
        sum.set_position(rows);
        for (name, table) in &state.tables {
            if table.done {
                if let Some(bar) = self.tables.remove(name) {
                    bar.finish_and_clear();
                    all.remove(&bar);
                }
                continue;
            }
            let bar =
                self.tables.entry(name.clone()).or_insert_with(|| add(all, Some(&sum), name, width, table.estimate));
            bar.set_length(table.estimate.max(table.rows));
            bar.set_position(table.rows);
        }
        self.stands(all, trouble);
    }

    /// A line below them.
    fn stands(&mut self, all: &MultiProgress, trouble: Option<String>) {
        let Some(trouble) = trouble else {
            if let Some(line) = self.trouble.take() {
                line.finish_and_clear();
                all.remove(&line);
            }
            return;
        };
        let style = || ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
        let line = self.trouble.get_or_insert_with(|| all.add(ProgressBar::new(0).with_style(style())));
        line.set_message(trouble);
    }

    fn clear(self) {
        let all = telemetry::bars();
        for bar in self.tables.into_values().chain(self.total).chain(self.trouble) {
            bar.finish_and_clear();
            all.remove(&bar);
        }
        let _ = all.clear();
    }
}

fn add(all: &MultiProgress, before: Option<&ProgressBar>, name: &str, width: usize, of: u64) -> ProgressBar {
    let layout = "{prefix}  {bar:24}  {human_pos:>12} of about {human_len}  {rate}";
    let style = ProgressStyle::with_template(layout).unwrap_or_else(|_| ProgressStyle::default_bar());
    let style = style.with_key("rate", |now: &ProgressState, out: &mut dyn std::fmt::Write| {
        let _ = write!(out, "{} rows/s", count(now.per_sec() as u64));
    });
    let bar = ProgressBar::new(of).with_style(style).with_prefix(format!("{name:width$}"));
    match before {
        Some(last) => all.insert_before(last, bar),
        None => all.add(bar),
    }
}

/// Rows, bytes and time of each table, and of all.
fn summary(tables: &BTreeMap<String, TableCopy>) -> String {
    let span = |t: &TableCopy| t.time.map(|(from, to)| to.saturating_duration_since(from));
    let row = |name: &str, rows, bytes, time: Option<Duration>| {
        vec![name.to_owned(), count(rows), size(bytes), time.map_or_else(|| "–".into(), took)]
    };
    let mut lines: Vec<_> = tables.iter().map(|(name, t)| row(name, t.rows, t.bytes, span(t))).collect();
    if tables.len() > 1 {
        let ends = tables.values().filter_map(|t| t.time);
        let all = ends.clone().map(|t| t.0).min().zip(ends.map(|t| t.1).max());
        let sum = |of: fn(&TableCopy) -> u64| tables.values().map(of).sum();
        let time = all.map(|(from, to)| to.saturating_duration_since(from));
        lines.push(row("total", sum(|t| t.rows), sum(|t| t.bytes), time));
    }
    table(&["COPIED", ">ROWS", ">BYTES", ">TIME"], lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_a_copy() {
        let now = Instant::now();
        let copy = |rows, bytes, from, to| TableCopy {
            estimate: 5,
            rows,
            bytes,
            time: Some((now + Duration::from_secs(from), now + Duration::from_secs(to))),
            done: true,
            ..TableCopy::default()
        };
        let mut tables = BTreeMap::from([("public.a".to_owned(), copy(1_204, 52_000, 0, 2))]);
        assert_eq!(summary(&tables), "COPIED      ROWS   BYTES    TIME\npublic.a   1,204   51 kB   2.0 s");
        tables.insert("public.b".to_owned(), copy(2, 10, 1, 70));
        assert_eq!(summary(&tables).lines().last(), Some("total      1,206   51 kB   1 min 10 s"));
        assert_eq!(total(&tables), (1_206, 1_206));
        tables.insert("public.c".to_owned(), TableCopy { estimate: 100, rows: 1, ..TableCopy::default() });
        assert_eq!(total(&tables), (1_207, 1_306));
    }
}
