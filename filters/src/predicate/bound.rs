//! A predicate that is bound to the columns of a table, and can be asked of its rows.

use super::eval::{self, May, Truth, Values};
use super::like::Like;
use super::tree::{Is, Negated, Op};
use super::{PredicateError, Problems};
use crate::change::{Row, Table, Value};
use crate::raw::{Raw, RawRow};
use crate::scalar::{Owned, Reading};

/// Index into [`Bound::columns`].
pub(super) type Slot = usize;

/// A predicate that can be evaluated on the rows of a table.
#[derive(Clone, Debug)]
pub struct Bound {
    pub(super) sql: String,
    pub(super) columns: Vec<Column>,
    pub(super) root: Node,
}

#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: Box<str>,
    pub(super) type_oid: u32,
    /// Where it stands in a row.
    pub(super) index: usize,
}

#[derive(Clone, Debug)]
pub(super) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Is(Box<Node>, Is, Negated),
    Constant(Option<bool>),
    Null(Slot, Negated),
    Compare(Slot, Reading, Op, Owned),
    /// `list` ascends.
    In {
        slot: Slot,
        reading: Reading,
        negated: Negated,
        list: Vec<Owned>,
        null: bool,
    },
    Like(Slot, Negated, Like),
}

impl Bound {
    /// What it is on a row of the table that it is bound to.
    pub fn eval(&self, row: &Row) -> Truth {
        self.may(row).truth()
    }

    /// Is it true of a row? False and NULL are not. `None` if a value decides that was not sent or cannot be read.
    pub fn holds(&self, row: &Row) -> Option<bool> {
        self.may(row).holds()
    }

    /// What it is on a raw row. [`Truth::NeedsRow`] too where all its values are there and one of them cannot be read.
    pub fn eval_raw(&self, row: &RawRow<'_>) -> Truth {
        eval::eval(&self.root, &Slots(&self.columns, row)).truth()
    }

    /// Has the row all the values that it looks at?
    pub fn has_all(&self, row: &RawRow<'_>) -> bool {
        self.columns.iter().all(|c| row.get(c.index) != Raw::Absent)
    }

    /// The canonical text of the predicate, for a `WHERE`.
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// The columns it looks at.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|c| &*c.name)
    }

    /// The same predicate for rows of a table of another shape: columns may have moved, but must be there and be of the type
    /// for which it was bound.
    pub fn for_table(&self, table: &Table) -> Result<Bound, PredicateError> {
        let mut problems = Problems::default();
        let mut bound = self.clone();
        for column in &mut bound.columns {
            match table.columns.iter().enumerate().find(|(_, c)| c.name == column.name) {
                None => problems.add(None, format!("there is no column {} any more", column.name)),
                Some((_, c)) if c.type_oid != column.type_oid => {
                    problems.add(None, format!("column {} has another type now", column.name));
                }
                Some((index, _)) => column.index = index,
            }
        }
        problems.or(Some(bound))
    }

    fn may(&self, row: &Row) -> May {
        eval::eval(&self.root, &Slots(&self.columns, row))
    }
}

struct Slots<'a, R>(&'a [Column], &'a R);

impl Values for Slots<'_, Row> {
    fn show<T>(&self, slot: Slot, to: impl FnOnce(Value<'_>) -> T) -> T {
        to(self.0.get(slot).map_or(Value::Unchanged, |c| self.1.get(c.index)))
    }
}

impl Values for Slots<'_, RawRow<'_>> {
    fn show<T>(&self, slot: Slot, to: impl FnOnce(Value<'_>) -> T) -> T {
        match self.0.get(slot).map_or(Raw::Absent, |c| self.1.get(c.index)) {
            Raw::Null => to(Value::Null),
            Raw::Absent => to(Value::Unchanged),
            Raw::Text(text) => to(Value::Text(&text)),
        }
    }
}

/// Equal if they say the same of the same columns of the same types.
impl PartialEq for Bound {
    fn eq(&self, other: &Bound) -> bool {
        let key = |b: &Bound| b.columns.iter().map(|c| (c.name.clone(), c.type_oid, c.index)).collect::<Vec<_>>();
        self.sql == other.sql && key(self) == key(other)
    }
}

impl Eq for Bound {}
