//! What lies inside a CopyData of the replication stream: WAL data or a keepalive one way, a status update the other.
//!
//! Pure. The page is [Streaming Replication Protocol][m]; integers are big-endian, times are microseconds since
//! 2000-01-01 00:00 UTC.
//!
//! [m]: https://www.postgresql.org/docs/current/protocol-replication.html#PROTOCOL-REPLICATION-START-REPLICATION

use std::fmt;

use bytes::{Buf, Bytes};
use filters::change::Lsn;

/// One CopyData from the server.
#[derive(Clone, PartialEq, Eq)]
pub enum Frame {
    /// XLogData: one message of the output plugin. PostgreSQL never splits one over two frames, nor joins two in one.
    Data {
        /// Where the WAL behind `body` starts. Not a position to resume from.
        start: Lsn,
        /// The server's end of WAL when it sent this.
        end: Lsn,
        /// The server's clock.
        time: i64,
        /// The message.
        body: Bytes,
    },
    /// Primary keepalive message.
    Keepalive {
        /// All that lies before this was sent, or concerns nothing that is published.
        end: Lsn,
        /// The server's clock.
        time: i64,
        /// It wants a status update at once, else it will think us dead.
        reply: bool,
    },
}

/// Sizes only: the body holds rows.
impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Frame::Data { start, end, body, .. } => write!(f, "Data({start}..{end}, {} bytes)", body.len()),
            Frame::Keepalive { end, reply, .. } => write!(f, "Keepalive({end}, reply: {reply})"),
        }
    }
}

/// The bytes are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is nothing in it.
    #[error("frame: an empty one")]
    Empty,
    /// Neither `w` nor `k`.
    #[error("frame: one of unknown kind {0:#04x}")]
    Unknown(u8),
    /// It is cut.
    #[error("frame: {0} ends inside its header")]
    Ends(&'static str),
    /// A keepalive goes on behind its end.
    #[error("frame: Keepalive has {0} bytes behind its end")]
    Trailing(usize),
    /// A flag is neither 0 nor 1.
    #[error("frame: Keepalive has an unknown flag {0:#04x}")]
    Flag(u8),
}

impl Frame {
    /// Parses the body of a CopyData. `Data::body` is a view of it.
    pub fn parse(mut copy_data: Bytes) -> Result<Frame, Error> {
        match copy_data.try_get_u8().map_err(|_| Error::Empty)? {
            b'w' => {
                let ends = |_| Error::Ends("XLogData");
                let start = Lsn(copy_data.try_get_u64().map_err(ends)?);
                let end = Lsn(copy_data.try_get_u64().map_err(ends)?);
                let time = copy_data.try_get_i64().map_err(ends)?;
                Ok(Frame::Data { start, end, time, body: copy_data })
            }
            b'k' => {
                let ends = |_| Error::Ends("Keepalive");
                let end = Lsn(copy_data.try_get_u64().map_err(ends)?);
                let time = copy_data.try_get_i64().map_err(ends)?;
                let reply = match copy_data.try_get_u8().map_err(ends)? {
                    0 => false,
                    1 => true,
                    other => return Err(Error::Flag(other)),
                };
                match copy_data.len() {
                    0 => Ok(Frame::Keepalive { end, time, reply }),
                    more => Err(Error::Trailing(more)),
                }
            }
            other => Err(Error::Unknown(other)),
        }
    }
}

/// Standby status update: what we tell the server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StatusUpdate {
    /// All before this was received. The server may then think it written.
    pub written: Lsn,
    /// All before this is on disk and **need not be sent again**: the slot moves here.
    pub flushed: Lsn,
    /// All before this is applied. Only shown, and waited for by `synchronous_commit = remote_apply`.
    pub applied: Lsn,
    /// Our clock.
    pub clock: i64,
    /// We want a keepalive at once.
    pub reply: bool,
}

impl StatusUpdate {
    /// The body of the CopyData that carries it.
    pub fn encode(&self) -> [u8; 34] {
        let mut out = [0; 34];
        out[0] = b'r';
        out[1..9].copy_from_slice(&self.written.0.to_be_bytes());
        out[9..17].copy_from_slice(&self.flushed.0.to_be_bytes());
        out[17..25].copy_from_slice(&self.applied.0.to_be_bytes());
        out[25..33].copy_from_slice(&self.clock.to_be_bytes());
        out[33] = u8::from(self.reply);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> Vec<u8> {
        let mut bytes = vec![b'w'];
        for n in [1u64, 2, 3] {
            bytes.extend(n.to_be_bytes());
        }
        bytes
    }

    fn keepalive(flag: u8) -> Vec<u8> {
        let mut bytes = vec![b'k'];
        bytes.extend(0x16_B374_D848u64.to_be_bytes());
        bytes.extend((-5i64).to_be_bytes());
        bytes.push(flag);
        bytes
    }

    fn parse(bytes: &[u8]) -> Result<Frame, Error> {
        Frame::parse(Bytes::copy_from_slice(bytes))
    }

    #[test]
    fn both_kinds_are_read() {
        let body = Bytes::from_static(b"secret");
        let frame = parse(&[&data()[..], &body].concat()).unwrap();
        assert_eq!(format!("{frame:?}"), "Data(0/1..0/2, 6 bytes)");
        assert_eq!(frame, Frame::Data { start: Lsn(1), end: Lsn(2), time: 3, body });
        let frame = parse(&keepalive(1)).unwrap();
        assert_eq!(frame, Frame::Keepalive { end: "16/B374D848".parse().unwrap(), time: -5, reply: true });
        assert_eq!(format!("{frame:?}"), "Keepalive(16/B374D848, reply: true)");
    }

    #[test]
    fn a_cut_or_a_long_frame_is_an_error() {
        for whole in [data(), keepalive(0)] {
            assert!(parse(&whole).is_ok());
            for end in 0..whole.len() {
                assert!(matches!(parse(&whole[..end]), Err(Error::Empty | Error::Ends(_))), "{end}");
            }
        }
        assert_eq!(parse(&[&keepalive(0)[..], b"xx"].concat()), Err(Error::Trailing(2)));
        assert_eq!(parse(&keepalive(2)), Err(Error::Flag(2)));
        assert_eq!(parse(b"z"), Err(Error::Unknown(b'z')));
    }

    #[test]
    fn a_status_update_is_laid_out_as_the_manual_says() {
        let update = StatusUpdate { written: Lsn(3), flushed: Lsn(2), applied: Lsn(1), clock: -1, reply: true };
        let mut want = vec![b'r', 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1];
        want.extend([0xff; 8]);
        want.push(1);
        assert_eq!(update.encode()[..], want[..]);
    }
}
