//! At the end of a copy: how many rows of staging refer to nothing. Counted beside the stream, on a session of its own, which holds
//! nothing up; a run that ends once it has caught up waits for it.

use sink_postgres::orphans::{self, Counted};
use tokio::task::JoinSet;
use wire::Conninfo;

use super::Pipeline;
use crate::error::Error;

/// What is to be counted, and the count under way; it ends with the pipeline.
#[derive(Default)]
pub struct Orphans {
    /// A range has come since the last count; a row that is healed is no copy.
    copied: bool,
    counts: JoinSet<()>,
}

impl Pipeline {
    /// Before a slice: is there more to come than single rows?
    pub(super) fn note_copy(&mut self) {
        let Some(sink) = &self.flow.sink else { return };
        self.orphans.copied |= sink.pending().any(|(_, pending)| !pending.ranges.is_empty());
    }

    /// Behind a slice: begins to count if it was the last of a copy.
    pub(super) fn count_orphans(&mut self) {
        if self.is_pending() || !std::mem::take(&mut self.orphans.copied) {
            return;
        }
        let setup = self.flow.setup.clone();
        // what an earlier copy has begun to count is over
        self.orphans.counts.abort_all();
        self.orphans.counts.spawn(async move {
            match count(&setup.target, &setup.pipeline).await {
                Ok(counted) => tell(&counted),
                Err(e) => tracing::warn!(error = e.chain(), "orphans were not counted; sluice orphans does it"),
            }
        });
    }

    /// Waits for a count that is under way.
    pub(super) async fn counted(&mut self) {
        while self.orphans.counts.join_next().await.is_some() {}
    }
}

async fn count(target: &Conninfo, pipeline: &str) -> Result<Vec<Counted>, Error> {
    let mut db = orphans::open(target, pipeline).await?;
    let counted = orphans::count(&mut db, pipeline).await?;
    db.close().await;
    Ok(counted)
}

fn tell(counted: &[Counted]) {
    let mut found = 0;
    for Counted { key, orphans } in counted {
        let table = format!("{}.{}", key.table.0, key.table.1);
        let refers_to = format!("{}.{}", key.refers_to.0, key.refers_to.1);
        match orphans {
            Ok(0) => {}
            Ok(rows) => {
                found += 1;
                tracing::warn!(
                    table,
                    constraint = key.constraint,
                    refers_to,
                    rows,
                    "orphans: rows refer to nothing on the target"
                );
            }
            Err(why) => tracing::warn!(table, constraint = key.constraint, why, "orphans were not counted"),
        }
    }
    tracing::info!(foreign_keys = counted.len(), with_orphans = found, "references were looked at");
}
