//! The sessions on production, each under one list of settings and named `sluice/<pipeline>/<role>`.
//!
//! All but [`writer`]'s are read-only (invariant 6): what we do there by mistake fails.
//!
//! **What production does about a sluice that is gone, cut off, or hangs** is decided here. Whoever only looks has statements
//! that are short, so they have a time; whoever copies has not, and is bounded by what we must do ourselves while we live:
//!
//! | we | production sees | and ends it after |
//! |---|---|---|
//! | died | a socket that is closed, also amid a statement | 10 s (`client_connection_check_interval`, 14 and later) |
//! | are cut off | no answer to a probe; data that is not acknowledged | 90 s; the bound |
//! | hang with a transaction open | nothing said in it | the bound (`idle_in_transaction_session_timeout`) |
//! | hang amid a COPY | a window that stays shut | the bound (`tcp_user_timeout`): a server that waits for its client hears no `statement_timeout` |
//!
//! The last one is TCP's: over a unix socket a COPY waits for its client for ever. The stream has none of these bounds: it is
//! held on purpose, and its client speaks by itself (`wal_sender_timeout`).

use std::time::Duration;

use sink_postgres::session;
use wire::{Connection, Conninfo, Error as Wire};

use crate::error::{Doing, Error};

/// About 90 s for a peer that is gone; the default of most systems is two hours.
const PROBES: [(&str, &str); 3] =
    [("tcp_keepalives_idle", "60"), ("tcp_keepalives_interval", "10"), ("tcp_keepalives_count", "3")];

/// What a catalog's answer may take at worst. It is no measure of one: a statement that is ended comes again.
const LOOK: &str = "5min";

/// A statement looks this often whether somebody still waits for it.
const STILL_THERE: &str = "SET client_connection_check_interval = '10s'";

/// An ordinary session that reads.
pub async fn reader(info: &Conninfo, pipeline: &str, role: &str, more: &[(&str, &str)]) -> Result<Connection, Error> {
    let settings: Vec<_> = [("default_transaction_read_only", "on")].into_iter().chain(more.iter().copied()).collect();
    bounded(info, pipeline, role, LOOK, &settings).await
}

/// A session that makes publications, or drops our slot. It writes no table.
pub async fn writer(info: &Conninfo, pipeline: &str, role: &str, more: &[(&str, &str)]) -> Result<Connection, Error> {
    bounded(info, pipeline, role, LOOK, more).await
}

/// A session of the copy: its statements take as long as they take, and `idle` is how long production waits for a sign of us.
pub async fn copier(
    info: &Conninfo,
    pipeline: &str,
    role: &str,
    idle: Duration,
    more: &[(&str, &str)],
) -> Result<Connection, Error> {
    let settings: Vec<_> = [("statement_timeout", "0")].into_iter().chain(more.iter().copied()).collect();
    reader(info, pipeline, role, &idle_for(&format!("{}ms", idle.as_millis()), &settings)).await
}

/// The replication session, with `memory` bytes of its own for decoding.
pub async fn replication(info: &Conninfo, pipeline: &str, memory: u64) -> Result<Connection, Error> {
    let memory = format!("{}kB", memory / 1024);
    let mut more = vec![("logical_decoding_work_mem", memory.as_str()), ("wal_sender_timeout", "5min")];
    // whatever production has as its default: unread for an hour is what a held stream is
    more.push(("tcp_user_timeout", "0"));
    more.extend(PROBES);
    session::open(info, pipeline, "stream", true, &more).await.doing("connect for replication")
}

/// A second replication session beside the stream, on a standby: it is asked what the stream's server is ([`super::standby`]).
pub async fn guard(info: &Conninfo, pipeline: &str) -> Result<Connection, Error> {
    let mut more = vec![("tcp_user_timeout", "0")];
    more.extend(PROBES);
    session::open(info, pipeline, "standby", true, &more).await.doing("connect to the standby")
}

async fn bounded(
    info: &Conninfo,
    pipeline: &str,
    role: &str,
    look: &str,
    more: &[(&str, &str)],
) -> Result<Connection, Error> {
    // of a setting that comes twice the last one holds
    let mut settings = idle_for(LOOK, &[("statement_timeout", look)]);
    settings.extend(PROBES);
    settings.extend(more);
    let mut db = session::open(info, pipeline, role, false, &settings).await.doing("connect")?;
    if db.server_version() >= 140_000 {
        match db.simple(STILL_THERE).await {
            // a system whose sockets cannot tell
            Err(Wire::Server(e)) if e.sqlstate == "22023" => {}
            done => drop(done.doing("connect")?),
        }
    }
    Ok(db)
}

fn idle_for<'s>(idle: &'s str, more: &[(&'s str, &'s str)]) -> Vec<(&'s str, &'s str)> {
    let mut settings = vec![("idle_in_transaction_session_timeout", idle), ("tcp_user_timeout", idle)];
    settings.extend(more);
    settings
}
