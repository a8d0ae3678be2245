//! Are the rows that the stream sends of the shape that the policy was laid over?
//!
//! A Relation message says names and types of a table's columns, in the order of their numbers, and not the numbers. A
//! name is a column only if nothing was renamed, so a shape **fits** if its list of names and a list whose numbers are known
//! (the plan's, or the one that was registered before it) agree as far as both go, and every column that is copied, or looked
//! at, has the same number and type in both, and the key is in what identifies a row.
//!
//! What does not fit is older or newer than the plan, or a shape in between:
//!
//! - The table is pending as a whole: its rows are left out before the filter, the copy brings them. This is where rows
//!   from before a migration end that the plan knows already.
//! - Production's catalog is no longer as it was planned: start over, with a plan over what it is now.
//! - It is, and the rows are of another shape all the same: the table becomes pending, and is copied as it is now.
//!
//! So it ends: a start over changes the plan, or makes a table pending, and while it is pending it asks for none.
//!
//! **Two lists of names that are equal, and other columns.** `DROP note; RENAME email TO note; ADD email` gives the list that
//! was there before, and `note` holds what was masked. A Relation comes again after every change of a table, so each one
//! makes us compare the numbers in the catalog. It says "now" and not "then", and that is enough: with the same names in the
//! same order, other numbers mean that a column of the plan was dropped, and numbers do not come back. But it must not say
//! "before": the catalog is read once it shows the transaction that the Relation came in (`flow/tables.rs`).
//!
//! A migration that sends no Relation, because no row follows it, is seen by the same comparison at a timer; and rows that
//! were written anew under the same shape by [`crate::source::rewrites`].

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use filters::change::{Identity, Table};
use filters::filter::Compiled;
use sink_postgres::known::{Fate, Memory};

use crate::source::catalog::SourceTable;

/// Schema and name.
type Name = (String, String);

/// Tables that are looked at together. One takes production 0.4 ms, and each more a few microseconds.
const AT_ONCE: usize = 128;

/// The tables as they were planned.
#[derive(Default)]
pub struct Shapes {
    planned: HashMap<u32, Planned>,
    /// Tables (by OID) whose rows, as they come just now, do not fit.
    unfit: HashSet<u32>,
}

/// A table as it was planned.
pub struct Planned {
    /// As production's catalog had it.
    pub table: SourceTable,
    /// What becomes of its columns.
    pub compiled: Arc<Compiled>,
    /// The columns before this plan, numbers and names.
    before: Vec<(i32, String)>,
}

impl Shapes {
    /// Of a plan.
    pub fn new(tables: &[(SourceTable, Arc<Compiled>)], memory: &Memory) -> Shapes {
        let plan = |(table, compiled): &(SourceTable, Arc<Compiled>)| {
            let known = memory.get(&table.name()).filter(|k| k.oid == table.shape.oid);
            let live = known.iter().flat_map(|k| &k.columns).filter(|c| c.fate != Fate::Gone);
            let mut before: Vec<(i32, String)> = live.map(|c| (c.number, c.name.clone())).collect();
            before.sort();
            (table.shape.oid, Planned { table: table.clone(), compiled: compiled.clone(), before })
        };
        Shapes { planned: tables.iter().map(plan).collect(), unfit: HashSet::new() }
    }

    /// The planned table that this shape is one of: by its OID, else by its name. `None`: it is not replicated.
    pub fn of(&self, shape: &Table) -> Option<&Planned> {
        let named = |p: &&Planned| (&*p.table.shape.schema, &*p.table.shape.name) == (&*shape.schema, &*shape.name);
        self.planned.get(&shape.oid).or_else(|| self.planned.values().find(named))
    }

    /// The planned table of that OID.
    pub fn get(&self, oid: u32) -> Option<&Planned> {
        self.planned.get(&oid)
    }

    /// This table and some that stand beside it, the same ones each time: who looks at it looks at them too.
    pub fn beside(&self, oid: u32) -> Vec<u32> {
        let mut all: Vec<u32> = self.planned.keys().copied().collect();
        all.sort_unstable();
        let mut groups = all.chunks(AT_ONCE);
        groups.find(|group| group.contains(&oid)).map_or_else(|| vec![oid], <[u32]>::to_vec)
    }

    /// It looks otherwise now, and nothing of that is anything to us.
    pub fn saw(&mut self, oid: u32, look: String) {
        if let Some(planned) = self.planned.get_mut(&oid) {
            planned.table.look = look;
        }
    }

    /// All of them.
    pub fn planned(&self) -> impl Iterator<Item = &Planned> {
        self.planned.values()
    }

    /// From here on the rows of this table fit, or do not.
    pub fn mark(&mut self, oid: u32, fits: bool) {
        if fits {
            self.unfit.remove(&oid)
        } else {
            self.unfit.insert(oid)
        };
    }

    /// Are its rows to be left out?
    #[inline]
    pub fn leaves_out(&self, oid: u32) -> bool {
        !self.unfit.is_empty() && self.unfit.contains(&oid)
    }
}

impl Planned {
    /// Is anything of it masked or left out, a row too, so that a name must not deceive us?
    pub fn shields(&self) -> bool {
        let away = self.compiled.dropped_columns().chain(self.compiled.withheld_columns());
        self.compiled.only().is_some() || self.compiled.masked_columns().chain(away).next().is_some()
    }

    /// Schema and name.
    pub fn name(&self) -> Name {
        self.table.name()
    }

    /// The numbers of the columns that decide what comes.
    pub fn concerns(&self) -> Vec<i32> {
        self.compiled.concerns().iter().filter_map(|&i| self.table.numbers.get(i).copied()).collect()
    }

    /// See the module.
    pub fn fits(&self, shape: &Table) -> bool {
        let own = &self.table.shape;
        if (own.oid, &own.schema, &own.name) != (shape.oid, &shape.schema, &shape.name) {
            return false;
        }
        let identified = match shape.identity {
            Identity::Full | Identity::Nothing => true,
            Identity::Default | Identity::Index => {
                self.key().all(|k| shape.columns.iter().any(|c| c.key && *c.name == *k))
            }
        };
        let names = own.columns.iter().map(|c| &*c.name);
        let now: Vec<(i32, &str)> = self.table.numbers.iter().copied().zip(names).collect();
        let before: Vec<(i32, &str)> = self.before.iter().map(|(n, name)| (*n, name.as_str())).collect();
        identified && (self.agrees(&now, shape) || self.agrees(&before, shape))
    }

    /// What its rows are told apart by, so far as updates and deletes are published.
    fn key(&self) -> impl Iterator<Item = &str> {
        let key = if self.table.identified { self.table.key.as_slice() } else { &[] };
        key.iter().map(String::as_str)
    }

    fn agrees(&self, list: &[(i32, &str)], shape: &Table) -> bool {
        if list.iter().zip(&shape.columns).any(|((_, name), c)| *name != &*c.name) {
            return false;
        }
        self.compiled.concerns().iter().all(|&i| {
            let (Some(want), Some(&number)) = (self.table.shape.columns.get(i), self.table.numbers.get(i)) else {
                return false;
            };
            let found = shape.columns.iter().zip(list).find(|(c, _)| c.name == want.name);
            found.is_some_and(|(c, l)| {
                l.0 == number && (c.type_oid, c.type_modifier) == (want.type_oid, want.type_modifier)
            })
        })
    }

    /// What production's table, as it is now, has otherwise than it was planned, so far as it is anything to us.
    pub fn differs(&self, now: Option<&SourceTable>) -> Option<&'static str> {
        let Some(now) = now else { return Some("is gone from production, or has another name") };
        let was = &self.table;
        if was.shape.oid != now.shape.oid || was.kind != now.kind {
            return Some("was dropped and made anew");
        }
        if (&was.key, was.shape.identity, was.identified) != (&now.key, now.shape.identity, now.identified) {
            return Some("has another replica identity");
        }
        let column = |t: &SourceTable, i: usize| {
            let c = t.shape.columns.get(i)?;
            Some((t.numbers.get(i).copied()?, c.name.clone(), c.type_oid, c.type_modifier))
        };
        let all: Vec<_> = (0..now.shape.columns.len()).map(|i| column(now, i)).collect();
        let stays = self.compiled.concerns().iter().all(|&i| all.contains(&column(was, i)));
        (!stays).then_some("has lost, renamed or retyped a column that is copied or looked at")
    }
}
