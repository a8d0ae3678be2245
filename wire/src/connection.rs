//! The session: a socket, a buffer each way, and what the server said of itself.
//!
//! Cancel safety: `flush`, `message` and `read_more` can be dropped at any await and called again; bytes are only
//! taken from a buffer after the socket took them, and a message only when all of it is there. An exchange that is
//! dropped halfway (`query`, `copy_in` …) leaves an answer unread: the session then counts as broken.

#[cfg(test)]
mod tests;

use std::{collections::HashMap, future::poll_fn, io, pin::Pin, task::Poll, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::{
    Conninfo,
    cancel::Canceler,
    error::{Error, ServerError},
    message::{Message, complete, cstr, first, tag},
    stream::Stream,
};

/// Room made for reads.
const READ: usize = 256 * 1024;
/// Below this much room, more is made. A new buffer for each small read would pin 256 KiB by every view of it.
const LEAST: usize = 16 * 1024;
/// What is read at most while we write. Answers to one batch are far smaller; a stream is simply left to wait.
const READ_AHEAD: usize = 64 * 1024 * 1024;

/// What the session is in the middle of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Idle,
    /// A command was sent and its answer is not read to the end. Seen from outside, it was abandoned.
    Busy,
    CopyIn,
    CopyOut,
    CopyBoth,
}

/// One session of a PostgreSQL server. See the [crate] for what it does not do.
pub struct Connection {
    pub(crate) stream: Stream,
    pub(crate) incoming: BytesMut,
    pub(crate) outgoing: BytesMut,
    pub(crate) state: State,
    pub(crate) process_id: i32,
    pub(crate) secret_key: i32,
    info: Conninfo,
    parameters: HashMap<String, String>,
    status: u8,
    broken: bool,
}

impl Connection {
    pub(crate) fn new(info: Conninfo, stream: Stream) -> Connection {
        Connection {
            stream,
            incoming: BytesMut::new(),
            outgoing: BytesMut::new(),
            state: State::Idle,
            process_id: 0,
            secret_key: 0,
            info,
            parameters: HashMap::new(),
            status: b'I',
            broken: false,
        }
    }

    /// A setting that the server reports, in its present value: [Asynchronous Operations][m].
    ///
    /// [m]: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-ASYNC
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// As `server_version_num`: 150018 for 15.18, 180000 for `18beta1`; 0 if the server did not say.
    pub fn server_version(&self) -> u32 {
        self.parameter("server_version").map_or(0, version_number)
    }

    /// The server process, as in `pg_stat_activity.pid`.
    pub fn process_id(&self) -> i32 {
        self.process_id
    }

    /// Whether the session runs over TLS.
    pub fn is_tls(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }

    /// A handle to cancel what this session does, from anywhere.
    pub fn canceler(&self) -> Canceler {
        Canceler { info: self.info.clone(), process_id: self.process_id, secret_key: self.secret_key }
    }

    /// Whether the session is of no more use: the socket failed, the protocol was left, or an exchange was dropped
    /// before its answer was read.
    pub fn is_broken(&self) -> bool {
        self.broken || self.state == State::Busy
    }

    /// From the last ReadyForQuery: `I` idle, `T` in a transaction, `E` in a failed one.
    pub fn transaction_status(&self) -> u8 {
        self.status
    }

    /// The bytes to be sent next. Fill it with the functions of `postgres_protocol::message::frontend`, then
    /// [`flush`](Connection::flush): so a whole batch goes in one write.
    pub fn outgoing(&mut self) -> &mut BytesMut {
        &mut self.outgoing
    }

    /// Sends all of [`outgoing`](Connection::outgoing), and reads while the socket does not take it, so that the two
    /// sides cannot block each other. Cancel-safe.
    pub async fn flush(&mut self) -> Result<(), Error> {
        let streaming = self.state == State::CopyBoth;
        let Connection { stream, incoming, outgoing, .. } = self;
        let done = poll_fn(|cx| {
            loop {
                while !outgoing.is_empty() {
                    match Pin::new(&mut *stream).poll_write(cx, outgoing) {
                        Poll::Ready(Ok(0)) => return Poll::Ready(Err(Error::Closed)),
                        Poll::Ready(Ok(n)) => outgoing.advance(n),
                        Poll::Ready(Err(e)) => return Poll::Ready(Err(Error::io("send to the server", e))),
                        Poll::Pending => break,
                    }
                }
                if outgoing.is_empty()
                    && let Poll::Ready(result) = Pin::new(&mut *stream).poll_flush(cx)
                {
                    return Poll::Ready(result.map_err(|e| Error::io("send to the server", e)));
                }
                if incoming.len() >= READ_AHEAD {
                    return if streaming {
                        Poll::Pending
                    } else {
                        Poll::Ready(Err(Error::Protocol("more than 64 MiB of answers before all was sent")))
                    };
                }
                make_room(incoming);
                let mut read = std::pin::pin!(stream.read_buf(incoming));
                match read.as_mut().poll(cx) {
                    Poll::Ready(Ok(0)) => return Poll::Ready(Err(Error::Closed)),
                    Poll::Ready(Ok(_)) => {}
                    Poll::Ready(Err(e)) => return Poll::Ready(Err(Error::io("read from the server", e))),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await;
        let done = done.map_err(|e| self.last_words().unwrap_or(e));
        self.note(done)
    }

    /// Why the server hung up on us while we were sending, if it said so.
    fn last_words(&self) -> Option<Error> {
        let mut fatal = None;
        let read = complete(&self.incoming, |tag, message| {
            if tag == tag::ERROR_RESPONSE {
                let e = ServerError::parse(message.get(5..).unwrap_or(&[]));
                fatal = fatal.take().or_else(|| e.is_fatal().then(|| e.into()));
            }
            true
        });
        read.ok().and(fatal)
    }

    /// One read of the socket into the incoming buffer, up to 256 KiB; 0 when the server has closed. Cancel-safe.
    ///
    /// Does not look at what was read: [`take_complete`](Connection::take_complete) does.
    pub async fn read_more(&mut self) -> Result<usize, Error> {
        make_room(&mut self.incoming);
        let done = self.stream.read_buf(&mut self.incoming).await;
        match done {
            Ok(0) => {
                self.broken = true;
                Ok(0)
            }
            Ok(n) => Ok(n),
            // A TLS peer that goes without a farewell has closed too.
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
                self.broken = true;
                Ok(0)
            }
            Err(e) => self.note(Err(Error::io("read from the server", e))),
        }
    }

    /// All complete messages of the incoming buffer, headers and all, as one view; `None` if not one is complete.
    ///
    /// For bulk readers of CopyBoth and CopyOut: [`messages`](crate::messages) splits it, elsewhere and later if need
    /// be. Nothing is swallowed: the chunk can hold any message. Read with this, a COPY's end is the reader's affair.
    pub fn take_complete(&mut self) -> Result<Option<Bytes>, Error> {
        let mut ready = None;
        let size = complete(&self.incoming, |tag, message| {
            if tag == tag::READY_FOR_QUERY {
                ready = message.last().copied();
            }
            true
        });
        if let Some(status) = ready {
            self.ready(status);
        }
        let size = self.note(size)?;
        Ok((size > 0).then(|| self.incoming.split_to(size).freeze()))
    }

    /// The next message of the server. Cancel-safe.
    ///
    /// An ErrorResponse is given as it is ([`Message::error`]): in a pipelined batch the reader goes on to the
    /// ReadyForQuery. NoticeResponse and NotificationResponse are dropped, ParameterStatus goes to
    /// [`parameter`](Connection::parameter).
    pub async fn message(&mut self) -> Result<Message, Error> {
        loop {
            if let Some(message) = self.try_message()? {
                return Ok(message);
            }
            if self.read_more().await? == 0 {
                return Err(Error::Closed);
            }
        }
    }

    /// The next message, if all of it has been read already.
    pub fn try_message(&mut self) -> Result<Option<Message>, Error> {
        loop {
            let found = first(&self.incoming);
            let Some((tag, size)) = self.note(found)? else { return Ok(None) };
            if self.incoming.len() < size {
                return Ok(None);
            }
            let mut body = self.incoming.split_to(size).freeze();
            body.advance(5);
            match tag {
                tag::NOTICE_RESPONSE | tag::NOTIFICATION_RESPONSE => {}
                tag::PARAMETER_STATUS => {
                    let text = |b: Bytes| String::from_utf8_lossy(&b).into_owned();
                    if let (Some(name), Some(value)) = (cstr(&mut body), cstr(&mut body)) {
                        self.parameters.insert(text(name), text(value));
                    }
                }
                tag::READY_FOR_QUERY => {
                    self.ready(body.first().copied().unwrap_or(0));
                    return Ok(Some(Message { tag, body }));
                }
                _ => return Ok(Some(Message { tag, body })),
            }
        }
    }

    /// Ends the session with [Terminate][m]. Waits a second at most.
    ///
    /// [m]: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-TERMINATION
    pub async fn close(mut self) {
        if !self.broken {
            frontend::terminate(&mut self.outgoing);
            let farewell = async {
                let _ = self.flush().await;
                let _ = self.stream.shutdown().await;
            };
            let _ = tokio::time::timeout(Duration::from_secs(1), farewell).await;
        }
    }

    /// Appends a message of ours, whole or not at all.
    pub(crate) fn encode(&mut self, write: impl FnOnce(&mut BytesMut) -> io::Result<()>) -> Result<(), Error> {
        let before = self.outgoing.len();
        write(&mut self.outgoing).map_err(|_| {
            self.outgoing.truncate(before);
            Error::Config("a text for the server holds a NUL byte, or is larger than 1 GiB".to_string())
        })
    }

    /// Begins an exchange: only on a session that is in no other.
    pub(crate) fn begin(&mut self) -> Result<(), Error> {
        match self.state {
            _ if self.broken => Err(Error::Closed),
            State::Idle => Ok(()),
            State::Busy => {
                self.broken = true;
                Err(Error::Protocol("an earlier command was abandoned before its answer was read"))
            }
            State::CopyIn | State::CopyOut | State::CopyBoth => Err(Error::Protocol("a COPY is in progress")),
        }
    }

    fn ready(&mut self, status: u8) {
        self.status = status;
        self.state = State::Idle;
    }

    /// Remembers that the session cannot go on.
    pub(crate) fn note<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        self.broken |= result.is_err();
        result
    }
}

/// What can be read or held is not shown: it may be rows.
impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Connection({}, process {}, {:?})", self.info, self.process_id, self.state)
    }
}

/// Makes room for a read, and for the rest of a message whose length is known.
fn make_room(incoming: &mut BytesMut) {
    let missing = match first(incoming) {
        Ok(Some((_, size))) => size.saturating_sub(incoming.len()).min(4 * READ),
        _ => 0,
    };
    if incoming.capacity() - incoming.len() < LEAST.max(missing) {
        incoming.reserve(READ.max(missing));
    }
}

/// `15.18 (Debian 15.18-0+deb12u1)`, `18beta1`, `18devel`.
fn version_number(text: &str) -> u32 {
    let mut parts = text.split(|c: char| !c.is_ascii_digit());
    let mut next = || parts.next().and_then(|n| n.parse::<u32>().ok());
    let Some(major) = next() else { return 0 };
    let minor = if text.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with('.') { next() } else { None };
    major.saturating_mul(10_000).saturating_add(minor.unwrap_or(0))
}
