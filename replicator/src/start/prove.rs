//! What both sides' catalogs say for the proofs of a plan, and the proofs.

use std::collections::HashMap;
use std::sync::Arc;

use filters::compiled::Compiled;
use filters::policy::{Policy, TableRule};
use sink_postgres::catalog::Required;
use sink_postgres::distinct::{self, Distinct, Name};
use wire::Connection;

use crate::config::Config;
use crate::error::{Doing, Error};
use crate::proofs::fits::There;
use crate::proofs::subject::Subject;
use crate::proofs::{Proofs, fits, keys, unsent};
use crate::source::catalog::{self, SourceTable};
use crate::source::frequency::{self, Frequencies};

/// What the target asks of rows, as its catalog says it.
#[derive(Default)]
pub struct Demands {
    /// What must have a value.
    pub required: Required,
    /// What must differ.
    pub distinct: HashMap<Name, Distinct>,
    /// What its columns hold.
    pub types: HashMap<Name, HashMap<String, There>>,
}

impl Demands {
    /// Reads them.
    pub async fn read(db: &mut Connection) -> Result<Demands, Error> {
        let types = catalog::tables(db).await.map_err(sink_postgres::Error::from)?.into_iter().map(|t| {
            let columns = t.shape.columns.iter().map(|c| c.name.to_string());
            (t.name(), columns.zip(t.facts.iter().cloned().zip(t.types.iter().cloned())).collect())
        });
        Ok(Demands {
            types: types.collect(),
            required: sink_postgres::catalog::required(db).await?,
            distinct: distinct::all(db).await?,
        })
    }
}

/// What proofs want to know of production besides its tables.
pub struct Asked {
    /// What differs there.
    pub distinct: HashMap<Name, Distinct>,
    /// How often values turn up.
    pub frequencies: Frequencies,
    /// What may be stored outside the row, by `pg_class.oid`.
    pub stored: HashMap<u32, Vec<String>>,
}

impl Asked {
    /// Asks for it.
    pub async fn read(db: &mut Connection) -> Result<Asked, Error> {
        let distinct = distinct::all(db).await.map_err(|e| match e {
            sink_postgres::Error::Wire(source) => Error::Production { action: "read the catalog".into(), source },
            e => e.into(),
        })?;
        let stored = catalog::stored_outside(db).await.doing("read the catalog")?;
        Ok(Asked { distinct, frequencies: frequency::all(db).await?, stored })
    }
}

/// What can be proved of the tables.
pub fn prove(
    config: &Config,
    policy: &Policy,
    tables: &[(SourceTable, Arc<Compiled>)],
    here: &Asked,
    demands: &Demands,
) -> Proofs {
    let (mut proofs, nothing) = (Proofs::default(), Distinct::default());
    for (table, compiled) in tables {
        let name = table.name();
        let TableRule::Copy(rules) = policy.rule(&name.0, &name.1) else { continue };
        let rows = u64::try_from(table.rows).unwrap_or(0);
        let counted = |column: &str| {
            let (schema, name) = table.name();
            Some(here.frequencies.get(&(schema, name, column.to_owned()))?.distinct(rows))
        };
        let subject = Subject {
            table,
            compiled,
            rules,
            path: config.path(&name.0, &name.1),
            here: here.distinct.get(&name).unwrap_or(&nothing),
            there: demands.distinct.get(&name).unwrap_or(&nothing),
            counted: &counted,
        };
        keys::prove(&subject, &mut proofs);
        fits::prove(&subject, |column| demands.types.get(&name)?.get(column).cloned(), &mut proofs);
        let stored = here.stored.get(&table.shape.oid).map_or(&[][..], Vec::as_slice);
        unsent::prove(&subject, stored, &mut proofs);
    }
    proofs
}
