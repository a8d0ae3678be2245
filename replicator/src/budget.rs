//! What our slot may hold of production's WAL, and what follows: a word, a copy that pauses, and in the end our own slot.
//!
//! It is weighed once a second in every state in which a run is up: by the pipeline while one is open, also while the target
//! says nothing; else by a [`Watcher`] with a session of its own: while a pipeline is being opened, while the stream is held,
//! while a server is out of reach. A slot is dropped in one place only, [`give_up`], and only while nobody reads it.

use std::time::{Duration, Instant};

use wire::{Connection, Conninfo};

use crate::board::Board;
use crate::error::{Doing, Error};
use crate::source::{Servers, production, slot};

/// The slot is looked at this often.
const EVERY: Duration = Duration::from_secs(1);
/// Production may take this long to answer; one that does not is asked again so much later.
const PATIENCE: Duration = Duration::from_secs(10);
/// A warning is repeated after this.
const AGAIN: Duration = Duration::from_secs(60);

/// Bytes of WAL that our slot may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// Beyond it we warn.
    pub warn: i64,
    /// Beyond it no slice of the copy begins, so that the stream can drain.
    pub pause_copy: Option<i64>,
    /// Beyond it our own slot goes, and staging is repaired by a copy in chunks.
    pub drop_slot: Option<i64>,
}

impl Budget {
    /// Is the copy to pause? Once it does, until a quarter of the budget is free again.
    fn pauses(&self, held: i64, paused: bool) -> bool {
        self.pause_copy.is_some_and(|most| held > if paused { most - most / 4 } else { most })
    }

    /// Shows what is held, and says what there is to say.
    ///
    /// # Errors
    /// [`Error::Spent`] where our slot has to go.
    pub fn weigh(&self, slot: &str, held: i64, board: &Board) -> Result<(), Error> {
        let mut state = board.state();
        state.wal_held = held;
        state.paused = self.pauses(held, state.paused);
        if held > self.warn && state.warned.is_none_or(|at| at.elapsed() > AGAIN) {
            state.warned = Some(Instant::now());
            tracing::warn!(bytes = held, budget = self.warn, "production holds much WAL for our slot");
        }
        match self.drop_slot {
            Some(limit) if held > limit => Err(Error::Spent { slot: slot.to_owned(), held, limit }),
            _ => Ok(()),
        }
    }
}

/// Looks at the slot where no pipeline is open to do so.
pub struct Watcher {
    /// The server that has it.
    stream: Conninfo,
    pipeline: String,
    slot: String,
    budget: Budget,
    db: Option<Connection>,
}

impl Watcher {
    /// For that slot.
    pub fn new(source: Servers, pipeline: &str, slot: String, budget: Budget) -> Watcher {
        Watcher { stream: source.stream, pipeline: pipeline.to_owned(), slot, budget, db: None }
    }

    /// Looks until our slot has to go. Cancel-safe: the next look opens another session where it has to.
    pub async fn spent(&mut self, board: &Board) -> Error {
        loop {
            tokio::time::sleep(EVERY).await;
            match tokio::time::timeout(PATIENCE, self.look(board)).await {
                Ok(Ok(held)) => {
                    if let Err(spent) = self.budget.weigh(&self.slot, held, board) {
                        return spent;
                    }
                }
                failed => {
                    if let Ok(Err(e)) = failed {
                        tracing::debug!(error = e.chain(), "the slot cannot be looked at");
                    }
                    self.db = None;
                    tokio::time::sleep(PATIENCE).await;
                }
            }
        }
    }

    /// A pipeline is open, and looks by itself.
    pub fn rests(&mut self) {
        self.db = None;
    }

    /// The session's last words are why we stand still: `status` reads them there, and a capture has no target to write them on.
    async fn look(&mut self, board: &Board) -> Result<i64, Error> {
        // taken, so that one that is given up amid a question is asked nothing more
        let mut db = match self.db.take() {
            Some(db) => db,
            None => production::reader(&self.stream, &self.pipeline, "budget", &[]).await?,
        };
        let found = slot::look(&mut db, &self.slot).await.doing("look at the slot")?;
        let said = board.state().stands_said();
        if let Some(said) = said {
            db.simple(&format!("{said} SELECT 1")).await.doing("look at the slot")?;
        }
        self.db = Some(db);
        Ok(found.filter(|slot| slot.ours).map_or(0, |slot| slot.held))
    }
}

/// Drops our slot, if it still holds more than `limit` and nobody reads it. Gives whether it is gone.
///
/// Ours is the slot of the pipeline's name that decodes with pgoutput for our database. One that is read is another's by now:
/// our own stream has ended.
pub async fn give_up(source: &Servers, pipeline: &str, name: &str, limit: i64) -> Result<bool, Error> {
    let mut writer = production::writer(&source.stream, pipeline, "slot", &[]).await?;
    let found = slot::look(&mut writer, name).await.doing("look at the slot")?;
    let gone = match found {
        None => true,
        Some(slot) if !slot.ours || slot.held <= limit => false,
        Some(_) => match slot::drop(&mut writer, name).await {
            Ok(()) => true,
            Err(e) if e.sqlstate() == Some("55006") => {
                tracing::error!(slot = name, "somebody else reads it: it is not dropped");
                false
            }
            Err(e) => return Err(e).doing("drop the slot"),
        },
    };
    writer.close().await;
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: Budget = Budget { warn: 50, pause_copy: Some(100), drop_slot: Some(200) };

    #[test]
    fn it_pauses_and_goes_on_with_room_between() {
        let board = Board::default();
        for (held, paused) in [(100, false), (101, true), (76, true), (75, false), (100, false), (150, true)] {
            BUDGET.weigh("s", held, &board).unwrap();
            let state = board.state().clone();
            assert_eq!((state.wal_held, state.paused), (held, paused), "{held}");
        }
        let never = Budget { pause_copy: None, ..BUDGET };
        never.weigh("s", 150, &board).unwrap();
        assert!(!board.state().paused);
    }

    #[test]
    fn the_slot_goes_beyond_its_limit_only() {
        let board = Board::default();
        BUDGET.weigh("s", 200, &board).unwrap();
        assert!(matches!(BUDGET.weigh("s", 201, &board), Err(Error::Spent { held: 201, limit: 200, .. })));
        Budget { drop_slot: None, ..BUDGET }.weigh("s", i64::MAX, &board).unwrap();
    }
}
