//! A described table, as the configuration and the proofs want to see it, and what of a target's file is about it.

use std::collections::HashMap;
use std::sync::Arc;

use filters::change::Identity;
use filters::filter::Compiled;
use filters::mask::ColumnFacts;
use filters::policy::{Class, TableRules};
use sink_postgres::known::{Fate, Known, KnownColumn, Memory};

use super::super::super::envelope::{Described, Start};
use crate::config::{Config, Problem, Problems, Rule, SourceColumn, SourceTable, TableEntry, table_name};
use crate::downstream::Name;
use crate::error::Error;
use crate::proofs::fits::There;
use crate::source::catalog;
use crate::start::Demands;

/// `text`: of a column that neither comes nor is there, nothing is known.
const TEXT: u32 = 25;

pub(super) fn name(table: &Described) -> Name {
    (table.spec.schema.clone(), table.spec.name.clone())
}

/// The columns that production has now, whether they come or not.
pub(super) fn live(table: &Described) -> impl Iterator<Item = &KnownColumn> {
    table.spec.known.columns.iter().filter(|c| c.fate != Fate::Gone)
}

pub(super) fn type_of<'t>(table: &'t Described, column: &str) -> Option<&'t str> {
    let at = table.shape.columns.iter().position(|c| *c.name == *column)?;
    Some(table.types.get(at).map_or("", String::as_str))
}

/// A table as the configuration wants to see it. What a type is made of the target's catalog says, where it has one of that name.
pub(super) fn plain(table: &Described, there: Option<&HashMap<String, There>>) -> SourceTable {
    let found = |name: &str| there.and_then(|columns| columns.get(name));
    let whole = table.shape.identity == Identity::Full;
    let comes = table.shape.columns.iter().map(|c| {
        let type_name = type_of(table, &c.name).unwrap_or_default().to_owned();
        let facts = found(&c.name).filter(|(_, ty)| *ty == type_name).map(|(facts, _)| facts.clone());
        let facts = facts.unwrap_or_else(|| ColumnFacts::new(c.type_oid, c.type_modifier));
        SourceColumn {
            number: live(table).find(|k| *k.name == *c.name).map_or(0, |k| k.number),
            name: c.name.to_string(),
            type_name,
            type_oid: c.type_oid,
            type_modifier: c.type_modifier,
            made: facts.made,
            collation: facts.collation,
            key: c.key && !whole,
        }
    });
    // a rule for what does not come does nothing, and is no fault
    let away = live(table).filter(|k| type_of(table, &k.name).is_none()).map(|k| {
        let text = || (ColumnFacts::new(TEXT, -1), String::new());
        let (facts, type_name) = found(&k.name).cloned().unwrap_or_else(text);
        SourceColumn {
            number: k.number,
            name: k.name.clone(),
            type_name,
            type_oid: facts.type_oid,
            type_modifier: facts.type_modifier,
            made: facts.made,
            collation: facts.collation,
            key: false,
        }
    });
    SourceTable {
        oid: table.shape.oid,
        schema: table.spec.schema.clone(),
        name: table.spec.name.clone(),
        columns: comes.chain(away).collect(),
        references: table.references.clone(),
    }
}

/// The same as the proofs want to see it: production's as far as it came.
pub(super) fn as_source(table: &Described, plain: &SourceTable) -> catalog::SourceTable {
    let comes = table.shape.columns.len();
    catalog::SourceTable {
        shape: Arc::clone(&table.shape),
        types: plain.columns.iter().take(comes).map(|c| c.type_name.clone()).collect(),
        facts: plain.columns.iter().take(comes).map(SourceColumn::facts).collect(),
        numbers: plain.columns.iter().take(comes).map(|c| c.number).collect(),
        look: String::new(),
        kind: 'r',
        key: table.spec.key.clone(),
        operators: Vec::new(),
        kinds: table.spec.kinds.clone(),
        identified: !table.spec.key.is_empty(),
        rows: -1,
        bytes: 0,
        owned: true,
        readable: true,
        references: table.references.clone(),
    }
}

/// The file, as far as it is about what comes: what it leaves out is not there, and conditions that are the capture's are decided. Refuses
/// what is about nothing, and conditions of its own.
pub(super) fn narrow(
    config: &Config,
    tables: &[&Described],
    start: &Start,
    demands: &Demands,
) -> Result<Config, Error> {
    let mut problems = Vec::new();
    let mut narrow = config.clone();
    narrow.tables.clear();
    for entry in &config.tables {
        let path = format!("tables.{}", entry.key);
        if let Some((schema, table)) = entry.pattern.exact() {
            let wanted = (schema.to_owned(), table.to_owned());
            let there = start.structures.contains(&wanted) || demands.types.contains_key(&wanted);
            if !there && !entry.optional && !tables.iter().any(|t| name(t) == wanted) {
                let what = "no such table comes by way of the topic, and the target has none";
                problems.push(Problem::new(&path, what).hint("optional: true, if it may be missing"));
            }
        }
        let Rule::Copy { columns, rest, only } = &entry.rule else { continue };
        let mine = |t: &&&Described| config.entry_of(&t.spec.schema, &t.spec.name) == Some(entry);
        for table in tables.iter().filter(mine) {
            if let Some(only) = only.as_ref().filter(|only| !is_only(&only.sql(), &table.spec.known)) {
                let columns = only.columns().join(", ");
                let full = table_name(&table.spec.schema, &table.spec.name);
                let what = format!(
                    "{full}: a condition (over {columns}) that is not the capture's: which rows come is decided there"
                );
                let hint = "leave it out here, or give it to the capture; protect.rows keeps rows of the target's own";
                problems.push(Problem::new(format!("{path}.where"), what).hint(hint));
            }
        }
        if tables.iter().any(|t| entry.pattern.matches(&t.spec.schema, &t.spec.name)) {
            let rule = Rule::Copy { columns: columns.clone(), rest: *rest, only: None };
            narrow.tables.push(TableEntry { rule, ..entry.clone() });
        }
    }
    match problems.is_empty() {
        true => Ok(narrow),
        false => Err(Error::Config(Problems(problems))),
    }
}

/// Does a column come as it is that was masked or dropped here, under another name?
pub(super) fn is_shielded(table: &Described, memory: &Memory) -> bool {
    let was = memory.values().find(|known| known.oid == table.spec.known.oid);
    let of = |c: &KnownColumn| was?.live(c.number)?.shielded.clone();
    live(table).any(|c| c.fate == Fate::Keep && of(c).is_some_and(|name| name != c.name))
}

/// What nobody decides here. What a mask looks at may be masked by the capture or by us, and then it would say of rows what is not so:
/// where something is added to a table, none of its masks may look. And a masking key that is not there makes none.
pub(super) fn beyond(config: &Config, rules: &TableRules, table: &Described, looks: &[usize]) -> Vec<Problem> {
    let (schema, table_is) = name(table);
    let full = table_name(&schema, &table_is);
    let added = |c: &&KnownColumn| *rules.class(&c.name) != Class::Keep;
    let path = |column: &str| format!("{}.columns.{column}", config.path(&schema, &table_is));
    let Some(first) = live(table).filter(|c| type_of(table, &c.name).is_some()).find(added) else { return Vec::new() };
    let mut problems = Vec::new();
    for column in looks.iter().filter_map(|i| table.shape.columns.get(*i)) {
        let what = format!(
            "{full}: its mask looks at other columns, which may be masked by now, and something is added to the table here"
        );
        let hint = "leave it out here: as the capture has it, it comes; or give the capture what is to be added";
        problems.push(Problem::new(path(&column.name), what).hint(hint));
    }
    if config.masking.key.is_none() {
        let what = format!(
            "{full}: something is masked or dropped here that the capture lets come, and there is no masking.key"
        );
        problems.push(
            Problem::new(path(&first.name), what).hint("give masking.key: the capture's, or one of this target's own"),
        );
    }
    problems
}

/// Of a table all columns are dropped or withheld: nothing would ever take away what the target has of it.
pub(super) fn all_away(config: &Config, table: &Described) -> Problem {
    let (schema, table) = name(table);
    let what = format!("{}: every column of it is dropped or withheld", table_name(&schema, &table));
    Problem::new(config.path(&schema, &table), what)
        .hint("structure, which takes its rows away; or exclude, which leaves them")
}

/// A key that would not be whole: what the topic says of rows, by their keys, would be of others, though something stood in.
pub(super) fn key_away(config: &Config, table: &catalog::SourceTable, compiled: &Compiled) -> Option<Problem> {
    let mut away = compiled.dropped_columns().chain(compiled.withheld_columns());
    let column = away.find(|c| table.key.iter().any(|k| k == c))?;
    let (schema, name) = table.name();
    let what =
        format!("{}: a column of its key is dropped or withheld, so rows could not be told apart", compiled.input());
    Some(Problem::new(format!("{}.columns.{column}", config.path(&schema, &name)), what).hint("mask it, or keep it"))
}

/// Is this condition the one that the rows of the table have fulfilled? The numbers of columns that were looked at stand behind it.
fn is_only(sql: &str, known: &Known) -> bool {
    known.only.strip_prefix(sql).is_some_and(|rest| rest.is_empty() || rest.starts_with(" #"))
}
