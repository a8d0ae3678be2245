//! The stage of the pipe: a change goes in, and comes out filtered, or not at all.
//!
//! **The new tuple, the old tuple and the key go through the same function.** Otherwise updates and deletes miss
//! their rows on the target, and the old value leaks.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::change::{Change, Old, Op, RowBuilder, Table};
pub use crate::compiled::Compiled;
use crate::key::MaskKey;
use crate::mask::MaskError;
use crate::only::Decided;
use crate::policy::{Policy, TableRule};
use crate::predicate::PredicateError;

/// A table or a row cannot be filtered. Names table and column, never a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// A column cannot carry the mask that the policy gives it.
    #[error("{table}.{column}: cannot be masked as the policy says")]
    Mask {
        /// Schema and table.
        table: String,
        /// Column.
        column: String,
        /// Why.
        source: MaskError,
    },
    /// Which rows come cannot be decided here.
    #[error("{table}: where: {source}")]
    Where {
        /// Schema and table.
        table: String,
        /// Why.
        source: PredicateError,
    },
    /// A row has more or fewer columns than its table.
    #[error("{table}: a row of {found} columns where the table has {expected}")]
    Columns {
        /// Schema and table.
        table: String,
        /// What the table has.
        expected: usize,
        /// What the row has.
        found: usize,
    },
    /// A mask needs a value that is missing where the stream has all of them: in an insert, or in an old row.
    #[error("{table}: a row came without a value that a mask looks at")]
    Incomplete {
        /// Schema and table.
        table: String,
    },
    /// A masked column came in binary, and masks read text.
    #[error("{table}.{column}: a binary value cannot be masked")]
    Binary {
        /// Schema and table.
        table: String,
        /// Column.
        column: String,
    },
}

/// What a filter says of a change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// This goes on.
    Keep(Change),
    /// The table is not replicated.
    Drop,
    /// What the row is on the target hangs on a value that the stream did not send (an unchanged TOASTed one that a mask
    /// looks at). Both go on, in this order.
    NeedsRow {
        /// The row before, where the update may have changed its key: it goes, or is fetched as well.
        gone: Option<Change>,
        /// The row after, as [`Op::Due`].
        due: Change,
    },
}

/// Filters changes by a policy.
pub struct Filter {
    policy: Policy,
    key: MaskKey,
    /// By `pg_class.oid`: the last shape of each table, and what it was compiled to.
    compiled: HashMap<u32, (Arc<Table>, Option<Arc<Compiled>>)>,
    builder: RowBuilder,
    unparsable: Arc<AtomicU64>,
}

impl Filter {
    /// A filter for a policy. Masks are made when the first change of a table comes, or by [`compile`](Filter::compile).
    pub fn new(policy: Policy, key: MaskKey) -> Filter {
        Filter { policy, key, compiled: HashMap::new(), builder: RowBuilder::new(), unparsable: Arc::default() }
    }

    /// The policy it filters by.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Lays the policy over a table; `None` if the table is not replicated. Makes it anew each time, and remembers nothing:
    /// for `check`, `plan` and the copier, which keep what they get.
    pub fn compile(&self, table: &Arc<Table>) -> Result<Option<Arc<Compiled>>, FilterError> {
        match self.policy.rule(&table.schema, &table.name) {
            TableRule::Structure | TableRule::Exclude => Ok(None),
            TableRule::Copy(rules) => Compiled::new(rules, &self.key, table, &self.unparsable).map(Arc::new).map(Some),
        }
    }

    /// Filters a change. Its table becomes [`Compiled::output`].
    pub fn apply(&mut self, change: Change) -> Result<Verdict, FilterError> {
        let Some(compiled) = self.remembered(&change.table)? else {
            return Ok(Verdict::Drop);
        };
        let b = &mut self.builder;
        let old = |old: Old, b: &mut RowBuilder| {
            Ok::<Old, FilterError>(match old {
                Old::Key(key) => Old::Key(compiled.row(&key, b)?),
                Old::Full(full) => Old::Full(compiled.row(&full, b)?),
            })
        };
        let of = |op| Change { table: Arc::clone(&compiled.output), op };
        let op = match compiled.decide(change.op, b) {
            Decided::As(op) => op,
            Decided::Nothing => return Ok(Verdict::Drop),
            Decided::Leaves(row) => {
                return Ok(Verdict::Keep(of(Op::Delete { old: Old::Key(compiled.key(&row, b)?) })));
            }
            Decided::Fetch { before, after } => {
                let gone = before.map(|row| compiled.key(&row, b)).transpose()?;
                let due = of(Op::Due { key: compiled.key(&after, b)? });
                return Ok(Verdict::NeedsRow { gone: gone.map(|key| of(Op::Due { key })), due });
            }
        };
        Ok(Verdict::Keep(of(match op {
            Op::Insert { new } => Op::Insert { new: compiled.row(&new, b)? },
            Op::Update { old: was, new } => {
                let before = match &was {
                    Some(Old::Full(row)) => Some(row),
                    Some(Old::Key(_)) | None => None,
                };
                let masked = compiled.row_after(&new, before, b)?;
                let was = was.map(|was| old(was, b)).transpose()?;
                match masked {
                    Some(new) => Op::Update { old: was, new },
                    None => {
                        let due = of(Op::Due { key: compiled.key(&new, b)? });
                        return Ok(Verdict::NeedsRow { gone: was.map(|old| of(Op::Delete { old })), due });
                    }
                }
            }
            Op::Delete { old: was } => Op::Delete { old: old(was, b)? },
            Op::Due { key } => Op::Due { key: compiled.key(&key, b)? },
            op @ Op::Truncate { .. } => op,
        })))
    }

    /// How many values were redacted because their mask could not read them, by [`apply`](Filter::apply) and by everything
    /// that [`compile`](Filter::compile) has given out.
    pub fn unparsable(&self) -> u64 {
        self.unparsable.load(Ordering::Relaxed)
    }

    /// What a table was compiled to. A Relation message can come again with the same shape in a new `Arc`; the output's `Arc`
    /// stays the same then, so that what others remember by it stays good.
    fn remembered(&mut self, table: &Arc<Table>) -> Result<Option<Arc<Compiled>>, FilterError> {
        if let Some((shape, compiled)) = self.compiled.get_mut(&table.oid) {
            if Arc::ptr_eq(shape, table) {
                return Ok(compiled.clone());
            }
            if shape == table {
                *shape = Arc::clone(table);
                return Ok(compiled.clone());
            }
        }
        let compiled = self.compile(table)?;
        self.compiled.insert(table.oid, (Arc::clone(table), compiled.clone()));
        Ok(compiled)
    }
}
