//! Loading pending parts under one snapshot, several at a time, until the time is over.

use std::time::{Duration, Instant};

use filters::change::Sink;
use sink_postgres::PostgresSink;
use sink_postgres::load::Loaded;
use sink_postgres::part::Part;
use tokio::task::JoinSet;
use wire::Connection;

use super::Copier;
use super::align::Aligned;
use super::chunk::{Chunk, Reader};
use super::due::Due;
use super::parts::Parts;
use crate::cancels::Cancels;
use crate::error::{Doing, Error};
use crate::flow::Flow;
use crate::setup::Setup;
use crate::stop::Stop;

/// A look for production's sessions that wait for our locks.
const WATCH: Duration = Duration::from_millis(250);

/// A reader, what it has read, and how it went.
type Loading = (Reader, Chunk, Result<(Loaded, Instant), Error>);

/// What a slice did.
#[derive(Default)]
pub struct Sliced {
    /// Parts loaded.
    pub chunks: u64,
    /// Rows in them.
    pub rows: u64,
}

/// Loads what is due, until `deadline`. A part that has begun is finished.
pub async fn load(
    flow: &mut Flow,
    copier: &mut Copier,
    aligned: Aligned,
    due: Vec<Due>,
    deadline: Instant,
    stop: &mut Stop,
) -> Result<Sliced, Error> {
    let mut sink = flow.sink.take().ok_or_else(|| Error::Bug("the sink is away".into()))?;
    let result = run(flow, &mut sink, copier, &aligned, due, deadline, stop).await;
    copier.collisions.slice_is_over();
    let progress = sink.progress();
    // before anything of the target's is waited for: production may wait for these locks
    let ended = aligned.exporter.end().await;
    // a slice that was given up leaves loads behind whose COMMIT the target may still be working on: what they bring is
    // done, and to skip its next change would lose it
    let reloaded = match sink.outwait_loads().await {
        Ok(()) => sink.reload_pending().await,
        Err(e) => Err(e),
    };
    flow.sink = Some(sink);
    flow.told(progress);
    // first: without the snapshot the parts have failed by that, whatever they say
    ended?;
    let sliced = result?;
    reloaded?;
    sink_postgres::failpoint::hit("slice.loaded");
    for (name, pending) in flow.sink.iter().flat_map(|s| s.pending()) {
        if let Some(t) = flow.board.state().tables.get_mut(&format!("{}.{}", name.0, name.1)) {
            t.done = pending.is_done();
        }
    }
    Ok(sliced)
}

/// Keeps as many readers busy as there may be, one part each.
async fn run(
    flow: &mut Flow,
    sink: &mut PostgresSink,
    copier: &mut Copier,
    aligned: &Aligned,
    due: Vec<Due>,
    deadline: Instant,
    stop: &mut Stop,
) -> Result<Sliced, Error> {
    sink.flush().await?;
    let mut parts = Parts::new(flow, sink, aligned, due).await?;
    let cancels = flow.cancels.clone();
    let Copier { idle, collisions, locked } = copier;
    locked.clear();
    let mut sliced = Sliced::default();
    let mut busy: JoinSet<Loading> = JoinSet::new();
    let mut failed = None;
    let mut over = false;
    loop {
        over = over || stop.asked().is_some() || Instant::now() >= deadline || failed.is_some();
        while !over && busy.len() < flow.setup.readers {
            let Some(mut chunk) = parts.next(flow, sink, aligned).await? else { break };
            // whoever pushes out old rows of a range that is unknown too is in the right
            let one_by_one = matches!(chunk.task.part, Part::Points(_));
            chunk.yields = one_by_one && collisions.yields(&chunk.compiled.output.to_string());
            let mut reader = take(idle, &cancels, &flow.setup, sink.epoch()).await?;
            busy.spawn(async move {
                let done = reader.run(&chunk).await;
                (reader, chunk, done)
            });
        }
        if busy.is_empty() {
            break;
        }
        tokio::select! {
            done = busy.join_next() => {
                let Some(done) = done else { break };
                let (reader, chunk, done) = done.map_err(|e| Error::ended("a reader", &e))?;
                match done {
                    Ok((loaded, began)) => {
                        idle.push(reader);
                        sliced.chunks += 1;
                        sliced.rows += loaded.rows;
                        if let Err(e) = collisions.loaded(&chunk.compiled.output.to_string(), &chunk.task.part, &loaded.evicted, flow.setup.on_error) {
                            failed = Some(e.into());
                        }
                        note(flow, &chunk, loaded, began, parts.is_last(sink, &chunk));
                    }
                    Err(Error::Target(e)) if e.is_contention() => {
                        // somebody on staging holds a row or a table: that is no reason for the others to wait
                        tracing::warn!(table = %chunk.compiled.output, "the target is busy; the chunk is tried again in the next slice");
                        parts.meets_a_lock(&chunk);
                        locked.insert((chunk.task.spec.schema.clone(), chunk.task.spec.name.clone()));
                    }
                    Err(e) => failed = Some(e),
                }
            }
            _ = stop.wait() => {
                // what has not been loaded stays pending
                busy.shutdown().await;
                cancels.all().await;
                return Ok(sliced);
            }
            () = tokio::time::sleep(WATCH) => {
                if somebody_waits(&mut *flow.watch.lock().await, &flow.setup.pipeline).await? {
                    tracing::info!("production waits for a lock or the snapshot of this slice: ending it");
                    // the readers' sessions go with their tasks; their chunks stay pending
                    busy.shutdown().await;
                    cancels.all().await;
                    return Ok(sliced);
                }
            }
        }
    }
    failed.map_or(Ok(sliced), Err)
}

/// A reader that has nothing to do, or a new one. `cancels`: who is to be asked to end what nobody waits for.
async fn take(idle: &mut Vec<Reader>, cancels: &Cancels, setup: &Setup, epoch: i64) -> Result<Reader, Error> {
    if let Some(reader) = idle.pop() {
        return Ok(reader);
    }
    let reader = Reader::open(setup, epoch).await?;
    reader.cancelers().into_iter().for_each(|c| cancels.add(c));
    Ok(reader)
}

/// Does a session of somebody else wait for one of ours: for a lock, or, as `CREATE INDEX CONCURRENTLY` does, for all that read
/// under an older snapshot?
pub(crate) async fn somebody_waits(watch: &mut Connection, pipeline: &str) -> Result<bool, Error> {
    let ours = ["export", "copy"].map(|role| format!("sluice/{pipeline}/{role}"));
    let rows = watch
        .query(
            "SELECT 1 FROM pg_catalog.pg_locks l WHERE NOT l.granted AND l.locktype IN ('relation', 'virtualxid')
             AND EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.application_name IN ($1, $2)
               AND a.pid = ANY (pg_catalog.pg_blocking_pids(l.pid))) LIMIT 1",
            &[Some(&ours[0]), Some(&ours[1])],
        )
        .await
        .doing("look for waiting sessions")?;
    Ok(!rows.is_empty())
}

/// Shows it; a table of which nothing more is pending is done, however long the slice goes on with others.
fn note(flow: &Flow, chunk: &Chunk, loaded: Loaded, began: Instant, last: bool) {
    let mut state = flow.board.state();
    state.divergences += loaded.divergences;
    state.quarantined_ever += loaded.quarantined;
    let table = state.tables.entry(chunk.compiled.output.to_string()).or_default();
    table.rows += loaded.rows;
    table.bytes += loaded.bytes;
    table.deleted += loaded.deleted;
    table.done |= last;
    let now = Instant::now();
    table.time = Some(table.time.map_or((began, now), |(first, _)| (first.min(began), now)));
    state.step(true);
}
