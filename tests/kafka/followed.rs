//! A pipeline with a topic between that has been copied and is followed, and what tests do to it.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_postgres::Client;

use super::client::config;
use super::walk::{self, SOON};
use crate::servers::{Broker, Db, client, wait_until};
use crate::shapes::flow::number;
use crate::sluice::{Running, Sluice};

/// How long a half may take to end that was asked to.
pub const ENDS: Duration = Duration::from_secs(60);

/// Production, staging and both halves.
pub struct Followed {
    pub db: Db,
    pub s: Client,
    pub t: Client,
    pub sluice: Sluice,
    pub capture: Running,
    pub apply: Running,
    marks: i32,
}

impl Followed {
    /// By way of the broker that tests share.
    pub async fn new(major: u32, name: &str, more: &str) -> Followed {
        Followed::by(major, name, &Broker::shared().addr(), more).await
    }

    /// By way of this one; `more` of the file.
    pub async fn by(major: u32, name: &str, brokers: &str, more: &str) -> Followed {
        let (db, s, t) = walk::shop(major, name).await;
        let sluice = Sluice::between(&db, &format!("{}{more}", walk::rules(&db.name, brokers)));
        let capture = sluice.spawn(&["capture"]);
        // an apply that finds nothing looks again, each time later
        says(&capture, "INFO running").await;
        let apply = sluice.spawn(&["apply"]);
        let mut followed = Followed { db, s, t, sluice, capture, apply, marks: 1_000_000 };
        followed.begins().await;
        followed.shows().await;
        followed
    }

    /// Waits until the target is known to sluice.
    async fn begins(&self) {
        let there = "SELECT count(*) FROM pg_tables WHERE schemaname = 'sluice' AND tablename = 'pending'";
        wait_until("it has begun", SOON, || async { number(&self.t, there).await == 1 }).await;
    }

    /// Waits until the target shows what production has now, with nothing pending.
    pub async fn shows(&mut self) {
        self.marks += 1;
        let mark = self.marks;
        walk::run(&self.s, &format!("INSERT INTO log VALUES ({mark}, 'mark')")).await;
        let sql = format!(
            "SELECT count(*) FROM log WHERE at = {mark} AND what = 'mark' AND NOT EXISTS (SELECT FROM sluice.pending)"
        );
        let began = std::time::Instant::now();
        while number(&self.t, &sql).await != 1 {
            if began.elapsed() > SOON {
                panic!("not shown\n== capture\n{}\n== apply\n{}", self.capture.log(), self.apply.log());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Another capture instead of the one that has ended.
    pub fn captures(&mut self) {
        self.capture = self.sluice.spawn(&["capture"]);
    }

    /// Another apply instead of the one that has ended.
    pub fn applies(&mut self) {
        self.apply = self.sluice.spawn(&["apply"]);
    }

    /// The target begins anew, and slot and topic stay what they are.
    pub async fn resync(&self) {
        self.sluice.ok(&["resync", "--all", "--yes"]).await;
    }

    /// Rows that come all the time, a transaction each.
    pub fn traffic(&self) -> Traffic {
        Traffic::start(self.db.source_url())
    }

    /// Both halves still run, and end when they are asked to; both sides are equal.
    pub async fn ends_equal(mut self) {
        self.shows().await;
        for half in [&mut self.capture, &mut self.apply] {
            assert!(half.ended().is_none(), "{}", half.log());
            half.term();
            assert!(half.wait(ENDS).await.success(), "{}", half.log());
        }
        walk::equal(&self.s, &self.t).await;
    }
}

/// Transactions of two rows each, one after the other, until it is told to end.
pub struct Traffic {
    stop: tokio::sync::watch::Sender<bool>,
    task: JoinHandle<i32>,
}

impl Traffic {
    fn start(url: String) -> Traffic {
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let task = tokio::spawn(async move {
            let client = client(&url).await;
            let mut n = 0;
            while !*stopped.borrow() {
                n += 1;
                let sql = format!(
                    "BEGIN; INSERT INTO log VALUES ({n}, 'traffic');
                     UPDATE cruises SET name = 'name {n}' WHERE id = 1 + {n} % 400; COMMIT"
                );
                walk::run(&client, &sql).await;
                tokio::time::sleep(Duration::from_millis(4)).await;
            }
            n
        });
        Traffic { stop, task }
    }

    /// Ends it; how many there were.
    pub async fn end(self) -> i32 {
        self.stop.send_replace(true);
        self.task.await.expect("no panic")
    }
}

/// Waits until it says so.
pub async fn says(half: &Running, words: &str) {
    let began = std::time::Instant::now();
    while !half.log().contains(words) {
        assert!(began.elapsed() < SOON, "it does not say {words:?}:\n{}", half.log());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Ends by itself, refused, and says why.
pub async fn refused(half: &mut Running, words: &[&str]) {
    let status = half.wait(SOON).await;
    assert_eq!(status.code(), Some(5), "{}", half.log());
    for words in words {
        assert!(half.log().contains(words), "it does not say {words:?}:\n{}", half.log());
    }
}

/// Stays up and does nothing more, and says why; where it is to end with that, it ends as refused.
pub async fn stands(f: &Followed, verb: &str, words: &[&str]) {
    let half = if verb == "capture" { &f.capture } else { &f.apply };
    let began = std::time::Instant::now();
    while !half.log().lines().any(|line| line.contains("ERROR held") && words.iter().all(|words| line.contains(words)))
    {
        assert!(began.elapsed() < SOON, "it does not hold and say {words:?}:\n{}", half.log());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let once = f.sluice.run(&[verb, "--exit-on-stop"]).await;
    assert_eq!(once.code, 5, "{}", once.stderr);
    for words in words {
        assert!(once.stderr.contains(words), "it does not say {words:?}:\n{}", once.stderr);
    }
}

/// An administrator of the broker.
pub fn admin(broker: &Broker) -> rdkafka::admin::AdminClient<rdkafka::client::DefaultClientContext> {
    config(&broker.addr()).create().expect("an admin client")
}
