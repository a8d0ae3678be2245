//! Name, type, comment, constraints, references and values of a column, weighed: what it holds, and what says so.
//!
//! A wrong `keep` leaks, a wrong mask only annoys. So evidence adds up and never cancels: no value and no comment makes
//! harmless what the name says is not. What cancels is in the name itself (`card_type`) and in what the table is about: the
//! city of a warehouse is nobody's. One thing values can cancel, the proposal that nothing was understood.

use std::fmt;

use super::column::{Column, Table, Type};
use super::context::Context;
use super::kind::Kind;
use super::names::Words;

/// What says so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// Its name, with its table's.
    Name,
    /// Its type.
    Type,
    /// A CHECK constraint.
    Constraint,
    /// Its values.
    Values,
    /// Its comment.
    Comment,
    /// The column that it refers to, or that refers to it.
    Reference,
}

/// What a column holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// What.
    pub kind: Kind,
    /// What says so, the strongest first.
    pub by: Vec<By>,
    /// Can nobody tell without looking whether there is something in it?
    pub guess: bool,
}

impl Finding {
    /// One piece of evidence.
    pub fn new(kind: Kind, by: By) -> Finding {
        let guess = matches!(
            kind,
            Kind::FreeText | Kind::Document | Kind::Binary | Kind::Unknown | Kind::Health | Kind::Belief | Kind::Origin
        );
        Finding { kind, by: vec![by], guess }
    }
}

/// In a few words: `an email address (name, values)`.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by: Vec<&str> = self.by.iter().map(By::word).collect();
        match self.kind {
            Kind::Unknown => f.write_str(self.kind.said()),
            kind => write!(f, "{} ({})", kind.said(), by.join(", ")),
        }
    }
}

impl By {
    fn word(&self) -> &'static str {
        match self {
            By::Name => "name",
            By::Type => "type",
            By::Constraint => "constraint",
            By::Values => "values",
            By::Comment => "comment",
            By::Reference => "reference",
        }
    }
}

/// What each column of a table holds, if it is something that should not be kept.
pub fn findings(table: &Table<'_>) -> Vec<Option<Finding>> {
    let context = Context::of(table);
    table.columns.iter().zip(&context.columns).map(|(column, words)| finding(&context, column, words)).collect()
}

fn finding(context: &Context, column: &Column<'_>, words: &Words) -> Option<Finding> {
    let holds = column.holds();
    let named = context.by_name(column, words, holds);
    let valued = by_values(context, column, words, holds);
    let found = match (named, valued) {
        (Some(named), Some(valued)) => Some(both(named, valued)),
        (named, valued) => named.or(valued),
    };
    found
        .or_else(|| by_constraint(column, holds))
        .or_else(|| by_comment(context, column, holds))
        .or_else(|| context.untold(column, words, holds).then(|| Finding::new(Kind::Unknown, By::Name)))
}

/// Name and values: the values know the form better, the name the meaning.
fn both(named: Finding, valued: Finding) -> Finding {
    let by = vec![By::Name, By::Values];
    let loose = matches!(
        named.kind,
        Kind::Username
            | Kind::ExternalId
            | Kind::Company
            | Kind::FullName
            | Kind::Url
            | Kind::FreeText
            | Kind::Document
    );
    let exact =
        matches!(valued.kind, Kind::Email | Kind::SecretUrl | Kind::Token | Kind::PasswordHash | Kind::Document);
    match () {
        () if named.kind == valued.kind => Finding { by, ..named },
        () if loose && exact => Finding { by, ..valued },
        () => named,
    }
}

fn by_values(context: &Context, column: &Column<'_>, words: &Words, holds: Type) -> Option<Finding> {
    let sample = &column.facts.sample;
    let text = holds == Type::Text;
    let kind = sample.kind().filter(|kind| match (kind, holds) {
        (Kind::Card | Kind::NationalId | Kind::TaxId, Type::Integer | Type::Number) => true,
        (kind, Type::Text) => context.may_be(*kind, words),
        _ => false,
    });
    match kind {
        Some(kind) => Some(Finding::new(kind, By::Values)),
        None if text && sample.random() && context.may_be(Kind::Token, words) => {
            Some(Finding { guess: true, ..Finding::new(Kind::Token, By::Values) })
        }
        None if text && sample.prose() && context.may_be(Kind::FreeText, words) => {
            Some(Finding::new(Kind::FreeText, By::Values))
        }
        None => None,
    }
}

fn by_constraint(column: &Column<'_>, holds: Type) -> Option<Finding> {
    let sexes = |check: &str| {
        let has = |words: &[&str]| words.iter().any(|word| check.contains(word));
        has(&["'m'", "'male'"]) && has(&["'f'", "'w'", "'female'"])
    };
    let checks = column.facts.checks.iter().filter(|_| holds == Type::Text).map(|check| check.to_lowercase());
    let kind = |check: String| match () {
        () if check.contains('@') => Some(Kind::Email),
        () if sexes(&check) => Some(Kind::Gender),
        () => None,
    };
    checks.filter_map(kind).next().map(|kind| Finding::new(kind, By::Constraint))
}

/// A comment says in its first words what a column is; the rest explains, and a long one tells a story.
fn by_comment(context: &Context, column: &Column<'_>, holds: Type) -> Option<Finding> {
    let comment = &column.facts.comment;
    if comment.split_whitespace().count() > 12 {
        return None;
    }
    let first = comment.split([',', '.', ';', '(', ':']).next().unwrap_or(comment);
    let words = Words::of(first);
    let kind = words.kind().filter(|kind| kind.fits(holds) && context.concerns(*kind, &words, holds))?;
    Some(Finding::new(kind, By::Comment))
}
