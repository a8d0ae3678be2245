//! A broker that is not there: what it costs meanwhile, and how soon both halves end that are asked to.

use std::time::{Duration, Instant};

use super::followed::Followed;
use super::walk;
use crate::servers::{Broker, wait_until};
use crate::shapes::flow::number;
use crate::sluice::Running;

eighteen!(without_a_broker, with_a_target_that_does_not_answer);

/// In which each has to end.
const SOON: Duration = Duration::from_secs(8);

/// Time of the processor that it has used, in clock ticks of 10 ms.
fn ticks(half: &Running) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", half.pid())).expect("it runs");
    let fields: Vec<&str> = stat.rsplit_once(')').expect("a name").1.split_whitespace().collect();
    fields[11].parse::<u64>().expect("a number") + fields[12].parse::<u64>().expect("a number")
}

async fn without_a_broker(major: u32) {
    let mut broker = Broker::start();
    let mut f = Followed::by(major, "kafka_ending", &broker.addr(), "").await;
    for killed in [false, true] {
        let traffic = f.traffic();
        tokio::time::sleep(Duration::from_millis(300)).await;
        if killed {
            broker.kill9();
        } else {
            broker.pause();
        }
        tokio::time::sleep(Duration::from_millis(1500)).await;
        traffic.end().await;
        let before = [ticks(&f.capture), ticks(&f.apply)];
        tokio::time::sleep(Duration::from_secs(5)).await;
        let used = [ticks(&f.capture) - before[0], ticks(&f.apply) - before[1]];
        eprintln!("killed {killed}: capture {} ms, apply {} ms of 5 s", used[0] * 10, used[1] * 10);
        assert!(used.iter().all(|&ticks| ticks < 25), "killed {killed}: {used:?} hundredths of a second of 500");
        let began = Instant::now();
        for half in [&mut f.capture, &mut f.apply] {
            half.term();
            let status = half.wait(Duration::from_secs(60)).await;
            eprintln!("killed {killed}: {status} after {:?}", began.elapsed());
            assert!(status.success(), "killed {killed}: {}", half.log());
            assert!(began.elapsed() < SOON, "killed {killed}: after {:?}\n{}", began.elapsed(), half.log());
        }
        // and those that find none as they begin
        f.captures();
        f.applies();
        tokio::time::sleep(Duration::from_secs(2)).await;
        let began = Instant::now();
        for half in [&mut f.capture, &mut f.apply] {
            half.term();
            let status = half.wait(Duration::from_secs(60)).await;
            eprintln!("killed {killed}, beginning: {status} after {:?}", began.elapsed());
            assert!(status.success(), "killed {killed}: {}", half.log());
            assert!(began.elapsed() < SOON, "killed {killed}: after {:?}\n{}", began.elapsed(), half.log());
        }
        if killed {
            broker.start_again();
        } else {
            broker.resume();
        }
        f.captures();
        f.applies();
        f.shows().await;
    }
    walk::run(&f.s, walk::CHANGES).await;
    f.ends_equal().await;
}

async fn with_a_target_that_does_not_answer(major: u32) {
    let mut f = Followed::new(major, "kafka_ending_target", "").await;
    let locker = f.db.target().await;
    walk::run(&locker, "BEGIN; LOCK TABLE log IN ACCESS EXCLUSIVE MODE").await;
    walk::run(&f.s, "INSERT INTO log VALUES (3, 'waits')").await;
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%ending_target%/apply' AND wait_event_type = 'Lock'";
    wait_until("it waits", walk::SOON, || async { number(&f.t, waits).await == 1 }).await;
    let began = Instant::now();
    f.apply.term();
    assert!(f.apply.wait(SOON).await.success(), "{}", f.apply.log());
    eprintln!("ended after {:?}", began.elapsed());
    wait_until("nothing of it waits any more", SOON, || async { number(&f.t, waits).await == 0 }).await;
    walk::run(&locker, "COMMIT").await;
    f.applies();
    f.ends_equal().await;
}
