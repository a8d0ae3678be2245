//! How far the target is behind the topic: in records, and in time.
//!
//! In time it is as old as the oldest commit that was read and is not shown ([`Lag::commits`](crate::lag::Lag::commits)); and it is not behind
//! when the broker has no more and all that was read is applied. In records it is what lies between the topic's end and where the
//! checkpoint reads on. The end is asked beside the loop: a broker that says nothing keeps nobody waiting.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use filters::change::{Batch, Lsn, Progress};
use sink_postgres::line::Noted;
use tokio::task::JoinHandle;

use super::super::blocking;
use super::super::consumer::Consumer;
use super::super::options::Options;
use super::Apply;
use crate::downstream;
use crate::error::Error;

/// The end is asked for this often, whatever the target does meanwhile.
const EVERY: Duration = Duration::from_secs(1);

type Asked = Result<(Consumer, i64), Error>;

/// What lies between target and topic.
pub(super) struct Behind {
    options: Options,
    consumer: Option<Consumer>,
    under_way: Option<JoinHandle<Asked>>,
    /// The topic's end when it was asked last.
    end: Option<i64>,
    /// The target reads on here.
    shown: i64,
    /// Batches that are under way: where each leads to, and where it is read on then.
    noted: VecDeque<(Lsn, i64)>,
    asked: Instant,
}

impl Behind {
    /// One that reads on here.
    pub fn new(options: &Options, next: i64) -> Behind {
        let options = options.clone();
        let now = Instant::now();
        Behind {
            options,
            consumer: None,
            under_way: None,
            end: None,
            shown: next,
            noted: VecDeque::new(),
            asked: now.checked_sub(EVERY).unwrap_or(now),
        }
    }

    /// When it is looked at next.
    pub fn due(&self) -> Instant {
        self.asked + EVERY
    }

    /// Asks for the topic's end, or hears of it.
    async fn look(&mut self) {
        self.asked = Instant::now();
        if let Some(done) = self.under_way.take_if(|task| task.is_finished()) {
            match done.await {
                Ok(Ok((consumer, end))) => (self.consumer, self.end) = (Some(consumer), Some(end)),
                // who reads hears of it too, and says it
                Ok(Err(e)) => tracing::debug!(error = e.chain(), "the topic's end is not known"),
                Err(_) => {}
            }
        }
        if self.under_way.is_none() {
            let (options, consumer) = (self.options.clone(), self.consumer.take());
            self.under_way = Some(tokio::spawn(blocking(move || {
                let mut consumer = match consumer {
                    Some(consumer) => consumer,
                    None => Consumer::watch(&options)?,
                };
                let end = consumer.ends()?.1;
                Ok((consumer, end))
            })));
        }
    }

    /// It is under way.
    pub fn note(&mut self, batch: &Batch) {
        self.noted.extend(batch.upto.zip(batch.read_on));
    }

    fn has_applied(&mut self, upto: Lsn) {
        while let Some((_, read_on)) = self.noted.front().copied().filter(|(lsn, _)| *lsn <= upto) {
            self.shown = self.shown.max(read_on);
            self.noted.pop_front();
        }
    }

    fn records(&self) -> Option<u64> {
        Some(u64::try_from(self.end?.saturating_sub(self.shown)).unwrap_or(0))
    }
}

impl Apply {
    /// A batch is about to be applied.
    pub(super) fn notes(&mut self, batch: Batch) -> Noted {
        self.behind.note(&batch);
        super::note(&self.board, batch)
    }

    /// So far the target shows it.
    pub(super) fn shows(&mut self, progress: Progress) {
        self.behind.has_applied(progress.applied);
        self.board.state().lag.has_applied(progress.applied);
    }

    /// Does the target show all that the topic has, as far as is known?
    fn has_all(&self) -> bool {
        self.sink.is_some() && self.changes == 0 && self.batch.is_empty() && self.arrivals.is_at_end()
    }

    /// Nothing is to be done. Is there nothing to be read either?
    pub(super) fn rests(&mut self) {
        if !self.has_all() {
            return;
        }
        self.behind.shown = self.next;
        let mut state = self.board.state();
        if !state.lag.is_caught_up() || state.behind != Some(0) {
            state.lag.quiet(self.at);
            state.behind = Some(0);
        }
    }

    /// When it is due.
    pub(super) async fn measure(&mut self) {
        self.behind.look().await;
        if let Some(sink) = &self.sink {
            downstream::count(&self.board, sink.pending());
        }
        if !self.has_all() {
            self.board.state().behind = self.behind.records();
        }
    }
}
