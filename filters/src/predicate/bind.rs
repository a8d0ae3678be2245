//! Laying a predicate over the columns of a table: how each is read, and what stands against it.

use std::cmp::Ordering;

use super::bound::{Bound, Column, Node, Slot};
use super::field::{Collation, Field, Kind};
use super::like::Like;
use super::literal::{self, Misfit};
use super::tree::{Constant, Literal, Name, Op, Pattern, Tree, Type};
use super::{PredicateError, Problems};
use crate::scalar::{Calendar, Owned, Reading};

pub(super) fn bind(tree: &Tree, sql: String, fields: &[Field]) -> Result<Bound, PredicateError> {
    let mut binder = Binder { fields, columns: Vec::new(), problems: Problems::default() };
    let root = binder.node(tree);
    let Binder { columns, problems, .. } = binder;
    problems.or(root.map(|root| Bound { sql, columns, root }))
}

struct Binder<'f> {
    fields: &'f [Field],
    columns: Vec<Column>,
    problems: Problems,
}

impl<'f> Binder<'f> {
    fn node(&mut self, tree: &Tree) -> Option<Node> {
        match tree {
            Tree::All(parts) => self.nodes(parts).map(Node::All),
            Tree::Any(parts) => self.nodes(parts).map(Node::Any),
            Tree::Not(part) => self.node(part).map(|part| Node::Not(Box::new(part))),
            Tree::Is(part, what, negated) => self.node(part).map(|part| Node::Is(Box::new(part), *what, *negated)),
            Tree::Constant(truth) => Some(Node::Constant(*truth)),
            Tree::Column(name) => {
                let (slot, field) = self.column(name)?;
                if field.kind != Kind::Boolean {
                    return self.refuse(
                        name,
                        format!("{} is {}, and only a boolean stands by itself", name.text, field.type_name),
                    );
                }
                Some(Node::Compare(slot, Reading::Boolean, Op::Eq, Owned::Bool(true)))
            }
            Tree::Null(name, negated) => {
                let (slot, field) = self.column(name)?;
                if field.kind == Kind::Composite {
                    let what =
                        format!("{} is {}: IS NULL of a composite type asks its fields", name.text, field.type_name);
                    return self.refuse(name, what);
                }
                Some(Node::Null(slot, *negated))
            }
            Tree::Compare(name, op, literal) => {
                let (slot, field) = self.column(name)?;
                let reading = self.comparable(name, field, !matches!(op, Op::Eq | Op::Ne))?;
                let literal = self.literal(name, field, literal, false)?;
                Some(Node::Compare(slot, reading, *op, literal))
            }
            Tree::Between(name, negated, low, high) => {
                let (slot, field) = self.column(name)?;
                let reading = self.comparable(name, field, true)?;
                let (low, high) = (self.literal(name, field, low, false), self.literal(name, field, high, false));
                let (low, high) = (low?, high?);
                Some(match negated {
                    false => Node::All(vec![
                        Node::Compare(slot, reading, Op::Ge, low),
                        Node::Compare(slot, reading, Op::Le, high),
                    ]),
                    true => Node::Any(vec![
                        Node::Compare(slot, reading, Op::Lt, low),
                        Node::Compare(slot, reading, Op::Gt, high),
                    ]),
                })
            }
            Tree::In(name, negated, list) => self.list(name, *negated, list),
            Tree::Like(name, negated, pattern) => self.like(name, *negated, pattern),
        }
    }

    /// All of them are looked at, that all problems are told.
    fn nodes(&mut self, parts: &[Tree]) -> Option<Vec<Node>> {
        let nodes: Vec<Option<Node>> = parts.iter().map(|part| self.node(part)).collect();
        nodes.into_iter().collect()
    }

    fn column(&mut self, name: &Name) -> Option<(Slot, &'f Field)> {
        let Some((index, field)) = self.fields.iter().enumerate().find(|(_, f)| f.name == name.text) else {
            let near = self
                .fields
                .iter()
                .map(|f| &*f.name)
                .max_by(|a, b| strsim::jaro_winkler(a, &name.text).total_cmp(&strsim::jaro_winkler(b, &name.text)));
            let what = format!("there is no column {}", name.text);
            match near.filter(|near| strsim::jaro_winkler(near, &name.text) > 0.8) {
                Some(near) => self.problems.hint(name.at, what, format!("did you mean {near}?")),
                None => self.problems.add(name.at, what),
            }
            return None;
        };
        if field.kind == Kind::Generated {
            return self.refuse(name, format!("{} is a generated column, which the stream does not carry", name.text));
        }
        let slot = match self.columns.iter().position(|c| c.name == field.name) {
            Some(slot) => slot,
            None => {
                self.columns.push(Column { name: field.name.clone(), type_oid: field.type_oid, index });
                self.columns.len() - 1
            }
        };
        Some((slot, field))
    }

    /// How to read a column's values for a comparison, `ordered` if one that asks for more than equality.
    fn comparable(&mut self, name: &Name, field: &Field, ordered: bool) -> Option<Reading> {
        let reading = match &field.kind {
            Kind::Smallint | Kind::Integer | Kind::Bigint | Kind::Numeric => Reading::Decimal,
            Kind::Real => Reading::Real,
            Kind::Double => Reading::Double,
            Kind::Boolean => Reading::Boolean,
            Kind::Date => Reading::Moment(Calendar::Date),
            Kind::Timestamp => Reading::Moment(Calendar::Timestamp),
            Kind::TimestampTz => Reading::Moment(Calendar::TimestampTz),
            Kind::Uuid => Reading::Uuid,
            Kind::Text(Collation::Nondeterministic) | Kind::Padded(Collation::Nondeterministic) => {
                let what = format!("{} has a nondeterministic collation, which only its server can compare", name.text);
                return self.refuse(name, what);
            }
            Kind::Text(_) | Kind::Padded(_) | Kind::Enum(_) if ordered => {
                let what = format!(
                    "{} is {}: a filter knows = <> IN{} of it, its order is the server's",
                    name.text,
                    field.type_name,
                    if matches!(field.kind, Kind::Enum(_)) { "" } else { " LIKE" }
                );
                return self.refuse(name, what);
            }
            Kind::Text(_) | Kind::Enum(_) => Reading::Bytes,
            Kind::Padded(_) => Reading::Padded,
            Kind::Composite | Kind::Generated | Kind::Other => {
                let what = format!("{} is {}, of which a filter knows IS NULL only", name.text, field.type_name);
                return self.refuse(name, what);
            }
        };
        Some(reading)
    }

    fn list(&mut self, name: &Name, negated: bool, list: &[Literal]) -> Option<Node> {
        let (slot, field) = self.column(name)?;
        let reading = self.comparable(name, field, false)?;
        let several = list.len() > 1;
        let quoted = |l: &&Literal| matches!(l.what, Constant::Text(_) | Constant::Typed(..));
        let values = || list.iter().filter(|l| !matches!(l.what, Constant::Null));
        if values().any(|l| quoted(&l)) && !values().all(|l| quoted(&l)) {
            return self
                .refuse(name, "an IN list has literals with quotes and without: the server would give them one type");
        }
        let typed = |l: &Literal| match l.what {
            Constant::Typed(ty, _) => Some(ty.reading()),
            _ => None,
        };
        if several && list.iter().filter_map(typed).any(|typed| typed != reading) {
            return self
                .refuse(name, format!("in an IN list literals must be of the column's type, {}", field.type_name));
        }
        let read: Vec<Option<Owned>> = values().map(|l| self.literal(name, field, l, several)).collect();
        let mut read = read.into_iter().collect::<Option<Vec<Owned>>>()?;
        read.sort_by(|a, b| a.view().compare(&b.view()).unwrap_or(Ordering::Equal));
        Some(Node::In { slot, reading, negated, null: read.len() < list.len(), list: read })
    }

    fn like(&mut self, name: &Name, negated: bool, pattern: &Pattern) -> Option<Node> {
        let (slot, field) = self.column(name)?;
        let (Kind::Text(collation) | Kind::Padded(collation)) = field.kind else {
            return self.refuse(name, format!("{} is {}, and LIKE is for text", name.text, field.type_name));
        };
        if collation == Collation::Nondeterministic {
            return self
                .refuse(name, format!("{} has a nondeterministic collation: LIKE hangs on the server", name.text));
        }
        let Some(like) = Like::new(&pattern.text, pattern.escape.as_deref()) else {
            self.problems.add(pattern.at, "the pattern of LIKE ends with its escape");
            return None;
        };
        if collation == Collation::Bytes && like.has_one() {
            self.problems.add(pattern.at, "the server's encoding is SQL_ASCII: it and we count characters differently");
            return None;
        }
        Some(Node::Like(slot, negated, like))
    }

    /// The literal's value as the server takes it against this column; `several` if it is one of more in a list.
    fn literal(&mut self, name: &Name, field: &Field, literal: &Literal, several: bool) -> Option<Owned> {
        match literal::value(&field.kind, &literal.what, several) {
            Ok(value) => Some(value),
            Err(Misfit::Kind) => {
                let what = match literal.what {
                    Constant::Number(_) => "a number",
                    Constant::Text(_) => "a text",
                    Constant::Typed(Type::Date, _) => "a date",
                    Constant::Typed(Type::Timestamp, _) => "a timestamp",
                    Constant::Typed(Type::TimestampTz, _) => "a timestamptz",
                    Constant::Typed(Type::Uuid, _) => "a uuid",
                    Constant::Bool(_) => "a boolean",
                    Constant::Null => "NULL",
                };
                let what = format!("{} is {} and stands against {what}", name.text, field.type_name);
                match (&field.kind, &literal.what) {
                    (Kind::Boolean | Kind::Composite | Kind::Other, _) | (_, Constant::Typed(..)) => {
                        self.problems.add(literal.at, what);
                    }
                    _ => self.problems.hint(literal.at, what, "write the literal in single quotes"),
                }
                None
            }
            Err(Misfit::Text(wants)) => {
                self.problems.add(literal.at, format!("{} is {} and wants {wants}", name.text, field.type_name));
                None
            }
        }
    }

    fn refuse<T>(&mut self, name: &Name, what: impl Into<String>) -> Option<T> {
        self.problems.add(name.at, what);
        None
    }
}
