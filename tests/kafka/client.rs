//! A client of the broker that is not sluice's own: makes a topic, writes transactions, reads what is committed.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::servers::{Broker, wait_until};

/// What any one answer of a broker may take, a start of it included.
pub const MINUTE: Duration = Duration::from_secs(60);

/// Of any client.
pub fn config(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers);
    config
}

/// A topic of one partition, with settings such as `("max.message.bytes", "1000000")`.
pub async fn create_topic(broker: &Broker, name: &str, settings: &[(&str, &str)]) {
    let topic = NewTopic::new(name, 1, TopicReplication::Fixed(1));
    let topic = settings.iter().fold(topic, |topic, (name, value)| topic.set(name, value));
    let admin: AdminClient<DefaultClientContext> = config(&broker.addr()).create().expect("an admin client");
    let wait = AdminOptions::new().operation_timeout(Some(MINUTE)).request_timeout(Some(MINUTE));
    let made = admin.create_topics([&topic], &wait).await.expect("ask for a topic");
    assert!(made.iter().all(Result::is_ok), "make topic {name}: {made:?}");
    // The controller has it; the broker hears of it a moment later.
    let known = || {
        let metadata = admin.inner().fetch_metadata(Some(name), MINUTE);
        metadata.is_ok_and(|metadata| metadata.topics()[0].partitions().first().is_some_and(|p| p.leader() >= 0))
    };
    wait_until("the topic has a leader", MINUTE, || std::future::ready(known())).await;
}

/// A transactional producer; one of the same `id` that lives is fenced by it.
pub fn producer(broker: &Broker, id: &str) -> BaseProducer {
    let made = config(&broker.addr()).set("transactional.id", id).set("acks", "all").create();
    let producer: BaseProducer = made.expect("a producer");
    producer.init_transactions(MINUTE).expect("begin with transactions");
    producer
}

/// Queues a record for each value.
pub fn send(producer: &BaseProducer, topic: &str, values: &[&str]) {
    for value in values {
        let record = BaseRecord::<(), str>::to(topic).partition(0).payload(value);
        producer.send(record).map_err(|(error, _)| error).expect("queue a record");
    }
}

/// The values of everything that is committed, from the beginning.
pub fn committed(broker: &Broker, topic: &str) -> Vec<String> {
    held(broker, topic).iter().map(|value| String::from_utf8_lossy(value).into()).collect()
}

/// The same, as they are.
pub fn held(broker: &Broker, topic: &str) -> Vec<Vec<u8>> {
    let mut config = config(&broker.addr());
    config.set("group.id", "test").set("enable.auto.commit", "false");
    config.set("isolation.level", "read_committed").set("enable.partition.eof", "true");
    let consumer: BaseConsumer = config.create().expect("a consumer");
    let mut from = TopicPartitionList::new();
    from.add_partition_offset(topic, 0, Offset::Beginning).expect("a place");
    consumer.assign(&from).expect("read from there");
    let value = |message: BorrowedMessage<'_>| message.payload().unwrap_or_default().to_vec();
    let (start, mut read) = (Instant::now(), Vec::new());
    loop {
        assert!(start.elapsed() < MINUTE, "no end of {topic} behind {} records", read.len());
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => read.push(value(message)),
            Some(Err(KafkaError::PartitionEOF(_))) => return read,
            Some(Err(_)) | None => {} // a broker that has just come up; the limit decides
        }
    }
}
