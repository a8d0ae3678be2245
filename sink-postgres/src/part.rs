//! A part of a table, and the SQL that means its rows: the same on both servers.

use wire::{quote_ident, quote_literal};

use crate::key::Key;
use crate::mapping::Mapping;
use crate::pending::Range;

/// What is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A range of keys; the whole table if it has no ends.
    Range(Range),
    /// Rows with one of these keys.
    Points(Vec<Key>),
}

/// A key column as conditions name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyColumn {
    /// Quoted.
    pub name: String,
    /// Its type, without a length.
    pub cast: String,
    /// Its equality, `OPERATOR(schema.=)`: with an empty search_path that of an extension's type is not found, or another's is.
    pub equals: String,
}

/// The key columns, for [`part_condition`].
pub fn key_columns(names: &[String], m: &Mapping) -> Vec<KeyColumn> {
    names
        .iter()
        .map(|n| {
            let quoted = quote_ident(n);
            let at = m.columns.iter().position(|c| c.quoted == quoted);
            let cast = at.and_then(|i| m.columns.get(i)).map_or("pg_catalog.text", |c| c.cast.as_str()).to_owned();
            let equals = m.key.iter().flat_map(|k| k.columns.iter().zip(&k.operators)).find(|(i, _)| Some(**i) == at);
            let equals = equals.map_or("=", |(_, op)| op.as_str()).to_owned();
            KeyColumn { name: quoted, cast, equals }
        })
        .collect()
}

/// `(a, b) >= (x, y)` conditions of a range over these quoted columns, each bound cast to the column's own type.
fn range_condition(columns: &[KeyColumn], range: &Range) -> String {
    let side = |bound: &Key, op: &str| {
        let names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
        let values: Vec<String> =
            bound.iter().zip(columns).map(|(v, c)| format!("{}::{}", quote_literal(v), c.cast)).collect();
        format!("({}) {op} ({})", names.join(", "), values.join(", "))
    };
    match (&range.lo, &range.hi) {
        (None, None) => "true".into(),
        (Some(lo), None) => side(lo, ">="),
        (None, Some(hi)) => side(hi, "<"),
        (Some(lo), Some(hi)) => format!("{} AND {}", side(lo, ">="), side(hi, "<")),
    }
}

/// A part as SQL over these (already quoted) key columns and their types.
pub fn part_condition(columns: &[KeyColumn], part: &Part) -> String {
    match part {
        Part::Range(range) => range_condition(columns, range),
        Part::Points(keys) => {
            let keys: Vec<String> = keys
                .iter()
                .map(|k| {
                    let same = |(v, c): (&String, &KeyColumn)| {
                        format!("{} {} {}::{}", c.name, c.equals, quote_literal(v), c.cast)
                    };
                    k.iter().zip(columns).map(same).collect::<Vec<_>>().join(" AND ")
                })
                .collect();
            format!("({})", keys.join(" OR "))
        }
    }
}
