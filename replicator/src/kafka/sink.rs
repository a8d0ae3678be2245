//! The topic as the end of a pipe.
//!
//! **Why it is exactly once.** A batch, whatever of it, is one Kafka transaction: all of its records can be read, or none. The topic
//! ends with a position, in the same transaction; whoever captures next goes on from there, and sends nothing that is there already.
//! Whoever still captured is fenced by that: his transaction is aborted, and he can commit none again.
//!
//! - A source transaction larger than a batch comes in pieces, each a Kafka transaction. It is whole with its `Commit`; a capture
//!   that ends amid it leaves pieces without one, and the next begins with a `Start`, which makes them void.
//! - Production hears a position when Kafka has committed it with `acks=all`. There is nothing between applied and durable.
//! - What is said of a table (its shape, that its rows are unknown) stands in the order of the changes, so every applier learns it at
//!   the same place; and in the capture's own memory ([`super::memory`]), in the same Kafka transaction.
//!
//! Pending is here what appliers were told is unknown, until something of it is sent: each of them has what it misses itself.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use filters::change::{Batch, Lsn, Progress, Table as Shape};
use sink_postgres::failpoint;
use sink_postgres::line::{Line, Noted};
use sink_postgres::pending::{Pending, Range};
use sink_postgres::sequences::Wanted;

use super::envelope::{ChunkBegin, ChunkEnd, Commit, Described, Encoder, Record};
use super::memory::{BELONGS, Belongs, Memory, PLACED, Placed, Table, key_of};
use super::producer::Producer;
use crate::downstream::{Downstream, Name};
use crate::error::Error;

/// So many sequences are said with one record: names of the longest make half a megabyte of it.
const AT_ONCE: usize = 2_000;

/// The topic, taken over.
pub struct KafkaSink {
    producer: Producer,
    encoder: Encoder,
    progress: Progress,
    belongs: Belongs,
    tables: HashMap<Name, Table>,
    pending: HashMap<Name, Pending>,
    /// The shape in which rows of a table were described last since the start, by its OID.
    told: HashMap<u32, Arc<Shape>>,
    /// The position that the topic has named last.
    named: Lsn,
    /// Changes that were sent since the last commit: pieces of a source transaction that is not over.
    sent: u64,
    xids: (u64, u64),
    chunks: u64,
}

impl KafkaSink {
    /// Goes on from what was remembered; `belongs` and `tables` as they are now, and what of these waits. The first records say that a capture begins.
    pub fn begin(
        producer: Producer,
        placed: Placed,
        belongs: Belongs,
        tables: Vec<Described>,
        (memory, waits, due): (Memory, HashMap<Name, u64>, Option<&'static str>),
    ) -> Result<KafkaSink, Error> {
        let at = placed.at;
        let mut sink = KafkaSink {
            producer,
            encoder: Encoder::new(),
            progress: Progress { applied: at, durable: at },
            belongs,
            tables: HashMap::new(),
            pending: HashMap::new(),
            told: HashMap::new(),
            named: at,
            sent: 0,
            xids: placed.xids,
            chunks: 0,
        };
        sink.start(tables, memory, &waits, due)?;
        Ok(sink)
    }

    fn start(
        &mut self,
        tables: Vec<Described>,
        mut memory: Memory,
        waits: &HashMap<Name, u64>,
        all: Option<&'static str>,
    ) -> Result<(), Error> {
        self.producer.begin()?;
        self.send(&Record::Start(self.belongs.start.clone()))?;
        self.remember(BELONGS, self.belongs.encode(&mut Encoder::new()))?;
        for described in tables {
            let name = (described.spec.schema.clone(), described.spec.name.clone());
            let was = memory.tables.remove(&name);
            let (rows, mut due, mut wait) = was.map_or((None, None, None), |was| (was.rows, was.due, was.wait));
            if let Some(why) = all {
                (due, wait) = (Some(why.to_owned()), None);
            }
            if let Some(xid) = waits.get(&name) {
                (due, wait) = (Some("it joined the publication".to_owned()), Some(*xid));
            }
            let table = Table { described, rows, due, wait };
            self.tell(&table, &name)?;
            if let Some(why) = table.due {
                // said again: it may have been said amid what is void now
                self.send(&Record::Due { table: table.described.shape.oid, why })?;
                self.pending.insert(name, whole());
            }
        }
        for name in memory.tables.keys() {
            self.remember(&key_of(name), Vec::new())?;
        }
        self.position(self.progress.applied)?;
        self.place(self.progress.applied)?;
        failpoint::hit("capture.begun");
        self.producer.commit()?;
        failpoint::hit("capture.started");
        Ok(())
    }

    /// Describes a table, and remembers it so.
    fn tell(&mut self, table: &Table, name: &Name) -> Result<(), Error> {
        self.send(&Record::Table(table.described.clone()))?;
        self.told.insert(table.described.shape.oid, Arc::clone(&table.described.shape));
        self.note(table, name)
    }

    fn note(&mut self, table: &Table, name: &Name) -> Result<(), Error> {
        let value = table.encode(&mut Encoder::new());
        self.remember(&key_of(name), value)?;
        self.tables.insert(name.clone(), table.clone());
        Ok(())
    }

    fn send(&mut self, record: &Record) -> Result<(), Error> {
        let encoded = self.encoder.record(record);
        self.producer.send(encoded.key, encoded.headers.as_ref().map_or(&[], |h| &h[..]), encoded.value)
    }

    fn remember(&mut self, key: &str, value: Vec<u8>) -> Result<(), Error> {
        self.producer.remember(key.as_bytes(), &value)
    }

    fn position(&mut self, lsn: Lsn) -> Result<(), Error> {
        self.send(&Record::Position { after: self.named, lsn })?;
        self.named = lsn;
        Ok(())
    }

    /// In the transaction of what leads there.
    fn place(&mut self, at: Lsn) -> Result<(), Error> {
        let placed = Placed { at, xids: self.xids, last: self.producer.last().max(0) };
        self.remember(PLACED, placed.encode())
    }

    /// Where it stands.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// Is it known so?
    pub fn table(&self, name: &Name) -> Option<&Table> {
        self.tables.get(name)
    }

    /// One Kafka transaction, all or nothing.
    fn whole(&mut self, what: impl FnOnce(&mut KafkaSink) -> Result<(), Error>) -> Result<(), Error> {
        self.producer.begin()?;
        match what(self) {
            Ok(()) => self.producer.commit().map(drop),
            Err(e) => {
                let _ = self.producer.abort();
                Err(e)
            }
        }
    }

    fn batch(&mut self, batch: &Batch) -> Result<(), Error> {
        let mut commits = batch.commits.iter().peekable();
        let mut seq = self.sent;
        for (i, change) in batch.changes.iter().enumerate() {
            while let Some(commit) = commits.next_if(|c| c.changes <= i) {
                self.commit(commit, seq)?;
                seq = 0;
            }
            if self.told.get(&change.table.oid).is_none_or(|told| !Arc::ptr_eq(told, &change.table)) {
                self.shape(&change.table)?;
            }
            let lsn = commits.peek().map_or(batch.open, |c| c.begun);
            let encoded = self.encoder.change(change, lsn, seq);
            self.producer.send(encoded.key, encoded.headers.as_ref().map_or(&[], |h| &h[..]), encoded.value)?;
            failpoint::hit("capture.sent");
            seq += 1;
        }
        for commit in commits {
            self.commit(commit, seq)?;
            seq = 0;
        }
        if let Some(upto) = batch.upto.filter(|upto| batch.commits.last().is_none_or(|last| last.lsn < *upto)) {
            self.position(upto)?;
        }
        if let Some(upto) = batch.upto {
            self.place(upto)?;
        }
        self.sent = seq;
        Ok(())
    }

    fn commit(&mut self, commit: &filters::change::Commit, changes: u64) -> Result<(), Error> {
        let (lsn, xid, time) = (commit.lsn, commit.xid, commit.time);
        self.send(&Record::Commit(Commit { lsn, xid, time, xids: self.xids, changes, after: self.named }))?;
        self.named = lsn;
        Ok(())
    }

    /// Rows of a table come in another shape than it was described in, or as it was by another Relation.
    fn shape(&mut self, shape: &Arc<Shape>) -> Result<(), Error> {
        let name = (shape.schema.to_string(), shape.name.to_string());
        let known = self.tables.get(&name).cloned();
        let mut known = known.ok_or_else(|| Error::Bug(format!("a change of {shape}, which was not described")))?;
        if *known.described.shape != **shape {
            known.described.shape = Arc::clone(shape);
            self.tell(&known, &name)?;
        }
        self.told.insert(shape.oid, Arc::clone(shape));
        Ok(())
    }

    fn apply(&mut self, Noted { batch, xids }: Noted) -> Result<Progress, Error> {
        self.xids = xids;
        let (sent, named) = (self.sent, self.named);
        let done = self.whole(|sink| sink.batch(&batch));
        if let Err(e) = done {
            // what was described is so no more; a producer that has failed is made anew with all of it
            (self.sent, self.named) = (sent, named);
            return Err(e);
        }
        match batch.upto {
            Some(_) => failpoint::hit("capture.committed"),
            None => failpoint::hit("capture.piece"),
        }
        if let Some(upto) = batch.upto {
            self.progress = Progress { applied: upto, durable: upto };
        }
        Ok(self.progress)
    }

    /// The transaction id that a snapshot must have behind it before it counts for this table.
    pub fn waits_for(&self, name: &Name) -> Option<u64> {
        self.tables.get(name)?.wait
    }

    /// All tables that wait so.
    pub fn waits(&self) -> HashMap<Name, u64> {
        self.tables.iter().filter_map(|(name, table)| Some((name.clone(), table.wait?))).collect()
    }

    /// Parts of a table are about to be sent that was unknown: its rows are here now.
    pub fn is_sent(&mut self, name: &Name, rows: String) -> Result<(), Error> {
        let Some(table) = self.tables.get(name) else { return Ok(()) };
        let table = Table { rows: Some(rows), due: None, wait: None, ..table.clone() };
        self.whole(|sink| sink.note(&table, name))?;
        self.pending.remove(name);
        Ok(())
    }

    /// A part of a table begins, in a transaction of its own.
    pub fn chunk_begins(&mut self, name: &Name, part: sink_postgres::part::Part) -> Result<u64, Error> {
        self.chunks += 1;
        self.producer.begin()?;
        let oid = self.tables.get(name).map(|table| table.described.shape.oid);
        let table = oid.ok_or_else(|| Error::Bug("a part of a table that was not described".into()))?;
        let begin = ChunkBegin { table, id: self.chunks, at: self.progress.applied, part };
        self.send(&Record::ChunkBegin(begin))?;
        Ok(self.chunks)
    }

    /// Some of its rows: lines of COPY, masked.
    pub fn chunk_rows(&mut self, lines: Bytes) -> Result<(), Error> {
        self.send(&Record::ChunkRows(lines))?;
        failpoint::hit("capture.rows");
        Ok(())
    }

    /// It is whole, and can be read. Behind it stands where the stream is.
    pub fn chunk_ends(&mut self, id: u64, rows: u64) -> Result<(), Error> {
        self.send(&Record::ChunkEnd(ChunkEnd { id, rows }))?;
        self.position(self.progress.applied)?;
        self.producer.commit().map(drop)
    }

    /// Nothing of it comes after all.
    pub fn chunk_fails(&mut self) -> Result<(), Error> {
        self.producer.abort()
    }

    /// Has a source transaction been sent in part?
    pub fn is_amid(&self) -> bool {
        self.sent > 0
    }

    /// How far production's sequences are.
    pub fn sequences(&mut self, wanted: &[Wanted]) -> Result<(), Error> {
        self.whole(|sink| wanted.chunks(AT_ONCE).try_for_each(|some| sink.send(&Record::Sequences(some.to_vec()))))
    }

    /// Requests were heard up to here, and need not be again.
    pub fn hears(&mut self, requests: i64) -> Result<(), Error> {
        let belongs = Belongs { requests, ..self.belongs.clone() };
        let value = belongs.encode(&mut Encoder::new());
        self.whole(|sink| sink.remember(BELONGS, value))?;
        self.belongs = belongs;
        Ok(())
    }
}

fn whole() -> Pending {
    Pending { ranges: vec![Range { id: 0, lo: None, hi: None, columns: Vec::new() }], ..Pending::default() }
}

impl Downstream for KafkaSink {
    async fn apply_line(&mut self, first: Noted, _: &mut Line) -> Result<Progress, Error> {
        // librdkafka blocks; the loop goes on reading on another thread meanwhile
        tokio::task::block_in_place(|| self.apply(first))
    }

    fn pending(&self) -> impl Iterator<Item = (&Name, &Pending)> {
        self.pending.iter()
    }

    fn pending_of(&self, name: &Name) -> Option<&Pending> {
        self.pending.get(name)
    }

    async fn make_pending(&mut self, name: &Name, why: &str) -> Result<(), Error> {
        let Some(mut table) = self.tables.get(name).cloned() else { return Ok(()) };
        table.due = Some(why.to_owned());
        let due = Record::Due { table: table.described.shape.oid, why: why.to_owned() };
        tokio::task::block_in_place(|| {
            self.whole(|sink| {
                sink.send(&due)?;
                sink.note(&table, name)
            })
        })?;
        self.pending.insert(name.clone(), whole());
        Ok(())
    }

    async fn drop_pieces(&mut self) -> Result<(), Error> {
        // who captures next begins with a `Start`, and that makes them void; this one ends here
        Ok(())
    }

    async fn note_rows(&mut self, name: &Name, rows: &str) -> Result<(), Error> {
        let Some(mut table) = self.tables.get(name).cloned() else { return Ok(()) };
        table.rows = Some(rows.to_owned());
        tokio::task::block_in_place(|| self.whole(|sink| sink.note(&table, name)))
    }

    async fn noted_rows(&mut self, of: &[Name]) -> Result<Vec<(Name, Option<String>)>, Error> {
        let known = of.iter().filter_map(|name| Some((name.clone(), self.tables.get(name)?.rows.clone())));
        Ok(known.filter(|(name, _)| !self.pending.contains_key(name)).collect())
    }

    fn take_counts(&mut self) -> (u64, u64) {
        (0, 0)
    }
}
