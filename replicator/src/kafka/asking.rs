//! An applier asks for what is pending with it.
//!
//! Beside everything: what it asks may be lost, and Kafka may not take it, and nothing waits for that. It asks again for what is pending still once
//! it has read the topic as far as that was when it asked, and nothing has come for a while: before, the answer may be on the way.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use sink_postgres::pending::Pending;
use tokio::task::JoinHandle;

use super::blocking;
use super::consumer::Consumer;
use super::options::Options;
use super::producer::Client;
use super::requests::{self, Which};
use crate::downstream::Name;
use crate::error::Error;

/// What was asked for and does not come is asked for again after this.
const AGAIN: Duration = Duration::from_secs(120);
/// What could not be asked is tried again after this.
const FAILED: Duration = Duration::from_secs(5);

type Asked = Result<(Client, i64), Error>;

/// Asks.
pub struct Asking {
    stream: Options,
    options: Options,
    producer: Option<Client>,
    under_way: Option<JoinHandle<Asked>>,
    last: Option<Instant>,
    not_before: Instant,
    /// The topic's end when it asked last.
    end: i64,
    /// The points that were pending when it asked last.
    points: Vec<u8>,
    /// Tables of which ranges were pending at the last look.
    tables: HashSet<Name>,
    soon: bool,
}

impl Asking {
    /// `target`: who asks, told from others by it.
    pub fn new(options: &Options, target: &str) -> Asking {
        Asking {
            stream: options.clone(),
            options: options.requests().named(target),
            producer: None,
            under_way: None,
            last: None,
            not_before: Instant::now(),
            end: 0,
            points: Vec::new(),
            tables: HashSet::new(),
            soon: true,
        }
    }

    /// Something is pending that was not: it is asked for with the next look.
    pub fn soon(&mut self) {
        self.soon = true;
    }

    /// Something of a table came, so somebody has heard. One of which nothing is pending any more is news when it is pending again,
    /// though no look has come between.
    pub fn came(&mut self, name: &Name, done: bool) {
        self.last = Some(Instant::now());
        if done {
            self.tables.remove(name);
        }
    }

    /// Asks for what is pending, if it is time. `next`: the topic has been read up to there.
    pub async fn ask<'p>(&mut self, pending: impl Iterator<Item = (&'p Name, &'p Pending)>, next: i64) {
        self.hear().await;
        let mut due: Vec<_> = pending.filter(|(_, p)| !p.is_done()).collect();
        // somebody has made a table due, `resync` perhaps
        let tables: HashSet<Name> =
            due.iter().filter(|(_, p)| !p.ranges.is_empty()).map(|(name, _)| (*name).clone()).collect();
        self.soon |= !tables.is_subset(&self.tables);
        self.tables = tables;
        if due.is_empty() {
            self.soon = false;
            return;
        }
        if self.under_way.is_some() || Instant::now() < self.not_before {
            return;
        }
        due.sort_by_key(|(name, _)| *name);
        let again = next >= self.end && self.last.is_none_or(|last| last.elapsed() >= AGAIN);
        let points = requests::request(due.iter().copied(), Which::Points);
        // a point is a row that heals: each is news, and no reason to ask for tables again
        let which = match () {
            () if self.soon || again => Which::All,
            () if points != self.points && due.iter().any(|(_, p)| !p.points.is_empty()) => Which::Points,
            () => return,
        };
        let wanted = if which == Which::All { requests::request(due.into_iter(), which) } else { points.clone() };
        (self.soon, self.last, self.points) = (false, Some(Instant::now()), points);
        let (options, stream, producer) = (self.options.clone(), self.stream.clone(), self.producer.take());
        self.under_way = Some(tokio::spawn(blocking(move || {
            let mut producer = match producer {
                Some(producer) => producer,
                None => Client::open(&options)?,
            };
            producer.begin()?;
            producer.send(&[], &[], &wanted)?;
            producer.commit()?;
            Ok((producer, Consumer::watch(&stream)?.ends()?.1))
        })));
    }

    /// What has become of the last.
    async fn hear(&mut self) {
        let Some(done) = self.under_way.take_if(|task| task.is_finished()) else { return };
        match done.await {
            Ok(Ok((producer, end))) => (self.producer, self.end) = (Some(producer), end),
            Ok(Err(e)) => {
                tracing::warn!(
                    error = e.chain(),
                    hint = e.hint(),
                    "what is pending could not be asked for; it is tried again"
                );
                (self.soon, self.not_before) = (true, Instant::now() + FAILED);
            }
            Err(_) => (self.soon, self.not_before) = (true, Instant::now() + FAILED),
        }
    }
}
