//! The one producer of a pipeline: two clients that take turns, a transaction each.
//!
//! **Why two.** For some milliseconds after a commit the coordinator is still writing its markers, and refuses to begin another transaction of the same
//! `transactional.id`; the library asks again only after 20 ms. The other client's last markers were written meanwhile. What it sends stands behind
//! what was committed: a transaction begins once the one before has been written down as committed, which nothing takes back.
//!
//! **Why there is one capture at a time all the same.** Both ids are the topic's, and whoever opens a producer fences the first and then the second, and begins
//! with a transaction of the first. Of several who open at once the one who came last to the first keeps it; the others lose with their very next transaction of
//! it, and have put nothing into the topic since they have read it. (One that began with the second could: it might still have that one, and what it goes on
//! from would be old.) If the second of the winner was fenced meanwhile, by one that has lost the first already, a transaction of the first tells so, and it is
//! opened again.

mod client;

pub use client::Client;

use super::{Error, Options};
use crate::error;

/// A record of no meaning, beside the topic: a transaction that has none asks the broker nothing.
const PROBE: &[u8] = b"probe";

/// Puts records into the topic, in transactions.
#[derive(Debug)]
pub struct Producer {
    first: Client,
    second: Client,
    /// Is it the second's turn?
    turn: bool,
}

impl Producer {
    /// Connects, and fences whoever produced before into this topic: what that one had open is void, and what it had committed is in the
    /// topic when this returns.
    pub fn open(options: &Options) -> Result<Producer, error::Error> {
        // The first has the id of which nobody thinks: who has no right to it is denied before anybody is fenced.
        let first = Client::open(&options.second())?;
        let second = Client::open(options)?;
        Ok(Producer { first, second, turn: true })
    }

    fn client(&mut self) -> &mut Client {
        if self.turn { &mut self.second } else { &mut self.first }
    }

    /// To here the topic has come, as is remembered; one that has not is another.
    pub fn follows(&mut self, last: i64) {
        self.first.follows(last);
        self.second.follows(last);
    }

    /// An offset that the topic has come to; -1: none is known.
    pub fn last(&self) -> i64 {
        self.first.last().max(self.second.last())
    }

    /// Opens a transaction. It has 15 minutes (`transaction.timeout.ms`), then the broker ends it and takes us for fenced.
    pub fn begin(&mut self) -> Result<(), error::Error> {
        self.turn = !self.turn;
        // of one that has failed, neither goes on
        let sound = self.second.is_sound();
        self.probed(sound)?;
        self.first.is_sound()?;
        let begun = self.client().begin();
        self.ours(begun)
    }

    /// Puts a record into the transaction; waits while too much is on its way. That the broker has not taken one is told by one of
    /// the next calls.
    pub fn send(&mut self, key: &[u8], headers: &[(&str, &[u8])], value: &[u8]) -> Result<(), error::Error> {
        let sent = self.client().send(key, headers, value);
        self.ours(sent)
    }

    /// Puts a record into the topic beside it of which only the last of each key is kept, in the same transaction. An empty value: the key is no
    /// more.
    pub fn remember(&mut self, key: &[u8], value: &[u8]) -> Result<(), error::Error> {
        let sent = self.client().remember(key, value);
        self.ours(sent)
    }

    /// Ends the transaction: when this returns, all of it is acknowledged by as many brokers as the topic demands, and nothing can
    /// take it back. Readers see it a moment later. Gives the offset of the last record that went into the topic (-1 before the first). On an error it may have
    /// been committed or not: the next that is opened knows.
    pub fn commit(&mut self) -> Result<i64, error::Error> {
        let committed = self.client().commit();
        let last = self.ours(committed)?.max(self.last());
        self.follows(last);
        Ok(last)
    }

    /// Ends the transaction, and nobody will see any of it. Where the broker has not taken a record, that stays an error.
    pub fn abort(&mut self) -> Result<(), error::Error> {
        let aborted = self.client().abort();
        self.ours(aborted)
    }

    fn ours<T>(&mut self, done: Result<T, error::Error>) -> Result<T, error::Error> {
        if self.turn { self.probed(done) } else { done }
    }

    /// Of the second. Who has lost that one only has lost nothing: it is to be opened again.
    fn probed<T>(&mut self, done: Result<T, error::Error>) -> Result<T, error::Error> {
        match done {
            Err(error::Error::Kafka { action, source: Error::Fenced }) => {
                let first = &mut self.first;
                let probe = first.begin().and_then(|()| first.remember(PROBE, &[])).and_then(|()| first.commit());
                // what is not known to be ours is another's
                let source = if probe.is_ok() { Error::Crossed } else { Error::Fenced };
                Err(error::Error::Kafka { action, source })
            }
            done => done,
        }
    }
}
