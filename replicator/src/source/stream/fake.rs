//! A server of bytes only: it says exactly what a test wants, when it wants, cut where it wants.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use wire::{Conninfo, Startup};

use super::super::pgoutput::{Message, encode::encode};
use super::*;

pub(super) struct Fake(TcpStream);

/// The server's end of WAL in every frame of [`data`].
pub(super) const END: u64 = 5000;

/// One CopyData.
pub(super) fn copy(body: &[u8]) -> Vec<u8> {
    message(b'd', body)
}

pub(super) fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    [&[tag][..], &u32::try_from(body.len() + 4).unwrap().to_be_bytes(), body].concat()
}

pub(super) fn data(message: &Message) -> Vec<u8> {
    copy(&[&b"w"[..], &[0; 8], &END.to_be_bytes(), &[0; 8], &encode(message)].concat())
}

pub(super) fn keepalive(end: u64, reply: bool) -> Vec<u8> {
    copy(&[&b"k"[..], &end.to_be_bytes(), &[0; 8], &[u8::from(reply)]].concat())
}

/// A stream and the server behind it, started from 0/0.
pub(super) async fn pair(interval: Duration) -> (Stream, Fake) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://u@127.0.0.1:{}/d?sslmode=disable", listener.local_addr().unwrap().port());
    let client = async move {
        let info = Conninfo::parse(&url).unwrap();
        let startup = Startup { application_name: "test", replication: true, settings: &[] };
        let conn = Connection::connect(&info, &startup).await.unwrap();
        let options = Options { feedback_interval: interval, messages: false };
        Stream::start(conn, "slot", &["p".to_string()], Lsn::ZERO, options).await.unwrap()
    };
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let length = socket.read_u32().await.unwrap();
        socket.read_exact(&mut vec![0; length as usize - 4]).await.unwrap();
        let mut fake = Fake(socket);
        fake.send(&[message(b'R', &[0; 4]), message(b'Z', b"I")].concat()).await;
        let (tag, query) = fake.read().await;
        assert_eq!((tag, &query[..17]), (b'Q', &b"START_REPLICATION"[..]));
        fake.send(&message(b'W', &[0; 3])).await;
        fake
    };
    tokio::join!(client, server)
}

impl Fake {
    pub(super) async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// How much of it the other side's buffers take, until they have taken nothing for half a second.
    pub(super) async fn send_until_stuck(&mut self, bytes: &[u8]) -> usize {
        let mut sent = 0;
        while sent < bytes.len()
            && let Ok(wrote) = timeout(Duration::from_millis(500), self.0.write(&bytes[sent..])).await
        {
            sent += wrote.unwrap();
        }
        sent
    }

    /// The next message of the client; tag 0 at the end.
    pub(super) async fn read(&mut self) -> (u8, Vec<u8>) {
        let read = async {
            let Ok(tag) = self.0.read_u8().await else { return (0, Vec::new()) };
            let length = self.0.read_u32().await.unwrap();
            let mut body = vec![0; length as usize - 4];
            self.0.read_exact(&mut body).await.unwrap();
            (tag, body)
        };
        timeout(Duration::from_secs(10), read).await.expect("the client says nothing")
    }

    /// The next status update: written, flushed, applied, and whether it asks.
    pub(super) async fn update(&mut self) -> ([u64; 3], bool) {
        let (tag, body) = self.read().await;
        assert_eq!((tag, body[0], body.len()), (b'd', b'r', 34));
        let lsn = |at: usize| u64::from_be_bytes(body[at..at + 8].try_into().unwrap());
        ([lsn(1), lsn(9), lsn(17)], body[33] == 1)
    }

    /// Does the client say nothing for so long?
    pub(super) async fn silent(&mut self, for_: Duration) -> bool {
        timeout(for_, self.0.peek(&mut [0])).await.is_err()
    }
}
