//! A policy laid over one shape of a table: what to do with each column, by position.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::change::{Row, RowBuilder, Table, Value};
use crate::filter::FilterError;
use crate::key::MaskKey;
use crate::mask::{ColumnFacts, Columns, Injective, Mask, MaskError, NoSibling, Outcome};
use crate::policy::{Class, TableRules};
use crate::raw::RawRow;

/// What becomes of the rows of a table of one shape.
#[derive(Debug)]
pub struct Compiled {
    /// The table as its rows are after filtering: the same `Arc` as before if no column is left out.
    pub output: Arc<Table>,
    /// One for each column of the input.
    steps: Vec<Step>,
    /// For each column of the output, where it stands in the input.
    sources: Vec<usize>,
    table: Arc<Table>,
    /// For each column of the input, where it stands in the output.
    fields: Vec<Option<usize>>,
    masks: usize,
}

#[derive(Debug)]
enum Step {
    Keep,
    Drop,
    Withhold,
    Mask(Box<Mask>),
}

impl Compiled {
    /// Lays `rules` over `table`. Fails if a column cannot carry its mask.
    pub(crate) fn new(
        rules: &TableRules,
        key: &MaskKey,
        table: &Arc<Table>,
        unparsable: &Arc<AtomicU64>,
    ) -> Result<Compiled, FilterError> {
        let siblings = Siblings { rules, key, table, making: RefCell::default() };
        let mut steps = Vec::with_capacity(table.columns.len());
        for (i, column) in table.columns.iter().enumerate() {
            steps.push(match (rules.class(&column.name), siblings.made(i)) {
                (Class::Drop, _) => Step::Drop,
                (Class::Withheld, _) => Step::Withhold,
                (_, Ok(None)) => Step::Keep,
                (_, Ok(Some(mask))) => Step::Mask(Box::new(mask.count_into(unparsable))),
                (_, Err(source)) => {
                    let (table, column) = (table.to_string(), column.name.to_string());
                    return Err(FilterError::Mask { table, column, source });
                }
            });
        }
        let stays = |step: &Step| matches!(step, Step::Keep | Step::Mask(_));
        let sources: Vec<usize> = (0..steps.len()).filter(|i| stays(&steps[*i])).collect();
        let output = if sources.len() == steps.len() {
            Arc::clone(table)
        } else {
            let columns = sources.iter().map(|i| table.columns[*i].clone()).collect();
            Arc::new(Table { columns, ..Table::clone(table) })
        };
        let mut fields = vec![None; steps.len()];
        sources.iter().enumerate().for_each(|(field, column)| fields[*column] = Some(field));
        let masks = steps.iter().filter(|s| matches!(s, Step::Mask(_))).count();
        Ok(Compiled { output, steps, sources, table: Arc::clone(table), fields, masks })
    }

    /// Do rows pass as they are, without a copy?
    pub fn untouched(&self) -> bool {
        self.masks == 0 && self.sources.len() == self.steps.len()
    }

    /// For each column of the output, its index in the input table.
    pub fn sources(&self) -> &[usize] {
        &self.sources
    }

    /// The table as it was compiled for.
    pub fn input(&self) -> &Arc<Table> {
        &self.table
    }

    /// The names of the columns that carry a mask.
    pub fn masked_columns(&self) -> impl Iterator<Item = &str> {
        self.named(|step| matches!(step, Step::Mask(_)))
    }

    /// The names of the columns that are left out on purpose.
    pub fn dropped_columns(&self) -> impl Iterator<Item = &str> {
        self.named(|step| matches!(step, Step::Drop))
    }

    /// The names of the columns that are left out because nobody has classified them.
    pub fn withheld_columns(&self) -> impl Iterator<Item = &str> {
        self.named(|step| matches!(step, Step::Withhold))
    }

    /// Is a column of the replica identity masked? Then the target's keys have another order than production's, and key
    /// ranges mean nothing there.
    pub fn key_masked(&self) -> bool {
        self.keys().any(|step| matches!(step, Step::Mask(_)))
    }

    /// Is a column of the replica identity left out? Then the output's key may match several rows.
    pub fn key_incomplete(&self) -> bool {
        self.keys().any(|step| matches!(step, Step::Drop | Step::Withhold))
    }

    /// Do different values of an output column stay different? `None` for one that is not masked: they do.
    pub fn injective(&self, output: usize) -> Option<Injective> {
        self.mask(output).map(Mask::injective)
    }

    /// Filters a row of the input table: the new tuple, the old one or a key. NULL stays NULL, so the columns of a key
    /// row that mean nothing still mean nothing; an unchanged TOASTed value stays unchanged.
    ///
    /// Fails if the row has another number of columns than the table, or a mask meets a binary value.
    pub fn row(&self, row: &Row, b: &mut RowBuilder) -> Result<Row, FilterError> {
        if row.len() != self.steps.len() {
            return Err(self.columns(self.steps.len(), row.len()));
        }
        if self.untouched() {
            return Ok(row.clone());
        }
        for (i, (value, step)) in row.values().zip(&self.steps).enumerate() {
            match (step, value) {
                (Step::Drop | Step::Withhold, _) => {}
                (Step::Mask(mask), Value::Text(text)) => {
                    let mut needs_row = false;
                    b.push_text_with(|out| match mask.apply(text, &RawRow::of(row), out) {
                        Outcome::Masked | Outcome::Redacted => true,
                        Outcome::Null => false,
                        Outcome::NeedsRow => {
                            needs_row = true;
                            false
                        }
                    });
                    if needs_row {
                        drop(b.finish());
                        let (table, column) = self.place(i);
                        return Err(FilterError::NeedsRow { table, column });
                    }
                }
                (Step::Mask(_), Value::Binary(_)) => {
                    drop(b.finish()); // the next row must not begin with this one's columns
                    let (table, column) = self.place(i);
                    return Err(FilterError::Binary { table, column });
                }
                (Step::Keep, value) | (Step::Mask(_), value @ (Value::Null | Value::Unchanged)) => b.push(value),
            }
        }
        Ok(b.finish())
    }

    /// For each column of the input, the field of a line of COPY that holds it.
    pub(crate) fn line_fields(&self) -> &[Option<usize>] {
        &self.fields
    }

    /// The mask of an output column.
    pub(crate) fn mask(&self, output: usize) -> Option<&Mask> {
        match self.steps.get(*self.sources.get(output)?)? {
            Step::Mask(mask) => Some(mask),
            _ => None,
        }
    }

    pub(crate) fn has_masks(&self) -> bool {
        self.masks > 0
    }

    /// There are more or fewer columns than the table has.
    pub(crate) fn columns(&self, expected: usize, found: usize) -> FilterError {
        FilterError::Columns { table: self.table.to_string(), expected, found }
    }

    /// Table and column, for an error.
    fn place(&self, column: usize) -> (String, String) {
        let column = self.table.columns.get(column).map_or(String::new(), |c| c.name.to_string());
        (self.table.to_string(), column)
    }

    fn named(&self, which: impl Fn(&Step) -> bool) -> impl Iterator<Item = &str> {
        self.table.columns.iter().zip(&self.steps).filter(move |(_, step)| which(step)).map(|(column, _)| &*column.name)
    }

    fn keys(&self) -> impl Iterator<Item = &Step> {
        self.table.columns.iter().zip(&self.steps).filter(|(column, _)| column.key).map(|(_, step)| step)
    }
}

/// The columns that cannot carry their masks, by their places, and why: all of them, where [`Filter::compile`] stops at the
/// first. The key plays no part in it.
///
/// [`Filter::compile`]: crate::filter::Filter::compile
pub fn faults(rules: &TableRules, table: &Table) -> Vec<(usize, MaskError)> {
    let Ok(any_key) = MaskKey::new(&[0; 32]) else { return Vec::new() };
    let siblings = Siblings { rules, key: &any_key, table, making: RefCell::default() };
    (0..table.columns.len()).filter_map(|i| Some((i, siblings.made(i).err()?))).collect()
}

/// The columns of a table, while their masks are made.
struct Siblings<'a> {
    rules: &'a TableRules,
    key: &'a MaskKey,
    table: &'a Table,
    /// Those that are being made: each wants the next.
    making: RefCell<Vec<usize>>,
}

impl Siblings<'_> {
    /// The mask of a column, `None` if it has none.
    fn made(&self, index: usize) -> Result<Option<Mask>, MaskError> {
        let Some(column) = self.table.columns.get(index) else { return Ok(None) };
        let Class::Mask { spec, domain } = self.rules.class(&column.name) else { return Ok(None) };
        self.making.borrow_mut().push(index);
        let facts = ColumnFacts::new(column.type_oid, column.type_modifier);
        let mask = Mask::within(spec, self.key, domain.as_deref(), &facts, self, &RefCell::default());
        self.making.borrow_mut().pop();
        mask.map(Some)
    }
}

impl Columns for Siblings<'_> {
    fn index(&self, name: &str) -> Option<usize> {
        self.table.columns.iter().position(|c| *c.name == *name)
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
