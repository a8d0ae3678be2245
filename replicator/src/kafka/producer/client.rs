//! One client of the library that produces in transactions.
//!
//! To open it ends what the one before of its `transactional.id` has left open, and from then on the broker takes nothing more of that one.
//!
//! **After an error a client is of no more use**, and the next is opened. How a commit has ended that had no answer is
//! known by then: what [`tail`](crate::kafka::Consumer::tail) gives is all there is.
//!
//! A commit returns when the broker has written down that it will be so. The marker that readers wait for follows in a moment; who opens a
//! client is let in only behind it.

use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use super::super::context::Context;
use super::super::{Error, LOOK, Options, PARTITION, PATIENCE};
use crate::error::{self, Doing as _};

/// Puts records into the topic, in transactions.
pub struct Client {
    client: BaseProducer<Context>,
    topic: String,
    /// What is remembered goes there.
    state: String,
    /// Records since the library was last asked what was acknowledged.
    unasked: u32,
    /// An offset to which the topic had come before this transaction.
    before: i64,
    /// Since when a transaction is open.
    open: Option<Instant>,
    /// The broker ends one that is open for longer.
    longest: Duration,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("topic", &self.topic).finish_non_exhaustive()
    }
}

/// So many records lie acknowledged, and in memory, before that is heard.
const ASK: u32 = 500;
/// While what is on its way is waited for. The library's own wait is one of 100 ms, or of a busy loop.
const NAP: Duration = Duration::from_micros(200);
/// What the library has to give up a record after its time, and to tell of it.
const GRACE: Duration = Duration::from_secs(5);

impl Client {
    /// Connects, and fences whoever produced before by this id: what that one had open is void, and what it had
    /// committed is in the topic when this returns.
    pub fn open(options: &Options) -> Result<Client, error::Error> {
        let client: BaseProducer<Context> = options
            .producer()
            .and_then(|config| Ok(config.create_with_context(Context::new())?))
            .doing("set up a producer")?;
        let producer = Client {
            client,
            topic: options.topic.clone(),
            state: options.state().topic,
            unasked: 0,
            before: -1,
            open: None,
            longest: options.longest_transaction(),
        };
        producer.initialise().doing_to("open the producer", &options.id)?;
        Ok(producer)
    }

    /// To here the topic has come, as is remembered; one that has not is another.
    pub fn follows(&mut self, last: i64) {
        self.before = self.before.max(last);
        self.client.context().stands(last);
    }

    /// An offset that the topic has come to; -1: none is known.
    pub fn last(&self) -> i64 {
        self.client.context().last()
    }

    fn initialise(&self) -> Result<(), Error> {
        self.until_answered(|client| client.init_transactions(LOOK))
    }

    /// Has the broker taken all so far, as far as is known?
    pub fn is_sound(&self) -> Result<(), error::Error> {
        self.sound().doing("begin a transaction")
    }

    /// Opens a transaction. It has 15 minutes (`transaction.timeout.ms`), then the broker ends it and takes us for fenced.
    pub fn begin(&mut self) -> Result<(), error::Error> {
        self.sound().and_then(|()| Ok(self.client.begin_transaction()?)).doing("begin a transaction")?;
        self.open = Some(Instant::now());
        Ok(())
    }

    /// Puts a record into the transaction; waits while too much is on its way. That the broker has not taken one is told by one of
    /// the next calls.
    pub fn send(&mut self, key: &[u8], headers: &[(&str, &[u8])], value: &[u8]) -> Result<(), error::Error> {
        self.put(false, key, headers, value).doing("send a record")
    }

    /// Puts a record into the topic beside it of which only the last of each key is kept, in the same transaction. An empty value: the key is no
    /// more.
    pub fn remember(&mut self, key: &[u8], value: &[u8]) -> Result<(), error::Error> {
        self.put(true, key, &[], value).doing("remember a record")
    }

    fn put(&mut self, beside: bool, key: &[u8], headers: &[(&str, &[u8])], value: &[u8]) -> Result<(), Error> {
        self.sound()?;
        let topic = if beside { &self.state } else { &self.topic };
        let mut record =
            BaseRecord::with_opaque_to(topic, usize::from(beside)).partition(PARTITION).key(key).payload(value);
        if !headers.is_empty() {
            let mut all = OwnedHeaders::new_with_capacity(headers.len());
            for &(key, value) in headers {
                all = all.insert(Header { key, value: Some(value) });
            }
            record = record.headers(all);
        }
        let began = Instant::now();
        while let Err((error, back)) = self.client.send(record) {
            match error {
                // it would not fit an empty queue either
                KafkaError::MessageProduction(Code::QueueFull) if self.client.in_flight_count() == 0 => {
                    return Err(Error::of(Code::MessageSizeTooLarge));
                }
                // no record waits for longer than its timeout, so this ends
                KafkaError::MessageProduction(Code::QueueFull) => self.breathe(began.elapsed()),
                e => return Err(self.because(e)),
            }
            self.sound()?;
            record = back;
        }
        self.unasked += 1;
        if self.unasked >= ASK {
            self.unasked = 0;
            self.client.poll(Duration::ZERO);
        }
        Ok(())
    }

    /// Ends the transaction: when this returns, all of it is acknowledged by as many brokers as the topic demands, and nothing can
    /// take it back. Readers see it a moment later. Gives the offset of the last record that went into the topic (-1 before the first). On an error it may have
    /// been committed or not: see above.
    pub fn commit(&mut self) -> Result<i64, error::Error> {
        self.complete().doing("commit")?;
        Ok(self.client.context().last())
    }

    fn complete(&mut self) -> Result<(), Error> {
        self.drain()?;
        self.same()?;
        match self.client.commit_transaction(PATIENCE) {
            Ok(()) => self.client.context().reached(),
            Err(e) => return Err(self.uncommitted(e)),
        }
        (self.before, self.open) = (self.last(), None);
        Ok(())
    }

    /// Is it the topic still that was written before? One that is deleted and made anew takes records as the old one did, and they
    /// stand at its beginning.
    fn same(&mut self) -> Result<(), Error> {
        if !self.client.context().goes_back() {
            return Ok(());
        }
        // nothing that is open counts, so ours does not
        let end = self.client.client().fetch_watermarks(&self.topic, PARTITION, PATIENCE)?.1;
        if end > self.before {
            return Ok(());
        }
        let _ = self.void();
        Err(Error::Anew { last: self.before, end })
    }

    /// Why it was not. A coordinator that is just letting in the one who fences us says "unknown error" to our commit: to open anew would
    /// throw *him* out. What it says to an abort is the truth.
    fn uncommitted(&mut self, e: KafkaError) -> Error {
        let asks = matches!(&e, KafkaError::Transaction(e) if e.txn_requires_abort());
        let why = self.because(e);
        match why {
            Error::Fenced | Error::Late { .. } => why,
            _ if asks => match self.void() {
                Err(e @ (Error::Fenced | Error::Late { .. })) => e,
                _ => why,
            },
            _ => why,
        }
    }

    /// Ends the transaction, and nobody will see any of it. Where the broker has not taken a record, that stays an error.
    pub fn abort(&mut self) -> Result<(), error::Error> {
        self.void().doing("abort")
    }

    fn void(&mut self) -> Result<(), Error> {
        let sound = self.sound();
        // in short steps, since it waits for records of which only a poll hears that they are gone
        self.until_answered(|client| client.abort_transaction(Duration::from_millis(20)))?;
        // what was purged is told as if it had failed
        while self.client.in_flight_count() > 0 {
            self.breathe(Duration::ZERO);
        }
        self.open = None;
        if sound.is_ok() {
            self.client.context().forget();
        }
        sound
    }

    /// Until all that was sent is acknowledged: to commit waits for that in steps of 100 ms.
    fn drain(&mut self) -> Result<(), Error> {
        let began = Instant::now();
        while self.client.in_flight_count() > 0 {
            self.sound()?;
            self.breathe(began.elapsed());
            if began.elapsed() > PATIENCE + GRACE {
                return Err(self.client.context().why(Error::silence()));
            }
        }
        self.sound()
    }

    /// Hears what there is to hear, else waits a moment: a longer one where nothing has come for long.
    #[expect(clippy::disallowed_methods, reason = "the caller is a thread that may block")]
    fn breathe(&self, waited: Duration) {
        if !self.hear() {
            std::thread::sleep((waited / 20).clamp(NAP, 50 * NAP));
        }
    }

    /// What was acknowledged, or not. Has there been any?
    fn hear(&self) -> bool {
        let before = self.client.in_flight_count();
        self.client.poll(Duration::ZERO);
        self.client.in_flight_count() < before
    }

    /// Asks again until there is an answer, patience is at its end, or it is known why there will be none.
    fn until_answered(&self, ask: impl Fn(&BaseProducer<Context>) -> Result<(), KafkaError>) -> Result<(), Error> {
        let (began, context) = (Instant::now(), self.client.context());
        loop {
            let error = match ask(&self.client) {
                Ok(()) => {
                    context.reached();
                    return Ok(());
                }
                Err(e) => e,
            };
            while self.hear() {}
            let again = matches!(&error, KafkaError::Transaction(e) if e.is_retriable());
            if let Some(denied) = context.denied() {
                return Err(denied);
            }
            if !again || began.elapsed() > PATIENCE {
                return Err(self.because(error));
            }
        }
    }

    /// Has the broker taken all so far, as far as is known?
    fn sound(&self) -> Result<(), Error> {
        if !self.client.context().has_failed() {
            return Ok(());
        }
        let code = self.client.context().failure().unwrap_or(Code::Fail);
        let purged = matches!(code, Code::PurgeQueue | Code::PurgeInflight);
        let cause = if purged { self.undone() } else { None };
        Err(self.because(cause.unwrap_or(KafkaError::MessageProduction(code))))
    }

    /// Why the library has thrown away what was to be sent: only a commit is told, and with a record lost there is none.
    fn undone(&self) -> Option<KafkaError> {
        match self.client.commit_transaction(LOOK) {
            Err(KafkaError::Transaction(e)) if e.txn_requires_abort() => Some(KafkaError::Transaction(e)),
            _ => None,
        }
    }

    /// Once a producer is lost, each call tells its own consequence of it: the cause is what counts.
    fn because(&self, e: KafkaError) -> Error {
        match self.client.client().fatal_error() {
            Some((code, _)) => match Error::of(code) {
                // it looks the same
                Error::Fenced => match self.open.map(|since| since.elapsed()).filter(|open| *open >= self.longest) {
                    Some(open) => Error::Late { seconds: open.as_secs() },
                    None => Error::Fenced,
                },
                _ => e.into(),
            },
            None => match Error::from(e) {
                e if e.is_of_no_topic() => Error::Absent(self.topic.clone()),
                e => self.client.context().why(e),
            },
        }
    }
}
