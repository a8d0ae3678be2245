//! The harness' broker: what other tests lean on must not be what fails them.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, message::BorrowedMessage};

use crate::servers::{Broker, test_limit, within};

const MINUTE: Duration = Duration::from_secs(60);

/// A transactional producer; with `id` of one that lives it fences that one.
fn producer(broker: &Broker, id: &str) -> BaseProducer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker.addr()).set("transactional.id", id).set("acks", "all");
    let producer: BaseProducer = config.create().expect("a producer");
    producer.init_transactions(MINUTE).expect("begin with transactions");
    producer
}

fn send(producer: &BaseProducer, topic: &str, values: &[&str]) {
    for value in values {
        let record = BaseRecord::<(), str>::to(topic).partition(0).payload(value);
        producer.send(record).map_err(|(error, _)| error).expect("queue a record");
    }
}

/// Everything that is committed, from the beginning.
fn committed(broker: &Broker, topic: &str) -> Vec<String> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker.addr()).set("group.id", "harness").set("enable.auto.commit", "false");
    config.set("isolation.level", "read_committed").set("enable.partition.eof", "true");
    let consumer: BaseConsumer = config.create().expect("a consumer");
    let mut from = TopicPartitionList::new();
    from.add_partition_offset(topic, 0, Offset::Beginning).expect("a place");
    consumer.assign(&from).expect("read from there");
    let start = Instant::now();
    let text =
        |message: BorrowedMessage<'_>| String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned();
    let mut read = Vec::new();
    loop {
        assert!(start.elapsed() < MINUTE, "no end of {topic}: {read:?}\n{}", broker.log());
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => read.push(text(message)),
            Some(Err(KafkaError::PartitionEOF(_))) => return read,
            Some(Err(_)) | None => {} // a broker that has just come up; the limit decides
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn comes_back_from_every_end() {
    within(test_limit(), async {
        let mut broker = Broker::start();
        let addr = broker.addr();
        broker.create_topic("harness", &[]).await;
        let ends = [Broker::kill9, Broker::stop, |_: &mut Broker| {}];
        for (end, name) in ends.into_iter().zip(["killed", "stopped", "started again"]) {
            let writer = producer(&broker, "harness");
            writer.begin_transaction().expect("begin");
            send(&writer, "harness", &[name]);
            writer.commit_transaction(MINUTE).expect("commit");
            writer.begin_transaction().expect("begin");
            send(&writer, "harness", &["in the air"]);
            writer.flush(MINUTE).expect("send it");
            end(&mut broker);
            broker.start_again();
            assert_eq!(broker.addr(), addr);
        }
        // what was in the air is void as soon as somebody takes over
        drop(producer(&broker, "harness"));
        assert_eq!(committed(&broker, "harness"), ["killed", "stopped", "started again"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pauses_and_goes_on() {
    within(test_limit(), async {
        let mut broker = Broker::start();
        broker.create_topic("paused", &[]).await;
        let writer = producer(&broker, "paused");
        writer.begin_transaction().expect("begin");
        send(&writer, "paused", &["a"]);
        broker.pause();
        assert!(writer.flush(Duration::from_secs(1)).is_err(), "nobody answers");
        broker.resume();
        writer.commit_transaction(MINUTE).expect("commit");
        assert_eq!(committed(&broker, "paused"), ["a"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn is_shared_by_those_that_do_not_break_it() {
    within(test_limit(), async {
        let broker = Broker::shared();
        assert!(std::ptr::eq(broker, Broker::shared()));
        broker.create_topic("harness_shared", &[("max.message.bytes", "1000")]).await;
        assert!(broker.log_dir().join("harness_shared-0").is_dir());
        let (old, large) = (producer(broker, "harness_shared"), "x".repeat(2000));
        old.begin_transaction().expect("begin");
        send(&old, "harness_shared", &[&large]);
        assert!(old.commit_transaction(MINUTE).is_err(), "the topic has the settings that it was made with");
        let new = producer(broker, "harness_shared");
        let fenced = old.abort_transaction(MINUTE).and_then(|()| old.begin_transaction());
        let fenced = fenced.and_then(|()| {
            send(&old, "harness_shared", &["too late"]);
            old.commit_transaction(MINUTE)
        });
        assert!(fenced.is_err(), "who is fenced writes nothing");
        new.begin_transaction().expect("begin");
        send(&new, "harness_shared", &["b"]);
        new.commit_transaction(MINUTE).expect("commit");
        assert_eq!(committed(broker, "harness_shared"), ["b"]);
        let missing = new.client().fetch_metadata(Some("harness_mistyped"), MINUTE).expect("ask");
        let error = missing.topics()[0].error().map(RDKafkaErrorCode::from);
        assert_eq!(error, Some(RDKafkaErrorCode::UnknownTopicOrPartition), "no topic comes by itself");
    })
    .await;
}
