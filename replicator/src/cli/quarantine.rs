//! `sluice quarantine`: the rows that the target has refused, and what is to become of them.
//!
//! All of it is written on the target only; a running (or the next) `run` finds it there. `retry` takes the record away and
//! makes its key a pending point in one step. `skip` only marks: the record keeps the key held until whoever runs lets go of
//! both, so no change is skipped that no record stands for.
//!
//! `list` shows the key, by which a person finds the row on either side, and no other value: what it prints ends in
//! terminals, tickets and logs of CI, where rows of staging do not belong. `--rows` shows them, masked as they are.

use std::collections::BTreeSet;
use std::io::Write;

use serde::Serialize;
use serde_json::{Value, json};
use sink_postgres::schema;
use wire::{Connection, ServerError, quote_literal};

use super::args::{Args, Chosen, Quarantine, QuarantineVerb, Skip};
use super::resync::{choose, connected, registered, staging, whole};
use super::table::table;
use super::{confirm, freeze};
use crate::audit;
use crate::config::{Config, Problem, table_name};
use crate::error::Error;
use crate::figures::{ago, some};
use crate::start;

/// A row in quarantine.
#[derive(Serialize)]
struct Refused {
    id: i64,
    table: String,
    /// As staging would have it; `None`: the table has none.
    key: Option<Vec<String>>,
    operation: String,
    lsn: String,
    sqlstate: String,
    constraint: Option<String>,
    column: Option<String>,
    since_seconds_ago: f64,
    /// Goes with the next look of whoever runs.
    skipped: bool,
    /// Only with `--rows`.
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<serde_json::Value>,
    #[serde(skip)]
    name: (String, String),
    #[serde(skip)]
    fetchable: bool,
}

/// Lists, or decides.
pub async fn run(args: &Args, verb: &Quarantine) -> Result<(), Error> {
    let (config, _) = super::load(args)?;
    let (_, target) = start::conninfos(&config)?;
    let mut db = start::ends::target(&config, &target, "quarantine", &[("lock_timeout", "10s")]).await?;
    match &verb.verb {
        QuarantineVerb::List(verb) => {
            let rows = read(&config, &mut db, verb.rows).await?;
            print(&rows, verb.json, verb.rows)?;
        }
        QuarantineVerb::Retry(chosen) => retry(&config, &mut db, chosen).await?,
        QuarantineVerb::Skip(verb) => skip(&config, &mut db, verb).await?,
    }
    db.close().await;
    Ok(())
}

async fn retry(config: &Config, db: &mut Connection, chosen: &Chosen) -> Result<(), Error> {
    let rows = pick(config, db, chosen).await?;
    if rows.is_empty() {
        return Ok(());
    }
    let (points, others): (Vec<&Refused>, Vec<&Refused>) = rows.iter().partition(|r| r.fetchable);
    let p = quote_literal(&config.pipeline);
    let mut sql = format!(
        "BEGIN; WITH gone AS (DELETE FROM sluice.quarantine WHERE pipeline = {p} AND id IN ({}) RETURNING pipeline, schema, name, key)
         INSERT INTO sluice.pending (pipeline, schema, name, point) SELECT pipeline, schema, name, key FROM gone; ",
        ids(&points)
    );
    let tables: BTreeSet<&(String, String)> = others.iter().map(|r| &r.name).collect();
    for name in &tables {
        let (s, n) = (quote_literal(&name.0), quote_literal(&name.1));
        let note = format!(
            "UPDATE sluice.tables SET note = 'rows in quarantine are tried again' WHERE (pipeline, schema, name) = ({p}, {s}, {n}); "
        );
        sql.push_str(&format!("{note}{}; ", whole(&p, &s, &n)));
    }
    audit::kept(config, db, "quarantine retry", decided(&rows), async |db| {
        db.simple_on_rows(&format!("{sql}COMMIT")).await.map_err(staging).map(drop)
    })
    .await?;
    if !points.is_empty() {
        eprintln!("{} due again", some(points.len() as u64, "row is", "rows are"));
    }
    for (schema, name) in &tables {
        eprintln!(
            "{} is due as a whole: production cannot be asked for one row of it (its key is masked, or it has none)",
            table_name(schema, name)
        );
    }
    said(config, db).await
}

async fn skip(config: &Config, db: &mut Connection, verb: &Skip) -> Result<(), Error> {
    let rows = pick(config, db, &verb.chosen).await?;
    if rows.is_empty() {
        return Ok(());
    }
    let all: Vec<&Refused> = rows.iter().collect();
    let tables: BTreeSet<&str> = rows.iter().map(|r| r.table.as_str()).collect();
    eprintln!(
        "skip forgets {} of {}: they stay as they are on staging, which is not as production has them",
        some(rows.len() as u64, "row", "rows"),
        tables.into_iter().collect::<Vec<_>>().join(", ")
    );
    if !verb.yes {
        confirm::ask("what staging lacks then, no record tells", &config.pipeline)?;
    }
    let p = quote_literal(&config.pipeline);
    let sql = format!("UPDATE sluice.quarantine SET skipped = true WHERE pipeline = {p} AND id IN ({})", ids(&all));
    audit::kept(config, db, "quarantine skip", decided(&rows), async |db| {
        db.simple_on_rows(&sql).await.map_err(staging).map(drop)
    })
    .await?;
    said(config, db).await
}

/// For the audit: which rows, by their numbers here, and of which tables.
fn decided(rows: &[Refused]) -> Value {
    let tables: BTreeSet<&str> = rows.iter().map(|r| r.table.as_str()).collect();
    json!({ "ids": rows.iter().map(|r| r.id).collect::<Vec<_>>(), "tables": tables })
}

async fn said(config: &Config, db: &mut Connection) -> Result<(), Error> {
    eprintln!(
        "{}",
        match connected(config, db).await? {
            true => "The running sluice takes it in within a second or two",
            false => "No sluice is running; the next sluice run begins with it",
        }
    );
    freeze::said(config, db).await
}

fn ids(rows: &[&Refused]) -> String {
    // an empty list is no list
    let ids: Vec<String> = rows.iter().map(|r| r.id.to_string()).chain(["NULL".to_owned()]).collect();
    ids.join(", ")
}

/// Those that were named. All problems at once.
async fn pick(config: &Config, db: &mut Connection, chosen: &Chosen) -> Result<Vec<Refused>, Error> {
    let tables = choose(&chosen.tables, &registered(config, db).await?)?
        .into_iter()
        .map(|k| (k.0.clone(), k.1.clone()))
        .collect::<Vec<_>>();
    schema::ensure(db).await?;
    let mut rows = read(config, db, false).await?;
    let missing: Vec<Problem> = chosen
        .ids
        .iter()
        .filter(|id| !rows.iter().any(|r| r.id == **id))
        .map(|id| Problem::new("", format!("{id} is not in quarantine")).hint("sluice quarantine list"))
        .collect();
    if !missing.is_empty() {
        return Err(Error::Config(crate::config::Problems(missing)));
    }
    rows.retain(|r| chosen.all || chosen.ids.contains(&r.id) || tables.contains(&r.name));
    if rows.is_empty() {
        eprintln!("nothing of it is in quarantine");
    }
    Ok(rows)
}

/// Is the table there? A target of an earlier version has none before `run` has made it.
async fn is_there(db: &mut Connection) -> Result<bool, Error> {
    let sql = "SELECT pg_catalog.to_regclass('sluice.quarantine') IS NOT NULL";
    Ok(db.query(sql, &[]).await.map_err(staging)?.get(0, 0) == Some("t"))
}

async fn read(config: &Config, db: &mut Connection, with_rows: bool) -> Result<Vec<Refused>, Error> {
    if !is_there(db).await? {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT id, schema, name, pg_catalog.to_json(key), operation, lsn, sqlstate, constraint_name, column_name,
           pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - since), skipped, fetchable, {}
         FROM sluice.quarantine WHERE pipeline = $1 ORDER BY id",
        if with_rows { "masked" } else { "NULL::json" }
    );
    let rows = db.query_on_rows(&sql, &[Some(&config.pipeline)]).await.map_err(staging)?;
    Ok(rows
        .iter()
        .map(|r| {
            let text = |i: usize| r.get(i).unwrap_or_default().to_owned();
            Refused {
                id: text(0).parse().unwrap_or(0),
                table: table_name(&text(1), &text(2)),
                key: r.get(3).and_then(|k| serde_json::from_str(k).ok()),
                operation: text(4),
                lsn: text(5),
                sqlstate: text(6),
                constraint: r.get(7).map(str::to_owned),
                column: r.get(8).map(str::to_owned),
                since_seconds_ago: text(9).parse().unwrap_or(0.0),
                skipped: r.get(10) == Some("t"),
                fetchable: r.get(11) == Some("t"),
                row: r.get(12).and_then(|row| serde_json::from_str(row).ok()),
                name: (text(1), text(2)),
            }
        })
        .collect())
}

fn print(rows: &[Refused], json: bool, with_rows: bool) -> Result<(), Error> {
    let text = if json {
        serde_json::to_string(rows).map_err(|e| Error::Bug(e.to_string()))?
    } else if rows.is_empty() {
        eprintln!("nothing is in quarantine");
        return Ok(());
    } else {
        let mut heading = vec![">ID", "TABLE", "KEY", "OPERATION", "LSN", "REASON", "SINCE"];
        heading.extend(with_rows.then_some("ROW"));
        table(&heading, rows.iter().map(|r| line(r, with_rows)))
    };
    // whoever reads may have gone
    let _ = writeln!(std::io::stdout().lock(), "{text}");
    Ok(())
}

fn line(r: &Refused, with_rows: bool) -> Vec<String> {
    let said = ServerError {
        sqlstate: r.sqlstate.clone(),
        constraint: r.constraint.clone(),
        column: r.column.clone(),
        ..ServerError::default()
    };
    let mut reason = said.to_string();
    if r.skipped {
        reason.push_str(" (skipped)");
    }
    let key = r.key.as_ref().map_or_else(|| "–".to_owned(), |key| plain(&key.join(", ")));
    let mut line = vec![
        r.id.to_string(),
        r.table.clone(),
        key,
        r.operation.clone(),
        r.lsn.clone(),
        reason,
        ago(r.since_seconds_ago),
    ];
    line.extend(with_rows.then(|| r.row.as_ref().map_or_else(|| "–".to_owned(), |row| plain(&row.to_string()))));
    line
}

/// Nothing in it may move a terminal's cursor.
pub fn plain(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_and_why_and_no_value_but_the_key() {
        let mut refused = Refused {
            id: 7,
            table: "public.t".into(),
            key: Some(vec!["1".into(), "a\x1b[2J\n".into()]),
            operation: "insert".into(),
            lsn: "0/1A".into(),
            sqlstate: "23514".into(),
            constraint: Some("positive".into()),
            column: None,
            since_seconds_ago: 0.2,
            skipped: false,
            row: Some(serde_json::json!({ "v": "secret" })),
            name: ("public".into(), "t".into()),
            fetchable: true,
        };
        assert_eq!(
            line(&refused, false),
            [
                "7",
                "public.t",
                "1, a\\u{1b}[2J\\n",
                "insert",
                "0/1A",
                "23514 check_violation constraint \"positive\"",
                "now"
            ]
        );
        assert_eq!(line(&refused, true).last().map(String::as_str), Some("{\"v\":\"secret\"}"));
        (refused.key, refused.skipped) = (None, true);
        assert_eq!(line(&refused, false)[2], "–");
        assert!(line(&refused, false)[5].ends_with("(skipped)"));
    }
}
