//! The standby is promoted, beside a primary that lives on.

use std::time::Duration;

use super::super::full::Full;
use super::super::refusals::{RESYNC, mended, refused};
use super::super::traffic::Traffic;
use super::super::world::{LIMIT, NAME, TABLES, World, number, run, text};
use super::{applies, behind, copied, ends_with_5, fingerprint, promote};
use crate::seed::Seed;
use crate::servers::{Cluster, wait_until};
use crate::sluice::Sluice;

since_16!(the_standby_is_promoted_amid_the_stream);
on_18_alone!(the_standby_is_promoted_amid_a_copy, what_it_says_of_its_timeline);

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
    refused(&world.sluice, "slot sluice_world is gone from production", RESYNC).await;
    mended(&world).await;
    drop(promoted);
}

/// Both live on, and both are written: what the promoted one writes from then on comes by the same stream.
async fn the_standby_is_promoted_amid_the_stream(major: u32) {
    let seed = Seed::or(32);
    let (world, standby) = behind(major).await;
    let traffic = Traffic::start(&world.source.url(NAME), vec![seed.rng(1), seed.rng(2)]);
    let mut running = world.sluice.spawn(&["run"]);
    copied(&world, &running).await;
    applies(&world.staging().await, 200).await;
    let full = Full::amid_traffic(&world.target).await;
    promote(&standby).await;
    let other = Traffic::start(&standby.url(NAME), vec![seed.rng(3), seed.rng(4)]);
    ends_with_5(&mut running, "the standby of source.url was promoted").await;
    let told = world.sluice.run(&["status"]).await.stdout;
    assert!(told.contains("it was promoted"), "{told}");
    tokio::time::sleep(Duration::from_millis(500)).await;
    traffic.end().await;
    other.end().await;
    full.stayed().await;
    one_and_then_the_other(world, standby).await;
}

/// The snapshot is the old primary's, and shows what the standby has never had; what comes behind it is the new timeline's, up to
/// positions far beyond.
async fn the_standby_is_promoted_amid_a_copy(major: u32) {
    let (world, standby) = behind(major).await;
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

/// What the argument stands on: the timeline that IDENTIFY_SYSTEM names is never the old one once a session has seen the promotion. Nor is that of
/// a primary, long before its first checkpoint.
async fn what_it_says_of_its_timeline(major: u32) {
    use replicator::source::{production, servers::Primary, slot, standby::Standby};
    for _ in 0..3 {
        let (world, standby) = behind(major).await;
        run(&world.production().await, "UPDATE big SET n = n + 1").await;
        let info = wire::Conninfo::parse(&standby.url(NAME)).expect("a connection string");
        let mut guard = Standby::open(&info, "test").await.expect("a session");
        let mut db = production::reader(&info, "test", "test", &[]).await.expect("a session");
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
            let primary = Primary::of(&mut db).await.expect("an answer");
            assert!(primary.is_some() || recovers, "it was promoted before");
            assert_eq!(primary.map_or(2, |primary| primary.timeline), 2, "of a primary");
            seen += i32::from(!recovers);
        }
        drop(promoting.await.expect("promoted"));
    }
}
