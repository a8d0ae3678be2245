//! What the fold promises ([`sink_postgres::plan`]), tried on sequences that nobody wrote down: steps applied to a model of
//! the target leave what the changes one by one leave, or are refused where the fold says that they may be.

mod examples;
mod one_by_one;
mod partial;
mod production;
mod tables;
mod target;

use std::collections::{BTreeMap, HashSet};

use filters::change::{Change, Row};
use filters::scalar::Reading;
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use sink_postgres::pending::{Pending, Range};
use sink_postgres::plan::{Act, Item, Step, fold};
use sink_postgres::route::{Route, route};

use examples::{show_all, show_items};
use production::{Gene, Index, Production, State, genes, sorted};
use tables::{
    ALWAYS_KEY, ALWAYS_OTHER, ANY_CASE, COMPOSITE, KEYED, KEYED_LATER, KINDS, Sent, UNIQUE, maps, place, sent,
};
use target::{Refusal, apply};

/// The same cases in every run, so that a failure is the code's. `PROPTEST_RNG_SEED` tries others, `PROPTEST_CASES` more; `make soak`
/// tries a hundred thousand.
fn runner() -> TestRunner {
    let usual = ProptestConfig::default();
    let least = if std::env::var_os("SLUICE_SOAK").is_some() { 100_000 } else { 3000 };
    let mut config = ProptestConfig { cases: usual.cases.max(least), failure_persistence: None, ..usual };
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(1);
    }
    TestRunner::new(config)
}

/// What was seen in all cases: a property that no case comes near to is not tried.
#[derive(Default)]
struct Seen(std::cell::RefCell<BTreeMap<&'static str, u32>>);

impl Seen {
    fn note(&self, what: &'static str) {
        *self.0.borrow_mut().entry(what).or_default() += 1;
    }

    #[track_caller]
    fn at_least(&self, wanted: &[(&'static str, u32)]) {
        let seen = self.0.borrow();
        for (what, least) in wanted {
            assert!(seen.get(what).is_some_and(|n| n >= least), "{what}: not {least} times in {seen:?}");
        }
    }
}

/// What production did, and what stands where.
#[derive(Debug)]
struct Played {
    /// The target before, as far as it is not pending.
    before: State,
    changes: Vec<Change>,
    /// The target afterwards, as far as it is not pending.
    after: State,
}

/// Lets production live; what it did up to `split` is on the target already.
fn play(genes: &[Gene], split: usize, pending: &[Pending]) -> Played {
    let mut production = Production::new();
    let (first, rest) = genes.split_at(split.min(genes.len()));
    first.iter().for_each(|gene| drop(production.change(gene)));
    let before = known(&production.state, pending);
    let mut changes = Vec::new();
    for gene in rest {
        let undo = production.state.clone();
        match production.change(gene) {
            // the sink does not fold a run in which a row is due
            Some(change) if matches!(route(&change, &pending[place(map_of(&change))]), Route::Due(_)) => {
                production.state = undo;
            }
            change => changes.extend(change),
        }
    }
    Played { before, changes, after: known(&production.state, pending) }
}

fn map_of(change: &Change) -> usize {
    maps().iter().position(|m| std::sync::Arc::ptr_eq(&m.shape, &change.table)).expect("a shape of the tests")
}

/// The rows that are not pending.
fn known(state: &State, pending: &[Pending]) -> State {
    let mut state = state.clone();
    for (at, rows) in state.iter_mut().enumerate() {
        rows.retain(|r| {
            let key: Vec<&str> = KINDS[at].key.iter().map(|&i| r[i].as_deref().unwrap_or("")).collect();
            !pending[at].covers_values(Some(&key.iter().map(|k| k.as_bytes()).collect::<Vec<_>>()))
        });
    }
    sorted(state)
}

fn items<'c>(changes: &'c [Change], pending: &[Pending]) -> Vec<Item<'c>> {
    let item = |change: &'c Change| match route(change, &pending[place(map_of(change))]) {
        Route::Apply(act) => Some(Item { map: map_of(change), act }),
        Route::Skip => None,
        Route::Due(_) => unreachable!("undone by play"),
    };
    changes.iter().filter_map(item).collect()
}

/// A step that was refused, and the state before it.
struct Refused {
    step: usize,
    why: Refusal,
    state: State,
}

fn run(before: &State, steps: &[Step<'_>], order: target::Order) -> Result<State, Refused> {
    let mut state = before.clone();
    for (n, step) in steps.iter().enumerate() {
        let standing = state.clone();
        if let Err(why) = apply(&mut state, step, order) {
            return Err(Refused { step: n, why, state: standing });
        }
    }
    Ok(sorted(state))
}

/// Why a run that production made may be refused, if it may.
fn excuse(items: &[Item<'_>], steps: &[Step<'_>], refused: &Refused) -> Option<&'static str> {
    match (&steps[refused.step], &refused.why) {
        // a row that stays gives a value to another row that stays: the one that gives it comes later among the updates
        (Step::Update(map, ..), Refusal::Unique(Index::Beside, holder)) => {
            let kind = &KINDS[*map];
            let updates = steps[refused.step..].iter().map_while(|s| match s {
                Step::Update(map, _, images) => Some((place(*map), images)),
                _ => None,
            });
            let mut images = updates.filter(|(at, _)| *at == place(*map)).flat_map(|(_, images)| images);
            let u = kind.unique?;
            let gives = |image: &Row| kind.key.iter().all(|&i| sent(image, i) == Sent::of(&holder[i]));
            images
                .any(|image| {
                    gives(image) && !matches!(sent(image, u), s if s == Sent::Unchanged || s == Sent::of(&holder[u]))
                })
                .then_some("handed over")
        }
        // what cannot be SET has changed
        (Step::Update(ALWAYS_OTHER, _, images), Refusal::Miscounted) => {
            let n = KINDS[ALWAYS_OTHER].always?;
            let other = |image: &Row| {
                refused.state[ALWAYS_OTHER]
                    .iter()
                    .any(|r| sent(image, 0) == Sent::of(&r[0]) && sent(image, n) != Sent::of(&r[n]))
            };
            images.iter().any(|image| other(image)).then_some("cannot be set")
        }
        (Step::Single(ALWAYS_KEY, Act::Update { new, .. }), Refusal::Miscounted) => {
            new.has_unchanged().then_some("cannot be set")
        }
        (Step::Single(ALWAYS_OTHER, Act::Update { old: Some(old), new }), Refusal::Miscounted) => {
            let n = KINDS[ALWAYS_OTHER].always?;
            let stored = refused.state[ALWAYS_OTHER].iter().find(|r| sent(old, 0) == Sent::of(&r[0]))?;
            (sent(new, n) != Sent::of(&stored[n])).then_some("cannot be set")
        }
        // a key came and went beside one that is equal to it, and written otherwise
        (Step::Absent(ANY_CASE, keys), Refusal::Miscounted) => {
            let stands = |key: &&Row| refused.state[ANY_CASE].iter().any(|r| sent(key, 0) == Sent::of(&r[0]));
            (!keys.iter().any(stands)).then_some("two spellings")
        }
        // one key under two shapes
        (Step::Delete(KEYED | KEYED_LATER, _) | Step::Update(KEYED | KEYED_LATER, ..), Refusal::Miscounted) => {
            let keys =
                |map| items.iter().filter(move |i| i.map == map).filter_map(|i| key(&i.act)).collect::<HashSet<_>>();
            (!keys(KEYED).is_disjoint(&keys(KEYED_LATER))).then_some("two shapes")
        }
        _ => None,
    }
}

/// The key of a change of [`KEYED`].
fn key(act: &Act<'_>) -> Option<String> {
    match act {
        Act::Insert(row) | Act::Delete(row) | Act::Update { new: row, .. } => match sent(row, 0) {
            Sent::Text(key) => Some(key),
            _ => None,
        },
        Act::Truncate => None,
    }
}

/// Between two changes that do not fold, a key is in one row of one step; and statements are few.
fn check_folded(items: &[Item<'_>], steps: &[Step<'_>]) -> Result<(), TestCaseError> {
    // a row that goes and comes where a column cannot be SET begins a new run, for all tables
    if items.iter().any(|i| maps()[i.map].identity_always()) {
        return Ok(());
    }
    for run in steps.split(|s| matches!(s, Step::Single(..))) {
        let (mut keys, mut statements) = (HashSet::new(), HashSet::new());
        for step in run {
            let (map, what, rows): (usize, _, Vec<&Row>) = match step {
                Step::Delete(map, rows) => (*map, (0, None), rows.clone()),
                Step::Absent(map, rows) => (*map, (1, None), rows.clone()),
                Step::Update(map, unchanged, rows) => (*map, (2, Some(unchanged)), rows.iter().map(|r| &**r).collect()),
                Step::Insert(map, rows) => (*map, (3, None), rows.iter().map(|r| &**r).collect()),
                Step::Remove(..) | Step::Put(..) => unreachable!("all rows of these tables come"),
                Step::Single(..) => unreachable!("split by it"),
            };
            prop_assert!(statements.insert((map, what)), "two statements for one: {step:?}");
            prop_assert!(!rows.is_empty());
            let absent = matches!(step, Step::Absent(..));
            prop_assert_eq!(step.rows(), Some(if absent { 0 } else { rows.len() as u64 }));
            for row in rows.iter().filter(|_| !KINDS[map].key.is_empty()) {
                let key: Vec<Sent> = KINDS[map].key.iter().map(|&i| sent(row, i)).collect();
                prop_assert!(keys.insert((map, key)), "a key in two rows: {step:?}");
            }
        }
    }
    Ok(())
}

fn check_production(played: &Played, pending: &[Pending], seen: &Seen) -> Result<(), TestCaseError> {
    let items = items(&played.changes, pending);
    let steps = fold(maps(), items.clone());
    check_folded(&items, &steps)?;
    let mut note = |step: &Step<'_>| match step {
        Step::Delete(..) => seen.note("delete"),
        Step::Absent(..) => seen.note("absent"),
        Step::Update(_, unchanged, _) if unchanged.is_empty() => seen.note("update"),
        Step::Update(..) => seen.note("update, not all sent"),
        Step::Insert(..) => seen.note("insert"),
        Step::Remove(..) | Step::Put(..) => unreachable!("all rows of these tables come"),
        Step::Single(_, Act::Truncate) => seen.note("truncate"),
        Step::Single(map, _) if KINDS[*map].key.is_empty() => seen.note("single without a key"),
        Step::Single(..) => seen.note("key change"),
    };
    steps.iter().for_each(&mut note);
    for order in [target::Order::AsSent, target::Order::Reversed] {
        let refused = match run(&played.before, &steps, order) {
            Ok(state) => {
                seen.note("exact");
                prop_assert_eq!(&state, &played.after, "{}\n of {}", show_all(&steps), show_items(&items));
                continue;
            }
            Err(refused) => refused,
        };
        let excuse = excuse(&items, &steps, &refused);
        let (shown, n) = (show_all(&steps), refused.step);
        prop_assert!(excuse.is_some(), "{:?} at step {n} of\n{}\n of {}", refused.why, shown, show_items(&items));
        seen.note(excuse.unwrap_or_default());
        // then the sink goes change by change, as production did
        let single: Vec<Step<'_>> = items.iter().flat_map(|item| fold(maps(), [item.clone()])).collect();
        match run(&played.before, &single, order) {
            Ok(state) => prop_assert_eq!(&state, &played.after),
            Err(refused) => {
                let change = [items[refused.step].clone()];
                let last = excuse_of_one(&change, &single, &refused);
                prop_assert_eq!(last, Some("cannot be set"), "{:?} by {:?}", refused.why, change);
            }
        }
    }
    Ok(())
}

/// A change alone is refused only where a column cannot be SET.
fn excuse_of_one(change: &[Item<'_>], steps: &[Step<'_>], refused: &Refused) -> Option<&'static str> {
    let step = std::slice::from_ref(&steps[refused.step]);
    excuse(change, step, &Refused { step: 0, why: refused.why.clone(), state: refused.state.clone() })
}

/// Nothing is pending.
fn done() -> Vec<Pending> {
    KINDS.iter().map(|_| Pending::default()).collect()
}

#[test]
fn a_run_leaves_what_production_left() {
    let seen = Seen::default();
    let case = (genes(KEYED_LATER, 80), 0..30usize);
    runner()
        .run(&case, |(genes, split)| {
            let pending = done();
            check_production(&play(&genes, split, &pending), &pending, &seen)
        })
        .unwrap_or_else(|e| panic!("{e}"));
    seen.at_least(&[
        ("exact", 4000),
        ("delete", 800),
        ("absent", 200),
        ("update", 1000),
        ("update, not all sent", 250),
        ("insert", 2000),
        ("truncate", 300),
        ("key change", 700),
        ("single without a key", 1000),
        ("handed over", 5),
        ("cannot be set", 20),
        ("two shapes", 20),
    ]);
}

/// What of a table is pending: ranges are of integers, as they are cut.
fn pending() -> impl Strategy<Value = Vec<Pending>> {
    let one = (0..6u8, 0..6u8, 0..6u8);
    [one.clone(), one.clone(), one].prop_map(|tables| {
        let mut all = done();
        for (at, (what, lo, hi)) in [KEYED, UNIQUE, COMPOSITE].into_iter().zip(tables) {
            let parts = KINDS[at].key.len();
            let key = |n: u8| vec![n.to_string(), (n % 3).to_string()][..parts].to_vec();
            let range =
                |lo: Option<u8>, hi: Option<u8>| Range { id: 0, lo: lo.map(key), hi: hi.map(key), columns: vec![] };
            let pending = &mut all[at];
            pending.kinds = Some(vec![Reading::Decimal; parts]);
            pending.key = KINDS[at].key.to_vec();
            match what {
                0 => {}
                1 => pending.ranges = vec![range(None, Some(hi))],
                2 => pending.ranges = vec![range(Some(lo), Some(hi)), range(Some(5), None)],
                3 => pending.points = HashSet::from([key(lo), key(hi)]),
                4 => (pending.held, pending.quarantined) = (HashSet::from([key(lo), key(hi)]), 2),
                _ => pending.ranges = vec![range(None, None)],
            }
        }
        all
    })
}

#[test]
fn what_is_pending_is_left_alone() {
    let seen = Seen::default();
    let case = (genes(COMPOSITE + 1, 80), 0..30usize, pending());
    runner()
        .run(&case, |(genes, split, pending)| {
            let played = play(&genes, split, &pending);
            if items(&played.changes, &pending).len() < played.changes.len() {
                seen.note("skipped");
            }
            check_production(&played, &pending, &seen)
        })
        .unwrap_or_else(|e| panic!("{e}"));
    seen.at_least(&[("exact", 4000), ("skipped", 1000), ("handed over", 20)]);
}
