//! What is not the continuation of what staging has is refused, with what it means and what mends it; and it mends.

use std::time::Duration;

use super::full::Full;
use super::traffic::Traffic;
use super::world::{self, NAME, World, number, run};
use crate::seed::Seed;
use crate::servers::{Cluster, wait_until, within};
use crate::sluice::Sluice;

majors!(
    what_does_not_continue_is_refused,
    what_went_back_in_time_is_refused,
    a_promotion_that_lost_something_is_refused,
    a_lost_slot_is_refused
);

mod on_18_alone {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_slot_that_idled_is_refused() {
        crate::servers::within(crate::servers::test_limit(), super::a_slot_that_idled_is_refused()).await;
    }
}

pub const RESYNC: &str = "sluice resync --all";

/// Refused with 5; says this; and names what mends it.
pub async fn refused(sluice: &Sluice, what: &str, hint: &str) {
    let told = sluice.run(&["run"]).await;
    assert_eq!(told.code, 5, "{what}: {}", told.stderr);
    assert!(told.stderr.contains(what), "not {what:?}: {}", told.stderr);
    let said = told.stderr.rsplit("hint: ").next().unwrap_or_default();
    assert!(told.stderr.contains("hint: ") && said.contains(hint), "hint not {hint:?}: {}", told.stderr);
}

/// `resync --all`, a run to the end; staging is full all the time.
pub async fn mended(world: &World) {
    let full = Full::of(&world.target).await;
    world.sluice.ok(&["resync", "--all", "--yes"]).await;
    world.catch_up().await;
    full.stayed().await;
    world.equal().await;
}

/// Some transactions more, with nobody following.
async fn meanwhile(world: &World, seed: &Seed) {
    let traffic = Traffic::start(&world.source.url(NAME), vec![seed.rng(1)]);
    tokio::time::sleep(Duration::from_millis(300)).await;
    traffic.end().await;
    let production = world.production().await;
    run(&production, "TRUNCATE log; INSERT INTO log SELECT g, 'meanwhile' FROM generate_series(1, 30000) g").await;
    run(&production, "INSERT INTO handles SELECT 'm' || g || random(), g FROM generate_series(1, 200) g").await;
}

async fn what_does_not_continue_is_refused(major: u32) {
    let seed = Seed::or(9);
    let world = World::new(major, false).await;
    world.catch_up().await;
    let source = world.source.url(NAME);

    let same = world.pipeline(&source, &world.source.socket_url(NAME));
    refused(&same, "the same database", "point target.url at staging").await;
    let key = world.with_env("SLUICE_MASK_KEY", "YW5vdGhlci10ZXN0cy1vbmx5LTMyLWJ5dGVzLWxvbmc=");
    refused(&key, "staging was masked with key", "configure the old key").await;
    // the harness' servers are copies of one another and share their identifier: staging is told another
    let staging = world.staging().await;
    run(
        &staging,
        "CREATE TABLE was AS SELECT system_id FROM sluice.checkpoint; UPDATE sluice.checkpoint SET system_id = '1'",
    )
    .await;
    refused(&world.sluice, "production is another server", "point source.url").await;
    run(&staging, "UPDATE sluice.checkpoint SET system_id = (SELECT system_id FROM was); DROP TABLE was").await;
    drop(staging);
    run(&world.target.client("postgres").await, &format!("CREATE DATABASE clone TEMPLATE {NAME}")).await;
    let clone = world.pipeline(&source, &world.target.url("clone"));
    refused(&clone, "the target is a copy of the database", "a pipeline of its own").await;
    run(&world.target.client("postgres").await, "CREATE DATABASE empty").await;
    let empty = world.pipeline(&source, &world.target.url("empty"));
    refused(&empty, "this target has no checkpoint", "destroy").await;

    let production = world.production().await;
    let drop_slot = format!("SELECT pg_drop_replication_slot('sluice_{NAME}')");
    run(&production, &drop_slot).await;
    meanwhile(&world, &seed).await;
    refused(&world.sluice, "is gone from production", RESYNC).await;
    mended(&world).await;

    run(&production, &drop_slot).await;
    meanwhile(&world, &seed).await;
    run(&production, &format!("SELECT pg_create_logical_replication_slot('sluice_{NAME}', 'pgoutput')")).await;
    refused(&world.sluice, "the slot was made anew", RESYNC).await;
    mended(&world).await;

    run(&production, &drop_slot).await;
    run(&production, &format!("SELECT pg_create_logical_replication_slot('sluice_{NAME}', 'test_decoding')")).await;
    refused(&world.sluice, "is not a pgoutput slot", "drop it").await;
    run(&production, &drop_slot).await;
    mended(&world).await;

    let tables = "big, comp, uid, txt, fulls, ident, people, handles";
    let publication = format!(
        "DROP PUBLICATION sluice_{NAME}; CREATE PUBLICATION sluice_{NAME} FOR TABLE {tables}
         WITH (publish = 'insert, update, delete, truncate', publish_via_partition_root = true)"
    );
    run(&production, &publication).await;
    refused(&world.sluice, "a publication was dropped and made anew", RESYNC).await;
    meanwhile(&world, &seed).await;
    mended(&world).await;
}

async fn what_went_back_in_time_is_refused(major: u32) {
    let seed = Seed::or(10);
    let mut world = World::new(major, false).await;
    world.catch_up().await;
    let old = world.target.save();
    meanwhile(&world, &seed).await;
    world.catch_up().await;
    world.target.restore(&old);
    refused(&world.sluice, "the target was restored from a backup", RESYNC).await;
    mended(&world).await;

    let old = world.source.save();
    meanwhile(&world, &seed).await;
    world.catch_up().await;
    world.source.restore(&old);
    refused(&world.sluice, "production was restored to an earlier time", RESYNC).await;
    mended(&world).await;
}

/// A new timeline is another history: it goes on only where that contains the position of staging.
async fn a_promotion_that_lost_something_is_refused(major: u32) {
    let seed = Seed::or(13);
    let mut world = World::new(major, false).await;
    world.catch_up().await;
    let first = world.source.save();
    world.source.write("standby.signal", "");
    world.source.restart();
    // it may be about to be promoted: nobody has to start us again then
    let mut waits = world.sluice.spawn(&["run"]);
    wait_until("it waits", world::LIMIT, || async { waits.log().matches("source.url is a standby").count() > 1 }).await;
    assert!(waits.ended().is_none(), "{}", waits.log());
    waits.kill9();
    let first_run = Sluice::over("other", &world.source.url(NAME), &world.target.url(NAME), world::TABLES);
    refused(&first_run, "source.url is a standby", "name the primary").await;
    // nothing was lost: what is written on the new timeline comes
    world.source.promote();
    meanwhile(&world, &seed).await;
    let said = world.catch_up().await.stderr;
    assert!(said.contains("production was promoted; its history contains our position"), "{said}");
    world.equal().await;

    // staging is ahead of where the new timeline begins
    let old = world.source.save();
    meanwhile(&world, &seed).await;
    world.catch_up().await;
    let later = world.source.save();
    world.source.restore(&old);
    world.source.promote();
    // WAL of its own, further than what it has lost: its end tells nothing
    meanwhile(&world, &seed).await;
    meanwhile(&world, &seed).await;
    refused(&world.sluice, "staging has changes that production lost", RESYNC).await;
    mended(&world).await;

    // and servers that were followed before come back, on their old timelines; the first one has no history at all
    for old in [later, first] {
        world.source.restore(&old);
        refused(&world.sluice, "does not descend from timeline", RESYNC).await;
        mended(&world).await;
    }
}

async fn a_lost_slot_is_refused(major: u32) {
    let seed = Seed::or(11);
    let source =
        Cluster::with().set("max_slot_wal_keep_size", "16MB").set("max_wal_size", "32MB").set("min_wal_size", "32MB");
    let world = World::over(source.start(major), Cluster::start(major), false).await;
    world.catch_up().await;
    let production = world.production().await;
    run(&production, "CREATE SCHEMA aside; CREATE TABLE aside.elsewhere (b text)").await;
    within(world::LIMIT, async {
        while number(&production, "SELECT count(*) FROM pg_replication_slots WHERE wal_status = 'lost'").await == 0 {
            run(&production, "INSERT INTO aside.elsewhere SELECT repeat('x', 1000) FROM generate_series(1, 5000)")
                .await;
            run(&production, "SELECT pg_switch_wal()").await;
            run(&production, "CHECKPOINT").await;
        }
    })
    .await;
    meanwhile(&world, &seed).await;
    // 15 does not say why
    refused(&world.sluice, "was invalidated: production removed WAL that staging still needs", RESYNC).await;
    mended(&world).await;
}

/// 18 takes a slot away that nobody reads, if it is told to.
async fn a_slot_that_idled_is_refused() {
    let seed = Seed::or(14);
    let world = World::new(18, false).await;
    world.catch_up().await;
    let production = world.production().await;
    run(&production, "ALTER SYSTEM SET idle_replication_slot_timeout = '1s'").await;
    run(&production, "SELECT pg_reload_conf()").await;
    let gone = "SELECT count(*) FROM pg_replication_slots WHERE invalidation_reason = 'idle_timeout'";
    wait_until("it is taken away", world::LIMIT, || async {
        run(&production, "CHECKPOINT").await;
        number(&production, gone).await == 1
    })
    .await;
    meanwhile(&world, &seed).await;
    let idled = "was invalidated: nobody read it for longer than production's idle_replication_slot_timeout";
    let status = world.sluice.ok(&["status"]).await.stdout;
    assert!(status.contains(idled) && status.contains(RESYNC), "{status}");
    let check = world.sluice.run(&["check"]).await.stdout;
    assert!(check.contains(idled) && check.contains("! warn   idle_replication_slot_timeout: 1s"), "{check}");
    refused(&world.sluice, idled, RESYNC).await;
    // and what keeps it from happening again
    let stop = "ALTER SYSTEM SET idle_replication_slot_timeout = 0; SELECT pg_reload_conf();";
    refused(&world.sluice, idled, stop).await;
    for sql in stop.split("; ") {
        run(&production, sql).await;
    }
    mended(&world).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    run(&production, "CHECKPOINT").await;
    meanwhile(&world, &seed).await;
    world.catch_up().await;
    world.equal().await;
}
