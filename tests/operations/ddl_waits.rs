//! Where `apply.ddl: additive` does nothing, though production has gained something: while staging stands still, where a part of the table is
//! staging's own, and of what does not come.

use std::time::Duration;

use super::ddl::{TABLES, additive, followed, type_of_or_none};
use crate::servers::wait_until;
use crate::shapes::Flow;
use crate::shapes::flow::number;
use crate::shapes::followed::{SOON, beat, ends};

majors!(nothing_is_made_while_staging_stands, a_part_is_stagings_own, labels_of_what_does_not_come);

/// Production is looked at for labels and columns this often, and a little more.
const LOOKED: Duration = Duration::from_secs(12);

const LABELS: &str = "SELECT count(*) FROM pg_enum WHERE enumlabel = 'b'";

async fn nothing_is_made_while_staging_stands(major: u32) {
    let (flow, running, _) = followed(major, "ddl_frozen", &additive(TABLES)).await;
    flow.sluice.ok(&["freeze"]).await;
    flow.source("ALTER TYPE mood ADD VALUE 'b'; ALTER TABLE t ADD nick text; ALTER TABLE t ALTER n TYPE bigint").await;
    flow.source("INSERT INTO t VALUES (31, 'a@secret.example', 'x', 1, 'b', 'secret')").await;
    tokio::time::sleep(LOOKED).await;
    let made = || async {
        let types = [type_of_or_none(&flow, "nick").await, type_of_or_none(&flow, "n").await];
        (number(&flow.t, LABELS).await, types)
    };
    let nothing = (0, ["NULL".to_owned(), "integer".to_owned()]);
    assert_eq!(made().await, nothing);
    let refused = flow.sluice.run(&["schema", "apply", "--yes"]).await;
    assert!(refused.code == 5 && refused.stderr.contains("staging is frozen"), "{}", refused.stderr);
    // at a start, too
    ends(running).await;
    let running = flow.sluice.spawn(&["run"]);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(made().await, nothing);
    flow.sluice.ok(&["resume"]).await;
    wait_until("it is made", SOON, || async {
        let (labels, [nick, n]) = made().await;
        labels == 1 && nick == "text" && n == "bigint"
    })
    .await;
    wait_until("the row is there", SOON, || async {
        number(&flow.t, "SELECT count(*) FROM t WHERE id = 31").await == 1
    })
    .await;
    ends(running).await;
}

/// What is done to a table is done to its partitions.
async fn a_part_is_stagings_own(major: u32) {
    let root = "CREATE TABLE parts (id int PRIMARY KEY, n int) PARTITION BY RANGE (id); CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100)";
    let yaml = additive("tables: { public.parts: keep }\nprotect: { tables: [public.mine] }");
    let flow = Flow::with(major, "ddl_part", &yaml).await;
    flow.both(root).await;
    flow.catch_up().await;
    flow.target("CREATE TABLE mine PARTITION OF parts FOR VALUES FROM (100) TO (200)").await;
    flow.source("ALTER TABLE parts ADD more text").await;
    let refused = flow.sluice.run(&["run", "--until-caught-up"]).await;
    assert!(refused.code != 0 && refused.stderr.contains("mine"), "{}", refused.stderr);
    let added = "SELECT count(*) FROM pg_attribute WHERE attname = 'more' AND attrelid IN ('mine'::regclass, 'parts'::regclass)";
    assert_eq!(number(&flow.t, added).await, 0, "a table of staging's own was changed");
}

/// A label may be somebody's name.
async fn labels_of_what_does_not_come(major: u32) {
    let away = "tables: { public.t: { columns: { email: email, m: drop } }, public.other: keep }";
    let (flow, running, _) = followed(major, "ddl_away", &additive(away)).await;
    flow.source("ALTER TYPE mood ADD VALUE 'b'; ALTER TABLE t ALTER n TYPE bigint").await;
    flow.source("INSERT INTO t VALUES (31, 'a@secret.example', 'x', 1, 'b')").await;
    beat(&flow).await;
    wait_until("what comes is widened", SOON, || async { type_of_or_none(&flow, "n").await == "bigint" }).await;
    tokio::time::sleep(LOOKED).await;
    assert_eq!(number(&flow.t, LABELS).await, 0, "a label that no row needs");
    let diff = flow.sluice.run(&["schema", "diff"]).await;
    assert!(diff.code == 0 && !diff.stdout.contains("mood"), "{}{}", diff.stdout, diff.stderr);
    ends(running).await;
}
