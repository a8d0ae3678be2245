//! Once a second: is production there, is the slot within its budget, is the standby still one? Asked beside the loop, since a loop that
//! waits for the target hears nothing.

use std::time::Duration;

use tokio::sync::Mutex;
use wire::Connection;

use crate::board::Board;
use crate::error::{Doing, Error};
use crate::setup::Setup;
use crate::source::standby::Standby;

const EVERY: Duration = Duration::from_secs(1);

/// Ends when production does not answer as it should, or our slot holds more than it may. A server that shuts down ends this
/// session, but waits for its WAL sender, and that one waits for us.
///
/// The question carries how late staging is, as a comment: `pg_stat_activity` shows a session's query to its own role, so
/// `sluice status` can read it from anywhere, however little that role may, and nothing has to be written for it.
pub async fn ends(watch: &Mutex<Connection>, standby: Option<&Standby>, board: &Board, setup: &Setup) -> Error {
    loop {
        tokio::time::sleep(EVERY).await;
        if let Err(e) = beat(watch, standby, board, setup).await {
            return e;
        }
    }
}

/// Once of it.
async fn beat(watch: &Mutex<Connection>, standby: Option<&Standby>, board: &Board, setup: &Setup) -> Result<(), Error> {
    let (end, held) = beside_the_slot(watch, standby, board, setup, "pg_catalog.pg_current_wal_flush_lsn()").await?;
    if let Some(end) = end.and_then(|end| end.parse().ok()) {
        board.state().lag.mark(end);
    }
    setup.budget.weigh(&setup.slot, held, board)
}

/// Asks production for one value, and what our slot holds: in one question where one server has both, else the standby, which vouches
/// for the stream besides.
pub async fn beside_the_slot(
    watch: &Mutex<Connection>,
    standby: Option<&Standby>,
    board: &Board,
    setup: &Setup,
    value: &str,
) -> Result<(Option<String>, i64), Error> {
    let here = format!(
        ", (SELECT pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), restart_lsn)::bigint
            FROM pg_catalog.pg_replication_slots WHERE slot_name = {})",
        wire::quote_literal(&setup.slot)
    );
    let mut db = watch.lock().await;
    let said = board.state().said();
    let sql = format!("{said} SELECT {value}{}", if standby.is_some() { "" } else { &here });
    let rows = db.simple(&sql).await.doing("look at the server")?;
    drop(db);
    let text = |i: usize| rows.first().and_then(|r| r.get(0, i)).map(str::to_owned);
    let held = match standby {
        None => text(1).and_then(|held| held.parse().ok()).unwrap_or(0),
        Some(standby) => {
            standby.vouch().await?;
            standby.slot(&setup.slot).await?.map_or(0, |slot| slot.held)
        }
    };
    Ok((text(0), held))
}
