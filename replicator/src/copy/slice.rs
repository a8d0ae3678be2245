//! Loading pending parts under one snapshot, several at a time, until the time is over.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use filters::change::Sink;
use filters::filter::Compiled;
use sink_postgres::PostgresSink;
use sink_postgres::load::{Loaded, Part, Task, part_condition};
use sink_postgres::pending::{Pending, Range};
use sink_postgres::registry::KeyColumn;
use tokio::task::JoinSet;
use wire::{Connection, quote_ident};

use super::align::Aligned;
use super::chunk::{Chunk, Reader};
use crate::board::TableCopy;
use crate::error::{Doing, Error};
use crate::pipeline::Pipeline;
use crate::source::catalog::{self, SourceTable};
use crate::stop::Stop;

/// Keys of pending points that one chunk brings.
const POINTS: usize = 500;
/// A look for production's sessions that wait for our locks.
const WATCH: Duration = Duration::from_millis(250);

/// A table with something pending.
#[derive(Clone)]
pub struct Due {
    /// Schema and name.
    pub name: (String, String),
    /// How its rows are filtered.
    pub compiled: Arc<Compiled>,
}

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

/// The tables with something pending that this slice may take.
pub fn due(p: &Pipeline) -> Result<Vec<Due>, Error> {
    let sink = p.sink.as_ref().ok_or_else(|| Error::Bug("the sink is away".into()))?;
    let mut due: Vec<Due> = sink
        .pending()
        .filter(|(_, pending)| !pending.is_done())
        .filter_map(|(name, _)| p.tables.get(name).map(|c| Due { name: name.clone(), compiled: c.clone() }))
        .collect();
    due.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(due)
}

/// Loads what is due, until `deadline`. A part that has begun is finished.
pub async fn load(
    p: &mut Pipeline,
    aligned: Aligned,
    due: Vec<Due>,
    deadline: Instant,
    stop: &mut Stop,
) -> Result<Sliced, Error> {
    let Aligned { mut exporter, name: snapshot, snapshot: s } = aligned;
    let mut sink = p.sink.take().ok_or_else(|| Error::Bug("the sink is away".into()))?;
    let flushed = sink.flush().await;
    let mut parts = Parts::new(p, &mut sink, &mut exporter, due, s.xmin).await;
    let result = match (flushed, &mut parts) {
        (Ok(_), Ok(parts)) => run(p, &mut sink, &mut exporter, parts, &snapshot, deadline, stop).await,
        (Err(e), _) => Err(e.into()),
        (_, Err(e)) => Err(std::mem::replace(e, Error::Interrupted)),
    };
    let progress = sink.progress();
    // a slice that was given up leaves loads behind whose COMMIT the target may still be working on: what they bring is
    // done, and to skip its next change would lose it
    let reloaded = match sink.outwait_loads().await {
        Ok(()) => sink.reload_pending().await,
        Err(e) => Err(e),
    };
    p.sink = Some(sink);
    p.told(progress);
    let sliced = result?;
    reloaded?;
    exporter.simple("COMMIT").await.doing("end a snapshot")?;
    exporter.close().await;
    for (name, pending) in p.sink.iter().flat_map(|s| s.pending()) {
        if let Some(t) = p.board.state().tables.get_mut(&format!("{}.{}", name.0, name.1)) {
            t.done = pending.is_done();
        }
    }
    Ok(sliced)
}

async fn run(
    p: &mut Pipeline,
    sink: &mut PostgresSink,
    exporter: &mut Connection,
    parts: &mut Parts,
    snapshot: &str,
    deadline: Instant,
    stop: &mut Stop,
) -> Result<Sliced, Error> {
    let mut sliced = Sliced::default();
    let mut idle = std::mem::take(&mut p.copier.idle);
    let mut joined = Vec::new();
    let mut busy: JoinSet<Loading> = JoinSet::new();
    let mut failed = None;
    let mut over = false;
    loop {
        over = over || stop.asked().is_some() || Instant::now() >= deadline || failed.is_some();
        while !over && busy.len() < p.setup.readers {
            let Some(chunk) = parts.next(p, sink, exporter).await? else { break };
            let mut reader = match (joined.pop(), idle.pop()) {
                (Some(reader), spare) => {
                    idle.extend(spare);
                    reader
                }
                (None, spare) => {
                    let mut reader = match spare {
                        Some(reader) => reader,
                        None => Reader::open(&p.setup, sink.epoch()).await?,
                    };
                    reader.join(snapshot).await?;
                    reader
                }
            };
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
                let (reader, chunk, done) = done.map_err(|e| Error::Bug(format!("a reader ended: {e}")))?;
                match done {
                    Ok((loaded, began)) => {
                        joined.push(reader);
                        sliced.chunks += 1;
                        sliced.rows += loaded.rows;
                        note(p, &chunk, loaded, began);
                    }
                    Err(Error::Target(e)) if e.is_contention() => {
                        tracing::warn!(table = %chunk.compiled.output, "the target is busy; the chunk is tried again in the next slice");
                        over = true;
                    }
                    Err(e) => failed = Some(e),
                }
            }
            _ = stop.wait() => {
                // what has not been loaded stays pending
                busy.abort_all();
                while busy.join_next().await.is_some() {}
                return Ok(sliced);
            }
            () = tokio::time::sleep(WATCH) => {
                if somebody_waits(&mut *p.watch.lock().await, exporter).await? {
                    tracing::info!("production waits for a lock of this slice: ending it");
                    // the readers' sessions go with their tasks; their chunks stay pending
                    busy.abort_all();
                    while busy.join_next().await.is_some() {}
                    return Ok(sliced);
                }
            }
        }
    }
    for mut reader in joined {
        if reader.leave().await.is_ok() {
            idle.push(reader);
        }
    }
    p.copier.idle = idle;
    failed.map_or(Ok(sliced), Err)
}

/// Does a session of somebody else wait for one of ours?
async fn somebody_waits(watch: &mut Connection, exporter: &Connection) -> Result<bool, Error> {
    let pid = exporter.process_id().to_string();
    let rows = watch
        .query(
            "SELECT 1 FROM pg_catalog.pg_locks l WHERE NOT l.granted AND l.locktype = 'relation'
             AND $1::int = ANY (pg_catalog.pg_blocking_pids(l.pid)) LIMIT 1",
            &[Some(&pid)],
        )
        .await
        .doing("look for waiting sessions")?;
    Ok(!rows.is_empty())
}

fn note(p: &Pipeline, chunk: &Chunk, loaded: Loaded, began: Instant) {
    let mut state = p.board.state();
    state.divergences += loaded.divergences;
    let table = state.tables.entry(chunk.compiled.output.to_string()).or_default();
    table.rows += loaded.rows;
    table.bytes += loaded.bytes;
    table.deleted += loaded.deleted;
    let now = Instant::now();
    table.time = Some(table.time.map_or((began, now), |(first, _)| (first.min(began), now)));
    state.step(true);
}

/// Shows that a table is about to be copied.
fn announce(p: &Pipeline, compiled: &Compiled, rows: i64) {
    let mut state = p.board.state();
    let entry: &mut TableCopy = state.tables.entry(compiled.output.to_string()).or_default();
    entry.estimate = u64::try_from(rows).unwrap_or(0).max(entry.rows);
    entry.done = false;
}

/// Cuts pending ranges into parts, one after another.
struct Parts {
    tables: Vec<(Due, SourceTable)>,
    taken: HashSet<i64>,
    points_taken: HashSet<(String, String)>,
}

impl Parts {
    /// Compares the tables' shapes under S with what the stream and the policy know.
    async fn new(
        p: &Pipeline,
        sink: &mut PostgresSink,
        exporter: &mut Connection,
        due: Vec<Due>,
        xmin: u64,
    ) -> Result<Parts, Error> {
        let mut tables = Vec::new();
        for due in due {
            // a table that joined a running publication: rows written before it joined, by a transaction that S does not
            // show, would be in neither snapshot nor stream
            if let Some(wait) = p.setup.waits.get(&due.name).filter(|w| **w > xmin) {
                tracing::info!(table = %due.compiled.output, xid = wait, xmin, "waits for the transactions that were open when it joined the publication");
                continue;
            }
            let found = catalog::table(exporter, &due.name.0, &due.name.1).await.doing("read the catalog")?;
            let Some(found) = found else {
                return Err(Error::Refused {
                    what: format!("{} is gone from production", due.compiled.output),
                    hint: "take it out of `tables:`, or mark it `optional: true`".into(),
                });
            };
            let names = |columns: &[filters::change::Column]| {
                columns.iter().map(|c| (c.name.clone(), c.type_oid)).collect::<Vec<_>>()
            };
            let known = names(&due.compiled.input().columns);
            let now = names(&found.shape.columns);
            if known.iter().any(|k| !now.contains(k)) {
                return Err(Error::Production {
                    action: "a table's columns changed; starting over",
                    source: wire::Error::Closed,
                });
            }
            announce(p, &due.compiled, found.rows);
            sink.mapping(&due.compiled.output).await?;
            let whole = sink.pending().any(|(n, p)| *n == due.name && p.is_whole());
            if whole && found.kind == 'p' {
                let leaves = catalog::leaves(exporter).await.doing("read the partitions")?;
                sink.set_leaves(&due.name, leaves.get(&due.name).map_or("", String::as_str)).await?;
            }
            tables.push((due, found));
        }
        Ok(Parts { tables, taken: HashSet::new(), points_taken: HashSet::new() })
    }

    /// The next part, or nothing more.
    async fn next(
        &mut self,
        p: &Pipeline,
        sink: &mut PostgresSink,
        exporter: &mut Connection,
    ) -> Result<Option<Chunk>, Error> {
        for (due, table) in &self.tables {
            let Some(pending) = sink.pending().find(|(n, _)| **n == due.name).map(|(_, p)| p.clone()) else { continue };
            let range = pending.ranges.iter().find(|r| !self.taken.contains(&r.id)).cloned();
            let part = match range {
                Some(range) => {
                    let range = match cut(exporter, table, &pending, &range, p.setup.chunk_rows(table)).await? {
                        Some(at) => sink.cut(&due.name, range.id, &at).await?.0,
                        None => range,
                    };
                    self.taken.insert(range.id);
                    Part::Range(range)
                }
                None if !pending.points.is_empty()
                    && pending.ranges.is_empty()
                    && self.points_taken.insert(due.name.clone()) =>
                {
                    Part::Points(pending.points.iter().take(POINTS).cloned().collect())
                }
                None => continue,
            };
            let spec = sink
                .spec(&due.name)
                .cloned()
                .ok_or_else(|| Error::Bug("a pending table that is not registered".into()))?;
            let mapping = sink.mapping(&due.compiled.output).await?;
            let sql = select(&due.compiled, table, &part);
            let at = sink.progress().applied;
            let task = Task { mapping, spec, part, pending: Arc::new(pending) };
            return Ok(Some(Chunk { task, compiled: due.compiled.clone(), sql, at }));
        }
        Ok(None)
    }
}

/// The key at which a range is cut so that its first part has `rows` rows; `None` if it has no more than that.
async fn cut(
    db: &mut Connection,
    table: &SourceTable,
    pending: &Pending,
    range: &Range,
    rows: u64,
) -> Result<Option<Vec<String>>, Error> {
    if pending.kinds.is_none() {
        return Ok(None);
    }
    let columns = key_columns(table);
    let names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
    let texts: Vec<String> = names.iter().map(|n| format!("t.{n}::pg_catalog.text")).collect();
    // with its table's name: a bare one would be the output column, and order by its text
    let order: Vec<String> = names.iter().map(|n| format!("t.{n}")).collect();
    let sql = format!(
        "SELECT {} FROM {} AS t WHERE {} ORDER BY {} OFFSET {rows} LIMIT 1",
        texts.join(", "),
        table.from(),
        part_condition(&columns, &Part::Range(range.clone())),
        order.join(", ")
    );
    let found = db.simple_on_rows(&sql).await.doing("cut a range")?;
    Ok(found
        .first()
        .and_then(|r| r.first())
        .map(|row| (0..columns.len()).map(|i| row.get(i).unwrap_or_default().to_owned()).collect()))
}

fn key_columns(table: &SourceTable) -> Vec<KeyColumn> {
    table
        .key
        .iter()
        .zip(&table.operators)
        .map(|(k, equals)| {
            let at = table.shape.columns.iter().position(|c| *c.name == **k);
            let ty = at.and_then(|i| table.types.get(i)).cloned().unwrap_or_else(|| "pg_catalog.text".into());
            KeyColumn { name: quote_ident(k), cast: ty, equals: equals.clone() }
        })
        .collect()
}

/// What a reader runs: the columns that go out, in the order of the output.
fn select(compiled: &Compiled, table: &SourceTable, part: &Part) -> String {
    let columns: Vec<String> = compiled.output.columns.iter().map(|c| quote_ident(&c.name)).collect();
    let whole = matches!(part, Part::Range(r) if r.lo.is_none() && r.hi.is_none());
    let condition = if whole { "true".to_owned() } else { part_condition(&key_columns(table), part) };
    format!("COPY (SELECT {} FROM {} WHERE {condition}) TO STDOUT", columns.join(", "), table.from())
}
