//! An applier asks for what is pending with it.
//!
//! Not in the way of anything: what it asks may be lost, and it asks again for what is pending still and was not brought for a while.

use std::time::{Duration, Instant};

use sink_postgres::pending::Pending;

use super::blocking;
use super::options::Options;
use super::producer::Producer;
use super::requests;
use crate::downstream::Name;
use crate::error::Error;

/// What was asked for and does not come is asked for again after this.
const AGAIN: Duration = Duration::from_secs(30);

/// Asks.
pub struct Asking {
    options: Options,
    producer: Option<Producer>,
    last: Option<Instant>,
    /// What was pending when it asked last.
    asked: Vec<u8>,
    soon: bool,
}

impl Asking {
    /// `target`: who asks, told from others by it.
    pub fn new(options: &Options, target: &str) -> Asking {
        let options = options.requests().named(target);
        Asking { options, producer: None, last: None, asked: Vec::new(), soon: true }
    }

    /// Something is pending that was not: it is asked for with the next look.
    pub fn soon(&mut self) {
        self.soon = true;
    }

    /// Something came, so somebody has heard.
    pub fn came(&mut self) {
        self.last = Some(Instant::now());
    }

    /// Asks for what is pending, if it is time.
    pub async fn ask<'p>(&mut self, pending: impl Iterator<Item = (&'p Name, &'p Pending)>) -> Result<(), Error> {
        let mut due: Vec<_> = pending.filter(|(_, p)| !p.is_done()).collect();
        if due.is_empty() {
            self.soon = false;
            return Ok(());
        }
        due.sort_by_key(|(name, _)| *name);
        let points = due.iter().map(|(_, p)| p.points.len()).sum::<usize>();
        let now = requests::request(due.into_iter());
        // a point is a row that heals: each is news
        let news = self.soon || points > 0 && now != self.asked;
        if !news && self.last.is_some_and(|last| last.elapsed() < AGAIN) {
            return Ok(());
        }
        (self.soon, self.last) = (false, Some(Instant::now()));
        self.asked.clone_from(&now);
        let (options, producer) = (self.options.clone(), self.producer.take());
        let done = blocking(move || {
            let mut producer = match producer {
                Some(producer) => producer,
                None => Producer::open(&options)?,
            };
            producer.begin()?;
            producer.send(&[], &[], &now)?;
            producer.commit()?;
            Ok(producer)
        })
        .await;
        self.producer = Some(done?);
        Ok(())
    }
}
