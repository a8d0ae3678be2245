//! Proposes what becomes of a column: what `sluice init` writes for a person to judge.
//!
//! `names` reads names in eight languages, `shapes` looks at values, `evidence` weighs both with types, comments and
//! constraints, and `classes` has the one table from what was found to masks. How well it does is measured on a labelled
//! corpus; `docs/detection.md` has the figures.
//!
//! A wrong `keep` leaks, a wrong mask only annoys: where something may be a person's, the proposal is the stricter one, and
//! where nobody could tell (free text, documents) it is `drop`, marked as undecided. No value leaves this module, nor
//! stays in it: of a sample there are counts.

mod classes;
mod column;
mod common;
mod context;
mod evidence;
mod forms;
mod kind;
mod labels;
mod names;
mod numbers;
mod references;
mod sample;
mod shapes;
#[cfg(test)]
mod tests;
mod vocabulary;
mod words;
mod yaml;

pub use column::{Column, Facts, Table};
pub use kind::Kind;
pub use sample::Sample;
pub use yaml::{Found, Names, yaml};

use filters::mask::{ColumnFacts, MaskSpec};
use filters::policy::Class;

use column::Type;
use evidence::Finding;
use labels::Label;
use names::Words;
use shapes::Shape;

/// What is proposed for a column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proposal {
    /// What is to become of it.
    pub class: Class,
    /// What it seems to hold; `None` where nothing speaks against keeping it, or a label decided.
    pub kind: Option<Kind>,
    /// Why, in a few words; empty where there was nothing to think about.
    pub reason: String,
    /// Is this only the safe side, until a person has looked?
    pub undecided: bool,
}

/// What is proposed for a table as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whole {
    /// Its rows are copied.
    Copy,
    /// It stays empty on the target.
    Structure(&'static str),
    /// It is none of our business.
    Exclude(&'static str),
}

/// Tables that a migration tool writes.
const MIGRATIONS: &str = "schema migrations, schema migration, flyway schema history, ar internal metadata, prisma migrations, \
    alembic version, django migrations, knex migrations, databasechangelog, databasechangeloglock, goose db version, \
    drizzle migrations, sqlx migrations, typeorm metadata, doctrine migration versions";

/// Tables of logins and what opens doors.
const LOGINS: &str = "session, sessions, django session, password reset, password resets, access token, access tokens, refresh token, \
    refresh tokens, auth tokens, api keys, oauth tokens, login attempts, remember tokens, magic links, otp codes";

/// Proposes for a table. Logins are of no use on staging, and each side has migrations of its own.
pub fn whole(table: &str) -> Whole {
    let words = Words::of(table);
    match () {
        () if words.any(MIGRATIONS) => Whole::Exclude("each side has migrations of its own"),
        () if words.any(LOGINS) => Whole::Structure("logins and tokens open nothing on staging"),
        () => Whole::Copy,
    }
}

/// Proposes for the columns of one table, by themselves.
pub fn propose(table: &Table<'_>) -> Vec<Proposal> {
    let findings = evidence::findings(table);
    table.columns.iter().zip(findings).map(|(column, finding)| proposal(column, finding)).collect()
}

/// Proposes for the columns of all tables, each in the order of its columns: a column that refers to another becomes what
/// that one does.
pub fn proposals(found: &[Found]) -> Vec<Vec<Proposal>> {
    let nothing = Facts::default();
    let tables: Vec<Vec<Column<'_>>> = found.iter().map(|f| columns(f, &nothing)).collect();
    let mut findings: Vec<Vec<Option<Finding>>> = found
        .iter()
        .zip(&tables)
        .map(|(f, columns)| evidence::findings(&Table { name: &f.table.name, columns }))
        .collect();
    references::follow(found, &mut findings);
    let tied = references::tied(found);
    let one = |t: usize, c: usize, finding: Option<Finding>| {
        let column = &tables[t][c];
        let key = column.key || column.facts.unique || tied.contains(&(t, c));
        let column = &Column { key, ..*column };
        fitting(&found[t].table.columns[c], column, proposal(column, finding))
    };
    findings
        .into_iter()
        .enumerate()
        .map(|(t, findings)| findings.into_iter().enumerate().map(|(c, finding)| one(t, c, finding)).collect())
        .collect()
}

fn columns<'a>(found: &'a Found, nothing: &'a Facts) -> Vec<Column<'a>> {
    let column = |(i, column): (usize, &'a crate::config::SourceColumn)| Column {
        name: &column.name,
        type_name: &column.type_name,
        key: found.key.contains(&column.name),
        refers: found.table.references.iter().any(|r| r.columns.contains(&column.name)),
        facts: found.facts.get(i).unwrap_or(nothing),
    };
    found.table.columns.iter().enumerate().map(column).collect()
}

/// From what was found to what is proposed.
fn proposal(column: &Column<'_>, finding: Option<Finding>) -> Proposal {
    let holds = column.holds();
    let keep = || Proposal { class: Class::Keep, kind: None, reason: String::new(), undecided: false };
    let label = column.facts.label.as_deref().and_then(labels::read);
    let masked = |spec| Class::Mask { spec, domain: None };
    let labelled = "labelled so for PostgreSQL Anonymizer".to_owned();
    let (kind, reason, undecided) = match (label, finding) {
        (Some(Label::NotMasked), _) => return Proposal { reason: labelled, ..keep() },
        (Some(Label::Null), _) if !column.key => {
            return needing(column, Proposal { class: masked(MaskSpec::of("null", &[])), reason: labelled, ..keep() });
        }
        (Some(Label::Value(text)), _) if !column.key => {
            return Proposal {
                class: masked(MaskSpec::of("constant", &[("value", text.as_str().into())])),
                reason: labelled,
                ..keep()
            };
        }
        (Some(Label::Function(about)), finding) => {
            let kind = about.or(finding.map(|f| f.kind));
            (
                kind.or((holds == Type::Text).then_some(Kind::ExternalId)).unwrap_or(Kind::Document),
                labelled,
                kind.is_none(),
            )
        }
        (Some(_), finding) => (finding.map_or(Kind::ExternalId, |f| f.kind), labelled, false),
        (None, Some(finding)) => (finding.kind, finding.to_string(), finding.guess),
        (None, None) => return keep(),
    };
    if column.key {
        return match classes::in_key(kind, holds) {
            Some(spec) => Proposal { class: masked(spec), kind: Some(kind), reason, undecided: false },
            None => Proposal {
                class: Class::Keep,
                kind: Some(kind),
                reason: format!("{reason}; a part of a key, and no mask fits its type"),
                undecided: true,
            },
        };
    }
    let iban = Words::of(column.name).any("iban") || column.facts.sample.at_least(50, Shape::Iban);
    needing(column, Proposal { class: classes::class(kind, holds, iban), kind: Some(kind), reason, undecided })
}

/// NULL is no way out for a column that must have a value.
fn needing(column: &Column<'_>, proposal: Proposal) -> Proposal {
    let empties = match &proposal.class {
        Class::Drop => true,
        Class::Mask { spec, .. } => spec.name() == "null",
        _ => false,
    };
    let base = column.facts.base.as_deref().unwrap_or(column.type_name);
    match classes::stand_in(base, column.holds()) {
        Some(spec) if empties && column.facts.needed => {
            Proposal { class: Class::Mask { spec, domain: None }, ..proposal }
        }
        _ => proposal,
    }
}

/// What is proposed, if it fits; else what always does.
fn fitting(source: &crate::config::SourceColumn, column: &Column<'_>, proposal: Proposal) -> Proposal {
    let Class::Mask { spec, .. } = &proposal.class else { return proposal };
    let fits = spec.fits(&ColumnFacts::new(source.type_oid, source.type_modifier));
    match (fits, column.key) {
        (true, _) => proposal,
        (false, false) => needing(column, Proposal { class: Class::Drop, undecided: true, ..proposal }),
        (false, true) => Proposal {
            class: Class::Keep,
            undecided: true,
            reason: format!("{}; a part of a key, and too narrow for a mask", proposal.reason),
            ..proposal
        },
    }
}
