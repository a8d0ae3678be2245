//! The `tables` section: which tables leave production, and how their columns look when they do.

use std::collections::BTreeMap;

use filters::policy::Class;
use filters::predicate::Predicate;

use super::masks::{self, Domains};
use super::pattern::Pattern;
use super::problem::{Fault, Problems};
use super::read::{At, one_of};

/// What `tables:` says of one name or glob.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TableEntry {
    /// The key as typed.
    pub key: String,
    /// Whom it is said of.
    pub pattern: Pattern,
    /// What is said.
    pub rule: Rule,
    /// May the table be missing on the source?
    pub optional: bool,
}

/// What is to happen with a table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Rule {
    /// Its rows are replicated.
    Copy {
        /// The columns that are named: keep, drop or a mask.
        columns: BTreeMap<String, Class>,
        /// All the others.
        rest: Rest,
        /// Which rows; `None`: all of them.
        only: Option<Box<Predicate>>,
    },
    /// It exists on the target and stays empty.
    Structure,
    /// It never leaves production.
    Exclude,
}

impl Rule {
    pub(super) const KEEP: Rule = Rule::Copy { columns: BTreeMap::new(), rest: Rest::Keep, only: None };
}

/// What becomes of the columns that the file does not name, unless the lock says otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rest {
    /// Those that the lock lists, or without a lock those that exist at the start, are kept.
    Keep,
    /// They are withheld.
    Withhold,
}

/// Reads `tables`.
pub(super) fn tables(at: &At<'_>, domains: &Domains, problems: &mut Problems) -> Vec<TableEntry> {
    let mut tables: Vec<TableEntry> = Vec::new();
    let entries = at.entries(problems);
    if entries.is_empty() && (at.is_map() || at.is_empty()) {
        let fault = Fault::new("no table is named").hint("a table that nothing here names never leaves production");
        at.problem(fault, problems);
    }
    for (name, at) in entries {
        let pattern = match Pattern::read(name) {
            Ok(pattern) => pattern,
            Err(fault) => {
                at.problem(fault, problems);
                continue;
            }
        };
        if tables.iter().any(|t| t.pattern == pattern) {
            at.problem(Fault::new("the same table is named twice"), problems);
            continue;
        }
        let Some(rule) = rule(&at, domains, problems) else { continue };
        let optional = at.get("optional").flag(problems).unwrap_or(false);
        tables.push(TableEntry { key: name.to_owned(), pattern, rule, optional });
    }
    tables
}

fn rule(at: &At<'_>, domains: &Domains, problems: &mut Problems) -> Option<Rule> {
    if !at.is_map() {
        return at.require(problems, |scalar| match scalar.text.as_str() {
            "keep" => Ok(Rule::KEEP),
            "structure" => Ok(Rule::Structure),
            "exclude" => Ok(Rule::Exclude),
            _ => Err(Fault::new(format!("{} is none of keep, structure, exclude", scalar.shown()))
                .hint("or columns: with a rule for each column that is not kept")),
        });
    }
    let rest =
        at.get("rest").read(problems, |scalar| one_of(scalar, &[("keep", Rest::Keep), ("withhold", Rest::Withhold)]));
    let columns = at
        .get("columns")
        .entries(problems)
        .into_iter()
        .filter_map(|(name, at)| Some((name.to_owned(), class(&at, domains, problems)?)))
        .collect();
    let only = at.get("where");
    let only = if only.is_there() { Some(Box::new(predicate(&only, problems)?)) } else { None };
    Some(Rule::Copy { columns, rest: rest.unwrap_or(Rest::Keep), only })
}

/// A predicate over a row. All that is wrong with it at once.
pub(super) fn predicate(at: &At<'_>, problems: &mut Problems) -> Option<Predicate> {
    let scalar = at.scalar(problems)?;
    let read = Predicate::parse(&scalar.text).map_err(|e| {
        for problem in e.problems {
            let fault = match scalar.expanded {
                true => Fault::new(format!("{} is no predicate that sluice can decide", scalar.shown())),
                false => Fault { what: problem.to_string(), hint: problem.hint },
            };
            at.problem(fault, problems);
        }
    });
    read.ok()
}

/// A column's rule: `keep`, `drop`, a domain or a mask.
pub(super) fn class(at: &At<'_>, domains: &Domains, problems: &mut Problems) -> Option<Class> {
    if at.is_map() {
        return masks::mask(at, domains, problems).map(|spec| Class::Mask { spec, domain: None });
    }
    let scalar = at.scalar(problems)?;
    let word = scalar.text.as_str();
    match word {
        "keep" => return Some(Class::Keep),
        "drop" => return Some(Class::Drop),
        _ => {}
    }
    if let Some(spec) = domains.get(word) {
        return Some(Class::Mask { spec: spec.clone(), domain: Some(word.to_owned()) });
    }
    if !masks::is_mask(word) {
        let mut others: Vec<&str> = vec!["keep", "drop"];
        others.extend(domains.keys().map(String::as_str));
        let shown = format!("{} and no domain of that name", scalar.shown());
        at.problem(masks::unknown(word, &shown, &others), problems);
        return None;
    }
    masks::mask(at, domains, problems).map(|spec| Class::Mask { spec, domain: None })
}
