//! What the slot on a standby needs of the primary's catalog, and the primary does not know by itself.

use tokio_postgres::Client;

use super::super::refusals::{RESYNC, mended};
use super::super::world::{LIMIT, NAME, World, number, run};
use super::{SLOTS, STANDBY, behind, copied, ends_with_5, promote, through};
use crate::servers::{Proxy, wait_until};

on_18_alone!(its_rows_stay_while_the_slot_is_made, another_server_keeps_nothing, its_rows_are_removed);

/// Leaves rows of the catalog behind, and removes them.
async fn prunes(production: &Client) {
    // in two transactions: what nobody can ever have seen is no loss
    for sql in ["CREATE TEMP TABLE passing (id int)", "DROP TABLE passing"] {
        run(production, sql).await;
    }
    for catalog in ["pg_class", "pg_attribute", "pg_type", "pg_depend"] {
        run(production, &format!("VACUUM pg_catalog.{catalog}")).await;
    }
}

/// The primary hears of a new slot so late that it has removed a lot by then.
async fn its_rows_stay_while_the_slot_is_made(major: u32) {
    let mut world = World::new(major, true).await;
    let standby = world.source.standby(STANDBY, &[("wal_receiver_status_interval", "5s")]).await;
    world.sluice = through(&standby.url(NAME), &world.source.url(NAME), &world.target.url(NAME), "");
    let (production, there) = (world.production().await, standby.client(NAME).await);
    let mut running = world.sluice.spawn(&["run"]);
    wait_until("the slot is there", LIMIT, || async { number(&there, SLOTS).await == 1 }).await;
    wait_until("it runs", LIMIT, || async {
        prunes(&production).await;
        running.log().contains(" running ")
    })
    .await;
    prunes(&production).await;
    copied(&world, &running).await;
    assert!(!running.log().contains("lost"), "{}", running.log());
    world.settles(&mut running).await;
    world.equal().await;
}

/// Who keeps the rows while the slot is made is led to a promoted copy, which knows nothing of this standby: no slot is made.
async fn another_server_keeps_nothing(major: u32) {
    let (mut world, standby) = behind(major).await;
    let other = world.source.standby("other", &[]).await;
    promote(&other).await;
    let proxy = Proxy::start(world.source.port()).await;
    // who it is, in the first packet
    let primary = format!("{}?sslmode=disable", proxy.url(NAME));
    world.sluice = through(&standby.url(NAME), &primary, &world.target.url(NAME), "");
    proxy.lead_astray("sluice/world/slot", other.port());
    let mut running = world.sluice.spawn(&["run"]);
    let there = standby.client(NAME).await;
    let two = "two sessions are with two servers";
    wait_until("it was led astray", LIMIT, || async { running.log().contains(two) || number(&there, SLOTS).await > 0 })
        .await;
    assert_eq!(number(&there, SLOTS).await, 0, "{}", running.log());
    proxy.lead_home();
    copied(&world, &running).await;
    world.settles(&mut running).await;
    world.equal().await;
}

/// Nobody told the primary: the slot is lost, which is said, and mended in chunks.
async fn its_rows_are_removed(major: u32) {
    let (world, standby) = behind(major).await;
    let (production, there) = (world.production().await, standby.client(NAME).await);
    let mut running = world.sluice.spawn(&["run"]);
    copied(&world, &running).await;
    run(&there, "ALTER SYSTEM SET hot_standby_feedback = off").await;
    run(&there, "SELECT pg_reload_conf()").await;
    let kept = format!("SELECT count(catalog_xmin) FROM pg_replication_slots WHERE slot_name = '{STANDBY}'");
    wait_until("nothing is kept", LIMIT, || async { number(&production, &kept).await == 0 }).await;
    let lost = "SELECT count(*) FROM pg_replication_slots WHERE slot_type = 'logical' AND conflicting";
    wait_until("the slot is lost", LIMIT, || async {
        prunes(&production).await;
        number(&there, lost).await == 1
    })
    .await;
    ends_with_5(&mut running, "was invalidated").await;
    assert!(running.log().contains(RESYNC), "{}", running.log());
    run(&there, "ALTER SYSTEM SET hot_standby_feedback = on").await;
    run(&there, "SELECT pg_reload_conf()").await;
    run(&production, "DELETE FROM uid; INSERT INTO log SELECT g, 'since' FROM generate_series(1, 500) g").await;
    mended(&world).await;
}
