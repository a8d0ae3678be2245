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
mod tests;
