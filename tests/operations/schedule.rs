//! A refresh now and then (`schedule.every`): what comes between waits on production, there are never two at a time, and no clock on a
//! wall has a say in it.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::clock::Clock;
use super::{LIMIT, ends, equal, json, rows, run, shop};
use crate::faults::world::{World, equal as worlds_equal};
use crate::servers::{Cluster, wait_until};
use crate::shapes::flow::{number, text};
use crate::sluice::Running;
use crate::verbs::serve::{free_port, get};

majors!(
    it_refreshes_and_rests,
    a_refresh_that_takes_longer_meets_the_next,
    others_take_their_turn_while_it_rests,
    clocks_that_jump_change_nothing,
    the_budget_is_watched_while_it_rests,
    a_freeze_is_waited_for,
);

const SECOND: Duration = Duration::from_secs(1);

fn rests(running: &Running) -> usize {
    running.log().matches("resting until the next refresh").count()
}

async fn has_rested(running: &Running, times: usize) {
    wait_until("it rests", LIMIT, || async { rests(running) >= times }).await;
}

async fn it_refreshes_and_rests(major: u32) {
    let port = free_port();
    let rest =
        format!("schedule: {{ every: 10s }}\nlimits: {{ lag: 2s }}\nserve: {{ listen: \"127.0.0.1:{port}\" }}\n");
    let (_db, s, t, sluice) = shop(major, "ops_every", &rest).await;
    let check = sluice.run(&["check"]).await.stdout;
    assert!(check.contains("schedule.every") && check.contains("10s"), "{check}");
    let plan = sluice.run(&["plan"]).await.stdout;
    assert!(plan.contains("every: 10s"), "{plan}");
    let running = sluice.spawn(&["run"]);
    has_rested(&running, 1).await;
    let began = Instant::now();
    assert_eq!(rows(&s).await, rows(&t).await);
    run(&s, "UPDATE ports SET name = 'since'").await;
    let ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'sluice/ops_every/%' AND application_name NOT LIKE '%/status'";
    wait_until("nobody of ours is on staging", 5 * SECOND, || async { number(&t, ours).await == 0 }).await;
    let slot = "SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'sluice_ops_every' AND active";
    assert_eq!(number(&s, slot).await, 0, "its slot is not read");
    wait_until("it says that it rests", 5 * SECOND, || async { json(&sluice).await["state"] == "resting" }).await;
    let state = json(&sluice).await;
    assert!(state["resting"].as_str().is_some_and(|said| said.starts_with("the next refresh begins in ")), "{state}");
    // longer than limits.lag alone would have it
    tokio::time::sleep((4 * SECOND).saturating_sub(began.elapsed())).await;
    assert_eq!(get(port, "/readyz"), (200, "ready\n".into()));
    let since = "SELECT count(*) FROM ports WHERE name = 'since'";
    assert_eq!((number(&t, since).await, rests(&running)), (0, 1), "before its time");
    has_rested(&running, 2).await;
    assert!(began.elapsed() > 6 * SECOND, "{:?}", began.elapsed());
    assert_eq!(number(&t, since).await, 200);
    assert_eq!(rows(&s).await, rows(&t).await);
    let told =
        "SELECT count(*) FROM sluice.runs WHERE outcome = 'caught up' AND exit_code IS NULL AND ended IS NOT NULL";
    wait_until("each refresh has a row", 5 * SECOND, || async { number(&t, told).await == 2 }).await;
    let changes = "SELECT concat(copied_rows, ' ', changes, ' ', tables ->> 'public.ports') FROM sluice.runs ORDER BY id DESC LIMIT 1";
    assert_eq!(text(&t, changes).await, "0 200 {\"changes\": 200}");
    ends(running).await;
    assert_eq!(number(&t, "SELECT count(*) FROM sluice.runs").await, 2, "no row of a rest");
}

async fn a_refresh_that_takes_longer_meets_the_next(major: u32) {
    let (db, s, t, sluice) = shop(major, "ops_every_long", "schedule: { every: 3s }\n").await;
    let running = sluice.spawn(&["run"]);
    has_rested(&running, 1).await;
    let tester = db.target().await;
    run(&tester, "BEGIN; LOCK TABLE ports IN ACCESS EXCLUSIVE MODE").await;
    run(&s, "UPDATE ports SET name = 'held up'").await;
    let apply = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sluice/ops_every_long/apply'";
    let began = Instant::now();
    let mut most = 0;
    while began.elapsed() < 7 * SECOND {
        most = most.max(number(&t, apply).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(most, 1, "two at a time");
    let long = || running.log().matches("the refresh took longer than schedule.every").count();
    let (before, late) = (rests(&running), long());
    run(&tester, "COMMIT").await;
    wait_until("it says so", LIMIT, || async { long() > late }).await;
    has_rested(&running, before + 2).await;
    equal(&s, &t).await;
    assert_eq!(long(), late + 1, "what was missed is not made up for: {}", running.log());
    ends(running).await;
}

async fn others_take_their_turn_while_it_rests(major: u32) {
    let (_db, s, t, sluice) = shop(major, "ops_every_two", "schedule: { every: 6s }\n").await;
    let mut running = sluice.spawn(&["run"]);
    has_rested(&running, 1).await;
    run(&s, "UPDATE ports SET name = 'by hand'").await;
    sluice.ok(&["run", "--until-caught-up"]).await;
    assert_eq!(rows(&s).await, rows(&t).await);
    run(&s, "DELETE FROM ports WHERE id < 20").await;
    has_rested(&running, 2).await;
    assert_eq!(rows(&s).await, rows(&t).await, "it goes on behind the other");
    assert!(running.ended().is_none());
    // SIGHUP: by what the files say now
    sluice.lay("ops_every_two", "tables: { \"public.*\": keep }\n");
    running.signal(libc::SIGHUP);
    run(&s, "UPDATE ships SET name = 'streamed'").await;
    equal(&s, &t).await;
    wait_until("it streams from here on", LIMIT, || async { json(&sluice).await["state"] == "streaming" }).await;
    let before = rests(&running);
    tokio::time::sleep(7 * SECOND).await;
    assert_eq!(rests(&running), before, "by what the files said before");
    ends(running).await;
}

async fn clocks_that_jump_change_nothing(major: u32) {
    let (_db, s, t, sluice) = shop(major, "ops_every_clock", "schedule: { every: 6s }\n").await;
    let clock = Clock::new();
    let running = clock.under(sluice).spawn(&["run"]);
    has_rested(&running, 1).await;
    let began = Instant::now();
    run(&s, "UPDATE ports SET name = 'x'").await;
    clock.put(7 * 86_400);
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(rests(&running), 1, "put forward: it came early");
    clock.put(-7 * 86_400);
    has_rested(&running, 2).await;
    assert!((4 * SECOND..12 * SECOND).contains(&began.elapsed()), "{:?}", began.elapsed());
    assert_eq!(rows(&s).await, rows(&t).await);
    let odd = "SELECT count(*) FROM sluice.runs WHERE seconds NOT BETWEEN 0 AND 30 OR abs(date_part('epoch', begun - now())) > 60";
    assert_eq!(number(&t, odd).await, 0);
    // it says that the time of its log has jumped, so the clock was put indeed
    let year = |line: &str| line.get(..10).map(str::to_owned);
    let days: std::collections::BTreeSet<_> = running.log().lines().filter_map(year).collect();
    assert!(days.len() > 1, "{days:?}");
    ends(running).await;
}

async fn the_budget_is_watched_while_it_rests(major: u32) {
    let source = Cluster::with().set("max_wal_size", "64MB").set("min_wal_size", "32MB").start(major);
    let world = World::over(source, Cluster::start(major), false).await;
    let (s, t) = (world.production().await, world.staging().await);
    let limits = "limits: { wal: { warn: 16MB, pause_copy: 48MB, drop_slot: 96MB } }\n";
    let port = free_port();
    let sluice = world.also(&format!("{limits}schedule: {{ every: 1h }}\nserve: {{ listen: \"127.0.0.1:{port}\" }}\n"));
    let mut running = sluice.spawn(&["run"]);
    has_rested(&running, 1).await;
    run(&s, "UPDATE big SET n = n + 1").await;
    let sum = "SELECT sum(n)::text FROM big";
    let before = text(&t, sum).await;
    for _ in 0..18 {
        run(&s, "SELECT pg_logical_emit_message(false, 'noise', repeat('x', 8 << 20))").await;
    }
    wait_until("the slot goes", LIMIT, || async { running.log().contains("gone=true") }).await;
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(
        number(&s, "SELECT count(*) FROM pg_replication_slots").await,
        0,
        "none is made before the next refresh"
    );
    assert_eq!(text(&t, sum).await, before);
    let (code, why) = get(port, "/readyz");
    assert!(code == 503 && why.contains("limits.wal.drop_slot"), "{code} {why}");
    // the next one is due at once
    let now = format!("{}{limits}schedule: {{ every: 2s }}\n", crate::faults::world::TABLES);
    sluice.lay(crate::faults::world::NAME, &now);
    running.signal(libc::SIGHUP);
    has_rested(&running, 2).await;
    worlds_equal(&s, &t).await;
    assert!(running.ended().is_none());
    ends(running).await;
}

/// One that is due while staging is frozen begins, stands, and goes on.
async fn a_freeze_is_waited_for(major: u32) {
    let (_db, s, t, sluice) = shop(major, "ops_every_freeze", "schedule: { every: 4s }\n").await;
    let mut running = sluice.spawn(&["run"]);
    has_rested(&running, 1).await;
    sluice.ok(&["freeze"]).await;
    let before = rows(&t).await;
    run(&s, "UPDATE ports SET name = 'x'").await;
    wait_until("it stands", LIMIT, || async { running.log().contains(" frozen until") }).await;
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(rows(&t).await, before);
    assert_eq!(json(&sluice).await["state"], Value::from("frozen"));
    assert!(running.ended().is_none());
    let rested = rests(&running);
    sluice.ok(&["resume"]).await;
    equal(&s, &t).await;
    has_rested(&running, rested + 1).await;
    ends(running).await;
}
