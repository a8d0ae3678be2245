//! Reads the topic from an offset that the reader keeps.
//!
//! Offsets have holes, where a transaction's marker stands or what was aborted: so a record's offset says where to go on, and nothing of what
//! lies between two. That nothing is missing is the broker's word: it does not skip, it says that an offset is out of its range,
//! and then nobody guesses where to go on ([`Error::Expired`]).
//!
//! A broker that is down is found again by the library, without a word; so silence is an error only when it has lasted, and a question gets
//! no answer either.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::{BufMut as _, Bytes, BytesMut};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::{Offset, TopicPartitionList};

use super::context::Context;
use super::topic::nap;
use super::{Error, LOOK, Options, PARTITION, PATIENCE, SURE};
use crate::error::{self, Doing as _, Kind};

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Where it stands. The next is to be looked for right behind it.
    pub offset: i64,
    /// When it was written, in milliseconds since 1970: by the clock of whoever wrote it, or the broker's, as the topic has it.
    pub time: Option<i64>,
    /// Empty, where it has none.
    pub key: Bytes,
    /// What it says.
    pub value: Bytes,
}

/// Takes records, in order.
pub struct Consumer {
    client: BaseConsumer<Context>,
    topic: String,
    /// The offset behind the last one taken; `None`: nothing is read yet.
    next: Option<i64>,
    /// Records are copied into it one behind the other: small ones cost no allocation of their own.
    arena: BytesMut,
    /// Since when nothing came, and a broker was out of reach.
    doubt: Option<Instant>,
    /// Nothing has come since the broker said that there was no more; `false` also where it is not asked to say so.
    at_end: bool,
}

impl std::fmt::Debug for Consumer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Consumer").field("topic", &self.topic).field("next", &self.next).finish_non_exhaustive()
    }
}

/// Of the arena. Whoever keeps one record keeps so much.
const BLOCK: usize = 64 << 10;
/// How long a broker may take for a small question.
const ANSWER: Duration = Duration::from_secs(5);
/// So long is listened for a reason, where there was no answer.
const HEARS: Duration = Duration::from_millis(50);
/// How far back the end is looked for at first; then four times as far, and so on.
const STEP: i64 = 64;

impl Consumer {
    /// Reads on from `offset`. What has expired before it was read is an error, as is what never was.
    pub fn open(options: &Options, offset: i64) -> Result<Consumer, error::Error> {
        let mut consumer = Consumer::connect(options, false)?;
        consumer.start(offset).doing_to("read", &options.topic)?;
        Ok(consumer)
    }

    /// The same, and it hears when it has come to the end: [`Self::next`] says `None` at once then.
    pub fn follow(options: &Options, offset: i64) -> Result<Consumer, error::Error> {
        let mut consumer = Consumer::connect(options, true)?;
        consumer.start(offset).doing_to("read", &options.topic)?;
        Ok(consumer)
    }

    /// Was everything taken that there was, when the broker was asked last?
    pub fn is_at_end(&self) -> bool {
        self.at_end
    }

    /// One that only looks at where the topic begins and ends.
    pub fn watch(options: &Options) -> Result<Consumer, error::Error> {
        Consumer::connect(options, false)
    }

    fn connect(options: &Options, ends: bool) -> Result<Consumer, error::Error> {
        let client: BaseConsumer<Context> = options
            .consumer(ends)
            .and_then(|config| Ok(config.create_with_context(Context::new())?))
            .doing("set up a consumer")?;
        let topic = options.topic.clone();
        Ok(Consumer { client, topic, next: None, arena: BytesMut::new(), doubt: None, at_end: false })
    }

    fn start(&mut self, offset: i64) -> Result<(), Error> {
        self.within(offset, PATIENCE)?;
        self.assign(offset)
    }

    fn assign(&mut self, offset: i64) -> Result<(), Error> {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.topic, PARTITION, Offset::Offset(offset))?;
        self.client.assign(&list)?;
        self.next = Some(offset);
        Ok(())
    }

    /// The next record. `None`: none came in that time.
    pub fn next(&mut self, timeout: Duration) -> Result<Option<Taken>, error::Error> {
        match self.take(timeout) {
            Ok(Heard::Record(taken)) => Ok(Some(taken)),
            Ok(Heard::End | Heard::Nothing) => Ok(None),
            Err(e) => Err(e).doing_to("read", &self.topic),
        }
    }

    fn take(&mut self, timeout: Duration) -> Result<Heard, Error> {
        let until = Instant::now() + timeout;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.client.poll(left) {
                Some(Ok(message)) => {
                    let taken = taken(&mut self.arena, &message);
                    drop(message);
                    (self.next, self.at_end) = (Some(taken.offset + 1), false);
                    self.believe();
                    return Ok(Heard::Record(taken));
                }
                Some(Err(KafkaError::PartitionEOF(_))) => {
                    self.at_end = true;
                    self.believe();
                    return Ok(Heard::End);
                }
                Some(Err(e)) => self.heard(e)?,
                // it may come early
                None if left < Duration::from_millis(1) => {
                    self.ask_when_in_doubt()?;
                    return Ok(Heard::Nothing);
                }
                None => {}
            }
        }
    }

    /// What is not a record.
    fn heard(&mut self, e: KafkaError) -> Result<(), Error> {
        match Error::from(e) {
            Error::Told { code: Code::AutoOffsetReset | Code::OffsetOutOfRange | Code::LogTruncation, told } => {
                self.within(self.next.unwrap_or_default(), PATIENCE)?;
                // it was neither: what is fetched now is not what was asked for
                Err(Error::Told { code: Code::LogTruncation, told })
            }
            // so one broker says
            e if e.is_of_no_topic() => self.within(self.next.unwrap_or_default(), PATIENCE),
            // the group is a name only
            Error::Told { code: Code::GroupAuthorizationFailed, .. } => Ok(()),
            e if e.kind() == Kind::Unavailable => {
                self.doubt.get_or_insert_with(Instant::now);
                Ok(())
            }
            e => Err(e),
        }
    }

    fn believe(&mut self) {
        if self.doubt.take().is_some() {
            self.client.context().reached();
        }
    }

    fn ask_when_in_doubt(&mut self) -> Result<(), Error> {
        if self.doubt.is_none_or(|since| since.elapsed() < PATIENCE) {
            return Ok(());
        }
        self.within(self.next.unwrap_or_default(), ANSWER)?;
        self.believe();
        Ok(())
    }

    /// The first offset there is, and the first that nobody may read yet: all transactions before it are decided.
    pub fn ends(&mut self) -> Result<(i64, i64), error::Error> {
        self.bounds(PATIENCE).doing_to("look at", &self.topic)
    }

    fn bounds(&self, timeout: Duration) -> Result<(i64, i64), Error> {
        let began = Instant::now();
        let context = self.client.context();
        loop {
            // asked by one who reads committed records only, the end is that of what is decided
            let error = match self.client.fetch_watermarks(&self.topic, PARTITION, ANSWER.min(timeout)) {
                Ok(bounds) => {
                    context.reached();
                    return Ok(bounds);
                }
                Err(e) => Error::from(e),
            };
            match error {
                e if e.is_of_no_topic() => match self.absent() {
                    Error::Absent(_) if began.elapsed() < timeout.min(SURE) => nap(),
                    e => return Err(e),
                },
                e if e.kind() != Kind::Unavailable || began.elapsed() >= timeout => return Err(context.why(e)),
                _ => {}
            }
            if self.next.is_none() {
                // Why no broker is reached; later that comes with the records. What the library logs comes by the same way, a line a poll.
                let heard = Instant::now();
                while heard.elapsed() < HEARS {
                    let _ = self.client.poll(Duration::from_millis(1));
                }
            }
            if let Some(denied) = context.denied() {
                return Err(denied);
            }
        }
    }

    /// Who may not even know of it hears the same as one for whom there is none.
    fn absent(&self) -> Error {
        let told = self.client.fetch_metadata(Some(&self.topic), ANSWER).ok();
        let code = told.and_then(|told| told.topics().first().and_then(|topic| topic.error()).map(Code::from));
        match code {
            Some(Code::TopicAuthorizationFailed) => Error::of(Code::TopicAuthorizationFailed),
            _ => Error::Absent(self.topic.clone()),
        }
    }

    /// Is the offset one that the topic has, or the next?
    fn within(&self, offset: i64, timeout: Duration) -> Result<(), Error> {
        let (low, end) = self.bounds(timeout)?;
        match offset {
            _ if offset < low => Err(Error::Expired { offset, low }),
            _ if offset > end => Err(Error::Beyond { offset, end }),
            _ => Ok(()),
        }
    }

    /// Has the topic come to this offset?
    pub fn reaches(options: &Options, last: i64) -> Result<(), error::Error> {
        let end = Consumer::watch(options)?.ends()?.1;
        if end > last {
            return Ok(());
        }
        Err(Error::Anew { last, end }).doing_to("go on with", &options.topic)
    }

    /// Everything that there is now, for a topic that is small.
    pub fn all(options: &Options) -> Result<Vec<Taken>, error::Error> {
        let mut consumer = Consumer::connect(options, true)?;
        consumer.everything().doing_to("read all of", &options.topic)
    }

    fn everything(&mut self) -> Result<Vec<Taken>, Error> {
        let (low, end) = self.bounds(PATIENCE)?;
        let mut found = Vec::new();
        if low == end {
            return Ok(found);
        }
        self.assign(low)?;
        let mut heard = Instant::now();
        loop {
            match self.take(LOOK)? {
                Heard::Record(taken) => {
                    heard = Instant::now();
                    let last = taken.offset + 1 >= end;
                    found.push(taken);
                    // where somebody writes all the time, the end is never come to
                    if last {
                        return Ok(found);
                    }
                }
                Heard::End => return Ok(found),
                Heard::Nothing if heard.elapsed() > PATIENCE => {
                    return Err(self.client.context().why(Error::silence()));
                }
                Heard::Nothing => {}
            }
        }
    }

    /// The last records, newest last, `most` of them if there are so many. To be asked behind [`Producer::open`](super::Producer::open), which leaves
    /// nothing undecided.
    ///
    /// At the end there may be markers, and any number of records that were aborted, and only reading tells; so it goes back in growing steps.
    pub fn tail(options: &Options, most: usize, timeout: Duration) -> Result<Vec<Taken>, error::Error> {
        let mut consumer = Consumer::connect(options, true)?;
        consumer.last(most, timeout).doing_to("read the end of", &options.topic)
    }

    fn last(&mut self, most: usize, timeout: Duration) -> Result<Vec<Taken>, Error> {
        let until = Instant::now() + timeout;
        let (low, end) = self.bounds(timeout)?;
        let mut found: VecDeque<Taken> = VecDeque::new();
        let (mut from, mut step) = (end, STEP.max(most as i64 * 2));
        while found.len() < most && from > low {
            let to = from;
            from = (to - step).max(low);
            step = step.saturating_mul(4);
            self.assign(from)?;
            // only what has a chance is kept
            let mut part: VecDeque<Taken> = VecDeque::new();
            loop {
                match self.take(LOOK)? {
                    Heard::Record(taken) if taken.offset < to => {
                        part.push_back(taken);
                        if part.len() > most - found.len() {
                            part.pop_front();
                        }
                    }
                    // behind it, or at the end
                    Heard::Record(_) | Heard::End => break,
                    Heard::Nothing if Instant::now() >= until => {
                        return Err(self.client.context().why(Error::silence()));
                    }
                    Heard::Nothing => {}
                }
            }
            part.append(&mut found);
            found = part;
        }
        Ok(found.into())
    }
}

enum Heard {
    Record(Taken),
    End,
    Nothing,
}

fn taken(arena: &mut BytesMut, message: &BorrowedMessage<'_>) -> Taken {
    let (key, value) = (message.key().unwrap_or_default(), message.payload().unwrap_or_default());
    let size = key.len() + value.len();
    if arena.capacity() < size {
        *arena = BytesMut::with_capacity(BLOCK.max(size));
    }
    arena.put_slice(key);
    arena.put_slice(value);
    let mut both = arena.split().freeze();
    let key = both.split_to(key.len());
    Taken { offset: message.offset(), time: message.timestamp().to_millis(), key, value: both }
}
