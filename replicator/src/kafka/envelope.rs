//! What stands in the topic: records, in protobuf, by the schema in `docs/envelope.proto`.
//!
//! Pure, and the border to bytes that somebody else may have written. What is right about it:
//!
//! - **A record begins with its version.** It is read before anything else is, so a newer record is told as such, and not by
//!   what an older reader would have made of it. What may be skipped keeps the version; a record that must not be, or a field
//!   without which another means something else, has a new one.
//! - **Rows travel as they are held**: the columns of `TupleData`, checked border by border by [`Row::split_from`](filters::change::Row::split_from) when they
//!   come out, and then views into the record that Kafka gave. Nothing is encoded anew on the way, and nothing is copied but
//!   once into the producer's buffer.
//! - **A change stands on a shape.** It is read only where the topic has described its table since the capture began, and only
//!   if it has as many columns. A reader in the middle of a topic that does not know a table says so, and guesses nothing.
//! - **Every record is read to its last byte**; one that says two things, or nothing that is known, is an error. No error and no
//!   `Debug` has a value in it: neither a row's nor a key's.
//!
//! The hot path ([`Encoder::change`]) writes protobuf by hand into buffers that stay; a test holds it to what `prost` makes.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use filters::change::{BadTuple, Change, Lsn, Table};
use sink_postgres::part::Part;
use sink_postgres::sequences::Wanted;
use sink_postgres::spec::TableSpec;

use crate::source::catalog::Reference;

mod decode;
mod described;
mod encode;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod proto;
mod schema;
#[cfg(test)]
mod tests;

pub use decode::Decoder;
pub use encode::{Encoded, Encoder};

/// The version of what is written here. Older ones are read.
pub const VERSION: u32 = 1;

/// What a record of the topic says.
#[derive(Clone, PartialEq)]
pub enum Record {
    /// A capture begins, or begins again: a transaction that was open before it is void, and tables are described anew.
    Start(Start),
    /// A table, as rows of it come from here on.
    Table(Described),
    /// A change of the open source transaction.
    Change {
        /// Its transaction's position: the same for all its changes.
        lsn: Lsn,
        /// Its place among them, from 0.
        seq: u64,
        /// What happened.
        change: Change,
    },
    /// The open source transaction is whole.
    Commit(Commit),
    /// Nothing is in flight up to here.
    Position {
        /// As of a commit.
        after: Lsn,
        /// Up to where.
        lsn: Lsn,
    },
    /// What a table holds is unknown from here on.
    Due {
        /// `pg_class.oid` on production.
        table: u32,
        /// Why, for people.
        why: String,
    },
    /// How far production's sequences are that have moved since such a record said so. It belongs to no position: a sequence knows none.
    Sequences(Vec<Wanted>),
    /// A part of a table begins, as a snapshot had it that stands exactly here in the stream.
    ChunkBegin(ChunkBegin),
    /// Some of the part's rows: whole lines of COPY's text format, with the columns of the table's last description.
    ChunkRows(Bytes),
    /// The part is whole.
    ChunkEnd(ChunkEnd),
}

/// A capture begins: what identifies both its ends, so that an applier refuses the topic of another.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Start {
    /// The pipeline's name.
    pub pipeline: String,
    /// That of the sluice that captures.
    pub version: String,
    /// Production's `system_identifier`.
    pub system_id: u64,
    /// Production's timeline.
    pub timeline: u32,
    /// The slot's name.
    pub slot: String,
    /// Where the capture goes on from.
    pub at: Lsn,
    /// Fingerprint of the policy that rows have passed.
    pub policy: String,
    /// Which masking key: its id, and nothing of the key.
    pub mask_key: String,
    /// When, microseconds since 2000-01-01 00:00 UTC.
    pub time: i64,
    /// When it was first captured into this topic: another is another topic's, whatever its name, and what lies between is in neither.
    pub begun: i64,
    /// Production's tables (schema, name) that targets have as structures only: no row of them ever comes.
    pub structures: Vec<(String, String)>,
    /// Stands for the rules of the capture's file and lock: an applier whose own say the same has nothing to add.
    pub rules: String,
}

/// A table, as rows of it come from here on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Described {
    /// Its shape behind the filters.
    pub shape: Arc<Table>,
    /// How a target is to know it. Of the same table as `shape`: names and oid travel once.
    pub spec: TableSpec,
    /// Of each column of the shape, its type as production writes it.
    pub types: Vec<String>,
    /// Those columns of the shape that are masked.
    pub masked: Vec<String>,
    /// Its foreign keys on production: along them a target's own masks are handed on, as the capture's are.
    pub references: Vec<Reference>,
}

/// The end of a source transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Commit {
    /// Where its commit record ends: a position to resume from.
    pub lsn: Lsn,
    /// The 32-bit transaction id.
    pub xid: u32,
    /// When it committed, microseconds since 2000-01-01 00:00 UTC.
    pub time: i64,
    /// The ends of the interval of transactions that a snapshot may not show yet, as the checkpoint has them.
    pub xids: (u64, u64),
    /// How many changes stand since the last commit or start: what an applier has counted, or something is missing.
    pub changes: u64,
    /// The position that the record before it in this chain has named: a commit, a position, or a start. A reader that has come to another
    /// misses something.
    pub after: Lsn,
}

/// A part of a table begins.
#[derive(Clone, PartialEq, Eq)]
pub struct ChunkBegin {
    /// `pg_class.oid` on production; it has been described.
    pub table: u32,
    /// Its number in this topic.
    pub id: u64,
    /// Where the stream stands.
    pub at: Lsn,
    /// Which rows. A range's `id` does not travel: it is a row of one target's `sluice.pending`.
    pub part: Part,
}

/// The end of a part.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ChunkEnd {
    /// That of its beginning.
    pub id: u64,
    /// How many rows came.
    pub rows: u64,
}

/// Bytes that are no record. Says what and where, and no value.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Malformed {
    /// It was written by a newer sluice.
    #[error("a record of version {0}, and this sluice reads up to {VERSION}: upgrade it, it goes on from here then")]
    Newer(u32),
    /// Its first field is not a version.
    #[error("a record that does not begin with its version")]
    Unversioned,
    /// It holds none of the kinds of record that there are.
    #[error("a record of version {0} that says nothing known")]
    Unknown(u32),
    /// It holds more than one.
    #[error("a record that says two things")]
    Twice,
    /// It is not protobuf, or not by the schema.
    #[error("{record} record: {why}")]
    Encoding {
        /// The kind of record, as the schema calls it.
        record: &'static str,
        /// Field and reason.
        why: String,
    },
    /// A field is not as it must be.
    #[error("{record} record: its {field} {why}")]
    Field {
        /// The kind of record, as the schema calls it.
        record: &'static str,
        /// The field, as the schema calls it.
        field: &'static str,
        /// What is wrong.
        why: &'static str,
    },
    /// It is of a table that has not been described since the last start.
    #[error("{record} record of table {table}, which no Table record has described since the last Start")]
    Undescribed {
        /// The kind of record, as the schema calls it.
        record: &'static str,
        /// `pg_class.oid` on production.
        table: u32,
    },
    /// A row is not one of its table.
    #[error("Change record of table {table}: its {field} is a {why}")]
    Row {
        /// `pg_class.oid` on production.
        table: u32,
        /// The field, as the schema calls it.
        field: &'static str,
        /// What is wrong.
        why: BadTuple,
    },
    /// A row has more than its table has columns.
    #[error("Change record of table {table}: its {field} has {more} bytes behind its {columns} columns")]
    Longer {
        /// `pg_class.oid` on production.
        table: u32,
        /// The field, as the schema calls it.
        field: &'static str,
        /// How many bytes are left.
        more: usize,
        /// How many columns the table has.
        columns: usize,
    },
}

impl Malformed {
    /// Positions go forward, and between transactions only.
    pub const BACK: Malformed =
        Malformed::Field { record: "Commit", field: "lsn", why: "goes back, or stands amid a transaction" };

    /// Between what was read and this something is missing.
    pub const GAP: Malformed = Malformed::Field {
        record: "Commit",
        field: "after",
        why: "is not where the topic was read up to: what lies between is missing (the topic was made anew, or has lost its end)",
    };

    /// Rows come behind what a start has said of all tables.
    pub const EARLY: Malformed =
        Malformed::Field { record: "Start", field: "at", why: "is followed by rows before all tables are described" };

    /// A part of a table is its rows and nothing else, up to its end.
    pub const AMID: Malformed = Malformed::Field { record: "ChunkBegin", field: "part", why: "has no end" };

    /// A transaction is not as long as it says.
    pub fn changes(said: u64, found: u64) -> Malformed {
        let why = format!("its changes are {said}, and {found} have come since the last one");
        Malformed::Encoding { record: "Commit", why }
    }
}

/// Rows show the kinds of their values only, and lines of COPY how long they are.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Record::Start(start) => start.fmt(f),
            Record::Table(table) => table.fmt(f),
            Record::Change { lsn, seq, change } => {
                f.debug_struct("Change").field("lsn", lsn).field("seq", seq).field("change", change).finish()
            }
            Record::Commit(commit) => commit.fmt(f),
            Record::Position { after, lsn } => {
                f.debug_struct("Position").field("after", after).field("lsn", lsn).finish()
            }
            Record::Due { table, why } => f.debug_struct("Due").field("table", table).field("why", why).finish(),
            Record::Sequences(wanted) => write!(f, "Sequences({})", wanted.len()),
            Record::ChunkBegin(begin) => begin.fmt(f),
            Record::ChunkRows(lines) => write!(f, "ChunkRows({} bytes)", lines.len()),
            Record::ChunkEnd(end) => end.fmt(f),
        }
    }
}

/// Without the keys that bound it.
impl fmt::Debug for ChunkBegin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = match &self.part {
            Part::Range(range) if range.is_whole() => "all rows".to_owned(),
            Part::Range(range) if range.hides() => "a range".to_owned(),
            Part::Range(range) => format!("{} columns of a range", range.columns.len()),
            Part::Points(keys) => format!("{} points", keys.len()),
        };
        write!(f, "ChunkBegin({}, table {}, {} at {})", self.id, self.table, part, self.at)
    }
}
