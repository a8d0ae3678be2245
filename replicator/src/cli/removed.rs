//! `sluice removed`: rows of staging's own that gave way to a delete of production, and their way home.
//!
//! `list` shows what a person needs to decide, and no value of a row: what it prints ends in terminals, tickets and logs of CI.
//! `--rows` shows them. `restore` puts a row back where all that it refers to is there; what cannot come stays, with the reason.

use sink_postgres::removed::{self, Removed};
use sink_postgres::{schema, session};
use wire::Connection;

use serde_json::{Value, json};

use super::args::{Args, Chosen, Removed as Verb, RemovedList, RemovedVerb};
use super::quarantine::plain;
use super::resync::staging;
use super::table::table;
use super::{confirm, print};
use crate::audit;
use crate::config::{Config, Problem, Problems, table_name};
use crate::error::Error;
use crate::figures::{ago, some};
use crate::start;

/// Lists, puts back, or forgets.
pub async fn run(args: &Args, verb: &Verb) -> Result<(), Error> {
    let (config, _) = super::load(args)?;
    let (_, target) = start::conninfos(&config)?;
    let mut db = start::ends::target(&config, &target, "removed", &[("lock_timeout", "10s")]).await?;
    match &verb.verb {
        RemovedVerb::List(verb) => print(&removed::list_all(&mut db, &config.pipeline).await?, verb)?,
        RemovedVerb::Restore(chosen) => restore(&config, &mut db, chosen).await?,
        RemovedVerb::Forget(verb) => {
            let rows = pick(&config, &mut db, &verb.chosen).await?;
            if rows.is_empty() {
                return Ok(());
            }
            let n = some(rows.len() as u64, "row", "rows");
            print::talk(format_args!("forget takes {n} of {} away for good", tables(&rows)));
            if !verb.yes {
                confirm::ask("they are staging's own, and nobody else has them", &config.pipeline)?;
            }
            audit::kept(&config, &mut db, "removed forget", decided(&rows), async |db| {
                Ok(removed::forget(db, &rows).await?)
            })
            .await?;
            print::talk(format_args!("{n} forgotten"));
        }
    }
    db.close().await;
    Ok(())
}

async fn restore(config: &Config, db: &mut Connection, chosen: &Chosen) -> Result<(), Error> {
    let rows = pick(config, db, chosen).await?;
    let all = rows.len();
    session::replica_role(db).await.map_err(staging)?;
    let what = decided(&rows);
    let left =
        audit::kept(config, db, "removed restore", what, async |db| Ok(removed::restore(db, rows).await?)).await?;
    if all > left.len() {
        print::talk(format_args!("{} restored", some((all - left.len()) as u64, "row", "rows")));
    }
    if left.is_empty() {
        return Ok(());
    }
    let line = |(row, why): &(Removed, String)| vec![row.id.to_string(), name(&row.table), why.clone()];
    print::data(format_args!("{}\n", table(&[">ID", "TABLE", "STAYS HERE BECAUSE"], left.iter().map(line))))?;
    Err(Error::Check { failed: left.len(), checks: all })
}

/// Those that were named. All problems at once.
async fn pick(config: &Config, db: &mut Connection, chosen: &Chosen) -> Result<Vec<Removed>, Error> {
    schema::ensure(db).await?;
    let mut rows = removed::list_all(db, &config.pipeline).await?;
    let named = |row: &Removed, typed: &str| typed == name(&row.table) || typed == row.table.1;
    let ids = chosen.ids.iter().filter(|id| !rows.iter().any(|r| r.id == **id));
    let of = chosen.tables.iter().filter(|typed| !rows.iter().any(|r| named(r, typed)));
    let missing: Vec<Problem> = ids
        .map(|id| format!("no removed row has the number {id}"))
        .chain(of.map(|typed| format!("no row of {typed} was removed")))
        .map(|what| Problem::new("", what).hint("sluice removed list"))
        .collect();
    if !missing.is_empty() {
        return Err(Error::Config(Problems(missing)));
    }
    rows.retain(|r| chosen.all || chosen.ids.contains(&r.id) || chosen.tables.iter().any(|typed| named(r, typed)));
    if rows.is_empty() {
        print::talk(format_args!("no row was removed"));
    }
    Ok(rows)
}

fn print(rows: &[Removed], verb: &RemovedList) -> Result<(), Error> {
    if verb.json {
        let rows = rows.iter().map(|r| {
            let mut row = serde_json::json!({
                "id": r.id, "table": name(&r.table), "constraint": r.constraint, "gone_from": name(&r.gone),
                "lsn": r.lsn, "since_seconds_ago": r.since,
            });
            if verb.rows
                && let Some(row) = row.as_object_mut()
            {
                row.insert("row".into(), r.content.clone());
            }
            row
        });
        return print::data(format_args!("{}\n", serde_json::Value::from_iter(rows)));
    }
    if rows.is_empty() {
        print::talk(format_args!("no row was removed"));
        return Ok(());
    }
    let mut heading = vec![">ID", "TABLE", "REFERRED TO", "BY", "LSN", "SINCE"];
    heading.extend(verb.rows.then_some("ROW"));
    let line = |r: &Removed| {
        let mut line =
            vec![r.id.to_string(), name(&r.table), name(&r.gone), r.constraint.clone(), r.lsn.clone(), ago(r.since)];
        line.extend(verb.rows.then(|| plain(&r.content.to_string())));
        line
    };
    print::data(format_args!("{}\n", table(&heading, rows.iter().map(line))))
}

/// For the audit: which rows, by their numbers here, and of which tables.
fn decided(rows: &[Removed]) -> Value {
    json!({ "ids": rows.iter().map(|r| r.id).collect::<Vec<_>>(), "tables": tables(rows) })
}

fn tables(rows: &[Removed]) -> String {
    let mut names: Vec<String> = rows.iter().map(|r| name(&r.table)).collect();
    names.sort();
    names.dedup();
    names.join(", ")
}

fn name(table: &(String, String)) -> String {
    table_name(&table.0, &table.1)
}
