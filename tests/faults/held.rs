//! A table that somebody on production holds for long keeps no other from being copied.

use super::world::LIMIT;
use crate::servers::wait_until;
use crate::shapes::Flow;
use crate::shapes::flow::number;

majors!(one_table_is_held_on_production);

async fn one_table_is_held_on_production(major: u32) {
    let flow = Flow::with(major, "held_there", "tables: { \"public.*\": keep }").await;
    for t in ["a", "held", "z"] {
        flow.both(&format!("CREATE TABLE {t} (id int PRIMARY KEY)")).await;
        flow.source(&format!("INSERT INTO {t} SELECT generate_series(1, 100)")).await;
    }
    flow.catch_up().await;
    flow.target("DELETE FROM a; DELETE FROM held; DELETE FROM z").await;
    let mut running = flow.sluice.spawn(&["run"]);
    wait_until("it runs", LIMIT, || async { running.log().contains("running at=") }).await;
    let mut holder = flow.db.source().await;
    let hold = holder.transaction().await.expect("a transaction");
    hold.batch_execute("LOCK TABLE held IN ACCESS EXCLUSIVE MODE").await.expect("the lock");
    flow.sluice.ok(&["resync", "a", "held", "z"]).await;
    for t in ["a", "z"] {
        let rows = format!("SELECT count(*) FROM {t}");
        wait_until("the others are copied", LIMIT, || async { number(&flow.t, &rows).await == 100 }).await;
    }
    assert_eq!(number(&flow.t, "SELECT count(*) FROM held").await, 0);
    drop(hold);
    drop(holder);
    wait_until("it is copied in the end", LIMIT, || async {
        number(&flow.t, "SELECT count(*) FROM held").await == 100
    })
    .await;
    running.term();
    assert!(running.wait(LIMIT).await.success());
}
