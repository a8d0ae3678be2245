//! Transactions that are prepared, and stay so for long: across the making of the slot, across a copy, across a crash, and
//! with rows of a table that joins the publication meanwhile.

use std::time::Duration;

use super::world::{self, World, number, run};
use crate::servers::wait_until;

majors!(prepared_across_everything, a_table_joins_amid_a_prepared_transaction);

const PENDING: &str = "SELECT count(*) FROM sluice.pending";

/// Prepares a transaction that touches rows of three tables, keyed from `k` on, and a key of its own.
async fn prepare(world: &World, name: &str, k: u32) {
    let sql = format!(
        "BEGIN; INSERT INTO big VALUES ({k} + 5000, 1, {k} + 5000, 'prepared'); DELETE FROM big WHERE id = {k};
         UPDATE big SET id = {k} + 6000, uniq = {k} WHERE id = {k} + 1; UPDATE comp SET v = -1 WHERE b = 'k{k}';
         INSERT INTO log VALUES ({k}, 'prepared'); UPDATE people SET email = 'p{k}@shop.test' WHERE id = {k};
         PREPARE TRANSACTION '{name}'"
    );
    run(&world.production().await, &sql).await;
}

async fn prepared_across_everything(major: u32) {
    let mut world = World::new(major, true).await;
    let staging = world.staging().await;
    // a slot is made only when every transaction has ended that was open before it
    prepare(&world, "early", 10).await;
    let mut running = world.sluice.spawn(&["run"]);
    let production = world.production().await;
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sluice/world/stream' AND wait_event_type = 'Lock'";
    wait_until("the slot waits", world::LIMIT, || async { number(&production, waits).await == 1 }).await;
    run(&production, "COMMIT PREPARED 'early'").await;
    let streams = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'";
    wait_until("it streams", world::LIMIT, || async { number(&production, streams).await == 1 }).await;
    wait_until("it has copied", world::LIMIT, || async { number(&staging, PENDING).await == 0 }).await;

    // open across a copy of everything: no snapshot shows them, and the stream brings the one that is committed
    prepare(&world, "kept", 20).await;
    prepare(&world, "dropped", 30).await;
    let pend = "INSERT INTO sluice.pending (pipeline, schema, name) SELECT pipeline, schema, name FROM sluice.tables";
    run(&staging, pend).await;
    run(&production, "UPDATE big SET n = n + 1 WHERE id % 5 = 0 AND id > 100; INSERT INTO log VALUES (7, 'beside')")
        .await;
    wait_until("it has copied again", world::LIMIT, || async { number(&staging, PENDING).await == 0 }).await;
    let there = "SELECT count(*) FROM log WHERE what = 'prepared'";
    assert_eq!(number(&staging, there).await, 1, "what is only prepared is on staging");
    run(&production, "COMMIT PREPARED 'kept'").await;
    run(&production, "ROLLBACK PREPARED 'dropped'").await;
    wait_until("it is there", world::LIMIT, || async { number(&staging, there).await == 2 }).await;

    // across a crash of production and a death of ours
    prepare(&world, "kept", 40).await;
    prepare(&world, "dropped", 50).await;
    running.kill9();
    world.source.crash();
    world.source.restart();
    run(&staging, pend).await;
    let mut running = world.sluice.spawn(&["run"]);
    wait_until("it has copied once more", world::LIMIT, || async { number(&staging, PENDING).await == 0 }).await;
    assert_eq!(number(&staging, there).await, 2, "what is only prepared is on staging");
    run(&world.production().await, "ROLLBACK PREPARED 'dropped'").await;
    run(&world.production().await, "COMMIT PREPARED 'kept'").await;
    wait_until("it is there", world::LIMIT, || async { number(&staging, there).await == 3 }).await;
    running.term();
    running.wait(Duration::from_secs(10)).await;
    world.catch_up().await;
    world.equal().await;
}

/// Rows that were prepared before their table joined the publication are in no stream, whenever they are committed: the
/// table's copy waits for it, by a snapshot's xmin, and the others go on.
async fn a_table_joins_amid_a_prepared_transaction(major: u32) {
    let world = World::new(major, false).await;
    world.catch_up().await;
    let (production, staging) = (world.production().await, world.staging().await);
    for (table, end) in [("late", "COMMIT"), ("later", "ROLLBACK")] {
        let make = format!("CREATE TABLE {table} (id int PRIMARY KEY, v int)");
        run(&production, &make).await;
        run(&staging, &make).await;
        run(&production, &format!("INSERT INTO {table} SELECT g, 0 FROM generate_series(1, 5) g")).await;
        let open = format!("UPDATE {table} SET v = 1 WHERE id = 1; INSERT INTO {table} VALUES (9, 9)");
        run(&production, &format!("BEGIN; {open}; PREPARE TRANSACTION 'open'")).await;
        let mut running = world.sluice.spawn(&["run"]);
        let told = "waits for the transactions that were open when it joined";
        wait_until("it waits", world::LIMIT, || async { running.log().contains(told) }).await;
        let xid = format!("SELECT wait_xid FROM sluice.tables WHERE name = '{table}'");
        let mine = number(&production, "SELECT transaction::text::bigint FROM pg_prepared_xacts").await;
        assert!(number(&staging, &xid).await > mine, "waits for what is not the transaction");
        // rows of other transactions come and go; none of them makes it copy too early
        run(&production, &format!("INSERT INTO {table} VALUES (20, 20); DELETE FROM {table} WHERE id = 2; UPDATE big SET n = 78 WHERE id = 1")).await;
        let others = "SELECT count(*) FROM big WHERE id = 1 AND n = 78";
        wait_until("others go on", world::LIMIT, || async { number(&staging, others).await == 1 }).await;
        let tries = running.log().matches(told).count();
        wait_until("it has looked again", world::LIMIT, || async { running.log().matches(told).count() > tries }).await;
        assert_eq!(number(&staging, &format!("SELECT count(*) FROM {table}")).await, 0, "copied too early");
        run(&production, &format!("{end} PREPARED 'open'")).await;
        run(&production, &format!("UPDATE {table} SET v = v + 1 WHERE id > 3")).await;
        world.settles(&mut running).await;
        crate::check::equal(&production, &staging, table).await;
        let waits = "SELECT count(*) FROM sluice.tables WHERE wait_xid IS NOT NULL";
        assert_eq!(number(&staging, waits).await, 0, "status would say for ever that it waits");
        run(&production, "UPDATE big SET n = 0 WHERE id = 1").await;
    }
    world.catch_up().await;
    world.equal().await;
}
