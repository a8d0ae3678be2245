//! Messages to events: the one place that knows where in the stream we stand.
//!
//! Pure. It keeps the tables' shapes by OID, and whether a transaction is open. What is right about it:
//!
//! - A position comes from a Commit that belongs to the Begin before it, or from a keepalive while **no transaction is
//!   open**; under protocol 1 the latter means that all before it was sent. Positions never go back: the server's
//!   keepalives do, right after a commit and while it reads up to where the slot stands, so they are lifted to the
//!   last commit; that is as true.
//! - A change travels with the `Arc<Table>` of the Relation before it. A Relation that says nothing new is told
//!   too (production's table was touched), and keeps the `Arc`, so that whoever caches by pointer finds his own again.
//! - What does not fit (a change outside a transaction or of an unknown table, a row of another width) is an error:
//!   the stream is not what we think it is, and nothing after it could be trusted.

use std::{collections::HashMap, collections::VecDeque, sync::Arc};

use filters::change::{Change, Column, Event, Identity, Lsn, Op, Row, Table};

use super::pgoutput::{Commit, Message, Relation, Truncate};

/// The message cannot be at this point of the stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A second Begin.
    #[error("decode: a transaction begins inside another")]
    BeginInside,
    /// Needs a Begin before it.
    #[error("decode: {0} outside a transaction")]
    Outside(&'static str),
    /// The Commit is of another transaction than the Begin.
    #[error("decode: commit at {got} in the transaction that commits at {want}")]
    OtherCommit {
        /// What Begin announced.
        want: Lsn,
        /// What Commit says.
        got: Lsn,
    },
    /// No Relation came before the change.
    #[error("decode: change of table {0}, which was not described")]
    UnknownTable(u32),
    /// The row does not fit the table.
    #[error("decode: a row of {got} columns for {table}, which has {want}")]
    Columns {
        /// The table.
        table: Box<str>,
        /// How many it has.
        want: usize,
        /// How many came.
        got: usize,
    },
    /// `relreplident` is none of `d`, `n`, `f`, `i`.
    #[error("decode: table {oid} has the unknown replica identity {identity:#04x}")]
    Identity {
        /// The table.
        oid: u32,
        /// What came.
        identity: u8,
    },
}

/// The state of a stream.
#[derive(Debug)]
pub struct Decoder {
    tables: HashMap<u32, Arc<Table>>,
    /// The table of the last change: they come in runs.
    last: Option<Arc<Table>>,
    /// The announced commit of the open transaction.
    open: Option<Lsn>,
    /// Where we stand: the end of the last commit, or an idle position.
    position: Lsn,
    /// The tables of a TRUNCATE behind the first.
    more: VecDeque<Event>,
}

impl Decoder {
    /// For a stream that was started at `from`.
    pub fn new(from: Lsn) -> Decoder {
        Decoder { tables: HashMap::new(), last: None, open: None, position: from, more: VecDeque::new() }
    }

    /// Takes a message in. `None`: it says nothing that concerns the pipe. After it, take [`more`](Decoder::more)
    /// until it is empty.
    #[inline]
    pub fn message(&mut self, message: Message) -> Result<Option<Event>, Error> {
        let (oid, op) = match message {
            Message::Insert(m) => (m.oid, Op::Insert { new: m.new }),
            Message::Update(m) => (m.oid, Op::Update { old: m.old, new: m.new }),
            Message::Delete(m) => (m.oid, Op::Delete { old: m.old }),
            Message::Truncate(m) => return self.truncate(m),
            Message::Begin(m) => {
                if self.open.replace(m.final_lsn).is_some() {
                    return Err(Error::BeginInside);
                }
                return Ok(Some(Event::Begin { xid: m.xid, lsn: m.final_lsn, time: m.time }));
            }
            Message::Commit(m) => return self.commit(m).map(Some),
            Message::Relation(m) => return self.relation(m),
            Message::Origin(_) | Message::Type(_) | Message::Logical(_) | Message::StreamAbort(_) => return Ok(None),
        };
        self.change(oid, op).map(Some)
    }

    /// The next of the events that the last message brought besides its first.
    #[inline]
    pub fn more(&mut self) -> Option<Event> {
        self.more.pop_front()
    }

    /// Is there an event for [`more`](Decoder::more)?
    pub fn has_more(&self) -> bool {
        !self.more.is_empty()
    }

    /// Takes a keepalive in that says `end`. `None` inside a transaction: there it is no position.
    pub fn keepalive(&mut self, end: Lsn) -> Option<Event> {
        if self.open.is_some() {
            return None;
        }
        self.position = self.position.max(end);
        Some(Event::Idle(self.position))
    }

    /// Is a transaction open?
    pub fn in_transaction(&self) -> bool {
        self.open.is_some()
    }

    fn commit(&mut self, commit: Commit) -> Result<Event, Error> {
        let want = self.open.take().ok_or(Error::Outside("commit"))?;
        if want != commit.lsn {
            return Err(Error::OtherCommit { want, got: commit.lsn });
        }
        self.position = self.position.max(commit.end_lsn);
        Ok(Event::Commit { lsn: commit.end_lsn, time: commit.time })
    }

    #[inline]
    fn change(&mut self, oid: u32, op: Op) -> Result<Event, Error> {
        if self.open.is_none() {
            return Err(Error::Outside("change"));
        }
        let table = match &self.last {
            Some(table) if table.oid == oid => table,
            _ => self.last.insert(self.tables.get(&oid).ok_or(Error::UnknownTable(oid))?.clone()),
        };
        let fits = |row: &Row| match row.len() {
            got if got == table.columns.len() => Ok(()),
            got => Err(Error::Columns { table: table.to_string().into(), want: table.columns.len(), got }),
        };
        match &op {
            Op::Insert { new } => fits(new)?,
            Op::Update { old, new } => {
                fits(new)?;
                old.as_ref().map_or(Ok(()), |old| fits(old.row()))?;
            }
            Op::Delete { old } => fits(old.row())?,
            Op::Due { .. } | Op::Truncate { .. } => {}
        }
        Ok(Event::Change(Change { table: table.clone(), op }))
    }

    fn truncate(&mut self, truncate: Truncate) -> Result<Option<Event>, Error> {
        for oid in truncate.oids {
            let event = self.change(oid, Op::Truncate { restart_identity: truncate.restart_identity })?;
            self.more.push_back(event);
        }
        Ok(self.more())
    }

    fn relation(&mut self, relation: Relation) -> Result<Option<Event>, Error> {
        let table = table(relation)?;
        if let Some(known) = self.tables.get(&table.oid).filter(|known| ***known == table) {
            return Ok(Some(Event::Schema(known.clone())));
        }
        self.last = None;
        let table = Arc::new(table);
        self.tables.insert(table.oid, table.clone());
        Ok(Some(Event::Schema(table)))
    }
}

fn table(relation: Relation) -> Result<Table, Error> {
    let Relation { oid, namespace, name, identity, columns } = relation;
    let identity = match identity {
        b'd' => Identity::Default,
        b'n' => Identity::Nothing,
        b'f' => Identity::Full,
        b'i' => Identity::Index,
        identity => return Err(Error::Identity { oid, identity }),
    };
    let schema = if namespace.is_empty() { "pg_catalog".into() } else { namespace };
    let columns = columns.into_iter().map(|c| Column {
        name: c.name,
        type_oid: c.type_oid,
        type_modifier: c.type_modifier,
        key: c.flags & 1 != 0,
    });
    Ok(Table { oid, schema, name, identity, columns: columns.collect() })
}

#[cfg(test)]
mod tests;
