//! How often something is told: once in a while of each, and what was kept back is counted and told later.
//!
//! Something that comes and goes would else flood a channel, and then nobody reads it. The first of a kind about the same goes at once. What follows
//! within the while waits: of several the last goes when the while is over, with the number of those that it stands for. A state (held,
//! going on again) is over with the next one of the same half, so what still waits of those before it goes no more: else somebody hears
//! "going on again" of a pipeline that is held by something else since.
//!
//! Time is that of a clock that nobody sets.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::event::{Event, Kind};

type Key = (Kind, &'static str, String);

#[derive(Default)]
struct Slot {
    sent: Option<Instant>,
    waits: Option<Event>,
    suppressed: u64,
}

/// Lets events by.
pub(super) struct Gate {
    every: Duration,
    slots: HashMap<Key, Slot>,
}

/// So many things are told apart. Beyond it what is over is forgotten.
const MOST: usize = 1000;

impl Gate {
    pub fn new(every: Duration) -> Gate {
        Gate { every, slots: HashMap::new() }
    }

    /// May it go now? If so it is given back, with the number of those before it that did not.
    pub fn admit(&mut self, mut event: Event, now: Instant) -> Option<Event> {
        if event.kind.is_once() {
            return Some(event);
        }
        if self.slots.len() >= MOST {
            let every = self.every;
            self.slots.retain(|_, slot| slot.waits.is_some() || slot.sent.is_some_and(|at| now - at < every));
        }
        let over = self.overtaken(&event);
        let slot = self.slots.entry((event.kind, event.half, event.about.clone())).or_default();
        slot.suppressed += over;
        if slot.sent.is_some_and(|at| now.saturating_duration_since(at) < self.every) {
            slot.suppressed += 1;
            slot.waits = Some(event);
            return None;
        }
        slot.sent = Some(now);
        event.suppressed = std::mem::take(&mut slot.suppressed);
        slot.waits = None;
        Some(event)
    }

    /// Takes back the states that wait and are over with this one. Gives how many events they stand for. That it has caught up leaves alone that
    /// it goes on again: both are true, and a receiver may want to hear of one only.
    fn overtaken(&mut self, by: &Event) -> u64 {
        let mut count = 0;
        for ((kind, half, about), slot) in &mut self.slots {
            let same = *kind == by.kind && *about == by.about;
            let both = (*kind, by.kind) == (Kind::Resumed, Kind::CaughtUp);
            if by.kind.is_state()
                && kind.is_state()
                && *half == by.half
                && !same
                && !both
                && slot.waits.take().is_some()
            {
                count += std::mem::take(&mut slot.suppressed);
            }
        }
        count
    }

    /// Those whose while is over, in the order in which they happened.
    pub fn due(&mut self, now: Instant) -> Vec<Event> {
        let every = self.every;
        self.release(|slot| slot.sent.is_none_or(|at| now.saturating_duration_since(at) >= every), now)
    }

    /// All that wait: nobody will ask later.
    pub fn rest(&mut self, now: Instant) -> Vec<Event> {
        self.release(|_| true, now)
    }

    fn release(&mut self, goes: impl Fn(&Slot) -> bool, now: Instant) -> Vec<Event> {
        let mut events = Vec::new();
        for slot in self.slots.values_mut().filter(|slot| goes(slot)) {
            if let Some(mut event) = slot.waits.take() {
                // without itself
                event.suppressed = std::mem::take(&mut slot.suppressed).saturating_sub(1);
                slot.sent = Some(now);
                events.push(event);
            }
        }
        events.sort_by_key(|event| event.at);
        events
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(kind: Kind, about: &str) -> Event {
        Event::new(kind, "", "s", json!({})).about(about)
    }

    fn words(events: &[Event]) -> Vec<(&'static str, u64)> {
        events.iter().map(|e| (e.kind.word(), e.suppressed)).collect()
    }

    #[test]
    fn the_first_goes_and_the_others_are_counted() {
        let mut gate = Gate::new(Duration::from_secs(60));
        let begin = Instant::now();
        let at = |s| begin + Duration::from_secs(s);
        assert!(gate.admit(event(Kind::Diverged, ""), at(0)).is_some());
        for s in 1..10 {
            assert_eq!(gate.admit(event(Kind::Diverged, ""), at(s)), None);
        }
        assert!(gate.admit(event(Kind::Quarantined, ""), at(9)).is_some(), "another kind");
        assert_eq!(gate.due(at(59)), []);
        assert_eq!(words(&gate.due(at(60))), [("diverged", 8)], "the last one, and it stands for eight more");
        assert_eq!(gate.due(at(300)), []);
        assert_eq!(gate.admit(event(Kind::Diverged, ""), at(301)).map(|e| e.suppressed), Some(0));
        // one that comes when the while is over, before anybody has looked
        gate.admit(event(Kind::Diverged, ""), at(302));
        assert_eq!(gate.admit(event(Kind::Diverged, ""), at(400)).map(|e| e.suppressed), Some(1));
        assert_eq!(gate.due(at(500)), [], "it is not told twice");
    }

    #[test]
    fn what_flaps_is_told_as_it_is_in_the_end() {
        let mut gate = Gate::new(Duration::from_secs(60));
        let begin = Instant::now();
        let mut told = 0;
        for s in 0..50 {
            for kind in [Kind::Held, Kind::Resumed] {
                let at = begin + Duration::from_secs(s);
                told += gate.admit(event(kind, "t"), at).is_some() as usize + gate.due(at).len();
            }
        }
        assert_eq!(told, 2, "the first of each");
        let another = gate.admit(event(Kind::Held, "another"), begin + Duration::from_secs(51));
        assert_eq!(another.map(|e| e.suppressed), Some(98), "for another reason, with all of those between");
        assert_eq!(gate.admit(event(Kind::Resumed, "t"), begin + Duration::from_secs(52)), None);
        let due = gate.due(begin + Duration::from_secs(70));
        assert_eq!(words(&due), [("resumed", 0)], "and the last");
        assert_eq!(gate.rest(begin + Duration::from_secs(70)), []);
    }

    #[test]
    fn what_is_true_no_more_is_not_told_behind_what_is() {
        let mut gate = Gate::new(Duration::from_secs(60));
        let begin = Instant::now();
        let at = |s| begin + Duration::from_secs(s);
        assert!(gate.admit(event(Kind::Held, "t"), at(0)).is_some());
        assert!(gate.admit(event(Kind::Resumed, ""), at(1)).is_some());
        assert_eq!(gate.admit(event(Kind::Held, "t"), at(2)), None);
        assert_eq!(gate.admit(event(Kind::Resumed, ""), at(3)), None);
        let held = gate.admit(event(Kind::Held, "u"), at(4));
        assert_eq!(held.map(|e| e.suppressed), Some(2), "by something else, and it says what was kept back");
        assert_eq!((gate.due(at(60)), gate.due(at(61))), (vec![], vec![]), "it is held, and not going on");
        assert_eq!(gate.rest(at(62)), []);
    }

    #[test]
    fn who_hears_of_going_on_only_hears_of_it_though_it_has_caught_up() {
        let mut gate = Gate::new(Duration::from_secs(60));
        let begin = Instant::now();
        for kind in [Kind::Held, Kind::Resumed, Kind::CaughtUp] {
            assert!(gate.admit(event(kind, ""), begin).is_some());
        }
        for kind in [Kind::Held, Kind::Resumed, Kind::CaughtUp] {
            assert_eq!(gate.admit(event(kind, ""), begin + Duration::from_secs(1)), None);
        }
        assert_eq!(words(&gate.due(begin + Duration::from_secs(60))), [("resumed", 1), ("caught_up", 0)]);
    }

    #[test]
    fn what_happens_once_always_goes_and_nothing_waits_for_ever() {
        let mut gate = Gate::new(Duration::from_secs(60));
        let now = Instant::now();
        assert!((0..3).all(|_| gate.admit(event(Kind::Failed, ""), now).is_some()));
        gate.admit(event(Kind::Wal, ""), now);
        gate.admit(event(Kind::Wal, ""), now);
        assert_eq!(words(&gate.rest(now)), [("wal", 0)]);
        for i in 0..3 * MOST {
            gate.admit(event(Kind::Held, &i.to_string()), now + Duration::from_secs(i as u64));
        }
        assert!(gate.slots.len() <= MOST);
    }
}
