//! `sluice orphans`: counts what refers to nothing on the target, now. The same is counted at the end of each copy.

use sink_postgres::orphans::{self, Counted};
use sink_postgres::schema;

use super::args::{Args, Orphans};
use super::table::table;
use super::{print, resync};
use crate::config::table_name;
use crate::error::Error;
use crate::figures::{count, some};
use crate::start;

/// Prints foreign keys with orphans, and those whose could not be counted.
pub async fn run(args: &Args, verb: &Orphans) -> Result<(), Error> {
    let (config, _) = super::load(args)?;
    let (_, target) = start::conninfos(&config)?;
    let mut db = orphans::open(&target, &config.pipeline).await?;
    resync::registered(&config, &mut db).await?;
    schema::ensure(&mut db).await?;
    let counted = orphans::count(&mut db, &config.pipeline).await?;
    db.close().await;
    let found: Vec<&Counted> = counted.iter().filter(|c| c.orphans != Ok(0)).collect();
    if verb.json {
        print::data(format_args!("{}\n", serde_json::Value::from_iter(counted.iter().map(json))))?;
    } else if !found.is_empty() {
        let heading = ["TABLE", "CONSTRAINT", "REFERS TO", ">ORPHANS", "NOTE"];
        print::data(format_args!("{}\n", table(&heading, found.iter().map(|c| row(c)))))?;
    }
    print::talk(format_args!("{} looked at", some(counted.len() as u64, "foreign key", "foreign keys")));
    match found.len() {
        0 => Ok(()),
        failed => Err(Error::Check { failed, checks: counted.len() }),
    }
}

fn row(Counted { key, orphans }: &Counted) -> Vec<String> {
    let mut notes = Vec::new();
    if !key.validated {
        notes.push("NOT VALID".to_owned());
    }
    notes.extend(orphans.as_ref().err().map(|why| format!("could not be counted: {why}")));
    let n = orphans.as_ref().map_or_else(|_| "–".to_owned(), |n| count(*n));
    let full = |name: &(String, String)| table_name(&name.0, &name.1);
    vec![full(&key.table), key.constraint.clone(), full(&key.refers_to), n, notes.join(", ")]
}

fn json(Counted { key, orphans }: &Counted) -> serde_json::Value {
    serde_json::json!({
        "table": table_name(&key.table.0, &key.table.1),
        "constraint": key.constraint,
        "refers_to": table_name(&key.refers_to.0, &key.refers_to.1),
        "validated": key.validated,
        "orphans": orphans.as_ref().ok(),
        "why_not": orphans.as_ref().err(),
    })
}
