//! The two databases, through tokio-postgres: SQL and COPY, nothing of sluice.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::pin::pin;

use futures_util::{SinkExt, StreamExt};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use crate::Result;

/// A session.
#[derive(Debug)]
pub struct Database(Client);

impl Database {
    /// Connects.
    pub async fn connect(url: &str) -> Result<Database> {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        tokio::spawn(connection);
        Ok(Database(client))
    }

    /// Runs statements.
    pub async fn run(&self, sql: &str) -> Result<()> {
        self.0.batch_execute(sql).await.map_err(|error| said(&error).into())
    }

    /// All rows as text, NULL as the empty string.
    pub async fn rows(&self, sql: &str) -> Result<Vec<Vec<String>>> {
        let messages = self.0.simple_query(sql).await.map_err(|error| said(&error))?;
        let rows = messages.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|i| row.get(i).unwrap_or_default().to_owned()).collect())
            }
            _ => None,
        });
        Ok(rows.collect())
    }

    /// The first column of all rows.
    pub async fn column(&self, sql: &str) -> Result<Vec<String>> {
        Ok(self.rows(sql).await?.into_iter().filter_map(|row| row.into_iter().next()).collect())
    }

    /// One value; empty where there is no row.
    pub async fn value(&self, sql: &str) -> Result<String> {
        Ok(self.column(sql).await?.into_iter().next().unwrap_or_default())
    }

    /// One number.
    pub async fn number(&self, sql: &str) -> Result<u64> {
        let value = self.value(sql).await?;
        Ok(value.parse().map_err(|_| format!("{value:?} is no number: {sql}"))?)
    }

    /// Names of all tables that hold rows, sluice's own too, not what production's rows were generated from.
    pub async fn tables(&self) -> Result<Vec<String>> {
        self.column(
            "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables t
             WHERE schemaname NOT IN ('pg_catalog', 'information_schema', 'gen')
               AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = (quote_ident(schemaname) || '.' || quote_ident(tablename))::regclass)
             ORDER BY 1",
        )
        .await
    }

    /// A table to another database, by COPY, as the script of old did it.
    pub async fn copy(&self, table: &str, to: &Database) -> Result<()> {
        let mut out = pin!(self.0.copy_out(&format!("COPY (SELECT * FROM {table}) TO STDOUT")).await?);
        let mut into = pin!(to.0.copy_in(&format!("COPY {table} FROM STDIN")).await?);
        while let Some(chunk) = out.next().await {
            into.feed(chunk?).await?;
        }
        into.finish().await?;
        Ok(())
    }

    /// Every table to a file of its own.
    pub async fn dump(&self, dir: &Path) -> Result<()> {
        std::fs::create_dir_all(dir)?;
        for table in self.tables().await? {
            let mut out = pin!(self.0.copy_out(&format!("COPY (SELECT * FROM {table}) TO STDOUT")).await?);
            let mut file = BufWriter::new(File::create(dir.join(format!("{table}.tsv")))?);
            while let Some(chunk) = out.next().await {
                file.write_all(&chunk?)?;
            }
            file.flush()?;
        }
        Ok(())
    }
}

fn said(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string)
}
