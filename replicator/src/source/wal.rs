//! The end of production's WAL.

use filters::change::Lsn;
use wire::Connection;

use crate::error::{Doing, Error};

/// The *nudge*: an empty logical message, committed and flushed; gives how far WAL is on disk then. No right is needed, it
/// is not published, and WAL that an open transaction of somebody else has written but nobody flushes is flushed with it.
pub async fn nudge(db: &mut Connection) -> Result<Lsn, Error> {
    db.simple("SET synchronous_commit = local; SELECT pg_catalog.pg_logical_emit_message(true, 'sluice', '')")
        .await
        .doing("nudge the WAL")?;
    end(db).await
}

/// How far WAL is on disk.
pub async fn end(db: &mut Connection) -> Result<Lsn, Error> {
    let rows = db.simple("SELECT pg_catalog.pg_current_wal_flush_lsn()").await.doing("read the WAL's end")?;
    rows.first().and_then(|r| r.get(0, 0)).and_then(|l| l.parse().ok()).ok_or_else(|| Error::Bug("no flush LSN".into()))
}
