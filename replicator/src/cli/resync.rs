//! `sluice resync`: makes tables pending, so that a running (or the next) `run` reconciles them in chunks.
//!
//! A table: one row in `sluice.pending`. All: the position is forgotten as well, whoever runs is fenced by it, and the
//! slot goes, so that `run` makes a new one. The target's tables are not touched here and never emptied: rows that are
//! right stay, rows that are not are replaced, chunk by chunk.

use sink_postgres::checkpoint::{self, Checkpoint};
use sink_postgres::schema;
use wire::{Connection, quote_literal};

use serde_json::json;

use super::args::{Args, Resync};
use super::{confirm, freeze};
use crate::audit;
use crate::backup;
use crate::config::{Backup, Config, Problem, did_you_mean, table_name};
use crate::error::{Doing, Error, Kind};
use crate::figures::some;
use crate::source::{production, slot};
use crate::start::{self, environment::Side};

/// Schema, name, and as it is written in `tables:`.
pub type Known = (String, String, String);

/// Makes what was named due.
pub async fn run(args: &Args, verb: &Resync) -> Result<(), Error> {
    let (config, _) = super::load(args)?;
    let (_, target) = start::conninfos(&config)?;
    let mut db = start::ends::target(&config, &target, "resync", &[("lock_timeout", "10s")]).await?;
    let known = registered(&config, &mut db).await?;
    schema::ensure(&mut db).await?;
    if verb.all {
        return all(&config, db, known.len() as u64, verb.yes).await;
    }
    let chosen = choose(&verb.tables, &known)?;
    if let Some(backup) = config.backup.as_ref().filter(|_| !verb.no_backup) {
        save(&config, backup, &chosen, &mut db).await?;
    }
    let names: Vec<&str> = chosen.iter().map(|(.., full)| full.as_str()).collect();
    audit::kept(&config, &mut db, "resync", json!({ "tables": names }), async |db| {
        some_of_them(&config, db, &chosen).await
    })
    .await?;
    let when = match connected(&config, &mut db).await? {
        true => "The running sluice begins within a second or two",
        false => "No sluice is running; the next sluice run begins with it",
    };
    eprintln!("{when}. It goes in chunks, and staging stays full meanwhile; sluice status shows how far it is.");
    freeze::said(&config, &mut db).await?;
    db.close().await;
    Ok(())
}

/// What a tester has changed there is what production's rows are about to replace.
async fn save(config: &Config, to: &Backup, chosen: &[&Known], db: &mut Connection) -> Result<(), Error> {
    let known = known(config, db).await?;
    let (lsn, policy) = (known.lsn.map(|lsn| lsn.to_string()), &known.identity.policy);
    let about = backup::About { why: "resync", pipeline: &config.pipeline, lsn, policy };
    let names: Vec<_> = chosen.iter().map(|(schema, name, _)| (schema.clone(), name.clone())).collect();
    if let Some(made) = backup::save(to, db, about, &names).await? {
        eprintln!("saved as {}: {} (sluice backup restore)", made.label, some(made.rows(), "row", "rows"));
    }
    Ok(())
}

async fn some_of_them(config: &Config, db: &mut Connection, chosen: &[&Known]) -> Result<(), Error> {
    for (of, name, full) in chosen {
        let (p, s, n) = (quote_literal(&config.pipeline), quote_literal(of), quote_literal(name));
        db.simple(&format!(
            "BEGIN; UPDATE sluice.tables SET note = '' WHERE (pipeline, schema, name) = ({p}, {s}, {n});
             {}; COMMIT",
            whole(&p, &s, &n)
        ))
        .await
        .map_err(staging)?;
        eprintln!("{full} is due as a whole");
    }
    Ok(())
}

/// Makes a table due as a whole: what was pending of it before is in it, and so is what lay in quarantine.
pub fn whole(p: &str, s: &str, n: &str) -> String {
    format!(
        "DELETE FROM sluice.pending WHERE (pipeline, schema, name) = ({p}, {s}, {n});
         DELETE FROM sluice.quarantine WHERE (pipeline, schema, name) = ({p}, {s}, {n});
         INSERT INTO sluice.pending (pipeline, schema, name) VALUES ({p}, {s}, {n})"
    )
}

/// Of a target that follows a topic: slot and topic are others' too, and stay.
async fn all_of_a_topic(config: &Config, topic: &str, mut db: Connection, tables: u64, yes: bool) -> Result<(), Error> {
    eprintln!(
        "resync --all forgets where {} stands in topic {topic}, and makes all {} due; it begins again at the topic's end. \
         Staging stays full meanwhile: rows are replaced in chunks, and until the end it is not consistent.",
        config.pipeline,
        some(tables, "table", "tables")
    );
    if !yes {
        confirm::ask("this reads every table of production again", &config.pipeline)?;
    }
    audit::kept(config, &mut db, "resync --all", json!({ "topic": topic }), async |db| {
        Ok(checkpoint::forget(db, &config.pipeline).await?)
    })
    .await?;
    freeze::said(config, &mut db).await?;
    db.close().await;
    eprintln!(
        "the position is forgotten, everything is due; a running sluice ends with exit code 5; then: sluice apply"
    );
    Ok(())
}

async fn all(config: &Config, mut db: Connection, tables: u64, yes: bool) -> Result<(), Error> {
    if let Some(buffer) = &config.buffer {
        return all_of_a_topic(config, &buffer.topic, db, tables, yes).await;
    }
    let slot = config.slot();
    let (source, _) = start::conninfos(config)?;
    // one that is another is refused before anything is forgotten; one that is out of reach is left for later, as said below
    for (_, server) in source.each() {
        match start::ends::source(config, server, "resync", &[]).await {
            Ok(db) => db.close().await,
            Err(e) if e.kind() == Kind::Refused => return Err(e),
            Err(_) => {}
        }
    }
    if checkpoint::target_id(&mut db).await? != known(config, &mut db).await?.target_id {
        return Err(Error::Refused {
            what: format!(
                "the target is a copy of the database that follows slot {slot}: dropping it would hurt the original"
            ),
            hint: "give the copy a pipeline of its own: another `pipeline:` name in its sluice.yaml; if staging has moved here, and the original is given up: sluice moved".into(),
        });
    }
    eprintln!(
        "resync --all forgets where {} stands, drops slot {slot} on production, and makes all {} due. \
         Staging stays full meanwhile: rows are replaced in chunks, and until the end it is not consistent.",
        config.pipeline,
        some(tables, "table", "tables")
    );
    if !yes {
        confirm::ask("this reads every table of production again", &config.pipeline)?;
    }
    audit::kept(config, &mut db, "resync --all", json!({ "slot": slot }), async |db| anew(config, db, &slot).await)
        .await?;
    freeze::said(config, &mut db).await?;
    db.close().await;
    eprintln!("A running sluice begins anew, or ends with exit code 5; else: sluice run");
    Ok(())
}

async fn anew(config: &Config, db: &mut Connection, slot: &str) -> Result<(), Error> {
    let before = known(config, db).await?.epoch;
    checkpoint::forget(db, &config.pipeline).await?;
    eprintln!("the position is forgotten, everything is due");
    match drop_slot(config, db, before + 1).await {
        Ok(Slot::Dropped) => eprintln!("slot {slot} is dropped"),
        Ok(Slot::Missing) => eprintln!("slot {slot} does not exist on production"),
        Ok(Slot::Taken) => eprintln!("a running sluice has begun anew already, and made slot {slot} itself"),
        Err(e) => {
            eprintln!(
                "slot {slot} is not dropped; the next sluice run does it, and until then it holds WAL on production"
            );
            return Err(e);
        }
    }
    Ok(())
}

enum Slot {
    Dropped,
    Missing,
    Taken,
}

/// Under the checkpoint's row lock, so that no starting replicator makes a slot while we drop it.
async fn drop_slot(config: &Config, db: &mut Connection, epoch: i64) -> Result<Slot, Error> {
    let p = quote_literal(&config.pipeline);
    let (source, _) = start::conninfos(config)?;
    let mut writers = Vec::new();
    for (_, server) in source.each() {
        let mut writer = production::writer(server, &config.pipeline, "slot", &[]).await?;
        start::environment::require(config, Side::Source, server, &mut writer).await?;
        writers.push(writer);
    }
    let sql = format!("BEGIN; SELECT epoch FROM sluice.checkpoint WHERE pipeline = {p} AND lsn IS NULL FOR UPDATE");
    let rows = db.simple(&sql).await.map_err(staging)?;
    let now = rows.last().and_then(|r| r.get(0, 0)).and_then(|e| e.parse::<i64>().ok());
    let name = config.slot();
    let mut done = if now == Some(epoch) { Slot::Missing } else { Slot::Taken };
    for mut writer in writers {
        if now == Some(epoch) && slot::look(&mut writer, &name).await.doing("look at the slot")?.is_some() {
            // who reads it is fenced; without its stream it notices at once
            slot::seize(&mut writer, &name).await.doing("drop the slot")?;
            done = Slot::Dropped;
        }
        writer.close().await;
    }
    db.simple("COMMIT").await.map_err(staging)?;
    Ok(done)
}

/// The tables that the target knows; an error where there are none.
pub async fn registered(config: &Config, db: &mut Connection) -> Result<Vec<Known>, Error> {
    let never = || {
        let what =
            format!("pipeline {} has not run into this target yet: nothing to bring up to date", config.pipeline);
        Error::Config(Problem::new("", what).hint("sluice run").into())
    };
    let there = db.query("SELECT pg_catalog.to_regclass('sluice.pending') IS NOT NULL", &[]).await.map_err(staging)?;
    if there.get(0, 0) != Some("t") {
        return Err(never());
    }
    let sql = "SELECT schema, name FROM sluice.tables WHERE pipeline = $1 ORDER BY schema, name";
    let rows = db.query(sql, &[Some(&config.pipeline)]).await.map_err(staging)?;
    let text = |r: &wire::Row<'_>, i: usize| r.get(i).unwrap_or_default().to_owned();
    let known: Vec<Known> =
        rows.iter().map(|r| (text(&r, 0), text(&r, 1), table_name(&text(&r, 0), &text(&r, 1)))).collect();
    if known.is_empty() { Err(never()) } else { Ok(known) }
}

async fn known(config: &Config, db: &mut Connection) -> Result<Checkpoint, Error> {
    let known = checkpoint::read(db, &config.pipeline).await?;
    known.ok_or_else(|| Error::Bug("tables are registered, and there is no checkpoint".into()))
}

/// Is a replicator connected to the target?
pub async fn connected(config: &Config, db: &mut Connection) -> Result<bool, Error> {
    let name = format!("sluice/{}/apply", config.pipeline);
    let sql = "SELECT 1 FROM pg_catalog.pg_stat_activity WHERE datname = pg_catalog.current_database() AND application_name = $1";
    Ok(!db.query(sql, &[Some(&name)]).await.map_err(staging)?.is_empty())
}

/// The tables that were typed: `schema.name`, or the name alone where only one schema has it. All problems at once.
pub fn choose<'k>(typed: &[String], known: &'k [Known]) -> Result<Vec<&'k Known>, Error> {
    let mut chosen: Vec<&Known> = Vec::new();
    let mut problems = Vec::new();
    for typed in typed {
        let of_schema = |k: &&Known| k.2 == *typed || format!("{}.{}", k.0, k.1) == *typed;
        let mut found: Vec<&Known> = known.iter().filter(of_schema).collect();
        if found.is_empty() {
            found = known.iter().filter(|k| k.1 == *typed).collect();
        }
        match found.as_slice() {
            [one] if chosen.contains(one) => {}
            [one] => chosen.push(one),
            [] => {
                let mut problem = Problem::new("", format!("{typed} is no replicated table"));
                problem.hint = did_you_mean(typed, known.iter().flat_map(|k| [k.2.as_str(), k.1.as_str()]))
                    .or_else(|| Some("sluice status lists them".to_owned()));
                problems.push(problem);
            }
            many => {
                let names: Vec<&str> = many.iter().map(|k| k.2.as_str()).collect();
                problems.push(Problem::new("", format!("{typed} could be {}", names.join(" or "))));
            }
        }
    }
    if problems.is_empty() { Ok(chosen) } else { Err(Error::Config(crate::config::Problems(problems))) }
}

/// An error of the target.
pub fn staging(e: wire::Error) -> Error {
    Error::Target(e.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_known_by_their_names() {
        let known: Vec<Known> = [("public", "a"), ("public", "orders"), ("old", "orders"), ("x.y", "z")]
            .map(|(s, n)| (s.into(), n.into(), table_name(s, n)))
            .into();
        let choose = |typed: &[&str]| {
            let typed: Vec<String> = typed.iter().map(|t| (*t).to_owned()).collect();
            choose(&typed, &known).map(|c| c.iter().map(|k| k.2.clone()).collect::<Vec<_>>()).map_err(|e| e.to_string())
        };
        assert_eq!(
            choose(&["a", "public.a", "old.orders", "\"x.y\".z"]).unwrap(),
            ["public.a", "old.orders", "\"x.y\".z"]
        );
        assert_eq!(choose(&["orders"]).unwrap_err(), "orders could be public.orders or old.orders");
        let error = choose(&["publik.a", "nothing.like.it"]).unwrap_err();
        assert_eq!(
            error,
            "publik.a is no replicated table (did you mean \"public.a\"?)\n\
             nothing.like.it is no replicated table (sluice status lists them)"
        );
    }
}
