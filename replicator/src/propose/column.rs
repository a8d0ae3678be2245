//! What is known of a table that is to be judged, and what its types can hold.

use super::sample::Sample;

/// A table, with all its columns: what one of them means, another may tell.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    /// Its name, without the schema.
    pub name: &'a str,
    /// Its columns.
    pub columns: &'a [Column<'a>],
}

/// One column.
#[derive(Clone, Copy, Debug)]
pub struct Column<'a> {
    /// Its name.
    pub name: &'a str,
    /// `format_type()`.
    pub type_name: &'a str,
    /// Is it part of what tells rows apart?
    pub key: bool,
    /// Does it refer to a row of another table?
    pub refers: bool,
    /// What else is known.
    pub facts: &'a Facts,
}

/// What the catalog and a look at some rows say of a column beyond its name and type.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Facts {
    /// `format_type()` of what a domain is over.
    pub base: Option<String>,
    /// Is its type an enum?
    pub enumerated: bool,
    /// Its comment.
    pub comment: String,
    /// May it not be NULL, and has no default either?
    pub needed: bool,
    /// Is it alone in a unique index?
    pub unique: bool,
    /// CHECK constraints on it, its domain's too, as the server prints them.
    pub checks: Vec<String>,
    /// PostgreSQL Anonymizer's security label.
    pub label: Option<String>,
    /// What its values look like.
    pub sample: Sample,
}

/// What a type can hold, as far as it matters here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Type {
    /// Text of any kind.
    Text,
    /// An array of texts: no mask reaches into it.
    Texts,
    /// smallint, integer, bigint.
    Integer,
    /// Other numbers.
    Number,
    /// boolean.
    Flag,
    /// date, timestamp.
    Date,
    /// time.
    Time,
    /// uuid.
    Uuid,
    /// inet, cidr.
    Network,
    /// macaddr.
    Hardware,
    /// json, hstore, xml, tsvector, arrays of such.
    Document,
    /// bytea.
    Bytes,
    /// Points and shapes on the map.
    Geometry,
    /// An enum, or a type that somebody made.
    Made,
    /// Intervals, ranges and the rest.
    Other,
}

impl Column<'_> {
    /// The characters that it holds at most, if its type says.
    pub fn room(&self) -> Option<usize> {
        let (_, inside) = self.facts.base.as_deref().unwrap_or(self.type_name).split_once('(')?;
        inside.split(')').next()?.parse().ok()
    }

    /// Is anything to be learned from its values?
    pub fn is_sampled(&self) -> bool {
        matches!(self.holds(), Type::Text | Type::Integer | Type::Number)
    }

    /// What its type can hold; a domain is what it is over.
    pub fn holds(&self) -> Type {
        if self.facts.enumerated { Type::Made } else { Type::of(self.facts.base.as_deref().unwrap_or(self.type_name)) }
    }
}

impl Type {
    /// Of `format_type()`.
    pub fn of(type_name: &str) -> Type {
        let (name, array) = match type_name.strip_suffix("[]") {
            Some(name) => (name, true),
            None => (type_name, false),
        };
        // a type of an extension may stand in a schema that is not in the search path
        let bare = name.rsplit('.').next().unwrap_or(name);
        let base = bare.split('(').next().unwrap_or(bare).trim();
        let one = match base {
            "text" | "character varying" | "character" | "bpchar" | "citext" | "name" => Type::Text,
            "smallint" | "integer" | "bigint" => Type::Integer,
            "numeric" | "double precision" | "real" | "money" => Type::Number,
            "boolean" => Type::Flag,
            "date" => Type::Date,
            "uuid" => Type::Uuid,
            "inet" | "cidr" => Type::Network,
            "macaddr" | "macaddr8" => Type::Hardware,
            "json" | "jsonb" | "hstore" | "xml" | "tsvector" => Type::Document,
            "bytea" => Type::Bytes,
            "point" | "line" | "lseg" | "box" | "path" | "polygon" | "circle" | "geometry" | "geography" => {
                Type::Geometry
            }
            base if base.starts_with("timestamp") => Type::Date,
            base if base.starts_with("time ") || base == "time" => Type::Time,
            "interval" | "oid" | "bit" | "bit varying" | "tsquery" | "pg_lsn" | "txid_snapshot" => Type::Other,
            base if base.ends_with("range") => Type::Other,
            _ => Type::Made,
        };
        match one {
            Type::Text | Type::Network if array => Type::Texts,
            Type::Document | Type::Bytes | Type::Made if array => Type::Document,
            _ if array => Type::Other,
            one => one,
        }
    }
}
