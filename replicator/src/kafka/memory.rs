//! What a capture remembers from run to run beside the topic: in `<topic>.state`, of which Kafka keeps the last record of each key.
//!
//! It is written in the Kafka transaction of the records that it is about, so after a crash both are of the same moment. Where the capture stands
//! is here too, and not only what the topic ends with: that expires, should nobody capture for longer than the topic is kept.

use std::collections::HashMap;

use bytes::Bytes;
use filters::change::Lsn;
use prost::Message;

use super::consumer::{Consumer, Taken};
use super::envelope::{Decoder, Described, Encoder, Malformed, Record, Start};
use super::options::Options;
use super::producer::Producer;
use crate::downstream::Name;
use crate::error::Error;

/// The key of what the capture belongs to; those of tables have a NUL.
pub const BELONGS: &str = "belongs";
/// The key of where it stands.
pub const PLACED: &str = "placed";

/// A table, as far as it was told.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// As it was described last.
    pub described: Described,
    /// Where its rows were on production, in the words of whoever looks there.
    pub rows: Option<String>,
    /// Appliers were told that it is unknown, and nothing of it was sent since: why.
    pub due: Option<String>,
    /// It joined a running publication: no snapshot counts before this transaction id of production.
    pub wait: Option<u64>,
}

/// Where a capture stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Placed {
    /// All up to here is in the topic.
    pub at: Lsn,
    /// The ends of the interval of transactions that a snapshot of production may not show yet ([`crate::applied`]).
    pub xids: (u64, u64),
    /// An offset that the topic has come to; 0: none is known.
    pub last: i64,
}

/// What the capture belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Belongs {
    /// Production's database.
    pub database: String,
    /// Publications and their tables, as [`publication`](crate::source::publication) tells them apart.
    pub publications: String,
    /// How it began last.
    pub start: Start,
    /// How far requests were heard: the next record of `<topic>.requests`.
    pub requests: i64,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// `None`: nobody has captured into this topic.
    pub belongs: Option<Belongs>,
    /// `None`: the slot is about to be made.
    pub placed: Option<Placed>,
    /// By name.
    pub tables: HashMap<Name, Table>,
}

#[derive(Clone, PartialEq, Message)]
struct TableRecord {
    #[prost(uint32, tag = "1")]
    version: u32,
    /// A record of the topic.
    #[prost(bytes = "bytes", tag = "2")]
    described: Bytes,
    #[prost(string, optional, tag = "3")]
    rows: Option<String>,
    #[prost(string, optional, tag = "4")]
    due: Option<String>,
    #[prost(uint64, optional, tag = "5")]
    wait: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct PlacedRecord {
    #[prost(uint32, tag = "1")]
    version: u32,
    #[prost(uint64, tag = "2")]
    at: u64,
    #[prost(uint64, tag = "3")]
    xid_seen: u64,
    #[prost(uint64, tag = "4")]
    xid_max: u64,
    #[prost(int64, tag = "5")]
    last: i64,
}

#[derive(Clone, PartialEq, Message)]
struct BelongsRecord {
    #[prost(uint32, tag = "1")]
    version: u32,
    #[prost(string, tag = "2")]
    database: String,
    #[prost(string, tag = "3")]
    publications: String,
    /// A record of the topic.
    #[prost(bytes = "bytes", tag = "4")]
    start: Bytes,
    #[prost(int64, tag = "5")]
    requests: i64,
}

/// The version of these records.
const VERSION: u32 = 1;

fn record(encoder: &mut Encoder, record: &Record) -> Bytes {
    Bytes::copy_from_slice(encoder.record(record).value)
}

impl Table {
    /// Its record.
    pub fn encode(&self, encoder: &mut Encoder) -> Vec<u8> {
        let described = record(encoder, &Record::Table(self.described.clone()));
        TableRecord { version: VERSION, described, rows: self.rows.clone(), due: self.due.clone(), wait: self.wait }
            .encode_to_vec()
    }
}

impl Belongs {
    /// Its record.
    pub fn encode(&self, encoder: &mut Encoder) -> Vec<u8> {
        let start = record(encoder, &Record::Start(self.start.clone()));
        let (database, publications) = (self.database.clone(), self.publications.clone());
        BelongsRecord { version: VERSION, database, publications, start, requests: self.requests }.encode_to_vec()
    }
}

impl Placed {
    /// Its record.
    pub fn encode(&self) -> Vec<u8> {
        let (xid_seen, xid_max) = self.xids;
        PlacedRecord { version: VERSION, at: self.at.0, xid_seen, xid_max, last: self.last }.encode_to_vec()
    }
}

impl Memory {
    /// Is it the same capture's, only further on perhaps?
    pub fn goes_on_from(&self, before: &Memory) -> bool {
        let of = |memory: &Memory| memory.belongs.clone().map(|b| Belongs { requests: 0, ..b });
        of(self) == of(before) && self.placed.is_some() == before.placed.is_some() && self.tables == before.tables
    }

    /// Takes in a record; one without a value says that its table is not captured any more.
    pub fn take(&mut self, key: &[u8], value: Bytes) -> Result<(), Malformed> {
        let of_another = || Malformed::Unknown(VERSION);
        if key == PLACED.as_bytes() {
            let read = PlacedRecord::decode(value).map_err(|_| of_another())?;
            self.placed = Some(Placed { at: Lsn(read.at), xids: (read.xid_seen, read.xid_max), last: read.last });
            return Ok(());
        }
        if key == BELONGS.as_bytes() {
            let read = BelongsRecord::decode(value).map_err(|_| of_another())?;
            let Record::Start(start) = Decoder::default().decode(read.start)? else { return Err(of_another()) };
            let BelongsRecord { database, publications, requests, .. } = read;
            self.belongs = Some(Belongs { database, publications, start, requests });
            return Ok(());
        }
        if value.is_empty() {
            self.tables.retain(|name, _| key_of(name).as_bytes() != key);
            return Ok(());
        }
        let read = TableRecord::decode(value).map_err(|_| of_another())?;
        let Record::Table(described) = Decoder::default().decode(read.described)? else { return Err(of_another()) };
        let name = (described.spec.schema.clone(), described.spec.name.clone());
        self.tables.insert(name, Table { described, rows: read.rows, due: read.due, wait: read.wait });
        Ok(())
    }
}

/// A table's key: no schema's name has a NUL.
pub fn key_of(name: &Name) -> String {
    format!("{}\0{}", name.0, name.1)
}

/// All that is remembered of this topic. Blocks.
pub fn read(options: &Options) -> Result<Memory, Error> {
    let mut memory = Memory::default();
    for Taken { key, value, .. } in Consumer::all(&options.state())? {
        memory.take(&key, value).map_err(|why| Error::Topic { topic: options.state().topic, offset: None, why })?;
    }
    Ok(memory)
}

/// Notes whose a topic is going to be, before the slot is made. Blocks.
pub fn intend(producer: &mut Producer, belongs: &Belongs) -> Result<(), Error> {
    producer.begin()?;
    producer.remember(BELONGS.as_bytes(), &belongs.encode(&mut Encoder::new()))?;
    producer.commit().map(drop)
}
