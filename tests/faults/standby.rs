//! Slot and stream on a standby, everything else on its primary (`source.primary_url`), and what may come between the two.

use std::time::Duration;

use tokio_postgres::Client;

use super::refusals::refused;
use super::traffic::Traffic;
use super::world::{LIMIT, NAME, TABLES, World, number, run, text};
use crate::seed::Seed;
use crate::servers::{Cluster, wait_until};
use crate::sluice::{Running, Sluice};

/// On 16 and later; tests run on 18.
const MAJOR: u32 = 18;

macro_rules! on_18_alone {
    ($($name:ident),+ $(,)?) => {
        mod on_18_alone { $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { crate::servers::within(crate::servers::test_limit(), super::$name()).await })+ }
    };
}

on_18_alone!(
    a_whole_life,
    the_standby_is_promoted_amid_the_stream,
    the_standby_is_promoted_amid_a_copy,
    replay_stands_still_during_a_slice,
    what_does_not_belong_together_is_refused,
    one_of_the_three_dies_amid_the_stream,
    a_standby_that_follows_to_another_primary,
    what_it_says_of_its_timeline,
);

const STANDBY: &str = "standby";
const APPLIED: &str = "SELECT coalesce(sum(rows_applied), 0)::bigint FROM sluice.tables";
const SLOTS: &str = "SELECT count(*) FROM pg_replication_slots WHERE slot_type = 'logical'";

/// A pipeline through a standby.
fn through(standby: &str, primary: &str, target: &str, rest: &str) -> Sluice {
    let sluice = Sluice::over(NAME, standby, target, TABLES).env("SLUICE_PRIMARY_URL", primary);
    sluice.configure(&format!(
        "pipeline: {NAME}\nsource: {{ url: \"${{SLUICE_SOURCE_URL}}\", primary_url: \"${{SLUICE_PRIMARY_URL}}\" }}\n\
         target: {{ url: \"${{SLUICE_TARGET_URL}}\" }}\nmasking: {{ key: \"${{SLUICE_MASK_KEY}}\" }}\n{TABLES}{rest}"
    ));
    sluice
}

/// A world whose stream is a standby's.
async fn behind() -> (World, Cluster) {
    let mut world = World::new(MAJOR, true).await;
    let standby = world.source.standby(STANDBY, &[("wal_receiver_status_interval", "1s")]).await;
    world.sluice = through(&standby.url(NAME), &world.source.url(NAME), &world.target.url(NAME), "");
    (world, standby)
}

async fn copied(world: &World, running: &Running) {
    let staging = world.staging().await;
    wait_until("it runs", LIMIT, || async { running.log().contains(" running ") }).await;
    let pending = "SELECT count(*) FROM sluice.pending";
    wait_until("it is copied", LIMIT, || async { number(&staging, pending).await == 0 }).await;
}

/// Waits until more was applied.
async fn applies(staging: &Client, more: i64) {
    let done = number(staging, APPLIED).await;
    wait_until("it applies", LIMIT, || async { number(staging, APPLIED).await > done + more }).await;
}

async fn promote(standby: &Cluster) -> Client {
    let client = standby.client(NAME).await;
    // one that waits holds a snapshot meanwhile, and what is still to be replayed may cancel it for that
    run(&client, "SELECT pg_promote(false)").await;
    let done = "SELECT count(*) WHERE NOT pg_is_in_recovery()";
    wait_until("it is promoted", LIMIT, || async { number(&client, done).await == 1 }).await;
    client
}

/// Waits until a primary keeps rows of its catalog for the standby's slot, and makes it so that it does after a crash too: what it has heard
/// of that is written with its next checkpoint, and what it prunes before costs the slot.
async fn keeps_for(primary: &Cluster) {
    let client = primary.client("postgres").await;
    let heard = format!("SELECT count(catalog_xmin) FROM pg_replication_slots WHERE slot_name = '{STANDBY}'");
    wait_until("it keeps them", LIMIT, || async { number(&client, &heard).await == 1 }).await;
    run(&client, "CHECKPOINT").await;
}

/// Where the second timeline begins.
fn switch_point(promoted: &Cluster) -> String {
    let history = std::fs::read_to_string(promoted.data().join("pg_wal/00000002.history")).expect("a history");
    history.lines().find_map(|line| line.strip_prefix("1\t")?.split('\t').next()).expect("a switch").to_owned()
}

/// The checkpoint has nothing of the second timeline, whatever has come.
async fn stands_before(world: &World, promoted: &Cluster) {
    let switch = switch_point(promoted);
    let sql = format!("SELECT concat_ws(' ', lsn, timeline, lsn::pg_lsn <= '{switch}') FROM sluice.checkpoint");
    let told = text(&world.staging().await, &sql).await;
    assert!(told.ends_with(" 1 t"), "the checkpoint {told}, and the switch is at {switch}");
}

/// A number over all that staging has.
async fn fingerprint(client: &Client) -> String {
    let tables = ["big", "comp", "uid", "txt", "log", "fulls", "ident", "people", "handles"];
    let each = tables
        .map(|t| format!("(SELECT coalesce(sum(hashtext(t::text)::bigint), 0)::text || ':' || count(*) FROM {t} t)"));
    text(client, &format!("SELECT concat_ws(' ', {})", each.join(", "))).await
}

async fn ends_with_5(running: &mut Running, what: &str) {
    let status = running.wait(LIMIT).await;
    assert!(status.code() == Some(5) && running.log().contains(what), "{status}: not {what:?}: {}", running.log());
}

/// Both of the servers that were one are written; each is taken for production in its turn, and each time staging is what that one is.
async fn one_and_then_the_other(mut world: World, promoted: Cluster) {
    refused(
        &world.sluice,
        "source.url is no standby, and there is a source.primary_url",
        "take source.primary_url out",
    )
    .await;
    stands_before(&world, &promoted).await;
    let old = std::mem::replace(&mut world.source, promoted);
    // the promoted one: nothing was lost, and nothing is copied anew
    world.sluice = Sluice::over(NAME, &world.source.url(NAME), &world.target.url(NAME), TABLES);
    let said = world.catch_up().await.stderr;
    assert!(said.contains("production was promoted; its history contains our position"), "{said}");
    world.equal().await;
    // the old one
    let promoted = std::mem::replace(&mut world.source, old);
    world.sluice = Sluice::over(NAME, &world.source.url(NAME), &world.target.url(NAME), TABLES);
    refused(&world.sluice, "slot sluice_world is gone from production", super::refusals::RESYNC).await;
    world.sluice.ok(&["resync", "--all", "--yes"]).await;
    world.catch_up().await;
    world.equal().await;
    drop(promoted);
}

async fn a_whole_life() {
    let seed = Seed::or(31);
    let (world, standby) = behind().await;
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
    let copied_at = "SELECT count(*) FROM sluice.pending";
    wait_until("it is copied again", LIMIT, || async { number(&staging, copied_at).await == 0 }).await;
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
    world.sluice.ok(&["resync", "--all", "--yes"]).await;
    assert_eq!(number(&there, SLOTS).await, 0);
    world.catch_up().await;
    world.equal().await;
    world.sluice.ok(&["destroy", "--yes"]).await;
    let publications = "SELECT count(*) FROM pg_publication";
    assert_eq!((number(&production, SLOTS).await, number(&there, SLOTS).await), (0, 0));
    assert_eq!(number(&production, publications).await, 0);
}

/// Both live on, and both are written: what the promoted one writes from then on comes by the same stream.
async fn the_standby_is_promoted_amid_the_stream() {
    let seed = Seed::or(32);
    let (world, standby) = behind().await;
    let traffic = Traffic::start(&world.source.url(NAME), vec![seed.rng(1), seed.rng(2)]);
    let mut running = world.sluice.spawn(&["run"]);
    copied(&world, &running).await;
    applies(&world.staging().await, 200).await;
    promote(&standby).await;
    let other = Traffic::start(&standby.url(NAME), vec![seed.rng(3), seed.rng(4)]);
    ends_with_5(&mut running, "the standby of source.url was promoted").await;
    let told = world.sluice.run(&["status"]).await.stdout;
    assert!(told.contains("it was promoted"), "{told}");
    tokio::time::sleep(Duration::from_millis(500)).await;
    traffic.end().await;
    other.end().await;
    one_and_then_the_other(world, standby).await;
}

/// The snapshot is the old primary's, and shows what the standby has never had; what comes behind it is the new timeline's, up to
/// positions far beyond.
async fn the_standby_is_promoted_amid_a_copy() {
    let (world, standby) = behind().await;
    let mut running = world.sluice.spawn(&["run"]);
    copied(&world, &running).await;
    let (production, staging, there) = (world.production().await, world.staging().await, standby.client(NAME).await);
    let before = fingerprint(&staging).await;
    // a slice begins, and waits for a lock
    run(&production, "BEGIN; LOCK TABLE big IN ACCESS EXCLUSIVE MODE; UPDATE big SET n = n + 100").await;
    world.sluice.ok(&["resync", "public.big"]).await;
    let looks = world.production().await;
    let export =
        |what: &str| format!("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%/export' AND {what}");
    let waits = export("wait_event_type = 'Lock'");
    // the standby hears no more of its primary
    run(&there, "ALTER SYSTEM SET primary_conninfo = ''").await;
    wait_until("it waits", LIMIT, || async { number(&looks, &waits).await == 1 }).await;
    run(&there, "SELECT pg_reload_conf()").await;
    wait_until("it is cut off", LIMIT, || async {
        number(&there, "SELECT count(*) FROM pg_stat_wal_receiver").await == 0
    })
    .await;
    run(&production, "COMMIT").await;
    let holds = export("state = 'idle in transaction' AND backend_xmin IS NOT NULL");
    wait_until("it holds a snapshot", LIMIT, || async { number(&looks, &holds).await == 1 }).await;
    running.signal(libc::SIGSTOP);
    let promoted = promote(&standby).await;
    run(&promoted, "UPDATE big SET n = n - 100; INSERT INTO log SELECT g, 'promoted' FROM generate_series(1, 500) g")
        .await;
    for _ in 0..20 {
        run(&promoted, "INSERT INTO log SELECT g, 'promoted' FROM generate_series(1, 20) g").await;
    }
    run(&production, "INSERT INTO log SELECT g, 'old' FROM generate_series(1, 500) g").await;
    run(&promoted, "SELECT pg_logical_emit_message(false, 'x', repeat('x', 1000000))").await;
    let (here, far) = ("SELECT pg_current_wal_flush_lsn()::text", "SELECT pg_switch_wal()::text");
    let (old, new) = (text(&looks, here).await, text(&promoted, far).await);
    assert_eq!(text(&looks, &format!("SELECT ('{new}'::pg_lsn > '{old}')::text")).await, "true", "{new} {old}");
    running.signal(libc::SIGCONT);
    ends_with_5(&mut running, "the standby of source.url was promoted").await;
    assert_eq!(fingerprint(&staging).await, before, "nothing was loaded, and nothing applied");
    assert_eq!(number(&staging, "SELECT count(*) FROM sluice.pending").await, 1);
    one_and_then_the_other(world, standby).await;
}

/// The primary's VACUUM must not wait for a standby that stands still.
async fn replay_stands_still_during_a_slice() {
    let (mut world, standby) = behind().await;
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
    refused(&world.sluice, "production's WAL ends at", super::refusals::RESYNC).await;
}

/// All of it at once, before anything is made.
async fn what_does_not_belong_together_is_refused() {
    let (world, standby) = behind().await;
    let (primary, standing, target) = (world.source.url(NAME), standby.url(NAME), world.target.url(NAME));
    let stranger = Cluster::with().of_its_own().start(MAJOR);
    run(&stranger.client("postgres").await, &format!("CREATE DATABASE {NAME}")).await;
    let cases = [
        (&primary, &standing, "source.primary_url is a standby", "name the primary"),
        (&standing, &stranger.url(NAME), "two clusters", "a physical standby of the server"),
        (&primary, &format!("{primary}?application_name=x"), "source.url is no standby", "take source.primary_url out"),
        (
            &standby.url("postgres"),
            &primary,
            "database postgres, and source.primary_url database world",
            "the same one",
        ),
    ];
    for (url, primary, what, hint) in cases {
        refused(&through(url, primary, &target, ""), what, hint).await;
    }
    let alone = Sluice::over(NAME, &standing, &target, TABLES);
    refused(&alone, "source.url is a standby", "name the primary in source.primary_url").await;
    let old = World::new(15, false).await;
    refused(
        &through(&old.source.url(NAME), &old.source.url("world?application_name=x"), &target, ""),
        "16 or later",
        "the primary in source.url",
    )
    .await;
    let many = through(
        &format!("postgres://postgres@127.0.0.1:{},127.0.0.1:{}/{NAME}", standby.port(), world.source.port()),
        &primary,
        &target,
        "",
    );
    let told = many.run(&["run"]).await;
    assert!(told.code == 2 && told.stderr.contains("source.url: several hosts"), "{told:?}");
    // off this machine as for source.url: with a certificate, or said aloud
    let open = through(&standing, "postgres://postgres@db.example/world?sslmode=require", &target, "");
    refused(&open, "source.primary_url: sslmode is require", "sslmode=verify-full").await;
    // of one that runs alone the slot is left over
    let before = Sluice::over(NAME, &primary, &target, TABLES);
    before.ok(&["run", "--until-caught-up"]).await;
    refused(&world.sluice, "slot sluice_world is on the primary", "sluice resync --all").await;
    world.sluice.ok(&["resync", "--all", "--yes"]).await;
    let production = world.production().await;
    assert_eq!(number(&production, SLOTS).await, 0);
    world.catch_up().await;
    world.equal().await;
    // another standby has no such slot
    let another = world.source.standby("another", &[]).await;
    refused(&through(&another.url(NAME), &primary, &target, ""), "slot sluice_world is gone", "sluice resync --all")
        .await;
    // its primary is another's: it may be amid a failover, so it is waited for
    let third = world.source.standby("third", &[]).await;
    promote(&third).await;
    let mut waits = through(&standing, &third.url(NAME), &target, "").spawn(&["run"]);
    let apart = "replays timeline 1, and source.primary_url writes timeline 2";
    wait_until("it waits", LIMIT, || async { waits.log().contains(apart) }).await;
    assert!(waits.ended().is_none(), "{}", waits.log());
    waits.kill9();
    // check says what it would cost
    let client = another.client("postgres").await;
    run(&client, "ALTER SYSTEM SET hot_standby_feedback = off").await;
    run(&client, "ALTER SYSTEM SET primary_slot_name = ''").await;
    run(&client, "ALTER SYSTEM SET recovery_min_apply_delay = '1min'").await;
    run(&client, "SELECT pg_reload_conf()").await;
    let told = through(&another.url(NAME), &primary, &target, "").run(&["check"]).await.stdout;
    for line in ["! warn   hot_standby_feedback", "! warn   primary_slot_name", "! warn   recovery_min_apply_delay"] {
        assert!(told.contains(line), "not {line:?}: {told}");
    }
}

/// The standby, sluice, the primary, each killed as by a power cut.
async fn one_of_the_three_dies_amid_the_stream() {
    let seed = Seed::or(33);
    let (mut world, mut standby) = behind().await;
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

/// The primary is gone, and another of its standbys is promoted: ours follows that one, its slot with it.
async fn a_standby_that_follows_to_another_primary() {
    let seed = Seed::or(34);
    let (mut world, standby) = behind().await;
    let other = world.source.standby("other", &[("wal_receiver_status_interval", "1s")]).await;
    let primaries = format!("postgres://postgres@127.0.0.1:{},127.0.0.1:{}/{NAME}", world.source.port(), other.port());
    world.sluice = through(&standby.url(NAME), &primaries, &world.target.url(NAME), "");
    let url = format!("{primaries}?target_session_attrs=read-write");
    let traffic = Traffic::start(&url, vec![seed.rng(1), seed.rng(2)]);
    let mut running = world.sluice.spawn(&["run"]);
    copied(&world, &running).await;
    let staging = world.staging().await;
    applies(&staging, 100).await;
    // nothing is written while it goes: neither standby is ahead of the other
    traffic.end().await;
    world.source.stop_fast();
    // ours follows it before it is promoted: so it knows by then what of its catalog our slot needs, and prunes none of it
    let client = other.client(NAME).await;
    run(&client, &format!("SELECT pg_create_physical_replication_slot('{STANDBY}', true)")).await;
    let there = standby.client(NAME).await;
    let conninfo =
        format!("host=127.0.0.1 port={} user=postgres dbname=postgres application_name={STANDBY}", other.port());
    run(&there, &format!("ALTER SYSTEM SET primary_conninfo = '{conninfo}'")).await;
    run(&there, "SELECT pg_reload_conf()").await;
    keeps_for(&other).await;
    promote(&other).await;
    let traffic = Traffic::start(&url, vec![seed.rng(3), seed.rng(4)]);
    applies(&staging, 100).await;
    traffic.end().await;
    world.source = other;
    world.settles(&mut running).await;
    world.equal().await;
    assert_eq!(number(&staging, "SELECT timeline::bigint FROM sluice.checkpoint").await, 2, "{}", running.log());
}

/// What the argument stands on: the timeline that IDENTIFY_SYSTEM names is never the old one once a session has seen the promotion.
async fn what_it_says_of_its_timeline() {
    use replicator::source::{slot, standby::Standby};
    for _ in 0..3 {
        let (_world, standby) = behind().await;
        let info = wire::Conninfo::parse(&standby.url(NAME)).expect("a connection string");
        let mut guard = Standby::open(&info, "test").await.expect("a session");
        let client = standby.client(NAME).await;
        let promoting = tokio::spawn(async move {
            promote(&standby).await;
            standby
        });
        let mut seen = 0;
        while seen < 100 {
            let recovers = text(&client, "SELECT pg_is_in_recovery()::text").await == "true";
            let system: &slot::System = guard.identify().await.expect("an answer");
            assert!(recovers || system.timeline == 2, "promoted, and it says {}", system.timeline);
            seen += i32::from(!recovers);
        }
        drop(promoting.await.expect("promoted"));
    }
}
