//! Making room for a row that a unique constraint has refused.
//!
//! What stands in its way may be an old row of a pending range: it is unknown, so it may go. So may one that production has no more,
//! and that was kept for rows of the target's own ([`crate::tombstones`]). Anything else stays.

use filters::change::{Row, Value};
use wire::quote_literal;

use crate::error::Error;
use crate::key::Key;
use crate::mapping::Mapping;
use crate::sink::PostgresSink;

impl PostgresSink {
    /// Deletes old rows of pending ranges, and kept ones, that stand in the way of `row` on any unique index; gives how many.
    pub(crate) async fn evict(&mut self, m: &Mapping, name: &(String, String), row: &Row) -> Result<u64, Error> {
        let Some(pending) = self.tables.get(name).filter(|p| !p.is_exact()) else { return Ok(0) };
        let key: Vec<String> = pending
            .key
            .iter()
            .filter_map(|&i| m.columns.iter().find(|c| c.source == i))
            .map(|c| c.quoted.clone())
            .collect();
        let mut evicted = 0;
        for unique in &m.unique {
            let mut conditions = Vec::new();
            let mut params = Vec::new();
            for ((&column, &source), op) in unique.columns.iter().zip(&unique.source).zip(&unique.operators) {
                let (Some(c), Value::Text(v)) = (m.columns.get(column), row.get(source)) else { break };
                params.push(String::from_utf8_lossy(v).into_owned());
                conditions.push(format!("{} {op} ${}::pg_catalog.text::{}", c.quoted, params.len(), c.cast));
            }
            if conditions.len() < unique.columns.len() {
                continue; // a null conflicts with nothing
            }
            let select: Vec<String> = key.iter().map(|k| format!("{k}::pg_catalog.text")).collect();
            let select = if select.is_empty() { "''".to_owned() } else { select.join(", ") };
            let sql = format!(
                "SELECT tableoid, ctid, {select} FROM {} WHERE {} FOR UPDATE",
                // a child by inheritance has no part in the index: its rows are in nobody's way
                m.writable.target(),
                conditions.join(" AND ")
            );
            let refs: Vec<Option<&str>> = params.iter().map(|p| Some(p.as_str())).collect();
            let found = self.db.query_on_rows(&sql, &refs).await?;
            let Some(first) = found.iter().next() else { continue };
            let values: Vec<&str> = (0..key.len()).map(|i| first.get(i + 2).unwrap_or_default()).collect();
            let unknown = self.tables.get(name).is_some_and(|p| p.is_whole() || p.covers_key(&values));
            let values: Key = values.into_iter().map(str::to_owned).collect();
            let at = format!(
                "tableoid = {} AND ctid = {}::tid",
                first.get(0).unwrap_or("0"),
                quote_literal(first.get(1).unwrap_or("(0,0)"))
            );
            if self.forget_tombstone(name, &values).await? {
                tracing::warn!(table = %m.writable.name(), "a row that was kept for rows of staging's own has a unique value that production gives to another now: it goes, and they refer to nothing");
            } else if !unknown {
                continue;
            }
            let gone = format!("DELETE FROM {} AS t WHERE {at}{}", m.writable.target(), m.writable.spares("t."));
            evicted += self.db.query_on_rows(&gone, &[]).await?.affected();
        }
        Ok(evicted)
    }
}
