//! Do production and we decide alike which rows of a table come?
//!
//! The copy asks production's WHERE, the stream asks us, and a row on which they differ would come and go by chance. That they
//! agree is argued type by type ([`filters::predicate`]); this asks production about rows that it really has.

use filters::change::{RowBuilder, Value};
use filters::compiled::Compiled;
use filters::predicate::Truth;
use wire::{Connection, Error, quote_ident};

use super::catalog::SourceTable;

/// Rows that are looked at, at most.
const ROWS: i64 = 2000;

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alike {
    /// Rows that were looked at.
    pub rows: u64,
    /// Those that are decided otherwise there and here.
    pub differ: u64,
}

/// Asks about some rows; `None`: all rows of the table come.
pub async fn alike(db: &mut Connection, table: &SourceTable, compiled: &Compiled) -> Result<Option<Alike>, Error> {
    let Some(only) = compiled.only() else { return Ok(None) };
    let columns: Vec<String> = compiled.input().columns.iter().map(|c| quote_ident(&c.name)).collect();
    let share = if table.rows > ROWS { 200.0 * ROWS as f64 / table.rows as f64 } else { 100.0 };
    let sql = format!(
        "SELECT {only} IS TRUE, {} FROM {} TABLESAMPLE SYSTEM ({:.6}) LIMIT {ROWS}",
        columns.join(", "),
        table.from(),
        share.min(100.0)
    );
    let found = db.query_on_rows(&sql, &[]).await?;
    let mut alike = Alike { rows: 0, differ: 0 };
    let mut b = RowBuilder::new();
    for row in found.iter() {
        (0..columns.len()).for_each(|i| b.push(row.get(i + 1).map_or(Value::Null, |v| Value::Text(v.as_bytes()))));
        let here = compiled.comes(&b.finish());
        alike.rows += 1;
        // what we cannot read we fetch, and production decides
        alike.differ += u64::from(here != Truth::NeedsRow && (here == Truth::True) != (row.get(0) == Some("t")));
    }
    Ok(Some(alike))
}
