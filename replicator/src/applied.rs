//! Which transactions the stream has applied that a new snapshot of production may not show yet.
//!
//! A commit can reach the stream before it is visible to a new snapshot: its WAL record is flushed before the backend leaves
//! the list of running transactions, and a synchronous standby can stretch that to seconds. A snapshot that does not show
//! what the stream has applied already is older than the target, and no chunk may be read under it.

use crate::source::snapshot::{Snapshot, widen};

/// Transactions applied, as far as their visibility is not known.
#[derive(Debug, Default)]
pub struct Applied {
    recent: Vec<u32>,
    /// All below it are visible.
    seen: u64,
    /// None above it was applied.
    max: u64,
    /// From a run before this one only the ends are known: any transaction between them may have been applied.
    before: Option<(u64, u64)>,
    near: u64,
}

impl Applied {
    /// Goes on from what the checkpoint remembers, near a present snapshot of production.
    pub fn resume(seen: u64, max: u64, now: &Snapshot) -> Applied {
        let mut applied = Applied { recent: Vec::new(), seen, max, before: Some((seen, max)), near: now.xmax };
        applied.look(now);
        applied
    }

    /// A transaction is about to be applied.
    pub fn push(&mut self, xid: u32) {
        self.recent.push(xid);
        self.max = self.max.max(widen(xid, self.near));
    }

    /// A new snapshot was taken: forgets what it shows for sure.
    pub fn look(&mut self, now: &Snapshot) {
        self.near = now.xmax;
        if self.before.is_some_and(|b| shows_all(now, b)) {
            self.before = None;
        }
        self.recent.retain(|&xid| !now.shows(now.full(xid)));
        let oldest = self.recent.iter().map(|&xid| now.full(xid)).min();
        let before = self.before.map(|b| b.0);
        self.seen = now.xmin.min(oldest.unwrap_or(u64::MAX)).min(before.unwrap_or(u64::MAX)).max(self.seen);
    }

    /// Does the snapshot show everything that was applied? Call [`look`](Self::look) with it first.
    pub fn all_shown(&self) -> bool {
        self.recent.is_empty() && self.before.is_none()
    }

    /// What the checkpoint has to remember: all below the first are visible, none above the second was applied.
    pub fn ends(&self) -> (u64, u64) {
        (self.seen, self.max)
    }
}

fn shows_all(now: &Snapshot, (seen, max): (u64, u64)) -> bool {
    max < seen || max < now.xmax && !now.xip.iter().any(|x| (seen..=max).contains(x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_applied_must_be_shown() {
        let s = |t: &str| t.parse::<Snapshot>().unwrap();
        let mut a = Applied::resume(0, 0, &s("100:100:"));
        assert!(a.all_shown());
        a.push(100);
        a.look(&s("100:100:"));
        assert!(!a.all_shown(), "at or above xmax nothing is listed");
        a.look(&s("100:102:100"));
        assert!(!a.all_shown());
        assert_eq!(a.ends(), (100, 100));
        a.look(&s("102:102:"));
        assert!(a.all_shown());
    }

    #[test]
    fn a_restart_distrusts_all_between_the_ends() {
        let s = |t: &str| t.parse::<Snapshot>().unwrap();
        let mut a = Applied::resume(100, 110, &s("105:110:105"));
        assert!(!a.all_shown());
        a.look(&s("105:120:105,115"));
        assert!(!a.all_shown());
        assert_eq!(a.ends().0, 100);
        a.look(&s("115:120:115"));
        assert!(a.all_shown());
    }
}
