//! Receiving: bytes of the socket into one buffer, and messages out of it as views.

use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::AsyncReadExt;

use super::Connection;
use crate::{
    error::Error,
    message::{Message, complete, cstr, first, tag},
};

/// Room made for reads.
const READ: usize = 256 * 1024;
/// Below this much room, more is made. A new buffer for each small read would pin 256 KiB by every view of it.
const LEAST: usize = 16 * 1024;

impl Connection {
    /// One read of the socket into the incoming buffer, up to 256 KiB; 0 when the server has closed. Cancel-safe.
    ///
    /// Does not look at what was read: [`take_complete`](Connection::take_complete) does.
    pub async fn read_more(&mut self) -> Result<usize, Error> {
        make_room(&mut self.incoming);
        // behind a large row there is more room than that, and who reads at a pace must not find megabytes taken at once
        let done = self.stream.read_buf(&mut (&mut self.incoming).limit(READ)).await;
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
}

/// Makes room for a read, and for the rest of a message whose length is known.
pub(super) fn make_room(incoming: &mut BytesMut) {
    let missing = match first(incoming) {
        Ok(Some((_, size))) => size.saturating_sub(incoming.len()).min(4 * READ),
        _ => 0,
    };
    if incoming.capacity() - incoming.len() < LEAST.max(missing) {
        incoming.reserve(READ.max(missing));
    }
}
