//! Which rows of a table come (`where:`), and what that makes of a change.
//!
//! Decided here, on the raw row, and not by the publication: a row filter there makes production's own statements fail
//! where the replica identity does not hold its columns
//! (<https://www.postgresql.org/docs/current/logical-replication-row-filter.html>).
//!
//! A row that enters the set is new on the target, one that leaves it is gone, whatever happened to it on production:
//!
//! | before | after | the change becomes |
//! |---|---|---|
//! | in | in | itself |
//! | in | out | a delete |
//! | out | in | an insert |
//! | out | out | nothing |
//! | not told (the old row is a key, or was not sent) | in | itself; the target has the row, or has it not yet |
//! | not told | out | a delete of a row that may not be there |
//!
//! The last two are why such a table is [`partial`](Only::is_partial) to the target. **In** is where the predicate is true: NULL is
//! out, as in a WHERE. Where it hangs on a value that was not sent, or cannot be read, the row is fetched from production, whose
//! own WHERE decides then.

use crate::change::{Identity, Old, Op, Row, RowBuilder, Table, Value};
use crate::predicate::{Bound, Truth};
use crate::raw::RawRow;

/// A predicate over the rows of a table of one shape.
#[derive(Debug)]
pub(crate) struct Only {
    bound: Bound,
    identity: Identity,
}

/// What becomes of a change; rows are raw still.
#[derive(Debug)]
pub(crate) enum Decided {
    /// It goes on as this.
    As(Op),
    /// It is none of a row that comes.
    Nothing,
    /// The row with the key of this one leaves the set. Only its key means anything.
    Leaves(Row),
    /// Nobody here can say: the row after is to be fetched, and what stands under the key before.
    Fetch {
        /// The row before, where its key may be another.
        before: Option<Row>,
        /// The row after.
        after: Row,
    },
}

impl Only {
    pub(crate) fn new(bound: Bound, table: &Table) -> Only {
        Only { bound, identity: table.identity }
    }

    /// The condition as production is asked.
    pub(crate) fn sql(&self) -> &str {
        self.bound.sql()
    }

    /// The names of the columns that it looks at.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &str> {
        self.bound.columns()
    }

    /// May a row that goes or changes be one that the target has not got?
    pub(crate) fn is_partial(&self) -> bool {
        self.identity != Identity::Full
    }

    /// Is a row that is all there in the set?
    pub(crate) fn truth(&self, row: &Row) -> Truth {
        self.bound.eval_raw(&RawRow::of(row))
    }

    pub(crate) fn decide(&self, op: Op, b: &mut RowBuilder) -> Decided {
        let truth = |row: &Row, before: Option<&Row>| self.bound.eval_raw(&RawRow::after(row, before));
        match op {
            Op::Insert { new } => match truth(&new, None) {
                Truth::True => Decided::As(Op::Insert { new }),
                Truth::False | Truth::Unknown => Decided::Nothing,
                Truth::NeedsRow => Decided::Fetch { before: None, after: new },
            },
            Op::Update { old: Some(Old::Full(old)), new } => match (truth(&old, None), truth(&new, Some(&old))) {
                (Truth::NeedsRow, _) | (_, Truth::NeedsRow) => Decided::Fetch { before: Some(old), after: new },
                (Truth::True, Truth::True) => Decided::As(Op::Update { old: Some(Old::Full(old)), new }),
                (Truth::True, _) => Decided::As(Op::Delete { old: Old::Full(old) }),
                (_, Truth::True) => Decided::As(Op::Insert { new: whole(&old, &new, b) }),
                _ => Decided::Nothing,
            },
            Op::Update { old, new } => match truth(&new, None) {
                Truth::True => Decided::As(Op::Update { old, new }),
                Truth::False | Truth::Unknown => match old {
                    Some(old) => Decided::As(Op::Delete { old }),
                    None => Decided::Leaves(new),
                },
                Truth::NeedsRow => Decided::Fetch { before: old.map(|old| old.row().clone()), after: new },
            },
            Op::Delete { old: Old::Full(old) } => match truth(&old, None) {
                Truth::True => Decided::As(Op::Delete { old: Old::Full(old) }),
                Truth::False | Truth::Unknown => Decided::Nothing,
                Truth::NeedsRow => Decided::Fetch { before: None, after: old },
            },
            op @ (Op::Delete { .. } | Op::Due { .. } | Op::Truncate { .. }) => Decided::As(op),
        }
    }
}

/// The row after, with what was not sent taken from the row before.
fn whole(before: &Row, after: &Row, b: &mut RowBuilder) -> Row {
    if !after.has_unchanged() {
        return after.clone();
    }
    for (was, is) in before.values().zip(after.values()) {
        b.push(if is == Value::Unchanged { was } else { is });
    }
    b.finish()
}
