//! A staging that is in use: read-only, locked, out of connections, in a deadlock with us. Nothing is a data error.

use std::time::{Duration, Instant};

use tokio_postgres::Client;

use super::world::{self, NAME, World, number, run, text};
use crate::servers::{Cluster, Proxy, wait_until};
use crate::shapes::flow::{CATCH_UP, Flow};
use crate::sluice::Sluice;

majors!(staging_is_in_use, caught_up_is_all_of_it, caught_up_while_production_goes_on, an_idle_table_pins_no_wal);

async fn same(production: &Client, staging: &Client, sql: &str) -> bool {
    text(production, sql).await == text(staging, sql).await
}

async fn staging_is_in_use(major: u32) {
    let target = Cluster::with().set("max_connections", "30").set("superuser_reserved_connections", "0").start(major);
    let world = World::over(Cluster::start(major), target, false).await;
    world.catch_up().await;
    let (production, staging) = (world.production().await, world.staging().await);
    let mut running = world.sluice.spawn(&["run"]);
    let sum = "SELECT sum(n)::text FROM big WHERE id < 100";
    let follows = |what: &'static str, limit: u64| {
        let (production, staging) = (&production, &staging);
        async move { wait_until(what, Duration::from_secs(limit), || same(production, staging, sum)).await }
    };
    run(&production, "UPDATE big SET n = 1 WHERE id = 1").await;
    follows("it follows", 30).await;

    // locked by a tester for 8 s
    run(&staging, "BEGIN; LOCK TABLE big IN ACCESS EXCLUSIVE MODE").await;
    run(&production, "UPDATE big SET n = 2 WHERE id < 50").await;
    tokio::time::sleep(Duration::from_secs(8)).await;
    run(&staging, "COMMIT").await;
    follows("it goes on behind a lock", 15).await;

    // a deadlock with a tester, who has the row that we want second and wants the one that we have
    let tester = world.staging().await;
    run(&tester, "SET deadlock_timeout = '10s'; BEGIN; UPDATE big SET n = n WHERE id = 1").await;
    run(&production, "BEGIN; UPDATE big SET n = 3 WHERE id = 2; UPDATE big SET n = 3 WHERE id = 1; COMMIT").await;
    let waits =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%/apply' AND wait_event_type = 'Lock'";
    let other = world.staging().await;
    wait_until("we wait for the tester", world::LIMIT, || async { number(&other, waits).await > 0 }).await;
    let _ = tester.batch_execute("UPDATE big SET n = n WHERE id = 2").await;
    let _ = tester.batch_execute("ROLLBACK").await;
    follows("it goes on behind a deadlock", 20).await;

    // a statement of ours is cancelled
    run(&staging, "BEGIN; LOCK TABLE big IN ACCESS EXCLUSIVE MODE").await;
    run(&production, "UPDATE big SET n = 4 WHERE id = 2").await;
    wait_until("we wait for the lock", world::LIMIT, || async { number(&other, waits).await > 0 }).await;
    run(&other, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%/apply'").await;
    run(&staging, "COMMIT").await;
    follows("it goes on behind a cancel", 15).await;

    // no connection is left when ours are lost
    let mut greedy = Vec::new();
    while greedy.len() < 40 {
        match tokio_postgres::connect(&world.target.url(NAME), tokio_postgres::NoTls).await {
            Ok((client, connection)) => {
                tokio::spawn(connection);
                greedy.push(client);
            }
            Err(_) => break,
        }
    }
    let ours = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'sluice/%'";
    assert!(number(&staging, ours).await > 0);
    let taken = tokio_postgres::connect(&world.target.url(NAME), tokio_postgres::NoTls).await;
    run(&production, "UPDATE big SET n = 5 WHERE id = 3").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    drop((greedy, taken));
    follows("it goes on when there are connections", 30).await;

    // read-only: held, and looked at again
    run(&staging, &format!("ALTER DATABASE {NAME} SET default_transaction_read_only = on")).await;
    run(&staging, ours).await;
    run(&production, "UPDATE big SET n = 6 WHERE id = 4").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(!same(&production, &staging, sum).await);
    assert!(running.ended().is_none(), "it ended:\n{}", running.log());
    run(&staging, "SET default_transaction_read_only = off").await;
    run(&staging, &format!("ALTER DATABASE {NAME} RESET default_transaction_read_only")).await;
    follows("it goes on when it may write", 40).await;

    // asked to stop while a tester holds a lock for good
    run(&staging, "BEGIN; LOCK TABLE big IN ACCESS EXCLUSIVE MODE").await;
    run(&production, "UPDATE big SET n = 7 WHERE id = 4").await;
    wait_until("we wait for the lock", world::LIMIT, || async { number(&other, waits).await > 0 }).await;
    let asked = Instant::now();
    running.term();
    let status = running.wait(Duration::from_secs(10)).await;
    assert!(status.success() && asked.elapsed() < Duration::from_secs(5), "{status} after {:?}", asked.elapsed());
    run(&staging, "COMMIT").await;
    world.catch_up().await;
    world.equal().await;
}

/// What could not be copied because somebody is in the way is not caught up with, however far the stream is.
async fn caught_up_is_all_of_it(major: u32) {
    let world = World::new(major, false).await;
    world.catch_up().await;
    let (production, staging, tester) = (world.production().await, world.staging().await, world.staging().await);
    run(&staging, "UPDATE big SET n = -1 WHERE id = 1").await;
    run(&tester, "BEGIN; LOCK TABLE big IN ACCESS EXCLUSIVE MODE").await;
    run(&staging, "UPDATE comp SET v = -1").await;
    world.sluice.ok(&["resync", "big", "comp"]).await;
    let mut running = world.sluice.spawn(&["run", "--until-caught-up"]);
    let told = "the target is busy; the chunk is tried again";
    wait_until("a slice could load nothing", world::LIMIT, || async { running.log().matches(told).count() > 3 }).await;
    assert!(running.ended().is_none(), "it ended, and a table is pending:\n{}", running.log());
    // waiting for it takes longer than a slice, and still the tables behind it have their turn
    crate::check::equal(&production, &staging, "comp").await;
    run(&tester, "COMMIT").await;
    let status = running.wait(world::LIMIT).await;
    assert!(status.success(), "{status}\n{}", running.log());
    crate::check::equal(&production, &staging, "big").await;
}

/// What production had at the start is all that is waited for: a production that never pauses keeps nobody.
async fn caught_up_while_production_goes_on(major: u32) {
    let flow = Flow::new(major, "goes_on").await;
    flow.both("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE over (id int PRIMARY KEY)").await;
    flow.catch_up().await;
    let busy = flow.db.source().await;
    let traffic = tokio::spawn(async move {
        let without_end = "DO $$ BEGIN FOR i IN 1..1000000 LOOP INSERT INTO t VALUES (i); COMMIT;
            IF i % 10 = 0 THEN PERFORM pg_sleep(0.001); EXIT WHEN EXISTS (SELECT FROM over); END IF; END LOOP; END $$";
        run(&busy, without_end).await;
    });
    wait_until("it is busy", world::LIMIT, || async { number(&flow.s, "SELECT count(*) FROM t").await > 100 }).await;
    // by way of a slow line, so that something has always come when a batch is through
    let proxy = Proxy::start(flow.db.target_port()).await;
    proxy.delay(Duration::from_millis(10));
    let rest = "tables: { \"public.*\": keep }";
    let slow = Sluice::over(&flow.db.name, &flow.db.source_url(), &proxy.url(&flow.db.name), rest);
    let mut running = slow.spawn(&CATCH_UP);
    let status = running.wait(Duration::from_secs(20)).await;
    assert!(status.success() && !traffic.is_finished(), "{status}\n{}", running.log());
    assert!(number(&flow.t, "SELECT count(*) FROM t").await > 100, "what there was at the start is not there");
    flow.source("INSERT INTO over VALUES (1)").await;
    traffic.await.expect("the traffic");
    flow.equal().await;
}

async fn an_idle_table_pins_no_wal(major: u32) {
    let world = World::new(major, false).await;
    world.catch_up().await;
    let production = world.production().await;
    run(&production, "CREATE SCHEMA aside; CREATE TABLE aside.elsewhere (i int)").await;
    let mut running = world.sluice.spawn(&["run"]);
    let reads = "SELECT count(*) FROM pg_replication_slots WHERE active";
    wait_until("it streams", world::LIMIT, || async { number(&production, reads).await == 1 }).await;
    run(&production, "INSERT INTO aside.elsewhere SELECT generate_series(1, 1000)").await;
    let mark = text(&production, "SELECT pg_current_wal_insert_lsn()::text").await;
    let start = Instant::now();
    let moved = format!("SELECT count(*) FROM pg_replication_slots WHERE confirmed_flush_lsn >= '{mark}'");
    while number(&production, &moved).await == 0 {
        assert!(start.elapsed() < Duration::from_secs(16), "the slot stands still:\n{}", running.log());
        run(&production, "INSERT INTO aside.elsewhere VALUES (1)").await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    running.term();
    running.wait(Duration::from_secs(10)).await;
}
