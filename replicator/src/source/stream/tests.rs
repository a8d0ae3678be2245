use filters::change::{Change, Op, RowBuilder, Table, Value};
use tokio::time::{Instant, timeout};

use super::super::pgoutput::{Begin, Commit, Insert, Message, Relation, RelationColumn};
use super::fake::{END, copy, data, keepalive, message, pair};
use super::*;

/// So long that a timer cannot be what makes a test pass.
const NEVER: Duration = Duration::from_secs(3600);

/// A transaction that commits at `lsn`, of `rows` rows of `width` bytes.
fn transaction(lsn: u64, rows: usize, width: usize) -> Vec<Message> {
    let mut builder = RowBuilder::new();
    builder.push(Value::Text(&vec![b'v'; width]));
    let new = builder.finish();
    let column = RelationColumn { flags: 1, name: "x".into(), type_oid: 25, type_modifier: -1 };
    let relation = Relation { oid: 1, namespace: "s".into(), name: "t".into(), identity: b'd', columns: vec![column] };
    let mut messages = vec![Message::Begin(Begin { final_lsn: Lsn(lsn), time: 1, xid: 7 })];
    messages.push(Message::Relation(relation));
    messages.extend((0..rows).map(|_| Message::Insert(Insert { oid: 1, new: new.clone() })));
    messages.push(Message::Commit(Commit { flags: 0, lsn: Lsn(lsn), end_lsn: Lsn(lsn + 8), time: 1 }));
    messages
}

fn bytes(messages: &[Message]) -> Vec<u8> {
    messages.iter().flat_map(data).collect()
}

async fn next(stream: &mut Stream) -> Result<Event, Error> {
    timeout(Duration::from_secs(10), stream.next()).await.expect("no event comes")
}

/// The kinds of the next `n` events, and the bytes of their rows.
async fn take(stream: &mut Stream, n: usize) -> (String, usize) {
    let (mut kinds, mut size) = (String::new(), 0);
    for _ in 0..n {
        kinds.push(match next(stream).await.unwrap() {
            Event::Begin { .. } => 'B',
            Event::Schema(_) => 'S',
            Event::Commit { .. } => 'C',
            Event::Idle(_) => 'I',
            Event::Change(Change { op: Op::Insert { new }, .. }) => {
                size += new.get(0).text_len();
                'i'
            }
            Event::Change(_) => '?',
        });
    }
    (kinds, size)
}

trait TextLen {
    fn text_len(&self) -> usize;
}

impl TextLen for Value<'_> {
    fn text_len(&self) -> usize {
        if let Value::Text(v) = self { v.len() } else { 0 }
    }
}

#[test]
fn the_command_is_quoted() {
    let names = ["p".to_string(), "q\"'x".to_string()];
    let sql = command("s\"lot", &names, Lsn(0x1_0000_0002), Options::default());
    let want = r#"START_REPLICATION SLOT "s""lot" LOGICAL 1/2 (proto_version '1', publication_names '"p","q""''x"', messages 'false')"#;
    assert_eq!(sql, want);
}

#[tokio::test]
async fn it_does_not_matter_where_the_bytes_are_cut() {
    let whole = [bytes(&transaction(100, 3, 5)), keepalive(900, false), bytes(&transaction(1000, 1, 900))].concat();
    for cut in [1, 2, 3, 5, 6, 31, 64, 333, whole.len()] {
        let (mut stream, mut fake) = pair(NEVER).await;
        let feed = async {
            for piece in whole.chunks(cut) {
                fake.send(piece).await;
                tokio::task::yield_now().await;
            }
        };
        let (_, (kinds, size)) = tokio::join!(feed, take(&mut stream, 11));
        // the second Relation says nothing new, and is told
        assert_eq!((kinds.as_str(), size), ("BSiiiCIBSiC", 915), "cut {cut}");
    }
}

#[tokio::test]
async fn a_dropped_next_takes_nothing() {
    let (mut stream, mut fake) = pair(NEVER).await;
    let feed = tokio::spawn(async move {
        for piece in bytes(&transaction(100, 20, 5)).chunks(7) {
            fake.send(piece).await;
            tokio::time::sleep(Duration::from_micros(300)).await;
        }
        fake
    });
    let (mut events, mut dropped) = (0, 0);
    while events < 23 {
        tokio::select! {
            biased;
            event = stream.next() => {
                event.unwrap();
                events += 1;
            }
            () = tokio::task::yield_now() => dropped += 1,
        }
    }
    assert!(dropped > 10, "{dropped}");
    drop(feed.await.unwrap());
}

#[tokio::test]
async fn a_keepalive_is_idle_only_between_transactions() {
    let (mut stream, mut fake) = pair(NEVER).await;
    let mut parts: Vec<_> = transaction(100, 1, 1).iter().map(data).collect();
    parts.insert(2, keepalive(4000, false));
    parts.push(keepalive(4001, false));
    fake.send(&parts.concat()).await;
    assert_eq!(take(&mut stream, 4).await.0, "BSiC");
    assert_eq!(next(&mut stream).await.unwrap(), Event::Idle(Lsn(4001)));
    assert_eq!(stream.received(), Lsn(END));
}

#[tokio::test]
async fn a_keepalive_that_asks_is_answered_at_once() {
    let (_stream, mut fake) = pair(NEVER).await;
    let start = Instant::now();
    fake.send(&keepalive(10, true)).await;
    assert_eq!(fake.update().await, ([0; 3], false), "nothing is confirmed");
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    fake.send(&keepalive(10, false)).await;
    assert!(fake.silent(Duration::from_millis(200)).await);
}

#[tokio::test]
async fn what_is_confirmed_is_told_soon_and_never_more() {
    let (mut stream, mut fake) = pair(NEVER).await;
    fake.send(&bytes(&transaction(100, 1, 1))).await;
    take(&mut stream, 4).await;
    assert!(fake.silent(Duration::from_millis(100)).await, "what is only received is not confirmed");
    let start = Instant::now();
    stream.confirm(Lsn(108));
    assert_eq!(fake.update().await, ([108; 3], false));
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    stream.confirm(Lsn(50));
    assert!(fake.silent(Duration::from_millis(200)).await);
    assert_eq!(stream.confirmed(), Lsn(108), "never back");
}

#[tokio::test]
async fn confirms_in_a_row_are_joined() {
    let (mut stream, mut fake) = pair(NEVER).await;
    let start = Instant::now();
    for lsn in 1..=200 {
        stream.confirm(Lsn(lsn));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let (mut updates, mut last) = (0, 0);
    while last < 200 {
        last = fake.update().await.0[1];
        updates += 1;
    }
    let most = start.elapsed().as_millis() / 50 + 2;
    assert!(updates <= most, "{updates} updates for 200 confirms, not {most}");
}

#[tokio::test]
async fn the_server_can_be_asked() {
    let (mut stream, mut fake) = pair(NEVER).await;
    stream.ask_keepalive().await;
    assert_eq!(fake.update().await, ([0; 3], true));
    assert!(fake.silent(Duration::from_millis(200)).await);
    stream.confirm(Lsn(1));
    assert_eq!(fake.update().await, ([1; 3], false), "once");
}

#[tokio::test]
async fn a_held_stream_reads_no_more_and_goes_on_answering() {
    const ROWS: usize = 40_000;
    let (mut stream, mut fake) = pair(Duration::from_millis(50)).await;
    let whole = bytes(&transaction(100, ROWS, 1000));
    let sent = fake.send_until_stuck(&whole).await;
    assert!(sent < whole.len() / 2, "{sent} of {} bytes were taken from a server that nobody reads", whole.len());
    assert!(stream.has_ready());
    for _ in 0..5 {
        assert_eq!(fake.update().await, ([0; 3], false));
    }
    let feed = async { fake.send(&whole[sent..]).await };
    let (_, (kinds, size)) = tokio::join!(feed, take(&mut stream, ROWS + 3));
    assert_eq!((kinds.len(), size), (ROWS + 3, ROWS * 1000));
}

#[tokio::test]
async fn an_error_comes_once_behind_what_was_before_it() {
    let (mut stream, mut fake) = pair(NEVER).await;
    let mut whole = bytes(&transaction(100, 1, 1));
    whole.extend(message(b'E', b"SFATAL\0VFATAL\0C57P01\0Mterminating secret\0\0"));
    fake.send(&whole).await;
    assert_eq!(take(&mut stream, 4).await.0, "BSiC");
    let failed = next(&mut stream).await.unwrap_err();
    assert!(matches!(&failed, Error::Wire(e) if e.sqlstate() == Some("57P01")), "{failed:?}");
    assert!(failed.is_transient() && !format!("{failed:?}").contains("secret"));
    assert!(matches!(next(&mut stream).await, Err(Error::Ended)));
    assert!(!stream.has_ready());
}

#[tokio::test]
async fn every_end_is_an_error() {
    let closed = |e: &Error| matches!(e, Error::Wire(wire::Error::Closed));
    type Is = fn(&Error) -> bool;
    let cases: [(Vec<u8>, bool, Is); 5] = [
        (Vec::new(), true, closed),
        (data(&transaction(1, 0, 0)[0])[..9].to_vec(), true, closed),
        (message(b'c', b""), true, |e| matches!(e, Error::Ended)),
        (copy(b"w"), false, |e| matches!(e, Error::Frame(_))),
        (copy(&[&b"w"[..], &[0; 24], b"zsecret"].concat()), false, |e| matches!(e, Error::Pgoutput(_))),
    ];
    for (bytes, transient, is) in cases {
        let (mut stream, mut fake) = pair(NEVER).await;
        fake.send(&bytes).await;
        drop(fake);
        let failed = next(&mut stream).await.unwrap_err();
        assert!(is(&failed) && failed.is_transient() == transient, "{bytes:?}: {failed:?}");
        assert!(matches!(next(&mut stream).await, Err(Error::Ended)));
    }
}

#[tokio::test]
async fn a_stop_says_the_last_position_first() {
    let (mut stream, mut fake) = pair(NEVER).await;
    fake.send(&bytes(&transaction(100, 1, 1))).await;
    take(&mut stream, 4).await;
    stream.confirm(Lsn(108));
    let server = async {
        let mut last = fake.update().await.0;
        let mut next = fake.read().await;
        while next.0 == b'd' {
            last[1] = u64::from_be_bytes(next.1[9..17].try_into().unwrap());
            next = fake.read().await;
        }
        assert_eq!((last[1], next.0), (108, b'c'));
        fake.send(&[message(b'c', b""), message(b'C', b"COPY 0\0"), message(b'Z', b"I")].concat()).await;
        assert_eq!(fake.read().await.0, b'X');
        assert_eq!(fake.read().await.0, 0);
    };
    tokio::join!(stream.stop(), server);
}

#[tokio::test]
async fn a_stop_of_a_held_stream_or_before_a_deaf_server_ends() {
    let (stream, mut fake) = pair(NEVER).await;
    fake.send_until_stuck(&bytes(&transaction(100, 40_000, 1000))).await;
    let start = Instant::now();
    stream.stop().await;
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_server_that_is_gone() {
    let (stream, mut fake) = pair(Duration::from_millis(20)).await;
    fake.send_until_stuck(&bytes(&transaction(100, 40_000, 1000))).await;
    drop(fake);
    tokio::time::sleep(Duration::from_millis(300)).await; // the task has met the error, and has no room to tell it
    let start = Instant::now();
    stream.stop().await;
    assert!(start.elapsed() < Duration::from_millis(1500), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_dropped_stream_hangs_up() {
    let (stream, mut fake) = pair(NEVER).await;
    drop(stream);
    assert_eq!(fake.read().await.0, 0);
}

#[tokio::test]
async fn the_same_table_is_the_same_arc_over_chunks() {
    let (mut stream, mut fake) = pair(NEVER).await;
    let mut tables: Vec<Arc<Table>> = Vec::new();
    for lsn in [100, 200] {
        fake.send(&bytes(&transaction(lsn, 1, 1))).await;
        while tables.len() < lsn as usize / 100 {
            if let Event::Change(change) = next(&mut stream).await.unwrap() {
                tables.push(change.table);
            }
        }
    }
    assert!(Arc::ptr_eq(&tables[0], &tables[1]));
}
