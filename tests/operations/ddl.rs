//! DDL of every kind on production while it is followed, with rows before, between and behind it: what is defined happens, nothing is
//! lost, nothing raw comes, and all is equal in the end.

use std::time::Duration;

use crate::check::{self, Table};
use crate::servers::wait_until;
use crate::shapes::Flow;
use crate::shapes::flow::{CATCH_UP, number, text};
use crate::shapes::followed::{SOON, beat, becomes_equal, ends, is_held, nothing_raw};
use crate::sluice::Running;
use crate::verbs::serve::free_port;

majors!(
    a_column_is_added_and_approved,
    types_are_widened,
    a_label_is_added,
    a_label_beside_a_quarantine,
    what_may_be_a_rename_is_not_added,
    what_takes_away_is_not_done,
    a_column_is_renamed,
    a_key_is_another,
    a_table_is_new,
    a_partition_is_new,
    testers_hold_the_table,
    killed_behind_it,
    what_is_stagings_own_stays,
    off_changes_nothing,
);

/// Places at which a test here dies.
pub const KILLED: &[&str] = &["ddl.made"];

const T: &str = "CREATE TYPE mood AS ENUM ('a', 'c'); CREATE TABLE t (id int PRIMARY KEY, email text, note varchar(10), n int, m mood); CREATE TABLE other (id int PRIMARY KEY)";
pub const TABLES: &str = "tables: { public.t: { columns: { email: email } }, public.other: keep }";

/// `t` with a masked column, a narrow one and an enum, `other` beside it, and a replicator that follows them with `additive`.
pub async fn followed(major: u32, name: &str, rest: &str) -> (Flow, Running, u16) {
    begun(major, name, rest, false).await
}

/// The same, with a lock if need be.
async fn begun(major: u32, name: &str, rest: &str, lock: bool) -> (Flow, Running, u16) {
    let port = free_port();
    let flow = Flow::with(major, name, &format!("{rest}\nserve: {{ listen: \"127.0.0.1:{port}\" }}")).await;
    flow.both(T).await;
    flow.source(
        "INSERT INTO t SELECT g, 'raw' || g || '@secret.example', 'note', g, 'a' FROM generate_series(1, 20) g",
    )
    .await;
    if lock {
        flow.sluice.ok(&["init", "--lock"]).await;
    }
    flow.catch_up().await;
    let running = flow.sluice.spawn(&["run"]);
    beat(&flow).await;
    (flow, running, port)
}

pub fn additive(tables: &str) -> String {
    format!("{tables}\napply: {{ ddl: additive }}")
}

fn known() -> Table {
    Table::named("t").without(&["email"])
}

async fn done(flow: &Flow, running: Running) {
    nothing_raw(flow, "t").await;
    assert_eq!(flow.divergences().await, 0);
    ends(running).await;
    flow.catch_up().await;
    nothing_raw(flow, "t").await;
}

async fn type_of(flow: &Flow, column: &str) -> String {
    text(&flow.t, &format!("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = '{column}'")).await
}

/// Made without a value and without its default; withheld until somebody has said what it is.
async fn a_column_is_added_and_approved(major: u32) {
    let (flow, running, _) = begun(major, "ddl_add", &additive(TABLES), true).await;
    flow.source("BEGIN; INSERT INTO t VALUES (21, 'a@secret.example', 'x'); ALTER TABLE t ADD nick text, ADD token varchar(80) NOT NULL DEFAULT 'secret' || clock_timestamp(); INSERT INTO t VALUES (22, 'b@secret.example', 'y', 2, 'c', 'secret nick'); UPDATE t SET note = 'z', nick = 'secret' || id WHERE id < 5; COMMIT").await;
    wait_until("both are there", SOON, || async { number(&flow.t, "SELECT count(*) FROM pg_attribute WHERE attrelid = 't'::regclass AND attname IN ('nick', 'token') AND NOT attnotnull AND NOT atthasdef").await == 2 }).await;
    becomes_equal(&flow, Table::named("t").without(&["email", "nick", "token"])).await;
    assert_eq!(number(&flow.t, "SELECT count(*) FROM t WHERE nick IS NOT NULL OR token IS NOT NULL").await, 0);
    nothing_raw(&flow, "t").await;
    let status = flow.sluice.ok(&["status"]).await.stdout;
    assert!(status.contains("2 withheld: nick token"), "{status}");
    // and without a row, by a look
    flow.source("ALTER TABLE t ADD silent timestamptz").await;
    wait_until("it is noticed", SOON, || async {
        type_of_or_none(&flow, "silent").await == "timestamp with time zone"
    })
    .await;
    assert_eq!(
        number(&flow.t, "SELECT sum(rows_copied)::bigint FROM sluice.tables WHERE name = 't'").await,
        20,
        "nothing is copied again"
    );
    ends(running).await;

    flow.source("UPDATE t SET nick = replace(nick, 'secret', 'known'), silent = '2026-01-01Z'").await;
    for column in ["nick", "silent"] {
        flow.sluice.ok(&["approve", &format!("public.t.{column}"), "--as", "keep"]).await;
    }
    flow.catch_up().await;
    check::equal(&flow.s, &flow.t, Table::named("t").without(&["email", "token"])).await;
    nothing_raw(&flow, "t").await;
    assert_eq!(flow.divergences().await, 0);
}

pub async fn type_of_or_none(flow: &Flow, column: &str) -> String {
    text(&flow.t, &format!("SELECT min(format_type(atttypid, atttypmod)) FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = '{column}'")).await
}

/// Before the first row that needs it, in the same transaction; with what staging has of its own beside it.
async fn types_are_widened(major: u32) {
    // what is dropped on purpose need not be on staging, and is not made there
    let rest = "tables: { public.t: { columns: { email: email, m: drop } }, public.other: keep }";
    let (flow, running, _) = followed(major, "ddl_wide", &additive(rest)).await;
    let known = || known().without(&["email", "m"]);
    flow.target("ALTER TABLE t ADD own text, DROP m; UPDATE t SET own = 'of ' || id").await;
    let (long, large) = ("'longer than ten'", 4_000_000_000_u64);
    flow.source(&format!("BEGIN; INSERT INTO t VALUES (21, 'a@secret.example', 'x', 1); ALTER TABLE t ALTER note TYPE varchar(20); INSERT INTO t VALUES (22, 'b@secret.example', {long}, 2); ALTER TABLE t ALTER n TYPE bigint; INSERT INTO t VALUES (23, 'c@secret.example', {long}, {large}); UPDATE t SET n = {large} WHERE id < 5; COMMIT")).await;
    becomes_equal(&flow, known()).await;
    assert_eq!(
        (type_of(&flow, "note").await.as_str(), type_of(&flow, "n").await.as_str()),
        ("character varying(20)", "bigint")
    );
    flow.source("ALTER TABLE t ALTER note TYPE text, ALTER n TYPE numeric; UPDATE t SET note = repeat('long', 100), n = n + 0.5 WHERE id > 15").await;
    becomes_equal(&flow, known()).await;
    assert_eq!((type_of(&flow, "note").await.as_str(), type_of(&flow, "n").await.as_str()), ("text", "numeric"));
    assert_eq!(number(&flow.t, "SELECT count(*) FROM t WHERE own IS NOT NULL").await, 20, "what is staging's stays");
    assert_eq!(type_of_or_none(&flow, "m").await, "NULL");
    done(&flow, running).await;
}

/// No Relation tells of it. It keeps its place.
async fn a_label_is_added(major: u32) {
    let (flow, mut running, _) = followed(major, "ddl_label", &additive(TABLES)).await;
    for (i, label) in [
        "ALTER TYPE mood ADD VALUE 'b' BEFORE 'c'",
        "ALTER TYPE mood ADD VALUE '0' BEFORE 'a'",
        "ALTER TYPE mood ADD VALUE 'z'",
    ]
    .into_iter()
    .enumerate()
    {
        let new = label.split('\'').nth(1).expect("a label");
        flow.source(label).await;
        flow.source(&format!("BEGIN; UPDATE t SET m = 'c' WHERE id = {i}; INSERT INTO t VALUES (10{i}, 'a@secret.example', 'x', 1, '{new}'); UPDATE t SET m = '{new}' WHERE id BETWEEN 5 AND {i} + 8; COMMIT")).await;
        becomes_equal(&flow, known()).await;
    }
    assert_eq!(text(&flow.t, "SELECT string_agg(enumlabel, '' ORDER BY enumsortorder) FROM pg_enum").await, "0abcz");
    // and without a row
    flow.source("ALTER TYPE mood ADD VALUE 'unused'").await;
    wait_until("it is noticed", SOON, || async { number(&flow.t, "SELECT count(*) FROM pg_enum").await == 6 }).await;
    assert!(!running.log().contains("ERROR held"), "{}", running.log());
    assert!(running.ended().is_none());
    // a one-shot run does not end for it
    ends(running).await;
    flow.source("ALTER TYPE mood ADD VALUE 'late'").await;
    flow.source("UPDATE t SET m = 'late' WHERE id < 3").await;
    flow.catch_up().await;
    check::equal(&flow.s, &flow.t, known()).await;
    assert_eq!(flow.divergences().await, 0);
}

/// A row with a new label is no bad row; a bad row is one all the same.
async fn a_label_beside_a_quarantine(major: u32) {
    let rest = format!("{TABLES}\napply: {{ ddl: additive, on_error: quarantine }}");
    let (flow, running, _) = followed(major, "ddl_aside", &rest).await;
    flow.target("ALTER TABLE t ALTER n TYPE mood USING NULL").await;
    flow.source("ALTER TYPE mood ADD VALUE 'b'").await;
    flow.source("UPDATE t SET m = 'b', n = 7 WHERE id = 1; UPDATE t SET m = 'b', n = NULL WHERE id = 2").await;
    let there = || async { number(&flow.t, "SELECT count(*) FROM sluice.quarantine").await };
    wait_until("what is no label is put aside", SOON, || async { there().await >= 1 }).await;
    beat(&flow).await;
    assert_eq!(number(&flow.t, "SELECT count(*) FROM pg_enum").await, 3);
    assert_eq!((there().await, text(&flow.t, "SELECT m::text FROM t WHERE id = 2").await.as_str()), (1, "b"));
    assert!(running.log().contains("it goes into quarantine"), "{}", running.log());
    ends(running).await;
    drop(flow);
}

/// A new name for a label: whoever added it would leave the rows with the old one.
async fn what_may_be_a_rename_is_not_added(major: u32) {
    let (flow, mut running, port) = followed(major, "ddl_label_name", &additive(TABLES)).await;
    flow.source("ALTER TYPE mood RENAME VALUE 'a' TO 'b'").await;
    flow.source("UPDATE t SET m = 'b' WHERE id < 5").await;
    is_held(&flow, &mut running, port, &["22P02", "sluice schema diff prints what it lacks, as SQL"]).await;
    let told = flow.sluice.run(&["schema", "diff"]).await;
    assert_eq!(told.code, 3);
    let sql = told.stdout.lines().find(|l| l.contains("RENAME VALUE")).expect("SQL").trim().to_owned();
    flow.target(&sql).await;
    becomes_equal(&flow, known()).await;
    done(&flow, running).await;
}

/// A column that goes, one that takes less: staging has more, and that is normal.
async fn what_takes_away_is_not_done(major: u32) {
    let (flow, running, _) = followed(major, "ddl_less", &additive(TABLES)).await;
    flow.source("BEGIN; INSERT INTO t VALUES (21, 'a@secret.example', 'x', 1); ALTER TABLE t DROP m; INSERT INTO t VALUES (22, 'b@secret.example', 'y', 2); ALTER TABLE t ALTER n TYPE smallint, ALTER note TYPE varchar(4); INSERT INTO t VALUES (23, 'c@secret.example', 'z', 3); UPDATE t SET n = 5 WHERE id < 3; COMMIT").await;
    let left = || Table::named("t").without(&["email", "m"]);
    becomes_equal(&flow, left()).await;
    assert_eq!(
        (type_of(&flow, "n").await.as_str(), type_of(&flow, "note").await.as_str()),
        ("integer", "character varying(10)")
    );
    assert_eq!(number(&flow.t, "SELECT count(*) FROM t WHERE m = 'a'").await, 20, "what staging has of it stays");
    // another type altogether goes by its text, and where that does not fit the stream is held
    flow.source("ALTER TABLE t ALTER note TYPE int USING 7; INSERT INTO t VALUES (24, 'd@secret.example', 8, 4)").await;
    becomes_equal(&flow, Table::named("t").without(&["email", "m", "note"]).computed("note::text", "note")).await;
    done(&flow, running).await;
}

/// Its new name is a new column: made, withheld; the old one stays.
async fn a_column_is_renamed(major: u32) {
    let (flow, running, _) = followed(major, "ddl_rename", &additive(TABLES)).await;
    flow.source("BEGIN; UPDATE t SET note = 'before'; ALTER TABLE t RENAME note TO remark; UPDATE t SET remark = 'secret' WHERE id < 5; INSERT INTO t VALUES (23, 'x@secret.example', 'secret'); COMMIT").await;
    wait_until("it is there", SOON, || async { type_of_or_none(&flow, "remark").await == "character varying(10)" })
        .await;
    becomes_equal(&flow, Table::named("t").without(&["email", "note", "remark"])).await;
    assert_eq!(number(&flow.t, "SELECT count(*) FROM t WHERE remark IS NOT NULL").await, 0);
    // what was written under the old name and under the new one came in one transaction
    assert_eq!(number(&flow.t, "SELECT count(*) FROM t WHERE note IN ('note', 'before')").await, 20);
    done(&flow, running).await;
}

/// Staging finds rows by no other key than production's: held, and what is printed mends it.
async fn a_key_is_another(major: u32) {
    let (flow, mut running, port) = followed(major, "ddl_key", &additive(TABLES)).await;
    flow.source("BEGIN; INSERT INTO t VALUES (21, 'a@secret.example', 'x', 21); ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (n); INSERT INTO t VALUES (22, 'b@secret.example', 'y', 22); UPDATE t SET note = 'z' WHERE n < 5; COMMIT").await;
    is_held(
        &flow,
        &mut running,
        port,
        &["no valid, immediate, unpartial unique index over exactly (n)", "CREATE UNIQUE INDEX ON"],
    )
    .await;
    let told = flow.sluice.run(&["schema", "diff", "--json"]).await;
    assert_eq!(told.code, 3);
    let list: serde_json::Value = serde_json::from_str(&told.stdout).expect("JSON");
    let key = list.as_array().expect("a list").iter().find(|d| d["kind"] == "key").expect("the key");
    flow.target(key["sql"][0].as_str().expect("SQL")).await;
    becomes_equal(&flow, known()).await;
    done(&flow, running).await;
}

/// A glob takes it in: held until it is on staging, and no row of it is lost.
async fn a_table_is_new(major: u32) {
    let rest = "tables: { \"public.*\": keep, public.t: { columns: { email: email } } }";
    let (flow, mut running, port) = followed(major, "ddl_table", &additive(rest)).await;
    flow.source("BEGIN; INSERT INTO t VALUES (21, 'a@secret.example', 'x'); CREATE TABLE fresh (id int PRIMARY KEY, t int REFERENCES t, m mood DEFAULT 'a'); INSERT INTO fresh VALUES (1, 21); INSERT INTO t VALUES (22, 'b@secret.example', 'y'); COMMIT").await;
    becomes_equal(&flow, known()).await;
    // a table that nobody has planned is met at the next start, or when the files are read again
    running.signal(libc::SIGHUP);
    is_held(&flow, &mut running, port, &["public.fresh does not exist on the target", "sluice schema apply"]).await;
    flow.source("INSERT INTO fresh VALUES (2, 1); UPDATE fresh SET m = 'c' WHERE id = 1").await;
    flow.sluice.ok(&["schema", "apply", "--yes"]).await;
    becomes_equal(&flow, "fresh").await;
    flow.source("UPDATE fresh SET t = 2").await;
    becomes_equal(&flow, "fresh").await;
    becomes_equal(&flow, known()).await;
    done(&flow, running).await;
}

/// A row that no partition of staging takes is held; its place is made, and it comes.
async fn a_partition_is_new(major: u32) {
    let (flow, mut running, port) = followed(major, "ddl_partition", &additive("tables: { \"public.*\": keep }")).await;
    ends(running).await;
    flow.both("CREATE TABLE p (id int PRIMARY KEY, a text) PARTITION BY RANGE (id); CREATE TABLE p_1 PARTITION OF p FOR VALUES FROM (0) TO (10)").await;
    flow.source("INSERT INTO p VALUES (1, 'x')").await;
    flow.catch_up().await;
    running = flow.sluice.spawn(&["run"]);
    beat(&flow).await;
    flow.source("BEGIN; INSERT INTO p VALUES (2, 'before'); CREATE TABLE p_2 PARTITION OF p FOR VALUES FROM (10) TO (20); INSERT INTO p VALUES (11, 'between'); UPDATE p SET id = 12 WHERE id = 1; COMMIT; INSERT INTO p VALUES (13, 'behind')").await;
    wait_until("it is held", SOON, || async { running.log().contains("23514") }).await;
    wait_until("its port says so", SOON, || async { crate::verbs::serve::get(port, "/readyz").0 == 503 }).await;
    flow.sluice.ok(&["schema", "apply", "--yes"]).await;
    becomes_equal(&flow, "p").await;
    flow.source("DROP TABLE p_2; INSERT INTO p VALUES (5, 'y')").await;
    becomes_equal(&flow, "p").await;
    assert_eq!(flow.divergences().await, 0);
    ends(running).await;
}

/// Whoever looks at a table keeps it from being changed: what nobody needs yet waits, with the stream going on; what rows need
/// waits with the stream, and testers do not.
async fn testers_hold_the_table(major: u32) {
    let (flow, running, _) = followed(major, "ddl_locks", &additive(TABLES)).await;
    let tester = flow.db.target().await;
    tester.batch_execute("BEGIN; SELECT count(*) FROM t").await.expect("a look");
    flow.source("ALTER TABLE t ADD nick text; UPDATE t SET n = 100 WHERE id = 1").await;
    becomes_equal(&flow, Table::named("t").without(&["email", "nick"])).await;
    wait_until("it has tried", SOON, || async { running.log().contains("waits for somebody's lock on staging") }).await;
    beat(&flow).await;
    tester.batch_execute("COMMIT").await.expect("the end");
    wait_until("it is there", SOON, || async { type_of_or_none(&flow, "nick").await == "text" }).await;

    tester.batch_execute("BEGIN; SELECT count(*) FROM t").await.expect("a look");
    flow.source("ALTER TABLE t ALTER note TYPE varchar(30); UPDATE t SET note = 'longer than ten' WHERE id = 2").await;
    let tries = || {
        running.log().matches("a wider type of note waits").count()
            + running.log().matches("makes=\"a wider type of note\"").count()
    };
    wait_until("it tries", SOON, || async { tries() >= 2 }).await;
    for _ in 0..10 {
        let began = std::time::Instant::now();
        number(&flow.t, "SELECT count(*) FROM t").await;
        assert!(began.elapsed() < Duration::from_secs(2), "a tester waited for {:?}", began.elapsed());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    tester.batch_execute("COMMIT").await.expect("the end");
    becomes_equal(&flow, Table::named("t").without(&["email", "nick"])).await;
    done(&flow, running).await;
}

/// Between the change and the rows that need it.
async fn killed_behind_it(major: u32) {
    let flow = Flow::with(major, "ddl_killed", &additive(TABLES)).await;
    flow.both(T).await;
    flow.source(
        "INSERT INTO t SELECT g, 'raw' || g || '@secret.example', 'note', g, 'a' FROM generate_series(1, 20) g",
    )
    .await;
    flow.catch_up().await;
    flow.source("ALTER TYPE mood ADD VALUE 'b'").await;
    flow.source("BEGIN; INSERT INTO t VALUES (21, 'a@secret.example', 'x', 1, 'b'); ALTER TABLE t ALTER note TYPE text, ADD nick text, ALTER n TYPE bigint; INSERT INTO t VALUES (22, 'b@secret.example', 'longer than ten', 4000000000, 'b', 'secret'); COMMIT").await;
    let mut deaths = 0;
    loop {
        let dies = flow.sluice.clone().env("SLUICE_FAILPOINT", "ddl.made");
        let output = dies.run(&CATCH_UP).await;
        if output.code == 0 {
            break;
        }
        assert_eq!(output.code, -1, "{}", output.stderr);
        deaths += 1;
        assert!(deaths < 10, "it makes the same again: {}", output.stderr);
    }
    assert_eq!(deaths, 4, "a label, a column, two types");
    check::equal(&flow.s, &flow.t, Table::named("t").without(&["email", "nick"])).await;
    nothing_raw(&flow, "t").await;
    assert_eq!(flow.divergences().await, 0);
}

/// Neither a protected table, nor one that has its rows from a table of production by inheritance on staging alone.
async fn what_is_stagings_own_stays(major: u32) {
    let rest = "tables: { public.t: { columns: { email: email } }, public.other: keep }\nprotect: { tables: [public.users, public.child] }";
    let (flow, running, _) = followed(major, "ddl_own", &additive(rest)).await;
    flow.both("CREATE TABLE users (id int PRIMARY KEY, note varchar(10))").await;
    flow.target("CREATE TABLE child () INHERITS (t); INSERT INTO child (id, note) VALUES (1, 'own')").await;
    flow.source("ALTER TABLE users ADD nick text, ALTER note TYPE text; ALTER TABLE t ADD nick text; INSERT INTO users VALUES (1); UPDATE t SET n = 5 WHERE id = 1").await;
    beat(&flow).await;
    tokio::time::sleep(Duration::from_secs(12)).await;
    let columns = "SELECT string_agg(format_type(atttypid, atttypmod), ' ' ORDER BY attnum) FROM pg_attribute WHERE attnum > 0 AND attrelid = 'users'::regclass";
    assert_eq!(text(&flow.t, columns).await, "integer character varying(10)");
    assert_eq!(number(&flow.t, "SELECT count(*) FROM pg_attribute WHERE attname = 'nick'").await, 0);
    let n = || async { number(&flow.t, "SELECT n::bigint FROM ONLY t WHERE id = 1").await };
    wait_until("rows of t come", SOON, || async { n().await == 5 }).await;
    ends(running).await;
}

/// The default: nothing of staging's is changed, whatever production does; what rows need is held and told.
async fn off_changes_nothing(major: u32) {
    let (flow, mut running, port) = followed(major, "ddl_off", TABLES).await;
    flow.source("ALTER TYPE mood ADD VALUE 'b'; ALTER TABLE t ADD nick text").await;
    flow.source("INSERT INTO t VALUES (21, 'a@secret.example', 'x', 1, 'b')").await;
    is_held(&flow, &mut running, port, &["22P02", "sluice schema diff prints what it lacks, as SQL"]).await;
    wait_until("it has looked again", SOON, || async { running.log().matches("ERROR held").count() >= 2 }).await;
    assert_eq!(number(&flow.t, "SELECT count(*) FROM pg_enum").await, 2);
    assert_eq!(type_of_or_none(&flow, "nick").await, "NULL");
    let told = flow.sluice.run(&["schema", "diff"]).await;
    let sql = told.stdout.lines().find(|l| l.contains("ADD VALUE")).expect("SQL").trim().to_owned();
    flow.target(&sql).await;
    becomes_equal(&flow, Table::named("t").without(&["email", "nick"])).await;
    done(&flow, running).await;
}
