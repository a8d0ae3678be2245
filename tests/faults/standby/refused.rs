//! What is not a standby and its primary, or not any more.

use super::super::full::Full;
use super::super::refusals::{RESYNC, mended, refused};
use super::super::world::{LIMIT, NAME, TABLES, World, number, run};
use super::{SLOTS, behind, promote, through};
use crate::servers::{Cluster, wait_until};
use crate::sluice::Sluice;

on_18_alone!(what_does_not_belong_together_is_refused, a_standby_of_a_copy_is_refused, the_primary_goes_back_in_time);

/// All of it at once, before anything is made.
async fn what_does_not_belong_together_is_refused(major: u32) {
    let (world, standby) = behind(major).await;
    let (primary, standing, target) = (world.source.url(NAME), standby.url(NAME), world.target.url(NAME));
    let stranger = Cluster::with().of_its_own().start(major);
    run(&stranger.client("postgres").await, &format!("CREATE DATABASE {NAME}")).await;
    let cases = [
        (&primary, &standing, "source.primary_url is a standby", "name the primary"),
        (&standing, &stranger.url(NAME), "two clusters", "a physical standby of the server"),
        (&primary, &format!("{primary}?application_name=x"), "source.url is no standby", "take source.primary_url out"),
        (
            &standby.url("postgres"),
            &primary,
            "database postgres, and source.primary_url database world",
            "the same one",
        ),
    ];
    for (url, primary, what, hint) in cases {
        refused(&through(url, primary, &target, ""), what, hint).await;
    }
    let alone = Sluice::over(NAME, &standing, &target, TABLES);
    refused(&alone, "source.url is a standby", "name the primary in source.primary_url").await;
    let old = World::new(15, false).await;
    refused(
        &through(&old.source.url(NAME), &old.source.url("world?application_name=x"), &target, ""),
        "16 or later",
        "the primary in source.url",
    )
    .await;
    let many = through(
        &format!("postgres://postgres@127.0.0.1:{},127.0.0.1:{}/{NAME}", standby.port(), world.source.port()),
        &primary,
        &target,
        "",
    );
    let told = many.run(&["run"]).await;
    assert!(told.code == 2 && told.stderr.contains("source.url: several hosts"), "{told:?}");
    // off this machine as for source.url: with a certificate, or said aloud
    let open = through(&standing, "postgres://postgres@db.example/world?sslmode=require", &target, "");
    refused(&open, "source.primary_url: sslmode is require", "sslmode=verify-full").await;
    // of one that runs alone the slot is left over
    let before = Sluice::over(NAME, &primary, &target, TABLES);
    before.ok(&["run", "--until-caught-up"]).await;
    refused(&world.sluice, "slot sluice_world is on the primary", "sluice resync --all").await;
    let full = Full::of(&world.target).await;
    world.sluice.ok(&["resync", "--all", "--yes"]).await;
    let production = world.production().await;
    assert_eq!(number(&production, SLOTS).await, 0);
    world.catch_up().await;
    full.stayed().await;
    world.equal().await;
    // another standby has no such slot
    let another = world.source.standby("another", &[]).await;
    refused(&through(&another.url(NAME), &primary, &target, ""), "slot sluice_world is gone", "sluice resync --all")
        .await;
    // its primary is another's: it may be amid a failover, so it is waited for
    let third = world.source.standby("third", &[]).await;
    promote(&third).await;
    let mut waits = through(&standing, &third.url(NAME), &target, "").spawn(&["run"]);
    let apart = "replays timeline 1, and source.primary_url writes timeline 2";
    wait_until("it waits", LIMIT, || async { waits.log().contains(apart) }).await;
    assert!(waits.ended().is_none(), "{}", waits.log());
    waits.kill9();
    // check says what it would cost
    let client = another.client("postgres").await;
    run(&client, "ALTER SYSTEM SET hot_standby_feedback = off").await;
    run(&client, "ALTER SYSTEM SET primary_slot_name = ''").await;
    run(&client, "ALTER SYSTEM SET recovery_min_apply_delay = '1min'").await;
    run(&client, "SELECT pg_reload_conf()").await;
    let told = through(&another.url(NAME), &primary, &target, "").run(&["check"]).await.stdout;
    for line in ["! warn   hot_standby_feedback", "! warn   primary_slot_name", "! warn   recovery_min_apply_delay"] {
        assert!(told.contains(line), "not {line:?}: {told}");
    }
}

/// The server that is named is a copy of the one that the standby follows: same system identifier, same timeline. What was made on
/// the one does not come to the other.
async fn a_standby_of_a_copy_is_refused(major: u32) {
    let (mut world, standby) = behind(major).await;
    let copy = world.source.save();
    let copy = world.source.clone_of(&copy);
    // further than the copy: it replays as far, and has something else there
    run(&world.production().await, "SELECT pg_logical_emit_message(true, 'x', repeat('x', 1000000))").await;
    let sluice = through(&standby.url(NAME), &copy.url(NAME), &world.target.url(NAME), "");
    refused(&sluice, "does not show the publications of source.primary_url", "the server that the standby follows")
        .await;
    assert_eq!(number(&standby.client(NAME).await, SLOTS).await, 0);
}

/// By a copy of its disk, without a new timeline: its standby has what it has not, and so has staging.
async fn the_primary_goes_back_in_time(major: u32) {
    let (mut world, standby) = behind(major).await;
    world.catch_up().await;
    let old = world.source.save();
    run(&world.production().await, "INSERT INTO log SELECT g, 'lost' FROM generate_series(1, 500) g; DELETE FROM uid")
        .await;
    world.catch_up().await;
    world.source.restore(&old);
    refused(&world.sluice, "production's WAL ends at", RESYNC).await;
    let told = world.sluice.run(&["check"]).await.stdout;
    assert!(told.contains("production's WAL ends at"), "{told}");
    let lost = "SELECT count(*) FROM log WHERE what = 'lost'";
    assert_eq!(number(&world.staging().await, lost).await, 500, "nothing is touched before somebody has decided");
    // that standby cannot follow any more
    drop(standby);
    let another = world.source.standby("another", &[("wal_receiver_status_interval", "1s")]).await;
    world.sluice = through(&another.url(NAME), &world.source.url(NAME), &world.target.url(NAME), "");
    mended(&world).await;
    assert_eq!(number(&world.staging().await, lost).await, 0);
}
