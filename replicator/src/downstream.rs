//! Where changes go, as far as the moves on both ends have to see it: a target database, or a topic.
//!
//! [`flow`](crate::flow) and the alignment of a copy are the same over either. What a loop asks of its own kind of end beyond that
//! (a database is asked how far its disk is, a topic is not) it asks it itself.

use std::collections::BTreeMap;

use filters::change::Progress;
use sink_postgres::PostgresSink;
use sink_postgres::line::{Line, Noted};
use sink_postgres::pending::Pending;

use crate::board::Board;
use crate::error::Error;

/// Schema and name.
pub type Name = (String, String);

/// Where changes go.
pub trait Downstream: Send + Sized + 'static {
    /// Applies a batch, and what comes behind it in the line.
    fn apply_line(&mut self, first: Noted, line: &mut Line) -> impl Future<Output = Result<Progress, Error>> + Send;

    /// Tables, and what of each is pending.
    fn pending(&self) -> impl Iterator<Item = (&Name, &Pending)>;

    /// The same of one.
    fn pending_of(&self, name: &Name) -> Option<&Pending>;

    /// From here on nothing is known of a table's rows there.
    fn make_pending(&mut self, name: &Name, why: &str) -> impl Future<Output = Result<(), Error>> + Send;

    /// Takes back what there is of a source transaction that is not over.
    fn drop_pieces(&mut self) -> impl Future<Output = Result<(), Error>> + Send;

    /// Notes where the rows of production's table were, in the words of whoever looks there.
    fn note_rows(&mut self, name: &Name, rows: &str) -> impl Future<Output = Result<(), Error>> + Send;

    /// What was noted so of those of these tables that are not pending as a whole.
    fn noted_rows(&mut self, of: &[Name]) -> impl Future<Output = Result<Vec<(Name, Option<String>)>, Error>> + Send;

    /// Rows that were not as expected, and rows that went into quarantine, since this was last asked.
    fn take_counts(&mut self) -> (u64, u64);
}

/// Tells the board how many rows have a record of their own.
pub fn count<'p>(board: &Board, pending: impl Iterator<Item = (&'p Name, &'p Pending)>) {
    let (mut shadowed, mut tombstones, mut quarantined) = (0, 0, BTreeMap::new());
    for (name, pending) in pending {
        shadowed += pending.shadowed.len() as u64;
        tombstones += pending.tombstones.len() as u64;
        if pending.quarantined > 0 {
            quarantined.insert(format!("{}.{}", name.0, name.1), pending.quarantined);
        }
    }
    let mut state = board.state();
    (state.quarantined, state.shadowed, state.tombstones) = (quarantined, shadowed, tombstones);
}

impl Downstream for PostgresSink {
    async fn apply_line(&mut self, first: Noted, line: &mut Line) -> Result<Progress, Error> {
        Ok(PostgresSink::apply_line(self, first, line).await?)
    }

    fn pending(&self) -> impl Iterator<Item = (&Name, &Pending)> {
        PostgresSink::pending(self)
    }

    fn pending_of(&self, name: &Name) -> Option<&Pending> {
        PostgresSink::pending_of(self, name)
    }

    async fn make_pending(&mut self, name: &Name, why: &str) -> Result<(), Error> {
        Ok(PostgresSink::make_pending(self, name, why).await?)
    }

    async fn drop_pieces(&mut self) -> Result<(), Error> {
        Ok(PostgresSink::drop_pieces(self).await?)
    }

    async fn note_rows(&mut self, name: &Name, rows: &str) -> Result<(), Error> {
        Ok(PostgresSink::note_rows(self, name, rows).await?)
    }

    async fn noted_rows(&mut self, of: &[Name]) -> Result<Vec<(Name, Option<String>)>, Error> {
        Ok(PostgresSink::noted_rows(self, of).await?)
    }

    fn take_counts(&mut self) -> (u64, u64) {
        (self.take_diverged(), self.take_quarantined())
    }
}
