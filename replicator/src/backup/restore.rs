//! Putting one back: all that was chosen, in one transaction, or nothing.

use std::io::Read;

use sink_postgres::backup as tables;
use sink_postgres::backup::Shape;
use sink_postgres::{catalog, freeze};
use wire::Connection;

use super::manifest::{Manifest, Saved};
use super::seal::{self, Key};
use super::store::Store;
use crate::config::{Config, Problem, Problems, table_name};
use crate::error::Error;

/// Are the files as they were written? All problems at once.
pub fn verify(store: &Store, manifest: &Manifest, chosen: &[&Saved]) -> Result<(), Error> {
    let mut problems = Vec::new();
    for saved in chosen {
        let path = store.path(&manifest.label).join(&saved.file);
        let what = match seal::checksum(&path) {
            Ok(sum) if sum == saved.sha256 => continue,
            Ok(_) => "is not as it was written".to_owned(),
            Err(e) => format!("cannot be read: {e}"),
        };
        problems
            .push(Problem::new("", format!("{}: {} {what}", table_name(&saved.schema, &saved.name), path.display())));
    }
    if problems.is_empty() { Ok(()) } else { Err(Error::Config(Problems(problems))) }
}

/// The tables as they are now, if rows of the backup fit into all of them. All problems at once. A table that has become protected may be asked for
/// by its name; nobody gets at its rows by another table's.
pub async fn fits(config: &Config, db: &mut Connection, chosen: &[&Saved]) -> Result<Vec<Shape>, Error> {
    let (mut shapes, mut problems) = (Vec::new(), Vec::new());
    let names: Vec<_> = chosen.iter().map(|saved| (saved.schema.clone(), saved.name.clone())).collect();
    for ((schema, name), table) in catalog::tables(db, &names).await? {
        let shared =
            table.shares.iter().find(|(s, n)| config.is_protected(s, n) && !config.is_protected(&schema, &name));
        if let Some((s, n)) = shared {
            let what =
                format!("{} shares rows with {}, which is protected", table_name(&schema, &name), table_name(s, n));
            problems.push(Problem::new("", what));
        }
    }
    for saved in chosen {
        let table = table_name(&saved.schema, &saved.name);
        let mut problem = |what: String| problems.push(Problem::new("", what));
        let Some(shape) = tables::shape(db, &saved.schema, &saved.name).await? else {
            problem(format!("{table} is not there any more"));
            continue;
        };
        for column in &saved.columns {
            match shape.columns.iter().find(|c| c.name == column.name) {
                None => problem(format!("{table}.{} is not there any more, or is generated", column.name)),
                Some(c) if c.type_name != column.type_name => {
                    problem(format!("{table}.{} is {}, and was {}", column.name, c.type_name, column.type_name));
                }
                Some(_) => {}
            }
        }
        for column in shape.columns.iter().filter(|c| c.required && !saved.columns.iter().any(|s| s.name == c.name)) {
            problem(format!("{table}.{} wants a value, and the backup has none", column.name));
        }
        shapes.push(shape);
    }
    if problems.is_empty() { Ok(shapes) } else { Err(Error::Config(Problems(problems))) }
}

/// Puts the rows of these tables back as they were, in one transaction. `chosen` and `shapes` go together. Gives how many.
pub async fn restore(
    (store, manifest): (&Store, &Manifest),
    key: &Key,
    db: &mut Connection,
    (chosen, shapes): (&[&Saved], &[Shape]),
) -> Result<u64, Error> {
    // before a row is touched
    for saved in chosen {
        let path = store.path(&manifest.label).join(&saved.file);
        seal::open(&path, key, &saved.what(&manifest.label)).map_err(|e| unreadable(saved, e))?;
    }
    tables::begin_to_restore(db, &manifest.pipeline, shapes).await?;
    // asked behind the lock: one that starts from here on waits for it
    let done = match freeze::is_applied(db, &manifest.pipeline).await {
        Ok(false) => all((store, manifest), key, db, (chosen, shapes)).await,
        Ok(true) => Err(runs()),
        Err(e) => Err(e.into()),
    };
    match done {
        Ok(rows) => {
            // a deferred constraint speaks here
            db.simple_on_rows("COMMIT").await.map_err(|e| Error::Target(e.into()))?;
            Ok(rows)
        }
        Err(e) => {
            if !db.is_broken() {
                let _ = db.simple("ROLLBACK").await;
            }
            Err(e)
        }
    }
}

async fn all(
    (store, manifest): (&Store, &Manifest),
    key: &Key,
    db: &mut Connection,
    (chosen, shapes): (&[&Saved], &[Shape]),
) -> Result<u64, Error> {
    let mut rows = 0;
    let mut buffer = vec![0; 1 << 16];
    for (saved, shape) in chosen.iter().zip(shapes) {
        let path = store.path(&manifest.label).join(&saved.file);
        let mut file = seal::open(&path, key, &saved.what(&manifest.label)).map_err(|e| unreadable(saved, e))?;
        let columns: Vec<&str> = saved.columns.iter().map(|c| c.name.as_str()).collect();
        tables::replace(db, shape, &columns).await?;
        let came = loop {
            match file.read(&mut buffer) {
                Ok(0) => break db.copy_end().await,
                Ok(n) => {
                    if let Err(e) = db.copy_send(buffer.get(..n).unwrap_or_default()).await {
                        break Err(e);
                    }
                }
                Err(e) => {
                    let _ = db.copy_fail("the backup cannot be read").await;
                    return Err(unreadable(saved, e));
                }
            }
        };
        let came = came.map_err(|e| Error::Target(e.into()))?;
        if came != saved.rows {
            return Err(Error::Bug(format!("{} rows were saved, and {came} came back", saved.rows)));
        }
        rows += came;
    }
    Ok(rows)
}

/// Whoever applies would write meanwhile.
pub fn runs() -> Error {
    Error::Refused {
        what: "a sluice of this pipeline is connected to the target".into(),
        hint: "stop the sluice that runs this pipeline first (SIGTERM)".into(),
    }
}

/// What is said of a file says no value of a row.
fn unreadable(saved: &Saved, e: std::io::Error) -> Error {
    Error::Refused {
        what: format!("{}: {} cannot be read: {e}", table_name(&saved.schema, &saved.name), saved.file),
        hint: "another backup of the same tables, if there is one; nothing was changed".into(),
    }
}
