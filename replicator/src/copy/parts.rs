//! Cutting what is pending into parts that are loaded one by one.
//!
//! A range is cut at production's own keys under S, so that its first part has about as many rows as one load may take.
//! The cut is written down before the part is read: what is loaded then is a range of its own.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use filters::filter::Compiled;
use sink_postgres::PostgresSink;
use sink_postgres::load::Task;
use sink_postgres::part::{KeyColumn, Part, part_condition};
use sink_postgres::pending::Range;
use wire::{quote_ident, quote_literal};

use super::align::{Aligned, BEGIN};
use super::chunk::Chunk;
use super::due::Due;
use super::exporter::Exporter;
use crate::board::TableCopy;
use crate::error::{Doing, Error};
use crate::flow::Flow;
use crate::source::catalog::{self, SourceTable};
use crate::source::rewrites::{self, Rows};

/// Keys of pending points that one chunk brings.
const POINTS: usize = 500;
/// So many parts of a table may meet a lock on the target before a slice leaves the table alone.
const GIVE_UP: u32 = 2;

/// Cuts pending ranges into parts, one after another.
pub struct Parts {
    tables: Vec<(Due, SourceTable)>,
    /// Of those before this one nothing is left for this slice: what is free grows by cuts of the same table only.
    at: usize,
    taken: HashSet<i64>,
    loaded: HashSet<i64>,
    points_taken: HashSet<(String, String)>,
    /// How many parts of a table met a lock on the target.
    busy: HashMap<(String, String), u32>,
}

impl Parts {
    /// Compares the tables' shapes under S with what the stream and the policy know.
    pub async fn new(flow: &Flow, sink: &mut PostgresSink, aligned: &Aligned, due: Vec<Due>) -> Result<Parts, Error> {
        let (exporter, xmin) = (&aligned.exporter, aligned.snapshot.xmin);
        let mut tables = Vec::new();
        for due in due {
            // a table that joined a running publication: rows written before it joined, by a transaction that S does not
            // show, would be in neither snapshot nor stream
            if let Some(wait) = flow.setup.waits.get(&due.name).filter(|w| **w > xmin) {
                tracing::info!(table = %due.compiled.output, xid = wait, xmin, "waits for the transactions that were open when it joined the publication");
                continue;
            }
            let found = catalog::table(&mut *exporter.lock().await, &due.name.0, &due.name.1)
                .await
                .doing("read the catalog")?;
            let planned = flow.shapes.planned().find(|p| p.name() == due.name);
            if let Some(how) = planned.and_then(|p| p.differs(found.as_ref())) {
                return Err(Error::Changed { table: due.compiled.output.to_string(), how });
            }
            let Some(found) = found else { continue };
            announce(flow, &due.compiled, found.rows);
            sink.mapping(&due.compiled.output).await?;
            let pending = sink.pending_of(&due.name).map(|p| (p.is_whole(), p.fills()));
            let (whole, fills) = pending.unwrap_or_default();
            if whole || fills {
                let oid = found.shape.oid;
                let look =
                    rewrites::looks(&mut *exporter.lock().await, &[oid]).await.doing("read the catalog")?.remove(&oid);
                if let (Some(look), Some(planned)) = (look, planned) {
                    let now = look.rows.of(&planned.concerns());
                    let noted = if whole { None } else { noted(sink, &due.name).await? };
                    sink.note_rows(&due.name, &noted.map_or(now.clone(), |was| was.begins(now)).text()).await?;
                }
            }
            tables.push((due, found));
        }
        Ok(Parts {
            tables,
            at: 0,
            taken: HashSet::new(),
            loaded: HashSet::new(),
            points_taken: HashSet::new(),
            busy: HashMap::new(),
        })
    }

    /// A part was loaded. Is nothing more pending of its table? (What the sink knows is of before the slice, and of its cuts.)
    pub fn is_last(&mut self, sink: &PostgresSink, chunk: &Chunk) -> bool {
        let spec = &chunk.task.spec;
        let pending = sink.pending_of(&(spec.schema.clone(), spec.name.clone()));
        match &chunk.task.part {
            Part::Range(range) => {
                self.loaded.insert(range.id);
                // with the range that has no ends goes every single key
                let all = range.is_whole();
                pending.is_none_or(|p| {
                    p.ranges.iter().all(|r| self.loaded.contains(&r.id)) && (all || p.points.is_empty())
                })
            }
            Part::Points(points) => pending.is_none_or(|p| p.points.len() <= points.len()),
        }
    }

    /// Somebody on the target holds a lock in the way of this part: it stays pending.
    pub fn meets_a_lock(&mut self, chunk: &Chunk) {
        let spec = &chunk.task.spec;
        *self.busy.entry((spec.schema.clone(), spec.name.clone())).or_default() += 1;
    }

    /// The next part, or nothing more.
    pub async fn next(
        &mut self,
        flow: &Flow,
        sink: &mut PostgresSink,
        aligned: &Aligned,
    ) -> Result<Option<Chunk>, Error> {
        while let Some((due, table)) = self.tables.get(self.at) {
            // where the whole table is held, it seems, each further part would wait in vain
            let held = self.busy.get(&due.name).is_some_and(|n| *n >= GIVE_UP);
            let Some(pending) = sink.pending_of(&due.name).filter(|_| !held).cloned() else {
                self.at += 1;
                continue;
            };
            // rows come before columns of rows
            let mut free: Vec<&Range> = pending.ranges.iter().filter(|r| !self.taken.contains(&r.id)).collect();
            free.sort_by_key(|r| !r.hides());
            let range = free.first().map(|r| Range::clone(r));
            let part = match range {
                Some(range) => {
                    // a unit has no cut
                    let rows = flow.setup.chunk_rows(table);
                    let at = match pending.kinds {
                        Some(_) => cut(&aligned.exporter, due, table, &range, rows).await?,
                        None => None,
                    };
                    let range = match at {
                        Some(at) => {
                            let (first, _) = sink.cut(&due.name, range.id, &at).await?;
                            sink_postgres::failpoint::hit("chunk.cut");
                            first
                        }
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
                None => {
                    self.at += 1;
                    continue;
                }
            };
            let spec = sink
                .spec(&due.name)
                .cloned()
                .ok_or_else(|| Error::Bug("a pending table that is not registered".into()))?;
            let mapping = sink.mapping(&due.compiled.output).await?;
            let rows = table.select(&due.compiled, &part_condition(&key_columns(table), &part), "");
            let sql = under(&aligned.name, table, &rows);
            let at = sink.progress().applied;
            let task = Task { mapping, spec, part, pending: Arc::new(pending) };
            return Ok(Some(Chunk {
                task,
                compiled: due.compiled.clone(),
                sql,
                at,
                on_error: flow.setup.on_error,
                yields: false,
            }));
        }
        Ok(None)
    }
}

/// Reads rows under S, as one message: production ends the transaction with the last row, and waits for nothing that we do
/// with them.
///
/// The lock comes before S. That S can still be had proves that the exporter is there, and with it the lock that is older than
/// S; so nothing has rewritten the table in between (its rows would look gone under S), and now there is a lock of our own.
/// The other way round, behind somebody who waits for the table, an exporter that goes would let him in before us.
pub(crate) fn under(snapshot: &str, table: &SourceTable, rows: &str) -> String {
    format!(
        "{BEGIN}; LOCK TABLE {} IN ACCESS SHARE MODE; SET TRANSACTION SNAPSHOT {}; COPY ({rows}) TO STDOUT; COMMIT",
        table.from(),
        quote_literal(snapshot)
    )
}

/// Where its rows were, as it was noted last.
async fn noted(sink: &mut PostgresSink, name: &(String, String)) -> Result<Option<Rows>, Error> {
    let noted = sink.noted_rows(std::slice::from_ref(name)).await?.pop();
    Ok(noted.and_then(|(_, text)| Rows::parse(&text?)))
}

/// Shows that a table is about to be copied.
fn announce(flow: &Flow, compiled: &Compiled, rows: i64) {
    let mut state = flow.board.state();
    let entry: &mut TableCopy = state.tables.entry(compiled.output.to_string()).or_default();
    entry.estimate = u64::try_from(rows).unwrap_or(0).max(entry.rows);
    entry.done = false;
}

/// The key at which a range is cut so that its first part has `rows` rows; `None` if it has no more than that.
pub(crate) async fn cut(
    exporter: &Exporter,
    due: &Due,
    table: &SourceTable,
    range: &Range,
    rows: u64,
) -> Result<Option<Vec<String>>, Error> {
    let columns = key_columns(table);
    let names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
    let texts: Vec<String> = names.iter().map(|n| format!("t.{n}::pg_catalog.text")).collect();
    // with its table's name: a bare one would be the output column, and order by its text
    let order: Vec<String> = names.iter().map(|n| format!("t.{n}")).collect();
    let sql = format!(
        "SELECT {} FROM {} AS t WHERE ({}) AND ({}) ORDER BY {} OFFSET {rows} LIMIT 1",
        texts.join(", "),
        table.from(),
        part_condition(&columns, &Part::Range(range.clone())),
        due.compiled.only().unwrap_or("true"),
        order.join(", ")
    );
    let found = exporter.lock().await.simple_on_rows(&sql).await.doing_to("cut a range of", &table.shape)?;
    Ok(found
        .first()
        .and_then(|r| r.first())
        .map(|row| (0..columns.len()).map(|i| row.get(i).unwrap_or_default().to_owned()).collect()))
}

pub(crate) fn key_columns(table: &SourceTable) -> Vec<KeyColumn> {
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
