//! Runs of changes, and how far a target is.

use super::lsn::Lsn;
use super::op::Change;

/// The end of a source transaction inside a [`Batch`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Commit {
    /// How many of the batch's changes come before it.
    pub changes: usize,
    /// Where its commit record ends.
    pub lsn: Lsn,
    /// Where its commit record starts.
    pub begun: Lsn,
    /// The 32-bit transaction id.
    pub xid: u32,
    /// When it committed, microseconds since 2000-01-01 00:00 UTC.
    pub time: i64,
    /// Where its topic is read on behind it; `None`: it comes from none.
    pub read_on: Option<i64>,
}

/// A run of changes that is applied as a whole: production from `after` (exclusive) to `upto` (inclusive), both ends of
/// commits.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The changes, in production's order. May be empty: then only the position moves.
    pub changes: Vec<Change>,
    /// Where the target must stand for this batch to be the next.
    pub after: Lsn,
    /// Where it stands afterwards; `None` while the last source transaction in it is not over: the sink keeps its own
    /// transaction open, and the next batch goes on in it.
    pub upto: Option<Lsn>,
    /// Where the commit record of the source transaction starts that is not over at the end of the changes.
    pub open: Lsn,
    /// The source transactions that end in this batch, in order. A sink may cut the batch behind any of them.
    pub commits: Vec<Commit>,
    /// Where its topic is read on behind `upto`; `None`: it comes from none.
    pub read_on: Option<i64>,
}

/// How far a sink is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// Visible to the target's readers.
    pub applied: Lsn,
    /// On the target's disk. Only this may be confirmed to production (invariant 10).
    pub durable: Lsn,
}
