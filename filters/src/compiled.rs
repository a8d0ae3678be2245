//! A policy laid over one shape of a table: what to do with each column, by position.

mod siblings;

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use self::siblings::Siblings;
use crate::change::{Op, Row, RowBuilder, Table, Value};
use crate::fill::Fill;
use crate::filter::FilterError;
use crate::key::MaskKey;
use crate::mask::{Columns as _, Injective, Mask, MaskError, Outcome, Writes};
use crate::only::{Decided, Only};
use crate::policy::{Class, TableRules};
use crate::predicate::{Field, PredicateError, Truth};
use crate::raw::{Raw, RawRow};

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
    /// The columns that a line of COPY has to bring: those of the output, and behind them what masks look at besides.
    reads: Vec<usize>,
    /// For each column of the input, where it stands among these.
    fields: Vec<Option<usize>>,
    masks: usize,
    only: Option<Only>,
}

#[derive(Debug)]
enum Step {
    Keep,
    Drop,
    Withhold,
    Mask(Box<Mask>),
    /// It does not come, on purpose or not, and something stands in.
    Fill {
        fill: Fill,
        dropped: bool,
    },
}

impl Step {
    fn mask(&self) -> Option<&Mask> {
        match self {
            Step::Mask(mask) | Step::Fill { fill: Fill::Keyed(mask), .. } => Some(mask),
            Step::Fill { fill: Fill::Value(_), .. } | Step::Keep | Step::Drop | Step::Withhold => None,
        }
    }
}

impl Compiled {
    /// Lays `rules` over `table`. Fails if a column cannot carry its mask.
    pub(crate) fn new(
        rules: &TableRules,
        key: &MaskKey,
        table: &Arc<Table>,
        unparsable: &Arc<AtomicU64>,
    ) -> Result<Compiled, FilterError> {
        let siblings = Siblings::of(rules, key, table);
        let mut steps = Vec::with_capacity(table.columns.len());
        for (i, column) in table.columns.iter().enumerate() {
            let class = rules.class(&column.name);
            let away = matches!(class, Class::Drop | Class::Withheld);
            let unique = rules.required.get(&*column.name).filter(|_| away);
            if let Some(fill) = unique.and_then(|unique| Fill::of(&rules.facts(column), *unique, key)) {
                steps.push(Step::Fill { fill, dropped: *class == Class::Drop });
                continue;
            }
            steps.push(match (class, siblings.made(i)) {
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
        let stays = |step: &Step| matches!(step, Step::Keep | Step::Mask(_) | Step::Fill { .. });
        let sources: Vec<usize> = (0..steps.len()).filter(|i| stays(&steps[*i])).collect();
        let output = if sources.len() == steps.len() {
            Arc::clone(table)
        } else {
            let columns = sources.iter().map(|i| table.columns[*i].clone()).collect();
            Arc::new(Table { columns, ..Table::clone(table) })
        };
        let mut reads = sources.clone();
        for mask in steps.iter().filter_map(Step::mask) {
            for used in mask.uses() {
                if !reads.contains(used) {
                    reads.push(*used);
                }
            }
        }
        let mut fields = vec![None; steps.len()];
        reads.iter().enumerate().for_each(|(field, column)| fields[*column] = Some(field));
        let masks = steps.iter().filter(|s| matches!(s, Step::Mask(_) | Step::Fill { .. })).count();
        let only = match &rules.only {
            None => None,
            Some(only) => {
                let refuse = |source| FilterError::Where { table: table.to_string(), source };
                Some(Only::new(only.bind(&siblings.fields()).map_err(refuse)?, table))
            }
        };
        Ok(Compiled { output, steps, sources, table: Arc::clone(table), reads, fields, masks, only })
    }

    /// Do rows pass as they are, without a copy?
    pub fn untouched(&self) -> bool {
        self.masks == 0 && self.sources.len() == self.steps.len()
    }

    /// The condition that the rows which come fulfil, as production is asked; `None`: all come.
    pub fn only(&self) -> Option<&str> {
        self.only.as_ref().map(Only::sql)
    }

    /// May a row that goes or changes be one that the target has not got? So it is where only some rows come, and the stream
    /// does not send old rows whole.
    pub fn is_partial(&self) -> bool {
        self.only.as_ref().is_some_and(Only::is_partial)
    }

    /// Does this raw row come?
    pub fn comes(&self, row: &Row) -> Truth {
        self.only.as_ref().map_or(Truth::True, |only| only.truth(row))
    }

    /// What a change is of the rows that come.
    pub(crate) fn decide(&self, op: Op, b: &mut RowBuilder) -> Decided {
        match &self.only {
            Some(only) => only.decide(op, b),
            None => Decided::As(op),
        }
    }

    /// For each column of the output, its index in the input table.
    pub fn sources(&self) -> &[usize] {
        &self.sources
    }

    /// The columns of the input that [`copy_line`](Compiled::copy_line) wants, in its order: those of the output, and
    /// behind them what masks look at besides.
    pub fn reads(&self) -> &[usize] {
        &self.reads
    }

    /// The columns of the input that decide what comes, ascending: those that come, those that masks look at, and those by
    /// which rows are chosen. A migration of any of them is one of what comes.
    pub fn concerns(&self) -> Vec<usize> {
        let chosen = self.only.iter().flat_map(Only::columns);
        let chosen = chosen.filter_map(|name| self.table.columns.iter().position(|c| *c.name == *name));
        let mut all: Vec<usize> = self.reads.iter().copied().chain(chosen).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The columns of the input without which an update cannot be masked, or decided, ascending: those that the condition looks at,
    /// and those that masks look at, with the columns of these masks. Production may not send one that it stores outside the row.
    pub fn needs(&self) -> Vec<usize> {
        let masks = self.steps.iter().enumerate().filter_map(|(i, step)| Some((i, step.mask().filter(|m| m.looks())?)));
        let looked = masks.flat_map(|(i, mask)| mask.uses().iter().copied().chain([i]));
        let chosen = self.only.iter().flat_map(Only::columns);
        let chosen = chosen.filter_map(|name| self.table.columns.iter().position(|c| *c.name == *name));
        let mut all: Vec<usize> = looked.chain(chosen).collect();
        all.sort_unstable();
        all.dedup();
        all
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
        self.named(|step| matches!(step, Step::Drop | Step::Fill { dropped: true, .. }))
    }

    /// The names of the columns that are left out because nobody has classified them.
    pub fn withheld_columns(&self) -> impl Iterator<Item = &str> {
        self.named(|step| matches!(step, Step::Withhold | Step::Fill { dropped: false, .. }))
    }

    /// Is a column of the replica identity masked? Then the target's keys have another order than production's, and key
    /// ranges mean nothing there.
    pub fn key_masked(&self) -> bool {
        self.keys().any(|step| matches!(step, Step::Mask(_)))
    }

    /// Is a column of the replica identity left out? Then the output's key may match several rows.
    pub fn key_incomplete(&self) -> bool {
        self.keys().any(|step| matches!(step, Step::Drop | Step::Withhold | Step::Fill { .. }))
    }

    /// Do different values of an output column stay different? `None` for one that is not masked: they do.
    pub fn injective(&self, output: usize) -> Option<Injective> {
        self.mask(output).map(Mask::injective)
    }

    /// What the mask of an output column promises of all that it writes. `None` for one that is not masked.
    pub fn writes(&self, output: usize) -> Option<Writes> {
        self.mask(output).map(Mask::writes)
    }

    /// Filters a row of the input table that is all there: a new tuple, an old one, or a key (whose other columns are NULL and
    /// mean nothing). NULL stays NULL; an unchanged TOASTed value stays unchanged.
    ///
    /// Fails if the row has another number of columns than the table, a mask meets a binary value, or it looks at one that is
    /// not there.
    pub fn row(&self, row: &Row, b: &mut RowBuilder) -> Result<Row, FilterError> {
        self.row_after(row, None, b)?.ok_or_else(|| FilterError::Incomplete { table: self.table.to_string() })
    }

    /// The same for a row after an update; `before` is the row before it, if that was sent as a whole.
    ///
    /// `None`: what the row is on the target hangs on a value that the stream did not send. So it does, too, where a mask looks
    /// at other columns and its own value was not sent: beside another neighbour it may come out as another.
    pub(crate) fn row_after(
        &self,
        row: &Row,
        before: Option<&Row>,
        b: &mut RowBuilder,
    ) -> Result<Option<Row>, FilterError> {
        if row.len() != self.steps.len() {
            return Err(self.columns(self.steps.len(), row.len()));
        }
        if self.untouched() {
            return Ok(Some(row.clone()));
        }
        let raw = RawRow::after(row, before);
        for (i, (value, step)) in row.values().zip(&self.steps).enumerate() {
            let (mask, value) = match (step, value) {
                (Step::Drop | Step::Withhold, _) => continue,
                (Step::Fill { fill: Fill::Value(value), .. }, _) => {
                    b.push(Value::Text(value.as_bytes()));
                    continue;
                }
                (Step::Mask(mask), Value::Unchanged) if mask.looks() && !raw.is_unchanged(mask.uses()) => {
                    (mask, raw.get(i))
                }
                (Step::Mask(mask) | Step::Fill { fill: Fill::Keyed(mask), .. }, Value::Text(text)) => {
                    (mask, Raw::Text(Cow::Borrowed(text)))
                }
                (Step::Mask(_) | Step::Fill { .. }, Value::Binary(_)) => {
                    drop(b.finish()); // the next row must not begin with this one's columns
                    let column = self.table.columns.get(i).map_or(String::new(), |c| c.name.to_string());
                    return Err(FilterError::Binary { table: self.table.to_string(), column });
                }
                (Step::Keep, value) | (Step::Mask(_) | Step::Fill { .. }, value @ (Value::Null | Value::Unchanged)) => {
                    b.push(value);
                    continue;
                }
            };
            let mut known = true;
            b.push_text_with(|out| {
                let outcome = match value {
                    Raw::Text(text) => mask.apply(&text, &raw, out),
                    Raw::Null => Outcome::Null,
                    Raw::Absent => Outcome::NeedsRow,
                };
                known = outcome != Outcome::NeedsRow;
                matches!(outcome, Outcome::Masked | Outcome::Redacted)
            });
            if !known {
                drop(b.finish());
                return Ok(None);
            }
        }
        Ok(Some(b.finish()))
    }

    /// The key of a row after an update, as the target has it. All other columns are NULL and mean nothing.
    pub(crate) fn key(&self, row: &Row, b: &mut RowBuilder) -> Result<Row, FilterError> {
        for (value, column) in row.values().zip(&self.table.columns) {
            b.push(if column.key { value } else { Value::Null });
        }
        let key = b.finish();
        self.row(&key, b)
    }

    /// For each column of the input, the field of a line of COPY that holds it.
    pub(crate) fn line_fields(&self) -> &[Option<usize>] {
        &self.fields
    }

    /// The mask of an output column.
    pub(crate) fn mask(&self, output: usize) -> Option<&Mask> {
        self.steps.get(*self.sources.get(output)?)?.mask()
    }

    /// Does anything of a line of COPY become another?
    pub fn rewrites(&self) -> bool {
        self.masks > 0
    }

    /// What stands in an output column whatever production has.
    pub(crate) fn stands_in(&self, output: usize) -> Option<&str> {
        match self.steps.get(*self.sources.get(output)?)? {
            Step::Fill { fill: Fill::Value(value), .. } => Some(value),
            _ => None,
        }
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

/// The columns that cannot carry their masks, by their places, and why: all of them, where [`Filter::compile`] stops at the
/// first. The key plays no part in it.
///
/// [`Filter::compile`]: crate::filter::Filter::compile
pub fn faults(rules: &TableRules, table: &Table) -> Vec<(usize, MaskError)> {
    let Ok(any_key) = MaskKey::new(&[0; 32]) else { return Vec::new() };
    let siblings = Siblings::of(rules, &any_key, table);
    (0..table.columns.len()).filter_map(|i| Some((i, siblings.made(i).err()?))).collect()
}

/// What is wrong with the predicate over its rows, if it has one.
pub fn misfit(rules: &TableRules, table: &Table) -> Option<PredicateError> {
    let fields: Vec<Field> = table.columns.iter().map(|c| rules.facts(c).field(&c.name)).collect();
    rules.only.as_ref()?.bind(&fields).err()
}

/// The columns whose masks look at their row, by their places.
pub fn looking(rules: &TableRules, table: &Table) -> Vec<usize> {
    let Ok(any_key) = MaskKey::new(&[0; 32]) else { return Vec::new() };
    let siblings = Siblings::of(rules, &any_key, table);
    let looks = |i: &usize| matches!(siblings.made(*i), Ok(Some(mask)) if mask.looks());
    (0..table.columns.len()).filter(looks).collect()
}
