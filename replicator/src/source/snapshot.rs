//! Snapshots of production: what they show, told by transaction ids.

use std::str::FromStr;

use wire::Connection;

use crate::error::{Doing, Error};

/// A snapshot as `pg_current_snapshot()` writes it: `xmin:xmax:xip,xip…`, 64-bit transaction ids.
/// (<https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SNAPSHOT>)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// All below it have ended.
    pub xmin: u64,
    /// None at or above it is visible.
    pub xmax: u64,
    /// In progress between the two. An open transaction need not stand here: at or above `xmax` none is listed.
    pub xip: Vec<u64>,
}

/// Not of the form `xmin:xmax:list`.
#[derive(Debug, thiserror::Error)]
#[error("the server's snapshot is not of the form xmin:xmax:list")]
pub struct NotASnapshot;

impl FromStr for Snapshot {
    type Err = NotASnapshot;

    fn from_str(s: &str) -> Result<Snapshot, NotASnapshot> {
        let mut parts = s.split(':');
        let mut next = || parts.next().ok_or(NotASnapshot);
        let number = |t: &str| t.parse::<u64>().map_err(|_| NotASnapshot);
        let (xmin, xmax, list) = (number(next()?)?, number(next()?)?, next()?);
        let xip = list.split(',').filter(|t| !t.is_empty()).map(number).collect::<Result<_, _>>()?;
        Ok(Snapshot { xmin, xmax, xip })
    }
}

impl Snapshot {
    /// Does it show what this (committed) transaction did?
    pub fn shows(&self, xid: u64) -> bool {
        xid < self.xmax && !self.xip.contains(&xid)
    }

    /// A 32-bit id from the stream in full: the one of that low half that is nearest to this snapshot's xmax.
    pub fn full(&self, xid: u32) -> u64 {
        widen(xid, self.xmax)
    }
}

/// A snapshot of this moment; nothing is held by it.
pub async fn now(db: &mut Connection) -> Result<Snapshot, Error> {
    let rows = db.simple("SELECT pg_catalog.pg_current_snapshot()::text").await.doing("read the snapshot")?;
    let text = rows.first().and_then(|r| r.get(0, 0)).unwrap_or_default();
    text.parse().map_err(|_| Error::Bug("pg_current_snapshot() is not xmin:xmax:list".into()))
}

/// An id that is above every transaction open now: rows written before a table joined the publication belong to one below.
pub async fn next_xid(db: &mut Connection) -> Result<u64, Error> {
    let rows = db.simple("SELECT pg_catalog.pg_current_xact_id()::text").await.doing("take a transaction id")?;
    let text = rows.first().and_then(|r| r.get(0, 0)).unwrap_or_default();
    text.parse().map_err(|_| Error::Bug("pg_current_xact_id() is no number".into()))
}

/// The 64-bit id with this low half that is nearest to `near`.
pub fn widen(xid: u32, near: u64) -> u64 {
    let guess = near & !0xffff_ffff | u64::from(xid);
    const HALF: u64 = 1 << 31;
    if guess > near + HALF {
        guess.saturating_sub(1 << 32)
    } else if guess + HALF < near {
        guess + (1 << 32)
    } else {
        guess
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_transaction_need_not_be_listed() {
        let s: Snapshot = "726:729:726,727".parse().unwrap();
        for (xid, want) in [(725, true), (726, false), (727, false), (728, true), (729, false), (900, false)] {
            assert_eq!(s.shows(xid), want, "{xid}");
        }
        assert!(!"726:726:".parse::<Snapshot>().unwrap().shows(726));
        for bad in ["", "1", "1:2", "a:2:", "1:2:x"] {
            assert!(bad.parse::<Snapshot>().is_err(), "{bad}");
        }
    }

    #[test]
    fn ids_are_widened_across_the_wrap() {
        assert_eq!(widen(5, (6 << 32) + 10), (6 << 32) + 5);
        assert_eq!(widen(0xffff_fff0, (6 << 32) + 10), (5 << 32) + 0xffff_fff0);
        assert_eq!(widen(3, (5 << 32) + 0xffff_fff0), (6 << 32) + 3);
        assert_eq!(widen(7, 9), 7);
    }
}
