//! What the reader must know of a chunk before anybody has the time to parse it.
//!
//! Pure. A keepalive that asks must be answered, and the end of the stream seen, also while the pipe is held and the
//! chunk waits; so the reader looks at the headers, and at nothing else. What it cannot read it leaves to the parser,
//! which will say what is wrong.

use filters::change::Lsn;
use wire::tag;

/// What the headers of a chunk say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Scan {
    /// The highest end of WAL that the server named.
    pub(super) received: Lsn,
    /// A keepalive wants an answer.
    pub(super) reply: bool,
    /// The server ends the stream here: an error, or CopyDone.
    pub(super) over: bool,
}

/// Looks over complete backend messages.
pub(super) fn scan(mut chunk: &[u8]) -> Scan {
    let mut found = Scan::default();
    while let Some((&[tag, a, b, c, d], _)) = chunk.split_first_chunk::<5>() {
        let size = usize::try_from(u32::from_be_bytes([a, b, c, d])).ok().and_then(|n| n.checked_add(1));
        let Some((message, rest)) = size.filter(|n| *n >= 5).and_then(|n| chunk.split_at_checked(n)) else { break };
        match tag {
            tag::COPY_DATA => copy_data(message.get(5..).unwrap_or(&[]), &mut found),
            tag::COPY_DONE | tag::ERROR_RESPONSE | tag::READY_FOR_QUERY => found.over = true,
            _ => {}
        }
        chunk = rest;
    }
    found
}

/// XLogData has the end of WAL in its second word, a keepalive in its first and the wish for an answer at its end.
#[inline]
fn copy_data(body: &[u8], found: &mut Scan) {
    let at = match body.first() {
        Some(b'w') => 9,
        Some(b'k') => {
            found.reply |= body.get(17) == Some(&1);
            1
        }
        _ => return,
    };
    if let Some(end) = body.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        found.received = found.received.max(Lsn(u64::from_be_bytes(*end)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap();
        [&[tag][..], &length.to_be_bytes(), body].concat()
    }

    fn data(end: u64) -> Vec<u8> {
        message(b'd', &[b"w", &9u64.to_be_bytes()[..], &end.to_be_bytes(), &[1; 8], b"Isecret"].concat())
    }

    fn keepalive(end: u64, reply: u8) -> Vec<u8> {
        message(b'd', &[b"k", &end.to_be_bytes()[..], &[1; 8], &[reply]].concat())
    }

    #[test]
    fn the_headers_tell() {
        let chunk = [data(7), keepalive(5, 0), message(b'N', b"x"), data(6)].concat();
        assert_eq!(scan(&chunk), Scan { received: Lsn(7), reply: false, over: false });
        let chunk = [keepalive(3, 1), keepalive(8, 0)].concat();
        assert_eq!(scan(&chunk), Scan { received: Lsn(8), reply: true, over: false });
        for tag in [b'c', b'E', b'Z'] {
            assert!(scan(&[data(7), message(tag, b"")].concat()).over);
        }
        assert_eq!(scan(b""), Scan::default());
    }

    #[test]
    fn a_cut_chunk_is_left_to_the_parser() {
        let chunk = [data(7), keepalive(9, 1)].concat();
        for end in 0..chunk.len() {
            assert!(!scan(&chunk[..end]).reply, "{end}");
        }
        assert_eq!(scan(b"d\0\0\0\0more"), Scan::default(), "a length that counts not even itself");
        assert_eq!(scan(&message(b'd', b"k")), Scan::default());
    }
}
