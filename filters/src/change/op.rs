//! What happened to a row, or to a whole table.

use std::sync::Arc;

use super::row::Row;
use super::table::Table;

/// What an update or delete tells of the row before it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Old {
    /// The identity's columns; all others are null in it, and mean nothing.
    Key(Row),
    /// The whole row (`REPLICA IDENTITY FULL`).
    Full(Row),
}

impl Old {
    /// The row, whatever it holds.
    pub fn row(&self) -> &Row {
        match self {
            Old::Key(row) | Old::Full(row) => row,
        }
    }
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Op {
    /// A new row.
    Insert {
        /// The row.
        new: Row,
    },
    /// A changed row.
    Update {
        /// The row before; `None` where the identity's columns did not change and the identity is a key.
        old: Option<Old>,
        /// The row after.
        new: Row,
    },
    /// A row is gone.
    Delete {
        /// The row before.
        old: Old,
    },
    /// A row has changed, and what it holds now the stream did not tell in full: it is to be fetched from production. Only a
    /// filter makes it, of an update.
    Due {
        /// The row's key after the change; no other column of it means anything.
        key: Row,
    },
    /// The table was emptied. `TRUNCATE a, b` comes as neighbouring changes.
    Truncate {
        /// Were its sequences set back?
        restart_identity: bool,
    },
}

/// One change of one table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// The table's shape at this point of the stream.
    pub table: Arc<Table>,
    /// What happened.
    pub op: Op,
}

impl Change {
    /// Bytes that it holds in memory, about.
    pub fn size(&self) -> usize {
        std::mem::size_of::<Change>()
            + match &self.op {
                Op::Insert { new } => new.size(),
                Op::Update { old, new } => new.size() + old.as_ref().map_or(0, |o| o.row().size()),
                Op::Delete { old } => old.row().size(),
                Op::Due { key } => key.size(),
                Op::Truncate { .. } => 0,
            }
    }
}
