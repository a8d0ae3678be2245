//! All that a pipeline does in its life, and the three servers killed in turn.

use std::time::Duration;

use super::super::full::Full;
use super::super::killer;
use super::super::traffic::Traffic;
use super::super::world::{NAME, number, run};
use super::{SLOTS, applies, behind, copied, keeps_for};
use crate::seed::Seed;

since_16!(a_whole_life);
on_18_alone!(one_of_the_three_dies_amid_the_stream);

async fn a_whole_life(major: u32) {
    let seed = Seed::or(31);
    let (world, standby) = behind(major).await;
    let (staging, production, there) = (world.staging().await, world.production().await, standby.client(NAME).await);
    let told = world.sluice.run(&["check"]).await.stdout;
    for line in
        ["STANDBY", "of this primary, on its timeline 1", "hot_standby_feedback: on", "free; run makes sluice_world"]
    {
        assert!(told.contains(line), "not {line:?}: {told}");
    }
    let told = world.sluice.ok(&["plan"]).await.stdout;
    assert!(told.contains("primary_url: \"***\""), "{told}");
    let traffic = Traffic::start(&world.source.url(NAME), vec![seed.rng(1), seed.rng(2)]);
    let mut running = world.sluice.spawn(&["run"]);
    copied(&world, &running).await;
    applies(&staging, 200).await;
    assert_eq!((number(&production, SLOTS).await, number(&there, SLOTS).await), (0, 1), "slots");
    let told = world.sluice.ok(&["status"]).await.stdout;
    assert!(told.contains("sluice_world   in use") && told.contains("streaming   consistent   lag"), "{told}");
    // a restart, and a table of which all is brought again
    running.term();
    running.wait(Duration::from_secs(10)).await;
    let mut running = world.sluice.spawn(&["run"]);
    applies(&staging, 50).await;
    world.sluice.ok(&["resync", "public.big"]).await;
    if let Err(scene) = killer::copies(&world, &traffic).await {
        panic!("not copied again\n{}\n{scene}", running.log());
    }
    applies(&staging, 50).await;
    traffic.end().await;
    world.settles(&mut running).await;
    world.equal().await;
    let told = world.sluice.run(&["check"]).await.stdout;
    assert!(told.contains("slot and checkpoint belong together") && !told.contains("✗"), "{told}");
    // a table joins
    run(
        &production,
        "CREATE TABLE late (id int PRIMARY KEY, v int); INSERT INTO late SELECT g, g FROM generate_series(1, 500) g",
    )
    .await;
    run(&staging, "CREATE TABLE late (id int PRIMARY KEY, v int)").await;
    world.catch_up().await;
    world.equal().await;
    assert_eq!(number(&staging, "SELECT count(*) FROM late").await, 500);
    // all of it from a new slot
    let full = Full::of(&world.target).await;
    world.sluice.ok(&["resync", "--all", "--yes"]).await;
    assert_eq!(number(&there, SLOTS).await, 0);
    world.catch_up().await;
    full.stayed().await;
    world.equal().await;
    world.sluice.ok(&["destroy", "--yes"]).await;
    let publications = "SELECT count(*) FROM pg_publication";
    assert_eq!((number(&production, SLOTS).await, number(&there, SLOTS).await), (0, 0));
    assert_eq!(number(&production, publications).await, 0);
}

/// The standby, sluice, the primary, each killed as by a power cut.
async fn one_of_the_three_dies_amid_the_stream(major: u32) {
    let seed = Seed::or(33);
    let (mut world, mut standby) = behind(major).await;
    let url = world.source.url(NAME);
    let traffic = Traffic::start(&url, vec![seed.rng(1), seed.rng(2)]);
    let mut running = world.sluice.spawn(&["run"]);
    copied(&world, &running).await;
    let staging = world.staging().await;
    keeps_for(&world.source).await;
    for round in 0..3 {
        applies(&staging, 100).await;
        standby.kill9();
        tokio::time::sleep(Duration::from_millis(300)).await;
        standby.restart();
        applies(&staging, 100).await;
        running.kill9();
        running = world.sluice.spawn(&["run"]);
        applies(&staging, 100).await;
        if round == 1 {
            // amid a copy
            world.sluice.ok(&["resync", "public.big", "public.comp"]).await;
        }
        // a server of the tests has no fsync, and what it loses the standby may have: it is crashed in order
        world.source.crash();
        world.source.restart();
    }
    applies(&staging, 100).await;
    traffic.end().await;
    assert!(running.ended().is_none(), "{}", running.log());
    world.settles(&mut running).await;
    world.equal().await;
}
