//! The standby replays later than the primary writes, or not at all.

use std::time::Duration;

use super::super::refusals::{RESYNC, refused};
use super::super::world::{LIMIT, NAME, number, run, text};
use super::{SLOTS, behind, copied, through};
use crate::servers::wait_until;

on_18_alone!(replay_stands_still_during_a_slice, replay_stands_still_while_the_slot_is_made);

/// The primary's VACUUM must not wait for a standby that stands still.
async fn replay_stands_still_during_a_slice(major: u32) {
    let (mut world, standby) = behind(major).await;
    world.sluice = through(
        &standby.url(NAME),
        &world.source.url(NAME),
        &world.target.url(NAME),
        "limits: { source: { idle: 60s } }\n",
    );
    let mut running = world.sluice.spawn(&["run"]);
    copied(&world, &running).await;
    let (production, there) = (world.production().await, standby.client(NAME).await);
    run(&production, "BEGIN; LOCK TABLE big IN ACCESS EXCLUSIVE MODE; UPDATE big SET n = n + 100").await;
    world.sluice.ok(&["resync", "public.big"]).await;
    let looks = world.production().await;
    let export =
        |what: &str| format!("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%/export' AND {what}");
    let (waits, holds) = (export("wait_event_type = 'Lock'"), export("backend_xmin IS NOT NULL"));
    wait_until("it waits", LIMIT, || async { number(&looks, &waits).await == 1 }).await;
    run(&there, "SELECT pg_wal_replay_pause()").await;
    run(&production, "COMMIT").await;
    wait_until("it holds a snapshot", LIMIT, || async { number(&looks, &holds).await == 1 }).await;
    let held = std::time::Instant::now();
    wait_until("it lets go", Duration::from_secs(14), || async {
        running.log().contains("the copy waits for the standby")
    })
    .await;
    assert!(held.elapsed() > Duration::from_secs(5), "it has some patience");
    let told = world.sluice.ok(&["status"]).await.stdout;
    assert!(told.contains("replay is paused on the standby"), "{told}");
    assert!(told.contains("waits for the standby of source.url"), "{told}");
    // and takes none while it stands still
    for _ in 0..60 {
        assert_eq!(number(&looks, &holds).await, 0);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(running.log().matches("the copy waits for the standby").count(), 1, "{}", running.log());
    run(&there, "SELECT pg_wal_replay_resume()").await;
    world.settles(&mut running).await;
    world.equal().await;
    // nor is it taken for one that has caught up while nothing is to be copied
    let mut running = world.sluice.spawn(&["run"]);
    let lag = || async {
        let told = world.sluice.ok(&["status", "--json"]).await.stdout;
        let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
        told["lag"]["seconds"].as_f64().unwrap_or(99.0)
    };
    wait_until("it has caught up", LIMIT, || async { lag().await < 1.0 }).await;
    run(&there, "SELECT pg_wal_replay_pause()").await;
    run(&production, "UPDATE big SET n = n + 1").await;
    wait_until("it is late", LIMIT, || async { lag().await > 4.0 }).await;
    run(&there, "SELECT pg_wal_replay_resume()").await;
    wait_until("it has caught up again", LIMIT, || async { lag().await < 1.0 }).await;
    world.settles(&mut running).await;
    // staging is ahead of what the standby has replayed, as after a crash of it: by nothing that concerns us, and of the primary's WAL
    run(&there, "SELECT pg_wal_replay_pause()").await;
    let staging = world.staging().await;
    run(&production, "SELECT pg_logical_emit_message(true, 'x', repeat('x', 100000))").await;
    let end = text(&production, "SELECT pg_current_wal_flush_lsn()::text").await;
    run(&staging, &format!("UPDATE sluice.checkpoint SET lsn = '{end}'")).await;
    let mut running = world.sluice.spawn(&["run"]);
    wait_until("it waits", LIMIT, || async { running.log().contains("staging is ahead of the standby's replay") })
        .await;
    run(&there, "SELECT pg_wal_replay_resume()").await;
    wait_until("it runs", LIMIT, || async { running.log().contains(" running ") }).await;
    run(&production, "UPDATE big SET n = n + 1").await;
    world.settles(&mut running).await;
    world.equal().await;
    // and of what the primary has
    run(&staging, &format!("UPDATE sluice.checkpoint SET lsn = '{end}'::pg_lsn + 1000000000")).await;
    refused(&world.sluice, "production's WAL ends at", RESYNC).await;
}

/// The publications are on the primary, and the standby has yet to replay them.
async fn replay_stands_still_while_the_slot_is_made(major: u32) {
    let (world, standby) = behind(major).await;
    let (production, there) = (world.production().await, standby.client(NAME).await);
    run(&there, "SELECT pg_wal_replay_pause()").await;
    let running = world.sluice.spawn(&["run"]);
    let waits =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%/slot' AND backend_xmin IS NOT NULL";
    wait_until("it waits", LIMIT, || async { number(&production, waits).await == 1 }).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(number(&there, "SELECT count(*) FROM pg_publication").await, 0);
    assert_eq!(number(&there, SLOTS).await, 0, "older than the publications");
    run(&there, "SELECT pg_wal_replay_resume()").await;
    copied(&world, &running).await;
    assert!(!running.log().contains("trying again"), "{}", running.log());
    world.equal().await;
}
