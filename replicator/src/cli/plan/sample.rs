//! `plan --sample N`: rows as staging would see them. Production's side is never shown.

use filters::compiled::Compiled;
use serde::Serialize;
use wire::Connection;

use crate::error::Error;
use crate::source::catalog::SourceTable;
use crate::source::sample as read;

/// Some rows of a table, masked.
#[derive(Debug, Serialize)]
pub struct Sample {
    /// The columns that come, and those in which something stands in.
    pub columns: Vec<String>,
    /// Their values, as COPY's text format has them; `None`: NULL.
    pub rows: Vec<Vec<Option<String>>>,
}

/// Reads rows, masks them, and forgets what they were.
pub(super) async fn sample(
    db: &mut Connection,
    table: &SourceTable,
    compiled: &Compiled,
    rows: u32,
) -> Result<Sample, Error> {
    let masked = read::first(db, table, compiled, rows).await?;
    let field = |f: &str| (f != r"\N").then(|| f.to_owned());
    let text = String::from_utf8_lossy(&masked);
    Ok(Sample {
        columns: compiled.output.columns.iter().map(|c| c.name.to_string()).collect(),
        rows: text.lines().map(|line| line.split('\t').map(field).collect()).collect(),
    })
}
