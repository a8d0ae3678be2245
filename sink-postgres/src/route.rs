//! Which changes reach the target, given what of it is pending.

use filters::change::{Change, Op, Row};

use crate::key;
use crate::pending::Pending;
use crate::plan::Act;

/// What becomes of one change.
#[derive(Clone, Debug)]
pub enum Route<'a> {
    /// It is applied.
    Apply(Act<'a>),
    /// Its row is pending: a chunk will bring it.
    Skip,
    /// The row moved out of a range of which something is unknown and not all of it was sent, or a mask needs what was not
    /// sent: its keys become pending.
    Due(&'a Row),
}

/// Routes one change by the pending ranges of its table.
pub fn route<'a>(change: &'a Change, pending: &Pending) -> Route<'a> {
    if pending.is_exact() {
        return Route::Apply(match &change.op {
            Op::Insert { new } => Act::Insert(new),
            Op::Update { old, new } => Act::Update { old: old.as_ref().map(|o| o.row()), new },
            Op::Delete { old } => Act::Delete(old.row()),
            Op::Due { key } => return Route::Due(key),
            Op::Truncate { .. } => Act::Truncate,
        });
    }
    match &change.op {
        Op::Insert { new } if pending.covers(new) => Route::Skip,
        Op::Insert { new } => Route::Apply(Act::Insert(new)),
        Op::Delete { old } if pending.covers(old.row()) => Route::Skip,
        Op::Delete { old } => Route::Apply(Act::Delete(old.row())),
        Op::Due { key } if pending.covers(key) => Route::Skip,
        Op::Due { key } => Route::Due(key),
        // rows of pending ranges go with it: they are unknown, so they may
        Op::Truncate { .. } if pending.is_whole() => Route::Skip,
        Op::Truncate { .. } => Route::Apply(Act::Truncate),
        Op::Update { old, new } => {
            let old = old.as_ref().map(|o| o.row());
            let after = key::after(old, new, &pending.key);
            let moved = old.is_some_and(|old| key::values(old, &pending.key) != after);
            let to = pending.covers_values(after.as_deref());
            let from = if moved { old.is_some_and(|old| pending.covers(old)) } else { to };
            match (from, to) {
                (true, true) => Route::Skip,
                // the column that is unknown there may be the one that was not sent
                (false, false) if moved && pending.fills() && new.has_unchanged() => Route::Due(new),
                (false, false) => Route::Apply(Act::Update { old, new }),
                (false, true) => old.map_or(Route::Skip, |old| Route::Apply(Act::Delete(old))),
                (true, false) if new.has_unchanged() => Route::Due(new),
                (true, false) => Route::Apply(Act::Insert(new)),
            }
        }
    }
}
