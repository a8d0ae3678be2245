//! Slot and stream on a standby, everything else on its primary (`source.primary_url`), and what may come between the two.

/// Since 16 a standby has slots. These are tested on the newest major only.
macro_rules! on_18_alone {
    ($($name:ident),+ $(,)?) => {
        mod on_18_alone { $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { crate::servers::within(crate::servers::test_limit(), super::$name(18)).await })+ }
    };
}

/// These on the first that has them too.
macro_rules! since_16 {
    ($($name:ident),+ $(,)?) => {
        mod on_16 { $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { crate::servers::within(crate::servers::test_limit(), super::$name(16)).await })+ }
        mod on_18 { $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { crate::servers::within(crate::servers::test_limit(), super::$name(18)).await })+ }
    };
}

mod another;
mod budget;
mod catalog;
mod environment;
mod life;
mod promoted;
mod refused;
mod replay;
mod verbs;

use tokio_postgres::Client;

use super::world::{LIMIT, NAME, TABLES, World, number, run, text};
use crate::servers::{Cluster, wait_until};
use crate::sluice::{Running, Sluice};

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
async fn behind(major: u32) -> (World, Cluster) {
    let mut world = World::new(major, true).await;
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
