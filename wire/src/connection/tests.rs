//! The session against a peer that is only bytes: borders of messages anywhere, and sockets that do not drain.

use bytes::Bytes;
use proptest::prelude::*;
use tokio::{io::AsyncReadExt, net::UnixStream};

use super::*;
use crate::{ServerError, message::Message, messages};

fn session() -> (Connection, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (Connection::new(Conninfo::parse("user=test").unwrap(), Stream::Unix(ours)), theirs)
}

fn wire(parts: &[(u8, &[u8])]) -> Vec<u8> {
    let one = |(tag, body): &(u8, &[u8])| {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        [&[*tag], length.as_slice(), body].concat()
    };
    parts.iter().flat_map(one).collect()
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limited = async { tokio::time::timeout(Duration::from_secs(20), work).await };
    runtime.block_on(limited).expect("neither side goes on")
}

/// What a server sends around two statements, of which the second fails.
const RECORDED: &[(u8, &[u8])] = &[
    (b'1', b""),
    (b'S', b"TimeZone\0UTC\0"),
    (b'D', b"\0\x02\0\0\0\x02ab\xff\xff\xff\xff"),
    (b'N', b"SNOTICE\0C00000\0Mx\0\0"),
    (b'C', b"INSERT 0 7\0"),
    (b'A', b"\0\0\0\x01chan\0text\0"),
    (b'E', b"SERROR\0VERROR\0C23505\0Msecret\0\0"),
    (b'Z', b"E"),
];

#[test]
fn versions() {
    for (text, expect) in [
        ("15.18 (Debian 15.18-0+deb12u1)", 150_018),
        ("18.4", 180_004),
        ("18beta1", 180_000),
        ("19devel", 190_000),
        ("", 0),
    ] {
        assert_eq!(version_number(text), expect, "{text}");
    }
}

#[test]
fn messages_cut_at_every_border() {
    let bytes = wire(RECORDED);
    for cut in 0..=bytes.len() {
        block_on(async {
            let (mut session, mut peer) = session();
            let (before, after) = bytes.split_at(cut);
            let send = async {
                peer.write_all(before).await.unwrap();
                tokio::task::yield_now().await;
                peer.write_all(after).await.unwrap();
            };
            let read = async {
                let mut read = Vec::new();
                while read.last().is_none_or(|m: &Message| m.tag != b'Z') {
                    read.push(session.message().await.unwrap());
                }
                read
            };
            let (read, ()) = tokio::join!(read, send);
            let tags: Vec<_> = read.iter().map(|m| char::from(m.tag)).collect();
            assert_eq!(tags, ['1', 'D', 'C', 'E', 'Z'], "cut at {cut}");
            assert_eq!(read[1].fields().collect::<Vec<_>>(), [Some(b"ab".as_slice()), None]);
            assert_eq!(read[2].affected(), Some(7));
            assert_eq!(read[3].error().unwrap().to_string(), "23505 unique_violation");
            assert_eq!((session.parameter("TimeZone"), session.transaction_status()), (Some("UTC"), b'E'));
        });
    }
}

#[test]
fn a_length_that_cannot_be_breaks_the_session() {
    for bytes in [b"D\0\0\0\x03", b"D\xff\xff\xff\xff"] {
        block_on(async {
            let (mut session, mut peer) = session();
            peer.write_all(bytes).await.unwrap();
            assert!(matches!(session.message().await, Err(Error::Protocol(_))));
            assert!(session.is_broken());
        });
    }
}

#[test]
fn both_sides_may_send_first() {
    block_on(async {
        let (mut session, mut peer) = session();
        let answers = wire(&[(b'1', &[0; 1000])]).repeat(8000);
        session.outgoing().resize(8_000_000, b'x');
        let peer = async {
            peer.write_all(&answers).await.unwrap();
            let mut sent = vec![0; 8_000_000];
            peer.read_exact(&mut sent).await.unwrap();
            peer
        };
        let (flushed, _peer) = tokio::join!(session.flush(), peer);
        flushed.unwrap();
        for _ in 0..8000 {
            assert_eq!(session.message().await.unwrap().body.len(), 1000);
        }
    });
}

#[test]
fn an_abandoned_flush_goes_on_where_it_was() {
    block_on(async {
        let (mut session, mut peer) = session();
        let bytes: Vec<u8> = (0_u32..500_000).flat_map(u32::to_be_bytes).collect();
        session.outgoing().extend_from_slice(&bytes);
        let read = tokio::spawn(async move {
            let mut got = vec![0; 2_000_000];
            peer.read_exact(&mut got).await.unwrap();
            (got, peer)
        });
        // Each round sends a socket's worth, then is dropped.
        while tokio::time::timeout(Duration::ZERO, session.flush()).await.is_err() {
            tokio::task::yield_now().await;
        }
        assert!(read.await.unwrap().0 == bytes);
    });
}

#[test]
fn the_last_words_of_a_server_are_heard() {
    block_on(async {
        let (mut session, mut peer) = session();
        peer.write_all(&wire(&[(b'E', b"VFATAL\0C57P01\0Mx\0\0")])).await.unwrap();
        session.outgoing().resize(8_000_000, b'x');
        let hang_up = async {
            tokio::task::yield_now().await;
            drop(peer);
        };
        let (flushed, ()) = tokio::join!(session.flush(), hang_up);
        let e = flushed.unwrap_err();
        assert_eq!(e.sqlstate(), Some("57P01"));
        assert!(e.is_transient() && session.is_broken());
    });
}

proptest! {
    /// However the stream is cut, the chunks hold its messages, whole and in order.
    #[test]
    fn bulk_chunks_are_the_stream(
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..30),
        cuts in prop::collection::vec(1_usize..50, 1..60),
    ) {
        let parts: Vec<_> = bodies.iter().map(|body| (b'd', body.as_slice())).collect();
        let bytes = wire(&parts);
        let (mut session, _peer) = block_on(async { session() });
        let (mut rest, mut read) = (bytes.as_slice(), Vec::new());
        for cut in cuts.iter().cycle() {
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            session.incoming.extend_from_slice(now);
            rest = later;
            read.extend(session.take_complete().unwrap().into_iter().flat_map(messages));
            if rest.is_empty() {
                break;
            }
        }
        let read: Vec<_> = read.iter().map(|(tag, body)| (*tag, &body[..])).collect();
        prop_assert_eq!(read, parts);
    }

    /// Joined COPY data is the bodies, one after the other, however the stream is cut.
    #[test]
    fn joined_rows_are_the_bodies(
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..30),
        cuts in prop::collection::vec(1_usize..200, 1..20),
    ) {
        let parts: Vec<_> = bodies.iter().map(|body| (b'd', body.as_slice())).collect();
        let bytes = [wire(&parts), wire(&[(b'c', b""), (b'C', b"COPY 1\0"), (b'Z', b"I")])].concat();
        let copied = block_on(async {
            let (mut session, mut peer) = session();
            session.state = State::CopyOut;
            let send = async {
                let mut rest = bytes.as_slice();
                for cut in cuts.iter().cycle() {
                    let (now, later) = rest.split_at((*cut).min(rest.len()));
                    peer.write_all(now).await.unwrap();
                    tokio::task::yield_now().await;
                    rest = later;
                    if rest.is_empty() {
                        break;
                    }
                }
            };
            let read = async {
                let mut copied = Vec::new();
                while let Some(data) = session.copy_data().await.unwrap() {
                    copied.extend_from_slice(&data);
                }
                assert!(!session.is_broken());
                copied
            };
            tokio::join!(read, send).0
        });
        prop_assert_eq!(copied, bodies.concat());
    }

    /// No bytes of a server make us panic.
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300), kind in 0_u32..13) {
        let body = Bytes::from(bytes);
        let _ = ServerError::parse(&body).to_string();
        for tag in [b'D', b'C', b'E', b'T'] {
            let message = Message { tag, body: body.clone() };
            let _ = (message.error(), message.affected(), message.fields().count());
            let mut rows = crate::Rows::default();
            let _ = (rows.describe(&body), rows.push(&message));
        }
        let _ = messages(body.clone()).count();
        let info = Conninfo::parse("user=a password=b").unwrap();
        let request = Bytes::from([&kind.to_be_bytes(), &body[..]].concat());
        let _ = crate::auth::Dialogue::new(&info, true, None).answer(request, &mut BytesMut::new());
        let _ = crate::binding::server_end_point(&body);
        let (mut session, _peer) = block_on(async { session() });
        session.incoming.extend_from_slice(&body);
        while let Ok(Some(_)) = session.try_message() {}
    }
}
