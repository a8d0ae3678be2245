//! A mask may look at other columns of its row, as their own masks leave them: so masks of one table are made together, and a circle is told.

use std::cell::RefCell;

use crate::change::{Identity, Table};
use crate::key::MaskKey;
use crate::mask::{ColumnFacts, Columns, Mask, MaskError, NoSibling};
use crate::policy::{Class, TableRules};
use crate::predicate::Field;

/// The columns of a table, while their masks are made.
pub(super) struct Siblings<'a> {
    rules: &'a TableRules,
    key: &'a MaskKey,
    table: &'a Table,
    /// Those that are being made: each wants the next.
    making: RefCell<Vec<usize>>,
}

impl<'a> Siblings<'a> {
    /// Of a table, none of them made yet.
    pub(super) fn of(rules: &'a TableRules, key: &'a MaskKey, table: &'a Table) -> Siblings<'a> {
        Siblings { rules, key, table, making: RefCell::default() }
    }

    /// The mask of a column, `None` if it has none.
    pub(super) fn made(&self, index: usize) -> Result<Option<Mask>, MaskError> {
        let Some(column) = self.table.columns.get(index) else { return Ok(None) };
        let Class::Mask { spec, domain } = self.rules.class(&column.name) else { return Ok(None) };
        self.making.borrow_mut().push(index);
        let facts = self.rules.facts(column);
        let mask = Mask::within(spec, self.key, domain.as_deref(), &facts, self, &RefCell::default());
        self.making.borrow_mut().pop();
        let mask = mask?;
        // with FULL the old row is whole
        if mask.looks() && column.key && self.table.identity != Identity::Full {
            return Err(MaskError::InKey);
        }
        Ok(Some(mask))
    }
}

impl Columns for Siblings<'_> {
    fn index(&self, name: &str) -> Option<usize> {
        self.table.columns.iter().position(|c| *c.name == *name)
    }

    fn facts(&self, index: usize) -> Option<ColumnFacts> {
        self.table.columns.get(index).map(|c| self.rules.facts(c))
    }

    fn fields(&self) -> Vec<Field> {
        self.table.columns.iter().map(|c| self.rules.facts(c).field(&c.name)).collect()
    }

    fn mask(&self, index: usize) -> Result<Option<Mask>, NoSibling> {
        if self.making.borrow().contains(&index) {
            return Err(NoSibling::Fault("it is masked by what it masks: a circle"));
        }
        match self.table.columns.get(index).map(|c| self.rules.class(&c.name)) {
            None | Some(Class::Drop | Class::Withheld) => Err(NoSibling::Fault("it is not copied")),
            Some(Class::Keep | Class::Mask { .. }) => self.made(index).map_err(NoSibling::Own),
        }
    }
}
