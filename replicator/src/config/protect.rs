//! The `protect` section: what on the target is its own, whatever else is said.

use std::collections::BTreeMap;

use filters::predicate::Predicate;
use sink_postgres::guard::OnReferenced;

use super::pattern::{Pattern, table_name};
use super::problem::{Fault, Problems};
use super::read::{At, one_of};
use super::tables::{Rule, TableEntry, predicate};

/// Of each table (schema, name), which of its rows on the target are its own.
pub type Rows = BTreeMap<(String, String), Predicate>;

/// What becomes of rows of staging's own that refer to a row which production deletes: `protect.on_referenced`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    /// Of every table that is not named.
    pub otherwise: OnReferenced,
    /// Of these.
    pub tables: Vec<(Pattern, OnReferenced)>,
}

impl References {
    /// Of a table's rows that are staging's own.
    pub fn of(&self, schema: &str, name: &str) -> OnReferenced {
        let exact = self.tables.iter().find(|(p, _)| p.exact() == Some((schema, name)));
        let found = exact.or_else(|| self.tables.iter().find(|(p, _)| p.matches(schema, name)));
        found.map_or(self.otherwise, |(_, how)| *how)
    }
}

/// The words of `protect.on_referenced`.
pub(super) const WORDS: &[(&str, OnReferenced)] =
    &[("keep", OnReferenced::Keep), ("null", OnReferenced::Null), ("remove", OnReferenced::Remove)];

/// Reads `protect.on_referenced`: one word for all, or one for each table.
pub(super) fn references(at: &At<'_>, rows: &Rows, protect: &[Pattern], problems: &mut Problems) -> References {
    let mut references = References::default();
    if at.is_scalar() {
        references.otherwise = at.word(problems, WORDS).unwrap_or_default();
        return references;
    }
    for (name, at) in at.entries(problems) {
        let Some(pattern) = named(name, &at, problems) else { continue };
        let owned = match pattern.exact() {
            Some((schema, table)) => {
                protect.iter().any(|p| p.matches(schema, table))
                    || rows.contains_key(&(schema.to_owned(), table.to_owned()))
            }
            None => protect.contains(&pattern),
        };
        if !owned {
            let fault = Fault::new("nothing of this table is staging's own")
                .hint("it is about tables of protect.tables and protect.rows, named as they are there");
            at.problem(fault, problems);
            continue;
        }
        let Some(how) = at.read(problems, |scalar| one_of(scalar, WORDS)) else { continue };
        references.tables.push((pattern, how));
    }
    references
}

/// The table that an entry is named by. One that is none is a problem there.
fn named(name: &str, at: &At<'_>, problems: &mut Problems) -> Option<Pattern> {
    Pattern::read(name).map_err(|fault| at.problem(fault, problems)).ok()
}

/// Reads `protect.tables`.
pub(super) fn tables(at: &At<'_>, problems: &mut Problems) -> Vec<Pattern> {
    at.list(problems).into_iter().filter_map(|at| at.require(problems, |scalar| Pattern::read(&scalar.text))).collect()
}

/// Reads `protect.rows`.
pub(super) fn rows(at: &At<'_>, problems: &mut Problems) -> Rows {
    let mut rows = Rows::new();
    for (name, at) in at.entries(problems) {
        let Some(pattern) = named(name, &at, problems) else { continue };
        let Some((schema, table)) = pattern.exact() else {
            at.problem(Fault::new("a glob: which rows are staging's own is said of each table by its name"), problems);
            continue;
        };
        let Some(predicate) = predicate(&at, problems) else { continue };
        if rows.insert((schema.to_owned(), table.to_owned()), predicate).is_some() {
            at.problem(Fault::new("the same table is named twice"), problems);
        }
    }
    rows
}

/// Rows are protected where others are written: elsewhere the table is, or nothing is.
pub(super) fn pointless(at: &At<'_>, rows: &Rows, tables: &[TableEntry], protect: &[Pattern], problems: &mut Problems) {
    for (schema, name) in rows.keys() {
        let entry = tables
            .iter()
            .find(|t| t.pattern.exact() == Some((schema, name)))
            .or_else(|| tables.iter().find(|t| t.pattern.exact().is_none() && t.pattern.matches(schema, name)));
        let fault = match entry.map(|entry| &entry.rule) {
            _ if protect.iter().any(|p| p.matches(schema, name)) => {
                Fault::new("all of the table is protected already, by protect.tables")
                    .hint("take it out of one of them")
            }
            None | Some(Rule::Exclude) => {
                Fault::new("nothing of this table is replicated, so none of its rows is ever written")
                    .hint("take it out; or, to say it aloud, name it in protect.tables")
            }
            Some(_) => continue,
        };
        at.get(&table_name(schema, name)).problem(fault, problems);
    }
}

/// Nothing that is protected may be written: refused as soon as the file alone shows it. What only the real tables
/// show, [`super::Config::resolve`] refuses.
pub(super) fn contradictions(at: &At<'_>, tables: &[TableEntry], protect: &[Pattern], problems: &mut Problems) {
    let excluded = |schema: &str, name: &str| {
        tables.iter().any(|t| t.rule == Rule::Exclude && t.pattern.exact() == Some((schema, name)))
    };
    for table in tables.iter().filter(|t| t.rule != Rule::Exclude) {
        for protected in protect {
            let fault = match (table.pattern.exact(), protected.exact()) {
                (Some((schema, name)), _) if protected.matches(schema, name) => {
                    Fault::new(format!("protected by protect.tables: {protected}"))
                        .hint("a table is either replicated or protected")
                }
                (None, Some((schema, name))) if table.pattern.matches(schema, name) && !excluded(schema, name) => {
                    Fault::new(format!("takes in {protected}, which protect.tables protects"))
                        .hint(format!("name it beside the glob: {protected}: exclude"))
                }
                _ => continue,
            };
            at.get(&table.key).problem(fault, problems);
        }
    }
}
