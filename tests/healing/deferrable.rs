//! Deferrable unique constraints: under replica role the server holds nobody to them, so sluice does.

use crate::check;
use crate::shapes::Flow;
use crate::shapes::flow::{CATCH_UP, number};

majors!(
    a_value_that_an_edit_has,
    an_edit_of_a_value_stops,
    values_that_production_exchanges,
    values_that_old_rows_have,
    without_a_key,
    two_rows_that_are_one_on_staging,
);

const TABLE: &str =
    "CREATE TABLE t (id int PRIMARY KEY, u int, v text, CONSTRAINT u_once UNIQUE (u) DEFERRABLE INITIALLY DEFERRED)";
const TWICE: &str = "SELECT count(*) FROM (SELECT u FROM t GROUP BY u HAVING count(*) > 1) d WHERE u IS NOT NULL";

async fn a_value_that_an_edit_has(major: u32) {
    let flow = Flow::new(major, "deferrable_edits").await;
    flow.both(TABLE).await;
    flow.source("INSERT INTO t SELECT g, g, 'v' FROM generate_series(1, 50) g").await;
    flow.equal().await;
    let mut counted = 0;
    for (edit, then) in [
        ("INSERT INTO t VALUES (999, 101, 'tester')", "INSERT INTO t VALUES (101, 101, 'production')"),
        ("UPDATE t SET u = 102 WHERE id = 3", "UPDATE t SET u = 102 WHERE id = 4"),
        // what came before it in the batch goes the slow way, and it does too
        (
            "DELETE FROM t WHERE id = 7; UPDATE t SET u = 103 WHERE id = 8",
            "UPDATE t SET v = 'w' WHERE id = 7; UPDATE t SET u = 103 WHERE id = 9",
        ),
        // of a key that production has as well
        ("UPDATE t SET u = 104 WHERE id = 10", "UPDATE t SET id = 500, u = 104 WHERE id = 11"),
    ] {
        flow.target(edit).await;
        flow.source(&format!("BEGIN; {then}; COMMIT")).await;
        flow.catch_up().await;
        check::equal(&flow.s, &flow.t, "t").await;
        let now = flow.divergences().await;
        assert!(now > counted, "{edit} was not counted");
        counted = now;
    }
}

async fn an_edit_of_a_value_stops(major: u32) {
    let rest = "tables: { \"public.*\": keep }\napply: { on_divergence: stop }";
    let flow = Flow::with(major, "deferrable_stops", rest).await;
    flow.both(TABLE).await;
    flow.equal().await;
    flow.target("INSERT INTO t VALUES (999, 1, 'tester')").await;
    flow.source("INSERT INTO t VALUES (1, 1, 'production')").await;
    let stopped = flow.sluice.run(&CATCH_UP).await;
    assert_eq!(stopped.code, 6, "{}", stopped.stderr);
    assert!(
        stopped.stderr.contains("public.t diverged: a row has a value of a deferrable unique"),
        "{}",
        stopped.stderr
    );
    assert_eq!(number(&flow.t, "SELECT id::bigint FROM t").await, 999, "nothing was written");
}

/// Two rows may have one value in the middle of a transaction: nothing is wrong with it.
async fn values_that_production_exchanges(major: u32) {
    let rest = "tables: { \"public.*\": keep }\nlimits: { memory: 16MB }";
    let flow = Flow::with(major, "deferrable_swaps", rest).await;
    flow.both(TABLE).await;
    flow.both("CREATE TABLE ballast (id int PRIMARY KEY, body text)").await;
    flow.source("INSERT INTO t SELECT g, g, 'v' FROM generate_series(1, 2000) g").await;
    flow.equal().await;
    flow.source("UPDATE t SET u = u + 1").await;
    flow.source("BEGIN; UPDATE t SET u = 11 WHERE id = 11; UPDATE t SET u = 12 WHERE id = 10; COMMIT").await;
    flow.equal().await;
    // and in a transaction that comes in pieces, with the two halves of an exchange far apart
    flow.source(
        "BEGIN; UPDATE t SET u = 5001 - u; INSERT INTO ballast SELECT g, repeat(md5(g::text), 20) FROM generate_series(1, 60000) g;
         UPDATE t SET u = 1 WHERE id = 1; INSERT INTO t VALUES (5001, 1, 'twice'); DELETE FROM ballast; UPDATE t SET u = 2 WHERE id = 1; COMMIT",
    )
    .await;
    flow.equal().await;
    // somebody has a value that a piece brings, and no later one
    flow.target("INSERT INTO t VALUES (9999, 7001, 'tester')").await;
    flow.source(
        "BEGIN; UPDATE t SET u = 7001 WHERE id = 5; INSERT INTO ballast SELECT g, repeat(md5(g::text), 20) FROM generate_series(1, 60000) g; COMMIT",
    )
    .await;
    flow.catch_up().await;
    check::equal(&flow.s, &flow.t, "t").await;
    assert!(flow.divergences().await > 0, "the tester's row was not counted");
}

/// A staging that is full of another day's rows: they have each other's values until their own part has come.
async fn values_that_old_rows_have(major: u32) {
    let rest = "tables: { \"public.*\": keep }\ncopy: { chunk_rows: 100 }";
    let flow = Flow::with(major, "deferrable_old", rest).await;
    flow.both(TABLE).await;
    flow.source("INSERT INTO t SELECT g, g, 'v' FROM generate_series(1, 1000) g").await;
    flow.target("INSERT INTO t SELECT g, 1400 - g, 'old' FROM generate_series(101, 1300) g").await;
    flow.equal().await;
    // and one that is due as a whole, while production goes on
    flow.target("UPDATE t SET u = 3000 - u").await;
    flow.sluice.ok(&["resync", "public.t"]).await;
    flow.source("UPDATE t SET u = u + 1000 WHERE id <= 600; INSERT INTO t VALUES (5000, 1, 'new')").await;
    flow.catch_up().await;
    check::equal(&flow.s, &flow.t, "t").await;
    assert_eq!(number(&flow.t, TWICE).await, 0);
}

/// Production knows its rows by all their columns, since a deferrable key is no replica identity.
async fn without_a_key(major: u32) {
    let flow = Flow::new(major, "deferrable_keyless").await;
    flow.both("CREATE TABLE k (id int PRIMARY KEY DEFERRABLE, v text)").await;
    flow.source("ALTER TABLE k REPLICA IDENTITY FULL; INSERT INTO k SELECT g, 'v' FROM generate_series(1, 20) g").await;
    flow.equal().await;
    flow.source("UPDATE k SET id = id + 1").await;
    flow.equal().await;
    flow.target("INSERT INTO k VALUES (100, 'tester')").await;
    flow.source("INSERT INTO k VALUES (100, 'production')").await;
    flow.catch_up().await;
    check::equal(&flow.s, &flow.t, "k").await;
    assert_eq!(flow.divergences().await, 1);
}

/// What only staging wants apart: nobody can be told which of the two is right.
async fn two_rows_that_are_one_on_staging(major: u32) {
    let flow = Flow::new(major, "deferrable_collides").await;
    flow.source("CREATE TABLE t (id int PRIMARY KEY, u int, v text)").await;
    flow.target(TABLE).await;
    flow.source("INSERT INTO t VALUES (1, 1, 'one'), (2, 1, 'another')").await;
    let told = "public.t: two rows of production have one value in \"u\" on staging";
    for round in 1..=2 {
        let stopped = flow.sluice.run(&CATCH_UP).await;
        assert_eq!(stopped.code, 6, "{}", stopped.stderr);
        assert!(stopped.stderr.contains(told), "{}", stopped.stderr);
        assert_eq!(number(&flow.t, TWICE).await, 0, "never both");
        flow.source("UPDATE t SET u = id").await;
        flow.catch_up().await;
        check::equal(&flow.s, &flow.t, "t").await;
        if round == 1 {
            // the same by the stream
            flow.source("INSERT INTO t VALUES (3, 1, 'a third')").await;
        }
    }
}
