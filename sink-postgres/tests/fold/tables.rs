//! The tables of the tests: one of each kind that the fold tells apart, mapped as the sink maps them.

use std::sync::{Arc, LazyLock};

use filters::change::{Column, Identity, Row, RowBuilder, Table as Shape, Value};
use sink_postgres::catalog;
use sink_postgres::guard::Guard;
use sink_postgres::mapping::Mapping;

/// A kind of table.
pub struct Kind {
    pub name: &'static str,
    pub columns: &'static [&'static str],
    /// The key's columns, in the order of the target's unique index.
    pub key: &'static [usize],
    pub identity: Identity,
    /// A unique column beside the key.
    pub unique: Option<usize>,
    /// GENERATED ALWAYS AS IDENTITY.
    pub always: Option<usize>,
    /// Keys that differ in case only are equal, as with `citext`.
    pub any_case: bool,
}

impl Kind {
    /// Must a column have a value?
    pub fn not_null(&self, i: usize) -> bool {
        self.key.contains(&i) || self.always == Some(i)
    }
}

const PLAIN: Kind = Kind {
    name: "keyed",
    columns: &["id", "a", "b"],
    key: &[0],
    identity: Identity::Default,
    unique: None,
    always: None,
    any_case: false,
};

pub const KEYED: usize = 0;
pub const UNIQUE: usize = 1;
pub const COMPOSITE: usize = 2;
pub const ALWAYS_KEY: usize = 3;
pub const ALWAYS_OTHER: usize = 4;
pub const ANY_CASE: usize = 10;
/// [`KEYED`] after `ALTER TABLE … ADD COLUMN c`: another mapping of the same table.
pub const KEYED_LATER: usize = 11;

pub const KINDS: [Kind; 12] = [
    PLAIN,
    Kind { name: "with_unique", columns: &["id", "u", "a"], unique: Some(1), ..PLAIN },
    Kind { name: "composite", columns: &["a", "k2", "k1", "b"], key: &[2, 1], ..PLAIN },
    Kind { name: "always_key", always: Some(0), ..PLAIN },
    Kind { name: "always_other", columns: &["id", "n", "a"], always: Some(1), ..PLAIN },
    Kind { name: "keyless", columns: &["a", "b"], key: &[], ..PLAIN },
    Kind { name: "whole_keyless", columns: &["a", "b"], key: &[], identity: Identity::Full, ..PLAIN },
    Kind { name: "whole_keyed", identity: Identity::Full, ..PLAIN },
    Kind { name: "only_key", columns: &["k1", "k2"], key: &[0, 1], ..PLAIN },
    // a part of the key may be stored outside the row
    Kind { name: "long_key", columns: &["a", "k", "k1", "b"], key: &[1, 2], ..PLAIN },
    Kind { name: "any_case", columns: &["k", "a"], any_case: true, ..PLAIN },
    Kind { name: "keyed", columns: &["id", "a", "b", "c"], ..PLAIN },
];

/// Which table of the target a mapping is of.
pub fn place(map: usize) -> usize {
    if map == KEYED_LATER { KEYED } else { map }
}

/// How many values the rows of a table of the target have.
pub fn width(place: usize) -> usize {
    KINDS[if place == KEYED { KEYED_LATER } else { place }].columns.len()
}

/// The mappings, as the sink has them; the index of a kind is the index of its mapping.
pub fn maps() -> &'static [Arc<Mapping>] {
    static MAPS: LazyLock<Vec<Arc<Mapping>>> = LazyLock::new(|| KINDS.iter().map(mapping).collect());
    &MAPS
}

fn mapping(kind: &Kind) -> Arc<Mapping> {
    let full = kind.identity == Identity::Full;
    let shape = Shape {
        oid: 1,
        schema: "public".into(),
        name: kind.name.into(),
        identity: kind.identity,
        columns: (0..kind.columns.len())
            .map(|i| Column {
                name: kind.columns[i].into(),
                type_oid: 25,
                type_modifier: -1,
                key: full || kind.key.contains(&i),
            })
            .collect(),
    };
    let index = |columns: &[usize], primary| catalog::Unique {
        name: format!("{}_{primary}", kind.name),
        columns: columns.iter().map(|&i| kind.columns[i].to_owned()).collect(),
        operators: columns.iter().map(|_| "OPERATOR(pg_catalog.=)".to_owned()).collect(),
        primary,
        usable: true,
        deferrable: false,
    };
    let key = (!kind.key.is_empty()).then(|| index(kind.key, true));
    let table = catalog::Table {
        oid: 1,
        schema: "public".into(),
        name: kind.name.into(),
        kind: 'r',
        unlogged: false,
        referenced: false,
        fires: false,
        always: vec![],
        shares: vec![],
        row_security: false,
        may_truncate: true,
        may_write: true,
        columns: (0..kind.columns.len())
            .map(|i| catalog::Column {
                name: kind.columns[i].into(),
                type_name: "text".into(),
                generated: false,
                identity_always: kind.always == Some(i),
                not_null: kind.not_null(i),
                has_default: kind.always == Some(i),
            })
            .collect(),
        unique: key.into_iter().chain(kind.unique.map(|u| index(&[u], false))).collect(),
    };
    Arc::new(Mapping::new(&Guard::new([], true), &Arc::new(shape), &table).expect("the tables of the tests fit"))
}

/// A value of a row that is stored.
pub type Cell = Option<String>;

/// A value of a row that is sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Sent {
    Null,
    Unchanged,
    Text(String),
}

impl Sent {
    pub fn of(cell: &Cell) -> Sent {
        cell.clone().map_or(Sent::Null, Sent::Text)
    }
}

/// A row as the stream sends it.
pub fn row(values: &[Sent]) -> Row {
    let mut b = RowBuilder::new();
    for value in values {
        b.push(match value {
            Sent::Null => Value::Null,
            Sent::Unchanged => Value::Unchanged,
            Sent::Text(text) => Value::Text(text.as_bytes()),
        });
    }
    b.finish()
}

/// One value of such a row.
pub fn sent(row: &Row, i: usize) -> Sent {
    match row.get(i) {
        Value::Null => Sent::Null,
        Value::Unchanged => Sent::Unchanged,
        Value::Text(v) | Value::Binary(v) => Sent::Text(String::from_utf8(v.to_vec()).expect("the tests write UTF-8")),
    }
}

/// Is a value as long as those that are stored outside the row?
pub fn is_external(cell: &Cell) -> bool {
    cell.as_ref().is_some_and(|v| v.starts_with('~'))
}
