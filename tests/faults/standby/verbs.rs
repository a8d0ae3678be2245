//! Verbs that ask for the slot: it is the standby's, also after the primary has failed over.

use super::super::refusals::refused;
use super::super::world::{LIMIT, NAME, World, number, run};
use super::another::{either, fails_over};
use super::{SLOTS, behind, through};
use crate::servers::{Cluster, wait_until};

on_18_alone!(moved_and_adopt_after_a_failover);

/// A standby makes a slot once it has heard of the primary's transactions.
async fn made_by_hand(world: &World, standby: &Cluster) {
    let (production, there) = (world.production().await, standby.client(NAME).await);
    let making = tokio::spawn(async move {
        run(&there, &format!("SELECT pg_create_logical_replication_slot('sluice_{NAME}', 'pgoutput')")).await;
    });
    wait_until("the slot is made", LIMIT, || async {
        run(&production, "SELECT pg_log_standby_snapshot()").await;
        making.is_finished()
    })
    .await;
    making.await.expect("made");
}

async fn moved_and_adopt_after_a_failover(major: u32) {
    let (mut world, standby) = behind(major).await;
    let other = world.source.standby("other", &[("wal_receiver_status_interval", "1s")]).await;
    let primaries = either(&world, &other);
    world.sluice = through(&standby.url(NAME), &primaries, &world.target.url(NAME), "");
    world.catch_up().await;
    let server = world.target.client("postgres").await;
    run(&server, &format!("CREATE DATABASE elsewhere TEMPLATE {NAME}")).await;
    let there = through(&standby.url(NAME), &primaries, &world.target.url("elsewhere"), "");

    // the original is followed, by the standby's slot
    let mut running = world.sluice.spawn(&["run"]);
    wait_until("it runs", LIMIT, || async { running.log().contains(" running ") }).await;
    let told = there.run(&["moved", "--yes"]).await;
    assert!(told.code == 5 && told.stderr.contains("the original is still followed"), "{told:?}");
    running.term();
    running.wait(LIMIT).await;
    run(&server, "DROP DATABASE elsewhere").await;
    run(&server, &format!("CREATE DATABASE elsewhere TEMPLATE {NAME}")).await;

    // while nobody follows
    fails_over(&mut world, &standby, other).await;
    let production = world.production().await;
    run(&production, "INSERT INTO log SELECT g, 'since' FROM generate_series(1, 500) g; DELETE FROM uid").await;
    refused(&there, "the target is a copy of the database", "sluice moved").await;
    let said = there.ok(&["moved", "--yes"]).await.stderr;
    assert!(said.contains("sluice run goes on from it"), "{said}");
    let staging = world.target.client("elsewhere").await;
    let copied = "SELECT sum(rows_copied)::bigint FROM sluice.tables";
    let before = number(&staging, copied).await;
    let said = there.ok(&["run", "--until-caught-up"]).await.stderr;
    assert!(said.contains("production was promoted; its history contains our position"), "{said}");
    assert_eq!(number(&staging, copied).await, before, "nothing is copied again");
    super::super::world::equal(&production, &staging).await;

    // somebody else's slot and publication; the rows are equal
    there.ok(&["destroy", "--yes"]).await;
    let adopt = ["adopt", "--slot", &format!("sluice_{NAME}"), "--publication", "theirs"];
    run(&production, "CREATE PUBLICATION theirs FOR ALL TABLES").await;
    let told = there.run(&adopt).await;
    assert!(told.code == 5 && told.stderr.contains("there is no slot"), "{told:?}");
    made_by_hand(&world, &standby).await;
    there.ok(&adopt).await;
    run(&production, "UPDATE big SET n = n + 1; INSERT INTO log SELECT g, 'more' FROM generate_series(1, 500) g").await;
    there.ok(&["run", "--until-caught-up"]).await;
    super::super::world::equal(&production, &staging).await;
    assert_eq!(number(&staging, copied).await, 0, "nothing is copied");
    assert_eq!(number(&production, SLOTS).await, 0);
    assert_eq!(number(&production, "SELECT count(*) FROM pg_publication WHERE pubname <> 'theirs'").await, 0);
}
