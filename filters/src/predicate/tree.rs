//! What a predicate is made of: our own closed tree, whoever has read it.

use super::Place;
use crate::scalar::{Calendar, Reading};

/// What a predicate is made of.
#[derive(Clone, Debug)]
pub(super) enum Tree {
    All(Vec<Tree>),
    Any(Vec<Tree>),
    Not(Box<Tree>),
    /// `IS [NOT] TRUE`, `FALSE`, `UNKNOWN`.
    Is(Box<Tree>, Is, Negated),
    /// `TRUE`, `FALSE`, `NULL`.
    Constant(Option<bool>),
    /// A boolean column by itself.
    Column(Name),
    /// `IS [NOT] NULL`.
    Null(Name, Negated),
    Compare(Name, Op, Literal),
    Between(Name, Negated, Literal, Literal),
    In(Name, Negated, Vec<Literal>),
    Like(Name, Negated, Pattern),
}

pub(super) type Negated = bool;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Is {
    True,
    False,
    Unknown,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Op {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// A column's name, unquoted and folded as PostgreSQL folds it.
#[derive(Clone, Debug)]
pub(super) struct Name {
    pub(super) text: Box<str>,
    pub(super) at: Option<Place>,
}

#[derive(Clone, Debug)]
pub(super) struct Literal {
    pub(super) what: Constant,
    pub(super) at: Option<Place>,
}

#[derive(Clone, Debug)]
pub(super) enum Constant {
    /// As SQL writes it without quotes, a minus sign in front where there is one.
    Number(Box<str>),
    /// In quotes: of whatever type it stands against.
    Text(Box<str>),
    /// In quotes with a type said aloud.
    Typed(Type, Box<str>),
    Bool(bool),
    Null,
}

/// Types that a literal may name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Type {
    Date,
    Timestamp,
    TimestampTz,
    Uuid,
}

impl Type {
    /// How its values are read.
    pub(super) fn reading(self) -> Reading {
        match self {
            Type::Date => Reading::Moment(Calendar::Date),
            Type::Timestamp => Reading::Moment(Calendar::Timestamp),
            Type::TimestampTz => Reading::Moment(Calendar::TimestampTz),
            Type::Uuid => Reading::Uuid,
        }
    }
}

/// The pattern of a LIKE with its escape: `None` is the backslash, the empty text is none at all.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    pub(super) text: Box<str>,
    pub(super) escape: Option<Box<str>>,
    pub(super) at: Option<Place>,
}

impl Op {
    pub(super) fn sql(self) -> &'static str {
        match self {
            Op::Eq => "=",
            Op::Ne => "<>",
            Op::Lt => "<",
            Op::Le => "<=",
            Op::Gt => ">",
            Op::Ge => ">=",
        }
    }

    /// The same with its sides swapped.
    pub(super) fn swapped(self) -> Op {
        match self {
            Op::Eq | Op::Ne => self,
            Op::Lt => Op::Gt,
            Op::Le => Op::Ge,
            Op::Gt => Op::Lt,
            Op::Ge => Op::Le,
        }
    }
}

impl Tree {
    /// Every column that is named, in the order of the text.
    pub(super) fn columns<'t>(&'t self, each: &mut impl FnMut(&'t Name)) {
        match self {
            Tree::All(parts) | Tree::Any(parts) => parts.iter().for_each(|part| part.columns(each)),
            Tree::Not(part) | Tree::Is(part, ..) => part.columns(each),
            Tree::Constant(_) => {}
            Tree::Column(name)
            | Tree::Null(name, _)
            | Tree::Compare(name, ..)
            | Tree::Between(name, ..)
            | Tree::In(name, ..)
            | Tree::Like(name, ..) => each(name),
        }
    }
}
