//! Tables, as they travel. What the shape and the target's knowledge of it both say, names and oid, is written once.

use std::collections::HashSet;
use std::sync::Arc;

use filters::change::{Column, Identity, Table};
use filters::scalar::{Calendar, Reading};
use sink_postgres::known::{Fate, Known, KnownColumn};
use sink_postgres::spec::TableSpec;

use super::{Described, Malformed, Reference, schema};

impl From<&Described> for schema::Table {
    fn from(table: &Described) -> schema::Table {
        let Described { shape, spec, types, masked, references } = table;
        let column = |(at, c): (usize, &Column)| schema::Column {
            name: c.name.to_string(),
            type_oid: c.type_oid,
            type_modifier: c.type_modifier,
            key: c.key,
            type_name: types.get(at).cloned().unwrap_or_default(),
            masked: masked.iter().any(|m| **m == *c.name),
        };
        let identity = match shape.identity {
            Identity::Default => schema::Identity::Default,
            Identity::Nothing => schema::Identity::Nothing,
            Identity::Full => schema::Identity::Full,
            Identity::Index => schema::Identity::Index,
        };
        schema::Table {
            oid: shape.oid,
            schema: shape.schema.to_string(),
            name: shape.name.to_string(),
            identity: identity.into(),
            columns: shape.columns.iter().enumerate().map(column).collect(),
            spec: Some(spec.into()),
            references: references.iter().map(Into::into).collect(),
        }
    }
}

impl From<&Reference> for schema::Reference {
    fn from(reference: &Reference) -> schema::Reference {
        let Reference { constraint, columns, table: (schema, name), to } = reference.clone();
        schema::Reference { constraint, columns, table: Some(schema::Name { schema, name }), to }
    }
}

impl From<&TableSpec> for schema::Spec {
    fn from(spec: &TableSpec) -> schema::Spec {
        let reading = |reading: &Reading| match reading {
            Reading::Decimal => schema::Reading::Decimal,
            Reading::Real => schema::Reading::Real,
            Reading::Double => schema::Reading::Double,
            Reading::Boolean => schema::Reading::Boolean,
            Reading::Moment(Calendar::Date) => schema::Reading::Date,
            Reading::Moment(Calendar::Timestamp) => schema::Reading::Timestamp,
            Reading::Moment(Calendar::TimestampTz) => schema::Reading::TimestampTz,
            Reading::Uuid => schema::Reading::Uuid,
            Reading::Bytes => schema::Reading::Bytes,
            Reading::Padded => schema::Reading::Padded,
        };
        let readings = |kinds: &Vec<Reading>| kinds.iter().map(|kind| reading(kind).into()).collect();
        let column = |c: &KnownColumn| schema::KnownColumn {
            number: c.number,
            name: c.name.clone(),
            fate: match c.fate {
                Fate::Keep => schema::Fate::Keep,
                Fate::Mask => schema::Fate::Mask,
                Fate::Drop => schema::Fate::Drop,
                Fate::Withheld => schema::Fate::Withheld,
                Fate::Gone => schema::Fate::Gone,
            }
            .into(),
            print: c.print.clone(),
            shielded: c.shielded.clone(),
        };
        let Known { oid: _, key, only, columns } = &spec.known;
        let columns = columns.iter().map(column).collect();
        schema::Spec {
            key: spec.key.clone(),
            order: spec.kinds.as_ref().map(|kinds| schema::Order { readings: readings(kinds) }),
            pointable: spec.pointable,
            partial: spec.partial,
            known: Some(schema::Known { key: key.clone(), only: only.clone(), columns }),
            withheld: spec.withheld.clone(),
        }
    }
}

fn wrong(field: &'static str, why: &'static str) -> Malformed {
    Malformed::Field { record: "Table", field, why }
}

impl TryFrom<schema::Table> for Described {
    type Error = Malformed;
    fn try_from(table: schema::Table) -> Result<Described, Malformed> {
        let identity = match schema::Identity::try_from(table.identity) {
            Ok(schema::Identity::Default) => Identity::Default,
            Ok(schema::Identity::Nothing) => Identity::Nothing,
            Ok(schema::Identity::Full) => Identity::Full,
            Ok(schema::Identity::Index) => Identity::Index,
            Ok(schema::Identity::Unsaid) | Err(_) => return Err(wrong("identity", "is none that is known")),
        };
        if u16::try_from(table.columns.len()).is_err() {
            return Err(wrong("columns", "are more than a table can have"));
        }
        let mut names = HashSet::new();
        if !table.columns.iter().all(|c| names.insert(c.name.as_str())) {
            return Err(wrong("columns", "have a name twice"));
        }
        let spec = table.spec.ok_or_else(|| wrong("spec", "is missing"))?;
        let known = spec.known.ok_or_else(|| wrong("spec.known", "is missing"))?;
        let kinds = spec.order.map(|order| order.readings.into_iter().map(reading).collect()).transpose()?;
        let known_columns = known.columns.into_iter().map(known_column).collect::<Result<_, _>>()?;

        let mut columns = Vec::with_capacity(table.columns.len());
        let (mut types, mut masked) = (Vec::with_capacity(table.columns.len()), Vec::new());
        for c in table.columns {
            if c.masked {
                masked.push(c.name.clone());
            }
            let (type_oid, type_modifier) = (c.type_oid, c.type_modifier);
            columns.push(Column { name: c.name.into(), type_oid, type_modifier, key: c.key });
            types.push(c.type_name);
        }
        let spec = TableSpec {
            schema: table.schema.clone(),
            name: table.name.clone(),
            key: spec.key,
            kinds,
            pointable: spec.pointable,
            partial: spec.partial,
            known: Known { oid: table.oid, key: known.key, only: known.only, columns: known_columns },
            withheld: spec.withheld,
        };
        let (schema, name) = (table.schema.into(), table.name.into());
        let shape = Arc::new(Table { oid: table.oid, schema, name, identity, columns });
        let references = table.references.into_iter().map(reference).collect::<Result<_, _>>()?;
        Ok(Described { shape, spec, types, masked, references })
    }
}

fn reference(reference: schema::Reference) -> Result<Reference, Malformed> {
    let schema::Reference { constraint, columns, table, to } = reference;
    let table = table.filter(|_| columns.len() == to.len()).ok_or_else(|| wrong("references", "refer to nothing"))?;
    Ok(Reference { constraint, columns, table: (table.schema, table.name), to })
}

fn reading(reading: i32) -> Result<Reading, Malformed> {
    Ok(match schema::Reading::try_from(reading) {
        Ok(schema::Reading::Decimal) => Reading::Decimal,
        Ok(schema::Reading::Real) => Reading::Real,
        Ok(schema::Reading::Double) => Reading::Double,
        Ok(schema::Reading::Boolean) => Reading::Boolean,
        Ok(schema::Reading::Date) => Reading::Moment(Calendar::Date),
        Ok(schema::Reading::Timestamp) => Reading::Moment(Calendar::Timestamp),
        Ok(schema::Reading::TimestampTz) => Reading::Moment(Calendar::TimestampTz),
        Ok(schema::Reading::Uuid) => Reading::Uuid,
        Ok(schema::Reading::Bytes) => Reading::Bytes,
        Ok(schema::Reading::Padded) => Reading::Padded,
        Ok(schema::Reading::Unsaid) | Err(_) => return Err(wrong("spec.order", "has a reading that is not known")),
    })
}

fn known_column(c: schema::KnownColumn) -> Result<KnownColumn, Malformed> {
    let fate = match schema::Fate::try_from(c.fate) {
        Ok(schema::Fate::Keep) => Fate::Keep,
        Ok(schema::Fate::Mask) => Fate::Mask,
        Ok(schema::Fate::Drop) => Fate::Drop,
        Ok(schema::Fate::Withheld) => Fate::Withheld,
        Ok(schema::Fate::Gone) => Fate::Gone,
        Ok(schema::Fate::Unsaid) | Err(_) => return Err(wrong("spec.known.columns", "have a fate that is not known")),
    };
    Ok(KnownColumn { number: c.number, name: c.name, fate, print: c.print, shielded: c.shielded })
}
