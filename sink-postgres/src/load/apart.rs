//! Whether what has come shares a value of a deferrable constraint, which the server does not hold our rows to
//! (`deferred.rs`). Rows elsewhere that had such a value have made way by now; so two rows of production have become one.

use std::sync::Arc;

use super::{Load, blame};
use crate::error::Error;

impl Load<'_> {
    /// An error where two rows do.
    pub(super) async fn apart(&mut self) -> Result<(), Error> {
        let m = Arc::clone(&self.mapping);
        for key in &m.deferred {
            let names: Vec<&str> =
                key.columns.iter().filter_map(|&i| m.columns.get(i)).map(|c| c.quoted.as_str()).collect();
            let same: Vec<String> =
                names.iter().zip(&key.operators).map(|(name, op)| format!("t.{name} {op} s.{name}")).collect();
            let sql = format!(
                "SELECT 1 FROM (SELECT DISTINCT {} FROM pg_temp.sluice_stage) AS s
                 WHERE (SELECT pg_catalog.count(*) FROM {} AS t WHERE {}) > 1 LIMIT 1",
                names.join(", "),
                m.writable.target(),
                same.join(" AND ")
            );
            let found = self.loader.db.simple_on_rows(&sql).await.map_err(|e| blame(&m, e))?;
            if found.first().is_some_and(|rows| !rows.is_empty()) {
                return Err(Error::Collides { table: m.writable.name().to_owned(), columns: names.join(", ") });
            }
        }
        Ok(())
    }
}
