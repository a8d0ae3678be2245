//! How a table's rows, as they come, meet the table that the target has.

use std::collections::HashMap;
use std::sync::Arc;

use filters::change::{Identity, Table as Shape};

use crate::binary::Form;
use crate::catalog::{Table, Unique};
use crate::error::Error;
use crate::guard::{Guard, Writable};
use crate::own::{self, Index};
use crate::referrers::Referrers;
use wire::quote_ident;

/// One column that we write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its index in the rows that come.
    pub source: usize,
    /// Quoted name.
    pub quoted: String,
    /// What a text value is cast to: the target's type, without a length.
    pub cast: String,
    /// What such a value can be sent as, if not as text.
    pub form: Option<Form>,
    /// Cannot be SET; an insert needs OVERRIDING SYSTEM VALUE.
    pub identity_always: bool,
    /// Has it to have a value?
    pub not_null: bool,
}

/// How a row is found on the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Indexes into [`Mapping::columns`], in the order of the target's unique index.
    pub columns: Vec<usize>,
    /// The same as indexes into the rows that come.
    pub source: Vec<usize>,
    /// Per column, `OPERATOR(schema.=)`.
    pub operators: Vec<String>,
}

/// A table as it comes and the table it goes to.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// The only way to write it.
    pub writable: Writable,
    /// The shape of the rows that come.
    pub shape: Arc<Shape>,
    /// The columns that both sides have, generated ones left out.
    pub columns: Vec<Column>,
    /// `None`: rows are found by all their columns, one at a time, or never (insert only).
    pub key: Option<Key>,
    /// All unique indexes of the target over columns that we write, the key's included: where a row can be in the way.
    pub unique: Vec<Key>,
    /// Deferrable unique constraints over columns that we write: a row in the way of another is found by us alone.
    pub deferred: Vec<Key>,
    /// Columns that the target has and the rows do not: target-only, quoted.
    pub extra: Vec<String>,
    /// Those of them that have a default.
    pub defaults: Vec<String>,
    /// Only some of production's rows come, and what an update or a delete tells of the row before does not say whether it
    /// was one of them.
    pub partial: bool,
    /// What columns that only the target has are given where a row brings none, as SQL: it may make a row the target's own. Empty
    /// where the target has none of its own.
    pub given: HashMap<String, String>,
    /// Where a row of the target's own can be in the way: all unique indexes over columns that we write, whatever their kind.
    /// Empty where the target has none of its own.
    pub meets: Vec<Index>,
    /// Rows of the target's own that can refer to its rows: these are looked at before they go.
    pub referrers: Option<Referrers>,
    /// TRUNCATE may be used (else DELETE): we have the right, and no foreign key of another table refers to it.
    pub may_truncate: bool,
}

impl Mapping {
    /// Brings the two together, or says what does not fit.
    pub fn new(guard: &Guard, shape: &Arc<Shape>, table: &Table) -> Result<Mapping, Error> {
        let writable = guard.writable(table)?;
        let refuse = |what: String, hint: String| Error::Refused { what, hint };
        if !table.may_write {
            return Err(refuse(
                format!("the target role may not select, insert, update and delete on {}", writable.name()),
                format!("GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON {} TO {};", table.quoted(), guard.role()),
            ));
        }
        if table.row_security {
            return Err(refuse(
                format!("row security on {} applies to the target role", writable.name()),
                format!("ALTER ROLE {} BYPASSRLS; or let the table's owner write", guard.role()),
            ));
        }
        let mut columns = Vec::with_capacity(shape.columns.len());
        let mut missing = Vec::new();
        for (source, column) in shape.columns.iter().enumerate() {
            match table.column(&column.name).and_then(|i| table.columns.get(i)) {
                None => missing.push(column.name.to_string()),
                Some(c) if c.generated => {}
                Some(c) => columns.push(Column {
                    source,
                    quoted: quote_ident(&c.name),
                    cast: c.type_name.clone(),
                    form: Form::of(&c.type_name),
                    identity_always: c.identity_always,
                    not_null: c.not_null,
                }),
            }
        }
        if !missing.is_empty() {
            return Err(refuse(
                format!("{} on the target has no column {}", writable.name(), missing.join(", ")),
                format!(
                    "add it there (sluice schema diff prints the SQL), or set `tables.{}.columns.{}: drop`",
                    writable.name(),
                    missing[0]
                ),
            ));
        }
        let unique = table.unique.iter().filter(|u| u.usable).filter_map(|u| key_over(&columns, shape, u)).collect();
        let deferred =
            table.unique.iter().filter(|u| u.deferrable).filter_map(|u| key_over(&columns, shape, u)).collect();
        let extra: Vec<String> = table
            .columns
            .iter()
            .filter(|c| !c.generated && !shape.columns.iter().any(|s| *s.name == *c.name))
            .map(|c| quote_ident(&c.name))
            .collect();
        let defaults = table
            .columns
            .iter()
            .filter(|c| c.has_default)
            .map(|c| quote_ident(&c.name))
            .filter(|c| extra.contains(c))
            .collect();
        let key = find_key(shape, table, &columns, &writable)?;
        if writable.has_own() && key.is_none() {
            return Err(own::keyless(&writable));
        }
        let may_truncate = table.may_truncate && !table.referenced;
        Ok(Mapping {
            writable,
            shape: shape.clone(),
            columns,
            key,
            unique,
            deferred,
            extra,
            defaults,
            partial: false,
            given: HashMap::new(),
            meets: Vec::new(),
            referrers: None,
            may_truncate,
        })
    }

    /// Is a column GENERATED ALWAYS AS IDENTITY, so that it cannot be SET?
    pub fn identity_always(&self) -> bool {
        self.columns.iter().any(|c| c.identity_always)
    }

    /// What the values of these columns of the rows that come (indexes, ascending or not) can be sent as.
    pub fn forms(&self, source: &[usize]) -> Vec<Option<Form>> {
        // the columns ascend by source
        let of =
            |s: &usize| self.columns.binary_search_by_key(s, |c| c.source).ok().and_then(|i| self.columns.get(i)?.form);
        source.iter().map(of).collect()
    }

    /// Does the target generate a column that the rows bring?
    pub fn generates(&self) -> bool {
        self.columns.len() != self.shape.columns.len()
    }

    /// The quoted names of all columns of the rows that come, comma-separated; `other` writes those that the target generates.
    pub fn arriving(&self, other: impl Fn(&str) -> String) -> String {
        let name = |i: usize, c: &filters::change::Column| match self.columns.iter().find(|m| m.source == i) {
            Some(m) => m.quoted.clone(),
            None => other(&quote_ident(&c.name)),
        };
        self.shape.columns.iter().enumerate().map(|(i, c)| name(i, c)).collect::<Vec<_>>().join(", ")
    }

    /// The quoted names of all columns we write, comma-separated.
    pub fn column_list(&self) -> String {
        self.columns.iter().map(|c| c.quoted.as_str()).collect::<Vec<_>>().join(", ")
    }
}

fn key_over(columns: &[Column], shape: &Shape, unique: &Unique) -> Option<Key> {
    let mut key = Key { columns: vec![], source: vec![], operators: unique.operators.clone() };
    for name in &unique.columns {
        let source = shape.columns.iter().position(|s| *s.name == **name)?;
        key.columns.push(columns.iter().position(|c| c.source == source)?);
        key.source.push(source);
    }
    Some(key)
}

/// The identity's columns where production has a key; the target's primary key where it sends whole rows.
fn find_key(shape: &Shape, table: &Table, columns: &[Column], writable: &Writable) -> Result<Option<Key>, Error> {
    let names: Vec<&str> = shape.columns.iter().filter(|c| c.key).map(|c| &*c.name).collect();
    match shape.identity {
        Identity::Nothing => Ok(None),
        Identity::Full => {
            Ok(table.unique.iter().filter(|u| u.primary && u.usable).find_map(|u| key_over(columns, shape, u)))
        }
        // a table without a primary key, in the publication of inserts only
        Identity::Default | Identity::Index if names.is_empty() => Ok(None),
        Identity::Default | Identity::Index => {
            match table.unique_over(&names).and_then(|u| key_over(columns, shape, u)) {
                Some(key) => Ok(Some(key)),
                None => Err(Error::Refused {
                    what: format!(
                        "{} on the target has no valid, immediate, unpartial unique index over exactly ({})",
                        writable.name(),
                        names.join(", ")
                    ),
                    hint: format!(
                        "CREATE UNIQUE INDEX ON {} ({});",
                        writable.quoted(),
                        names.iter().map(|n| quote_ident(n)).collect::<Vec<_>>().join(", ")
                    ),
                }),
            }
        }
    }
}
