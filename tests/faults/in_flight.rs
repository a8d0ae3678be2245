//! Two batches in flight (`sink_postgres::line`): what becomes of the second when the first fails, when its commit does, and
//! when everybody dies in between.

use std::time::{Duration, Instant};

use tokio_postgres::Client;

use super::world::{self, LIMIT, World, number, run, text};
use crate::servers::wait_until;
use crate::sluice::{Running, Sluice};

majors!(killed_with_two_in_flight, the_first_is_looked_at, the_first_fails_at_its_commit);

/// Where the process is killed, at which hit.
pub const KILLED: &[&str] = &["line.written", "line.sent", "line.unsent", "line.refused"];

/// Batches are full after 2 MB.
const SMALL: &str = "limits: { memory: 16MB }\n";

/// Transactions of 550 rows and more, each after the other.
const BACKLOG: &str =
    "CREATE OR REPLACE PROCEDURE backlog(turns int) LANGUAGE plpgsql AS $$ BEGIN FOR i IN 1..turns LOOP
  INSERT INTO log SELECT i, repeat('l', 100) || g FROM generate_series(1, 500) g;
  UPDATE big SET n = n + i WHERE id BETWEEN i * 14 AND i * 14 + 40;
  UPDATE uid SET v = v + 1 WHERE v % 20 = i % 20;
  INSERT INTO txt VALUES ('b' || i || clock_timestamp(), i);
  DELETE FROM comp WHERE a = i % 20 AND v % 50 = i % 50;
  COMMIT; END LOOP; END $$";

async fn world(major: u32) -> World {
    let mut world = World::new(major, false).await;
    world.sluice = world.also(SMALL);
    world.catch_up().await;
    run(&world.production().await, BACKLOG).await;
    world
}

/// Runs, with these transactions behind one that has to wait until there is a batch behind it.
async fn gated(world: &World, sluice: Sluice, transactions: &[&str]) -> Running {
    let (production, staging, gate) = (world.production().await, world.staging().await, world.staging().await);
    run(&gate, "BEGIN; LOCK TABLE fulls IN ACCESS EXCLUSIVE MODE").await;
    for sql in transactions {
        run(&production, sql).await;
    }
    let mut running = sluice.spawn(&["run"]);
    behind(&staging, &mut running).await;
    run(&gate, "COMMIT").await;
    running
}

/// The same until it dies at that place.
async fn dies(world: &World, place: &str, transactions: &[&str]) {
    let sluice = world.also(SMALL).env("SLUICE_FAILPOINT", place);
    let mut dying = gated(world, sluice, transactions).await;
    let status = dying.wait(LIMIT).await;
    assert_eq!(status.code(), None, "at {place}: not killed, ended with {status}\n{}", dying.log());
}

const GATED: &str = "UPDATE fulls SET b = b || '.' WHERE a % 10 = 1";
/// The first makes its tables known: a shape that is not waits until it is alone.
const MANY: &[&str] = &["CALL backlog(1)", GATED, "CALL backlog(60)"];
/// The one that waits meets rows that staging lacks.
const LACKS: &[&str] = &[
    "CALL backlog(1)",
    "BEGIN; UPDATE fulls SET b = b || '.' WHERE a % 10 = 1; UPDATE big SET n = n + 1 WHERE id IN (100, 700); COMMIT",
    "CALL backlog(60)",
];
/// One transaction in pieces, which have no commit between them.
const ONE: &[&str] = &["BEGIN; UPDATE fulls SET b = b || '.' WHERE a % 10 = 1;
    INSERT INTO log SELECT g, repeat('p', 200) FROM generate_series(1, 50000) g; COMMIT"];

/// Until a batch waits for a lock, and then for as long as it takes to read the next and to write it.
async fn behind(staging: &Client, running: &mut Running) {
    let (mut left, start) = (150, Instant::now());
    while left > 0 && running.ended().is_none() {
        tokio::time::sleep(Duration::from_millis(20)).await;
        left -= u32::from(number(staging, WAITS).await == 1);
        assert!(start.elapsed() < LIMIT, "nothing waits: {}", running.log());
    }
}

const WAITS: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'sluice/%' AND wait_event_type = 'Lock'";

async fn killed_with_two_in_flight(major: u32) {
    let world = world(major).await;
    for place in ["line.written", "line.sent", "apply.committed:2"] {
        dies(&world, place, MANY).await;
    }
    assert_eq!(divergences(&world.catch_up().await.stderr), 0);
    world.equal().await;
    dies(&world, "line.written", ONE).await;
    dies(&world, "apply.piece:3", ONE).await;
    assert_eq!(divergences(&world.catch_up().await.stderr), 0);
    world.equal().await;
}

fn divergences(log: &str) -> usize {
    log.lines().filter(|line| line.contains("divergence")).count()
}

/// Rows that staging lacks: what was written of the next is thrown away, unsent, and goes again behind them.
async fn the_first_is_looked_at(major: u32) {
    let world = world(major).await;
    let staging = world.staging().await;
    run(&staging, "DELETE FROM big WHERE id IN (100, 700)").await;
    dies(&world, "line.unsent", LACKS).await;
    assert_eq!(divergences(&world.catch_up().await.stderr), 2);
    // and lives
    run(&staging, "DELETE FROM big WHERE id IN (100, 700)").await;
    let mut running = gated(&world, world.also(SMALL), LACKS).await;
    let last = "SELECT count(*) FROM log WHERE what = 'last'";
    run(&world.production().await, "INSERT INTO log VALUES (0, 'last')").await;
    wait_until("all of it is there", LIMIT, || async { number(&staging, last).await == 1 }).await;
    running.term();
    assert_eq!(running.wait(LIMIT).await.code(), Some(0), "{}", running.log());
    assert_eq!(divergences(&running.log()), 2, "{}", running.log());
    world.catch_up().await;
    world::equal(&world.production().await, &staging).await;
}

/// Fires for us too, so a pipeline would not have begun with it: it comes while it runs.
const TRAP: &str = "CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not %', NEW; END $$;
    CREATE CONSTRAINT TRIGGER late AFTER INSERT ON people DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW WHEN (NEW.id = 7002) EXECUTE FUNCTION late();
    ALTER TABLE people ENABLE ALWAYS TRIGGER late";

/// A check that waits for the commit refuses it when the next is there already: nothing of the next stays, and each goes again by itself.
async fn the_first_fails_at_its_commit(major: u32) {
    let world = world(major).await;
    let (production, staging, gate) = (world.production().await, world.staging().await, world.staging().await);
    let there = "SELECT coalesce(string_agg(id::text, ',' ORDER BY id), '') FROM people WHERE id > 7000";
    let held = "SELECT count(*) FROM sluice.checkpoint WHERE hold LIKE '%a deferred check on public.people%P0001%'";
    for dies in [true, false] {
        let sluice = world.also(SMALL);
        let mut running = if dies { sluice.env("SLUICE_FAILPOINT", "line.refused") } else { sluice }.spawn(&["run"]);
        // met, as they are written, before the trap is there
        run(&production, "CALL backlog(1)").await;
        run(&production, "UPDATE handles SET v = v + 1").await;
        run(&production, &format!("UPDATE people SET v = {}", 9 + i32::from(dies))).await;
        let met = format!("SELECT (count(*) = 0)::int::bigint FROM people WHERE v <> {}", 9 + i32::from(dies));
        wait_until("it streams", LIMIT, || async { number(&staging, &met).await == 1 }).await;
        run(&staging, if dies { TRAP } else { "ALTER TABLE people ENABLE ALWAYS TRIGGER late" }).await;
        run(&production, "INSERT INTO people VALUES (7001, 'a@b.test', 9)").await;
        wait_until("it streams", LIMIT, || async { text(&staging, there).await == "7001" }).await;
        run(&gate, "BEGIN; LOCK TABLE txt IN ACCESS EXCLUSIVE MODE").await;
        run(&production, "BEGIN; UPDATE txt SET v = 'held'; INSERT INTO people VALUES (7002, 'c@d.test', 9); DELETE FROM big WHERE id = 5; COMMIT")
            .await;
        // the next fails where the first is not there, and has a statement that nobody has prepared
        run(&production, "INSERT INTO big VALUES (5, 0, 5, 'again')").await;
        run(&production, &format!("INSERT INTO handles VALUES ('new {dies}', 1, 'b')")).await;
        run(&production, "INSERT INTO people VALUES (7003, 'e@f.test', 9)").await;
        run(&production, "CALL backlog(60)").await;
        behind(&staging, &mut running).await;
        run(&gate, "COMMIT").await;
        if dies {
            let status = running.wait(LIMIT).await;
            assert_eq!(status.code(), None, "not killed, ended with {status}\n{}", running.log());
        } else {
            wait_until("it says whose it is", LIMIT, || async { number(&staging, held).await == 1 }).await;
        }
        assert_eq!(text(&staging, there).await, "7001", "what came before it is there, what comes behind it is not");
        run(&staging, "ALTER TABLE people DISABLE TRIGGER late").await;
        if dies {
            running = world.sluice.spawn(&["run"]);
        }
        wait_until("it goes on", LIMIT, || async { text(&staging, there).await == "7001,7002,7003" }).await;
        running.term();
        running.wait(LIMIT).await;
        run(&production, "DELETE FROM people WHERE id > 7000").await;
        world.catch_up().await;
        world.equal().await;
    }
}
