//! `sluice backup`: what was saved of staging's rows, and its way back.
//!
//! `restore` replaces: a table has its rows as they were, and no others. It looks at everything first, tells all that stands in the way
//! at once, and is one transaction. A sluice that runs would write meanwhile, so none may.

use serde_json::{Value, json};
use wire::Connection;
use zeroize::Zeroizing;

use super::args::{Args, Backup as Verb, BackupRestore, BackupVerb};
use super::table::table;
use super::{confirm, print, resync};
use crate::audit;
use crate::backup::{self, Found, Key, Manifest, Saved, Store};
use crate::config::{Backup, Config, Problem, Problems, did_you_mean, read_backup_key, table_name};
use crate::error::Error;
use crate::figures::{ago, count, size, some};
use crate::start;

/// Lists, restores, or takes away.
pub async fn run(args: &Args, verb: &Verb) -> Result<(), Error> {
    let (config, _) = super::load(args)?;
    let Some(backup) = &config.backup else {
        return Err(Error::Config(
            Problem::new("backup", "missing: nothing is backed up")
                .hint("backup: { directory: …, key: \"${SLUICE_BACKUP_KEY}\" }")
                .into(),
        ));
    };
    let store = Store::of(&backup.directory, &config.pipeline);
    match &verb.verb {
        BackupVerb::List(verb) => list(&store.list()?, verb.json),
        BackupVerb::Restore(verb) => restore(&config, backup, &store, verb).await,
        BackupVerb::Prune => prune(&config, backup, &store).await,
    }
}

fn list(found: &[Found], as_json: bool) -> Result<(), Error> {
    if as_json {
        let entry = |found: &Found| match found {
            Found::Whole(manifest) => serde_json::to_value(manifest).unwrap_or_default(),
            Found::Unread(label, why) => json!({ "label": label, "unread": why }),
            Found::Half(label) => json!({ "label": label, "half": true }),
        };
        return print::data(format_args!("{}\n", Value::from_iter(found.iter().map(entry))));
    }
    let mut lines = Vec::new();
    for found in found {
        match found {
            Found::Whole(m) => lines.push(vec![
                m.label.clone(),
                ago(m.age() as f64),
                m.lsn.clone().unwrap_or_else(|| "-".into()),
                count(m.tables.len() as u64),
                count(m.rows()),
                size(m.bytes()),
            ]),
            Found::Unread(label, why) => print::talk(format_args!("{label} cannot be read: {why}")),
            Found::Half(label) => print::talk(format_args!("{label} was interrupted, or is being made")),
        }
    }
    if lines.is_empty() {
        print::talk(format_args!("there is no backup"));
        return Ok(());
    }
    print::data(format_args!("{}\n", table(&["LABEL", "MADE", "LSN", ">TABLES", ">ROWS", ">SIZE"], lines)))
}

async fn prune(config: &Config, backup: &Backup, store: &Store) -> Result<(), Error> {
    let target = start::ends::target_alone(config)?;
    let mut db = start::ends::target(config, &target, "backup", &[("lock_timeout", "10s")]).await?;
    sink_postgres::schema::ensure(&mut db).await?;
    let what = json!({ "keep_seconds": backup.keep.as_secs() });
    let gone = audit::kept(config, &mut db, "backup prune", what, async |_| {
        let held = store.hold().await?;
        store.prune(&held, backup.keep)
    })
    .await?;
    db.close().await;
    gone.iter().for_each(|label| print::talk(format_args!("{label} is gone")));
    if gone.is_empty() {
        print::talk(format_args!("none is older than backup.keep but the newest, and none was interrupted"));
    }
    Ok(())
}

async fn restore(config: &Config, backup: &Backup, store: &Store, verb: &BackupRestore) -> Result<(), Error> {
    let manifest = named(store, &verb.label)?;
    let key = key(backup, &manifest, verb.former_key.as_deref())?;
    let chosen = choose(&manifest, &verb.tables)?;
    backup::verify(store, &manifest, &chosen)?;
    let target = start::ends::target_alone(config)?;
    let mut db = start::ends::target(config, &target, "restore", &[("lock_timeout", "10s")]).await?;
    still(config, &mut db).await?;
    let shapes = backup::fits(config, &mut db, &chosen).await?;
    announce(&manifest, &chosen, &sink_postgres::checkpoint::target_id(&mut db).await?);
    if !verb.yes {
        confirm::ask("the rows that are there now go", &config.pipeline)?;
    }
    sink_postgres::schema::ensure(&mut db).await?;
    let names: Vec<String> = chosen.iter().map(|t| table_name(&t.schema, &t.name)).collect();
    let what = json!({ "label": manifest.label, "tables": names });
    let rows = audit::kept(config, &mut db, "backup restore", what, async |db| {
        backup::restore((store, &manifest), &key, db, (&chosen, &shapes)).await
    })
    .await?;
    let followed = followed(config, &mut db).await?;
    db.close().await;
    print::talk(format_args!("{} restored: {}", some(rows, "row", "rows"), names.join(", ")));
    if followed {
        print::talk(format_args!(
            "the next sluice run goes on where staging stood: it replaces those of them that production changes, and sluice resync TABLE all of a table. \
             What is to stay staging's own belongs under protect; sluice destroy ends it"
        ));
    } else {
        print::talk(format_args!(
            "the next sluice run saves and replaces them again; what is to stay staging's own belongs under protect"
        ));
    }
    print::talk(format_args!("foreign keys were not asked: sluice orphans counts rows that refer to nothing"));
    Ok(())
}

fn named(store: &Store, label: &str) -> Result<Manifest, Error> {
    let found = store.list()?;
    let mut labels = Vec::new();
    for one in found {
        match one {
            Found::Whole(manifest) if manifest.label == label => return Ok(manifest),
            Found::Whole(manifest) => labels.push(manifest.label),
            Found::Unread(name, why) if name == label => {
                return Err(Error::Config(Problem::new("", format!("{label} cannot be read: {why}")).into()));
            }
            Found::Half(name) if name == label => {
                let what = format!("{label} was interrupted, or is being made: it is not whole");
                return Err(Error::Config(Problem::new("", what).into()));
            }
            _ => {}
        }
    }
    let mut problem = Problem::new("", format!("there is no backup {label}"));
    problem.hint =
        did_you_mean(label, labels.iter().map(String::as_str)).or_else(|| Some("sluice backup list".to_owned()));
    Err(Error::Config(problem.into()))
}

fn choose<'m>(manifest: &'m Manifest, typed: &[String]) -> Result<Vec<&'m Saved>, Error> {
    let named = |t: &Saved, typed: &str| {
        typed == table_name(&t.schema, &t.name) || typed == format!("{}.{}", t.schema, t.name) || typed == t.name
    };
    let missing = typed.iter().filter(|typed| !manifest.tables.iter().any(|t| named(t, typed)));
    let problems: Vec<Problem> = missing
        .map(|typed| {
            Problem::new("", format!("{typed} is not in {}", manifest.label)).hint("sluice backup list --json")
        })
        .collect();
    if !problems.is_empty() {
        return Err(Error::Config(Problems(problems)));
    }
    Ok(manifest.tables.iter().filter(|t| typed.is_empty() || typed.iter().any(|typed| named(t, typed))).collect())
}

/// The one that it was made under: that of the file, unless another is named.
fn key(backup: &Backup, manifest: &Manifest, former: Option<&str>) -> Result<Key, Error> {
    let (of, key) = match former {
        None => ("backup.key", backup.key.clone()),
        Some(variable) => {
            let text = Zeroizing::new(std::env::var(variable).unwrap_or_default());
            (variable, read_backup_key(&text).map_err(|why| Error::Config(Problem::new(variable, why).into()))?)
        }
    };
    if key.id() == manifest.key {
        return Ok(key);
    }
    let what = format!("is key {}, and the backup was made under {}", key.id(), manifest.key);
    Err(Error::Config(Problem::new(of, what).hint("--former-key VARIABLE: the key that the pipeline had then").into()))
}

/// Nobody applies.
async fn still(config: &Config, db: &mut Connection) -> Result<(), Error> {
    if resync::connected(config, db).await? { Err(backup::runs()) } else { Ok(()) }
}

fn announce(manifest: &Manifest, chosen: &[&Saved], target: &str) {
    let lines = chosen.iter().map(|t| vec![table_name(&t.schema, &t.name), count(t.rows), size(t.bytes)]);
    print::talk(format_args!(
        "{}: of these tables all rows go, and come back as they were\n{}",
        manifest.label,
        table(&["TABLE", ">ROWS", ">SIZE"], lines)
    ));
    if manifest.target != target {
        print::talk(format_args!("note: it was made of another database than this"));
    }
}

async fn followed(config: &Config, db: &mut Connection) -> Result<bool, Error> {
    Ok(sink_postgres::checkpoint::read(db, &config.pipeline).await?.is_some_and(|known| known.lsn.is_some()))
}
