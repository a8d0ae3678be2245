//! A pipeline that runs while production is migrated: how it is told that it stands, what it must never do meanwhile, and how
//! it goes on with another file.

use std::fs;
use std::time::Duration;

use serde_json::Value;

use super::flow::{Flow, number, text};
use crate::check;
use crate::servers::wait_until;
use crate::sluice::Running;
use crate::verbs::serve::{free_port, get};

/// Within so much it is there, on a busy machine.
pub const SOON: Duration = Duration::from_secs(120);

/// `t` with a mask, `other` beside it.
pub const MASKED: &str = "tables: { public.t: { columns: { email: email } }, public.other: keep }";

/// `t` with a masked column in the middle, `other` beside it, and a replicator that follows them.
pub async fn followed(major: u32, name: &str, rest: &str, lock: bool) -> (Flow, Running) {
    let flow = Flow::with(major, name, rest).await;
    flow.both("CREATE TABLE t (id int PRIMARY KEY, email text, note text); CREATE TABLE other (id int PRIMARY KEY)")
        .await;
    flow.source("INSERT INTO t SELECT g, 'raw' || g || '@secret.example', 'note' FROM generate_series(1, 20) g").await;
    if lock {
        flow.sluice.ok(&["init", "--lock"]).await;
    }
    flow.catch_up().await;
    let running = flow.sluice.spawn(&["run"]);
    beat(&flow).await;
    (flow, running)
}

/// The same with a port to ask how it is.
pub async fn served(major: u32, name: &str, rest: &str) -> (Flow, Running, u16) {
    let port = free_port();
    let rest = format!("{rest}\nserve: {{ listen: \"127.0.0.1:{port}\" }}");
    let (flow, running) = followed(major, name, &rest, false).await;
    (flow, running, port)
}

/// Another `sluice.yaml` from `tables:` on, and a replicator that begins with it.
pub async fn goes_on(flow: &Flow, running: &mut Running, rest: &str) {
    running.term();
    assert!(running.wait(Duration::from_secs(20)).await.success(), "{}", running.log());
    let yaml = fs::read_to_string(flow.sluice.dir.join("sluice.yaml")).expect("sluice.yaml");
    let head = &yaml[..yaml.find("tables:").expect("tables:")];
    flow.sluice.configure(&format!("{head}{rest}"));
    *running = flow.sluice.spawn(&["run"]);
    beat(flow).await;
}

/// A row of `other` goes through.
pub async fn beat(flow: &Flow) {
    flow.source("INSERT INTO other SELECT coalesce(max(id), 0) + 1 FROM other").await;
    wait_until("other streams on", SOON, || async { check::differences(&flow.s, &flow.t, "other").await.is_none() })
        .await;
}

/// Both sides are equal, soon.
pub async fn becomes_equal(flow: &Flow, table: impl Into<check::Table>) {
    let table = table.into();
    wait_until("it is equal", SOON, || async { check::differences(&flow.s, &flow.t, table.clone()).await.is_none() })
        .await;
}

/// Stays up and is red: on its port, and in `status`, in these words.
pub async fn is_held(flow: &Flow, running: &mut Running, port: u16, words: &[&str]) {
    let said = |text: &str| words.iter().all(|word| text.contains(word));
    wait_until("it is held", SOON, || async {
        let (status, why) = get(port, "/readyz");
        status == 503 && why.starts_with("not ready: held: ") && said(&why)
    })
    .await;
    wait_until("status says so", SOON, || async {
        let state: Value = serde_json::from_str(&flow.sluice.ok(&["status", "--json"]).await.stdout).expect("JSON");
        state["state"] == "held" && state["hold"].as_str().is_some_and(said)
    })
    .await;
    assert_eq!(get(port, "/healthz").0, 200);
    // production keeps WAL for us meanwhile, and it is watched
    wait_until("it is weighed", SOON, || async {
        let metrics = get(port, "/metrics").1;
        let held = |l: &str| l.strip_prefix("sluice_wal_held_bytes{")?.rsplit(' ').next()?.parse::<f64>().ok();
        metrics.lines().find_map(held).is_some_and(|bytes| bytes > 0.0)
    })
    .await;
    assert!(running.ended().is_none(), "{}", running.log());
    nothing_raw(flow, "t").await;
}

/// Nothing raw stands there on staging.
pub async fn nothing_raw(flow: &Flow, table: &str) {
    let raw = format!("SELECT count(*) FROM {table} AS r WHERE r::text LIKE '%secret%'");
    let one = format!("SELECT min(r::text) FROM {table} AS r");
    assert_eq!(number(&flow.t, &raw).await, 0, "{}", text(&flow.t, &one).await);
}

/// Rows of `t` that were copied, all copies together.
pub async fn copied(flow: &Flow) -> i64 {
    number(&flow.t, "SELECT rows_copied FROM sluice.tables WHERE name = 't'").await
}

pub async fn ends(mut running: Running) {
    running.term();
    assert!(running.wait(Duration::from_secs(20)).await.success(), "{}", running.log());
}
