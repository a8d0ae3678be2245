//! Production's tables and the target's held side by side: what staging lacks, what it has otherwise, and where it is ahead.
//!
//! **Direction matters.** Rows go one way. So a difference is *needed* where a row of production would not fit (no table, no column
//! that comes, a narrower type, a label that an enum lacks, no key), and only those are anything to mend. That staging has more
//! (a column, an index, a wider type) is normal: a new release is tried there first. All else is *harmless*, and told.
//!
//! **Why the target's tables are written from the catalog, and not by `pg_dump`.** The server itself writes every expression,
//! constraint, index and bound (`pg_get_constraintdef` and its like), so what is ours is only to choose and to put in order. `pg_dump` would
//! be a second client, with a password, a TLS and a server of its own, which takes a lock on each table that it names, is on no slim
//! image, and whose text would have to be parsed to leave out what must not come. What is not read here cannot come: comments, subscriptions,
//! publications, user mappings, owners, rights, event triggers, views, rows. What is left out, and what somebody has to make
//! first (functions, extensions), is told by name ([`mod@write`]).
//!
//! **Literals may be somebody's data**: a default, a CHECK, a bound, a label. So no statement of this module goes to the log, an error of
//! one has its code and no text, and before anything is made by hand they are listed.
//!
//! **Nothing that is there is dropped or changed**, but for the three additive changes of [`additive`], and those only where
//! `apply.ddl` says so.

pub mod additive;
pub mod described;
pub mod diff;
pub mod literals;
pub mod make;
mod partitions;
pub mod read;
pub mod types;
pub mod widen;
pub mod write;

use std::collections::HashMap;

use filters::compiled::Compiled;
use filters::policy::{Policy, TableRule};

use crate::source::catalog::SourceTable;

pub use described::Side;
pub use diff::{Difference, Level, diff};

/// Schema and name.
pub type Name = (String, String);

/// What becomes of a column's values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Comes {
    /// As they are.
    Kept,
    /// Through a mask.
    Masked,
    /// Not at all, on purpose.
    Dropped,
    /// Not at all, as yet.
    Withheld,
}

/// A table that the policy wants on the target.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Schema and name.
    pub name: Name,
    /// By column; one that is not here does not come.
    pub columns: HashMap<String, Comes>,
    /// What its rows are found by; empty: nothing.
    pub key: Vec<String>,
}

impl Wanted {
    /// A table whose rows come.
    pub fn of(table: &SourceTable, compiled: &Compiled) -> Wanted {
        let masked: Vec<&str> = compiled.masked_columns().collect();
        let come = compiled.output.columns.iter().map(|c| {
            let how = if masked.contains(&&*c.name) { Comes::Masked } else { Comes::Kept };
            (c.name.to_string(), how)
        });
        let key = if table.identified { table.key.clone() } else { Vec::new() };
        let dropped = compiled.dropped_columns().map(|c| (c.to_owned(), Comes::Dropped));
        Wanted { name: table.name(), columns: come.chain(dropped).collect(), key }
    }

    /// What becomes of one of its columns.
    pub fn comes(&self, column: &str) -> Comes {
        self.columns.get(column).copied().unwrap_or(Comes::Withheld)
    }
}

impl Comes {
    /// Does any value come?
    pub fn is_some(self) -> bool {
        matches!(self, Comes::Kept | Comes::Masked)
    }
}

/// All tables that the policy wants on the target: those whose rows come, and those that are structure only.
pub fn wanted<'t>(policy: &Policy, tables: impl IntoIterator<Item = (&'t SourceTable, &'t Compiled)>) -> Vec<Wanted> {
    let structures = policy.tables.iter().filter(|(_, rule)| **rule == TableRule::Structure).map(|(name, _)| name);
    let structures = structures.map(|name| Wanted { name: name.clone(), ..Wanted::default() });
    tables.into_iter().map(|(table, compiled)| Wanted::of(table, compiled)).chain(structures).collect()
}
