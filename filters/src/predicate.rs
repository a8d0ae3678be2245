//! Predicates over a row: `where:` of a table, `when:` of a mask, `protect.rows`.
//!
//! **A predicate is decided in two places and must come out alike**: by us, on what the stream sent, and by production, in
//! the `WHERE` of the copy. So it is a small subset of SQL in which we know the server's answer for every value of every
//! type let in, and everything else is refused by name, with its place, before a byte moves:
//!
//! | on | what |
//! |---|---|
//! | smallint, integer, bigint, numeric, real, double precision, date, timestamp, timestamptz, uuid, boolean | `= <> != < <= > >=`, `[NOT] BETWEEN`, `[NOT] IN` |
//! | text, varchar, char(n) | `= <> !=`, `[NOT] IN`, `[NOT] LIKE … [ESCAPE …]` |
//! | enums | `= <> !=`, `[NOT] IN` |
//! | boolean | itself |
//! | any but composite types | `IS [NOT] NULL` |
//! | predicates | `AND OR NOT ( )`, `IS [NOT] TRUE`, `FALSE`, `UNKNOWN`; `TRUE`, `FALSE`, `NULL` |
//!
//! A column stands against literals only. A domain is its base type. What is not here is out because its answer hangs on
//! something we do not have: order and case of text on a collation, functions on a server, `now()` on a clock.
//!
//! The walk: text is [parsed](Predicate::parse) by a well-kept SQL parser into our own closed tree; the tree is
//! [bound](Predicate::bind) to the columns of a table, which fixes each literal's type as the server's own rules would; and
//! [evaluated](Bound::eval) on rows in three-valued logic. [`Predicate::sql`] gives back one canonical text of the tree, and
//! that is what production gets: whatever the writer's text may mean to another parser, both sides decide the same tree.
//!
//! **A value that was not sent, or cannot be read, is no answer.** Where it decides, the answer is [`Truth::NeedsRow`]; a row
//! is never kept because of it. `false AND …` is false whatever the rest.

mod bind;
mod bound;
mod eval;
mod field;
mod like;
mod literal;
mod parse;
mod sql;
mod tree;

use std::fmt;

pub use self::bound::Bound;
pub use self::eval::Truth;
pub use self::field::{Collation, Field, Kind};

/// A predicate as it was written, not yet bound to a table.
///
/// Equal if the canonical texts are.
#[derive(Clone, Debug)]
pub struct Predicate {
    tree: tree::Tree,
}

impl Predicate {
    /// Reads a predicate. All that is not in the subset is told at once.
    pub fn parse(text: &str) -> Result<Predicate, PredicateError> {
        Ok(Predicate { tree: parse::parse(text)? })
    }

    /// Its canonical text: every name quoted, every operation in parentheses. The same tree gives the same text in every
    /// version: it is part of fingerprints.
    pub fn sql(&self) -> String {
        sql::write(&self.tree)
    }

    /// The same with an SQL expression in the place of each column, of which `column` is given the (unquoted) name.
    pub fn sql_of(&self, column: &dyn Fn(&str) -> String) -> String {
        sql::write_of(&self.tree, column)
    }

    /// The names of the columns it looks at, each once, in alphabetical order.
    pub fn columns(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.tree.columns(&mut |name| names.push(&*name.text));
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Binds it to the columns of a table. Unknown columns, types that do not fit, and literals that are none of their
    /// column's type are told at once.
    pub fn bind(&self, fields: &[Field]) -> Result<Bound, PredicateError> {
        bind::bind(&self.tree, self.sql(), fields)
    }
}

impl PartialEq for Predicate {
    fn eq(&self, other: &Predicate) -> bool {
        self.sql() == other.sql()
    }
}

impl Eq for Predicate {}

/// A place in a predicate's text, both from 1. Columns count characters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// Line.
    pub line: u64,
    /// Character of the line.
    pub column: u64,
}

/// One thing that is wrong with a predicate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// Where, if the parser knows.
    pub at: Option<Place>,
    /// What.
    pub what: String,
    /// What to write instead, where that can be said.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match self.at {
            Some(Place { line: 1, column }) => write!(f, " (character {column})"),
            Some(Place { line, column }) => write!(f, " (line {line}, character {column})"),
            None => Ok(()),
        }
    }
}

/// A predicate cannot be decided by us as production would decide it. Speaks of the predicate's own text, never of a row.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct PredicateError {
    /// All that is wrong, in the order of the text; at least one.
    pub problems: Vec<Problem>,
}

impl fmt::Display for PredicateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.problems.iter().enumerate() {
            write!(f, "{}{problem}", if n == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

/// Gathers problems on the way.
#[derive(Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, at: Option<Place>, what: impl Into<String>) {
        self.0.push(Problem { at, what: what.into(), hint: None });
    }

    fn hint(&mut self, at: Option<Place>, what: impl Into<String>, hint: impl Into<String>) {
        self.0.push(Problem { at, what: what.into(), hint: Some(hint.into()) });
    }

    /// Nothing was wrong, or the error. `value` is `None` only where something was.
    fn or<T>(mut self, value: Option<T>) -> Result<T, PredicateError> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => {
                self.0.sort_by_key(|p| p.at.map(|at| (at.line, at.column)));
                if self.0.is_empty() {
                    self.add(None, "it cannot be read");
                }
                Err(PredicateError { problems: self.0 })
            }
        }
    }
}
