//! A source transaction that is larger than memory, through the topic: one step on the target, whoever is killed amid it.

use std::time::Duration;

use super::followed::{ENDS, Followed};
use super::walk;
use crate::servers::{client, wait_until};
use crate::shapes::flow::number;

eighteen!(a_transaction_larger_than_memory);

const ROWS: i64 = 60_000;
/// Of either half, in kB.
const MEMORY: u64 = 128 * 1024;

async fn a_transaction_larger_than_memory(major: u32) {
    let mut f = Followed::new(major, "kafka_huge", "limits: { memory: 16MB }\n").await;
    let (url, (stop, stopped)) = (f.db.target_url(), tokio::sync::watch::channel(false));
    let reader = tokio::spawn(async move {
        let reader = client(&url).await;
        let mut seen = Vec::new();
        while !*stopped.borrow() {
            let rows = number(&reader, "SELECT count(*) FROM log WHERE what LIKE 'huge%'").await;
            if seen.last() != Some(&rows) {
                seen.push(rows);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        seen
    });
    let huge =
        format!("INSERT INTO log SELECT g, 'huge' || repeat(md5(g::text), 12) FROM generate_series(1, {ROWS}) g");
    // as it is, and with a capture that dies when some of it is in the topic
    let mut peaks = [0, 0];
    for kill in [None, Some("capture.piece:4")] {
        if let Some(place) = kill {
            f.capture.kill9();
            f.capture = f.sluice.clone().env("SLUICE_FAILPOINT", place).spawn(&["capture"]);
        }
        walk::run(&f.s, &huge).await;
        if kill.is_some() {
            assert_eq!(f.capture.wait(ENDS).await.code(), None, "not killed\n{}", f.capture.log());
            f.captures();
        }
        f.shows().await;
        peaks[0] = peaks[0].max(f.capture.peak_kb().expect("it runs"));
        peaks[1] = peaks[1].max(f.apply.peak_kb().expect("it runs"));
    }
    let all = "SELECT count(*) FROM log WHERE what LIKE 'huge%'";
    wait_until("all is there", walk::SOON, || async { number(&f.t, all).await == 2 * ROWS }).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    stop.send_replace(true);
    assert_eq!(reader.await.expect("no panic"), [0, ROWS, 2 * ROWS], "each is one step");
    eprintln!("{major}: capture {} kB, apply {} kB", peaks[0], peaks[1]);
    assert!(peaks.iter().all(|&kb| kb < MEMORY), "{peaks:?} kB");
    f.ends_equal().await;
}
