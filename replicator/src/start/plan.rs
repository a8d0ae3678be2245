//! What the configuration means for the tables that production has.

use std::collections::HashMap;
use std::sync::Arc;

use filters::filter::{Compiled, Filter};
use filters::key::MaskKey;
use filters::mask::Injective;
use filters::policy::{Class, Policy, TableRule};
use sink_postgres::spec::TableSpec;
use wire::Connection;

use crate::config::{self, Config, Lock};
use crate::error::{Doing, Error};
use crate::source::catalog::{self, SourceTable};

/// The columns of tables that were copied before, by schema and name.
pub type Known = HashMap<(String, String), Vec<String>>;

/// What the configuration means for the tables that production has.
pub struct Plan {
    /// By name, those whose rows are copied.
    pub tables: Vec<(SourceTable, Arc<Compiled>)>,
    /// Everything else that the file names, with its rule.
    pub policy: Policy,
    /// The masks, ready.
    pub filter: Filter,
    /// What is worth a word.
    pub warnings: Vec<String>,
    /// Short id of the masking key.
    pub mask_key: String,
}

/// Reads production's catalog and lays the configuration over it.
///
/// `known`: the columns of tables that were copied before; without a lock, a column that came later is withheld.
pub async fn plan(config: &Config, lock: Option<&Lock>, known: &Known, db: &mut Connection) -> Result<Plan, Error> {
    let found = catalog::tables(db).await.doing("read the catalog")?;
    let plain: Vec<config::SourceTable> = found.iter().map(described).collect();
    let mut resolved = config.resolve(&plain, lock).map_err(Error::Config)?;
    resolved.withhold_unknown(known);
    let key = match &config.masking.key {
        Some(key) => key.clone(),
        // no mask needs one: `config` has seen to that
        None => MaskKey::new(&[0; 32]).map_err(|e| Error::Bug(e.to_string()))?,
    };
    let mask_key = config.masking.key.as_ref().map_or_else(|| "none".to_owned(), MaskKey::id);
    let filter = Filter::new(resolved.policy.clone(), key);
    let mut warnings: Vec<String> = resolved.warnings.iter().map(ToString::to_string).collect();
    let mut tables = Vec::new();
    for table in found {
        if let Some(compiled) = filter.compile(&table.shape)? {
            if compiled.output.columns.is_empty() {
                warnings.push(format!("{}: none of its columns is copied, so neither are its rows", compiled.input()));
                continue;
            }
            proven(&table, &compiled)?;
            tables.push((table, compiled));
        }
    }
    Ok(Plan { tables, policy: resolved.policy, filter, warnings, mask_key })
}

/// A table as the configuration wants to see it.
pub fn described(table: &SourceTable) -> config::SourceTable {
    let columns = table.shape.columns.iter().zip(&table.types).map(|(c, ty)| config::SourceColumn {
        name: c.name.to_string(),
        type_name: ty.clone(),
        type_oid: c.type_oid,
        type_modifier: c.type_modifier,
    });
    config::SourceTable {
        schema: table.shape.schema.to_string(),
        name: table.shape.name.to_string(),
        columns: columns.collect(),
        references: table.references.clone(),
    }
}

/// Rows are found on the target by their key: it must be whole there, and different rows must keep different keys.
pub fn proven(table: &SourceTable, compiled: &Compiled) -> Result<(), Error> {
    let refuse = |what: String, hint: &str| Err(Error::Refused { what, hint: hint.into() });
    if table.key.is_empty() {
        return Ok(());
    }
    if compiled.key_incomplete() && table.key.iter().any(|k| !compiled.output.columns.iter().any(|c| *c.name == **k)) {
        return refuse(
            format!(
                "{}: a column of its key ({}) is dropped or withheld, so rows could not be told apart",
                compiled.input(),
                table.key.join(", ")
            ),
            "keep the key, or mask it with hash, uuid or email, or with digits where it is an integer",
        );
    }
    for (i, column) in compiled.output.columns.iter().enumerate() {
        let is_key = table.key.iter().any(|k| **k == *column.name);
        if is_key && compiled.injective(i).is_some_and(|i| matches!(i, Injective::No)) {
            return refuse(
                format!("{}.{}: its mask can give two keys the same value", compiled.input(), column.name),
                "mask a key with hash, uuid or email, or with digits where it is an integer",
            );
        }
    }
    Ok(())
}

/// How the target is to know a table.
pub fn spec(table: &SourceTable, compiled: &Compiled, policy: &Policy) -> TableSpec {
    let (schema, name) = table.name();
    let masked = compiled.masked_columns().any(|m| table.key.iter().any(|k| k == m));
    // a column that is withheld is as if it were not there: when one comes, nothing has to be copied again
    let one = policy.tables.get(&(schema.clone(), name.clone())).cloned().map(|mut rule| {
        if let TableRule::Copy(rules) = &mut rule {
            rules.columns.retain(|_, class| *class != Class::Withheld);
        }
        Policy { tables: [((schema.clone(), name.clone()), rule)].into() }
    });
    TableSpec {
        schema,
        name,
        key: if table.identified { table.key.clone() } else { Vec::new() },
        kinds: if masked || !table.identified { None } else { table.kinds.clone() },
        pointable: !masked && table.identified && !table.key.is_empty(),
        columns: {
            let withheld: Vec<&str> = compiled.withheld_columns().collect();
            let all = compiled.input().columns.iter().map(|c| c.name.to_string());
            all.filter(|c| !withheld.contains(&c.as_str())).collect()
        },
        policy: format!("{}{}", one.map(|p| p.fingerprint()).unwrap_or_default(), types(table, compiled)),
        withheld: compiled.dropped_columns().chain(compiled.withheld_columns()).map(str::to_owned).collect(),
    }
}

/// A fingerprint of the types that are copied: a column that was given another one was rewritten unseen.
fn types(table: &SourceTable, compiled: &Compiled) -> String {
    let mut hash = blake3::Hasher::new();
    for &i in compiled.sources() {
        if let (Some(column), Some(ty)) = (table.shape.columns.get(i), table.types.get(i)) {
            hash.update(format!("{}\0{ty}\0", column.name).as_bytes());
        }
    }
    hash.finalize().to_hex().chars().take(16).collect()
}

/// The target's protected tables, globs resolved by its own catalog.
pub async fn protected(config: &Config, db: &mut Connection) -> Result<Vec<(String, String)>, Error> {
    let rows = db
        .query(
            "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'p', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')",
            &[],
        )
        .await
        .map_err(sink_postgres::Error::from)?;
    let names = rows.iter().map(|r| (r.get(0).unwrap_or_default().to_owned(), r.get(1).unwrap_or_default().to_owned()));
    Ok(names.filter(|(s, n)| config.is_protected(s, n)).collect())
}
