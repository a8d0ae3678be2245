//! What must be known of a column to decide about it as its server would.

use std::fmt;
use std::sync::Arc;

use crate::change::Column;

/// A column of the table that a predicate is bound to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field {
    /// Its name, unquoted.
    pub name: Box<str>,
    /// `pg_type.oid` as the stream names it: of a domain, the domain's.
    pub type_oid: u32,
    /// The type as SQL writes it, for messages.
    pub type_name: Box<str>,
    /// What it is to us.
    pub kind: Kind,
}

impl Field {
    /// A column of a type that comes with PostgreSQL, its text under a deterministic collation. What is not built in is
    /// [`Kind::Other`]: only the catalog knows an enum, a domain or a collation.
    pub fn built_in(column: &Column) -> Field {
        let kind = Kind::built_in(column.type_oid, Collation::Deterministic);
        let type_name = format!("{kind}").into();
        Field { name: column.name.clone(), type_oid: column.type_oid, type_name, kind }
    }
}

/// A type, as far as predicates tell types apart. A domain is what its base type is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// smallint.
    Smallint,
    /// integer.
    Integer,
    /// bigint.
    Bigint,
    /// numeric, of any precision.
    Numeric,
    /// real.
    Real,
    /// double precision.
    Double,
    /// boolean.
    Boolean,
    /// date.
    Date,
    /// timestamp without time zone.
    Timestamp,
    /// timestamp with time zone.
    TimestampTz,
    /// uuid.
    Uuid,
    /// text or varchar.
    Text(Collation),
    /// char(n): padded with blanks that do not count in comparisons, and do in LIKE.
    Padded(Collation),
    /// An enum and its labels.
    Enum(Arc<[Box<str>]>),
    /// A row type, whose IS NULL asks its fields.
    Composite,
    /// Stored generated or virtual: the stream does not carry it.
    Generated,
    /// Anything else.
    Other,
}

/// What decides whether two texts are equal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Collation {
    /// Equal if their bytes are.
    #[default]
    Deterministic,
    /// The collation says.
    Nondeterministic,
    /// Their bytes, and the server does not know characters (encoding SQL_ASCII).
    Bytes,
}

impl Kind {
    /// The kind of a built-in type; [`Kind::Other`] for all that is not let in. (`src/include/catalog/pg_type.dat`.)
    pub fn built_in(type_oid: u32, collation: Collation) -> Kind {
        match type_oid {
            16 => Kind::Boolean,
            20 => Kind::Bigint,
            21 => Kind::Smallint,
            23 => Kind::Integer,
            25 | 1043 => Kind::Text(collation),
            700 => Kind::Real,
            701 => Kind::Double,
            1042 => Kind::Padded(collation),
            1082 => Kind::Date,
            1114 => Kind::Timestamp,
            1184 => Kind::TimestampTz,
            1700 => Kind::Numeric,
            2950 => Kind::Uuid,
            _ => Kind::Other,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Smallint => "smallint",
            Kind::Integer => "integer",
            Kind::Bigint => "bigint",
            Kind::Numeric => "numeric",
            Kind::Real => "real",
            Kind::Double => "double precision",
            Kind::Boolean => "boolean",
            Kind::Date => "date",
            Kind::Timestamp => "timestamp without time zone",
            Kind::TimestampTz => "timestamp with time zone",
            Kind::Uuid => "uuid",
            Kind::Text(_) => "text",
            Kind::Padded(_) => "character",
            Kind::Enum(_) => "an enum",
            Kind::Composite => "a composite type",
            Kind::Generated => "a generated column",
            Kind::Other => "another type",
        })
    }
}
