//! What has happened, by looking at a board again and again: the one place that makes events of how a pipeline is.
//!
//! Nobody who works has to think of telling, and nothing that is told can hold up who works. What comes and goes between two looks nobody hears of.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::event::{Event, Kind};
use crate::board::{Phase, State};

/// A server may be out of reach so long before anybody is told: a restart takes less.
const PATIENCE: Duration = Duration::from_secs(30);
/// A copy that lasts longer is told when it is over: what is healed row by row is not.
const LONG: Duration = Duration::from_secs(10);

/// What of the configuration decides what is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// `limits.wal.warn`.
    pub wal_warn: i64,
    /// `limits.lag`.
    pub lag: Duration,
}

/// How far a board's story was told.
pub(super) struct Watch {
    half: &'static str,
    limits: Limits,
    started: bool,
    /// That it has caught up is to be told.
    owes: bool,
    copying: Option<Instant>,
    trouble: Option<Trouble>,
    quarantined: u64,
    divergences: u64,
    wal: Wal,
    dropped: u64,
    withheld: BTreeSet<String>,
}

/// It stands still, for one reason or for several one after the other.
struct Trouble {
    /// The reason of now.
    about: String,
    /// Of the first.
    since: Instant,
    /// The reason of now was told.
    told: bool,
    /// Any was: then it has to be taken back, though the last one was too short to be told.
    heard: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wal {
    Normal,
    Much,
    Paused,
}

impl Watch {
    pub fn new(half: &'static str, limits: Limits) -> Watch {
        Watch {
            half,
            limits,
            started: false,
            owes: true,
            copying: None,
            trouble: None,
            quarantined: 0,
            divergences: 0,
            wal: Wal::Normal,
            dropped: 0,
            withheld: BTreeSet::new(),
        }
    }

    /// What is otherwise than at the last look.
    pub fn look(&mut self, state: &State, now: Instant) -> Vec<Event> {
        let mut events = Vec::new();
        self.phase(state, now, &mut events);
        self.rows(state, &mut events);
        self.wal(state, &mut events);
        let withheld: BTreeSet<&String> = state.withheld.iter().collect();
        let new: Vec<&String> = withheld.into_iter().filter(|column| !self.withheld.contains(*column)).collect();
        if !new.is_empty() {
            let n = new.len();
            let summary = format!(
                "{n} withheld until somebody classifies {}: {}",
                if n == 1 { "it" } else { "them" },
                names(&new)
            );
            events.push(self.event(Kind::Drift, summary, json!({ "withheld": new })));
            self.withheld = state.withheld.clone();
        }
        events
    }

    fn event(&self, kind: Kind, summary: String, data: Value) -> Event {
        Event::new(kind, self.half, summary, data)
    }

    fn phase(&mut self, state: &State, now: Instant, events: &mut Vec<Event>) {
        let word = state.phase.word();
        match &state.phase {
            // a freeze was asked for, and between two refreshes it rests: nobody need hear of either
            Phase::Starting | Phase::Frozen(_) | Phase::Resting => {}
            Phase::Held(why) | Phase::Retrying(why) => {
                let held = matches!(state.phase, Phase::Held(_));
                let about = format!(
                    "{word} {} {}",
                    state.cause.sqlstate.as_deref().unwrap_or("-"),
                    state.cause.table.as_deref().unwrap_or(&sketch(why))
                );
                let (since, told, heard) = match &self.trouble {
                    Some(before) => (before.since, before.told && before.about == about, before.heard),
                    None => (now, false, false),
                };
                let tell = !told && (held || now.saturating_duration_since(since) >= PATIENCE);
                self.trouble = Some(Trouble { about: about.clone(), since, told: told || tell, heard: heard || tell });
                if tell {
                    let (why, hint) =
                        why.split_once("; hint: ").map_or((why.as_str(), None), |(why, hint)| (why, Some(hint)));
                    let data = json!({
                        "why": why, "hint": hint, "table": state.cause.table, "sqlstate": state.cause.sqlstate,
                        "position": state.applied.to_string(),
                    });
                    let kind = if held { Kind::Held } else { Kind::Retrying };
                    events.push(self.event(kind, format!("{word}: {}", one_line(why)), data).about(about));
                }
            }
            Phase::Copying | Phase::Streaming => {
                if !std::mem::replace(&mut self.started, true) {
                    let copies = state.tables.values().filter(|t| !t.done).count();
                    let summary = match (&state.phase, copies) {
                        (Phase::Copying, 1..) => {
                            format!("started: copying, {copies} of {} tables are not done", state.tables.len())
                        }
                        (phase, _) => format!("started: {}", phase.word()),
                    };
                    let data =
                        json!({ "state": word, "tables_to_copy": copies, "position": state.applied.to_string() });
                    events.push(self.event(Kind::Started, summary, data));
                }
                if let Some(Trouble { since, heard: true, .. }) = self.trouble.take() {
                    let seconds = now.saturating_duration_since(since).as_secs();
                    let summary = format!("going on again after {seconds} s: {word}");
                    events.push(self.event(
                        Kind::Resumed,
                        summary,
                        json!({ "state": word, "stood_still_seconds": seconds }),
                    ));
                    self.owes = true;
                }
                self.caught_up(state, now, events);
            }
        }
    }

    fn caught_up(&mut self, state: &State, now: Instant, events: &mut Vec<Event>) {
        if state.phase == Phase::Copying {
            let since = *self.copying.get_or_insert(now);
            self.owes |= now.saturating_duration_since(since) >= LONG;
            return;
        }
        self.copying = None;
        if self.owes && state.lag.time().is_some_and(|late| late <= self.limits.lag) {
            self.owes = false;
            let data = json!({ "position": state.applied.to_string(), "copied": copied(state) });
            events.push(self.event(Kind::CaughtUp, format!("caught up at {}", state.applied), data));
        }
    }

    fn rows(&mut self, state: &State, events: &mut Vec<Event>) {
        if state.quarantined_ever > self.quarantined {
            let new = state.quarantined_ever - std::mem::replace(&mut self.quarantined, state.quarantined_ever);
            let now: u64 = state.quarantined.values().sum();
            let tables: Vec<&String> = state.quarantined.keys().collect();
            let summary = format!("{new} more in quarantine, now {now}: {}", names(&tables));
            events.push(self.event(
                Kind::Quarantined,
                summary,
                json!({ "new": new, "now": now, "tables": state.quarantined }),
            ));
        }
        if state.divergences > self.divergences {
            let new = state.divergences - std::mem::replace(&mut self.divergences, state.divergences);
            let summary =
                format!("{new} more of staging's rows were not as expected, {} in this run", state.divergences);
            events.push(self.event(Kind::Diverged, summary, json!({ "new": new, "in_this_run": state.divergences })));
        }
    }

    fn wal(&mut self, state: &State, events: &mut Vec<Event>) {
        let held = state.wal_held;
        if state.slots_dropped > self.dropped {
            self.dropped = state.slots_dropped;
            let summary = "our slot was dropped: it held more than limits.wal.drop_slot; everything is copied again";
            let data = json!({ "level": "dropped", "held_bytes": held });
            events.push(self.event(Kind::Wal, summary.to_owned(), data).about("dropped"));
        }
        // once it was much, until a quarter of the budget is free again
        let warn = self.limits.wal_warn;
        let much = held > if self.wal == Wal::Normal { warn } else { warn - warn / 4 };
        let level = match (state.paused, much) {
            (true, _) => Wal::Paused,
            (false, true) => Wal::Much,
            (false, false) => Wal::Normal,
        };
        let before = std::mem::replace(&mut self.wal, level);
        let mb = held >> 20;
        let (word, summary) = match level {
            _ if level == before => return,
            Wal::Paused => ("paused", format!("production holds {mb} MB of WAL for our slot: the copy pauses")),
            Wal::Much if before == Wal::Normal => {
                ("warn", format!("production holds {mb} MB of WAL for our slot, the warning is at {} MB", warn >> 20))
            }
            Wal::Much => return,
            Wal::Normal => ("normal", format!("production holds {mb} MB of WAL for our slot again")),
        };
        events.push(self.event(Kind::Wal, summary, json!({ "level": word, "held_bytes": held })).about(word));
    }
}

/// What was copied, by table: rows, bytes, seconds.
pub(super) fn copied(state: &State) -> BTreeMap<&str, Value> {
    let seconds =
        |time: Option<(Instant, Instant)>| time.map(|(from, to)| to.saturating_duration_since(from).as_secs_f64());
    state
        .tables
        .iter()
        .map(|(name, copy)| {
            let facts = json!({ "rows": copy.rows, "bytes": copy.bytes, "deleted": copy.deleted, "seconds": seconds(copy.time), "done": copy.done });
            (name.as_str(), facts)
        })
        .collect()
}

/// A text without what counts in it: two that differ in a number only are about the same.
fn sketch(text: &str) -> String {
    text.chars().filter(|c| !c.is_ascii_digit()).take(200).collect()
}

fn one_line(text: &str) -> String {
    text.replace('\n', " ")
}

/// Some names, and how many more.
fn names(all: &[&String]) -> String {
    let shown: Vec<&str> = all.iter().take(5).map(|name| name.as_str()).collect();
    match all.len().saturating_sub(shown.len()) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!(
            again.iter().map(|e| e.summary.as_str()).collect::<Vec<_>>()[0],
            "going on again after 60 s: streaming"
        );
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
}
