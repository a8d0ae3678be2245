//! The file laid over the tables that production really has, and over the lock: the policy that is in force.
//!
//! Pure. Who reads the catalog hands its tables in; nothing is decided while it is read.

use std::collections::BTreeMap;

use filters::change::{Column, Identity, Table};
use filters::compiled::{faults, misfit};
use filters::mask::{ColumnFacts, Made, MaskError};
use filters::policy::{Class, Policy, TableRule, TableRules};
use filters::predicate::Collation;

use super::lock::{self, Lock};
use super::overlay::{self, Overlays};
use super::problem::{Problem, Problems, did_you_mean};
use super::references::{self, Draft, Drafts};
use super::tables::{Rest, Rule, TableEntry};
use super::{Config, table_name};
use crate::source::catalog::Reference;

/// A table as production's catalog has it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SourceTable {
    /// `pg_class.oid`.
    pub oid: u32,
    /// Its schema, unquoted.
    pub schema: String,
    /// Its name, unquoted.
    pub name: String,
    /// In the table's order, dropped and generated ones left out.
    pub columns: Vec<SourceColumn>,
    /// Its foreign keys.
    pub references: Vec<Reference>,
}

impl SourceTable {
    /// `schema.name`, as `tables:` writes it.
    pub fn full_name(&self) -> String {
        table_name(&self.schema, &self.name)
    }

    /// Its columns, as masks want them.
    pub(super) fn shape(&self) -> Table {
        let column = |c: &SourceColumn| Column {
            name: c.name.as_str().into(),
            type_oid: c.type_oid,
            type_modifier: c.type_modifier,
            key: c.key,
        };
        Table {
            oid: 0,
            schema: self.schema.as_str().into(),
            name: self.name.as_str().into(),
            identity: Identity::Default,
            columns: self.columns.iter().map(column).collect(),
        }
    }
}

/// A column as production's catalog has it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SourceColumn {
    /// `attnum`.
    pub number: i32,
    /// Its name, unquoted.
    pub name: String,
    /// `format_type()`: `character varying(40)`.
    pub type_name: String,
    /// `pg_type.oid`.
    pub type_oid: u32,
    /// `atttypmod`, -1 where there is none.
    pub type_modifier: i32,
    /// What the catalog says of a type that is not PostgreSQL's own.
    pub made: Made,
    /// What decides whether two of its texts are equal.
    pub collation: Collation,
    /// Is it a part of the key of old rows?
    pub key: bool,
}

impl SourceColumn {
    /// Its type, as masks want it.
    pub fn facts(&self) -> ColumnFacts {
        ColumnFacts {
            made: self.made.clone(),
            collation: self.collation,
            ..ColumnFacts::new(self.type_oid, self.type_modifier)
        }
    }
}

/// What is in force.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resolved {
    /// Every table that is named, each with every column that it has now. Whatever comes later is withheld.
    pub policy: Policy,
    /// Columns (schema, table, column) that are kept only because a table is `keep` and there is no lock to say that
    /// somebody has seen them.
    pub guessed: Vec<(String, String, String)>,
    /// Columns (schema, table, column) that the file says nothing of, by name or by what they refer to.
    pub unnamed: Vec<(String, String, String)>,
    /// What is worth a word, and stops nothing.
    pub warnings: Vec<Problem>,
}

impl Config {
    /// What the file says of a table: at its own name, else at the first glob that takes it in.
    pub(crate) fn entry_of(&self, schema: &str, name: &str) -> Option<&TableEntry> {
        let own = Some((schema, name));
        self.tables.iter().find(|e| e.pattern.exact() == own).or_else(|| self.globs(schema, name).next())
    }

    fn globs(&self, schema: &str, name: &str) -> impl Iterator<Item = &TableEntry> {
        self.tables.iter().filter(move |e| e.pattern.exact().is_none() && e.pattern.matches(schema, name))
    }

    /// Does the file let rows of it come at all?
    pub fn is_copied(&self, schema: &str, name: &str) -> bool {
        let entry = self.entry_of(schema, name);
        entry.is_some_and(|entry| !matches!(entry.rule, Rule::Structure | Rule::Exclude))
            && !self.is_protected(schema, name)
    }

    /// Does the file have it on the target as a structure only?
    pub fn is_structure(&self, schema: &str, name: &str) -> bool {
        self.entry_of(schema, name).is_some_and(|entry| matches!(entry.rule, Rule::Structure))
    }

    /// What a lock is to say of these tables: as people review it, without what is laid over single rows.
    pub fn reviewed(&self, tables: &[SourceTable]) -> Result<Resolved, Problems> {
        Config { overlay: Overlays::new(), ..self.clone() }.resolve(tables, None)
    }

    /// Applies names and globs to the tables of production, then the lock, then what is laid over. All problems at once.
    pub fn resolve(&self, tables: &[SourceTable], lock: Option<&Lock>) -> Result<Resolved, Problems> {
        let mut out = Resolution { config: self, tables, problems: Problems::default(), warnings: Vec::new() };
        let mut policy = Policy::default();
        let (mut guessed, mut unnamed) = (Vec::new(), Vec::new());
        let mut drafts = Drafts::new();
        for table in tables {
            let Some(entry) = out.entry(table) else { continue };
            let name = (table.schema.clone(), table.name.clone());
            match &entry.rule {
                Rule::Exclude => drop(policy.tables.insert(name, TableRule::Exclude)),
                Rule::Structure => drop(policy.tables.insert(name, TableRule::Structure)),
                Rule::Copy { columns, rest, only } => {
                    let mut draft = draft(table, entry, columns, *rest);
                    draft.rules.only.clone_from(only);
                    drop(drafts.insert(name, draft));
                }
            }
        }
        references::inherit(&mut drafts);
        let mut inherited = BTreeMap::new();
        for (name, draft) in drafts {
            let Draft { table, entry, named, rules, inherited: from } = draft;
            let silent = table.columns.iter().map(|c| &c.name);
            let silent = silent.filter(|c| !named.contains(c.as_str()) && !from.contains_key(*c));
            let silent: Vec<_> = silent.map(|c| (name.0.clone(), name.1.clone(), c.clone())).collect();
            if lock.is_none() && matches!(entry.rule, Rule::Copy { rest: Rest::Keep, .. }) {
                guessed.extend(silent.iter().cloned());
            }
            unnamed.extend(silent);
            let spoken = |column: &str| named.contains(column) || from.contains_key(column);
            let mut rule = match lock {
                None => TableRule::Copy(rules),
                Some(lock) => lock::apply(lock, entry, table, rules, spoken, &mut out.problems, &mut out.warnings),
            };
            if let (TableRule::Copy(rules), Some(overlays)) = (&mut rule, self.overlay.get(&name)) {
                out.problems.0.extend(overlay::lay(overlays, table, rules));
            }
            if let TableRule::Copy(rules) = &rule {
                out.check_masks(entry, table, rules);
                out.check_where(entry, table, rules);
            }
            policy.tables.insert(name.clone(), rule);
            inherited.extend(from.into_iter().map(|(c, parent)| ((name.0.clone(), name.1.clone(), c), parent)));
        }
        let key = |table: &SourceTable| {
            self.entry_of(&table.schema, &table.name).map_or_else(|| table.full_name(), |e| e.key.clone())
        };
        references::contradictions(tables, &policy, &inherited, key, &mut out.problems);
        self.tables.iter().for_each(|entry| out.check_entry(entry));
        self.overlay.keys().for_each(|name| out.check_overlay(name));
        if let Some(lock) = lock {
            lock::stale(lock, &policy, &mut out.warnings);
        } else if !guessed.is_empty() {
            let what = "no sluice.lock: columns that sluice.yaml does not name are taken as they are";
            out.warnings.push(Problem::new("", what).hint("sluice init --lock writes it"));
        }
        match out.problems.0.is_empty() {
            true => Ok(Resolved { policy, guessed, unnamed, warnings: out.warnings }),
            false => Err(out.problems),
        }
    }
}

/// What the file says of a table's columns, before references are followed.
fn draft<'a>(
    table: &'a SourceTable,
    entry: &'a TableEntry,
    columns: &'a BTreeMap<String, Class>,
    rest: Rest,
) -> Draft<'a> {
    let unnamed = match rest {
        Rest::Keep => Class::Keep,
        Rest::Withhold => Class::Withheld,
    };
    let class = |name: &String| columns.get(name).unwrap_or(&unnamed).clone();
    let rules = TableRules {
        columns: table.columns.iter().map(|c| (c.name.clone(), class(&c.name))).collect(),
        rest: Class::Withheld,
        only: None,
        required: BTreeMap::new(),
        facts: table.columns.iter().map(|c| (c.name.clone(), c.facts())).collect(),
    };
    Draft { table, entry, named: columns.keys().map(String::as_str).collect(), rules, inherited: BTreeMap::new() }
}

struct Resolution<'a> {
    config: &'a Config,
    tables: &'a [SourceTable],
    problems: Problems,
    warnings: Vec<Problem>,
}

impl<'a> Resolution<'a> {
    /// Who speaks for a table: its own name, else the globs, which must be of one mind.
    fn entry(&mut self, table: &SourceTable) -> Option<&'a TableEntry> {
        let config = self.config;
        let (schema, name) = (table.schema.as_str(), table.name.as_str());
        let entry = config.entry_of(&table.schema, &table.name)?;
        if entry.pattern.exact().is_none()
            && let Some(other) = config.globs(&table.schema, &table.name).find(|other| other.rule != entry.rule)
        {
            let what = format!("disagrees with {} about {}", entry.pattern, table.full_name());
            let hint = format!("name the table itself: {}", table.full_name());
            self.problems.push(Problem::new(format!("tables.{}", other.key), what).hint(hint));
        }
        // what the file alone shows was refused when it was read; this is a glob of tables over a glob of protection
        if entry.rule != Rule::Exclude
            && let Some(protected) = config.protect.iter().find(|p| p.matches(schema, name))
        {
            let what = format!("takes in {}, which protect.tables protects as {protected}", table.full_name());
            let hint = format!("name it beside the glob: {}: exclude", table.full_name());
            self.problems.push(Problem::new(format!("tables.{}", entry.key), what).hint(hint));
        }
        Some(entry)
    }

    /// Is there a table for an entry, and a column for each of its columns?
    fn check_entry(&mut self, entry: &TableEntry) {
        let taken: Vec<&SourceTable> =
            self.tables.iter().filter(|t| entry.pattern.matches(&t.schema, &t.name)).collect();
        let path = format!("tables.{}", entry.key);
        if taken.is_empty() {
            match entry.pattern.exact() {
                _ if entry.optional => {}
                None => self.warnings.push(Problem::new(path, "no table of this kind on the source")),
                // `exclude` beside a glob, for the target's own: production need not have it
                Some((schema, name)) if entry.rule == Rule::Exclude && self.config.is_protected(schema, name) => {}
                Some(_) => {
                    let mut problem = Problem::new(path, "no such table on the source");
                    let names: Vec<String> = self.tables.iter().map(SourceTable::full_name).collect();
                    problem.hint = did_you_mean(&entry.pattern.to_string(), names.iter().map(String::as_str))
                        .or_else(|| Some("optional: true, if it may be missing".to_owned()));
                    self.problems.push(problem);
                }
            }
            return;
        }
        let Rule::Copy { columns, .. } = &entry.rule else { return };
        for column in columns.keys() {
            if taken.iter().any(|t| t.columns.iter().any(|c| c.name == *column)) {
                continue;
            }
            let what = match taken.as_slice() {
                [table] => format!("no column \"{column}\" in {}", table.full_name()),
                _ => format!("no column \"{column}\" in any of {} tables", taken.len()),
            };
            let mut problem = Problem::new(format!("{path}.columns.{column}"), what);
            problem.hint = did_you_mean(column, taken.iter().flat_map(|t| t.columns.iter().map(|c| c.name.as_str())));
            self.problems.push(problem);
        }
    }

    /// What is laid over a table that there is not is laid over nothing, and another table's rows would come as they are.
    fn check_overlay(&mut self, (schema, name): &(String, String)) {
        let may_miss = self.config.entry_of(schema, name).is_some_and(|entry| entry.optional);
        if may_miss || self.tables.iter().any(|t| t.schema == *schema && t.name == *name) {
            return;
        }
        let full = table_name(schema, name);
        let mut problem = Problem::new(format!("overlay.{full}"), "no such table on the source");
        let names: Vec<String> = self.tables.iter().map(SourceTable::full_name).collect();
        problem.hint = did_you_mean(&full, names.iter().map(String::as_str));
        self.problems.push(problem);
    }

    /// Can we decide which rows come?
    fn check_where(&mut self, entry: &TableEntry, table: &SourceTable, rules: &TableRules) {
        for problem in misfit(rules, &table.shape()).into_iter().flat_map(|e| e.problems) {
            let what = format!("{}: {problem}", table.full_name());
            let mut told = Problem::new(format!("tables.{}.where", entry.key), what);
            told.hint = problem.hint;
            self.problems.push(told);
        }
    }

    /// Does each mask fit the column that it is put on?
    fn check_masks(&mut self, entry: &TableEntry, table: &SourceTable, rules: &TableRules) {
        for column in table.columns.iter().filter(|c| c.key && c.collation == Collation::Nondeterministic) {
            if matches!(rules.class(&column.name), Class::Mask { .. }) {
                let what = format!(
                    "a column of the key of {} whose collation calls different texts equal, which only its server can compare",
                    table.full_name()
                );
                let hint = "keep it, or give the table another replica identity; no mask can make equal what the collation does";
                let path = format!("tables.{}.columns.{}", entry.key, column.name);
                self.problems.push(Problem::new(path, what).hint(hint));
            }
        }
        for (i, error) in faults(rules, &table.shape()) {
            let Some(column) = table.columns.get(i) else { continue };
            let what = match error {
                MaskError::Type { mask, wants, .. } => {
                    format!(
                        "mask {mask} wants a column of type {wants}; {} has the type {}",
                        table.full_name(),
                        column.type_name
                    )
                }
                other => other.to_string(),
            };
            self.problems.push(Problem::new(format!("tables.{}.columns.{}", entry.key, column.name), what));
        }
    }
}
