//! Evaluation on a row, in three-valued logic over what may be unknown to *us*.
//!
//! A part of a predicate is not true, false or null here, but a **set** of these: what it may be, given what the stream sent.
//! A value that was not sent makes a set of several; `AND`, `OR`, `NOT` and `IS` work on every combination. So `false AND x`
//! is false whatever `x`, without a rule of its own, and an answer is given exactly where the sets come down to one.
//! Parts are taken as independent, which can only make a set larger: an answer that is given is right.

use std::cmp::Ordering;

use super::bound::{Node, Slot};
use super::tree::{Is, Op};
use crate::change::Value;
use crate::scalar::Scalar;

/// What a predicate is on a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Truth {
    /// True.
    True,
    /// False.
    False,
    /// NULL.
    Unknown,
    /// A value decides that the stream did not send, or that we cannot read.
    NeedsRow,
}

/// What may be, as bits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct May(u8);

impl May {
    const TRUE: May = May(1);
    const FALSE: May = May(2);
    const NULL: May = May(4);
    /// Any of a value that is there: an unchanged one is never NULL.
    const EITHER: May = May(1 | 2);
    const ANY: May = May(1 | 2 | 4);

    fn of(truth: bool) -> May {
        if truth { May::TRUE } else { May::FALSE }
    }

    fn may(self, what: May) -> bool {
        self.0 & what.0 != 0
    }

    fn also(self, what: May, when: bool) -> May {
        if when { May(self.0 | what.0) } else { self }
    }

    fn and(self, other: May) -> May {
        let not_false = |m: May| m.may(May::TRUE) || m.may(May::NULL);
        May(0)
            .also(May::TRUE, self.may(May::TRUE) && other.may(May::TRUE))
            .also(May::FALSE, self.may(May::FALSE) || other.may(May::FALSE))
            .also(May::NULL, self.may(May::NULL) && not_false(other) || other.may(May::NULL) && not_false(self))
    }

    fn not(self) -> May {
        May(0)
            .also(May::TRUE, self.may(May::FALSE))
            .also(May::FALSE, self.may(May::TRUE))
            .also(May::NULL, self.may(May::NULL))
    }

    /// `IS what`: never NULL itself.
    fn is(self, what: May) -> May {
        May(0).also(May::TRUE, self.may(what)).also(May::FALSE, self.0 & !what.0 != 0)
    }

    pub(super) fn truth(self) -> Truth {
        match self {
            May::TRUE => Truth::True,
            May::FALSE => Truth::False,
            May::NULL => Truth::Unknown,
            _ => Truth::NeedsRow,
        }
    }

    /// Is it true? `None` if it may be and may not be.
    pub(super) fn holds(self) -> Option<bool> {
        match self {
            May::TRUE => Some(true),
            other if !other.may(May::TRUE) => Some(false),
            _ => None,
        }
    }
}

/// Where the values of slots are.
pub(super) trait Values {
    /// Shows the value of a slot.
    fn show<T>(&self, slot: Slot, to: impl FnOnce(Value<'_>) -> T) -> T;
}

/// Evaluates a node.
pub(super) fn eval(node: &Node, values: &impl Values) -> May {
    match node {
        Node::Constant(Some(truth)) => May::of(*truth),
        Node::Constant(None) => May::NULL,
        Node::All(parts) => {
            let mut all = May::TRUE;
            for part in parts {
                all = all.and(eval(part, values));
                if all == May::FALSE {
                    break;
                }
            }
            all
        }
        Node::Any(parts) => {
            let mut none = May::TRUE;
            for part in parts {
                none = none.and(eval(part, values).not());
                if none == May::FALSE {
                    break;
                }
            }
            none.not()
        }
        Node::Not(part) => eval(part, values).not(),
        Node::Is(part, what, negated) => {
            let is = eval(part, values).is(match what {
                Is::True => May::TRUE,
                Is::False => May::FALSE,
                Is::Unknown => May::NULL,
            });
            if *negated { is.not() } else { is }
        }
        Node::Null(slot, negated) => May::of(values.show(*slot, |v| matches!(v, Value::Null)) != *negated),
        Node::Compare(slot, reading, op, literal) => read(values, *slot, |text| {
            let order = Scalar::read(*reading, text)?.compare(&literal.view())?;
            Some(match op {
                Op::Eq => order == Ordering::Equal,
                Op::Ne => order != Ordering::Equal,
                Op::Lt => order == Ordering::Less,
                Op::Le => order != Ordering::Greater,
                Op::Gt => order == Ordering::Greater,
                Op::Ge => order != Ordering::Less,
            })
        }),
        Node::In { slot, reading, negated, list, null } => {
            let found = read(values, *slot, |text| {
                let scalar = Scalar::read(*reading, text)?;
                // sorted when it was bound; one kind of scalar, so that all of them compare
                let found = list.binary_search_by(|item| item.view().compare(&scalar).unwrap_or(Ordering::Equal));
                Some(found.is_ok())
            });
            // what is not in the list may equal its NULL
            let found = if *null && found.may(May::FALSE) { May(found.0 & !May::FALSE.0 | May::NULL.0) } else { found };
            if *negated { found.not() } else { found }
        }
        Node::Like(slot, negated, like) => read(values, *slot, |text| Some(like.matches(text) != *negated)),
    }
}

fn read(values: &impl Values, slot: Slot, decide: impl FnOnce(&[u8]) -> Option<bool>) -> May {
    values.show(slot, |value| match value {
        Value::Null => May::NULL,
        Value::Unchanged => May::EITHER,
        Value::Text(text) => decide(text).map_or(May::ANY, May::of),
        Value::Binary(_) => May::ANY,
    })
}
