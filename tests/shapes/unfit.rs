//! A migration after which the policy fits no more, of a pipeline that runs: it stays up, red, says what does not fit and what
//! mends it; nothing raw comes, no row is lost; with a mended file it goes on, and all is equal.

use std::fs;
use std::time::Duration;

use super::flow::{CATCH_UP, Flow, number};
use super::followed::{MASKED, SOON, beat, becomes_equal, copied, ends, goes_on, is_held, nothing_raw, served};
use crate::check::Table;
use crate::servers::wait_until;
use crate::sluice::Running;

majors!(
    a_masked_column_has_another_name,
    a_masked_column_is_gone,
    a_masked_column_has_a_type_that_its_mask_does_not_take,
    a_key_is_masked_in_a_way_that_joins_rows,
    a_table_has_another_name,
    a_table_is_in_another_schema,
    a_table_is_gone,
    a_table_changes_places_with_another,
    staging_is_behind,
    what_is_taken_back,
    what_the_target_refuses_is_tried_once,
);

const OTHER: &str = "public.other: keep";

/// Rows before it and behind it in one transaction, and some more.
async fn migrate(flow: &Flow, sql: &str, behind: &str) {
    flow.source(&format!(
        "BEGIN; INSERT INTO t VALUES (21, 'a@secret.example', 'x'); UPDATE t SET note = 'before' WHERE id < 4; {sql}; {behind}; COMMIT"
    ))
    .await;
    flow.source("INSERT INTO other SELECT max(id) + 1 FROM other").await;
}

/// One that is to end does so, and says what is wrong; then the file is mended.
async fn mended(flow: &Flow, running: &mut Running, rest: &str) {
    running.term();
    assert!(running.wait(Duration::from_secs(20)).await.success(), "{}", running.log());
    let ended = flow.sluice.run(&CATCH_UP).await;
    assert!([2, 5].contains(&ended.code), "{}: {}", ended.code, ended.stderr);
    assert!(ended.stderr.contains("public.t"), "{}", ended.stderr);
    goes_on(flow, running, rest).await;
}

async fn done(flow: Flow, running: Running) {
    nothing_raw(&flow, "t").await;
    assert_eq!(flow.divergences().await, 0);
    ends(running).await;
    flow.catch_up().await;
    nothing_raw(&flow, "t").await;
}

async fn a_masked_column_has_another_name(major: u32) {
    let (flow, mut running, port) = served(major, "unfit_name", MASKED).await;
    let behind =
        "INSERT INTO t VALUES (22, 'b@secret.example', 'y'); UPDATE t SET mail = 'c@secret.example' WHERE id < 5";
    migrate(&flow, "ALTER TABLE t RENAME email TO mail", behind).await;
    is_held(
        &flow,
        &mut running,
        port,
        &["tables.public.t.columns.email", "no column \"email\" in public.t", "hint: mend sluice.yaml"],
    )
    .await;
    flow.target("ALTER TABLE t RENAME email TO mail").await;
    mended(&flow, &mut running, &format!("tables: {{ public.t: {{ columns: {{ mail: email }} }}, {OTHER} }}")).await;
    becomes_equal(&flow, Table::named("t").without(&["mail"])).await;
    let mails = "SELECT count(DISTINCT mail) FROM t";
    assert_eq!(number(&flow.t, mails).await, number(&flow.s, mails).await, "equal ones stay equal, others stay others");
    done(flow, running).await;
}

async fn a_masked_column_is_gone(major: u32) {
    let (flow, mut running, port) = served(major, "unfit_gone", MASKED).await;
    migrate(&flow, "ALTER TABLE t DROP email", "INSERT INTO t VALUES (22, 'y'); DELETE FROM t WHERE id = 9").await;
    is_held(&flow, &mut running, port, &["tables.public.t.columns.email", "no column \"email\" in public.t"]).await;
    mended(&flow, &mut running, &format!("tables: {{ public.t: keep, {OTHER} }}")).await;
    becomes_equal(&flow, "t").await;
    done(flow, running).await;
}

/// Without a row behind it: nothing in the stream tells of it.
async fn a_masked_column_has_a_type_that_its_mask_does_not_take(major: u32) {
    let (flow, mut running, port) = served(major, "unfit_type", MASKED).await;
    flow.source("INSERT INTO t VALUES (21, 'a@secret.example', 'x')").await;
    beat(&flow).await;
    flow.source("ALTER TABLE t ALTER email TYPE int USING id").await;
    is_held(&flow, &mut running, port, &["tables.public.t.columns.email: mask email wants a column of type"]).await;
    mended(&flow, &mut running, &format!("tables: {{ public.t: {{ columns: {{ email: drop }} }}, {OTHER} }}")).await;
    becomes_equal(&flow, Table::named("t").without(&["email"])).await;
    wait_until("it is blanked", SOON, || async { number(&flow.t, "SELECT count(email) FROM t").await == 0 }).await;
    done(flow, running).await;
}

/// The new key is a column whose mask can give two rows one value.
async fn a_key_is_masked_in_a_way_that_joins_rows(major: u32) {
    let masked = "tables: { public.t: { columns: { email: name } }, public.other: keep }";
    let (flow, mut running, port) = served(major, "unfit_key", masked).await;
    let key = "ALTER TABLE t DROP CONSTRAINT t_pkey; ALTER TABLE t ADD PRIMARY KEY (email)";
    migrate(&flow, key, "UPDATE t SET note = 'behind' WHERE id > 15").await;
    is_held(
        &flow,
        &mut running,
        port,
        &["public.t.email: its mask can give two keys the same value", "(mask a key with hash, email"],
    )
    .await;
    flow.target("ALTER TABLE t DROP CONSTRAINT t_pkey; CREATE UNIQUE INDEX ON t (email)").await;
    mended(&flow, &mut running, &format!("tables: {{ public.t: {{ columns: {{ email: email }} }}, {OTHER} }}")).await;
    becomes_equal(&flow, Table::named("t").without(&["email"])).await;
    done(flow, running).await;
}

async fn a_table_has_another_name(major: u32) {
    let (flow, mut running, port) = served(major, "unfit_table", MASKED).await;
    let behind = "INSERT INTO t2 VALUES (22, 'b@secret.example', 'y'); DELETE FROM t2 WHERE id = 9";
    migrate(&flow, "ALTER TABLE t RENAME TO t2", behind).await;
    is_held(&flow, &mut running, port, &["tables.public.t: no such table on the source"]).await;
    flow.target("ALTER TABLE t RENAME TO t2").await;
    mended(&flow, &mut running, &format!("tables: {{ public.t2: {{ columns: {{ email: email }} }}, {OTHER} }}")).await;
    becomes_equal(&flow, Table::named("t2").without(&["email"])).await;
    flow.target("CREATE VIEW t AS SELECT * FROM t2").await;
    done(flow, running).await;
}

/// Without a row behind it. The table that takes its name is another one.
async fn a_table_is_in_another_schema(major: u32) {
    let (flow, mut running, port) = served(major, "unfit_schema", MASKED).await;
    flow.both("CREATE SCHEMA archive").await;
    flow.source("INSERT INTO t VALUES (21, 'a@secret.example', 'x')").await;
    beat(&flow).await;
    flow.source("ALTER TABLE t SET SCHEMA archive").await;
    is_held(&flow, &mut running, port, &["tables.public.t: no such table on the source"]).await;
    flow.source("CREATE TABLE t (id int PRIMARY KEY, email text, note text); INSERT INTO t VALUES (1, 'new@secret.example', 'new')")
        .await;
    flow.target("CREATE TABLE archive.t (LIKE t INCLUDING ALL)").await;
    let both = "public.t: { columns: { email: email } }, archive.t: { columns: { email: email } }";
    goes_on(&flow, &mut running, &format!("tables: {{ {both}, {OTHER} }}")).await;
    becomes_equal(&flow, Table::named("archive.t").without(&["email"])).await;
    becomes_equal(&flow, Table::named("public.t").without(&["email"])).await;
    nothing_raw(&flow, "archive.t").await;
    done(flow, running).await;
}

/// It leaves the publication in silence. One that is named and may be missing is left alone on staging.
async fn a_table_is_gone(major: u32) {
    let (flow, mut running, port) = served(major, "unfit_drop", MASKED).await;
    migrate(&flow, "DROP TABLE t", "SELECT 1").await;
    is_held(&flow, &mut running, port, &["tables.public.t: no such table on the source"]).await;
    let optional = "public.t: { columns: { email: email }, optional: true }";
    mended(&flow, &mut running, &format!("tables: {{ {optional}, {OTHER} }}")).await;
    assert_eq!(number(&flow.t, "SELECT count(*) FROM t").await, 20, "as it was when production dropped it");
    done(flow, running).await;
}

/// The old one stays published under its new name, and nothing says that it may go: whoever made it so does. What it holds from
/// before comes no more, what the new one holds does.
async fn a_table_changes_places_with_another(major: u32) {
    let (flow, mut running, port) = served(major, "unfit_places", MASKED).await;
    flow.source("CREATE TABLE fresh (id int PRIMARY KEY, note text, email text); INSERT INTO fresh VALUES (1, 'new', 'n@secret.example'), (40, 'new', 'm@secret.example')").await;
    let behind =
        "INSERT INTO t VALUES (41, 'new', 'o@secret.example'); INSERT INTO old VALUES (50, 'p@secret.example', 'old')";
    migrate(&flow, "ALTER TABLE t RENAME TO old; ALTER TABLE fresh RENAME TO t", behind).await;
    let sql = "ALTER PUBLICATION \"sluice_unfit_places\" DROP TABLE ONLY \"public\".\"old\"";
    is_held(&flow, &mut running, port, &["has \"public\".\"old\", which the configuration does not replicate so", sql])
        .await;
    flow.source("INSERT INTO t VALUES (42, 'new', 'q@secret.example'); UPDATE old SET note = 'gone'").await;
    flow.source(sql).await;
    beat(&flow).await;
    becomes_equal(&flow, Table::named("t").without(&["email"])).await;
    flow.source("UPDATE t SET note = 'seen' WHERE id = 1; DELETE FROM t WHERE id = 41").await;
    becomes_equal(&flow, Table::named("t").without(&["email"])).await;
    done(flow, running).await;
}

/// It is staging that fits no more: a column that comes is not there.
async fn staging_is_behind(major: u32) {
    let (flow, mut running, port) = served(major, "unfit_staging", MASKED).await;
    flow.target("ALTER TABLE t DROP note").await;
    migrate(&flow, "UPDATE t SET note = 'x'", "SELECT 1").await;
    is_held(&flow, &mut running, port, &["public.t on the target has no column note", "hint: add it there"]).await;
    flow.target("ALTER TABLE t ADD note text").await;
    beat(&flow).await;
    becomes_equal(&flow, Table::named("t").without(&["email"]).source_rows("note = 'x'")).await;
    flow.sluice.ok(&["resync", "public.t"]).await;
    becomes_equal(&flow, Table::named("t").without(&["email"])).await;
    done(flow, running).await;
}

/// It looks again by itself.
async fn what_is_taken_back(major: u32) {
    let (flow, mut running, port) = served(major, "unfit_back", MASKED).await;
    flow.source("ALTER TABLE t RENAME email TO mail; INSERT INTO t VALUES (21, 'a@secret.example', 'x')").await;
    is_held(&flow, &mut running, port, &["no column \"email\" in public.t"]).await;
    flow.source("ALTER TABLE t RENAME mail TO email; INSERT INTO t VALUES (22, 'b@secret.example', 'x')").await;
    beat(&flow).await;
    becomes_equal(&flow, Table::named("t").without(&["email"])).await;
    wait_until("status says so", SOON, || async { flow.sluice.ok(&["status"]).await.stdout.contains("streaming") })
        .await;
    assert!(copied(&flow).await >= 20);
    done(flow, running).await;
}

/// Another policy writes what the target does not take. Every look compares what the trial hangs on; rows of production are
/// read again when something of it has changed.
async fn what_the_target_refuses_is_tried_once(major: u32) {
    let (flow, mut running, port) = served(major, "unfit_trial", MASKED).await;
    flow.target("ALTER TABLE t ADD CONSTRAINT short CHECK (length(note) < 5)").await;
    running.term();
    assert!(running.wait(Duration::from_secs(20)).await.success(), "{}", running.log());
    let yaml = fs::read_to_string(flow.sluice.dir.join("sluice.yaml")).expect("sluice.yaml");
    flow.sluice.configure(&yaml.replace("email: email }", "email: email, note: hash }"));
    // a session counts what it read when it ends
    let scans = || number(&flow.s, "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 't'");
    let copied = scans().await;
    running = flow.sluice.spawn(&["run"]);
    is_held(&flow, &mut running, port, &["the constraint short (note) on the target refuses 20 of 20 rows tried"])
        .await;
    wait_until("its rows were read", SOON, || async { scans().await > copied }).await;
    let tried = scans().await;
    let looks = |running: &Running| running.log().matches("ERROR held").count();
    let before = looks(&running);
    wait_until("it is looked at again", SOON, || async { looks(&running) >= before + 2 }).await;
    assert_eq!(scans().await, tried, "what is refused is not read again");
    flow.target("ALTER TABLE t DROP CONSTRAINT short, ADD CONSTRAINT shorter CHECK (length(note) < 6)").await;
    is_held(&flow, &mut running, port, &["the constraint shorter (note) on the target refuses 20 of 20 rows tried"])
        .await;
    wait_until("the target asks for something else now", SOON, || async { scans().await > tried }).await;
    flow.target("ALTER TABLE t DROP CONSTRAINT shorter").await;
    beat(&flow).await;
    becomes_equal(&flow, Table::named("t").without(&["email", "note"])).await;
    nothing_raw(&flow, "t").await;
    ends(running).await;
}
