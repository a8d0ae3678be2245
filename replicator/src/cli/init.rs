//! `sluice init`: a first `sluice.yaml` and `sluice.lock`, and the SQL for two roles.
//!
//! Reads two catalogs, and some rows of production to see what they look like. Writes two files, and never over others
//! unless it is told to.

mod files;
mod look;
mod say;
mod sequences;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sink_postgres::{foreign_key, session};
use wire::{Connection, Conninfo, SslMode};

use super::args::{Args, Init};
use super::print;
use crate::check::review;
use crate::config::{Config, Files, Lock, Problem};
use crate::error::{Doing, Error};
use crate::propose::{self, Found};
use crate::source::catalog::{self, SourceTable};
use crate::source::production;
use crate::start::{
    self,
    environment::{self, Says},
};

/// Runs it.
pub async fn run(args: &Args, verb: &Init) -> Result<(), Error> {
    if verb.lock {
        return relock(args).await;
    }
    let lock_path = Files::new(&args.config).lock();
    if !verb.force {
        files::absent(&args.config)?;
        files::absent(&lock_path)?;
    }
    let source = conninfo("--source", "source.url", verb.source.as_deref())?;
    let target = conninfo("--target", "target.url", verb.target.as_deref())?;
    let pipeline = match &verb.pipeline {
        Some(name) => name.clone(),
        None => named_like(source.database()),
    };
    if !source.is_local() && source.ssl_mode() != SslMode::VerifyFull {
        tracing::warn!(
            sslmode = %source.ssl_mode(),
            "whoever stands between could read production's rows, or play production; what is written wants sslmode=verify-full"
        );
    }
    let mut production = production::reader(&source, &pipeline, "init", look::BOUNDS).await?;
    let mut staging = staging(&target, &pipeline).await?;
    start::different(&mut production, &mut staging).await?;
    let labels = labels(&mut production, &mut staging).await?;
    let tables = catalog::tables(&mut production).await.doing("read the catalog")?;
    let seen = look::look(&mut production, &tables).await?;
    let there = target_tables(&mut staging).await?;
    let found: Vec<Found> = tables
        .iter()
        .zip(seen.facts)
        .map(|(t, facts)| Found { table: start::described(t), key: t.key.clone(), facts })
        .collect();
    let own: Vec<(String, String)> =
        there.iter().filter(|name| !tables.iter().any(|t| t.name() == **name)).cloned().collect();
    let names = propose::Names { pipeline: &pipeline, source: &labels[0], target: &labels[1] };
    let yaml = propose::yaml(names, &found, &own);
    let lock = lock_of(&yaml, verb, &found)?;
    let sequences = sequences::sequences(&mut production, &mut staging, &lock, &there, &own).await?;
    let referring = referring(&mut staging, &lock).await?;
    production.close().await;
    staging.close().await;
    files::write(&args.config, yaml.as_bytes(), verb.force)?;
    files::write(&lock_path, lock.text().as_bytes(), verb.force)?;
    let copied: Vec<&SourceTable> = tables.iter().filter(|t| lock.tables.contains_key(&t.name())).collect();
    say::sql(names, (&source, &target), &copied, &sequences, &referring)?;
    say::talk(&say::Talk {
        args,
        pipeline: &pipeline,
        source,
        target,
        found: &found,
        own: &own,
        there: &there,
        copied,
        unread: &seen.unread,
    });
    Ok(())
}

/// The lock of a file that was just proposed: what a first run would copy.
fn lock_of(yaml: &str, verb: &Init, found: &[Found]) -> Result<Lock, Error> {
    // the key decides nothing here; it only has to be one
    let env: HashMap<&str, String> = [
        ("SLUICE_SOURCE_URL", verb.source.clone().unwrap_or_default()),
        ("SLUICE_TARGET_URL", verb.target.clone().unwrap_or_default()),
        ("SLUICE_MASK_KEY", "c2x1aWNlIGluaXQ6IGFueSBrZXkgb2YgMzIgYnl0ZXM=".to_owned()),
    ]
    .into();
    let config = Config::parse(yaml, &|name| env.get(name).cloned()).map_err(Error::Config)?;
    let tables: Vec<_> = found.iter().map(|f| f.table.clone()).collect();
    let policy = config.reviewed(&tables).map_err(Error::Config)?.policy;
    Ok(Lock::of(&policy, &tables))
}

/// `--lock`: only the lock, and what changed in it, to be read before it is committed.
async fn relock(args: &Args) -> Result<(), Error> {
    let config = Config::load(&args.config).map_err(Error::Config)?;
    let path = Files::new(&args.config).lock();
    let was = Lock::read(&path).map_err(Error::Config)?.unwrap_or_default();
    let (source, _) = start::conninfos(&config)?;
    let mut production = production::reader(&source.data, &config.pipeline, "init", &[]).await?;
    let found = catalog::tables(&mut production).await.doing("read the catalog")?;
    production.close().await;
    let tables: Vec<_> = found.iter().map(start::described).collect();
    let resolved = config.reviewed(&tables).map_err(Error::Config)?;
    let mut lock = Lock::of(&resolved.policy, &tables);
    lock.carry(&was, &resolved.unnamed);
    lock.write(&path).map_err(|source| Error::File { action: "write", path: path.display().to_string(), source })?;
    let columns: usize = lock.tables.values().map(std::collections::BTreeMap::len).sum();
    eprintln!("wrote {}: {} tables, {columns} columns", path.display(), lock.tables.len());
    let changes = review::compare(&was, &lock);
    if changes.is_empty() {
        eprintln!("nothing changed in it");
        return Ok(());
    }
    print::data(review::text(&changes))?;
    let keys: HashMap<(String, String), Vec<String>> = found.iter().map(|t| (t.name(), t.key.clone())).collect();
    for table in &tables {
        let key = (table.schema.clone(), table.name.clone());
        let found = Found { table: table.clone(), key: keys.get(&key).cloned().unwrap_or_default(), facts: Vec::new() };
        for (column, proposal) in table.columns.iter().zip(propose::proposals(&[found]).remove(0)) {
            let is_new = changes.iter().any(|c| c.added(&key, &column.name));
            let kept = lock
                .tables
                .get(&key)
                .and_then(|t| t.get(&column.name))
                .is_some_and(|c| c.class == filters::policy::Class::Keep);
            if is_new && kept && !proposal.reason.is_empty() {
                eprintln!(
                    "look again: {}.{} is kept as it is, and by its name and type it may be {}",
                    table.full_name(),
                    column.name,
                    proposal.reason
                );
            }
        }
    }
    Ok(())
}

fn conninfo(flag: &str, path: &'static str, url: Option<&str>) -> Result<Conninfo, Error> {
    let Some(url) = url else {
        let variable = if path == "source.url" { "SLUICE_SOURCE_URL" } else { "SLUICE_TARGET_URL" };
        let problem = Problem::new(flag, "missing")
            .hint(format!("{flag} postgres://user@host:5432/database, or export {variable}"));
        return Err(Error::Config(problem.into()));
    };
    Conninfo::parse(url).map_err(|source| Error::Conninfo { path, source })
}

/// A session on the target that cannot write.
async fn staging(target: &Conninfo, pipeline: &str) -> Result<Connection, Error> {
    let read_only = [("default_transaction_read_only", "on")];
    session::open(target, pipeline, "init", false, &read_only).await.map_err(|e| Error::Target(e.into()))
}

/// What the two say that they are, or will say by the SQL that is printed.
async fn labels(production: &mut Connection, staging: &mut Connection) -> Result<[String; 2], Error> {
    let label = |says, or: &str| if let Says::Label(label) = says { label } else { or.to_owned() };
    let source = environment::says(production, None).await.doing("look at what the server says that it is")?;
    let target = environment::says(staging, None).await.map_err(|e| Error::Target(e.into()))?;
    let labels = [label(source, "production"), label(target, "staging")];
    if labels[0] == labels[1] {
        return Err(Error::Refused {
            what: format!("the target says that it is {} (sluice.environment), as production is", labels[1]),
            hint: "look where the target's URL leads. A copy of production says what production is, until its administrator says otherwise there: \
                   UPDATE sluice.environment SET name = 'staging';"
                .into(),
        });
    }
    Ok(labels)
}

/// Schema and name of every table of the target, sluice's own left out.
async fn target_tables(db: &mut Connection) -> Result<Vec<(String, String)>, Error> {
    let rows = db
        .query(
            "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
               AND n.nspname NOT IN ('information_schema', 'sluice') AND n.nspname NOT LIKE 'pg\\_%' ORDER BY 1, 2",
            &[],
        )
        .await
        .map_err(|e| Error::Target(e.into()))?;
    let text = |r: &wire::Row<'_>, i| r.get(i).unwrap_or_default().to_owned();
    Ok(rows.iter().map(|r| (text(&r, 0), text(&r, 1))).collect())
}

/// Tables of the target's own whose rows refer to those of the lock's, each with the columns that do.
async fn referring(db: &mut Connection, lock: &Lock) -> Result<Vec<((String, String), Vec<String>)>, Error> {
    let mut found: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    let keys = foreign_key::all(db).await?;
    for key in
        keys.into_iter().filter(|k| lock.tables.contains_key(&k.refers_root) && !lock.tables.contains_key(&k.root))
    {
        found.entry(key.table.clone()).or_default().extend(key.names());
    }
    Ok(found.into_iter().map(|(table, columns)| (table, columns.into_iter().collect())).collect())
}

/// A pipeline's name has `[a-z0-9_]` only, 40 at most.
fn named_like(database: &str) -> String {
    let clean = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let name: String = database.chars().take(40).map(clean).collect();
    if name.is_empty() { "sluice".to_owned() } else { name }
}
