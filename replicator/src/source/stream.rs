//! The running stream of a slot, as a [`Source`].
//!
//! A task of its own (`reader`) owns the connection and hands on chunks, each some complete backend
//! messages; what is here parses them where they are consumed. So the consumer may stop for as long as it likes: the
//! task goes on with status updates, and production's WAL sender lives. What is right about it:
//!
//! - Only [`confirm`](Source::confirm) moves what production hears, and only forward; nothing is confirmed at the start.
//! - Between an event and the next there is nothing that a dropped `next` could take along: all state is in `self`, and
//!   the one await is the channel's `recv`, which takes nothing before it returns.
//! - Memory is bounded: four chunks in the channel, one in the task, one here; each at most 1 MiB, or one message that
//!   is larger. Only while the server takes no bytes from us may one grow beyond that, to 64 MiB.
//! - What came before an error is delivered before it; the error is told once, then [`Error::Ended`].

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use filters::change::{Event, Lsn, Source};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use wire::{Connection, Messages, ServerError, tag};

use super::decode::Decoder;
use super::error::Error;
use super::frame::Frame;
use super::pgoutput::Message;
use super::reader::{Reader, Shared};

/// Chunks on their way from the reader.
const CHUNKS: usize = 4;
/// How long the server may take to end the stream when we stop it.
const FAREWELL: Duration = Duration::from_secs(2);

/// How a stream is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// A status update goes out at least this often. Must be well below the server's `wal_sender_timeout` (60 s unless
    /// set).
    pub feedback_interval: Duration,
    /// Ask for logical messages (`pg_logical_emit_message`) too. They are parsed, and make no event.
    pub messages: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { feedback_interval: Duration::from_secs(1), messages: false }
    }
}

/// The stream of a slot, running.
///
/// Dropping it ends the task and the connection at once; [`stop`](Stream::stop) says the last confirmed position first.
pub struct Stream {
    chunks: mpsc::Receiver<Result<Bytes, wire::Error>>,
    /// What is left of the chunk in work.
    messages: Messages,
    /// Bytes of it.
    left: usize,
    decoder: Decoder,
    shared: Arc<Shared>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
    over: bool,
}

impl Stream {
    /// Starts the slot's stream at `from`, which must be a position to resume from; the server goes on from where the
    /// slot stands, if that is later.
    ///
    /// `conn` is a session that was opened with `replication`. Sends `START_REPLICATION` ([protocol][m]); an error of
    /// that is [`Error::Wire`]: a slot that is missing (42704), in use (55006) or lost (55000).
    ///
    /// [m]: https://www.postgresql.org/docs/current/protocol-replication.html#PROTOCOL-REPLICATION-START-REPLICATION-SLOT-LOGICAL
    pub async fn start(
        mut conn: Connection,
        slot: &str,
        publications: &[String],
        from: Lsn,
        options: Options,
    ) -> Result<Stream, Error> {
        conn.copy_both(&command(slot, publications, from, options)).await?;
        let shared = Arc::new(Shared::new(from));
        let (sender, chunks) = mpsc::channel(CHUNKS);
        let (stop, stopped) = oneshot::channel();
        let reader = Reader::new(conn, sender, shared.clone(), stopped, options.feedback_interval);
        Ok(Stream {
            chunks,
            messages: wire::messages(Bytes::new()),
            left: 0,
            decoder: Decoder::new(from),
            shared,
            stop,
            task: tokio::spawn(reader.run()),
            over: false,
        })
    }

    /// Has the stream come further than what was taken? Then the next event is, but for a rare message that makes none,
    /// there without waiting for production.
    pub fn has_ready(&self) -> bool {
        !self.over && (self.decoder.has_more() || self.left > 0 || !self.chunks.is_empty())
    }

    /// Asks the server for a keepalive: an [`Event::Idle`] behind all that it has sent, if no transaction is open then.
    /// Returns at once; the question goes out with a status update of its own.
    pub async fn ask_keepalive(&self) {
        self.shared.ask();
    }

    /// The highest end of WAL that the server has named. Not a position to resume from.
    pub fn received(&self) -> Lsn {
        self.shared.received()
    }

    /// What production hears as flushed: the highest position that was confirmed.
    pub fn confirmed(&self) -> Lsn {
        self.shared.confirmed()
    }

    /// Ends the stream in order: a last status update with the confirmed position, CopyDone, the server's CopyDone.
    /// What was not taken is dropped. Takes three seconds at most, then the connection is cut.
    pub async fn stop(self) {
        let Stream { chunks, stop, mut task, .. } = self;
        let _ = stop.send(());
        drop(chunks); // a task that waits for room must not wait for ever
        if tokio::time::timeout(FAREWELL, &mut task).await.is_err() {
            task.abort();
        }
    }

    /// The next event of what is here already.
    #[inline]
    fn local(&mut self) -> Result<Option<Event>, Error> {
        if let Some(event) = self.decoder.more() {
            return Ok(Some(event));
        }
        for (tag, body) in self.messages.by_ref() {
            self.left = self.left.saturating_sub(body.len() + 5);
            let event = match tag {
                tag::COPY_DATA => match Frame::parse(body)? {
                    Frame::Data { body, .. } => self.decoder.message(Message::parse(body)?)?,
                    Frame::Keepalive { end, .. } => self.decoder.keepalive(end),
                },
                tag::NOTICE_RESPONSE | tag::PARAMETER_STATUS => None,
                tag::ERROR_RESPONSE => return Err(wire::Error::from(ServerError::parse(&body)).into()),
                tag::COPY_DONE | tag::COMMAND_COMPLETE | tag::READY_FOR_QUERY => return Err(Error::Ended),
                _ => return Err(wire::Error::Protocol("an unexpected message in a replication stream").into()),
            };
            if event.is_some() {
                return Ok(event);
            }
        }
        match std::mem::take(&mut self.left) {
            0 => Ok(None),
            _ => Err(wire::Error::Protocol("a chunk with half a message at its end").into()),
        }
    }
}

impl Source for Stream {
    type Error = Error;

    async fn next(&mut self) -> Result<Event, Error> {
        loop {
            if self.over {
                return Err(Error::Ended);
            }
            let failed = match self.local() {
                Ok(Some(event)) => return Ok(event),
                Ok(None) => match self.chunks.recv().await {
                    Some(Ok(chunk)) => {
                        self.left = chunk.len();
                        self.messages = wire::messages(chunk);
                        continue;
                    }
                    Some(Err(e)) => e.into(),
                    None => Error::Ended,
                },
                Err(e) => e,
            };
            self.over = true;
            return Err(failed);
        }
    }

    fn confirm(&mut self, lsn: Lsn) {
        self.shared.confirm(lsn);
    }
}

/// Sizes only.
impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stream(received {}, confirmed {})", self.received(), self.confirmed())
    }
}

/// `START_REPLICATION`. Its grammar knows no escapes but the doubled quote.
fn command(slot: &str, publications: &[String], from: Lsn, options: Options) -> String {
    let names: Vec<_> = publications.iter().map(|name| wire::quote_ident(name)).collect();
    let names = names.join(",").replace('\'', "''");
    let slot = wire::quote_ident(slot);
    let messages = options.messages;
    format!(
        "START_REPLICATION SLOT {slot} LOGICAL {from} \
         (proto_version '1', publication_names '{names}', messages '{messages}')"
    )
}

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;
