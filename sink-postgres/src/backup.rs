//! Whole tables of the target, out and in again: what a backup asks of the server.
//!
//! All tables are read in one transaction under one snapshot, so a backup is consistent in itself. Row security is off in our sessions
//! (`session.rs`), so a role that it would show fewer rows gets an error and no smaller backup. A plain table is itself
//! alone, without tables that inherit from it; a partitioned one is all its partitions.

use wire::{Connection, quote_ident};

use crate::catalog;
use crate::error::Error;
use crate::session;

/// A column that is saved: one that is not generated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Unquoted.
    pub name: String,
    /// As `format_type` has it, with its length.
    pub type_name: String,
    /// A row that comes without it is refused.
    pub required: bool,
}

/// A table, as far as its rows go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Unquoted.
    pub schema: String,
    /// Unquoted.
    pub name: String,
    /// Rows are in its partitions.
    pub partitioned: bool,
    /// In their order.
    pub columns: Vec<Column>,
}

impl Shape {
    fn quoted(&self) -> String {
        format!("{}.{}", quote_ident(&self.schema), quote_ident(&self.name))
    }

    fn rows(&self) -> String {
        format!("{}{}", if self.partitioned { "" } else { "ONLY " }, self.quoted())
    }
}

/// Reads a table of that name; `None`: there is none that holds rows of its own.
pub async fn shape(db: &mut Connection, schema: &str, name: &str) -> Result<Option<Shape>, Error> {
    let sql = "SELECT c.relkind = 'p', a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
          a.attnotnull AND NOT a.atthasdef AND a.attidentity = ''
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
        WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')
          AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum";
    let found = db.query(sql, &[Some(schema), Some(name)]).await?;
    let columns: Vec<Column> = found
        .iter()
        .map(|row| Column {
            name: row.get(1).unwrap_or_default().to_owned(),
            type_name: row.get(2).unwrap_or_default().to_owned(),
            required: row.get(3) == Some("t"),
        })
        .collect();
    let partitioned = found.get(0, 0) == Some("t");
    Ok((!columns.is_empty()).then(|| Shape { schema: schema.into(), name: name.into(), partitioned, columns }))
}

/// May we read all of its rows? Where we may not nothing of it is written either, and whoever is about to says what is missing.
pub async fn is_readable(db: &mut Connection, shape: &Shape) -> Result<bool, Error> {
    let sql = "SELECT pg_catalog.has_table_privilege(c.oid, 'SELECT') AND NOT pg_catalog.row_security_active(c.oid)
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2
          AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')";
    Ok(db.query(sql, &[Some(&shape.schema), Some(&shape.name)]).await?.get(0, 0) == Some("t"))
}

/// Begins the one transaction in which all tables are read. `shapes`: those that may be.
///
/// The locks come before the snapshot: a table that was truncated or rewritten after it is empty to it.
pub async fn begin_to_save(db: &mut Connection, shapes: &[Shape]) -> Result<(), Error> {
    // whoever holds a table exclusively is not waited for without an end
    db.simple("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL lock_timeout = '10s'").await?;
    let tables: Vec<String> = shapes.iter().map(Shape::rows).collect();
    if !tables.is_empty() {
        db.simple(&format!("LOCK TABLE {} IN ACCESS SHARE MODE", tables.join(", "))).await?;
    }
    Ok(())
}

/// Ends it.
pub async fn end_saving(db: &mut Connection) -> Result<(), Error> {
    db.simple("COMMIT").await?;
    Ok(())
}

/// Has it a row?
pub async fn has_rows(db: &mut Connection, shape: &Shape) -> Result<bool, Error> {
    let sql = format!("SELECT FROM {} LIMIT 1", shape.rows());
    Ok(db.simple_on_rows(&sql).await?.first().is_some_and(|rows| !rows.is_empty()))
}

/// Begins to read all rows; they come by [`Connection::copy_data`], a line each.
pub async fn copy_out(db: &mut Connection, shape: &Shape) -> Result<(), Error> {
    let columns: Vec<String> = shape.columns.iter().map(|c| quote_ident(&c.name)).collect();
    let sql = format!("COPY (SELECT {} FROM {}) TO STDOUT", columns.join(", "), shape.rows());
    db.copy_out(&sql).await?;
    Ok(())
}

/// Begins to put tables back: whoever applies waits, no trigger fires, no foreign key is asked.
///
/// # Errors
/// [`Error::Refused`] where our role may not say so and a table has what would fire.
pub async fn begin_to_restore(db: &mut Connection, pipeline: &str, shapes: &[Shape]) -> Result<(), Error> {
    let quiet = session::replica_role(db).await?;
    let names: Vec<_> = shapes.iter().map(|s| (s.schema.clone(), s.name.clone())).collect();
    let mut loud: Vec<String> = Vec::new();
    for ((schema, name), table) in catalog::tables(db, &names).await? {
        if !quiet && (table.fires || table.referenced) || !table.always.is_empty() {
            loud.push(format!("{schema}.{name}"));
        }
    }
    if !loud.is_empty() {
        loud.sort();
        return Err(Error::Refused {
            what: format!(
                "foreign keys or triggers of {} would speak, and rows come back as they were",
                loud.join(", ")
            ),
            hint: format!(
                "GRANT SET ON PARAMETER session_replication_role TO {}; and ALTER TABLE … DISABLE TRIGGER what is ENABLE ALWAYS",
                session::role(db).await?
            ),
        });
    }
    db.simple("BEGIN").await?;
    let there = db.query("SELECT pg_catalog.to_regclass('sluice.checkpoint') IS NOT NULL", &[]).await?;
    if there.get(0, 0) == Some("t") {
        // one that starts now waits for us
        db.query("SELECT FROM sluice.checkpoint WHERE pipeline = $1 FOR UPDATE", &[Some(pipeline)]).await?;
    }
    Ok(())
}

/// Takes all rows of a table away, and begins to take others; then [`Connection::copy_send`]. `columns`: unquoted.
pub async fn replace(db: &mut Connection, shape: &Shape, columns: &[&str]) -> Result<(), Error> {
    db.simple_on_rows(&format!("DELETE FROM {}", shape.rows())).await?;
    let columns: Vec<String> = columns.iter().map(|c| quote_ident(c)).collect();
    db.copy_in(&format!("COPY {} ({}) FROM STDIN", shape.quoted(), columns.join(", "))).await?;
    Ok(())
}
