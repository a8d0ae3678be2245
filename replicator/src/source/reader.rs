//! The task that owns the replication connection: reads gulps, answers, and confirms.
//!
//! What it must never do is keep the server waiting for an answer: a WAL sender that hears nothing for
//! `wal_sender_timeout` is ended, and a pipe that is held, or slow, must not lose its stream. So the task waits for
//! everything at once, room in the channel too, and when there is no room it only stops reading.
//!
//! How it reads decides what the sender costs: each small read wakes it for a few rows, and its CPU goes up twofold.
//! So it reads all that is there in one gulp; after a large one, which shows that more is coming, it lets the sender go
//! on for a moment; after a small one it reads at once, for then we are caught up and a wait would be latency.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use filters::change::Lsn;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use wire::Connection;

use super::frame::StatusUpdate;
use super::scan::scan;

/// A gulp of so many bytes shows that more is coming.
const LARGE: usize = 16 * 1024;
/// A gulp ends when it has so many bytes; one read can add 1 MiB to it.
const GULP: usize = 256 * 1024;
/// How long the sender is left alone after a large gulp. The timer makes a millisecond of it.
const PAUSE: Duration = Duration::from_micros(500);
/// The least time between two updates that only confirm.
const CONFIRM: Duration = Duration::from_millis(50);
/// The least time between two answers: a server that shuts down asks again as soon as it is answered.
const ANSWER: Duration = Duration::from_millis(10);
/// 2000-01-01 after 1970-01-01.
const EPOCH: Duration = Duration::from_secs(946_684_800);

/// What the stream's handle and its task tell each other.
#[derive(Debug)]
pub(super) struct Shared {
    confirmed: AtomicU64,
    received: AtomicU64,
    asked: AtomicBool,
    wake: Notify,
}

impl Shared {
    /// Nothing is confirmed yet: what the server is told first is 0/0, "I do not know", and the slot stays where it is.
    pub(super) fn new(from: Lsn) -> Shared {
        Shared {
            confirmed: AtomicU64::new(0),
            received: AtomicU64::new(from.0),
            asked: AtomicBool::new(false),
            wake: Notify::new(),
        }
    }

    pub(super) fn confirmed(&self) -> Lsn {
        Lsn(self.confirmed.load(Ordering::Acquire))
    }

    pub(super) fn received(&self) -> Lsn {
        Lsn(self.received.load(Ordering::Acquire))
    }

    /// Never back.
    pub(super) fn confirm(&self, lsn: Lsn) {
        if self.confirmed.fetch_max(lsn.0, Ordering::AcqRel) < lsn.0 {
            self.wake.notify_one();
        }
    }

    pub(super) fn ask(&self) {
        self.asked.store(true, Ordering::Release);
        self.wake.notify_one();
    }
}

/// Everything that can wake the task, in the order in which it is looked at when there are several:
/// the end goes before all; the server must hear from us whatever else there is to do; what was read goes on before
/// more is read.
enum Wake {
    /// The handle wants the end: in order, or it was dropped.
    Stop { in_order: bool },
    /// A status update is due.
    Due,
    /// The handle confirmed, or asks for a keepalive.
    Told,
    /// The chunk was taken; or nobody will take it, and then the end is near.
    Room,
    /// So many bytes came; 0: the server has closed.
    Read(Result<usize, wire::Error>),
}

/// The task's state.
pub(super) struct Reader {
    conn: Connection,
    chunks: mpsc::Sender<Result<Bytes, wire::Error>>,
    shared: Arc<Shared>,
    stop: oneshot::Receiver<()>,
    /// The longest time without an update.
    interval: Duration,
    /// Complete messages that the channel has no room for yet.
    held: Option<Bytes>,
    /// The server has ended the stream: nothing is read or sent any more.
    over: bool,
    /// No read before this.
    pause: Option<Instant>,
    sent: Instant,
    due: Instant,
    reported: Lsn,
}

impl Reader {
    pub(super) fn new(
        conn: Connection,
        chunks: mpsc::Sender<Result<Bytes, wire::Error>>,
        shared: Arc<Shared>,
        stop: oneshot::Receiver<()>,
        interval: Duration,
    ) -> Reader {
        let now = Instant::now();
        let (held, over, pause, reported) = (None, false, None, Lsn::ZERO);
        Reader { conn, chunks, shared, stop, interval, held, over, pause, sent: now, due: now + interval, reported }
    }

    /// Runs to the stream's end.
    pub(super) async fn run(mut self) {
        match self.pump().await {
            Ok(true) => {
                if !self.over && self.update().await.is_ok() {
                    let _ = self.conn.copy_done().await;
                }
                self.conn.close().await;
            }
            Ok(false) => {}
            // what was read before it stands before it in the channel
            Err(e) => drop(self.chunks.send(Err(e)).await),
        }
    }

    /// True: stop in order. False: there is nothing more to do.
    async fn pump(&mut self) -> Result<bool, wire::Error> {
        self.take()?; // something may have come along with the answer
        loop {
            match self.wait().await {
                Wake::Stop { in_order } => return Ok(in_order),
                Wake::Due => self.update().await?,
                Wake::Told => self.told(),
                Wake::Room if self.over => return Ok(false),
                Wake::Room => self.take()?, // an update may have read more, meanwhile
                Wake::Read(read) => {
                    let read = read?;
                    if read == 0 {
                        return Err(wire::Error::Closed);
                    }
                    self.pause = (LARGE..GULP).contains(&read).then(|| Instant::now() + PAUSE);
                    self.take()?;
                }
            }
        }
    }

    async fn wait(&mut self) -> Wake {
        let full = self.held.is_some();
        let read = async {
            if let Some(pause) = self.pause {
                sleep_until(pause).await;
            }
            gulp(&mut self.conn).await
        };
        tokio::select! {
            biased;
            stop = &mut self.stop => Wake::Stop { in_order: stop.is_ok() },
            () = sleep_until(self.due), if !self.over => Wake::Due,
            () = self.shared.wake.notified() => Wake::Told,
            room = self.chunks.reserve(), if full => {
                if let (Ok(room), Some(chunk)) = (room, self.held.take()) {
                    room.send(Ok(chunk));
                }
                Wake::Room
            }
            read = read, if !full && !self.over => Wake::Read(read),
        }
    }

    /// Takes the complete messages that were read, if the last ones are gone, and sees what they want of us.
    fn take(&mut self) -> Result<(), wire::Error> {
        if self.held.is_some() || self.over {
            return Ok(());
        }
        let Some(chunk) = self.conn.take_complete()? else { return Ok(()) };
        let found = scan(&chunk);
        self.held = Some(chunk);
        self.over = found.over;
        self.shared.received.fetch_max(found.received.0, Ordering::AcqRel);
        if found.reply {
            self.hasten(ANSWER);
        }
        Ok(())
    }

    fn told(&mut self) {
        if self.shared.asked.load(Ordering::Acquire) {
            self.due = Instant::now();
        } else if self.shared.confirmed() > self.reported {
            self.hasten(CONFIRM);
        }
    }

    /// The next update goes out as soon as the last one is `apart` ago.
    fn hasten(&mut self, apart: Duration) {
        self.due = self.due.min(self.sent + apart);
    }

    async fn update(&mut self) -> Result<(), wire::Error> {
        let confirmed = self.shared.confirmed();
        let reply = self.shared.asked.swap(false, Ordering::AcqRel);
        let clock = SystemTime::now().duration_since(UNIX_EPOCH + EPOCH).unwrap_or_default().as_micros();
        let clock = i64::try_from(clock).unwrap_or(i64::MAX);
        let update = StatusUpdate { written: confirmed, flushed: confirmed, applied: confirmed, clock, reply };
        self.conn.send_copy_data(&update.encode()).await?;
        (self.sent, self.reported) = (Instant::now(), confirmed);
        self.due = self.sent + self.interval;
        Ok(())
    }
}

/// Waits for bytes, then reads what else is there: under TLS a read gives 16 KiB at most. 0: the server has closed.
/// Cancel-safe: it waits only while it has read nothing, and what is read is in the connection's buffer.
async fn gulp(conn: &mut Connection) -> Result<usize, wire::Error> {
    let mut total = conn.read_more().await?;
    while (1..GULP).contains(&total) {
        let mut read = pin!(conn.read_more());
        let more = poll_fn(|cx| Poll::Ready(read.as_mut().poll(cx))).await;
        match more {
            Poll::Ready(Ok(more)) if more > 0 => total += more,
            // an end or an error comes again at the next gulp, behind the bytes before it
            _ => break,
        }
    }
    Ok(total)
}
