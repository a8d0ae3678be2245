//! The session: a socket, a buffer each way, and what the server said of itself.
//!
//! Cancel safety: `flush`, `message` and `read_more` can be dropped at any await and called again; bytes are only
//! taken from a buffer after the socket took them, and a message only when all of it is there. An exchange that is
//! dropped halfway (`query`, `copy_in` …) leaves an answer unread: the session then counts as broken.

mod receive;
mod send;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, time::Duration};

use bytes::BytesMut;
use postgres_protocol::message::frontend;
use tokio::io::AsyncWriteExt;

use crate::{Conninfo, cancel::Canceler, error::Error, stream::Stream};

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

    /// What it was opened with; of several hosts, the one that it is with. A session with the same server is opened by it.
    pub fn info(&self) -> &Conninfo {
        &self.info
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

/// `15.18 (Debian 15.18-0+deb12u1)`, `18beta1`, `18devel`.
fn version_number(text: &str) -> u32 {
    let mut parts = text.split(|c: char| !c.is_ascii_digit());
    let mut next = || parts.next().and_then(|n| n.parse::<u32>().ok());
    let Some(major) = next() else { return 0 };
    let minor = if text.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with('.') { next() } else { None };
    major.saturating_mul(10_000).saturating_add(minor.unwrap_or(0))
}
