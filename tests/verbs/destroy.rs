//! `sluice destroy`: nothing of a pipeline is left, but for the rows that it copied and what is not its own.

use std::time::Duration;

use super::{number, shop};
use crate::servers::wait_until;

majors!(
    leaves_nothing_behind,
    does_the_half_that_it_can_reach,
    spares_what_is_in_use,
    leaves_also_where_all_is_read_only
);

const ON_PRODUCTION: &str = "SELECT (SELECT count(*) FROM pg_replication_slots WHERE database = current_database())
    + (SELECT count(*) FROM pg_publication WHERE pubname LIKE 'sluice%')";
const SCHEMA: &str = "SELECT count(*) FROM pg_namespace WHERE nspname = 'sluice'";

async fn leaves_nothing_behind(major: u32) {
    let (db, sluice) = shop(major, "verbs_destroy", "").await;
    let (source, target) = (db.source().await, db.target().await);
    source.batch_execute("CREATE PUBLICATION others FOR TABLE cruises").await.expect("publish");
    sluice.ok(&["run", "--until-caught-up"]).await;
    let output = sluice.run(&["destroy"]).await;
    assert_eq!(output.code, 5, "it asks first: {}", output.stderr);
    assert_eq!(number(&source, ON_PRODUCTION).await, 3, "and nothing was done");
    // another pipeline keeps its checkpoint in the same schema
    let copy = "CREATE TEMP TABLE c AS TABLE sluice.checkpoint; UPDATE c SET pipeline = 'other';
         INSERT INTO sluice.checkpoint SELECT * FROM c";
    target.batch_execute(copy).await.expect("a second pipeline");
    let said = sluice.ok(&["destroy", "--yes"]).await.stderr;
    assert!(said.contains("schema sluice stays: other pipelines"), "{said}");
    assert_eq!(number(&target, "SELECT count(*) FROM sluice.checkpoint").await, 1);
    assert_eq!(number(&source, ON_PRODUCTION).await, 0);
    target.batch_execute("DELETE FROM sluice.checkpoint").await.expect("delete");
    let said = sluice.ok(&["destroy", "--yes"]).await.stderr;
    assert!(said.contains("schema sluice is dropped"), "{said}");
    assert_eq!(number(&target, SCHEMA).await, 0);
    assert_eq!(number(&target, "SELECT count(*) FROM cruises").await, 200, "the rows stay");
    assert_eq!(number(&source, "SELECT count(*) FROM pg_publication WHERE pubname = 'others'").await, 1);
}

async fn does_the_half_that_it_can_reach(major: u32) {
    let (db, sluice) = shop(major, "verbs_destroy_half", "").await;
    let (source, target) = (db.source().await, db.target().await);
    sluice.ok(&["run", "--until-caught-up"]).await;
    let sluice = sluice.env("SLUICE_TARGET_URL", "postgres://postgres@127.0.0.1:1/nowhere");
    let output = sluice.run(&["destroy", "--yes"]).await;
    assert_eq!(output.code, 4, "{}", output.stderr);
    assert!(output.stderr.contains("the target cannot be reached"), "{}", output.stderr);
    assert_eq!((number(&source, ON_PRODUCTION).await, number(&target, SCHEMA).await), (0, 1));
    let sluice = sluice.env("SLUICE_TARGET_URL", &db.target_url());
    sluice.ok(&["destroy", "--yes"]).await;
    assert_eq!(number(&target, SCHEMA).await, 0);
}

async fn spares_what_is_in_use(major: u32) {
    let (db, sluice) = shop(major, "verbs_destroy_used", "").await;
    let source = db.source().await;
    let mut running = sluice.spawn(&["run"]);
    wait_until("it runs", Duration::from_secs(30), || async { running.log().contains("running") }).await;
    let output = sluice.run(&["destroy", "--yes"]).await;
    assert_eq!(output.code, 5, "{}", output.stderr);
    assert!(
        output.stderr.contains("slot sluice_verbs_destroy_used is in use\nhint: stop the sluice"),
        "{}",
        output.stderr
    );
    assert_eq!(number(&source, ON_PRODUCTION).await, 3);
    running.term();
    assert_eq!(running.wait(Duration::from_secs(20)).await.code(), Some(0), "it was not hurt");
    sluice.ok(&["destroy", "--yes"]).await;
}

/// A role that is read-only unless it says otherwise, as `init` makes it; or a database that somebody has fenced.
async fn leaves_also_where_all_is_read_only(major: u32) {
    let name = "verbs_destroy_fenced";
    let (db, sluice) = shop(major, name, "").await;
    let (source, target) = (db.source().await, db.target().await);
    sluice.ok(&["run", "--until-caught-up"]).await;
    for side in [&source, &target] {
        let fence = format!("ALTER DATABASE {name} SET default_transaction_read_only = on");
        side.batch_execute(&fence).await.expect("a fence");
    }
    sluice.ok(&["destroy", "--yes"]).await;
    assert_eq!((number(&source, ON_PRODUCTION).await, number(&target, SCHEMA).await), (0, 0));
    assert_eq!(number(&target, "SELECT count(*) FROM cruises").await, 200, "the rows stay");
}
