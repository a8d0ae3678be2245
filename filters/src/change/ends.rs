//! The two ends of the pipe.

use std::future::Future;
use std::sync::Arc;

use super::batch::{Batch, Progress};
use super::lsn::Lsn;
use super::op::Change;
use super::table::Table;

/// What the stream says next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A transaction begins. Its changes follow at once, then its commit: protocol 1 does not interleave them.
    Begin {
        /// The 32-bit transaction id.
        xid: u32,
        /// Where its commit record starts.
        lsn: Lsn,
        /// When it committed, microseconds since 2000-01-01 00:00 UTC.
        time: i64,
    },
    /// A change of the open transaction.
    Change(Change),
    /// A table's shape, as it is from here on. It can come again without being another.
    Schema(Arc<Table>),
    /// The open transaction is whole; this is a position to resume from.
    Commit {
        /// Where its commit record ends.
        lsn: Lsn,
        /// When it committed, microseconds since 2000-01-01 00:00 UTC.
        time: i64,
    },
    /// Nothing is in flight, and the stream has come this far.
    Idle(Lsn),
}

/// Where changes come from: a slot, a topic, a test's vector.
pub trait Source {
    /// What can go wrong.
    type Error;
    /// The next event. Cancel-safe: a dropped future has taken nothing.
    fn next(&mut self) -> impl Future<Output = Result<Event, Self::Error>> + Send;
    /// Everything up to here is durable elsewhere and need not be sent again.
    fn confirm(&mut self, lsn: Lsn);
}

/// Where changes go: a database, a topic, a test's memory.
pub trait Sink {
    /// What can go wrong.
    type Error;
    /// Takes over from whoever wrote before (a killed predecessor may still be committing), fences it, and says where
    /// the target stands.
    fn resume(&mut self) -> impl Future<Output = Result<Lsn, Self::Error>> + Send;
    /// Applies a batch, all or nothing. On an error nothing of it is visible, and the same batch may be tried again.
    fn apply(&mut self, batch: Batch) -> impl Future<Output = Result<Progress, Self::Error>> + Send;
    /// Makes all that was applied durable.
    fn flush(&mut self) -> impl Future<Output = Result<Progress, Self::Error>> + Send;
}
