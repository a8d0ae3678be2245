//! Three brokers: the one that leads is killed, and the two others go on. What two have acknowledged outlives any one of them; where a Kafka lets one
//! lead that had fallen behind, what was acknowledged may be gone, and then somebody says so.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};

use super::client::{MINUTE, config};
use super::followed::Followed;
use super::walk::{self, SOON};
use crate::seed::Seed;
use crate::servers::{Brokers, wait_until};
use crate::shapes::flow::number;

eighteen!(leaders_are_killed, leaders_that_had_fallen_behind);

/// Who leads, who has a copy, and who of them is in sync.
struct Seen {
    leader: i32,
    copies: Vec<i32>,
    in_sync: usize,
}

fn seen(brokers: &str, topic: &str) -> Option<Seen> {
    let client: BaseConsumer = config(brokers).create().expect("a client");
    let told = client.fetch_metadata(Some(topic), MINUTE / 6).ok()?;
    let partition = told.topics().first()?.partitions().first()?;
    let (leader, copies) = (partition.leader(), partition.replicas().to_vec());
    Some(Seen { leader, copies, in_sync: partition.isr().len() })
}

/// Waits until somebody leads.
async fn leader(brokers: &str, topic: &str) -> i32 {
    let began = Instant::now();
    loop {
        match tokio::task::block_in_place(|| seen(brokers, topic)) {
            Some(seen) if seen.leader > 0 => return seen.leader,
            _ => assert!(began.elapsed() < SOON, "nobody leads"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until all three have it all.
async fn in_sync(brokers: &str, topic: &str) {
    wait_until("all are in sync", SOON, || {
        let all = tokio::task::block_in_place(|| seen(brokers, topic)).is_some_and(|seen| seen.in_sync == 3);
        std::future::ready(all)
    })
    .await;
}

async fn leaders_are_killed(major: u32) {
    let mut brokers = tokio::task::block_in_place(|| Brokers::start(&[]));
    let addr = brokers.addr();
    let mut f = Followed::by(major, "kafka_three", &addr, "").await;
    let topic = f.db.name.clone();
    for topic in [topic.clone(), format!("{topic}.state"), format!("{topic}.requests")] {
        let copies = seen(&addr, &topic).expect("it is there").copies.len();
        assert_eq!(copies, 3, "of {topic}");
    }
    let traffic = f.traffic();
    let first = leader(&addr, &topic).await;
    brokers.node(first).kill9();
    f.shows().await;
    assert_ne!(leader(&addr, &topic).await, first);
    tokio::task::block_in_place(|| brokers.start_again(&[first]));
    in_sync(&addr, &topic).await;
    let second = leader(&addr, &topic).await;
    brokers.node(second).kill9();
    f.shows().await;
    tokio::task::block_in_place(|| brokers.start_again(&[second]));
    assert!(traffic.end().await > 20);
    walk::run(&f.s, walk::CHANGES).await;
    f.ends_equal().await;
}

/// Of them are many with `make soak`.
fn faults() -> usize {
    if std::env::var_os("SLUICE_SOAK").is_some() { 40 } else { 1 }
}

/// After each fault both sides are equal: by themselves, or after what the one that held has asked for. Nothing is missing that nobody speaks of.
async fn leaders_that_had_fallen_behind(major: u32) {
    let seed = Seed::or(90);
    let mut rng = seed.rng(0);
    let mut brokers = tokio::task::block_in_place(|| Brokers::start(&[("unclean.leader.election.enable", "true")]));
    let addr = brokers.addr();
    let mut f = Followed::by(major, "kafka_unclean", &addr, "").await;
    let topic = f.db.name.clone();
    let (mut gaps, mut counts) = (0, [0; 4]);
    for fault in 0..faults() {
        let topic = if fault % 3 == 2 { format!("{topic}.state") } else { topic.clone() };
        in_sync(&addr, &topic).await;
        let traffic = f.traffic();
        tokio::time::sleep(Duration::from_millis(rng.u64(100..1000))).await;
        let what = if fault < 2 { 0 } else { rng.usize(..4) };
        counts[what] += 1;
        let copies = seen(&addr, &topic).expect("it is there").copies;
        let all = [1, 2, 3].map(|n: i32| n);
        match what {
            // the first of the copies falls behind, and is the first that can be asked to lead when the others are gone
            0 | 1 => {
                let (behind, ahead, last) = (copies[0], copies[1], copies[2]);
                brokers.node(behind).kill9();
                tokio::time::sleep(Duration::from_millis(rng.u64(3500..6000))).await;
                brokers.node(ahead).kill9();
                tokio::time::sleep(Duration::from_millis(rng.u64(..300))).await;
                brokers.node(last).kill9();
                tokio::time::sleep(Duration::from_millis(rng.u64(..1000))).await;
                let (early, late) = if what == 0 { (ahead, last) } else { (last, ahead) };
                tokio::task::block_in_place(|| brokers.start_again(&[behind, early]));
                tokio::time::sleep(Duration::from_millis(rng.u64(..4000))).await;
                tokio::task::block_in_place(|| brokers.start_again(&[late]));
            }
            2 => {
                let leader = leader(&addr, &topic).await;
                brokers.node(leader).kill9();
                tokio::time::sleep(Duration::from_millis(rng.u64(..4000))).await;
                tokio::task::block_in_place(|| brokers.start_again(&[leader]));
            }
            _ => {
                all.into_iter().for_each(|n| brokers.node(n).kill9());
                tokio::task::block_in_place(|| brokers.start_again(&all));
            }
        }
        let sent = traffic.end().await;
        let named = settles(&mut f).await;
        eprintln!("fault {fault}: {what} of {topic}, {sent} transactions, {named} gaps named");
        gaps += named;
        walk::equal(&f.s, &f.t).await;
    }
    eprintln!("{major}: {counts:?}, {gaps} gaps");
    f.ends_equal().await;
}

/// What a half says that cannot go on for want of what was acknowledged.
const GAPS: &[&str] = &["has lost its end", "is missing", "goes back", "has expired unread", "is not sent again"];

/// Waits until the target shows all; does what a half asks for that stands. How often.
async fn settles(f: &mut Followed) -> usize {
    let (began, mark, mut named) = (Instant::now(), fastrand::i32(2_000_000..), 0);
    walk::run(&f.s, &format!("INSERT INTO log VALUES ({mark}, 'mark')")).await;
    let shown = format!("SELECT count(*) FROM log WHERE at = {mark} AND NOT EXISTS (SELECT FROM sluice.pending)");
    while number(&f.t, &shown).await == 0 {
        let scene = || format!("== capture\n{}\n== apply\n{}", f.capture.log(), f.apply.log());
        assert!(began.elapsed() < 4 * SOON, "nobody says why it does not come\n{}", scene());
        tokio::time::sleep(Duration::from_millis(50)).await;
        // held; or it has ended, and says so at the end
        let stood = |log: &str| {
            let last: Vec<&str> = log.lines().filter(|l| l.contains("ERROR") || l.starts_with("sluice: ")).collect();
            last.last().map(|line| format!("{line} {}", log.lines().last().unwrap_or_default()))
        };
        if let Some(why) = stood(f.capture.log().trim_end()) {
            assert!(GAPS.iter().any(|gap| why.contains(gap)) && why.contains("--anew"), "{why}\n{}", scene());
            eprintln!("capture: {why}");
            named += 1;
            f.capture.kill9();
            f.capture = f.sluice.spawn(&["capture", "--anew"]);
        } else if let Some(why) = stood(f.apply.log().trim_end()) {
            assert!(GAPS.iter().any(|gap| why.contains(gap)) && why.contains("resync"), "{why}\n{}", scene());
            eprintln!("apply: {why}");
            named += 1;
            f.apply.kill9();
            f.resync().await;
            f.applies();
        }
    }
    named
}
