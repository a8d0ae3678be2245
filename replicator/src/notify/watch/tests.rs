//! A board's story, second by second, and what is told of it.

use filters::change::Lsn;

use super::*;
use crate::board::{Cause, TableCopy};

const LIMITS: Limits = Limits { wal_warn: 100 << 20, lag: Duration::from_secs(60) };

struct Story {
    watch: Watch,
    state: State,
    begin: Instant,
}

impl Story {
    fn new() -> Story {
        Story { watch: Watch::new("", LIMITS), state: State::default(), begin: Instant::now() }
    }

    /// What is told at a second of it, after something has happened.
    fn at(&mut self, second: u64, happens: impl FnOnce(&mut State)) -> Vec<&'static str> {
        self.told(second, happens).iter().map(|e| e.kind.word()).collect()
    }

    fn told(&mut self, second: u64, happens: impl FnOnce(&mut State)) -> Vec<Event> {
        happens(&mut self.state);
        self.watch.look(&self.state, self.begin + Duration::from_secs(second))
    }
}

#[test]
fn from_its_start_until_it_has_caught_up() {
    let mut story = Story::new();
    assert!(story.at(0, |_| {}).is_empty());
    let copying = |s: &mut State| {
        s.phase = Phase::Copying;
        s.tables.insert("public.a".into(), TableCopy::default());
    };
    let told = story.told(1, copying);
    assert_eq!((told.len(), told[0].summary.as_str()), (1, "started: copying, 1 of 1 tables are not done"));
    assert!(story.at(2, |s| s.phase = Phase::Streaming).is_empty(), "it has not caught up");
    assert_eq!(story.at(3, |s| s.lag.quiet(Lsn(1))), ["caught_up"]);
    assert!(story.at(4, |_| {}).is_empty(), "told once");
    // a row that is healed is no news, a table that is copied again is
    assert!(story.at(5, |s| s.phase = Phase::Copying).is_empty());
    assert!(story.at(6, |s| s.phase = Phase::Streaming).is_empty());
    assert!(story.at(7, |s| s.phase = Phase::Copying).is_empty());
    assert!(story.at(17, |_| {}).is_empty());
    assert_eq!(story.at(18, |s| s.phase = Phase::Streaming), ["caught_up"]);
}

#[test]
fn what_stands_still_says_why_and_for_how_long() {
    let mut story = Story::new();
    story.at(0, |s| s.phase = Phase::Streaming);
    story.at(1, |s| s.lag.quiet(Lsn(1)));
    let held = |s: &mut State| {
        s.phase = Phase::Held("update on public.a cannot be applied: 23514 check_violation; hint: mend it".into());
        s.cause = Cause { table: Some("public.a".into()), sqlstate: Some("23514".into()) };
    };
    let told = story.told(2, held);
    assert_eq!(told[0].summary, "held: update on public.a cannot be applied: 23514 check_violation");
    let data = &told[0].data;
    assert_eq!(
        (&data["hint"], &data["table"], &data["sqlstate"]),
        (&"mend it".into(), &"public.a".into(), &"23514".into())
    );
    assert!(story.at(60, held).is_empty(), "it is looked at again, and held as before");
    let again = story.told(62, |s| s.phase = Phase::Streaming);
    assert_eq!(again.iter().map(|e| e.summary.as_str()).collect::<Vec<_>>()[0], "going on again after 60 s: streaming");
    assert_eq!(again[1].kind, Kind::CaughtUp);
    // by something else meanwhile
    story.at(70, held);
    assert_eq!(story.at(71, |s| s.cause.table = Some("public.b".into())), ["held"]);
}

#[test]
fn a_server_that_is_away_for_a_moment_is_no_news() {
    let mut story = Story::new();
    story.at(0, |s| s.phase = Phase::Streaming);
    let away = |s: &mut State| s.phase = Phase::Retrying("production: connect: refused".into());
    assert!(story.at(1, away).is_empty() && story.at(30, away).is_empty());
    assert!(story.at(31, |s| s.phase = Phase::Streaming).is_empty(), "neither that it goes on");
    assert!(story.at(40, away).is_empty());
    // however it says so
    assert!(story.at(60, |s| s.phase = Phase::Retrying("target: reset".into())).is_empty());
    assert_eq!(story.at(70, |_| {}), ["retrying"]);
    assert!(story.at(80, |_| {}).is_empty());
    assert_eq!(story.at(90, |s| s.phase = Phase::Streaming), ["resumed"]);
}

#[test]
fn what_was_told_is_taken_back_whatever_came_behind_it() {
    let mut story = Story::new();
    story.at(0, |s| s.phase = Phase::Streaming);
    story.at(1, |s| s.lag.quiet(Lsn(1)));
    assert_eq!(story.at(10, |s| s.phase = Phase::Held("a right".into())), ["held"]);
    // whoever mends it starts a server anew: too short to be told itself
    assert!(story.at(15, |s| s.phase = Phase::Retrying("target: reset".into())).is_empty());
    let told = story.told(20, |s| s.phase = Phase::Streaming);
    let summaries: Vec<&str> = told.iter().map(|e| e.summary.as_str()).collect();
    assert_eq!(summaries.first(), Some(&"going on again after 10 s: streaming"), "{summaries:?}");
    // and by one reason after the other it has stood still since the first
    story.at(30, |s| s.phase = Phase::Held("a right".into()));
    story.at(35, |s| s.phase = Phase::Held("a table".into()));
    let told = story.told(40, |s| s.phase = Phase::Streaming);
    assert_eq!(told[0].data["stood_still_seconds"], 10);
}

#[test]
fn rows_wal_and_columns() {
    let mut story = Story::new();
    story.at(0, |s| s.phase = Phase::Streaming);
    let told = story.told(1, |s| {
        s.quarantined_ever = 3;
        s.quarantined.insert("public.a".into(), 2);
        s.divergences = 7;
    });
    assert_eq!(
        told.iter().map(|e| e.summary.as_str()).collect::<Vec<_>>(),
        ["3 more in quarantine, now 2: public.a", "7 more of staging's rows were not as expected, 7 in this run"]
    );
    assert!(story.at(2, |_| {}).is_empty());
    let level = |told: Vec<Event>| {
        told.iter().map(|e| e.data["level"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let mb = |n: i64| move |s: &mut State| s.wal_held = n << 20;
    assert_eq!(level(story.told(3, mb(101))), ["warn"]);
    assert!(story.at(4, mb(90)).is_empty(), "not before a quarter is free");
    assert_eq!(level(story.told(5, |s| s.paused = true)), ["paused"]);
    assert!(story.at(6, |s| s.paused = false).is_empty());
    assert_eq!(level(story.told(7, mb(70))), ["normal"]);
    assert_eq!(level(story.told(8, |s| s.slots_dropped = 1)), ["dropped"]);
    let told = story.told(9, |s| s.withheld = ["a", "b"].map(|c| format!("public.t.{c}")).into());
    assert_eq!(told[0].summary, "2 withheld until somebody classifies them: public.t.a, public.t.b");
    assert_eq!(
        story.told(10, |s| s.withheld.extend(["public.t.c".to_owned()]))[0].data["withheld"],
        json!(["public.t.c"])
    );
    assert!(story.at(11, |_| {}).is_empty());
}
