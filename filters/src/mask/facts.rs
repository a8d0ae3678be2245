//! What a mask must know of the column it is for.

use std::sync::Arc;

use crate::predicate::{Collation, Field, Kind};

/// `pg_type.oid`s, from `src/include/catalog/pg_type.dat`.
pub(crate) mod oid {
    pub const BOOL: u32 = 16;
    pub const BYTEA: u32 = 17;
    pub const NAME: u32 = 19;
    pub const INT8: u32 = 20;
    pub const INT2: u32 = 21;
    pub const INT4: u32 = 23;
    pub const TEXT: u32 = 25;
    pub const JSON: u32 = 114;
    pub const XML: u32 = 142;
    pub const CIDR: u32 = 650;
    pub const FLOAT4: u32 = 700;
    pub const FLOAT8: u32 = 701;
    pub const MACADDR8: u32 = 774;
    pub const MONEY: u32 = 790;
    pub const MACADDR: u32 = 829;
    pub const INET: u32 = 869;
    pub const BPCHAR: u32 = 1042;
    pub const VARCHAR: u32 = 1043;
    pub const DATE: u32 = 1082;
    pub const TIME: u32 = 1083;
    pub const TIMESTAMP: u32 = 1114;
    pub const TIMESTAMPTZ: u32 = 1184;
    pub const INTERVAL: u32 = 1186;
    pub const TIMETZ: u32 = 1266;
    pub const NUMERIC: u32 = 1700;
    pub const UUID: u32 = 2950;
    pub const JSONB: u32 = 3802;
    /// The first that is not PostgreSQL's own (`FirstNormalObjectId`, `src/include/access/transam.h`).
    pub const FIRST_USER: u32 = 16384;

    /// Arrays and what they are of.
    pub const ARRAYS: &[(u32, u32)] = &[
        (1000, BOOL),
        (1001, BYTEA),
        (1003, NAME),
        (1016, INT8),
        (1005, INT2),
        (1007, INT4),
        (1009, TEXT),
        (199, JSON),
        (143, XML),
        (651, CIDR),
        (1021, FLOAT4),
        (1022, FLOAT8),
        (775, MACADDR8),
        (791, MONEY),
        (1040, MACADDR),
        (1041, INET),
        (1014, BPCHAR),
        (1015, VARCHAR),
        (1182, DATE),
        (1183, TIME),
        (1115, TIMESTAMP),
        (1185, TIMESTAMPTZ),
        (1187, INTERVAL),
        (1270, TIMETZ),
        (1231, NUMERIC),
        (2951, UUID),
        (3807, JSONB),
    ];
}

/// A column's type, as far as masks care.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ColumnFacts {
    /// `pg_type.oid`.
    pub type_oid: u32,
    /// `atttypmod`, -1 where there is none.
    pub type_modifier: i32,
    /// What the catalog says of a type that is not PostgreSQL's own.
    pub made: Made,
    /// What decides whether two of its texts are equal.
    pub collation: Collation,
}

/// What a type is that somebody made.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Made {
    /// One of PostgreSQL's own, or nobody has asked the catalog.
    #[default]
    Unknown,
    /// A domain over this.
    Domain(Arc<ColumnFacts>),
    /// An enum with these labels, in their order.
    Enum(Arc<[String]>),
    /// An array of this.
    Array(Arc<ColumnFacts>),
    /// A row type.
    Composite,
    /// Anything else, by its name without the schema: `citext`, `hstore`.
    Named(Arc<str>),
}

impl ColumnFacts {
    /// A column of type `text`.
    pub const TEXT: ColumnFacts = ColumnFacts::new(oid::TEXT, -1);

    /// A column of a type that is PostgreSQL's own, or of which nobody knows more.
    pub const fn new(type_oid: u32, type_modifier: i32) -> ColumnFacts {
        ColumnFacts { type_oid, type_modifier, made: Made::Unknown, collation: Collation::Deterministic }
    }

    /// The type under all domains.
    pub fn base(&self) -> &ColumnFacts {
        match &self.made {
            Made::Domain(base) => base.base(),
            _ => self,
        }
    }

    /// What it is an array of, if it is one.
    pub fn element(&self) -> Option<ColumnFacts> {
        let base = self.base();
        match &base.made {
            Made::Array(element) => Some(ColumnFacts::clone(element)),
            // an array's modifier is that of its elements
            _ => oid::ARRAYS
                .iter()
                .find(|(array, _)| *array == base.type_oid)
                .map(|(_, element)| ColumnFacts::new(*element, base.type_modifier)),
        }
    }

    /// What a predicate must know of it.
    pub fn field(&self, name: &str) -> Field {
        let base = self.base();
        let kind = match &base.made {
            Made::Enum(labels) => Kind::Enum(labels.iter().map(|label| label.as_str().into()).collect()),
            Made::Composite => Kind::Composite,
            _ => Kind::built_in(base.type_oid, self.collation),
        };
        let type_name = match &base.made {
            Made::Named(name) => Box::from(&**name),
            _ => format!("{kind}").into(),
        };
        Field { name: name.into(), type_oid: self.type_oid, type_name, kind }
    }

    /// Is it, under all domains, the type of this name that an extension made?
    pub fn is_named(&self, name: &str) -> bool {
        matches!(&self.base().made, Made::Named(made) if **made == *name)
    }

    /// Text, or a type that may be text: `citext`, and what nobody knows more of. An enum among the latter cannot hold what
    /// a mask writes, and the target says so.
    pub fn is_text(&self) -> bool {
        let base = self.base();
        match base.type_oid {
            oid::TEXT | oid::VARCHAR | oid::BPCHAR => true,
            oid::FIRST_USER.. => base.made == Made::Unknown || base.is_named("citext"),
            _ => false,
        }
    }

    /// The characters that it can hold, where the type says: `atttypmod` is that and 4 for `varchar` and `char`.
    pub fn room(&self) -> Option<usize> {
        let base = self.base();
        match base.type_oid {
            oid::VARCHAR | oid::BPCHAR => usize::try_from(base.type_modifier.checked_sub(4)?).ok(),
            _ => None,
        }
    }
}
