//! Copying: one mechanism for the first snapshot, the refresh of a full staging, the resync after a lost slot, and the
//! repair of a single row.
//!
//! **The stream stands exactly where the snapshot stands.** A *slice* is:
//!
//! 1. `align`: hold the stream, take a snapshot S of production that shows all that was applied, and let the stream go on
//!    with the transactions that S shows, up to the first that it does not. Then the done ranges on the target are
//!    production's state in S, exactly.
//! 2. `slice`: read pending ranges under S in parallel, mask them, and load each in a transaction of its own. Nothing
//!    can collide with done ranges, not even on a secondary unique index: all of it is of the same S.
//! 3. Let the stream go. A range that was loaded is done from here on; its events apply.
//!
//! So at every moment a done range is exact at the checkpoint and a pending range is unknown; a crash resumes at the next
//! chunk; no transaction on production outlives a slice, and WAL is held for a slice, not for the copy.

pub(crate) mod align;
mod chunk;
mod collisions;
pub(crate) mod due;
mod exporter;
pub(crate) mod parts;
pub(crate) mod slice;

use std::collections::HashSet;
use std::time::Instant;

use crate::error::Error;
use crate::flow::Flow;
use crate::stop::Stop;
use chunk::Reader;
use collisions::Collisions;

/// Tables of a slice, at most. Each is locked, weakly, and its indexes with it, once by the session that exports the snapshot and once
/// by whoever reads it; with production's lock table full its own statements would fail, and by default it has room for some 7,000.
const TABLES: usize = 500;

/// What is kept from slice to slice: the sessions that read and load, which rows push each other out, and which tables
/// somebody on the target held.
#[derive(Default)]
pub struct Copier {
    idle: Vec<Reader>,
    collisions: Collisions,
    /// Schema and name, as of the last slice.
    locked: HashSet<(String, String)>,
}

impl Copier {
    /// One slice. False: nothing can be loaded before somebody lets go of a lock.
    pub async fn slice(&mut self, flow: &mut Flow, stop: &mut Stop) -> Result<bool, Error> {
        let mut due = due::due(flow)?;
        if due.is_empty() {
            return Ok(false);
        }
        // their turn comes last: waiting for a lock can take a whole slice, and there would be none for the tables behind; nor
        // where those that wait for a transaction's end were all that a slice may take
        due.sort_by_key(|due| (flow.setup.waits.contains_key(&due.name), self.locked.contains(&due.name)));
        due.truncate(TABLES);
        let began = Instant::now();
        // of tables that are held none is left; else it is a matter of luck, and the next snapshot may have it
        let Some(aligned) = align::align(flow, &mut due, stop).await? else { return Ok(!due.is_empty()) };
        sink_postgres::failpoint::hit("slice.aligned");
        let held = began.elapsed();
        // however long it took to align: a slice that loads nothing would come again and again
        let deadline = (began + flow.setup.slice).max(Instant::now() + flow.setup.slice / 2);
        let loaded = slice::load(flow, self, aligned, due, deadline, stop).await?;
        flow.board.state().slices += 1;
        tracing::info!(
            chunks = loaded.chunks,
            rows = loaded.rows,
            align_ms = held.as_millis() as u64,
            ms = began.elapsed().as_millis() as u64,
            "slice"
        );
        Ok(loaded.chunks > 0)
    }
}
