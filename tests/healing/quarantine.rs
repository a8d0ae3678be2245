//! Rows that staging refuses are kept aside, and the stream goes on; nothing is skipped without a record.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use serde_json::Value;

use crate::check::{self, Table};
use crate::servers::wait_until;
use crate::shapes::Flow;
use crate::shapes::flow::{CATCH_UP, number, text};
use crate::sluice::Sluice;
use crate::verbs::serve::{free_port, get};

majors!(
    a_row_goes_aside_and_comes_back,
    what_production_does_with_a_row_aside,
    rows_go_aside_in_a_copy,
    killed_while_a_row_goes_aside,
    too_many_hold,
    while_it_runs,
    one_of_two_gives_way,
);

/// Where the process is killed.
pub const KILLED: &[&str] = &["apply.quarantined", "chunk.sifted"];

const LIMIT: Duration = Duration::from_secs(90);

/// All tables kept, and what is refused goes aside.
const KEPT: &str = "tables: { \"public.*\": keep }\napply: { on_error: quarantine }";

/// What lies there: table, key, operation, SQLSTATE and constraint.
async fn aside(flow: &Flow) -> String {
    let sql = "SELECT coalesce(string_agg(concat_ws(' ', name, key, operation, sqlstate, constraint_name), ', ' ORDER BY id), '') FROM sluice.quarantine WHERE NOT skipped";
    text(&flow.t, sql).await
}

async fn list(flow: &Flow, more: &[&str]) -> Value {
    let args = [&["quarantine", "list", "--json"], more].concat();
    serde_json::from_str(&flow.sluice.ok(&args).await.stdout).expect("JSON")
}

/// The rest of its transaction is there; its later changes are skipped; `retry` brings it, once staging takes it.
async fn a_row_goes_aside_and_comes_back(major: u32) {
    let flow = Flow::with(major, "aside", KEPT).await;
    flow.both("CREATE TABLE t (id int PRIMARY KEY, n int, v text)").await;
    flow.source("INSERT INTO t SELECT g, g, 'v' FROM generate_series(1, 50) g").await;
    flow.target("ALTER TABLE t ADD CONSTRAINT positive CHECK (n > 0)").await;
    flow.equal().await;
    let changes = "BEGIN; UPDATE t SET v = 'w'; UPDATE t SET n = -7 WHERE id = 7;
        INSERT INTO t VALUES (60, -60, 'secret'), (61, 61, 'x'); COMMIT; UPDATE t SET v = 'later' WHERE id IN (7, 60, 8)";
    flow.source(changes).await;
    let log = flow.catch_up().await.stderr;
    assert!(log.contains("a row cannot be applied") && !log.contains("secret"), "{log}");
    assert_eq!(aside(&flow).await, "t {7} update 23514 positive, t {60} insert 23514 positive");
    let others = Table::named("t").source_rows("id NOT IN (7, 60)").target_rows("id <> 7");
    check::equal(&flow.s, &flow.t, others).await;
    let before = text(&flow.t, "SELECT v FROM t WHERE id = 7").await;
    assert_eq!(before, "w", "as it was before the change that was refused");
    assert_eq!(flow.divergences().await, 0);
    // what is said of it
    let said = flow.sluice.ok(&["status", "--json"]).await.stdout;
    let state: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!((&state["quarantined"], &state["consistent"]), (&2.into(), &false.into()), "{state}");
    let said = flow.sluice.ok(&["status"]).await.stdout;
    assert!(said.contains("quarantine   2 rows of public.t   source transactions are split meanwhile"), "{said}");
    let shown = flow.sluice.ok(&["quarantine", "list"]).await.stdout;
    assert!(shown.contains("23514 check_violation constraint \"positive\""), "{shown}");
    let rows = list(&flow, &["--rows"]).await;
    assert_eq!(rows[1]["row"]["v"], "secret", "{rows}");
    assert!(!format!("{shown}{}", list(&flow, &[]).await).contains("secret"), "no value unless it is asked for");
    // tried again too early, it comes back
    let first = rows[0]["id"].to_string();
    flow.sluice.ok(&["quarantine", "retry", &first]).await;
    flow.source("UPDATE t SET n = 60, v = 'good' WHERE id = 60").await;
    flow.catch_up().await;
    assert_eq!(aside(&flow).await, "t {60} insert 23514 positive, t {7} copy 23514 positive");
    assert_eq!(number(&flow.t, "SELECT count(*) FROM t WHERE id = 7").await, 0, "a copy leaves nothing of it");
    flow.target("ALTER TABLE t DROP CONSTRAINT positive").await;
    assert_eq!(flow.sluice.run(&["quarantine", "retry", &first]).await.code, 2, "that number is gone");
    flow.sluice.ok(&["quarantine", "retry", "--table", "t"]).await;
    flow.equal().await;
}

/// Whatever production does with the row meanwhile: staging is right, or a record says where it is not.
async fn what_production_does_with_a_row_aside(major: u32) {
    let flow = Flow::with(major, "aside_gone", KEPT).await;
    flow.both(
        "CREATE TABLE t (id int PRIMARY KEY, n int, v text); CREATE TABLE u (id int PRIMARY KEY, n int);
        CREATE TABLE f (id int, n int, PRIMARY KEY (id)); ALTER TABLE f REPLICA IDENTITY FULL; CREATE TABLE k (n int)",
    )
    .await;
    for table in ["t", "u", "f", "k"] {
        flow.target(&format!("ALTER TABLE {table} ADD CONSTRAINT positive CHECK (n > 0)")).await;
    }
    flow.source("INSERT INTO t SELECT g, g, 'v' FROM generate_series(1, 50) g; INSERT INTO u SELECT g, g FROM generate_series(1, 50) g; INSERT INTO f SELECT * FROM u").await;
    flow.equal().await;
    // refused in a batch and between others, by an update that changes the key, and of a table without one
    flow.source("UPDATE t SET n = -n WHERE id IN (1, 2, 3); INSERT INTO t VALUES (60, -1, 'x'), (61, -1, 'x')").await;
    flow.source("UPDATE t SET id = 104, n = -4 WHERE id = 4; UPDATE f SET n = -1 WHERE id = 1; UPDATE f SET id = 102, n = -2 WHERE id = 2").await;
    flow.source("UPDATE u SET n = -n WHERE id < 4; INSERT INTO k VALUES (-1), (1)").await;
    flow.catch_up().await;
    let sql = "SELECT string_agg(name || coalesce(key::text, ''), ' ' ORDER BY id) FROM sluice.quarantine";
    let all = "t{1} t{2} t{3} t{60} t{61} t{104} f{1} f{102} u{1} u{2} u{3} k";
    assert_eq!(text(&flow.t, sql).await, all);
    let gone = "SELECT (SELECT count(*) FROM t WHERE id IN (4, 104)) + (SELECT count(*) FROM f WHERE id = 2)";
    assert_eq!(number(&flow.t, gone).await, 0, "under its old key production has it no more");
    // each of them closed by what production says
    flow.source("DELETE FROM t WHERE id = 1; UPDATE t SET id = 102, n = 2 WHERE id = 2; DELETE FROM t WHERE id = 60")
        .await;
    flow.source("BEGIN; UPDATE t SET n = -5 WHERE id = 5; DELETE FROM t WHERE id = 5; INSERT INTO t VALUES (5, 5, 'new'); COMMIT").await;
    flow.source("DELETE FROM f WHERE id = 1; UPDATE f SET id = 103 WHERE id = 102; TRUNCATE u; INSERT INTO u VALUES (1, 1), (90, -90); TRUNCATE k").await;
    flow.catch_up().await;
    assert_eq!(text(&flow.t, sql).await, "t{3} t{61} t{104} f{103} u{90}");
    check::equal(&flow.s, &flow.t, Table::named("t").source_rows("n > 0").target_rows("id <> 3")).await;
    for table in ["u", "f", "k"] {
        check::equal(&flow.s, &flow.t, Table::named(table).source_rows("n > 0")).await;
    }
    assert_eq!(flow.divergences().await, 0);
    // forgotten: what comes later of the keys is as of any row that is not as expected
    let refused = flow.sluice.run(&["quarantine", "skip", "--table", "t"]).await;
    assert_eq!(refused.code, 5, "it asks first: {}", refused.stderr);
    flow.sluice.ok(&["quarantine", "skip", "--table", "t", "--yes"]).await;
    flow.catch_up().await;
    assert_eq!(text(&flow.t, sql).await, "f{103} u{90}");
    assert_eq!(number(&flow.t, "SELECT n::bigint FROM t WHERE id = 3").await, 3, "as it is on staging");
    flow.source("UPDATE t SET n = 33 WHERE id = 3; UPDATE t SET n = 61 WHERE id = 61; DELETE FROM t WHERE id = 104")
        .await;
    flow.catch_up().await;
    check::equal(&flow.s, &flow.t, "t").await;
    assert_eq!(flow.divergences().await, 2, "one that is not there to be updated, one to be deleted");
    // a transaction in pieces
    flow.source("BEGIN; INSERT INTO u VALUES (91, -91); INSERT INTO k SELECT g FROM generate_series(1, 60000) g; UPDATE u SET n = 91 WHERE id = 91; COMMIT").await;
    flow.catch_up().await;
    assert_eq!(text(&flow.t, sql).await, "f{103} u{90} u{91}");
    // all of a table anew: its records go, and those that are refused again come back
    flow.sluice.ok(&["resync", "u"]).await;
    assert_eq!(text(&flow.t, sql).await, "f{103}");
    flow.catch_up().await;
    assert_eq!(text(&flow.t, sql).await, "f{103} u{90}");
    for table in ["t", "u", "f", "k"] {
        flow.target(&format!("ALTER TABLE {table} DROP CONSTRAINT positive")).await;
    }
    flow.sluice.ok(&["quarantine", "retry", "--all"]).await;
    flow.catch_up().await;
    check::schema_equal(&flow.s, &flow.t, "public").await;
}

/// Tables of every kind: cut into ranges, one unit, with a masked key, without any; refused by a type, by a constraint, and
/// where old rows stand.
async fn rows_go_aside_in_a_copy(major: u32) {
    let rest = "tables: { \"public.*\": keep, public.guest: { columns: { mail: email } } }\napply: { on_error: quarantine }\ncopy: { chunk_rows: 1000 }";
    let flow = Flow::with(major, "aside_copy", rest).await;
    flow.both(
        "CREATE TABLE cut (id int PRIMARY KEY, n int, v text, w text); CREATE TABLE unit (id text PRIMARY KEY, n int);
         CREATE TABLE guest (mail text PRIMARY KEY, n int); CREATE TABLE bare (n int)",
    )
    .await;
    flow.target(
        "ALTER TABLE cut ALTER v TYPE varchar(3), ADD CONSTRAINT positive CHECK (n > 0), ADD mine text;
         ALTER TABLE unit ADD CONSTRAINT positive CHECK (n > 0); ALTER TABLE guest ADD CONSTRAINT positive CHECK (n > 0);
         ALTER TABLE bare ADD CONSTRAINT positive CHECK (n > 0);
         INSERT INTO cut VALUES (5, 5, 'old', '', 'a'), (6, 6, 'old', '', 'b'), (2500, 1, 'old', '', 'c'), (9999, 1, 'old', '', 'd')",
    )
    .await;
    flow.source(
        "INSERT INTO cut SELECT g, g, 'v', 'raw' || g FROM generate_series(1, 3000) g; UPDATE cut SET n = -1 WHERE id IN (5, 1500, 1501);
         UPDATE cut SET v = 'long' WHERE id IN (2500, 3000);
         INSERT INTO unit SELECT 'k' || g, g - 1 FROM generate_series(1, 300) g;
         INSERT INTO guest SELECT g || '@hotel.example', g - 2 FROM generate_series(1, 300) g;
         INSERT INTO bare SELECT g - 2 FROM generate_series(1, 300) g",
    )
    .await;
    flow.catch_up().await;
    let mut keys = text(&flow.t, "SELECT string_agg(concat(name, key, sqlstate), ' ' ORDER BY name, key[1]) FROM sluice.quarantine WHERE name <> 'guest'").await;
    assert_eq!(
        keys,
        "bare23514 bare23514 cut{1500}23514 cut{1501}23514 cut{2500}22001 cut{3000}22001 cut{5}23514 unit{k1}23514"
    );
    let good = "n > 0 AND v <> 'long'";
    check::equal(&flow.s, &flow.t, Table::named("cut").source_rows(good)).await;
    assert_eq!(
        text(&flow.t, "SELECT string_agg(id || mine, ' ') FROM cut WHERE mine <> ''").await,
        "6b",
        "its own column"
    );
    for table in ["unit", "bare"] {
        check::equal(&flow.s, &flow.t, Table::named(table).source_rows("n > 0")).await;
    }
    assert_eq!(number(&flow.t, "SELECT count(*) FROM guest").await, 298);
    let rows = list(&flow, &["--rows"]).await;
    let guest = rows.as_array().and_then(|rows| rows.iter().find(|r| r["table"] == "public.guest")).expect("one");
    assert!(!guest.to_string().contains("hotel") && guest["row"]["mail"] == guest["key"][0], "{guest}");
    // held by the masked key: its own later changes are skipped, and production may delete it
    flow.source("DELETE FROM guest WHERE n = -1").await;
    flow.source(
        "UPDATE guest SET n = n + 100; UPDATE unit SET n = n + 100; UPDATE cut SET v = 'w' WHERE id IN (5, 6, 2500)",
    )
    .await;
    flow.catch_up().await;
    assert_eq!(number(&flow.t, "SELECT count(*) FROM guest WHERE n > 100").await, 298);
    assert_eq!(number(&flow.t, "SELECT count(*) FROM sluice.quarantine WHERE name = 'guest'").await, 1);
    assert_eq!(flow.divergences().await, 0);
    // by the masked key production cannot be asked: all of its table
    let said = flow.sluice.ok(&["quarantine", "retry", "--table", "guest"]).await.stderr;
    assert!(said.contains("public.guest is due as a whole"), "{said}");
    flow.sluice.ok(&["quarantine", "retry", "--table", "unit"]).await;
    flow.sluice.ok(&["quarantine", "retry", "--table", "cut"]).await;
    flow.catch_up().await;
    keys =
        text(&flow.t, "SELECT string_agg(concat(name, key), ' ' ORDER BY name, key[1]) FROM sluice.quarantine").await;
    assert_eq!(keys, "bare bare cut{1500} cut{1501} cut{3000} cut{5}");
    assert_eq!(number(&flow.t, "SELECT count(*) FROM guest").await, 299);
    check::equal(&flow.s, &flow.t, "unit").await;
    // another policy: what is on staging of rows that are held becomes as it says too, and no record keeps what it was. Where
    // that is refused for a row, all rows of its part come anew: then one that is held may come
    flow.source("UPDATE cut SET n = -n WHERE id IN (10, 1200); UPDATE cut SET n = 5 WHERE id = 5").await;
    flow.catch_up().await;
    let raw = "SELECT count(*) FROM cut WHERE id IN (10, 1200) AND w = 'raw' || id AND v IS NOT NULL";
    assert_eq!(number(&flow.t, raw).await, 2, "as they were before");
    flow.target("ALTER TABLE cut ADD CONSTRAINT still CHECK (id <> 20 OR w = 'raw20')").await;
    let file = std::fs::read_to_string(flow.sluice.dir.join("sluice.yaml")).expect("the file");
    let other = "public.cut: { columns: { v: drop, w: name }, rest: keep }, public.guest:";
    flow.sluice.configure(&file.replace("public.guest:", other));
    flow.catch_up().await;
    keys = text(
        &flow.t,
        "SELECT string_agg(concat(key, operation), ' ' ORDER BY key[1]) FROM sluice.quarantine WHERE name = 'cut'",
    )
    .await;
    assert_eq!(keys, "{10}copy {1200}update {1500}copy {1501}copy {20}copy {3000}copy");
    let raw = "SELECT (SELECT count(*) FROM cut WHERE w LIKE 'raw%' OR v IS NOT NULL) + (SELECT count(*) FROM sluice.quarantine WHERE masked::text LIKE '%raw%')";
    assert_eq!(number(&flow.t, raw).await, 0);
    assert_eq!(
        text(&flow.t, "SELECT string_agg(id::text, ' ' ORDER BY id) FROM cut WHERE id IN (5, 10, 20, 1200)").await,
        "5 1200",
        "masked where it stands"
    );
}

/// Either both, the record and the position, or neither.
async fn killed_while_a_row_goes_aside(major: u32) {
    let flow = Flow::with(major, "aside_kill", KEPT).await;
    flow.both("CREATE TABLE t (id int PRIMARY KEY, n int)").await;
    flow.target("ALTER TABLE t ADD CONSTRAINT positive CHECK (n > 0)").await;
    flow.source("INSERT INTO t SELECT g, g - 3 FROM generate_series(1, 50) g").await;
    for (place, change, want) in [
        ("chunk.sifted", "", "t {1} copy 23514 positive, t {2} copy 23514 positive, t {3} copy 23514 positive"),
        (
            "apply.quarantined:2",
            "UPDATE t SET n = -n WHERE id IN (20, 21); UPDATE t SET n = n + 1 WHERE id <> 20",
            "t {1} copy 23514 positive, t {2} copy 23514 positive, t {3} copy 23514 positive, t {20} update 23514 positive, t {21} update 23514 positive",
        ),
    ] {
        flow.source(change).await;
        let before =
            number(&flow.t, "SELECT coalesce((SELECT count(*) FROM pg_tables WHERE schemaname = 'sluice'), 0)").await;
        let had = if before > 0 { aside(&flow).await } else { String::new() };
        let dying = Sluice::between(&flow.db, KEPT).env("SLUICE_FAILPOINT", place);
        let ended = dying.spawn(&CATCH_UP).wait(LIMIT).await;
        assert_eq!(ended.signal(), Some(9), "at {place}");
        wait_until("its sessions are gone", LIMIT, || async {
            number(&flow.t, "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'sluice/aside_kill/%'")
                .await
                == 0
        })
        .await;
        assert_eq!(aside(&flow).await, had, "nothing of it before its commit, at {place}");
        flow.catch_up().await;
        assert_eq!(aside(&flow).await, want, "at {place}");
        check::equal(
            &flow.s,
            &flow.t,
            Table::named("t").source_rows("id > 3 AND id NOT IN (20, 21)").target_rows("id NOT IN (20, 21)"),
        )
        .await;
    }
    assert_eq!(flow.divergences().await, 0);
}

/// Above the limit it holds as without; and what is a matter of all rows does not go aside.
async fn too_many_hold(major: u32) {
    let rest = "tables: { \"public.*\": keep }\napply: { on_error: quarantine, max_quarantined: 2 }";
    let flow = Flow::with(major, "aside_full", rest).await;
    flow.both("CREATE TABLE t (id int PRIMARY KEY, n int)").await;
    flow.target("ALTER TABLE t ADD CONSTRAINT positive CHECK (n > 0)").await;
    flow.source("INSERT INTO t SELECT g, g - 3 FROM generate_series(1, 50) g").await;
    let held = flow.sluice.run(&CATCH_UP).await;
    assert_eq!(held.code, 6, "{}", held.stderr);
    assert!(held.stderr.contains("hint: with it more than 2 rows would be in quarantine"), "{}", held.stderr);
    assert_eq!(number(&flow.t, "SELECT (SELECT count(*) FROM t) + (SELECT count(*) FROM sluice.quarantine)").await, 0);
    flow.source("UPDATE t SET n = 1 WHERE id < 3").await;
    flow.catch_up().await;
    assert_eq!(aside(&flow).await, "t {3} copy 23514 positive");
    flow.source("UPDATE t SET n = -4 WHERE id = 4").await;
    flow.source("UPDATE t SET n = -5 WHERE id = 5").await;
    let held = flow.sluice.run(&CATCH_UP).await;
    assert_eq!(held.code, 6, "{}", held.stderr);
    flow.source("DELETE FROM t WHERE id = 3").await;
    flow.sluice.ok(&["quarantine", "skip", "--all", "--yes"]).await;
    flow.catch_up().await;
    assert_eq!(aside(&flow).await, "t {4} update 23514 positive, t {5} update 23514 positive");
    // a matter of all rows: nothing of it goes aside
    flow.target("CREATE FUNCTION f(int) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RETURN EXISTS (SELECT FROM nowhere.t); END'; DELETE FROM sluice.quarantine; ALTER TABLE t ADD CHECK (f(n)) NOT VALID").await;
    flow.source("UPDATE t SET n = 7 WHERE id = 7").await;
    let held = flow.sluice.run(&CATCH_UP).await;
    assert_eq!((held.code, aside(&flow).await.as_str()), (6, ""), "{}", held.stderr);
    assert!(held.stderr.contains("42P01"), "{}", held.stderr);
}

/// Red while a row is there, green when it is not; decided while it runs.
async fn while_it_runs(major: u32) {
    let port = free_port();
    let flow = Flow::with(major, "aside_runs", &format!("{KEPT}\nserve: {{ listen: \"127.0.0.1:{port}\" }}")).await;
    flow.both("CREATE TABLE t (id int PRIMARY KEY, n int)").await;
    flow.target("ALTER TABLE t ADD CONSTRAINT positive CHECK (n > 0)").await;
    flow.source("INSERT INTO t SELECT g, g FROM generate_series(1, 50) g").await;
    let mut running = flow.sluice.spawn(&["run"]);
    let ready = || async { get(port, "/readyz").0 == 200 };
    wait_until("it is ready", LIMIT, ready).await;
    flow.source("UPDATE t SET n = -n WHERE id IN (1, 2)").await;
    wait_until("it is red", LIMIT, || async {
        get(port, "/readyz") == (503, "not ready: in quarantine: 2 of public.t\n".into())
    })
    .await;
    let (_, metrics) = get(port, "/metrics");
    for line in
        ["sluice_quarantined_rows{pipeline=\"aside_runs\"} 2", "sluice_quarantined_total{pipeline=\"aside_runs\"} 2"]
    {
        assert!(metrics.lines().any(|l| l == line), "{line}\n{metrics}");
    }
    let rows = list(&flow, &[]).await;
    let id = |n: usize| rows[n]["id"].to_string();
    flow.sluice.ok(&["quarantine", "skip", &id(1), "--yes"]).await;
    flow.source("UPDATE t SET n = 1 WHERE id = 1").await;
    flow.sluice.ok(&["quarantine", "retry", &id(0)]).await;
    wait_until("it is ready again", LIMIT, ready).await;
    assert_eq!(number(&flow.t, "SELECT sum(n) FROM t WHERE id < 3").await, 3, "brought, and as it was");
    flow.source("UPDATE t SET n = 22 WHERE id = 2").await;
    wait_until("its changes come again", LIMIT, || async {
        number(&flow.t, "SELECT count(*) FROM t WHERE n = 22").await == 2
    })
    .await;
    running.term();
    assert!(running.wait(LIMIT).await.success());
    flow.equal().await;
}

/// Production keeps apart what is one on staging: each would push the other out, for ever.
async fn one_of_two_gives_way(major: u32) {
    let flow = Flow::with(major, "aside_two", KEPT).await;
    flow.both("CREATE TABLE t (id int PRIMARY KEY, n int)").await;
    flow.target("ALTER TABLE t ADD CONSTRAINT one UNIQUE (n)").await;
    flow.source("INSERT INTO t SELECT g, g FROM generate_series(1, 50) g").await;
    flow.equal().await;
    flow.source("INSERT INTO t VALUES (60, 7)").await;
    flow.catch_up().await;
    let both = "t {7} copy 23505 one, t {60} copy 23505 one";
    let one = aside(&flow).await;
    assert!(both.split(", ").any(|w| w == one), "{one}");
    assert_eq!(number(&flow.t, "SELECT count(*) FROM t WHERE n = 7").await, 1);
    let others = Table::named("t").source_rows("n <> 7").target_rows("n <> 7");
    check::equal(&flow.s, &flow.t, others).await;
    // with the other gone it comes
    flow.source("UPDATE t SET n = 70 WHERE id = 60").await;
    flow.sluice.ok(&["quarantine", "retry", "--all"]).await;
    flow.catch_up().await;
    check::equal(&flow.s, &flow.t, "t").await;
}
