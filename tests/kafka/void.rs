//! A capture dies amid a large source transaction of which pieces are committed and read: the `Start` of the next makes them void, wherever an apply
//! has them.

use replicator::kafka::Consumer;

use super::clients;
use super::followed::{ENDS, Followed, says};
use super::walk;
use crate::shapes::flow::number;
use crate::sluice::Sluice;

eighteen!(pieces_of_one_that_died_are_void, a_target_begins_between_two_pieces);

/// Two pieces of such rows are more than a third of one, and fewer changes than a piece may have.
const ROWS: i64 = 9_000;

/// A table without a key shows each row that is applied twice.
async fn pieces_of_one_that_died_are_void(major: u32) {
    let small = "limits: { memory: 16MB }\n";
    let mut f = Followed::new(major, "kafka_void", small).await;
    let rules = walk::rules(&f.db.name, &crate::servers::Broker::shared().addr());
    let huge =
        format!("INSERT INTO log SELECT g, 'huge' || repeat(md5(g::text), 20) FROM generate_series(1, {ROWS}) g");
    // the pieces wait where a batch is gathered; some are with the target, in its open transaction, and some not
    for (n, memory) in [(1, "96MB"), (2, "24MB")] {
        f.apply.kill9();
        let applies = Sluice::between(&f.db, &format!("{rules}limits: {{ memory: {memory} }}\n"));
        f.apply = applies.spawn(&["apply"]);
        f.shows().await;
        f.capture.kill9();
        f.capture = f.sluice.clone().env("SLUICE_FAILPOINT", "capture.piece:2").spawn(&["capture"]);
        walk::run(&f.s, &huge).await;
        assert_eq!(f.capture.wait(ENDS).await.code(), None, "not killed\n{}", f.capture.log());
        f.captures();
        f.shows().await;
        assert_eq!(number(&f.t, "SELECT count(*) FROM log WHERE what LIKE 'huge%'").await, n * ROWS, "{memory}");
    }
    f.ends_equal().await;
}

/// Where a target begins that had nothing lies between two pieces: what it has not seen of the transaction comes with the tables.
async fn a_target_begins_between_two_pieces(major: u32) {
    let mut f = Followed::new(major, "kafka_void_between", "limits: { memory: 16MB }\n").await;
    f.apply.kill9();
    f.resync().await;
    let options = clients::options(crate::servers::Broker::shared(), &f.db.name);
    let end = || Consumer::watch(&options).and_then(|mut c| c.ends()).expect("ends").1;
    let before = end();
    walk::run(
        &f.s,
        &format!(
            "INSERT INTO log SELECT g, 'huge' || repeat(md5(g::text), 20) FROM generate_series(1, {}) g",
            10 * ROWS
        ),
    )
    .await;
    // stopped with some of its pieces in the topic
    let began = std::time::Instant::now();
    while end() < before + ROWS / 2 {
        assert!(began.elapsed() < walk::SOON, "no piece comes\n{}", f.capture.log());
    }
    f.capture.signal(libc::SIGSTOP);
    let between = end();
    f.applies();
    says(&f.apply, "INFO running").await;
    assert_eq!(end(), between);
    f.capture.signal(libc::SIGCONT);
    f.shows().await;
    assert!(end() > between + ROWS, "all of it was there: {before} {between} {}", end());
    assert_eq!(number(&f.t, "SELECT count(*) FROM log WHERE what LIKE 'huge%'").await, 10 * ROWS);
    f.ends_equal().await;
}
