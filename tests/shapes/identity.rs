//! Replica identities, key changes, identity and generated columns.

use super::flow::{CATCH_UP, Flow, number, text};
use crate::check;

majors!(
    every_replica_identity,
    a_key_changes,
    a_long_key_outside_the_row,
    identity_columns,
    generated_columns,
    nothing_to_know_a_row_by,
);

/// Text that does not shrink, so that it is stored outside the row.
const TOAST: &str = "(SELECT string_agg(md5(g::text || i::text), '') FROM generate_series(1, 300) i)";

async fn every_replica_identity(major: u32) {
    let flow = Flow::new(major, "identities").await;
    flow.both(
        "CREATE TABLE by_default (id int PRIMARY KEY, v text, big text);
         CREATE TABLE by_index (id int, code text NOT NULL, v text, big text, UNIQUE (code)); ALTER TABLE by_index REPLICA IDENTITY USING INDEX by_index_code_key;
         CREATE TABLE by_index_and_key (id int PRIMARY KEY, code text NOT NULL UNIQUE, v text, big text); ALTER TABLE by_index_and_key REPLICA IDENTITY USING INDEX by_index_and_key_code_key;
         CREATE TABLE full_with_key (id int PRIMARY KEY, code text, v json, big text); ALTER TABLE full_with_key REPLICA IDENTITY FULL;
         CREATE TABLE full_only (id int, code text, v json, p point, big text); ALTER TABLE full_only REPLICA IDENTITY FULL;
         CREATE TABLE only_a_key (a int, b text, PRIMARY KEY (b, a));",
    )
    .await;
    let tables = ["by_index", "by_index_and_key"];
    flow.source(&format!("INSERT INTO by_default SELECT g, 'v' || g, {TOAST} FROM generate_series(1, 20) g")).await;
    for t in tables {
        flow.source(&format!("INSERT INTO {t} SELECT g, 'c' || g, 'v', {TOAST} FROM generate_series(1, 20) g")).await;
    }
    flow.source(&format!("INSERT INTO full_with_key SELECT g, 'c', '{{}}', {TOAST} FROM generate_series(1, 20) g"))
        .await;
    flow.source(&format!("INSERT INTO full_only SELECT g / 4, 'c', '{{}}', '(1,1)', {TOAST} FROM (SELECT g / 4 * 4 AS g FROM generate_series(1, 20) g) g")).await;
    flow.source("INSERT INTO only_a_key SELECT g, 'b' || g FROM generate_series(1, 20) g").await;
    flow.equal().await;
    for t in ["by_default", "by_index", "by_index_and_key", "full_with_key"] {
        flow.source(&format!(
            "UPDATE {t} SET v = v WHERE id < 4; BEGIN; UPDATE {t} SET v = '\"x\"' WHERE id < 10; DELETE FROM {t} WHERE id = 3; UPDATE {t} SET id = id + 100 WHERE id > 15; COMMIT;
             BEGIN; UPDATE {t} SET v = NULL, big = 'short' WHERE id = 5; UPDATE {t} SET big = big || '.', id = 50 WHERE id = 6; COMMIT;"
        ))
        .await;
    }
    for t in tables {
        flow.source(&format!("UPDATE {t} SET code = code || '!' WHERE id % 2 = 0; DELETE FROM {t} WHERE code = 'c7'"))
            .await;
    }
    flow.source(
        "DELETE FROM full_only WHERE ctid IN (SELECT min(ctid) FROM full_only GROUP BY id); UPDATE full_only SET p = NULL, v = '[1]' WHERE ctid IN (SELECT min(ctid) FROM full_only GROUP BY id);
         UPDATE full_only SET code = NULL WHERE id = 2; UPDATE full_only SET id = id + 10 WHERE id = 3;
         BEGIN; UPDATE only_a_key SET a = a WHERE a < 5; UPDATE only_a_key SET b = 'z' WHERE a = 7; DELETE FROM only_a_key WHERE a = 8; INSERT INTO only_a_key VALUES (8, 'b8'); COMMIT;",
    )
    .await;
    flow.equal().await;
}

/// Chains, swaps and shifts of keys, with a value outside the row that is not sent.
async fn a_key_changes(major: u32) {
    let flow = Flow::new(major, "key_changes").await;
    flow.both("CREATE TABLE t (id int PRIMARY KEY DEFERRABLE, n int, big text); ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (id)").await;
    flow.source(&format!("INSERT INTO t SELECT g, g, {TOAST} FROM generate_series(1, 40) g")).await;
    flow.equal().await;
    flow.source("UPDATE t SET id = id + 1000; UPDATE t SET id = id - 999").await; // a shift by one, by way of elsewhere
    flow.source("BEGIN; UPDATE t SET id = 0 WHERE id = 2; UPDATE t SET id = 2 WHERE id = 3; UPDATE t SET id = 3 WHERE id = 0; COMMIT").await;
    flow.source("BEGIN; UPDATE t SET id = 500 WHERE id = 10; UPDATE t SET n = -1 WHERE id = 500; UPDATE t SET id = 10 WHERE id = 500; COMMIT").await;
    flow.source("BEGIN; UPDATE t SET id = 501 WHERE id = 11; DELETE FROM t WHERE id = 501; INSERT INTO t VALUES (11, 0, 'new'), (501, 1, NULL); COMMIT").await;
    flow.source("BEGIN; INSERT INTO t VALUES (600, 1, 'x'); UPDATE t SET id = 601 WHERE id = 600; UPDATE t SET id = 602, n = 9 WHERE id = 601; COMMIT").await;
    flow.equal().await;
}

/// A key so long that it is stored outside the row is not sent with the new tuple: it is the old one's.
async fn a_long_key_outside_the_row(major: u32) {
    let flow = Flow::new(major, "long_key").await;
    flow.both("CREATE TABLE t (k text COLLATE \"C\" PRIMARY KEY, n int, big text); ALTER TABLE t ALTER k SET STORAGE EXTERNAL").await;
    flow.source(&format!("INSERT INTO t SELECT repeat(chr(64 + g), 2300), 0, {TOAST} FROM generate_series(1, 20) g; INSERT INTO t VALUES ('short', 0, '')")).await;
    flow.equal().await;
    flow.source("UPDATE t SET n = 1").await;
    flow.equal().await;
    // a tester's edit makes one key pending; the others must not be taken for pending
    flow.target("DELETE FROM t WHERE k = 'short'").await;
    flow.source("BEGIN; UPDATE t SET n = 2 WHERE k = 'short'; UPDATE t SET n = 2; COMMIT; UPDATE t SET n = 3 WHERE k LIKE 'A%'; DELETE FROM t WHERE k LIKE 'B%'").await;
    flow.catch_up().await;
    check::schema_equal(&flow.s, &flow.t, "public").await;
    assert_eq!(flow.divergences().await, 1);
}

async fn identity_columns(major: u32) {
    let flow = Flow::new(major, "identity_columns").await;
    flow.both(
        "CREATE TABLE a (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text, big text);
         CREATE TABLE d (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, v text, big text);
         CREATE TABLE beside (k text PRIMARY KEY, id int GENERATED ALWAYS AS IDENTITY, v text);
         CREATE TABLE part_of_key (id int GENERATED ALWAYS AS IDENTITY, k text, v text, PRIMARY KEY (k, id));
         CREATE TABLE no_key (id int GENERATED ALWAYS AS IDENTITY, v text); ALTER TABLE no_key REPLICA IDENTITY FULL;",
    )
    .await;
    flow.source("CREATE TABLE only_there (id int PRIMARY KEY, n int)").await;
    flow.target("CREATE TABLE only_there (id int PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY)").await;
    for t in ["a", "d", "no_key"] {
        flow.source(&format!("INSERT INTO {t} (v) SELECT 'v' FROM generate_series(1, 10) g")).await;
    }
    flow.source(&format!("UPDATE a SET big = {TOAST} FROM (VALUES (1)) g(g) WHERE id IN (2, 4)")).await;
    flow.source("INSERT INTO beside (k) SELECT 'k' || g FROM generate_series(1, 10) g; INSERT INTO part_of_key (k) SELECT 'k' FROM generate_series(1, 10) g; INSERT INTO only_there VALUES (1, 10), (2, 20)").await;
    flow.equal().await;
    flow.source(
        "UPDATE a SET v = 'w' WHERE id < 5; UPDATE a SET id = DEFAULT WHERE id IN (1, 3); DELETE FROM a WHERE id = 5; INSERT INTO a (id, v) OVERRIDING SYSTEM VALUE VALUES (5, 'again');
         BEGIN; DELETE FROM a WHERE id = 6; INSERT INTO a (id, v) OVERRIDING SYSTEM VALUE VALUES (6, 'at once'); COMMIT;
         UPDATE d SET id = id + 100 WHERE id < 4; UPDATE beside SET v = 'x' WHERE k < 'k4'; UPDATE part_of_key SET v = 'x'; UPDATE part_of_key SET k = 'l' WHERE id < 3;
         UPDATE no_key SET v = 'x' WHERE id < 4; DELETE FROM no_key WHERE id = 9; UPDATE part_of_key SET id = DEFAULT WHERE id = 7;",
    )
    .await;
    flow.equal().await;
    // such a column is not the key, and changes: it cannot be SET on the target
    flow.source("UPDATE beside SET id = DEFAULT WHERE k IN ('k1', 'k7'); UPDATE only_there SET n = 11 WHERE id = 1; UPDATE no_key SET id = DEFAULT WHERE id = 2").await;
    flow.equal().await;
    // its row would have to come again whole, and its long value was not sent: the next slice brings it
    flow.source("UPDATE a SET id = DEFAULT WHERE id = 2").await;
    flow.catch_up().await;
    check::schema_equal(&flow.s, &flow.t, "public").await;
}

async fn generated_columns(major: u32) {
    let flow = Flow::new(major, "generated").await;
    let stored = "GENERATED ALWAYS AS (a * 2) STORED";
    flow.both(&format!("CREATE TABLE t (id int PRIMARY KEY, a int, g int {stored}, z text)")).await;
    flow.source(&format!("CREATE TABLE here (id int PRIMARY KEY, g int {stored}, a int)")).await;
    flow.target("CREATE TABLE here (id int PRIMARY KEY, g int, a int)").await;
    flow.source("CREATE TABLE there (a int, id int PRIMARY KEY, g int)").await;
    flow.target(&format!("CREATE TABLE there (id int PRIMARY KEY, a int, g int {stored})")).await;
    if major >= 18 {
        flow.both("CREATE TABLE virtual (id int PRIMARY KEY, g int GENERATED ALWAYS AS (a * 2) VIRTUAL, a int)").await;
        flow.source("INSERT INTO virtual (id, a) VALUES (1, 1), (2, 2)").await;
    }
    flow.source("INSERT INTO t (id, a) VALUES (1, 1), (2, 2); INSERT INTO here (id, a) VALUES (1, 1), (2, 2); INSERT INTO there VALUES (1, 1, -1), (2, 2, -1)").await;
    for change in [
        "",
        "UPDATE t SET a = 5; UPDATE here SET a = 5; UPDATE there SET a = 5; DELETE FROM t WHERE id = 2; INSERT INTO t VALUES (3, 3); UPDATE t SET id = 4 WHERE id = 3",
    ] {
        flow.source(change).await;
        if major >= 18 {
            flow.source("UPDATE virtual SET a = a + 1, id = id + 10").await;
            flow.catch_up().await;
            check::equal(&flow.s, &flow.t, "virtual").await;
        }
        flow.catch_up().await;
        check::equal(&flow.s, &flow.t, "t").await;
        check::equal(&flow.s, &flow.t, check::Table::named("here").without(&["g"])).await;
        check::equal(&flow.s, &flow.t, check::Table::named("there").without(&["g"])).await;
        assert_eq!(number(&flow.t, "SELECT count(*) FROM there WHERE g <> a * 2").await, 0);
        assert_eq!(flow.divergences().await, 0);
    }
}

/// Inserts and truncates come; production's own updates and deletes go on working, and staging keeps what it has.
async fn nothing_to_know_a_row_by(major: u32) {
    let flow = Flow::new(major, "keyless").await;
    flow.both(
        "CREATE TABLE none (a int, b text); CREATE TABLE nothing (id int PRIMARY KEY, b text); ALTER TABLE nothing REPLICA IDENTITY NOTHING;
         CREATE TABLE late (id int, b text, CONSTRAINT late_pkey PRIMARY KEY (id) DEFERRABLE);",
    )
    .await;
    let all = ["none", "nothing", "late"];
    for t in all {
        flow.source(&format!("INSERT INTO {t} SELECT g, 'x' FROM generate_series(1, 5) g")).await;
    }
    flow.equal().await;
    for t in all {
        let id = if t == "none" { "a" } else { "id" };
        flow.source(&format!("INSERT INTO {t} VALUES (6, 'y'); UPDATE {t} SET b = 'z' WHERE {id} = 1; DELETE FROM {t} WHERE {id} = 2; INSERT INTO {t} VALUES (7, NULL)")).await;
    }
    flow.catch_up().await;
    for t in all {
        assert_eq!(number(&flow.t, &format!("SELECT count(*) FROM {t}")).await, 7, "{t}");
        assert_eq!(
            text(&flow.t, &format!("SELECT string_agg(b, ',' ORDER BY b) FROM {t}")).await,
            "x,x,x,x,x,y",
            "{t}"
        );
    }
    flow.source("TRUNCATE none; INSERT INTO none VALUES (1, 'after')").await;
    flow.catch_up().await;
    check::equal(&flow.s, &flow.t, "none").await;
    assert_eq!(flow.divergences().await, 0);
    let _ = CATCH_UP;
}
