//! Producer and consumer of one topic, with a broker that lives.
#![allow(clippy::disallowed_methods, reason = "a test may block its own thread")]

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use replicator::error::{Error, Kind};
use replicator::kafka::producer::Client;
use replicator::kafka::{self, Consumer, Options, Producer, Taken, topic};

use super::client::create_topic;
use crate::servers::Broker;

pub const SECOND: Duration = Duration::from_secs(1);
pub const MINUTE: Duration = Duration::from_secs(60);

/// A topic of that name, and the pipeline of that name.
pub fn options(broker: &Broker, name: &str) -> Options {
    Options { brokers: broker.addr(), topic: name.into(), id: name.into(), ..Options::default() }
}

/// The same, of the shared broker, made.
fn shared(name: &str) -> Options {
    let options = options(Broker::shared(), name);
    topic::made(&options).expect("make the topic, and those beside it");
    options
}

pub fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

/// One transaction; the offset of its last record.
pub fn put(producer: &mut Producer, values: &[&str]) -> i64 {
    producer.begin().expect("begin");
    send(producer, values);
    producer.commit().expect("commit")
}

fn send(producer: &mut Producer, values: &[&str]) {
    for value in values {
        producer.send(b"key", &[("op", b"c")], value.as_bytes()).expect("send");
    }
}

/// Only when it is in the topic: what is still queued is thrown away, and nobody would have to skip it.
fn abort(producer: &mut Producer) {
    std::thread::sleep(SECOND / 2);
    producer.abort().expect("abort");
}

/// As text.
pub fn values(taken: &[Taken]) -> Vec<&str> {
    taken.iter().map(|t| std::str::from_utf8(&t.value).expect("text")).collect()
}

/// All that can be read from `offset` on.
pub fn read(options: &Options, offset: i64) -> Vec<Taken> {
    let mut consumer = Consumer::open(options, offset).expect("open the consumer");
    let mut all = Vec::new();
    // a commit is seen a moment after it has returned
    while let Some(taken) = consumer.next(2 * SECOND).expect("read") {
        all.push(taken);
    }
    all
}

/// The error of Kafka's, or what came instead.
pub fn kafka_error<T: std::fmt::Debug>(result: Result<T, Error>) -> kafka::Error {
    match result {
        Err(Error::Kafka { source, .. }) => source,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_committed_is_read_in_order_and_what_is_aborted_is_not() {
    let options = shared("clients_order");
    let mut producer = Producer::open(&options).expect("open");
    assert_eq!(put(&mut producer, &["1", "2"]), 1);
    producer.begin().expect("begin");
    send(&mut producer, &["void", "void too"]);
    abort(&mut producer);
    producer.begin().expect("begin");
    producer.send(b"", &[], b"").expect("an empty record");
    send(&mut producer, &["3"]);
    let last = producer.commit().expect("commit");
    let all = read(&options, 0);
    assert_eq!(values(&all), ["1", "2", "", "3"]);
    assert_eq!(all[0].key, "key");
    assert_eq!(all[2].key, "", "a record without a key");
    assert_eq!(all[3].offset, last);
    assert_eq!(values(&read(&options, all[1].offset)), ["2", "", "3"], "from anywhere");
    let mut consumer = Consumer::open(&options, 0).expect("open");
    let (low, end) = consumer.ends().expect("ends");
    // the marker of what the other client has aborted may come behind it, too
    assert!(low == 0 && (last + 2..=last + 3).contains(&end), "behind the last marker");
    producer.begin().expect("begin");
    send(&mut producer, &["not yet"]);
    std::thread::sleep(SECOND / 2);
    assert_eq!(consumer.ends().expect("ends"), (0, end), "what is not decided cannot be read");
    assert_eq!(values(&read(&options, 0)), ["1", "2", "", "3"]);
    producer.commit().expect("commit");
    assert_eq!(values(&read(&options, last + 1)), ["not yet"]);
}

#[test]
fn a_large_transaction_does_not_want_large_memory() {
    let options = shared("clients_large");
    let mut producer = Producer::open(&options).expect("open");
    let value = vec![b'x'; 10_000];
    producer.begin().expect("begin");
    for n in 0..10_000u32 {
        producer.send(&n.to_be_bytes(), &[], &value).expect("send");
    }
    producer.commit().expect("commit");
    let all = read(&options, 0);
    assert_eq!(all.len(), 10_000);
    assert!(all.iter().zip(0u32..).all(|(taken, n)| *taken.key == n.to_be_bytes() && taken.value == value));
}

#[test]
fn who_comes_later_fences_who_was_before() {
    let options = shared("clients_fence");
    let mut first = Producer::open(&options).expect("open");
    put(&mut first, &["1"]);
    first.begin().expect("begin");
    send(&mut first, &["void"]);
    // it is in the topic, and nobody has decided about it
    std::thread::sleep(SECOND / 2);
    let mut second = Producer::open(&options).expect("open");
    assert_eq!(values(&Consumer::tail(&options, 1, MINUTE).expect("tail")), ["1"], "decided by now");
    let error = first.commit().expect_err("fenced");
    assert_eq!((error.kind(), error.exit_code()), (Kind::Refused, 5), "{}", error.told());
    assert!(matches!(kafka_error(Err::<(), _>(error)), kafka::Error::Fenced));
    // nor does one who wakes up later
    assert!(matches!(kafka_error(first.abort()), kafka::Error::Fenced));
    assert!(matches!(kafka_error(first.begin()), kafka::Error::Fenced));
    put(&mut second, &["2"]);
    let mut third = Producer::open(&options).expect("open");
    let late = second.begin().and_then(|()| second.send(b"", &[], b"void")).and_then(|()| second.commit());
    assert!(matches!(kafka_error(late), kafka::Error::Fenced));
    put(&mut third, &["3"]);
    assert_eq!(values(&read(&options, 0)), ["1", "2", "3"]);
}

#[test]
fn who_was_fenced_by_halves_is_opened_again() {
    let options = shared("clients_crossed");
    let mut ours = Producer::open(&options).expect("open");
    put(&mut ours, &["1"]);
    // one that came before us to the first, and behind us to the second
    Client::open(&options).expect("open");
    let crossed = ours.begin().and_then(|()| ours.send(b"", &[], b"void")).and_then(|()| ours.commit());
    let crossed = crossed.expect_err("half of it is lost");
    assert_eq!(crossed.kind(), Kind::Unavailable, "{}", crossed.told());
    assert!(matches!(kafka_error(Err::<(), _>(crossed)), kafka::Error::Crossed));
    let mut ours = Producer::open(&options).expect("open");
    for value in ["2", "3", "4"] {
        put(&mut ours, &[value]);
    }
    assert_eq!(values(&read(&options, 0)), ["1", "2", "3", "4"]);
}

#[test]
fn who_has_lost_the_first_client_puts_nothing_into_the_topic() {
    let options = shared("clients_lost");
    let mut ours = Producer::open(&options).expect("open");
    // it has the second still, and not the first
    Client::open(&options.second()).expect("open");
    let lost = ours.begin().and_then(|()| ours.send(b"", &[], b"void")).and_then(|()| ours.commit());
    assert!(matches!(kafka_error(lost), kafka::Error::Fenced));
    assert_eq!(read(&options, 0), []);
}

#[test]
fn a_transaction_that_takes_too_long() {
    let mut options = shared("clients_late");
    for property in ["transaction.timeout.ms", "message.timeout.ms", "socket.timeout.ms"] {
        options.properties.insert(property.into(), "2000".into());
    }
    let mut producer = Producer::open(&options).expect("open");
    let began = std::time::Instant::now();
    let error = loop {
        let done = producer.begin().and_then(|()| {
            producer.send(b"", &[], b"void")?;
            // the broker looks every ten seconds
            std::thread::sleep(15 * SECOND);
            producer.commit()
        });
        if let Err(e) = done {
            break e;
        }
        assert!(began.elapsed() < 2 * MINUTE, "nobody ends it");
    };
    assert_eq!(error.exit_code(), 5, "{}", error.told());
    assert!(matches!(kafka_error(Err::<(), _>(error)), kafka::Error::Late { seconds } if seconds >= 15));
}

#[test]
fn the_end_is_found_behind_whatever_stands_there() {
    let options = shared("clients_tail");
    // as a capture asks: who opens a producer waits for the markers of the one before
    let tail = |producer: &mut Producer, most| {
        *producer = Producer::open(&options).expect("open");
        Consumer::tail(&options, most, MINUTE).expect("tail")
    };
    let producer = &mut Producer::open(&options).expect("open");
    assert_eq!(tail(producer, 3), [], "an empty topic has no end");
    producer.begin().expect("begin");
    send(producer, &["void"]);
    abort(producer);
    assert_eq!(tail(producer, 3), [], "nor has one with nothing in it that counts");
    put(producer, &["1"]);
    put(producer, &["2", "3"]);
    assert_eq!(values(&tail(producer, 1)), ["3"]);
    assert_eq!(values(&tail(producer, 2)), ["2", "3"]);
    assert_eq!(values(&tail(producer, 9)), ["1", "2", "3"]);
    for _ in 0..3 {
        producer.begin().expect("begin");
        for _ in 0..2000 {
            producer.send(b"", &[], b"void").expect("send");
        }
        abort(producer);
    }
    assert_eq!(values(&tail(producer, 1)), ["3"], "behind 6,000 that do not count");
    assert_eq!(values(&tail(producer, 9)), ["1", "2", "3"]);
    let many: Vec<String> = (0..500).map(|n| n.to_string()).collect();
    put(producer, &many.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(values(&tail(producer, 500)), many);
    assert_eq!(values(&tail(producer, 1)), ["499"]);
    assert_eq!(tail(producer, 0), []);
}

/// Forgets everything before `offset`.
pub fn expire(options: &Options, offset: i64) {
    let client = ClientConfig::new().set("bootstrap.servers", &options.brokers).create();
    let admin: AdminClient<DefaultClientContext> = client.expect("an admin client");
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&options.topic, 0, Offset::Offset(offset)).expect("a place");
    wait(admin.delete_records(&list, &AdminOptions::new())).expect("delete records");
}

#[test]
fn what_has_expired_unread_is_an_error() {
    let options = shared("clients_expired");
    let mut producer = Producer::open(&options).expect("open");
    let last = put(&mut producer, &["1", "2", "3", "4"]);
    assert_eq!(last, 3);
    expire(&options, 2);
    let error = Consumer::open(&options, 1).map(|_| ()).expect_err("a gap");
    assert!(error.hint().expect("a hint").contains("resync"), "{}", error.told());
    assert!(matches!(kafka_error(Err::<(), _>(error)), kafka::Error::Expired { offset: 1, low: 2 }));
    assert_eq!(values(&read(&options, 2)), ["3", "4"]);
    assert_eq!(values(&Consumer::tail(&options, 9, MINUTE).expect("tail")), ["3", "4"]);

    // while it is read, by one who is slow: of 40 MB that cannot be packed not all is fetched ahead
    let mut value = vec![0; 100_000];
    fastrand::Rng::with_seed(7).fill(&mut value);
    let mut last = 0;
    for _ in 0..40 {
        producer.begin().expect("begin");
        for n in 0..10u8 {
            producer.send(&[n], &[], &value).expect("send");
        }
        last = producer.commit().expect("commit");
    }
    let mut consumer = Consumer::open(&options, 4).expect("open");
    let first = consumer.next(MINUTE).expect("read").expect("the first");
    std::thread::sleep(SECOND);
    expire(&options, last);
    let error = loop {
        match consumer.next(SECOND) {
            Ok(Some(taken)) => assert!(taken.offset < last, "it has jumped from {} to {last}", first.offset),
            Ok(None) => {}
            Err(e) => break e,
        }
    };
    match kafka_error(Err::<(), _>(error)) {
        kafka::Error::Expired { offset, low } => assert!(offset > 4 && low == last, "{offset} {low}"),
        other => panic!("{other:?}"),
    }
    let error = Consumer::open(&options, last + 1000).map(|_| ());
    assert!(matches!(kafka_error(error), kafka::Error::Beyond { .. }));
}

#[test]
fn a_record_that_is_too_large_is_named_as_such() {
    let broker = Broker::shared();
    wait(create_topic(broker, "clients_too_large", &[("max.message.bytes", "1200000")]));
    let options = options(broker, "clients_too_large");
    let mut producer = Producer::open(&options).expect("open");
    put(&mut producer, &["1"]);
    // more than sluice sends at all
    producer.begin().expect("begin");
    let error = producer.send(b"", &[], &vec![0; 9 << 20]).expect_err("too large");
    assert_eq!(error.kind(), Kind::Data, "{}", error.told());
    producer.abort().expect("abort");
    // more than the topic takes, and nothing that could be packed
    let mut value = vec![0u8; 3 << 20];
    let mut random = fastrand::Rng::with_seed(7);
    random.fill(&mut value);
    producer.begin().expect("begin");
    let error = producer.send(b"", &[], &value).and_then(|()| producer.commit()).expect_err("too large");
    assert_eq!(error.kind(), Kind::Data, "{}", error.told());
    assert!(error.hint().expect("a hint").contains("max.message.bytes"));
    // it is not forgotten, and the next producer begins anew
    for error in [producer.abort(), producer.begin()] {
        assert_eq!(error.expect_err("of no more use").kind(), Kind::Data);
    }
    let mut producer = Producer::open(&options).expect("open");
    put(&mut producer, &["2"]);
    assert_eq!(values(&read(&options, 0)), ["1", "2"]);
    // one that is large and can be packed passes
    producer.begin().expect("begin");
    producer.send(b"", &[], &vec![b'x'; 7 << 20]).expect("send");
    let offset = producer.commit().expect("commit");
    assert_eq!(read(&options, offset)[0].value.len(), 7 << 20);
}

#[test]
fn properties_are_passed_on_and_never_shown() {
    let mut options = shared("clients_properties");
    let with = |options: &mut Options, name: &str, value: &str| {
        options.properties = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        (Producer::open(options).map(|_| ()), Consumer::open(options, 0).map(|_| ()))
    };
    for name in ["acks", "transactional.id", "isolation.level", "auto.offset.reset", "bootstrap.servers"] {
        let (producer, consumer) = with(&mut options, name, "all");
        for error in [producer.expect_err(name), consumer.expect_err(name)] {
            assert_eq!(error.kind(), Kind::Config);
            assert!(error.chain().contains("itself"), "{}", error.chain());
        }
    }
    for (name, value, why) in [
        ("lingers.ms", "s3cret", "no such property"),
        ("linger.ms", "s3cret", "not a value"),
        ("security.protocol", "s3cret", "not a value"),
    ] {
        let error = with(&mut options, name, value).0.expect_err(name);
        assert_eq!(error.kind(), Kind::Config, "{}", error.chain());
        assert!(error.chain().contains(why), "{}", error.chain());
        assert!(!format!("{error:?}{}{options:?}", error.told()).contains("s3cret"), "{error:?}");
    }
    assert!(with(&mut options, "compression.type", "gzip").0.is_ok());
}
