//! A tester edits rows; protected tables stay as they are.

use std::time::Duration;

use crate::check;
use crate::servers::wait_until;
use crate::shapes::Flow;
use crate::shapes::flow::{CATCH_UP, living, number, text};

majors!(
    edits_heal_and_are_counted,
    a_masked_key_heals,
    a_divergence_in_a_batch_that_goes_again,
    an_edit_stops,
    keys_that_compare_oddly,
    protected_tables_stay
);

const TABLE: &str = "CREATE TABLE t (id int PRIMARY KEY, u int UNIQUE, v text)";

async fn edits_heal_and_are_counted(major: u32) {
    let flow = Flow::new(major, "edits").await;
    flow.both(TABLE).await;
    flow.both("CREATE TABLE k (a int, b int, PRIMARY KEY (a, b))").await;
    flow.source("INSERT INTO t SELECT g, g, 'v' FROM generate_series(1, 50) g").await;
    flow.source("INSERT INTO k SELECT g, g FROM generate_series(1, 50) g").await;
    flow.equal().await;
    let mut counted = 0;
    for (edit, then) in [
        ("DELETE FROM t WHERE id = 1", "UPDATE t SET v = 'w' WHERE id = 1"),
        ("DELETE FROM t WHERE id = 2", "DELETE FROM t WHERE id = 2"),
        ("INSERT INTO t VALUES (100, 100, 'tester')", "INSERT INTO t VALUES (100, 100, 'production')"),
        ("INSERT INTO t VALUES (999, 101, 'tester')", "INSERT INTO t VALUES (101, 101, 'production')"),
        ("UPDATE t SET u = 102 WHERE id = 3", "UPDATE t SET u = 102 WHERE id = 4"),
        ("UPDATE t SET id = 500 WHERE id = 5", "UPDATE t SET v = 'w' WHERE id = 5"),
        ("DELETE FROM t WHERE id = 6", "UPDATE t SET id = 600 WHERE id = 6"),
        // a key that comes and goes, and a row that goes and comes with nothing to be set: neither leaves anything to do
        ("INSERT INTO t VALUES (700, 700, 'tester')", "INSERT INTO t VALUES (700); DELETE FROM t WHERE id = 700"),
        ("DELETE FROM k WHERE a = 1", "DELETE FROM k WHERE a = 1; INSERT INTO k VALUES (1, 1)"),
        ("TRUNCATE t", "UPDATE t SET v = v || '.'"),
    ] {
        flow.target(edit).await;
        flow.source(&format!("BEGIN; INSERT INTO t VALUES (10000 + {counted}, NULL, 'before'); {then}; COMMIT")).await;
        flow.catch_up().await;
        if edit.contains("999") || edit.contains("id = 5") {
            flow.target("DELETE FROM t WHERE id = 500").await; // production does not know it, so nothing heals it
        }
        check::equal(&flow.s, &flow.t, "t").await;
        check::equal(&flow.s, &flow.t, "k").await;
        let now = flow.divergences().await;
        assert!(now > counted, "{edit} was not counted");
        counted = now;
    }
    // an update that is overwritten heals by itself: production's row is written whole
    flow.target("UPDATE t SET v = 'tester' WHERE id = 10").await;
    flow.source("UPDATE t SET v = 'production' WHERE id = 10").await;
    flow.catch_up().await;
    check::equal(&flow.s, &flow.t, "t").await;
}

/// Production cannot be asked for a row by a key that only staging has: all of its table comes again.
async fn a_masked_key_heals(major: u32) {
    let rest = "tables: { public.guest: { columns: { mail: email } } }";
    let flow = Flow::with(major, "edits_masked", rest).await;
    flow.both("CREATE TABLE guest (mail text PRIMARY KEY, n int)").await;
    flow.source("INSERT INTO guest SELECT g || '@hotel.example', 0 FROM generate_series(1, 50) g").await;
    flow.catch_up().await;
    flow.target("DELETE FROM guest WHERE mail IN (SELECT mail FROM guest LIMIT 3)").await;
    flow.source("UPDATE guest SET n = 1").await;
    flow.catch_up().await;
    let whole = "SELECT count(*) FROM guest WHERE n = 1 AND mail NOT LIKE '%hotel%'";
    assert_eq!(number(&flow.t, whole).await, 50);
    assert!(flow.divergences().await >= 1);
}

/// A row that is not as expected is noted with its batch. Where somebody is in the way of that batch all of it goes again,
/// and the row with it: it must not pass for one that is noted.
async fn a_divergence_in_a_batch_that_goes_again(major: u32) {
    let flow = Flow::new(major, "edits_again").await;
    flow.both("CREATE TABLE a (id int PRIMARY KEY, v text); CREATE TABLE b (id int PRIMARY KEY, v text)").await;
    flow.source("INSERT INTO a SELECT g, 'v' FROM generate_series(1, 5) g; INSERT INTO b SELECT * FROM a").await;
    flow.equal().await;
    // the third try at this row, the first behind the missing one, is a serialization failure
    flow.target(
        "CREATE SEQUENCE tries; CREATE FUNCTION busy() RETURNS bool LANGUAGE plpgsql AS $$ BEGIN
           IF pg_catalog.nextval('public.tries') = 3 THEN RAISE 'in the way' USING ERRCODE = '40001'; END IF; RETURN true; END $$;
         ALTER TABLE b ADD CHECK (v <> 'w' OR busy()); DELETE FROM a WHERE id = 2",
    )
    .await;
    let mut running = flow.sluice.spawn(&["run"]);
    flow.source("BEGIN; UPDATE a SET v = 'w' WHERE id = 2; UPDATE b SET v = 'w' WHERE id = 3; COMMIT").await;
    wait_until("it is applied", Duration::from_secs(30), || async {
        number(&flow.t, "SELECT count(*) FROM b WHERE v = 'w'").await == 1
    })
    .await;
    running.term();
    running.wait(Duration::from_secs(20)).await;
    assert!(running.log().contains("target is busy"), "{}", running.log());
    flow.catch_up().await;
    check::schema_equal(&flow.s, &flow.t, "public").await;
    assert!(flow.divergences().await >= 1);
}

async fn an_edit_stops(major: u32) {
    let flow = Flow::with(major, "edit_stops", "tables: { \"public.*\": keep }\napply: { on_divergence: stop }").await;
    flow.both(TABLE).await;
    flow.source("INSERT INTO t SELECT g, g, 'v' FROM generate_series(1, 50) g").await;
    flow.equal().await;
    flow.target("DELETE FROM t WHERE id = 7").await;
    flow.source("UPDATE t SET v = 'w' WHERE id < 10").await;
    let held = flow.sluice.run(&CATCH_UP).await;
    assert_eq!(held.code, 6, "{}", held.stderr);
    assert!(held.stderr.contains("public.t diverged"), "{}", held.stderr);
    assert_eq!(number(&flow.t, "SELECT count(*) FROM t WHERE v = 'w'").await, 0, "all or nothing");
    flow.target("INSERT INTO t VALUES (7, 7, 'v')").await;
    flow.equal().await;
}

/// Points of keys whose equality is not that of pg_catalog, and values that a collation calls equal.
async fn keys_that_compare_oddly(major: u32) {
    let flow = Flow::new(major, "odd_keys").await;
    flow.both(
        "CREATE EXTENSION ltree; CREATE EXTENSION citext; CREATE TYPE mood AS ENUM ('a', 'b');
         CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
         CREATE TABLE l (k ltree, m mood, n int, PRIMARY KEY (k, m)); CREATE TABLE c (k citext PRIMARY KEY, n int); CREATE TABLE x (k numeric PRIMARY KEY, n int);
         CREATE TABLE p (k char(5) PRIMARY KEY, n int); CREATE TABLE i (k text COLLATE nocase PRIMARY KEY, v text COLLATE nocase);
         CREATE TABLE f (k text COLLATE nocase, n int); ALTER TABLE f REPLICA IDENTITY FULL;",
    )
    .await;
    flow.source("INSERT INTO l VALUES ('a.b', 'a', 0), ('a.c', 'b', 0); INSERT INTO c VALUES ('abc', 0), ('Äd', 0); INSERT INTO x VALUES (1.10, 0), ('NaN', 0);
        INSERT INTO p VALUES ('a', 0), (' b', 0); INSERT INTO i VALUES ('abc', 'abc'), ('B', 'x'); INSERT INTO f VALUES ('A', 1), ('a', 1)").await;
    flow.target("INSERT INTO i VALUES ('ABC', 'abc'), ('B', 'X'); INSERT INTO c VALUES ('ABC', 0); INSERT INTO x VALUES (1.1, 0)").await;
    flow.equal().await;
    flow.target("DELETE FROM l; DELETE FROM c; DELETE FROM x; DELETE FROM p; DELETE FROM i").await;
    flow.source("UPDATE l SET n = 1; UPDATE c SET n = 1; UPDATE x SET n = 1; UPDATE p SET n = 1; UPDATE i SET v = v || '!'; DELETE FROM f WHERE ctid = (SELECT max(ctid) FROM f)").await;
    flow.catch_up().await;
    check::schema_equal(&flow.s, &flow.t, "public").await;
    assert_eq!(flow.divergences().await, 10);
}

async fn protected_tables_stay(major: u32) {
    let rest =
        "tables: { public.a: keep, public.users: exclude }\nprotect: { tables: [public.users, \"public.saved_*\"] }";
    let flow = Flow::with(major, "protected", rest).await;
    flow.both("CREATE TABLE a (id int PRIMARY KEY, v text); CREATE TABLE users (id int PRIMARY KEY, a int REFERENCES a ON DELETE CASCADE ON UPDATE CASCADE); CREATE TABLE saved_searches (id int)").await;
    flow.source("INSERT INTO a VALUES (1, 'x'), (2, 'y'); INSERT INTO users VALUES (1, 1); INSERT INTO saved_searches VALUES (1)").await;
    flow.target("INSERT INTO a VALUES (1, 'old'), (9, 'old'); INSERT INTO users VALUES (50, 9), (51, 1); INSERT INTO saved_searches VALUES (50)").await;
    for change in [
        "",
        "DELETE FROM users; DELETE FROM a WHERE id = 1; UPDATE a SET id = 3",
        "TRUNCATE a, users; INSERT INTO a VALUES (7, 'z')",
    ] {
        flow.source(change).await;
        flow.catch_up().await;
        check::equal(&flow.s, &flow.t, living("a", "id")).await;
        let kept = "SELECT (SELECT string_agg(id || '-' || a, ',' ORDER BY id) FROM users) || ' ' || (SELECT string_agg(id::text, ',') FROM saved_searches)";
        assert_eq!(text(&flow.t, kept).await, "50-9,51-1 50");
    }
    // a glob that takes one in is refused before anything is written
    let head = std::fs::read_to_string(flow.sluice.dir.join("sluice.yaml")).expect("the file");
    flow.sluice.configure(&head.replace("public.a: keep, public.users: exclude", "\"public.*\": keep"));
    let refused = flow.sluice.run(&CATCH_UP).await;
    assert!(refused.code == 2 && refused.stderr.contains("public.users"), "{}", refused.stderr);
}
