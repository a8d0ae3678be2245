//! A policy laid over one shape of a table: what to do with each column, by position.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::change::{Row, RowBuilder, Table, Value};
use crate::filter::FilterError;
use crate::key::MaskKey;
use crate::mask::{ColumnFacts, Injective, Mask};
use crate::policy::{Class, TableRules};

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
        let mut steps = Vec::with_capacity(table.columns.len());
        for column in &table.columns {
            steps.push(match rules.class(&column.name) {
                Class::Keep => Step::Keep,
                Class::Drop => Step::Drop,
                Class::Withheld => Step::Withhold,
                Class::Mask { spec, domain } => {
                    let facts = ColumnFacts { type_oid: column.type_oid, type_modifier: column.type_modifier };
                    let mask = Mask::new(spec, key, domain.as_deref(), &facts).map_err(|source| FilterError::Mask {
                        table: table.to_string(),
                        column: column.name.to_string(),
                        source,
                    })?;
                    Step::Mask(Box::new(mask.count_into(unparsable)))
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
        let masks = steps.iter().filter(|s| matches!(s, Step::Mask(_))).count();
        Ok(Compiled { output, steps, sources, table: Arc::clone(table), masks })
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
                (Step::Mask(mask), Value::Text(text)) => b.push_text_with(|out| mask.apply(text, out)),
                (Step::Mask(_), Value::Binary(_)) => {
                    drop(b.finish()); // the next row must not begin with this one's columns
                    let column = self.table.columns.get(i).map_or(String::new(), |c| c.name.to_string());
                    return Err(FilterError::Binary { table: self.table.to_string(), column });
                }
                (Step::Keep, value) | (Step::Mask(_), value @ (Value::Null | Value::Unchanged)) => b.push(value),
            }
        }
        Ok(b.finish())
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

    fn named(&self, which: impl Fn(&Step) -> bool) -> impl Iterator<Item = &str> {
        self.table.columns.iter().zip(&self.steps).filter(move |(_, step)| which(step)).map(|(column, _)| &*column.name)
    }

    fn keys(&self) -> impl Iterator<Item = &Step> {
        self.table.columns.iter().zip(&self.steps).filter(|(column, _)| column.key).map(|(_, step)| step)
    }
}
