//! `sluice schema`: staging's tables beside production's, and those that it lacks made. See [`crate::schema`].
//!
//! SQL and literals go to stdout, or to the terminal of whoever is asked; with `--yes` nobody reads them, so they are not printed.

use serde_json::json;
use sink_postgres::{freeze, known, session};
use wire::Connection;

use super::args::{Args, Schema, SchemaApply, SchemaDiff, SchemaVerb};
use super::table::table;
use super::{confirm, print};
use crate::audit;
use crate::config::{Config, Lock};
use crate::error::{Doing, Error};
use crate::figures::some;
use crate::schema::write::{self, Making};
use crate::schema::{Difference, Level, Side, Wanted, additive, diff, make, read, wanted};
use crate::source::production;
use crate::start;

/// Compares, or makes.
pub async fn run(args: &Args, verb: &Schema) -> Result<(), Error> {
    let (config, lock) = super::load(args)?;
    match &verb.verb {
        SchemaVerb::Diff(verb) => differences(&config, lock.as_ref(), verb).await,
        SchemaVerb::Apply(verb) if verb.dry_run => {
            let (mut source, mut target) = readers(&config).await?;
            let making = making(&config, lock.as_ref(), &mut source, &mut target).await?;
            source.close().await;
            target.close().await;
            dry(&making)
        }
        SchemaVerb::Apply(verb) => apply(&config, lock.as_ref(), verb).await,
    }
}

/// Both sides, read-only.
async fn readers(config: &Config) -> Result<(Connection, Connection), Error> {
    let (source_info, target_info) = start::conninfos(config)?;
    let mut source = production::reader(&source_info.data, &config.pipeline, "schema", &[]).await?;
    let read_only = [("default_transaction_read_only", "on")];
    let mut target = session::open(&target_info, &config.pipeline, "schema", false, &read_only)
        .await
        .map_err(|e| Error::Target(e.into()))?;
    let (s, t) = ((&source_info.data, &mut source), (&target_info, &mut target));
    for problem in start::ends::looked_at(config, s, t).await? {
        print::talk(problem);
    }
    Ok((source, target))
}

/// What the policy wants on the target, and what both have of it.
async fn look(
    config: &Config,
    lock: Option<&Lock>,
    source: &mut Connection,
    target: &mut Connection,
) -> Result<(Side, Side, Vec<Wanted>), Error> {
    start::different(source, target).await?;
    let memory = known::read(target, &config.pipeline).await?;
    let demands = start::Demands::read(target).await?;
    let plan = start::plan(config, lock, memory, &demands, source).await?;
    let wanted = wanted(&plan.policy, plan.tables.iter().map(|(t, c)| (t, &**c)));
    let names = additive::names(&wanted);
    let production = read::side(source, &names).await.doing("read the catalog")?;
    let staging = read::side(target, &names).await.map_err(|e| Error::Target(e.into()))?;
    Ok((production, staging, wanted))
}

async fn differences(config: &Config, lock: Option<&Lock>, verb: &SchemaDiff) -> Result<(), Error> {
    let (mut source, mut target) = readers(config).await?;
    let (production, staging, wanted) = look(config, lock, &mut source, &mut target).await?;
    source.close().await;
    target.close().await;
    let found = diff(&production, &staging, &wanted);
    let needed: Vec<&Difference> = found.iter().filter(|d| d.level == Level::Needed).collect();
    if verb.json {
        print::data(format_args!("{}\n", serde_json::Value::from_iter(found.iter().map(json))))?;
    } else if !found.is_empty() {
        let heading = ["", "TABLE", "KIND", "WHICH", "WHAT"];
        print::data(format_args!("{}\n", table(&heading, found.iter().map(row))))?;
        mends(&needed)?;
    }
    let tables = some(wanted.len() as u64, "table", "tables");
    match needed.len() {
        0 => {
            print::talk(format_args!("{tables} compared: rows of production fit"));
            Ok(())
        }
        failed => {
            print::talk(format_args!(
                "{tables} compared: {failed} of {} differences are in the way of rows",
                found.len()
            ));
            Err(Error::Check { failed, checks: found.len() })
        }
    }
}

/// What to type, below the table.
fn mends(needed: &[&Difference]) -> Result<(), Error> {
    let sql: Vec<&str> = needed.iter().flat_map(|d| d.mends.iter().map(String::as_str)).collect();
    if needed.iter().any(|d| d.made) {
        print::data("\nWhat is missing as a whole:\n  sluice schema apply\n")?;
    }
    if !sql.is_empty() {
        print::data(format_args!("\nOn staging, as the owner of the tables:\n  {}\n", sql.join("\n  ")))?;
    }
    Ok(())
}

fn row(d: &Difference) -> Vec<String> {
    vec![d.level.word().into(), d.table.clone(), d.kind.into(), d.object.clone(), d.what.clone()]
}

fn json(d: &Difference) -> serde_json::Value {
    serde_json::json!({
        "level": d.level.word(),
        "table": d.table,
        "kind": d.kind,
        "object": d.object,
        "what": d.what,
        "sql": d.mends,
        "schema_apply": d.made,
        "additive": d.additive.is_some(),
    })
}

async fn making(
    config: &Config,
    lock: Option<&Lock>,
    source: &mut Connection,
    target: &mut Connection,
) -> Result<Making, Error> {
    let (production, staging, wanted) = look(config, lock, source, target).await?;
    let functions: Vec<&str> = production.functions.iter().map(|f| f.signature.as_str()).collect();
    let lacks = read::without(target, &functions).await.map_err(|e| Error::Target(e.into()))?;
    let protects = |schema: &str, name: &str| config.is_protected(schema, name);
    Ok(write::making(&production, &staging, &wanted, &lacks, &protects))
}

/// The SQL as a file that psql takes, with what is to be read before it.
fn dry(making: &Making) -> Result<(), Error> {
    said(making);
    if making.statements.is_empty() {
        print::talk("nothing is missing");
        return Ok(());
    }
    let comment = |text: &str| format!("-- {}\n", text.replace('\n', "\n--   "));
    let mut out = String::new();
    if !making.review.is_empty() {
        out.push_str("-- To be read first: these literals of production's schema may be somebody's data.\n");
        for review in &making.review {
            out.push_str(&comment(&format!("  {}: {}", review.of, review.text)));
        }
    }
    for (what, how) in &making.wants {
        out.push_str(&comment(&format!("wanted first: {what}: {how}")));
    }
    out.push_str("BEGIN;\nSET search_path = '';\n");
    making.statements.iter().for_each(|s| out.push_str(&format!("{}\n", s.sql)));
    out.push_str("COMMIT;\n");
    print::data(out)
}

async fn apply(config: &Config, lock: Option<&Lock>, verb: &SchemaApply) -> Result<(), Error> {
    let (source_info, target_info) = start::conninfos(config)?;
    let mut source = start::ends::source(config, &source_info.data, "schema", &[]).await?;
    let mut target = start::ends::target(config, &target_info, "schema", &[]).await?;
    if let Some(frozen) = freeze::read(&mut target, &config.pipeline).await? {
        let what = format!("staging is frozen {}: nothing is made there", frozen.said());
        return Err(Error::Refused { what, hint: "sluice resume ends the freeze".into() });
    }
    let making = making(config, lock, &mut source, &mut target).await?;
    source.close().await;
    said(&making);
    if making.statements.is_empty() {
        print::talk("nothing is missing");
        return Ok(());
    }
    if let Some((what, how)) = making.wants.first() {
        return Err(Error::Refused {
            what: format!(
                "these tables need {what}, and staging has none{}; nothing was made",
                others(making.wants.len())
            ),
            hint: how.clone(),
        });
    }
    for statement in making.statements.iter().filter(|s| !s.makes.contains(" of ")) {
        print::talk(format_args!("  {}", statement.makes));
    }
    if !verb.yes {
        if !making.review.is_empty() {
            print::talk("To be read first: these literals of production's schema may be somebody's data.");
            making.review.iter().for_each(|r| print::talk(format_args!("  {}: {}", r.of, r.text)));
        }
        confirm::ask("sluice schema apply --dry-run prints the SQL and the literals in it", &config.pipeline)?;
    }
    // before a first run there is nothing to write it into
    match sink_postgres::schema::is_there(&mut target).await? {
        true => {
            let made: Vec<&str> = making.statements.iter().map(|s| s.makes.as_str()).collect();
            let made = json!({ "made": made });
            audit::kept(config, &mut target, "schema apply", made, async |db| make::make(db, &making).await).await?;
        }
        false => make::make(&mut target, &making).await?,
    }
    target.close().await;
    print::talk(format_args!("made on staging: {}", some(making.statements.len() as u64, "object", "objects")));
    Ok(())
}

fn others(all: usize) -> String {
    if all > 1 { format!(" (nor {} more: --dry-run lists them)", all - 1) } else { String::new() }
}

fn said(making: &Making) {
    making.left_out.iter().for_each(|what| print::talk(format_args!("left out: {what}")));
}
