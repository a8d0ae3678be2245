//! What became of each table's changes since that was last written down, in `sluice.tables`.

use std::collections::HashMap;
use std::sync::Arc;

use filters::change::{Change, Table as Shape};
use wire::quote_literal;

/// Counters of one table.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    /// Changes that reached the target.
    applied: u64,
    /// Rows that were not as expected.
    divergences: u64,
}

/// Counters by schema and name.
#[derive(Debug, Default)]
pub struct Counts(HashMap<(String, String), Count>);

impl Counts {
    /// Is there nothing to write down?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// They have been written down.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// These changes have been applied. Asked for every batch: names are looked up once per run of one table.
    pub fn applied(&mut self, changes: &[Change]) {
        for run in changes.chunk_by(|a, b| Arc::ptr_eq(&a.table, &b.table)) {
            if let Some(change) = run.first() {
                self.of(&change.table).applied += run.len() as u64;
            }
        }
    }

    /// A row of this table was not as expected.
    pub fn diverged(&mut self, name: &(String, String)) {
        self.0.entry(name.clone()).or_default().divergences += 1;
    }

    fn of(&mut self, table: &Shape) -> &mut Count {
        self.0.entry((table.schema.to_string(), table.name.to_string())).or_default()
    }

    /// The statements that write them down, one a table; part of a synchronous commit.
    pub fn sql(&self, pipeline: &str) -> String {
        let mut sql = String::new();
        for ((schema, name), c) in &self.0 {
            sql.push_str(&format!(
                "UPDATE sluice.tables SET rows_applied = rows_applied + {}, divergences = divergences + {}, last_change = pg_catalog.now()
             WHERE (pipeline, schema, name) = ({}, {}, {}); ",
                c.applied,
                c.divergences,
                quote_literal(pipeline),
                quote_literal(schema),
                quote_literal(name)
            ));
        }
        sql
    }
}
