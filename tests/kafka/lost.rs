//! The topic is not what it was: deleted, made anew, with a partition more, with records that have expired unread. Nothing is passed over in
//! silence.

use std::time::Duration;

use rdkafka::admin::{AdminOptions, NewPartitions};
use rdkafka::{Offset, TopicPartitionList};

use super::client::{MINUTE, create_topic};
use super::followed::{ENDS, Followed, admin, refused, says, stands};
use super::walk::{self, SOON};
use crate::servers::{Broker, wait_until};
use crate::shapes::flow::number;

eighteen!(what_was_not_read_expires, the_topic_is_deleted_and_made_anew, a_partition_comes);

fn patient() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(MINUTE)).request_timeout(Some(MINUTE))
}

/// Nothing of a topic before its end is there any more.
pub async fn expire(topic: &str) {
    let mut all = TopicPartitionList::new();
    all.add_partition_offset(topic, 0, Offset::End).expect("a place");
    admin(Broker::shared()).delete_records(&all, &patient()).await.expect("delete records");
}

async fn what_was_not_read_expires(major: u32) {
    let mut f = Followed::new(major, "kafka_expired", "").await;
    f.apply.term();
    assert!(f.apply.wait(ENDS).await.success());
    let rows = number(&f.t, "SELECT count(*) FROM log").await;
    walk::run(&f.s, walk::CHANGES).await;
    let behind = f.sluice.clone();
    // it is in the topic
    let flushed = "SELECT count(*) FROM pg_replication_slots WHERE slot_name LIKE '%kafka_expired%' AND confirmed_flush_lsn >= $1::text::pg_lsn";
    let end: String = f.s.query_one("SELECT pg_current_wal_insert_lsn()::text", &[]).await.expect("an LSN").get(0);
    walk::run(&f.s, "INSERT INTO log VALUES (8, 'behind it')").await;
    wait_until("it is captured", SOON, || async {
        f.s.query_one(flushed, &[&end]).await.expect("a count").get::<_, i64>(0) == 1
    })
    .await;
    expire(&f.db.name).await;
    walk::run(&f.s, "INSERT INTO log VALUES (9, 'behind the gap')").await;
    let once = behind.run(&["apply", "--until-caught-up"]).await;
    assert_eq!(once.code, 5, "{}", once.stderr);
    f.applies();
    stands(&f, "apply", &["has expired unread", "sluice resync --all"]).await;
    assert_eq!(number(&f.t, "SELECT count(*) FROM log").await, rows, "something behind the gap is applied");
    let status = f.sluice.ok(&["status"]).await.stdout;
    assert!(status.contains("has expired unread"), "{status}");
    f.apply.kill9();
    f.resync().await;
    f.applies();
    f.ends_equal().await;
}

async fn the_topic_is_deleted_and_made_anew(major: u32) {
    let mut f = Followed::new(major, "kafka_anew", "").await;
    let topic = f.db.name.clone();
    // the topic has come further than what is sent into the new one before that is noticed, and then aborted
    walk::run(&f.s, "INSERT INTO log SELECT g, 'much' FROM generate_series(1, 20000) g").await;
    f.shows().await;
    let traffic = f.traffic();
    let gone = admin(Broker::shared()).delete_topics(&[&topic], &patient()).await.expect("delete it");
    assert!(gone.iter().all(Result::is_ok), "{gone:?}");
    // as large as sluice makes it: nothing else is wrong with it
    create_topic(Broker::shared(), &topic, &[("max.message.bytes", "8388608")]).await;
    // and however often they are begun again
    for again in [false, true] {
        if again {
            f.capture.kill9();
            f.captures();
            f.apply.kill9();
            f.applies();
        }
        stands(&f, "capture", &["made anew", "hint"]).await;
        stands(&f, "apply", &["made anew", "sluice resync --all"]).await;
    }
    traffic.end().await;
    f.capture.kill9();
    f.apply.kill9();
    // what the hint says
    let state = [format!("{topic}.state"), format!("{topic}.requests")];
    let gone = admin(Broker::shared()).delete_topics(&[&state[0], &state[1]], &patient()).await.expect("delete them");
    assert!(gone.iter().all(Result::is_ok), "{gone:?}");
    let drop = format!("SELECT pg_drop_replication_slot('sluice_{topic}')");
    walk::run(&f.s, &drop).await;
    f.captures();
    walk::run(&f.s, walk::CHANGES).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    // also where the new one has grown past the offset at which the target stands
    let more = "INSERT INTO log SELECT g, 'more' FROM generate_series(1, 3000) g";
    walk::run(&f.s, more).await;
    let traffic = f.traffic();
    tokio::time::sleep(Duration::from_secs(2)).await;
    traffic.end().await;
    f.applies();
    says(&f.apply, "the topic was begun anew").await;
    f.ends_equal().await;
}

/// It has no records, and nobody looks there: who runs goes on, who begins is refused.
async fn a_partition_comes(major: u32) {
    let mut f = Followed::new(major, "kafka_partition", "").await;
    let topic = f.db.name.clone();
    let made =
        admin(Broker::shared()).create_partitions(&[NewPartitions::new(&topic, 2)], &patient()).await.expect("make it");
    assert!(made.iter().all(Result::is_ok), "{made:?}");
    for _ in 0..3 {
        walk::run(&f.s, walk::CHANGES).await;
        f.shows().await;
    }
    f.apply.kill9();
    f.applies();
    f.shows().await;
    walk::equal(&f.s, &f.t).await;
    f.capture.kill9();
    f.captures();
    refused(&mut f.capture, &["has 2 partitions", "hint: "]).await;
}
