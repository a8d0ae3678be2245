//! Backend messages as views: one tag, one length, one body ([Message Formats][m]).
//!
//! Pure: no I/O here, and no `unwrap`, index or `as` on what came over the wire.
//!
//! [m]: https://www.postgresql.org/docs/current/protocol-message-formats.html

use bytes::{Buf, Bytes};

use crate::error::Error;
use crate::server_error::ServerError;

/// The tags of backend messages: [Message Formats](https://www.postgresql.org/docs/current/protocol-message-formats.html).
pub mod tag {
    #![allow(missing_docs)]
    pub const AUTHENTICATION: u8 = b'R';
    pub const BACKEND_KEY_DATA: u8 = b'K';
    pub const BIND_COMPLETE: u8 = b'2';
    pub const CLOSE_COMPLETE: u8 = b'3';
    pub const COMMAND_COMPLETE: u8 = b'C';
    pub const COPY_BOTH_RESPONSE: u8 = b'W';
    pub const COPY_DATA: u8 = b'd';
    pub const COPY_DONE: u8 = b'c';
    pub const COPY_IN_RESPONSE: u8 = b'G';
    pub const COPY_OUT_RESPONSE: u8 = b'H';
    pub const DATA_ROW: u8 = b'D';
    pub const EMPTY_QUERY_RESPONSE: u8 = b'I';
    pub const ERROR_RESPONSE: u8 = b'E';
    pub const NEGOTIATE_PROTOCOL_VERSION: u8 = b'v';
    pub const NO_DATA: u8 = b'n';
    pub const NOTICE_RESPONSE: u8 = b'N';
    pub const NOTIFICATION_RESPONSE: u8 = b'A';
    pub const PARAMETER_DESCRIPTION: u8 = b't';
    pub const PARAMETER_STATUS: u8 = b'S';
    pub const PARSE_COMPLETE: u8 = b'1';
    pub const PORTAL_SUSPENDED: u8 = b's';
    pub const READY_FOR_QUERY: u8 = b'Z';
    pub const ROW_DESCRIPTION: u8 = b'T';
}

/// One backend message. The body is a view into the connection's buffer and keeps that alive (256 KiB or more).
#[derive(Clone)]
pub struct Message {
    /// One of [`tag`].
    pub tag: u8,
    /// What follows the length.
    pub body: Bytes,
}

impl Message {
    /// The error, if this is an ErrorResponse; without its text, which may hold values.
    pub fn error(&self) -> Option<ServerError> {
        (self.tag == tag::ERROR_RESPONSE).then(|| ServerError::parse(&self.body))
    }

    /// Rows affected, if this is a CommandComplete; 0 for a command that counts none.
    pub fn affected(&self) -> Option<u64> {
        (self.tag == tag::COMMAND_COMPLETE).then(|| affected(&self.body))
    }

    /// The columns of a DataRow; of any other message none.
    pub fn fields(&self) -> Fields<'_> {
        let body = if self.tag == tag::DATA_ROW { self.body.get(2..).unwrap_or(&[]) } else { &[] };
        Fields { rest: body }
    }
}

/// The body may be a row: only tag and size are shown.
impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Message({:?}, {} bytes)", char::from(self.tag), self.body.len())
    }
}

/// The columns of a DataRow, in order; `None` is NULL. Ends early if the row is cut.
#[derive(Clone)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        let (length, rest) = self.rest.split_first_chunk::<4>()?;
        let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
            self.rest = rest;
            return Some(None);
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some(Some(value))
    }
}

/// How many rows a CommandComplete counts: its last word.
pub(crate) fn affected(body: &[u8]) -> u64 {
    let text = std::str::from_utf8(body).unwrap_or("").trim_end_matches('\0');
    text.rsplit(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// The bytes up to the next NUL, which is taken too.
pub(crate) fn cstr(body: &mut Bytes) -> Option<Bytes> {
    let end = body.iter().position(|b| *b == 0)?;
    let text = body.split_to(end);
    body.advance(1);
    Some(text)
}

/// Size of the first message in `buffer`, tag included, whether all of it is there or not; `None` if its header is not.
pub(crate) fn first(buffer: &[u8]) -> Result<Option<(u8, usize)>, Error> {
    let Some((&[tag, a, b, c, d], _)) = buffer.split_first_chunk::<5>() else { return Ok(None) };
    match usize::try_from(i32::from_be_bytes([a, b, c, d])) {
        Ok(length) if length >= 4 => Ok(Some((tag, length + 1))),
        _ => Err(Error::Protocol("a message shorter than its own length word")),
    }
}

/// Size of the complete messages at the front of `buffer` for whose tag `wanted` holds.
pub(crate) fn complete(buffer: &[u8], mut wanted: impl FnMut(u8, &[u8]) -> bool) -> Result<usize, Error> {
    let mut end = 0;
    while let Some(rest) = buffer.get(end..)
        && let Some((tag, size)) = first(rest)?
        && let Some(message) = rest.get(..size)
        && wanted(tag, message)
    {
        end += size;
    }
    Ok(end)
}

/// Splits the answer of [`Connection::take_complete`](crate::Connection::take_complete) into its messages.
pub fn messages(chunk: Bytes) -> Messages {
    Messages { rest: chunk }
}

/// Iterator over `(tag, body)`; the bodies are views of the chunk.
#[derive(Debug, Clone)]
pub struct Messages {
    rest: Bytes,
}

impl Iterator for Messages {
    type Item = (u8, Bytes);

    fn next(&mut self) -> Option<Self::Item> {
        let (tag, size) = first(&self.rest).ok()??;
        if self.rest.len() < size {
            return None;
        }
        let mut body = self.rest.split_to(size);
        body.advance(5);
        Some((tag, body))
    }
}
