//! Kafka has committed, and nobody hears: the answer is lost, for longer than the library asks again by itself. What the topic has is found
//! out by the next producer, and nothing is there twice.

use super::followed::{Followed, says};
use super::walk;
use crate::servers::{Broker, Proxy, wait_until};
use crate::shapes::flow::number;
use crate::sluice::Sluice;

eighteen!(a_commit_whose_answer_is_lost, records_whose_answers_are_lost);

/// How a request begins that ends a transaction (EndTxn, in the version that the library has): the last byte of its length apart.
const COMMIT: &str = "\0\x1a\0\x01";

/// A broker, and a way to it that can be broken; whoever comes by it is told to go on by it.
async fn broker() -> (Broker, Proxy) {
    let proxy = Proxy::start(1).await;
    let broker = Broker::behind("BROKEN", proxy.port());
    proxy.lead_to(broker.addr_of("BROKEN").rsplit_once(':').expect("a port").1.parse().expect("a number"));
    (broker, proxy)
}

/// A pipeline that is followed: its capture by way of the proxy, with these properties, and its apply not.
async fn followed(major: u32, name: &str, (broker, proxy): (&Broker, &Proxy), properties: &str) -> Followed {
    let mut f = Followed::by(major, name, &broker.addr(), "").await;
    f.capture.kill9();
    let topic = format!("topic: {}", f.db.name);
    let rules = walk::rules(&f.db.name, &format!("127.0.0.1:{}", proxy.port()));
    let rules = rules.replace(&topic, &format!("{topic}, properties: {{ {properties} }}"));
    f.sluice = Sluice::between(&f.db, &rules);
    f.captures();
    says(&f.capture, "INFO running").await;
    f.shows().await;
    f
}

/// The target shows the row while whoever sent it does not know yet that it is there.
async fn a_commit_whose_answer_is_lost(major: u32) {
    let (broker, proxy) = broker().await;
    let mut f = followed(major, "kafka_unheard_commit", (&broker, &proxy), "socket.timeout.ms: 60000").await;
    proxy.swallow_answer_to(COMMIT);
    walk::run(&f.s, "INSERT INTO log VALUES (7000001, 'unheard')").await;
    let there = "SELECT count(*) FROM log WHERE at = 7000001";
    wait_until("it is committed", walk::SOON, || async { number(&f.t, there).await == 1 }).await;
    wait_until("its answer is lost", walk::SOON, || std::future::ready(proxy.swallowed() > 0)).await;
    proxy.refuse(true);
    proxy.cut();
    walk::run(&f.s, "INSERT INTO log VALUES (7000002, 'behind it')").await;
    // the library is patient, and so are we, for a while
    says(&f.capture, "trying again").await;
    proxy.refuse(false);
    f.shows().await;
    assert_eq!(number(&f.t, there).await, 1, "it is there twice");
    f.ends_equal().await;
}

/// The records are in the topic, and their producer gives them up; it begins anew while a transaction is open there.
async fn records_whose_answers_are_lost(major: u32) {
    let (broker, proxy) = broker().await;
    // packed, nothing could be found
    let short = "message.timeout.ms: 1500, socket.timeout.ms: 1000, compression.type: none";
    let mut f = followed(major, "kafka_unheard_records", (&broker, &proxy), short).await;
    for turn in 1..=3 {
        // a value of it is in the record as it is
        let word = format!("unheard of in turn {turn}");
        let swallowed = proxy.swallowed();
        proxy.swallow_answer_to(&word);
        walk::run(&f.s, &format!("INSERT INTO log SELECT g, '{word}' FROM generate_series(1, 20) g")).await;
        wait_until("they are on their way", walk::SOON, || std::future::ready(proxy.swallowed() > swallowed)).await;
        proxy.refuse(true);
        let tries = || f.capture.log().matches("trying again").count() >= turn;
        wait_until("it gives them up", walk::SOON, || std::future::ready(tries())).await;
        proxy.refuse(false);
        proxy.cut();
        f.shows().await;
        let rows = format!("SELECT count(*) FROM log WHERE what = '{word}'");
        assert_eq!(number(&f.t, &rows).await, 20);
    }
    f.ends_equal().await;
}
