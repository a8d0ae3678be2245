//! Production fails over to a real physical standby, and its old primary is gone without a word.

use std::time::Duration;

use tokio_postgres::Client;

use super::full::Full;
use super::refusals::{RESYNC, mended, refused};
use super::traffic::Traffic;
use super::world::{LIMIT, NAME, TABLES, World, number, run, text};
use crate::seed::Seed;
use crate::servers::{Cluster, Proxy, wait_until};
use crate::sluice::Sluice;

majors!(
    an_address_moves_as_publications_are_made,
    what_the_standby_lacks_is_refused,
    a_slot_that_did_not_go_along_is_refused,
    an_address_moves_and_the_old_one_lives
);

/// On 17, the first with which the slot goes along.
mod on_17 {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_address_moves_to_the_promoted_one() {
        crate::servers::within(crate::servers::test_limit(), super::an_address_moves_to_the_promoted_one(17)).await;
    }
}

mod on_18_alone {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn three_failovers_under_load() {
        crate::servers::within(crate::servers::test_limit(), super::three_failovers_under_load(18)).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn check_says_how_far_it_is_prepared() {
        crate::servers::within(crate::servers::test_limit(), super::check_says_how_far_it_is_prepared(18)).await;
    }
}

const STANDBY: &str = "standby";
const TAKES_ALONG: &[(&str, &str)] = &[("sync_replication_slots", "on"), ("wal_receiver_status_interval", "1s")];

/// A production whose logical slots stay behind its standby.
async fn prepared(major: u32) -> World {
    let source = Cluster::start(major);
    let world = World::over(source, Cluster::start(major), false).await;
    run(&world.production().await, &format!("SELECT pg_create_physical_replication_slot('{STANDBY}', true)")).await;
    world
}

/// Logical slots wait for the standby from here on.
async fn stay_behind(primary: &Cluster) {
    let client = primary.client("postgres").await;
    run(&client, &format!("ALTER SYSTEM SET synchronized_standby_slots = '{STANDBY}'")).await;
    run(&client, "SELECT pg_reload_conf()").await;
}

/// Waits until the standby has our slot, to keep: it has once the slot has moved on, which on an idle production takes a hint, and
/// once the primary has heard which catalog rows it needs for it.
async fn has_slot(primary: &Cluster, standby: &Cluster) {
    let (primary, client) = (primary.client("postgres").await, standby.client("postgres").await);
    let there = format!(
        "SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'sluice_{NAME}' AND synced AND NOT temporary AND invalidation_reason IS NULL"
    );
    wait_until("the slot went along", LIMIT, || async {
        run(&primary, "SELECT pg_log_standby_snapshot()").await;
        let heard = format!("SELECT count(catalog_xmin) FROM pg_replication_slots WHERE slot_name = '{STANDBY}'");
        number(&client, &there).await == 1 && number(&primary, &heard).await == 1
    })
    .await;
}

async fn promote(standby: &Cluster) -> Client {
    let client = standby.client(NAME).await;
    run(&client, "SELECT pg_promote()").await;
    client
}

/// The connection string of whichever of the two is the primary.
fn either(a: &Cluster, b: &Cluster) -> String {
    let (a, b) = (a.port(), b.port());
    format!("postgres://postgres@127.0.0.1:{a},127.0.0.1:{b}/{NAME}")
}

async fn three_failovers_under_load(major: u32) {
    let seed = Seed::or(21);
    let mut world = prepared(major).await;
    // the standby inherits it, and holds the stream back in its turn
    stay_behind(&world.source).await;
    let mut standby = world.source.standby(STANDBY, TAKES_ALONG).await;
    let url = either(&world.source, &standby);
    world.sluice = Sluice::over(NAME, &url, &world.target.url(NAME), TABLES);
    let mut running = world.sluice.spawn(&["run"]);
    let staging = world.staging().await;
    wait_until("it runs", LIMIT, || async { running.log().contains(" running ") }).await;
    let applied = "SELECT coalesce(sum(rows_applied), 0)::bigint FROM sluice.tables";
    // while nobody writes: a standby that has not asked for catalog rows yet loses a new slot to a busy primary's pruning
    has_slot(&world.source, &standby).await;
    let full = Full::amid_traffic(&world.target).await;
    for round in 1..=3 {
        // a client of libpq has to say that it wants no standby; ours does so by itself
        let rngs = (0..3).map(|writer| seed.rng(round * 10 + writer)).collect();
        let traffic = Traffic::start(&format!("{url}?target_session_attrs=read-write"), rngs);
        let done = number(&staging, applied).await;
        wait_until("it applies", LIMIT, || async { number(&staging, applied).await > done + 100 }).await;
        world.source.kill9();
        promote(&standby).await;
        std::mem::swap(&mut world.source, &mut standby);
        let committed = traffic.committed();
        wait_until("production goes on", LIMIT, || async { traffic.committed() > committed + 40 }).await;
        traffic.end().await;
        // the old one comes back as the new one's standby; until then the stream waits for it
        let done = number(&staging, applied).await;
        standby.come_back_behind(&world.source, STANDBY, TAKES_ALONG).await;
        // at once: whoever takes slots along looks less and less often
        has_slot(&world.source, &standby).await;
        wait_until("it goes on", LIMIT, || async { number(&staging, applied).await > done + 50 }).await;
        let timeline = "SELECT timeline::bigint FROM sluice.checkpoint";
        assert_eq!(number(&staging, timeline).await, i64::try_from(round).expect("small") + 1, "{}", running.log());
        // it begins anew, and of the two hosts the first is a standby every other time
        let starts = running.log().matches(" running ").count();
        let cut =
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'sluice/%'";
        assert!(number(&world.production().await, cut).await > 0);
        wait_until("it begins anew", LIMIT, || async { running.log().matches(" running ").count() > starts }).await;
    }
    assert_eq!(running.log().matches("its history contains our position").count(), 3, "{}", running.log());
    world.settles(&mut running).await;
    full.stayed().await;
    world.equal().await;
    let slots = world.production().await;
    let ours = format!("SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'sluice_{NAME}' AND synced");
    assert_eq!(number(&slots, &ours).await, 1, "the slot is the one that went along, three times");
}

/// One address, behind which another server answers: a virtual IP, or a name.
async fn an_address_moves_to_the_promoted_one(major: u32) {
    let seed = Seed::or(22);
    let mut world = prepared(major).await;
    let standby = world.source.standby(STANDBY, TAKES_ALONG).await;
    stay_behind(&world.source).await;
    let proxy = Proxy::start(world.source.port()).await;
    world.sluice = Sluice::over(NAME, &proxy.url(NAME), &world.target.url(NAME), TABLES);
    let mut running = world.sluice.spawn(&["run"]);
    wait_until("it runs", LIMIT, || async { running.log().contains(" running ") }).await;
    has_slot(&world.source, &standby).await;
    let traffic = Traffic::start(&proxy.url(NAME), vec![seed.rng(1), seed.rng(2)]);
    let staging = world.staging().await;
    let applied = "SELECT sum(rows_applied)::bigint FROM sluice.tables";
    wait_until("it applies", LIMIT, || async { number(&staging, applied).await > 100 }).await;
    let full = Full::amid_traffic(&world.target).await;
    world.source.kill9();
    // the address moves before the promotion is over: what answers is a standby for a while
    proxy.lead_to(standby.port());
    wait_until("it waits", LIMIT, || async { running.log().contains("source.url is a standby") }).await;
    let production = promote(&standby).await;
    run(&production, "ALTER SYSTEM SET synchronized_standby_slots = ''").await;
    run(&production, "SELECT pg_reload_conf()").await;
    let done = number(&staging, applied).await;
    wait_until("it goes on", LIMIT, || async { number(&staging, applied).await > done + 100 }).await;
    traffic.end().await;
    world.source = standby;
    world.settles(&mut running).await;
    full.stayed().await;
    world.equal().await;
}

/// A standby that was behind: staging has what production has lost.
async fn what_the_standby_lacks_is_refused(major: u32) {
    let mut world = prepared(major).await;
    let along = if major >= 17 { TAKES_ALONG } else { &[] };
    let standby = world.source.standby(STANDBY, along).await;
    world.catch_up().await;
    if major >= 17 {
        let mut running = world.sluice.spawn(&["run"]);
        has_slot(&world.source, &standby).await;
        running.term();
        running.wait(LIMIT).await;
    }
    // it hears nothing from here on, and nobody waits for it
    let behind = standby.client("postgres").await;
    run(&behind, "ALTER SYSTEM SET primary_conninfo = ''").await;
    run(&behind, "SELECT pg_reload_conf()").await;
    wait_until("it is cut off", LIMIT, || async {
        number(&behind, "SELECT count(*) FROM pg_stat_wal_receiver").await == 0
    })
    .await;
    drop(behind);
    run(&world.production().await, "INSERT INTO log SELECT g, 'lost' FROM generate_series(1, 500) g; DELETE FROM uid")
        .await;
    world.catch_up().await;
    world.source.kill9();
    promote(&standby).await;
    world.source = standby;
    // more than was lost: where its WAL ends tells nothing
    run(&world.production().await, "INSERT INTO log SELECT g, 'since' FROM generate_series(1, 5000) g").await;
    world.sluice = Sluice::over(NAME, &world.source.url(NAME), &world.target.url(NAME), TABLES);
    let means =
        if major >= 17 { "staging has changes that production lost" } else { "the standby had no copy of the slot" };
    refused(&world.sluice, means, RESYNC).await;
    let lost = "SELECT count(*) FROM log WHERE what = 'lost'";
    assert_eq!(number(&world.staging().await, lost).await, 500, "nothing is touched before somebody has decided");
    mended(&world).await;
    assert_eq!(number(&world.staging().await, lost).await, 0);
}

/// The standby has all of production's rows, and nobody took the slot along.
async fn a_slot_that_did_not_go_along_is_refused(major: u32) {
    let mut world = prepared(major).await;
    let standby = world.source.standby(STANDBY, &[]).await;
    world.catch_up().await;
    let production = world.production().await;
    run(&production, "INSERT INTO log SELECT g, 'more' FROM generate_series(1, 500) g").await;
    world.catch_up().await;
    let end = text(&production, "SELECT pg_current_wal_lsn()::text").await;
    drop(production);
    let client = standby.client("postgres").await;
    let has = format!("SELECT (pg_last_wal_replay_lsn() >= '{end}')::int::bigint");
    wait_until("it has all", LIMIT, || async { number(&client, &has).await == 1 }).await;
    drop(client);
    world.source.kill9();
    promote(&standby).await;
    world.source = standby;
    world.sluice = Sluice::over(NAME, &world.source.url(NAME), &world.target.url(NAME), TABLES);
    refused(&world.sluice, "it was promoted to timeline 2, and the standby had no copy of the slot", RESYNC).await;
    mended(&world).await;
}

/// New sessions are led to the promoted one, and those that are open stay with the old primary, which lives on: what the one has is not
/// read beside the stream of the other.
async fn an_address_moves_and_the_old_one_lives(major: u32) {
    let mut world = prepared(major).await;
    let standby = world.source.standby(STANDBY, &[]).await;
    let proxy = Proxy::start(world.source.port()).await;
    world.sluice = Sluice::over(NAME, &proxy.url(NAME), &world.target.url(NAME), TABLES);
    world.catch_up().await;
    let mut running = world.sluice.spawn(&["run"]);
    wait_until("it runs", LIMIT, || async { running.log().contains(" running ") }).await;
    run(&promote(&standby).await, "UPDATE big SET n = n + 1000").await;
    let staging = world.staging().await;
    let (sum, pending) = ("SELECT sum(n) FROM big", "SELECT count(*) FROM sluice.pending");
    let before = number(&staging, sum).await;
    let full = Full::of(&world.target).await;
    proxy.lead_to(standby.port());
    world.sluice.ok(&["resync", "public.big"]).await;
    wait_until("the copy has begun", LIMIT, || async {
        running.log().contains("two sessions are with two servers") || number(&staging, pending).await == 0
    })
    .await;
    assert_eq!((number(&staging, sum).await, number(&staging, pending).await), (before, 1));
    let status = running.wait(LIMIT).await;
    let lost = "it was promoted to timeline 2, and the standby had no copy of the slot";
    assert!(status.code() == Some(5) && running.log().contains(lost), "{status}: {}", running.log());
    proxy.lead_to(world.source.port());
    world.catch_up().await;
    full.stayed().await;
    world.equal().await;
}

/// A table joins, and who puts it into the publication is led to the promoted one: neither of the two is written, and no row is lost.
async fn an_address_moves_as_publications_are_made(major: u32) {
    let mut world = prepared(major).await;
    let standby = world.source.standby(STANDBY, &[]).await;
    let proxy = Proxy::start(world.source.port()).await;
    // who it is, in the first packet
    let url = format!("{}?sslmode=disable", proxy.url(NAME));
    world.sluice = Sluice::over(NAME, &url, &world.target.url(NAME), TABLES);
    world.catch_up().await;
    let promoted = promote(&standby).await;
    let (production, staging) = (world.production().await, world.staging().await);
    for client in [&production, &promoted, &staging] {
        run(client, "CREATE TABLE late (id int PRIMARY KEY, v int)").await;
    }
    run(&production, "INSERT INTO late SELECT g, g FROM generate_series(1, 500) g").await;
    let listed = "SELECT count(*) FROM pg_publication_tables WHERE tablename = 'late'";
    proxy.lead_astray("sluice/world/publish", standby.port());
    let mut running = world.sluice.spawn(&["run"]);
    let two = "two sessions are with two servers";
    wait_until("it was led astray", LIMIT, || async {
        running.log().contains(two) || number(&promoted, listed).await > 0
    })
    .await;
    assert_eq!((number(&production, listed).await, number(&promoted, listed).await), (0, 0), "{}", running.log());
    proxy.lead_home();
    wait_until("it comes", LIMIT, || async { number(&staging, "SELECT count(*) FROM late").await == 500 }).await;
    world.settles(&mut running).await;
    world.equal().await;
    assert_eq!(number(&promoted, listed).await, 0);
}

async fn check_says_how_far_it_is_prepared(major: u32) {
    let world = prepared(major).await;
    let production = world.production().await;
    let check = || async {
        let told = world.sluice.run(&["check"]).await.stdout;
        told.lines().skip_while(|l| !l.contains("failover")).take(4).collect::<Vec<_>>().join("\n")
    };
    run(&production, &format!("SELECT pg_drop_replication_slot('{STANDBY}')")).await;
    let told = check().await;
    assert!(told.contains("none could take sluice_world along"), "{told}");
    let standby = world.source.standby(STANDBY, &[]).await;
    let told = check().await;
    assert!(
        told.contains("synchronized_standby_slots is empty: staging may have what a standby (standby) has not"),
        "{told}"
    );
    assert!(told.contains("ALTER SYSTEM SET synchronized_standby_slots = 'standby'"), "{told}");
    stay_behind(&world.source).await;
    let told = check().await;
    assert!(told.contains("no standby is connected that takes slots along") && !told.contains("is empty"), "{told}");
    let client = standby.client("postgres").await;
    run(&client, "ALTER SYSTEM SET sync_replication_slots = on").await;
    run(&client, "SELECT pg_reload_conf()").await;
    wait_until("it is prepared", LIMIT, || async { check().await.contains("its stream waits for standby") }).await;
    // as one who may see nothing of other sessions but their names
    run(&production, "CREATE ROLE looks LOGIN REPLICATION; GRANT SELECT ON ALL TABLES IN SCHEMA public TO looks").await;
    let looks = world.pipeline(&world.source.url_as("looks", NAME), &world.target.url(NAME));
    let told = looks.run(&["check"]).await.stdout;
    assert!(told.contains("its stream waits for standby"), "{told}");
    drop((client, standby));
    wait_until("it is seen to be gone", Duration::from_secs(30), || async {
        check().await.contains("names standby, which nobody reads")
    })
    .await;
}
