//! The target's tables: are they there, may we write them, and does what comes fit into them?

use std::collections::HashMap;

use filters::compiled::Compiled;
use filters::policy::{Class, TableRule};
use sink_postgres::catalog::{self, Table};
use sink_postgres::guard::Guard;
use sink_postgres::mapping::Mapping;
use wire::{Connection, quote_ident};

use super::target::replica_role;
use super::{Area, Mend, Report, World};
use crate::error::Error;
use crate::source::catalog::SourceTable;
use crate::start;

const HERE: Area = Area::Tables;

/// `format_type()` by schema, table and column.
type Types = HashMap<(String, String), HashMap<String, String>>;

/// All of them.
pub async fn all(report: &mut Report, world: &World<'_>, db: &mut Connection) -> Result<(), Error> {
    let role = quote_ident(world.target_info.user());
    let silent = replica_role(db).await?;
    let types = types(db, world).await?;
    // what is protected, and what fires, are checks of their own
    let guard = Guard::new([], true).sparing(start::own_rows(world.config)).for_role(role.clone());
    let names: Vec<_> = world.tables.iter().map(|(source, _)| source.name()).collect();
    let mut there = catalog::tables(db, &names).await?;
    let (mut fires, mut good) = (Vec::new(), 0);
    for (source, compiled) in &world.tables {
        let (schema, name) = source.name();
        let full = source.shape.to_string();
        let Some(table) = there.remove(&(schema.clone(), name.clone())) else {
            let says = "is not on the target";
            report.fail(HERE, &full, says, Some(Mend::shell("sluice schema apply")));
            continue;
        };
        if table.fires && !silent {
            fires.push(full.clone());
        }
        let before = report.checks.len();
        rights(report, &table, &full, &role);
        columns(report, world, &table, source, compiled, types.get(&(schema, name)));
        if report.checks.len() == before {
            match Mapping::new(&guard, &compiled.output, &table) {
                Ok(_) => good += 1,
                Err(sink_postgres::Error::Refused { what, hint }) => report.fail(HERE, &full, what, Some(mend(hint))),
                Err(e) => report.error(HERE, &full, &e.into()),
            }
        }
    }
    if good > 0 {
        report.ok(HERE, "on the target", format!("{good} of {} are there, writable, and fit", world.tables.len()));
    }
    silence(report, silent, &fires, &role);
    structure_only(report, world, db).await
}

/// A statement is for the target; anything else is advice.
fn mend(hint: String) -> Mend {
    if hint.ends_with(';') { Mend::target(hint) } else { Mend::hand(hint) }
}

fn rights(report: &mut Report, table: &Table, full: &str, role: &str) {
    if !table.may_write {
        let sql = format!(
            "GRANT USAGE ON SCHEMA {} TO {role};\nGRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON {} TO {role};",
            quote_ident(&table.schema),
            table.quoted()
        );
        report.fail(HERE, full, format!("{role} may not write it on the target"), Some(Mend::target(sql)));
    }
    if table.row_security {
        let says = format!("row security on the target applies to {role}");
        report.fail(HERE, full, says, Some(Mend::target(format!("ALTER ROLE {role} BYPASSRLS;"))));
    }
    for always in &table.always {
        let says = format!("its {} on the target fires for our writes too (ENABLE ALWAYS or REPLICA)", always.what);
        report.fail(HERE, full, says, Some(Mend::target(always.mend.clone())));
    }
}

fn columns(
    report: &mut Report,
    world: &World<'_>,
    table: &Table,
    source: &SourceTable,
    compiled: &Compiled,
    types: Option<&HashMap<String, String>>,
) {
    let full = source.shape.to_string();
    let rules = match world.policy.rule(&table.schema, &table.name) {
        TableRule::Copy(rules) => Some(rules),
        _ => None,
    };
    let alter = |what: String| Some(Mend::target(format!("ALTER TABLE {} {what};", table.quoted())));
    for (column, ty) in source.shape.columns.iter().zip(&source.types) {
        let comes = compiled.output.columns.iter().any(|c| c.name == column.name);
        let there = table.column(&column.name).and_then(|i| table.columns.get(i));
        let name = quote_ident(&column.name);
        match there {
            None if comes => {
                let says = format!("the target has no column {}", column.name);
                report.fail(HERE, &full, says, alter(format!("ADD COLUMN {name} {ty}")));
            }
            Some(c) if comes && !c.generated => {
                let is = types.and_then(|t| t.get(&c.name));
                if let Some(is) = is.filter(|is| *is != ty) {
                    let says = format!(
                        "{} is {ty} on production, {is} on the target: a value that does not fit holds the stream",
                        c.name
                    );
                    report.warn(HERE, &full, says, alter(format!("ALTER COLUMN {name} TYPE {ty}")));
                }
                let null = rules.is_some_and(
                    |r| matches!(r.class(&column.name), Class::Mask { spec, .. } if spec.name() == "null"),
                );
                if c.not_null && null {
                    let says = format!("{} becomes NULL, and is NOT NULL on the target", c.name);
                    report.fail(HERE, &full, says, alter(format!("ALTER COLUMN {name} DROP NOT NULL")));
                }
            }
            _ => {}
        }
    }
    let comes = |name: &str| compiled.output.columns.iter().any(|c| *c.name == *name);
    for c in table.columns.iter().filter(|c| c.not_null && !c.has_default && !c.generated && !comes(&c.name)) {
        let says = format!("{} does not come, and is NOT NULL without a default on the target", c.name);
        report.fail(HERE, &full, says, alter(format!("ALTER COLUMN {} DROP NOT NULL", quote_ident(&c.name))));
    }
}

fn silence(report: &mut Report, silent: bool, fires: &[String], role: &str) {
    let name = "session_replication_role";
    match (silent, fires) {
        (true, _) => report.ok(Area::Target, name, "may be set: foreign keys, triggers and rules keep quiet"),
        (false, []) => report.ok(Area::Target, name, "may not be set, and no table that is written needs it"),
        (false, fires) => {
            let says = format!(
                "{role} may not set it, and foreign keys, triggers or rules would fire on {}",
                fires.join(", ")
            );
            let sql = format!(
                "GRANT SET ON PARAMETER session_replication_role TO {role};\n-- as a superuser, or as whoever was granted it WITH GRANT OPTION"
            );
            report.fail(Area::Target, name, says, Some(Mend::target(sql)));
        }
    }
}

/// Their columns with lengths: the sink's own catalog leaves those out.
async fn types(db: &mut Connection, world: &World<'_>) -> Result<Types, Error> {
    let mut found = Types::new();
    if world.tables.is_empty() {
        return Ok(found);
    }
    let names: Vec<_> = world.tables.iter().map(|(t, _)| t.name()).collect();
    let names = serde_json::to_string(&names).map_err(|e| Error::Bug(e.to_string()))?;
    let sql = "SELECT n.nspname, c.relname, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod)
        FROM pg_catalog.json_array_elements($1::pg_catalog.json) t
        JOIN pg_catalog.pg_namespace n ON n.nspname = t ->> 0 JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t ->> 1
        JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid WHERE a.attnum > 0 AND NOT a.attisdropped";
    for row in db.query(sql, &[Some(&names)]).await.map_err(|e| Error::Target(e.into()))?.iter() {
        let text = |i: usize| row.get(i).unwrap_or_default().to_owned();
        found.entry((text(0), text(1))).or_default().insert(text(2), text(3));
    }
    Ok(found)
}

async fn structure_only(report: &mut Report, world: &World<'_>, db: &mut Connection) -> Result<(), Error> {
    for ((schema, name), _) in world.policy.tables.iter().filter(|(_, rule)| **rule == TableRule::Structure) {
        let full = format!("{schema}.{name}");
        let Some(table) = catalog::table(db, schema, name).await? else {
            report.warn(HERE, &full, "structure only, and it is not on the target", None);
            continue;
        };
        if catalog::has_bytes(db, schema, name).await? {
            rights(report, &table, &full, &quote_ident(world.target_info.user()));
            report.warn(HERE, &full, "structure only, and it may hold rows: run empties it", None);
        }
    }
    Ok(())
}
