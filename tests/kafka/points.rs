//! Killed at every named place of a capture and an apply, under load, and begun again; then run to the end.

use super::followed::{ENDS, Followed};
use super::walk;
use crate::servers::wait_until;
use crate::shapes::flow::number;
use crate::sluice::Running;

majors!(a_capture_is_killed, an_apply_is_killed);

/// Where a capture dies: amid a Kafka transaction, behind it and before production heard, between the pieces of a huge source
/// transaction, amid a part of a table; and as it begins.
const CAPTURE: &[&str] = &[
    "capture.sent",
    "capture.sent:7",
    "capture.committed",
    "capture.committed:3",
    "capture.piece:2",
    "capture.piece:3",
    "capture.rows",
    "capture.rows:3",
    "capture.begun",
    "capture.started",
];

/// Where an apply dies; the target's own places first.
const APPLY: &[&str] = &[
    "apply.before_commit:2",
    "apply.committed:2",
    "part.rows",
    "part.rows:2",
    "chunk.merged:2",
    "described.unwritten",
    "described.written",
    "apply.piece:2",
];

/// All that is not the target's.
pub const KILLED: &[&str] = &[
    "capture.sent",
    "capture.committed",
    "capture.piece",
    "capture.rows",
    "capture.begun",
    "capture.started",
    "capture.intended",
    "capture.seized",
    "capture.slot_made",
    "part.rows",
    "described.unwritten",
    "described.written",
];

/// Makes what it is armed for happen: a part, a description, a huge transaction.
async fn provoke(f: &Followed, place: &str, n: usize) {
    match place.split(['.', ':']).next().unwrap_or_default() {
        "part" | "chunk" => pend(f).await,
        _ if place.starts_with("capture.rows") => pend(f).await,
        "described" => {
            // rows of it come in another shape, and none is rewritten
            let retype = format!("ALTER TABLE cruises ALTER name TYPE {}", ["text", "varchar"][n % 2]);
            walk::run(&f.s, &format!("{retype}; UPDATE cruises SET name = name || '+' WHERE id < 10")).await;
        }
        _ if place.contains("piece") => {
            let rows = "INSERT INTO log SELECT g, repeat('piece', 20) FROM generate_series(1, 50000) g";
            walk::run(&f.s, rows).await;
        }
        _ => {}
    }
}

async fn pend(f: &Followed) {
    let sql = "INSERT INTO sluice.pending (pipeline, schema, name) SELECT pipeline, schema, name FROM sluice.tables WHERE name = 'cruises'
        AND NOT EXISTS (SELECT FROM sluice.pending)";
    walk::run(&f.t, sql).await;
}

/// Waits until it was killed, and by nothing else.
pub async fn dies(dying: &mut Running, place: &str) {
    eprintln!("dies at {place}");
    let status = dying.wait(ENDS).await;
    assert_eq!(status.code(), None, "at {place}: not killed, ended with {status}\n{}", dying.log());
}

const SMALL: &str = "limits: { memory: 16MB }\n";

async fn a_capture_is_killed(major: u32) {
    let mut f = Followed::new(major, "kafka_points_capture", SMALL).await;
    let traffic = f.traffic();
    for (n, place) in CAPTURE.iter().enumerate() {
        f.capture.kill9();
        f.capture = f.sluice.clone().env("SLUICE_FAILPOINT", place).spawn(&["capture"]);
        provoke(&f, place, n).await;
        dies(&mut f.capture, place).await;
        // some are left as they are to the next
        if n % 3 == 2 {
            f.captures();
            f.shows().await;
        }
    }
    f.captures();
    assert!(traffic.end().await > 20);
    f.ends_equal().await;
}

async fn an_apply_is_killed(major: u32) {
    let mut f = Followed::new(major, "kafka_points_apply", SMALL).await;
    let traffic = f.traffic();
    for (n, place) in APPLY.iter().enumerate() {
        f.apply.kill9();
        f.apply = f.sluice.clone().env("SLUICE_FAILPOINT", place).spawn(&["apply"]);
        provoke(&f, place, n).await;
        dies(&mut f.apply, place).await;
        if n % 3 == 2 {
            f.applies();
            f.shows().await;
        }
    }
    f.applies();
    assert!(traffic.end().await > 20);
    let pending = "SELECT count(*) FROM sluice.pending";
    wait_until("nothing is pending", walk::SOON, || async { number(&f.t, pending).await == 0 }).await;
    f.ends_equal().await;
}
