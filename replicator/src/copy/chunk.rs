//! Reading one part of a table under a snapshot, masking it, and loading it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use filters::change::Lsn;
use filters::filter::Compiled;
use sink_postgres::load::{Loaded, Loader, Sieve, Task, Way};
use sink_postgres::sink::OnError;
use wire::{Canceler, Connection};

use crate::error::{Doing, Error};
use crate::pace::Pace;
use crate::setup::Setup;

const READ: &str = "read a chunk of";

/// A session that reads and one that loads.
pub struct Reader {
    source: Connection,
    loader: Loader,
    pace: Option<Arc<Pace>>,
    /// How long production waits for us to take its rows.
    idle: Duration,
}

/// One part of one table.
#[derive(Clone)]
pub struct Chunk {
    /// What the target has to know.
    pub task: Task,
    /// How rows are masked.
    pub compiled: Arc<Compiled>,
    /// `COPY (SELECT …) TO STDOUT`, in a transaction that takes part in the slice's snapshot.
    pub sql: String,
    /// Where the stream stands.
    pub at: Lsn,
    /// What becomes of a row that the target refuses.
    pub on_error: OnError,
    /// It pushes nobody out who has a unique value of a row that comes: that row is refused instead.
    pub yields: bool,
}

impl Reader {
    /// Opens both sessions.
    pub async fn open(setup: &Setup, epoch: i64) -> Result<Reader, Error> {
        let source = setup.copier("copy", &[]).await?;
        let loader = Loader::connect(&setup.target, &setup.pipeline, epoch).await?;
        Ok(Reader { source, loader, pace: setup.pace.clone(), idle: setup.idle })
    }

    /// What both are asked by to end what they do.
    pub fn cancelers(&self) -> [Canceler; 2] {
        [self.source.canceler(), self.loader.canceler()]
    }

    /// Reads, masks, loads; both sides run at the same time.
    pub async fn run(&mut self, chunk: &Chunk) -> Result<(Loaded, Instant), Error> {
        let began = Instant::now();
        let sieve = match chunk.on_error {
            OnError::Stop => None,
            OnError::Quarantine { most, unread } => Some(Way::Sifted(Sieve { most, yields: chunk.yields, unread })),
        };
        if let Some(sieve) = sieve.filter(|_| chunk.yields) {
            return Ok((self.once(chunk, sieve).await?, began));
        }
        let mut done = self.once(chunk, Way::Straight).await;
        // a row elsewhere has a unique value of one that came: by way of the stage, which makes room
        if matches!(&done, Err(Error::Target(e)) if e.is_unique_violation()) {
            done = self.once(chunk, Way::Staged).await;
        }
        if let Some(sieve) = sieve
            && matches!(&done, Err(Error::Target(e)) if e.is_of_a_row())
        {
            done = self.once(chunk, sieve).await;
        }
        Ok((done?, began))
    }

    async fn once(&mut self, chunk: &Chunk, way: Way) -> Result<Loaded, Error> {
        sink_postgres::failpoint::hit("chunk.begin");
        self.source.copy_out(&chunk.sql).await.doing_to(READ, &chunk.compiled.input())?;
        let began = self.loader.begin(chunk.task.clone(), chunk.at, way).await;
        let mut load = match began {
            Ok(load) => load,
            Err(e) => {
                drain(&mut self.source).await?;
                return Err(e.into());
            }
        };
        let mut out = BytesMut::with_capacity(256 * 1024);
        let mut scratch = Vec::new();
        loop {
            let rows = match self.source.copy_data().await {
                Ok(Some(rows)) => rows,
                Ok(None) => break,
                Err(e) => {
                    load.abandon().await;
                    return Err(e).doing_to(READ, &chunk.compiled.input());
                }
            };
            if let Some(pace) = &self.pace {
                pace.took(rows.len()).await;
            }
            let masked = if !chunk.compiled.rewrites() {
                rows
            } else {
                chunk.compiled.copy_lines(&rows, &mut scratch, &mut out)?;
                out.split().freeze()
            };
            match tokio::time::timeout(self.idle, load.write(&masked)).await {
                Ok(Ok(())) => {}
                Ok(Err(e)) => {
                    load.abandon().await;
                    drain(&mut self.source).await?;
                    return Err(e.into());
                }
                // production has ended the COPY by now, and a target that says nothing would hold the slice's snapshot
                Err(_) => {
                    let action = "load a part".to_owned();
                    return Err(Error::Target(wire::Error::Timeout { action, after: self.idle }.into()));
                }
            }
        }
        sink_postgres::failpoint::hit("chunk.loaded");
        let loaded = load.finish().await?;
        sink_postgres::failpoint::hit("chunk.done");
        Ok(loaded)
    }
}

/// Reads the rest of a COPY that nobody wants.
async fn drain(source: &mut Connection) -> Result<(), Error> {
    while source.copy_data().await.doing("read the rest of a chunk")?.is_some() {}
    Ok(())
}
