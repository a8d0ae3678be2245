//! Folding a run of changes to its net effect, table by table and key by key.
//!
//! **Why it is right.** Between two barriers every keyed row is touched by at most one step, with the state that it has
//! after the last of its changes; changes of different keys commute but for secondary unique indexes. Those are why
//! all deletes go before all updates and these before all inserts: a value is freed before it is taken. Where that is
//! not enough (two rows swap a unique value) the server refuses, nothing is applied, and the sink replays the same run in
//! smaller pieces, in production's own order at last (invariant 12). Anything that does not fold (a key change, a
//! change of a table without a key, a truncate, a sequence that production could not have made) is a barrier: what was
//! folded so far goes first, then this one alone.
//!
//! **What is promised**, and tried in `tests/fold` on sequences that nobody wrote down:
//!
//! - Of a run that production made, the steps leave what its changes one by one leave, or the server refuses them or
//!   counts other rows, and then only for one of four reasons: a row that stays took a unique value from another row that
//!   stays; a column that cannot be SET has changed; a key was changed under two shapes of its table; a key came and went
//!   beside one that is equal to it and written otherwise (`citext`).
//! - Of a run that production could not have made, or that finds other rows than it must, nothing is accepted that its
//!   changes one by one would not be: a key that comes and goes leaves [`Step::Absent`] behind, and a change that does not
//!   follow from the one before it stays alone. Only values that do not last are not looked at: a stray row in the way of a
//!   unique value that is gone by the end of the run stays unseen.
//! - No change is dropped. What has no key to be found by, or was not sent whole where it must be, is handed on as it is
//!   ([`Step::Single`]), and refused there.
//!
//! **Of a table with a row filter, only some rows come.** Whether the row before was one of them its old key does not tell
//! (only a whole old row does, and then the filter has decided). So what goes may be there or not, and what changes is put
//! there; both leave the same row, whichever it was. An insert is new to the target all the same, and an update that was not
//! sent whole must find its row: if it does not, its key is due.
//!
//! Foreign keys do not order the steps: our sessions run with them quiet, or the tables have none ([`crate::guard`]).

mod near;

use std::borrow::Cow;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use filters::change::{Row, RowBuilder, Value};
use hashbrown::{DefaultHashBuilder, HashTable};

use crate::mapping::Mapping;

/// One change, on its way to the target.
#[derive(Clone, Debug)]
pub struct Item<'a> {
    /// Which mapping.
    pub map: usize,
    /// What to do.
    pub act: Act<'a>,
}

/// What to do with a row or a table.
#[derive(Clone, Debug)]
pub enum Act<'a> {
    /// Put it there.
    Insert(&'a Row),
    /// Change it; `old` is given where the stream gave it.
    Update {
        /// The identity's columns before, or the whole row.
        old: Option<&'a Row>,
        /// The row after.
        new: &'a Row,
    },
    /// Take it away.
    Delete(&'a Row),
    /// Empty the table.
    Truncate,
}

/// One statement, or a few that belong together.
#[derive(Clone, Debug)]
pub enum Step<'a> {
    /// Delete by key: the rows hold at least the key.
    Delete(usize, Vec<&'a Row>),
    /// Nothing, but no row may have these keys: they came and went, and the insert must not have met one.
    Absent(usize, Vec<&'a Row>),
    /// Update by key: every column but the key and the columns (by index into the row) that were not sent.
    Update(usize, Vec<usize>, Vec<Cow<'a, Row>>),
    /// Insert whole rows.
    Insert(usize, Vec<Cow<'a, Row>>),
    /// Delete by key those that are there: a table of which only some rows come.
    Remove(usize, Vec<&'a Row>),
    /// Update by key those that are there, insert the others; whole rows.
    Put(usize, Vec<Cow<'a, Row>>),
    /// One change that does not fold.
    Single(usize, Act<'a>),
}

impl Step<'_> {
    /// How many rows it must touch; `None`: any number.
    pub fn rows(&self) -> Option<u64> {
        match self {
            Step::Delete(_, r) => Some(r.len() as u64),
            Step::Absent(..) => Some(0),
            Step::Update(_, _, r) | Step::Insert(_, r) => Some(r.len() as u64),
            Step::Remove(..) | Step::Put(..) | Step::Single(_, Act::Truncate) => None,
            Step::Single(..) => Some(1),
        }
    }
}

/// What becomes of a row, with its latest image.
enum Net<'a> {
    Insert(Cow<'a, Row>),
    Update(Cow<'a, Row>),
    Delete,
    /// Inserted and deleted again.
    Nothing,
}

struct Entry<'a> {
    map: usize,
    hash: u64,
    /// A row that holds the key.
    key: &'a Row,
    net: Net<'a>,
}

/// Folds `items` into steps, in an order in which they may run.
pub fn fold<'a>(maps: &[Arc<Mapping>], items: impl IntoIterator<Item = Item<'a>>) -> Vec<Step<'a>> {
    let items = items.into_iter();
    let most = items.size_hint().0;
    let mut fold = Fold {
        maps,
        steps: Vec::new(),
        entries: Vec::with_capacity(most),
        index: HashTable::with_capacity(most),
        unkeyed: Vec::new(),
        hasher: DefaultHashBuilder::default(),
    };
    for item in items {
        fold.push(item);
    }
    fold.flush();
    fold.steps
}

struct Fold<'m, 'a> {
    maps: &'m [Arc<Mapping>],
    steps: Vec<Step<'a>>,
    entries: Vec<Entry<'a>>,
    index: HashTable<usize>,
    /// Inserts into tables without a key.
    unkeyed: Vec<(usize, &'a Row)>,
    hasher: DefaultHashBuilder,
}

impl<'a> Fold<'_, 'a> {
    fn push(&mut self, item: Item<'a>) {
        let Some(mapping) = self.maps.get(item.map) else { return self.single(item.map, item.act) };
        // production sends a new row whole; what it did not send would become null
        if let Act::Insert(row) = item.act
            && row.has_unchanged()
        {
            return self.single(item.map, item.act);
        }
        let Some(key) = mapping.key.as_ref().map(|k| k.source.as_slice()) else {
            match item.act {
                Act::Insert(row) => self.unkeyed.push((item.map, row)),
                act => self.single(item.map, act),
            }
            return;
        };
        let (row, net) = match item.act {
            Act::Insert(row) => (row, Net::Insert(Cow::Borrowed(row))),
            Act::Delete(row) => (row, Net::Delete),
            Act::Update { old: Some(old), new } if !same_key(old, new, key) => return self.single(item.map, item.act),
            Act::Update { new, .. } => (new, Net::Update(Cow::Borrowed(new))),
            Act::Truncate => return self.single(item.map, item.act),
        };
        let Some(hash) = self.hash(item.map, row, key) else { return self.single(item.map, item.act) };
        let entries = &self.entries;
        let found = self
            .index
            .find(hash, |&i| {
                entries.get(i).is_some_and(|e| e.hash == hash && e.map == item.map && same_key(e.key, row, key))
            })
            .copied();
        let Some(found) = found else {
            let at = self.entries.len();
            self.entries.push(Entry { map: item.map, hash, key: row, net });
            let entries = &self.entries;
            self.index.insert_unique(hash, at, |&i| entries.get(i).map_or(0, |e| e.hash));
            return;
        };
        if !self.merge(found, &item.act, mapping) {
            // nothing may be merged into it later either: an insert that meets its own key must not become nothing
            self.flush();
            self.push(item);
            self.flush();
        }
    }

    /// Merges a second change of one key into the first; false if production could not have made this sequence, or we
    /// cannot say it in one step.
    fn merge(&mut self, at: usize, act: &Act<'a>, mapping: &Mapping) -> bool {
        let Some(entry) = self.entries.get_mut(at) else { return false };
        match (&mut entry.net, act) {
            (Net::Insert(image) | Net::Update(image), Act::Update { new, .. }) => {
                *image = overlay(std::mem::replace(image, Cow::Borrowed(new)), new);
            }
            (net @ Net::Insert(_), Act::Delete(_)) => *net = Net::Nothing,
            (net @ Net::Update(_), Act::Delete(_)) => *net = Net::Delete,
            // a row that goes and comes is a row that changes, unless a column cannot be SET
            (net @ Net::Delete, Act::Insert(row)) if !mapping.identity_always() => {
                *net = Net::Update(Cow::Borrowed(row))
            }
            (net @ Net::Nothing, Act::Insert(row)) => *net = Net::Insert(Cow::Borrowed(row)),
            // it left the set, and changes outside it, or comes back
            (Net::Delete | Net::Nothing, Act::Delete(_)) if mapping.partial => {}
            (net @ Net::Nothing, Act::Update { new, .. }) if mapping.partial && !new.has_unchanged() => {
                *net = Net::Insert(Cow::Borrowed(new));
            }
            (net @ Net::Delete, Act::Update { new, .. })
                if mapping.partial && !new.has_unchanged() && !mapping.identity_always() =>
            {
                *net = Net::Update(Cow::Borrowed(new));
            }
            _ => return false,
        }
        true
    }

    fn single(&mut self, map: usize, act: Act<'a>) {
        self.flush();
        self.steps.push(Step::Single(map, act));
    }

    fn hash(&self, map: usize, row: &Row, key: &[usize]) -> Option<u64> {
        let mut h = self.hasher.build_hasher();
        h.write_usize(map);
        for &i in key {
            match row.get(i) {
                Value::Text(v) | Value::Binary(v) => {
                    h.write_usize(v.len());
                    h.write(v);
                }
                _ => return None,
            }
        }
        Some(h.finish())
    }

    /// Do only some of the table's rows come?
    fn partial(&self, map: usize) -> bool {
        self.maps.get(map).is_some_and(|m| m.partial)
    }

    /// Turns what was folded into steps: deletes, updates, inserts, each table's rows beside those that are near ([`near`]).
    fn flush(&mut self) {
        let mut entries: Vec<Option<Entry<'a>>> = std::mem::take(&mut self.entries).into_iter().map(Some).collect();
        let mut order: Vec<(usize, u128, usize)> = Vec::with_capacity(entries.len());
        for (at, entry) in entries.iter().enumerate() {
            let Some(entry) = entry else { continue };
            let key = self.maps.get(entry.map).and_then(|m| m.key.as_ref()).map_or(&[][..], |k| &k.source);
            order.push((entry.map, near::place(entry.key, key), at));
        }
        order.sort_unstable();
        let mut deletes: Vec<(usize, Vec<&'a Row>)> = Vec::new();
        let mut absent: Vec<(usize, Vec<&'a Row>)> = Vec::new();
        let mut updates: Vec<(usize, Vec<usize>, Vec<Cow<'a, Row>>)> = Vec::new();
        let mut inserts: Vec<(usize, Vec<Cow<'a, Row>>)> = Vec::new();
        let mut puts: Vec<(usize, Vec<Cow<'a, Row>>)> = Vec::new();
        for (map, _, at) in order {
            let Some(Entry { key, net, .. }) = entries.get_mut(at).and_then(Option::take) else { continue };
            match net {
                Net::Delete => add(&mut deletes, map, key),
                // one that was not sent whole must be there: a row that is new to the target is not known by it
                Net::Update(image) if self.partial(map) && !image.has_unchanged() => add(&mut puts, map, image),
                Net::Update(image) => {
                    let unchanged = unchanged(&image);
                    // a table's updates are the last ones, and there are as many as ways in which its rows were not sent whole
                    match updates.iter_mut().rev().take_while(|u| u.0 == map).find(|u| u.1 == unchanged) {
                        Some(u) => u.2.push(image),
                        None => updates.push((map, unchanged, vec![image])),
                    }
                }
                Net::Insert(image) => add(&mut inserts, map, image),
                Net::Nothing => add(&mut absent, map, key),
            }
        }
        self.index.clear();
        // a table without a key has nothing but these, as they came
        self.unkeyed.sort_by_key(|(map, _)| *map);
        for (map, row) in self.unkeyed.drain(..) {
            add(&mut inserts, map, Cow::Borrowed(row));
        }
        for (map, rows) in deletes {
            self.steps.push(if self.partial(map) { Step::Remove(map, rows) } else { Step::Delete(map, rows) });
        }
        self.steps.extend(absent.into_iter().map(|(m, r)| Step::Absent(m, r)));
        self.steps.extend(updates.into_iter().map(|(m, u, r)| Step::Update(m, u, r)));
        self.steps.extend(puts.into_iter().map(|(m, r)| Step::Put(m, r)));
        self.steps.extend(inserts.into_iter().map(|(m, r)| Step::Insert(m, r)));
    }
}

/// Adds a row to those of its table, which are the last ones: rows come table by table.
fn add<T>(tables: &mut Vec<(usize, Vec<T>)>, map: usize, row: T) {
    match tables.last_mut() {
        Some((last, rows)) if *last == map => rows.push(row),
        _ => tables.push((map, vec![row])),
    }
}

/// The columns that were not sent.
fn unchanged(row: &Row) -> Vec<usize> {
    if !row.has_unchanged() {
        return Vec::new();
    }
    row.values().enumerate().filter(|(_, v)| *v == Value::Unchanged).map(|(i, _)| i).collect()
}

fn same_key(a: &Row, b: &Row, key: &[usize]) -> bool {
    key.iter().all(|&i| a.get(i) == b.get(i))
}

/// `after`, with what it did not send taken from `before`.
pub(crate) fn overlay<'a>(before: Cow<'a, Row>, after: &'a Row) -> Cow<'a, Row> {
    if !after.has_unchanged() {
        return Cow::Borrowed(after);
    }
    let mut merged = RowBuilder::new();
    for (b, a) in before.values().zip(after.values()) {
        merged.push(if a == Value::Unchanged { b } else { a });
    }
    Cow::Owned(merged.finish())
}
