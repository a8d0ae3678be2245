//! `sluice.lock`: every column of every replicated table, with its type and its class, for people to review like code.
//!
//! Where it is there, it is the law: a column that it does not list is withheld, whatever `sluice.yaml` says of its
//! table. What `sluice.yaml` says of a column by name must be what the lock says, or one of the two is out of date.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use filters::policy::{Class, Policy, TableRule, TableRules};

use super::effective::class_text;
use super::pattern::table_name;
use super::problem::{Problem, Problems};
use super::resolve::{SourceColumn, SourceTable};
use super::tables::TableEntry;

/// A column, as it was when the lock was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LockedColumn {
    /// `format_type()`.
    pub type_name: String,
    /// What becomes of it.
    pub class: Class,
}

/// The complete list. By schema and table, then by column, all unquoted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Lock {
    /// The replicated tables.
    pub tables: BTreeMap<(String, String), BTreeMap<String, LockedColumn>>,
}

impl Lock {
    /// The lock of a policy over the tables of production.
    pub fn of(policy: &Policy, tables: &[SourceTable]) -> Lock {
        let mut lock = Lock::default();
        for table in tables {
            let TableRule::Copy(rules) = policy.rule(&table.schema, &table.name) else { continue };
            let columns = table.columns.iter().map(|c| {
                (c.name.clone(), LockedColumn { type_name: c.type_name.clone(), class: rules.class(&c.name).clone() })
            });
            lock.tables.insert((table.schema.clone(), table.name.clone()), columns.collect());
        }
        lock
    }

    /// Takes over from the lock of before what was approved in it of columns that the file says nothing of: else writing
    /// the lock anew would turn a mask into `keep`.
    pub fn carry(&mut self, before: &Lock, unnamed: &[(String, String, String)]) {
        for (schema, table, column) in unnamed {
            let name = (schema.clone(), table.clone());
            let was = before.tables.get(&name).and_then(|t| t.get(column)).filter(|c| c.class != Class::Withheld);
            if let (Some(was), Some(now)) = (was, self.tables.get_mut(&name).and_then(|t| t.get_mut(column))) {
                now.class = was.class.clone();
            }
        }
    }

    /// Reads a lock; `None` where there is no such file.
    pub fn read(path: &Path) -> Result<Option<Lock>, Problems> {
        match std::fs::read_to_string(path) {
            Ok(text) => Lock::parse(&text).map(Some),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Problem::new("", format!("cannot read {}: {e}", path.display())).into()),
        }
    }

    /// Writes the lock, all or nothing: beside its place first, then into it.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        let beside = path.with_extension("lock.new");
        let mut file = std::fs::File::create(&beside)?;
        file.write_all(self.text().as_bytes())?;
        file.sync_all()?;
        std::fs::rename(beside, path)
    }
}

const REWRITE: &str = "sluice init --lock writes it anew, for review";

/// Lays the lock over what the file says of a table. `spoken`: does the file decide about this column, by its name or by
/// what it refers to?
pub(super) fn apply(
    lock: &Lock,
    entry: &TableEntry,
    table: &SourceTable,
    rules: TableRules,
    spoken: impl Fn(&str) -> bool,
    problems: &mut Problems,
    warnings: &mut Vec<Problem>,
) -> TableRule {
    let path = format!("tables.{}", entry.key);
    let Some(locked) = lock.tables.get(&(table.schema.clone(), table.name.clone())) else {
        let problem = Problem::new(path, format!("{} is not in sluice.lock", table.full_name())).hint(REWRITE);
        // a new table that an old glob takes in waits for a person; a name that a person wrote is a lock out of date
        match entry.pattern.exact() {
            Some(_) => problems.push(problem),
            None => warnings.push(problem),
        }
        return TableRule::Exclude;
    };
    let mut columns = BTreeMap::new();
    for column in &table.columns {
        let path = format!("{path}.columns.{}", column.name);
        let typed = rules.class(&column.name);
        let class = match locked.get(&column.name) {
            None => {
                let what = format!("{}.{} is not in sluice.lock: withheld", table.full_name(), column.name);
                warnings.push(Problem::new(path, what).hint(approve(table, column)));
                Class::Withheld
            }
            Some(was) if spoken(&column.name) && was.class != *typed => {
                let (typed, was) = (class_text(typed), class_text(&was.class));
                let what = format!("{typed} here, {was} in sluice.lock: the lock is older than sluice.yaml");
                problems.push(Problem::new(path, what).hint(REWRITE));
                continue;
            }
            Some(was) if was.type_name != column.type_name => {
                let what = format!("{} in sluice.lock, {} now: withheld", was.type_name, column.type_name);
                warnings.push(Problem::new(path, what).hint(approve(table, column)));
                Class::Withheld
            }
            Some(was) => was.class.clone(),
        };
        columns.insert(column.name.clone(), class);
    }
    for column in locked.keys().filter(|name| !table.columns.iter().any(|c| c.name == **name)) {
        let what = format!("{}.{column} is in sluice.lock, and not in the table", table.full_name());
        warnings.push(Problem::new(format!("{path}.columns.{column}"), what).hint(REWRITE));
    }
    TableRule::Copy(TableRules { columns, rest: Class::Withheld, ..rules })
}

fn approve(table: &SourceTable, column: &SourceColumn) -> String {
    format!("sluice approve {}.{} --as CLASS", table.full_name(), column.name)
}

/// Tables that the lock lists and nothing replicates.
pub(super) fn stale(lock: &Lock, policy: &Policy, warnings: &mut Vec<Problem>) {
    for (schema, name) in lock.tables.keys() {
        if !matches!(policy.rule(schema, name), TableRule::Copy(_)) {
            let what = format!("{} is in sluice.lock, and not replicated", table_name(schema, name));
            warnings.push(Problem::new("", what).hint(REWRITE));
        }
    }
}
