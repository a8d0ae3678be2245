//! A target of an earlier version: what it lacks is added, and nothing is copied again for it.

use crate::check;
use crate::shapes::Flow;
use crate::shapes::flow::number;

majors!(what_an_earlier_version_has_not_made_is_added);

async fn what_an_earlier_version_has_not_made_is_added(major: u32) {
    let flow = Flow::new(major, "upgrade").await;
    flow.both("CREATE TABLE t (id int PRIMARY KEY, v text)").await;
    flow.source("INSERT INTO t SELECT g, 'v' FROM generate_series(1, 50) g").await;
    flow.catch_up().await;
    flow.target(
        "DROP TABLE sluice.quarantine, sluice.audit; ALTER TABLE sluice.checkpoint DROP reread; ALTER TABLE sluice.pending DROP columns;
         ALTER TABLE sluice.tables DROP only_rows, DROP rows_at",
    )
    .await;
    // those that write nothing come by before it runs
    flow.sluice.ok(&["status"]).await;
    flow.sluice.ok(&["plan"]).await;
    flow.sluice.ok(&["quarantine", "list"]).await;
    flow.source("UPDATE t SET v = 'w' WHERE id < 9").await;
    flow.catch_up().await;
    check::equal(&flow.s, &flow.t, "t").await;
    assert_eq!(number(&flow.t, "SELECT count(*) FROM sluice.audit").await, 2, "of the run that has made it");
    assert_eq!(number(&flow.t, "SELECT rows_copied FROM sluice.tables").await, 50, "once");
    assert_eq!(flow.divergences().await, 0);
}
