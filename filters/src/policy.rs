//! Which table is copied, and what becomes of each of its columns.
//!
//! A [`Policy`] is resolved: globs, domains and the lock are behind us, names are exact. What it does not name does not
//! leave production: a table that is not in it is not replicated, and `rest` says what becomes of a column that
//! nobody had seen when the policy was written.

use std::collections::BTreeMap;

use crate::change::Column;
use crate::mask::{ColumnFacts, MaskSpec};
use crate::predicate::Predicate;

/// What becomes of a column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Class {
    /// Copied as it is.
    Keep,
    /// Not copied, on purpose.
    Drop,
    /// Not copied, because nobody has classified it yet.
    Withheld,
    /// Copied through a mask.
    Mask {
        /// The mask.
        spec: MaskSpec,
        /// The kind of value; `None` is the mask's own.
        domain: Option<String>,
    },
}

/// What becomes of the columns of a copied table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TableRules {
    /// By the column's name, unquoted. A name that the table does not have is no error: it may have had it yesterday.
    pub columns: BTreeMap<String, Class>,
    /// What becomes of a column that is not named above.
    pub rest: Class,
    /// Of which rows this is true, they come; `None`: all.
    pub only: Option<Box<Predicate>>,
    /// Columns that the target must have a value of, and whether it must be another in each row: where they do not come,
    /// something stands in. Takes no part in fingerprints.
    pub required: BTreeMap<String, bool>,
    /// What the catalog says of their types beyond the stream. Takes no part in fingerprints.
    pub facts: BTreeMap<String, ColumnFacts>,
}

impl TableRules {
    /// Rules for a table of whose types the catalog was not asked.
    pub fn new(columns: BTreeMap<String, Class>, rest: Class) -> TableRules {
        TableRules { columns, rest, only: None, required: BTreeMap::new(), facts: BTreeMap::new() }
    }

    /// What is known of a column. What the catalog said of another type holds no more.
    pub fn facts(&self, column: &Column) -> ColumnFacts {
        let of_now = |f: &&ColumnFacts| (f.type_oid, f.type_modifier) == (column.type_oid, column.type_modifier);
        let known = self.facts.get(&*column.name).filter(of_now);
        known.cloned().unwrap_or_else(|| ColumnFacts::new(column.type_oid, column.type_modifier))
    }

    /// What becomes of a column.
    pub fn class(&self, column: &str) -> &Class {
        self.columns.get(column).unwrap_or(&self.rest)
    }
}

/// What becomes of a table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TableRule {
    /// Its rows are copied.
    Copy(TableRules),
    /// It exists on the target and stays empty.
    Structure,
    /// It does not exist for us. The same as not being named, said aloud.
    Exclude,
}

/// What becomes of every table.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Policy {
    /// By schema and name, unquoted.
    pub tables: BTreeMap<(String, String), TableRule>,
}

impl Policy {
    /// What becomes of a table; `Exclude` if it is not named.
    pub fn rule(&self, schema: &str, table: &str) -> &TableRule {
        // a map keyed by owned pairs cannot be asked with borrowed ones; this happens once per shape of a table
        self.tables.get(&(schema.to_owned(), table.to_owned())).unwrap_or(&TableRule::Exclude)
    }

    /// 32 hexadecimal characters that are equal for equal policies, on every machine and in every version that knows the
    /// same rules, and different for different ones. Says nothing about the key.
    pub fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new_derive_key("sluice 2026-01-01 policy fingerprint v1");
        // each part with its length in front: no two lists of parts read the same
        let mut part = |text: &str| {
            hasher.update(&(text.len() as u64).to_be_bytes());
            hasher.update(text.as_bytes());
        };
        for ((schema, table), rule) in &self.tables {
            part("table");
            part(schema);
            part(table);
            match rule {
                TableRule::Structure => part("structure"),
                TableRule::Exclude => part("exclude"),
                TableRule::Copy(rules) => {
                    part("copy");
                    if let Some(only) = &rules.only {
                        part("where");
                        part(&only.sql());
                    }
                    for (column, class) in &rules.columns {
                        part("column");
                        part(column);
                        put_class(class, &mut part);
                    }
                    part("rest");
                    put_class(&rules.rest, &mut part);
                }
            }
        }
        let mut text = hasher.finalize().to_hex().to_string();
        text.truncate(32);
        text
    }
}

fn put_class(class: &Class, part: &mut impl FnMut(&str)) {
    match class {
        Class::Keep => part("keep"),
        Class::Drop => part("drop"),
        Class::Withheld => part("withheld"),
        Class::Mask { spec, domain } => {
            part("mask");
            part(&spec.describe());
            match domain {
                Some(domain) => {
                    part("domain");
                    part(domain);
                }
                None => part("no domain"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(columns: &[(&str, Class)], rest: Class) -> Policy {
        let columns = columns.iter().map(|(n, c)| ((*n).to_owned(), c.clone())).collect();
        let rule = TableRule::Copy(TableRules::new(columns, rest));
        Policy { tables: BTreeMap::from([(("public".to_owned(), "t".to_owned()), rule)]) }
    }

    #[test]
    fn the_fingerprint_of_today_is_the_fingerprint_of_tomorrow() {
        let spec = MaskSpec::of("email", &[("keep_domain", true.into())]);
        let p = policy(&[("a", Class::Keep), ("b", Class::Mask { spec, domain: Some("d".into()) })], Class::Withheld);
        assert_eq!(p.fingerprint(), "dd8c26667a43e33e8f500d3bbd6a4eaf");
    }

    #[test]
    fn whatever_differs_shows() {
        let hash = |length: Option<i64>| {
            MaskSpec::of("hash", &length.map(|n| ("length", n.into())).into_iter().collect::<Vec<_>>())
        };
        let mask = |spec, domain: Option<&str>| Class::Mask { spec, domain: domain.map(str::to_owned) };
        let constant = |text: &str| MaskSpec::of("constant", &[("value", text.into())]);
        let mut all = vec![
            Policy::default(),
            policy(&[], Class::Keep),
            policy(&[], Class::Withheld),
            policy(&[], Class::Drop),
            policy(&[("a", Class::Keep)], Class::Keep),
            policy(&[("b", Class::Keep)], Class::Keep),
            policy(&[("a", mask(hash(None), None))], Class::Keep),
            policy(&[("a", mask(hash(Some(9)), None))], Class::Keep),
            policy(&[("a", mask(hash(None), Some("")))], Class::Keep),
            policy(&[("a", mask(hash(None), Some("x")))], Class::Keep),
            policy(&[("a", mask(constant("\""), None))], Class::Keep),
            policy(&[("a", mask(constant("\\\""), None))], Class::Keep),
            policy(&[("a", mask(constant("\u{fc}"), None))], Class::Keep),
            policy(&[("a", mask(constant("\\u{fc}"), None))], Class::Keep),
        ];
        for rule in [TableRule::Structure, TableRule::Exclude] {
            all.push(Policy { tables: BTreeMap::from([(("public".to_owned(), "t".to_owned()), rule)]) });
        }
        let mut prints: Vec<_> = all.iter().map(Policy::fingerprint).collect();
        prints.sort();
        prints.dedup();
        assert_eq!(prints.len(), all.len());
        assert!(prints.iter().all(|p| p.len() == 32));
    }
}
