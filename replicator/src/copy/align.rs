//! Bringing the stream to stand exactly where a snapshot of production stands.
//!
//! **The argument.** Let S be a snapshot that shows every transaction that was applied (checked: otherwise S is older than
//! the target, look again). The *nudge*, a transaction of our own committed and flushed after S was taken, gives F: all
//! that S shows was committed before it, so its commit record lies before F. Reading the stream up to F, every transaction
//! that S shows comes by. If those that S shows are a prefix of what comes (no shown one behind one that is not), then
//! applying that prefix and stopping there makes the applied set equal to the shown set: the target's done ranges are
//! production's state in S. If they are no prefix (it happens: a commit's place in WAL and its visibility are two things),
//! S is dropped, what was read is applied, and it is tried again; that is a normal path.
//!
//! Where the stream is a standby's, F being reached proves nothing by itself: whether it was by the history that S is of, the standby
//! has to vouch for ([`standby`](crate::source::standby)). While its replay stands still S is not held for long.
//!
//! Locks come first: ACCESS SHARE on the slice's tables before S is taken, else a table that is rewritten or truncated in
//! between looks empty under S.

use std::time::{Duration, Instant};

use filters::change::{Event, Lsn, Source};
use wire::Connection;

use super::due::Due;
use super::exporter::Exporter;
use crate::downstream::Downstream;
use crate::error::{Doing, Error};
use crate::flow::Flow;
use crate::source::snapshot::Snapshot;
use crate::source::standby::{Patience, vouched};
use crate::source::wal;
use crate::stop::Stop;

/// Bytes of events that are looked at before their time, at most.
const LOOK_AHEAD: usize = 8 << 20;
/// A snapshot that does not show all that was applied is retaken after this; twice as long each time, up to 20 ms.
const RETAKE: Duration = Duration::from_millis(1);
/// After this, and so many snapshots, we let the loop go on, and try again later. Where each of them costs a second (a busy
/// machine, a transaction that stays prepared) the time alone would leave one try in each, and the copy would wait for ever: of
/// snapshots that are no prefix there may be eight in a row.
const PATIENCE: Duration = Duration::from_secs(5);
const TRIES: u32 = 12;
/// A standby may be so far behind, or a slice waits for another time.
const BEHIND: Duration = Duration::from_secs(10);
/// While the stream is silent a standby is asked this often how far it is.
const ASKED: Duration = Duration::from_millis(100);

/// What came of looking ahead.
enum Looked {
    /// So many events from the front are what S shows; they end with a commit.
    Prefix(usize),
    /// They are no prefix, or too much was read, or nothing came: another snapshot.
    Otherwise,
    /// The standby's replay does not get there.
    StandsStill,
}

/// A snapshot at which the stream stands.
pub struct Aligned {
    /// The session that holds S and the locks.
    pub exporter: Exporter,
    /// What other sessions say in SET TRANSACTION SNAPSHOT.
    pub name: String,
    /// S.
    pub snapshot: Snapshot,
}

/// Aligns, or gives up for now.
///
/// Of what is due, tables that somebody on production holds are left out.
pub async fn align<S: Downstream>(
    flow: &mut Flow<S>,
    due: &mut Vec<Due>,
    stop: &Stop,
) -> Result<Option<Aligned>, Error> {
    // without a snapshot in hand
    if !keeps_up(flow).await? {
        due.clear();
        return Ok(None);
    }
    let exporter = Exporter::open(&flow.setup).await?;
    let began = Instant::now();
    let mut pause = RETAKE;
    let mut taken = 0;
    loop {
        if stop.asked().is_some() {
            return Ok(None);
        }
        if began.elapsed() > PATIENCE && taken >= TRIES {
            tracing::info!(snapshots = taken, "none stood where the stream could stand: the copy is tried again later");
            return Ok(None);
        }
        let Some((name, snapshot)) = export(&mut *exporter.lock().await, due).await? else { return Ok(None) };
        taken += 1;
        flow.applied.look(&snapshot);
        if !flow.applied.all_shown() {
            // the stream is ahead of visibility: it ends by itself while the stream is held
            release(&mut *exporter.lock().await).await?;
            flow.board.state().retaken += 1;
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(20));
            continue;
        }
        let flushed = wal::nudge(&mut *flow.watch.lock().await).await?;
        sink_postgres::failpoint::hit("slice.exported");
        if flow.standby.is_some() && flushed < flow.batch.position() {
            vouched(flow.standby.as_deref()).await?;
            return Err(Error::Parted(format!(
                "the standby of source.url has sent WAL up to {}, and the primary has it up to {flushed} only: it went back, and they are two histories",
                flow.batch.position()
            )));
        }
        match look_ahead(flow, &snapshot, flushed).await? {
            Looked::Prefix(prefix) => {
                // F was reached; by the history that S is of?
                vouched(flow.standby.as_deref()).await?;
                flow.board.state().still = false;
                sink_postgres::failpoint::hit("slice.looked");
                for _ in 0..prefix {
                    let Some(event) = flow.ahead.pop_front() else { break };
                    flow.admit(event).await?;
                    if flow.batch.is_full() {
                        flow.settle().await?;
                    }
                }
                flow.settle().await?;
                return Ok(Some(Aligned { exporter, name, snapshot }));
            }
            Looked::Otherwise => {
                release(&mut *exporter.lock().await).await?;
                flow.board.state().retaken += 1;
                flow.catch_up().await?;
            }
            Looked::StandsStill => {
                release(&mut *exporter.lock().await).await?;
                stands_still(flow);
                flow.catch_up().await?;
                due.clear();
                return Ok(None);
            }
        }
    }
}

/// Does the standby that has the stream, if there is one, replay what the primary writes? Else a snapshot of the primary would be held
/// for nothing.
async fn keeps_up<S: Downstream>(flow: &mut Flow<S>) -> Result<bool, Error> {
    let Some(standby) = flow.standby.clone() else { return Ok(true) };
    let written = wal::nudge(&mut *flow.watch.lock().await).await?;
    let kept = standby.reaches(written, &mut Patience::of(BEHIND)).await?;
    if !kept {
        stands_still(flow);
    }
    Ok(kept)
}

/// Says it, once until a slice is aligned again.
fn stands_still<S>(flow: &Flow<S>) {
    let mut state = flow.board.state();
    if !std::mem::replace(&mut state.still, true) {
        tracing::warn!(
            "the copy waits for the standby of source.url: its replay stands still, or is far behind; no snapshot of the primary is held meanwhile"
        );
    }
}

/// Locks the tables, then takes and exports S. `None`: somebody holds locks against us on all of them.
async fn export(db: &mut Connection, due: &mut Vec<Due>) -> Result<Option<(String, Snapshot)>, Error> {
    let tables: Vec<String> = due.iter().map(wire_name).collect();
    let lock = format!("{BEGIN}; LOCK TABLE {} IN ACCESS SHARE MODE", tables.join(", "));
    if !locked(db.simple(&lock).await)? {
        release(db).await?;
        lock_one_by_one(db, due).await?;
        if due.is_empty() {
            release(db).await?;
            return Ok(None);
        }
    }
    let rows = db
        .simple("SELECT pg_catalog.pg_export_snapshot(), pg_catalog.pg_current_snapshot()::text")
        .await
        .doing("export a snapshot")?;
    let get = |i: usize| rows.first().and_then(|r| r.get(0, i)).unwrap_or_default().to_owned();
    let snapshot = get(1).parse().map_err(|_| Error::Bug("pg_current_snapshot() is not xmin:xmax:list".into()))?;
    Ok(Some((get(0), snapshot)))
}

/// A transaction that reads under one snapshot.
pub const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Locks those that nobody holds, and leaves the others out of what is due: one table that is held for hours must not keep
/// all others waiting.
async fn lock_one_by_one(db: &mut Connection, due: &mut Vec<Due>) -> Result<(), Error> {
    db.simple(BEGIN).await.doing("lock the tables of a slice")?;
    let mut free = Vec::with_capacity(due.len());
    for table in due.drain(..) {
        let lock = format!(
            "SAVEPOINT one; LOCK TABLE {} IN ACCESS SHARE MODE NOWAIT; RELEASE SAVEPOINT one",
            wire_name(&table)
        );
        if locked(db.simple(&lock).await)? {
            free.push(table);
        } else {
            tracing::info!(table = %table.compiled.input(), "locked on production; it is copied later");
            // released as well: no snapshot is exported from within one
            db.simple("ROLLBACK TO SAVEPOINT one; RELEASE SAVEPOINT one").await.doing("lock the tables of a slice")?;
        }
    }
    *due = free;
    Ok(())
}

/// Have we the lock? An error that is not a lock's is one.
fn locked<T>(tried: Result<T, wire::Error>) -> Result<bool, Error> {
    match tried {
        Ok(_) => Ok(true),
        // lock not available, deadlock, cancelled
        Err(e) if matches!(e.sqlstate(), Some("55P03" | "40P01" | "57014")) => Ok(false),
        // dropped, or renamed: what is to become of it the plan says
        Err(e) if matches!(e.sqlstate(), Some("42P01" | "3F000")) => {
            Err(Error::start_over("a table is gone; starting over"))
        }
        Err(e) => Err(e).doing("lock the tables of a slice"),
    }
}

fn wire_name(due: &Due) -> String {
    format!("{}.{}", wire::quote_ident(&due.name.0), wire::quote_ident(&due.name.1))
}

async fn release(db: &mut Connection) -> Result<(), Error> {
    db.simple("ROLLBACK").await.doing("release a snapshot").map(drop)
}

/// Reads the stream up to F into `flow.ahead`, applying nothing. How many events from the front S shows (ending with a
/// commit).
async fn look_ahead<S: Downstream>(flow: &mut Flow<S>, s: &Snapshot, flushed: Lsn) -> Result<Looked, Error> {
    let mut hole = None;
    let mut bytes = 0usize;
    let began = Instant::now();
    let (mut patience, mut asked) = (Patience::of(flow.setup.idle), began);
    loop {
        if flow.standby.is_some() && began.elapsed() > flow.setup.idle {
            return Ok(Looked::StandsStill);
        }
        let event = match tokio::time::timeout(Duration::from_millis(10), flow.stream.next()).await {
            Ok(event) => event?,
            Err(_) => {
                let late = began.elapsed() > PATIENCE;
                match &flow.standby {
                    Some(standby) if asked.elapsed() > ASKED => {
                        asked = Instant::now();
                        let replayed = standby.replayed().await?;
                        if replayed < flushed && patience.is_over(replayed) {
                            return Ok(Looked::StandsStill);
                        }
                        if replayed >= flushed && late {
                            return Ok(Looked::Otherwise);
                        }
                    }
                    None if late => return Ok(Looked::Otherwise),
                    _ => {}
                }
                flow.stream.ask_keepalive().await;
                continue;
            }
        };
        let reached = match &event {
            Event::Begin { lsn, .. } | Event::Commit { lsn, .. } | Event::Idle(lsn) => *lsn >= flushed,
            _ => false,
        };
        if let Event::Begin { xid, .. } = event {
            match s.shows(s.full(xid)) {
                // shown, behind one that is not: no prefix
                true if hole.is_some() => {
                    flow.ahead.push_back(event);
                    return Ok(Looked::Otherwise);
                }
                false if hole.is_none() => hole = Some(flow.ahead.len()),
                _ => {}
            }
        }
        if let Event::Change(change) = &event {
            bytes += change.size();
        }
        let opened = matches!(event, Event::Begin { .. });
        flow.ahead.push_back(event);
        if reached {
            // a transaction that only begins behind F is not shown
            return Ok(Looked::Prefix(hole.unwrap_or(flow.ahead.len() - usize::from(opened))));
        }
        if bytes > LOOK_AHEAD {
            return Ok(Looked::Otherwise);
        }
    }
}
