//! `capture --anew`, killed at every step of its way, and begun again.

use super::followed::{Followed, refused};
use super::points::dies;
use super::walk;

eighteen!(a_capture_that_begins_anew_is_killed);

/// Where one that begins anew dies: with another slot about to be made, without any, with another of which the topic does not know yet, and
/// amid and behind what it says first.
const ANEW: &[&str] = &["capture.intended", "capture.seized", "capture.slot_made", "capture.begun", "capture.started"];

/// Of these the one that comes by itself has nothing to go on from: the slot is gone, or is beyond what the topic has.
const STRANDED: &[&str] = &["capture.seized", "capture.slot_made", "capture.begun"];

/// Whoever begins it anew again ends with both sides equal, whatever is left; who just starts it goes on, or is told what mends it. Nothing that was
/// committed while there was no slot is missed.
async fn a_capture_that_begins_anew_is_killed(major: u32) {
    let mut f = Followed::new(major, "kafka_points_anew", "").await;
    let traffic = f.traffic();
    for (n, place) in ANEW.iter().enumerate() {
        f.capture.kill9();
        f.capture = f.sluice.clone().env("SLUICE_FAILPOINT", place).spawn(&["capture", "--anew"]);
        dies(&mut f.capture, place).await;
        walk::run(&f.s, &format!("DELETE FROM guests WHERE id % 20 = {n}; UPDATE handles SET v = v + 1000")).await;
        if n % 2 == 0 {
            f.apply.kill9();
            f.applies();
        }
        f.captures();
        if STRANDED.contains(place) {
            // a target that is full is not left to what the slot has by chance
            refused(&mut f.capture, &["hint: sluice capture --anew"]).await;
            f.capture = f.sluice.spawn(&["capture", "--anew"]);
        }
        f.shows().await;
    }
    assert!(traffic.end().await > 20);
    f.ends_equal().await;
}
