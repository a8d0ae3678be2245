//! Some rows of a table as staging would see them. What they were is forgotten while they are read.

use bytes::BytesMut;
use filters::compiled::Compiled;
use wire::Connection;

use super::catalog::SourceTable;
use crate::error::{Doing, Error};

/// A sample is no larger than this, as far as the server's estimates tell.
const BYTES: u64 = 8 << 20;

/// The table's first rows, masked: lines of COPY's text format in the order of the output.
pub async fn first(
    db: &mut Connection,
    table: &SourceTable,
    compiled: &Compiled,
    rows: u32,
) -> Result<BytesMut, Error> {
    read(db, compiled, &format!("{} LIMIT {rows}", table.select(compiled, "true", ""))).await
}

/// Rows from all over the table, so many at most and fewer where they are large, masked. The same ones each time, as long as
/// the table stays as it is. No more of it is read than about that, whatever its size.
pub async fn spread(
    db: &mut Connection,
    table: &SourceTable,
    compiled: &Compiled,
    rows: u32,
) -> Result<BytesMut, Error> {
    let there = u64::try_from(table.rows).unwrap_or(0).max(1);
    let width = (table.bytes / there).max(1);
    let rows = u64::from(rows).min((BYTES / width).max(10));
    // twice as much as is wanted: a block may hold dead rows, or such as a condition leaves out
    let share = 200.0 * rows as f64 / there as f64;
    let from = if share < 50.0 { format!(" TABLESAMPLE SYSTEM ({share:.6}) REPEATABLE (0)") } else { String::new() };
    read(db, compiled, &format!("{} LIMIT {rows}", table.select(compiled, "true", &from))).await
}

async fn read(db: &mut Connection, compiled: &Compiled, sql: &str) -> Result<BytesMut, Error> {
    db.copy_out(&format!("COPY ({sql}) TO STDOUT")).await.doing("read some rows")?;
    let (mut masked, mut scratch) = (BytesMut::new(), Vec::new());
    while let Some(lines) = db.copy_data().await.doing("read some rows")? {
        compiled.copy_lines(&lines, &mut scratch, &mut masked)?;
    }
    Ok(masked)
}
