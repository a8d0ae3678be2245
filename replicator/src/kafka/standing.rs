//! Where a topic stands, for one who neither captures nor applies: what `check` and `status` say of it. Nothing is written, no group is
//! joined, nobody is fenced.
//!
//! **What is still safe of what a target has not read.** Kafka deletes whole segments, and one only when its newest record is older than
//! `retention.ms`: so a record is there for at least that long, and nobody can say how much longer. What `retention.bytes`
//! takes away goes by what comes behind it, whenever it was written: of that nobody can say a time.

use std::time::{Duration, Instant, SystemTime};

use super::consumer::{Consumer, Taken};
use super::envelope::{Decoder, Record};
use super::memory::Memory;
use super::options::Options;
use super::topic::{self, Shape};
use crate::error::Error;

/// A broker that takes longer is said to be out of reach.
pub const PATIENCE: Duration = Duration::from_secs(8);
/// So many records are looked at for the first that says something new, and so long.
const MOST: usize = 20_000;
const LONG: Duration = Duration::from_secs(4);
/// Records come within this, or the broker has been silent.
const COMES: Duration = Duration::from_secs(2);

/// The three topics as they are.
#[derive(Clone, Debug, Default)]
pub struct Shapes {
    /// How many brokers there are.
    pub brokers: usize,
    /// The stream, what is asked for, what is remembered; `None`: there is no such topic.
    pub stream: Option<Shape>,
    /// See `stream`.
    pub requests: Option<Shape>,
    /// See `stream`.
    pub state: Option<Shape>,
}

/// The settings of all three. Blocks.
pub fn shapes(options: &Options) -> Result<Shapes, Error> {
    let (brokers, stream) = topic::look_within(options, PATIENCE)?;
    let of = |options: &Options| topic::look_within(options, PATIENCE).map(|(_, shape)| shape);
    Ok(Shapes { brokers, stream, requests: of(&options.requests())?, state: of(&options.state())? })
}

/// What a capture has left behind.
#[derive(Clone, Debug, Default)]
pub struct Captured {
    /// What it remembers.
    pub memory: Memory,
    /// When it said so last, in milliseconds since 1970.
    pub heard: Option<i64>,
    /// The first offset of the stream that is there, and the next that will be.
    pub ends: (i64, i64),
}

/// That, of topics that are there. Blocks.
pub fn captured(options: &Options) -> Result<Captured, Error> {
    let (mut memory, mut heard) = (Memory::default(), None);
    let state = options.state();
    for Taken { key, value, time, .. } in Consumer::all(&state)? {
        heard = heard.max(time);
        memory.take(&key, value).map_err(|why| Error::Topic { topic: state.topic.clone(), offset: None, why })?;
    }
    let ends = Consumer::watch(options)?.ends()?;
    Ok(Captured { memory, heard, ends })
}

/// What a target has not read yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    /// Records, with Kafka's own markers among them; 0 where all there is only says that nothing has happened.
    pub records: u64,
    /// When the first of them was written that says that something has happened, in milliseconds since 1970.
    pub since: Option<i64>,
    /// When the very first was written: it is lost first.
    pub first: Option<i64>,
    /// What it reads next has gone.
    pub expired: bool,
}

/// What lies between `next`, where a target reads on, and the end of a topic with these ends. Blocks.
pub fn unread(options: &Options, next: i64, (low, end): (i64, i64)) -> Result<Unread, Error> {
    let records = u64::try_from(end.saturating_sub(next)).unwrap_or(0);
    if next < low {
        return Ok(Unread { records, expired: true, ..Unread::default() });
    }
    let mut consumer = Consumer::follow(&options.looking(), next)?;
    let (began, mut decoder, mut first) = (Instant::now(), Decoder::new(), None);
    for _ in 0..MOST {
        let Some(Taken { value, time, .. }) = consumer.next(COMES)? else {
            if consumer.is_at_end() {
                return Ok(Unread { first, ..Unread::default() });
            }
            break;
        };
        first = first.or(time);
        // a record that leans on a description that stands before it is not read, but it is no position
        let idle = matches!(decoder.decode(value), Ok(Record::Position { .. } | Record::Sequences(_)));
        if !idle {
            return Ok(Unread { records, since: time, first, expired: false });
        }
        if began.elapsed() > LONG {
            break;
        }
    }
    Ok(Unread { records, since: first, first, expired: false })
}

/// Seconds from then until now.
pub fn age(time: i64) -> f64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    now.as_secs_f64() - time as f64 / 1000.0
}

/// What Kafka has to allow each half, with the names of this topic.
pub fn acls(options: &Options) -> [(&'static str, String); 2] {
    let (stream, state, requests) = (&options.topic, options.state().topic, options.requests().topic);
    let (id, second) = (&options.id, options.second().id);
    [
        (
            "capture",
            format!(
                "Write, Read, Describe, DescribeConfigs on topics {stream}, {requests}, {state} (Create too, to make them); Write, Describe on transactional ids {id}, {second}"
            ),
        ),
        (
            "apply",
            format!(
                "Read, Describe on topics {stream}, {state}; Write, Describe on topic {requests}; Write, Describe on transactional ids with prefix {id}."
            ),
        ),
    ]
}
