//! What a start saves before it takes over: tables whose rows it is about to replace.

use std::collections::HashSet;

use sink_postgres::backup as tables;
use wire::Connection;

use super::manifest::Manifest;
use super::save::{About, save};
use super::store::Store;
use crate::config::{Config, table_name};
use crate::error::Error;

/// Its label's word.
const WHY: &str = "refresh";
/// A start that fails behind its backup is tried again, and the one that it has made serves for so long.
const SERVES: i64 = 3600;

/// What stands there before a start.
pub struct Standing<'a> {
    /// Production's position; `None`: nothing was applied, or it was forgotten.
    pub lsn: Option<String>,
    /// Fingerprint of the policy that comes.
    pub policy: &'a str,
    /// The database.
    pub target: &'a str,
    /// Tables whose rows are about to be replaced, or taken away.
    pub concerned: Vec<(String, String)>,
}

/// Saves them, or says that nobody does. Gives the label of the backup, if there is one.
pub async fn before(config: &Config, standing: Standing<'_>, db: &mut Connection) -> Result<Option<String>, Error> {
    if standing.concerned.is_empty() {
        return Ok(None);
    }
    let Some(backup) = &config.backup else {
        if let Some(warning) = unsaved(config, &standing.concerned, db).await? {
            tracing::warn!("{warning}");
        }
        return Ok(None);
    };
    let store = Store::of(&backup.directory, &config.pipeline);
    let full = full(db, &standing.concerned, "10s").await?;
    if full.is_empty() {
        return Ok(None);
    }
    if let Some(serves) = store.whole()?.into_iter().rev().find(|m| serves(m, &standing, &full, &store)) {
        tracing::info!(label = serves.label, "the backup of the try before this one serves");
        return Ok(Some(serves.label));
    }
    let about = About { why: WHY, pipeline: &config.pipeline, lsn: standing.lsn, policy: standing.policy };
    Ok(save(backup, db, about, &full).await?.map(|manifest| manifest.label))
}

/// What it was made for begins now.
pub fn used(config: &Config, label: &str) {
    let Some(backup) = &config.backup else { return };
    if let Err(e) = Store::of(&backup.directory, &config.pipeline).use_up(label) {
        tracing::warn!(error = %e, label, "a backup cannot be marked as used");
    }
}

fn serves(manifest: &Manifest, standing: &Standing<'_>, full: &[(String, String)], store: &Store) -> bool {
    let has: HashSet<_> = manifest.tables.iter().map(|t| (&t.schema, &t.name)).collect();
    manifest.why == WHY
        && manifest.policy == standing.policy
        && manifest.target == standing.target
        && (0..SERVES).contains(&manifest.age())
        && full.iter().all(|(schema, name)| has.contains(&(schema, name)))
        && !store.is_used(&manifest.label)
}

/// Those that hold rows. One that somebody holds is waited for so long.
async fn full(db: &mut Connection, names: &[(String, String)], patience: &str) -> Result<Vec<(String, String)>, Error> {
    let set = format!("SET lock_timeout = '{patience}'");
    db.simple(&set).await.map_err(sink_postgres::Error::from)?;
    let full = looked_at(db, names).await;
    if !db.is_broken() {
        db.simple("RESET lock_timeout").await.map_err(sink_postgres::Error::from)?;
    }
    full
}

async fn looked_at(db: &mut Connection, names: &[(String, String)]) -> Result<Vec<(String, String)>, Error> {
    let mut full = Vec::new();
    for (schema, name) in names {
        if let Some(shape) = tables::shape(db, schema, name).await?
            && tables::is_readable(db, &shape).await?
            && tables::has_rows(db, &shape).await?
        {
            full.push((schema.clone(), name.clone()));
        }
    }
    Ok(full)
}

/// What is to be said where rows would be replaced and there is no `backup:` in the file.
pub async fn unsaved(
    config: &Config,
    concerned: &[(String, String)],
    db: &mut Connection,
) -> Result<Option<String>, Error> {
    if config.backup.is_some() {
        return Ok(None);
    }
    // a word of warning waits for nobody
    let full = match full(db, concerned, "200ms").await {
        Err(Error::Target(e)) if e.is_contention() => {
            tracing::debug!("whether staging holds rows of its own is not known: somebody holds a table");
            return Ok(None);
        }
        full => full?,
    };
    let full: Vec<String> = full.iter().map(|(s, n)| table_name(s, n)).collect();
    Ok((!full.is_empty()).then(|| {
        format!(
            "staging has rows of {}, and production's take their place: without `backup:` in sluice.yaml nothing saves what only staging has of them",
            full.join(", ")
        )
    }))
}
