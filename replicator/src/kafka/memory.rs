//! What a capture remembers from run to run beside the topic: in `<topic>.state`, of which Kafka keeps the last record of each key.
//!
//! It is written in the Kafka transaction of the records that it is about, so after a crash both are of the same moment.
//! Where the capture stands is not here: that is what the topic itself ends with.

use std::collections::HashMap;

use bytes::Bytes;
use filters::change::Lsn;
use prost::Message;

use super::envelope::{Decoder, Described, Encoder, Malformed, Record, Start};
use crate::downstream::Name;

/// The key of what the capture belongs to; those of tables have a dot.
pub const BELONGS: &str = "belongs";

/// A table, as far as it was told.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// As it was described last.
    pub described: Described,
    /// Where its rows were on production, in the words of whoever looks there.
    pub rows: Option<String>,
    /// Appliers were told that it is unknown, and nothing of it was sent since: why.
    pub due: Option<String>,
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
    /// Is there a position? Before, the slot is about to be made.
    pub placed: bool,
    /// How far requests were heard: the next record of `<topic>.requests`.
    pub requests: i64,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// `None`: nobody has captured into this topic.
    pub belongs: Option<Belongs>,
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
    #[prost(bool, tag = "5")]
    placed: bool,
    #[prost(int64, tag = "6")]
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
        TableRecord { version: VERSION, described, rows: self.rows.clone(), due: self.due.clone() }.encode_to_vec()
    }
}

impl Belongs {
    /// Its record.
    pub fn encode(&self, encoder: &mut Encoder) -> Vec<u8> {
        let start = record(encoder, &Record::Start(self.start.clone()));
        let (database, publications) = (self.database.clone(), self.publications.clone());
        let (placed, requests) = (self.placed, self.requests);
        BelongsRecord { version: VERSION, database, publications, start, placed, requests }.encode_to_vec()
    }
}

impl Memory {
    /// Takes in a record; one without a value says that its table is not captured any more.
    pub fn take(&mut self, key: &[u8], value: Bytes) -> Result<(), Malformed> {
        let of_another = || Malformed::Version { found: 0, known: VERSION };
        if key == BELONGS.as_bytes() {
            let read = BelongsRecord::decode(value).map_err(|_| of_another())?;
            let Record::Start(start) = Decoder::default().decode(read.start)? else { return Err(of_another()) };
            let BelongsRecord { database, publications, placed, requests, .. } = read;
            self.belongs = Some(Belongs { database, publications, start, placed, requests });
            return Ok(());
        }
        if value.is_empty() {
            self.tables.retain(|name, _| key_of(name).as_bytes() != key);
            return Ok(());
        }
        let read = TableRecord::decode(value).map_err(|_| of_another())?;
        let Record::Table(described) = Decoder::default().decode(read.described)? else { return Err(of_another()) };
        let name = (described.spec.schema.clone(), described.spec.name.clone());
        self.tables.insert(name, Table { described, rows: read.rows, due: read.due });
        Ok(())
    }
}

/// A table's key: no schema's name has a NUL.
pub fn key_of(name: &Name) -> String {
    format!("{}\0{}", name.0, name.1)
}

/// What a topic ends with: where whoever fills it, or reads all of it, stands.
pub fn position(record: &Record) -> Option<Lsn> {
    match record {
        Record::Commit(commit) => Some(commit.lsn),
        Record::Position(lsn) => Some(*lsn),
        Record::ChunkBegin(begin) => Some(begin.at),
        _ => None,
    }
}
