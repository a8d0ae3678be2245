//! Bytes to records. Rows are views into the record: nothing of them is copied.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use filters::change::{Change, Lsn, Old, Op, Row, Table};
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use prost::{DecodeError, Message};
use sink_postgres::part::Part;
use sink_postgres::pending::Range;
use sink_postgres::sequences::{Drawn, Wanted};

use super::schema::{self, tag};
use super::{ChunkBegin, ChunkEnd, Commit, Described, Malformed, Record, Start, VERSION};

/// Reads records in the order of the topic, and remembers the tables that they describe.
#[derive(Default)]
pub struct Decoder {
    tables: HashMap<u32, Arc<Table>>,
}

impl Decoder {
    /// A decoder that knows no table.
    pub fn new() -> Decoder {
        Decoder::default()
    }

    /// Makes a table known that was described before the place where reading goes on.
    pub fn know(&mut self, table: Arc<Table>) {
        self.tables.insert(table.oid, table);
    }

    /// The next record.
    pub fn decode(&mut self, value: Bytes) -> Result<Record, Malformed> {
        let (kind, body) = open(value)?;
        match kind {
            tag::START => {
                let start = read::<schema::Start>("Start", body)?;
                self.tables.clear();
                Ok(Record::Start(start.into()))
            }
            tag::TABLE => {
                let table = Described::try_from(read::<schema::Table>("Table", body)?)?;
                self.know(Arc::clone(&table.shape));
                Ok(Record::Table(table))
            }
            tag::CHANGE => self.change(read("Change", body)?),
            tag::COMMIT => Ok(Record::Commit(read::<schema::Commit>("Commit", body)?.into())),
            tag::POSITION => {
                let schema::Position { lsn, after } = read("Position", body)?;
                Ok(Record::Position { after: Lsn(after), lsn: Lsn(lsn) })
            }
            tag::DUE => {
                let schema::Due { table, why } = read("Due", body)?;
                Ok(Record::Due { table, why })
            }
            tag::CHUNK_BEGIN => {
                let begin = ChunkBegin::try_from(read::<schema::ChunkBegin>("ChunkBegin", body)?)?;
                self.table("ChunkBegin", begin.table)?;
                Ok(Record::ChunkBegin(begin))
            }
            tag::CHUNK_ROWS => Ok(Record::ChunkRows(read::<schema::ChunkRows>("ChunkRows", body)?.lines)),
            tag::CHUNK_END => {
                let schema::ChunkEnd { id, rows } = read("ChunkEnd", body)?;
                Ok(Record::ChunkEnd(ChunkEnd { id, rows }))
            }
            tag::SEQUENCES => {
                let all = read::<schema::Sequences>("Sequences", body)?.sequences;
                Ok(Record::Sequences(all.into_iter().map(Wanted::from).collect()))
            }
            _ => Err(Malformed::Unknown(VERSION)),
        }
    }

    fn table(&self, record: &'static str, oid: u32) -> Result<&Arc<Table>, Malformed> {
        self.tables.get(&oid).ok_or(Malformed::Undescribed { record, table: oid })
    }

    fn change(&self, change: schema::Change) -> Result<Record, Malformed> {
        let schema::Change { table, lsn, seq, op, new, old, due, restart_identity } = change;
        let table = self.table("Change", table)?;
        let row = |field, bytes| row(table, field, bytes);
        let new = new.map(|bytes| row("new", bytes)).transpose()?;
        let due = due.map(|bytes| row("due", bytes)).transpose()?;
        let old = match old {
            None => None,
            Some(schema::Old::OldKey(bytes)) => Some(Old::Key(row("old_key", bytes)?)),
            Some(schema::Old::OldRow(bytes)) => Some(Old::Full(row("old_row", bytes)?)),
        };
        let op = schema::Op::try_from(op).unwrap_or(schema::Op::Unsaid);
        let op = match (op, new, old, due, restart_identity) {
            (schema::Op::Insert, Some(new), None, None, false) => Op::Insert { new },
            (schema::Op::Update, Some(new), old, None, false) => Op::Update { old, new },
            (schema::Op::Delete, None, Some(old), None, false) => Op::Delete { old },
            (schema::Op::Due, None, None, Some(key), false) => Op::Due { key },
            (schema::Op::Truncate, None, None, None, restart_identity) => Op::Truncate { restart_identity },
            (schema::Op::Unsaid, ..) => return Err(wrong("Change", "op", "is none that is known")),
            _ => return Err(wrong("Change", "op", "does not go with the rows that it has")),
        };
        Ok(Record::Change { lsn: Lsn(lsn), seq, change: Change { table: Arc::clone(table), op } })
    }
}

fn wrong(record: &'static str, field: &'static str, why: &'static str) -> Malformed {
    Malformed::Field { record, field, why }
}

/// Takes a record apart: its version, then the one field that says something. Fields of no known number are skipped.
fn open(mut value: Bytes) -> Result<(u32, Bytes), Malformed> {
    let broken = |e: DecodeError| encoding("Record", &e);
    match decode_key(&mut value) {
        Ok((1, WireType::Varint)) => {}
        _ => return Err(Malformed::Unversioned),
    }
    let version = decode_varint(&mut value).map_err(broken)?;
    if version > VERSION.into() {
        return Err(Malformed::Newer(u32::try_from(version).unwrap_or(u32::MAX)));
    }
    if version == 0 {
        return Err(Malformed::Unversioned);
    }
    let mut said = None;
    while !value.is_empty() {
        let (tag, form) = decode_key(&mut value).map_err(broken)?;
        match tag {
            1 => return Err(Malformed::Twice),
            tag::START..=tag::SEQUENCES => {
                if form != WireType::LengthDelimited {
                    return Err(wrong("Record", "what", "is no message"));
                }
                let len = decode_varint(&mut value).map_err(broken)?;
                let len = usize::try_from(len).ok().filter(|len| *len <= value.len());
                let len = len.ok_or(wrong("Record", "what", "ends early"))?;
                if said.replace((tag, value.split_to(len))).is_some() {
                    return Err(Malformed::Twice);
                }
            }
            _ => skip_field(form, tag, &mut value, DecodeContext::default()).map_err(broken)?,
        }
    }
    said.ok_or(Malformed::Unknown(version as u32))
}

fn read<M: Message + Default>(record: &'static str, body: Bytes) -> Result<M, Malformed> {
    M::decode(body).map_err(|e| encoding(record, &e))
}

/// What `prost` says, without its preamble and without the number it may have met: that can be a piece of a value.
fn encoding(record: &'static str, e: &DecodeError) -> Malformed {
    let said = e.to_string();
    let said = said.strip_prefix("failed to decode Protobuf message: ").unwrap_or(&said);
    let why = said.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches(": ").to_owned();
    Malformed::Encoding { record, why }
}

/// A row of a table, to its last byte.
fn row(table: &Table, field: &'static str, mut bytes: Bytes) -> Result<Row, Malformed> {
    // no more than a description may have
    let columns = table.columns.len();
    let row = Row::split_from(&mut bytes, columns as u16);
    let row = row.map_err(|why| Malformed::Row { table: table.oid, field, why })?;
    match bytes.len() {
        0 => Ok(row),
        more => Err(Malformed::Longer { table: table.oid, field, more, columns }),
    }
}

impl From<schema::Sequence> for Wanted {
    fn from(s: schema::Sequence) -> Wanted {
        Wanted { column: (s.schema, s.table, s.column), drawn: Drawn { last: s.last.into(), step: s.step } }
    }
}

impl From<schema::Start> for Start {
    fn from(start: schema::Start) -> Start {
        let schema::Start {
            pipeline,
            version,
            system_id,
            timeline,
            slot,
            at,
            policy,
            mask_key,
            time,
            structures,
            begun,
            rules,
        } = start;
        let structures = structures.into_iter().map(|n| (n.schema, n.name)).collect();
        Start {
            pipeline,
            version,
            system_id,
            timeline,
            slot,
            at: Lsn(at),
            policy,
            mask_key,
            time,
            structures,
            begun,
            rules,
        }
    }
}

impl From<schema::Commit> for Commit {
    fn from(commit: schema::Commit) -> Commit {
        let schema::Commit { lsn, xid, time, xid_seen, xid_max, changes, after } = commit;
        Commit { lsn: Lsn(lsn), xid, time, xids: (xid_seen, xid_max), changes, after: Lsn(after) }
    }
}

impl TryFrom<schema::ChunkBegin> for ChunkBegin {
    type Error = Malformed;
    fn try_from(begin: schema::ChunkBegin) -> Result<ChunkBegin, Malformed> {
        let part = match begin.part {
            Some(schema::Part::Range(schema::Range { lo, hi, columns })) => {
                let (lo, hi) = (lo.map(|key| key.values), hi.map(|key| key.values));
                Part::Range(Range { id: 0, lo, hi, columns })
            }
            Some(schema::Part::Points(points)) => Part::Points(points.keys.into_iter().map(|key| key.values).collect()),
            None => return Err(wrong("ChunkBegin", "part", "is missing")),
        };
        Ok(ChunkBegin { table: begin.table, id: begin.id, at: Lsn(begin.at), part })
    }
}
