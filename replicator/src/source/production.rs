//! The sessions on production, each under one list of settings and named `sluice/<pipeline>/<role>`.
//!
//! All but [`writer`]'s are read-only (invariant 6): what we do there by mistake fails.

use sink_postgres::session;
use wire::{Connection, Conninfo};

use crate::error::{Doing, Error};

/// An ordinary session that reads.
pub async fn reader(info: &Conninfo, pipeline: &str, role: &str, more: &[(&str, &str)]) -> Result<Connection, Error> {
    let settings: Vec<_> = [("default_transaction_read_only", "on")].into_iter().chain(more.iter().copied()).collect();
    session::open(info, pipeline, role, false, &settings).await.doing("connect")
}

/// A session that makes publications, or drops our slot. It writes no table.
pub async fn writer(info: &Conninfo, pipeline: &str, role: &str, more: &[(&str, &str)]) -> Result<Connection, Error> {
    session::open(info, pipeline, role, false, more).await.doing("connect")
}

/// The replication session, with `memory` bytes of its own for decoding.
pub async fn replication(info: &Conninfo, pipeline: &str, memory: u64) -> Result<Connection, Error> {
    let memory = format!("{}kB", memory / 1024);
    let more = [("logical_decoding_work_mem", memory.as_str()), ("wal_sender_timeout", "5min")];
    session::open(info, pipeline, "stream", true, &more).await.doing("connect for replication")
}
