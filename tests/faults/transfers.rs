//! A reader of staging never sees half a transaction: while it streams, while a batch is cut because others are in the
//! way, and while a transaction that is larger than our memory comes in pieces.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_postgres::Client;

use crate::seed::Seed;
use crate::servers::{client, wait_until};
use crate::shapes::Flow;
use crate::shapes::flow::number;

majors!(a_reader_never_sees_half);

/// Pairs of accounts; money moves within a pair only, and each move is counted on both sides of it.
const PAIRS: u32 = 100;
/// Rows that the large transaction brings: 24 MB.
const BALLAST: i64 = 60_000;
const LIMIT: Duration = Duration::from_secs(150);

/// Whatever is not as it must be at any boundary between two transactions.
const HALF: &str = "SELECT (SELECT count(*) FROM (SELECT FROM account GROUP BY pair
        HAVING sum(money) <> 200 OR count(*) <> 2 OR min(moves) <> max(moves)) AS half)
    + (SELECT count(*) FROM mark WHERE n <> (SELECT count(*) FROM ballast))";

/// What somebody in the way of our batch comes to: the server ends its statement.
const CANCEL: &str = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE application_name = 'sluice/transfers/apply' AND state = 'active'";

/// One transfer in one pair.
fn transfer(rng: &mut fastrand::Rng) -> String {
    let (pair, amount) = (rng.u32(0..PAIRS), rng.i32(-9..9));
    let (a, b) = (pair * 2, pair * 2 + 1);
    format!(
        "UPDATE account SET money = money - ({amount}), moves = moves + 1 WHERE id = {a};
         UPDATE account SET money = money + ({amount}), moves = moves + 1 WHERE id = {b};"
    )
}

async fn writes(db: Client, mut rng: fastrand::Rng, done: Arc<AtomicBool>) {
    while !done.load(Ordering::Relaxed) {
        // two pairs in one transaction may come in either order: one of two writers is the deadlock's victim
        let moves: String = (0..rng.u8(1..3)).map(|_| transfer(&mut rng)).collect();
        if db.batch_execute(&format!("BEGIN; {moves} COMMIT")).await.is_err() {
            db.batch_execute("ROLLBACK").await.expect("roll back");
        }
        tokio::time::sleep(Duration::from_millis(rng.u64(..6))).await;
    }
}

/// In one statement, and in statements under one snapshot.
async fn reads(db: Client, done: Arc<AtomicBool>, looks: Arc<AtomicI64>) {
    while !done.load(Ordering::Relaxed) {
        assert_eq!(number(&db, HALF).await, 0, "half a transaction in one statement");
        db.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ").await.expect("begin");
        let even = number(&db, "SELECT sum(money)::bigint FROM account WHERE id % 2 = 0").await;
        let rows = number(&db, "SELECT count(*) FROM ballast").await;
        let odd = number(&db, "SELECT sum(money)::bigint FROM account WHERE id % 2 = 1").await;
        let mark = number(&db, "SELECT n FROM mark").await;
        db.batch_execute("COMMIT").await.expect("commit");
        assert_eq!(even + odd, i64::from(PAIRS) * 200, "half a transaction under one snapshot");
        assert_eq!(rows, mark, "a part of the large transaction");
        looks.fetch_add(1, Ordering::Relaxed);
    }
}

async fn a_reader_never_sees_half(major: u32) {
    let seed = Seed::or(12);
    let rest = "tables: { \"public.*\": keep }\nlimits: { memory: 16MB }";
    let flow = Flow::with(major, "transfers", rest).await;
    flow.both(
        "CREATE TABLE account (id int PRIMARY KEY, pair int, money int, moves int);
         CREATE TABLE mark (id int PRIMARY KEY, n bigint); CREATE TABLE ballast (id int PRIMARY KEY, body text)",
    )
    .await;
    flow.source(&format!(
        "INSERT INTO account SELECT g, g / 2, 100, 0 FROM generate_series(0, {} - 1) g; INSERT INTO mark VALUES (1, 0)",
        PAIRS * 2
    ))
    .await;
    flow.catch_up().await;
    let mut running = flow.sluice.spawn(&["run"]);
    let (done, looks) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(0)));
    let mut work = JoinSet::new();
    for w in 0..3 {
        work.spawn(writes(flow.db.source().await, seed.rng(w), done.clone()));
    }
    for _ in 0..2 {
        work.spawn(reads(client(&flow.db.target_url()).await, done.clone(), looks.clone()));
    }
    let moves = "SELECT sum(moves)::bigint FROM account";
    wait_until("it streams", LIMIT, || async { number(&flow.t, moves).await > 0 }).await;

    // batches that grow behind a tester's lock, and are cut when they meet it
    let tester = flow.db.target().await;
    for _ in 0..8 {
        contend(&tester, &flow.t).await;
    }
    let cut = |log: &str| {
        let busy = log.lines().filter(|line| line.contains("trying a smaller batch"));
        busy.filter(|line| !line.contains("changes=2 ") && !line.contains("changes=4 ")).count()
    };
    assert!(cut(&running.log()) >= 4, "few batches were cut:\n{}", running.log());

    // the large one, once in peace and once with somebody in its way: it goes again as a whole
    for n in [1, 2] {
        let large = format!(
            "BEGIN; UPDATE account SET money = money + (id % 2 * 2 - 1), moves = moves + 1;
             INSERT INTO ballast SELECT g, repeat(md5(g::text), 12) FROM generate_series(({n} - 1) * {BALLAST} + 1, {n} * {BALLAST}) g;
             UPDATE account SET money = money - (id % 2 * 2 - 1) WHERE id < 50; UPDATE mark SET n = n + {BALLAST}; COMMIT"
        );
        // a writer may be in the way of it, and it in the way of a writer
        while flow.s.batch_execute(&large).await.is_err() {
            flow.source("ROLLBACK").await;
        }
        if n == 2 {
            let open = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sluice/transfers/apply' AND xact_start < now() - interval '150 ms'";
            wait_until("it comes in pieces", LIMIT, || async { number(&flow.t, open).await > 0 }).await;
            // what was there already of it is gone with its transaction: all of it comes again
            wait_until("it is in the way", LIMIT, || async {
                number(&flow.t, CANCEL).await;
                running.log().contains("trying again")
            })
            .await;
        }
        let whole = format!("SELECT count(*) FROM mark WHERE n = {n} * {BALLAST}");
        wait_until("the large one is there", LIMIT, || async { number(&flow.t, &whole).await == 1 }).await;
    }
    done.store(true, Ordering::Relaxed);
    while let Some(ended) = work.join_next().await {
        ended.expect("a writer or reader");
    }
    running.term();
    running.wait(Duration::from_secs(10)).await;
    flow.equal().await;
    assert_eq!(number(&flow.s, HALF).await, 0, "production itself");
    assert!(looks.load(Ordering::Relaxed) > 50, "{} looks", looks.load(Ordering::Relaxed));
}

/// Keeps writers of `account` out until the replicator has waited for a while, and cancels it then.
async fn contend(tester: &Client, look: &Client) {
    tester.batch_execute("BEGIN; LOCK TABLE account IN SHARE MODE").await.expect("lock");
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sluice/transfers/apply' AND wait_event_type = 'Lock'";
    // the first batch that meets the lock is small; what comes while it waits makes the second one large
    for _ in 0..2 {
        wait_until("it waits", LIMIT, || async { number(look, waits).await > 0 }).await;
        tokio::time::sleep(Duration::from_millis(80)).await;
        number(look, CANCEL).await;
    }
    tester.batch_execute("COMMIT").await.expect("unlock");
}
