//! Staging moves: it is cloned, given to another server, or comes back as it was. What stands where is never guessed.

use super::refusals::{RESYNC, mended, refused};
use super::world::{self, NAME, World, number, run};
use crate::servers::wait_until;
use crate::sluice::Sluice;

majors!(a_copy_takes_the_place_of_its_original, a_copy_of_the_whole_server_is_refused_once_it_is_behind);

async fn a_copy_takes_the_place_of_its_original(major: u32) {
    let mut world = World::new(major, false).await;
    world.catch_up().await;
    let (server, production) = (world.target.client("postgres").await, world.production().await);
    run(&server, &format!("CREATE DATABASE elsewhere TEMPLATE {NAME}")).await;
    let source = world.source.url(NAME);
    let there = world.pipeline(&source, &world.target.url("elsewhere"));
    refused(&there, "the target is a copy of the database", "sluice moved").await;

    // somebody follows the slot into the original
    let mut running = world.sluice.spawn(&["run"]);
    wait_until("it runs", world::LIMIT, || async { running.log().contains(" running ") }).await;
    let told = there.run(&["moved", "--yes"]).await;
    assert_eq!(told.code, 5, "{}", told.stderr);
    assert!(
        told.stderr.contains("the original is still followed") && told.stderr.contains("stop the sluice"),
        "{}",
        told.stderr
    );
    running.term();
    running.wait(world::LIMIT).await;
    run(&production, "INSERT INTO log SELECT g, 'meanwhile' FROM generate_series(1, 100) g; DELETE FROM uid").await;
    // the original has come further than the copy by whatever it heard last; the copy is made anew
    run(&server, "DROP DATABASE elsewhere").await;
    run(&server, &format!("CREATE DATABASE elsewhere TEMPLATE {NAME}")).await;
    let told = there.run(&["moved"]).await;
    assert_eq!(told.code, 5, "it asks first: {}", told.stderr);
    refused(&there, "the target is a copy of the database", "sluice moved").await;
    let said = there.ok(&["moved", "--yes"]).await.stderr;
    assert!(said.contains("sluice run goes on from it"), "{said}");
    let staging = world.target.client("elsewhere").await;
    let copied = "SELECT sum(rows_copied)::bigint FROM sluice.tables";
    let before = number(&staging, copied).await;
    there.ok(&["run", "--until-caught-up"]).await;
    assert_eq!(number(&staging, copied).await, before, "nothing is copied again");
    world::equal(&production, &staging).await;
    let said = there.ok(&["moved", "--yes"]).await.stderr;
    assert!(said.contains("is the target of pipeline world already; nothing was changed"), "{said}");

    // the original comes back
    run(&production, "INSERT INTO log VALUES (1, 'since')").await;
    there.ok(&["run", "--until-caught-up"]).await;
    refused(&world.sluice, "the slot was confirmed up to", RESYNC).await;

    // a copy that is behind: it is said at once what comes next, and it mends it
    run(&server, &format!("DROP DATABASE {NAME} WITH (FORCE)")).await;
    drop(staging);
    run(&server, &format!("CREATE DATABASE {NAME} TEMPLATE elsewhere")).await;
    run(&production, "UPDATE txt SET v = 'since'").await;
    there.ok(&["run", "--until-caught-up"]).await;
    let said = world.sluice.ok(&["moved", "--yes"]).await.stderr;
    assert!(said.contains("next is sluice resync --all"), "{said}");
    refused(&world.sluice, "the slot was confirmed up to", RESYNC).await;
    mended(&world).await;

    // rows alone say nothing of where they stand
    run(&server, "CREATE DATABASE bare").await;
    world.sluice = Sluice::over(NAME, &source, &world.target.url("bare"), world::TABLES);
    let told = world.sluice.run(&["moved", "--yes"]).await;
    assert_eq!(told.code, 5, "{}", told.stderr);
    assert!(told.stderr.contains("has no checkpoint of pipeline world"), "{}", told.stderr);
}

/// Both are the same by all that a server says of itself. The slot tells them apart.
async fn a_copy_of_the_whole_server_is_refused_once_it_is_behind(major: u32) {
    let mut world = World::new(major, false).await;
    world.catch_up().await;
    let saved = world.target.save();
    let clone = world.target.clone_of(&saved);
    run(&world.production().await, "INSERT INTO log SELECT g, 'since' FROM generate_series(1, 100) g").await;
    world.catch_up().await;
    let there = world.pipeline(&world.source.url(NAME), &clone.url(NAME));
    refused(&there, "or is a copy of one that has gone on", "give this one a pipeline of its own").await;
    world.catch_up().await;
    world.equal().await;
}
