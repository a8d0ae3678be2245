//! The harness' broker: what other tests lean on must not be what fails them.

use std::time::Duration;

use rdkafka::producer::Producer;
use rdkafka::types::RDKafkaErrorCode;

use super::client::{MINUTE, committed, create_topic, producer, send};
use crate::servers::{Broker, test_limit, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn comes_back_from_every_end() {
    within(test_limit(), async {
        let mut broker = Broker::start();
        let addr = broker.addr();
        create_topic(&broker, "harness", &[]).await;
        let ends = [Broker::kill9, Broker::stop, |_: &mut Broker| {}];
        for (end, name) in ends.into_iter().zip(["killed", "stopped", "started again"]) {
            let writer = producer(&broker, "harness");
            writer.begin_transaction().expect("begin");
            send(&writer, "harness", &[name]);
            writer.commit_transaction(MINUTE).expect("commit");
            writer.begin_transaction().expect("begin");
            send(&writer, "harness", &["in the air"]);
            writer.flush(MINUTE).expect("send it");
            let before = broker.log().len();
            end(&mut broker);
            let told = broker.log()[before..].contains("due to signal SIGTERM");
            assert_eq!(told, name == "stopped", "{name}");
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
        create_topic(&broker, "paused", &[]).await;
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
        create_topic(broker, "harness_shared", &[("max.message.bytes", "1000")]).await;
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
        let records = broker.log_dir().join("harness_shared-0/00000000000000000000.log");
        assert!(std::fs::metadata(records).is_ok_and(|file| file.len() > 0), "here is what a search must search");
        for _ in 0..10 {
            let missing = new.client().fetch_metadata(Some("harness_mistyped"), MINUTE).expect("ask");
            let error = missing.topics()[0].error().map(RDKafkaErrorCode::from);
            assert_eq!(error, Some(RDKafkaErrorCode::UnknownTopicOrPartition), "no topic comes by itself");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}
