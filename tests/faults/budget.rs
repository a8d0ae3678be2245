//! Production's WAL is bounded, whatever state a run is in: the copy pauses, and in the end our own slot goes; then staging is
//! repaired by a copy in chunks, and is full all the while.

use std::time::Duration;

use tokio_postgres::Client;

use super::full::Full;
use super::world::{LIMIT, NAME, World, equal, number, run, text};
use crate::servers::{Cluster, wait_until};
use crate::sluice::Running;

majors!(
    the_slot_goes_whatever_we_wait_for,
    the_copy_pauses,
    it_was_dropped_and_we_were_killed,
    production_lends_only_so_much,
    the_copy_has_its_hours,
);

const LIMITS: &str = "limits: { wal: { warn: 16MB, pause_copy: 48MB, drop_slot: 96MB } }\n";
const SLOTS: &str =
    "SELECT coalesce(string_agg(slot_name::text, ' ' ORDER BY slot_name), '') FROM pg_replication_slots";
const WAL: &str = "SELECT sum(size)::bigint >> 20 FROM pg_ls_waldir()";

async fn world(major: u32) -> World {
    let source = Cluster::with().set("max_wal_size", "64MB").set("min_wal_size", "32MB").start(major);
    World::over(source, Cluster::start(major), false).await
}

/// So many times 8 MB of WAL that nobody replicates.
async fn noise(production: &Client, times: u32) {
    let message = "SELECT pg_logical_emit_message(false, 'noise', repeat('x', 8 << 20))";
    for _ in 0..times {
        production.execute(message, &[]).await.expect("write WAL");
    }
}

/// Production writes until the slot is gone, and not before its limit; then its WAL goes too.
async fn reaches_the_limit(production: &Client, running: &Running, what: &str) {
    let gone = || running.log().matches("gone=true").count();
    let before = gone();
    noise(production, 9).await;
    assert_eq!(gone(), before, "{what}: dropped below the limit");
    noise(production, 9).await;
    // where staging takes rows, a new one is made at once
    wait_until("the slot goes", LIMIT, || async { gone() > before }).await;
    assert!(text(production, SLOTS).await.starts_with("others"), "{what}: another's slot went");
    run(production, "CHECKPOINT").await;
    wait_until("its WAL goes", LIMIT, || async { number(production, WAL).await <= 96 }).await;
}

async fn the_slot_goes_whatever_we_wait_for(major: u32) {
    let mut world = world(major).await;
    world.catch_up().await;
    let production = world.production().await;
    run(&production, "SELECT pg_create_physical_replication_slot('others')").await;
    let sluice = world.also(LIMITS);
    let mut running = sluice.spawn(&["run"]);
    for (n, what) in
        ["a lock", "a verdict", "a silent target", "a target that is down", "a start without it"].iter().enumerate()
    {
        let streams = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'";
        wait_until("it streams", LIMIT, || async { number(&production, streams).await == 1 }).await;
        let (staging, tester) = (world.staging().await, world.staging().await);
        let nothing = "SELECT count(*) FROM sluice.pending";
        wait_until("nothing is pending", LIMIT, || async { number(&staging, nothing).await == 0 }).await;
        match n {
            0 => run(&tester, "BEGIN; LOCK TABLE big IN ACCESS EXCLUSIVE MODE").await,
            1 => run(&staging, "ALTER TABLE big ADD CONSTRAINT low CHECK (n < 1000)").await,
            2 => world.target.pause(),
            3 => world.target.stop_fast(),
            _ => {
                running.term();
                running.wait(LIMIT).await;
                world.target.stop_fast();
                running = sluice.spawn(&["run"]);
            }
        }
        run(&production, &format!("UPDATE big SET n = {} WHERE id % 3 = 0", if n == 1 { 1000 } else { n })).await;
        if n == 1 {
            let held = "SELECT count(*) FROM sluice.checkpoint WHERE hold IS NOT NULL";
            wait_until("it holds", LIMIT, || async { number(&staging, held).await == 1 }).await;
        }
        reaches_the_limit(&production, &running, what).await;
        match n {
            0 => run(&tester, "COMMIT").await,
            1 => run(&staging, "ALTER TABLE big DROP CONSTRAINT low").await,
            2 => world.target.resume_process(),
            _ => world.target.restart(),
        }
        let full = Full::of(&world.target).await;
        wait_until("a new slot is made", LIMIT, || async { text(&production, SLOTS).await.contains("sluice_world") })
            .await;
        let staging = world.staging().await;
        let sum = "SELECT sum(n)::text FROM big";
        let want = text(&production, sum).await;
        wait_until("staging is repaired", LIMIT, || async {
            text(&staging, sum).await == want && number(&staging, nothing).await == 0
        })
        .await;
        full.stayed().await;
        equal(&production, &staging).await;
        assert_eq!(text(&staging, "SELECT slot_dropped::text FROM sluice.checkpoint").await, "");
    }
    assert!(running.ended().is_none());
    let said = running.log();
    assert!(said.contains("its slot was dropped at limits.wal.drop_slot: a new one is made"), "{said}");
    running.term();
    assert!(running.wait(LIMIT).await.success());
}

async fn the_copy_pauses(major: u32) {
    let world = world(major).await;
    world.catch_up().await;
    let (production, staging) = (world.production().await, world.staging().await);
    // while it is open, production keeps WAL from its beginning, whatever we confirm
    let open = world.production().await;
    run(&open, "BEGIN; UPDATE uid SET v = v WHERE id = md5('1')::uuid").await;
    run(&staging, "UPDATE comp SET v = -1").await;
    world.sluice.ok(&["resync", "comp"]).await;
    noise(&production, 8).await;
    let sluice = world.also("limits: { wal: { pause_copy: 48MB } }\nserve: { listen: \"127.0.0.1:0\" }\n");
    let mut running = sluice.spawn(&["run"]);
    wait_until("it pauses", LIMIT, || async { running.log().contains("the copy pauses") }).await;
    // the stream goes on
    run(&production, "UPDATE txt SET v = 'while it pauses'").await;
    let come = "SELECT count(*) FROM txt WHERE v <> 'while it pauses'";
    wait_until("the stream goes on", LIMIT, || async { number(&staging, come).await == 0 }).await;
    let status = sluice.ok(&["status"]).await.stdout;
    assert!(status.contains("paused: the slot holds more than limits.wal.pause_copy"), "{status}");
    let wrong = "SELECT count(*) FROM comp WHERE v = -1";
    assert_eq!(number(&staging, wrong).await, 600, "a slice began");
    assert_eq!(running.log().matches("the copy pauses").count(), 1);

    run(&open, "COMMIT").await;
    wait_until("it goes on", LIMIT, || async {
        run(&production, "CHECKPOINT; UPDATE txt SET v = v || '.' WHERE id = 't1'").await;
        running.log().contains("the copy goes on")
    })
    .await;
    wait_until("it is copied", LIMIT, || async { number(&staging, wrong).await == 0 }).await;
    world.settles(&mut running).await;
    equal(&production, &staging).await;
}

/// What was noted on staging before it went is enough for the next start; without it nobody can tell who dropped it.
async fn it_was_dropped_and_we_were_killed(major: u32) {
    let world = world(major).await;
    world.catch_up().await;
    let (production, staging) = (world.production().await, world.staging().await);
    run(&production, &format!("SELECT pg_drop_replication_slot('sluice_{NAME}'); UPDATE big SET n = 3")).await;
    let refused = world.sluice.run(&["run", "--until-caught-up"]).await;
    assert!(refused.code == 5 && refused.stderr.contains("resync --all"), "{}", refused.stderr);
    run(&staging, "UPDATE sluice.checkpoint SET slot_dropped = now()").await;
    let status = world.sluice.ok(&["status"]).await.stdout;
    assert!(status.contains("held more than limits.wal.drop_slot, and sluice dropped it at"), "{status}");
    let check = world.sluice.run(&["check"]).await.stdout;
    assert!(check.contains("the slot was dropped at limits.wal.drop_slot"), "{check}");
    let full = Full::of(&world.target).await;
    world.catch_up().await;
    full.stayed().await;
    equal(&production, &staging).await;
    // noted, and the slot is there: it was not dropped in the end
    run(&staging, "UPDATE sluice.checkpoint SET slot_dropped = now()").await;
    let said = world.catch_up().await.stderr;
    assert!(!said.contains("slot created"), "{said}");
    assert_eq!(text(&staging, "SELECT slot_dropped::text FROM sluice.checkpoint").await, "");
}

async fn production_lends_only_so_much(major: u32) {
    let world = world(major).await;
    let (production, staging) = (world.production().await, world.staging().await);
    let bytes = "SELECT sum(length(t::text))::bigint FROM big t";
    let bytes = number(&production, bytes).await;
    let limits = "limits: { source: { connections: 4, rate: 1MB } }\n";
    let rules = crate::faults::world::TABLES.replace("readers: 2", "readers: 8");
    world.sluice.lay(NAME, &format!("{rules}{limits}"));
    let began = std::time::Instant::now();
    let mut running = world.sluice.spawn(&["run", "--until-caught-up"]);
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'sluice/%'";
    // one that was closed is there for a moment longer, beside the one that comes after it
    let (mut most, mut lately) = (0, [0; 10]);
    while running.ended().is_none() {
        lately.rotate_left(1);
        lately[9] = number(&production, sessions).await;
        most = most.max(lately.into_iter().min().unwrap_or(0));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(running.wait(LIMIT).await.success(), "{}", running.log());
    // big alone is some 4 MB
    let least = Duration::from_secs_f64(bytes as f64 / f64::from(1 << 20) - 0.5);
    assert!(bytes > 3 << 20 && began.elapsed() > least, "{bytes} bytes took {:?}", began.elapsed());
    assert!((3..=4).contains(&most), "{most} sessions");
    equal(&production, &staging).await;
}

async fn the_copy_has_its_hours(major: u32) {
    let world = world(major).await;
    world.catch_up().await;
    let (production, staging) = (world.production().await, world.staging().await);
    let hours = |from: &str, to: &str| {
        let hour = |shift: &str| format!("to_char(now() AT TIME ZONE 'UTC' + interval '{shift} hours', 'HH24:MI')");
        format!("SELECT {} || '-' || {}", hour(from), hour(to))
    };
    let (closed, open) = (text(&production, &hours("3", "5")).await, text(&production, &hours("-2", "2")).await);
    let rules = crate::faults::world::TABLES;
    let lay = |hours: &str| {
        world.sluice.lay(NAME, &rules.replace("copy: {", &format!("copy: {{ window: \"{hours} UTC\",")));
    };
    lay(&closed);
    run(&staging, "UPDATE comp SET v = -1").await;
    world.sluice.ok(&["resync", "comp"]).await;
    let mut running = world.sluice.spawn(&["run"]);
    wait_until("it waits", LIMIT, || async { running.log().contains("the copy waits for its hours") }).await;
    run(&production, "UPDATE txt SET v = 'outside'").await;
    let come = "SELECT count(*) FROM txt WHERE v <> 'outside'";
    wait_until("the stream goes on", LIMIT, || async { number(&staging, come).await == 0 }).await;
    let status = world.sluice.ok(&["status"]).await.stdout;
    assert!(status.contains("waits for copy.window"), "{status}");
    let wrong = "SELECT count(*) FROM comp WHERE v = -1";
    assert_eq!(number(&staging, wrong).await, 600, "a slice began");
    lay(&open);
    running.signal(libc::SIGHUP);
    wait_until("it is copied", LIMIT, || async { number(&staging, wrong).await == 0 }).await;
    world.settles(&mut running).await;
    equal(&production, &staging).await;
}
