//! The target: tables that steps are applied to as the server would apply them, and what it would refuse.

use std::borrow::Cow;

use filters::change::{Row, Value};
use sink_postgres::plan::{Act, Step};

use crate::production::{Index, State, conflict, same};
use crate::tables::{Cell, KINDS, Kind, Sent, maps, place, sent, width};

/// Why the sink would not commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A statement touched more or fewer rows than it had to.
    Miscounted,
    /// A unique index has it already; the row that is in the way.
    Unique(Index, Vec<Cell>),
    /// A column that must have a value has none.
    NotNull,
    /// `exchange` makes no statement of it.
    Unsayable,
}

/// In which order the server takes the rows of one statement: any is allowed, so these two are tried.
#[derive(Clone, Copy, Debug)]
pub enum Order {
    AsSent,
    Reversed,
}

/// Applies one step; what the sink would not commit is an error. The state is then worth nothing.
pub fn apply(state: &mut State, step: &Step<'_>, order: Order) -> Result<(), Refusal> {
    let (Step::Delete(map, ..)
    | Step::Absent(map, ..)
    | Step::Update(map, ..)
    | Step::Insert(map, ..)
    | Step::Remove(map, ..)
    | Step::Put(map, ..)
    | Step::Single(map, ..)) = step;
    let m = maps().get(*map).ok_or(Refusal::Unsayable)?;
    let kind = &KINDS[*map];
    let mut rows = Table { kind, width: width(place(*map)), rows: &mut state[place(*map)] };
    let count = |touched: u64| match step.rows() {
        Some(must) if must != touched => Err(Refusal::Miscounted),
        None if !matches!(step, Step::Single(_, Act::Truncate) | Step::Remove(..) | Step::Put(..)) => {
            Err(Refusal::Miscounted)
        }
        _ => Ok(()),
    };
    match step {
        Step::Delete(_, keys) | Step::Remove(_, keys) => count(rows.delete(keys)),
        Step::Put(_, images) => {
            let there = |i: &Row| rows.rows.iter().any(|r| rows.matches(r, i));
            let (old, new): (Vec<&Row>, Vec<&Row>) = images.iter().map(|i| &**i).partition(|i| there(i));
            let touched = rows.update(&[], &old)?;
            new.iter().try_for_each(|image| rows.insert(image))?;
            count(touched + new.len() as u64)
        }
        Step::Absent(_, keys) => {
            let found = |k: &&Row| rows.rows.iter().filter(|r| rows.matches(r, k)).count() as u64;
            count(keys.iter().map(found).sum())
        }
        Step::Update(_, unchanged, images) => {
            let mut images: Vec<&Row> = images.iter().map(|i| &**i).collect();
            if matches!(order, Order::Reversed) {
                images.reverse();
            }
            count(rows.update(unchanged, &images)?)
        }
        Step::Insert(_, images) => {
            let mut images: Vec<&Cow<'_, Row>> = images.iter().collect();
            if matches!(order, Order::Reversed) {
                images.reverse();
            }
            images.iter().try_for_each(|image| rows.insert(image))?;
            count(images.len() as u64)
        }
        Step::Single(_, act) => match act {
            Act::Truncate => {
                rows.rows.clear();
                Ok(())
            }
            Act::Update { old: Some(old), .. } | Act::Delete(old) if old.has_unchanged() => Err(Refusal::Unsayable),
            Act::Update { old: Some(old), new } if m.key.is_some() => {
                if kind.always.is_some_and(|i| kind.key.contains(&i)) {
                    if new.has_unchanged() {
                        return Err(Refusal::Miscounted);
                    }
                    count(rows.delete(&[old]))?;
                    rows.insert(new)
                } else {
                    count(rows.rekey(old, new)?)
                }
            }
            Act::Update { old: Some(old), new } => count(rows.one_of_equal(old, Some(new))),
            Act::Delete(old) if m.key.is_none() => count(rows.one_of_equal(old, None)),
            _ => Err(Refusal::Unsayable),
        },
    }
}

struct Table<'a> {
    kind: &'a Kind,
    width: usize,
    rows: &'a mut Vec<Vec<Cell>>,
}

impl Table<'_> {
    fn matches(&self, stored: &[Cell], key: &Row) -> bool {
        !self.kind.key.is_empty() && self.kind.key.iter().all(|&i| same(self.kind, &stored[i], &cell(key, i)))
    }

    /// `DELETE … USING unnest`: a row that two keys find goes once.
    fn delete(&mut self, keys: &[&Row]) -> u64 {
        let before = self.rows.len();
        let gone: Vec<bool> = self.rows.iter().map(|r| keys.iter().any(|k| self.matches(r, k))).collect();
        let mut gone = gone.iter();
        self.rows.retain(|_| gone.next() == Some(&false));
        (before - self.rows.len()) as u64
    }

    /// `UPDATE … FROM unnest`: a row that two images find is updated once. Columns that cannot be SET must be so already.
    fn update(&mut self, unchanged: &[usize], images: &[&Row]) -> Result<u64, Refusal> {
        let set = |i: usize| !self.kind.key.contains(&i) && !unchanged.contains(&i);
        let set: Vec<usize> = (0..self.kind.columns.len()).filter(|&i| set(i)).collect();
        let (fixed, set): (Vec<usize>, Vec<usize>) = set.into_iter().partition(|&i| self.kind.always == Some(i));
        let mut done = vec![false; self.rows.len()];
        let mut touched = 0;
        for image in images {
            for (at, done) in done.iter_mut().enumerate() {
                let found =
                    self.matches(&self.rows[at], image) && fixed.iter().all(|&i| self.rows[at][i] == cell(image, i));
                if !found || *done {
                    continue;
                }
                let mut after = self.rows[at].clone();
                set.iter().for_each(|&i| after[i] = cell(image, i));
                self.put(at, after)?;
                (*done, touched) = (true, touched + 1);
            }
        }
        Ok(touched)
    }

    /// `COPY`: whole rows.
    fn insert(&mut self, image: &Row) -> Result<(), Refusal> {
        let new: Vec<Cell> = (0..self.width).map(|i| cell(image, i)).collect();
        self.allow(&new, None)?;
        self.rows.push(new);
        Ok(())
    }

    /// `UPDATE … WHERE` the old key.
    fn rekey(&mut self, old: &Row, new: &Row) -> Result<u64, Refusal> {
        let Some(at) = self.rows.iter().position(|r| self.matches(r, old)) else { return Ok(0) };
        let mut after = self.rows[at].clone();
        for i in (0..self.kind.columns.len()).filter(|&i| sent(new, i) != Sent::Unchanged) {
            if self.kind.always == Some(i) {
                if after[i] != cell(new, i) {
                    return Ok(0);
                }
            } else {
                after[i] = cell(new, i);
            }
        }
        self.put(at, after)?;
        Ok(1)
    }

    /// One row among equal ones goes, or becomes another.
    fn one_of_equal(&mut self, old: &Row, new: Option<&Row>) -> u64 {
        let equal = |r: &Vec<Cell>| (0..self.kind.columns.len()).all(|i| r[i] == cell(old, i));
        let Some(at) = self.rows.iter().position(equal) else { return 0 };
        let Some(new) = new else {
            self.rows.remove(at);
            return 1;
        };
        for i in (0..self.kind.columns.len()).filter(|&i| sent(new, i) != Sent::Unchanged) {
            self.rows[at][i] = cell(new, i);
        }
        1
    }

    fn put(&mut self, at: usize, after: Vec<Cell>) -> Result<(), Refusal> {
        self.allow(&after, Some(at))?;
        self.rows[at] = after;
        Ok(())
    }

    fn allow(&self, new: &[Cell], but: Option<usize>) -> Result<(), Refusal> {
        if (0..self.kind.columns.len()).any(|i| self.kind.not_null(i) && new[i].is_none()) {
            return Err(Refusal::NotNull);
        }
        let mut others = self.rows.iter().enumerate().filter(|(n, _)| Some(*n) != but);
        let found = others.find_map(|(_, r)| Some(Refusal::Unique(conflict(self.kind, r, new)?, r.clone())));
        found.map_or(Ok(()), Err)
    }
}

/// What the server stores for a value that is bound: what was not sent is bound as null.
fn cell(row: &Row, i: usize) -> Cell {
    match row.get(i) {
        Value::Null | Value::Unchanged => None,
        Value::Text(v) | Value::Binary(v) => Some(String::from_utf8(v.to_vec()).expect("the tests write UTF-8")),
    }
}
