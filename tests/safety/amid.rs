//! Rows of staging's own, where something else goes on at the same time: deferred constraints, quarantine, columns that come late,
//! and users who make a row theirs while we write it.

use std::time::Duration;

use crate::servers::wait_until;
use crate::shapes::Flow;
use crate::shapes::flow::{number, text};

majors!(
    a_deferred_value,
    not_sent_whole,
    theirs_while_a_part_comes,
    theirs_while_a_change_waits,
    beside_quarantine,
    columns_that_go_and_come,
    partitions_and_structures,
    rows_that_move_in,
);

const LIMIT: Duration = Duration::from_secs(90);

/// Keys, each with the index.
async fn shadowed(flow: &Flow) -> String {
    let sql = "SELECT coalesce(string_agg(key[1] || ' ' || why, ', ' ORDER BY key[1]), '') FROM sluice.shadowed";
    text(&flow.t, sql).await
}

/// `id=n` of a table.
async fn rows(flow: &Flow, table: &str) -> String {
    text(&flow.t, &format!("SELECT coalesce(string_agg(id || '=' || n, ', ' ORDER BY id), '') FROM {table}")).await
}

/// The server holds nobody of ours to a deferrable constraint: whoever is older, staging's own row stays.
async fn a_deferred_value(major: u32) {
    let rest = "tables: { public.t: keep }
protect: { rows: { public.t: id < 0 } }
apply: { on_divergence: stop }";
    let flow = Flow::with(major, "own_deferred", rest).await;
    flow.both("CREATE TABLE t (id int PRIMARY KEY, n int, UNIQUE (n) DEFERRABLE INITIALLY DEFERRED)").await;
    flow.target("INSERT INTO t VALUES (-1, 5), (-2, 6), (-3, 7)").await;
    flow.source("INSERT INTO t VALUES (1, 5), (2, 20), (3, 30)").await;
    flow.catch_up().await;
    flow.source("INSERT INTO t VALUES (4, 6); UPDATE t SET n = 7 WHERE id = 2").await;
    flow.catch_up().await;
    assert_eq!(rows(&flow, "t").await, "-3=7, -2=6, -1=5, 3=30");
    assert_eq!(shadowed(&flow).await, "1 t_n_key, 2 t_n_key, 4 t_n_key");
    flow.source("UPDATE t SET n = 40 WHERE id = 4; DELETE FROM t WHERE id = 1").await;
    flow.catch_up().await;
    assert_eq!(rows(&flow, "t").await, "-3=7, -2=6, -1=5, 3=30, 4=40");
    assert_eq!((shadowed(&flow).await.as_str(), flow.divergences().await), ("2 t_n_key", 0));
}

/// A value that did not change and is not sent is no reason to call it a divergence.
async fn not_sent_whole(major: u32) {
    let rest = "tables: { public.t: keep }
protect: { rows: { public.t: own } }
apply: { on_divergence: stop }";
    let flow = Flow::with(major, "own_not_whole", rest).await;
    flow.both(
        "CREATE TABLE t (id int PRIMARY KEY, n int UNIQUE, own boolean NOT NULL, body text);
         ALTER TABLE t ALTER body SET STORAGE EXTERNAL",
    )
    .await;
    flow.target("INSERT INTO t VALUES (-1, 100, true)").await;
    flow.source("INSERT INTO t SELECT g, g, false, repeat('x', 9000) FROM generate_series(1, 5) g").await;
    flow.catch_up().await;
    flow.source("UPDATE t SET own = true WHERE id = 1; UPDATE t SET n = 100 WHERE id = 2").await;
    flow.catch_up().await;
    flow.source("UPDATE t SET own = true, id = 13 WHERE id = 3; UPDATE t SET id = 14, n = 4 WHERE id = 4").await;
    flow.catch_up().await;
    assert_eq!(rows(&flow, "t").await, "-1=100, 5=5, 14=4");
    assert_eq!(shadowed(&flow).await, "1 , 13 , 2 t_n_key");
    assert_eq!(flow.divergences().await, 0);
    let whole = "SELECT count(*) FROM t WHERE id > 0 AND body <> repeat('x', 9000)";
    assert_eq!(number(&flow.t, whole).await, 0);
}

const WAITS: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()
    AND application_name LIKE 'sluice/%'";

/// Between the look for rows in the way and the insert: the row stays, and production's is on record, so that it comes one day.
async fn theirs_while_a_part_comes(major: u32) {
    let rest = "tables: { public.t: keep }\nprotect: { rows: { public.t: n < 0 } }";
    let flow = Flow::with(major, "own_amid_copy", rest).await;
    flow.both("CREATE TABLE t (id int PRIMARY KEY, n int)").await;
    flow.source("INSERT INTO t SELECT g, g FROM generate_series(1, 5) g").await;
    flow.catch_up().await;
    flow.target("UPDATE t SET n = 33 WHERE id = 3").await;
    flow.sluice.ok(&["resync", "public.t"]).await;
    flow.target("BEGIN; UPDATE t SET n = -3 WHERE id = 3").await;
    let mut running = flow.sluice.spawn(&["run"]);
    let other = flow.db.target().await;
    wait_until("a part waits for them", LIMIT, || async { number(&other, WAITS).await > 0 }).await;
    flow.target("COMMIT").await;
    wait_until("it is on record", LIMIT, || async { shadowed(&flow).await == "3 its key" }).await;
    assert_eq!(rows(&flow, "t").await, "1=1, 2=2, 3=-3, 4=4, 5=5");
    flow.target("DELETE FROM t WHERE id = 3").await;
    wait_until("production's row comes", LIMIT, || async { rows(&flow, "t").await == "1=1, 2=2, 3=3, 4=4, 5=5" }).await;
    running.term();
    assert!(running.wait(LIMIT).await.success());
}

/// Each statement that changes or deletes a row waits for somebody who makes it their own: it is decided on what they leave.
async fn theirs_while_a_change_waits(major: u32) {
    let rest = "tables: { public.t: keep, public.w: { where: id < 1000 } }
protect: { rows: { public.t: n < 0, public.w: n < 0 } }";
    let flow = Flow::with(major, "own_amid_stream", rest).await;
    flow.both("CREATE TABLE t (id int PRIMARY KEY, n int); CREATE TABLE w (LIKE t INCLUDING ALL)").await;
    flow.source("INSERT INTO t SELECT g, g FROM generate_series(1, 9) g; INSERT INTO w SELECT * FROM t").await;
    flow.catch_up().await;
    let other = flow.db.target().await;
    let mut running = flow.sluice.spawn(&["run"]);
    let mut id = 0;
    for table in ["t", "w"] {
        for change in [
            "UPDATE {t} SET n = 50 WHERE id = {id}",
            "DELETE FROM {t} WHERE id = {id}",
            "UPDATE {t} SET id = {id} + 100 WHERE id = {id}",
            "TRUNCATE {t}; INSERT INTO {t} VALUES (99, 99)",
        ] {
            id = id % 4 + 1;
            let change = change.replace("{t}", table).replace("{id}", &id.to_string());
            flow.target(&format!("BEGIN; UPDATE {table} SET n = -id WHERE id = {id}")).await;
            flow.source(&change).await;
            wait_until("it waits for them", LIMIT, || async { number(&other, WAITS).await > 0 }).await;
            flow.target("COMMIT").await;
            let end = format!("UPDATE {table} SET n = n + 1 WHERE id > 8");
            flow.source(&end).await;
            let last = text(
                &flow.s,
                &format!("SELECT string_agg(n::text, ' ' ORDER BY id) FROM {table} WHERE id > 8 AND id < 100"),
            )
            .await;
            let same = format!(
                "SELECT coalesce(string_agg(n::text, ' ' ORDER BY id), '') FROM {table} WHERE id > 8 AND id < 100"
            );
            wait_until("it goes on", LIMIT, || async { text(&flow.t, &same).await == last }).await;
            let own = format!("SELECT count(*) FROM {table} WHERE id = {id} AND n = -id");
            assert_eq!(number(&flow.t, &own).await, 1, "{change}");
        }
    }
    running.term();
    assert!(running.wait(LIMIT).await.success());
    assert_eq!(rows(&flow, "w").await, "1=-1, 2=-2, 3=-3, 4=-4, 99=100");
    assert_eq!(flow.divergences().await, 0);
}

/// Rows that are refused, in the same part as rows that are shadowed; and a held key that becomes staging's own.
async fn beside_quarantine(major: u32) {
    let rest = "tables: { public.t: keep }
protect: { rows: { public.t: n < 0 } }
apply: { on_error: quarantine }";
    let flow = Flow::with(major, "own_quarantine", rest).await;
    flow.both("CREATE TABLE t (id int PRIMARY KEY, n int, u int UNIQUE, v text)").await;
    flow.target("ALTER TABLE t ADD CHECK (v <> 'bad'); INSERT INTO t VALUES (-1, -1, 3), (5, -5, 50)").await;
    flow.source(
        "INSERT INTO t SELECT g, g, g, 'good' FROM generate_series(1, 8) g;
         UPDATE t SET v = 'bad' WHERE id = 2; UPDATE t SET n = -4 WHERE id = 4",
    )
    .await;
    let held = "SELECT coalesce(string_agg(key[1], ' ' ORDER BY key[1]), '') FROM sluice.quarantine";
    for _ in 0..2 {
        flow.catch_up().await;
        assert_eq!(rows(&flow, "t").await, "-1=-1, 1=1, 5=-5, 6=6, 7=7, 8=8");
        assert_eq!(shadowed(&flow).await, "3 t_u_key, 4 , 5 t_pkey");
        assert_eq!(text(&flow.t, held).await, "2");
        flow.sluice.ok(&["resync", "public.t"]).await;
    }
    flow.catch_up().await;
    flow.source("UPDATE t SET v = 'bad' WHERE id IN (6, 7)").await;
    flow.catch_up().await;
    assert_eq!(text(&flow.t, held).await, "2 6 7");
    flow.target("UPDATE t SET n = -6 WHERE id = 6; UPDATE t SET n = -7 WHERE id = 7").await;
    flow.source("DELETE FROM t WHERE id = 6; UPDATE t SET v = 'good' WHERE id = 7").await;
    flow.catch_up().await;
    assert_eq!(text(&flow.t, held).await, "2 7");
    flow.sluice.ok(&["quarantine", "retry", "--table", "t"]).await;
    flow.catch_up().await;
    assert_eq!(text(&flow.t, held).await, "2");
    assert_eq!(rows(&flow, "t").await, "-1=-1, 1=1, 5=-5, 6=-6, 7=-7, 8=8");
    assert_eq!(shadowed(&flow).await, "3 t_u_key, 4 , 5 t_pkey, 7 t_pkey");
    assert_eq!(flow.divergences().await, 0);
}

/// What is withheld is taken from production's rows only; and a column that comes late may say whose a row is.
async fn columns_that_go_and_come(major: u32) {
    let rest = "tables: { public.t: { columns: { id: keep, n: keep, whose: drop, note: drop } } }
protect: { rows: { public.t: whose = 'mine' } }";
    let flow = Flow::with(major, "own_columns", rest).await;
    flow.both("CREATE TABLE t (id int PRIMARY KEY, n int, whose text, note text)").await;
    flow.target("INSERT INTO t VALUES (-1, 1, 'mine', 'a note'), (1, 1, 'yours', 'old')").await;
    flow.source("INSERT INTO t SELECT g, g, CASE g WHEN 3 THEN 'mine' END, 'secret' FROM generate_series(1, 4) g")
        .await;
    flow.catch_up().await;
    let all = "SELECT string_agg(concat_ws(' ', id, n, whose, note), ', ' ORDER BY id) FROM t";
    assert_eq!(text(&flow.t, all).await, "-1 1 mine a note, 1 1, 2 2, 3 3, 4 4");
    flow.sluice.lay(&flow.db.name, &rest.replace("whose: drop", "whose: keep"));
    flow.catch_up().await;
    assert_eq!(text(&flow.t, all).await, "-1 1 mine a note, 1 1, 2 2, 4 4");
    assert_eq!(shadowed(&flow).await, "3 ");
    assert_eq!(flow.divergences().await, 0);
}

/// Own rows in partitions; in a table of which only the structure comes; and a child by inheritance is nobody's.
async fn partitions_and_structures(major: u32) {
    let rest = "tables: { public.p: keep, public.s: structure, public.i: keep }
protect: { rows: { public.p: n < 0, public.s: n < 0, public.i: n < 0 } }";
    let flow = Flow::with(major, "own_parts", rest).await;
    flow.both(
        "CREATE TABLE p (id int PRIMARY KEY, n int) PARTITION BY RANGE (id);
         CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (MINVALUE) TO (10); CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (MAXVALUE);
         CREATE TABLE s (id int PRIMARY KEY, n int); CREATE TABLE i (id int PRIMARY KEY, n int)",
    )
    .await;
    flow.target(
        "CREATE TABLE child () INHERITS (i); INSERT INTO child VALUES (1, 1), (2, -2);
         INSERT INTO p VALUES (1, -1), (11, -11), (2, 0); INSERT INTO s VALUES (1, -1), (2, 2); INSERT INTO i VALUES (3, -3)",
    )
    .await;
    flow.source("INSERT INTO p SELECT g, g FROM generate_series(1, 14) g; INSERT INTO i SELECT g, g FROM generate_series(1, 3) g").await;
    flow.catch_up().await;
    let own = "SELECT string_agg(id || '=' || n, ', ' ORDER BY id) FROM p WHERE n < 0";
    assert_eq!(text(&flow.t, own).await, "1=-1, 11=-11");
    assert_eq!(number(&flow.t, "SELECT count(*) FROM p").await, 14);
    assert_eq!(rows(&flow, "s").await, "1=-1");
    flow.source("UPDATE p SET id = 20 WHERE id = 11; UPDATE p SET id = 21 WHERE id = 2; DELETE FROM p WHERE id IN (1, 3); DELETE FROM i WHERE id < 3").await;
    flow.catch_up().await;
    assert_eq!(text(&flow.t, own).await, "1=-1, 11=-11");
    assert_eq!(rows(&flow, "child").await, "1=1, 2=-2");
    assert_eq!(rows(&flow, "ONLY i").await, "3=-3");
    flow.source("TRUNCATE p, i; INSERT INTO p VALUES (5, 5)").await;
    flow.catch_up().await;
    assert_eq!(rows(&flow, "p").await, "1=-1, 11=-11, 5=5".replace("11=-11, 5=5", "5=5, 11=-11"));
    assert_eq!((rows(&flow, "ONLY i").await, rows(&flow, "child").await), ("3=-3".into(), "1=1, 2=-2".into()));
    assert_eq!((shadowed(&flow).await.as_str(), flow.divergences().await), ("", 0));
}

/// Of a table of which some rows come, an update puts a row there whether it was or not.
async fn rows_that_move_in(major: u32) {
    let rest = "tables: { public.t: { where: n <> 17 }, public.k: { where: b <> 17 } }
protect: { rows: { public.t: n < 0, public.k: mine } }";
    let flow = Flow::with(major, "own_move_in", rest).await;
    flow.both("CREATE TABLE t (id int PRIMARY KEY, n int); CREATE TABLE k (a int, b int, PRIMARY KEY (a, b))").await;
    flow.target("ALTER TABLE k ADD mine boolean NOT NULL DEFAULT false").await;
    flow.source("INSERT INTO t VALUES (1, 17), (2, 17), (3, 3); INSERT INTO k VALUES (4, 4), (5, 5)").await;
    flow.catch_up().await;
    flow.target("UPDATE k SET mine = true WHERE a = 4").await;
    flow.source("UPDATE t SET n = -5 WHERE id = 1; UPDATE t SET n = 5 WHERE id = 2; UPDATE k SET a = a").await;
    flow.catch_up().await;
    assert_eq!(rows(&flow, "t").await, "2=5, 3=3");
    assert_eq!(shadowed(&flow).await, "1 , 4 k_pkey");
    let k = text(&flow.t, "SELECT string_agg(concat_ws(' ', a, b, mine), ', ' ORDER BY a) FROM k").await;
    assert_eq!((k.as_str(), flow.divergences().await), ("4 4 t, 5 5 f", 0));
}
