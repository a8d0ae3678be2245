//! The `overlay` section: rows of production's that have a value of staging's own, in some columns: where the mail goes, which key pays.
//!
//! An overlay is no second write behind the first. It is a mask for some rows ([`When`]), so the row comes with staging's value in
//! it: in the copy, in each change and after healing, and there is no moment in which production's stood there. What a mask is held to
//! holds for it: its value must fit the column, and in a unique column or a key it is refused.
//!
//! - Of several entries for a column the first whose condition is met says the value; where none is, the column is what it is otherwise.
//! - A condition that is unknown (a NULL) counts as met: not known to be harmless is not harmless. A NULL of production's stays one.
//! - The lock does not know of it: it says what is reviewed of a column, and this is the file's.

use std::collections::BTreeMap;

use filters::mask::{MaskSpec, When};
use filters::policy::{Class, TableRules};
use filters::predicate::Predicate;

use super::pattern::{Pattern, table_name};
use super::problem::{Fault, Problem, Problems, did_you_mean};
use super::read::At;
use super::resolve::SourceTable;
use super::tables::{Rule, TableEntry, predicate};

/// Of each table (schema, name), what is laid over its rows, in the file's order.
pub type Overlays = BTreeMap<(String, String), Vec<Overlay>>;

/// Values of staging's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlay {
    /// For these rows.
    pub rows: Predicate,
    /// By column. A text, as the column's type reads it.
    pub set: BTreeMap<String, String>,
}

/// Reads `overlay`.
pub(super) fn overlays(at: &At<'_>, problems: &mut Problems) -> Overlays {
    let mut overlays = Overlays::new();
    for (name, at) in at.entries(problems) {
        let pattern = match Pattern::read(name) {
            Ok(pattern) => pattern,
            Err(fault) => {
                at.problem(fault, problems);
                continue;
            }
        };
        let Some((schema, table)) = pattern.exact() else {
            at.problem(Fault::new("a glob: values of staging's own are said of each table by its name"), problems);
            continue;
        };
        let all = at.list(problems).into_iter().filter_map(|at| overlay(&at, problems)).collect();
        if overlays.insert((schema.to_owned(), table.to_owned()), all).is_some() {
            at.problem(Fault::new("the same table is named twice"), problems);
        }
    }
    overlays
}

fn overlay(at: &At<'_>, problems: &mut Problems) -> Option<Overlay> {
    const EXAMPLE: &str = "{ where: key = 'mail.host', set: { value: mail.staging.example } }";
    if !at.is_map() {
        at.problem(Fault::new("where: and set: are wanted").hint(EXAMPLE), problems);
        return None;
    }
    for (key, at) in at.entries(problems) {
        if !["where", "set"].contains(&key) {
            let mut fault = Fault::new("unknown key");
            fault.hint = did_you_mean(key, ["where", "set"]);
            at.problem(fault, problems);
        }
    }
    let (rows, set) = (at.get("where"), at.get("set"));
    for needed in [&rows, &set].into_iter().filter(|at| !at.is_there()) {
        problems.push(Problem::new(needed.path.clone(), "missing").hint(EXAMPLE));
    }
    let values = set.entries(problems);
    let set: BTreeMap<String, String> = values
        .into_iter()
        .filter_map(|(column, at)| Some((column.to_owned(), at.require(problems, |s| Ok(s.text.to_string()))?)))
        .collect();
    Some(Overlay { rows: predicate(&rows, problems)?, set })
}

/// Nothing is laid over rows that do not come: refused as soon as the file alone shows it.
pub(super) fn pointless(
    at: &At<'_>,
    overlays: &Overlays,
    tables: &[TableEntry],
    protect: &[Pattern],
    problems: &mut Problems,
) {
    for (schema, name) in overlays.keys() {
        let of = |exact: bool| {
            let fits = move |t: &&TableEntry| t.pattern.exact().is_some() == exact && t.pattern.matches(schema, name);
            tables.iter().find(fits)
        };
        let comes = matches!(of(true).or_else(|| of(false)).map(|t| &t.rule), Some(Rule::Copy { .. }));
        if !comes || protect.iter().any(|p| p.matches(schema, name)) {
            let fault = Fault::new("no row of this table comes, so nothing can be laid over it")
                .hint("rows that only staging has are its own: protect.rows, or protect.tables");
            at.get(&table_name(schema, name)).problem(fault, problems);
        }
    }
}

/// Lays them over what is said of a table's columns otherwise. What is withheld stays so. Gives what names no column of it.
pub(super) fn lay(overlays: &[Overlay], table: &SourceTable, rules: &mut TableRules) -> Vec<Problem> {
    let mut problems = Vec::new();
    let path = format!("overlay.{}", table.full_name());
    // the first of the file is asked first: it is laid last
    for Overlay { rows, set } in overlays.iter().rev() {
        for (column, value) in set {
            if !table.columns.iter().any(|c| c.name == *column) {
                let mut problem = Problem::new(
                    format!("{path}.set.{column}"),
                    format!("no column \"{column}\" in {}", table.full_name()),
                );
                problem.hint = did_you_mean(column, table.columns.iter().map(|c| c.name.as_str()));
                problems.push(problem);
                continue;
            }
            let otherwise = rules.class(column).clone();
            if otherwise == Class::Withheld {
                continue;
            }
            let value = MaskSpec::of("constant", &[("value", value.as_str().into())]);
            let spec = value.only(When { predicate: rows.clone(), otherwise });
            rules.columns.insert(column.clone(), Class::Mask { spec, domain: None });
        }
    }
    problems
}

/// What becomes of the rows over which nothing is laid.
pub(super) fn beneath(mut class: &Class) -> &Class {
    while let Class::Mask { spec, .. } = class
        && let Some(when) = spec.when()
    {
        class = &when.otherwise;
    }
    class
}
