//! How far staging is behind production: the time since it last showed all that production had.
//!
//! Three things are heard. *Nothing is under way* (a keepalive with nothing in flight, a batch done and none behind it): it
//! shows everything, now. *Something is under way*: it is late from that moment on, not from when it was last looked at.
//! And production's **marks**: where its WAL ended at a time. A stream that never pauses has no moment at which nothing is
//! under way, but it goes by the marks, and what it has passed it shows: it is as late as the last of those is old.
//!
//! An apply that reads a topic has no marks of production's, but the times of the commits that it reads.
//!
//! Where the stream is a standby's, nothing under way does not mean that nothing is to come: the primary's marks say so.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use filters::change::Lsn;

/// Marks that are remembered; a target that is stuck passes none.
const MARKS: usize = 600;

/// Commits within it are one mark.
const GRAIN: Duration = Duration::from_millis(100);

const NOT_YET: &str = "/* staging has not caught up yet */";

/// What is known of it.
#[derive(Clone, Debug, Default)]
pub struct Lag {
    /// The marks are another server's than the stream.
    pub elsewhere: bool,
    /// Is nothing under way, as far as is known?
    caught_up: bool,
    /// When staging last showed all that production had.
    at: Option<Instant>,
    /// Production's WAL behind this is not shown yet.
    shown: Lsn,
    /// Where production's WAL ended, and when; the oldest first.
    marks: VecDeque<(Instant, Lsn)>,
}

impl Lag {
    /// Nothing is under way, and the stream has come to here.
    pub fn quiet(&mut self, at: Lsn) {
        if self.elsewhere && self.marks.back().is_some_and(|(_, end)| *end > at) {
            self.late();
            return self.shows(at);
        }
        (self.caught_up, self.at) = (true, Some(Instant::now()));
        self.shown = self.shown.max(at);
        self.marks.clear();
    }

    /// Something is under way.
    pub fn late(&mut self) {
        if std::mem::take(&mut self.caught_up) {
            self.at = Some(Instant::now());
        }
    }

    /// Production's WAL ends here, now.
    pub fn mark(&mut self, end: Lsn) {
        if self.elsewhere && end > self.shown {
            self.late();
        }
        if self.marks.len() < MARKS {
            self.marks.push_back((Instant::now(), end));
        }
    }

    /// Staging shows all before this.
    pub fn shows(&mut self, position: Lsn) {
        self.shown = self.shown.max(position);
        while let Some((then, _)) = self.marks.front().filter(|(_, end)| *end <= position) {
            self.at = self.at.max(Some(*then));
            self.marks.pop_front();
        }
    }

    /// A transaction that is not shown yet committed at that time, and production's WAL had come to `end` with it: known where the times
    /// of the commits come with what is read. It is as late as the oldest of those is old.
    pub fn commits(&mut self, at: Instant, end: Lsn) {
        if self.marks.is_empty() {
            self.at = Some(at);
        }
        self.caught_up = false;
        let full = self.marks.len() >= MARKS;
        match self.marks.back_mut() {
            // a little too late rather than a little too early: the older time stays
            Some((then, last)) if full || at.saturating_duration_since(*then) < GRAIN => *last = end.max(*last),
            _ => self.marks.push_back((at, end)),
        }
    }

    /// All of those up to here are shown.
    pub fn has_applied(&mut self, position: Lsn) {
        self.shows(position);
        if let Some((oldest, _)) = self.marks.front() {
            self.at = Some(*oldest);
        }
    }

    /// What was read and is not shown is read again.
    pub fn reads_again(&mut self) {
        self.late();
        self.marks.clear();
    }

    /// Does it show all now, as far as is known?
    pub fn is_caught_up(&self) -> bool {
        self.caught_up
    }

    /// How late it is; `None`: it has not shown all yet.
    pub fn time(&self) -> Option<Duration> {
        if self.caught_up { Some(Duration::ZERO) } else { self.at.map(|at| at.elapsed()) }
    }

    /// In words that [`heard`](Lag::heard) reads: a comment in a query, for whoever looks at the session that runs it.
    pub fn said(&self) -> String {
        match self.time() {
            Some(late) => format!("/* staging shows {}, {:.3} s behind */", self.shown, late.as_secs_f64()),
            None => NOT_YET.to_owned(),
        }
    }

    /// Position and seconds from a query with that comment; `Some(None)`: it has not shown all yet.
    pub fn heard(query: &str) -> Option<Option<(Lsn, f64)>> {
        if query.starts_with(NOT_YET) {
            return Some(None);
        }
        let (_, rest) = query.split_once("/* staging shows ")?;
        let (shown, rest) = rest.split_once(", ")?;
        let (seconds, _) = rest.split_once(" s behind */")?;
        Some(Some((shown.parse().ok()?, seconds.parse().ok()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ago(seconds: u64) -> Option<Instant> {
        Instant::now().checked_sub(Duration::from_secs(seconds))
    }

    #[test]
    fn late_counts_from_when_it_began_to_be() {
        let mut lag = Lag::default();
        assert_eq!(lag.time(), None);
        lag.late();
        assert_eq!(lag.time(), None, "late to what it never was");
        lag.quiet(Lsn(5));
        lag.at = ago(3600); // and then nothing happened for an hour
        assert_eq!(lag.time(), Some(Duration::ZERO));
        lag.late();
        assert!(lag.time().is_some_and(|late| late < Duration::from_secs(1)), "{lag:?}");
        lag.at = ago(7);
        lag.late();
        assert!(lag.time().is_some_and(|late| late >= Duration::from_secs(7)), "still late: {lag:?}");
    }

    #[test]
    fn a_standby_that_is_silent_has_not_caught_up() {
        let mut lag = Lag { elsewhere: true, ..Lag::default() };
        lag.quiet(Lsn(5));
        lag.mark(Lsn(5));
        assert!(lag.is_caught_up());
        lag.at = ago(9);
        lag.mark(Lsn(7));
        assert!(
            !lag.is_caught_up() && lag.time().is_some_and(|late| late < Duration::from_secs(1)),
            "since now: {lag:?}"
        );
        lag.at = ago(9);
        lag.quiet(Lsn(6));
        assert!(
            !lag.is_caught_up() && lag.time().is_some_and(|late| late < Duration::from_secs(1)),
            "it has passed one: {lag:?}"
        );
        lag.at = ago(9);
        lag.marks = [(ago(8).unwrap(), Lsn(7))].into();
        lag.quiet(Lsn(6));
        assert!(lag.time() >= Some(Duration::from_secs(9)), "and no other: {lag:?}");
        lag.quiet(Lsn(7));
        assert_eq!(lag.time(), Some(Duration::ZERO));
        let mut lag = Lag::default();
        lag.quiet(Lsn(5));
        lag.mark(Lsn(7));
        assert!(lag.is_caught_up(), "one server tells by itself");
    }

    #[test]
    fn a_stream_without_a_pause_is_as_late_as_the_last_mark_that_it_passed() {
        let mut lag = Lag { at: ago(600), ..Lag::default() };
        lag.marks = [(ago(9), 10), (ago(5), 20), (ago(1), 30)].map(|(at, end)| (at.unwrap(), Lsn(end))).into();
        lag.shows(Lsn(9));
        assert!(lag.time() >= Some(Duration::from_secs(600)));
        lag.shows(Lsn(25));
        assert!(lag.time().is_some_and(|late| (5..6).contains(&late.as_secs())), "{lag:?}");
        lag.shows(Lsn(12));
        assert_eq!((lag.shown, lag.marks.len()), (Lsn(25), 1), "never back");
        lag.quiet(Lsn(26));
        assert!(lag.marks.is_empty() && lag.is_caught_up());
        (0..2 * MARKS as u64).for_each(|n| lag.mark(Lsn(n)));
        assert_eq!(lag.marks.len(), MARKS);
    }

    #[test]
    fn one_that_reads_commits_is_as_late_as_the_oldest_that_it_does_not_show() {
        let seconds = |lag: &Lag| lag.time().map(|late| late.as_secs());
        let mut lag = Lag::default();
        lag.quiet(Lsn(5));
        lag.at = ago(3600);
        for (then, end) in [(90, 10), (90, 20), (60, 30), (1, 40)] {
            lag.commits(ago(then).unwrap(), Lsn(end));
        }
        assert_eq!((seconds(&lag), lag.marks.len()), (Some(90), 3), "{lag:?}");
        lag.has_applied(Lsn(10));
        assert_eq!(seconds(&lag), Some(90), "one of two of a moment");
        lag.has_applied(Lsn(20));
        assert_eq!(seconds(&lag), Some(60), "not since the last that it shows, but the first that it does not");
        lag.has_applied(Lsn(40));
        assert_eq!(seconds(&lag), Some(1), "nobody has said that this was all");
        lag.commits(ago(9).unwrap(), Lsn(50));
        lag.reads_again();
        lag.commits(ago(9).unwrap(), Lsn(50));
        assert_eq!((seconds(&lag), lag.marks.len()), (Some(9), 1));
        lag.quiet(Lsn(50));
        assert_eq!(seconds(&lag), Some(0));
        (0..2 * MARKS as u64).for_each(|n| lag.commits(ago(2 * MARKS as u64 - n).unwrap(), Lsn(100 + n)));
        assert_eq!((lag.marks.len(), seconds(&lag)), (MARKS, Some(2 * MARKS as u64)));
        lag.has_applied(Lsn(100 + 2 * MARKS as u64 - 1));
        assert!(lag.marks.is_empty(), "{lag:?}");
    }

    #[test]
    fn what_is_said_is_heard() {
        let mut lag = Lag::default();
        assert_eq!(Lag::heard(&lag.said()), Some(None));
        lag.quiet(Lsn(0x16_B374_D848));
        assert_eq!(Lag::heard(&format!("{} SELECT 1", lag.said())), Some(Some((Lsn(0x16_B374_D848), 0.0))));
        lag.late();
        lag.at = ago(2);
        assert!(
            Lag::heard(&lag.said()).flatten().is_some_and(|(_, late)| (2.0..3.0).contains(&late)),
            "{}",
            lag.said()
        );
        for other in ["", "/* staging shows 1, 2 s behind", "/* staging shows x, 2 s behind */"] {
            assert_eq!(Lag::heard(other), None, "{other}");
        }
    }
}
