//! The model of a change: what walks through the pipe, and the two traits at its ends.
//!
//! This is the lowest module of all. A filter is a function on changes, so the package that defines the functions
//! defines what they act on. Nothing here is serialised; nothing here does I/O.

use std::fmt;
use std::future::Future;
use std::str::FromStr;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};

/// A position in production's WAL, in bytes since its beginning.
///
/// Only the end of a **commit** is a position to resume from: the LSNs of interleaved transactions' rows do not grow.
/// Shown as PostgreSQL shows `pg_lsn`: two hexadecimal halves, `16/B374D848`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Lsn(pub u64);

impl Lsn {
    /// "Nothing yet."
    pub const ZERO: Lsn = Lsn(0);
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xffff_ffff)
    }
}

impl fmt::Debug for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is no `pg_lsn`.
#[derive(Debug, thiserror::Error)]
#[error("not a log sequence number (two hexadecimal halves with a slash between, such as 16/B374D848)")]
pub struct NotAnLsn;

impl FromStr for Lsn {
    type Err = NotAnLsn;
    fn from_str(s: &str) -> Result<Lsn, NotAnLsn> {
        let half = |h: &str| match h.len() {
            1..=8 if h.bytes().all(|b| b.is_ascii_hexdigit()) => u64::from_str_radix(h, 16).map_err(|_| NotAnLsn),
            _ => Err(NotAnLsn),
        };
        let (high, low) = s.split_once('/').ok_or(NotAnLsn)?;
        Ok(Lsn(half(high)? << 32 | half(low)?))
    }
}

/// What identifies a row of a table in the stream (`REPLICA IDENTITY`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Identity {
    /// The primary key, if there is one.
    Default,
    /// Nothing: no updates, no deletes.
    Nothing,
    /// The whole old row.
    Full,
    /// The columns of a chosen unique index.
    Index,
}

/// A column as production has it.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Column {
    /// Its name, unquoted.
    pub name: Box<str>,
    /// `pg_type.oid` on production.
    pub type_oid: u32,
    /// `atttypmod`, -1 where there is none.
    pub type_modifier: i32,
    /// Is it a part of the replica identity?
    pub key: bool,
}

/// A table's shape at a point in the stream. A new shape is a new `Arc<Table>`; it travels with its rows.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Table {
    /// `pg_class.oid` on production.
    pub oid: u32,
    /// Schema, unquoted.
    pub schema: Box<str>,
    /// Name, unquoted.
    pub name: Box<str>,
    /// What old rows hold.
    pub identity: Identity,
    /// In the order in which [`Row`]s hold their values.
    pub columns: Vec<Column>,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

/// One value of a row: a view into the row's buffer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// SQL NULL.
    Null,
    /// A TOASTed value that the statement did not change and the stream did not send.
    Unchanged,
    /// The type's text output.
    Text(&'a [u8]),
    /// The type's binary send form.
    Binary(&'a [u8]),
}

/// The kind of a value and its length, never its content: values do not get into logs (invariant 5).
impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("null"),
            Value::Unchanged => f.write_str("unchanged"),
            Value::Text(v) => write!(f, "text({})", v.len()),
            Value::Binary(v) => write!(f, "binary({})", v.len()),
        }
    }
}

/// A row in one shared buffer, from the socket to the bind.
///
/// The buffer holds the columns of a `TupleData` as the protocol sends them
/// (<https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html>): per column a byte `n`, `u`,
/// `t` or `b`, and for the latter two a big-endian `i32` length and as many bytes. Nothing is parsed before it is
/// needed, and a row without a mask is never copied.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    columns: u16,
    data: Bytes,
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.values()).finish()
    }
}

/// The bytes are no tuple of that many columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed tuple: {0}")]
pub struct BadTuple(pub &'static str);

impl Row {
    /// Takes `columns` columns from the front of `data`, leaving the rest. Checks every border, so that views later
    /// cannot fail.
    pub fn split_from(data: &mut Bytes, columns: u16) -> Result<Row, BadTuple> {
        let mut at = 0usize;
        for _ in 0..columns {
            match data.get(at).ok_or(BadTuple("ends before its last column"))? {
                b'n' | b'u' => at += 1,
                b't' | b'b' => {
                    let head = data.get(at + 1..at + 5).ok_or(BadTuple("ends inside a length"))?;
                    let len = i32::from_be_bytes([head[0], head[1], head[2], head[3]]);
                    let len = usize::try_from(len).map_err(|_| BadTuple("has a negative length"))?;
                    at = (at + 5).checked_add(len).ok_or(BadTuple("has an impossible length"))?;
                    if at > data.len() {
                        return Err(BadTuple("ends inside a value"));
                    }
                }
                _ => return Err(BadTuple("has an unknown kind of column")),
            }
        }
        Ok(Row { columns, data: data.split_to(at) })
    }

    /// How many columns it has.
    pub fn len(&self) -> usize {
        self.columns as usize
    }

    /// Has it no column at all? (PostgreSQL allows such tables.)
    pub fn is_empty(&self) -> bool {
        self.columns == 0
    }

    /// Bytes that it holds in memory.
    pub fn size(&self) -> usize {
        self.data.len()
    }

    /// Its values, in the order of the table's columns.
    pub fn values(&self) -> Values<'_> {
        Values { data: &self.data }
    }

    /// The value of one column. Linear in `index`: keys come first in most tables. `Null` beyond the last column.
    pub fn get(&self, index: usize) -> Value<'_> {
        self.values().nth(index).unwrap_or(Value::Null)
    }

    /// Has any column an unchanged TOASTed value that the stream did not send?
    pub fn has_unchanged(&self) -> bool {
        self.values().any(|v| v == Value::Unchanged)
    }
}

/// Iterator over a row's values.
#[derive(Clone)]
pub struct Values<'a> {
    data: &'a [u8],
}

impl<'a> Iterator for Values<'a> {
    type Item = Value<'a>;
    #[inline]
    fn next(&mut self) -> Option<Value<'a>> {
        let (&kind, rest) = self.data.split_first()?;
        match kind {
            b'n' => {
                self.data = rest;
                Some(Value::Null)
            }
            b'u' => {
                self.data = rest;
                Some(Value::Unchanged)
            }
            _ => {
                // checked when the row was made; `None` rather than a panic should that ever be untrue
                let (head, rest) = rest.split_first_chunk::<4>()?;
                let len = u32::from_be_bytes(*head) as usize;
                let (value, rest) = rest.split_at_checked(len)?;
                self.data = rest;
                Some(if kind == b'b' { Value::Binary(value) } else { Value::Text(value) })
            }
        }
    }
}

/// Builds rows one after another in a shared arena: one allocation for many rows.
///
/// Call [`push`](RowBuilder::push) or [`push_text_with`](RowBuilder::push_text_with) once per column, then
/// [`finish`](RowBuilder::finish).
#[derive(Default)]
pub struct RowBuilder {
    arena: BytesMut,
    columns: u16,
}

impl RowBuilder {
    /// An empty builder; its arena grows by need.
    pub fn new() -> RowBuilder {
        RowBuilder::default()
    }

    /// Appends one value.
    pub fn push(&mut self, value: Value<'_>) {
        self.columns += 1;
        match value {
            Value::Null => self.arena.put_u8(b'n'),
            Value::Unchanged => self.arena.put_u8(b'u'),
            Value::Text(v) => self.put(b't', v),
            Value::Binary(v) => self.put(b'b', v),
        }
    }

    /// Appends one text value that `write` puts at the end of the buffer it is given. `write` returns false for NULL,
    /// whatever it wrote.
    pub fn push_text_with(&mut self, write: impl FnOnce(&mut BytesMut) -> bool) {
        self.columns += 1;
        let start = self.arena.len();
        self.arena.put_u8(b't');
        self.arena.put_u32(0);
        if write(&mut self.arena) {
            let len = (self.arena.len() - start - 5) as u32;
            self.arena[start + 1..start + 5].copy_from_slice(&len.to_be_bytes());
        } else {
            self.arena.truncate(start);
            self.arena.put_u8(b'n');
        }
    }

    /// Ends the row.
    pub fn finish(&mut self) -> Row {
        let row = Row { columns: self.columns, data: self.arena.split().freeze() };
        self.columns = 0;
        if self.arena.capacity() < 1024 {
            self.arena.reserve(64 * 1024);
        }
        row
    }

    fn put(&mut self, kind: u8, value: &[u8]) {
        self.arena.put_u8(kind);
        self.arena.put_u32(value.len() as u32);
        self.arena.put_slice(value);
    }
}

/// What an update or delete tells of the row before it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Old {
    /// The identity's columns; all others are null in it, and mean nothing.
    Key(Row),
    /// The whole row (`REPLICA IDENTITY FULL`).
    Full(Row),
}

impl Old {
    /// The row, whatever it holds.
    pub fn row(&self) -> &Row {
        match self {
            Old::Key(row) | Old::Full(row) => row,
        }
    }
}

/// What happened to a row, or to a whole table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Op {
    /// A new row.
    Insert {
        /// The row.
        new: Row,
    },
    /// A changed row.
    Update {
        /// The row before; `None` where the identity's columns did not change and the identity is a key.
        old: Option<Old>,
        /// The row after.
        new: Row,
    },
    /// A row is gone.
    Delete {
        /// The row before.
        old: Old,
    },
    /// The table was emptied. `TRUNCATE a, b` comes as neighbouring changes.
    Truncate {
        /// Were its sequences set back?
        restart_identity: bool,
    },
}

/// One change of one table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// The table's shape at this point of the stream.
    pub table: Arc<Table>,
    /// What happened.
    pub op: Op,
}

impl Change {
    /// Bytes that it holds in memory, about.
    pub fn size(&self) -> usize {
        std::mem::size_of::<Change>()
            + match &self.op {
                Op::Insert { new } => new.size(),
                Op::Update { old, new } => new.size() + old.as_ref().map_or(0, |o| o.row().size()),
                Op::Delete { old } => old.row().size(),
                Op::Truncate { .. } => 0,
            }
    }
}

/// What the stream says next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A transaction begins. Its changes follow at once, then its commit: protocol 1 does not interleave them.
    Begin {
        /// The 32-bit transaction id.
        xid: u32,
        /// Where its commit record starts.
        lsn: Lsn,
        /// When it committed, microseconds since 2000-01-01 00:00 UTC.
        time: i64,
    },
    /// A change of the open transaction.
    Change(Change),
    /// A table's shape, as it is from here on. It can come again without being another.
    Schema(Arc<Table>),
    /// The open transaction is whole; this is a position to resume from.
    Commit {
        /// Where its commit record ends.
        lsn: Lsn,
        /// When it committed, microseconds since 2000-01-01 00:00 UTC.
        time: i64,
    },
    /// Nothing is in flight, and the stream has come this far.
    Idle(Lsn),
}

/// The end of a source transaction inside a [`Batch`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Commit {
    /// How many of the batch's changes come before it.
    pub changes: usize,
    /// Where its commit record ends.
    pub lsn: Lsn,
    /// The 32-bit transaction id.
    pub xid: u32,
    /// When it committed, microseconds since 2000-01-01 00:00 UTC.
    pub time: i64,
}

/// A run of changes that is applied as a whole: production from `after` (exclusive) to `upto` (inclusive), both ends of
/// commits.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The changes, in production's order. May be empty: then only the position moves.
    pub changes: Vec<Change>,
    /// Where the target must stand for this batch to be the next.
    pub after: Lsn,
    /// Where it stands afterwards; `None` while the last source transaction in it is not over: the sink keeps its own
    /// transaction open, and the next batch goes on in it.
    pub upto: Option<Lsn>,
    /// The source transactions that end in this batch, in order. A sink may cut the batch behind any of them.
    pub commits: Vec<Commit>,
}

/// How far a sink is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// Visible to the target's readers.
    pub applied: Lsn,
    /// On the target's disk. Only this may be confirmed to production (invariant 10).
    pub durable: Lsn,
}

/// Where changes come from: a slot, a topic, a test's vector.
pub trait Source {
    /// What can go wrong.
    type Error;
    /// The next event. Cancel-safe: a dropped future has taken nothing.
    fn next(&mut self) -> impl Future<Output = Result<Event, Self::Error>> + Send;
    /// Everything up to here is durable elsewhere and need not be sent again.
    fn confirm(&mut self, lsn: Lsn);
}

/// Where changes go: a database, a topic, a test's memory.
pub trait Sink {
    /// What can go wrong.
    type Error;
    /// Takes over from whoever wrote before (a killed predecessor may still be committing), fences it, and says where
    /// the target stands.
    fn resume(&mut self) -> impl Future<Output = Result<Lsn, Self::Error>> + Send;
    /// Applies a batch, all or nothing. On an error nothing of it is visible, and the same batch may be tried again.
    fn apply(&mut self, batch: Batch) -> impl Future<Output = Result<Progress, Self::Error>> + Send;
    /// Makes all that was applied durable.
    fn flush(&mut self) -> impl Future<Output = Result<Progress, Self::Error>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lsn_reads_what_it_writes() {
        for s in ["0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF"] {
            assert_eq!(s.parse::<Lsn>().unwrap().to_string(), s);
        }
        for s in ["", "/", "1", "1/", "/1", "1/2/3", "+1/1", "123456789/0", "g/0"] {
            assert!(s.parse::<Lsn>().is_err(), "{s}");
        }
    }

    #[test]
    fn a_row_gives_back_what_was_put_in() {
        let mut b = RowBuilder::new();
        b.push(Value::Text(b"7"));
        b.push(Value::Null);
        b.push(Value::Unchanged);
        b.push_text_with(|out| {
            out.extend_from_slice(b"abc");
            true
        });
        b.push_text_with(|out| {
            out.extend_from_slice(b"thrown away");
            false
        });
        let row = b.finish();
        let want = [Value::Text(b"7"), Value::Null, Value::Unchanged, Value::Text(b"abc"), Value::Null];
        assert_eq!(row.values().collect::<Vec<_>>(), want);
        assert!(row.has_unchanged());
        assert_eq!(format!("{row:?}"), "[text(1), null, unchanged, text(3), null]");
        assert_eq!(b.finish().len(), 0);
    }

    #[test]
    fn a_cut_tuple_is_an_error() {
        let mut b = RowBuilder::new();
        b.push(Value::Text(b"hello"));
        b.push(Value::Null);
        let whole = b.finish().data;
        for end in 0..whole.len() {
            assert!(Row::split_from(&mut whole.slice(..end), 2).is_err(), "{end}");
        }
        let mut rest = whole.clone();
        assert_eq!(Row::split_from(&mut rest, 1).unwrap().len(), 1);
        assert_eq!(&rest[..], b"n");
        assert!(Row::split_from(&mut Bytes::from_static(b"t\xff\xff\xff\xff"), 1).is_err());
        assert!(Row::split_from(&mut Bytes::from_static(b"x"), 1).is_err());
    }
}
