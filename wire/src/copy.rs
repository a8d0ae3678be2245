//! [COPY Operations][m]: out, in, and both ways for replication.
//!
//! What is copied is rows, so a server error keeps no text here.
//!
//! [m]: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-COPY

use bytes::{BufMut, Bytes};
use postgres_protocol::message::frontend;

use crate::{
    connection::{Connection, State},
    error::Error,
    message::{complete, tag},
    server_error::ServerError,
};

/// Copied rows are sent when this many bytes of them wait.
const SEND: usize = 64 * 1024;
/// Bytes of one CopyData at most; a message cannot be larger than 1 GiB.
const LARGEST: usize = 256 * 1024 * 1024;

impl Connection {
    /// Begins a `COPY … TO STDOUT`. Read with [`copy_data`](Connection::copy_data) up to its end.
    pub async fn copy_out(&mut self, sql: &str) -> Result<(), Error> {
        self.copy_begin(sql, tag::COPY_OUT_RESPONSE, State::CopyOut).await
    }

    /// The next rows, whole ones: the bodies of all CopyData that have been read so far, joined. `None` at the end,
    /// when the session is free again.
    ///
    /// The text format ends each row with a newline, so borders are not lost. Cancel-safe until it fails.
    pub async fn copy_data(&mut self) -> Result<Option<Bytes>, Error> {
        if self.state != State::CopyOut {
            return Err(Error::Protocol("copy_data without a COPY TO STDOUT"));
        }
        loop {
            let size = complete(&self.incoming, |tag, _| tag == tag::COPY_DATA);
            let size = self.note(size)?;
            if size > 0 {
                return Ok(Some(self.join(size)));
            }
            match self.try_message()? {
                Some(message) if message.tag == tag::READY_FOR_QUERY => return Ok(None),
                Some(message) => {
                    if let Some(e) = message.error() {
                        return self.fail(e).await;
                    }
                }
                None if self.read_more().await? == 0 => return Err(Error::Closed),
                None => {}
            }
        }
    }

    /// Begins a `COPY … FROM STDIN`. Then [`copy_send`](Connection::copy_send), and `copy_end` or `copy_fail`.
    pub async fn copy_in(&mut self, sql: &str) -> Result<(), Error> {
        self.copy_begin(sql, tag::COPY_IN_RESPONSE, State::CopyIn).await
    }

    /// Adds rows, cut anywhere; sends when 64 KiB wait. If the server has refused them already, says so early.
    pub async fn copy_send(&mut self, data: &[u8]) -> Result<(), Error> {
        if self.state != State::CopyIn {
            return Err(Error::Protocol("copy_send without a COPY FROM STDIN"));
        }
        for part in data.chunks(LARGEST) {
            self.put_copy_data(part)?;
            if self.outgoing.len() >= SEND {
                self.flush().await?;
                while let Some(message) = self.try_message()? {
                    if let Some(e) = message.error() {
                        return self.fail(e).await;
                    }
                }
            }
        }
        Ok(())
    }

    /// Ends the rows; gives how many the server has copied.
    pub async fn copy_end(&mut self) -> Result<u64, Error> {
        if self.state != State::CopyIn {
            return Err(Error::Protocol("copy_end without a COPY FROM STDIN"));
        }
        self.state = State::Busy;
        frontend::copy_done(&mut self.outgoing);
        self.flush().await?;
        self.drain().await
    }

    /// Gives a COPY FROM STDIN up: the server copies nothing. A transaction around it has failed.
    pub async fn copy_fail(&mut self, reason: &str) -> Result<(), Error> {
        if self.state != State::CopyIn {
            return Err(Error::Protocol("copy_fail without a COPY FROM STDIN"));
        }
        self.encode(|out| frontend::copy_fail(reason, out))?;
        self.state = State::Busy;
        self.flush().await?;
        match self.drain().await {
            Ok(_) | Err(Error::Server(_)) => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// Begins a stream in both directions: `START_REPLICATION` ([protocol][m]). Then `read_more` and `take_complete`
    /// (what came along with the answer may be there already: take first), and `send_copy_data`.
    ///
    /// An error of this start keeps its message: it speaks of slots and publications, not of rows.
    ///
    /// [m]: https://www.postgresql.org/docs/current/protocol-replication.html#PROTOCOL-REPLICATION-START-REPLICATION
    pub async fn copy_both(&mut self, sql: &str) -> Result<(), Error> {
        self.copy_begin(sql, tag::COPY_BOTH_RESPONSE, State::CopyBoth).await
    }

    /// Sends one CopyData at once: a status update, say.
    pub async fn send_copy_data(&mut self, data: &[u8]) -> Result<(), Error> {
        if self.state != State::CopyBoth {
            return Err(Error::Protocol("send_copy_data without a stream"));
        }
        self.put_copy_data(data)?;
        self.flush().await
    }

    /// Ends a stream from our side, drops what still comes, and waits for the server's end: the session is free again.
    pub async fn copy_done(&mut self) -> Result<(), Error> {
        if self.state != State::CopyBoth {
            return Err(Error::Protocol("copy_done without a stream"));
        }
        frontend::copy_done(&mut self.outgoing);
        self.flush().await?;
        self.state = State::Busy;
        self.drain().await.map(|_| ())
    }

    async fn copy_begin(&mut self, sql: &str, answer: u8, state: State) -> Result<(), Error> {
        self.begin()?;
        self.encode(|out| frontend::query(sql, out))?;
        self.state = State::Busy;
        self.flush().await?;
        loop {
            let message = self.message().await?;
            match message.tag {
                found if found == answer => {
                    self.state = state;
                    return Ok(());
                }
                tag::ERROR_RESPONSE => {
                    let e = match state {
                        State::CopyBoth => ServerError::parse_with_message(&message.body),
                        _ => ServerError::parse(&message.body),
                    };
                    return self.fail(e).await;
                }
                tag::READY_FOR_QUERY => return Err(Error::Protocol("the statement began no COPY")),
                _ => {}
            }
        }
    }

    /// Makes the session free after an error. A fatal one comes without a ReadyForQuery, and tells more than the end
    /// after it.
    async fn fail<T>(&mut self, e: ServerError) -> Result<T, Error> {
        self.state = State::Busy;
        let _ = self.drain().await;
        Err(e.into())
    }

    /// Reads up to the ReadyForQuery: rows affected, or the error met first. A fatal error ends the session before
    /// that, and is the one to tell.
    async fn drain(&mut self) -> Result<u64, Error> {
        let (mut affected, mut failed) = (0, None);
        loop {
            let message = match self.message().await {
                Ok(message) => message,
                Err(closed) => return Err(failed.unwrap_or(closed)),
            };
            if message.tag == tag::READY_FOR_QUERY {
                return failed.map_or(Ok(affected), Err);
            }
            affected = message.affected().unwrap_or(affected);
            failed = failed.or(message.error().map(Error::from));
        }
    }

    fn put_copy_data(&mut self, data: &[u8]) -> Result<(), Error> {
        let length = i32::try_from(data.len() + 4).map_err(|_| Error::Protocol("more than 2 GiB in one CopyData"))?;
        self.outgoing.reserve(data.len() + 5);
        self.outgoing.put_u8(tag::COPY_DATA);
        self.outgoing.put_i32(length);
        self.outgoing.put_slice(data);
        Ok(())
    }

    /// Takes `size` bytes of complete CopyData, and closes the gaps where their headers were. The bytes are still ours
    /// alone, so they are moved in place.
    fn join(&mut self, size: usize) -> Bytes {
        let mut chunk = self.incoming.split_to(size);
        let (mut from, mut to) = (0, 0);
        while let Ok(Some((_, message))) = crate::message::first(chunk.get(from..).unwrap_or(&[])) {
            let body = from + 5..from + message;
            let length = body.len();
            chunk.copy_within(body, to);
            from += message;
            to += length;
        }
        chunk.truncate(to);
        chunk.freeze()
    }
}
