//! Another server answers where the primary did.

use super::super::full::Full;
use super::super::traffic::Traffic;
use super::super::world::{LIMIT, NAME, World, number, run};
use super::{STANDBY, applies, behind, copied, fingerprint, keeps_for, promote, through};
use crate::seed::Seed;
use crate::servers::{Cluster, Proxy, wait_until};

on_18_alone!(a_standby_that_follows_to_another_primary, another_server_answers_later);

/// The primary is gone, and another of its standbys is promoted: ours follows that one, its slot with it. As the documents say: it does
/// so before that, by a slot there; so that one knows by then what of its catalog our slot needs, and prunes none of it.
pub async fn fails_over(world: &mut World, standby: &Cluster, other: Cluster) {
    world.source.stop_fast();
    let client = other.client(NAME).await;
    run(&client, &format!("SELECT pg_create_physical_replication_slot('{STANDBY}', true)")).await;
    let there = standby.client(NAME).await;
    let conninfo =
        format!("host=127.0.0.1 port={} user=postgres dbname=postgres application_name={STANDBY}", other.port());
    run(&there, &format!("ALTER SYSTEM SET primary_conninfo = '{conninfo}'")).await;
    run(&there, "SELECT pg_reload_conf()").await;
    keeps_for(&other).await;
    promote(&other).await;
    world.source = other;
}

/// All that the primary can be.
pub fn either(world: &World, other: &Cluster) -> String {
    format!("postgres://postgres@127.0.0.1:{},127.0.0.1:{}/{NAME}", world.source.port(), other.port())
}

async fn a_standby_that_follows_to_another_primary(major: u32) {
    let seed = Seed::or(34);
    let (mut world, standby) = behind(major).await;
    let other = world.source.standby("other", &[("wal_receiver_status_interval", "1s")]).await;
    let primaries = either(&world, &other);
    world.sluice = through(&standby.url(NAME), &primaries, &world.target.url(NAME), "");
    let url = format!("{primaries}?target_session_attrs=read-write");
    let traffic = Traffic::start(&url, vec![seed.rng(1), seed.rng(2)]);
    let mut running = world.sluice.spawn(&["run"]);
    copied(&world, &running).await;
    let staging = world.staging().await;
    applies(&staging, 100).await;
    let full = Full::amid_traffic(&world.target).await;
    // nothing is written while it goes: neither standby is ahead of the other
    traffic.end().await;
    fails_over(&mut world, &standby, other).await;
    let traffic = Traffic::start(&url, vec![seed.rng(3), seed.rng(4)]);
    applies(&staging, 100).await;
    traffic.end().await;
    world.settles(&mut running).await;
    full.stayed().await;
    world.equal().await;
    assert_eq!(number(&staging, "SELECT timeline::bigint FROM sluice.checkpoint").await, 2, "{}", running.log());
}

/// Where new sessions are led to, and the next host where the first answers no more: a promoted copy that goes its own way, while the
/// sessions that are open stay with the primary.
async fn another_server_answers_later(major: u32) {
    let (mut world, standby) = behind(major).await;
    let other = world.source.standby("other", &[]).await;
    let proxy = Proxy::start(world.source.port()).await;
    let primaries = format!("postgres://postgres@127.0.0.1:{},127.0.0.1:{}/{NAME}", proxy.port(), other.port());
    world.sluice = through(&standby.url(NAME), &primaries, &world.target.url(NAME), "");
    let promoted = promote(&other).await;
    run(&promoted, "UPDATE big SET n = n + 1000").await;
    let mut running = world.sluice.spawn(&["run"]);
    copied(&world, &running).await;
    let staging = world.staging().await;
    let (before, pending) = (fingerprint(&staging).await, "SELECT count(*) FROM sluice.pending");
    let full = Full::of(&world.target).await;
    let two = "two sessions are with two servers";
    let apart = "replays timeline 1, and source.primary_url writes timeline 2";

    proxy.lead_to(other.port());
    world.sluice.ok(&["resync", "public.big"]).await;
    wait_until("the copy has begun", LIMIT, || async {
        running.log().contains(two) || number(&staging, pending).await == 0
    })
    .await;
    wait_until("it waits", LIMIT, || async { running.log().contains(apart) }).await;
    assert_eq!((fingerprint(&staging).await, number(&staging, pending).await), (before.clone(), 1));
    proxy.lead_to(world.source.port());
    wait_until("it is copied", LIMIT, || async { number(&staging, pending).await == 0 }).await;

    let waited = running.log().matches(apart).count();
    proxy.refuse(true);
    world.sluice.ok(&["resync", "public.big"]).await;
    wait_until("it waits", LIMIT, || async { running.log().matches(apart).count() > waited }).await;
    assert_eq!((fingerprint(&staging).await, number(&staging, pending).await), (before, 1));
    assert_eq!(running.log().matches(two).count(), 1, "of several hosts all sessions are with one: {}", running.log());
    proxy.refuse(false);
    wait_until("it is copied", LIMIT, || async { number(&staging, pending).await == 0 }).await;
    run(&world.production().await, "UPDATE big SET n = n + 1").await;
    world.settles(&mut running).await;
    full.stayed().await;
    world.equal().await;
}
