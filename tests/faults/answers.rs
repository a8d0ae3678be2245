//! It happened, but nobody heard of it; and it happens after its client is dead; and somebody else has taken over.

use std::time::Duration;

use super::traffic::Traffic;
use super::world::{self, NAME, World, number, run};
use crate::seed::Seed;
use crate::servers::{Proxy, wait_until};

majors!(committed_and_the_answer_lost, an_orphan_commits_late, the_second_takes_over);

async fn committed_and_the_answer_lost(major: u32) {
    let seed = Seed::or(5);
    let mut rng = seed.rng(0);
    let world = World::new(major, true).await;
    let proxy = Proxy::start(world.target.port()).await;
    let traffic = Traffic::start(&world.source.url(NAME), vec![seed.rng(1), seed.rng(2)]);
    let mut running = world.pipeline(&world.source.url(NAME), &proxy.url(NAME)).spawn(&["run"]);
    let staging = world.staging().await;
    for copied in [false, true] {
        if copied {
            // what is pending is skipped: only now every batch has rows of every table
            let done = "SELECT count(*) FROM sluice.checkpoint WHERE lsn IS NOT NULL AND NOT EXISTS (SELECT FROM sluice.pending)";
            wait_until("it has copied", world::LIMIT, || async { number(&staging, done).await == 1 }).await;
        }
        for _ in 0..8 {
            tokio::time::sleep(Duration::from_millis(rng.u64(100..700))).await;
            let before = proxy.swallowed();
            // of a batch, of a chunk, or of a flush
            proxy.swallow_answer_to("COMMIT");
            wait_until("an answer is lost", world::LIMIT, || async { proxy.swallowed() > before }).await;
            proxy.cut();
        }
    }
    assert!(running.ended().is_none(), "it ended by itself:\n{}", running.log());
    traffic.end().await;
    running.kill9();
    world.catch_up().await;
    world.equal().await;
}

async fn an_orphan_commits_late(major: u32) {
    let world = World::new(major, false).await;
    world.catch_up().await;
    let (production, staging) = (world.production().await, world.staging().await);
    world::slow_commits(&staging, "checkpoint").await;
    let mut first = world.sluice.spawn(&["run"]);
    run(&production, "INSERT INTO log VALUES (1, 'slow')").await;
    let orphan = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%/apply' AND query = 'COMMIT' AND state = 'active'";
    wait_until("the batch is being committed", world::LIMIT, || async { number(&staging, orphan).await > 0 }).await;
    first.kill9();
    run(&staging, "DELETE FROM slow").await;
    let mut second = world.sluice.spawn(&["run", "--until-caught-up"]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(number(&staging, orphan).await, 1, "the orphan was to outlive its client");
    let status = second.wait(world::LIMIT).await;
    assert!(status.success(), "{status}\n{}", second.log());
    assert_eq!(number(&staging, "SELECT count(*) FROM log WHERE what = 'slow'").await, 1);
    world.equal().await;
}

async fn the_second_takes_over(major: u32) {
    let seed = Seed::or(6);
    let world = World::new(major, false).await;
    let mut first = world.sluice.spawn(&["run"]);
    let staging = world.staging().await;
    let begun = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%/apply'";
    wait_until("the first runs", world::LIMIT, || async { number(&staging, begun).await > 0 }).await;
    for busy in [true, false] {
        let traffic = busy.then(|| Traffic::start(&world.source.url(NAME), vec![seed.rng(1)]));
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut second = world.sluice.spawn(&["run"]);
        let status = first.wait(Duration::from_secs(20)).await;
        let log = first.log();
        assert_eq!(status.code(), Some(5), "the first was to be fenced:\n{log}");
        assert!(log.contains("fenced") && log.contains("only one sluice may run a pipeline"), "{log}");
        if let Some(traffic) = traffic {
            traffic.end().await;
        }
        run(&world.production().await, "INSERT INTO log VALUES (1, 'after')").await;
        let differ = || async {
            let want = number(&world.production().await, "SELECT count(*) FROM log").await;
            number(&world.staging().await, "SELECT count(*) FROM log").await == want
        };
        wait_until("the second goes on", world::LIMIT, differ).await;
        assert!(second.ended().is_none(), "the second ended:\n{}", second.log());
        first = second;
    }
    first.term();
    assert!(first.wait(Duration::from_secs(10)).await.success());
    world.catch_up().await;
    world.equal().await;
}
