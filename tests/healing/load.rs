//! The copy under writes, into a staging that is full and in use, and transactions that a reader must not see half.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use crate::check;
use crate::servers::{client, wait_until};
use crate::shapes::Flow;
use crate::shapes::flow::number;

majors!(
    a_copy_under_load_into_a_full_staging,
    a_resync_under_load,
    a_million_rows_in_one_transaction,
    interleaved_transactions
);

/// Writers swap unique values and move money, the copy runs in many small slices into old rows that collide, and readers
/// of staging count and sum all the while.
async fn a_copy_under_load_into_a_full_staging(major: u32) {
    let rest = "tables: { \"public.*\": keep }\ncopy: { slice: 1s, chunk_rows: 500 }";
    let flow = Flow::with(major, "under_load", rest).await;
    flow.both("CREATE TABLE t (id int PRIMARY KEY, u int UNIQUE, v text); CREATE TABLE account (id int PRIMARY KEY, money int)").await;
    flow.source("INSERT INTO t SELECT g, g, 'new' FROM generate_series(1, 20000) g; INSERT INTO account SELECT g, 100 FROM generate_series(1, 100) g").await;
    // old rows: the same keys with others' unique values
    flow.target("INSERT INTO t SELECT g, CASE WHEN g % 50 = 0 THEN 20000 - g ELSE g END, 'old' FROM generate_series(1, 20000) g; INSERT INTO account SELECT g, 100 FROM generate_series(1, 100) g").await;
    let done = Arc::new(AtomicBool::new(false));
    let mut work = tokio::task::JoinSet::new();
    for w in 0..3 {
        let (url, done) = (flow.db.source_url(), done.clone());
        work.spawn(async move {
            let db = client(&url).await;
            let mut n = w;
            while !done.load(Ordering::Relaxed) {
                n += 7;
                // every writer has rows of its own: no deadlock
                let (a, b) = (1 + (n * 3) % 6000 + w * 6001, 1 + (n * 11) % 6000 + w * 6001);
                let (x, y) = (1 + n % 33 + w * 33, 1 + (n * 5) % 33 + w * 33);
                let sql = format!(
                    "BEGIN; CREATE TEMP TABLE IF NOT EXISTS s (id int, u int); DELETE FROM s; INSERT INTO s SELECT id, u FROM t WHERE id IN ({a}, {b}); UPDATE t SET u = -u WHERE id IN ({a}, {b});
                     UPDATE t SET u = (SELECT s.u FROM s WHERE s.id = {a}) WHERE id = {b} AND {a} <> {b}; UPDATE t SET u = (SELECT s.u FROM s WHERE s.id = {b}) WHERE id = {a}; COMMIT;
                     BEGIN; UPDATE account SET money = money - 1 WHERE id = {x}; UPDATE account SET money = money + 1 WHERE id = {y}; COMMIT"
                );
                db.batch_execute(&sql).await.unwrap_or_else(|e| panic!("{e:?}"));
                tokio::time::sleep(Duration::from_millis(40)).await;
            }
        });
    }
    let looks = Arc::new(AtomicI64::new(0));
    {
        let (url, done, looks) = (flow.db.target_url(), done.clone(), looks.clone());
        work.spawn(async move {
            let db = client(&url).await;
            while !done.load(Ordering::Relaxed) {
                let row = db.query_one("SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM account), (SELECT sum(money) FROM account)", &[]).await.expect("read staging");
                let (rows, accounts, money): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
                // making way for a unique value takes an old row of a pending range: never more than a part of the table
                assert!(rows >= 19_000, "staging was seen with {rows} of 20000 rows");
                assert_eq!((accounts, money), (100, 10_000), "a transfer was seen half done");
                looks.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    {
        let (url, done) = (flow.db.source_url(), done.clone());
        work.spawn(async move {
            let db = client(&url).await;
            let sql = "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::float8 FROM pg_stat_activity WHERE application_name LIKE 'sluice/under_load/%' AND backend_type = 'client backend' AND datname = current_database()";
            while !done.load(Ordering::Relaxed) {
                let longest: f64 = db.query_one(sql, &[]).await.expect("look").get(0);
                assert!(longest < 3.5, "a transaction of ours was {longest} s old");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
    }
    let mut running = flow.sluice.spawn(&["run"]);
    let pending = || async {
        number(&flow.t, "SELECT CASE WHEN to_regclass('sluice.pending') IS NULL THEN 1 ELSE (xpath('/row/c/text()', query_to_xml('SELECT count(*) AS c FROM sluice.pending', false, true, '')))[1]::text::bigint + (xpath('/row/c/text()', query_to_xml('SELECT count(*) AS c FROM sluice.checkpoint WHERE lsn IS NULL', false, true, '')))[1]::text::bigint END").await
    };
    tokio::time::sleep(Duration::from_secs(1)).await;
    wait_until("the copy is done", Duration::from_secs(60), || async { pending().await == 0 }).await;
    tokio::time::sleep(Duration::from_secs(2)).await; // and streams a while
    done.store(true, Ordering::Relaxed);
    while let Some(ended) = work.join_next().await {
        ended.expect("a writer or reader");
    }
    running.term();
    running.wait(Duration::from_secs(10)).await;
    flow.equal().await;
    assert!(looks.load(Ordering::Relaxed) > 20);
}

/// Short slices, again and again, with writes at every moment: what comes just behind one belongs to a range that is done.
async fn a_resync_under_load(major: u32) {
    let flow = Flow::new(major, "resync_load").await;
    flow.both("CREATE TABLE t (id int PRIMARY KEY, v int)").await;
    flow.source("INSERT INTO t SELECT g, 0 FROM generate_series(1, 2000) g").await;
    flow.catch_up().await;
    let mut running = flow.sluice.spawn(&["run"]);
    let done = Arc::new(AtomicBool::new(false));
    let (url, over) = (flow.db.source_url(), done.clone());
    let writer = tokio::spawn(async move {
        let db = client(&url).await;
        let mut n = 0;
        while !over.load(Ordering::Relaxed) {
            n += 1;
            let (a, b) = (1 + n * 7 % 2000, 1 + n * 13 % 2000);
            let sql = format!(
                "UPDATE t SET v = v + 1 WHERE id = {a}; DELETE FROM t WHERE id = {b}; INSERT INTO t VALUES ({b}, {n})"
            );
            db.batch_execute(&sql).await.expect("write");
        }
        n
    });
    let pending = || async { number(&flow.t, "SELECT count(*) FROM sluice.pending").await };
    let slices = || running.log().matches("slice chunks=").count();
    for n in 0..8 {
        flow.target(
            "INSERT INTO sluice.pending (pipeline, schema, name) SELECT pipeline, schema, name FROM sluice.tables",
        )
        .await;
        wait_until("a slice has loaded it", Duration::from_secs(30), || async { pending().await == 0 && slices() > n })
            .await;
    }
    done.store(true, Ordering::Relaxed);
    assert!(writer.await.expect("the writer") > 1000);
    running.term();
    running.wait(Duration::from_secs(10)).await;
    flow.equal().await;
}

/// Held in memory by the piece, on staging all at once.
async fn a_million_rows_in_one_transaction(major: u32) {
    let flow = Flow::new(major, "million").await;
    flow.both("CREATE TABLE t (id int PRIMARY KEY, v text)").await;
    flow.catch_up().await;
    flow.source("INSERT INTO t SELECT g, 'some text of a row' FROM generate_series(1, 1000000) g").await;
    let mut running = flow.sluice.spawn(&["run"]);
    let mut peak = 0;
    wait_until("it is there", Duration::from_secs(120), || {
        peak = peak.max(running.peak_kb().unwrap_or(0));
        async {
            match number(&flow.t, "SELECT count(*) FROM t").await {
                0 => false,
                1_000_000 => true,
                n => panic!("{n} rows of one transaction"),
            }
        }
    })
    .await;
    running.term();
    running.wait(Duration::from_secs(10)).await;
    assert!(peak < 128 * 1024, "peak {peak} kB");
    eprintln!("a million rows: peak {peak} kB");
    check::equal(&flow.s, &flow.t, "t").await;
}

/// Subtransactions that roll back, two-phase commits, transactions that overlap.
async fn interleaved_transactions(major: u32) {
    let flow = Flow::new(major, "interleaved").await;
    flow.both("CREATE TABLE t (id int PRIMARY KEY, v text)").await;
    flow.catch_up().await;
    let (a, b) = (flow.db.source().await, flow.db.source().await);
    for n in 0..30 {
        let n = n * 10;
        a.batch_execute(&format!("BEGIN; INSERT INTO t VALUES ({n}, 'a'); SAVEPOINT s; INSERT INTO t VALUES ({n} + 1, 'gone'); UPDATE t SET v = 'gone'; ROLLBACK TO s")).await.expect("a");
        b.batch_execute(&format!(
            "BEGIN; INSERT INTO t VALUES ({n} + 2, 'b'); SAVEPOINT s; INSERT INTO t VALUES ({n} + 3, 'b'); RELEASE s"
        ))
        .await
        .expect("b");
        a.batch_execute(&format!("SAVEPOINT s2; INSERT INTO t VALUES ({n} + 4, 'a'); RELEASE s2; DO $$ BEGIN BEGIN INSERT INTO t VALUES ({n} + 5, 'gone'); RAISE 'x'; EXCEPTION WHEN others THEN NULL; END; END $$")).await.expect("a");
        b.batch_execute(if n % 20 == 0 { "COMMIT" } else { "ROLLBACK" }).await.expect("b");
        a.batch_execute(if n % 30 == 0 { "ROLLBACK" } else { "COMMIT; UPDATE t SET v = v || '.' WHERE id % 7 = 0" })
            .await
            .expect("a");
    }
    flow.equal().await;
}
