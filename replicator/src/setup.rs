//! Names and options of a pipeline that is open: all that the loop and the copy may see of the configuration.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sink_postgres::sequences::Rule;
use sink_postgres::sink::OnError;
use wire::{Connection, Conninfo};

use crate::budget::Budget;
use crate::error::Error;
use crate::pace::Pace;
use crate::schema::additive::Additive;
use crate::source::catalog::SourceTable;
use crate::source::servers::{Primary, Started};
use crate::source::{Servers, production};
use crate::window::Window;

/// A pipeline's names and options.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Names slot, publications and checkpoint.
    pub pipeline: String,
    /// Production.
    pub source: Servers,
    /// Which server that is.
    pub started: Started,
    /// Its primary as it was recognised, where the stream is a standby's.
    pub primary: Option<Primary>,
    /// Staging.
    pub target: Conninfo,
    /// The slot.
    pub slot: String,
    /// The publications that there are.
    pub publications: Vec<String>,
    /// How long a slice may take chunks.
    pub slice: Duration,
    /// When slices may begin; `None`: at any time.
    pub window: Option<Window>,
    /// Readers at the same time.
    pub readers: usize,
    /// Rows of a chunk, about.
    pub chunk_rows: u64,
    /// Bytes of changes held in memory.
    pub memory: u64,
    /// How fast the copy may read production; `None`: as fast as it can.
    pub pace: Option<Arc<Pace>>,
    /// How long production waits for a sign of us where we hold a snapshot of it.
    pub idle: Duration,
    /// What the slot may hold of production's WAL.
    pub budget: Budget,
    /// How far ahead of production's the target's sequences are kept, if at all.
    pub sequences: Option<Rule>,
    /// What becomes of a row that the target refuses.
    pub on_error: OnError,
    /// What brings to the target what production's tables gain, if anything does.
    pub additive: Option<Arc<Additive>>,
    /// Tables that joined a running publication, and the transaction id that must have ended before a snapshot counts.
    pub waits: HashMap<(String, String), u64>,
}

impl Setup {
    /// A session of the copy on production, with the server that was recognised: amid a failover another may answer, while the sessions
    /// that are open stay with a primary that lives on.
    pub async fn copier(&self, role: &str, more: &[(&str, &str)]) -> Result<Connection, Error> {
        let mut db = production::copier(&self.source.data, &self.pipeline, role, self.idle, more).await?;
        match &self.primary {
            Some(primary) => primary.expect(&mut db).await?,
            None => self.started.expect(&mut db).await?,
        }
        Ok(db)
    }

    /// What a batch may hold: three of them (one under way, one behind it, one that is gathered), what is written of two, and the
    /// stream's chunks share the memory.
    pub fn batch_bytes(&self) -> usize {
        usize::try_from(self.memory / 8).unwrap_or(usize::MAX)
    }

    /// Rows of a chunk of this table: fewer where rows are wide.
    pub fn chunk_rows(&self, table: &SourceTable) -> u64 {
        let width = match u64::try_from(table.rows) {
            Ok(rows) if rows > 0 => table.bytes / rows,
            _ => 100,
        };
        // and fewer where they may come slowly only: a chunk that has begun is finished, and the stream waits for it
        let slow = self.pace.as_ref().map_or(u64::MAX, |pace| {
            let shared = pace.rate() / u64::try_from(self.readers).unwrap_or(1).max(1);
            shared.saturating_mul(self.slice.as_secs().max(1)) / 2
        });
        self.chunk_rows.min(slow.min(32 << 20) / width.max(1)).max(100)
    }
}
