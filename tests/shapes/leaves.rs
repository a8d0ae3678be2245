//! TRUNCATE, DETACH and DROP of a leaf and ATTACH of a filled table send nothing through the root, by which partitions
//! are published. It is noticed, and the table is brought up to date in place, while everything else streams on.

use std::time::Duration;

use super::flow::{Flow, number};
use crate::check;
use crate::servers::wait_until;

majors!(leaves_change_while_streaming, leaves_change_while_copying, leaves_change_while_nobody_looks, a_leaf_is_held,);

/// Within so much it is noticed and mended, on a busy machine.
const SOON: Duration = Duration::from_secs(120);

/// What is done to a leaf of `@`: it has the keys from 1000 to 1999. Another table, `@_new`, waits with those from 5000.
const CHANGES: [(&str, &str); 4] = [
    ("emptied", "TRUNCATE @_1"),
    ("detached", "ALTER TABLE @ DETACH PARTITION @_1"),
    ("dropped", "DROP TABLE @_1"),
    ("attached", "ALTER TABLE @ ATTACH PARTITION @_new FOR VALUES FROM (5000) TO (6000)"),
];

/// How the target's table is made: as production's, otherwise, or not partitioned at all.
const TARGETS: [&str; 3] = ["same", "hashed", "plain"];

fn names() -> Vec<String> {
    CHANGES.iter().flat_map(|(change, _)| TARGETS.iter().map(move |target| format!("{change}_{target}"))).collect()
}

/// Twelve tables with three leaves of 100 rows each, the middle one divided once more, and `other` beside them.
async fn filled(major: u32, name: &str) -> Flow {
    let names = names();
    let tables = names.iter().map(|t| format!("public.{t}: keep")).collect::<Vec<_>>().join(", ");
    let flow = Flow::with(
        major,
        name,
        &format!("tables: {{ {tables}, public.other: keep }}\ncopy: {{ chunk_rows: 100, readers: 12 }}"),
    )
    .await;
    flow.both("CREATE TABLE other (id int PRIMARY KEY, v text)").await;
    for t in &names {
        let columns = "(id int PRIMARY KEY, v text)";
        let range = format!(
            "CREATE TABLE {t} {columns} PARTITION BY RANGE (id); CREATE TABLE {t}_0 PARTITION OF {t} FOR VALUES FROM (0) TO (1000);
             CREATE TABLE {t}_1 PARTITION OF {t} FOR VALUES FROM (1000) TO (2000) PARTITION BY HASH (id);
             CREATE TABLE {t}_1a PARTITION OF {t}_1 FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE {t}_1b PARTITION OF {t}_1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
             CREATE TABLE {t}_2 PARTITION OF {t} FOR VALUES FROM (2000) TO (5000);"
        );
        let rows = |from: i32| format!("SELECT g, 'v' || g FROM generate_series({from}, {from} + 99) g");
        flow.source(&format!(
            "{range} CREATE TABLE {t}_new {columns}; INSERT INTO {t}_new {}; INSERT INTO {t} {} UNION ALL {} UNION ALL {}",
            rows(5000), rows(0), rows(1000), rows(2000)
        ))
        .await;
        flow.target(&match t.rsplit('_').next() {
            Some("plain") => format!("CREATE TABLE {t} {columns}"),
            Some("hashed") => format!(
                "CREATE TABLE {t} {columns} PARTITION BY HASH (id); CREATE TABLE {t}_x PARTITION OF {t} FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE {t}_y PARTITION OF {t} FOR VALUES WITH (MODULUS 2, REMAINDER 1);"
            ),
            _ => format!("{range} CREATE TABLE {t}_new PARTITION OF {t} DEFAULT"),
        })
        .await;
    }
    flow
}

async fn change(flow: &Flow) {
    for t in names() {
        let (_, sql) = CHANGES.iter().find(|(change, _)| t.starts_with(change)).expect("a change");
        flow.source(&sql.replace('@', &t)).await;
    }
}

/// Waits until all is equal, with a hand on `other` all the time.
async fn all_equal(flow: &Flow) {
    for t in names() {
        wait_until(&format!("{t} is equal"), SOON, || async {
            flow.source("UPDATE other SET v = clock_timestamp()::text").await;
            check::differences(&flow.s, &flow.t, t.as_str()).await.is_none()
        })
        .await;
    }
    wait_until("other is equal", SOON, || async { check::differences(&flow.s, &flow.t, "other").await.is_none() })
        .await;
}

async fn leaves_change_while_streaming(major: u32) {
    let flow = filled(major, "leaves_stream").await;
    flow.source("INSERT INTO other VALUES (1, '')").await;
    let mut running = flow.sluice.spawn(&["run"]);
    all_equal(&flow).await;
    let copied = "SELECT rows_copied FROM sluice.tables WHERE name = 'other'";
    let before = number(&flow.t, copied).await;
    change(&flow).await;
    // what comes through the root meanwhile arrives as ever
    for t in names() {
        flow.source(&format!(
            "UPDATE {t} SET v = 'w' WHERE id < 50; DELETE FROM {t} WHERE id = 2005; INSERT INTO {t} VALUES (500, 'new')"
        ))
        .await;
    }
    all_equal(&flow).await;
    assert_eq!(flow.divergences().await, 0);
    assert_eq!(number(&flow.t, copied).await, before, "the rest is not copied again");
    running.term();
    assert!(running.wait(Duration::from_secs(20)).await.success(), "{}", running.log());
}

/// A tester holds a row of each table, so that one chunk of it cannot be loaded while the others are.
async fn leaves_change_while_copying(major: u32) {
    let flow = filled(major, "leaves_copy").await;
    for t in names() {
        flow.target(&format!("INSERT INTO {t} SELECT g, 'old' FROM generate_series(2000, 2099) g")).await;
    }
    let tester = flow.db.target().await;
    let held = names().iter().map(|t| format!("SELECT FROM {t} WHERE id = 2050 FOR UPDATE;")).collect::<String>();
    tester.batch_execute(&format!("BEGIN; {held}")).await.expect("hold the rows");
    let mut running = flow.sluice.spawn(&["run"]);
    wait_until("all but the last chunk of each is copied", SOON, || async {
        let part = "SELECT count(*) FROM sluice.pending WHERE lo IS NOT NULL AND hi IS NULL";
        number(&flow.t, "SELECT (to_regclass('sluice.pending') IS NOT NULL)::int::bigint").await == 1
            && number(&flow.t, "SELECT count(*) FROM sluice.pending").await == 12
            && number(&flow.t, part).await == 12
    })
    .await;
    change(&flow).await;
    tester.batch_execute("ROLLBACK").await.expect("let go");
    all_equal(&flow).await;
    assert_eq!(flow.divergences().await, 0);
    running.term();
    assert!(running.wait(Duration::from_secs(20)).await.success(), "{}", running.log());
}

/// It is what the leaves were when they were copied that counts, not what they were at the start.
async fn leaves_change_while_nobody_looks(major: u32) {
    let flow = filled(major, "leaves_down").await;
    flow.catch_up().await;
    change(&flow).await;
    flow.catch_up().await;
    for t in names() {
        check::equal(&flow.s, &flow.t, t.as_str()).await;
    }
    assert_eq!(flow.divergences().await, 0);
}

/// Somebody rewrites a leaf, or a table, for hours: everything else streams on, and whoever asks is answered.
async fn a_leaf_is_held(major: u32) {
    let flow = Flow::with(major, "leaves_held", "tables: { \"public.*\": keep }").await;
    flow.both("CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE parts_0 PARTITION OF parts FOR VALUES FROM (0) TO (10); CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (10) TO (20); CREATE TABLE whole (id int PRIMARY KEY); CREATE TABLE other (id int PRIMARY KEY, v text)").await;
    flow.source("INSERT INTO parts SELECT generate_series(0, 19); INSERT INTO whole VALUES (1); INSERT INTO other VALUES (1, 'a')").await;
    flow.equal().await;
    let dba = flow.db.source().await;
    dba.batch_execute("BEGIN; LOCK TABLE parts_1, whole IN ACCESS EXCLUSIVE MODE").await.expect("hold them");
    let mut running = flow.sluice.spawn(&["run"]);
    // longer than it takes to look at all tables once more
    for round in 0..13 {
        flow.source(&format!("UPDATE other SET v = 'round {round}'; INSERT INTO parts_0 SELECT 0 WHERE false")).await;
        wait_until("other streams on", Duration::from_secs(5), || async {
            check::differences(&flow.s, &flow.t, "other").await.is_none()
        })
        .await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let status = flow.sluice.ok(&["status"]).await.stdout;
    assert!(status.contains("streaming"), "{status}");
    dba.batch_execute("COMMIT").await.expect("let go");
    running.term();
    assert!(running.wait(Duration::from_secs(20)).await.success(), "{}", running.log());
    flow.equal().await;
}
