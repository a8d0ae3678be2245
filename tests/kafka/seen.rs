//! What an operator sees of a pipeline with a topic between: of both halves in one process, and of each by itself.

use std::time::Duration;

use super::followed::{ENDS, Followed};
use super::walk::{self, SOON};
use crate::servers::{Broker, wait_until};
use crate::sluice::Sluice;
use crate::verbs::serve::{free_port, get};

eighteen!(both_halves_are_looked_at, each_half_says_what_it_knows);

/// `/readyz` is green.
async fn ready(port: u16, what: &str) {
    wait_until(what, SOON, || async { get(port, "/readyz") == (200, "ready\n".into()) }).await;
}

/// A value of `/metrics`.
pub fn metric(port: u16, name: &str) -> Option<f64> {
    let text = get(port, "/metrics").1;
    let line = text.lines().find(|line| line.starts_with(&format!("{name}{{")))?;
    Some(line.rsplit_once(' ').expect("a value").1.parse().expect("a number"))
}

fn some(port: u16, name: &str) -> f64 {
    metric(port, name).unwrap_or_else(|| panic!("no {name} in\n{}", get(port, "/metrics").1))
}

/// `/readyz` is red, and says this.
async fn red(port: u16, words: &str) {
    wait_until(&format!("it is red for {words:?}"), SOON, || async {
        let (status, why) = get(port, "/readyz");
        status == 503 && why.contains(words)
    })
    .await;
}

async fn both_halves_are_looked_at(major: u32) {
    let mut broker = Broker::start();
    let (db, s, t) = walk::shop(major, "kafka_seen").await;
    let port = free_port();
    let more = format!("serve: {{ listen: \"127.0.0.1:{port}\" }}\nlimits: {{ lag: 3s }}\n");
    let sluice = Sluice::between(&db, &format!("{}{more}", walk::rules(&db.name, &broker.addr())));
    let mut running = sluice.spawn(&["run"]);
    ready(port, "it is ready").await;
    assert_eq!(some(port, "sluice_up"), 1.0);
    assert_eq!(some(port, "sluice_apply_lag_records"), 0.0);
    for lag in ["sluice_lag_seconds", "sluice_capture_lag_seconds", "sluice_apply_lag_seconds"] {
        assert!(some(port, lag) < 3.0, "{lag}");
    }
    for there in ["sluice_captured_lsn", "sluice_applied_lsn", "sluice_captured_changes_total"] {
        walk::run(&s, "INSERT INTO log VALUES (5, 'five')").await;
        wait_until(there, SOON, || async { some(port, there) > 0.0 }).await;
    }

    // staging is in the way: the topic has it all the same
    t.batch_execute("BEGIN; LOCK TABLE guests").await.expect("lock");
    walk::run(&s, "UPDATE guests SET cruise = 7 WHERE id = 7").await;
    red(port, "apply: 3.").await;
    let (whole, apply) = (some(port, "sluice_lag_seconds"), some(port, "sluice_apply_lag_seconds"));
    assert!(apply > 3.0 && whole > 3.0, "{whole} {apply}");
    assert!(some(port, "sluice_apply_lag_records") > 0.0);
    assert!(some(port, "sluice_capture_lag_seconds") < 2.0, "the topic has it");
    let (_, why) = get(port, "/readyz");
    assert!(!why.contains("capture"), "{why}");
    t.batch_execute("ROLLBACK").await.expect("rollback");
    ready(port, "it is ready again").await;

    // and the other way round: what is in the topic is applied, and nothing more comes
    broker.kill9();
    walk::run(&s, "UPDATE guests SET cruise = 8 WHERE id = 7; SELECT pg_switch_wal(); CHECKPOINT").await;
    red(port, "capture: ").await;
    assert!(some(port, "sluice_lag_seconds") >= some(port, "sluice_capture_lag_seconds") - 0.5);
    red(port, "capture: retrying: ").await;
    assert_eq!(some(port, "sluice_up"), 0.0);
    assert!(some(port, "sluice_wal_held_bytes") > 0.0, "production keeps it");

    // the databases are there to be asked
    let began = std::time::Instant::now();
    let status = sluice.run(&["status"]).await;
    assert_eq!(status.code, 4, "{}", status.stderr);
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
    let topic = format!("\ntopic   {}   cannot be read: ", db.name);
    assert!(status.stdout.contains(&topic), "{}", status.stdout);
    for there in ["\nslot   sluice_kafka_seen", "\ncopy   4 of 4 tables", "\npublic.guests "] {
        assert!(status.stdout.contains(there), "{there}: {}", status.stdout);
    }
    let check = sluice.run(&["check"]).await;
    assert_eq!(check.code, 3, "{}", check.stdout);
    let lines: Vec<&str> = check.stdout.lines().skip_while(|line| *line != "TOPIC").collect();
    assert!(lines[1].starts_with("  ✗ FAIL   kafka: "), "{}", check.stdout);
    assert!(lines[2].contains("do: is the broker up"), "{}", check.stdout);
    assert!(check.stdout.contains("ok     writable"), "the target is looked at all the same: {}", check.stdout);

    broker.start_again();
    ready(port, "it is ready once more").await;
    walk::equal(&s, &t).await;
    running.term();
    assert!(running.wait(ENDS).await.success(), "{}", running.log());
}

async fn each_half_says_what_it_knows(major: u32) {
    let ports = [free_port(), free_port()];
    let mut f = Followed::new(major, "kafka_alone", "").await;
    let rules = walk::rules(&f.db.name, &Broker::shared().addr());
    let serving = |port: u16| {
        let rules = format!("{rules}serve: {{ listen: \"127.0.0.1:{port}\" }}\n");
        Sluice::over(&f.db.name, &f.db.source_url(), &f.db.target_url(), &rules)
    };
    let [capture, apply] = ports.map(serving);
    f.capture.term();
    f.apply.term();
    assert!(f.capture.wait(ENDS).await.success() && f.apply.wait(ENDS).await.success());
    f.capture = capture.spawn(&["capture"]);
    ready(ports[0], "the capture is ready").await;
    assert!(some(ports[0], "sluice_capture_lag_seconds") < 3.0);
    assert!(some(ports[0], "sluice_wal_held_bytes") >= 0.0);
    for unknown in ["sluice_lag_seconds", "sluice_applied_lsn", "sluice_apply_lag_seconds", "sluice_quarantined_rows"] {
        assert_eq!(metric(ports[0], unknown), None, "a capture knows no target: {unknown}");
    }

    // it waits in the topic, and is as old as it is when somebody begins to read it
    walk::run(&f.s, "UPDATE guests SET cruise = 9 WHERE id = 9").await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let locker = f.db.target().await;
    walk::run(&locker, "BEGIN; LOCK TABLE guests").await;
    f.apply = apply.spawn(&["apply"]);
    wait_until("it says how old it is", SOON, || async {
        metric(ports[1], "sluice_apply_lag_seconds").is_some_and(|lag| lag.is_finite() && lag > 0.0)
    })
    .await;
    let late = some(ports[1], "sluice_apply_lag_seconds");
    assert!((5.0..60.0).contains(&late), "since it was committed, not since it was read: {late}");
    wait_until("it says how much it is", SOON, || async {
        metric(ports[1], "sluice_apply_lag_records").is_some_and(|records| records > 0.0)
    })
    .await;
    walk::run(&locker, "COMMIT").await;
    ready(ports[1], "the apply is ready").await;
    wait_until("it has read all", SOON, || async { some(ports[1], "sluice_apply_lag_records") == 0.0 }).await;
    assert!(some(ports[1], "sluice_apply_lag_seconds") < 1.0);
    for unknown in ["sluice_lag_seconds", "sluice_wal_held_bytes", "sluice_captured_lsn", "sluice_slices_total"] {
        assert_eq!(metric(ports[1], unknown), None, "an apply knows no production: {unknown}");
    }
    f.ends_equal().await;
}
