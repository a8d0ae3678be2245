//! Migrations of production while it is followed, with rows before and after in one transaction where that can be: what is
//! masked never comes under another name, what is copied never holds what another column holds, and what is not concerned
//! streams on.

use super::flow::{CATCH_UP, Flow, number, text};
use super::followed::{MASKED, SOON, beat, ends, followed, nothing_raw};
use crate::check;
use crate::servers::wait_until;

majors!(
    a_column_is_added,
    a_column_is_retyped,
    a_masked_column_is_renamed,
    a_masked_column_is_renamed_with_a_lock,
    a_masked_column_takes_a_kept_ones_name,
    a_masked_column_takes_a_kept_ones_name_and_place,
    a_masked_column_changes_places_with_a_lock,
    a_kept_column_is_renamed,
    a_column_is_dropped,
    the_identity_changes,
    what_rows_are_chosen_by_is_another,
);

/// It is withheld, and the rest of the row comes; a default that rewrites the table makes no difference.
async fn a_column_is_added(major: u32) {
    let (flow, running) = followed(major, "mig_add", MASKED, false).await;
    flow.source("BEGIN; INSERT INTO t VALUES (21, 'a@secret.example', 'x'); ALTER TABLE t ADD nick text, ADD token text DEFAULT 'secret' || clock_timestamp(); INSERT INTO t VALUES (22, 'b@secret.example', 'y', 'secret nick'); UPDATE t SET note = 'z', nick = 'secret' WHERE id < 5; COMMIT").await;
    flow.target("ALTER TABLE t ADD nick text").await;
    beat(&flow).await;
    let status = flow.sluice.ok(&["status"]).await.stdout;
    assert!(status.contains("2 withheld: nick token"), "{status}");
    let known = || check::Table::named("t").without(&["email", "nick", "token"]);
    check::equal(&flow.s, &flow.t, known()).await;
    assert_eq!(number(&flow.t, "SELECT count(*) FROM t WHERE nick IS NOT NULL").await, 0);
    nothing_raw(&flow, "t").await;
    assert_eq!(flow.divergences().await, 0);
    ends(running).await;
    flow.catch_up().await;
    assert_eq!(
        number(&flow.t, "SELECT sum(rows_copied)::bigint FROM sluice.tables WHERE name = 't'").await,
        20,
        "once"
    );
    nothing_raw(&flow, "t").await;
}

/// The rewritten rows are not in the stream: noticed with the next row, in its transaction or after it, or at the start.
async fn a_column_is_retyped(major: u32) {
    let (flow, running) = followed(major, "mig_type", "tables: { \"public.*\": keep }", false).await;
    flow.target("ALTER TABLE t ALTER note TYPE varchar(40)").await;
    flow.source("BEGIN; UPDATE t SET note = '12.345'; ALTER TABLE t ALTER note TYPE numeric(6,1) USING note::numeric; INSERT INTO t VALUES (30, 'x', 7); COMMIT").await;
    let same = "SELECT string_agg(id || ':' || note, ',' ORDER BY id) FROM t";
    let want = text(&flow.s, same).await;
    wait_until("the rewritten rows are there", SOON, || async { text(&flow.t, same).await == want }).await;
    ends(running).await;
    // there and back again, while nobody looks and no row comes between
    flow.source("ALTER TABLE t ALTER note TYPE int; INSERT INTO t VALUES (31, 'x', 8)").await;
    flow.catch_up().await;
    assert_eq!(text(&flow.t, same).await, text(&flow.s, same).await);
    assert_eq!(flow.divergences().await, 0);
}

/// Its rule names a column that there is not any more: nothing goes on before somebody has looked at it.
async fn renamed(major: u32, name: &str, lock: bool) {
    let (flow, mut running) = followed(major, name, MASKED, lock).await;
    flow.target("ALTER TABLE t ADD mail text").await;
    flow.source("BEGIN; INSERT INTO t VALUES (21, 'a@secret.example', 'x'); ALTER TABLE t RENAME email TO mail; INSERT INTO t VALUES (22, 'b@secret.example', 'y'); UPDATE t SET mail = 'c@secret.example' WHERE id < 5; COMMIT").await;
    wait_until("it is noticed", SOON, || async { running.log().contains("no column") }).await;
    nothing_raw(&flow, "t").await;
    assert!(running.ended().is_none(), "{}", running.log());
    running.kill9();
    let held = flow.sluice.run(&CATCH_UP).await;
    assert_eq!(held.code, 2, "{}", held.stderr);
    assert!(held.stderr.contains("tables.public.t.columns.email: no column \"email\" in public.t"), "{}", held.stderr);
    nothing_raw(&flow, "t").await;
}

async fn a_masked_column_is_renamed(major: u32) {
    renamed(major, "mig_rename", false).await;
}

async fn a_masked_column_is_renamed_with_a_lock(major: u32) {
    renamed(major, "mig_rename_lock", true).await;
}

/// The list of names stays what it was, and `note` holds what was masked.
async fn a_masked_column_takes_a_kept_ones_name(major: u32) {
    let yaml = "tables: { public.t: { columns: { email: email } }, public.other: keep }";
    let (flow, running) = followed(major, "mig_takes", yaml, false).await;
    // the masked one behind the kept one
    flow.source("BEGIN; INSERT INTO t VALUES (21, 'a@secret.example', 'x'); ALTER TABLE t ADD spare text; ALTER TABLE t DROP note; ALTER TABLE t RENAME email TO note; ALTER TABLE t RENAME spare TO email; INSERT INTO t (id, note) VALUES (22, 'b@secret.example'); UPDATE t SET id = -id WHERE id < 5; COMMIT").await;
    beat(&flow).await;
    flow.source("UPDATE t SET note = 'd@secret.example' WHERE id > 10").await;
    beat(&flow).await;
    nothing_raw(&flow, "t").await;
    ends(running).await;
    // and at the next start, and the one after it
    for _ in 0..2 {
        let said = flow.catch_up().await.stderr;
        assert!(said.contains("is what was masked or dropped as public.t.email: withheld"), "{said}");
        flow.source("UPDATE t SET note = note || '!' WHERE id > 10").await;
        nothing_raw(&flow, "t").await;
    }
    flow.sluice.ok(&["status"]).await;
}

/// The list of names is what it was, with the same types, so that nothing in the stream tells of it.
async fn a_masked_column_takes_a_kept_ones_name_and_place(major: u32) {
    let flow = Flow::with(major, "mig_place", MASKED).await;
    flow.both("CREATE TABLE t (id int PRIMARY KEY, note text, email text); CREATE TABLE other (id int PRIMARY KEY)")
        .await;
    flow.source("INSERT INTO t SELECT g, 'note', 'raw' || g || '@secret.example' FROM generate_series(1, 20) g").await;
    flow.catch_up().await;
    let running = flow.sluice.spawn(&["run"]);
    beat(&flow).await;
    flow.source("BEGIN; INSERT INTO t VALUES (21, 'x', 'a@secret.example'); ALTER TABLE t DROP note; ALTER TABLE t RENAME email TO note; ALTER TABLE t ADD email text; INSERT INTO t (id, note) VALUES (22, 'b@secret.example'); UPDATE t SET id = -id WHERE id < 5; COMMIT").await;
    beat(&flow).await;
    nothing_raw(&flow, "t").await;
    flow.source("UPDATE t SET note = 'd@secret.example' WHERE id > 10").await;
    beat(&flow).await;
    nothing_raw(&flow, "t").await;
    ends(running).await;
    let said = flow.catch_up().await.stderr;
    assert!(said.contains("is what was masked or dropped as public.t.email: withheld"), "{said}");
    nothing_raw(&flow, "t").await;
}

/// The lock and the file say the same of both names as before.
async fn a_masked_column_changes_places_with_a_lock(major: u32) {
    let yaml = "tables: { public.t: { columns: { email: email, note: keep } }, public.other: keep }";
    let (flow, running) = followed(major, "mig_swap", yaml, true).await;
    flow.source("BEGIN; UPDATE t SET note = 'n' WHERE id = 1; ALTER TABLE t RENAME email TO tmp; ALTER TABLE t RENAME note TO email; ALTER TABLE t RENAME tmp TO note; UPDATE t SET email = 'm' WHERE id < 5; INSERT INTO t VALUES (22, 'b@secret.example', 'x'); COMMIT").await;
    beat(&flow).await;
    nothing_raw(&flow, "t").await;
    ends(running).await;
    flow.catch_up().await;
    nothing_raw(&flow, "t").await;
}

/// Its new name is a new column: withheld, and said. What staging has of the old one stays.
async fn a_kept_column_is_renamed(major: u32) {
    let (flow, running) = followed(major, "mig_kept", MASKED, false).await;
    flow.source("BEGIN; UPDATE t SET note = 'before'; ALTER TABLE t RENAME note TO remark; UPDATE t SET remark = 'after' WHERE id < 5; INSERT INTO t VALUES (23, 'x@secret.example', 'after'); COMMIT").await;
    beat(&flow).await;
    let status = flow.sluice.ok(&["status"]).await.stdout;
    assert!(status.contains("1 withheld: remark"), "{status}");
    assert_eq!(number(&flow.t, "SELECT count(*) FROM t WHERE note = 'after'").await, 0);
    assert_eq!(number(&flow.t, "SELECT count(*) FROM t").await, 21);
    nothing_raw(&flow, "t").await;
    assert_eq!(flow.divergences().await, 0);
    ends(running).await;
    assert_eq!(
        number(&flow.t, "SELECT rows_copied FROM sluice.tables WHERE name = 't'").await,
        20,
        "nothing is copied again"
    );
}

/// A column that went is no reason to copy anything.
async fn a_column_is_dropped(major: u32) {
    let (flow, running) = followed(major, "mig_drop", MASKED, false).await;
    flow.source("BEGIN; INSERT INTO t VALUES (21, 'a@secret.example', 'x'); ALTER TABLE t DROP note; INSERT INTO t VALUES (22, 'b@secret.example'); UPDATE t SET id = 100 WHERE id = 1; COMMIT").await;
    beat(&flow).await;
    let ids = "SELECT string_agg(id::text, ',' ORDER BY id) FROM t";
    let want = text(&flow.s, ids).await;
    wait_until("its rows come", SOON, || async { text(&flow.t, ids).await == want }).await;
    nothing_raw(&flow, "t").await;
    assert_eq!(flow.divergences().await, 0);
    assert_eq!(
        number(&flow.t, "SELECT rows_copied FROM sluice.tables WHERE name = 't'").await,
        20,
        "nothing is copied again"
    );
    ends(running).await;
}

/// From the key to the whole row, to another index, and back.
async fn the_identity_changes(major: u32) {
    let (flow, running) = followed(major, "mig_identity", "tables: { \"public.*\": keep }", false).await;
    flow.both(
        "ALTER TABLE t ALTER note SET NOT NULL; UPDATE t SET note = id; ALTER TABLE t ADD CONSTRAINT u UNIQUE (note)",
    )
    .await;
    for identity in ["FULL", "USING INDEX u", "DEFAULT", "USING INDEX u", "FULL", "DEFAULT"] {
        flow.source(&format!("BEGIN; UPDATE t SET email = email || 'a' WHERE id < 5; ALTER TABLE t REPLICA IDENTITY {identity}; UPDATE t SET email = email || 'b' WHERE id > 2; UPDATE t SET id = id + 1000 WHERE id IN (7, 1007); DELETE FROM t WHERE id = (SELECT max(id) FROM t WHERE id < 1000); COMMIT")).await;
        wait_until(&format!("equal under {identity}"), SOON, || async {
            check::differences(&flow.s, &flow.t, "t").await.is_none()
        })
        .await;
    }
    assert_eq!(flow.divergences().await, 0);
    ends(running).await;
}

/// Its name stays, and the list of names; its values are another column's, or others. Nothing of it is copied.
async fn what_rows_are_chosen_by_is_another(major: u32) {
    let yaml = "tables: { public.t: { where: \"email = 'yes'\", columns: { id: keep, email: drop, note: drop } }, public.other: keep }";
    let (flow, running) = followed(major, "mig_chosen", yaml, false).await;
    let (want, has) = (
        "SELECT string_agg(id::text, ',' ORDER BY id) FROM t WHERE email = 'yes'",
        "SELECT string_agg(id::text, ',' ORDER BY id) FROM t",
    );
    let chosen = || async {
        let want = text(&flow.s, want).await;
        wait_until(&format!("{want} are there"), SOON, || async { text(&flow.t, has).await == want }).await;
    };
    flow.source("UPDATE t SET email = CASE WHEN id < 11 THEN 'yes' END, note = CASE WHEN id > 7 THEN 'yes' END").await;
    chosen().await;
    flow.source("ALTER TABLE t DROP email; ALTER TABLE t RENAME note TO email; ALTER TABLE t ADD note text").await;
    chosen().await;
    flow.source("UPDATE t SET email = NULL WHERE id = 20; INSERT INTO t VALUES (21, 'yes'), (22, 'no')").await;
    chosen().await;
    flow.source("ALTER TABLE t ALTER email TYPE text USING CASE WHEN id % 2 = 0 THEN 'yes' END").await;
    chosen().await;
    ends(running).await;
    flow.source(
        "ALTER TABLE t DROP note; ALTER TABLE t RENAME email TO note; ALTER TABLE t ADD email text DEFAULT 'yes'",
    )
    .await;
    flow.catch_up().await;
    assert_eq!(text(&flow.t, has).await, text(&flow.s, want).await);
    assert_eq!(flow.divergences().await, 0);
}
