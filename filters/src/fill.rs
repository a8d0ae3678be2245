//! What stands on the target for a column that does not come, where it must hold something: NOT NULL, and without a default.
//!
//! The type's empty value, the same for every row; it says nothing of production's. In a unique column that would be one row
//! at most, so there it is a keyed value, different where production's are: text, uuid and whole numbers have one. What has
//! neither stays away, and `check` says that the target will not take it.

use crate::key::MaskKey;
use crate::mask::{ColumnFacts, Injective, Made, Mask, MaskSpec, oid};

/// What stands there.
#[derive(Debug)]
pub(crate) enum Fill {
    /// This, in every row.
    Value(Box<str>),
    /// What this makes of production's value.
    Keyed(Box<Mask>),
}

impl Fill {
    /// For a column of this type; `None`: nothing is known that would fit.
    pub(crate) fn of(facts: &ColumnFacts, unique: bool, key: &MaskKey) -> Option<Fill> {
        if !unique {
            return empty(facts).map(|value| Fill::Value(value.into()));
        }
        let name = match facts.base().type_oid {
            oid::UUID => "uuid",
            oid::INT2 | oid::INT4 | oid::INT8 => "integer",
            _ if facts.is_text() => "hash",
            _ => return None,
        };
        let mask = Mask::new(&MaskSpec::named(name)?, key, None, facts).ok()?;
        (mask.injective() != Injective::No).then(|| Fill::Keyed(Box::new(mask)))
    }
}

/// The type's empty value, as its input function reads it.
fn empty(facts: &ColumnFacts) -> Option<&str> {
    if facts.element().is_some() {
        return Some("{}");
    }
    let base = facts.base();
    if let Made::Enum(labels) = &base.made {
        return labels.first().map(String::as_str);
    }
    Some(match base.type_oid {
        oid::BOOL => "f",
        oid::INT2 | oid::INT4 | oid::INT8 | oid::FLOAT4 | oid::FLOAT8 | oid::NUMERIC | oid::MONEY => "0",
        oid::BYTEA => "\\x",
        oid::JSON | oid::JSONB => "{}",
        oid::UUID => "00000000-0000-0000-0000-000000000000",
        oid::DATE => "1970-01-01",
        oid::TIMESTAMP => "1970-01-01 00:00:00",
        oid::TIMESTAMPTZ => "1970-01-01 00:00:00+00",
        oid::TIME => "00:00:00",
        oid::TIMETZ => "00:00:00+00",
        oid::INTERVAL => "00:00:00",
        oid::INET => "0.0.0.0",
        oid::CIDR => "0.0.0.0/32",
        oid::MACADDR => "00:00:00:00:00:00",
        oid::MACADDR8 => "00:00:00:00:00:00:00:00",
        oid::NAME | oid::XML => "",
        _ if facts.is_named("hstore") || facts.is_text() => "",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_of_its_type() {
        let key = MaskKey::new(&[7; 32]).unwrap();
        let fill = |facts: &ColumnFacts, unique| Fill::of(facts, unique, &key);
        let value = |type_oid| match fill(&ColumnFacts::new(type_oid, -1), false) {
            Some(Fill::Value(value)) => Some(value.into_string()),
            _ => None,
        };
        assert_eq!(value(oid::TEXT).as_deref(), Some(""));
        assert_eq!(value(oid::BOOL).as_deref(), Some("f"));
        assert_eq!(value(1007).as_deref(), Some("{}"));
        assert_eq!(value(600), None, "a point has none");
        let mood = ColumnFacts {
            made: Made::Enum(vec!["sad".to_owned(), "ok".to_owned()].into()),
            ..ColumnFacts::new(99_999, -1)
        };
        assert!(matches!(fill(&mood, false), Some(Fill::Value(v)) if &*v == "sad"));
        assert!(fill(&mood, true).is_none());
        for type_oid in [oid::TEXT, oid::UUID, oid::INT4] {
            assert!(matches!(fill(&ColumnFacts::new(type_oid, -1), true), Some(Fill::Keyed(_))), "{type_oid}");
        }
        // too narrow to be told apart
        assert!(fill(&ColumnFacts::new(oid::VARCHAR, 4 + 4), true).is_none());
    }
}
