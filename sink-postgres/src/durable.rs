//! What of all that was applied is on the target's disk, without waiting for it.
//!
//! Commits are asynchronous, and production may hear of one only when it can no longer be lost. To make it so by a synchronous commit
//! now and then is to wait for the disk each time, with the session that applies. The server's WAL writer brings it there anyway, within
//! three times `wal_writer_delay` (<https://www.postgresql.org/docs/current/wal-async-commit.html>), so it is asked how far it has come.
//!
//! **Why that proves it.** The end of what is in the WAL's buffers, asked for in the same session behind a COMMIT that has returned, lies
//! at or behind that commit's record, and behind those of all commits before it. Once the end of what is flushed has reached
//! that, so have they. A crash of the target ends the session that was asked, and with it all that is remembered here.
//!
//! Where the target has synchronous standbys, its own disk is not all that a commit has to reach: then nothing is said here, and a
//! synchronous commit says it ([`flush`](filters::change::Sink::flush)). The same where the WAL writer takes its time ([`PATIENCE`]).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use filters::change::Lsn;

/// What the server is asked, behind a commit.
pub const ASK: &str = "SELECT pg_catalog.pg_current_wal_insert_lsn(), pg_catalog.pg_current_wal_flush_lsn(),
  pg_catalog.current_setting('synchronous_standby_names')";

/// Not with every commit.
const OFTEN: Duration = Duration::from_millis(20);
/// Longer than this nobody waits for the WAL writer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Commits that may not be there yet.
#[derive(Debug, Default)]
pub struct Durable {
    /// What was applied, and where the target's WAL ended then; in order.
    under_way: VecDeque<(Lsn, Lsn)>,
    asked: Option<Instant>,
    /// Since when nothing has come of it.
    since: Option<Instant>,
}

impl Durable {
    /// Is it time to ask again?
    pub fn is_due(&self) -> bool {
        self.asked.is_none_or(|at| at.elapsed() >= OFTEN)
    }

    /// The server's answer, given behind the commit of all up to `applied`: what of it is durable by now, if anything new is.
    pub fn heard(&mut self, applied: Lsn, told: &[String]) -> Option<Lsn> {
        self.heard_at(Instant::now(), applied, told)
    }

    fn heard_at(&mut self, now: Instant, applied: Lsn, told: &[String]) -> Option<Lsn> {
        // nothing is told where nothing was asked
        let [inserted, flushed, standbys] = told else { return None };
        let (Ok(inserted), Ok(flushed)) = (inserted.parse::<Lsn>(), flushed.parse::<Lsn>()) else { return None };
        self.asked = Some(now);
        if self.under_way.back().is_none_or(|(last, _)| *last < applied) {
            self.under_way.push_back((applied, inserted));
            self.since.get_or_insert(now);
        }
        let mut durable = None;
        while standbys.is_empty() && self.under_way.front().is_some_and(|(_, end)| *end <= flushed) {
            durable = self.under_way.pop_front().map(|(applied, _)| applied);
            self.since = (!self.under_way.is_empty()).then_some(now);
        }
        durable
    }

    /// Has nothing come of it for too long?
    pub fn is_overdue(&self) -> bool {
        self.since.is_some_and(|at| at.elapsed() >= PATIENCE)
    }

    /// All of it is there, proven in another way.
    pub fn all(&mut self) {
        self.under_way.clear();
        self.since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(inserted: &str, flushed: &str, standbys: &str) -> [String; 3] {
        [inserted, flushed, standbys].map(str::to_owned)
    }

    #[test]
    fn what_was_applied_is_durable_when_all_that_was_there_then_is() {
        let (mut durable, now) = (Durable::default(), Instant::now());
        let mut heard = |applied, inserted, flushed| durable.heard_at(now, Lsn(applied), &told(inserted, flushed, ""));
        assert_eq!(heard(10, "0/100", "0/50"), None);
        assert_eq!(heard(20, "0/200", "0/FF"), None, "a byte less");
        assert_eq!(heard(20, "0/300", "0/100"), Some(Lsn(10)));
        assert_eq!(heard(20, "0/400", "0/1FF"), None, "what has come behind it since is not waited for");
        assert_eq!(heard(30, "0/400", "0/200"), Some(Lsn(20)));
        assert_eq!(heard(40, "0/500", "0/500"), Some(Lsn(40)), "the last of several");
    }

    #[test]
    fn commits_that_come_without_a_question_do_not_put_the_next_one_off() {
        let mut durable = Durable::default();
        durable.heard(Lsn(10), &[]);
        assert!(durable.is_due());
        durable.heard(Lsn(20), &told("0/100", "0/50", ""));
        assert!(!durable.is_due());
    }

    #[test]
    fn standbys_have_a_say() {
        let (mut durable, now) = (Durable::default(), Instant::now());
        assert_eq!(durable.heard_at(now, Lsn(10), &told("0/100", "0/100", "s1")), None);
        assert_eq!(durable.heard_at(now, Lsn(10), &told("0/200", "0/200", "")), Some(Lsn(10)), "not any more");
    }
}
