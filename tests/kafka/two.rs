//! Two of one kind at the same time: one of them goes on, and the other ends and has harmed nothing.

use super::followed::{ENDS, Followed, refused, says};
use super::walk;
use crate::shapes::flow::number;

const ANOTHER_KEY: &str = "YW5vdGhlciBrZXksIGFsc28gb2YgdGhpcnR5LXR3by4=";

eighteen!(captures, a_capture_that_may_not, appliers);

/// The second fences the first, which is refused what it has sent.
async fn captures(major: u32) {
    let mut f = Followed::new(major, "kafka_two_captures", "").await;
    let traffic = f.traffic();
    for _ in 0..2 {
        let second = f.sluice.spawn(&["capture"]);
        let mut first = std::mem::replace(&mut f.capture, second);
        refused(&mut first, &["another sluice captures for this pipeline now", "hint: only one sluice may capture"])
            .await;
        f.shows().await;
    }
    assert!(traffic.end().await > 20);
    f.ends_equal().await;
}

/// One that has another masking key is refused, and the one that captures does not notice.
async fn a_capture_that_may_not(major: u32) {
    let mut f = Followed::new(major, "kafka_two_keys", "").await;
    let traffic = f.traffic();
    let rules = walk::rules(&f.db.name, &crate::servers::Broker::shared().addr());
    let wrong = crate::sluice::Sluice::between(&f.db, &rules).env("SLUICE_MASK_KEY", ANOTHER_KEY);
    let mut wrong = wrong.spawn(&["capture", "--exit-on-stop"]);
    refused(&mut wrong, &["masked keys would not match"]).await;
    f.shows().await;
    assert!(traffic.end().await > 5);
    // both halves still run
    f.ends_equal().await;
}

/// Stops it where it has no transaction open. Amid one it keeps the checkpoint's row, and whoever comes waits for its end, as for that of an
/// orphan: a stopped process is not told from one that is slow.
async fn stops(f: &mut Followed) {
    let open = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'sluice/%/apply' AND datname = current_database()
        AND xact_start IS NOT NULL";
    let began = std::time::Instant::now();
    loop {
        f.apply.signal(libc::SIGSTOP);
        // what it has sent is done by then
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        if number(&f.t, open).await == 0 {
            return;
        }
        f.apply.signal(libc::SIGCONT);
        assert!(began.elapsed() < walk::SOON, "it has a transaction open whenever one looks");
        tokio::time::sleep(std::time::Duration::from_millis(7)).await;
    }
}

/// The first is stopped; the second takes over; the first goes on and is none any more.
async fn appliers(major: u32) {
    let mut f = Followed::new(major, "kafka_two_appliers", "").await;
    let traffic = f.traffic();
    for _ in 0..2 {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        stops(&mut f).await;
        let second = f.sluice.spawn(&["apply"]);
        let mut first = std::mem::replace(&mut f.apply, second);
        says(&f.apply, "INFO running").await;
        f.shows().await;
        first.signal(libc::SIGCONT);
        let status = first.wait(ENDS).await;
        assert_eq!(status.code(), Some(5), "{}", first.log());
        assert!(first.log().contains("another"), "{}", first.log());
        f.shows().await;
    }
    assert!(traffic.end().await > 20);
    walk::run(&f.s, walk::CHANGES).await;
    f.ends_equal().await;
}
