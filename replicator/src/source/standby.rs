//! Slot and stream on a standby, everything else on the primary: why what comes of it is the state of one server.
//!
//! **The danger.** A standby that is promoted goes on streaming, on the same connection and without a word, with what is written on its new
//! timeline; and a primary that lives on beside it goes on exporting snapshots of the old one. Rows that are read under one
//! of those, and a stream of the other, would be loaded as one state.
//!
//! **The argument.**
//!
//! 1. A WAL sender of a server in recovery sends what that server has replayed, and nothing else. A promotion is one-way, and it always
//!    begins another timeline. So: if a standby says, *after* its stream has brought position L, that it replays timeline T, then all
//!    that came up to L is history of T. [`Standby::vouch`] asks that. `IDENTIFY_SYSTEM` tells it in one word: in recovery it is
//!    the timeline of the record that was replayed last, afterwards the one that is written, which is no older one; between the two there is
//!    nothing, since the WAL sender looks at the same flag before it sends. (`pg_control_checkpoint()` shows the one of the last
//!    restart point, and `pg_stat_wal_receiver` nothing while no primary is connected.) It is asked on a session that was opened with
//!    the same server as the stream and lives as long; who crashes and comes up as something else has ended both.
//! 2. A primary writes one timeline from its start to its end ([`Primary`](super::servers::Primary)). Each session that takes a snapshot, reads rows
//!    under it or names the end of WAL is asked once, when it is opened, whether it is with the server that was recognised at the start: same system
//!    identifier, timeline T, started at the same moment, not in recovery.
//! 3. Two servers of one system identifier that are on T share the history of T, so far as both have it.
//!
//! So both sides are one history, where the standby has vouched *before anything follows from what came*:
//!
//! - **Before a batch is applied**, a position that only moves included. So the checkpoint never holds a position of another
//!   timeline than it says, not for a moment: what a promoted standby sends before we notice is read, and thrown away. Therefore
//!   the switch to the new timeline lies at or behind the checkpoint, and whoever makes the promoted server production goes on from
//!   it, without a copy ([`continuity`] sees that its history contains our position, and the slot is there).
//! - **Before a slice reads**: when the stream has reached the nudge's position F, by a keepalive perhaps, which on a promoted server means
//!   nothing. Then the applied set equals the shown set in the history of T.
//! - **Not again before a part is loaded**, because nothing can change by then. What was applied is history of T, whatever becomes of the
//!   standby later; no batch is applied during a slice; the part was read under a snapshot of the primary, in a session that dies with it. Part and
//!   checkpoint stay states of one moment of T. And the promoted server has that moment in its own history: it had replayed up
//!   to there while it still vouched. So the next slice is refused, and what the last one has loaded is right on either side.
//! - **Before a new slot's position is written down**, since it may have been promoted while the slot was made.
//! - And once a second, so that an idle stream ends too.
//!
//! A standby that has more of T than its primary (the primary went back by a copy of its disk, without a new timeline) is
//! refused where it shows: F is behind what was applied. One that follows another server than the primary that is named is refused when the slot is
//! made, unless that other server has the same publications by the same numbers. Not told apart are two servers that were *both* started from one cold copy and
//! write the same timeline: nothing in PostgreSQL tells them apart.
//!
//! **What may take its time.** The standby replays later than the primary writes: a position that it has not reached is waited for
//! ([`Standby::reaches`]), never taken for one that is lost. While its replay stands still (`pg_wal_replay_pause`, a query that it waits for) nobody
//! waits with a snapshot of the primary in hand for longer than [`Patience`] allows.

use std::time::{Duration, Instant};

use filters::change::Lsn;
use tokio::sync::Mutex;
use wire::{Connection, Conninfo, Error as Wire};

use super::slot::{self, Slot, System};
use super::{continuity, production, publication};
use crate::error::{Doing, Error};

/// The standby may take this long for an answer. It is asked for what it has in memory.
const ANSWER: Duration = Duration::from_secs(30);
/// How far it is with its replay is asked this often.
const OFTEN: Duration = Duration::from_millis(20);
/// A replay that has not moved for so long while it had to stands still.
const STILL: Duration = Duration::from_secs(10);

/// A session on the standby that has the slot: a replication session, since only those are told the timeline that is replayed.
#[derive(Debug)]
pub struct Standby {
    db: Mutex<Connection>,
    /// What it was when it was recognised.
    pub system: System,
}

impl Standby {
    /// Opens it, whatever it is.
    pub async fn open(info: &Conninfo, pipeline: &str) -> Result<Standby, Error> {
        let mut db = production::guard(info, pipeline).await?;
        let system = slot::identify(&mut db).await.doing("identify the standby")?;
        Ok(Standby { db: Mutex::new(db), system })
    }

    /// Asks anew which timeline it replays.
    pub async fn identify(&mut self) -> Result<&System, Error> {
        self.system = slot::identify(self.db.get_mut()).await.doing("identify the standby")?;
        Ok(&self.system)
    }

    /// Refuses a stream that is with another server.
    pub async fn expect(&mut self, stream: &mut Connection) -> Result<(), Error> {
        slot::one_server(self.db.get_mut(), stream).await
    }

    /// Is all that its stream has brought by now history of the timeline that we know?
    pub async fn vouch(&self) -> Result<(), Error> {
        let mut db = self.db.lock().await;
        let now = answered(slot::identify(&mut db)).await?;
        if now == self.system {
            return Ok(());
        }
        let rows = answered(db.simple("SELECT pg_catalog.pg_is_in_recovery()")).await?;
        match rows.first().and_then(|r| r.get(0, 0)) {
            Some("t") => Err(Error::start_over("the standby follows another timeline; starting over")),
            _ => Err(Error::Parted(format!(
                "the standby of source.url was promoted: it writes timeline {} where it replayed {}; nothing that it has written since is on staging",
                now.timeline, self.system.timeline
            ))),
        }
    }

    /// The slot.
    pub async fn slot(&self, name: &str) -> Result<Option<Slot>, Error> {
        answered(slot::look(&mut *self.db.lock().await, name)).await
    }

    /// The publications of a fingerprint, as it shows them.
    pub async fn fingerprint(&self, of: &str) -> Result<String, Error> {
        let names: Vec<String> = continuity::publication_names(of).collect();
        answered(publication::fingerprint(&mut *self.db.lock().await, &names)).await
    }

    /// How it tells its primary which rows of the catalog a slot needs.
    pub async fn tells(&self, slot: &str) -> Result<Tells, Error> {
        let mut db = self.db.lock().await;
        let sql = format!(
            "SELECT CASE WHEN pg_catalog.current_setting('hot_standby_feedback') = 'on' THEN
                (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'wal_receiver_status_interval') END,
              pg_catalog.current_setting('primary_slot_name'),
              (SELECT catalog_xmin FROM pg_catalog.pg_replication_slots WHERE slot_name = {})",
            wire::quote_literal(slot)
        );
        let rows = answered(db.simple(&sql)).await?;
        let text = |i: usize| rows.first().and_then(|r| r.get(0, i));
        let every = text(0).and_then(|s| s.parse().ok()).filter(|seconds| *seconds > 0).map(Duration::from_secs);
        let [through, needs] = [1, 2].map(|i| text(i).unwrap_or_default().to_owned());
        Ok(Tells { every, through, needs: if needs.is_empty() { "0".into() } else { needs } })
    }

    /// How far it has replayed.
    pub async fn replayed(&self) -> Result<Lsn, Error> {
        let mut db = self.db.lock().await;
        let rows = answered(db.simple("SELECT pg_catalog.pg_last_wal_replay_lsn()")).await?;
        Ok(rows.first().and_then(|r| r.get(0, 0)).and_then(|l| l.parse().ok()).unwrap_or(Lsn::ZERO))
    }

    /// Waits until it has replayed up to there, for as long as `patience` has. Gives whether it has.
    pub async fn reaches(&self, at: Lsn, patience: &mut Patience) -> Result<bool, Error> {
        loop {
            let replayed = self.replayed().await?;
            if replayed >= at {
                return Ok(true);
            }
            if patience.is_over(replayed) {
                return Ok(false);
            }
            tokio::time::sleep(OFTEN).await;
        }
    }
}

/// See [`Standby::tells`].
pub struct Tells {
    /// How often; `None`: it does not.
    pub every: Option<Duration>,
    /// The primary's slot by which it keeps them; may be empty.
    pub through: String,
    /// The oldest transaction whose rows are needed.
    pub needs: String,
}

async fn answered<T>(asked: impl Future<Output = Result<T, Wire>>) -> Result<T, Error> {
    match tokio::time::timeout(ANSWER, asked).await {
        Ok(answer) => answer.doing("look at the standby"),
        Err(_) => Err(Wire::Timeout { action: "ask the standby".into(), after: ANSWER }).doing("look at the standby"),
    }
}

/// Vouches, where there is a standby to vouch. One server that is both needs nobody.
pub async fn vouched(standby: Option<&Standby>) -> Result<(), Error> {
    match standby {
        Some(standby) => standby.vouch().await,
        None => Ok(()),
    }
}

/// How long a replay is waited for: not for ever, and not at all once it stands still.
#[derive(Debug)]
pub struct Patience {
    until: Instant,
    still: Duration,
    at: Lsn,
    since: Instant,
}

impl Patience {
    /// For so long at most.
    pub fn of(most: Duration) -> Patience {
        Patience::from(Instant::now(), most)
    }

    fn from(now: Instant, most: Duration) -> Patience {
        Patience { until: now + most, still: STILL.min(most), at: Lsn::ZERO, since: now }
    }

    /// Is it over, with the replay at this position now?
    pub fn is_over(&mut self, replayed: Lsn) -> bool {
        self.is_over_at(Instant::now(), replayed)
    }

    fn is_over_at(&mut self, now: Instant, replayed: Lsn) -> bool {
        if replayed > self.at {
            (self.at, self.since) = (replayed, now);
        }
        now >= self.until || now >= self.since + self.still
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_ends_where_nothing_moves() {
        let began = Instant::now();
        let mut patience = Patience::from(began, Duration::from_secs(60));
        let mut over = |second: u64, lsn| patience.is_over_at(began + Duration::from_secs(second), Lsn(lsn));
        assert_eq!([over(1, 5), over(9, 5), over(10, 6), over(19, 6)], [false; 4], "it moves");
        assert_eq!([over(20, 6), over(20, 7), over(29, 7)], [true, false, false], "and stands still");
        assert_eq!([over(59, 8), over(60, 9)], [false, true], "and not for ever");
    }
}
