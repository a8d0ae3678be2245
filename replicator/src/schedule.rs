//! A refresh, not a stream (`schedule.every`): up to what production had when it began, and then nothing until the next one is due.
//!
//! There are never two at a time: it is one loop that refreshes and rests in turn. A refresh is due so long after the one before it
//! *began*; one that took longer is followed at once, and what was missed is not made up for. The time is one that nobody sets (it stands
//! still while the machine sleeps), so a clock that is put forward or back makes no refresh come early, late, or twice.
//!
//! While it rests there is no session on the target and none that reads the slot, which holds production's WAL all the while. So it is
//! weighed as ever, by a session of the [`Watcher`]'s own, and the slot goes where it holds more than it may: the next refresh makes
//! another, and brings staging up to date in chunks.

use std::time::Instant;

use crate::board::Board;
use crate::budget::Watcher;
use crate::config::{Config, Files, Lock};
use crate::error::Error;
use crate::run::{give_up, reread};
use crate::start;
use crate::stop::{Stop, Why};

/// Rests until the next refresh is due, or somebody asks for an end: then it says why. Files that are read again meanwhile hold for
/// the time of the next refresh too; without an interval any more it begins at once, and goes on as a stream.
pub(crate) async fn rest(
    (files, config, lock): (&Files, &mut Config, &mut Option<Lock>),
    board: &Board,
    stop: &mut Stop,
    watcher: &mut Watcher,
    given_up: &mut bool,
) -> Result<Option<Why>, Error> {
    let began = board.state().round.began;
    tracing::info!(at = %board.state().durable, took_ms = began.elapsed().as_millis() as u64, "refreshed");
    let (mut dropped, mut said) = (false, None);
    while let Some(every) = config.every {
        let due = began + every;
        let left = due.saturating_duration_since(Instant::now());
        if !dropped {
            board.rests(due);
        }
        if left.is_zero() {
            if said.is_none() {
                let every_s = every.as_secs();
                tracing::warn!(every_s, "the refresh took longer than schedule.every: the next one begins at once");
            }
            break;
        }
        if said.replace(due) != Some(due) {
            tracing::info!(left_s = left.as_secs(), "resting until the next refresh");
        }
        tokio::select! {
            why = stop.wait() => match why {
                Why::Reread => {
                    stop.rereads();
                    if let Some(read) = reread(files, config) {
                        (*config, *lock) = read;
                        *watcher = start::watcher(config)?;
                    }
                }
                why => return Ok(Some(why)),
            },
            () = tokio::time::sleep(left) => break,
            spent = watcher.spent(board) => if let Error::Spent { limit, .. } = spent {
                // it stays said, and red, until the refresh that mends it
                dropped = give_up(config, &spent, limit, board, stop).await;
                *given_up |= dropped;
            },
        }
    }
    board.begins();
    Ok(None)
}
