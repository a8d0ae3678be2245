//! What the values of a masked column give away by their number alone, as production's own statistics have it. No value is read.

use std::collections::HashMap;

use wire::Connection;

use crate::error::{Doing, Error};

/// How often the values of a column turn up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frequency {
    /// Different values, about: at 0 or above so many, below 0 so many times the rows
    /// (<https://www.postgresql.org/docs/current/view-pg-stats.html>).
    n_distinct: f64,
    /// The share of rows that the most common one has; `None`: none stands out.
    pub most_common: Option<f64>,
}

impl Frequency {
    /// Different values in a table of so many rows.
    pub fn distinct(&self, rows: u64) -> u64 {
        let n = if self.n_distinct < 0.0 { -self.n_distinct * rows as f64 } else { self.n_distinct };
        n.round() as u64
    }
}

/// By schema, table and column; what was never analysed is not there.
pub type Frequencies = HashMap<(String, String, String), Frequency>;

/// Of all columns that we may read.
pub async fn all(db: &mut Connection) -> Result<Frequencies, Error> {
    let sql = "SELECT schemaname, tablename, attname, n_distinct, most_common_freqs[1] FROM pg_catalog.pg_stats
        WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY inherited";
    let rows = db.query(sql, &[]).await.doing("read the statistics")?;
    let of = |r: wire::Row<'_>| {
        let text = |i: usize| r.get(i).unwrap_or_default().to_owned();
        let frequency =
            Frequency { n_distinct: r.get(3)?.parse().ok()?, most_common: r.get(4).and_then(|f| f.parse().ok()) };
        Some(((text(0), text(1), text(2)), frequency))
    };
    Ok(rows.iter().filter_map(of).collect())
}
