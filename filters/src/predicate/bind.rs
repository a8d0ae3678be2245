//! A predicate laid over the columns of a table.
//!
//! Here each literal gets the type that PostgreSQL's rules give it
//! (<https://www.postgresql.org/docs/current/typeconv-oper.html>): a literal in quotes is of its column's type, one that names
//! its type is of that, a number is a number. The rules matter where a value is rounded on the way: against a `real` a number is
//! `double precision` (and 0.1 equals no `real`), but in an IN list of several it is `real`.

use std::cmp::Ordering;

use super::decimal::OwnedDecimal;
use super::eval::{self, May, Truth};
use super::field::{Collation, Field, Kind};
use super::like::Like;
use super::parse::{Constant, Is, Literal, Name, Negated, Op, Pattern, Tree, Type};
use super::scalar::{self, Owned, Reading};
use super::{PredicateError, Problems, moment};
use crate::change::{Row, Table, Value};

/// Index into [`Bound::columns`].
pub(super) type Slot = usize;

/// A predicate that can be evaluated on the rows of a table.
#[derive(Clone, Debug)]
pub struct Bound {
    sql: String,
    columns: Vec<Column>,
    root: Node,
}

#[derive(Clone, Debug)]
struct Column {
    name: Box<str>,
    type_oid: u32,
    /// Where it stands in a row.
    index: usize,
}

#[derive(Clone, Debug)]
pub(super) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Is(Box<Node>, Is, Negated),
    Constant(Option<bool>),
    Null(Slot, Negated),
    Compare(Slot, Reading, Op, Owned),
    /// `list` ascends.
    In {
        slot: Slot,
        reading: Reading,
        negated: Negated,
        list: Vec<Owned>,
        null: bool,
    },
    Like(Slot, Negated, Like),
}

impl Bound {
    /// What it is on a row of the table that it is bound to.
    pub fn eval(&self, row: &Row) -> Truth {
        self.eval_with(|index| row.get(index))
    }

    /// The same, given the values by their index.
    pub fn eval_with<'v>(&self, value: impl Fn(usize) -> Value<'v>) -> Truth {
        self.may(value).truth()
    }

    /// Is it true of a row? False and NULL are not. `None` if a value decides that was not sent or cannot be read.
    pub fn holds(&self, row: &Row) -> Option<bool> {
        self.may(|index| row.get(index)).holds()
    }

    /// The same, given the values by their index.
    pub fn holds_with<'v>(&self, value: impl Fn(usize) -> Value<'v>) -> Option<bool> {
        self.may(value).holds()
    }

    /// The canonical text of the predicate, for a `WHERE`.
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// The columns it looks at.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|c| &*c.name)
    }

    /// The same predicate for rows of a table of another shape: columns may have moved, but must be there and be of the type
    /// for which it was bound.
    pub fn for_table(&self, table: &Table) -> Result<Bound, PredicateError> {
        let mut problems = Problems::default();
        let mut bound = self.clone();
        for column in &mut bound.columns {
            match table.columns.iter().enumerate().find(|(_, c)| c.name == column.name) {
                None => problems.add(None, format!("there is no column {} any more", column.name)),
                Some((_, c)) if c.type_oid != column.type_oid => {
                    problems.add(None, format!("column {} has another type now", column.name));
                }
                Some((index, _)) => column.index = index,
            }
        }
        problems.or(Some(bound))
    }

    fn may<'v>(&self, value: impl Fn(usize) -> Value<'v>) -> May {
        eval::eval(&self.root, &|slot| self.columns.get(slot).map_or(Value::Unchanged, |c| value(c.index)))
    }
}

/// Equal if they say the same of the same columns of the same types.
impl PartialEq for Bound {
    fn eq(&self, other: &Bound) -> bool {
        let key = |b: &Bound| b.columns.iter().map(|c| (c.name.clone(), c.type_oid, c.index)).collect::<Vec<_>>();
        self.sql == other.sql && key(self) == key(other)
    }
}

impl Eq for Bound {}

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
            Kind::Date => Reading::Moment(Type::Date),
            Kind::Timestamp => Reading::Moment(Type::Timestamp),
            Kind::TimestampTz => Reading::Moment(Type::TimestampTz),
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
            Constant::Typed(ty, _) => Some(ty),
            _ => None,
        };
        if several && list.iter().filter_map(typed).any(|ty| Reading::Moment(ty) != reading && reading != Reading::Uuid)
        {
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
        match value(&field.kind, &literal.what, several) {
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

enum Misfit {
    /// The server has no such comparison, or one that we do not know.
    Kind,
    /// It is none of the type's values, or not in the form that we read.
    Text(&'static str),
}

const DATE: Misfit = Misfit::Text("a date as '2026-01-31', in range, or 'infinity'");
const TIMESTAMP: Misfit =
    Misfit::Text("a timestamp as '2026-01-31 12:34:56.789', in range and without a zone, or 'infinity'");
const TIMESTAMPTZ: Misfit = Misfit::Text("a timestamp as '2026-01-31 12:34:56.789+02', in range, or 'infinity'");
const FLOAT: Misfit = Misfit::Text("a number in its range, or 'NaN' or 'Infinity'");

fn value(kind: &Kind, literal: &Constant, several: bool) -> Result<Owned, Misfit> {
    let integer = |text: &str, least: i64, most: i64| {
        let number: Option<i64> = text.parse().ok();
        let number = number.filter(|n| (least..=most).contains(n)).and_then(|_| OwnedDecimal::literal(text, false));
        number.map(Owned::Decimal).ok_or(Misfit::Text("an integer in its range"))
    };
    let number = |text: &str, words| {
        let number = OwnedDecimal::literal(text, words).map(Owned::Decimal);
        number.ok_or(Misfit::Text("a decimal number of at most 1000 digits"))
    };
    Ok(match (kind, literal) {
        (Kind::Smallint | Kind::Integer | Kind::Bigint | Kind::Numeric, Constant::Number(n)) => number(n, false)?,
        (Kind::Smallint, Constant::Text(t)) => integer(t, i16::MIN.into(), i16::MAX.into())?,
        (Kind::Integer, Constant::Text(t)) => integer(t, i32::MIN.into(), i32::MAX.into())?,
        (Kind::Bigint, Constant::Text(t)) => integer(t, i64::MIN, i64::MAX)?,
        (Kind::Numeric, Constant::Text(t)) => number(t, true)?,
        // a number against a real is taken as double precision, but in a list it becomes real
        (Kind::Real, Constant::Number(n)) if several => float(n, false, true).map(Owned::Float).ok_or(FLOAT)?,
        (Kind::Real | Kind::Double, Constant::Number(n)) => float(n, false, false).map(Owned::Float).ok_or(FLOAT)?,
        (Kind::Real, Constant::Text(t)) => float(t, true, true).map(Owned::Float).ok_or(FLOAT)?,
        (Kind::Double, Constant::Text(t)) => float(t, true, false).map(Owned::Float).ok_or(FLOAT)?,
        (Kind::Boolean, Constant::Bool(b)) => Owned::Bool(*b),
        (Kind::Boolean, Constant::Text(t)) => Owned::Bool(match t.to_ascii_lowercase().as_str() {
            "t" | "true" => true,
            "f" | "false" => false,
            _ => return Err(Misfit::Text("TRUE or FALSE")),
        }),
        (Kind::Date, Constant::Text(t)) => moment(Type::Date, t, DATE)?,
        (Kind::Timestamp, Constant::Text(t)) => moment(Type::Timestamp, t, TIMESTAMP)?,
        (Kind::TimestampTz, Constant::Text(t)) => moment(Type::TimestampTz, t, TIMESTAMPTZ)?,
        (Kind::Date | Kind::Timestamp | Kind::TimestampTz, Constant::Typed(ty, t)) => match ty {
            Type::Date => moment(Type::Date, t, DATE)?,
            Type::Timestamp => moment(Type::Timestamp, t, TIMESTAMP)?,
            Type::TimestampTz => moment(Type::TimestampTz, t, TIMESTAMPTZ)?,
            Type::Uuid => return Err(Misfit::Kind),
        },
        (Kind::Uuid, Constant::Text(t) | Constant::Typed(Type::Uuid, t)) => {
            let uuid = scalar::uuid(t.as_bytes()).map(Owned::Uuid);
            uuid.ok_or(Misfit::Text("a uuid as '00000000-0000-0000-0000-000000000000'"))?
        }
        (Kind::Text(_), Constant::Text(t)) => Owned::Bytes(t.as_bytes().into()),
        (Kind::Padded(_), Constant::Text(t)) => Owned::Bytes(scalar::unpadded(t.as_bytes()).into()),
        (Kind::Enum(labels), Constant::Text(t)) => match labels.contains(t) {
            true => Owned::Bytes(t.as_bytes().into()),
            false => return Err(Misfit::Text("one of its labels")),
        },
        _ => return Err(Misfit::Kind),
    })
}

fn moment(ty: Type, text: &str, misfit: Misfit) -> Result<Owned, Misfit> {
    moment::literal(ty, text).map(Owned::Moment).ok_or(misfit)
}

/// The nearest number of the type, as the server rounds; `None` where it would say "out of range".
fn float(text: &str, words: bool, single: bool) -> Option<f64> {
    OwnedDecimal::literal(text, words)?; // the form; Rust reads some that the server does not
    let number = if single { f64::from(text.parse::<f32>().ok()?) } else { text.parse::<f64>().ok()? };
    let written = text.strip_prefix(['+', '-']).unwrap_or(text);
    if written.starts_with(['i', 'I', 'n', 'N']) {
        return Some(number);
    }
    let mantissa = written.split(['e', 'E']).next().unwrap_or_default();
    let zero = !mantissa.bytes().any(|b| matches!(b, b'1'..=b'9'));
    (number.is_finite() && (number != 0.0) != zero).then_some(number)
}
