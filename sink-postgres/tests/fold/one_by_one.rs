//! Sequences that production could not make: what is accepted is what the changes one by one would leave, each of them
//! finding what it must find.

use filters::change::{Old, Op, Row};
use proptest::prelude::*;
use sink_postgres::plan::{Act, Item, fold};

use crate::examples::{act_of, show_all, show_items};
use crate::production::{Index, State, What, conflict, genes, sorted};
use crate::tables::{ANY_CASE, Cell, KINDS, Sent, maps, row, sent, width};
use crate::target::Order;
use crate::{Seen, done, map_of, play, run, runner};

/// The state after each change has been applied by itself, or `None` as soon as one does not find the row that it must
/// find, or finds one where it inserts. Only keys are looked at: the fold is spared values that do not last.
fn one_by_one(before: &State, items: &[Item<'_>]) -> Option<State> {
    let mut state = before.clone();
    for item in items {
        let kind = KINDS.get(item.map)?;
        let rows = &mut state[item.map];
        let columns = 0..kind.columns.len();
        let find = |rows: &[Vec<Cell>], by: &Row, all: bool| {
            let same = |r: &Vec<Cell>, i: usize| match sent(by, i) {
                Sent::Text(v) => r[i].as_ref() == Some(&v),
                Sent::Null => all && r[i].is_none(),
                Sent::Unchanged => false,
            };
            rows.iter().position(|r| {
                if all { columns.clone().all(|i| same(r, i)) } else { kind.key.iter().all(|&i| same(r, i)) }
            })
        };
        let keyless = kind.key.is_empty();
        match &item.act {
            Act::Truncate => rows.clear(),
            Act::Insert(new) => {
                let mut cells = columns.clone().map(|i| cell(new, i).flatten()).collect::<Vec<Cell>>();
                cells.resize(width(item.map), None);
                allow(item.map, rows, &cells, None)?;
                rows.push(cells);
            }
            Act::Delete(old) => drop(rows.remove(find(rows, old, keyless)?)),
            Act::Update { old: None, .. } if keyless => return None,
            Act::Update { old, new } => {
                let at = find(rows, old.unwrap_or(new), keyless)?;
                let mut after = rows[at].clone();
                columns.clone().filter_map(|i| Some((i, cell(new, i)?))).for_each(|(i, v)| after[i] = v);
                allow(item.map, rows, &after, Some(at))?;
                rows[at] = after;
            }
        }
    }
    Some(sorted(state))
}

fn cell(row: &Row, i: usize) -> Option<Cell> {
    match sent(row, i) {
        Sent::Text(v) => Some(Some(v)),
        Sent::Null => Some(None),
        Sent::Unchanged => None,
    }
}

/// `None`: the key has no value, or is there already.
fn allow(map: usize, rows: &[Vec<Cell>], new: &[Cell], but: Option<usize>) -> Option<()> {
    let kind = &KINDS[map];
    let taken = |(n, r): (usize, &Vec<Cell>)| Some(n) != but && conflict(kind, r, new) == Some(Index::Key);
    let allowed = kind.key.iter().all(|&i| new[i].is_some()) && !rows.iter().enumerate().any(taken);
    allowed.then_some(())
}

/// What is done to a sequence that production made, or to the target before it.
#[derive(Clone, Debug)]
enum Edit {
    Leave(usize),
    Twice(usize),
    Swap(usize, usize),
    /// Another change of the same table, or of one that nobody knows.
    Become(usize, Vec<Sent>, Vec<Sent>, u8),
    /// A row of the target is gone.
    Lose(usize),
    /// A row of the target stands where none should.
    Stray(usize, Vec<Sent>),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let value = prop_oneof![
        8 => (0..6u8).prop_map(|n| Sent::Text(n.to_string())),
        1 => Just(Sent::Null),
        1 => Just(Sent::Unchanged),
    ];
    let values = prop::collection::vec(value, 4);
    let edit = prop_oneof![
        (0..99usize).prop_map(Edit::Leave),
        (0..99usize).prop_map(Edit::Twice),
        (0..99usize, 0..99usize).prop_map(|(a, b)| Edit::Swap(a, b)),
        (0..99usize, values.clone(), values.clone(), 0..9u8)
            .prop_map(|(n, old, new, act)| Edit::Become(n, old, new, act)),
        (0..99usize).prop_map(Edit::Lose),
        (0..99usize, values).prop_map(|(n, row)| Edit::Stray(n, row)),
    ];
    prop::collection::vec(edit, 1..5)
}

fn edit(before: &mut State, changes: &mut Vec<(usize, Op)>, edit: Edit) {
    let n = changes.len();
    match edit {
        Edit::Leave(at) => drop(changes.remove(at % n)),
        Edit::Twice(at) => changes.insert(at % n, changes[at % n].clone()),
        Edit::Swap(a, b) => changes.swap(a % n, b % n),
        Edit::Become(at, old, new, act) => {
            let (map, op) = &mut changes[at % n];
            let Some(kind) = KINDS.get(*map) else { return };
            let (old, new) = (row(&old[..kind.columns.len()]), row(&new[..kind.columns.len()]));
            let old = Old::Full(old);
            *op = match act {
                0..2 => Op::Insert { new },
                2..4 => Op::Update { old: None, new },
                4..6 => Op::Update { old: Some(old), new },
                6 => Op::Truncate { restart_identity: false },
                _ => Op::Delete { old },
            };
            if act == 7 {
                *map = KINDS.len();
            }
        }
        Edit::Lose(at) => {
            let rows = (0..before.len()).flat_map(|t| (0..before[t].len()).map(move |r| (t, r))).collect::<Vec<_>>();
            if !rows.is_empty() {
                let (table, row) = rows[at % rows.len()];
                before[table].remove(row);
            }
        }
        Edit::Stray(at, row) => {
            let (map, op) = &changes[at % n];
            let map = *map;
            let Some(kind) = KINDS.get(map) else { return };
            // in the way of an insert, if it is one
            let cell = |i: usize| match (op, row.get(i)?) {
                _ if i >= kind.columns.len() => None,
                (Op::Insert { new }, _) if kind.key.contains(&i) => cell(new, i)?,
                (_, Sent::Text(v)) => Some(v.clone()),
                _ => None,
            };
            let cells: Vec<Cell> = (0..width(map)).map(cell).collect();
            let whole = (0..kind.columns.len()).all(|i| !kind.not_null(i) || cells[i].is_some());
            if whole && !before[map].iter().any(|r| conflict(kind, r, &cells).is_some()) {
                before[map].push(cells);
            }
        }
    }
}

#[test]
fn what_production_could_not_do_is_not_accepted_in_silence() {
    let seen = Seen::default();
    let case = (genes(ANY_CASE, 20), 0..10usize, edits());
    let tried = runner().run(&case, |(mut genes, split, edits)| {
        genes.retain(|gene| gene.what != What::Alter);
        let played = play(&genes, split, &done());
        let mut changes: Vec<(usize, Op)> = played.changes.iter().map(|c| (map_of(c), c.op.clone())).collect();
        let mut before = played.before;
        for edit in edits {
            if !changes.is_empty() {
                self::edit(&mut before, &mut changes, edit);
            }
        }
        let items: Vec<Item<'_>> = changes.iter().map(|(map, op)| Item { map: *map, act: act_of(op) }).collect();
        let steps = fold(maps(), items.clone());
        let right = one_by_one(&before, &items);
        seen.note(if right.is_some() { "possible" } else { "impossible" });
        for order in [Order::AsSent, Order::Reversed] {
            if let Ok(state) = run(&before, &steps, order) {
                prop_assert!(
                    right.is_some(),
                    "accepted: {}\n of {}\n on {before:?}",
                    show_all(&steps),
                    show_items(&items)
                );
                prop_assert_eq!(Some(&state), right.as_ref());
                seen.note("accepted");
            }
        }
        Ok(())
    });
    tried.unwrap_or_else(|e| panic!("{e}"));
    seen.at_least(&[("possible", 1000), ("impossible", 1000), ("accepted", 1000)]);
}
