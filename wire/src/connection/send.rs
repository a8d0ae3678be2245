//! Sending: a whole batch in one write.

use std::{future::poll_fn, io, pin::Pin, task::Poll};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWrite};

use super::{Connection, State, receive::make_room};
use crate::{
    error::Error,
    message::{complete, tag},
    server_error::ServerError,
};

/// What is read at most while we write. Answers to one batch are far smaller; a stream is simply left to wait.
const READ_AHEAD: usize = 64 * 1024 * 1024;

impl Connection {
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

    /// Appends a message of ours, whole or not at all.
    pub(crate) fn encode(&mut self, write: impl FnOnce(&mut BytesMut) -> io::Result<()>) -> Result<(), Error> {
        let before = self.outgoing.len();
        write(&mut self.outgoing).map_err(|_| {
            self.outgoing.truncate(before);
            Error::Config("a text for the server holds a NUL byte, or is larger than 1 GiB".to_string())
        })
    }
}
