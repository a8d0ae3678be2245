//! The replication slot: made once, looked at at every start.

use filters::change::Lsn;
use wire::{Connection, Error, quote_ident, quote_literal};

use super::servers::Started;

/// Which server a replication session speaks to (`IDENTIFY_SYSTEM`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct System {
    /// Unique to the cluster, and to its physical copies.
    pub id: String,
    /// Grows with every promotion and point-in-time recovery.
    pub timeline: i32,
    /// The database.
    pub database: String,
}

/// The slot as `pg_replication_slots` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Decodes with pgoutput, for our database.
    pub ours: bool,
    /// The process that reads it.
    pub active_pid: Option<i32>,
    /// Up to here production need not send again.
    pub confirmed: Lsn,
    /// reserved, extended, unreserved, lost.
    pub wal_status: String,
    /// Why it is lost, as 17 and later say it (`invalidation_reason`).
    pub invalidated: Option<String>,
    /// Bytes of WAL that production keeps for it.
    pub held: i64,
    /// How far the WAL of the server that has it was on disk when we looked; on a standby, how far it was replayed.
    pub flushed: Lsn,
}

impl Slot {
    /// Why it can be read no more, if that is so.
    pub fn lost(&self) -> Option<&'static str> {
        let why = match self.invalidated.as_deref() {
            _ if self.wal_status != "lost" => return None,
            Some("wal_removed") => {
                "production removed WAL that staging still needs: the slot held more than max_slot_wal_keep_size"
            }
            Some("rows_removed") => {
                "on the standby rows had to be removed that it needs: hot_standby_feedback is off there, or its primary did not hear of it"
            }
            Some("wal_level_insufficient") => "wal_level was less than logical meanwhile",
            Some(IDLE) => "nobody read it for longer than production's idle_replication_slot_timeout",
            _ => {
                "production removed WAL that staging still needs (max_slot_wal_keep_size, or on a standby rows that it had to remove: hot_standby_feedback)"
            }
        };
        Some(why)
    }

    /// Was it taken away because nobody read it?
    pub fn idled(&self) -> bool {
        self.invalidated.as_deref() == Some(IDLE)
    }
}

/// What 18 and later take from whom nobody hears.
const IDLE: &str = "idle_timeout";

/// Asks a replication session which server it speaks to.
pub async fn identify(db: &mut Connection) -> Result<System, Error> {
    let rows = db.simple("IDENTIFY_SYSTEM").await?;
    let text = |i: usize| rows.first().and_then(|r| r.get(0, i)).unwrap_or("").to_owned();
    Ok(System { id: text(0), timeline: text(1).parse().unwrap_or(0), database: text(3) })
}

/// While an address moves from one server to another, two sessions may be with two of them: what one says of the slot would
/// be held against what the other says of its history. When a server was started tells them apart.
pub async fn one_server(one: &mut Connection, other: &mut Connection) -> Result<(), crate::error::Error> {
    Started::of(one).await?.expect(other).await
}

/// The end of the WAL that a server has: on a standby, what it has received, and what it has replayed from elsewhere.
pub const END: &str = "CASE WHEN pg_catalog.pg_is_in_recovery()
  THEN greatest(pg_catalog.pg_last_wal_receive_lsn(), pg_catalog.pg_last_wal_replay_lsn()) ELSE pg_catalog.pg_current_wal_lsn() END";

/// Looks at the slot, from a session of any kind with the server that has it.
pub async fn look(db: &mut Connection, name: &str) -> Result<Option<Slot>, Error> {
    // not with parameters: a replication session has none
    let sql = format!(
        "SELECT plugin = 'pgoutput' AND database = pg_catalog.current_database(), active_pid, confirmed_flush_lsn, wal_status,
           pg_catalog.pg_wal_lsn_diff({END}, restart_lsn)::bigint,
           CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_flush_lsn() END,
           pg_catalog.to_jsonb(s) ->> 'invalidation_reason'
         FROM pg_catalog.pg_replication_slots s WHERE slot_name = {}",
        quote_literal(name)
    );
    let rows = db.simple(&sql).await?;
    let row = rows.first().and_then(|rows| rows.first());
    Ok(row.map(|r| Slot {
        ours: r.get(0) == Some("t"),
        active_pid: r.get(1).and_then(|p| p.parse().ok()),
        confirmed: r.get(2).and_then(|l| l.parse().ok()).unwrap_or(Lsn::ZERO),
        wal_status: r.get(3).unwrap_or("lost").to_owned(),
        invalidated: r.get(6).map(str::to_owned),
        held: r.get(4).and_then(|h| h.parse().ok()).unwrap_or(0),
        flushed: r.get(5).and_then(|l| l.parse().ok()).unwrap_or(Lsn::ZERO),
    }))
}

/// Makes the slot on a replication session; gives the position from which it streams. Waits for every open writer of
/// the server, and blocks nobody. On 17 and later it survives a failover; but not one that is made on a standby, where the server
/// refuses to promise it: that one outlives the promotion of its own server, and of no other.
pub async fn create(db: &mut Connection, name: &str, on_standby: bool) -> Result<Lsn, Error> {
    let failover = if db.server_version() >= 170_000 && !on_standby { ", FAILOVER" } else { "" };
    let sql = format!("CREATE_REPLICATION_SLOT {} LOGICAL pgoutput (SNAPSHOT 'nothing'{failover})", quote_ident(name));
    let rows = db.simple(&sql).await?;
    let at = rows.first().and_then(|r| r.by_name(0, "consistent_point")).and_then(|l| l.parse().ok());
    at.ok_or(Error::Protocol("CREATE_REPLICATION_SLOT gave no consistent point"))
}

/// Drops it, though it is read, or being made: for whoever is fenced by now, or was killed. Such a WAL sender knows nothing of
/// that as long as it waits for a transaction of production.
pub async fn seize(db: &mut Connection, name: &str) -> Result<(), Error> {
    let end = "SELECT pg_catalog.pg_terminate_backend(active_pid) FROM pg_catalog.pg_replication_slots WHERE slot_name = $1 AND active";
    match db.query(end, &[Some(name)]).await {
        // another role's: it is waited for
        Err(e) if e.sqlstate() != Some("42501") => Err(e),
        _ => drop(db, name).await,
    }
}

/// Drops it; waits a little for a WAL sender that is just ending.
pub async fn drop(db: &mut Connection, name: &str) -> Result<(), Error> {
    let mut tries = 0;
    loop {
        match db.query("SELECT pg_catalog.pg_drop_replication_slot(slot_name) FROM pg_catalog.pg_replication_slots WHERE slot_name = $1", &[Some(name)]).await {
            Ok(_) => return Ok(()),
            // object in use
            Err(e) if e.sqlstate() == Some("55006") && tries < 50 => {
                tries += 1;
                tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            }
            Err(e) => return Err(e),
        }
    }
}
