//! What a round counts: from where staging stood to where production was, once for a run that streams, again and again for one that
//! refreshes (`schedule.every`).

use std::sync::Arc;
use std::time::Instant;

use filters::change::{Batch, Lsn};

use super::{Board, Phase, State};

/// One way from where staging stood to where production was.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// Those before it, in this process.
    pub number: u64,
    /// When it began.
    pub began: Instant,
    /// When it had caught up; `None`: it has not, or goes on.
    pub ended: Option<Instant>,
    /// When the next one begins, if it rests.
    pub due: Option<Instant>,
}

impl Default for Round {
    fn default() -> Round {
        Round { number: 0, began: Instant::now(), ended: None, due: None }
    }
}

impl State {
    /// A batch is about to be applied.
    pub fn takes(&mut self, batch: &Batch) {
        self.changes += batch.changes.len() as u64;
        self.transactions += batch.commits.len() as u64;
        self.batches += 1;
        for run in batch.changes.chunk_by(|a, b| Arc::ptr_eq(&a.table, &b.table)) {
            if let Some(first) = run.first() {
                let (_, count) = self.changed.entry(first.table.oid).or_insert_with(|| (first.table.clone(), 0));
                *count += run.len() as u64;
            }
        }
        if let Some(last) = batch.commits.last() {
            self.source_time = last.time;
        }
    }

    /// It is open, and goes on from here.
    pub fn opens(&mut self, at: Lsn) {
        self.applied = at;
        self.from.get_or_insert(at);
    }
}

impl Board {
    /// A refresh has come to its end, and the next one begins then. From here on it is late.
    pub fn rests(&self, due: Instant) {
        let mut state = self.state();
        state.lag.late();
        state.phase = Phase::Resting;
        state.round.ended.get_or_insert_with(Instant::now);
        state.round.due = Some(due);
    }

    /// The next one begins. Until it is open nothing is otherwise than it was while it rested.
    pub fn begins(&self) {
        let mut state = self.state();
        state.from = None;
        state.round = Round { number: state.round.number + 1, ..Round::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::super::stood;
    use super::*;

    #[test]
    fn between_two_refreshes_it_says_when_the_next_one_begins() {
        let board = Board::default();
        board.state().lag.quiet(Lsn(1));
        board.state().opens(Lsn(7));
        board.rests(Instant::now() + std::time::Duration::from_millis(3_600_900));
        let said = board.state().stands_said().expect("it rests");
        assert_eq!(stood(&said), Some(("resting".into(), "the next refresh begins in 3600 s".into())));
        assert!(!board.state().lag.is_caught_up() && board.state().works());
        board.begins();
        let state = board.state();
        assert_eq!((&state.phase, state.round.number, state.from), (&Phase::Resting, 1, None));
        assert!(state.round.ended.is_none() && state.stands_said().is_none());
    }
}
