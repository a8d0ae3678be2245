//! A part of a table, as it comes in the topic: loaded where something of it is pending here, else passed by.
//!
//! **Why it is exact.** It stands behind everything that its snapshot shows, and before everything that it does not. All of the former is
//! applied, the checkpoint is there, and a load holds it there ([`sink_postgres::load`]). Whatever else of the table is pending stays so.
//!
//! A load that fails by a row that is in the way is tried another way, as in a copy from production; its rows are then read from the
//! topic once more.

use std::sync::Arc;

use bytes::BytesMut;
use filters::change::Lsn;
use filters::filter::Compiled;
use sink_postgres::load::{Load, Loaded, Loader, Sieve, Task, Way};
use sink_postgres::part::Part;
use sink_postgres::sink::OnError;

use super::super::arrivals::Arrivals;
use super::super::envelope::{ChunkBegin, Decoder, Malformed, Record};
use super::Apply;
use crate::downstream::Name;
use crate::error::Error;

impl Apply {
    /// A part begins at this offset. All before it has been applied.
    pub(super) async fn chunk(&mut self, begin: ChunkBegin, offset: i64) -> Result<(), Error> {
        if self.changes > 0 || (begin.at != self.at && !self.begins) {
            return Err(self.malformed(offset, Malformed::BACK));
        }
        let Some(name) = self.descriptions.name(begin.table) else { return Ok(()) };
        let Some(part) = self.mine(&name, &begin.part).await? else { return Ok(()) };
        self.stand(begin.at, offset).await?;
        let task = self.task(&name, begin.table, part).await?;
        let done = self.load(&task, begin.at, offset).await;
        let sink = self.sink.as_mut().ok_or_else(|| Error::Bug("the sink is away".into()))?;
        sink.reload_pending().await?;
        match done {
            Ok(loaded) => self.note_chunk(&name, &loaded),
            Err(Error::Target(e)) if e.is_contention() => {
                tracing::warn!(schema = name.0, table = name.1, "the target is busy; the part is asked for again");
                self.loader = None;
            }
            Err(e) => return Err(e),
        }
        let done = self.sink.as_ref().and_then(|s| s.pending_of(&name)).is_none_or(|p| p.is_done());
        self.asking.came(&name, done);
        Ok(())
    }

    /// What of it is pending here, as a part of its own.
    async fn mine(&mut self, name: &Name, part: &Part) -> Result<Option<Part>, Error> {
        let sink = self.sink.as_mut().ok_or_else(|| Error::Bug("the sink is away".into()))?;
        let Some(pending) = sink.pending_of(name) else { return Ok(None) };
        let range = match part {
            Part::Points(points) => {
                return Ok(points.iter().any(|point| pending.points.contains(point)).then(|| part.clone()));
            }
            Part::Range(range) => range.clone(),
        };
        let Some(mut mine) = pending.holding(range.lo.as_ref(), range.hi.as_ref()).cloned() else { return Ok(None) };
        if let Some(lo) = range.lo.as_ref().filter(|lo| mine.lo.as_ref() != Some(lo)) {
            mine = sink.cut(name, mine.id, lo).await?.1;
        }
        if let Some(hi) = range.hi.as_ref().filter(|hi| mine.hi.as_ref() != Some(hi)) {
            mine = sink.cut(name, mine.id, hi).await?.0;
        }
        Ok(Some(Part::Range(mine)))
    }

    /// Brings the checkpoint where the part stands.
    async fn stand(&mut self, at: Lsn, offset: i64) -> Result<(), Error> {
        self.at = at;
        self.batch.reads_on(offset);
        self.batch.idle(at);
        if let Some(batch) = self.batch.take_idle() {
            let noted = super::note(&self.board, batch);
            let sink = self.sink.as_mut().ok_or_else(|| Error::Bug("the sink is away".into()))?;
            let progress = sink.apply_line(noted, &mut sink_postgres::line::Line::alone()).await?;
            self.reached_by(progress);
        }
        Ok(())
    }

    async fn task(&mut self, name: &Name, oid: u32, part: Part) -> Result<Task, Error> {
        let missing = || Error::Bug("a part of a table that was not described".into());
        let shape = Arc::clone(self.descriptions.shape(oid).ok_or_else(missing)?);
        let sink = self.sink.as_mut().ok_or_else(|| Error::Bug("the sink is away".into()))?;
        let mapping = sink.mapping(&shape).await?;
        let pending = Arc::new(sink.pending_of(name).cloned().unwrap_or_default());
        let spec = sink.spec(name).cloned().ok_or_else(missing)?;
        Ok(Task { mapping, spec, part, pending })
    }

    async fn load(&mut self, task: &Task, at: Lsn, offset: i64) -> Result<Loaded, Error> {
        let sieve = match self.on_error {
            OnError::Stop => None,
            OnError::Quarantine { most, unread } => Some(Way::Sifted(Sieve { most, yields: false, unread })),
        };
        let mut loader = match self.loader.take() {
            Some(loader) => loader,
            None => {
                let epoch = self.sink.as_ref().map_or(0, sink_postgres::PostgresSink::epoch);
                let loader = Loader::connect(&self.target, &self.pipeline, epoch).await?;
                self.cancels.add(loader.canceler());
                loader
            }
        };
        let compiled = self.descriptions.compiled(task.spec.known.oid).cloned();
        let mut taking =
            Taking { arrivals: &mut self.arrivals, decoder: &mut self.decoder, next: &mut self.next, compiled };
        let load = loader.begin(task.clone(), at, Way::Straight).await;
        let rows = rows(load, &mut taking).await;
        let mut done = rows.map_err(|e| e.of(&self.topic))?;
        if matches!(&done, Err(e) if e.is_unique_violation()) {
            done = self.again(&mut loader, task, at, offset, Way::Staged).await?;
        }
        if let Some(sieve) = sieve
            && matches!(&done, Err(e) if e.is_of_a_row())
        {
            done = self.again(&mut loader, task, at, offset, sieve).await?;
        }
        self.loader = Some(loader);
        Ok(done?)
    }

    /// Reads the rows from the topic once more.
    async fn again(
        &self,
        loader: &mut Loader,
        task: &Task,
        at: Lsn,
        offset: i64,
        way: Way,
    ) -> Result<Result<Loaded, sink_postgres::Error>, Error> {
        let mut arrivals = Arrivals::open(&self.options, offset + 1)?;
        let compiled = self.descriptions.compiled(task.spec.known.oid).cloned();
        let (mut decoder, mut next) = (Decoder::new(), 0);
        let mut taking = Taking { arrivals: &mut arrivals, decoder: &mut decoder, next: &mut next, compiled };
        let load = loader.begin(task.clone(), at, way).await;
        rows(load, &mut taking).await.map_err(|e| e.of(&self.topic))
    }

    fn note_chunk(&self, name: &Name, loaded: &Loaded) {
        let done = self.sink.as_ref().and_then(|s| s.pending_of(name)).is_some_and(|p| p.is_done());
        let mut state = self.board.state();
        state.divergences += loaded.divergences;
        state.quarantined_ever += loaded.quarantined;
        let table = state.tables.entry(format!("{}.{}", name.0, name.1)).or_default();
        table.rows += loaded.rows;
        table.bytes += loaded.bytes;
        table.deleted += loaded.deleted;
        table.done = done;
        state.step(true);
    }
}

/// Why a part could not be read to its end.
enum Broken {
    /// It did not come.
    Unread(Box<Error>),
    /// Something else stands there.
    Foreign(i64, Malformed),
}

impl Broken {
    fn of(self, topic: &str) -> Error {
        match self {
            Broken::Unread(e) => *e,
            Broken::Foreign(offset, why) => Error::Topic { topic: topic.to_owned(), offset: Some(offset), why },
        }
    }
}

/// Where rows come from, and what the target's own file makes of them.
struct Taking<'t> {
    arrivals: &'t mut Arrivals,
    decoder: &'t mut Decoder,
    next: &'t mut i64,
    compiled: Option<Arc<Compiled>>,
}

/// Takes the rows up to their end, and loads them; what fails on the target is told when all have been taken.
async fn rows(
    load: Result<Load<'_>, sink_postgres::Error>,
    Taking { arrivals, decoder, next, compiled }: &mut Taking<'_>,
) -> Result<Result<Loaded, sink_postgres::Error>, Broken> {
    let mut scratch = Vec::new();
    let (mut load, mut failed) = match load {
        Ok(load) => (Some(load), None),
        Err(e) => (None, Some(e)),
    };
    loop {
        let taken = match arrivals.next().await {
            Ok(taken) => taken,
            Err(e) => {
                if let Some(load) = load {
                    load.abandon().await;
                }
                return Err(Broken::Unread(Box::new(e)));
            }
        };
        let offset = taken.offset;
        **next = offset + 1;
        match decoder.decode(taken.value) {
            Ok(Record::ChunkRows(mut lines)) => {
                if let Some(compiled) = compiled {
                    let mut out = BytesMut::with_capacity(lines.len());
                    if let Err(e) = compiled.whole_lines(&lines, &mut scratch, &mut out) {
                        if let Some(load) = load {
                            load.abandon().await;
                        }
                        return Err(Broken::Unread(Box::new(e.into())));
                    }
                    lines = out.freeze();
                }
                if let Some(Err(e)) = match &mut load {
                    Some(load) => Some(load.write(&lines).await),
                    None => None,
                } {
                    if let Some(load) = load.take() {
                        load.abandon().await;
                    }
                    failed = Some(e);
                }
                sink_postgres::failpoint::hit("part.rows");
            }
            Ok(Record::ChunkEnd(_)) => break,
            // a part is one transaction: what stands amid it somebody else has put there
            other => {
                if let Some(load) = load {
                    load.abandon().await;
                }
                return Err(Broken::Foreign(offset, other.err().unwrap_or(Malformed::AMID)));
            }
        }
    }
    Ok(match (load, failed) {
        (Some(load), None) => load.finish().await,
        (_, Some(e)) => Err(e),
        (None, None) => Err(sink_postgres::Error::Bug("no load".into())),
    })
}
