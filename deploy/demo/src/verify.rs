//! The comparison at the end: the files of `sql/`, run on both sides, and `grep` over a dump. Nothing of sluice.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::Result;
use crate::database::Database;
use crate::sql;
use crate::stage::count;

/// Shorter ones could turn up by chance.
const LEAST_RAW: usize = 8;

/// Staging's own tables: rows and a checksum each.
pub async fn protected(staging: &Database) -> Result<Vec<Vec<String>>> {
    staging.rows(&sql("protected")?).await
}

/// The raw values that this side has now.
pub async fn raw(db: &Database) -> Result<Vec<String>> {
    Ok(db.column(&sql("raw")?).await?.into_iter().filter(|value| value.len() >= LEAST_RAW).collect())
}

/// How many tables are equal in rows, unmasked columns, distinct masked values and joins; an error that lists what differs.
pub async fn equal(production: &Database, staging: &Database, out: &Path) -> Result<usize> {
    let compare = sql("compare")?;
    let (there, here) = tokio::try_join!(production.rows(&compare), staging.rows(&compare))?;
    write(&out.join("compare.production.txt"), there.iter().map(|row| row.join("|")))?;
    write(&out.join("compare.staging.txt"), here.iter().map(|row| row.join("|")))?;
    let different: Vec<String> = there
        .iter()
        .map(|row| (row, "production"))
        .chain(here.iter().map(|row| (row, "staging")))
        .filter(|(row, _)| there.contains(row) != here.contains(row))
        .map(|(row, side)| format!("  {side}: {}", row.join(" | ")))
        .collect();
    if !different.is_empty() {
        return Err(format!("staging is not as production:\n{}", different.join("\n")).into());
    }
    Ok(there.iter().filter(|row| row[0].ends_with(" rows")).count())
}

/// How many masked values there are on staging; an error if one is what it is on production.
pub async fn masked(production: &Database, staging: &Database) -> Result<usize> {
    let masked = sql("masked")?;
    let (there, here) = tokio::try_join!(production.column(&masked), staging.column(&masked))?;
    let there: HashSet<String> = there.into_iter().collect();
    // a line is `table id column value`; the value stays out of what we print
    let same: Vec<&String> = here.iter().filter(|line| there.contains(*line)).collect();
    if same.is_empty() {
        return Ok(here.len());
    }
    let places: BTreeSet<String> = same
        .iter()
        .map(|line| {
            let words: Vec<&str> = line.splitn(4, ' ').collect();
            format!("{}.{}", words[0], words.get(2).unwrap_or(&""))
        })
        .collect();
    let places = places.into_iter().collect::<Vec<_>>().join(", ");
    Err(format!("{} masked values are on staging as they are on production: {places}", count(same.len())).into())
}

/// `grep` over a dump: how many of these raw values stand in it, and in which files.
pub fn found(raw: &BTreeSet<String>, file: &Path, dump: &Path) -> Result<(usize, BTreeSet<String>)> {
    write(file, raw.iter())?;
    let grep = Command::new("grep").env("LC_ALL", "C").args(["-rohFf"]).arg(file).arg(dump).output()?;
    if grep.status.code() == Some(2) || grep.status.code().is_none() {
        return Err(format!("grep: {}", String::from_utf8_lossy(&grep.stderr)).into());
    }
    let values: HashSet<&[u8]> = grep.stdout.split(|&b| b == b'\n').filter(|line| !line.is_empty()).collect();
    if values.is_empty() {
        return Ok((0, BTreeSet::new()));
    }
    let list = Command::new("grep").env("LC_ALL", "C").args(["-rlFf"]).arg(file).arg(dump).output()?;
    let files = String::from_utf8_lossy(&list.stdout)
        .lines()
        .map(|path| path.rsplit('/').next().unwrap_or(path).to_owned())
        .collect();
    Ok((values.len(), files))
}

fn write(path: &Path, lines: impl Iterator<Item = impl AsRef<str>>) -> Result<()> {
    let text: Vec<String> = lines.map(|line| line.as_ref().to_owned() + "\n").collect();
    fs::write(path, text.concat())?;
    Ok(())
}
