//! Making one.

use std::io;
use std::path::Path;

use sink_postgres::{backup as tables, checkpoint, failpoint};
use wire::Connection;

use super::manifest::{Column, FORMAT, Manifest, Saved};
use super::seal::{Key, Sealing};
use super::store::{Store, create};
use crate::config::{Backup, table_name};
use crate::error::Error;

/// What is to be known of a backup before it is made.
pub struct About<'a> {
    /// A word for its label: what is about to be done.
    pub why: &'a str,
    /// Whose.
    pub pipeline: &'a str,
    /// Production's position that the target shows.
    pub lsn: Option<String>,
    /// Fingerprint.
    pub policy: &'a str,
}

/// Saves those of these tables that hold rows; `None`: none does. Then takes away what is too old.
///
/// # Errors
/// [`Error::Refused`] with what stands in the way. Nothing half stays, unless we are killed, and a half one is never listed as whole.
pub async fn save(
    config: &Backup,
    db: &mut Connection,
    about: About<'_>,
    names: &[(String, String)],
) -> Result<Option<Manifest>, Error> {
    let store = Store::of(&config.directory, about.pipeline);
    let target = checkpoint::target_id(db).await?;
    let mut there = Vec::new();
    for (schema, name) in names {
        there.extend(tables::shape(db, schema, name).await?);
    }
    let begun = tables::begin_to_save(db, &there).await.map_err(Error::Target);
    let saved = match begun {
        Err(e) => Err(e),
        Ok(()) => in_transaction(&store, &config.key, db, about, target, names).await,
    };
    match saved {
        Ok(None) => tables::end_saving(db).await.map(|()| None).map_err(Error::Target),
        Ok(Some(manifest)) => {
            tables::end_saving(db).await?;
            let held = store.hold().await?;
            match store.prune(&held, config.keep) {
                Ok(gone) if gone.is_empty() => {}
                Ok(gone) => tracing::info!(gone = gone.join(", "), "backups that had their time are gone"),
                Err(e) => tracing::warn!(error = e.chain(), "an old backup could not be taken away"),
            }
            Ok(Some(manifest))
        }
        Err(e) => {
            if !db.is_broken() && db.transaction_status() != b'I' {
                let _ = db.simple("ROLLBACK").await;
            }
            Err(e)
        }
    }
}

async fn in_transaction(
    store: &Store,
    key: &Key,
    db: &mut Connection,
    about: About<'_>,
    target: String,
    names: &[(String, String)],
) -> Result<Option<Manifest>, Error> {
    let at = jiff::Timestamp::now();
    let mut full = Vec::new();
    for (schema, name) in names {
        if let Some(shape) = tables::shape(db, schema, name).await?
            && tables::has_rows(db, &shape).await?
        {
            full.push(shape);
        }
    }
    if full.is_empty() {
        return Ok(None);
    }
    full.sort_by(|a, b| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)));
    let held = store.hold().await?;
    // what kills leave behind must not fill the disk
    store.sweep(&held)?;
    let (label, half) = store.begin(&held, about.why, at)?;
    failpoint::hit("backup.begun");
    tracing::info!(label, tables = full.len(), "a backup of staging's rows is made before they are replaced");
    let mut manifest = Manifest {
        format: FORMAT,
        label,
        why: about.why.to_owned(),
        pipeline: about.pipeline.to_owned(),
        at,
        target,
        lsn: about.lsn,
        policy: about.policy.to_owned(),
        key: key.id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        tables: Vec::new(),
    };
    let mut done = Ok(());
    for (n, shape) in full.iter().enumerate() {
        match one((store, &manifest.label), key, db, &half, shape, n + 1).await {
            Ok(saved) => manifest.tables.push(saved),
            Err(e) => {
                done = Err(e);
                break;
            }
        }
    }
    let done = done.and_then(|()| store.finish(&half, &manifest));
    if let Err(e) = done {
        // what cannot be taken away now is half by its name
        let _ = std::fs::remove_dir_all(&half);
        return Err(e);
    }
    failpoint::hit("backup.done");
    tracing::info!(label = manifest.label, rows = manifest.rows(), bytes = manifest.bytes(), "the backup is made");
    Ok(Some(manifest))
}

async fn one(
    (store, label): (&Store, &str),
    key: &Key,
    db: &mut Connection,
    half: &Path,
    shape: &tables::Shape,
    n: usize,
) -> Result<Saved, Error> {
    let columns = shape.columns.iter().map(|c| Column { name: c.name.clone(), type_name: c.type_name.clone() });
    let mut saved = Saved {
        schema: shape.schema.clone(),
        name: shape.name.clone(),
        file: format!("{n:04}.copy.zst.sealed"),
        columns: columns.collect(),
        rows: 0,
        bytes: 0,
        sha256: String::new(),
    };
    let path = half.join(&saved.file);
    let trouble = |e: io::Error| store.trouble("write", &path, e);
    let mut sealing = create(&path).and_then(|file| Sealing::begin(file, key, &saved.what(label))).map_err(trouble)?;
    tables::copy_out(db, shape).await?;
    while let Some(data) = db.copy_data().await.map_err(|e| Error::Target(e.into()))? {
        // a line break within a value is written as \n, two letters
        saved.rows += memchr::memchr_iter(b'\n', &data).count() as u64;
        sealing.write(&data).map_err(trouble)?;
        failpoint::hit("backup.table");
    }
    let sealed = sealing.finish().map_err(trouble)?;
    (saved.bytes, saved.sha256) = (sealed.bytes, sealed.sha256);
    tracing::debug!(table = table_name(&saved.schema, &saved.name), rows = saved.rows, bytes = saved.bytes, "saved");
    Ok(saved)
}
