//! `plan --sample N`: rows as staging would see them. Production's side is never shown.

use bytes::BytesMut;
use filters::compiled::Compiled;
use serde::Serialize;
use wire::Connection;

use crate::error::{Doing, Error};
use crate::source::catalog::SourceTable;

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
    let sql = format!("COPY ({} LIMIT {rows}) TO STDOUT", table.select(compiled, "true"));
    db.copy_out(&sql).await.doing("read some rows")?;
    let (mut masked, mut scratch) = (BytesMut::new(), Vec::new());
    while let Some(lines) = db.copy_data().await.doing("read some rows")? {
        compiled.copy_lines(&lines, &mut scratch, &mut masked)?;
    }
    let field = |f: &str| (f != r"\N").then(|| f.to_owned());
    let text = String::from_utf8_lossy(&masked);
    Ok(Sample {
        columns: compiled.output.columns.iter().map(|c| c.name.to_string()).collect(),
        rows: text.lines().map(|line| line.split('\t').map(field).collect()).collect(),
    })
}
