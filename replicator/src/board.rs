//! What is to be seen of a running pipeline, in one place: progress bars, metrics, readiness and the summary read it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use filters::change::Lsn;

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
            Phase::Retrying(_) => "retrying",
            Phase::Held(_) => "held",
        }
    }
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
    /// How far staging is behind.
    pub lag: Lag,
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

    /// Does it stand still, as far as one knows?
    pub fn stands(&self) -> bool {
        matches!(self.phase, Phase::Retrying(_) | Phase::Held(_))
    }

    /// It has come a step further: if it stood still, it does not any more.
    pub fn step(&mut self, pending: bool) {
        self.steps += 1;
        if self.stands() {
            self.phase = if pending { Phase::Copying } else { Phase::Streaming };
        }
    }
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
        let mut state = self.state();
        state.lag.late();
        state.phase = phase;
    }
}
