//! What the slot on the standby holds there is bounded as it is on a primary (`limits.wal`).

use super::super::full::Full;
use super::super::world::{LIMIT, NAME, number, run, text};
use super::{SLOTS, behind, copied, through};
use crate::servers::wait_until;

on_18_alone!(its_slot_goes_before_the_disk_is_full);

/// Staging is held up, and production writes: our slot goes from the standby, and no other from anywhere; staging is repaired by itself.
async fn its_slot_goes_before_the_disk_is_full(major: u32) {
    let (mut world, standby) = behind(major).await;
    let limits = "limits: { wal: { warn: 16MB, drop_slot: 64MB } }\n";
    world.sluice = through(&standby.url(NAME), &world.source.url(NAME), &world.target.url(NAME), limits);
    let (production, there) = (world.production().await, standby.client(NAME).await);
    run(&there, "SELECT pg_create_physical_replication_slot('others', true)").await;
    let mut running = world.sluice.spawn(&["run"]);
    copied(&world, &running).await;
    let tester = world.staging().await;
    run(&tester, "BEGIN; LOCK TABLE big IN ACCESS EXCLUSIVE MODE").await;
    run(&production, "UPDATE big SET n = n + 1").await;
    let gone = || running.log().matches("gone=true").count();
    for _ in 0..12 {
        run(&production, "SELECT pg_logical_emit_message(false, 'noise', repeat('x', 8 << 20))").await;
    }
    wait_until("the slot goes", LIMIT, || async { gone() == 1 }).await;
    assert!(running.log().contains("production holds much WAL for our slot"), "{}", running.log());
    let others = "SELECT coalesce(string_agg(slot_name::text, ' ' ORDER BY slot_name), '') FROM pg_replication_slots WHERE slot_type = 'physical'";
    assert_eq!((text(&there, others).await, text(&production, others).await), ("others".into(), "standby".into()));
    run(&tester, "COMMIT").await;
    let full = Full::of(&world.target).await;
    wait_until("a new one is made", LIMIT, || async { number(&there, SLOTS).await == 1 }).await;
    world.settles(&mut running).await;
    full.stayed().await;
    world.equal().await;
    assert!(running.log().contains("its slot was dropped at limits.wal.drop_slot"), "{}", running.log());
}
