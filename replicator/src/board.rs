//! What is to be seen of a running pipeline, in one place: progress bars, metrics, readiness and the summary read it.

mod round;

pub use round::Round;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use filters::change::{Lsn, Table};

use crate::lag::Lag;

/// What the pipeline is doing.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Phase {
    /// Connecting, comparing, making the slot.
    #[default]
    Starting,
    /// Some table is pending.
    Copying,
    /// Everything is exact at the checkpoint.
    Streaming,
    /// Staging stands still, because somebody has asked for it: until when, who, and what for.
    Frozen(String),
    /// Between two refreshes (`schedule.every`).
    Resting,
    /// A server is out of reach; trying again.
    Retrying(String),
    /// Something stands in the way that will not go by itself.
    Held(String),
}

impl Phase {
    /// One word.
    pub fn word(&self) -> &'static str {
        match self {
            Phase::Starting => "starting",
            Phase::Copying => "copying",
            Phase::Streaming => "streaming",
            Phase::Frozen(_) => "frozen",
            Phase::Resting => "resting",
            Phase::Retrying(_) => "retrying",
            Phase::Held(_) => "held",
        }
    }

    /// Why it stands still, if it does.
    pub fn why(&self) -> Option<&str> {
        match self {
            Phase::Retrying(why) | Phase::Held(why) => Some(why),
            _ => None,
        }
    }
}

/// What an error is about.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Cause {
    /// Schema and name of a table.
    pub table: Option<String>,
    /// What a server said, in five characters.
    pub sqlstate: Option<String>,
}

/// The copy of one table.
#[derive(Clone, Debug, Default)]
pub struct TableCopy {
    /// Rows that the server estimates.
    pub estimate: u64,
    /// Rows copied in this run.
    pub rows: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Rows deleted on the target, because production has none such or another.
    pub deleted: u64,
    /// When its first chunk began and its last ended.
    pub time: Option<(Instant, Instant)>,
    /// Nothing of it is pending.
    pub done: bool,
}

/// The state of things.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// What it is doing.
    pub phase: Phase,
    /// Copies of this run, by `schema.table`.
    pub tables: BTreeMap<String, TableCopy>,
    /// Visible on the target.
    pub applied: Lsn,
    /// On the target's disk, and confirmed to production.
    pub durable: Lsn,
    /// The end of WAL that production has named.
    pub received: Lsn,
    /// When the last applied transaction committed on production, microseconds since 2000.
    pub source_time: i64,
    /// How far staging is behind; of a half, how far its own end is.
    pub lag: Lag,
    /// Of an apply: records of the topic that the target does not show yet, as far as is known.
    pub behind: Option<u64>,
    /// Changes applied in this run.
    pub changes: u64,
    /// Source transactions applied in this run.
    pub transactions: u64,
    /// Batches applied in this run.
    pub batches: u64,
    /// What has come of it: positions that the target has reached, and chunks that were loaded, in this run.
    pub steps: u64,
    /// WAL that production holds for our slot, bytes.
    pub wal_held: i64,
    /// It holds so much that no slice of the copy begins.
    pub paused: bool,
    /// No slice begins before the standby has replayed what the primary has written.
    pub still: bool,
    /// These are not the hours in which a slice may begin.
    pub closed: bool,
    /// When it was last said that it holds much.
    pub warned: Option<Instant>,
    /// Slices taken, and snapshots given up because the stream did not stand where they stood.
    pub slices: u64,
    /// See `slices`.
    pub retaken: u64,
    /// Rows of the target that were not as expected, in this run.
    pub divergences: u64,
    /// Rows in quarantine, by `schema.table`.
    pub quarantined: BTreeMap<String, u64>,
    /// Rows that were put there in this run.
    pub quarantined_ever: u64,
    /// Rows of production that staging's own rows keep away.
    pub shadowed: u64,
    /// Rows that production has deleted, and that staging's own refer to.
    pub tombstones: u64,
    /// Times that a sequence of the target was moved, in this run.
    pub sequences: u64,
    /// Values redacted because their mask could not read them.
    pub unparsable: u64,
    /// Of what it stands still, where an error names something.
    pub cause: Cause,
    /// Columns that are withheld until somebody classifies them: `schema.table.column`.
    pub withheld: BTreeSet<String>,
    /// Times that our slot was dropped by its budget, in this run.
    pub slots_dropped: u64,
    /// Number and hash of the run's last entry in the audit.
    pub audit: Option<(i64, String)>,
    /// Changes applied in this run by table, by OID.
    pub changed: HashMap<u32, (Arc<Table>, u64)>,
    /// Where staging stood when it was opened for the first time in this round.
    pub from: Option<Lsn>,
    /// It was frozen with all of it exact.
    pub frozen_exact: bool,
    /// The refresh that this is, or was; a run that streams has one.
    pub round: Round,
}

/// Why no slice begins: how [`State::said`] says it, and how a person reads it.
pub const WAITS: [(&str, &str); 3] = [
    ("/* the copy is paused */", "paused: the slot holds more than limits.wal.pause_copy"),
    ("/* the copy waits for its hours */", "waits for copy.window"),
    (
        "/* the copy waits for the standby */",
        "waits for the standby of source.url, whose replay stands still or is far behind",
    ),
];

impl State {
    /// How late staging is, and whether the copy pauses, for whoever looks at the session that asks production with it
    /// ([`Lag::said`]).
    pub fn said(&self) -> String {
        let waits = self.waits().filter(|_| self.phase == Phase::Copying).map_or("", |(said, _)| said);
        format!("{}{waits}", self.lag.said())
    }

    /// Which of [`WAITS`] keeps the copy waiting, if it has anything to do.
    pub fn waits(&self) -> Option<(&'static str, &'static str)> {
        let [paused, closed, still] = WAITS;
        match (self.paused, self.closed, self.still) {
            (true, ..) => Some(paused),
            (_, true, _) => Some(closed),
            (.., true) => Some(still),
            _ => None,
        }
    }

    /// Is it at work, or does it what it was asked for?
    pub fn works(&self) -> bool {
        matches!(self.phase, Phase::Copying | Phase::Streaming | Phase::Frozen(_) | Phase::Resting)
    }

    /// Does it stand still, as far as one knows?
    pub fn stands(&self) -> bool {
        self.phase.why().is_some()
    }

    /// Nothing is pending, as whoever asks has seen: it streams, unless it stands still. What stood still goes on only where it has
    /// caught up, or with its next step ([`State::step`]).
    pub fn streams(&mut self) {
        if self.lag.is_caught_up() || !self.stands() {
            self.phase = Phase::Streaming;
        }
    }

    /// Why it stands still, for whoever looks at the session that watches its slot meanwhile ([`stood`]).
    pub fn stands_said(&self) -> Option<String> {
        let why = match (&self.phase, self.round.due) {
            (Phase::Retrying(why) | Phase::Held(why), _) => why.clone(),
            (Phase::Resting, Some(due)) => {
                let left = due.saturating_duration_since(Instant::now());
                format!("the next refresh begins in {} s", left.as_secs())
            }
            _ => return None,
        };
        // nobody's words end the comment
        let why = why.replace('\0', "").replace("*/", "* /").replace("/*", "/ *");
        Some(format!("{STANDS}{}: {why} */", self.phase.word()))
    }

    /// It has come a step further: if it stood still, it does not any more.
    pub fn step(&mut self, pending: bool) {
        self.steps += 1;
        if self.stands() {
            self.phase = if pending { Phase::Copying } else { Phase::Streaming };
        }
    }
}

const STANDS: &str = "/* sluice is ";

/// One word and why, from a query with what [`State::stands_said`] says; a server may have cut it off.
pub fn stood(query: &str) -> Option<(String, String)> {
    let said = query.strip_prefix(STANDS)?;
    let (word, why) = said.split_once(": ")?;
    let why = why.split_once(" */").map_or_else(|| format!("{why}…"), |(why, _)| why.to_owned());
    Some((word.to_owned(), why))
}

/// Shared by whoever runs and whoever looks.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<State>>);

impl Board {
    /// Looks, or writes. Held for moments only.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// It is at work; but what stood still goes on only with its next step ([`State::step`]), else a try would look like
    /// a success.
    pub fn works(&self, phase: Phase) {
        let mut state = self.state();
        if !state.stands() {
            state.phase = phase;
        }
    }

    /// It stands still, and from here on it is late.
    pub fn stands(&self, phase: Phase) {
        self.stands_by(phase, Cause::default());
    }

    /// The same, and of what.
    pub fn stands_by(&self, phase: Phase, cause: Cause) {
        let mut state = self.state();
        state.lag.late();
        (state.phase, state.cause) = (phase, cause);
    }
}

/// What a process runs, and what is to be seen of it. With a topic between, each half is something by itself: one may stand still
/// while the other works.
#[derive(Clone, Debug)]
pub enum Boards {
    /// Production into the target.
    Through(Board),
    /// Production into a topic.
    Capture(Board),
    /// A topic into the target.
    Apply(Board),
    /// Both, with the topic between.
    Halves {
        /// Production into the topic.
        capture: Board,
        /// The topic into the target.
        apply: Board,
    },
}

impl Boards {
    /// Of what reads production's slot, where it is in this process.
    pub fn source(&self) -> Option<&Board> {
        match self {
            Boards::Through(board) | Boards::Capture(board) | Boards::Halves { capture: board, .. } => Some(board),
            Boards::Apply(_) => None,
        }
    }

    /// Of what writes the target.
    pub fn target(&self) -> Option<&Board> {
        match self {
            Boards::Through(board) | Boards::Apply(board) | Boards::Halves { apply: board, .. } => Some(board),
            Boards::Capture(_) => None,
        }
    }

    /// Each with its name; without a topic there is one, and it needs none.
    pub fn each(&self) -> Vec<(&'static str, &Board)> {
        match self {
            Boards::Through(board) => vec![("", board)],
            Boards::Capture(board) => vec![("capture", board)],
            Boards::Apply(board) => vec![("apply", board)],
            Boards::Halves { capture, apply } => vec![("capture", capture), ("apply", apply)],
        }
    }

    /// Until when, by whom and what for the target is frozen, if it is.
    pub fn frozen(&self) -> Option<String> {
        match &self.target()?.state().phase {
            Phase::Frozen(said) => Some(said.clone()),
            _ => None,
        }
    }

    /// Which of them stand still, and why, in one line.
    pub fn trouble(&self) -> Option<String> {
        let said = |(name, board): (&str, &Board)| {
            let state = board.state();
            let why = state.phase.why()?;
            let name = if name.is_empty() { String::new() } else { format!("{name} ") };
            Some(format!("{name}{}: {}", state.phase.word(), why.replace('\n', " ")))
        };
        let all: Vec<String> = self.each().into_iter().filter_map(said).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_it_stands_is_said_and_heard() {
        let mut state = State::default();
        assert_eq!(state.stands_said(), None);
        state.phase = Phase::Held("a /* b */ c".into());
        let said = state.stands_said().expect("it stands");
        assert_eq!(said.matches("*/").count(), 1, "{said}");
        assert_eq!(stood(&format!("{said} SELECT 1")), Some(("held".into(), "a / * b * / c".into())));
        assert_eq!(stood(&said[..said.len() - 6]), Some(("held".into(), "a / * b * …".into())), "cut off");
        assert_eq!(stood("SELECT 1"), None);
    }

    #[test]
    fn the_trouble_of_each_half_is_told() {
        let boards = Boards::Halves { capture: Board::default(), apply: Board::default() };
        assert_eq!(boards.trouble(), None);
        let stands = |board: Option<&Board>, phase| board.expect("a board").stands(phase);
        stands(boards.source(), Phase::Retrying("no\nbroker".into()));
        assert_eq!(boards.trouble().as_deref(), Some("capture retrying: no broker"));
        stands(boards.target(), Phase::Held("a right".into()));
        assert_eq!(boards.trouble().as_deref(), Some("capture retrying: no broker; apply held: a right"));
        let through = Boards::Through(Board::default());
        stands(through.target(), Phase::Held("a right".into()));
        assert_eq!(through.trouble().as_deref(), Some("held: a right"));
    }
}
