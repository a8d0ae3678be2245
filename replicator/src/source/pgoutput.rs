//! The messages of `pgoutput`, one struct per section of [Logical Replication Message Formats][m], protocol version 1.
//!
//! Pure, and the border to bytes that we did not write. What is right about it:
//!
//! - A message is read **to its last byte**. One that ends early, goes on behind its end or is of a kind that we do not
//!   know is an error which names it; so a stream that we misunderstand stops, and never turns into a wrong value.
//! - Every border inside a tuple is checked here, once ([`Row::split_from`]); views into it cannot fail later.
//! - Nothing is allocated by a count that the message claims, only by bytes that are there.
//! - No value is copied: rows are views into the chunk that came from the socket. No value is in an error.
//!
//! [m]: https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html

use std::fmt;

use bytes::{Buf, Bytes};
use filters::change::{BadTuple, Lsn, Old, Row};

use self::parse::Cursor;

#[cfg(test)]
pub(crate) mod encode;
#[cfg(test)]
mod golden;
mod parse;
#[cfg(test)]
mod tests;

/// One message. The bodies say which section of the manual they are.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Message {
    Begin(Begin),
    Commit(Commit),
    Origin(Origin),
    Relation(Relation),
    Type(Type),
    Insert(Insert),
    Update(Update),
    Delete(Delete),
    Truncate(Truncate),
    Logical(Logical),
    StreamAbort(StreamAbort),
}

/// `B`: a transaction begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Begin {
    /// Where its commit record starts.
    pub final_lsn: Lsn,
    /// When it committed, microseconds since 2000-01-01 00:00 UTC.
    pub time: i64,
    /// The 32-bit transaction id.
    pub xid: u32,
}

/// `C`: the transaction is whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Commit {
    /// Unused by the server, 0.
    pub flags: u8,
    /// Where its commit record starts: the same as in [`Begin`].
    pub lsn: Lsn,
    /// Where it ends: a position to resume from.
    pub end_lsn: Lsn,
    /// When it committed, microseconds since 2000-01-01 00:00 UTC.
    pub time: i64,
}

/// `O`: the transaction was replicated to production from elsewhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    /// Its commit there.
    pub lsn: Lsn,
    /// `pg_replication_origin.roname`.
    pub name: Box<str>,
}

/// `R`: a table's shape, sent before its first change and after it may have become another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Relation {
    /// `pg_class.oid`.
    pub oid: u32,
    /// Schema; empty for `pg_catalog`.
    pub namespace: Box<str>,
    /// Name, unquoted.
    pub name: Box<str>,
    /// `pg_class.relreplident`.
    pub identity: u8,
    /// In the order of the tuples; without generated columns.
    pub columns: Vec<RelationColumn>,
}

/// A column of a [`Relation`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RelationColumn {
    /// 1: a part of the replica identity.
    pub flags: u8,
    /// Name, unquoted.
    pub name: Box<str>,
    /// `pg_type.oid`.
    pub type_oid: u32,
    /// `atttypmod`, -1 where there is none.
    pub type_modifier: i32,
}

/// `Y`: a type that is not built in; for a domain the name is its base type's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Type {
    /// `pg_type.oid`.
    pub oid: u32,
    /// Schema; empty for `pg_catalog`.
    pub namespace: Box<str>,
    /// Name, unquoted.
    pub name: Box<str>,
}

/// `I`: a new row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Insert {
    /// The table.
    pub oid: u32,
    /// The row.
    pub new: Row,
}

/// `U`: a changed row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Update {
    /// The table.
    pub oid: u32,
    /// `K`: the old key, where it changed; `O`: the old row, under REPLICA IDENTITY FULL.
    pub old: Option<Old>,
    /// The row.
    pub new: Row,
}

/// `D`: a row is gone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delete {
    /// The table.
    pub oid: u32,
    /// `K`: its key; `O`: the row, under REPLICA IDENTITY FULL.
    pub old: Old,
}

/// `T`: tables were emptied by one command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Truncate {
    /// CASCADE was said. The tables that it reached are listed too, if they are published.
    pub cascade: bool,
    /// RESTART IDENTITY was said.
    pub restart_identity: bool,
    /// The tables.
    pub oids: Vec<u32>,
}

/// `M`: `pg_logical_emit_message`. Only where the stream was started with `messages 'true'`.
#[derive(Clone, PartialEq, Eq)]
pub struct Logical {
    /// It is a part of its transaction; else it is sent as soon as it is written, outside of any.
    pub transactional: bool,
    /// Where it stands.
    pub lsn: Lsn,
    /// Who it is for.
    pub prefix: Box<str>,
    /// What it says.
    pub content: Bytes,
}

/// The size of the content only: it may hold values.
impl fmt::Debug for Logical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Logical { transactional, lsn, prefix, content } = self;
        write!(f, "Logical({lsn}, transactional: {transactional}, prefix: {prefix:?}, {} bytes)", content.len())
    }
}

/// `A`: a streamed transaction was rolled back. Nothing is streamed under protocol 1, yet PostgreSQL 18 was seen to
/// send one: it concerns nothing that we were told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StreamAbort {
    /// The transaction.
    pub xid: u32,
    /// The subtransaction that is rolled back; else the same.
    pub subxid: u32,
}

/// The bytes are no message that we know. Says which and where, never what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is nothing in it.
    #[error("pgoutput: an empty message")]
    Empty,
    /// Its first byte is of no kind that protocol version 1 has.
    #[error("pgoutput: a message of unknown kind {0:#04x}")]
    Unknown(u8),
    /// It is not laid out as its kind is.
    #[error("pgoutput: {message} message{} {fault}", OfTable(*table))]
    Malformed {
        /// Its kind, as the manual calls it.
        message: &'static str,
        /// The table, once it is known.
        table: Option<u32>,
        /// What is wrong.
        fault: Fault,
    },
}

/// What is wrong with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is cut.
    #[error("ends inside its {0}")]
    Ends(&'static str),
    /// It is longer than it should be.
    #[error("has {0} bytes behind its end")]
    Trailing(usize),
    /// A tuple is cut, or is none.
    #[error("has a {0} that {tuple}", tuple = .1.0)]
    Tuple(&'static str, BadTuple),
    /// A name is not in the encoding that we asked for.
    #[error("has a {0} that is not UTF-8")]
    NotUtf8(&'static str),
    /// A byte that tells what follows has an unknown value.
    #[error("has an unknown {0} {1:#04x}")]
    Mark(&'static str, u8),
}

struct OfTable(Option<u32>);

impl fmt::Display for OfTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |oid| write!(f, " of table {oid}"))
    }
}

impl Message {
    /// Parses one message: the body of a [`Frame::Data`](super::frame::Frame::Data). Rows are views of it.
    #[inline]
    pub fn parse(mut body: Bytes) -> Result<Message, Error> {
        let kind = body.try_get_u8().map_err(|_| Error::Empty)?;
        let name = parse::name(kind).ok_or(Error::Unknown(kind))?;
        let mut cursor = Cursor { rest: body, table: None };
        let message = parse::message(kind, &mut cursor).and_then(|message| match cursor.rest.len() {
            0 => Ok(message),
            more => Err(Fault::Trailing(more)),
        });
        message.map_err(|fault| Error::Malformed { message: name, table: cursor.table, fault })
    }
}
