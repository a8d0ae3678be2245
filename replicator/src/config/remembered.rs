//! The policy held against what was known of the tables when they were registered last.
//!
//! A name that a person wrote down is not a column for ever: a migration can give it to another one. What a column is,
//! its number tells. So two things are withheld that the names alone would let pass: without a lock, a column that was not
//! there when its table was copied, or that had another name; and always, a column that was masked or dropped under
//! another name and would now come as it is.

use std::collections::HashSet;

use filters::policy::{Class, TableRule};
use sink_postgres::known::{Fate, Memory};

use super::overlay::beneath;
use super::problem::Problem;
use super::resolve::{Resolved, SourceTable};
use super::table_name;

impl Resolved {
    /// Withholds what nobody has looked at under its present name, with a warning each.
    pub fn remember(&mut self, tables: &[SourceTable], memory: &Memory) {
        let guessed: HashSet<_> = self.guessed.iter().cloned().collect();
        for table in tables {
            let name = (table.schema.clone(), table.name.clone());
            let Some(TableRule::Copy(rules)) = self.policy.tables.get_mut(&name) else { continue };
            // the same table, whatever it was called; else another one that had this name
            let same = memory.iter().find(|(_, known)| known.oid == table.oid);
            let Some((called, known)) = same.or_else(|| memory.get_key_value(&name)) else { continue };
            for column in &table.columns {
                let before = match same {
                    Some(_) => known.live(column.number).filter(|c| c.name == column.name),
                    None => known.columns.iter().find(|c| c.name == column.name && c.fate != Fate::Gone),
                };
                let guess = guessed.contains(&(name.0.clone(), name.1.clone(), column.name.clone()));
                let shielded = same.and_then(|_| known.live(column.number)?.shielded.as_deref());
                let moved = |was: &&str| *was != column.name || guess && *called != name;
                let (what, hint) = match shielded.filter(moved) {
                    Some(was) if *beneath(rules.class(&column.name)) == Class::Keep => (
                        format!(
                            "is what was masked or dropped as {}.{was}: withheld",
                            table_name(&called.0, &called.1)
                        ),
                        "mask or drop it under its new name; if it may be seen by now, leave the table out of `tables:` for one run",
                    ),
                    _ if guess && before.is_none_or(|b| b.fate == Fate::Withheld) => (
                        "came after the table was copied, and nobody has classified it: withheld".to_owned(),
                        "give it a class there, or sluice init --lock once it has been looked at",
                    ),
                    _ => continue,
                };
                rules.columns.insert(column.name.clone(), Class::Withheld);
                let path = format!("tables.{}.columns.{}", table_name(&name.0, &name.1), column.name);
                self.warnings.push(Problem::new(path, what).hint(hint));
            }
        }
    }
}
