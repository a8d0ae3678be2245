//! While staging is frozen nothing of it changes, whoever is killed or promoted; and then it goes on as if nothing had been.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::clock::Clock;
use super::{LIMIT, SCHEMA, ends, equal, json, print, rows, run, shop, streams};
use crate::faults::full::Full;
use crate::faults::world::{NAME, World, equal as worlds_equal};
use crate::servers::{Cluster, Proxy, wait_until};
use crate::shapes::flow::{number, text};
use crate::sluice::Sluice;
use crate::verbs::serve::{free_port, get};

majors!(
    nothing_changes_while_it_stands,
    it_ends_when_its_time_has_come,
    whoever_wants_to_be_caught_up_is_refused,
    it_outlives_a_restart,
    it_comes_amid_a_large_transaction,
    it_moves_to_a_promoted_standby,
    the_budget_of_wal_holds,
    what_is_to_be_empty_waits,
);

const SECOND: Duration = Duration::from_secs(1);

/// Production changes rows, draws numbers, and moves them about.
const CHANGES: &str = "UPDATE ports SET name = name || '!' WHERE id % 2 = 0; DELETE FROM ports WHERE id % 5 = 0;
    INSERT INTO ships (name) SELECT 'new' FROM generate_series(1, 3000); UPDATE ships SET name = 'renamed' WHERE id < 50";

async fn nothing_changes_while_it_stands(major: u32) {
    let port = free_port();
    let rest =
        format!("sequences: {{ margin: 100 }}\nlimits: {{ lag: 2s }}\nserve: {{ listen: \"127.0.0.1:{port}\" }}\n");
    let (db, s, t, sluice) = shop(major, "ops_freeze", &rest).await;
    let early = sluice.run(&["freeze"]).await;
    assert!(early.code == 2 && early.stderr.contains("has not run into this target yet"), "{}", early.stderr);
    let running = sluice.spawn(&["run"]);
    streams(&t, &running).await;
    wait_until("it is ready", LIMIT, || async { get(port, "/readyz") == (200, "ready\n".into()) }).await;

    let asked = Instant::now();
    let frozen = sluice.ok(&["freeze", "--for", "1h", "--reason", "load test"]).await;
    assert!(asked.elapsed() < 10 * SECOND, "{:?}", asked.elapsed());
    assert!(
        frozen.stderr.contains("staging stands at ") && !frozen.stderr.contains("not all of it"),
        "{}",
        frozen.stderr
    );
    let at = frozen.stdout.trim().to_owned();
    let (before, copied) = (print(&t).await, "SELECT sum(rows_copied)::bigint FROM sluice.tables");
    let copied_before = number(&t, copied).await;
    run(&s, CHANGES).await;
    // what would be healed, copied or tried again waits too
    run(&t, "UPDATE ships SET name = 'a tester was here' WHERE id = 7").await;
    let edited = print(&t).await;
    assert_ne!(before, edited);
    let said = sluice.ok(&["resync", "ships"]).await.stderr;
    assert!(said.contains("staging is frozen until ") && said.contains("load test"), "{said}");
    tokio::time::sleep(4 * SECOND).await;
    assert_eq!(print(&t).await, edited, "staging changed");
    assert_eq!(number(&t, copied).await, copied_before);
    let row = "SELECT concat_ws(' ', at, reason, until - since > interval '59 minutes', stands_since >= since, consistent) FROM sluice.freeze";
    assert_eq!(text(&t, row).await, format!("{at} load test t t t"));
    // testers read it once they may
    let may = format!(
        "CREATE ROLE ops_tester_{major}; GRANT CONNECT ON DATABASE {0} TO ops_tester_{major}; SET ROLE ops_tester_{major}",
        db.name
    );
    run(&t, &may).await;
    assert!(t.query("SELECT at FROM sluice.freeze", &[]).await.is_err(), "nothing is granted to PUBLIC");
    run(&t, "RESET ROLE").await;
    let grants = format!(
        "GRANT USAGE ON SCHEMA sluice TO ops_tester_{major}; GRANT SELECT ON sluice.freeze TO ops_tester_{major}; SET ROLE ops_tester_{major}"
    );
    run(&t, &grants).await;
    let theirs =
        "SELECT at::text FROM sluice.freeze WHERE pipeline = 'ops_freeze' AND (until IS NULL OR until > now())";
    assert_eq!(text(&t, theirs).await, at);
    run(&t, &format!("RESET ROLE; DROP OWNED BY ops_tester_{major}; DROP ROLE ops_tester_{major}")).await;
    // late, and asked to be so: green, and it says why
    let (code, body) = get(port, "/readyz");
    assert!(code == 200 && body.starts_with(&format!("ready: frozen at {at} until ")), "{code} {body}");
    let (_, metrics) = get(port, "/metrics");
    assert!(metrics.contains("sluice_frozen{pipeline=\"ops_freeze\"} 1\n"), "{metrics}");
    assert!(metrics.contains("sluice_up{pipeline=\"ops_freeze\"} 1\n"), "{metrics}");
    let state = json(&sluice).await;
    assert_eq!(
        (&state["state"], &state["freeze"]["at"]),
        (&Value::from("frozen"), &Value::from(at.clone())),
        "{state}"
    );
    // production hears how far it is, and no further
    let confirmed = "SELECT confirmed_flush_lsn::text FROM pg_replication_slots WHERE slot_name = 'sluice_ops_freeze'";
    assert!(number(&s, &format!("SELECT (({confirmed})::pg_lsn <= '{at}')::int::bigint")).await == 1);
    // another word of the same freeze: it stands where it stands
    let again = sluice.ok(&["freeze", "--reason", "longer"]).await;
    assert!(
        again.stderr.contains("frozen until sluice resume") && again.stderr.contains("it was until "),
        "{}",
        again.stderr
    );
    assert_eq!(again.stdout.trim(), at);
    assert_eq!(text(&t, "SELECT concat_ws(' ', at, reason, until) FROM sluice.freeze").await, format!("{at} longer"));

    let resumed = sluice.ok(&["resume"]).await.stderr;
    assert!(resumed.contains("resumed; it was frozen until sluice resume") && resumed.contains("goes on"), "{resumed}");
    equal(&s, &t).await;
    wait_until("it streams", LIMIT, || async { json(&sluice).await["state"] == "streaming" }).await;
    wait_until("it is ready again", LIMIT, || async { get(port, "/readyz") == (200, "ready\n".into()) }).await;
    wait_until("sequences are followed again", LIMIT, || async {
        number(&t, "SELECT last_value FROM ships_id_seq").await > 3500
    })
    .await;
    let idle = sluice.ok(&["resume"]).await.stderr;
    assert!(idle.contains("staging is not frozen"), "{idle}");
    assert_eq!(running.log().matches("the freeze is over").count(), 1);
    ends(running).await;
}

/// By the target's clock: ours may be anything.
async fn it_ends_when_its_time_has_come(major: u32) {
    let (_db, s, t, sluice) = shop(major, "ops_freeze_ends", "").await;
    let clock = Clock::new();
    let running = clock.under(sluice.clone()).spawn(&["run"]);
    streams(&t, &running).await;
    let passed = sluice.run(&["freeze", "--until", "2020-01-01T00:00:00Z"]).await;
    assert!(passed.code == 2 && passed.stderr.contains("has passed already"), "{}", passed.stderr);
    assert_eq!(number(&t, "SELECT count(*) FROM sluice.freeze").await, 0);
    sluice.ok(&["freeze", "--for", "6s"]).await;
    let before = print(&t).await;
    run(&s, CHANGES).await;
    clock.put(86_400);
    tokio::time::sleep(2 * SECOND).await;
    clock.put(-86_400);
    tokio::time::sleep(SECOND).await;
    assert_eq!(print(&t).await, before, "not before its time");
    equal(&s, &t).await;
    assert_eq!(number(&t, "SELECT count(*) FROM sluice.freeze").await, 0, "what is over goes");
    ends(running).await;
    // with nobody there, the row is over all the same
    sluice.ok(&["freeze", "--for", "1s"]).await;
    tokio::time::sleep(2 * SECOND).await;
    assert!(json(&sluice).await["freeze"].is_null());
    run(&s, "UPDATE ports SET name = 'late'").await;
    sluice.ok(&["run", "--until-caught-up"]).await;
    assert_eq!(rows(&s).await, rows(&t).await);
}

async fn whoever_wants_to_be_caught_up_is_refused(major: u32) {
    let (_db, s, t, sluice) = shop(major, "ops_freeze_cron", "").await;
    sluice.ok(&["run", "--until-caught-up"]).await;
    let frozen = sluice.ok(&["freeze", "--reason", "release test"]).await;
    assert!(frozen.stderr.contains("no sluice applies now"), "{}", frozen.stderr);
    run(&s, CHANGES).await;
    let before = print(&t).await;
    let asked = Instant::now();
    let refused = sluice.run(&["run", "--until-caught-up"]).await;
    assert_eq!(refused.code, 5, "{}", refused.stderr);
    assert!(asked.elapsed() < 20 * SECOND);
    assert!(
        refused.stderr.contains("staging is frozen at ") && refused.stderr.contains("release test"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("hint: sluice resume"), "{}", refused.stderr);
    assert_eq!(print(&t).await, before);
    let told = "SELECT concat_ws(' ', outcome, exit_code) FROM sluice.runs ORDER BY id DESC LIMIT 1";
    assert_eq!(text(&t, told).await, "frozen 5");
    sluice.ok(&["resume"]).await;
    sluice.ok(&["run", "--until-caught-up"]).await;
    assert_eq!(rows(&s).await, rows(&t).await);
}

async fn it_outlives_a_restart(major: u32) {
    let (_db, s, t, sluice) = shop(major, "ops_freeze_restart", "").await;
    let mut running = sluice.spawn(&["run"]);
    streams(&t, &running).await;
    // traffic, so that something is under way when it is killed
    let traffic = tokio::spawn(async move {
        for n in 0..200 {
            run(&s, &format!("UPDATE ships SET name = 'moves {n}' WHERE id < 100")).await;
        }
        s
    });
    let at = sluice.ok(&["freeze"]).await.stdout;
    let before = print(&t).await;
    running.kill9();
    let mut running = sluice.spawn(&["run"]);
    wait_until("it stands again", LIMIT, || async { running.log().contains(" frozen until") }).await;
    let s = traffic.await.expect("traffic");
    tokio::time::sleep(2 * SECOND).await;
    // a second one takes over, and stands too
    let other = sluice.spawn(&["run"]);
    assert_eq!(running.wait(LIMIT).await.code(), Some(5), "{}", running.log());
    wait_until("the other stands", LIMIT, || async { other.log().contains(" frozen until") }).await;
    tokio::time::sleep(SECOND).await;
    assert_eq!(print(&t).await, before);
    assert_eq!(text(&t, "SELECT at::text FROM sluice.freeze").await, at.trim());
    sluice.ok(&["resume"]).await;
    equal(&s, &t).await;
    assert_eq!(number(&t, "SELECT sum(divergences)::bigint FROM sluice.tables").await, 0);
    ends(other).await;
}

/// Its pieces stand in an open transaction of staging, with their locks. They go, and all of it comes again.
async fn it_comes_amid_a_large_transaction(major: u32) {
    let (db, s, t, plain) = shop(major, "ops_freeze_amid", "").await;
    plain.ok(&["run", "--until-caught-up"]).await;
    let proxy = Proxy::start(db.target_port()).await;
    let rest = format!("{}limits: {{ memory: 16MB }}\n", super::TABLES);
    let slow = Sluice::over(&db.name, &db.source_url(), &proxy.url(&db.name), &rest);
    let running = slow.spawn(&["run"]);
    streams(&t, &running).await;
    let before = print(&t).await;
    proxy.delay(Duration::from_millis(20));
    run(&s, "INSERT INTO ports SELECT g, repeat('x', 1000) FROM generate_series(1000, 40000) g").await;
    let open = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sluice/ops_freeze_amid/apply' AND now() - xact_start > interval '1 second'";
    wait_until("pieces are applied", LIMIT, || async { number(&t, open).await == 1 }).await;
    let frozen = plain.ok(&["freeze"]).await;
    assert!(running.log().contains("a freeze has come amid a large source transaction"), "{}", running.log());
    assert_eq!(print(&t).await, before, "half a transaction");
    assert!(frozen.stderr.contains("staging stands at "), "{}", frozen.stderr);
    wait_until("nobody holds a lock", LIMIT, || async { number(&t, open).await == 0 }).await;
    proxy.delay(Duration::ZERO);
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(print(&t).await, before);
    plain.ok(&["resume"]).await;
    equal(&s, &t).await;
    assert_eq!(number(&t, "SELECT count(*) FROM ports").await, 39_201);
    ends(running).await;
}

/// The row is data of staging: it is there where staging is.
async fn it_moves_to_a_promoted_standby(major: u32) {
    let (source, mut target) = (Cluster::start(major), Cluster::start(major));
    for cluster in [&source, &target] {
        run(&cluster.client("postgres").await, &format!("CREATE DATABASE {NAME}")).await;
        run(&cluster.client(NAME).await, SCHEMA).await;
    }
    let s = source.client(NAME).await;
    run(&s, super::ROWS).await;
    let standby = target.standby("other", &[]).await;
    let proxy = Proxy::start(target.port()).await;
    let sluice = Sluice::over(NAME, &source.url(NAME), &proxy.url(NAME), super::TABLES);
    let t = target.client(NAME).await;
    let running = sluice.spawn(&["run"]);
    streams(&t, &running).await;
    let at = sluice.ok(&["freeze", "--for", "1h", "--reason", "over a failover"]).await.stdout;
    let before = print(&t).await;
    run(&s, CHANGES).await;
    let there = standby.client(NAME).await;
    let row = "SELECT coalesce((SELECT at::text FROM sluice.freeze), '')";
    wait_until("the standby has it", LIMIT, || async { text(&there, row).await == at.trim() }).await;
    drop(t);
    target.kill9();
    run(&there, "SELECT pg_promote()").await;
    proxy.lead_to(standby.port());
    proxy.cut();
    let told = |log: &str| log.matches(" frozen until").count();
    wait_until("it stands on the other", LIMIT, || async { told(&running.log()) > 1 }).await;
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(print(&there).await, before, "it changed behind the failover");
    assert_eq!(text(&there, row).await, at.trim());
    sluice.ok(&["resume"]).await;
    equal(&s, &there).await;
    assert_eq!(number(&there, "SELECT sum(divergences)::bigint FROM sluice.tables").await, 0);
    ends(running).await;
}

/// A freeze is no reason for production's disk to fill. Staging stays as it is, and is repaired behind it.
async fn the_budget_of_wal_holds(major: u32) {
    let source = Cluster::with().set("max_wal_size", "64MB").set("min_wal_size", "32MB").start(major);
    let world = World::over(source, Cluster::start(major), false).await;
    world.catch_up().await;
    let (s, t) = (world.production().await, world.staging().await);
    let sluice = world.also("limits: { wal: { warn: 16MB, pause_copy: 48MB, drop_slot: 96MB } }\n");
    let mut running = sluice.spawn(&["run"]);
    streams(&t, &running).await;
    let at = sluice.ok(&["freeze"]).await.stdout;
    let sum = "SELECT concat(sum(n), '/', count(*)) FROM big";
    let (before, full) = (text(&t, sum).await, Full::of(&world.target).await);
    run(&s, "UPDATE big SET n = n + 1 WHERE id % 3 = 0; DELETE FROM big WHERE id % 7 = 0").await;
    for _ in 0..18 {
        run(&s, "SELECT pg_logical_emit_message(false, 'noise', repeat('x', 8 << 20))").await;
    }
    wait_until("the slot goes", LIMIT, || async { running.log().contains("gone=true") }).await;
    let known = "SELECT count(*) FROM sluice.pending";
    wait_until("all is due", LIMIT, || async { number(&t, known).await > 8 }).await;
    tokio::time::sleep(3 * SECOND).await;
    assert_eq!(text(&t, sum).await, before, "staging changed");
    assert_eq!(text(&t, "SELECT at::text FROM sluice.freeze").await, at.trim(), "it shows what it showed");
    assert!(running.ended().is_none());
    sluice.ok(&["resume"]).await;
    wait_until("it is repaired", LIMIT, || async { number(&t, known).await == 0 }).await;
    full.stayed().await;
    world.settles(&mut running).await;
    worlds_equal(&s, &t).await;
}

/// A table that is to have no rows is emptied when a pipeline is opened. Under a freeze that waits as well.
async fn what_is_to_be_empty_waits(major: u32) {
    let (db, s, t, sluice) = shop(major, "ops_freeze_empty", "").await;
    sluice.lay(&db.name, "tables: { \"public.*\": keep, public.ports: structure }\n");
    sluice.ok(&["run", "--until-caught-up"]).await;
    sluice.ok(&["freeze"]).await;
    run(&t, "INSERT INTO ports VALUES (1, 'an old script was here')").await;
    let running = sluice.spawn(&["run"]);
    wait_until("it stands", LIMIT, || async { running.log().contains(" frozen until") }).await;
    tokio::time::sleep(SECOND).await;
    assert_eq!(number(&t, "SELECT count(*) FROM ports").await, 1);
    sluice.ok(&["resume"]).await;
    wait_until("it is empty", LIMIT, || async { number(&t, "SELECT count(*) FROM ports").await == 0 }).await;
    run(&s, "UPDATE ships SET name = 'on'").await;
    let on = "SELECT count(*) FROM ships WHERE name <> 'on'";
    wait_until("it goes on", LIMIT, || async { number(&t, on).await == 0 }).await;
    ends(running).await;
}
