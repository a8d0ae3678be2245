//! Sending what appliers have asked for: parts of tables, into the stream at the place where they are true.
//!
//! The stream is brought to stand where a snapshot stands ([`align`]), and every part that is read under it goes into the topic there, each as one Kafka
//! transaction between two source transactions. An applier that has come to it has applied exactly what the snapshot shows. So each may
//! load it or pass it by, whatever the others do.
//!
//! A range is cut at production's own keys, so that a part has about as many rows as one load may take; what is left is asked for still.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use sink_postgres::part::{Part, part_condition};
use wire::Connection;

use super::super::requests::Asked;
use super::super::sink::KafkaSink;
use crate::copy::align::{Aligned, align};
use crate::copy::due::Due;
use crate::copy::parts::{cut, key_columns, under};
use crate::downstream::Downstream;
use crate::error::{Doing, Error};
use crate::flow::Flow;
use crate::source::catalog::{self, SourceTable};
use crate::source::rewrites;
use crate::stop::Stop;

/// Tables of a slice, at most: as many locks are held on production.
const TABLES: usize = 500;
/// A look for production's sessions that wait for our locks.
const WATCH: Duration = Duration::from_millis(250);
const READ: &str = "read a chunk of";

/// One slice. False: nothing could be sent.
pub async fn send(flow: &mut Flow<KafkaSink>, asked: &mut Asked, stop: &mut Stop) -> Result<bool, Error> {
    // what is not captured, or not any more, nobody can have
    asked.keep(|name| flow.tables.contains_key(name));
    if let Some(sink) = &flow.sink {
        for name in asked.names() {
            if let Some(table) = sink.table(&name) {
                asked.fit(&name, &table.described.spec);
            }
        }
    }
    let names = asked.names();
    let mut due: Vec<Due> = names
        .iter()
        .take(TABLES)
        .filter_map(|name| Some(Due { name: name.clone(), compiled: flow.tables.get(name)?.clone() }))
        .collect();
    if due.is_empty() {
        return Ok(false);
    }
    let began = Instant::now();
    let Some(aligned) = align(flow, &mut due, stop).await? else { return Ok(false) };
    let deadline = (began + flow.setup.slice).max(Instant::now() + flow.setup.slice / 2);
    let mut source = flow.setup.copier("copy", &[]).await?;
    flow.cancels.add(source.canceler());
    let mut sink = flow.sink.take().ok_or_else(|| Error::Bug("the sink is away".into()))?;
    let mut slice =
        Slice { flow, aligned: &aligned, sink: &mut sink, source: &mut source, chunks: 0, rows: 0, cut_off: false };
    let done = slice.run(&due, asked, deadline, stop).await;
    let (chunks, rows, cut_off) = (slice.chunks, slice.rows, slice.cut_off);
    let ended = aligned.exporter.end().await;
    flow.sink = Some(sink);
    if cut_off {
        // amid its rows: nobody reads the rest
        let canceler = source.canceler();
        drop(source);
        if let Err(e) = canceler.cancel().await {
            tracing::debug!(error = %e, "production does not hear that a part is not wanted any more");
        }
    } else {
        source.close().await;
    }
    ended?;
    done?;
    tracing::info!(chunks, rows, ms = began.elapsed().as_millis() as u64, "slice");
    flow.board.state().slices += 1;
    Ok(chunks > 0)
}

/// Does production say that what was compared with its key is none?
fn is_no_key(e: &Error) -> bool {
    let Error::Production { source, .. } = e else { return false };
    source.sqlstate().is_some_and(|s| s.starts_with("22") || s == "42601" || s == "42883")
}

struct Slice<'s> {
    flow: &'s Flow<KafkaSink>,
    aligned: &'s Aligned,
    sink: &'s mut KafkaSink,
    source: &'s mut Connection,
    chunks: u64,
    rows: u64,
    /// A part was left amid its rows.
    cut_off: bool,
}

impl Slice<'_> {
    async fn run(&mut self, due: &[Due], asked: &mut Asked, deadline: Instant, stop: &Stop) -> Result<(), Error> {
        for due in due {
            let Some(table) = self.look(due).await? else { continue };
            while let Some(part) = asked.part(&due.name) {
                if Instant::now() >= deadline || stop.asked().is_some() || self.somebody_waits().await? {
                    return Ok(());
                }
                let part = match asked.is_unit(&due.name) {
                    true => Ok(part),
                    false => self.cut(due, &table, part).await,
                };
                let sent = match part {
                    Ok(part) => self.part(due, &table, &part, stop).await.map(|sent| (sent, part)),
                    Err(e) => Err(e),
                };
                match sent {
                    Ok((true, part)) => asked.sent(&due.name, &part),
                    Ok((false, _)) => return Ok(()),
                    // what was asked for is no key of the table any more: whoever misses it asks by what it is now
                    Err(e) if is_no_key(&e) => {
                        tracing::warn!(table = %due.compiled.output, error = e.chain(), "what was asked for of it cannot be read: passed by");
                        asked.forget(&due.name);
                        self.cut_off = true;
                        return Ok(());
                    }
                    Err(e) => return Err(e),
                }
            }
        }
        Ok(())
    }

    /// The table as it is under the snapshot; `None`: it has to wait.
    async fn look(&mut self, due: &Due) -> Result<Option<SourceTable>, Error> {
        let (exporter, xmin) = (&self.aligned.exporter, self.aligned.snapshot.xmin);
        if let Some(wait) = self.sink.waits_for(&due.name).filter(|wait| *wait > xmin) {
            tracing::info!(table = %due.compiled.output, xid = wait, xmin, "waits for the transactions that were open when it joined the publication");
            return Ok(None);
        }
        let found =
            catalog::table(&mut *exporter.lock().await, &due.name.0, &due.name.1).await.doing("read the catalog")?;
        let planned = self.flow.shapes.planned().find(|p| p.name() == due.name);
        if let Some(how) = planned.and_then(|p| p.differs(found.as_ref())) {
            return Err(Error::Changed { table: due.compiled.output.to_string(), how });
        }
        let (Some(found), Some(planned)) = (found, planned) else { return Ok(None) };
        // what was said of its rows no longer is: where they are now is what is noted from here on
        if self.sink.pending_of(&due.name).is_some() {
            let oid = found.shape.oid;
            let looks = rewrites::looks(&mut *exporter.lock().await, &[oid]).await.doing("read the catalog")?;
            if let Some(look) = looks.get(&oid) {
                let rows = look.rows.clone().of(&planned.concerns()).text();
                tokio::task::block_in_place(|| self.sink.is_sent(&due.name, rows))?;
            }
        }
        Ok(Some(found))
    }

    /// The first part of it that is small enough.
    async fn cut(&mut self, due: &Due, table: &SourceTable, part: Part) -> Result<Part, Error> {
        let cuttable = self.sink.table(&due.name).is_some_and(|t| t.described.spec.kinds.is_some());
        let Part::Range(mut range) = part else { return Ok(part) };
        if cuttable {
            let rows = self.flow.setup.chunk_rows(table);
            if let Some(at) = cut(&self.aligned.exporter, due, table, &range, rows).await? {
                range.hi = Some(at);
            }
        }
        Ok(Part::Range(range))
    }

    /// Reads one, masks it, and sends it. False: production waits for us, or we are asked to stop, and nothing of it was sent.
    async fn part(&mut self, due: &Due, table: &SourceTable, part: &Part, stop: &Stop) -> Result<bool, Error> {
        let rows = table.select(&due.compiled, &part_condition(&key_columns(table), part), "");
        self.source.copy_out(&under(&self.aligned.name, table, &rows)).await.doing_to(READ, &due.compiled.input())?;
        let id = tokio::task::block_in_place(|| self.sink.chunk_begins(&due.name, part.clone()))?;
        let sent = self.lines(due, stop).await;
        match sent {
            Ok(Some(rows)) => {
                tokio::task::block_in_place(|| self.sink.chunk_ends(id, rows))?;
                (self.chunks, self.rows) = (self.chunks + 1, self.rows + rows);
                Ok(true)
            }
            Ok(None) => {
                self.cut_off = true;
                tokio::task::block_in_place(|| self.sink.chunk_fails())?;
                Ok(false)
            }
            Err(e) => {
                // one that is no key is passed by, and the next transaction wants a producer that is sound
                tokio::task::block_in_place(|| self.sink.chunk_fails()).or_else(|failed| match is_no_key(&e) {
                    true => Err(failed),
                    false => Ok(()),
                })?;
                Err(e)
            }
        }
    }

    /// How many rows it has; `None`: it is not to go on.
    async fn lines(&mut self, due: &Due, stop: &Stop) -> Result<Option<u64>, Error> {
        let mut out = BytesMut::with_capacity(256 * 1024);
        let (mut scratch, mut rows, mut looked) = (Vec::new(), 0u64, Instant::now());
        while let Some(lines) = self.source.copy_data().await.doing_to(READ, &due.compiled.input())? {
            if looked.elapsed() > WATCH {
                if stop.asked().is_some() || self.somebody_waits().await? {
                    return Ok(None);
                }
                looked = Instant::now();
            }
            if let Some(pace) = &self.flow.setup.pace {
                pace.took(lines.len()).await;
            }
            let masked = if !due.compiled.rewrites() {
                lines
            } else {
                due.compiled.copy_lines(&lines, &mut scratch, &mut out)?;
                out.split().freeze()
            };
            rows += memchr::memchr_iter(b'\n', &masked).count() as u64;
            tokio::task::block_in_place(|| self.sink.chunk_rows(masked))?;
        }
        Ok(Some(rows))
    }

    /// Does production wait for us? Then the slice ends here.
    async fn somebody_waits(&self) -> Result<bool, Error> {
        let mut watch = self.flow.watch.lock().await;
        crate::copy::slice::somebody_waits(&mut watch, &self.flow.setup.pipeline).await
    }
}
