//! `docs/envelope.proto`, for `prost`. No message here has a `Debug`: it would show values.

use bytes::Bytes;
use prost::{Enumeration, Message, Oneof};

/// Field numbers of the kinds of record, beside `version = 1`.
pub mod tag {
    pub const START: u32 = 2;
    pub const TABLE: u32 = 3;
    pub const CHANGE: u32 = 4;
    pub const COMMIT: u32 = 5;
    pub const POSITION: u32 = 6;
    pub const DUE: u32 = 7;
    pub const CHUNK_BEGIN: u32 = 8;
    pub const CHUNK_ROWS: u32 = 9;
    pub const CHUNK_END: u32 = 10;
    pub const SEQUENCES: u32 = 11;
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Start {
    #[prost(string, tag = "1")]
    pub pipeline: String,
    #[prost(string, tag = "2")]
    pub version: String,
    #[prost(fixed64, tag = "3")]
    pub system_id: u64,
    #[prost(uint32, tag = "4")]
    pub timeline: u32,
    #[prost(string, tag = "5")]
    pub slot: String,
    #[prost(uint64, tag = "6")]
    pub at: u64,
    #[prost(string, tag = "7")]
    pub policy: String,
    #[prost(string, tag = "8")]
    pub mask_key: String,
    #[prost(int64, tag = "9")]
    pub time: i64,
    #[prost(message, repeated, tag = "10")]
    pub structures: Vec<Name>,
    #[prost(int64, tag = "11")]
    pub begun: i64,
    #[prost(string, tag = "12")]
    pub rules: String,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Name {
    #[prost(string, tag = "1")]
    pub schema: String,
    #[prost(string, tag = "2")]
    pub name: String,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Table {
    #[prost(uint32, tag = "1")]
    pub oid: u32,
    #[prost(string, tag = "2")]
    pub schema: String,
    #[prost(string, tag = "3")]
    pub name: String,
    #[prost(enumeration = "Identity", tag = "4")]
    pub identity: i32,
    #[prost(message, repeated, tag = "5")]
    pub columns: Vec<Column>,
    #[prost(message, optional, tag = "6")]
    pub spec: Option<Spec>,
    #[prost(message, repeated, tag = "7")]
    pub references: Vec<Reference>,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Reference {
    #[prost(string, tag = "1")]
    pub constraint: String,
    #[prost(string, repeated, tag = "2")]
    pub columns: Vec<String>,
    #[prost(message, optional, tag = "3")]
    pub table: Option<Name>,
    #[prost(string, repeated, tag = "4")]
    pub to: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Column {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(uint32, tag = "2")]
    pub type_oid: u32,
    #[prost(sint32, tag = "3")]
    pub type_modifier: i32,
    #[prost(bool, tag = "4")]
    pub key: bool,
    #[prost(string, tag = "5")]
    pub type_name: String,
    #[prost(bool, tag = "6")]
    pub masked: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Enumeration)]
#[repr(i32)]
pub enum Identity {
    Unsaid = 0,
    Default = 1,
    Nothing = 2,
    Full = 3,
    Index = 4,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Spec {
    #[prost(string, repeated, tag = "1")]
    pub key: Vec<String>,
    #[prost(message, optional, tag = "2")]
    pub order: Option<Order>,
    #[prost(bool, tag = "3")]
    pub pointable: bool,
    #[prost(bool, tag = "4")]
    pub partial: bool,
    #[prost(message, optional, tag = "5")]
    pub known: Option<Known>,
    #[prost(string, repeated, tag = "6")]
    pub withheld: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Order {
    #[prost(enumeration = "Reading", repeated, tag = "1")]
    pub readings: Vec<i32>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Enumeration)]
#[repr(i32)]
pub enum Reading {
    Unsaid = 0,
    Decimal = 1,
    Real = 2,
    Double = 3,
    Boolean = 4,
    Date = 5,
    Timestamp = 6,
    TimestampTz = 7,
    Uuid = 8,
    Bytes = 9,
    Padded = 10,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Known {
    #[prost(string, repeated, tag = "1")]
    pub key: Vec<String>,
    #[prost(string, tag = "2")]
    pub only: String,
    #[prost(message, repeated, tag = "3")]
    pub columns: Vec<KnownColumn>,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct KnownColumn {
    #[prost(int32, tag = "1")]
    pub number: i32,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(enumeration = "Fate", tag = "3")]
    pub fate: i32,
    #[prost(string, tag = "4")]
    pub print: String,
    #[prost(string, optional, tag = "5")]
    pub shielded: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Enumeration)]
#[repr(i32)]
pub enum Fate {
    Unsaid = 0,
    Keep = 1,
    Mask = 2,
    Drop = 3,
    Withheld = 4,
    Gone = 5,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Change {
    #[prost(uint32, tag = "1")]
    pub table: u32,
    #[prost(uint64, tag = "2")]
    pub lsn: u64,
    #[prost(uint64, tag = "3")]
    pub seq: u64,
    #[prost(enumeration = "Op", tag = "4")]
    pub op: i32,
    #[prost(bytes = "bytes", optional, tag = "5")]
    pub new: Option<Bytes>,
    #[prost(oneof = "Old", tags = "6, 7")]
    pub old: Option<Old>,
    #[prost(bytes = "bytes", optional, tag = "8")]
    pub due: Option<Bytes>,
    #[prost(bool, tag = "9")]
    pub restart_identity: bool,
}

#[derive(Clone, PartialEq, Oneof)]
#[prost(skip_debug)]
pub enum Old {
    #[prost(bytes = "bytes", tag = "6")]
    OldKey(Bytes),
    #[prost(bytes = "bytes", tag = "7")]
    OldRow(Bytes),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Enumeration)]
#[repr(i32)]
pub enum Op {
    Unsaid = 0,
    Insert = 1,
    Update = 2,
    Delete = 3,
    Truncate = 4,
    Due = 5,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Commit {
    #[prost(uint64, tag = "1")]
    pub lsn: u64,
    #[prost(uint32, tag = "2")]
    pub xid: u32,
    #[prost(int64, tag = "3")]
    pub time: i64,
    #[prost(uint64, tag = "4")]
    pub xid_seen: u64,
    #[prost(uint64, tag = "5")]
    pub xid_max: u64,
    #[prost(uint64, tag = "6")]
    pub changes: u64,
    #[prost(uint64, tag = "7")]
    pub after: u64,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Position {
    #[prost(uint64, tag = "1")]
    pub lsn: u64,
    #[prost(uint64, tag = "2")]
    pub after: u64,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Due {
    #[prost(uint32, tag = "1")]
    pub table: u32,
    #[prost(string, tag = "2")]
    pub why: String,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct ChunkBegin {
    #[prost(uint32, tag = "1")]
    pub table: u32,
    #[prost(uint64, tag = "2")]
    pub id: u64,
    #[prost(uint64, tag = "3")]
    pub at: u64,
    #[prost(oneof = "Part", tags = "4, 5")]
    pub part: Option<Part>,
}

#[derive(Clone, PartialEq, Oneof)]
#[prost(skip_debug)]
pub enum Part {
    #[prost(message, tag = "4")]
    Range(Range),
    #[prost(message, tag = "5")]
    Points(Points),
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Range {
    #[prost(message, optional, tag = "1")]
    pub lo: Option<Key>,
    #[prost(message, optional, tag = "2")]
    pub hi: Option<Key>,
    #[prost(string, repeated, tag = "3")]
    pub columns: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Points {
    #[prost(message, repeated, tag = "1")]
    pub keys: Vec<Key>,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Key {
    #[prost(string, repeated, tag = "1")]
    pub values: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct ChunkRows {
    #[prost(bytes = "bytes", tag = "1")]
    pub lines: Bytes,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct ChunkEnd {
    #[prost(uint64, tag = "1")]
    pub id: u64,
    #[prost(uint64, tag = "2")]
    pub rows: u64,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Sequences {
    #[prost(message, repeated, tag = "1")]
    pub sequences: Vec<Sequence>,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Sequence {
    #[prost(string, tag = "1")]
    pub schema: String,
    #[prost(string, tag = "2")]
    pub table: String,
    #[prost(string, tag = "3")]
    pub column: String,
    #[prost(int64, tag = "4")]
    pub last: i64,
    #[prost(int64, tag = "5")]
    pub step: i64,
}

/// The whole of a record, as others read it; we read and write it field by field.
#[cfg(test)]
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Record {
    #[prost(uint32, tag = "1")]
    pub version: u32,
    #[prost(oneof = "What", tags = "2, 3, 4, 5, 6, 7, 8, 9, 10, 11")]
    pub what: Option<What>,
}

#[cfg(test)]
#[derive(Clone, PartialEq, Oneof)]
#[prost(skip_debug)]
pub enum What {
    #[prost(message, tag = "2")]
    Start(Start),
    #[prost(message, tag = "3")]
    Table(Table),
    #[prost(message, tag = "4")]
    Change(Change),
    #[prost(message, tag = "5")]
    Commit(Commit),
    #[prost(message, tag = "6")]
    Position(Position),
    #[prost(message, tag = "7")]
    Due(Due),
    #[prost(message, tag = "8")]
    ChunkBegin(ChunkBegin),
    #[prost(message, tag = "9")]
    ChunkRows(ChunkRows),
    #[prost(message, tag = "10")]
    ChunkEnd(ChunkEnd),
    #[prost(message, tag = "11")]
    Sequences(Sequences),
}
