//! Production: tables that change as PostgreSQL lets them change, and what the stream says of it.

use std::sync::Arc;

use filters::change::{Change, Identity, Old, Op};
use proptest::prelude::*;

use crate::tables::{Cell, KEYED, KEYED_LATER, KINDS, Kind, Sent, is_external, maps, place, row, width};

/// What is to be done next. Every gene means something in every state, or nothing.
#[derive(Clone, Debug)]
pub struct Gene {
    pub table: usize,
    pub what: What,
    pick: usize,
    keys: [u8; 2],
    values: [u8; 3],
    set: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Insert,
    Update,
    Delete,
    Rekey,
    Truncate,
    Alter,
}

/// Genes on a few of the first `kinds` tables, so that they meet.
pub fn genes(kinds: usize, most: usize) -> impl Strategy<Value = Vec<Gene>> {
    let what = prop_oneof![
        20 => Just(What::Insert),
        40 => Just(What::Update),
        12 => Just(What::Delete),
        1 => Just(What::Rekey),
        1 => Just(What::Truncate),
        1 => Just(What::Alter),
    ];
    let gene = (any::<prop::sample::Index>(), what, 0..64usize, any::<[u8; 2]>(), any::<[u8; 3]>(), any::<u8>());
    let tables = prop::sample::subsequence((0..kinds).collect::<Vec<_>>(), 1..4);
    (tables, prop::collection::vec(gene, 1..most)).prop_map(|(tables, genes)| {
        let gene = |(table, what, pick, keys, values, set): (prop::sample::Index, _, _, _, _, _)| Gene {
            table: *table.get(&tables),
            what,
            pick,
            keys,
            values,
            set,
        };
        genes.into_iter().map(gene).collect()
    })
}

/// Rows by table; all of a table have as many values as its widest shape has columns.
pub type State = Vec<Vec<Vec<Cell>>>;

pub struct Production {
    pub state: State,
    altered: bool,
    sequence: u32,
}

impl Production {
    pub fn new() -> Production {
        Production { state: vec![vec![]; KINDS.len()], altered: false, sequence: 0 }
    }

    /// Does it, or what is next to it where a unique index forbids it, and gives what the stream says of it; `None` if
    /// nothing was done.
    pub fn change(&mut self, gene: &Gene) -> Option<Change> {
        let by = |n: u8| {
            let (keys, values) = (gene.keys.map(|k| k.wrapping_add(n)), gene.values.map(|v| v.wrapping_add(n)));
            Gene { keys, values, ..gene.clone() }
        };
        (0..4).find_map(|n| self.try_change(&by(n)))
    }

    fn try_change(&mut self, gene: &Gene) -> Option<Change> {
        let map = if gene.table == KEYED && self.altered { KEYED_LATER } else { gene.table };
        let (kind, at) = (&KINDS[map], place(map));
        let op = match gene.what {
            What::Alter => {
                self.altered |= gene.table == KEYED;
                return None;
            }
            What::Truncate => {
                self.state[at].clear();
                Op::Truncate { restart_identity: false }
            }
            What::Insert => {
                let mut new = vec![None; width(at)];
                for (i, cell) in new.iter_mut().enumerate().take(kind.columns.len()) {
                    *cell = self.value(kind, i, gene);
                }
                if self.is_taken(kind, at, &new, None) {
                    return None;
                }
                self.state[at].push(new.clone());
                Op::Insert { new: row(&whole(kind, &new)) }
            }
            What::Delete if !can_tell(kind) => return None,
            What::Delete => {
                let at_row = self.pick(at, gene)?;
                let before = self.state[at].remove(at_row);
                Op::Delete { old: old(kind, &before) }
            }
            What::Update | What::Rekey => {
                let at_row = self.pick(at, gene).filter(|_| can_tell(kind))?;
                let before = self.state[at][at_row].clone();
                let mut after = before.clone();
                let mut written = vec![false; kind.columns.len()];
                for i in 0..kind.columns.len() {
                    // a sequence moves rarely: `SET n = DEFAULT`
                    let rare = kind.always == Some(i) && !kind.key.contains(&i) && !gene.keys[1].is_multiple_of(16);
                    let in_key = kind.key.contains(&i) && gene.what == What::Update;
                    if gene.set & (1 << i) != 0 && !rare && !in_key {
                        (after[i], written[i]) = (self.value(kind, i, gene), true);
                    }
                }
                if self.is_taken(kind, at, &after, Some(at_row)) {
                    return None;
                }
                self.state[at][at_row] = after.clone();
                // a value outside the row that was not written is not sent
                let new = (0..kind.columns.len()).map(|i| match !written[i] && is_external(&before[i]) {
                    true => Sent::Unchanged,
                    false => Sent::of(&after[i]),
                });
                let new = row(&new.collect::<Vec<_>>());
                let other = kind.key.iter().any(|&i| before[i] != after[i] || is_external(&before[i]));
                let old = (kind.identity == Identity::Full || other).then(|| old(kind, &before));
                Op::Update { old, new }
            }
        };
        Some(Change { table: Arc::clone(&maps()[map].shape), op })
    }

    /// A value for a column; few of them, so that they meet.
    fn value(&mut self, kind: &Kind, i: usize, gene: &Gene) -> Cell {
        if let Some(n) = kind.key.iter().position(|&k| k == i) {
            let key = gene.keys[n % 2];
            return Some(match kind.columns[i] {
                "k" if kind.any_case => ["a", "A", "b", "B"][usize::from(key) % 4].to_owned(),
                "k" => ["~1", "~2", "3"][usize::from(key) % 3].to_owned(),
                "k1" | "k2" => (key % 3).to_string(),
                _ => (key % 6).to_string(),
            });
        }
        if kind.always == Some(i) {
            self.sequence += 1;
            return Some(self.sequence.to_string());
        }
        let value = gene.values[i % 3];
        if kind.unique == Some(i) {
            return (!value.is_multiple_of(6)).then(|| (value % 6).to_string());
        }
        match value % 8 {
            0 => None,
            1 => Some(String::new()),
            n if n < 5 => Some(n.to_string()),
            n => Some(format!("~{n}")),
        }
    }

    fn pick(&self, at: usize, gene: &Gene) -> Option<usize> {
        let rows = self.state[at].len();
        (rows > 0).then(|| gene.pick % rows)
    }

    /// Does another row have its key, or its unique value?
    fn is_taken(&self, kind: &Kind, at: usize, new: &[Cell], but: Option<usize>) -> bool {
        self.state[at].iter().enumerate().any(|(n, row)| Some(n) != but && conflict(kind, row, new).is_some())
    }
}

/// Can the stream say which row was changed?
fn can_tell(kind: &Kind) -> bool {
    !kind.key.is_empty() || kind.identity == Identity::Full
}

fn whole(kind: &Kind, cells: &[Cell]) -> Vec<Sent> {
    cells[..kind.columns.len()].iter().map(Sent::of).collect()
}

fn old(kind: &Kind, before: &[Cell]) -> Old {
    if kind.identity == Identity::Full {
        return Old::Full(row(&whole(kind, before)));
    }
    let in_key = |i: usize| if kind.key.contains(&i) { Sent::of(&before[i]) } else { Sent::Null };
    Old::Key(row(&(0..kind.columns.len()).map(in_key).collect::<Vec<_>>()))
}

/// Are two key values one?
pub fn same(kind: &Kind, a: &Cell, b: &Cell) -> bool {
    match (a, b) {
        (Some(a), Some(b)) if kind.any_case => a.eq_ignore_ascii_case(b),
        (Some(a), Some(b)) => a == b,
        _ => false,
    }
}

/// The unique index over which two rows of a table conflict: the key, or a column beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Index {
    Key,
    Beside,
}

/// The index by which two rows cannot both be there.
pub fn conflict(kind: &Kind, a: &[Cell], b: &[Cell]) -> Option<Index> {
    if !kind.key.is_empty() && kind.key.iter().all(|&i| same(kind, &a[i], &b[i])) {
        return Some(Index::Key);
    }
    kind.unique.filter(|&u| a[u].is_some() && a[u] == b[u]).map(|_| Index::Beside)
}

/// A state in which the order of rows says nothing.
pub fn sorted(mut state: State) -> State {
    state.iter_mut().for_each(|rows| rows.sort());
    state
}
