//! A target's rules for a table held against the capture's: what is added, and how that is remembered.

use filters::compiled::{Compiled, looking};
use filters::policy::{Class, TableRule, TableRules};
use sink_postgres::known::{Fate, KnownColumn, Memory};
use sink_postgres::spec::TableSpec;

use super::super::super::envelope::Described;
use super::tables::{live, type_of};
use crate::start;

/// What rules here are held against.
pub(super) struct By {
    /// Is the key the capture's, or is there none here?
    pub one_key: bool,
    /// Its id; empty: there is none.
    pub id: String,
    /// What the target knew of the tables.
    pub memory: Memory,
}

impl By {
    /// Takes out what the capture has done.
    pub fn reduce(&self, rules: &mut TableRules, table: &Described) {
        for known in live(table) {
            let Some(ty) = type_of(table, &known.name) else { continue };
            let class = rules.class(&known.name);
            let done = match class {
                Class::Mask { .. } => {
                    self.one_key && known.fate == Fate::Mask && known.print == start::print(&known.name, ty, class)
                }
                // something stands in for it
                Class::Drop | Class::Withheld => matches!(known.fate, Fate::Drop | Fate::Withheld),
                Class::Keep => true,
            };
            if done {
                rules.columns.insert(known.name.clone(), Class::Keep);
            }
        }
    }

    /// How the target is to know the table.
    pub fn spec(&self, table: &Described, compiled: &Compiled, rule: &TableRule) -> TableSpec {
        let was = &table.spec;
        let masked = compiled.masked_columns().any(|m| was.key.iter().any(|k| k == m));
        let mut known = was.known.clone();
        if let TableRule::Copy(rules) = rule {
            let looks = looking(rules, &table.shape);
            for column in known.columns.iter_mut().filter(|c| c.fate != Fate::Gone) {
                let Some(at) = table.shape.columns.iter().position(|c| *c.name == *column.name) else { continue };
                let ty = type_of(table, &column.name).unwrap_or_default();
                self.remember(column, rules.class(&column.name), ty, (looks.contains(&at), table.shape.oid));
            }
        }
        for i in compiled.concerns().into_iter().filter(|i| !compiled.sources().contains(i)) {
            let looked = table.shape.columns.get(i).map_or("", |c| &c.name);
            let number = live(table).find(|k| *k.name == *looked).map_or(0, |k| k.number);
            known.only.push_str(&format!(" #{number}"));
        }
        let away = compiled.dropped_columns().chain(compiled.withheld_columns()).map(str::to_owned);
        TableSpec {
            kinds: was.kinds.clone().filter(|_| !masked),
            pointable: was.pointable && !masked,
            withheld: was.withheld.iter().cloned().chain(away).collect(),
            known,
            ..was.clone()
        }
    }

    fn remember(&self, column: &mut KnownColumn, class: &Class, ty: &str, (looks, oid): (bool, u32)) {
        let here = start::print(&column.name, ty, class);
        match class {
            Class::Keep => {}
            Class::Mask { .. } => {
                // over what comes raw, and by the capture's key, its values are what the capture would make of it
                let alike = column.fate == Fate::Keep && self.one_key && !looks;
                let both = || blake3::hash(format!("{}\0{here}\0{}", column.print, self.id).as_bytes()).to_hex();
                let print = if alike { here } else { both().chars().take(16).collect() };
                (column.fate, column.print, column.shielded) = (Fate::Mask, print, Some(column.name.clone()));
            }
            Class::Drop => {
                // what stands in for it may be made with the key
                let stands = start::print(&column.name, "", class) + &self.id;
                let print = blake3::hash(stands.as_bytes()).to_hex().chars().take(16).collect();
                (column.fate, column.print, column.shielded) = (Fate::Drop, print, Some(column.name.clone()));
            }
            Class::Withheld => {
                let before = self.memory.values().find(|known| known.oid == oid);
                let shielded = before.and_then(|known| known.live(column.number)?.shielded.clone());
                (column.fate, column.print, column.shielded) = (Fate::Withheld, String::new(), shielded);
            }
        }
    }
}
