//! One function per kind of message, over a cursor. What is asked of them stands in [`super`].

use bytes::{Buf, Bytes};
use filters::change::{Lsn, Old, Row};

use super::{
    Begin, Commit, Delete, Fault, Insert, Logical, Message, Origin, Relation, RelationColumn, StreamAbort, Truncate,
    Type, Update,
};

/// What the manual calls a message of this kind.
#[inline]
pub(super) fn name(kind: u8) -> Option<&'static str> {
    Some(match kind {
        b'I' => "Insert",
        b'U' => "Update",
        b'D' => "Delete",
        b'B' => "Begin",
        b'C' => "Commit",
        b'R' => "Relation",
        b'Y' => "Type",
        b'O' => "Origin",
        b'T' => "Truncate",
        b'M' => "Message",
        b'A' => "Stream Abort",
        _ => return None,
    })
}

/// Reads what follows the first byte, which is `kind`.
#[inline]
pub(super) fn message(kind: u8, c: &mut Cursor) -> Result<Message, Fault> {
    match kind {
        b'I' => insert(c),
        b'U' => update(c),
        b'D' => delete(c),
        b'B' => begin(c),
        b'C' => commit(c),
        b'R' => relation(c),
        b'Y' => type_(c),
        b'O' => origin(c),
        b'T' => truncate(c),
        b'M' => logical(c),
        b'A' => stream_abort(c),
        other => Err(Fault::Mark("kind", other)),
    }
}

fn begin(c: &mut Cursor) -> Result<Message, Fault> {
    let (final_lsn, time, xid) = (c.lsn("final LSN")?, c.i64("time")?, c.u32("xid")?);
    Ok(Message::Begin(Begin { final_lsn, time, xid }))
}

fn commit(c: &mut Cursor) -> Result<Message, Fault> {
    let (flags, lsn, end_lsn) = (c.u8("flags")?, c.lsn("LSN")?, c.lsn("end LSN")?);
    Ok(Message::Commit(Commit { flags, lsn, end_lsn, time: c.i64("time")? }))
}

fn origin(c: &mut Cursor) -> Result<Message, Fault> {
    Ok(Message::Origin(Origin { lsn: c.lsn("LSN")?, name: c.string("name")? }))
}

fn relation(c: &mut Cursor) -> Result<Message, Fault> {
    let oid = c.table()?;
    let (namespace, name) = (c.string("namespace")?, c.string("name")?);
    let identity = c.u8("replica identity")?;
    let mut columns = Vec::new();
    for _ in 0..c.u16("column count")? {
        let (flags, name) = (c.u8("column flags")?, c.string("column name")?);
        let (type_oid, type_modifier) = (c.u32("column type")?, c.i32("column type modifier")?);
        columns.push(RelationColumn { flags, name, type_oid, type_modifier });
    }
    columns.shrink_to_fit();
    Ok(Message::Relation(Relation { oid, namespace, name, identity, columns }))
}

fn type_(c: &mut Cursor) -> Result<Message, Fault> {
    let (oid, namespace, name) = (c.u32("type")?, c.string("namespace")?, c.string("name")?);
    Ok(Message::Type(Type { oid, namespace, name }))
}

#[inline]
fn insert(c: &mut Cursor) -> Result<Message, Fault> {
    let oid = c.table()?;
    match c.u8("mark of a row")? {
        b'N' => Ok(Message::Insert(Insert { oid, new: c.row("new row")? })),
        other => Err(Fault::Mark("mark of a row", other)),
    }
}

fn update(c: &mut Cursor) -> Result<Message, Fault> {
    let oid = c.table()?;
    let mut mark = c.u8("mark of a row")?;
    let old = match mark {
        b'K' => Some(Old::Key(c.row("old key")?)),
        b'O' => Some(Old::Full(c.row("old row")?)),
        _ => None,
    };
    if old.is_some() {
        mark = c.u8("mark of the new row")?;
    }
    match mark {
        b'N' => Ok(Message::Update(Update { oid, old, new: c.row("new row")? })),
        other => Err(Fault::Mark("mark of a row", other)),
    }
}

fn delete(c: &mut Cursor) -> Result<Message, Fault> {
    let oid = c.table()?;
    let old = match c.u8("mark of a row")? {
        b'K' => Old::Key(c.row("old key")?),
        b'O' => Old::Full(c.row("old row")?),
        other => return Err(Fault::Mark("mark of a row", other)),
    };
    Ok(Message::Delete(Delete { oid, old }))
}

fn truncate(c: &mut Cursor) -> Result<Message, Fault> {
    let (count, options) = (c.u32("table count")?, c.u8("options")?);
    if options & !3 != 0 {
        return Err(Fault::Mark("option", options));
    }
    let mut oids = Vec::new();
    for _ in 0..count {
        oids.push(c.u32("list of tables")?);
    }
    Ok(Message::Truncate(Truncate { cascade: options & 1 != 0, restart_identity: options & 2 != 0, oids }))
}

fn logical(c: &mut Cursor) -> Result<Message, Fault> {
    let transactional = match c.u8("flags")? {
        0 => false,
        1 => true,
        other => return Err(Fault::Mark("flag", other)),
    };
    let (lsn, prefix) = (c.lsn("LSN")?, c.string("prefix")?);
    let length = usize::try_from(c.u32("length")?).map_err(|_| Fault::Ends("content"))?;
    if length > c.rest.len() {
        return Err(Fault::Ends("content"));
    }
    Ok(Message::Logical(Logical { transactional, lsn, prefix, content: c.rest.split_to(length) }))
}

fn stream_abort(c: &mut Cursor) -> Result<Message, Fault> {
    let abort = StreamAbort { xid: c.u32("xid")?, subxid: c.u32("subxid")? };
    if !c.rest.is_empty() {
        // protocol 4 with parallel streaming says also where and when
        c.lsn("LSN")?;
        c.i64("time")?;
    }
    Ok(Message::StreamAbort(abort))
}

/// The rest of a message. Every method says which part it is after, for the error.
pub(super) struct Cursor {
    /// What is not read yet.
    pub(super) rest: Bytes,
    /// The table, once it is known.
    pub(super) table: Option<u32>,
}

impl Cursor {
    #[inline]
    fn u8(&mut self, part: &'static str) -> Result<u8, Fault> {
        self.rest.try_get_u8().map_err(|_| Fault::Ends(part))
    }

    #[inline]
    fn u16(&mut self, part: &'static str) -> Result<u16, Fault> {
        self.rest.try_get_u16().map_err(|_| Fault::Ends(part))
    }

    #[inline]
    fn u32(&mut self, part: &'static str) -> Result<u32, Fault> {
        self.rest.try_get_u32().map_err(|_| Fault::Ends(part))
    }

    fn i32(&mut self, part: &'static str) -> Result<i32, Fault> {
        self.rest.try_get_i32().map_err(|_| Fault::Ends(part))
    }

    fn i64(&mut self, part: &'static str) -> Result<i64, Fault> {
        self.rest.try_get_i64().map_err(|_| Fault::Ends(part))
    }

    fn lsn(&mut self, part: &'static str) -> Result<Lsn, Fault> {
        self.rest.try_get_u64().map(Lsn).map_err(|_| Fault::Ends(part))
    }

    /// The table that the message is about.
    #[inline]
    fn table(&mut self) -> Result<u32, Fault> {
        let oid = self.u32("table")?;
        self.table = Some(oid);
        Ok(oid)
    }

    /// A string that ends with a NUL.
    fn string(&mut self, part: &'static str) -> Result<Box<str>, Fault> {
        let end = self.rest.iter().position(|b| *b == 0).ok_or(Fault::Ends(part))?;
        let bytes = self.rest.split_to(end);
        self.rest.advance(1);
        std::str::from_utf8(&bytes).map(Box::from).map_err(|_| Fault::NotUtf8(part))
    }

    /// TupleData.
    #[inline]
    fn row(&mut self, part: &'static str) -> Result<Row, Fault> {
        let columns = self.u16(part)?;
        Row::split_from(&mut self.rest, columns).map_err(|bad| Fault::Tuple(part, bad))
    }
}
