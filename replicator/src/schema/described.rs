//! What a server's tables are, in words that another server understands: names and texts, no OIDs of what somebody made.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use wire::quote_ident;

use super::Name;

/// One of the two servers, as far as the tables of the policy need it.
#[derive(Clone, Debug, Default)]
pub struct Side {
    /// As `server_version_num`.
    pub version: u32,
    /// Tables and their partitions, parents before children.
    pub relations: Vec<Relation>,
    /// Types that somebody made, which these use, each behind those that it is made of.
    pub types: Vec<Type>,
    /// Functions that somebody made, which these use: `schema.name(types)`.
    pub functions: Vec<Function>,
    /// Installed extensions.
    pub extensions: Vec<String>,
    /// Every schema.
    pub schemas: Vec<String>,
    /// Every table, view, index and sequence there is.
    pub names: Vec<Name>,
    /// Every type that somebody made.
    pub type_names: Vec<Name>,
}

/// A table, or a partition of one.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Relation {
    /// Unquoted.
    pub schema: String,
    /// Unquoted.
    pub name: String,
    /// `r` plain, `p` partitioned, `f` foreign.
    pub kind: String,
    /// What the policy names: itself, or the root that it is a partition of.
    pub root: Name,
    /// What it is a partition of.
    pub parent: Option<Name>,
    /// `FOR VALUES …`, or `DEFAULT`.
    pub bound: Option<String>,
    /// `RANGE (…)`.
    pub partition_key: Option<String>,
    /// Has it parents by plain inheritance?
    pub inherits: bool,
    /// Has it children by plain inheritance? They may be the target's own, and what is done to it is done to them.
    pub has_children: bool,
    /// In `attnum` order.
    #[serde(default)]
    pub columns: Vec<Column>,
    /// Its own, not those that a partition has of its parent.
    #[serde(default)]
    pub constraints: Vec<Constraint>,
    /// Those that no constraint brings, nor the parent's.
    #[serde(default)]
    pub indexes: Vec<Index>,
    /// Those that a column owns, or draws its default from.
    #[serde(default)]
    pub sequences: Vec<Sequence>,
}

/// A column.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct Column {
    /// Unquoted.
    pub name: String,
    /// With its length, `character varying(40)`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Of PostgreSQL's own types the same on every server.
    pub type_oid: i64,
    /// Of the base type, if it is an array.
    pub modifier: i32,
    /// Must it have a value?
    pub not_null: bool,
    /// An expression; of a generated column that which makes it.
    pub default: Option<String>,
    /// `s` stored, `v` virtual, or nothing.
    pub generated: String,
    /// `a` always, `d` by default, or nothing.
    pub identity: String,
    /// Where it is not that of its type, quoted.
    pub collation: Option<String>,
}

/// A constraint.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Constraint {
    /// Unquoted.
    pub name: String,
    /// `p`, `u`, `c`, `x`, `f`.
    pub kind: String,
    /// As the server writes it.
    pub def: String,
    /// Its columns, of a key in order.
    #[serde(default)]
    pub columns: Vec<String>,
    /// Of a foreign key, the table referred to.
    pub refers_to: Option<Name>,
}

/// An index.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Index {
    /// Unquoted.
    pub name: String,
    /// As the server writes it.
    pub def: String,
    /// Does it keep rows apart?
    pub unique: bool,
    /// Over all rows and over columns only: these, in order.
    pub columns: Option<Vec<String>>,
}

/// A sequence.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Sequence {
    /// Unquoted.
    pub schema: String,
    /// Unquoted.
    pub name: String,
    /// The column that owns it or draws from it.
    pub column: String,
    /// An identity column's own.
    pub identity: bool,
    /// Goes with its column.
    pub owned: bool,
    /// `AS bigint`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// `INCREMENT BY 1 …`.
    pub options: String,
}

/// A type that somebody made.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct Type {
    /// On its own server.
    pub oid: i64,
    /// Unquoted.
    pub schema: String,
    /// Unquoted.
    pub name: String,
    /// `e` enum, `d` domain, `c` composite, `r` range, `a` an array of one of these, else another.
    pub kind: String,
    /// Types that it is made of.
    #[serde(default)]
    pub uses: Vec<i64>,
    /// The extension that it belongs to.
    pub extension: Option<String>,
    /// Of a composite: does it come with a table?
    #[serde(default)]
    pub of_a_table: bool,
    /// Of an enum, in order.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Of a domain its base type, of a range its subtype.
    pub of: Option<String>,
    /// Of a domain.
    #[serde(default)]
    pub not_null: bool,
    /// Of a domain.
    pub default: Option<String>,
    /// Of a domain, where it is not its base type's; quoted.
    pub collation: Option<String>,
    /// Of a domain: name and text.
    #[serde(default)]
    pub checks: Vec<(String, String)>,
    /// Of a composite: name and type.
    #[serde(default)]
    pub attributes: Vec<(String, String)>,
}

/// A function that somebody made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Function {
    /// The table that uses it.
    pub of: Name,
    /// `schema.name(types)`, quoted.
    pub signature: String,
    /// The extension that it belongs to.
    pub extension: Option<String>,
}

impl Relation {
    /// `"schema"."name"`.
    pub fn quoted(&self) -> String {
        quoted(&self.schema, &self.name)
    }

    /// Schema and name.
    pub fn full_name(&self) -> Name {
        (self.schema.clone(), self.name.clone())
    }

    /// A column by its name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name == name)
    }

    /// Is there a unique index over exactly these columns, in any order?
    pub fn unique_over(&self, key: &[String]) -> bool {
        let same = |columns: &[String]| columns.len() == key.len() && key.iter().all(|k| columns.contains(k));
        let constraints = self.constraints.iter().filter(|c| matches!(c.kind.as_str(), "p" | "u"));
        constraints.map(|c| c.columns.as_slice()).any(same)
            || self.indexes.iter().filter(|i| i.unique).filter_map(|i| i.columns.as_deref()).any(same)
    }
}

impl Type {
    /// `"schema"."name"`.
    pub fn quoted(&self) -> String {
        quoted(&self.schema, &self.name)
    }
}

impl Side {
    /// The relation of that name.
    pub fn relation(&self, name: &Name) -> Option<&Relation> {
        self.relations.iter().find(|r| (&r.schema, &r.name) == (&name.0, &name.1))
    }

    /// The partitions of a root, parents before children.
    pub fn partitions(&self, root: &Name) -> impl Iterator<Item = &Relation> {
        self.relations.iter().filter(move |r| r.root == *root && r.parent.is_some())
    }

    /// The type of that name.
    pub fn named_type(&self, schema: &str, name: &str) -> Option<&Type> {
        self.types.iter().find(|t| t.schema == schema && t.name == name)
    }

    /// Is there a type of that name, whether or not a table of the policy uses it?
    pub fn has_type(&self, schema: &str, name: &str) -> bool {
        self.type_names.iter().any(|t| t.0 == schema && t.1 == name)
    }

    /// Those of these types (by OID here) that somebody made, and what they are made of: each behind that, as [`Side::types`] has them.
    pub fn made_of(&self, of: impl IntoIterator<Item = i64>) -> Vec<&Type> {
        let by_oid: HashMap<i64, &Type> = self.types.iter().map(|t| (t.oid, t)).collect();
        let mut todo: Vec<i64> = of.into_iter().collect();
        let mut met = HashSet::new();
        while let Some(oid) = todo.pop() {
            if let Some(ty) = by_oid.get(&oid).filter(|_| met.insert(oid)) {
                todo.extend(&ty.uses);
            }
        }
        self.types.iter().filter(|t| met.contains(&t.oid)).collect()
    }
}

/// `"schema"."name"`.
pub fn quoted(schema: &str, name: &str) -> String {
    format!("{}.{}", quote_ident(schema), quote_ident(name))
}
