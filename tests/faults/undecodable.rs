//! Production's server cannot decode its own WAL. It happens in earnest to slots that are made while tables are truncated
//! (`could not map filenumber`, one in thirty); here it is made to by what the slot would begin with.

use std::fs;

use super::full::Full;
use super::world::{self, LIMIT, World, run, text};
use crate::servers::wait_until;
use crate::sluice::Running;

majors!(nothing_has_come_yet, something_has);

const SLOT: &str = "SELECT restart_lsn::text FROM pg_replication_slots WHERE slot_name = 'sluice_world'";

/// Production writes and checkpoints until the slot would begin with a snapshot that lies in a file.
async fn moves_on(world: &World) {
    let production = world.production().await;
    let first = text(&production, SLOT).await;
    wait_until("the slot moves on", LIMIT, || async {
        run(&production, "INSERT INTO log VALUES (0, 'on'); CHECKPOINT").await;
        text(&production, SLOT).await != first
    })
    .await;
}

/// Kills it, and spoils the snapshots that production has of its catalog.
fn spoil(world: &World, running: &mut Running) {
    running.kill9();
    let mut spoiled = 0;
    for file in fs::read_dir(world.source.data().join("pg_logical/snapshots")).expect("the snapshots") {
        let path = file.expect("a file").path();
        // a checkpoint may just have taken it away
        let Ok(size) = fs::metadata(&path).map(|file| file.len() as usize) else { continue };
        fs::write(path, vec![0x55; size]).expect("spoil it");
        spoiled += 1;
    }
    assert!(spoiled > 0, "there are none");
}

/// Nothing is lost by another slot, so another is made.
async fn nothing_has_come_yet(major: u32) {
    let world = World::new(major, false).await;
    let tester = world.staging().await;
    run(&tester, "BEGIN; LOCK TABLE big, comp, uid, txt, log, fulls, ident, people, handles IN ACCESS EXCLUSIVE MODE")
        .await;
    let mut running = world.sluice.spawn(&["run"]);
    wait_until("it runs", LIMIT, || async { running.log().contains("running at=") }).await;
    moves_on(&world).await;
    spoil(&world, &mut running);
    running = world.sluice.spawn(&["run"]);
    wait_until("another is made", LIMIT, || async { running.log().contains("another is made") }).await;
    run(&tester, "COMMIT").await;
    world.settles(&mut running).await;
    world.equal().await;
}

/// Where rows have been applied, another slot would miss what came between: that is for somebody to say.
async fn something_has(major: u32) {
    let world = World::new(major, false).await;
    world.catch_up().await;
    let mut running = world.sluice.spawn(&["run"]);
    wait_until("it runs", LIMIT, || async { running.log().contains("running at=") }).await;
    moves_on(&world).await;
    spoil(&world, &mut running);
    let full = Full::of(&world.target).await;
    running = world.sluice.spawn(&["run"]);
    wait_until("it is held", LIMIT, || async { running.log().contains("held") }).await;
    assert!(running.log().contains("cannot decode its own WAL"), "{}", running.log());
    assert!(!running.log().contains("another is made"), "{}", running.log());
    running.term();
    running.wait(LIMIT).await;
    world.sluice.ok(&["resync", "--all", "--yes"]).await;
    world.catch_up().await;
    full.stayed().await;
    world::equal(&world.production().await, &world.staging().await).await;
}
