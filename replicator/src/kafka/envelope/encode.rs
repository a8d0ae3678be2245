//! Records to bytes. A change is written by hand: once, into buffers that stay, with no allocation.

use std::collections::HashMap;

use filters::change::{Change, Identity, Lsn, Old, Op, Row, Table, Value};
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};
use sink_postgres::part::Part;
use sink_postgres::pending::Range;
use sink_postgres::sequences::Wanted;

use super::schema::{self, tag};
use super::{ChunkBegin, ChunkEnd, Commit, Described, Record, Start, VERSION};

/// Writes records, one after another into the same buffers.
#[derive(Default)]
pub struct Encoder {
    key: Vec<u8>,
    value: Vec<u8>,
    /// Of tables under `REPLICA IDENTITY FULL`, where every column is a part of the identity: the columns that
    /// stand for a row nevertheless, in the order of the key.
    full: HashMap<u32, Vec<usize>>,
}

/// A record as Kafka takes it.
#[derive(Clone, Copy)]
pub struct Encoded<'a> {
    /// Of a change: `schema.name`, 0, and the key's columns behind the masks, as `TupleData` has them. Empty of all others.
    pub key: &'a [u8],
    /// `table` and `op`, of a change.
    pub headers: Option<[(&'static str, &'a [u8]); 2]>,
    /// The record.
    pub value: &'a [u8],
}

impl Encoder {
    /// An encoder; its buffers grow by need.
    pub fn new() -> Encoder {
        Encoder::default()
    }

    /// Any record.
    pub fn record(&mut self, record: &Record) -> Encoded<'_> {
        match record {
            Record::Change { lsn, seq, change } => return self.change(change, *lsn, *seq),
            Record::Start(start) => {
                self.full.clear();
                self.whole(tag::START, &schema::Start::from(start));
            }
            Record::Table(table) => {
                self.remember(table);
                self.whole(tag::TABLE, &schema::Table::from(table));
            }
            Record::Commit(commit) => self.whole(tag::COMMIT, &schema::Commit::from(commit)),
            Record::Position { after, lsn } => {
                self.whole(tag::POSITION, &schema::Position { lsn: lsn.0, after: after.0 });
            }
            Record::Due { table, why } => self.whole(tag::DUE, &schema::Due { table: *table, why: why.clone() }),
            Record::ChunkBegin(begin) => self.whole(tag::CHUNK_BEGIN, &schema::ChunkBegin::from(begin)),
            Record::ChunkRows(lines) => self.whole(tag::CHUNK_ROWS, &schema::ChunkRows { lines: lines.clone() }),
            Record::ChunkEnd(ChunkEnd { id, rows }) => {
                self.whole(tag::CHUNK_END, &schema::ChunkEnd { id: *id, rows: *rows });
            }
            Record::Sequences(wanted) => {
                let sequences = wanted.iter().map(schema::Sequence::from).collect();
                self.whole(tag::SEQUENCES, &schema::Sequences { sequences });
            }
        }
        Encoded { key: &[], headers: None, value: &self.value }
    }

    #[cfg(test)]
    pub(super) fn room(&self) -> [usize; 2] {
        [self.key.capacity(), self.value.capacity()]
    }

    fn whole(&mut self, tag: u32, body: &impl Message) {
        emptied(&mut self.value);
        number(&mut self.value, 1, VERSION.into());
        prost::encoding::message::encode(tag, body, &mut self.value);
    }

    /// A change: `seq` is its place in the transaction at `lsn`.
    pub fn change(&mut self, change: &Change, lsn: Lsn, seq: u64) -> Encoded<'_> {
        let table = &*change.table;
        let (op, code) = match &change.op {
            Op::Insert { .. } => (schema::Op::Insert, &b"c"[..]),
            Op::Update { .. } => (schema::Op::Update, &b"u"[..]),
            Op::Delete { .. } => (schema::Op::Delete, &b"d"[..]),
            Op::Truncate { .. } => (schema::Op::Truncate, &b"t"[..]),
            // made of an update, and of nothing else
            Op::Due { .. } => (schema::Op::Due, &b"u"[..]),
        };
        let (new, old, due, restart_identity) = match &change.op {
            Op::Insert { new } => (Some(new), None, None, false),
            Op::Update { old, new } => (Some(new), old.as_ref(), None, false),
            Op::Delete { old } => (None, Some(old), None, false),
            Op::Due { key } => (None, None, Some(key), false),
            Op::Truncate { restart_identity } => (None, None, None, *restart_identity),
        };
        // in the order of their fields, as the schema's own encoders write them
        let numbers = [(1, u64::from(table.oid)), (2, lsn.0), (3, seq), (4, op as u64)];
        let old_tag = if matches!(old, Some(Old::Key(_))) { 6 } else { 7 };
        let old = old.map(Old::row);
        let rows = [(5, new), (old_tag, old), (8, due)];

        let mut len = if restart_identity { 2 } else { 0 };
        len += numbers.iter().filter(|(_, n)| *n != 0).map(|(_, n)| 1 + encoded_len_varint(*n)).sum::<usize>();
        len += rows
            .iter()
            .filter_map(|(_, row)| *row)
            .map(|r| 1 + encoded_len_varint(r.size() as u64) + r.size())
            .sum::<usize>();

        let out = emptied(&mut self.value);
        number(out, 1, VERSION.into());
        encode_key(tag::CHANGE, WireType::LengthDelimited, out);
        encode_varint(len as u64, out);
        numbers.into_iter().for_each(|(tag, n)| number(out, tag, n));
        for (tag, row) in rows {
            if let Some(row) = row {
                encode_key(tag, WireType::LengthDelimited, out);
                encode_varint(row.size() as u64, out);
                out.extend_from_slice(row.as_bytes());
            }
        }
        number(out, 9, restart_identity.into());

        emptied(&mut self.key);
        self.key.extend_from_slice(table.schema.as_bytes());
        self.key.push(b'.');
        self.key.extend_from_slice(table.name.as_bytes());
        let name = self.key.len();
        self.key.push(0);
        if let Some(row) = new.or(old).or(due) {
            self.identify(table, row, old);
        }
        Encoded { key: &self.key, headers: Some([("table", &self.key[..name]), ("op", code)]), value: &self.value }
    }

    /// Appends the columns that stand for a row. A value that was stored outside the row and did not change is the old one's.
    fn identify(&mut self, table: &Table, row: &Row, old: Option<&Row>) {
        let key = &mut self.key;
        let mut put = |value: Value<'_>, at: usize| match (value, old) {
            (Value::Unchanged, Some(old)) => column(key, old.get(at)),
            (value, _) => column(key, value),
        };
        if table.identity == Identity::Full {
            // all columns would be the whole row again
            let columns = self.full.get(&table.oid).map_or(&[][..], Vec::as_slice);
            return columns.iter().for_each(|&at| put(row.get(at), at));
        }
        let mut left = table.columns.iter().filter(|c| c.key).count();
        for (at, value) in row.values().enumerate() {
            if left == 0 {
                return;
            }
            if table.columns.get(at).is_some_and(|c| c.key) {
                put(value, at);
                left -= 1;
            }
        }
    }

    fn remember(&mut self, table: &Described) {
        if table.shape.identity != Identity::Full {
            self.full.remove(&table.shape.oid);
            return;
        }
        let place = |name: &String| table.shape.columns.iter().position(|c| *c.name == **name);
        // a key of all columns is none that is shorter than the row
        let key: Option<Vec<usize>> = table.spec.key.iter().map(place).collect();
        let key = key.filter(|key| key.len() < table.shape.columns.len()).unwrap_or_default();
        self.full.insert(table.shape.oid, key);
    }
}

/// Room that stays from record to record, but for what one wide row has taken.
const KEPT: usize = 1 << 20;

fn emptied(buffer: &mut Vec<u8>) -> &mut Vec<u8> {
    buffer.clear();
    buffer.shrink_to(KEPT);
    buffer
}

/// A field that is a number; nothing, if it is 0.
fn number(out: &mut Vec<u8>, tag: u32, value: u64) {
    if value != 0 {
        encode_key(tag, WireType::Varint, out);
        encode_varint(value, out);
    }
}

/// A column of `TupleData`.
fn column(out: &mut Vec<u8>, value: Value<'_>) {
    let (kind, value) = match value {
        Value::Null => return out.push(b'n'),
        Value::Unchanged => return out.push(b'u'),
        Value::Text(value) => (b't', value),
        Value::Binary(value) => (b'b', value),
    };
    out.push(kind);
    out.extend_from_slice(&(value.len() as u32).to_be_bytes());
    out.extend_from_slice(value);
}

impl From<&Wanted> for schema::Sequence {
    fn from(Wanted { column: (schema, table, column), drawn }: &Wanted) -> schema::Sequence {
        // the number before the first of all has no room, and the first does for it: one number is left out
        let least = drawn.last.clamp(i64::MIN.into(), i64::MAX.into());
        let last = i64::try_from(least).unwrap_or_default();
        schema::Sequence {
            schema: schema.clone(),
            table: table.clone(),
            column: column.clone(),
            last,
            step: drawn.step,
        }
    }
}

impl From<&Start> for schema::Start {
    fn from(start: &Start) -> schema::Start {
        let Start {
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
        } = start.clone();
        let structures = structures.into_iter().map(|(schema, name)| schema::Name { schema, name }).collect();
        schema::Start {
            pipeline,
            version,
            system_id,
            timeline,
            slot,
            at: at.0,
            policy,
            mask_key,
            time,
            structures,
            begun,
            rules,
        }
    }
}

impl From<&Commit> for schema::Commit {
    fn from(commit: &Commit) -> schema::Commit {
        let Commit { lsn, xid, time, xids: (xid_seen, xid_max), changes, after } = *commit;
        schema::Commit { lsn: lsn.0, xid, time, xid_seen, xid_max, changes, after: after.0 }
    }
}

impl From<&ChunkBegin> for schema::ChunkBegin {
    fn from(begin: &ChunkBegin) -> schema::ChunkBegin {
        let key = |values: &Vec<String>| schema::Key { values: values.clone() };
        let part = match &begin.part {
            Part::Range(Range { id: _, lo, hi, columns }) => {
                let (lo, hi) = (lo.as_ref().map(key), hi.as_ref().map(key));
                schema::Part::Range(schema::Range { lo, hi, columns: columns.clone() })
            }
            Part::Points(keys) => schema::Part::Points(schema::Points { keys: keys.iter().map(key).collect() }),
        };
        schema::ChunkBegin { table: begin.table, id: begin.id, at: begin.at.0, part: Some(part) }
    }
}
