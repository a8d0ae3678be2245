//! Records as they arrive, for a loop that must not block: a thread reads, and hands them over by the bundle.
//!
//! Bounded twice: the library fetches so much ahead, and here there are so many bundles of so many bytes.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::consumer::{Consumer, Taken};
use super::options::Options;
use crate::error::Error;

/// Of a bundle.
const RECORDS: usize = 1_000;
const BYTES: usize = 1 << 20;
/// On the way at most.
const BUNDLES: usize = 4;
/// The thread looks this often whether anybody listens still.
const LOOK: Duration = Duration::from_millis(200);

/// Records of a topic from an offset on.
pub struct Arrivals {
    bundles: mpsc::Receiver<Result<Vec<Taken>, Error>>,
    here: VecDeque<Taken>,
    /// The topic had no more when the thread asked last.
    at_end: watch::Receiver<bool>,
}

impl Arrivals {
    /// Reads from `offset` on. What has expired before it was read is an error.
    pub fn open(options: &Options, offset: i64) -> Result<Arrivals, Error> {
        let (sender, bundles) = mpsc::channel(BUNDLES);
        let (ends, at_end) = watch::channel(false);
        let options = options.clone();
        let name = format!("read {}", options.topic);
        std::thread::Builder::new()
            .name(name)
            .spawn(move || read(&options, offset, &sender, &ends))
            .map_err(|e| Error::Bug(format!("no thread for the topic: {e}")))?;
        Ok(Arrivals { bundles, here: VecDeque::new(), at_end })
    }

    /// The next record. Cancel-safe.
    pub async fn next(&mut self) -> Result<Taken, Error> {
        loop {
            if let Some(taken) = self.here.pop_front() {
                return Ok(taken);
            }
            let bundle = self.bundles.recv().await;
            self.here = bundle.ok_or_else(|| Error::Bug("the thread that reads the topic is gone".into()))??.into();
        }
    }

    /// The next, if it can be had without waiting.
    pub fn ready(&mut self) -> Result<Option<Taken>, Error> {
        if self.here.is_empty()
            && let Ok(bundle) = self.bundles.try_recv()
        {
            self.here = bundle?.into();
        }
        Ok(self.here.pop_front())
    }

    /// Is one there?
    pub fn has_ready(&self) -> bool {
        !self.here.is_empty() || !self.bundles.is_empty()
    }

    /// Was everything taken from here that the topic had, when it was asked last?
    pub fn is_at_end(&self) -> bool {
        // in this order: it is said no more before the next is handed over
        *self.at_end.borrow() && !self.has_ready()
    }

    /// For whoever waits for that beside the records.
    pub fn ends(&self) -> Ends {
        Ends(self.at_end.clone())
    }
}

/// Hears when a topic's end is come to, and when it is not the end any more.
#[derive(Debug)]
pub struct Ends(watch::Receiver<bool>);

impl Ends {
    /// Waits for the next of it. Cancel-safe.
    pub async fn heard(&mut self) {
        if self.0.changed().await.is_err() {
            // the thread is gone, and what it has to say of that comes as a record would
            std::future::pending().await
        }
    }
}

fn read(options: &Options, offset: i64, sender: &mpsc::Sender<Result<Vec<Taken>, Error>>, ends: &watch::Sender<bool>) {
    let told = Consumer::follow(options, offset).and_then(|mut consumer| bundle(&mut consumer, sender, ends));
    if let Err(e) = told {
        let _ = sender.blocking_send(Err(e));
    }
}

fn bundle(
    consumer: &mut Consumer,
    sender: &mpsc::Sender<Result<Vec<Taken>, Error>>,
    ends: &watch::Sender<bool>,
) -> Result<(), Error> {
    let say = |end: bool| {
        ends.send_if_modified(|was| std::mem::replace(was, end) != end);
    };
    while !sender.is_closed() {
        let Some(first) = consumer.next(LOOK)? else {
            // all of it has been handed over
            say(consumer.is_at_end());
            continue;
        };
        say(false);
        let mut bytes = first.value.len();
        let mut records = vec![first];
        while records.len() < RECORDS
            && bytes < BYTES
            && let Some(next) = consumer.next(Duration::ZERO)?
        {
            bytes += next.value.len();
            records.push(next);
        }
        let end = consumer.is_at_end();
        if sender.blocking_send(Ok(records)).is_err() {
            break;
        }
        say(end);
    }
    Ok(())
}
