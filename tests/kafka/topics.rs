//! Topics that are made, and those that are refused.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use replicator::error::{Error, Kind};
use replicator::kafka::{self, Consumer, Producer, topic};

use super::client::create_topic;
use super::clients::{MINUTE, kafka_error, options, wait};
use crate::servers::Broker;

fn admin(broker: &Broker) -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", broker.addr()).create().expect("an admin client")
}

#[test]
fn a_topic_is_made_as_it_must_be_and_once() {
    let mut options = options(Broker::shared(), "topics_made");
    assert_eq!(topic::look(&options).expect("look"), None);
    assert!(matches!(kafka_error(topic::check(&options)), kafka::Error::Absent(name) if name == "topics_made"));
    options.retention = Some(Duration::from_secs(3 * 86_400));
    topic::ensure(&options).expect("make");
    let shape = topic::look(&options).expect("look").expect("it is there");
    assert_eq!((shape.partitions, shape.replicas, shape.in_sync), (1, 1, 1), "there is one broker only");
    assert_eq!((shape.cleanup.as_str(), shape.retention), ("delete", options.retention));
    assert_eq!((shape.largest, shape.retained), (8 << 20, None));
    topic::ensure(&options).expect("it is there");
    topic::check(&options).expect("it is as it must be");
}

#[test]
fn two_who_make_it_at_once_agree() {
    let options = options(Broker::shared(), "topics_twice");
    let made: Vec<_> = std::thread::scope(|scope| {
        let both: Vec<_> = (0..2).map(|_| scope.spawn(|| topic::ensure(&options))).collect();
        both.into_iter().map(|one| one.join().expect("no panic")).collect()
    });
    assert!(made.iter().all(Result::is_ok), "{made:?}");
}

#[test]
fn a_topic_that_would_lose_or_mix_records_is_refused() {
    let broker = Broker::shared();
    for (name, setting, mends) in [
        ("topics_compacted", ("cleanup.policy", "compact"), "cleanup.policy=delete"),
        ("topics_half_compacted", ("cleanup.policy", "delete,compact"), "cleanup.policy=delete"),
        ("topics_narrow", ("max.message.bytes", "500000"), "max.message.bytes="),
    ] {
        wait(create_topic(broker, name, &[setting]));
        refused(topic::ensure(&options(broker, name)), name, mends);
    }
    let three = NewTopic::new("topics_three", 3, TopicReplication::Fixed(1));
    let made = wait(admin(broker).create_topics([&three], &AdminOptions::new().operation_timeout(Some(MINUTE))));
    assert!(made.expect("ask").iter().all(Result::is_ok));
    refused(topic::ensure(&options(broker, "topics_three")), "3 partitions", "exactly one");
}

fn refused(result: Result<(), Error>, what: &str, mends: &str) {
    let error = result.expect_err(what);
    assert_eq!(error.kind(), Kind::Refused);
    assert!(error.chain().contains(what), "{}", error.chain());
    assert!(error.hint().is_some_and(|hint| hint.contains(mends)), "{}", error.told());
    assert!(matches!(error.unfit(), Error::Unfit(_)), "a pipeline that has run holds");
}

#[test]
fn a_topic_that_is_gone_is_told_and_does_not_come_back() {
    let broker = Broker::shared();
    let options = options(broker, "topics_gone");
    let absent = |error| matches!(error, kafka::Error::Absent(name) if name == "topics_gone");
    assert!(absent(kafka_error(Consumer::open(&options, 0).map(|_| ()))));
    assert!(absent(kafka_error(Consumer::tail(&options, 1, MINUTE).map(|_| ()))));
    topic::ensure(&options).expect("make");
    let mut producer = Producer::open(&options).expect("open");
    super::clients::put(&mut producer, &["1"]);
    let mut consumer = Consumer::open(&options, 0).expect("open");
    consumer.next(MINUTE).expect("read").expect("a record");
    wait(admin(broker).delete_topics(&["topics_gone"], &AdminOptions::new().operation_timeout(Some(MINUTE))))
        .expect("ask");
    let began = std::time::Instant::now();
    let error = loop {
        match consumer.next(Duration::from_secs(1)) {
            Ok(taken) => assert_eq!(taken, None),
            Err(e) => break e,
        }
        assert!(began.elapsed() < 2 * MINUTE, "the consumer says nothing");
    };
    eprintln!("consumer after {:?}: {}", began.elapsed(), error.told());
    assert!(absent(kafka_error(Err::<(), _>(error))));
    let error = producer.begin().and_then(|()| producer.send(b"", &[], b"2")).and_then(|()| producer.commit());
    let error = error.expect_err("there is no topic");
    eprintln!("producer after {:?}: {}", began.elapsed(), error.told());
    assert!(matches!(error.kind(), Kind::Refused | Kind::Unavailable), "{}", error.told());
    assert_eq!(topic::look(&options).expect("look"), None);
}
