//! Tables as the stream tells them.

use std::fmt;

/// What identifies a row of a table in the stream (`REPLICA IDENTITY`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Identity {
    /// The primary key, if there is one.
    Default,
    /// Nothing: no updates, no deletes.
    Nothing,
    /// The whole old row.
    Full,
    /// The columns of a chosen unique index.
    Index,
}

/// A column as production has it.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Column {
    /// Its name, unquoted.
    pub name: Box<str>,
    /// `pg_type.oid` on production.
    pub type_oid: u32,
    /// `atttypmod`, -1 where there is none.
    pub type_modifier: i32,
    /// Is it a part of the replica identity?
    pub key: bool,
}

/// A table's shape at a point in the stream. A new shape is a new `Arc<Table>`; it travels with its rows.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Table {
    /// `pg_class.oid` on production.
    pub oid: u32,
    /// Schema, unquoted.
    pub schema: Box<str>,
    /// Name, unquoted.
    pub name: Box<str>,
    /// What old rows hold.
    pub identity: Identity,
    /// In the order in which [`Row`](crate::change::Row)s hold their values.
    pub columns: Vec<Column>,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}
