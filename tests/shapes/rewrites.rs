//! Rows that production writes anew without sending one: noticed, and brought, whatever the shape says. What writes the
//! table's file anew and no row otherwise is no reason to copy anything.

use super::flow::{number, text};
use super::followed::{MASKED, SOON, beat, becomes_equal, copied, ends, followed, nothing_raw};
use crate::check::{self, Table};
use crate::servers::wait_until;

majors!(
    a_column_is_rewritten_in_its_type,
    a_key_is_rewritten,
    a_masked_column_is_rewritten,
    rewritten_while_nobody_looks,
    the_file_is_another_and_the_rows_are_not,
    a_table_is_made_anew_under_its_name,
    a_column_with_a_default_comes,
);

const KEPT: &str = "tables: { \"public.*\": keep }";

/// With a row behind it in its transaction, and without any.
async fn a_column_is_rewritten_in_its_type(major: u32) {
    let (flow, running) = followed(major, "rewrite_type", KEPT, false).await;
    flow.source("BEGIN; UPDATE t SET note = 'low' WHERE id < 5; ALTER TABLE t ALTER note TYPE text USING upper(note); INSERT INTO t VALUES (21, 'x', 'behind'); COMMIT").await;
    becomes_equal(&flow, "t").await;
    assert_eq!(copied(&flow).await, 20 + 21, "copied again");
    flow.source("ALTER TABLE t ALTER note TYPE varchar USING note || '!'").await;
    becomes_equal(&flow, "t").await;
    // the type looks the same on the wire, and the column is one that only staging would miss
    flow.source("ALTER TABLE t ALTER note TYPE varchar USING reverse(note)").await;
    wait_until("status says why", SOON, || async {
        let done = check::differences(&flow.s, &flow.t, "t").await.is_none();
        done || flow.sluice.ok(&["status"]).await.stdout.contains("its rows were rewritten on production")
    })
    .await;
    becomes_equal(&flow, "t").await;
    assert_eq!(flow.divergences().await, 0);
    ends(running).await;
}

/// What comes behind it names rows by keys that staging does not have.
async fn a_key_is_rewritten(major: u32) {
    let (flow, running) = followed(major, "rewrite_key", KEPT, false).await;
    flow.source("BEGIN; DELETE FROM t WHERE id = 3; ALTER TABLE t ALTER id TYPE int USING id + 1; UPDATE t SET note = 'behind' WHERE id < 9; DELETE FROM t WHERE id = 12; INSERT INTO t VALUES (1, 'x', 'new'); COMMIT").await;
    becomes_equal(&flow, "t").await;
    flow.source("ALTER TABLE t ALTER id TYPE int USING id + 100").await;
    flow.source("UPDATE t SET note = 'more' WHERE id > 110").await;
    becomes_equal(&flow, "t").await;
    assert_eq!(flow.divergences().await, 0);
    ends(running).await;
}

async fn a_masked_column_is_rewritten(major: u32) {
    let (flow, running) = followed(major, "rewrite_masked", MASKED, false).await;
    let masks = "SELECT string_agg(email, ' ' ORDER BY id) FROM t";
    let before = text(&flow.t, masks).await;
    flow.source("ALTER TABLE t ALTER email TYPE text USING 'new.' || email").await;
    wait_until("its masks are others", SOON, || async {
        text(&flow.t, masks).await != before && number(&flow.t, "SELECT count(*) FROM sluice.pending").await == 0
    })
    .await;
    assert_eq!(number(&flow.t, "SELECT count(DISTINCT email) FROM t").await, 20);
    check::equal(&flow.s, &flow.t, Table::named("t").without(&["email"])).await;
    nothing_raw(&flow, "t").await;
    ends(running).await;
}

async fn rewritten_while_nobody_looks(major: u32) {
    let (flow, running) = followed(major, "rewrite_down", KEPT, false).await;
    ends(running).await;
    flow.source("ALTER TABLE t ALTER note TYPE text USING upper(note)").await;
    flow.equal().await;
    // and again, with a row behind it, and a kill amid the copy that it makes due
    flow.source(
        "BEGIN; ALTER TABLE t ALTER note TYPE text USING note || '?'; INSERT INTO t VALUES (21, 'x', 'behind'); COMMIT",
    )
    .await;
    let mut running = flow.sluice.spawn(&["run"]);
    wait_until("it is noticed", SOON, || async {
        number(&flow.t, "SELECT count(*) FROM sluice.pending").await > 0
            || check::differences(&flow.s, &flow.t, "t").await.is_none()
    })
    .await;
    running.kill9();
    flow.equal().await;
}

/// Looked at in between, and while nobody looks.
async fn the_file_is_another_and_the_rows_are_not(major: u32) {
    let (flow, running) = followed(major, "rewrite_none", KEPT, false).await;
    let files = "SELECT rows_at FROM sluice.tables WHERE name = 't'";
    let mut was = text(&flow.t, files).await;
    for sql in [
        "VACUUM FULL t",
        "ALTER TABLE t ALTER note SET STATISTICS 77",
        "CLUSTER t USING t_pkey",
        "ALTER TABLE t ALTER note SET DEFAULT 'x'",
        "ALTER TABLE t ADD seen timestamptz DEFAULT clock_timestamp()",
        "GRANT SELECT (note) ON t TO PUBLIC",
        "VACUUM FULL",
    ] {
        flow.source(sql).await;
        flow.source("UPDATE t SET email = email || '.' WHERE id < 3").await;
        wait_until(&format!("{sql} is seen"), SOON, || async { text(&flow.t, files).await != was }).await;
        was = text(&flow.t, files).await;
        beat(&flow).await;
        assert_eq!(copied(&flow).await, 20, "copied again for {sql}");
    }
    ends(running).await;
    flow.source("VACUUM FULL t; ").await;
    flow.catch_up().await;
    assert_eq!(copied(&flow).await, 20, "copied again for VACUUM FULL while nobody looked");
    check::equal(&flow.s, &flow.t, Table::named("t").without(&["seen"])).await;
    flow.source("TRUNCATE t; INSERT INTO t VALUES (1, 'x', 'y')").await;
    flow.catch_up().await;
    check::equal(&flow.s, &flow.t, Table::named("t").without(&["seen"])).await;
    assert_eq!(copied(&flow).await, 20, "copied again for TRUNCATE");
    assert_eq!(flow.divergences().await, 0);
}

/// Another table: it has left the publication, and what is written to it is in no stream.
async fn a_table_is_made_anew_under_its_name(major: u32) {
    let (flow, running) = followed(major, "rewrite_anew", MASKED, false).await;
    let make = "CREATE TABLE t (id int PRIMARY KEY, email text, note text)";
    flow.source(&format!("BEGIN; INSERT INTO t VALUES (21, 'a@secret.example', 'last'); DROP TABLE t; {make}; INSERT INTO t VALUES (1, 'b@secret.example', 'first'); COMMIT")).await;
    flow.source(
        "INSERT INTO t VALUES (2, 'c@secret.example', 'unseen'); UPDATE t SET note = 'unseen too' WHERE id = 1",
    )
    .await;
    becomes_equal(&flow, Table::named("t").without(&["email"])).await;
    // and it is streamed from here on
    let before = copied(&flow).await;
    flow.source("INSERT INTO t VALUES (3, 'd@secret.example', 'seen'); DELETE FROM t WHERE id = 2").await;
    becomes_equal(&flow, Table::named("t").without(&["email"])).await;
    assert_eq!(copied(&flow).await, before);
    nothing_raw(&flow, "t").await;
    assert_eq!(flow.divergences().await, 0);
    // while nobody looks, and with other columns in the same places
    ends(running).await;
    flow.source("INSERT INTO t VALUES (4, 'e@secret.example', 'last'); DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY, note text, email text); INSERT INTO t VALUES (7, 'n', 'f@secret.example')").await;
    flow.catch_up().await;
    check::equal(&flow.s, &flow.t, Table::named("t").without(&["email"])).await;
    nothing_raw(&flow, "t").await;
}

/// Old rows have it without a word in the stream. Withheld until somebody has looked at it; then all of it comes.
async fn a_column_with_a_default_comes(major: u32) {
    let (flow, mut running) = followed(major, "rewrite_default", KEPT, false).await;
    flow.both("ALTER TABLE t ADD fast text DEFAULT 'same', ADD slow text DEFAULT md5(random()::text)").await;
    flow.target("UPDATE t SET fast = NULL, slow = NULL").await;
    wait_until("it is said", SOON, || async { running.log().contains("columns=\"fast, slow\"") }).await;
    flow.source("UPDATE t SET fast = 'other' WHERE id < 5; INSERT INTO t (id) VALUES (21)").await;
    beat(&flow).await;
    becomes_equal(&flow, Table::named("t").without(&["fast", "slow"])).await;
    assert_eq!(number(&flow.t, "SELECT count(*) FROM t WHERE fast = 'other'").await, 0, "nobody has looked at it");
    let named = "tables: { public.t: { columns: { fast: keep, slow: keep } }, public.other: keep }";
    super::followed::goes_on(&flow, &mut running, named).await;
    becomes_equal(&flow, "t").await;
    ends(running).await;
}
